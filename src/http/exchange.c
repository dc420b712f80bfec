#include "http/core.h"

#include <string.h>

#include "http/target.h"
#include "kit/alloc.h"
#include "kit/json.h"
#include "kit/log.h"

#define POOL_MAX 64
#define BODY_KEPT_BYTES (16 * KIT_KIB) /* of a body buffer that goes back to the pool */
#define BODY_STEP_BYTES (64 * KIT_KIB) /* of the first room for a large body */
#define ARENA_SLACK_BYTES KIT_MIB
#define ERROR_BYTES_MAX (4 * KIT_KIB)

/* --- life --- */

static struct http_exchange *take_from_pool(struct http_server *s)
{
    struct http_exchange *x = s->pool;
    if (x != NULL) {
        s->pool = x->next;
        s->pool_count--;
        x->next = NULL;
        return x;
    }
    x = kit_alloc_zero(1, sizeof(*x));
    if (x != NULL) {
        kit_arena_init(&x->arena,
                       4 * (size_t)s->options.head_bytes_max + 2 * s->options.body_bytes_max + ARENA_SLACK_BYTES);
        kit_buf_init(&x->body, s->options.body_bytes_max);
    }
    return x;
}

struct http_exchange *http_exchange_new(struct http_connection *c)
{
    struct http_server *s = c->server;
    struct http_exchange *x = take_from_pool(s);
    if (x == NULL) {
        return NULL;
    }
    x->connection = c;
    struct http_request *r = &x->request;
    r->server = s;
    r->arena = &x->arena;
    r->reply = &x->reply;
    r->principal = kit_str_lit("anonymous");
    r->peer = kit_str_c(c->peer);
    r->started_ns = loop_now_ns(s->loop);
    r->deadline_ns = KIT_NEVER_NS;
    http_ids_make(&s->ids, r->request_id);
    if (c->last == NULL) {
        c->first = x;
    } else {
        c->last->next = x;
    }
    c->last = x;
    c->exchange_count++;
    return x;
}

void http_exchange_destroy(struct http_exchange *x)
{
    kit_arena_done(&x->arena);
    kit_buf_done(&x->body);
    kit_alloc_free(x);
}

void http_exchange_free(struct http_exchange *x)
{
    struct http_server *s = x->connection->server;
    http_out_done(&x->held, &s->pieces);
    if (s->pool_count == POOL_MAX) {
        http_exchange_destroy(x);
        return;
    }
    kit_arena_reset(&x->arena);
    if (x->body.room > BODY_KEPT_BYTES) {
        kit_buf_done(&x->body);
    }
    kit_buf_clear(&x->body);
    struct kit_arena arena = x->arena;
    struct kit_buf body = x->body;
    *x = (struct http_exchange){.arena = arena, .body = body, .next = s->pool};
    s->pool = x;
    s->pool_count++;
}

/* --- the head --- */

static void take_ids(struct http_request *r)
{
    kit_str id = http_request_field(r, "X-Request-Id"), trace = http_request_field(r, "traceparent");
    if (http_ids_is_sane(id)) {
        kit_str_to_c(id, r->request_id, sizeof(r->request_id));
    }
    if (http_ids_is_traceparent(trace)) {
        r->traceparent = trace;
    }
}

static enum kit_status take_params(struct http_request *r, const struct http_match *m, struct kit_err *err)
{
    for (size_t i = 0; i < HTTP_PARAMS_MAX && m->param[i].ptr != NULL; i++) {
        bool plain = memchr(m->param[i].ptr, '%', m->param[i].len) == NULL;
        r->param[i] = m->param[i];
        if (!plain && http_target_decode(r->arena, m->param[i], false, &r->param[i]) != KIT_OK) {
            return kit_fail(err, KIT_NOMEM, "out of memory for the path");
        }
    }
    return KIT_OK;
}

static enum kit_status no_route(struct http_exchange *x, uint32_t allow, struct kit_err *err)
{
    const struct http_request *r = &x->request;
    x->allow = allow;
    if (allow == 0) {
        return kit_fail(err, KIT_NOT_FOUND, "no such path: %.*s", (int)KIT_MIN(r->path.len, 120), r->path.ptr);
    }
    if (r->method == HTTP_OPTIONS) {
        x->options = true;
        return KIT_OK;
    }
    return kit_fail(err, KIT_METHOD, "this path does not take %s: see Allow", http_method_name(r->method));
}

static enum kit_status find_route(struct http_exchange *x, kit_str raw, struct kit_err *err)
{
    struct http_request *r = &x->request;
    struct http_match m = http_router_match(r->server->router, r->method, raw);
    if (m.route == NULL) {
        return no_route(x, m.allow, err);
    }
    r->route = m.route;
    x->route_index = m.index;
    x->handler = m.route->handler;
    x->handler_ctx = m.ctx;
    x->keep_body = m.route->body == HTTP_BODY_WHOLE;
    uint64_t own_max = m.route->body_bytes_max, max = r->server->options.body_bytes_max;
    x->body_max = !x->keep_body ? HTTP_BODY_IGNORED_MAX : own_max == 0 ? max : KIT_MIN(own_max, max);
    return take_params(r, &m, err);
}

static enum kit_status too_large(const struct http_exchange *x, struct kit_err *err)
{
    return kit_fail(err, KIT_TOO_LARGE, "the body is larger than the limit of %llu bytes for this path",
                    (unsigned long long)x->body_max);
}

enum kit_status http_exchange_route(struct http_exchange *x, int64_t body_bytes, int *status, struct kit_err *err)
{
    struct http_request *r = &x->request;
    struct http_target target;
    *status = 0;
    x->body_max = HTTP_BODY_IGNORED_MAX;
    take_ids(r);
    enum kit_status rc = http_target_parse(r->arena, (kit_str){x->head, x->target_len}, &target, err);
    if (rc != KIT_OK) {
        return rc;
    }
    r->path = target.path;
    r->query = target.query;
    if (target.asterisk && r->method == HTTP_OPTIONS) {
        x->allow = (1u << HTTP_METHOD_COUNT) - 1;
        x->options = true;
    } else {
        rc = target.asterisk ? kit_fail(err, KIT_INVALID, "only OPTIONS takes the target '*'")
                             : find_route(x, target.raw, err);
    }
    if (rc == KIT_OK && body_bytes > 0 && (uint64_t)body_bytes > x->body_max) {
        rc = too_large(x, err);
    }
    return rc;
}

/* --- the body --- */

enum kit_status http_exchange_body(struct http_exchange *x, kit_str bytes, struct kit_err *err)
{
    if (bytes.len > x->body_max - x->request.body.len) {
        return too_large(x, err);
    }
    x->request.body.len += bytes.len; /* counted, and without a pointer until it is complete */
    if (!x->keep_body || x->refusal != NULL) {
        return KIT_OK;
    }
    if (x->body.room == 0 && bytes.len > BODY_KEPT_BYTES &&
        kit_buf_reserve(&x->body, KIT_MIN(x->body_max, BODY_STEP_BYTES)) == NULL) {
        kit_buf_clear(&x->body); /* a smaller piece may still be had */
    }
    enum kit_status rc = kit_buf_add(&x->body, bytes);
    return rc == KIT_OK ? KIT_OK : kit_fail(err, rc, "out of memory for the body");
}

/* --- answers --- */

void http_exchange_refuse(struct http_exchange *x, const struct kit_err *err, int status, const char *reason)
{
    http_server_count_refused(x->connection->server, reason);
    x->reply.forced_status = status;
    x->refusal = kit_arena_get(&x->arena, sizeof(*x->refusal));
    if (x->refusal == NULL) {
        x->connection->lost = true;
        return;
    }
    *x->refusal = *err;
}

static void add_allow(struct http_request *r, uint32_t allow)
{
    char text[80];
    size_t len = 0;
    for (int m = 0; m < HTTP_METHOD_COUNT; m++) {
        if ((allow & (1u << m)) != 0) {
            kit_str name = kit_str_c(http_method_name((enum http_method)m));
            memcpy(text + len, ", ", 2);
            len += len == 0 ? 0 : 2;
            memcpy(text + len, name.ptr, name.len);
            len += name.len;
        }
    }
    http_reply_field(r, "Allow", (kit_str){.ptr = text, .len = len});
}

/* The server's own way to render an error. */
static void fail_plainly(struct http_request *r, const struct kit_err *err)
{
    struct kit_buf body;
    struct kit_json_writer w;
    kit_buf_init(&body, ERROR_BYTES_MAX);
    kit_json_writer_init(&w, &body);
    kit_json_open(&w, '{');
    kit_json_key(&w, "error");
    kit_json_open(&w, '{');
    kit_json_key(&w, "code");
    kit_json_put_c(&w, kit_status_name(err->code));
    kit_json_key(&w, "message");
    kit_json_put_c(&w, err->msg);
    kit_json_key(&w, "request_id");
    kit_json_put_c(&w, r->request_id);
    kit_json_close(&w, '}');
    kit_json_close(&w, '}');
    kit_str text = body.failed == KIT_OK ? kit_buf_str(&body) : kit_str_lit("{\"error\":{\"code\":\"out_of_memory\"}}");
    http_reply_send(r, kit_status_http(err->code), "application/json", text);
    kit_buf_done(&body);
}

static void answer_refusal(struct http_exchange *x)
{
    struct http_request *r = &x->request;
    void (*fail)(struct http_request * r, const struct kit_err *err) = x->handler.fail;
    fail = fail != NULL ? fail : r->server->options.fail;
    if (x->allow != 0) {
        add_allow(r, x->allow);
    }
    (fail != NULL ? fail : fail_plainly)(r, x->refusal);
}

void http_exchange_dispatch(struct http_exchange *x)
{
    struct http_request *r = &x->request;
    x->phase = HTTP_PHASE_DISPATCHED;
    if (kit_slots_add(r->server->requests, x, &r->id) != KIT_OK) {
        x->connection->lost = true; /* no memory for an id; the table holds as many as connections can wait for */
        return;
    }
    r->body = x->keep_body ? kit_buf_str(&x->body) : (kit_str){0};
    LOG_DEBUG("http.request", "id=%s method=%s path=%s", r->request_id, http_method_name(r->method),
              LOG_QUOTE_STR(r->path));
    if (x->refusal != NULL) {
        answer_refusal(x);
    } else if (x->options) {
        add_allow(r, x->allow);
        http_reply_send(r, 204, NULL, kit_str_lit(""));
    } else {
        x->handler.handle(r, x->handler_ctx);
    }
}

bool http_exchange_pull(struct http_exchange *x)
{
    struct http_reply *reply = &x->reply;
    size_t low = x->connection->server->options.write_buffer_bytes_max / 2;
    if (!reply->pull || reply->finished || x->connection->codec->out(x)->bytes > low) {
        return false;
    }
    reply->pull = false;
    if (reply->source == NULL || reply->source->more == NULL) {
        return false;
    }
    reply->source->more(&x->request);
    return true;
}

void http_exchange_finish(struct http_exchange *x)
{
    if (!x->reply.finished) {
        x->reply.finished = true;
        kit_slots_remove(x->request.server->requests, x->request.id);
        http_server_count_request(x->request.server, x, x->reply.status);
    }
}

void http_exchange_gone(struct http_exchange *x)
{
    struct http_reply *reply = &x->reply;
    if (x->phase != HTTP_PHASE_DISPATCHED || reply->finished) {
        return;
    }
    bool streamed = reply->source != NULL && reply->source->gone != NULL;
    void (*gone)(struct http_request * r) = streamed ? reply->source->gone : reply->gone;
    reply->status = kit_status_http(KIT_CANCELLED);
    http_exchange_finish(x);
    if (gone != NULL) {
        gone(&x->request);
    }
}
