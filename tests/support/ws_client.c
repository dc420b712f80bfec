#include "support/ws_client.h"

#include <stdio.h>

#include "kit/alloc.h"
#include "support/test.h"

#define MASK "\x12\x9f\x03\xe4"

void ws_client_ask(struct http_client *c, const char *path, const char *fields)
{
    char *text = kit_alloc_printf("GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                                  "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
                                  path, fields);
    assert_non_null(text);
    http_client_send(c, text);
    kit_alloc_free(text);
}

void ws_client_open(struct http_client *c, const char *path, const char *fields, char **head)
{
    ws_client_ask(c, path, fields);
    http_client_head_answer(c, 101, head);
}

size_t ws_client_frame(char *to, int fin_and_opcode, const void *payload, size_t len)
{
    const char *from = payload;
    char *start = to;
    int more = len < 126 ? 0 : len < 65536 ? 2 : 8;
    *to++ = (char)fin_and_opcode;
    *to++ = (char)(0x80 | (more == 0 ? len : more == 2 ? 126u : 127u));
    for (int i = more - 1; i >= 0; i--) {
        *to++ = (char)((uint64_t)len >> 8 * i & 0xff);
    }
    memcpy(to, MASK, 4);
    to += 4;
    for (size_t i = 0; i < len; i++) {
        *to++ = (char)(from[i] ^ MASK[i % 4]);
    }
    return (size_t)(to - start);
}

void ws_client_send(struct http_client *c, int fin_and_opcode, const void *payload, size_t len)
{
    char *frame = kit_alloc(WS_CLIENT_FRAME_BYTES(len));
    assert_non_null(frame);
    http_client_send_bytes(c, frame, ws_client_frame(frame, fin_and_opcode, payload, len));
    kit_alloc_free(frame);
}

void ws_client_text(struct http_client *c, const char *text)
{
    ws_client_send(c, 0x80 | WS_TEXT, text, strlen(text));
}

static uint64_t take_length(struct http_client *c, size_t *head)
{
    http_client_wait_bytes(c, 2);
    const unsigned char *p = (const unsigned char *)c->in.ptr;
    assert_int_equal(p[1] & 0x80, 0); /* a server never masks */
    int more = p[1] < 126 ? 0 : p[1] == 126 ? 2 : 8;
    *head = 2 + (size_t)more;
    http_client_wait_bytes(c, *head);
    p = (const unsigned char *)c->in.ptr;
    uint64_t len = more == 0 ? p[1] : 0;
    for (int i = 0; i < more; i++) {
        len = len << 8 | p[2 + i];
    }
    return len;
}

int ws_client_next(struct http_client *c, char **payload, size_t *len)
{
    size_t head = 0;
    uint64_t bytes = take_length(c, &head);
    http_client_wait_bytes(c, head + bytes);
    int first = (unsigned char)c->in.ptr[0];
    assert_int_equal(first & 0xf0, 0x80);
    if (payload != NULL) {
        *payload = kit_alloc_copy(c->in.ptr + head, bytes);
        assert_non_null(*payload);
    }
    if (len != NULL) {
        *len = bytes;
    }
    kit_buf_drop(&c->in, head + bytes);
    return first & 0x0f;
}

void ws_client_expect_text(struct http_client *c, const char *text)
{
    char *payload = NULL;
    assert_int_equal(ws_client_next(c, &payload, NULL), WS_TEXT);
    assert_string_equal(payload, text);
    kit_alloc_free(payload);
}

void ws_client_expect_close(struct http_client *c, int code, const char *reason)
{
    char *payload = NULL;
    size_t len = 0;
    assert_int_equal(ws_client_next(c, &payload, &len), WS_CLOSE);
    int got = len < 2 ? 0 : (unsigned char)payload[0] << 8 | (unsigned char)payload[1];
    assert_int_equal(got, code);
    if (reason != NULL) {
        assert_memory_equal(payload + 2, reason, strlen(reason));
    }
    kit_alloc_free(payload);
}
