#include "aethercore/options.h"

#include "support/temp.h"
#include "support/test.h"

struct read {
    enum aethercore_wish wish;
    struct kit_config *config;
    struct kit_err err;
};

static enum kit_status read_options(struct read *r, char *const *environment, const char *const *arguments)
{
    static char name[] = "aethercore";
    char *argv[16] = {name};
    int argc = 1;
    for (; arguments[argc - 1] != NULL; argc++) {
        argv[argc] = (char *)(uintptr_t)arguments[argc - 1];
    }
    *r = (struct read){0};
    return aethercore_options_read(argc, argv, environment, &r->wish, &r->config, &r->err);
}

static char *no_environment[] = {NULL};

TEST(options_without_arguments_are_the_defaults)
{
    struct read r;
    static const char *const arguments[] = {NULL};
    assert_int_equal(read_options(&r, no_environment, arguments), KIT_OK);
    assert_int_equal(r.wish, AETHERCORE_SERVE);
    assert_string_equal(kit_config_str(r.config, "server.host"), "127.0.0.1");
    assert_int_equal(kit_config_int(r.config, "server.port"), 8001);
    kit_config_free(r.config);
}

TEST(options_flags_win_over_environment_and_environment_over_the_file)
{
    struct read r;
    char path[TEST_PATH_BYTES];
    char head[] = "AETHERCORE_HTTP__HEAD_BYTES_MAX=4KiB", port[] = "AETHERCORE_SERVER__PORT=3",
         url[] = "AETHERCORE_URL=x";
    char *environment[] = {head, port, url, NULL};
    test_temp_write(path, "c.yaml",
                    kit_str_lit("server:\n  port: 2\n  host: 127.0.0.2\nhttp:\n  head_bytes_max: 2KiB\n"));
    const char *const arguments[] = {"--port", "4", "--config", path, "--set=models.max=7", NULL};
    assert_int_equal(read_options(&r, environment, arguments), KIT_OK);
    assert_int_equal(kit_config_int(r.config, "server.port"), 4);
    assert_int_equal(kit_config_int(r.config, "http.head_bytes_max"), 4096);
    assert_int_equal(kit_config_int(r.config, "models.max"), 7);
    assert_string_equal(kit_config_str(r.config, "server.host"), "127.0.0.2");
    kit_config_free(r.config);
}

TEST(options_that_are_wrong_say_what)
{
    static const struct {
        const char *const arguments[4];
        const char *said;
    } rows[] = {
        {{"--prot", "1"}, "--prot"},
        {{"--port"}, "--port"},
        {{"--port", "65536"}, "server.port"},
        {{"--set", "nonsense"}, "nonsense"},
        {{"--set", "server.prot=1"}, "server.port"},
        {{"--config", "/nowhere/at/all.yaml"}, "/nowhere/at/all.yaml"},
        {{"serve"}, "serve"},
    };
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        struct read r;
        assert_int_not_equal(read_options(&r, no_environment, rows[i].arguments), KIT_OK);
        assert_non_null(strstr(r.err.msg, rows[i].said));
        assert_null(r.config);
    }
}

TEST(options_survive_each_failed_alloc)
{
    static const char *const arguments[] = {"--port", "4", "--set", "models.max=7", NULL};
    TEST_ALLOC_SWEEP(n) {
        struct read r;
        enum kit_status rc = read_options(&r, no_environment, arguments);
        assert_true(rc == KIT_OK || rc == KIT_NOMEM);
        kit_config_free(r.config);
    }
}

int main(void)
{
    return TEST_RUN(TEST_OF(options_without_arguments_are_the_defaults),
                    TEST_OF(options_flags_win_over_environment_and_environment_over_the_file),
                    TEST_OF(options_that_are_wrong_say_what), TEST_OF(options_survive_each_failed_alloc));
}
