#include "heimnetz/rich.h"

#include <stdlib.h>

#include "support/test.h"

static struct kit_buf text;

static kit_str rich(enum heimnetz_style style, const char *s)
{
    kit_buf_clear(&text);
    heimnetz_rich_add(&text, style, "%s", s);
    return kit_buf_str(&text);
}

static int set_up(void **state)
{
    (void)state;
    kit_buf_init(&text, KIT_MIB);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    kit_buf_done(&text);
    return 0;
}

/* What a terminal gets; owned by the caller. */
static char *print(kit_str s, uint32_t width, bool colour, bool unicode)
{
    char *bytes = NULL;
    size_t len = 0;
    struct heimnetz_term t;
    FILE *out = open_memstream(&bytes, &len);
    heimnetz_term_make(&t, out, width, colour, unicode);
    heimnetz_rich_print(&t, s);
    (void)fclose(out);
    return bytes;
}

/* Joins the lines with '|'. */
static const char *wrap(const char *s, uint32_t columns)
{
    static char joined[512];
    struct kit_buf out;
    kit_buf_init(&out, sizeof(joined) - 1);
    for (struct heimnetz_rich_lines l = heimnetz_rich_lines(rich(TERM_PLAIN, s)); heimnetz_rich_next(&l, columns);) {
        kit_buf_printf(&out, "%s%.*s", out.len > 0 ? "|" : "", KIT_STR_ARG(l.line));
    }
    kit_str_to_c(kit_buf_str(&out), joined, sizeof(joined));
    kit_buf_done(&out);
    return joined;
}

TEST(rich_counts_columns_as_terminals_do)
{
    assert_int_equal(heimnetz_rich_columns(rich(TERM_PLAIN, "abc")), 3);
    assert_int_equal(heimnetz_rich_columns(rich(TERM_BOLD, "abc")), 3);
    assert_int_equal(heimnetz_rich_columns(rich(TERM_PLAIN, "日本")), 4);
    assert_int_equal(heimnetz_rich_columns(rich(TERM_PLAIN, "e\xCC\x81")), 1);
    assert_int_equal(heimnetz_rich_columns(rich(TERM_PLAIN, "🚀")), 2);
    assert_int_equal(heimnetz_rich_columns(rich(TERM_PLAIN, "❤\xEF\xB8\x8F")), 2);
    assert_int_equal(heimnetz_rich_columns(rich(TERM_PLAIN, "ab\nabcd\na")), 4);
    assert_int_equal(heimnetz_rich_columns((kit_str){0}), 0);
}

TEST(rich_lets_nothing_through_that_steers_a_terminal)
{
    assert_str(rich(TERM_PLAIN, "a\033[2Jb\a\rc\x7F"), "a?[2Jb??c?");
    assert_str(rich(TERM_PLAIN, "tab\there"), "tab here");
    assert_str(rich(TERM_PLAIN, "c1 \xC2\x9B here"), "c1 ? here");
    assert_str(rich(TERM_PLAIN, "mark \x01\x33 here"), "mark ?3 here");
    assert_str(rich(TERM_PLAIN, "rtl \xE2\x80\xAE here"), "rtl  here");
    assert_str(rich(TERM_PLAIN, "bad \xFF\xC3 here"), "bad \xEF\xBF\xBD\xEF\xBF\xBD here");
}

TEST(rich_prints_styles_only_where_there_are_colours)
{
    char *plain = print(rich(TERM_GOOD, "ok"), 80, false, true),
         *coloured = print(rich(TERM_GOOD, "ok"), 80, true, true);
    assert_string_equal(plain, "ok");
    assert_string_equal(coloured, "\033[32mok\033[0m");
    free(plain);
    free(coloured);
}

TEST(rich_shows_one_sign_for_a_character_that_an_ascii_terminal_lacks)
{
    char *terminal = print(rich(TERM_PLAIN, "für 日本"), 80, false, false);
    char *pipe = print(rich(TERM_PLAIN, "für 日本"), 0, false, false);
    assert_string_equal(terminal, "f?r ??");
    assert_string_equal(pipe, "für 日本"); /* nothing is lost in a pipe */
    free(terminal);
    free(pipe);
}

TEST(rich_wraps_at_blanks_then_at_signs_then_anywhere)
{
    assert_string_equal(wrap("one two three", 7), "one two|three");
    assert_string_equal(wrap("one two three", 0), "one two three");
    assert_string_equal(wrap("http://127.0.0.1:8001/x", 10), "http://|127.0.0.1:|8001/x");
    assert_string_equal(wrap("abcdefghij", 4), "abcd|efgh|ij");
    assert_string_equal(wrap("one\ntwo", 10), "one|two");
    assert_string_equal(wrap("日本語の文", 4), "日本|語の|文");
    assert_string_equal(wrap("", 4), "");
}

TEST(rich_never_passes_the_width_and_loses_no_character)
{
    const char *s = "model.safetensors: der Anfang 日本語 ist bei Byte 4711 abgeschnitten 🚀🚀🚀, lade/sie_noch-einmal";
    for (uint32_t columns = 2; columns < 100; columns++) {
        struct kit_buf joined;
        kit_buf_init(&joined, KIT_KIB);
        for (struct heimnetz_rich_lines l = heimnetz_rich_lines(rich(TERM_PLAIN, s));
             heimnetz_rich_next(&l, columns);) {
            assert_true(heimnetz_rich_columns(l.line) <= columns);
            kit_buf_add(&joined, l.line);
        }
        size_t letters = 0, wanted = 0;
        for (size_t i = 0; i < joined.len; i++) {
            letters += joined.ptr[i] != ' ';
        }
        for (size_t i = 0; i < strlen(s); i++) {
            wanted += s[i] != ' ';
        }
        assert_int_equal(letters, wanted);
        kit_buf_done(&joined);
    }
}

TEST(rich_carries_a_style_into_the_next_line)
{
    struct kit_buf out;
    kit_buf_init(&out, KIT_KIB);
    for (struct heimnetz_rich_lines l = heimnetz_rich_lines(rich(TERM_BAD, "one two")); heimnetz_rich_next(&l, 4);) {
        heimnetz_rich_line(&out, &l);
        kit_buf_add_char(&out, '\n');
    }
    char *shown = print(kit_buf_str(&out), 80, true, true);
    assert_string_equal(shown, "\033[31mone\033[0m\n\033[31mtwo\033[0m\n");
    free(shown);
    kit_buf_done(&out);
}

TEST(rich_fit_cuts_with_an_ellipsis_by_what_the_eye_sees)
{
    struct heimnetz_term t;
    heimnetz_term_make(&t, stdout, 80, false, true);
    static const struct {
        const char *text;
        uint32_t columns;
        const char *shown;
    } rows[] = {{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"日本語", 5, "日本…"}, {"one\ntwo", 9, "one…"}, {"abc", 0, ""}};
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        kit_buf_clear(&text);
        heimnetz_rich_fit(&text, TERM_PLAIN, kit_str_c(rows[i].text), rows[i].columns, &t);
        assert_str(kit_buf_str(&text), rows[i].shown);
    }
}

TEST(rich_survives_each_failed_alloc)
{
    struct heimnetz_term t;
    heimnetz_term_make(&t, stdout, 80, false, true);
    TEST_ALLOC_SWEEP(n) {
        struct kit_buf out;
        kit_buf_init(&out, KIT_KIB);
        heimnetz_rich_add(&out, TERM_BOLD, "%s", "a text");
        heimnetz_rich_fit(&out, TERM_BOLD, kit_str_lit("another text"), 4, &t);
        assert_true(out.failed == KIT_OK || out.failed == KIT_NOMEM);
        kit_buf_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_OF(rich_counts_columns_as_terminals_do),
        TEST_OF(rich_lets_nothing_through_that_steers_a_terminal),
        TEST_OF(rich_prints_styles_only_where_there_are_colours),
        TEST_OF(rich_shows_one_sign_for_a_character_that_an_ascii_terminal_lacks),
        TEST_OF(rich_wraps_at_blanks_then_at_signs_then_anywhere),
        TEST_OF(rich_never_passes_the_width_and_loses_no_character),
        TEST_OF(rich_carries_a_style_into_the_next_line),
        TEST_OF(rich_fit_cuts_with_an_ellipsis_by_what_the_eye_sees),
        TEST_OF(rich_survives_each_failed_alloc),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
