#include "kit/base64.h"

#include "support/test.h"

static void expect_written(const char *bytes, const char *text)
{
    char to[32] = {0};
    kit_base64_write(kit_str_c(bytes), to);
    assert_string_equal(to, text);
    assert_int_equal(strlen(text), KIT_BASE64_CHARS(strlen(bytes)));
}

static void expect_read(const char *text, const char *bytes)
{
    char to[32];
    size_t len = 0;
    assert_ok(kit_base64_read(kit_str_c(text), to, sizeof(to), &len));
    assert_int_equal(len, strlen(bytes));
    assert_memory_equal(to, bytes, len);
}

static void expect_refused(const char *text)
{
    char to[32];
    size_t len = 77;
    assert_int_equal(kit_base64_read(kit_str_c(text), to, sizeof(to), &len), KIT_PARSE);
    assert_int_equal(len, 77);
}

TEST(base64_writes_the_examples_of_rfc_4648)
{
    expect_written("", "");
    expect_written("f", "Zg==");
    expect_written("fo", "Zm8=");
    expect_written("foo", "Zm9v");
    expect_written("foobar", "Zm9vYmFy");
    expect_written("\xfb\xff\xbf", "+/+/");
}

TEST(base64_reads_both_alphabets_with_and_without_padding)
{
    expect_read("", "");
    expect_read("Zg==", "f");
    expect_read("Zg", "f");
    expect_read("Zm8=", "fo");
    expect_read("Zm8", "fo");
    expect_read("Zm9vYmFy", "foobar");
    expect_read("+/+/", "\xfb\xff\xbf");
    expect_read("-_-_", "\xfb\xff\xbf");
}

TEST(base64_refuses_what_is_not_base64)
{
    static const char *const rows[] = {"Z",    "Zg=",  "Z===", "====",  "=",        "Zm9vZ",
                                       "Zh==", "Zm9=", "Zm 9", "Zm\n8", "Zg==Zg==", "Zm9v\xc3"};
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        expect_refused(rows[i]);
    }
}

TEST(base64_read_stops_at_the_room_it_has)
{
    char to[3];
    size_t len = 0;
    assert_int_equal(kit_base64_read(kit_str_lit("Zm9vYg"), to, sizeof(to), &len), KIT_FULL);
    assert_ok(kit_base64_read(kit_str_lit("Zm9v"), to, sizeof(to), &len));
    assert_int_equal(len, 3);
}

int main(void)
{
    return TEST_RUN(TEST_OF(base64_writes_the_examples_of_rfc_4648),
                    TEST_OF(base64_reads_both_alphabets_with_and_without_padding),
                    TEST_OF(base64_refuses_what_is_not_base64), TEST_OF(base64_read_stops_at_the_room_it_has));
}
