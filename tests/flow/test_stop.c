/* The end: SIGTERM while much is going on, with several loops. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
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

static void send_question(int fd, const char *model)
{
    char body[256], request[512];
    int len = snprintf(body, sizeof(body),
                       "{\"model\":\"%s\",\"inputs\":{\"tensors\":[{\"name\":\"x\",\"dtype\":\"int8\",\"shape\":[1],"
                       "\"data\":[7]}]}}",
                       model);
    len = snprintf(request, sizeof(request), "POST /serve HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len,
                   body);
    server_send(fd, (kit_str){.ptr = request, .len = (size_t)len});
}

/* The status of the answer on this connection; 0: it was closed without one. */
static int answer_status(int fd)
{
    char text[4096];
    int status = 0;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, 1, 20000) != 1) {
        return 0;
    }
    ssize_t n = recv(fd, text, sizeof(text) - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    return sscanf(text, "HTTP/1.1 %d", &status) == 1 ? status : 0;
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
        send_question(fds[i], "slow");
    }
    usleep(100000); /* the questions are there; two of them are answered each 30 ms */
    assert_int_equal(kill(s.pid, SIGTERM), 0);
    for (int i = 0; i < CLIENTS; i++) {
        assert_int_equal(answer_status(fds[i]), 200);
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
        server_send(fds[i], i % 2 == 0 ? kit_str_lit("GET /models/events HTTP/1.1\r\nHost: x\r\n\r\n")
                                       : kit_str_lit("GET /heartbeat HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert_int_equal(answer_status(fds[i]), 200);
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
        send_question(fds[i], "late");
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
