/* SIGHUP: settings and key are read again while the server runs. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "kit/clock.h"
#include "server.h"
#include "support/temp.h"
#include "support/test.h"

#define OLD "the-old-key-of-this-test"
#define NEW "the-new-key-of-this-test"

static struct server server;
static char settings[TEST_PATH_BYTES], key[TEST_PATH_BYTES];

static void write_settings(const char *text)
{
    test_temp_write(settings, "reload.yaml", kit_str_c(text));
}

static void start(void)
{
    static const char *const models[] = {"org/echo", NULL};
    static const char *const args[] = {"--config", settings, "--api-key-file", key, "--set", "server.loops=3", NULL};
    write_settings("server:\n  allowed_hosts: old.home\n");
    test_temp_write(key, "reload.key", kit_str_lit(OLD));
    server_start(&server, server_models(models), args);
    server.client.key = OLD;
}

/* Under ThreadSanitizer a signal that comes between two system calls of the server may be lost: it is sent again. */
static void hang_up(int *turn)
{
    if (++*turn % 400 == 1) {
        assert_int_equal(kill(server.pid, SIGHUP), 0);
    }
    usleep(5000);
}

/* SIGHUP until one more reload with this result is counted. */
static void reload(const char *result)
{
    double before = server_metric_of(&server, "config_reloads_total", result);
    uint64_t until_ns = kit_clock_ns() + 20 * KIT_NS_PER_S;
    for (int turn = 0; server_metric_of(&server, "config_reloads_total", result) <= before;) {
        assert_true(kit_clock_ns() < until_ns);
        hang_up(&turn);
    }
}

static int ask(const char *host)
{
    int fd = server_connect(&server);
    char text[256];
    snprintf(text, sizeof(text), "GET /health/live HTTP/1.1\r\nHost: %s\r\n\r\n", host);
    server_send(fd, kit_str_c(text));
    int status = server_read_status(fd);
    close(fd);
    return status;
}

/* Each connection may be another loop's. */
static void expect_everywhere(const char *host, int status)
{
    for (int i = 0; i < 20; i++) {
        assert_int_equal(ask(host), status);
    }
}

TEST(reload_changes_names_on_all_loops)
{
    start();
    expect_everywhere("old.home", 200);
    expect_everywhere("new.home", 421);
    write_settings("server:\n  allowed_hosts: new.home\nhttp:\n  idle_timeout: 20s\nlog:\n  level: warn\n");
    reload("result=\"ok\"");
    expect_everywhere("old.home", 421);
    expect_everywhere("new.home", 200);
    server_stop(&server);
}

TEST(reload_keeps_the_old_settings_when_the_new_ones_are_broken)
{
    static const char *const broken[] = {"server: [", "server:\n  allowed_hots: x\n",
                                         "server:\n  allowed_origins: no-origin\n", "http:\n  idle_timeout: soon\n"};
    start();
    for (size_t i = 0; i < KIT_COUNT(broken); i++) {
        write_settings(broken[i]);
        reload("result=\"failed\"");
    }
    write_settings("");
    test_temp_write(key, "reload.key", kit_str_lit("short"));
    reload("result=\"failed\"");
    expect_everywhere("old.home", 200);
    server_expect_only(&server, "GET", "/models", "", 200); /* with the old key */
    server_stop(&server);
}

TEST(reload_takes_a_new_key_while_requests_go_on)
{
    struct client_answer a;
    start();
    test_temp_write(key, "reload.key", kit_str_lit(NEW "\n"));
    uint64_t until_ns = kit_clock_ns() + 20 * KIT_NS_PER_S;
    for (int turn = 0; server_call(&server, "GET", "/models", "", &a) == 200;) { /* the old one, until it is none */
        client_answer_done(&a);
        assert_true(kit_clock_ns() < until_ns);
        hang_up(&turn);
    }
    assert_int_equal(a.status, 401);
    client_answer_done(&a);
    server.client.key = NEW;
    server_expect_only(&server, "GET", "/models", "", 200);
    server_stop(&server);
}

TEST(reload_by_many_signals_leaves_a_server_that_works)
{
    start();
    for (int i = 0; i < 200; i++) {
        assert_int_equal(kill(server.pid, SIGHUP), 0);
        usleep(i % 3 * 500);
    }
    server_expect_only(&server, "GET", "/models", "", 200);
    assert_int_equal(kill(server.pid, SIGHUP), 0);
    server_stop(&server); /* with one under way, perhaps */
}

int main(void)
{
    return TEST_RUN(TEST_OF(reload_changes_names_on_all_loops),
                    TEST_OF(reload_keeps_the_old_settings_when_the_new_ones_are_broken),
                    TEST_OF(reload_takes_a_new_key_while_requests_go_on),
                    TEST_OF(reload_by_many_signals_leaves_a_server_that_works));
}
