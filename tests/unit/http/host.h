/* tests/unit/http/host.h - a server with a few routes for tests, pumped on the test's thread. */
#ifndef UNIT_HTTP_HOST_H
#define UNIT_HTTP_HOST_H

#include <stdio.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "kit/clock.h"
#include "http/server.h"
#include "http/ws.h"
#include "support/http_client.h"
#include "support/test.h"

#define LATE_MAX 64

struct host {
    struct loop *loop;
    struct http_router *router;
    struct http_server *server;
    struct http_options options;
    uint16_t port;
    kit_id late[LATE_MAX]; /* requests that wait for host_answer, in order of arrival */
    int late_count;
    int gone;    /* calls of `gone` */
    int handled; /* requests that a handler saw */
    int more;    /* calls of `more` */
    int drains;  /* calls of `drain` */
    bool stays;  /* /live goes on when it is told to drain */
    char *taken; /* the last body that /take took; the test's */
    size_t taken_len;
    size_t stream_left; /* bytes that /stream has still to give */
    bool endless;       /* /stream starts anew */
    kit_str again;      /* a chunk of /ask that there was no room for: it is sent when it is asked for */
    uint64_t fail_at;   /* orders an allocation failure when a handler starts */
    /* /ws */
    const struct http_ws_handler *ws_handler;
    struct http_ws_options ws_options;
    struct http_ws *ws;        /* the last one, until it is gone */
    enum kit_status ws_status; /* of the last accept */
    char ws_error[KIT_ERR_MSG_BYTES];
};

static struct host *host_of; /* for `fail` and `gone`, which have no context of their own */

/* For http_server_drain, whose ctx is then an int. */
static inline void host_drained(void *ctx)
{
    ++*(int *)ctx;
}

static inline void host_turn(void *ctx)
{
    loop_run_once(((struct host *)ctx)->loop);
}

static inline void host_on_gone(struct http_request *r)
{
    host_of->gone++;
    assert_true(http_server_find(r->server, r->id) == NULL); /* its id is dead by now */
}

static inline void host_hello(struct http_request *r, void *ctx)
{
    ((struct host *)ctx)->handled++;
    http_reply_send(r, 200, "text/plain", kit_str_lit("hello"));
}

static inline void host_echo(struct http_request *r, void *ctx)
{
    ((struct host *)ctx)->handled++;
    http_reply_field(r, "X-Echo", kit_str_lit("a\r\nb"));
    http_reply_send(r, 200, "application/octet-stream", r->body);
}

static inline void host_late(struct http_request *r, void *ctx)
{
    struct host *h = ctx;
    h->handled++;
    assert_true(h->late_count < LATE_MAX);
    h->late[h->late_count++] = r->id;
    http_request_on_gone(r, host_on_gone);
}

/* What the handler sees, as text. */
static inline void host_show(struct http_request *r, void *ctx)
{
    (void)ctx;
    kit_str q = http_request_query(r, "q");
    char *text = kit_arena_printf(r->arena, "%s path=%.*s id=%.*s q=%.*s host=%.*s trace=%.*s peer=%.*s who=%.*s",
                                  http_method_name(r->method), KIT_STR_ARG(r->path), KIT_STR_ARG(r->param[0]),
                                  KIT_STR_ARG(q), KIT_STR_ARG(http_request_field(r, "HOST")),
                                  KIT_STR_ARG(r->traceparent), 10, r->peer.ptr, KIT_STR_ARG(r->principal));
    assert_non_null(text);
    http_reply_send(r, 200, "text/plain", kit_str_c(text));
}

static inline void host_more(struct http_request *r)
{
    static char block[1000];
    struct host *h = host_of;
    h->more++;
    memset(block, 'x', sizeof(block));
    while (h->stream_left > 0) {
        size_t n = KIT_MIN(h->stream_left, sizeof(block));
        if (http_reply_chunk(r, (kit_str){block, n}) != KIT_OK) {
            return;
        }
        h->stream_left -= h->endless ? 0 : n;
    }
    http_reply_finish(r);
}

static const struct http_source host_source = {host_more, host_on_gone, NULL};

static inline void host_stream(struct http_request *r, void *ctx)
{
    struct host *h = ctx;
    h->handled++;
    h->stream_left = strtoul(r->param[0].ptr, NULL, 10);
    http_reply_start(r, 200, "text/plain", -1, &host_source);
}

static inline void host_sized(struct http_request *r, void *ctx)
{
    struct host *h = ctx;
    h->stream_left = strtoul(r->param[0].ptr, NULL, 10);
    http_reply_start(r, 200, "text/plain", (int64_t)h->stream_left, &host_source);
}

/* A stream that the test feeds. */
static const struct http_source host_fed_source = {NULL, host_on_gone, NULL};

static inline void host_feed(struct http_request *r, void *ctx)
{
    host_late(r, ctx);
    http_reply_start(r, 200, "text/event-stream", -1, &host_fed_source);
}

/* A stream that the test feeds, and that is asked for what there was no room for. */
static inline void host_ask_more(struct http_request *r)
{
    struct host *h = host_of;
    h->more += h->again.len > 0;
    if (h->again.len > 0 && http_reply_chunk(r, h->again) == KIT_OK) {
        h->again.len = 0;
    }
}

static const struct http_source host_ask_source = {host_ask_more, host_on_gone, NULL};

static inline void host_ask(struct http_request *r, void *ctx)
{
    host_late(r, ctx);
    http_reply_start(r, 200, "text/plain", -1, &host_ask_source);
}

/* A stream that ends when the server drains, unless it stays. */
static inline void host_drain(struct http_request *r)
{
    host_of->drains++;
    assert_ptr_equal(http_server_find(r->server, r->id), r);
    if (!host_of->stays) {
        assert_int_equal(http_reply_chunk(r, kit_str_lit("bye")), KIT_OK);
        http_reply_finish(r);
    }
}

static const struct http_source host_live_source = {NULL, host_on_gone, host_drain};

static inline void host_live(struct http_request *r, void *ctx)
{
    host_late(r, ctx);
    http_reply_start(r, 200, "text/event-stream", -1, &host_live_source);
}

static inline void host_take(struct http_request *r, void *ctx)
{
    struct host *h = ctx;
    kit_alloc_free(h->taken);
    h->taken = http_request_take_body(r, &h->taken_len);
    assert_int_equal(r->body.len, 0);
    host_late(r, ctx);
}

/* A stream that its handler writes as a whole. */
static inline void host_whole(struct http_request *r, void *ctx)
{
    (void)ctx;
    http_reply_start(r, 200, "text/plain", -1, &host_live_source);
    assert_int_equal(http_reply_chunk(r, kit_str_lit("all")), KIT_OK);
    http_reply_finish(r);
}

static inline void host_nothing(struct http_request *r, void *ctx)
{
    (void)ctx;
    http_request_on_gone(r, host_on_gone);
    http_reply_start(r, 200, "text/plain", -1, NULL);
}

static inline void host_cut(struct http_request *r, void *ctx)
{
    (void)ctx;
    http_reply_start(r, 200, "text/plain", -1, NULL);
    assert_int_equal(http_reply_chunk(r, kit_str_lit("half of")), KIT_OK);
    http_reply_abort(r);
}

/* So many bytes of JSON that compresses, owned or copied; with an ETag when the query asks for one. */
static inline void host_json(struct http_request *r, void *ctx)
{
    static const char piece[] = "{\"label\":\"positive\",\"score\":0.25},";
    size_t len = strtoul(r->param[0].ptr, NULL, 10);
    char *body = kit_alloc(len + 1);
    ((struct host *)ctx)->handled++;
    if (body == NULL) {
        http_reply_send(r, 503, NULL, kit_str_lit(""));
        return;
    }
    for (size_t i = 0; i < len; i++) {
        body[i] = piece[i % (sizeof(piece) - 1)];
    }
    if (http_request_query(r, "etag").ptr != NULL) {
        http_reply_field(r, "ETag", kit_str_lit("\"x\""));
    }
    http_request_on_gone(r, host_on_gone);
    const char *type = http_request_query(r, "png").ptr != NULL ? "image/png" : "application/json";
    if (http_request_query(r, "copied").ptr != NULL) {
        http_reply_send(r, 200, type, (kit_str){body, len});
        kit_alloc_free(body);
    } else {
        http_reply_send_owned(r, 200, type, body, len);
    }
}

static inline void host_owned(struct http_request *r, void *ctx)
{
    (void)ctx;
    size_t len = 100000;
    char *body = kit_alloc(len);
    if (body != NULL) {
        memset(body, 'o', len);
        http_reply_send_owned(r, 200, "text/plain", body, len);
    } else {
        http_reply_send(r, 503, NULL, kit_str_lit(""));
    }
}

static inline void host_ws(struct http_request *r, void *ctx)
{
    struct host *h = ctx;
    struct kit_err err = {0};
    h->handled++;
    kit_alloc_fail_at(h->fail_at);
    h->ws_status = http_ws_accept(r, h->ws_handler, &h->ws_options, h, &h->ws, &err);
    kit_str_to_c(kit_str_c(err.msg), h->ws_error, sizeof(h->ws_error));
}

static inline void host_empty(struct http_request *r, void *ctx)
{
    (void)ctx;
    http_reply_send(r, 204, NULL, kit_str_lit("not sent"));
}

static inline void host_fail(struct http_request *r, const struct kit_err *err)
{
    char text[KIT_ERR_MSG_BYTES + 64];
    snprintf(text, sizeof(text), "%s|%s", kit_status_name(err->code), err->msg);
    if (err->retry_after_ms > 0) {
        http_reply_field(r, "Retry-After", kit_str_lit("1"));
    }
    http_reply_send(r, kit_status_http(err->code), "text/plain", kit_str_c(text));
}

static inline void host_small_fail(struct http_request *r, const struct kit_err *err)
{
    (void)err;
    http_reply_send(r, 413, "text/plain", kit_str_lit("the route's own words"));
}

#define HOST_ROUTE(m, p, b, max, f, failing)                                                                           \
    {                                                                                                                  \
        .method = m, .pattern = p, .body = b, .body_bytes_max = max, .handler = {f, failing}, .name = p                \
    }

static const struct http_route host_routes[] = {
    HOST_ROUTE(HTTP_GET, "/hello", HTTP_BODY_NONE, 0, host_hello, NULL),
    HOST_ROUTE(HTTP_POST, "/echo", HTTP_BODY_WHOLE, 0, host_echo, NULL),
    HOST_ROUTE(HTTP_PUT, "/echo", HTTP_BODY_WHOLE, 0, host_echo, NULL),
    HOST_ROUTE(HTTP_POST, "/small", HTTP_BODY_WHOLE, 10, host_echo, host_small_fail),
    HOST_ROUTE(HTTP_POST, "/nobody", HTTP_BODY_NONE, 0, host_hello, NULL),
    HOST_ROUTE(HTTP_GET, "/late", HTTP_BODY_NONE, 0, host_late, NULL),
    HOST_ROUTE(HTTP_POST, "/late", HTTP_BODY_WHOLE, 0, host_late, NULL),
    HOST_ROUTE(HTTP_GET, "/show/{id*}", HTTP_BODY_NONE, 0, host_show, NULL),
    HOST_ROUTE(HTTP_GET, "/stream/{bytes}", HTTP_BODY_NONE, 0, host_stream, NULL),
    HOST_ROUTE(HTTP_GET, "/sized/{bytes}", HTTP_BODY_NONE, 0, host_sized, NULL),
    HOST_ROUTE(HTTP_GET, "/feed", HTTP_BODY_NONE, 0, host_feed, NULL),
    HOST_ROUTE(HTTP_GET, "/ask", HTTP_BODY_NONE, 0, host_ask, NULL),
    HOST_ROUTE(HTTP_GET, "/live", HTTP_BODY_NONE, 0, host_live, NULL),
    HOST_ROUTE(HTTP_POST, "/take", HTTP_BODY_WHOLE, 0, host_take, NULL),
    HOST_ROUTE(HTTP_GET, "/whole", HTTP_BODY_NONE, 0, host_whole, NULL),
    HOST_ROUTE(HTTP_GET, "/nothing", HTTP_BODY_NONE, 0, host_nothing, NULL),
    HOST_ROUTE(HTTP_GET, "/cut", HTTP_BODY_NONE, 0, host_cut, NULL),
    HOST_ROUTE(HTTP_GET, "/owned", HTTP_BODY_NONE, 0, host_owned, NULL),
    HOST_ROUTE(HTTP_GET, "/json/{bytes}", HTTP_BODY_NONE, 0, host_json, NULL),
    HOST_ROUTE(HTTP_GET, "/ws", HTTP_BODY_NONE, 0, host_ws, NULL),
    HOST_ROUTE(HTTP_DELETE, "/empty", HTTP_BODY_NONE, 0, host_empty, NULL),
};

/* h: zeroed, or with options set. */
static inline void host_open(struct host *h)
{
    struct http_options options = HTTP_OPTIONS_DEFAULT;
    options.fail = host_fail;
    h->options = h->options.connections_max == 0 ? options : h->options;
    host_of = h;
    assert_int_equal(loop_new(&h->loop, NULL), KIT_OK);
    assert_int_equal(http_router_new(&h->router), KIT_OK);
    assert_int_equal(http_router_add(h->router, host_routes, KIT_COUNT(host_routes), h, NULL), KIT_OK);
    assert_int_equal(http_server_new(h->loop, h->router, &h->options, &h->server, NULL), KIT_OK);
    assert_int_equal(http_server_listen(h->server, "127.0.0.1", 0, &h->port, NULL), KIT_OK);
}

static inline void host_close(struct host *h)
{
    http_server_free(h->server);
    loop_free(h->loop);
    http_router_free(h->router);
    kit_alloc_free(h->taken);
}

static inline void host_connect(struct host *h, struct http_client *c)
{
    http_client_open(c, h->port, host_turn, h);
}

/* Is fd the server's end of this connection? */
static inline bool host_is_other_end(int fd, const struct http_client *c)
{
    struct sockaddr_in own = {0}, peer = {0};
    socklen_t own_len = sizeof(own), peer_len = sizeof(peer);
    return getsockname(c->fd, (struct sockaddr *)&own, &own_len) == 0 &&
           getpeername(fd, (struct sockaddr *)&peer, &peer_len) == 0 && own.sin_family == peer.sin_family &&
           own.sin_port == peer.sin_port;
}

/* Between this client, whose connection the server has, and the server the kernel keeps some 100 KiB, and no more later:
 * left alone it takes megabytes, and how many depends on the moment. */
static inline void host_narrow(struct http_client *c)
{
    int room = 16 * KIT_KIB, narrowed = 0;
    assert_int_equal(setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)), 0);
    for (int fd = 3; fd < FD_SETSIZE; fd++) {
        if (host_is_other_end(fd, c)) {
            narrowed += setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)) == 0;
        }
    }
    assert_int_equal(narrowed, 1);
}

static inline struct http_request *host_find(struct host *h, int late)
{
    return http_server_find(h->server, h->late[late]);
}

static inline void host_answer(struct host *h, int late, const char *text)
{
    struct http_request *r = host_find(h, late);
    assert_non_null(r);
    http_reply_send(r, 200, "text/plain", kit_str_c(text));
}

/* Turns until so many requests wait for host_answer. */
static inline void host_wait_late(struct host *h, struct http_client *c, int count)
{
    for (int i = 0; i < 100000 && h->late_count < count; i++) {
        http_client_turns(c, 1);
    }
    assert_int_equal(h->late_count, count);
}

/* Turns until the server has dropped all connections. */
static inline void host_wait_empty(struct host *h)
{
    struct http_client none = {.fd = -1, .turn = host_turn, .ctx = h, .eof = true};
    uint64_t until_ns = kit_clock_ns() + 30 * KIT_NS_PER_S; /* it lingers, and the machine may be busy */
    while (http_server_counts(h->server).connections > 0 && kit_clock_ns() < until_ns) {
        http_client_turns(&none, 1);
    }
    assert_int_equal(http_server_counts(h->server).connections, 0);
    assert_int_equal(http_server_counts(h->server).requests, 0);
}

#endif
