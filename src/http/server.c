#include "http/server.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "http/inner.h"
#include "http/encode.h"
#include "kit/alloc.h"
#include "kit/log.h"

#define SWEEP_MS 250            /* how exactly time-outs are kept */
#define PROBE_MS (SWEEP_MS / 2) /* with each sweep */
#define TICK_MS 1000
#define LINGER_MS 2000
#define REFUSED_MAX 64 /* connections over the maximum that are told so, at a time */
#define REQUESTS_MAX (1u << 24)

/* --- making --- */

static void init_rings(struct http_server *s)
{
    for (int i = 0; i < HTTP_WAIT_COUNT; i++) {
        s->waiting[i].next = s->waiting[i].prev = &s->waiting[i];
    }
}

static uint32_t requests_max(const struct http_options *o)
{
    uint64_t n = (uint64_t)(o->connections_max + REFUSED_MAX) * (o->pipeline_max + 1);
    return n < REQUESTS_MAX ? (uint32_t)n : REQUESTS_MAX;
}

static void sweep(void *ctx);
static void drain_over(void *ctx);
static void drain_check(struct loop_task *t);

static enum kit_status make_parts(struct http_server *s, struct kit_err *err)
{
    enum kit_status rc = kit_slots_new(requests_max(&s->options), &s->requests);
    if (rc == KIT_OK) {
        rc = kit_slots_new(s->options.connections_max, &s->sockets);
    }
    if (rc == KIT_OK) {
        rc = loop_timer_new(s->loop, sweep, s, &s->sweep);
    }
    if (rc == KIT_OK) {
        rc = loop_timer_new(s->loop, drain_over, s, &s->drain_timer);
    }
    if (rc == KIT_OK) {
        s->series = kit_alloc_zero(http_router_count(s->router) + 1, sizeof(*s->series));
        rc = s->series == NULL ? KIT_NOMEM : KIT_OK;
    }
    if (rc == KIT_OK) {
        rc = http_encode_open(s, err);
    }
    return rc;
}

static enum kit_status check_options(const struct http_options *o, struct kit_err *err)
{
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"connections_max", o->connections_max},
        {"head_bytes_max", o->head_bytes_max},
        {"fields_max", o->fields_max},
        {"body_bytes_max", o->body_bytes_max},
        {"pipeline_max", o->pipeline_max},
        {"write_buffer_bytes_max", o->write_buffer_bytes_max},
        {"writes_bytes_max", o->writes_bytes_max},
        {"head_timeout_ms", o->head_timeout_ms},
        {"body_timeout_ms", o->body_timeout_ms},
        {"idle_timeout_ms", o->idle_timeout_ms},
        {"write_timeout_ms", o->write_timeout_ms},
        {"bodies_bytes_max", o->bodies_bytes_max},
    };
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        if (rows[i].value == 0) {
            return kit_fail_param(err, KIT_INVALID, rows[i].name, "http: %s must be at least 1", rows[i].name);
        }
    }
    return KIT_OK;
}

enum kit_status http_server_new(struct loop *l, const struct http_router *router, const struct http_options *options,
                                struct http_server **ret, struct kit_err *err)
{
    enum kit_status rc = check_options(options, err);
    if (rc != KIT_OK) {
        return rc;
    }
    struct http_server *s = kit_alloc_zero(1, sizeof(*s));
    if (s == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for an HTTP server");
    }
    s->loop = l;
    s->router = router;
    s->options = *options;
    s->bodies = options->bodies != NULL ? options->bodies : &s->own_bodies;
    s->bodies_bytes_max = KIT_MAX(options->bodies_bytes_max, options->body_bytes_max);
    s->drain_task.run = drain_check;
    init_rings(s);
    http_ids_init(&s->ids);
    s->bytes_in = kit_metric_series(&kit_metric_http_bytes_in_total, NULL, 0);
    s->bytes_out = kit_metric_series(&kit_metric_http_bytes_out_total, NULL, 0);
    s->open = kit_metric_series(&kit_metric_http_connections, NULL, 0);
    s->open_sockets = kit_metric_series(&kit_metric_http_sockets, NULL, 0);
    rc = make_parts(s, err);
    if (rc != KIT_OK) {
        http_server_free(s);
        return kit_fail(err, rc, "out of memory for an HTTP server");
    }
    *ret = s;
    return KIT_OK;
}

static void accepted(void *ctx, int fd, const char *peer)
{
    struct http_server *s = ctx;
    bool refuse = s->connections >= s->options.connections_max;
    if (s->connections >= s->options.connections_max + REFUSED_MAX) {
        http_server_count_refused(s, "connections_max");
        close(fd);
        return;
    }
    if (!http_connection_open(s, fd, peer, refuse)) {
        http_server_count_refused(s, "memory");
    }
}

enum kit_status http_server_listen(struct http_server *s, const char *host, uint16_t port, uint16_t *port_ret,
                                   struct kit_err *err)
{
    LOOP_ASSERT_HERE(s->loop);
    for (size_t i = 0; i < HTTP_SERVER_LISTENERS_MAX; i++) {
        if (s->listener[i] == NULL) {
            return net_listen_new(s->loop, host, port, s->options.write_timeout_ms, accepted, s, &s->listener[i],
                                  port_ret, err);
        }
    }
    return kit_fail(err, KIT_FULL, "an HTTP server listens on %d addresses at most", HTTP_SERVER_LISTENERS_MAX);
}

struct loop *http_server_loop(const struct http_server *s)
{
    return s->loop;
}

struct http_request *http_server_find(struct http_server *s, kit_id id)
{
    LOOP_ASSERT_HERE(s->loop);
    struct http_exchange *x = kit_slots_get(s->requests, id);
    return x == NULL ? NULL : &x->request;
}

struct http_counts http_server_counts(const struct http_server *s)
{
    return (struct http_counts){.connections = s->connections,
                                .requests = kit_slots_count(s->requests),
                                .sockets = kit_slots_count(s->sockets)};
}

/* --- time --- */

static uint64_t limit_ns(const struct http_server *s, enum http_wait wait)
{
    const struct http_options *o = &s->options;
    const uint32_t ms[] = {
        [HTTP_WAIT_IDLE] = o->idle_timeout_ms, [HTTP_WAIT_HEAD] = o->head_timeout_ms,
        [HTTP_WAIT_BODY] = o->body_timeout_ms, [HTTP_WAIT_WRITE] = o->write_timeout_ms,
        [HTTP_WAIT_PROBE] = PROBE_MS,          [HTTP_WAIT_TICK] = TICK_MS,
        [HTTP_WAIT_LINGER] = LINGER_MS,
    };
    return ms[wait] * KIT_NS_PER_MS;
}

void http_server_set_timeouts(struct http_server *s, const struct http_timeouts *t)
{
    LOOP_ASSERT_HERE(s->loop);
    s->options.head_timeout_ms = t->head_ms;
    s->options.body_timeout_ms = t->body_ms;
    s->options.idle_timeout_ms = t->idle_ms;
    s->options.write_timeout_ms = t->write_ms;
}

/* A ring is in order of time, so its front tells whether anything is due. */
static void sweep_ring(struct http_server *s, enum http_wait wait, uint64_t now_ns)
{
    struct http_connection *head = &s->waiting[wait];
    uint64_t limit = limit_ns(s, wait);
    while (head->next != head && now_ns - head->next->since_ns >= limit && now_ns > head->next->since_ns) {
        http_connection_expired(head->next); /* moves it to the end of a ring, with `now` as its time, or frees it */
    }
}

static void sweep(void *ctx)
{
    struct http_server *s = ctx;
    uint64_t now_ns = loop_now_ns(s->loop);
    for (int wait = HTTP_WAIT_NONE + 1; wait < HTTP_WAIT_COUNT; wait++) {
        sweep_ring(s, (enum http_wait)wait, now_ns);
    }
    if (s->connections == 0) {
        loop_timer_stop(s->sweep);
        s->sweeping = false;
    }
}

static void unlink_connection(struct http_connection *c)
{
    c->prev->next = c->next;
    c->next->prev = c->prev;
}

void http_server_wait(struct http_server *s, struct http_connection *c, enum http_wait wait)
{
    struct http_connection *head = &s->waiting[wait];
    unlink_connection(c);
    c->wait = wait;
    c->since_ns = loop_now_ns(s->loop);
    c->next = head;
    c->prev = head->prev;
    c->prev->next = c;
    head->prev = c;
}

void http_server_opened(struct http_server *s, struct http_connection *c)
{
    s->connections++;
    kit_metric_series_add(s->open, 1);
    c->next = c->prev = c;
    http_server_wait(s, c, c->wait);
    if (!s->sweeping) {
        s->sweeping = true;
        loop_timer_start(s->sweep, SWEEP_MS, SWEEP_MS);
    }
}

void http_server_closed(struct http_server *s, struct http_connection *c)
{
    s->connections--;
    kit_metric_series_add(s->open, -1);
    unlink_connection(c);
    if (s->draining && s->connections == 0) {
        loop_later(s->loop, &s->drain_task);
    }
}

kit_str http_server_date(struct http_server *s)
{
    static const char frame[] = "Date: ";
    uint64_t now_ns = loop_now_ns(s->loop);
    if (now_ns >= s->date_until_ns) {
        uint64_t wall_ns = kit_clock_wall_ns();
        memcpy(s->date, frame, sizeof(frame) - 1);
        http_date_write(wall_ns / KIT_NS_PER_S, s->date + sizeof(frame) - 1);
        memcpy(s->date + sizeof(s->date) - 2, "\r\n", 2);
        s->date_until_ns = now_ns + KIT_NS_PER_S - wall_ns % KIT_NS_PER_S;
    }
    return (kit_str){.ptr = s->date, .len = sizeof(s->date)};
}

/* --- counting --- */

static struct kit_metric_series *requests_series(struct http_route_series *row, kit_str route, enum http_method method,
                                                 int code)
{
    unsigned slot = ((unsigned)code ^ (unsigned)method) % HTTP_ROUTE_CODES;
    if (row->code[slot].requests == NULL || row->code[slot].code != code || row->code[slot].method != method) {
        char digits[12];
        kit_str labels[] = {route, kit_str_c(http_method_name(method)), {digits, 0}};
        labels[2].len = (size_t)snprintf(digits, sizeof(digits), "%d", code);
        row->code[slot].requests = kit_metric_series(&kit_metric_http_requests_total, labels, KIT_COUNT(labels));
        row->code[slot].code = (uint16_t)code;
        row->code[slot].method = (uint8_t)method;
    }
    return row->code[slot].requests;
}

void http_server_count_request(struct http_server *s, const struct http_exchange *x, int code)
{
    struct http_route_series *row = &s->series[x->route_index];
    kit_str route = x->request.route == NULL ? kit_str_lit("none") : kit_str_c(x->request.route->name);
    if (row->seconds == NULL) {
        row->seconds = kit_metric_series(&kit_metric_http_request_seconds, &route, 1);
    }
    kit_metric_series_add(requests_series(row, route, x->request.method, code), 1);
    uint64_t took_ns = kit_clock_ns() - x->request.started_ns;
    kit_metric_series_observe(row->seconds, (double)took_ns / KIT_NS_PER_S);
}

void http_server_count_refused(struct http_server *s, const char *reason)
{
    (void)s;
    METRIC_ADD_WITH(http_refused_total, 1, kit_str_c(reason));
}

/* --- ending --- */

static void close_listeners(struct http_server *s, void (*close_one)(struct net_listen *n))
{
    for (size_t i = 0; i < HTTP_SERVER_LISTENERS_MAX; i++) {
        close_one(s->listener[i]);
        s->listener[i] = NULL;
    }
}

static void close_connections(struct http_server *s, void (*close_one)(struct http_connection *c))
{
    for (int wait = 0; wait < HTTP_WAIT_COUNT; wait++) {
        while (s->waiting[wait].next != &s->waiting[wait]) {
            close_one(s->waiting[wait].next);
        }
    }
}

/* The last one is gone: from a task, so that `drained` may free the server. */
static void drain_check(struct loop_task *t)
{
    struct http_server *s = KIT_CONTAINER(t, struct http_server, drain_task);
    void (*drained)(void *ctx) = s->drained;
    loop_timer_stop(s->drain_timer);
    s->drained = NULL;
    if (drained != NULL) {
        drained(s->drained_ctx);
    }
}

static void drain_over(void *ctx)
{
    struct http_server *s = ctx;
    LOG_WARN("http.drain_cut", "connections=%u", s->connections);
    close_connections(s, http_connection_cut_short); /* the last one queues the drain task */
}

void http_server_drain(struct http_server *s, uint64_t after_ms, void (*drained)(void *ctx), void *ctx)
{
    LOOP_ASSERT_HERE(s->loop);
    s->drained = drained;
    s->drained_ctx = ctx;
    close_listeners(s, net_listen_finish); /* before we drain: who has come has its turn like the others */
    s->draining = true;
    for (int wait = 0; wait < HTTP_WAIT_COUNT; wait++) {
        struct http_connection *head = &s->waiting[wait];
        for (struct http_connection *c = head->next; c != head; c = c->next) {
            http_connection_drain(c);
        }
    }
    if (s->connections == 0) {
        loop_later(s->loop, &s->drain_task);
    } else {
        loop_timer_start(s->drain_timer, after_ms, 0);
    }
}

static void free_pool(struct http_server *s)
{
    while (s->pool != NULL) {
        struct http_exchange *x = s->pool;
        s->pool = x->next;
        http_exchange_destroy(x);
    }
}

void http_server_free(struct http_server *s)
{
    if (s == NULL) {
        return;
    }
    s->drained = NULL;
    close_listeners(s, net_listen_close);
    close_connections(s, http_connection_close);
    loop_later_cancel(s->loop, &s->drain_task);
    http_encode_close(s);
    loop_timer_close(s->sweep);
    loop_timer_close(s->drain_timer);
    free_pool(s);
    http_out_pool_done(&s->pieces);
    kit_slots_free(s->requests);
    kit_slots_free(s->sockets);
    kit_alloc_free(s->series);
    kit_alloc_free(s);
}
