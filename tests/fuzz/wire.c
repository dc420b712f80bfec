#include "fuzz/wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/inner.h"
#include "http/ws.h"
#include "kit/alloc.h"
#include "kit/utf8.h"

#define TURNS_MAX 20000
#define REFUSED_TURNS 20
#define QUIET_TURNS 3 /* in which nothing comes: the server has said what it says */

static struct loop *loop;
static struct http_server *server;

/* --- routes --- */

static void hello(struct http_request *r, void *ctx)
{
    (void)ctx;
    http_reply_send(r, 200, "text/plain", kit_str_lit("hello"));
}

static void echo(struct http_request *r, void *ctx)
{
    (void)ctx;
    http_reply_send(r, 200, "application/octet-stream", r->body);
}

static void show(struct http_request *r, void *ctx)
{
    (void)ctx;
    http_reply_field(r, "X-Query", http_request_query(r, "q"));
    http_reply_field(r, "X-Host", http_request_field(r, "Host"));
    http_reply_send(r, 200, "text/plain", r->param[0]);
}

static void gone(struct http_request *r)
{
    FUZZ_CHECK(http_server_find(r->server, r->id) == NULL);
}

static void never(struct http_request *r, void *ctx)
{
    (void)ctx;
    http_request_on_gone(r, gone);
}

static void more(struct http_request *r)
{
    if (http_reply_chunk(r, kit_str_lit("piece")) == KIT_OK) {
        http_reply_finish(r);
    }
}

static void stream(struct http_request *r, void *ctx)
{
    static const struct http_source source = {more, gone, NULL};
    (void)ctx;
    http_reply_start(r, 200, "text/plain", -1, &source);
}

static void on_message(struct http_ws *ws, bool text, kit_str bytes)
{
    FUZZ_CHECK(!text || kit_utf8_is_valid(bytes));
    if (kit_str_eq(bytes, kit_str_lit("close"))) {
        http_ws_close(ws, 1000, kit_str_lit("as you wish"));
    } else if (bytes.len % 7 == 3) {
        size_t len;
        kit_alloc_free(http_ws_take(ws, &len));
        FUZZ_CHECK(len == bytes.len);
    } else if (http_ws_send(ws, text, bytes) != KIT_OK) {
        http_ws_pause(ws, false);
    }
}

static void on_gone(struct http_ws *ws)
{
    FUZZ_CHECK(http_ws_find(ws->server, ws->id) == NULL);
}

static void socket_of(struct http_request *r, void *ctx)
{
    static const struct http_ws_handler handler = {on_message, NULL, NULL, on_gone};
    struct http_ws_options options = HTTP_WS_OPTIONS_DEFAULT;
    struct http_ws *ws;
    (void)ctx;
    options.message_bytes_max = 4 * KIT_KIB;
    options.binary = true;
    (void)(http_ws_accept(r, &handler, &options, NULL, &ws, NULL) == KIT_OK);
}

static const struct http_route routes[] = {
    {.method = HTTP_GET, .pattern = "/hello", .handler = {hello, NULL}, .name = "hello"},
    {.method = HTTP_POST, .pattern = "/hello", .handler = {hello, NULL}, .name = "hello"},
    {.method = HTTP_POST, .pattern = "/echo", .body = HTTP_BODY_WHOLE, .handler = {echo, NULL}, .name = "echo"},
    {.method = HTTP_GET, .pattern = "/show/{id*}", .handler = {show, NULL}, .name = "show"},
    {.method = HTTP_GET, .pattern = "/never", .handler = {never, NULL}, .name = "never"},
    {.method = HTTP_GET, .pattern = "/stream", .handler = {stream, NULL}, .name = "stream"},
    {.method = HTTP_GET, .pattern = "/ws", .handler = {socket_of, NULL}, .name = "ws"},
};

static void make_server(void)
{
    struct http_router *router;
    struct http_options options = HTTP_OPTIONS_DEFAULT;
    if (server != NULL) {
        return;
    }
    options.head_bytes_max = 1024; /* small, so that inputs reach the limits */
    options.fields_max = 8;
    options.body_bytes_max = 2 * KIT_KIB;
    options.pipeline_max = 4;
    options.write_buffer_bytes_max = 8 * KIT_KIB;
    FUZZ_CHECK(loop_new(&loop, NULL) == KIT_OK && http_router_new(&router) == KIT_OK);
    FUZZ_CHECK(http_router_add(router, routes, KIT_COUNT(routes), NULL, NULL) == KIT_OK);
    FUZZ_CHECK(http_server_new(loop, router, &options, &server, NULL) == KIT_OK);
}

/* --- the peer --- */

struct peer {
    int fd;
    char *answer;
    size_t len, room;
    bool ended;
};

/* Reads what is there. */
static bool hear(struct peer *p)
{
    char piece[4096];
    ssize_t n = p->ended ? 0 : recv(p->fd, piece, sizeof(piece), MSG_DONTWAIT);
    if (n <= 0) {
        p->ended = p->ended || n == 0 || errno != EAGAIN;
        return false;
    }
    size_t keep = KIT_MIN((size_t)n, p->room - p->len);
    memcpy(p->answer + p->len, piece, keep);
    p->len += keep;
    return true;
}

static void listen_until_quiet(struct peer *p)
{
    for (int quiet = 0; quiet < QUIET_TURNS && !p->ended;) {
        loop_run_once(loop);
        quiet = hear(p) ? 0 : quiet + 1;
    }
}

/* Stops where the server takes no more: it waits for an answer that does not come, or for us to read. */
static void say(struct peer *p, kit_str bytes, size_t piece)
{
    int refused = 0;
    for (size_t done = 0; done < bytes.len && !p->ended && refused < REFUSED_TURNS;) {
        size_t n = piece == 0 ? bytes.len - done : KIT_MIN(piece, bytes.len - done);
        ssize_t sent = send(p->fd, bytes.ptr + done, n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) {
            return;
        }
        done += sent > 0 ? (size_t)sent : 0;
        refused = sent > 0 ? 0 : refused + 1;
        loop_run_once(loop);
        (void)hear(p);
    }
}

static void run_until_empty(void)
{
    for (int i = 0; i < TURNS_MAX && http_server_counts(server).connections > 0; i++) {
        loop_run_once(loop);
    }
    struct http_counts left = http_server_counts(server);
    FUZZ_CHECK(left.connections == 0 && left.requests == 0 && left.sockets == 0);
}

size_t fuzz_wire_run(kit_str bytes, size_t piece, bool half, char *answer, size_t room)
{
    int pair[2];
    make_server();
    FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    FUZZ_CHECK(http_connection_open(server, pair[0], "fuzz", false));
    struct peer p = {.fd = pair[1], .answer = answer, .room = room};
    say(&p, bytes, piece);
    if (half) {
        shutdown(p.fd, SHUT_WR);
    }
    listen_until_quiet(&p);
    close(p.fd);
    run_until_empty();
    return p.len;
}
