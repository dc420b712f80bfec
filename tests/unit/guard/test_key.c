#include "guard/key.h"

#include "support/temp.h"
#include "support/test.h"

#define KEY "0123456789abcdef"

TEST(key_is_the_same_only_when_each_byte_is)
{
    struct guard_key k = {0};
    assert_ok(guard_key_set(&k, kit_str_lit("  " KEY "\n"), "a test", NULL));
    assert_true(guard_key_is(&k, kit_str_lit(KEY)));
    assert_false(guard_key_is(&k, kit_str_lit("0123456789abcdeF")));
    assert_false(guard_key_is(&k, kit_str_lit("1123456789abcdef")));
    assert_false(guard_key_is(&k, kit_str_lit("0123456789abcde")));
    assert_false(guard_key_is(&k, kit_str_lit(KEY "0")));
    assert_false(guard_key_is(&k, (kit_str){KEY "\0", 17}));
    assert_false(guard_key_is(&k, (kit_str){0}));
    guard_key_done(&k);
    assert_false(guard_key_is(&k, (kit_str){0})); /* no key is nobody's key */
}

TEST(key_of_the_greatest_length_is_compared_whole)
{
    struct guard_key k = {0};
    char text[GUARD_KEY_BYTES_MAX + 1];
    memset(text, 'k', sizeof(text));
    assert_ok(guard_key_set(&k, (kit_str){text, GUARD_KEY_BYTES_MAX}, "a test", NULL));
    assert_true(guard_key_is(&k, (kit_str){text, GUARD_KEY_BYTES_MAX}));
    assert_false(guard_key_is(&k, (kit_str){text, GUARD_KEY_BYTES_MAX + 1}));
    text[GUARD_KEY_BYTES_MAX - 1] = 'x';
    assert_false(guard_key_is(&k, (kit_str){text, GUARD_KEY_BYTES_MAX}));
}

TEST(key_that_is_none_is_refused_with_the_remedy)
{
    struct guard_key k = {0};
    struct kit_err err = {0};
    char text[GUARD_KEY_BYTES_MAX + 1];
    memset(text, 'k', sizeof(text));
    assert_int_equal(guard_key_set(&k, kit_str_lit("short"), "HEIMNETZ_API_KEY", &err), KIT_INVALID);
    assert_non_null(strstr(err.msg, "HEIMNETZ_API_KEY"));
    assert_non_null(strstr(err.msg, "/dev/urandom"));
    assert_null(strstr(err.msg, "short"));
    assert_int_equal(guard_key_set(&k, (kit_str){text, sizeof(text)}, "x", NULL), KIT_INVALID);
    assert_int_equal(guard_key_set(&k, kit_str_lit("0123456789 abcdef"), "x", NULL), KIT_INVALID);
    assert_int_equal(guard_key_set(&k,
                                   kit_str_lit("0123456789\xc3\xa4"
                                               "bcdef"),
                                   "x", NULL),
                     KIT_INVALID);
    assert_ok(guard_key_set(&k, kit_str_lit(" \n"), "x", NULL));
    assert_int_equal(k.len, 0);
}

TEST(key_comes_from_a_file)
{
    struct guard_key k = {0};
    char path[TEST_PATH_BYTES];
    assert_ok(guard_key_read(&k, test_temp_write(path, "good.key", kit_str_lit(KEY "\r\n")), NULL));
    assert_true(guard_key_is(&k, kit_str_lit(KEY)));
    assert_int_equal(guard_key_read(&k, test_temp_write(path, "empty.key", kit_str_lit("\n")), NULL), KIT_INVALID);
    assert_int_equal(guard_key_read(&k, test_temp_path(path, "none.key"), NULL), KIT_NOT_FOUND);
    static char much[8192];
    memset(much, 'k', sizeof(much));
    assert_int_equal(guard_key_read(&k, test_temp_write(path, "much.key", (kit_str){much, sizeof(much)}), NULL),
                     KIT_TOO_LARGE);
    assert_true(guard_key_is(&k, kit_str_lit(KEY))); /* what failed changed nothing */
}

int main(void)
{
    return TEST_RUN(TEST_OF(key_is_the_same_only_when_each_byte_is),
                    TEST_OF(key_of_the_greatest_length_is_compared_whole),
                    TEST_OF(key_that_is_none_is_refused_with_the_remedy), TEST_OF(key_comes_from_a_file));
}
