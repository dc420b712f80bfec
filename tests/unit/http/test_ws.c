/* WebSockets over real sockets: what a client may say, what it may not, and how either side leaves. */
#include <stdio.h>
#include <sys/socket.h>

#include "host.h"
#include "http/metrics.h"
#include "http/socket.h"
#include "support/ws_client.h"

#define FEW_TURNS 20
#define LONG_MS 600000
#define FIN 0x80

/* Sends each message back; what a test asks for stands in `mode`. */
static struct {
    char last[256];
    int messages, writables, drains, gones;
    int code;         /* when it was gone */
    bool text;        /* the last message */
    bool stays, mute; /* does not close when told to drain; does not answer */
    bool pauses;      /* after each message */
    char *taken;      /* by a message that begins with "take" */
    size_t taken_len;
    int floods;
    kit_str again; /* what was refused: `writable` sends it */
} seen;

#define FLOOD 8000 /* messages of 1 KiB */

static void flood(struct http_ws *ws)
{
    char block[KIT_KIB];
    memset(block, 'f', sizeof(block));
    while (seen.floods < FLOOD && http_ws_send(ws, false, (kit_str){block, sizeof(block)}) == KIT_OK) {
        seen.floods++;
    }
}

static void on_message(struct http_ws *ws, bool text, kit_str bytes)
{
    seen.messages++;
    seen.text = text;
    kit_str_to_c(bytes, seen.last, sizeof(seen.last));
    if (kit_str_starts(bytes, kit_str_lit("close "))) {
        http_ws_close(ws, (uint16_t)atoi(seen.last + 6), kit_str_lit("as you wish"));
        assert_int_equal(http_ws_send(ws, true, kit_str_lit("too late")), KIT_CANCELLED);
    } else if (kit_str_starts(bytes, kit_str_lit("take"))) {
        seen.taken = http_ws_take(ws, &seen.taken_len);
    } else if (!seen.mute) {
        assert_true(http_ws_send(ws, text, bytes) == KIT_OK || kit_alloc_failed());
    }
    http_ws_pause(ws, seen.pauses);
}

static void on_writable(struct http_ws *ws)
{
    seen.writables++;
    if (seen.floods > 0) {
        flood(ws);
    }
    if (seen.again.len > 0 && http_ws_send(ws, false, seen.again) == KIT_OK) {
        seen.again.len = 0;
    }
}

static void on_drain(struct http_ws *ws)
{
    seen.drains++;
    if (!seen.stays) {
        assert_int_equal(http_ws_send(ws, true, kit_str_lit("bye")), KIT_OK);
        http_ws_close(ws, 1001, kit_str_lit("stopping"));
    }
}

static void on_gone(struct http_ws *ws)
{
    struct host *h = ws->user;
    seen.gones++;
    seen.code = ws->close_code;
    assert_true(http_ws_find(ws->server, ws->id) == NULL);
    h->ws = NULL;
}

static const struct http_ws_handler handler = {on_message, on_writable, on_drain, on_gone};
static const struct http_ws_handler silent_handler = {on_message, NULL, NULL, on_gone};

/* h: zeroed, or with options set. */
static void begin(struct host *h)
{
    memset(&seen, 0, sizeof(seen));
    h->ws_handler = h->ws_handler == NULL ? &handler : h->ws_handler;
    if (h->ws_options.message_bytes_max == 0) {
        h->ws_options = HTTP_WS_OPTIONS_DEFAULT;
        h->ws_options.binary = true;
    }
    host_open(h);
}

static void begin_with(struct host *h, struct http_client *c)
{
    begin(h);
    host_connect(h, c);
    ws_client_open(c, "/ws", "", NULL);
    http_client_turns(c, 1);
    assert_non_null(h->ws);
}

static void end(struct host *h, struct http_client *c)
{
    http_client_close(c);
    host_wait_empty(h);
    assert_int_equal(http_server_counts(h->server).sockets, 0);
    host_close(h);
    assert_int_equal(seen.gones, 1);
    kit_alloc_free(seen.taken);
}

/* --- the handshake --- */

TEST(ws_accepts_with_the_key_of_the_rfc)
{
    struct host h = {0};
    struct http_client c;
    char *head = NULL;
    begin(&h);
    host_connect(&h, &c);
    ws_client_open(&c, "/ws", "X-Request-Id: mine\r\n", &head);
    assert_non_null(strstr(head, "\r\nUpgrade: websocket\r\n"));
    assert_non_null(strstr(head, "\r\nConnection: Upgrade\r\n"));
    assert_non_null(strstr(head, "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    assert_null(strstr(head, "Sec-WebSocket-Protocol"));
    assert_null(strstr(head, "Content-Length"));
    assert_null(strstr(head, "Transfer-Encoding"));
    kit_alloc_free(head);
    assert_ptr_equal(http_ws_find(h.server, h.ws->id), h.ws);
    assert_string_equal(h.ws->request_id, "mine");
    assert_memory_equal(h.ws->peer.ptr, "127.0.0.1:", 10);
    assert_str(h.ws->principal, "anonymous");
    assert_int_equal(http_server_counts(h.server).requests, 0);
    assert_int_equal(http_server_counts(h.server).sockets, 1);
    end(&h, &c);
}

TEST(ws_takes_frames_that_come_with_the_request)
{
    struct host h = {0};
    struct http_client c;
    char bytes[1024], frame[64];
    begin(&h);
    host_connect(&h, &c);
    http_client_send(&c, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"); /* pipelined before it */
    size_t len = (size_t)snprintf(bytes, sizeof(bytes),
                                  "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\n"
                                  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    size_t frame_len = ws_client_frame(frame, FIN | WS_TEXT, "eager", 5);
    memcpy(bytes + len, frame, frame_len);
    http_client_send_bytes(&c, bytes, len + frame_len);
    http_client_answer(&c, 200, NULL, NULL);
    http_client_head_answer(&c, 101, NULL);
    ws_client_expect_text(&c, "eager");
    end(&h, &c);
}

TEST(ws_waits_for_the_answers_before_it)
{
    struct host h = {0};
    struct http_client c;
    char *body = NULL;
    begin(&h);
    host_connect(&h, &c);
    http_client_send(&c, "GET /late HTTP/1.1\r\nHost: a\r\n\r\n");
    ws_client_ask(&c, "/ws", "");
    ws_client_text(&c, "after");
    host_wait_late(&h, &c, 1);
    http_client_turns(&c, FEW_TURNS);
    assert_int_equal(h.handled, 1);
    host_answer(&h, 0, "first");
    http_client_answer(&c, 200, NULL, &body);
    assert_string_equal(body, "first");
    kit_alloc_free(body);
    http_client_head_answer(&c, 101, NULL);
    ws_client_expect_text(&c, "after");
    end(&h, &c);
}

TEST(ws_route_answers_a_plain_get_with_426)
{
    struct host h = {0};
    struct http_client c;
    char *head = NULL, *body = NULL;
    begin(&h);
    host_connect(&h, &c);
    http_client_send(&c, "GET /ws HTTP/1.1\r\nHost: a\r\n\r\n");
    http_client_answer(&c, 426, &head, &body);
    assert_non_null(strstr(head, "\r\nUpgrade: websocket\r\n"));
    assert_non_null(strstr(head, "\r\nConnection: Upgrade\r\n"));
    assert_non_null(strstr(head, "\r\nSec-WebSocket-Version: 13\r\n"));
    assert_non_null(strstr(body, "WebSocket"));
    kit_alloc_free(head);
    kit_alloc_free(body);
    assert_int_equal(h.ws_status, KIT_INVALID);
    http_client_send(&c, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"); /* the connection lives on */
    http_client_answer(&c, 200, NULL, NULL);
    http_client_close(&c);
    host_close(&h);
}

TEST(ws_refuses_handshakes_that_are_not_sound)
{
#define ASK(version, fields) "GET /ws HTTP/1." version "\r\nHost: a\r\n" fields "\r\n"
#define UP "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define V13 "Sec-WebSocket-Version: 13\r\n"
    static const struct {
        const char *ask;
        int status;
    } rows[] = {
        {ASK("1", UP KEY "Sec-WebSocket-Version: 8\r\n"), 426},
        {ASK("1", UP KEY), 426},
        {ASK("1", "Upgrade: h2c\r\nConnection: Upgrade\r\n" KEY V13), 426},
        {ASK("1", "Upgrade: websocket\r\n" KEY V13), 426},
        {ASK("0", UP KEY V13), 426},
        {ASK("1", UP V13), 400},
        {ASK("1", UP V13 "Sec-WebSocket-Key: c2hvcnQ=\r\n"), 400},
        {ASK("1", UP V13 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=!\r\n"), 400},
    };
    struct host h = {0};
    begin(&h);
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        struct http_client c;
        char *head = NULL;
        host_connect(&h, &c);
        http_client_send(&c, rows[i].ask);
        http_client_answer(&c, rows[i].status, &head, NULL);
        assert_int_equal(strstr(head, "\r\nSec-WebSocket-Version: 13\r\n") != NULL, rows[i].status == 426);
        kit_alloc_free(head);
        http_client_close(&c);
    }
    assert_null(h.ws);
    host_close(&h);
}

TEST(ws_chooses_its_subprotocol_when_it_is_offered)
{
    struct host h = {.ws_options = HTTP_WS_OPTIONS_DEFAULT};
    struct http_client c;
    char *head = NULL;
    h.ws_options.protocol = "msp";
    begin(&h);
    host_connect(&h, &c);
    ws_client_open(&c, "/ws", "Sec-WebSocket-Protocol: secret.a, MSP\r\nSec-WebSocket-Protocol: other , msp\r\n",
                   &head);
    assert_non_null(strstr(head, "\r\nSec-WebSocket-Protocol: msp\r\n"));
    assert_null(strstr(head, "secret"));
    kit_alloc_free(head);
    end(&h, &c);
}

TEST(ws_ignores_extensions)
{
    struct host h = {0};
    struct http_client c;
    char *head = NULL;
    begin(&h);
    host_connect(&h, &c);
    ws_client_open(&c, "/ws", "Sec-WebSocket-Extensions: permessage-deflate\r\n", &head);
    assert_null(strstr(head, "Extensions"));
    kit_alloc_free(head);
    end(&h, &c);
}

/* --- messages --- */

TEST(ws_echoes_messages_of_each_size_of_length)
{
    static const size_t sizes[] = {0, 1, 125, 126, 127, 4095, 4096, 65535, 65536, 200000, 1 << 20};
    struct host h = {0};
    struct http_client c;
    char *bytes = kit_alloc(1 << 20);
    assert_non_null(bytes);
    memset(bytes, 'm', 1 << 20);
    begin_with(&h, &c);
    for (size_t i = 0; i < KIT_COUNT(sizes); i++) {
        char *back = NULL;
        size_t len = 0;
        ws_client_send(&c, FIN | (i % 2 == 0 ? WS_TEXT : WS_BINARY), bytes, sizes[i]);
        assert_int_equal(ws_client_next(&c, &back, &len), i % 2 == 0 ? WS_TEXT : WS_BINARY);
        assert_int_equal(len, sizes[i]);
        assert_memory_equal(back, bytes, len);
        kit_alloc_free(back);
    }
    kit_alloc_free(bytes);
    end(&h, &c);
}

TEST(ws_takes_a_message_byte_by_byte)
{
    struct host h = {0};
    struct http_client c;
    char frame[64];
    begin_with(&h, &c);
    size_t len = ws_client_frame(frame, FIN | WS_TEXT, "z\xc3\xbcrich \xf0\x9f\x90\x9d", 12);
    for (size_t i = 0; i < len; i++) {
        http_client_send_bytes(&c, frame + i, 1);
        http_client_turns(&c, 1);
    }
    ws_client_expect_text(&c, "z\xc3\xbcrich \xf0\x9f\x90\x9d");
    end(&h, &c);
}

TEST(ws_joins_fragments_with_control_frames_between_them)
{
    struct host h = {0};
    struct http_client c;
    char *payload = NULL;
    begin_with(&h, &c);
    ws_client_send(&c, WS_TEXT, "a\xe2", 2); /* a character that is cut */
    ws_client_send(&c, FIN | WS_PING, "are you there", 13);
    ws_client_send(&c, WS_MORE, "\x82", 1);
    ws_client_send(&c, FIN | WS_PONG, "", 0);
    ws_client_send(&c, WS_MORE, "", 0);
    ws_client_send(&c, FIN | WS_MORE,
                   "\xac"
                   "b",
                   2);
    assert_int_equal(ws_client_next(&c, &payload, NULL), WS_PONG);
    assert_string_equal(payload, "are you there");
    kit_alloc_free(payload);
    ws_client_expect_text(&c, "a\xe2\x82\xac"
                              "b");
    assert_int_equal(seen.messages, 1);
    end(&h, &c);
}

TEST(ws_hands_a_message_over_without_a_copy)
{
    struct host h = {0};
    struct http_client c;
    begin_with(&h, &c);
    ws_client_text(&c, "take this");
    ws_client_text(&c, "next");
    ws_client_expect_text(&c, "next");
    assert_int_equal(seen.taken_len, 9);
    assert_string_equal(seen.taken, "take this");
    end(&h, &c);
}

TEST(ws_handles_many_small_messages_that_come_at_once)
{
    struct host h = {0};
    struct http_client c;
    char *bytes = kit_alloc(16 * 10000);
    size_t len = 0;
    assert_non_null(bytes);
    begin_with(&h, &c);
    for (int i = 0; i < 10000; i++) {
        len += ws_client_frame(bytes + len, FIN | WS_TEXT, "x", 1);
    }
    http_client_send_bytes(&c, bytes, len);
    for (int i = 0; i < 10000; i++) {
        ws_client_expect_text(&c, "x");
    }
    kit_alloc_free(bytes);
    end(&h, &c);
}

/* --- what a client may not do --- */

struct wrong {
    const char *frame;
    size_t len;
    int code;
};
#define WRONG(text, code)                                                                                              \
    {                                                                                                                  \
        text, sizeof(text) - 1, code                                                                                   \
    }
#define NO_MASK "\x00\x00\x00\x00"

TEST(ws_closes_with_the_code_that_fits)
{
    static const struct wrong rows[] = {
        WRONG("\x81\x02hi", 1002),       /* not masked */
        WRONG("\xc1\x80" NO_MASK, 1002), /* reserved bit */
        WRONG("\x83\x80" NO_MASK, 1002), /* unknown opcodes */
        WRONG("\x8b\x80" NO_MASK, 1002),
        WRONG("\x80\x80" NO_MASK, 1002),                         /* a continuation of nothing */
        WRONG("\x01\x81" NO_MASK "a\x81\x81" NO_MASK "b", 1002), /* a message within a message */
        WRONG("\x09\x80" NO_MASK, 1002),                         /* a control frame in fragments */
        WRONG("\x89\xfe\x00\x7e" NO_MASK, 1002),                 /* a control frame of 126 bytes */
        WRONG("\x81\xfe\x00\x01" NO_MASK "a", 1002),             /* a length that is longer than need be */
        WRONG("\x81\xff\xff\x00\x00\x00\x00\x00\x00\x01" NO_MASK, 1002),
        WRONG("\x88\x81" NO_MASK "a", 1002),        /* half a code */
        WRONG("\x88\x82" NO_MASK "\x03\xed", 1002), /* 1005 */
        WRONG("\x88\x82" NO_MASK "\x00\x00", 1002),
        WRONG("\x88\x84" NO_MASK "\x03\xe8\xc3\x28", 1007),
        WRONG("\x81\x82" NO_MASK "\xc3\x28", 1007),
        WRONG("\x81\x83" NO_MASK "\xed\xa0\x80", 1007), /* a surrogate */
        WRONG("\x81\x81" NO_MASK "\xe2", 1007),         /* ends within a character */
        WRONG("\x01\x84" NO_MASK "\xff"
              "abc",
              1007), /* seen before the message ends */
        WRONG("\x81\xff\x00\x00\x00\x00\x00\x10\x00\x01" NO_MASK "a", 1009),
        WRONG("\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff" NO_MASK "a", 1009),
        WRONG("\x82\x81" NO_MASK "b", 1003),
    };
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        struct host h = {.ws_options = HTTP_WS_OPTIONS_DEFAULT};
        struct http_client c;
        begin_with(&h, &c);
        http_client_send_bytes(&c, rows[i].frame, rows[i].len);
        ws_client_expect_close(&c, rows[i].code, NULL);
        http_client_wait_end(&c);
        assert_int_equal(c.in.len, 0);
        assert_int_equal(seen.messages, 0);
        assert_int_equal(seen.code, rows[i].code);
        end(&h, &c);
    }
}

TEST(ws_refuses_fragments_that_grow_beyond_the_limit)
{
    struct host h = {.ws_options = HTTP_WS_OPTIONS_DEFAULT};
    struct http_client c;
    char block[1000] = {0};
    h.ws_options.message_bytes_max = 2500;
    begin_with(&h, &c);
    memset(block, 'a', sizeof(block));
    ws_client_send(&c, WS_TEXT, block, 1000);
    ws_client_send(&c, WS_MORE, block, 1000);
    ws_client_send(&c, WS_MORE, block, 1000);
    ws_client_expect_close(&c, 1009, "the message is larger");
    http_client_wait_end(&c);
    end(&h, &c);
}

TEST(ws_messages_count_among_the_bodies_while_they_arrive)
{
    struct host h = {.options = HTTP_OPTIONS_DEFAULT, .ws_options = HTTP_WS_OPTIONS_DEFAULT};
    struct http_client c;
    char *block = kit_alloc(300000);
    assert_non_null(block);
    h.options.body_bytes_max = h.options.bodies_bytes_max = 256 * KIT_KIB;
    begin_with(&h, &c);
    memset(block, 'a', 300000);
    ws_client_send(&c, WS_TEXT, block, 300000);
    ws_client_expect_close(&c, 1013, "no memory");
    http_client_wait_end(&c);
    http_client_close(&c);
    host_connect(&h, &c);
    ws_client_open(&c, "/ws", "", NULL);
    for (int i = 0; i < 5; i++) { /* each gives its part back */
        ws_client_send(&c, FIN | WS_TEXT, block, 200000);
        assert_int_equal(ws_client_next(&c, NULL, NULL), WS_TEXT);
    }
    kit_alloc_free(block);
    seen.gones--;
    end(&h, &c);
}

/* --- leaving --- */

TEST(ws_answers_a_close_with_its_code_and_ends)
{
    struct host h = {0};
    struct http_client c;
    begin_with(&h, &c);
    ws_client_send(&c, FIN | WS_CLOSE, "\x0f\xa1 done", 7); /* 4001 */
    ws_client_expect_close(&c, 4001, NULL);
    http_client_wait_end(&c);
    assert_true(c.eof);
    assert_int_equal(seen.code, 4001);
    end(&h, &c);
}

TEST(ws_answers_a_close_without_a_code)
{
    struct host h = {0};
    struct http_client c;
    begin_with(&h, &c);
    ws_client_send(&c, FIN | WS_CLOSE, "", 0);
    ws_client_expect_close(&c, 0, NULL);
    http_client_wait_end(&c);
    assert_int_equal(seen.code, 1005);
    end(&h, &c);
}

TEST(ws_close_by_the_handler_waits_for_the_close_of_the_client)
{
    struct host h = {0};
    struct http_client c;
    begin_with(&h, &c);
    ws_client_text(&c, "close 1000");
    ws_client_expect_close(&c, 1000, "as you wish");
    assert_int_equal(seen.gones, 1); /* at once: nothing is wanted of it any more */
    ws_client_text(&c, "crossing");
    ws_client_send(&c, FIN | WS_BINARY, "", 0);
    http_client_turns(&c, FEW_TURNS);
    assert_false(c.eof);
    ws_client_send(&c, FIN | WS_CLOSE, "\x03\xe8", 2);
    http_client_wait_end(&c);
    assert_true(c.eof);
    assert_int_equal(c.in.len, 0);
    assert_int_equal(seen.messages, 1);
    assert_int_equal(seen.code, 1000);
    end(&h, &c);
}

TEST(ws_that_is_never_closed_by_its_client_ends_all_the_same)
{
    struct host h = {0};
    struct http_client c;
    begin_with(&h, &c);
    ws_client_text(&c, "close 1000");
    ws_client_expect_close(&c, 1000, NULL);
    http_client_wait_end(&c); /* after 2 s */
    end(&h, &c);
}

TEST(ws_tells_gone_when_the_client_vanishes)
{
    for (int how = 0; how < 4; how++) {
        struct host h = {0};
        struct http_client c;
        begin_with(&h, &c);
        seen.pauses = how >= 2; /* seen while nothing is read, too */
        ws_client_text(&c, "hello");
        ws_client_expect_text(&c, "hello");
        if (how % 2 == 0) {
            http_client_reset(&c);
        } else {
            ws_client_send(&c, WS_TEXT, "half of", 7);
            http_client_half_close(&c);
            http_client_wait_end(&c);
            http_client_close(&c);
        }
        host_wait_empty(&h);
        assert_int_equal(seen.gones, 1);
        assert_int_equal(seen.code, 1006);
        host_close(&h);
    }
}

TEST(ws_tells_gone_when_the_server_is_freed)
{
    struct host h = {0};
    struct http_client c;
    begin_with(&h, &c);
    host_close(&h);
    assert_int_equal(seen.gones, 1);
    http_client_close(&c);
}

/* --- backpressure --- */

TEST(ws_send_is_full_while_the_client_does_not_read)
{
    struct host h = {.options = HTTP_OPTIONS_DEFAULT};
    struct http_client c;
    h.options.write_buffer_bytes_max = 64 * KIT_KIB;
    h.ws_options = HTTP_WS_OPTIONS_DEFAULT;
    h.ws_options.ping_every_ms = 0;
    begin_with(&h, &c);
    host_narrow(&c);
    uint64_t before = kit_alloc_bytes();
    flood(h.ws);
    for (int i = 0; i < 1000; i++) {
        host_turn(&h); /* the client takes nothing; the kernel has room for some */
    }
    int stuck = seen.floods;
    assert_in_range(stuck, 32, FLOOD - 1);
    assert_true(kit_alloc_bytes() - before < 256 * KIT_KIB);
    for (int i = 0; i < FLOOD; i++) {
        assert_int_equal(ws_client_next(&c, NULL, NULL), WS_BINARY); /* as it reads, `writable` sends the rest */
    }
    assert_int_equal(seen.floods, FLOOD);
    assert_true(seen.writables > 1);
    end(&h, &c);
}

/* Half of the buffer is free, but it does not fit: to ask for it again and again would be a loop. */
TEST(ws_asks_once_for_a_message_that_does_not_fit_yet)
{
    static char block[64 * KIT_KIB];
    struct host h = {.options = HTTP_OPTIONS_DEFAULT};
    struct http_client c;
    h.options.write_buffer_bytes_max = sizeof(block);
    h.ws_options = HTTP_WS_OPTIONS_DEFAULT;
    h.ws_options.ping_every_ms = 0;
    begin_with(&h, &c);
    host_narrow(&c);
    const struct http_out *out = &KIT_CONTAINER(h.ws, struct http_socket, ws)->connection->out;
    for (int turns = 0; turns < 100; turns++, host_turn(&h)) { /* the kernel takes the first ones, then no more */
        if (out->bytes == 0) {
            assert_int_equal(http_ws_send(h.ws, false, (kit_str){block, 20000}), KIT_OK);
            turns = 0;
        }
    }
    if (out->bytes == 0) { /* after a pause it took another one */
        assert_int_equal(http_ws_send(h.ws, false, (kit_str){block, 20000}), KIT_OK);
    }
    seen.again = (kit_str){block, sizeof(block)};
    assert_int_equal(http_ws_send(h.ws, false, seen.again), KIT_FULL);
    assert_int_equal(http_ws_send(h.ws, false, (kit_str){block, 1}), KIT_OK); /* something happens */
    assert_in_range(out->bytes, 1, sizeof(block) / 2);
    for (int i = 0; i < 100; i++) {
        host_turn(&h);
    }
    while (seen.again.len > 0) {
        ws_client_next(&c, NULL, NULL);
    }
    assert_int_equal(seen.writables, 1);
    end(&h, &c);
}

TEST(ws_takes_one_message_larger_than_the_buffer_when_it_is_empty)
{
    struct host h = {.options = HTTP_OPTIONS_DEFAULT};
    struct http_client c;
    char *block = kit_alloc(300000), *back = NULL;
    size_t len = 0;
    assert_non_null(block);
    h.options.write_buffer_bytes_max = 64 * KIT_KIB;
    begin_with(&h, &c);
    memset(block, 'a', 300000);
    assert_int_equal(http_ws_send(h.ws, true, (kit_str){block, 300000}), KIT_OK);
    assert_int_equal(http_ws_send(h.ws, true, kit_str_lit("more")), KIT_FULL);
    assert_int_equal(ws_client_next(&c, &back, &len), WS_TEXT);
    assert_int_equal(len, 300000);
    kit_alloc_free(back);
    kit_alloc_free(block);
    end(&h, &c);
}

TEST(ws_does_not_read_pings_of_a_client_that_takes_no_pongs)
{
    struct host h = {.options = HTTP_OPTIONS_DEFAULT};
    struct http_client c;
    char pings[131 * 100], payload[125] = {0};
    size_t len = 0;
    h.options.write_buffer_bytes_max = 16 * KIT_KIB;
    begin_with(&h, &c);
    uint64_t before = kit_alloc_bytes();
    while (len + 131 <= sizeof(pings)) {
        len += ws_client_frame(pings + len, FIN | WS_PING, payload, sizeof(payload));
    }
    for (int i = 0; i < 20000; i++) {
        if (send(c.fd, pings, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
            break; /* the server reads no more */
        }
        host_turn(&h);
    }
    assert_true(send(c.fd, pings, 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0);
    assert_true(kit_alloc_bytes() - before < KIT_MIB);
    http_client_reset(&c);
    host_wait_empty(&h);
    host_close(&h);
    assert_int_equal(seen.gones, 1);
}

TEST(ws_pause_keeps_messages_until_they_are_wanted)
{
    struct host h = {0};
    struct http_client c;
    begin_with(&h, &c);
    seen.pauses = true;
    for (int i = 0; i < 5; i++) {
        ws_client_text(&c, "m");
    }
    http_client_turns(&c, FEW_TURNS);
    assert_int_equal(seen.messages, 1);
    http_ws_pause(h.ws, false);
    http_client_turns(&c, FEW_TURNS);
    assert_int_equal(seen.messages, 2);
    seen.pauses = false;
    http_ws_pause(h.ws, false);
    for (int i = 0; i < 5; i++) {
        ws_client_expect_text(&c, "m");
    }
    end(&h, &c);
}

/* --- time --- */

TEST(ws_pings_a_silent_client_and_drops_it_without_an_answer)
{
    struct host h = {.ws_options = HTTP_WS_OPTIONS_DEFAULT};
    struct http_client c;
    h.ws_options.ping_every_ms = 1;
    h.ws_options.pong_timeout_ms = 200;
    begin_with(&h, &c);
    assert_int_equal(ws_client_next(&c, NULL, NULL), WS_PING);
    ws_client_send(&c, FIN | WS_PONG, "", 0);
    assert_int_equal(ws_client_next(&c, NULL, NULL), WS_PING); /* it lived on */
    http_client_wait_end(&c);
    assert_int_equal(seen.code, 1006);
    end(&h, &c);
}

TEST(ws_ends_a_message_that_trickles_in)
{
    struct host h = {.options = HTTP_OPTIONS_DEFAULT};
    struct http_client c;
    h.options.body_timeout_ms = 100;
    begin_with(&h, &c);
    ws_client_send(&c, WS_TEXT, "once upon", 9);
    ws_client_expect_close(&c, 1008, "a message came too slowly");
    http_client_wait_end(&c);
    end(&h, &c);
}

TEST(ws_client_that_takes_nothing_is_gone)
{
    struct host h = {.options = HTTP_OPTIONS_DEFAULT};
    struct http_client c;
    h.options.write_timeout_ms = 300;
    begin_with(&h, &c);
    char *block = kit_alloc(16 * KIT_MIB);
    assert_non_null(block);
    memset(block, 'a', 16 * KIT_MIB);
    assert_int_equal(http_ws_send(h.ws, true, (kit_str){block, 16 * KIT_MIB}), KIT_OK);
    kit_alloc_free(block);
    host_wait_empty(&h); /* turns the server, not the client */
    assert_int_equal(seen.code, 1006);
    host_close(&h);
    http_client_close(&c);
}

/* --- drain --- */

TEST(ws_drain_lets_the_handler_finish)
{
    struct host h = {0};
    struct http_client c;
    int done = 0;
    begin_with(&h, &c);
    seen.stays = true;
    http_server_drain(h.server, LONG_MS, host_drained, &done);
    http_client_turns(&c, FEW_TURNS);
    assert_int_equal(seen.drains, 1);
    ws_client_text(&c, "still here");
    ws_client_expect_text(&c, "still here");
    http_ws_close(h.ws, 1000, (kit_str){0});
    ws_client_expect_close(&c, 1000, NULL);
    ws_client_send(&c, FIN | WS_CLOSE, "\x03\xe8", 2);
    http_client_wait_end(&c);
    http_client_close(&c);
    for (int i = 0; i < 1000 && done == 0; i++) {
        host_turn(&h);
    }
    assert_int_equal(done, 1);
    assert_int_equal(seen.drains, 1);
    host_close(&h);
}

TEST(ws_drain_sends_1001_where_nobody_is_told)
{
    struct host h = {.ws_handler = &silent_handler};
    struct http_client c;
    int done = 0;
    begin_with(&h, &c);
    http_server_drain(h.server, LONG_MS, host_drained, &done);
    ws_client_expect_close(&c, 1001, "the server is stopping");
    ws_client_send(&c, FIN | WS_CLOSE, "\x03\xe9", 2);
    http_client_wait_end(&c);
    assert_int_equal(seen.code, 1001);
    http_client_close(&c);
    host_wait_empty(&h);
    host_close(&h);
}

TEST(ws_drain_that_is_over_sends_1001)
{
    struct host h = {0};
    struct http_client c;
    int done = 0;
    begin_with(&h, &c);
    seen.stays = true;
    http_server_drain(h.server, 0, host_drained, &done);
    ws_client_expect_close(&c, 1001, NULL);
    http_client_wait_end(&c);
    assert_int_equal(seen.gones, 1);
    http_client_close(&c);
    host_close(&h);
}

/* --- memory --- */

TEST(ws_survives_each_failed_alloc)
{
    for (int piece = 0; piece < 2; piece++) { /* in the handshake, and in a message */
        uint64_t failed = 1;
        for (uint64_t n = 1; failed != 0; n++) {
            struct host h = {.fail_at = piece == 0 ? n : 0};
            struct http_client c;
            begin(&h);
            host_connect(&h, &c);
            ws_client_ask(&c, "/ws", "");
            http_client_turns(&c, FEW_TURNS);
            if (piece == 1) {
                static char block[18000]; /* three of them fit into what the client has reserved */
                memset(block, 'a', sizeof(block));
                http_client_head_answer(&c, 101, NULL);
                kit_alloc_fail_at(n);
                for (size_t at = 0; at < 3; at++) {
                    char frame[WS_CLIENT_FRAME_BYTES(sizeof(block))];
                    size_t len = ws_client_frame(frame, at == 2 ? FIN : at == 0 ? WS_TEXT : 0, block, sizeof(block));
                    http_client_send_bytes(&c, frame, len);
                    http_client_turns(&c, 2);
                }
                uint64_t until_ns = kit_clock_ns() + 10 * KIT_NS_PER_S;
                while (seen.messages + seen.gones == 0 && kit_clock_ns() < until_ns) {
                    http_client_turns(&c, 1);
                }
            }
            failed = kit_alloc_failed();
            kit_alloc_fail_at(0);
            if (failed == 0) {
                assert_int_equal(h.ws_status, KIT_OK);
                assert_int_equal(seen.messages, piece);
            }
            http_client_close(&c);
            host_wait_empty(&h);
            host_close(&h);
        }
    }
}

int main(void)
{
    http_metrics_register();
    return TEST_RUN(
        TEST_OF(ws_accepts_with_the_key_of_the_rfc), TEST_OF(ws_takes_frames_that_come_with_the_request),
        TEST_OF(ws_waits_for_the_answers_before_it), TEST_OF(ws_route_answers_a_plain_get_with_426),
        TEST_OF(ws_refuses_handshakes_that_are_not_sound), TEST_OF(ws_chooses_its_subprotocol_when_it_is_offered),
        TEST_OF(ws_ignores_extensions), TEST_OF(ws_echoes_messages_of_each_size_of_length),
        TEST_OF(ws_takes_a_message_byte_by_byte), TEST_OF(ws_joins_fragments_with_control_frames_between_them),
        TEST_OF(ws_hands_a_message_over_without_a_copy), TEST_OF(ws_handles_many_small_messages_that_come_at_once),
        TEST_OF(ws_closes_with_the_code_that_fits), TEST_OF(ws_refuses_fragments_that_grow_beyond_the_limit),
        TEST_OF(ws_messages_count_among_the_bodies_while_they_arrive),
        TEST_OF(ws_answers_a_close_with_its_code_and_ends), TEST_OF(ws_answers_a_close_without_a_code),
        TEST_OF(ws_close_by_the_handler_waits_for_the_close_of_the_client),
        TEST_OF(ws_that_is_never_closed_by_its_client_ends_all_the_same),
        TEST_OF(ws_tells_gone_when_the_client_vanishes), TEST_OF(ws_tells_gone_when_the_server_is_freed),
        TEST_OF(ws_send_is_full_while_the_client_does_not_read),
        TEST_OF(ws_asks_once_for_a_message_that_does_not_fit_yet),
        TEST_OF(ws_takes_one_message_larger_than_the_buffer_when_it_is_empty),
        TEST_OF(ws_does_not_read_pings_of_a_client_that_takes_no_pongs),
        TEST_OF(ws_pause_keeps_messages_until_they_are_wanted),
        TEST_OF(ws_pings_a_silent_client_and_drops_it_without_an_answer), TEST_OF(ws_ends_a_message_that_trickles_in),
        TEST_OF(ws_client_that_takes_nothing_is_gone), TEST_OF(ws_drain_lets_the_handler_finish),
        TEST_OF(ws_drain_sends_1001_where_nobody_is_told), TEST_OF(ws_drain_that_is_over_sends_1001),
        TEST_OF(ws_survives_each_failed_alloc));
}
