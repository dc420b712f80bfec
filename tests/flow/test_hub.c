/* Pulls over HTTP: the real aethercore, and a hub that misbehaves (tests/support/hub.py). What the client of the hub does
 * in each case is tests/unit/hub's matter; here it is what people see of it. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit/clock.h"
#include "kit/file.h"
#include "server.h"
#include "support/temp.h"
#include "support/test.h"
#include "support/test_hub.h"

#define SCRIPT TEST_DATA "/../support/hub.py"
#define NO_TOKEN "/nonexistent/token"
#define WAIT_NS (20 * KIT_NS_PER_S)
#define SLOW "{\"rules\":[{\"at\":\"storage\",\"path\":\"model.safetensors\",\"do\":\"slow\",\"bytes\":40000}]}"
#define WEIGHTS_BYTES 110616 /* tests/data/tiny-bert/model.safetensors */
#define QUESTION "{\"model\":\"org/tiny\",\"inputs\":\"hello\"}"

static struct test_hub hub;
static struct server server;
static char models[TEST_PATH_BYTES]; /* of the test that runs */

static void control(const char *json)
{
    test_hub_control(&hub, json);
}

/* --- asking --- */

static void expect_error(const char *method, const char *path, const char *body, int status, const char *code,
                         const char *says)
{
    struct client_answer a;
    server_expect(&server, method, path, body, status, &a);
    kit_json error = kit_json_get(kit_json_root(a.doc), "error");
    kit_str message = kit_json_str(kit_json_get(error, "message"), (kit_str){0});
    assert_str(kit_json_str(kit_json_get(error, "code"), (kit_str){0}), code);
    if (kit_str_find(message, kit_str_c(says)) == message.len) {
        fail_msg("'%s' is not in '%.*s'", says, KIT_STR_ARG(message));
    }
    client_answer_done(&a);
}

static void expect_text(const char *path, const char *key, const char *text)
{
    struct client_answer a;
    server_expect(&server, "GET", path, "", 200, &a);
    assert_str(kit_json_str(kit_json_get(kit_json_root(a.doc), key), (kit_str){0}), text);
    client_answer_done(&a);
}

static void pull_and_wait(void)
{
    server_expect_only(&server, "POST", "/hub/pull?wait=true", "{\"id\":\"org/tiny\"}", 200);
}

/* Until so many bytes of the weights have left the hub. */
static void wait_sent(uint64_t bytes)
{
    uint64_t until_ns = kit_clock_ns() + WAIT_NS;
    while (test_hub_sent(&hub, "storage", "model.safetensors") < bytes) {
        if (kit_clock_ns() > until_ns) {
            fail_msg("the hub has not sent %llu bytes in time", (unsigned long long)bytes);
        }
        usleep(10000);
    }
}

static bool lies_there(const char *name)
{
    char path[TEST_PATH_BYTES * 2];
    snprintf(path, sizeof(path), "%s/%s", models, name);
    return kit_file_exists(path);
}

/* --- tests --- */

TEST(a_pull_brings_a_model_that_can_be_asked)
{
    struct client_answer a;
    pull_and_wait();
    expect_text("/models/org/tiny", "state", "available");
    expect_text("/models/org/tiny", "source", "hub");
    assert_true(lies_there("org/tiny/1_Pooling/config.json"));
    assert_false(lies_there("org/tiny/golden.f32"));
    server_expect_only(&server, "POST", "/serve", QUESTION, 200);
    server_expect_only(&server, "POST", "/hub/pull", "{\"id\":\"org/tiny\"}", 200); /* ready: it is here */
    server_expect(&server, "GET", "/models/org/tiny", "", 200, &a);
    kit_str commit = kit_json_str(kit_json_get(kit_json_root(a.doc), "commit"), (kit_str){0});
    assert_int_equal(commit.len, 40);
    client_answer_done(&a);
    assert_int_equal((int)server_metric_of(&server, "model_pulls_total", "result=\"ok\""), 1);
    assert_true(server_metric(&server, "model_pull_bytes_total") > WEIGHTS_BYTES);
}

struct watched {
    char states[256];
    int64_t last, words;
    bool fell;
};

static bool watch(void *ctx, kit_json event)
{
    struct watched *w = ctx;
    kit_str state = kit_json_str(kit_json_get(event, "state"), (kit_str){0});
    int64_t done = kit_json_i64(kit_json_get(kit_json_get(event, "progress"), "done_bytes"), 0);
    char last[32];
    size_t used = strlen(w->states);
    snprintf(last, sizeof(last), "%.*s,", KIT_STR_ARG(state));
    if (used < strlen(last) || strcmp(w->states + used - strlen(last), last) != 0) {
        snprintf(w->states + used, sizeof(w->states) - used, "%s", last);
        w->last = 0;
    }
    if (kit_str_eq(state, kit_str_lit("downloading"))) {
        w->fell = w->fell || done < w->last;
        w->words += done > w->last;
        w->last = done;
    }
    return !kit_str_eq(state, kit_str_lit("ready"));
}

TEST(a_load_of_what_is_not_here_pulls_first_and_tells_the_bytes)
{
    struct watched w = {0};
    struct kit_err err = {0};
    control(SLOW);
    server_expect_only(&server, "POST", "/models/org/tiny/load", "", 202);
    assert_int_equal(client_events(&server.client, "/models/org/tiny/events", watch, &w, &err), KIT_OK);
    assert_string_equal(w.states, "downloading,available,loading,warming,ready,");
    assert_true(w.words >= 10);
    assert_false(w.fell);
}

TEST(a_question_waits_for_a_download_that_is_on_and_begins_none)
{
    expect_error("POST", "/serve", QUESTION, 404, "model_not_found", "heimnetz aethercore pull org/tiny");
    assert_int_equal(test_hub_count(&hub, "hub", ""), 0);
    control(SLOW);
    server_expect_only(&server, "POST", "/hub/pull", "{\"id\":\"org/tiny\"}", 202);
    server_expect_only(&server, "POST", "/serve", QUESTION, 200);
}

TEST(a_slip_of_the_pen_is_offered_what_is_near)
{
    pull_and_wait();
    control("{}");
    expect_error("POST", "/models/tiny/load", "", 404, "model_not_found", "did you mean 'org/tiny'");
    assert_int_equal(test_hub_count(&hub, "hub", ""), 0);
    expect_error("POST", "/models/org/tini/load?wait=true", "", 404, "model_not_found", "did you mean 'org/tiny'");
    assert_int_equal(test_hub_count(&hub, "hub", ""), 1); /* somebody's model may be named like that */
}

TEST(what_the_hub_refuses_says_what_to_do)
{
    control("{\"gated\":[\"org/tiny\"]}");
    expect_error("POST", "/hub/pull?wait=true", "{\"id\":\"org/tiny\"}", 403, "forbidden", "accept its terms at http");
    expect_error("POST", "/models/org/tiny/load?wait=true", "", 403, "forbidden", "HF_TOKEN");
    expect_error("POST", "/hub/pull?wait=true", "{\"id\":\"org/none\"}", 404, "model_not_found", "or it is private");
    expect_error("POST", "/hub/pull?wait=true", "{\"id\":\"org/tiny@v7\"}", 404, "model_not_found", "no revision 'v7'");
    expect_text("/models/org/tiny", "state", "failed");
    server_expect_only(&server, "POST", "/models/org/tiny/unload", "", 200);
    server_expect_only(&server, "GET", "/models/org/tiny", "", 404);
}

TEST(questions_to_the_hub_that_are_none_are_refused)
{
    static const char *const bodies[] = {"",
                                         "[]",
                                         "{}",
                                         "{\"id\":7}",
                                         "{\"id\":\"../etc\"}",
                                         "{\"id\":\"org/tiny\",\"revision\":\"a b\"}",
                                         "{\"id\":\"org/tiny\",\"revision\":1}",
                                         "{\"id\":\"org/tiny\",\"file\":[]}",
                                         "{\"id\":\"org/tiny\",\"file\":\"Q4\\u0000_K\"}",
                                         "{\"id\":\"a/b/c\"}",
                                         "{\"id\":\"org/tiny\",\"force\":true}",
                                         "{\"id\":\"org/tiny\""};
    for (size_t i = 0; i < KIT_COUNT(bodies); i++) {
        server_expect_only(&server, "POST", "/hub/pull", bodies[i], 400);
    }
    char *large = kit_alloc_printf("{\"id\":\"%020000d\"}", 0);
    server_expect_only(&server, "POST", "/hub/pull", large, 413);
    kit_alloc_free(large);
    server_expect_only(&server, "POST", "/hub/pull?wait=maybe", "{\"id\":\"org/tiny\"}", 400);
    server_expect_only(&server, "GET", "/hub/pull", "", 405);
    assert_int_equal(test_hub_count(&hub, "hub", ""), 0);
}

TEST(two_clients_at_once_share_one_download)
{
    int fds[2];
    control(SLOW);
    for (int i = 0; i < 2; i++) {
        fds[i] = server_connect(&server);
        server_post(fds[i], "/hub/pull?wait=true", "{\"id\":\"org/tiny\"}");
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(server_read_status(fds[i]), 200);
        close(fds[i]);
    }
    assert_int_equal(test_hub_sent(&hub, "storage", "model.safetensors"), WEIGHTS_BYTES);
}

TEST(an_unload_calls_a_pull_off_and_the_next_one_goes_on)
{
    control(SLOW);
    int fd = server_connect(&server);
    server_post(fd, "/hub/pull?wait=true", "{\"id\":\"org/tiny\"}");
    wait_sent(50000);
    uint64_t began_ns = kit_clock_ns();
    server_expect_only(&server, "POST", "/models/org/tiny/unload", "", 200);
    assert_true(kit_clock_ns() - began_ns < 5 * KIT_NS_PER_S);
    assert_int_equal(server_read_status(fd), 409);
    close(fd);
    server_expect_only(&server, "GET", "/models/org/tiny", "", 404);
    assert_false(lies_there("org/tiny"));
    control("{}");
    pull_and_wait();
    assert_in_range(test_hub_sent(&hub, "storage", "model.safetensors"), 1, WEIGHTS_BYTES - 40000);
}

static void start_server(void)
{
    server_start(&server, models, (const char *const[]){"--set", "models.scan=200ms", NULL});
}

TEST(a_server_that_is_killed_goes_on_with_what_it_had)
{
    control(SLOW);
    server_expect_only(&server, "POST", "/hub/pull", "{\"id\":\"org/tiny\"}", 202);
    wait_sent(80000);
    assert_int_equal(kill(server.pid, SIGKILL), 0);
    assert_int_equal(waitpid(server.pid, NULL, 0), server.pid);
    close(server.log);
    uint64_t before = test_hub_sent(&hub, "storage", "model.safetensors");
    control("{}");
    start_server();
    server_expect_only(&server, "GET", "/models/org/tiny", "", 404);
    pull_and_wait();
    uint64_t twice = before + test_hub_sent(&hub, "storage", "model.safetensors") - WEIGHTS_BYTES;
    assert_in_range(twice, 0, 50000);                                    /* of what came in the last second */
    assert_int_equal(test_hub_count(&hub, "hub", "/tokenizer.json"), 0); /* it was whole */
    server_expect_only(&server, "POST", "/serve", QUESTION, 200);
}

TEST(a_stop_does_not_wait_for_a_download)
{
    control(SLOW);
    server_expect_only(&server, "POST", "/hub/pull", "{\"id\":\"org/tiny\"}", 202);
    wait_sent(20000);
    uint64_t began_ns = kit_clock_ns();
    server_stop(&server);
    assert_true(kit_clock_ns() - began_ns < 5 * KIT_NS_PER_S);
    start_server();
}

TEST(offline_mode_asks_nobody)
{
    server_stop(&server);
    setenv("HF_HUB_OFFLINE", "1", 1);
    start_server();
    unsetenv("HF_HUB_OFFLINE");
    expect_error("POST", "/hub/pull?wait=true", "{\"id\":\"org/tiny\"}", 503, "unavailable", "offline mode is on");
    assert_int_equal(test_hub_count(&hub, "hub", ""), 0);
}

TEST(without_autopull_a_load_says_how_to_pull)
{
    server_stop(&server);
    server_start(&server, models, (const char *const[]){"--set", "hub.autopull=off", NULL});
    expect_error("POST", "/models/org/tiny/load", "", 404, "model_not_found", "heimnetz aethercore pull org/tiny");
    assert_int_equal(test_hub_count(&hub, "hub", ""), 0);
    pull_and_wait();
}

TEST(the_token_comes_from_where_hugging_faces_tools_keep_it)
{
    char path[TEST_PATH_BYTES];
    server_stop(&server);
    test_temp_write(path, "hf/token", kit_str_lit("good\n"));
    setenv("HF_TOKEN_PATH", path, 1);
    start_server();
    setenv("HF_TOKEN_PATH", NO_TOKEN, 1);
    control("{\"gated\":[\"org/tiny\"]}");
    pull_and_wait();
    assert_true(test_hub_tokens(&hub, "hub") > 0);
    assert_int_equal(test_hub_tokens(&hub, "storage"), 0);
}

TEST(a_model_that_does_not_fit_is_refused_with_the_sum)
{
    server_stop(&server);
    server_start(&server, models, (const char *const[]){"--set", "hub.files_bytes_max=100000", NULL});
    expect_error("POST", "/hub/pull?wait=true", "{\"id\":\"org/tiny\"}", 413, "too_large",
                 "hub.files_bytes_max is 100.0 kB");
}

/* --- around all of them --- */

static bool copy_file(void *ctx, const char *name, bool is_folder)
{
    const char *below = ctx;
    char from[TEST_PATH_BYTES], to[TEST_PATH_BYTES], target[256];
    struct kit_buf bytes;
    if (is_folder) {
        return true;
    }
    snprintf(from, sizeof(from), "%s/%s/%s", TEST_DATA "/tiny-bert", below, name);
    snprintf(target, sizeof(target), "hub/org/tiny/%s/%s", below, name);
    kit_buf_init(&bytes, KIT_MIB);
    assert_ok(kit_file_read(from, &bytes, NULL));
    test_temp_write(to, target, kit_buf_str(&bytes));
    kit_buf_done(&bytes);
    return true;
}

static int start(void **state)
{
    (void)state;
    static char dot[] = ".", pooling[] = "1_Pooling";
    char path[TEST_PATH_BYTES];
    assert_ok(kit_file_list(TEST_DATA "/tiny-bert", copy_file, dot, NULL));
    assert_ok(kit_file_list(TEST_DATA "/tiny-bert/1_Pooling", copy_file, pooling, NULL));
    test_hub_start(&hub, SCRIPT, test_temp_path(path, "hub"), NULL, NULL);
    setenv("HF_ENDPOINT", hub.url, 1);
    setenv("AETHERCORE_HUB__AUTOPULL", "auto", 1);
    setenv("HF_TOKEN_PATH", NO_TOKEN, 1); /* whose machine this is does not matter */
    unsetenv("HF_TOKEN");
    unsetenv("HF_HOME");
    return 0;
}

static int stop(void **state)
{
    (void)state;
    test_hub_stop(&hub);
    return 0;
}

static int set_up(void **state)
{
    static unsigned number;
    char name[32];
    (void)state;
    snprintf(name, sizeof(name), "models%u", number++);
    assert_ok(kit_file_make_folder(test_temp_path(models, name), NULL));
    control("{}");
    start_server();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    server_stop(&server);
    return 0;
}

int main(void)
{
#define WITH_SERVER(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_SERVER(a_pull_brings_a_model_that_can_be_asked),
        WITH_SERVER(a_load_of_what_is_not_here_pulls_first_and_tells_the_bytes),
        WITH_SERVER(a_question_waits_for_a_download_that_is_on_and_begins_none),
        WITH_SERVER(a_slip_of_the_pen_is_offered_what_is_near),
        WITH_SERVER(what_the_hub_refuses_says_what_to_do),
        WITH_SERVER(questions_to_the_hub_that_are_none_are_refused),
        WITH_SERVER(two_clients_at_once_share_one_download),
        WITH_SERVER(an_unload_calls_a_pull_off_and_the_next_one_goes_on),
        WITH_SERVER(a_server_that_is_killed_goes_on_with_what_it_had),
        WITH_SERVER(a_stop_does_not_wait_for_a_download),
        WITH_SERVER(offline_mode_asks_nobody),
        WITH_SERVER(without_autopull_a_load_says_how_to_pull),
        WITH_SERVER(the_token_comes_from_where_hugging_faces_tools_keep_it),
        WITH_SERVER(a_model_that_does_not_fit_is_refused_with_the_sum),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
