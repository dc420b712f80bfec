#include "kit/utf8.h"
#include "support/test.h"
#include "text/stops.h"

static struct text_stops *make(const char *const *stops, uint32_t count)
{
    kit_str list[TEXT_STOPS_MAX] = {0};
    struct text_stops *s = NULL;
    for (uint32_t i = 0; i < count; i++) {
        list[i] = kit_str_c(stops[i]);
    }
    assert_ok(text_stops_new(list, count, &s, NULL));
    return s;
}

static void expect_put(struct text_stops *s, kit_str bytes, const char *shown, bool ended)
{
    struct kit_buf out;
    kit_buf_init(&out, KIT_MIB);
    assert_int_equal(text_stops_put(s, bytes, &out), ended);
    assert_str(kit_buf_str(&out), shown);
    kit_buf_done(&out);
}

static void expect_end(struct text_stops *s, const char *shown)
{
    struct kit_buf out;
    kit_buf_init(&out, KIT_MIB);
    text_stops_end(s, &out);
    assert_str(kit_buf_str(&out), shown);
    kit_buf_done(&out);
    text_stops_free(s);
}

TEST(stops_show_at_once_what_can_be_no_stop_string)
{
    struct text_stops *s = make((const char *[]){"</s>", "\n\n"}, 2);
    expect_put(s, kit_str_lit("Hello <"), "Hello ", false);
    expect_put(s, kit_str_lit("b> and\n"), "<b> and", false);
    expect_put(s, kit_str_lit("more </"), "\nmore ", false);
    expect_put(s, kit_str_lit("s> never"), "", true);
    expect_put(s, kit_str_lit("seen"), "", true);
    assert_int_equal(text_stops_found(s), 0);
    expect_end(s, "");
}

TEST(stops_give_back_what_only_began_like_one)
{
    struct text_stops *s = make((const char *[]){"aab"}, 1);
    expect_put(s, kit_str_lit("aaaa"), "aa", false);
    assert_int_equal(text_stops_found(s), -1);
    expect_end(s, "aa");
}

TEST(stops_end_at_the_first_byte_that_completes_one_and_the_longest_counts)
{
    struct text_stops *s = make((const char *[]){"c", "abc", "b?"}, 3);
    expect_put(s, kit_str_lit("xabcd"), "x", true);
    assert_int_equal(text_stops_found(s), 1);
    expect_end(s, "");
}

TEST(stops_cut_no_character)
{
    struct text_stops *s = make(NULL, 0);
    expect_put(s, kit_str_lit("\xE2\x82"), "", false);
    expect_put(s, kit_str_lit("\xAC\xF0\x9F"), "\xE2\x82\xAC", false);
    expect_end(s, "\xEF\xBF\xBD");
}

TEST(stops_show_an_unfinished_character_before_one_as_a_replacement)
{
    struct text_stops *s = make((const char *[]){"END"}, 1);
    expect_put(s,
               kit_str_lit("a\xE2\x82"
                           "EN"),
               "a", false);
    expect_put(s, kit_str_lit("D"), "\xEF\xBF\xBD", true);
    expect_end(s, "");
}

TEST(stops_find_one_that_begins_with_bytes_of_a_character)
{
    struct text_stops *s = make((const char *[]){"\xE2\x82\xAC!"}, 1);
    expect_put(s, kit_str_lit("5 \xE2\x82\xAC\xE2"), "5 \xE2\x82\xAC", false);
    expect_put(s, kit_str_lit("\x82\xAC!"), "", true);
    expect_end(s, "");
}

/* --- any stop strings, any text, cut anywhere --- */

static uint32_t state;

static uint32_t dice(uint32_t sides)
{
    state = state * 1664525u + 1013904223u;
    return (state >> 16) % sides;
}

/* Few different letters, so that much repeats; characters of one to three bytes. */
static size_t letters(char *to, size_t count)
{
    static const char *const alphabet[] = {"a", "b", "\xC3\xA4", "\xE2\x82\xAC"};
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        const char *letter = alphabet[dice(dice(4) == 0 ? 4 : 2)];
        memcpy(to + len, letter, strlen(letter));
        len += strlen(letter);
    }
    return len;
}

struct scene {
    char stop[TEXT_STOPS_MAX][64], text[400];
    kit_str stops[TEXT_STOPS_MAX], bytes;
    uint32_t count;
};

static void make_scene(struct scene *c)
{
    c->count = dice(5);
    for (uint32_t i = 0; i < c->count; i++) {
        c->stops[i] = (kit_str){c->stop[i], letters(c->stop[i], 1 + dice(7) + 8 * (dice(3) == 0))};
    }
    c->bytes = (kit_str){c->text, letters(c->text, dice(60))};
    for (uint32_t broken = dice(3); c->bytes.len > 0 && broken > 0; broken--) {
        c->text[dice((uint32_t)c->bytes.len)] = (char)dice(256);
    }
}

/* Where the text ends, found by looking for each stop string at each place. */
static size_t naive_end(const struct scene *c, int *found)
{
    *found = -1;
    for (size_t end = 1; end <= c->bytes.len; end++) {
        for (uint32_t i = 0; i < c->count; i++) {
            bool longer = *found < 0 || c->stops[i].len > c->stops[*found].len;
            *found = longer && kit_str_ends(kit_str_sub(c->bytes, 0, end), c->stops[i]) ? (int)i : *found;
        }
        if (*found >= 0) {
            return end - c->stops[*found].len;
        }
    }
    return c->bytes.len;
}

/* cut: where the first piece ends; 0: each byte is one. */
static void run(const struct scene *c, size_t cut, struct kit_buf *shown, int *found)
{
    struct text_stops *s;
    struct kit_buf piece;
    kit_buf_init(&piece, KIT_MIB);
    assert_ok(text_stops_new(c->stops, c->count, &s, NULL));
    for (size_t at = 0, len; at < c->bytes.len; at += len) {
        len = cut == 0 ? 1 : at == 0 ? cut : c->bytes.len - at;
        kit_buf_clear(&piece);
        bool ended = text_stops_put(s, kit_str_sub(c->bytes, at, len), &piece);
        assert_int_equal(ended, text_stops_found(s) >= 0);
        assert_true(kit_utf8_is_valid(kit_buf_str(&piece)));
        assert_ok(kit_buf_add(shown, kit_buf_str(&piece)));
    }
    *found = text_stops_found(s);
    text_stops_end(s, shown);
    text_stops_free(s);
    kit_buf_done(&piece);
}

TEST(stops_give_the_same_text_and_end_wherever_it_is_cut)
{
    static struct scene c, before;
    for (state = 1; state < 400u << 8; state += 77) {
        struct kit_buf want, got;
        int want_found, found;
        kit_buf_init(&want, KIT_MIB);
        kit_buf_init(&got, KIT_MIB);
        uint32_t kept = state;
        make_scene(&c);
        before = (struct scene){.bytes = c.bytes};
        before.bytes.len = naive_end(&c, &want_found);
        run(&before, 0, &want, &found);
        for (size_t cut = 0; cut <= c.bytes.len; cut++) {
            kit_buf_clear(&got);
            run(&c, cut, &got, &found);
            assert_int_equal(found, want_found);
            assert_int_equal(got.len, want.len);
            assert_true(got.len == 0 || memcmp(got.ptr, want.ptr, got.len) == 0);
        }
        state = kept;
        kit_buf_done(&want);
        kit_buf_done(&got);
    }
}

/* --- limits --- */

TEST(stops_name_the_string_that_is_out_of_range)
{
    char longest[TEXT_STOP_BYTES_MAX + 1];
    kit_str stops[TEXT_STOPS_MAX + 1] = {kit_str_lit("ok"), {longest, sizeof(longest)}};
    struct text_stops *s = NULL;
    struct kit_err err;
    memset(longest, 'a', sizeof(longest));
    assert_int_equal(text_stops_new(stops, 2, &s, &err), KIT_INVALID);
    assert_string_equal(err.param, "stop[1]");
    assert_string_equal(err.msg, "stop[1] has 257 bytes, it must have 1 to 256");
    stops[1].len = 0;
    assert_int_equal(text_stops_new(stops, 2, &s, &err), KIT_INVALID);
    stops[1] = kit_str_lit("\xFF");
    assert_int_equal(text_stops_new(stops, 2, &s, &err), KIT_INVALID);
    assert_int_equal(text_stops_new(stops, TEXT_STOPS_MAX + 1, &s, &err), KIT_INVALID);
    assert_string_equal(err.param, "stop");
    assert_null(s);
}

TEST(stops_hold_back_the_longest_string_there_may_be)
{
    char longest[TEXT_STOP_BYTES_MAX];
    kit_str stop = {longest, sizeof(longest)};
    struct text_stops *s = NULL;
    memset(longest, 'a', sizeof(longest));
    assert_ok(text_stops_new(&stop, 1, &s, NULL));
    expect_put(s, (kit_str){longest, sizeof(longest) - 1}, "", false);
    expect_put(s, kit_str_lit("a!"), "", true);
    expect_end(s, "");
}

TEST(stops_survive_each_failed_alloc)
{
    kit_str stop = kit_str_lit("x");
    TEST_ALLOC_SWEEP(n) {
        struct text_stops *s = NULL;
        enum kit_status rc = text_stops_new(&stop, 1, &s, NULL);
        assert_true(rc == KIT_OK ? s != NULL : rc == KIT_NOMEM && s == NULL);
        text_stops_free(s);
    }
}

int main(void)
{
    return TEST_RUN(
        TEST_OF(stops_show_at_once_what_can_be_no_stop_string), TEST_OF(stops_give_back_what_only_began_like_one),
        TEST_OF(stops_end_at_the_first_byte_that_completes_one_and_the_longest_counts), TEST_OF(stops_cut_no_character),
        TEST_OF(stops_show_an_unfinished_character_before_one_as_a_replacement),
        TEST_OF(stops_find_one_that_begins_with_bytes_of_a_character),
        TEST_OF(stops_give_the_same_text_and_end_wherever_it_is_cut),
        TEST_OF(stops_name_the_string_that_is_out_of_range), TEST_OF(stops_hold_back_the_longest_string_there_may_be),
        TEST_OF(stops_survive_each_failed_alloc));
}
