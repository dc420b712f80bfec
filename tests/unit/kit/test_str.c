#include "support/test.h"

#include "kit/str.h"

static kit_str bytes(const char *ptr, size_t len)
{
    return (kit_str){.ptr = ptr, .len = len};
}

TEST(str_c_of_null_is_empty)
{
    assert_int_equal(kit_str_c(NULL).len, 0);
    assert_str(kit_str_c("abc"), "abc");
}

TEST(str_eq_compares_bytes_and_takes_null_when_empty)
{
    assert_true(kit_str_eq((kit_str){0}, kit_str_lit("")));
    assert_true(kit_str_eq(bytes("a\0b", 3), bytes("a\0b", 3)));
    assert_false(kit_str_eq(bytes("a\0b", 3), bytes("a\0c", 3)));
    assert_false(kit_str_eq(kit_str_lit("a"), kit_str_lit("ab")));
}

TEST(str_eq_nocase_folds_ascii_letters_only)
{
    assert_true(kit_str_eq_nocase(kit_str_lit("Content-TYPE"), kit_str_lit("content-type")));
    assert_false(kit_str_eq_nocase(kit_str_lit("["), kit_str_lit("{"))); /* 0x20 apart as letters are */
    assert_false(kit_str_eq_nocase(kit_str_lit("\xC4"), kit_str_lit("\xE4")));
}

TEST(str_cmp_orders_by_bytes_then_by_length)
{
    assert_true(kit_str_cmp(kit_str_lit("a"), kit_str_lit("b")) < 0);
    assert_true(kit_str_cmp(kit_str_lit("ab"), kit_str_lit("a")) > 0);
    assert_true(kit_str_cmp(kit_str_lit("\xFF"), kit_str_lit("a")) > 0);
    assert_int_equal(kit_str_cmp((kit_str){0}, kit_str_lit("")), 0);
}

TEST(str_starts_and_ends_look_at_the_right_side)
{
    assert_true(kit_str_starts(kit_str_lit("abc"), kit_str_lit("ab")));
    assert_true(kit_str_ends(kit_str_lit("abc"), kit_str_lit("bc")));
    assert_false(kit_str_starts(kit_str_lit("a"), kit_str_lit("ab")));
    assert_false(kit_str_ends(kit_str_lit("b"), kit_str_lit("ab")));
    assert_true(kit_str_starts((kit_str){0}, (kit_str){0}));
}

TEST(str_sub_is_clamped)
{
    assert_str(kit_str_sub(kit_str_lit("abcd"), 1, 2), "bc");
    assert_str(kit_str_sub(kit_str_lit("abcd"), 3, SIZE_MAX), "d");
    assert_int_equal(kit_str_sub(kit_str_lit("abcd"), SIZE_MAX, 1).len, 0);
}

TEST(str_trim_takes_white_space_off_both_ends)
{
    assert_str(kit_str_trim(kit_str_lit(" \t\r\na b\n ")), "a b");
    assert_int_equal(kit_str_trim(kit_str_lit(" \n")).len, 0);
}

TEST(str_find_gives_the_first_place_or_the_length)
{
    assert_int_equal(kit_str_find_char(kit_str_lit("a,b,c"), ','), 1);
    assert_int_equal(kit_str_find_char(kit_str_lit("abc"), ','), 3);
    assert_int_equal(kit_str_find_char((kit_str){0}, ','), 0);
    assert_int_equal(kit_str_find(kit_str_lit("a\r\n\r\nb"), kit_str_lit("\r\n\r\n")), 1);
    assert_int_equal(kit_str_find(kit_str_lit("abc"), kit_str_lit("abcd")), 3);
    assert_int_equal(kit_str_find(kit_str_lit("abc"), kit_str_lit("")), 0);
}

TEST(str_cut_gives_each_piece_and_no_last_empty_one)
{
    kit_str rest = kit_str_lit("a\n\nb\n"), piece;
    assert_true(kit_str_cut(&rest, '\n', &piece));
    assert_str(piece, "a");
    assert_true(kit_str_cut(&rest, '\n', &piece));
    assert_str(piece, "");
    assert_true(kit_str_cut(&rest, '\n', &piece));
    assert_str(piece, "b");
    assert_false(kit_str_cut(&rest, '\n', &piece));
}

TEST(str_to_u64_takes_the_whole_slice_or_nothing)
{
    uint64_t n = 7;
    assert_ok(kit_str_to_u64(kit_str_lit("18446744073709551615"), &n));
    assert_true(n == UINT64_MAX);
    n = 7;
    const char *const bad[] = {"", "18446744073709551616", "99999999999999999999", "+1", "-1", " 1", "1 ", "1x", "0x1"};
    for (size_t i = 0; i < KIT_COUNT(bad); i++) {
        assert_int_equal(kit_str_to_u64(kit_str_c(bad[i]), &n), KIT_PARSE);
        assert_true(n == 7);
    }
}

TEST(str_to_i64_reaches_both_ends)
{
    int64_t n = 0;
    assert_ok(kit_str_to_i64(kit_str_lit("-9223372036854775808"), &n));
    assert_true(n == INT64_MIN);
    assert_ok(kit_str_to_i64(kit_str_lit("9223372036854775807"), &n));
    assert_true(n == INT64_MAX);
    assert_int_equal(kit_str_to_i64(kit_str_lit("9223372036854775808"), &n), KIT_PARSE);
    assert_int_equal(kit_str_to_i64(kit_str_lit("-9223372036854775809"), &n), KIT_PARSE);
    assert_int_equal(kit_str_to_i64(kit_str_lit("-"), &n), KIT_PARSE);
    assert_int_equal(kit_str_to_i64(kit_str_lit("--1"), &n), KIT_PARSE);
}

TEST(str_to_f64_takes_decimals_and_nothing_else)
{
    double x = 0;
    assert_ok(kit_str_to_f64(kit_str_lit("-1.5e3"), &x));
    assert_true(x == -1500.0);
    assert_ok(kit_str_to_f64(bytes("0.25junk", 4), &x));
    assert_true(x == 0.25);
    const char *const bad[] = {"", ".", "1.", ".5", "1e", "1e+", "0x10", "inf", "nan", " 1", "1 ", "1e999", "1,5"};
    for (size_t i = 0; i < KIT_COUNT(bad); i++) {
        assert_int_equal(kit_str_to_f64(kit_str_c(bad[i]), &x), KIT_PARSE);
    }
    char longest[1000];
    memset(longest, '1', sizeof(longest));
    assert_int_equal(kit_str_to_f64(bytes(longest, sizeof(longest)), &x), KIT_PARSE);
}

TEST(str_hash_is_fnv_1a) /* vectors of the FNV-1a draft */
{
    assert_true(kit_str_hash(kit_str_lit("")) == UINT64_C(0xcbf29ce484222325));
    assert_true(kit_str_hash(kit_str_lit("a")) == UINT64_C(0xaf63dc4c8601ec8c));
    assert_true(kit_str_hash(kit_str_lit("foobar")) == UINT64_C(0x85944171f73967e8));
}

TEST(str_to_c_ends_with_nul_and_cuts_at_a_utf8_border)
{
    char buf[4];
    assert_string_equal(kit_str_to_c(kit_str_lit("abc"), buf, sizeof(buf)), "abc");
    assert_string_equal(kit_str_to_c(kit_str_lit("ab\xC3\xBC"), buf, sizeof(buf)), "ab");
    assert_string_equal(kit_str_to_c(kit_str_lit("\xF0\x9F\x98\x80"), buf, sizeof(buf)), "");
    assert_string_equal(kit_str_to_c((kit_str){0}, buf, sizeof(buf)), "");
    assert_string_equal(kit_str_to_c(kit_str_lit("abc"), buf, 1), "");
}

TEST(str_hex_digits_are_those_of_both_cases)
{
    static const char digits[] = "0123456789abcdef", capitals[] = "0123456789ABCDEF", others[] = "/:@`gGxX -";
    for (int i = 0; i < 16; i++) {
        assert_int_equal(kit_str_hex_digit(digits[i]), i);
        assert_int_equal(kit_str_hex_digit(capitals[i]), i);
    }
    for (const char *c = others; *c != '\0'; c++) {
        assert_int_equal(kit_str_hex_digit(*c), -1);
    }
    assert_int_equal(kit_str_hex_digit((char)0xB1), -1);
}

int main(void)
{
    return TEST_RUN(
        TEST_OF(str_c_of_null_is_empty), TEST_OF(str_eq_compares_bytes_and_takes_null_when_empty),
        TEST_OF(str_eq_nocase_folds_ascii_letters_only), TEST_OF(str_cmp_orders_by_bytes_then_by_length),
        TEST_OF(str_starts_and_ends_look_at_the_right_side), TEST_OF(str_sub_is_clamped),
        TEST_OF(str_trim_takes_white_space_off_both_ends), TEST_OF(str_find_gives_the_first_place_or_the_length),
        TEST_OF(str_cut_gives_each_piece_and_no_last_empty_one), TEST_OF(str_to_u64_takes_the_whole_slice_or_nothing),
        TEST_OF(str_to_i64_reaches_both_ends), TEST_OF(str_to_f64_takes_decimals_and_nothing_else),
        TEST_OF(str_hash_is_fnv_1a), TEST_OF(str_hex_digits_are_those_of_both_cases),
        TEST_OF(str_to_c_ends_with_nul_and_cuts_at_a_utf8_border));
}
