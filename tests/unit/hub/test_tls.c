/* hub_pull over HTTPS: who is to be trusted, and where a redirect may not lead. Needs the program openssl for a
 * certificate. */
#include <stdio.h>
#include <stdlib.h>

#include "hub/hub.h"
#include "kit/file.h"
#include "kit/log.h"
#include "support/temp.h"
#include "support/test.h"
#include "support/test_hub.h"

#define SCRIPT TEST_DATA "/../support/hub.py"

static struct test_hub hub;
static bool have_openssl;
static char cert[TEST_PATH_BYTES], key[TEST_PATH_BYTES], models[TEST_PATH_BYTES];

static bool go_on(void *ctx, uint64_t done, uint64_t total)
{
    (void)ctx, (void)done, (void)total;
    return true;
}

static enum kit_status pull(const char *ca_file, struct kit_err *err)
{
    struct hub_options options = {
        .endpoint = hub.url, .ca_file = ca_file, .connections = 2, .stall_ms = 5000, .retry_ms = 2};
    struct hub_wish wish = {.models = models, .progress = go_on};
    struct hub_result result;
    if (!have_openssl) {
        skip();
    }
    assert_ok(hub_name_parse(kit_str_lit("org/tiny"), (kit_str){0}, &wish.name, NULL));
    return hub_pull(&options, &wish, &result, err);
}

static bool is_there(void)
{
    char path[TEST_PATH_BYTES + 64];
    snprintf(path, sizeof(path), "%s/org/tiny/model.safetensors", models);
    return kit_file_exists(path);
}

TEST(tls_takes_nothing_from_a_stranger)
{
    struct kit_err err = {0};
    assert_int_equal(pull(NULL, &err), KIT_DENIED);
    assert_non_null(strstr(err.msg, "its certificate is not to be trusted"));
    assert_false(is_there());
    assert_int_equal(test_hub_count(&hub, "hub", ""), 0);
}

TEST(tls_does_not_lead_from_https_to_http)
{
    struct kit_err err = {0};
    char json[256];
    snprintf(json, sizeof(json),
             "{\"rules\":[{\"path\":\"safetensors\",\"do\":\"away\",\"to\":\"http://127.0.0.1:%u/x\"}]}",
             hub.control_port);
    test_hub_control(&hub, json);
    assert_int_equal(pull(cert, &err), KIT_IO);
    assert_non_null(strstr(err.msg, "from https to http"));
    assert_false(is_there());
    test_hub_control(&hub, "{}");
}

TEST(tls_works_with_a_certificate_that_is_trusted)
{
    struct kit_err err = {0};
    if (pull(cert, &err) != KIT_OK) {
        fail_msg("%s", err.msg);
    }
    assert_true(is_there());
}

static int start(void **state)
{
    (void)state;
    char path[TEST_PATH_BYTES], command[TEST_PATH_BYTES * 3];
    kit_log_setup(&(struct kit_log_options){.level = KIT_LOG_OFF, .fd = 2});
    test_temp_write(path, "hub/org/tiny/config.json", kit_str_lit("{}"));
    test_temp_write(path, "hub/org/tiny/model.safetensors", kit_str_lit("weights"));
    assert_ok(kit_file_make_folder(test_temp_path(models, "models"), NULL));
    snprintf(command, sizeof(command),
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1 "
             "-addext subjectAltName=IP:127.0.0.1 -keyout %s -out %s >/dev/null 2>&1",
             test_temp_path(key, "key.pem"), test_temp_path(cert, "cert.pem"));
    have_openssl = system(command) == 0;
    if (have_openssl) {
        test_hub_start(&hub, SCRIPT, test_temp_path(path, "hub"), cert, key);
    }
    return 0;
}

static int stop(void **state)
{
    (void)state;
    if (have_openssl) {
        test_hub_stop(&hub);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST_OF(tls_takes_nothing_from_a_stranger),
                                       TEST_OF(tls_does_not_lead_from_https_to_http),
                                       TEST_OF(tls_works_with_a_certificate_that_is_trusted)};
    return cmocka_run_group_tests(tests, start, stop);
}
