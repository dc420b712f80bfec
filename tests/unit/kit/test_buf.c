#include "support/test.h"

#include "kit/buf.h"

TEST(buf_joins_what_is_added)
{
    struct kit_buf b;
    kit_buf_init(&b, 100);
    assert_ok(kit_buf_add(&b, kit_str_lit("ab")));
    assert_ok(kit_buf_add_char(&b, 'c'));
    assert_ok(kit_buf_printf(&b, "%d-%s", 42, "x"));
    assert_ok(kit_buf_add(&b, (kit_str){0}));
    assert_str(kit_buf_str(&b), "abc42-x");
    kit_buf_done(&b);
}

TEST(buf_takes_its_maximum_to_the_byte)
{
    for (size_t max = 0; max < 200; max++) {
        struct kit_buf b;
        kit_buf_init(&b, max);
        for (size_t i = 0; i < max; i++) {
            assert_ok(kit_buf_add_char(&b, 'x'));
        }
        assert_int_equal(kit_buf_add_char(&b, 'y'), KIT_FULL);
        assert_int_equal(b.len, max);
        kit_buf_clear(&b);
        assert_ok(kit_buf_printf(&b, "%*s", (int)max, ""));
        assert_int_equal(b.len, max);
        kit_buf_done(&b);
    }
}

TEST(buf_printf_over_the_maximum_adds_nothing)
{
    struct kit_buf b;
    kit_buf_init(&b, 10);
    assert_ok(kit_buf_printf(&b, "%s", "12345"));
    assert_int_equal(kit_buf_printf(&b, "%s", "678901"), KIT_FULL);
    assert_str(kit_buf_str(&b), "12345");
    kit_buf_done(&b);
}

TEST(buf_remembers_its_first_failure_and_adds_nothing_more)
{
    struct kit_buf b;
    kit_buf_init(&b, 3);
    assert_ok(kit_buf_add(&b, kit_str_lit("ab")));
    assert_int_equal(kit_buf_add(&b, kit_str_lit("cd")), KIT_FULL);
    assert_int_equal(kit_buf_add_char(&b, 'c'), KIT_FULL);
    assert_int_equal(b.failed, KIT_FULL);
    assert_str(kit_buf_str(&b), "ab");
    kit_buf_clear(&b);
    assert_ok(kit_buf_add(&b, kit_str_lit("cde")));
    kit_buf_done(&b);
}

TEST(buf_reserve_is_written_and_told)
{
    struct kit_buf b;
    kit_buf_init(&b, 1000);
    char *to = kit_buf_reserve(&b, 500);
    assert_non_null(to);
    memset(to, 'z', 500);
    kit_buf_grew(&b, 3);
    assert_str(kit_buf_str(&b), "zzz");
    assert_null(kit_buf_reserve(&b, 998));
    assert_int_equal(b.failed, KIT_FULL);
    kit_buf_done(&b);
}

TEST(buf_drop_moves_the_rest_to_the_front)
{
    struct kit_buf b;
    kit_buf_init(&b, 100);
    kit_buf_drop(&b, 1); /* nothing there */
    kit_buf_add(&b, kit_str_lit("hello"));
    kit_buf_drop(&b, 2);
    assert_str(kit_buf_str(&b), "llo");
    kit_buf_drop(&b, 99);
    assert_int_equal(b.len, 0);
    kit_buf_done(&b);
}

TEST(buf_take_hands_the_bytes_over_with_a_nul)
{
    struct kit_buf b;
    size_t len = 9;
    kit_buf_init(&b, 5);
    kit_buf_add(&b, kit_str_lit("abcde"));
    char *text = kit_buf_take(&b, &len);
    assert_string_equal(text, "abcde");
    assert_int_equal(len, 5);
    kit_alloc_free(text);
    assert_int_equal(b.len, 0);
    assert_ok(kit_buf_add(&b, kit_str_lit("again")));
    kit_buf_done(&b);
    assert_null(kit_buf_take(&b, NULL));
}

TEST(buf_done_takes_null_and_zeroed)
{
    struct kit_buf b = {0};
    kit_buf_done(NULL);
    kit_buf_done(&b);
}

TEST(buf_survives_each_failed_alloc)
{
    TEST_ALLOC_SWEEP(n) {
        struct kit_buf b;
        kit_buf_init(&b, 4000);
        for (int i = 0; i < 50; i++) {
            kit_buf_printf(&b, "%s", "0123456789");
            kit_buf_add(&b, kit_str_lit("0123456789"));
        }
        assert_true(b.failed == KIT_NOMEM ? b.len % 10 == 0 && b.len < 1000 : b.failed == KIT_OK && b.len == 1000);
        kit_buf_done(&b);
    }
}

int main(void)
{
    return TEST_RUN(TEST_OF(buf_joins_what_is_added), TEST_OF(buf_takes_its_maximum_to_the_byte),
                    TEST_OF(buf_printf_over_the_maximum_adds_nothing),
                    TEST_OF(buf_remembers_its_first_failure_and_adds_nothing_more),
                    TEST_OF(buf_reserve_is_written_and_told), TEST_OF(buf_drop_moves_the_rest_to_the_front),
                    TEST_OF(buf_take_hands_the_bytes_over_with_a_nul), TEST_OF(buf_done_takes_null_and_zeroed),
                    TEST_OF(buf_survives_each_failed_alloc));
}
