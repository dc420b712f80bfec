#include "http/socket.h"

#include <string.h>

#include "http/body.h"
#include "kit/utf8.h"

#define KEPT_BYTES (4 * KIT_KIB) /* of a message's buffer, for the next message */

/* --- the library's side --- */

static ssize_t give_bytes(uint8_t *to, size_t room, int flags, void *user)
{
    struct http_socket *s = user;
    size_t n = KIT_MIN(room, s->in.len);
    (void)flags;
    if (n == 0) {
        return -1;
    }
    memcpy(to, s->in.ptr, n);
    s->in = kit_str_sub(s->in, n, s->in.len);
    return (ssize_t)n;
}

enum kit_status http_socket_read_init(struct http_socket *s)
{
    static const struct wslay_frame_callbacks callbacks = {.recv_callback = give_bytes};
    s->starved = true;
    kit_buf_init(&s->rest, LOOP_SCRATCH_BYTES);
    return wslay_frame_context_init(&s->frames, &callbacks, s) == 0 ? KIT_OK : KIT_NOMEM;
}

static void drop_message(struct http_socket *s)
{
    s->opcode = 0;
    s->utf8_bytes = 0;
    http_body_give(s->ws.server, &s->held);
    if (s->message.room > KEPT_BYTES) {
        kit_buf_done(&s->message);
    }
    kit_buf_clear(&s->message);
}

void http_socket_read_done(struct http_socket *s)
{
    if (s->frames != NULL) {
        wslay_frame_context_free(s->frames);
    }
    http_body_give(s->ws.server, &s->held);
    kit_buf_done(&s->message);
    kit_buf_done(&s->rest);
}

/* --- UTF-8 while it arrives --- */

/* Checks what can be checked; at the end of a message that is all. */
static bool check_utf8(struct http_socket *s, bool end)
{
    kit_str text = kit_buf_str(&s->message);
    size_t whole = text.len;
    for (size_t back = 1; !end && back <= 3 && back <= text.len - s->utf8_bytes; back++) {
        unsigned char c = (unsigned char)text.ptr[text.len - back];
        if ((c & 0xC0) == 0xC0) {
            whole = text.len - back; /* a sequence that may go on */
            break;
        }
    }
    if (!kit_utf8_is_valid(kit_str_sub(text, s->utf8_bytes, whole - s->utf8_bytes))) {
        http_socket_fail(s, WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA, "a text message is not UTF-8");
        return false;
    }
    s->utf8_bytes = whole;
    return true;
}

/* --- messages --- */

static void begin_message(struct http_socket *s, uint8_t opcode)
{
    s->opcode = opcode;
    s->message_since_ns = loop_now_ns(s->ws.server->loop);
}

static void add_to_message(struct http_socket *s, kit_str bytes)
{
    if (http_body_hold(s->ws.server, &s->held, s->message.len + bytes.len, s->message.max, NULL) != KIT_OK ||
        kit_buf_add(&s->message, bytes) != KIT_OK) {
        http_socket_fail(s, HTTP_SOCKET_TRY_AGAIN, "no memory for this message now: try again later");
    } else if (s->opcode == WSLAY_TEXT_FRAME) {
        check_utf8(s, false);
    }
}

static void end_message(struct http_socket *s)
{
    bool text = s->opcode == WSLAY_TEXT_FRAME;
    if (!text || check_utf8(s, true)) {
        s->connection->turn_requests++;
        s->opcode = 0;
        s->handler->message(&s->ws, text, kit_buf_str(&s->message));
    }
    drop_message(s);
}

/* --- control frames --- */

/* RFC 6455, sections 7.4.1 and 7.4.2, and the registry of IANA. */
static bool is_code(unsigned code)
{
    bool registered = code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
    return registered || (code >= 3000 && code <= 4999);
}

static void end_close(struct http_socket *s, kit_str payload)
{
    const uint8_t *p = s->control;
    uint16_t code = payload.len < 2 ? WSLAY_CODE_NO_STATUS_RCVD : (uint16_t)(p[0] << 8 | p[1]);
    if (payload.len == 1 || (payload.len >= 2 && !is_code(code))) {
        http_socket_fail(s, WSLAY_CODE_PROTOCOL_ERROR, "a Close frame has no valid code");
    } else if (!kit_utf8_is_valid(kit_str_sub(payload, 2, payload.len))) {
        http_socket_fail(s, WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA, "the reason of a Close frame is not UTF-8");
    } else {
        http_socket_close(s, HTTP_SOCKET_CLOSED, code, (kit_str){0});
        s->state = HTTP_SOCKET_CLOSED; /* we may have been first */
    }
}

static void end_control(struct http_socket *s, uint8_t opcode)
{
    kit_str payload = {(const char *)s->control, s->control_bytes};
    s->control_bytes = 0;
    if (opcode == WSLAY_CONNECTION_CLOSE) {
        end_close(s, payload);
    } else if (opcode == WSLAY_PING && s->state == HTTP_SOCKET_OPEN &&
               http_socket_send(s, WSLAY_PONG, payload) != KIT_OK) {
        s->state = HTTP_SOCKET_CLOSED; /* and the connection is lost */
    }
}

/* --- frames --- */

static void begin_data(struct http_socket *s, const struct wslay_frame_iocb *f)
{
    bool goes_on = f->opcode == WSLAY_CONTINUATION_FRAME;
    if (goes_on != (s->opcode != 0)) {
        http_socket_fail(s, WSLAY_CODE_PROTOCOL_ERROR,
                         goes_on ? "a continuation without a message" : "a new message within a message");
    } else if (f->opcode == WSLAY_BINARY_FRAME && !s->options.binary) {
        http_socket_fail(s, WSLAY_CODE_UNSUPPORTED_DATA, "only text messages are taken here");
    } else if (f->payload_length > s->message.max - s->message.len) {
        http_socket_fail(s, WSLAY_CODE_MESSAGE_TOO_BIG, "the message is larger than the limit");
    } else if (!goes_on) {
        begin_message(s, f->opcode);
    }
}

static void begin_frame(struct http_socket *s, const struct wslay_frame_iocb *f)
{
    s->in_frame = true;
    s->frame_left = f->payload_length;
    if (f->mask == 0 || f->rsv != 0) {
        http_socket_fail(s, WSLAY_CODE_PROTOCOL_ERROR,
                         f->rsv != 0 ? "no extension was agreed on" : "a client has to mask its frames");
    } else if (wslay_is_ctrl_frame(f->opcode) ? f->opcode > WSLAY_PONG : f->opcode > WSLAY_BINARY_FRAME) {
        http_socket_fail(s, WSLAY_CODE_PROTOCOL_ERROR, "an unknown opcode");
    } else if (!wslay_is_ctrl_frame(f->opcode) && s->state == HTTP_SOCKET_OPEN) {
        begin_data(s, f);
    }
}

static void add_to_frame(struct http_socket *s, const struct wslay_frame_iocb *f)
{
    s->frame_left -= f->data_length;
    if (f->data_length == 0) {
        return;
    }
    if (wslay_is_ctrl_frame(f->opcode)) {
        memcpy(s->control + s->control_bytes, f->data, f->data_length); /* wslay refuses more than 125 */
        s->control_bytes += (uint32_t)f->data_length;
    } else if (s->state == HTTP_SOCKET_OPEN) {
        add_to_message(s, (kit_str){(const char *)f->data, f->data_length});
    }
}

static void end_frame(struct http_socket *s, const struct wslay_frame_iocb *f)
{
    s->in_frame = false;
    if (wslay_is_ctrl_frame(f->opcode)) {
        end_control(s, f->opcode);
    } else if (f->fin && s->state == HTTP_SOCKET_OPEN) {
        end_message(s);
    }
}

/* One piece of a frame, its first perhaps. Each step may close the socket. */
static void take_piece(struct http_socket *s, const struct wslay_frame_iocb *f)
{
    if (!s->in_frame) {
        begin_frame(s, f);
    }
    if (s->state != HTTP_SOCKET_CLOSED) {
        add_to_frame(s, f);
    }
    if (s->state != HTTP_SOCKET_CLOSED && s->frame_left == 0) {
        end_frame(s, f);
    }
}

void http_socket_read(struct http_socket *s)
{
    while (http_socket_may_read(s)) {
        struct wslay_frame_iocb f = {0};
        ssize_t n = wslay_frame_recv(s->frames, &f);
        if (n == WSLAY_ERR_WANT_READ) {
            s->starved = true;
            break;
        }
        if (n < 0) {
            http_socket_fail(s, WSLAY_CODE_PROTOCOL_ERROR, "a malformed frame");
        } else {
            take_piece(s, &f);
        }
    }
    if (s->state != HTTP_SOCKET_OPEN) {
        drop_message(s);
    }
}
