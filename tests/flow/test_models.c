/* The life of a model over HTTP: load, events, ask, unload; in the server's process and in a cell. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "server.h"
#include "support/temp.h"
#include "support/test.h"

#define RAW                                                                                                            \
    "{\"model\":\"org/"                                                                                                \
    "echo\",\"inputs\":{\"tensors\":[{\"name\":\"x\",\"dtype\":\"float32\",\"shape\":[2],\"data\":[1.5,-2]}]}}"

static struct server server;

static void expect_state(const char *id, const char *state)
{
    char path[256];
    struct client_answer a;
    snprintf(path, sizeof(path), "/models/%s", id);
    server_expect(&server, "GET", path, "", 200, &a);
    assert_str(kit_json_str(kit_json_get(kit_json_root(a.doc), "state"), (kit_str){0}), state);
    client_answer_done(&a);
}

TEST(models_are_listed_with_state_and_budget)
{
    struct client_answer a;
    server_expect(&server, "GET", "/models", "", 200, &a);
    kit_json root = kit_json_root(a.doc);
    assert_int_equal(kit_json_count(kit_json_get(root, "models")), 1);
    assert_int_equal(kit_json_type(kit_json_get(kit_json_get(root, "budget"), "used_bytes")), KIT_JSON_NUMBER);
    client_answer_done(&a);
    expect_state("org/echo", "available");
    expect_state("org%2Fecho", "available");
}

TEST(a_model_is_loaded_asked_and_unloaded)
{
    struct client_answer a;
    server_expect_only(&server, "POST", "/models/org/echo/load?wait=true", "", 200);
    expect_state("org/echo", "ready");
    server_expect_only(&server, "POST", "/models/org/echo/load", "", 200);
    server_expect(&server, "POST", "/serve", RAW, 200, &a);
    kit_json root = kit_json_root(a.doc), tensors = kit_json_get(kit_json_get(root, "outputs"), "tensors");
    struct kit_json_iter i = kit_json_iter(tensors);
    assert_true(kit_json_next(&i));
    assert_str(kit_json_str(kit_json_get(i.value, "name"), (kit_str){0}), "x");
    assert_int_equal(kit_json_count(kit_json_get(i.value, "data")), 2);
    assert_str(kit_json_str(kit_json_get(root, "task"), (kit_str){0}), "raw");
    client_answer_done(&a);
    server_expect_only(&server, "POST", "/models/org/echo/unload", "", 200);
    expect_state("org/echo", "available");
    server_expect_only(&server, "POST", "/models/org/echo/unload", "", 200);
}

TEST(wait_is_true_or_false)
{
    struct client_answer a;
    server_expect(&server, "POST", "/models/org/echo/load?wait=perhaps", "", 400, &a);
    assert_str(kit_json_str(kit_json_get(kit_json_get(kit_json_root(a.doc), "error"), "param"), (kit_str){0}), "wait");
    client_answer_done(&a);
    expect_state("org/echo", "available");
}

TEST(a_question_loads_its_model_by_itself)
{
    expect_state("org/echo", "available");
    server_expect_only(&server, "POST", "/serve", RAW, 200);
    expect_state("org/echo", "ready");
    server_expect_only(&server, "POST", "/models/org/echo/unload", "", 200);
}

struct watched {
    char states[256];
    bool loading_asked;
};

static bool watch(void *ctx, kit_json event)
{
    struct watched *w = ctx;
    kit_str state = kit_json_str(kit_json_get(event, "state"), (kit_str){0});
    size_t used = strlen(w->states);
    char last[32];
    snprintf(last, sizeof(last), "%.*s,", KIT_STR_ARG(state));
    if (used < strlen(last) || strcmp(w->states + used - strlen(last), last) != 0) {
        snprintf(w->states + used, sizeof(w->states) - used, "%s", last);
    }
    if (!w->loading_asked) {
        w->loading_asked = true;
        server_expect_only(&server, "POST", "/models/org/echo/load", "", 202);
    }
    return !kit_str_eq(state, kit_str_lit("ready"));
}

TEST(events_tell_each_state_in_order)
{
    struct watched w = {0};
    struct kit_err err = {0};
    assert_int_equal(client_events(&server.client, "/models/org/echo/events", watch, &w, &err), KIT_OK);
    assert_string_equal(w.states, "available,loading,warming,ready,");
    server_expect_only(&server, "POST", "/models/org/echo/unload", "", 200);
}

TEST(unknown_models_are_said_to_be_unknown)
{
    static const char *const calls[][2] = {{"POST", "/models/no/such/load"},
                                           {"POST", "/models/nosuch/unload"},
                                           {"GET", "/models/nosuch"},
                                           {"GET", "/models/nosuch/events"}};
    for (size_t i = 0; i < KIT_COUNT(calls); i++) {
        struct client_answer a;
        server_expect(&server, calls[i][0], calls[i][1], "", 404, &a);
        kit_json error = kit_json_get(kit_json_root(a.doc), "error");
        assert_str(kit_json_str(kit_json_get(error, "code"), (kit_str){0}), "model_not_found");
        client_answer_done(&a);
    }
    server_expect_only(&server, "POST", "/models/..%2F..%2Fetc/load", "", 400);
    server_expect_only(&server, "POST", "/serve", "{\"model\":\"nosuch\",\"inputs\":\"x\"}", 404);
    server_expect_only(&server, "POST", "/serve", "{\"model\":\"org/echo\",\"inputs\":\"x\"}", 422);
}

TEST(a_folder_that_is_dropped_in_appears_and_one_that_is_taken_out_goes)
{
    char file[TEST_PATH_BYTES], folder[TEST_PATH_BYTES];
    struct client_answer a;
    test_temp_write(file, "models/new/one/echo.json", kit_str_lit("{}"));
    int status = 0;
    for (int i = 0; i < 200 && status != 200; i++) {
        usleep(50000);
        status = server_call(&server, "GET", "/models/new/one", "", &a);
        client_answer_done(&a);
    }
    assert_int_equal(status, 200);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(test_temp_path(folder, "models/new/one")), 0);
    for (int i = 0; i < 200 && status == 200; i++) {
        usleep(50000);
        status = server_call(&server, "GET", "/models/new/one", "", &a);
        client_answer_done(&a);
    }
    assert_int_equal(status, 404);
}

TEST(a_hundred_loads_and_unloads_leave_the_ledger_empty)
{
    for (int i = 0; i < 100; i++) {
        server_expect_only(&server, "POST", "/models/org/echo/load?wait=true", "", 200);
        server_expect_only(&server, "POST", "/models/org/echo/unload", "", 200);
    }
    struct client_answer a;
    server_expect(&server, "GET", "/models", "", 200, &a);
    kit_json budget = kit_json_get(kit_json_root(a.doc), "budget");
    assert_int_equal(kit_json_i64(kit_json_get(budget, "used_bytes"), -1), 0);
    client_answer_done(&a);
}

static const char *const in_process[] = {"--set", "models.scan=200ms", NULL};
static const char *const in_cell[] = {"--set", "models.isolation=process", "--set", "models.scan=200ms", NULL};

static void start_with(const char *const *args)
{
    static const char *const models[] = {"org/echo", NULL};
    server_start(&server, server_models(models), args);
}

static int start(void **state)
{
    start_with(in_process);
    *state = &server;
    return 0;
}

static int start_cells(void **state)
{
    start_with(in_cell);
    *state = &server;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST_OF(models_are_listed_with_state_and_budget),
                                       TEST_OF(a_model_is_loaded_asked_and_unloaded),
                                       TEST_OF(wait_is_true_or_false),
                                       TEST_OF(a_question_loads_its_model_by_itself),
                                       TEST_OF(events_tell_each_state_in_order),
                                       TEST_OF(unknown_models_are_said_to_be_unknown),
                                       TEST_OF(a_folder_that_is_dropped_in_appears_and_one_that_is_taken_out_goes),
                                       TEST_OF(a_hundred_loads_and_unloads_leave_the_ledger_empty)};
    int failed = cmocka_run_group_tests_name("in process", tests, start, server_tear_down);
    return failed + cmocka_run_group_tests_name("in a cell", tests, start_cells, server_tear_down);
}
