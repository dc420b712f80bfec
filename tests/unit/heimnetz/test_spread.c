#include "heimnetz/spread.h"

#include <math.h>

#include "support/test.h"

static struct heimnetz_spread spread;

static void begin(void)
{
    spread = (struct heimnetz_spread){0};
}

static void assert_near(double value, double wanted)
{
    assert_true(fabs(value - wanted) <= 0.006 * wanted);
}

TEST(spread_of_nothing_is_nothing)
{
    begin();
    assert_true(heimnetz_spread_mean(&spread) == 0);
    assert_true(heimnetz_spread_at(&spread, 0.5) == 0);
}

TEST(spread_of_one_value_is_that_value)
{
    begin();
    heimnetz_spread_add(&spread, 12.34);
    assert_true(heimnetz_spread_mean(&spread) == 12.34);
    assert_true(heimnetz_spread_at(&spread, 0.01) == 12.34);
    assert_true(heimnetz_spread_at(&spread, 1) == 12.34);
}

TEST(spread_gives_the_nearest_rank_to_half_a_percent)
{
    begin();
    for (int i = 1000; i >= 1; i--) {
        heimnetz_spread_add(&spread, i);
    }
    assert_near(heimnetz_spread_at(&spread, 0.5), 500);
    assert_near(heimnetz_spread_at(&spread, 0.9), 900);
    assert_near(heimnetz_spread_at(&spread, 0.99), 990);
    assert_true(heimnetz_spread_at(&spread, 1) == 1000);
    assert_true(heimnetz_spread_mean(&spread) == 500.5);
}

TEST(spread_takes_values_beyond_its_bins)
{
    begin();
    heimnetz_spread_add(&spread, 0);
    heimnetz_spread_add(&spread, 1e-9);
    heimnetz_spread_add(&spread, 1e15);
    assert_true(heimnetz_spread_at(&spread, 0.01) <= 0.0011);
    assert_true(heimnetz_spread_at(&spread, 1) == 1e15);
}

int main(void)
{
    return TEST_RUN(TEST_OF(spread_of_nothing_is_nothing), TEST_OF(spread_of_one_value_is_that_value),
                    TEST_OF(spread_gives_the_nearest_rank_to_half_a_percent),
                    TEST_OF(spread_takes_values_beyond_its_bins));
}
