/* tests/bench/http_bench_server.c - one loop that answers GET /health with 200 bytes of JSON: the floor under every
 * other figure, to be compared with nginx's `return 200`. Usage: http_bench_server [port]; ends on SIGTERM or SIGINT. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "http/metrics.h"
#include "http/server.h"
#include "kit/alloc.h"
#include "loop/metrics.h"
#include "loop/signal.h"

static char body[200];

static void health(struct http_request *r, void *ctx)
{
    (void)ctx;
    http_reply_send(r, 200, "application/json", (kit_str){.ptr = body, .len = sizeof(body)});
}

static const struct http_route routes[] = {
    {.method = HTTP_GET, .pattern = "/health", .handler = {.handle = health}, .name = "health"},
};

static void stop(void *ctx, int number)
{
    (void)number;
    loop_stop(ctx);
}

static void fill_body(void)
{
    int len = snprintf(body, sizeof(body), "{\"status\":\"ok\",\"pad\":\"");
    for (size_t i = (size_t)len; i < sizeof(body) - 2; i++) {
        body[i] = 'x';
    }
    body[sizeof(body) - 2] = '"';
    body[sizeof(body) - 1] = '}';
}

static enum kit_status serve(uint16_t port, struct kit_err *err)
{
    struct loop *loop = NULL;
    struct http_router *router = NULL;
    struct http_server *server = NULL;
    struct loop_signal *term = NULL, *interrupt = NULL;
    enum kit_status rc = loop_new(&loop, err);
    rc = rc == KIT_OK ? http_router_new(&router) : rc;
    rc = rc == KIT_OK ? http_router_add(router, routes, KIT_COUNT(routes), NULL, err) : rc;
    rc = rc == KIT_OK ? http_server_new(loop, router, &HTTP_OPTIONS_DEFAULT, &server, err) : rc;
    rc = rc == KIT_OK ? http_server_listen(server, "127.0.0.1", port, &port, err) : rc;
    rc = rc == KIT_OK ? loop_signal_new(loop, SIGTERM, true, stop, loop, &term, err) : rc;
    rc = rc == KIT_OK ? loop_signal_new(loop, SIGINT, true, stop, loop, &interrupt, err) : rc;
    if (rc == KIT_OK) {
        uint64_t before = kit_alloc_bytes();
        printf("http://127.0.0.1:%u/health\n", port);
        fflush(stdout);
        loop_run(loop);
        printf("kit_alloc: %lld bytes more than at the start, %u connections\n",
               (long long)(kit_alloc_bytes() - before), http_server_counts(server).connections);
    }
    http_server_free(server);
    loop_free(loop);
    http_router_free(router);
    return rc;
}

int main(int argc, char **argv)
{
    struct kit_err err = {0};
    loop_metrics_register();
    http_metrics_register();
    fill_body();
    if (serve(argc > 1 ? (uint16_t)atoi(argv[1]) : 0, &err) != KIT_OK) {
        fprintf(stderr, "http_bench_server: %s\n", err.msg);
        return 1;
    }
    return 0;
}
