#include "net/listen.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/conn.h"
#include "support/test.h"

struct host {
    struct loop *loop;
    struct net_listen *listen;
    int accepted;
    int fds[8];
    char peer[NET_PEER_BYTES];
    bool close_at_once;
};

static void accepted(void *ctx, int fd, const char *peer)
{
    struct host *h = ctx;
    h->fds[h->accepted++] = fd;
    kit_str_to_c(kit_str_c(peer), h->peer, sizeof(h->peer));
    if (h->close_at_once) {
        net_listen_close(h->listen);
        h->listen = NULL;
    }
}

static uint16_t open_host(struct host *h, const char *name, uint16_t port)
{
    uint16_t bound = 0;
    assert_int_equal(loop_new(&h->loop, NULL), KIT_OK);
    assert_int_equal(net_listen_new(h->loop, name, port, 1000, accepted, h, &h->listen, &bound, NULL), KIT_OK);
    assert_true(bound > 0);
    return bound;
}

static void close_host(struct host *h)
{
    for (int i = 0; i < h->accepted; i++) {
        close(h->fds[i]);
    }
    net_listen_close(h->listen);
    loop_free(h->loop);
}

static int connect_to(const char *address, uint16_t port)
{
    bool v6 = strchr(address, ':') != NULL;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
    inet_pton(v6 ? AF_INET6 : AF_INET, address, v6 ? (void *)&in6.sin6_addr : (void *)&in.sin_addr);
    int rc = v6 ? connect(fd, (struct sockaddr *)&in6, sizeof(in6)) : connect(fd, (struct sockaddr *)&in, sizeof(in));
    if (rc != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void turn(struct host *h)
{
    for (int i = 0; i < 10; i++) {
        loop_run_once(h->loop);
    }
}

TEST(listen_accepts_and_tells_the_peer)
{
    struct host h = {0};
    uint16_t port = open_host(&h, "127.0.0.1", 0);
    int a = connect_to("127.0.0.1", port), b = connect_to("127.0.0.1", port);
    turn(&h);
    assert_int_equal(h.accepted, 2);
    struct sockaddr_in self;
    socklen_t len = sizeof(self);
    char text[NET_PEER_BYTES];
    getsockname(b, (struct sockaddr *)&self, &len);
    snprintf(text, sizeof(text), "127.0.0.1:%u", ntohs(self.sin_port));
    assert_string_equal(h.peer, text);
    close(a);
    close(b);
    close_host(&h);
}

static bool has_v6(void)
{
    struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    bool has = fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return has;
}

TEST(listen_takes_ipv6_with_and_without_brackets)
{
    if (!has_v6()) {
        skip();
    }
    struct host h = {0};
    uint16_t port = open_host(&h, "[::1]", 0);
    int fd = connect_to("::1", port);
    turn(&h);
    assert_int_equal(h.accepted, 1);
    assert_memory_equal(h.peer, "[::1]:", 6);
    close(fd);
    close_host(&h);
}

TEST(listen_on_a_name_takes_each_of_its_addresses)
{
    struct host h = {0};
    uint16_t port = open_host(&h, "localhost", 0);
    int fd = connect_to("127.0.0.1", port);
    assert_true(fd >= 0);
    turn(&h);
    assert_int_equal(h.accepted, 1);
    close(fd);
    close_host(&h);
}

TEST(listen_names_the_address_that_another_process_has)
{
    struct host h = {0};
    struct kit_err err;
    char text[64];
    uint16_t bound = 0;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(at);
    int one = 1, other = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(other, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)); /* even if it is willing to share */
    assert_int_equal(bind(other, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(other, 1), 0);
    getsockname(other, (struct sockaddr *)&at, &len);
    assert_int_equal(loop_new(&h.loop, NULL), KIT_OK);
    enum kit_status rc =
        net_listen_new(h.loop, "127.0.0.1", ntohs(at.sin_port), 1000, accepted, &h, &h.listen, &bound, &err);
    assert_int_equal(rc, KIT_IO);
    snprintf(text, sizeof(text), "127.0.0.1:%u: address already in use", ntohs(at.sin_port));
    assert_string_equal(err.msg, text);
    assert_null(h.listen);
    close(other);
    close_host(&h);
}

TEST(listen_shares_an_address_within_the_process)
{
    struct host a = {0}, b = {0};
    uint16_t port = open_host(&a, "127.0.0.1", 0);
    assert_int_equal(open_host(&b, "127.0.0.1", port), port);
    int fds[64];
    for (size_t i = 0; i < KIT_COUNT(fds); i++) {
        fds[i] = connect_to("127.0.0.1", port);
        assert_true(fds[i] >= 0);
        turn(&a);
        turn(&b);
        for (struct host *h = &a; h != NULL; h = h == &a ? &b : NULL) {
            while (h->accepted > 1) {
                close(h->fds[--h->accepted]); /* room in fds */
            }
        }
        close(fds[i]);
    }
    assert_int_equal(a.accepted + b.accepted, 2); /* each had at least one */
    close_host(&a);
    close_host(&b);
}

TEST(listen_may_be_closed_while_it_accepts)
{
    struct host h = {.close_at_once = true};
    uint16_t port = open_host(&h, "127.0.0.1", 0);
    int a = connect_to("127.0.0.1", port), b = connect_to("127.0.0.1", port);
    turn(&h);
    assert_int_equal(h.accepted, 1);
    close(a);
    close(b);
    close_host(&h);
}

TEST(listen_finish_accepts_who_is_through)
{
    struct host h = {0};
    uint16_t port = open_host(&h, "127.0.0.1", 0);
    int fds[3];
    for (int i = 0; i < 3; i++) {
        fds[i] = connect_to("127.0.0.1", port);
        assert_true(fds[i] >= 0);
    }
    net_listen_finish(h.listen); /* no turn of the loop has seen them */
    h.listen = NULL;
    assert_int_equal(h.accepted, 3);
    assert_int_equal(connect_to("127.0.0.1", port), -1);
    net_listen_finish(NULL);
    for (int i = 0; i < 3; i++) {
        close(fds[i]);
    }
    close_host(&h);
}

/* TCP_USER_TIMEOUT ends a connection at the first unanswered probe of keep-alive when it is over by then: ten thousand
 * idle connections lost a third of themselves that way, to probes that were dropped in one burst. */
TEST(listen_lets_keep_alive_send_all_its_probes)
{
    struct host h = {0};
    uint16_t port = open_host(&h, "127.0.0.1", 0);
    int fd = connect_to("127.0.0.1", port), idle = 0, every = 0, count = 0, user = 0;
    socklen_t len = sizeof(int);
    turn(&h);
    assert_int_equal(h.accepted, 1);
    assert_int_equal(getsockopt(h.fds[0], IPPROTO_TCP, TCP_KEEPIDLE, &idle, &len), 0);
    assert_int_equal(getsockopt(h.fds[0], IPPROTO_TCP, TCP_KEEPINTVL, &every, &len), 0);
    assert_int_equal(getsockopt(h.fds[0], IPPROTO_TCP, TCP_KEEPCNT, &count, &len), 0);
    assert_int_equal(getsockopt(h.fds[0], IPPROTO_TCP, TCP_USER_TIMEOUT, &user, &len), 0);
    assert_true(count >= 3 && user >= 1000 * (idle + count * every));
    close(fd);
    close_host(&h);
}

TEST(listen_says_which_name_is_not_known)
{
    struct host h = {0};
    struct kit_err err;
    uint16_t bound = 0;
    assert_int_equal(loop_new(&h.loop, NULL), KIT_OK);
    assert_int_equal(net_listen_new(h.loop, "300.1.2.3.", 0, 1000, accepted, &h, &h.listen, &bound, &err),
                     KIT_NOT_FOUND);
    assert_memory_equal(err.msg, "300.1.2.3.: ", 12);
    close_host(&h);
}

TEST(listen_survives_each_failed_alloc)
{
    struct host h = {0};
    assert_int_equal(loop_new(&h.loop, NULL), KIT_OK);
    TEST_ALLOC_SWEEP(n) {
        uint16_t bound = 0;
        enum kit_status rc = net_listen_new(h.loop, "127.0.0.1", 0, 1000, accepted, &h, &h.listen, &bound, NULL);
        assert_true(rc == KIT_OK ? h.listen != NULL : rc == KIT_NOMEM && h.listen == NULL);
        net_listen_close(h.listen);
        h.listen = NULL;
    }
    close_host(&h);
}

/* --- connections --- */

struct layer {
    int reads, writes, wants, finishes, frees;
};

static enum loop_io upper_read(void *state, struct loop_stream *s, char *to, size_t room, size_t *got)
{
    ((struct layer *)state)->reads++;
    enum loop_io io = loop_stream_read(s, to, room, got);
    for (size_t i = 0; io == LOOP_IO_OK && i < *got; i++) {
        to[i] ^= 0x20;
    }
    return io;
}

static enum loop_io counted_write(void *state, struct loop_stream *s, const struct iovec *iov, int count, size_t *wrote)
{
    ((struct layer *)state)->writes++;
    return loop_stream_write(s, iov, count, wrote);
}

static void counted_want(void *state, struct loop_stream *s, bool read, bool write)
{
    ((struct layer *)state)->wants++;
    loop_stream_want(s, read, write);
}

static void counted_finish(void *state, struct loop_stream *s)
{
    ((struct layer *)state)->finishes++;
    loop_stream_finish(s);
}

static void counted_free(void *state)
{
    ((struct layer *)state)->frees++;
}

static void nothing(void *ctx)
{
    (void)ctx;
}

static const struct loop_stream_events quiet = {nothing, nothing, nothing, nothing};

TEST(conn_sends_all_through_its_layer)
{
    static const struct net_layer table = {upper_read, counted_write, counted_want, counted_finish, counted_free};
    struct layer layer = {0};
    struct loop *l = NULL;
    struct net_conn *c = NULL;
    struct iovec iov = {.iov_base = (void *)(uintptr_t) "out", .iov_len = 3};
    char text[8] = "";
    size_t n = 0;
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(loop_new(&l, NULL), KIT_OK);
    assert_int_equal(net_conn_new(l, fds[0], &table, &layer, &quiet, NULL, &c, NULL), KIT_OK);
    net_conn_want(c, true, false);
    assert_int_equal(write(fds[1], "abc", 3), 3);
    assert_int_equal(net_conn_read(c, text, sizeof(text), &n), LOOP_IO_OK);
    assert_memory_equal(text, "ABC", 3);
    assert_int_equal(net_conn_write(c, &iov, 1, &n), LOOP_IO_OK);
    assert_int_equal(read(fds[1], text, sizeof(text)), 3);
    net_conn_finish(c);
    net_conn_close(c);
    assert_int_equal(layer.reads + layer.writes + layer.wants + layer.finishes + layer.frees, 5);
    close(fds[1]);
    loop_free(l);
}

int main(void)
{
    return TEST_RUN(TEST_OF(listen_accepts_and_tells_the_peer), TEST_OF(listen_takes_ipv6_with_and_without_brackets),
                    TEST_OF(listen_on_a_name_takes_each_of_its_addresses),
                    TEST_OF(listen_names_the_address_that_another_process_has),
                    TEST_OF(listen_shares_an_address_within_the_process),
                    TEST_OF(listen_may_be_closed_while_it_accepts), TEST_OF(listen_finish_accepts_who_is_through),
                    TEST_OF(listen_lets_keep_alive_send_all_its_probes), TEST_OF(listen_says_which_name_is_not_known),
                    TEST_OF(listen_survives_each_failed_alloc), TEST_OF(conn_sends_all_through_its_layer));
}
