/* Many at once: deadlines, full queues, clients that leave. The echo model takes as long as its echo.json says. */
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kit/clock.h"
#include "server.h"
#include "support/temp.h"
#include "support/test.h"

#define CANCELLED "result=\"cancelled\""

static struct server server;

TEST(a_request_whose_deadline_passes_in_the_queue_is_not_computed)
{
    enum { COUNT = 8 };
    int fds[COUNT], timed_out = 0, answered = 0;
    double runs = server_metric(&server, "sched_rows_total");
    for (int i = 0; i < COUNT; i++) {
        fds[i] = server_connect(&server);
        server_ask_echo(fds[i], "slow", ",\"timeout_ms\":150");
    }
    for (int i = 0; i < COUNT; i++) {
        int status = server_read_status(fds[i]);
        timed_out += status == 504;
        answered += status == 200;
        close(fds[i]);
    }
    assert_int_equal(timed_out + answered, COUNT);
    assert_true(timed_out > 0);
    assert_true(answered > 0);
    assert_true(server_metric(&server, "sched_rows_total") - runs <= answered);
}

TEST(a_full_queue_refuses_with_429_and_loses_nothing)
{
    enum { COUNT = 40 };
    int fds[COUNT], refused = 0, answered = 0;
    for (int i = 0; i < COUNT; i++) {
        fds[i] = server_connect(&server);
        server_ask_echo(fds[i], "slow", "");
    }
    for (int i = 0; i < COUNT; i++) {
        int status = server_read_status(fds[i]);
        refused += status == 429;
        answered += status == 200;
        close(fds[i]);
    }
    assert_int_equal(refused + answered, COUNT);
    assert_true(refused > 0);
    assert_true(answered >= 8);
    server_wait_metric(&server, "sched_queue_jobs", 0);
}

TEST(clients_that_leave_take_their_work_with_them)
{
    enum { COUNT = 8 };
    int fds[COUNT];
    double before = server_metric_of(&server, "sched_jobs_total", CANCELLED);
    for (int i = 0; i < COUNT; i++) {
        fds[i] = server_connect(&server);
        server_ask_echo(fds[i], "slow", "");
    }
    usleep(20000); /* they are read; two run for 60 ms */
    for (int i = 0; i < COUNT; i++) {
        close(fds[i]);
    }
    server_wait_metric(&server, "sched_queue_jobs", 0);
    assert_true(server_metric_of(&server, "sched_jobs_total", CANCELLED) - before >= COUNT / 2);
    int fd = server_connect(&server);
    server_ask_echo(fd, "slow", "");
    assert_int_equal(server_read_status(fd), 200);
    close(fd);
}

/* Sends a part of a request, or all of it, and goes without a word. */
static void vanish(int i)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    int fd = server_connect(&server);
    switch (i % 4) {
    case 0:
        server_send(fd, kit_str_lit("POST /serve HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Le"));
        break;
    case 1:
        server_send(fd,
                    kit_str_lit("POST /serve HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{\"model\":"));
        break;
    case 2:
        server_ask_echo(fd, "quick", "");
        break;
    default:
        server_send(fd, kit_str_lit("GET /models/quick/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
        break;
    }
    if (i % 3 == 0) {
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    }
    close(fd);
}

TEST(a_thousand_clients_that_vanish_leave_nothing_behind)
{
    for (int i = 0; i < 200; i++) {
        vanish(i);
    }
    server_wait_metric(&server, "http_connections", 1); /* the one that asks */
    server_wait_metric(&server, "sched_queue_jobs", 0);
    double before = server_metric(&server, "process_allocated_bytes");
    for (int i = 0; i < 1000; i++) {
        vanish(i);
    }
    server_wait_metric(&server, "http_connections", 1);
    server_wait_metric(&server, "sched_queue_jobs", 0);
    assert_true(server_metric(&server, "process_allocated_bytes") <= before + 256 * 1024);
}

/* Long bodies are parsed on the work pool: their requests outlive the connection for a while. */
TEST(clients_that_vanish_behind_a_long_body_leave_nothing_behind)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    struct kit_buf body;
    char head[128];
    kit_buf_init(&body, KIT_MIB);
    kit_buf_add(&body, kit_str_lit("{\"model\":\"quick\",\"inputs\":\""));
    for (int i = 0; i < 100000; i++) {
        kit_buf_add_char(&body, 'a');
    }
    kit_buf_add(&body, kit_str_lit("\"}"));
    int len = snprintf(head, sizeof(head), "POST /serve HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %zu\r\n\r\n",
                       body.len);
    double before = 0;
    for (int i = 0; i < 300; i++) {
        int fd = server_connect(&server);
        server_send(fd, (kit_str){.ptr = head, .len = (size_t)len});
        server_send(fd, kit_buf_str(&body));
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        close(fd);
        if (i == 50) {
            server_wait_metric(&server, "http_connections", 1);
            before = server_metric(&server, "process_allocated_bytes");
        }
    }
    kit_buf_done(&body);
    server_wait_metric(&server, "http_connections", 1);
    uint64_t until_ns = kit_clock_ns() + 10 * KIT_NS_PER_S; /* the pool may have some of them still */
    while (server_metric(&server, "process_allocated_bytes") > before + 256 * 1024) {
        assert_true(kit_clock_ns() < until_ns);
        usleep(10000);
    }
    assert_true(server_alive(&server));
}

static int start(void **state)
{
    static const char *const args[] = {"--set", "queue.requests_max=8",   "--set", "http.idle_timeout=2s",
                                       "--set", "models.load=slow,quick", NULL};
    char path[TEST_PATH_BYTES];
    test_temp_write(path, "echoes/slow/echo.json", kit_str_lit("{\"delay_ms\": 60}"));
    test_temp_write(path, "echoes/quick/echo.json", kit_str_lit("{}"));
    server_start(&server, test_temp_path(path, "echoes"), args);
    server_expect_only(&server, "POST", "/models/slow/load?wait=true", "", 200);
    server_expect_only(&server, "POST", "/models/quick/load?wait=true", "", 200);
    *state = &server;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST_OF(a_request_whose_deadline_passes_in_the_queue_is_not_computed),
                                       TEST_OF(a_full_queue_refuses_with_429_and_loses_nothing),
                                       TEST_OF(clients_that_leave_take_their_work_with_them),
                                       TEST_OF(a_thousand_clients_that_vanish_leave_nothing_behind),
                                       TEST_OF(clients_that_vanish_behind_a_long_body_leave_nothing_behind)};
    return cmocka_run_group_tests(tests, start, server_tear_down);
}
