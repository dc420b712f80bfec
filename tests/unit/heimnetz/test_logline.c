#include "heimnetz/logline.h"

#include <stdlib.h>

#include "heimnetz/rich.h"
#include "support/test.h"

#define READY                                                                                                          \
    "time=2026-11-23T05:40:28.123Z level=info event=server.ready address=http://127.0.0.1:1 models=\"a \\\"b\\\"\" "   \
    "n=3"

static const char *show(const char *line, bool json)
{
    static char text[1024];
    struct kit_buf out;
    kit_buf_init(&out, sizeof(text) - 1);
    if (json) {
        heimnetz_logline_json(&out, kit_str_c(line));
    } else {
        heimnetz_logline_show(&out, kit_str_c(line));
    }
    struct kit_buf plain;
    kit_buf_init(&plain, sizeof(text) - 1);
    for (size_t i = 0; i < out.len; i++) {
        if (out.ptr[i] == RICH_MARK) {
            i++;
        } else {
            kit_buf_add_char(&plain, out.ptr[i]);
        }
    }
    kit_str_to_c(kit_buf_str(&plain), text, sizeof(text));
    kit_buf_done(&plain);
    kit_buf_done(&out);
    return text;
}

TEST(logline_takes_a_line_apart)
{
    struct heimnetz_logline l;
    char value[64];
    assert_true(heimnetz_logline_parse(kit_str_lit(READY), &l));
    assert_str(l.level, "info");
    assert_str(l.event, "server.ready");
    assert_true(heimnetz_logline_value(&l, "models", value, sizeof(value)));
    assert_string_equal(value, "a \"b\"");
    assert_true(heimnetz_logline_value(&l, "n", value, sizeof(value)));
    assert_string_equal(value, "3");
    assert_false(heimnetz_logline_value(&l, "m", value, sizeof(value)));
}

TEST(logline_shows_time_level_event_and_pairs)
{
    assert_string_equal(show(READY, false),
                        "05:40:28.123 info  server.ready      address=http://127.0.0.1:1  models=a \"b\"  n=3\n");
    assert_string_equal(show("time=2026-11-23T05:40:28.123Z level=warn event=x", false), "05:40:28.123 warn  x\n");
}

TEST(logline_reads_json_as_it_reads_logfmt)
{
    assert_string_equal(
        show("{\"time\":\"2026-11-23T05:40:28.123Z\",\"level\":\"error\",\"event\":\"x\",\"why\":\"a b\",\"n\":3}",
             false),
        "05:40:28.123 error x                 why=a b  n=3\n");
}

TEST(logline_leaves_other_lines_as_they_are)
{
    assert_string_equal(show("Segmentation fault", false), "Segmentation fault\n");
    assert_string_equal(show("\033[2J", false), "?[2J\n");
    assert_string_equal(show("", false), "\n");
    assert_string_equal(show("time=x level=y", false), "time=x level=y\n");
    assert_string_equal(show("a=\"never ends", false), "a=\"never ends\n");
}

TEST(logline_becomes_json_with_its_numbers)
{
    assert_string_equal(show(READY, true),
                        "{\"time\":\"2026-11-23T05:40:28.123Z\",\"level\":\"info\",\"event\":\"server.ready\","
                        "\"address\":\"http://127.0.0.1:1\",\"models\":\"a \\\"b\\\"\",\"n\":3}\n");
    assert_string_equal(show("crash", true), "{\"text\":\"crash\"}\n");
    assert_string_equal(show("{\"a\":1}", true), "{\"a\":1}\n");
}

TEST(logline_survives_each_failed_alloc)
{
    TEST_ALLOC_SWEEP(n) {
        struct kit_buf out;
        kit_buf_init(&out, KIT_KIB);
        heimnetz_logline_show(&out, kit_str_lit(READY));
        heimnetz_logline_json(&out, kit_str_lit(READY));
        kit_buf_done(&out);
    }
}

int main(void)
{
    setenv("TZ", "UTC", 1);
    return TEST_RUN(TEST_OF(logline_takes_a_line_apart), TEST_OF(logline_shows_time_level_event_and_pairs),
                    TEST_OF(logline_reads_json_as_it_reads_logfmt), TEST_OF(logline_leaves_other_lines_as_they_are),
                    TEST_OF(logline_becomes_json_with_its_numbers), TEST_OF(logline_survives_each_failed_alloc));
}
