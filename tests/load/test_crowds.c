/* Crowds: ten thousand who are idle, a thousand who dribble, some who never read, thousands who vanish; and somebody who
 * only wants an answer meanwhile. Memory is bounded, and goes back. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crowd.h"
#include "kit/clock.h"
#include "support/temp.h"
#include "support/test.h"

#define GET "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define GET_MUCH "GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define MIB ((double)KIT_MIB)

static struct server server;
static const char *models;

static void start(const char *const *args)
{
    server_start(&server, models, args);
}

/* The witness asks so often while the crowd is read. */
static void watch(struct witness *w, struct crowd *c, int times)
{
    for (int i = 0; i < times; i++) {
        witness_ask(w);
        crowd_read(c, 1);
    }
}

static void wait_answers(struct crowd *c, int status, int count)
{
    uint64_t until_ns = kit_clock_ns() + 60 * KIT_NS_PER_S;
    while (crowd_count_status(c, status) < count) {
        assert_true(kit_clock_ns() < until_ns);
        crowd_read(c, 50);
    }
}

static void show(const struct witness *w, double bytes)
{
    crowd_row("the witness's answers, ms", "median %.2f, 99 of 100 under %.2f, longest %.2f (of %d)",
              witness_ms(w, 0.5), witness_ms(w, 0.99), witness_ms(w, 1), w->asked);
    crowd_row("resident memory", "%+.1f MiB", bytes / MIB);
}

/* --- idle --- */

static void ask_all(struct crowd *c)
{
    crowd_forget(c);
    for (int i = 0; i < c->count; i++) {
        assert_true(crowd_send(c, i, GET, strlen(GET)));
        if (i % 256 == 255) {
            crowd_read(c, 0);
        }
    }
    wait_answers(c, 200, c->count);
}

TEST(crowd_of_ten_thousand_idle_connections_costs_little_and_all_work_on)
{
    static const char *const args[] = {"--set", "http.connections_max=12000", "--set", "http.idle_timeout=10m", NULL};
    static struct witness w;
    struct crowd c;
    start(args);
    witness_start(&w, &server);
    witness_ask(&w);
    double before = (double)server_rss(&server);
    crowd_open(&c, &server, crowd_descriptors(10000));
    ask_all(&c);
    double grown = (double)server_rss(&server) - before;
    int rounds = crowd_is_long() ? 60 : 1;
    for (int i = 0; i < rounds; i++) {
        watch(&w, &c, 500);
        usleep(crowd_is_long() ? 1000000 : 0);
    }
    ask_all(&c);
    assert_int_equal(crowd_count_ended(&c), 0);
    printf("idle connections: %d\n", c.count);
    show(&w, grown);
    crowd_row("bytes each", "%.0f", grown / c.count);
    assert_true(grown / c.count < 8 * (double)KIT_KIB);
    crowd_close(&c);
    witness_end(&w);
    server_wait_metric(&server, "http_connections", 1); /* the one that asks */
    server_stop(&server);
}

#define UPGRADE                                                                                                        \
    "GET /serve/stream HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                   \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

TEST(crowd_of_idle_sockets_costs_little_and_all_answer)
{
    static const char *const args[] = {"--set", "http.connections_max=12000", NULL};
    static const char ping[] = "\x89\x80\0\0\0\0";
    static struct witness w;
    struct crowd c;
    start(args);
    witness_start(&w, &server);
    witness_ask(&w);
    double before = (double)server_rss(&server);
    crowd_open(&c, &server, crowd_descriptors(crowd_is_long() ? 10000 : 3000));
    for (int i = 0; i < c.count; i++) {
        assert_true(crowd_send(&c, i, UPGRADE, strlen(UPGRADE)));
    }
    wait_answers(&c, 101, c.count);
    double grown = (double)server_rss(&server) - before;
    watch(&w, &c, 500);
    crowd_forget(&c);
    for (int i = 0; i < c.count; i++) {
        assert_true(crowd_send(&c, i, ping, sizeof(ping) - 1));
    }
    uint64_t until_ns = kit_clock_ns() + 60 * KIT_NS_PER_S;
    for (int i = 0; i < c.count; i++) {
        while (c.member[i].got < 2) {
            assert_true(kit_clock_ns() < until_ns);
            crowd_read(&c, 50);
        }
        assert_memory_equal(c.member[i].head, "\x8a\0", 2);
    }
    printf("idle WebSockets: %d\n", c.count);
    show(&w, grown);
    crowd_row("bytes each", "%.0f", grown / c.count);
    assert_true(grown / c.count < 16 * (double)KIT_KIB);
    crowd_close(&c);
    witness_end(&w);
    server_wait_metric(&server, "http_sockets", 0);
    server_stop(&server);
}

/* --- slow --- */

static const char *dribbled(int i)
{
    static const char *const texts[] = {
        "GET /models HTTP/1.1\r\nHost: localhost\r\nX-Long: "
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "POST /serve HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
        "60000000\r\n\r\n{\"model\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "POST /serve HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: "
        "chunked\r\n\r\n1\r\n{\r\n1\r\n\"\r\n1\r\na\r\n1\r\na\r\n1\r\na\r\n",
    };
    return texts[i % (int)KIT_COUNT(texts)];
}

/* Heads at one byte a turn; a body comes in one piece up to its first bytes, then at one byte a turn. */
static size_t first_bytes(int i)
{
    const char *end = strstr(dribbled(i), "\r\n\r\n");
    return end == NULL ? 1 : (size_t)(end - dribbled(i)) + 5;
}

TEST(crowd_of_a_thousand_slow_clients_is_shown_out_and_nobody_waits_for_it)
{
    static const char *const args[] = {"--set", "http.head_timeout=1500ms", "--set", "http.body_timeout=1500ms", NULL};
    static struct witness w;
    struct crowd c;
    size_t at[1000];
    start(args);
    witness_start(&w, &server);
    witness_ask(&w);
    double before = (double)server_rss(&server), most = before;
    crowd_open(&c, &server, crowd_descriptors(1000));
    for (int i = 0; i < c.count; i++) {
        at[i] = first_bytes(i);
        crowd_send(&c, i, dribbled(i), at[i]);
    }
    uint64_t since_ns = kit_clock_ns();
    while (crowd_count_ended(&c) < c.count) {
        assert_true(kit_clock_ns() - since_ns < 60 * KIT_NS_PER_S);
        for (int i = 0; i < c.count; i++) {
            const char *text = dribbled(i);
            if (text[at[i]] != '\0' && crowd_send(&c, i, text + at[i], 1)) {
                at[i]++;
            }
        }
        watch(&w, &c, 5);
        most = KIT_MAX(most, (double)server_rss(&server));
        usleep(40000);
    }
    printf("clients that send a byte at a time: %d\n", c.count);
    crowd_row("ended with 408", "%d, the last after %.1f s", crowd_count_status(&c, 408),
              (double)(kit_clock_ns() - since_ns) / (double)KIT_NS_PER_S);
    show(&w, most - before);
    assert_int_equal(crowd_count_status(&c, 408), c.count);
    assert_true(most - before < 32 * MIB);
    crowd_close(&c);
    witness_end(&w);
    server_stop(&server);
}

/* --- deaf --- */

TEST(crowd_that_never_reads_holds_a_bounded_buffer_each_until_it_is_cut)
{
    static const char *const args[] = {"--set", "http.write_timeout=1s", NULL};
    static struct witness w;
    struct crowd c;
    int small = 4096;
    start(args);
    witness_start(&w, &server);
    witness_ask(&w);
    double before = (double)server_rss(&server), most = before;
    crowd_open(&c, &server, crowd_is_long() ? 200 : 50);
    for (int i = 0; i < c.count; i++) {
        setsockopt(c.member[i].fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
        for (int k = 0; k < 400; k++) { /* some 10 MB of answers, if anybody took them */
            crowd_send(&c, i, GET_MUCH, strlen(GET_MUCH));
        }
    }
    uint64_t until_ns = kit_clock_ns() + 60 * KIT_NS_PER_S;
    while (server_metric(&server, "http_connections") > 2) { /* the witness, and the one that asks */
        assert_true(kit_clock_ns() < until_ns);
        witness_ask(&w);
        most = KIT_MAX(most, (double)server_rss(&server));
        usleep(10000);
    }
    printf("clients that ask 400 times and never read: %d\n", c.count);
    show(&w, most - before);
    assert_true(most - before < c.count * MIB / 2);
    crowd_close(&c);
    witness_end(&w);
    server_stop(&server);
}

/* --- gone --- */

static void vanish(const struct server *s, unsigned how)
{
    int fd = server_connect(s);
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    if (how % 2 == 0) {
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    }
    switch (how / 2 % 6) {
    case 0:
        break;
    case 1:
        server_send(fd, kit_str_lit("GET /mod"));
        break;
    case 2:
        server_send(fd, kit_str_lit(GET));
        break;
    case 3:
        server_ask_echo(fd, "slow", "");
        break;
    case 4:
        server_send(fd, kit_str_lit("POST /serve HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n{\"mod"));
        break;
    default:
        server_send(fd, kit_str_lit("GET /models/events HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        break;
    }
    if (how / 12 % 3 == 1) {
        usleep(200);
    }
    close(fd);
}

TEST(crowd_that_vanishes_leaves_nothing_behind)
{
    static const char *const args[] = {"--set", "server.loops=2", NULL};
    static struct witness w;
    int rounds = crowd_is_long() ? 200000 : 6000;
    start(args);
    witness_start(&w, &server);
    server_expect_only(&server, "POST", "/models/slow/load?wait=true", "", 200);
    for (int i = 0; i < 600; i++) {
        vanish(&server, (unsigned)i); /* what is made once is made */
    }
    server_wait_metric(&server, "http_connections", 2);
    double before = (double)server_rss(&server);
    for (int i = 0; i < rounds; i++) {
        vanish(&server, (unsigned)i);
        if (i % 20 == 0) {
            witness_ask(&w);
        }
    }
    server_wait_metric(&server, "http_connections", 2);
    server_wait_metric(&server, "sched_queue_jobs", 0);
    double after = (double)server_rss(&server);
    printf("clients that vanish at some point: %d\n", rounds);
    show(&w, after - before);
    assert_true(after - before < 16 * MIB);
    witness_end(&w);
    server_stop(&server);
}

static int make_models(void **state)
{
    static char path[TEST_PATH_BYTES];
    (void)state;
    test_temp_write(path, "crowds/slow/echo.json", kit_str_lit("{\"delay_ms\": 5}"));
    models = test_temp_path(path, "crowds");
    return 0;
}

int main(void)
{
    crowd_descriptors(10000);
    const struct CMUnitTest tests[] = {TEST_OF(crowd_of_ten_thousand_idle_connections_costs_little_and_all_work_on),
                                       TEST_OF(crowd_of_idle_sockets_costs_little_and_all_answer),
                                       TEST_OF(crowd_of_a_thousand_slow_clients_is_shown_out_and_nobody_waits_for_it),
                                       TEST_OF(crowd_that_never_reads_holds_a_bounded_buffer_each_until_it_is_cut),
                                       TEST_OF(crowd_that_vanishes_leaves_nothing_behind)};
    return cmocka_run_group_tests(tests, make_models, NULL);
}
