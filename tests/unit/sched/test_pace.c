/* How long a step takes, learned from steps. */
#include "support/test.h"

#include "sched/pace.h"

#define US 1000.0
#define MS 1000000.0

static uint64_t takes(uint32_t tokens, uint32_t rows)
{
    return (uint64_t)(14 * MS + tokens * 1660 * US + rows * 2800 * US);
}

static void see(struct sched_pace *p, uint32_t tokens, uint32_t rows)
{
    sched_pace_see(p, tokens, rows, takes(tokens, rows));
}

TEST(pace_is_not_known_before_a_step)
{
    struct sched_pace p = {0};
    assert_false(sched_pace_is_known(&p));
    see(&p, 1, 0);
    assert_true(sched_pace_is_known(&p));
}

TEST(pace_tells_what_is_fixed_from_tokens_and_rows)
{
    struct sched_pace p = {0};
    for (uint32_t i = 0; i < 40; i++) {
        see(&p, 20 + i * 7 % 50, i % 9);
    }
    assert_float_equal(p.fixed / MS, 14, 0.5);
    assert_float_equal(p.token / US, 1660, 20);
    assert_float_equal(p.row / US, 2800, 100);
    assert_in_range(sched_pace_tokens(&p, 4, takes(100, 4)), 98, 102);
    assert_int_equal(sched_pace_tokens(&p, 4, 1), 0);
}

/* Steps that are all alike leave the three undecided; what they make together is right. */
TEST(pace_of_equal_steps_is_right_for_such_steps)
{
    struct sched_pace p = {0};
    for (uint32_t i = 0; i < 40; i++) {
        see(&p, 4, 4);
        assert_true(p.fixed >= 0 && p.token > 0 && p.row >= 0);
    }
    assert_in_range(sched_pace_tokens(&p, 4, takes(4, 4) + 1000), 3, 4);
}

TEST(pace_follows_an_engine_that_becomes_slower)
{
    struct sched_pace p = {0};
    for (uint32_t i = 0; i < 100; i++) {
        see(&p, 20 + i * 7 % 50, i % 9);
    }
    for (uint32_t i = 0; i < 100; i++) {
        sched_pace_see(&p, 20 + i * 7 % 50, i % 9, 3 * takes(20 + i * 7 % 50, i % 9));
    }
    assert_in_range(sched_pace_tokens(&p, 4, 3 * takes(100, 4)), 95, 105);
}

/* A step that stood still for a second is forgotten soon. */
TEST(pace_forgives_one_slow_step)
{
    struct sched_pace p = {0};
    for (uint32_t i = 0; i < 100; i++) {
        see(&p, 20 + i * 7 % 50, i % 9);
    }
    sched_pace_see(&p, 30, 2, 1000000000);
    for (uint32_t i = 0; i < 60; i++) {
        see(&p, 20 + i * 7 % 50, i % 9);
        assert_true(p.fixed >= 0 && p.token > 0 && p.row >= 0);
    }
    assert_in_range(sched_pace_tokens(&p, 4, takes(100, 4)), 85, 115);
}

int main(void)
{
    return TEST_RUN(TEST_OF(pace_is_not_known_before_a_step), TEST_OF(pace_tells_what_is_fixed_from_tokens_and_rows),
                    TEST_OF(pace_of_equal_steps_is_right_for_such_steps),
                    TEST_OF(pace_follows_an_engine_that_becomes_slower), TEST_OF(pace_forgives_one_slow_step));
}
