#include "http/reply.h"

#include <assert.h>
#include <string.h>

#include "http/inner.h"
#include "http/encode.h"
#include "kit/alloc.h"

static bool has_no_body(const struct http_request *r, int status)
{
    return r->method == HTTP_HEAD || status == 101 || status == 204 || status == 304;
}

/* Nothing more can be kept: the connection ends from the loop, not from within the handler's call. */
static void break_off(struct http_exchange *x)
{
    x->reply.out_of_memory = true;
    x->connection->lost = true;
    http_connection_wake(x->connection);
}

static void end_reply(struct http_exchange *x)
{
    http_exchange_finish(x);
    http_connection_wake(x->connection);
}

static enum kit_status prepare(struct http_exchange *x, int status, int64_t length)
{
    struct http_reply *reply = &x->reply;
    assert(x->phase == HTTP_PHASE_DISPATCHED && !reply->started && !reply->finished);
    reply->started = true;
    reply->status = reply->forced_status != 0 ? reply->forced_status : status;
    reply->bodyless = has_no_body(&x->request, reply->status);
    reply->length = length;
    return reply->out_of_memory ? KIT_NOMEM : KIT_OK;
}

static enum kit_status begin(struct http_exchange *x, int status, const char *content_type, int64_t length)
{
    enum kit_status rc = prepare(x, status, length);
    return rc == KIT_OK ? x->connection->codec->head(x, content_type, length) : rc;
}

void http_reply_send(struct http_request *r, int status, const char *content_type, kit_str body)
{
    struct http_exchange *x = http_exchange_of(r);
    if (http_encode_send(x, status, content_type, body, false)) {
        return;
    }
    enum kit_status rc = begin(x, status, content_type, (int64_t)body.len);
    if (rc == KIT_OK && !x->reply.bodyless) {
        rc = x->connection->codec->body(x, body);
    }
    if (rc != KIT_OK) {
        break_off(x);
    }
    end_reply(x);
}

void http_exchange_send_owned(struct http_exchange *x, int status, const char *content_type, char *body, size_t len)
{
    enum kit_status rc = begin(x, status, content_type, (int64_t)len);
    if (rc == KIT_OK && !x->reply.bodyless) {
        rc = x->connection->codec->body_owned(x, body, len);
    } else {
        kit_alloc_free(body);
    }
    if (rc != KIT_OK) {
        break_off(x);
    }
    end_reply(x);
}

void http_reply_send_owned(struct http_request *r, int status, const char *content_type, char *body, size_t len)
{
    struct http_exchange *x = http_exchange_of(r);
    if (!http_encode_send(x, status, content_type, (kit_str){body, len}, true)) {
        http_exchange_send_owned(x, status, content_type, body, len);
    }
}

/* Room for `bytes` more behind the reply's fields; NULL when out of memory. */
static char *fields_room(struct http_exchange *x, size_t bytes)
{
    struct http_reply *reply = &x->reply;
    size_t need = reply->fields.len + bytes;
    char *text = (char *)(uintptr_t)reply->fields.ptr;
    if (need > reply->fields_room) {
        size_t room = KIT_MAX(need, 2 * reply->fields_room);
        text = kit_arena_get(&x->arena, room);
        if (text == NULL) {
            return NULL;
        }
        if (reply->fields.len > 0) {
            memcpy(text, reply->fields.ptr, reply->fields.len);
        }
        reply->fields.ptr = text;
        reply->fields_room = room;
    }
    return text + reply->fields.len;
}

void http_reply_field(struct http_request *r, const char *name, kit_str value)
{
    struct http_exchange *x = http_exchange_of(r);
    size_t name_len = strlen(name);
    assert(!x->reply.started);
    char *to = fields_room(x, name_len + value.len + 4);
    if (to == NULL) {
        x->reply.out_of_memory = true; /* the reply would not be what the handler meant */
        return;
    }
    memcpy(to, name, name_len);
    memcpy(to + name_len, ": ", 2);
    to += name_len + 2;
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        *to++ = c < ' ' || c == 0x7f ? ' ' : (char)c; /* no field can smuggle in another one */
    }
    memcpy(to, "\r\n", 2);
    x->reply.fields.len += name_len + value.len + 4;
}

void http_reply_start(struct http_request *r, int status, const char *content_type, int64_t length,
                      const struct http_source *source)
{
    struct http_exchange *x = http_exchange_of(r);
    x->reply.source = source;
    x->reply.pull = true;
    if (begin(x, status, content_type, length) != KIT_OK) {
        break_off(x);
    }
    http_connection_wake(x->connection);
}

enum kit_status http_reply_chunk(struct http_request *r, kit_str bytes)
{
    struct http_exchange *x = http_exchange_of(r);
    struct http_reply *reply = &x->reply;
    const struct http_codec *codec = x->connection->codec;
    assert(reply->started && !reply->finished);
    if (x->connection->lost) {
        return KIT_NOMEM; /* or it failed a moment ago: `gone` comes */
    }
    if (reply->bodyless) {
        return KIT_OK;
    }
    reply->pull = true;
    reply->refused = 0;
    if (!http_server_takes(x->connection->server, codec->out(x)->bytes, bytes.len)) {
        reply->refused = bytes.len;
        return KIT_FULL;
    }
    http_connection_wake(x->connection);
    if (bytes.len == 0) {
        return KIT_OK;
    }
    assert(reply->length < 0 || (int64_t)bytes.len <= reply->length - reply->sent);
    enum kit_status rc = codec->body(x, bytes);
    if (rc != KIT_OK) {
        break_off(x);
        return KIT_NOMEM;
    }
    reply->sent += (int64_t)bytes.len;
    return KIT_OK;
}

void http_reply_finish(struct http_request *r)
{
    struct http_exchange *x = http_exchange_of(r);
    struct http_reply *reply = &x->reply;
    assert(reply->started && !reply->finished);
    assert(reply->bodyless || reply->length < 0 || reply->sent == reply->length);
    if (!x->connection->lost && x->connection->codec->end(x) != KIT_OK) {
        break_off(x);
    }
    end_reply(x);
}

void http_reply_abort(struct http_request *r)
{
    struct http_exchange *x = http_exchange_of(r);
    if (!x->reply.started) {
        x->reply.status = kit_status_http(KIT_INTERNAL);
    }
    x->reply.aborted = true;
    end_reply(x);
}

enum kit_status http_exchange_upgrade(struct http_exchange *x, const struct http_codec *next, void *state)
{
    enum kit_status rc = prepare(x, 101, -1);
    if (rc == KIT_OK) {
        rc = x->connection->codec->upgrade(x, next, state);
    }
    if (rc != KIT_OK) {
        break_off(x);
    }
    end_reply(x);
    return rc;
}

bool http_reply_started(const struct http_request *r)
{
    return r->reply->started;
}
