#include "support/temp.h"
#include "support/test.h"

#include "kit/config.h"

static const struct kit_config_row rows[] = {
    {"host", KIT_CONFIG_STRING, "127.0.0.1", 0, 20, NULL, false, "Address to listen on"},
    {"http.body_bytes_max", KIT_CONFIG_BYTES, "64MiB", 1024, 1073741824, NULL, true, "Largest request body"},
    {"http.idle_ms", KIT_CONFIG_MS, "30s", 1, 3600000, NULL, true, "Idle connections are closed after"},
    {"http.keep", KIT_CONFIG_BOOL, "true", 0, 0, NULL, false, "Keep connections"},
    {"log.format", KIT_CONFIG_ENUM, "pretty", 0, 0, "pretty|logfmt|json", false, "How a line looks"},
    {"log.text", KIT_CONFIG_STRING, "it's", 0, 100, NULL, false, "A text"},
    {"port", KIT_CONFIG_INT, "8001", 0, 65535, NULL, false, "Port"},
    {"remote.*.kind", KIT_CONFIG_ENUM, "auto", 0, 0, "auto|one|two", false, "Kind"},
    {"remote.*.url", KIT_CONFIG_STRING, "", 0, 100, NULL, false, "Address"},
    {"sched.deep.er.low", KIT_CONFIG_INT, "-5", -10, 10, NULL, false, "Deep"},
};

static struct kit_config *config; /* of the test that runs */
static struct kit_err err;

static int start(void **state)
{
    (void)state;
    memset(&err, 0, sizeof(err));
    return kit_config_new(rows, KIT_COUNT(rows), &config) == KIT_OK ? 0 : 1;
}

static int end(void **state)
{
    (void)state;
    kit_config_free(config);
    config = NULL;
    return 0;
}

static enum kit_status set(const char *key, const char *value)
{
    return kit_config_set(config, kit_str_c(key), kit_str_c(value), &err);
}

static void assert_message(const char *part)
{
    if (strstr(err.msg, part) == NULL) {
        fail_msg("'%s' is not in '%s'", part, err.msg);
    }
}

TEST(config_starts_with_its_defaults)
{
    assert_string_equal(kit_config_str(config, "host"), "127.0.0.1");
    assert_int_equal(kit_config_int(config, "http.body_bytes_max"), 64 * KIT_MIB);
    assert_int_equal(kit_config_int(config, "http.idle_ms"), 30000);
    assert_true(kit_config_bool(config, "http.keep"));
    assert_int_equal(kit_config_int(config, "log.format"), 0);
    assert_int_equal(kit_config_int(config, "sched.deep.er.low"), -5);
}

TEST(config_keeps_a_value_for_each_name_that_stands_for_a_star)
{
    assert_null(kit_config_name(config, "remote.", 0));
    assert_int_equal(set("remote.gpu.url", "http://gpu"), KIT_OK);
    assert_int_equal(set("remote.attic-2.kind", "two"), KIT_OK);
    assert_int_equal(set("remote.gpu.kind", "one"), KIT_OK);
    assert_string_equal(kit_config_name(config, "remote.", 0), "attic-2");
    assert_string_equal(kit_config_name(config, "remote.", 1), "gpu");
    assert_null(kit_config_name(config, "remote.", 2));
    assert_string_equal(kit_config_str_of(config, "remote.*.url", "gpu"), "http://gpu");
    assert_string_equal(kit_config_str_of(config, "remote.*.url", "attic-2"), "");
    assert_int_equal(kit_config_int_of(config, "remote.*.kind", "gpu"), 1);
    assert_int_equal(kit_config_int_of(config, "remote.*.kind", "attic-2"), 2);
    assert_int_equal(kit_config_int_of(config, "remote.*.kind", "nobody"), 0);
}

TEST(config_refuses_a_name_that_is_none_and_a_bad_value_of_one)
{
    assert_int_equal(set("remote.*.url", "http://gpu"), KIT_INVALID);
    assert_int_equal(set("remote..url", "http://gpu"), KIT_INVALID);
    assert_int_equal(set("remote.a.b.url", "http://gpu"), KIT_INVALID);
    assert_int_equal(set("remote.a.ulr", "http://gpu"), KIT_INVALID);
    assert_int_equal(set("remote.a.kind", "three"), KIT_INVALID);
    assert_message("'remote.a.kind' must be one of auto|one|two");
}

TEST(config_takes_sizes_with_units)
{
    const struct {
        const char *text;
        int64_t bytes;
    } good[] = {{"1024", 1024},    {"2kb", 2000},        {"2KiB", 2048},      {"1MB", 1000000},
                {"3mib", 3145728}, {"1GiB", 1073741824}, {"1GB", 1000000000}, {"1024B", 1024}};
    for (size_t i = 0; i < KIT_COUNT(good); i++) {
        assert_ok(set("http.body_bytes_max", good[i].text));
        assert_int_equal(kit_config_int(config, "http.body_bytes_max"), good[i].bytes);
    }
    const char *const bad[] = {"", "MiB", "1.5MiB", "-1", "1 MiB", "1MiBs", "1023", "2GiB", "99999999999TiB", "1M"};
    for (size_t i = 0; i < KIT_COUNT(bad); i++) {
        assert_int_equal(set("http.body_bytes_max", bad[i]), KIT_INVALID);
    }
    assert_int_equal(kit_config_int(config, "http.body_bytes_max"), 1024);
}

TEST(config_takes_durations_with_units)
{
    const struct {
        const char *text;
        int64_t ms;
    } good[] = {{"250", 250}, {"250ms", 250}, {"30s", 30000}, {"5m", 300000}, {"1h", 3600000}};
    for (size_t i = 0; i < KIT_COUNT(good); i++) {
        assert_ok(set("http.idle_ms", good[i].text));
        assert_int_equal(kit_config_int(config, "http.idle_ms"), good[i].ms);
    }
    assert_int_equal(set("http.idle_ms", "2h"), KIT_INVALID);
    assert_string_equal(err.msg,
                        "'http.idle_ms' must be a duration from 1ms to 1h, such as 250ms, 30s, 5m, but is '2h'");
    assert_int_equal(set("http.idle_ms", "0"), KIT_INVALID);
    assert_int_equal(set("http.idle_ms", "1d"), KIT_INVALID);
}

TEST(config_bad_values_name_key_demand_and_value)
{
    assert_int_equal(set("port", "65536"), KIT_INVALID);
    assert_string_equal(err.msg, "'port' must be a whole number from 0 to 65535, but is '65536'");
    assert_string_equal(err.param, "port");
    assert_int_equal(set("http.keep", "maybe"), KIT_INVALID);
    assert_string_equal(err.msg, "'http.keep' must be true or false, but is 'maybe'");
    assert_int_equal(set("log.format", "xml"), KIT_INVALID);
    assert_string_equal(err.msg, "'log.format' must be one of pretty|logfmt|json, but is 'xml'");
    assert_int_equal(set("log.format", "pretty|logfmt"), KIT_INVALID);
    assert_int_equal(kit_config_int(config, "port"), 8001);
}

TEST(config_strings_are_bounded_hold_no_nul_and_are_not_repeated_in_messages)
{
    assert_ok(set("host", "12345678901234567890"));
    assert_int_equal(set("host", "secret-secret-secret-"), KIT_INVALID);
    assert_message("at most 20 bytes");
    assert_null(strstr(err.msg, "secret"));
    assert_int_equal(kit_config_set(config, kit_str_lit("host"), (kit_str){"a\0b", 3}, &err), KIT_INVALID);
    assert_string_equal(kit_config_str(config, "host"), "12345678901234567890");
    assert_ok(set("host", ""));
    assert_string_equal(kit_config_str(config, "host"), "");
}

TEST(config_bools_and_enums_take_their_words)
{
    const char *const words[] = {"false", "true", "no", "yes", "off", "ON", "0", "1"};
    for (size_t i = 0; i < KIT_COUNT(words); i++) {
        assert_ok(set("http.keep", words[i]));
        assert_int_equal(kit_config_bool(config, "http.keep"), i % 2);
    }
    assert_ok(set("log.format", "json"));
    assert_int_equal(kit_config_int(config, "log.format"), 2);
}

TEST(config_unknown_key_is_offered_the_nearest)
{
    assert_int_equal(set("http.body_byte_max", "1"), KIT_INVALID);
    assert_string_equal(err.msg, "unknown key 'http.body_byte_max'; did you mean 'http.body_bytes_max'?");
    assert_int_equal(set("prot", "1"), KIT_INVALID);
    assert_message("'port'");
    assert_int_equal(set("zzzzzzzzzzzz", "1"), KIT_INVALID);
    assert_string_equal(err.msg, "unknown key 'zzzzzzzzzzzz'; --print-config lists them all");
    char key[1000];
    memset(key, 'k', sizeof(key));
    assert_int_equal(kit_config_set(config, (kit_str){key, sizeof(key)}, kit_str_lit("1"), &err), KIT_INVALID);
    assert_int_equal(set("", "1"), KIT_INVALID);
}

TEST(config_pair_is_split_at_its_first_equals_sign)
{
    assert_ok(kit_config_set_pair(config, kit_str_lit("log.text=a=b"), &err));
    assert_string_equal(kit_config_str(config, "log.text"), "a=b");
    assert_int_equal(kit_config_set_pair(config, kit_str_lit("port"), &err), KIT_INVALID);
    assert_message("key=value");
}

static enum kit_status load(const char *text)
{
    char path[TEST_PATH_BYTES];
    return kit_config_load_file(config, test_temp_write(path, "config.yaml", kit_str_c(text)), &err);
}

TEST(config_file_of_nested_maps_is_read)
{
    assert_ok(load("# comment\nhost: '::1'\nhttp:\n  body_bytes_max: 1MiB\n  keep: off\n"
                   "sched: {deep: {er: {low: 3}}}\nlog:\n  text:\nport: 1\n"));
    assert_string_equal(kit_config_str(config, "host"), "::1");
    assert_int_equal(kit_config_int(config, "http.body_bytes_max"), KIT_MIB);
    assert_false(kit_config_bool(config, "http.keep"));
    assert_int_equal(kit_config_int(config, "sched.deep.er.low"), 3);
    assert_string_equal(kit_config_str(config, "log.text"), "");
    assert_int_equal(kit_config_int(config, "port"), 1);
    assert_int_equal(kit_config_int(config, "http.idle_ms"), 30000);
}

TEST(config_file_may_be_empty_and_may_use_dotted_keys)
{
    assert_ok(load(""));
    assert_ok(load("# nothing\n"));
    assert_ok(load("---\n"));
    assert_ok(load("http.keep: false\n"));
    assert_false(kit_config_bool(config, "http.keep"));
}

TEST(config_file_errors_name_file_line_and_key)
{
    assert_int_equal(load("host: a\nhttp:\n  kepe: 1\n"), KIT_INVALID);
    assert_message("config.yaml: line 3: unknown key 'http.kepe'; did you mean 'http.keep'?");
    assert_int_equal(load("\nport: 99999\n"), KIT_INVALID);
    assert_message("line 2: 'port' must be");
    assert_string_equal(err.param, "port");
    assert_int_equal(load("port: 1\nhttp: {keep: 1}\nport: 2\n"), KIT_INVALID);
    assert_message("line 3: 'port' stands here and in line 1");
    assert_int_equal(load("http: 7\n"), KIT_INVALID);
    assert_message("line 1: unknown key 'http'");
    assert_int_equal(load("port: {x: 1}\n"), KIT_INVALID);
    assert_message("line 1: unknown key 'port.x'");
}

TEST(config_file_refuses_lists_aliases_and_what_is_no_map)
{
    assert_int_equal(load("host:\n  - a\n  - b\n"), KIT_INVALID);
    assert_message("line 2: 'host' is a list, but takes one value");
    assert_int_equal(load("- a\n"), KIT_INVALID);
    assert_int_equal(load("host: &x a\nlog: {text: *x}\n"), KIT_INVALID);
    assert_message("line 2: 'log.text' is an alias");
    assert_int_equal(load("just text\n"), KIT_INVALID);
    assert_int_equal(load("? {a: b}\n: c\n"), KIT_INVALID);
}

TEST(config_file_that_is_no_yaml_says_where)
{
    assert_int_equal(load("host: a\n  port: 1\n"), KIT_PARSE);
    assert_message("config.yaml: line 2: not YAML");
    assert_int_equal(load("host: \"\xFF\"\n"), KIT_PARSE);
    assert_int_equal(load("\thost: a\n"), KIT_PARSE);
}

TEST(config_file_is_bounded_in_size_and_depth)
{
    char path[TEST_PATH_BYTES];
    char *big = kit_alloc_array(1, KIT_MIB + 1);
    assert_non_null(big);
    memset(big, '#', KIT_MIB + 1);
    test_temp_write(path, "big.yaml", (kit_str){big, KIT_MIB + 1});
    assert_int_equal(kit_config_load_file(config, path, &err), KIT_TOO_LARGE);
    memset(big, '{', 1000);
    big[1000] = '\0';
    assert_int_equal(load(big), KIT_INVALID);
    assert_int_equal(load("{a: {b: {c: {d: {e: {f: {g: {h: {i: 1}}}}}}}}}"), KIT_INVALID);
    assert_message("nested deeper than 8");
    kit_alloc_free(big);
    assert_int_equal(kit_config_load_file(config, test_temp_path(path, "missing.yaml"), &err), KIT_NOT_FOUND);
}

TEST(config_file_refuses_keys_that_are_too_long)
{
    char text[400];
    memset(text, 'k', sizeof(text));
    memcpy(text + sizeof(text) - 4, ": 1", 4);
    assert_int_equal(load(text), KIT_INVALID);
    assert_message("a key has 1 to 128 bytes");
    assert_int_equal(load("'': 1\n"), KIT_INVALID);
}

static char warned[400];

static void warn(const char *line)
{
    strcat(warned, line);
}

/* environ has no const, though nobody writes to it. */
static char *const *as_environ(const char *const *strings)
{
    return (char *const *)(uintptr_t)strings;
}

TEST(config_environment_sets_keys_and_warns_of_unknown_ones)
{
    static const char *const environment[] = {"CORE_HTTP__IDLE_MS=5s",
                                              "CORE_PORT=7",
                                              "CORE_LOG__TEXT=a=b",
                                              "OTHER_PORT=1",
                                              "CORE=1",
                                              "CORE_",
                                              "CORES_PORT=9",
                                              "CORE_API_URL=x",
                                              "CORE_REMOTE__GPU__URL=http://gpu",
                                              "CORE_HTTP__IDEL_MS=1",
                                              NULL};
    warned[0] = '\0';
    assert_ok(kit_config_load_env(config, "CORE", as_environ(environment), warn, &err));
    assert_int_equal(kit_config_int(config, "http.idle_ms"), 5000);
    assert_int_equal(kit_config_int(config, "port"), 7);
    assert_string_equal(kit_config_str(config, "log.text"), "a=b");
    assert_string_equal(kit_config_str_of(config, "remote.*.url", "gpu"), "http://gpu");
    assert_string_equal(warned, "CORE_HTTP__IDEL_MS in the environment: unknown key 'http.idel_ms'; did you mean "
                                "'http.idle_ms'?");
}

TEST(config_environment_with_a_bad_value_fails_and_names_the_variable)
{
    static const char *const environment[] = {"CORE_PORT=x", NULL};
    assert_int_equal(kit_config_load_env(config, "CORE", as_environ(environment), warn, &err), KIT_INVALID);
    assert_string_equal(err.msg,
                        "CORE_PORT in the environment: 'port' must be a whole number from 0 to 65535, but is 'x'");
}

TEST(config_sample_can_be_loaded_and_changes_nothing)
{
    char path[TEST_PATH_BYTES];
    struct kit_buf out;
    kit_buf_init(&out, 10000);
    assert_ok(kit_config_sample(config, &out));
    test_temp_write(path, "sample.yaml", kit_buf_str(&out));
    assert_ok(set("host", "x"));
    assert_ok(set("log.text", "x"));
    assert_ok(set("http.idle_ms", "1"));
    assert_ok(set("sched.deep.er.low", "1"));
    assert_ok(kit_config_load_file(config, path, &err));
    assert_string_equal(kit_config_str(config, "host"), "127.0.0.1");
    assert_string_equal(kit_config_str(config, "log.text"), "it's");
    assert_int_equal(kit_config_int(config, "http.idle_ms"), 30000);
    assert_int_equal(kit_config_int(config, "sched.deep.er.low"), -5);
    kit_buf_done(&out);
}

TEST(config_sample_shows_help_range_and_default)
{
    struct kit_buf out;
    kit_buf_init(&out, 10000);
    assert_ok(kit_config_sample(config, &out));
    assert_ok(kit_buf_add_char(&out, '\0'));
    assert_non_null(strstr(out.ptr, "http:\n  # Largest request body (a size from 1KiB to 1GiB, such as 64MiB; read "
                                    "again on reload)\n  body_bytes_max: 64MiB\n"));
    assert_non_null(
        strstr(out.ptr, "sched:\n  deep:\n    er:\n      # Deep (a whole number from -10 to 10)\n      low: -5\n"));
    kit_buf_done(&out);
}

static void count_row(void *ctx, const struct kit_config_row *row)
{
    assert_true(row >= rows && row < rows + KIT_COUNT(rows));
    *(unsigned *)ctx |= 1u << (row - rows);
}

TEST(config_compare_finds_the_rows_that_differ)
{
    struct kit_config *other = NULL;
    unsigned found = 0;
    assert_int_equal(kit_config_new(rows, KIT_COUNT(rows), &other), KIT_OK);
    kit_config_compare(config, other, count_row, &found);
    assert_int_equal(found, 0);
    assert_int_equal(kit_config_set(other, kit_str_lit("host"), kit_str_lit(""), NULL), KIT_OK);
    assert_int_equal(kit_config_set(other, kit_str_lit("port"), kit_str_lit("1"), NULL), KIT_OK);
    assert_int_equal(kit_config_set(other, kit_str_lit("http.keep"), kit_str_lit("yes"), NULL), KIT_OK);
    kit_config_compare(config, other, count_row, &found);
    assert_int_equal(found, 1u << 0 | 1u << 6);
    found = 0;
    assert_int_equal(kit_config_set(config, kit_str_lit("remote.a.url"), kit_str_lit("x"), NULL), KIT_OK);
    kit_config_compare(other, config, count_row, &found);
    assert_int_equal(found, 1u << 0 | 1u << 6 | 1u << 8);
    kit_config_free(other);
}

TEST(config_survives_each_failed_alloc)
{
    char path[TEST_PATH_BYTES];
    test_temp_write(path, "sweep.yaml", kit_str_lit("host: abc\nlog: {text: def}\nremote: {a: {url: b}}\n"));
    TEST_ALLOC_SWEEP(n) {
        struct kit_config *c = NULL;
        struct kit_err why = {0};
        enum kit_status rc = kit_config_new(rows, KIT_COUNT(rows), &c);
        if (rc == KIT_OK) {
            rc = kit_config_load_file(c, path, &why);
        }
        assert_int_equal(rc, kit_alloc_failed() ? KIT_NOMEM : KIT_OK);
        kit_config_free(c);
    }
}

#define WITH_CONFIG(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
    return TEST_RUN(
        WITH_CONFIG(config_starts_with_its_defaults),
        WITH_CONFIG(config_keeps_a_value_for_each_name_that_stands_for_a_star),
        WITH_CONFIG(config_refuses_a_name_that_is_none_and_a_bad_value_of_one),
        WITH_CONFIG(config_takes_sizes_with_units), WITH_CONFIG(config_takes_durations_with_units),
        WITH_CONFIG(config_bad_values_name_key_demand_and_value),
        WITH_CONFIG(config_strings_are_bounded_hold_no_nul_and_are_not_repeated_in_messages),
        WITH_CONFIG(config_bools_and_enums_take_their_words), WITH_CONFIG(config_unknown_key_is_offered_the_nearest),
        WITH_CONFIG(config_pair_is_split_at_its_first_equals_sign), WITH_CONFIG(config_file_of_nested_maps_is_read),
        WITH_CONFIG(config_file_may_be_empty_and_may_use_dotted_keys),
        WITH_CONFIG(config_file_errors_name_file_line_and_key),
        WITH_CONFIG(config_file_refuses_lists_aliases_and_what_is_no_map),
        WITH_CONFIG(config_file_that_is_no_yaml_says_where), WITH_CONFIG(config_file_is_bounded_in_size_and_depth),
        WITH_CONFIG(config_file_refuses_keys_that_are_too_long),
        WITH_CONFIG(config_environment_sets_keys_and_warns_of_unknown_ones),
        WITH_CONFIG(config_environment_with_a_bad_value_fails_and_names_the_variable),
        WITH_CONFIG(config_sample_can_be_loaded_and_changes_nothing),
        WITH_CONFIG(config_sample_shows_help_range_and_default), WITH_CONFIG(config_compare_finds_the_rows_that_differ),
        TEST_OF(config_survives_each_failed_alloc));
}
