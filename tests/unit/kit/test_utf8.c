#include "kit/utf8.h"

#include "support/test.h"

TEST(utf8_is_valid_takes_every_code_point_and_no_surrogate)
{
    for (uint32_t c = 0; c <= 0x110000; c += c < 0x3000 ? 1 : 17) {
        char t[4] = {(char)c, 0, 0, 0};
        size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        for (size_t i = len; i-- > 1;) {
            t[i] = (char)(0x80 | (c >> (6 * (len - 1 - i)) & 0x3F));
        }
        if (len > 1) {
            t[0] = (char)(0xF00 >> len | c >> (6 * (len - 1)));
        }
        bool good = c <= 0x10FFFF && !(c >= 0xD800 && c < 0xE000);
        assert_int_equal(kit_utf8_is_valid((kit_str){t, len}), good);
        assert_int_equal(kit_utf8_at((kit_str){t, len}, 0), good ? len : 0);
        assert_false(len > 1 && kit_utf8_is_valid((kit_str){t, len - 1}));
    }
}

TEST(utf8_is_valid_refuses_overlong_lone_and_cut_bytes)
{
    const char *const bad[] = {
        "\xC0\x80", "\xC1\xBF",     "\xE0\x9F\xBF", "\xF0\x8F\xBF\xBF",   "\xF5\x80\x80\x80", "\x80",
        "\xFF",     "abcdefgh\xC3", "\xC3(",        "abcdefghijk\xE2\x82"};
    for (size_t i = 0; i < KIT_COUNT(bad); i++) {
        assert_false(kit_utf8_is_valid(kit_str_c(bad[i])));
    }
    assert_true(kit_utf8_is_valid(kit_str_lit("sixteen letters, \xC3\xBC and more letters")));
    assert_true(kit_utf8_is_valid((kit_str){0}));
}

TEST(utf8_read_gives_back_what_write_wrote)
{
    const uint32_t all[] = {0, 0x7F, 0x80, 0x7FF, 0x800, 0xFFFF, 0x10000, 0x10FFFF};
    for (size_t i = 0; i < KIT_COUNT(all); i++) {
        char text[4];
        uint32_t bytes = 0;
        uint32_t wrote = kit_utf8_write(all[i], text);
        assert_int_equal(kit_utf8_read(text, &bytes), all[i]);
        assert_int_equal(bytes, wrote);
        assert_int_equal(kit_utf8_last((kit_str){text, wrote}), all[i]);
        assert_true(kit_utf8_is_valid((kit_str){text, wrote}));
    }
}

TEST(utf8_is_ascii_sees_a_high_byte_wherever_it_stands)
{
    char text[40];
    for (size_t len = 0; len < sizeof(text); len++) {
        memset(text, 'x', sizeof(text));
        assert_true(kit_utf8_is_ascii((kit_str){text, len}));
        for (size_t at = 0; at < len; at++) {
            text[at] = (char)0x80;
            assert_false(kit_utf8_is_ascii((kit_str){text, len}));
            text[at] = 'x';
        }
    }
}

TEST(utf8_count_counts_code_points_wherever_they_stand)
{
    static const char four[] = "a\xC3\xA9\xE6\x97\xA5\xF0\x9F\x98\x80";
    char text[80];
    assert_int_equal(kit_utf8_count(kit_str_lit("")), 0);
    for (size_t before = 0; before < sizeof(text) - sizeof(four); before++) {
        memset(text, 'x', sizeof(text));
        memcpy(text + before, four, sizeof(four) - 1);
        assert_int_equal(kit_utf8_count((kit_str){text, before + sizeof(four) - 1}), before + 4);
    }
}

int main(void)
{
    return TEST_RUN(TEST_OF(utf8_is_valid_takes_every_code_point_and_no_surrogate),
                    TEST_OF(utf8_is_valid_refuses_overlong_lone_and_cut_bytes),
                    TEST_OF(utf8_read_gives_back_what_write_wrote),
                    TEST_OF(utf8_is_ascii_sees_a_high_byte_wherever_it_stands),
                    TEST_OF(utf8_count_counts_code_points_wherever_they_stand));
}
