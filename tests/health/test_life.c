/* What the health paths say through the life of a server: well, crowded, with a model that failed, stopping. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "kit/clock.h"
#include "server.h"
#include "support/temp.h"
#include "support/test.h"

static const char *echo_models(void)
{
    static char path[TEST_PATH_BYTES];
    test_temp_write(path, "health/slow/echo.json", kit_str_lit("{\"delay_ms\": 200}"));
    test_temp_write(path, "health/late/echo.json", kit_str_lit("{\"load_ms\": 1000}"));
    test_temp_write(path, "health/broken/echo.json", kit_str_lit("{"));
    return test_temp_path(path, "health");
}

static void assert_status_is(struct server *s, const char *status)
{
    struct client_answer a;
    server_expect(s, "GET", "/health", "", 200, &a);
    assert_str(kit_json_str(kit_json_get(kit_json_root(a.doc), "status"), (kit_str){0}), status);
    client_answer_done(&a);
}

static int64_t models_that_are(struct server *s, const char *state)
{
    struct client_answer a;
    server_expect(s, "GET", "/health", "", 200, &a);
    kit_json models = kit_json_get(kit_json_get(kit_json_root(a.doc), "checks"), "models");
    int64_t count = kit_json_i64(kit_json_get(models, state), -1);
    client_answer_done(&a);
    return count;
}

static void wait_for_models(struct server *s, const char *state, int64_t count)
{
    uint64_t until_ns = kit_clock_ns() + 10 * KIT_NS_PER_S;
    while (models_that_are(s, state) != count && kit_clock_ns() < until_ns) {
        usleep(20000);
    }
    assert_int_equal(models_that_are(s, state), count);
}

TEST(a_model_that_was_wanted_and_failed_makes_it_degraded_until_it_is_given_up)
{
    struct server s;
    server_start(&s, echo_models(), NULL);
    assert_status_is(&s, "ok");
    server_expect_only(&s, "POST", "/models/broken/load?wait=true", "", 422);
    wait_for_models(&s, "failed", 1);
    assert_status_is(&s, "degraded");
    server_expect_only(&s, "GET", "/health/ready", "", 200); /* the others are served */
    server_expect_only(&s, "POST", "/models/broken/unload", "", 200);
    wait_for_models(&s, "failed", 0);
    assert_status_is(&s, "ok");
    server_stop(&s);
}

TEST(a_load_that_is_on_is_counted_and_leaves_it_well)
{
    struct server s;
    server_start(&s, echo_models(), NULL);
    server_expect_only(&s, "POST", "/models/late/load", "", 202);
    wait_for_models(&s, "loading", 1);
    assert_status_is(&s, "ok");
    wait_for_models(&s, "ready", 1);
    server_stop(&s);
}

/* A probe that waits behind the questions would have a busy server restarted. */
TEST(health_answers_before_the_questions_that_were_asked_before_it)
{
    static const char *const args[] = {"--set", "queue.requests_max=4", NULL};
    enum { COUNT = 12 };
    struct server s;
    int fds[COUNT], refused = 0, answered = 0;
    server_start(&s, echo_models(), args);
    server_expect_only(&s, "POST", "/models/slow/load?wait=true", "", 200);
    for (int i = 0; i < COUNT; i++) {
        fds[i] = server_connect(&s);
        server_ask_echo(fds[i], "slow", "");
    }
    server_expect_only(&s, "GET", "/heartbeat", "", 200);
    server_expect_only(&s, "GET", "/health/ready", "", 200);
    assert_status_is(&s, "ok");
    assert_true(server_metric(&s, "sched_queue_jobs") > 0); /* and they still wait */
    for (int i = 0; i < COUNT; i++) {
        int status = server_read_status(fds[i]);
        refused += status == 429;
        answered += status == 200;
        close(fds[i]);
    }
    assert_int_equal(refused + answered, COUNT);
    assert_true(refused > 0);
    server_stop(&s);
}

TEST(a_server_that_stops_takes_no_new_connection_and_answers_what_it_has)
{
    struct server s;
    server_start(&s, echo_models(), NULL);
    server_expect_only(&s, "POST", "/models/slow/load?wait=true", "", 200);
    int asked = server_connect(&s);
    server_ask_echo(asked, "slow", "");
    server_expect_only(&s, "GET", "/heartbeat", "", 200); /* one loop: what came before was read before */
    assert_int_equal(kill(s.pid, SIGTERM), 0);
    assert_int_equal(server_read_status(asked), 200);
    close(asked);
    server_wait_end(&s);
    struct client_answer a;
    assert_int_equal(client_call(&s.client, "GET", "/health/live", (kit_str){0}, &a, NULL), KIT_UNAVAILABLE);
    client_answer_done(&a);
}

int main(void)
{
    return TEST_RUN(TEST_OF(a_model_that_was_wanted_and_failed_makes_it_degraded_until_it_is_given_up),
                    TEST_OF(a_load_that_is_on_is_counted_and_leaves_it_well),
                    TEST_OF(health_answers_before_the_questions_that_were_asked_before_it),
                    TEST_OF(a_server_that_stops_takes_no_new_connection_and_answers_what_it_has));
}
