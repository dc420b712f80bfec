/* Two loops on threads of their own share one router and one address; clients on the test's thread. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/server.h"
#include "kit/sync.h"
#include "loop/chan.h"
#include "loop/work.h"
#include "support/test.h"

#define LOOPS 2
#define CLIENTS 24
#define ROUNDS 20

struct node;

/* A request on its way to the work pool and back: it owns its bytes and names the request by id. */
struct errand {
    struct loop_work_job job; /* first */
    struct loop_msg msg;
    struct node *node;
    kit_id request;
    char *body; /* owned */
    int n;
};

struct node {
    struct kit_thread thread;
    struct loop *loop;
    struct http_server *server;
    struct loop_chan *answers, *orders;
    struct loop_msg stop;
    struct loop_work *work;
    const struct http_router *router;
    uint16_t port;
    int served; /* read after the join */
};

static struct node *node_of[LOOPS];
static struct kit_budget bodies; /* of both servers */

static void work_on(struct loop_work_job *job)
{
    struct errand *e = (struct errand *)job;
    e->n = 2 * atoi(e->body);
    assert_int_equal(loop_chan_send_answer(e->node->answers, &e->msg), KIT_OK);
}

static void handle_double(struct http_request *r, void *ctx)
{
    (void)ctx;
    struct errand *e = kit_alloc_zero(1, sizeof(*e));
    assert_non_null(e);
    e->node = node_of[0]->server == r->server ? node_of[0] : node_of[1];
    e->request = r->id;
    size_t len = 0;
    e->body = http_request_take_body(r, &len);
    assert_int_equal(len, 4);
    e->job.run = work_on;
    assert_int_equal(loop_work_submit(e->node->work, &e->job), KIT_OK);
}

static const struct http_route routes[] = {
    {.method = HTTP_POST,
     .pattern = "/double",
     .body = HTTP_BODY_WHOLE,
     .handler = {.handle = handle_double},
     .name = "double"},
};

static void free_errand(struct errand *e)
{
    kit_alloc_free(e->body);
    kit_alloc_free(e);
}

static void answer(void *ctx, struct loop_msg *m)
{
    struct node *node = ctx;
    struct errand *e = KIT_CONTAINER(m, struct errand, msg);
    struct http_request *r = http_server_find(node->server, e->request);
    if (r != NULL) {
        char text[16];
        snprintf(text, sizeof(text), "%d", e->n);
        http_reply_send(r, 200, "text/plain", kit_str_c(text));
        node->served++;
    }
    free_errand(e);
}

static void drop(void *ctx, struct loop_msg *m)
{
    (void)ctx;
    free_errand(KIT_CONTAINER(m, struct errand, msg));
}

static void drained(void *ctx)
{
    struct node *node = ctx;
    loop_chan_close(node->orders);
    loop_stop(node->loop);
}

static void obey(void *ctx, struct loop_msg *m)
{
    (void)m;
    struct node *node = ctx;
    http_server_drain(node->server, 100, drained, node);
}

static void ignore(void *ctx, struct loop_msg *m)
{
    (void)ctx;
    (void)m;
}

static void open_node(struct node *node, const struct http_router *router, struct loop_work *work, uint16_t port)
{
    struct loop_chan_options answers = {.max = 1, .ctx = node, .receive = answer, .drop = drop};
    struct loop_chan_options orders = {.max = 1, .ctx = node, .receive = obey, .drop = ignore};
    node->work = work;
    assert_int_equal(loop_new(&node->loop, NULL), KIT_OK);
    assert_int_equal(loop_chan_new(node->loop, &answers, &node->answers, NULL), KIT_OK);
    assert_int_equal(loop_chan_new(node->loop, &orders, &node->orders, NULL), KIT_OK);
    struct http_options options = HTTP_OPTIONS_DEFAULT;
    options.bodies = &bodies;
    assert_int_equal(http_server_new(node->loop, router, &options, &node->server, NULL), KIT_OK);
    assert_int_equal(http_server_listen(node->server, "127.0.0.1", port, &node->port, NULL), KIT_OK);
}

static void run_node(void *arg)
{
    loop_run(((struct node *)arg)->loop);
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct timeval limit = {.tv_sec = 10};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    return fd;
}

static void ask(int fd, int n)
{
    char request[96];
    int len =
        snprintf(request, sizeof(request), "POST /double HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n%04d", n);
    assert_int_equal(send(fd, request, (size_t)len, MSG_NOSIGNAL), len);
}

static void expect(int fd, int n)
{
    char text[512] = "", tail[16];
    size_t len = 0;
    int tail_len = snprintf(tail, sizeof(tail), "\r\n\r\n%d", n);
    while (len < (size_t)tail_len || memcmp(text + len - tail_len, tail, (size_t)tail_len) != 0) {
        ssize_t got = recv(fd, text + len, sizeof(text) - len, 0);
        assert_true(got > 0);
        len += (size_t)got;
    }
}

TEST(server_on_two_loops_answers_from_a_work_pool)
{
    struct node nodes[LOOPS] = {0};
    struct http_router *router = NULL;
    struct loop_work *work = NULL;
    int fds[CLIENTS], served = 0;
    assert_int_equal(http_router_new(&router), KIT_OK);
    assert_int_equal(http_router_add(router, routes, KIT_COUNT(routes), NULL, NULL), KIT_OK);
    assert_int_equal(loop_work_new(2, 1000, &work, NULL), KIT_OK);
    for (int i = 0; i < LOOPS; i++) {
        node_of[i] = &nodes[i];
        open_node(&nodes[i], router, work, i == 0 ? 0 : nodes[0].port);
    }
    for (int i = 0; i < LOOPS; i++) {
        assert_int_equal(kit_thread_start(&nodes[i].thread, "loop", run_node, &nodes[i], NULL), KIT_OK);
    }
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = connect_to(nodes[0].port);
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < CLIENTS; i++) {
            ask(fds[i], 1000 + i);
        }
        for (int i = 0; i < CLIENTS; i++) {
            expect(fds[i], 2 * (1000 + i));
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        ask(fds[i], 1); /* and leaves */
        close(fds[i]);
    }
    for (int i = 0; i < LOOPS; i++) {
        assert_int_equal(loop_chan_send(nodes[i].orders, &nodes[i].stop), KIT_OK);
    }
    for (int i = 0; i < LOOPS; i++) {
        kit_thread_join(&nodes[i].thread);
        served += nodes[i].served;
    }
    assert_true(served >= CLIENTS * ROUNDS);
    loop_work_free(work); /* before the channels that its jobs answer through */
    for (int i = 0; i < LOOPS; i++) {
        loop_chan_close(nodes[i].answers);
        http_server_free(nodes[i].server);
        loop_free(nodes[i].loop);
    }
    http_router_free(router);
    assert_int_equal(kit_budget_used(&bodies), 0);
}

int main(void)
{
    return TEST_RUN(TEST_OF(server_on_two_loops_answers_from_a_work_pool));
}
