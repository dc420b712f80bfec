#include "support/test.h"

#include "kit/clock.h"

TEST(clock_never_goes_back)
{
    uint64_t last = kit_clock_ns();
    assert_true(last > 0);
    for (int i = 0; i < 1000; i++) {
        uint64_t now = kit_clock_ns();
        assert_true(now >= last);
        last = now;
    }
}

TEST(clock_stands_still_where_a_test_puts_it)
{
    kit_clock_fake(12345);
    assert_int_equal(kit_clock_ns(), 12345);
    assert_int_equal(kit_clock_ns(), 12345);
    kit_clock_fake(0);
    assert_true(kit_clock_ns() != 12345);
}

TEST(clock_text_is_rfc_3339_with_milliseconds)
{
    char buf[KIT_CLOCK_TEXT_BYTES];
    assert_string_equal(kit_clock_text(0, buf), "1970-01-01T00:00:00.000Z");
    assert_string_equal(kit_clock_text(UINT64_C(951827696789999999), buf), "2000-02-29T12:34:56.789Z");
    assert_string_equal(kit_clock_text(UINT64_MAX, buf), "2554-07-21T23:34:33.709Z");
}

TEST(clock_wall_is_after_this_was_written)
{
    assert_true(kit_clock_wall_ns() > UINT64_C(1700000000) * KIT_NS_PER_S);
}

int main(void)
{
    return TEST_RUN(TEST_OF(clock_never_goes_back), TEST_OF(clock_stands_still_where_a_test_puts_it),
                    TEST_OF(clock_text_is_rfc_3339_with_milliseconds), TEST_OF(clock_wall_is_after_this_was_written));
}
