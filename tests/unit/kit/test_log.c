#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "kit/json.h"
#include "kit/log.h"

static int ends[2];                       /* of the pipe that the log writes into */
static char line[3 * KIT_LOG_LINE_BYTES]; /* what arrived */

static int start(void **state)
{
    (void)state;
    return pipe2(ends, O_NONBLOCK | O_CLOEXEC);
}

static int end(void **state)
{
    (void)state;
    kit_log_setup(&(struct kit_log_options){.level = KIT_LOG_INFO, .fd = 2});
    close(ends[0]);
    close(ends[1]);
    return 0;
}

static void setup(enum kit_log_format format, bool colour)
{
    kit_log_setup(&(struct kit_log_options){.level = KIT_LOG_INFO, .format = format, .colour = colour, .fd = ends[1]});
}

static const char *read_back(void)
{
    ssize_t n = read(ends[0], line, sizeof(line) - 1);
    line[n < 0 ? 0 : n] = '\0';
    return line;
}

/* The line as JSON; the test frees *doc. */
static kit_json read_json(struct kit_json_doc **doc)
{
    struct kit_err err = {0};
    const char *text = read_back();
    if (kit_json_parse(kit_str_c(text), 2, doc, &err) != KIT_OK) {
        fail_msg("%s: %s", err.msg, text);
    }
    return kit_json_root(*doc);
}

TEST(log_writes_nothing_below_its_level)
{
    setup(KIT_LOG_LOGFMT, false);
    LOG_DEBUG("quiet", "x=%d", 1);
    assert_string_equal(read_back(), "");
    assert_false(kit_log_wants(KIT_LOG_DEBUG));
    assert_true(kit_log_wants(KIT_LOG_INFO));
    kit_log_set_level(KIT_LOG_WARN);
    LOG_INFO("quiet", "x=%d", 1);
    assert_string_equal(read_back(), "");
    LOG_WARN("loud", "x=%d", 1);
    assert_string_not_equal(read_back(), "");
    kit_log_setup(&(struct kit_log_options){.level = KIT_LOG_OFF, .fd = ends[1]});
    LOG_ERROR("quiet", "x=%d", 1);
    assert_string_equal(read_back(), "");
    assert_false(kit_log_wants(KIT_LOG_OFF));
}

TEST(log_logfmt_has_time_level_event_and_pairs)
{
    setup(KIT_LOG_LOGFMT, false);
    LOG_WARN("sched.full", "model=%s waiting=%u", "mini", 7U);
    const char *text = read_back();
    assert_int_equal(strncmp(text, "time=20", 7), 0);
    assert_string_equal(text + strlen("time=2026-11-23T05:40:28.123Z"),
                        " level=warn event=sched.full model=mini waiting=7\n");
}

TEST(log_pretty_has_colour_only_when_asked)
{
    setup(KIT_LOG_PRETTY, false);
    LOG_INFO("server.ready", "port=%d", 1);
    assert_string_equal(read_back() + strlen("05:40:28.123"), " INFO  server.ready  port=1\n");
    setup(KIT_LOG_PRETTY, true);
    LOG_ERROR("x.y", "a=%d", 1);
    assert_string_equal(read_back() + strlen("05:40:28.123"), " \x1b[31mERROR\x1b[0m \x1b[1mx.y\x1b[0m  a=1\n");
}

TEST(log_line_stays_one_line_whatever_comes_from_outside)
{
    setup(KIT_LOG_LOGFMT, false);
    LOG_INFO("x", "name=%s", "a\nlevel=error\r\x1b[31m\xFF\xC3\xBC");
    const char *text = read_back();
    assert_non_null(strstr(text, " name=a\\nlevel=error\\r\\x1b[31m\\xff\xC3\xBC\n"));
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

TEST(log_quote_escapes_and_keeps_utf8)
{
    assert_string_equal(LOG_QUOTE("a \"b\"\\\n\x01 \xC3\xBC \xFF"), "\"a \\\"b\\\"\\\\\\n\\x01 \xC3\xBC \\xff\"");
    assert_string_equal(LOG_QUOTE_STR(((kit_str){"x\0y", 3})), "\"x\\x00y\"");
    assert_string_equal(LOG_QUOTE(NULL), "\"\"");
}

TEST(log_quote_cuts_between_escapes_and_closes_its_quote)
{
    char text[1000];
    memset(text, '"', sizeof(text));
    for (size_t lead = 0; lead < 2; lead++) {
        memset(text, 'a', lead);
        const char *q = LOG_QUOTE_STR(((kit_str){text, sizeof(text)}));
        size_t len = strlen(q);
        assert_in_range(len, KIT_LOG_QUOTE_BYTES - 4, KIT_LOG_QUOTE_BYTES - 1);
        assert_string_equal(q + len - 3, "\\\"\"");
    }
}

TEST(log_json_splits_the_pairs_again)
{
    struct kit_json_doc *doc = NULL;
    setup(KIT_LOG_JSON, false);
    LOG_ERROR("model.failed", "model=%s n=%d x=%s ok=%s why=%s empty= v=%s", "org/m", -3, "1.5e3", "true",
              LOG_QUOTE("no \"shape\" = bad\n\xFF"), "007");
    kit_json v = read_json(&doc);
    assert_str(kit_json_str(kit_json_get(v, "level"), (kit_str){0}), "error");
    assert_str(kit_json_str(kit_json_get(v, "event"), (kit_str){0}), "model.failed");
    assert_str(kit_json_str(kit_json_get(v, "model"), (kit_str){0}), "org/m");
    assert_int_equal(kit_json_i64(kit_json_get(v, "n"), 0), -3);
    assert_true(kit_json_f64(kit_json_get(v, "x"), 0) == 1500);
    assert_true(kit_json_bool(kit_json_get(v, "ok"), false));
    assert_str(kit_json_str(kit_json_get(v, "why"), (kit_str){0}), "no \"shape\" = bad\n\xEF\xBF\xBD");
    assert_str(kit_json_str(kit_json_get(v, "empty"), kit_str_lit("?")), "");
    assert_str(kit_json_str(kit_json_get(v, "v"), (kit_str){0}), "007");
    kit_json_free(doc);
}

TEST(log_json_quoted_values_stay_strings)
{
    struct kit_json_doc *doc = NULL;
    setup(KIT_LOG_JSON, false);
    LOG_INFO("x", "id=%s", LOG_QUOTE("123"));
    assert_int_equal(kit_json_type(kit_json_get(read_json(&doc), "id")), KIT_JSON_STRING);
    kit_json_free(doc);
}

TEST(log_json_is_valid_whatever_the_text)
{
    const char *const texts[] = {"",       "word",    "two words", "=",       "a==b",    "a=\"open",
                                 "a=\"\\", "\"",      "a=\"\"b",   "a=\x01",  "  a=1  ", "a=-",
                                 "a=+1",   "a=.5",    "a=1.",      "a=-01",   "a=nan",   "a=inf",
                                 "a=0x1",  "a=\\xzz", "\xFF=\xFF", "a=1e999", "a=null",  "a b=\"c d\" e"};
    setup(KIT_LOG_JSON, false);
    for (size_t i = 0; i < KIT_COUNT(texts); i++) {
        struct kit_json_doc *doc = NULL;
        LOG_INFO("x", "%s", texts[i]);
        kit_json v = read_json(&doc);
        assert_str(kit_json_str(kit_json_get(v, "event"), (kit_str){0}), "x");
        kit_json_free(doc);
    }
}

TEST(log_json_cut_line_is_still_json_and_says_so)
{
    struct kit_json_doc *doc = NULL;
    char text[KIT_LOG_LINE_BYTES];
    int cuts = 0;
    setup(KIT_LOG_JSON, false);
    for (size_t len = KIT_LOG_LINE_BYTES - 200; len < KIT_LOG_LINE_BYTES; len++) {
        memset(text, 'x', len);
        text[len] = '\0';
        LOG_INFO("x", "first=1 long=%s last=2", text);
        kit_json v = read_json(&doc);
        assert_int_equal(kit_json_i64(kit_json_get(v, "first"), 0), 1);
        bool whole = kit_json_i64(kit_json_get(v, "last"), 0) == 2;
        assert_int_equal(kit_json_bool(kit_json_get(v, "cut"), false), !whole);
        cuts += whole ? 0 : 1;
        assert_true(strlen(line) <= KIT_LOG_LINE_BYTES);
        kit_json_free(doc);
    }
    assert_in_range(cuts, 1, 199); /* both kinds were seen */
}

TEST(log_text_lines_are_cut_at_their_maximum)
{
    setup(KIT_LOG_LOGFMT, false);
    LOG_INFO("x", "a=%05000d b=1", 7);
    const char *text = read_back();
    assert_int_equal(strlen(text), KIT_LOG_LINE_BYTES - 1);
    assert_int_equal(text[strlen(text) - 1], '\n');
}

TEST(log_write_leaves_errno_alone_and_allocates_nothing)
{
    setup(KIT_LOG_JSON, false);
    uint64_t blocks = kit_alloc_count();
    kit_alloc_fail_at(1);
    errno = ENOENT;
    LOG_INFO("x", "a=%s", LOG_QUOTE("b c"));
    assert_int_equal(errno, ENOENT);
    assert_false(kit_alloc_failed());
    kit_alloc_fail_at(0);
    assert_int_equal(kit_alloc_count(), blocks);
    assert_non_null(strstr(read_back(), "\"a\":\"b c\""));
}

#define WITH_PIPE(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
    return TEST_RUN(
        WITH_PIPE(log_writes_nothing_below_its_level), WITH_PIPE(log_logfmt_has_time_level_event_and_pairs),
        WITH_PIPE(log_pretty_has_colour_only_when_asked),
        WITH_PIPE(log_line_stays_one_line_whatever_comes_from_outside), TEST_OF(log_quote_escapes_and_keeps_utf8),
        TEST_OF(log_quote_cuts_between_escapes_and_closes_its_quote), WITH_PIPE(log_json_splits_the_pairs_again),
        WITH_PIPE(log_json_quoted_values_stay_strings), WITH_PIPE(log_json_is_valid_whatever_the_text),
        WITH_PIPE(log_json_cut_line_is_still_json_and_says_so), WITH_PIPE(log_text_lines_are_cut_at_their_maximum),
        WITH_PIPE(log_write_leaves_errno_alone_and_allocates_nothing));
}
