#include "http/h1.h"

#include <string.h>

#include "http/reason.h"
#include "kit/alloc.h"
#include "kit/num.h"

#define HEAD_BYTES_MAX 512  /* of all that is not content type and the handler's fields */
#define CHUNK_HEAD_BYTES 18 /* 16 hex digits and CR LF */

struct http_out *http_h1_write_out(struct http_exchange *x)
{
    struct http_connection *c = x->connection;
    return x == c->first ? &c->out : &x->held;
}

static char *put(char *to, kit_str s)
{
    if (s.len > 0) {
        memcpy(to, s.ptr, s.len);
    }
    return to + s.len;
}

static char *put_number(char *to, uint64_t n)
{
    char digits[KIT_NUM_BYTES];
    return put(to, (kit_str){.ptr = digits, .len = kit_num_u64(n, digits)});
}

static char *put_status(char *to, int status)
{
    kit_str line = http_reason_line(status);
    if (line.ptr != NULL) {
        return put(to, line);
    }
    to = put_number(put(to, kit_str_lit(HTTP_REASON_VERSION)), (uint64_t)status);
    return put(to, kit_str_lit(" \r\n"));
}

static char *put_field(char *to, kit_str name_and_colon, kit_str value)
{
    return put(put(put(to, name_and_colon), value), kit_str_lit("\r\n"));
}

/* A request that has come, or has begun to, behind this one is answered too: then that answer is the last. */
static bool is_last(const struct http_h1 *h, const struct http_exchange *x)
{
    return x->next == NULL && h->reading == NULL && h->behind == 0;
}

/* Decides, with the answer's head, whether the connection goes on behind it. */
static bool keeps_alive(struct http_h1 *h, const struct http_exchange *x)
{
    const struct http_server *s = x->connection->server;
    bool until_close = x->reply.length < 0 && x->old && !x->reply.bodyless;
    uint32_t most = s->options.requests_per_connection_max;
    bool used_up = most != 0 && h->served >= most;
    return x->keep_alive && !until_close && !used_up && !(s->draining && is_last(h, x));
}

static char *put_framing(char *to, struct http_exchange *x, int64_t length)
{
    int status = x->reply.status;
    bool none = status == 101 || status == 204 || status == 304;
    if (length >= 0 && !none) {
        to = put(put_number(put(to, kit_str_lit("Content-Length: ")), (uint64_t)length), kit_str_lit("\r\n"));
    }
    x->reply.chunked = length < 0 && !x->old && !none;
    return x->reply.chunked ? put(to, kit_str_lit("Transfer-Encoding: chunked\r\n")) : to;
}

static char *put_connection(char *to, struct http_exchange *x)
{
    struct http_h1 *h = http_h1_of(x->connection);
    if (x->reply.status == 101) {
        return put(to, kit_str_lit("Connection: Upgrade\r\n"));
    }
    if (!keeps_alive(h, x)) {
        h->stopped = true;
        x->keep_alive = false;
        return put(to, kit_str_lit("Connection: close\r\n"));
    }
    return x->old ? put(to, kit_str_lit("Connection: keep-alive\r\n")) : to;
}

/* Bytes of this part that were sent ahead. */
static size_t take_probe(struct http_exchange *x)
{
    struct http_h1 *h = http_h1_of(x->connection);
    if (x != x->connection->first) {
        return 0;
    }
    size_t ahead = h->probe_bytes;
    h->probe_bytes = 0;
    return ahead;
}

enum kit_status http_h1_write_head(struct http_exchange *x, const char *content_type, int64_t length)
{
    struct http_connection *c = x->connection;
    struct http_out *out = http_h1_write_out(x);
    kit_str type = kit_str_c(content_type);
    char *start = http_out_reserve(out, &c->server->pieces, HEAD_BYTES_MAX + type.len + x->reply.fields.len);
    if (start == NULL) {
        return KIT_NOMEM;
    }
    char *to = put(put_status(start, x->reply.status), http_server_date(c->server));
    if (type.len > 0) {
        to = put_field(to, kit_str_lit("Content-Type: "), type);
    }
    to = put_framing(to, x, length);
    to = put_field(to, kit_str_lit("X-Request-Id: "), kit_str_c(x->request.request_id));
    to = put_connection(to, x);
    to = put(put(to, x->reply.fields), kit_str_lit("\r\n"));
    size_t len = (size_t)(to - start), ahead = take_probe(x);
    if (ahead > 0) {
        memmove(start, start + ahead, len - ahead);
    }
    http_out_grew(out, len - ahead);
    return KIT_OK;
}

static enum kit_status write_chunk(struct http_connection *c, struct http_out *out, kit_str bytes)
{
    static const char digits[] = "0123456789abcdef";
    char *start = http_out_reserve(out, &c->server->pieces, CHUNK_HEAD_BYTES + bytes.len + 2);
    if (start == NULL) {
        return KIT_NOMEM;
    }
    int shift = 0;
    while (shift < 60 && bytes.len >> shift >= 16) {
        shift += 4;
    }
    char *to = start;
    for (; shift >= 0; shift -= 4) {
        *to++ = digits[(bytes.len >> shift) & 15];
    }
    to = put_field(put(to, kit_str_lit("\r\n")), bytes, kit_str_lit(""));
    http_out_grew(out, (size_t)(to - start));
    return KIT_OK;
}

enum kit_status http_h1_write_body(struct http_exchange *x, kit_str bytes)
{
    struct http_out *out = http_h1_write_out(x);
    if (x->reply.chunked) {
        take_probe(x); /* zeros, which only lengthen the size's text */
        return write_chunk(x->connection, out, bytes);
    }
    return http_out_add(out, &x->connection->server->pieces, bytes);
}

enum kit_status http_h1_write_body_owned(struct http_exchange *x, char *bytes, size_t len)
{
    return http_out_add_owned(http_h1_write_out(x), bytes, len); /* only whole replies: never chunked */
}

enum kit_status http_h1_write_end(struct http_exchange *x)
{
    if (!x->reply.chunked || x->reply.bodyless) {
        return KIT_OK;
    }
    take_probe(x);
    return http_out_add(http_h1_write_out(x), &x->connection->server->pieces, kit_str_lit("0\r\n\r\n"));
}

enum kit_status http_h1_write_upgrade(struct http_exchange *x, const struct http_codec *next, void *state)
{
    struct http_h1 *h = http_h1_of(x->connection);
    enum kit_status rc = http_h1_write_head(x, NULL, -1);
    if (rc == KIT_OK) {
        h->next = next;
        h->next_state = state;
    }
    return rc;
}

/* What may be sent ahead of the next part of an answer without changing it: the beginning of the first line, which is
 * the same for all, or zeros before the size of a chunk (RFC 9112, section 7.1: chunk-size = 1*HEXDIG). */
static kit_str ahead_of(const struct http_exchange *x)
{
    bool chunks = x->reply.started && x->reply.chunked && !x->reply.bodyless;
    return !x->reply.started ? kit_str_lit(HTTP_REASON_VERSION) : chunks ? kit_str_lit("00000000") : (kit_str){0};
}

bool http_h1_write_may_probe(const struct http_h1 *h)
{
    const struct http_connection *c = h->connection;
    const struct http_exchange *x = c->first;
    bool waits = x != NULL && x->phase == HTTP_PHASE_DISPATCHED && !x->reply.finished;
    return c->ended && waits && c->out.bytes == 0 && h->probe_bytes < ahead_of(x).len;
}

void http_h1_write_probe(struct http_h1 *h)
{
    struct http_connection *c = h->connection;
    if (!http_h1_write_may_probe(h)) {
        return;
    }
    kit_str byte = kit_str_sub(ahead_of(c->first), h->probe_bytes, 1);
    if (http_out_add(&c->out, &c->server->pieces, byte) != KIT_OK) {
        c->lost = true;
        return;
    }
    h->probe_bytes++;
}

void http_h1_write_continue(struct http_h1 *h)
{
    struct http_connection *c = h->connection;
    struct http_exchange *x = h->reading;
    if (x == NULL || !h->head_done || !x->wants_continue || x != c->first) {
        return;
    }
    x->wants_continue = false;
    if (http_out_add(&c->out, &c->server->pieces, kit_str_lit("HTTP/1.1 100 Continue\r\n\r\n")) != KIT_OK) {
        c->lost = true;
    }
}
