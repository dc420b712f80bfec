#include "heimnetz/panel.h"

#include <stdio.h>
#include <stdlib.h>

#include "heimnetz/rich.h"
#include "support/test.h"

static const char *const headings[] = {"NAME", "STATE", ">SIZE"};

/* The table's lines at a width; owned by the caller. */
static char *lay_out(const struct heimnetz_table *t, uint32_t width)
{
    struct kit_buf lines, plain;
    kit_buf_init(&lines, KIT_MIB);
    kit_buf_init(&plain, KIT_MIB);
    assert_ok(heimnetz_table_lines(t, width, &lines));
    for (size_t i = 0; i < lines.len; i++) {
        if (lines.ptr[i] == RICH_MARK) {
            i++;
        } else {
            kit_buf_add_char(&plain, lines.ptr[i]);
        }
    }
    kit_buf_done(&lines);
    char *ret = kit_buf_take(&plain, NULL);
    return ret != NULL ? ret : kit_alloc_copy("", 0);
}

/* The page on a terminal `width` wide (0: a pipe); owned by the caller, by free. */
static char *print(const struct heimnetz_panel *panels, uint32_t count, uint32_t width, bool unicode)
{
    char *text = NULL;
    size_t len = 0;
    struct heimnetz_term term;
    FILE *out = open_memstream(&text, &len);
    heimnetz_term_make(&term, out, width, false, unicode);
    assert_ok(heimnetz_panels_print(&term, panels, count));
    (void)fclose(out);
    return text;
}

static void fill(struct heimnetz_table *t)
{
    static const char *const cells[] = {"org/a-model-with-a-long-name", "ready", "91 MB", "ä", "available", "-"};
    heimnetz_table_init(t, 3, headings);
    for (size_t i = 0; i < KIT_COUNT(cells); i++) {
        heimnetz_table_add(t, TERM_PLAIN, "%s", cells[i]);
    }
    heimnetz_table_note(t, TERM_BAD, "config.json: hidden_size is missing");
}

TEST(table_aligns_columns_by_what_the_eye_sees)
{
    struct heimnetz_table t;
    fill(&t);
    char *text = lay_out(&t, 0);
    assert_string_equal(text, "NAME                          STATE       SIZE\n"
                              "org/a-model-with-a-long-name  ready      91 MB\n"
                              "ä                             available      -\n"
                              "  config.json: hidden_size is missing\n");
    kit_alloc_free(text);
    heimnetz_table_done(&t);
}

TEST(table_wraps_a_cell_and_cuts_nothing)
{
    struct heimnetz_table t;
    fill(&t);
    char *text = lay_out(&t, 36);
    assert_string_equal(text, "NAME                STATE       SIZE\n"
                              "org/a-model-with-   ready      91 MB\n"
                              "a-long-name\n"
                              "ä                   available      -\n"
                              "  config.json: hidden_size is\n"
                              "  missing\n");
    kit_alloc_free(text);
    heimnetz_table_done(&t);
}

TEST(table_without_room_for_columns_goes_row_by_row)
{
    struct heimnetz_table t;
    fill(&t);
    char *text = lay_out(&t, 20);
    assert_string_equal(text, "NAME   org/a-model-\n"
                              "       with-a-long-\n"
                              "       name\n"
                              "STATE  ready\n"
                              "SIZE   91 MB\n"
                              "\n"
                              "NAME   ä\n"
                              "STATE  available\n"
                              "SIZE   -\n"
                              "  config.json:\n"
                              "  hidden_size is\n"
                              "  missing\n");
    kit_alloc_free(text);
    heimnetz_table_done(&t);
}

TEST(table_of_pairs_goes_below_the_names_when_it_is_narrow)
{
    struct heimnetz_table t;
    heimnetz_table_init(&t, 2, NULL);
    heimnetz_table_pair(&t, "address", TERM_PLAIN, "http://127.0.0.1:8001");
    heimnetz_table_pair(&t, "up", TERM_PLAIN, "3 s");
    char *wide = lay_out(&t, 40), *narrow = lay_out(&t, 16);
    assert_string_equal(wide, "address  http://127.0.0.1:8001\nup       3 s\n");
    assert_string_equal(narrow, "address\n  http://\n  127.0.0.1:8001\nup\n  3 s\n");
    kit_alloc_free(wide);
    kit_alloc_free(narrow);
    heimnetz_table_done(&t);
}

TEST(panel_never_passes_the_width_of_a_terminal_and_closes_every_line)
{
    struct heimnetz_table t;
    fill(&t);
    struct heimnetz_panel panel = {"A title that is rather long for a narrow terminal", &t};
    for (uint32_t width = 20; width <= 200; width++) {
        char *text = print(&panel, 1, width, true);
        kit_str rest = kit_str_c(text), line;
        uint32_t framed = 0, lines = 0, columns = 0;
        while (kit_str_cut(&rest, '\n', &line)) {
            assert_true(heimnetz_rich_columns(line) <= width);
            bool closed = kit_str_ends(line, kit_str_lit("│")) || kit_str_ends(line, kit_str_lit("╮")) ||
                          kit_str_ends(line, kit_str_lit("╯"));
            columns = closed && framed == 0 ? heimnetz_rich_columns(line) : columns;
            assert_true(!closed || heimnetz_rich_columns(line) == columns);
            framed += closed;
            lines++;
        }
        assert_true(framed == (width < 40 ? 0 : lines));
        free(text);
    }
    heimnetz_table_done(&t);
}

TEST(panel_is_plain_in_a_pipe_and_ascii_where_nothing_else_can_be_shown)
{
    struct heimnetz_table t;
    heimnetz_table_init(&t, 2, NULL);
    heimnetz_table_pair(&t, "up", TERM_GOOD, "3 s");
    struct heimnetz_panel panels[] = {{"One", &t}, {"Two", &t}};
    char *pipe = print(panels, 1, 0, true), *both = print(panels, 2, 0, true), *ascii = print(panels, 1, 40, false);
    assert_string_equal(pipe, "up  3 s\n");
    assert_string_equal(both, "One\nup  3 s\n\nTwo\nup  3 s\n");
    assert_string_equal(ascii, "+- One --------------------------------+\n"
                               "| up  3 s                              |\n"
                               "+--------------------------------------+\n");
    free(pipe);
    free(both);
    free(ascii);
    heimnetz_table_done(&t);
}

TEST(figures_are_short_and_say_their_unit)
{
    char buf[TERM_FIGURE_BYTES];
    assert_string_equal(heimnetz_term_bytes(0, buf), "0 B");
    assert_string_equal(heimnetz_term_bytes(999, buf), "999 B");
    assert_string_equal(heimnetz_term_bytes(90868376, buf), "90.9 MB");
    assert_string_equal(heimnetz_term_duration(59, buf), "59 s");
    assert_string_equal(heimnetz_term_duration(61, buf), "1 min 1 s");
    assert_string_equal(heimnetz_term_duration(3700, buf), "1 h 1 min");
    assert_string_equal(heimnetz_term_duration(90000, buf), "1 d 1 h");
    assert_string_equal(heimnetz_term_ms(0.83, buf), "0.8 ms");
    assert_string_equal(heimnetz_term_ms(340.4, buf), "340 ms");
    assert_string_equal(heimnetz_term_ms(1234, buf), "1.2 s");
    assert_string_equal(heimnetz_term_ms(61000, buf), "1 min 1 s");
}

TEST(table_survives_each_failed_alloc)
{
    TEST_ALLOC_SWEEP(n) {
        struct heimnetz_table t;
        struct kit_buf lines;
        kit_buf_init(&lines, KIT_MIB);
        fill(&t);
        enum kit_status rc = heimnetz_table_lines(&t, 30, &lines);
        assert_true(rc == KIT_OK || rc == KIT_NOMEM);
        kit_buf_done(&lines);
        heimnetz_table_done(&t);
    }
}

TEST(panel_survives_each_failed_alloc)
{
    FILE *out = fopen("/dev/null", "w");
    struct heimnetz_term term;
    heimnetz_term_make(&term, out, 60, false, true);
    TEST_ALLOC_SWEEP(n) {
        struct heimnetz_table t;
        fill(&t);
        enum kit_status rc = heimnetz_panels_print(&term, &(struct heimnetz_panel){"Title", &t}, 1);
        assert_true(rc == KIT_OK || rc == KIT_NOMEM);
        heimnetz_table_done(&t);
    }
    (void)fclose(out);
}

int main(void)
{
    return TEST_RUN(TEST_OF(table_aligns_columns_by_what_the_eye_sees), TEST_OF(table_wraps_a_cell_and_cuts_nothing),
                    TEST_OF(table_without_room_for_columns_goes_row_by_row),
                    TEST_OF(table_of_pairs_goes_below_the_names_when_it_is_narrow),
                    TEST_OF(panel_never_passes_the_width_of_a_terminal_and_closes_every_line),
                    TEST_OF(panel_is_plain_in_a_pipe_and_ascii_where_nothing_else_can_be_shown),
                    TEST_OF(figures_are_short_and_say_their_unit), TEST_OF(table_survives_each_failed_alloc),
                    TEST_OF(panel_survives_each_failed_alloc));
}
