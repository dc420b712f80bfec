#include "heimnetz/table.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/test.h"

static const char *const headings[] = {"NAME", "STATE", ">SIZE"};

/* What the table prints on something that is `width` columns wide; owned by the caller. */
static char *print(const struct heimnetz_table *t, bool terminal, uint32_t width)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    struct heimnetz_term term = {.out = out, .terminal = terminal, .unicode = true, .width = width};
    heimnetz_table_print(t, &term);
    fclose(out);
    return text;
}

static void fill(struct heimnetz_table *t)
{
    static const char *const cells[] = {"org/a-model-with-a-long-name", "ready", "91 MB", "ä", "available", "-"};
    heimnetz_table_init(t, 3, headings);
    for (size_t i = 0; i < KIT_COUNT(cells); i++) {
        assert_int_equal(heimnetz_table_add(t, TERM_PLAIN, "%s", cells[i]), KIT_OK);
    }
}

TEST(table_aligns_columns_by_what_the_eye_sees)
{
    struct heimnetz_table t;
    fill(&t);
    char *text = print(&t, false, 80);
    assert_string_equal(text, "NAME                          STATE       SIZE\n"
                              "org/a-model-with-a-long-name  ready      91 MB\n"
                              "ä                             available      -\n");
    free(text);
    heimnetz_table_done(&t);
}

TEST(table_never_passes_the_width_of_a_terminal)
{
    struct heimnetz_table t;
    fill(&t);
    for (uint32_t width = 24; width < 60; width++) {
        char *text = print(&t, true, width);
        kit_str rest = kit_str_c(text), line;
        while (kit_str_cut(&rest, '\n', &line)) {
            assert_true(heimnetz_term_columns(line) <= width);
        }
        free(text);
    }
    heimnetz_table_done(&t);
}

TEST(table_cuts_nothing_in_a_pipe)
{
    struct heimnetz_table t;
    fill(&t);
    char *text = print(&t, false, 20);
    assert_non_null(strstr(text, "org/a-model-with-a-long-name"));
    free(text);
    heimnetz_table_done(&t);
}

TEST(columns_count_wide_and_combining_characters_as_terminals_do)
{
    assert_int_equal(heimnetz_term_columns(kit_str_lit("abc")), 3);
    assert_int_equal(heimnetz_term_columns(kit_str_lit("日本")), 4);
    assert_int_equal(heimnetz_term_columns(kit_str_lit("e\xCC\x81")), 1);
    assert_int_equal(heimnetz_term_columns(kit_str_lit("\xFF\xFE")), 2);
    assert_int_equal(heimnetz_term_columns((kit_str){0}), 0);
}

TEST(figures_are_short_and_say_their_unit)
{
    char buf[64];
    assert_string_equal(heimnetz_term_bytes(0, buf, sizeof(buf)), "0 B");
    assert_string_equal(heimnetz_term_bytes(999, buf, sizeof(buf)), "999 B");
    assert_string_equal(heimnetz_term_bytes(90868376, buf, sizeof(buf)), "90.9 MB");
    assert_string_equal(heimnetz_term_duration(59, buf, sizeof(buf)), "59 s");
    assert_string_equal(heimnetz_term_duration(61, buf, sizeof(buf)), "1 min 1 s");
    assert_string_equal(heimnetz_term_duration(3700, buf, sizeof(buf)), "1 h 1 min");
    assert_string_equal(heimnetz_term_duration(90000, buf, sizeof(buf)), "1 d 1 h");
}

TEST(table_survives_each_failed_alloc)
{
    TEST_ALLOC_SWEEP(n) {
        struct heimnetz_table t;
        heimnetz_table_init(&t, 3, headings);
        enum kit_status rc = heimnetz_table_add(&t, TERM_PLAIN, "%s", "cell");
        assert_true(rc == KIT_OK || rc == KIT_NOMEM);
        heimnetz_table_done(&t);
    }
}

int main(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    return TEST_RUN(TEST_OF(table_aligns_columns_by_what_the_eye_sees),
                    TEST_OF(table_never_passes_the_width_of_a_terminal), TEST_OF(table_cuts_nothing_in_a_pipe),
                    TEST_OF(columns_count_wide_and_combining_characters_as_terminals_do),
                    TEST_OF(figures_are_short_and_say_their_unit), TEST_OF(table_survives_each_failed_alloc));
}
