/* Keys, names and origins with the real server, asked by the client library and by hand. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server.h"
#include "support/temp.h"
#include "support/test.h"

#define KEY "c2VjcmV0IG9mIHRoaXMgdGVzdA=="

static struct server server;

static int ask(const char *text)
{
    int fd = server_connect(&server);
    server_send(fd, kit_str_c(text));
    int status = server_read_status(fd);
    close(fd);
    return status;
}

TEST(access_without_the_key_ends_at_the_open_paths)
{
    static const char *const open[] = {"/", "/docs", "/openapi.json", "/health/live", "/health/ready"};
    static const char *const locked[] = {"/health", "/heartbeat",       "/metrics",
                                         "/models", "/models/org/echo", "/nowhere"};
    server.client.key = NULL;
    for (size_t i = 0; i < KIT_COUNT(open); i++) {
        server_expect_only(&server, "GET", open[i], "", 200);
    }
    for (size_t i = 0; i < KIT_COUNT(locked); i++) {
        server_expect_only(&server, "GET", locked[i], "", 401);
    }
    server_expect_only(&server, "POST", "/serve", "{}", 401);
    server_expect_only(&server, "POST", "/models/org/echo/load", "", 401);
}

TEST(access_refusals_say_what_to_do_in_the_shape_of_all_errors)
{
    struct client_answer a;
    server.client.key = NULL;
    server_expect(&server, "GET", "/models", "", 401, &a);
    kit_json error = kit_json_get(kit_json_root(a.doc), "error");
    assert_str(kit_json_str(kit_json_get(error, "code"), (kit_str){0}), "unauthorized");
    kit_str message = kit_json_str(kit_json_get(error, "message"), (kit_str){0});
    assert_true(kit_str_find(message, kit_str_lit("HEIMNETZ_API_KEY")) < message.len);
    client_answer_done(&a);
}

TEST(access_with_the_key_is_whole)
{
    struct client_answer a;
    server.client.key = KEY;
    server_expect_only(&server, "POST", "/models/org/echo/load?wait=true", "", 200);
    server_expect(&server, "POST", "/serve",
                  "{\"model\":\"org/echo\",\"inputs\":{\"tensors\":[{\"name\":\"x\",\"dtype\":\"int32\","
                  "\"shape\":[1],\"data\":[7]}]}}",
                  200, &a);
    client_answer_done(&a);
    server_expect_only(&server, "GET", "/nowhere", "", 404);
    server.client.key = "c2VjcmV0IG9mIHRoaXMgdGVzdB==";
    server_expect_only(&server, "GET", "/models", "", 401);
}

TEST(access_of_heimnetz_takes_the_key_from_the_environment)
{
    char command[1024];
    snprintf(command, sizeof(command), "%s/bin/heimnetz --url http://127.0.0.1:%u aethercore models >/dev/null 2>&1",
             TEST_BUILD, server.port);
    unsetenv("HEIMNETZ_API_KEY");
    assert_int_equal(WEXITSTATUS(system(command)), 1); /* the server said no */
    assert_int_equal(setenv("HEIMNETZ_API_KEY", KEY, 1), 0);
    assert_int_equal(WEXITSTATUS(system(command)), 0);
    unsetenv("HEIMNETZ_API_KEY");
}

TEST(access_by_a_foreign_name_or_page_is_refused_on_every_path)
{
    assert_int_equal(ask("GET / HTTP/1.1\r\nHost: evil.org\r\n\r\n"), 421);
    assert_int_equal(ask("GET /health/live HTTP/1.1\r\nHost: evil.org\r\n\r\n"), 421);
    assert_int_equal(ask("GET / HTTP/1.1\r\nHost: nas.home\r\n\r\n"), 200);
    assert_int_equal(ask("GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.org\r\n\r\n"), 403);
    assert_int_equal(ask("GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: https://app.example.org\r\n\r\n"), 200);
}

/* --- starts that are refused --- */

static int exit_code_of(const char *arguments, const char *said)
{
    char command[1024], text[4096] = "";
    snprintf(command, sizeof(command),
             "env -u HEIMNETZ_API_KEY timeout 20 %s/bin/aethercore --port 0 --models /tmp %s 2>&1", TEST_BUILD,
             arguments);
    FILE *out = popen(command, "r");
    assert_non_null(out);
    size_t len = fread(text, 1, sizeof(text) - 1, out);
    text[len] = '\0';
    int status = pclose(out);
    if (strstr(text, said) == NULL) {
        fail_msg("'%s' is not in: %s", said, text);
    }
    return WEXITSTATUS(status);
}

TEST(access_off_loopback_needs_a_key_and_says_how_to_make_one)
{
    assert_int_equal(exit_code_of("--host 0.0.0.0", "head -c 32 /dev/urandom | base64"), 2);
    assert_int_equal(exit_code_of("--host 0.0.0.0 --api-key-file /nowhere/heimnetz.key", "/nowhere/heimnetz.key"), 1);
    assert_int_equal(exit_code_of("--set server.allowed_origins=evil", "server.allowed_origins"), 2);
}

static int start(void **state)
{
    static const char *const models[] = {"org/echo", NULL};
    static char path[TEST_PATH_BYTES];
    static const char *const args[] = {"--api-key-file",
                                       path,
                                       "--set",
                                       "server.allowed_hosts=nas.home",
                                       "--set",
                                       "server.allowed_origins=https://app.example.org",
                                       NULL};
    test_temp_write(path, "heimnetz.key", kit_str_lit(KEY "\n"));
    server_start(&server, server_models(models), args);
    *state = &server;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST_OF(access_without_the_key_ends_at_the_open_paths),
                                       TEST_OF(access_refusals_say_what_to_do_in_the_shape_of_all_errors),
                                       TEST_OF(access_with_the_key_is_whole),
                                       TEST_OF(access_of_heimnetz_takes_the_key_from_the_environment),
                                       TEST_OF(access_by_a_foreign_name_or_page_is_refused_on_every_path),
                                       TEST_OF(access_off_loopback_needs_a_key_and_says_how_to_make_one)};
    return cmocka_run_group_tests(tests, start, server_tear_down);
}
