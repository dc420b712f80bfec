#include "aethercore/hub.h"

#include <stdio.h>
#include <stdlib.h>

#include "aethercore/options.h"
#include "support/temp.h"
#include "support/test.h"

static struct aethercore_hub hub;
static struct kit_err err;

static const char *const variables[] = {"HF_ENDPOINT", "HF_TOKEN",       "HF_TOKEN_PATH",  "HF_HOME",
                                        "HOME",        "XDG_CACHE_HOME", "HF_HUB_OFFLINE", "SSL_CERT_FILE"};

static int clear(void **state)
{
    (void)state;
    for (size_t i = 0; i < KIT_COUNT(variables); i++) {
        unsetenv(variables[i]);
    }
    return 0;
}

/* With "--set <setting>", if one is given. */
static enum kit_status read_with(const char *setting)
{
    static char name[] = "aethercore", set[] = "--set";
    static char *no_environment[] = {NULL};
    char *argv[] = {name, set, (char *)(uintptr_t)setting};
    enum aethercore_wish wish;
    struct kit_config *c = NULL;
    assert_ok(aethercore_options_read(setting != NULL ? 3 : 1, argv, no_environment, &wish, &c, &err));
    enum kit_status rc = aethercore_hub_read(c, &hub, &err);
    kit_config_free(c);
    return rc;
}

TEST(hub_has_an_address_when_nobody_says_one)
{
    assert_ok(read_with(NULL));
    assert_string_equal(hub.options.endpoint, "https://huggingface.co");
    assert_string_equal(hub.options.token, "");
    assert_false(hub.options.offline);
    assert_true(hub.autopull); /* only this machine can ask */
    assert_int_equal(hub.options.connections, 8);
}

TEST(hub_takes_settings_before_the_environment)
{
    setenv("HF_ENDPOINT", "http://127.0.0.1:1234//", 1);
    setenv("HF_TOKEN", "hf_from_environment", 1);
    setenv("SSL_CERT_FILE", "/etc/ca.pem", 1);
    assert_ok(read_with(NULL));
    assert_string_equal(hub.options.endpoint, "http://127.0.0.1:1234");
    assert_string_equal(hub.options.token, "hf_from_environment");
    assert_string_equal(hub.options.ca_file, "/etc/ca.pem");
    assert_ok(read_with("hub.endpoint=https://mirror.example"));
    assert_string_equal(hub.options.endpoint, "https://mirror.example");
    char path[TEST_PATH_BYTES], setting[TEST_PATH_BYTES + 32];
    snprintf(setting, sizeof(setting), "hub.token_file=%s", test_temp_write(path, "mine", kit_str_lit("hf_mine\n")));
    assert_ok(read_with(setting));
    assert_string_equal(hub.options.token, "hf_mine");
    assert_int_equal(read_with("hub.token_file=/nonexistent/token"), KIT_NOT_FOUND);
}

TEST(hub_pulls_by_itself_only_where_nobody_else_can_ask)
{
    assert_ok(read_with("server.host=0.0.0.0"));
    assert_false(hub.autopull);
    assert_ok(read_with("server.host=::1"));
    assert_true(hub.autopull);
    assert_ok(read_with("hub.autopull=off"));
    assert_false(hub.autopull);
}

TEST(hub_finds_the_token_where_hugging_faces_tools_keep_it)
{
    char path[TEST_PATH_BYTES], folder[TEST_PATH_BYTES];
    test_temp_write(path, "home/.cache/huggingface/token", kit_str_lit("hf_home\n"));
    setenv("HOME", test_temp_path(folder, "home"), 1);
    assert_ok(read_with(NULL));
    assert_string_equal(hub.options.token, "hf_home");
    test_temp_write(path, "cache/huggingface/token", kit_str_lit("hf_cache"));
    setenv("XDG_CACHE_HOME", test_temp_path(folder, "cache"), 1);
    assert_ok(read_with(NULL));
    assert_string_equal(hub.options.token, "hf_cache");
    test_temp_write(path, "hf/token", kit_str_lit("hf_hf_home"));
    setenv("HF_HOME", test_temp_path(folder, "hf"), 1);
    assert_ok(read_with(NULL));
    assert_string_equal(hub.options.token, "hf_hf_home");
    setenv("HF_TOKEN_PATH", test_temp_write(path, "token", kit_str_lit(" hf_path ")), 1);
    assert_ok(read_with(NULL));
    assert_string_equal(hub.options.token, "hf_path");
    setenv("HF_TOKEN_PATH", "/nonexistent/token", 1);
    assert_ok(read_with(NULL));
    assert_string_equal(hub.options.token, "");
}

TEST(hub_takes_no_token_that_would_write_another_field)
{
    setenv("HF_TOKEN", "hf_x\r\nX-Evil: 1", 1);
    assert_int_equal(read_with(NULL), KIT_INVALID);
    setenv("HF_TOKEN", "two words", 1);
    assert_int_equal(read_with(NULL), KIT_INVALID);
    assert_non_null(strstr(err.msg, "HF_TOKEN"));
    assert_null(strstr(err.msg, "two words")); /* a token is not shown, not even a bad one */
}

TEST(hub_takes_no_other_address)
{
    assert_int_equal(read_with("hub.endpoint=ftp://x"), KIT_INVALID);
    assert_int_equal(read_with("hub.endpoint=huggingface.co"), KIT_INVALID);
    assert_non_null(strstr(err.msg, "http://"));
}

TEST(hub_is_offline_as_hugging_faces_tools_are)
{
    static const char *const yes[] = {"1", "ON", "yes", "True"};
    for (size_t i = 0; i < KIT_COUNT(yes); i++) {
        setenv("HF_HUB_OFFLINE", yes[i], 1);
        assert_ok(read_with(NULL));
        assert_true(hub.options.offline);
    }
    setenv("HF_HUB_OFFLINE", "0", 1);
    assert_ok(read_with(NULL));
    assert_false(hub.options.offline);
    assert_ok(read_with("hub.offline=true"));
    assert_true(hub.options.offline);
}

int main(void)
{
#define CLEAR(name) cmocka_unit_test_setup(name, clear)
    return TEST_RUN(CLEAR(hub_has_an_address_when_nobody_says_one), CLEAR(hub_takes_settings_before_the_environment),
                    CLEAR(hub_pulls_by_itself_only_where_nobody_else_can_ask),
                    CLEAR(hub_finds_the_token_where_hugging_faces_tools_keep_it),
                    CLEAR(hub_takes_no_token_that_would_write_another_field), CLEAR(hub_takes_no_other_address),
                    CLEAR(hub_is_offline_as_hugging_faces_tools_are));
}
