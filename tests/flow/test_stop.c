/* The end: SIGTERM while much is going on, with several loops. */
#include <signal.h>
#include <unistd.h>

#include "kit/clock.h"
#include "server.h"
#include "support/temp.h"
#include "support/test.h"

#define CLIENTS 16

static const char *models(void)
{
    static char path[TEST_PATH_BYTES];
    test_temp_write(path, "stop/slow/echo.json", kit_str_lit("{\"delay_ms\": 30}"));
    test_temp_write(path, "stop/late/echo.json", kit_str_lit("{\"load_ms\": 2000}"));
    return test_temp_path(path, "stop");
}

TEST(a_stop_answers_every_question_whose_bytes_were_read)
{
    static const char *const args[] = {"--set", "server.loops=3", NULL};
    struct server s;
    int fds[CLIENTS];
    server_start(&s, models(), args);
    server_expect_only(&s, "POST", "/models/slow/load?wait=true", "", 200);
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = server_connect(&s);
        server_ask_echo(fds[i], "slow", "");
    }
    usleep(100000); /* the questions are there; two of them are answered each 30 ms */
    assert_int_equal(kill(s.pid, SIGTERM), 0);
    for (int i = 0; i < CLIENTS; i++) {
        assert_int_equal(server_read_status(fds[i]), 200);
        close(fds[i]);
    }
    server_wait_end(&s);
}

TEST(a_stop_ends_event_streams_and_idle_connections_at_once)
{
    static const char *const args[] = {"--set", "server.loops=2", NULL};
    struct server s;
    int fds[4];
    server_start(&s, models(), args);
    for (int i = 0; i < 4; i++) {
        fds[i] = server_connect(&s);
        server_send(fds[i], i % 2 == 0 ? kit_str_lit("GET /models/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                                       : kit_str_lit("GET /heartbeat HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
        assert_int_equal(server_read_status(fds[i]), 200);
    }
    uint64_t before_ns = kit_clock_ns();
    server_stop(&s);
    assert_true(kit_clock_ns() - before_ns < 5 * KIT_NS_PER_S); /* server.drain is 10 s */
    for (int i = 0; i < 4; i++) {
        close(fds[i]);
    }
}

TEST(a_second_signal_ends_at_once_and_a_waiting_question_is_no_obstacle)
{
    static const char *const args[] = {"--set", "server.loops=2", NULL};
    struct server s;
    int fds[4];
    server_start(&s, models(), args);
    for (int i = 0; i < 4; i++) {
        fds[i] = server_connect(&s);
        server_ask_echo(fds[i], "late", "");
    }
    usleep(50000);
    uint64_t before_ns = kit_clock_ns();
    assert_int_equal(kill(s.pid, SIGTERM), 0);
    usleep(20000);
    assert_int_equal(kill(s.pid, SIGTERM), 0);
    server_wait_end(&s);
    assert_true(kit_clock_ns() - before_ns < 5 * KIT_NS_PER_S);
    for (int i = 0; i < 4; i++) {
        close(fds[i]);
    }
}

int main(void)
{
    return TEST_RUN(TEST_OF(a_stop_answers_every_question_whose_bytes_were_read),
                    TEST_OF(a_stop_ends_event_streams_and_idle_connections_at_once),
                    TEST_OF(a_second_signal_ends_at_once_and_a_waiting_question_is_no_obstacle));
}
