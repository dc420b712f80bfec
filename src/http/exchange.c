#include "http/inner.h"

#include <string.h>

#include "http/body.h"
#include "http/target.h"
#include "kit/alloc.h"
#include "kit/log.h"
#include "kit/num.h"

#define POOL_MAX 64
#define ARENA_SLACK_BYTES KIT_MIB
#define MS_PER_S 1000

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
    c->turn_requests++;
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
    http_body_drop(x);
    if (s->pool_count == POOL_MAX) {
        http_exchange_destroy(x);
        return;
    }
    kit_arena_reset(&x->arena);
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

/* rc: of the search for a route; who may not ask does not learn it. */
static enum kit_status admit(struct http_exchange *x, enum kit_status rc, struct kit_err *err)
{
    const struct http_options *o = &x->connection->server->options;
    struct kit_err why = {0};
    enum kit_status admitted = o->admit == NULL ? KIT_OK : o->admit(&x->request, o->admit_ctx, &why);
    if (admitted == KIT_OK) {
        return rc;
    }
    x->allow = 0;
    x->options = false;
    *err = why;
    return admitted;
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
    r->host = target.host.len > 0 ? target.host : http_request_field(r, "Host");
    if (target.asterisk && r->method == HTTP_OPTIONS) {
        x->allow = (1u << HTTP_METHOD_COUNT) - 1;
        x->options = true;
    } else {
        rc = target.asterisk ? kit_fail(err, KIT_INVALID, "only OPTIONS takes the target '*'")
                             : find_route(x, target.raw, err);
    }
    rc = admit(x, rc, err);
    return rc == KIT_OK ? http_body_announce(x, body_bytes, err) : rc;
}

/* --- answers --- */

void http_exchange_refuse(struct http_exchange *x, const struct kit_err *err, int status, const char *reason)
{
    http_server_count_refused(x->connection->server, reason);
    http_body_drop(x);
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

/* When nobody above has said how an error looks. */
static void fail_plainly(struct http_request *r, const struct kit_err *err)
{
    char seconds[KIT_NUM_BYTES];
    size_t len = kit_num_u64((err->retry_after_ms + MS_PER_S - 1) / MS_PER_S, seconds);
    if (err->retry_after_ms > 0) {
        http_reply_field(r, "Retry-After", (kit_str){.ptr = seconds, .len = len});
    }
    http_reply_send(r, kit_status_http(err->code), "text/plain", kit_str_c(err->msg));
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

void http_exchange_fail(struct http_exchange *x, const struct kit_err *err, int status)
{
    struct kit_err copy = *err;
    x->reply.forced_status = status;
    x->refusal = &copy;
    answer_refusal(x);
    x->refusal = NULL;
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

/* --- streams --- */

/* The last call on a request whose handler has not ended it. */
static void tell_gone(struct http_exchange *x)
{
    const struct http_reply *reply = &x->reply;
    bool streamed = reply->source != NULL && reply->source->gone != NULL;
    void (*gone)(struct http_request * r) = streamed ? reply->source->gone : reply->gone;
    http_exchange_finish(x);
    if (gone != NULL) {
        gone(&x->request);
    }
}

static bool pull_more(struct http_exchange *x)
{
    struct http_reply *reply = &x->reply;
    size_t waiting = x->connection->codec->out(x)->bytes;
    if (!reply->pull || !http_server_has_room(x->connection->server, waiting, reply->refused)) {
        return false;
    }
    reply->pull = false;
    if (reply->source == NULL || reply->source->more == NULL) {
        return false;
    }
    reply->source->more(&x->request);
    return true;
}

bool http_exchange_pull(struct http_exchange *x)
{
    struct http_reply *reply = &x->reply;
    if (!reply->started || reply->finished) {
        return false;
    }
    if (reply->bodyless) {
        tell_gone(x); /* nothing is wanted of its source */
        return true;
    }
    if (x->connection->server->draining && !reply->told_to_drain) {
        reply->told_to_drain = true;
        if (reply->source != NULL && reply->source->drain != NULL) {
            reply->source->drain(&x->request);
            return true;
        }
    }
    return pull_more(x);
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
    if (x->phase == HTTP_PHASE_DISPATCHED && !reply->finished) {
        reply->status = kit_status_http(KIT_CANCELLED);
        tell_gone(x);
    }
}

void http_exchange_cut_short(struct http_exchange *x)
{
    struct http_reply *reply = &x->reply;
    void (*gone)(struct http_request * r) = reply->gone;
    if (x->phase != HTTP_PHASE_DISPATCHED || reply->started || reply->finished) {
        return;
    }
    struct kit_err err = {0};
    kit_fail(&err, KIT_UNAVAILABLE, "the server is shutting down: try again later");
    x->keep_alive = false;
    http_exchange_fail(x, &err, 0);
    if (reply->finished && gone != NULL) {
        gone(&x->request);
    }
}
