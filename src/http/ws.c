#include "http/ws.h"

#include <string.h>

#include "http/socket.h"
#include "kit/alloc.h"
#include "kit/log.h"

#define FRAME_HEAD_BYTES_MAX 10
#define REASON_BYTES_MAX (HTTP_SOCKET_CONTROL_MAX - 2)
#define RATE_BYTES_MIN (16 * KIT_KIB) /* a second, of a message that is under way; as a body's */
#define MS_PER_S 1000

static struct http_socket *socket_of(struct http_ws *ws)
{
    return KIT_CONTAINER(ws, struct http_socket, ws);
}

/* --- writing --- */

/* RFC 6455, section 5.2, never masked by a server. In one run, so that a frame is there as a whole or not at all. */
static char *put_head(char *to, uint8_t opcode, uint64_t bytes)
{
    int more = bytes < 126 ? 0 : bytes <= UINT16_MAX ? 2 : 8;
    *to++ = (char)(0x80 | opcode);
    *to++ = (char)(more == 0 ? bytes : more == 2 ? 126 : 127);
    for (int i = more - 1; i >= 0; i--) {
        *to++ = (char)(bytes >> 8 * i & 0xff);
    }
    return to;
}

enum kit_status http_socket_send(struct http_socket *s, uint8_t opcode, kit_str payload)
{
    struct http_connection *c = s->connection;
    char *start = http_out_reserve(&c->out, &c->server->pieces, FRAME_HEAD_BYTES_MAX + payload.len);
    if (start == NULL) {
        c->lost = true;
        http_connection_wake(c);
        return KIT_NOMEM;
    }
    char *to = put_head(start, opcode, payload.len);
    if (payload.len > 0) {
        memcpy(to, payload.ptr, payload.len);
    }
    http_out_grew(&c->out, (size_t)(to - start) + payload.len);
    http_connection_wake(c);
    return KIT_OK;
}

void http_socket_close(struct http_socket *s, enum http_socket_state state, uint16_t code, kit_str reason)
{
    char payload[HTTP_SOCKET_CONTROL_MAX + 1] = {(char)(code >> 8), (char)(code & 0xff)};
    if (s->state != HTTP_SOCKET_OPEN) {
        return;
    }
    s->state = state;
    s->ws.close_code = code;
    kit_str_to_c(reason, payload + 2, REASON_BYTES_MAX + 1);
    size_t len = code == WSLAY_CODE_NO_STATUS_RCVD ? 0 : 2 + strlen(payload + 2);
    if (http_socket_send(s, WSLAY_CONNECTION_CLOSE, (kit_str){payload, len}) != KIT_OK) {
        s->state = HTTP_SOCKET_CLOSED; /* and the connection is lost */
    }
}

/* --- what handlers call --- */

enum kit_status http_ws_send(struct http_ws *ws, bool text, kit_str bytes)
{
    struct http_socket *s = socket_of(ws);
    LOOP_ASSERT_HERE(ws->server->loop);
    if (s->state != HTTP_SOCKET_OPEN || s->connection->lost) {
        return KIT_CANCELLED;
    }
    if (!http_server_takes(ws->server, s->connection->out.bytes, bytes.len)) {
        s->full = true;
        s->refused = bytes.len;
        return KIT_FULL;
    }
    return http_socket_send(s, text ? WSLAY_TEXT_FRAME : WSLAY_BINARY_FRAME, bytes);
}

void http_ws_close(struct http_ws *ws, uint16_t code, kit_str reason)
{
    LOOP_ASSERT_HERE(ws->server->loop);
    http_socket_close(socket_of(ws), HTTP_SOCKET_CLOSING, code, reason);
}

void http_ws_pause(struct http_ws *ws, bool pause)
{
    LOOP_ASSERT_HERE(ws->server->loop);
    socket_of(ws)->paused = pause;
    http_connection_wake(socket_of(ws)->connection);
}

char *http_ws_take(struct http_ws *ws, size_t *len)
{
    struct http_socket *s = socket_of(ws);
    *len = 0;
    return s->message.len == 0 ? NULL : kit_buf_take(&s->message, len);
}

struct http_ws *http_ws_find(struct http_server *server, kit_id id)
{
    LOOP_ASSERT_HERE(server->loop);
    struct http_socket *s = kit_slots_get(server->sockets, id);
    return s == NULL ? NULL : &s->ws;
}

/* --- making --- */

static void free_socket(struct http_socket *s)
{
    http_socket_read_done(s);
    kit_alloc_free(s->principal);
    kit_alloc_free(s);
}

static struct http_socket *new_socket(const struct http_request *r, struct http_connection *c)
{
    struct http_socket *s = kit_alloc_zero(1, sizeof(*s));
    if (s == NULL) {
        return NULL;
    }
    s->connection = c;
    s->heard_ns = loop_now_ns(r->server->loop);
    s->principal = kit_alloc_copy(r->principal.ptr, r->principal.len);
    s->ws.server = r->server;
    s->ws.principal = (kit_str){s->principal, r->principal.len};
    s->ws.peer = kit_str_c(c->peer);
    memcpy(s->ws.request_id, r->request_id, sizeof(s->ws.request_id));
    if (s->principal == NULL || http_socket_read_init(s) != KIT_OK ||
        kit_slots_add(r->server->sockets, s, &s->ws.id) != KIT_OK) {
        free_socket(s);
        return NULL;
    }
    return s;
}

static void add_fields(struct http_request *r, const struct http_ws_options *o, const char *accept)
{
    http_reply_field(r, "Upgrade", kit_str_lit("websocket"));
    http_reply_field(r, "Sec-WebSocket-Accept", (kit_str){accept, HTTP_SOCKET_ACCEPT_BYTES});
    if (o->protocol != NULL && http_socket_offers(r, kit_str_c(o->protocol))) {
        http_reply_field(r, "Sec-WebSocket-Protocol", kit_str_c(o->protocol));
    }
}

enum kit_status http_ws_accept(struct http_request *r, const struct http_ws_handler *h, const struct http_ws_options *o,
                               void *user, struct http_ws **ret, struct kit_err *err)
{
    struct http_exchange *x = http_exchange_of(r);
    struct kit_err own = {0};
    char accept[HTTP_SOCKET_ACCEPT_BYTES];
    int status = 0;
    err = err == NULL ? &own : err;
    enum kit_status rc = http_socket_check(r, &status, err);
    if (rc == KIT_OK) {
        rc = http_socket_accept_key(http_request_field(r, "Sec-WebSocket-Key"), accept, err);
    }
    struct http_socket *s = rc == KIT_OK ? new_socket(r, x->connection) : NULL;
    if (rc == KIT_OK && s == NULL) {
        rc = kit_fail(err, KIT_NOMEM, "out of memory for a WebSocket");
    }
    if (rc != KIT_OK) {
        http_exchange_fail(x, err, status);
        return rc;
    }
    s->handler = h;
    s->options = *o;
    s->ws.user = user;
    kit_buf_init(&s->message, o->message_bytes_max);
    add_fields(r, o, accept);
    rc = http_exchange_upgrade(x, &http_ws_codec, s);
    if (rc != KIT_OK) {
        kit_slots_remove(r->server->sockets, s->ws.id);
        free_socket(s);
        return kit_fail(err, rc, "out of memory for a WebSocket"); /* the connection ends */
    }
    kit_metric_series_add(r->server->open_sockets, 1);
    *ret = &s->ws;
    return KIT_OK;
}

/* --- the codec --- */

/* It is over for the handler, though a Close may still have to go out. */
static void tell_gone(struct http_socket *s)
{
    if (s->told_gone) {
        return;
    }
    s->told_gone = true;
    if (s->ws.close_code == 0) {
        s->ws.close_code = WSLAY_CODE_ABNORMAL_CLOSURE;
    }
    kit_slots_remove(s->ws.server->sockets, s->ws.id);
    kit_metric_series_add(s->ws.server->open_sockets, -1);
    s->handler->gone(&s->ws);
}

static void ws_close(struct http_connection *c)
{
    struct http_socket *s = http_socket_of(c);
    tell_gone(s);
    free_socket(s);
    c->codec_state = NULL;
}

bool http_socket_may_read(const struct http_socket *s)
{
    const struct http_connection *c = s->connection;
    bool wanted = s->state == HTTP_SOCKET_CLOSING || (s->state == HTTP_SOCKET_OPEN && !s->paused);
    return wanted && !c->lost && !http_connection_had_its_turn(c) && c->out.bytes < http_server_write_max(c->server);
}

static bool has_bytes(const struct http_socket *s)
{
    return s->in.len > 0 || !s->starved;
}

/* Goes on with what is there; keeps what cannot be taken now. */
static void read_on(struct http_socket *s)
{
    http_socket_read(s);
    if (s->in.len == 0 || s->state == HTTP_SOCKET_CLOSED) {
        kit_buf_done(&s->rest);
        s->in = (kit_str){0};
    } else if (s->rest.len == 0) {
        s->connection->lost = kit_buf_add(&s->rest, s->in) != KIT_OK || s->connection->lost;
        s->in = kit_buf_str(&s->rest);
    }
}

static void ws_receive(struct http_connection *c, kit_str bytes)
{
    struct http_socket *s = http_socket_of(c);
    s->heard_ns = loop_now_ns(c->server->loop);
    s->ping_ns = 0;
    s->in = bytes;
    s->starved = false;
    read_on(s);
}

static void ws_ended(struct http_connection *c)
{
    c->lost = c->lost || http_socket_of(c)->state != HTTP_SOCKET_CLOSED; /* else our Close may still reach it */
}

static bool ws_reads(const struct http_connection *c)
{
    const struct http_socket *s = http_socket_of(c);
    return !c->eof && !has_bytes(s) && http_socket_may_read(s);
}

/* A message that trickles in must not hold its memory for days. */
static void check_message(struct http_socket *s, uint64_t now_ns)
{
    uint64_t ms = s->ws.server->options.body_timeout_ms + s->message.len * MS_PER_S / RATE_BYTES_MIN;
    if (s->opcode != 0 && now_ns - s->message_since_ns > ms * KIT_NS_PER_MS) {
        http_socket_fail(s, WSLAY_CODE_POLICY_VIOLATION, "a message came too slowly");
    }
}

static void check_ping(struct http_socket *s, uint64_t now_ns)
{
    const struct http_ws_options *o = &s->options;
    if (s->ping_ns != 0 && now_ns - s->ping_ns >= o->pong_timeout_ms * KIT_NS_PER_MS) {
        s->connection->lost = s->connection->cut = true;
    } else if (s->ping_ns == 0 && o->ping_every_ms > 0 && now_ns - s->heard_ns >= o->ping_every_ms * KIT_NS_PER_MS &&
               http_socket_send(s, WSLAY_PING, (kit_str){0}) == KIT_OK) {
        s->ping_ns = now_ns;
    }
}

/* Only when we would have heard the client. */
static void check_time(struct http_socket *s)
{
    uint64_t now_ns = loop_now_ns(s->ws.server->loop);
    if (s->state == HTTP_SOCKET_OPEN && ws_reads(s->connection)) {
        check_message(s, now_ns);
    }
    if (s->state == HTTP_SOCKET_OPEN && ws_reads(s->connection)) {
        check_ping(s, now_ns);
    } else if (s->state == HTTP_SOCKET_OPEN) {
        s->heard_ns = now_ns;
        s->ping_ns = 0;
    }
}

/* True: the handler was called. */
static bool tell_handler(struct http_socket *s)
{
    const struct http_server *server = s->ws.server;
    if (server->draining && !s->told_to_drain) {
        s->told_to_drain = true;
        if (s->handler->drain != NULL) {
            s->handler->drain(&s->ws);
        } else {
            http_ws_close(&s->ws, WSLAY_CODE_GOING_AWAY, kit_str_lit("the server is stopping"));
        }
        return true;
    }
    if (s->full && http_server_has_room(server, s->connection->out.bytes, s->refused)) {
        s->full = false;
        if (s->handler->writable != NULL) {
            s->handler->writable(&s->ws);
            return true;
        }
    }
    return false;
}

static bool ws_advance(struct http_connection *c)
{
    struct http_socket *s = http_socket_of(c);
    bool moved = false;
    if (c->ended && !c->eof && !ws_reads(c)) {
        c->lost = true; /* it has left while we did not read */
        return false;
    }
    if (s->state == HTTP_SOCKET_OPEN) {
        check_time(s);
        moved = s->state == HTTP_SOCKET_OPEN && tell_handler(s);
    }
    if (has_bytes(s) && http_socket_may_read(s)) {
        read_on(s);
        moved = true;
    }
    if (s->state != HTTP_SOCKET_OPEN && !s->told_gone) {
        tell_gone(s);
        moved = true;
    }
    return moved;
}

static bool ws_finished(const struct http_connection *c, bool *linger)
{
    *linger = true;
    return http_socket_of(c)->state == HTTP_SOCKET_CLOSED;
}

static enum http_wait ws_waits(const struct http_connection *c)
{
    return http_socket_of(c)->state == HTTP_SOCKET_OPEN ? HTTP_WAIT_TICK : HTTP_WAIT_LINGER;
}

static void ws_timed_out(struct http_connection *c, enum http_wait wait)
{
    (void)c;
    (void)wait; /* a tick: advance looks at the clock */
}

static void ws_cut_short(struct http_connection *c)
{
    http_ws_close(&http_socket_of(c)->ws, WSLAY_CODE_GOING_AWAY, kit_str_lit("the server is stopping"));
}

const struct http_codec http_ws_codec = {
    .name = "WebSocket",
    .close = ws_close,
    .receive = ws_receive,
    .ended = ws_ended,
    .advance = ws_advance,
    .reads = ws_reads,
    .finished = ws_finished,
    .waits = ws_waits,
    .timed_out = ws_timed_out,
    .cut_short = ws_cut_short,
};
