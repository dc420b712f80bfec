/* The paths that say how the server is. */
#include "server.h"
#include "support/test.h"

static struct server server;

static kit_json get(const char *path, struct client_answer *a)
{
    server_expect(&server, "GET", path, "", 200, a);
    assert_non_null(a->doc);
    return kit_json_root(a->doc);
}

TEST(health_says_ok_ready_version_and_what_it_checked)
{
    struct client_answer a;
    kit_json root = get("/health", &a);
    assert_str(kit_json_str(kit_json_get(root, "status"), (kit_str){0}), "ok");
    assert_true(kit_json_bool(kit_json_get(root, "ready"), false));
    assert_true(kit_json_str(kit_json_get(root, "version"), (kit_str){0}).len > 0);
    assert_true(kit_json_i64(kit_json_get(root, "uptime_s"), -1) >= 0);
    assert_int_equal(kit_json_i64(kit_json_get(kit_json_get(kit_json_get(root, "checks"), "models"), "known"), -1), 1);
    client_answer_done(&a);
    server_expect_only(&server, "GET", "/health/live", "", 200);
    server_expect_only(&server, "GET", "/health/ready", "", 200);
}

TEST(heartbeat_is_alive)
{
    struct client_answer a;
    kit_json root = get("/heartbeat", &a);
    assert_str(kit_json_str(kit_json_get(root, "status"), (kit_str){0}), "alive");
    assert_int_equal(kit_json_str(kit_json_get(root, "time"), (kit_str){0}).len, strlen("2026-11-23T05:40:28.123Z"));
    client_answer_done(&a);
}

TEST(metrics_count_requests)
{
    double before = server_metric(&server, "http_requests_total");
    server_expect_only(&server, "GET", "/heartbeat", "", 200);
    assert_true(server_metric(&server, "http_requests_total") >= before + 1);
    assert_true(server_metric(&server, "process_resident_bytes") > 0);
}

TEST(unknown_paths_and_methods_get_an_error_that_says_so)
{
    struct client_answer a;
    server_expect(&server, "GET", "/nowhere", "", 404, &a);
    kit_json error = kit_json_get(kit_json_root(a.doc), "error");
    assert_str(kit_json_str(kit_json_get(error, "code"), (kit_str){0}), "not_found");
    assert_true(kit_json_str(kit_json_get(error, "message"), (kit_str){0}).len > 0);
    assert_true(kit_json_str(kit_json_get(error, "request_id"), (kit_str){0}).len > 0);
    client_answer_done(&a);
    server_expect_only(&server, "POST", "/health", "", 405);
}

TEST(root_answers_json_to_who_accepts_it)
{
    struct client_answer a;
    kit_json root = get("/", &a);
    assert_str(kit_json_str(kit_json_get(root, "name"), (kit_str){0}), "aethercore");
    client_answer_done(&a);
}

static int start(void **state)
{
    return server_set_up(state, &server, "org/echo");
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST_OF(health_says_ok_ready_version_and_what_it_checked),
                                       TEST_OF(heartbeat_is_alive), TEST_OF(metrics_count_requests),
                                       TEST_OF(unknown_paths_and_methods_get_an_error_that_says_so),
                                       TEST_OF(root_answers_json_to_who_accepts_it)};
    return cmocka_run_group_tests(tests, start, server_tear_down);
}
