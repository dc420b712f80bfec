#include "kit/budget.h"

#include "kit/sync.h"
#include "support/test.h"

#define ROUNDS 20000
#define MAX 100

TEST(budget_gives_what_fits_and_nothing_of_what_does_not)
{
    struct kit_budget b = {0};
    assert_true(kit_budget_take(&b, 0, 0));
    assert_true(kit_budget_take(&b, 60, MAX));
    assert_false(kit_budget_take(&b, 41, MAX));
    assert_false(kit_budget_take(&b, UINT64_MAX, MAX));
    assert_int_equal(kit_budget_used(&b), 60);
    assert_true(kit_budget_take(&b, 40, MAX));
    assert_false(kit_budget_take(&b, 1, MAX));
    assert_false(kit_budget_take(&b, 1, MAX / 2)); /* more is out than that */
    kit_budget_give(&b, 100);
    assert_int_equal(kit_budget_used(&b), 0);
}

static void take_and_give(void *arg)
{
    struct kit_budget *b = arg;
    for (int i = 0; i < ROUNDS; i++) {
        if (kit_budget_take(b, 60, MAX)) { /* never two at a time */
            assert_int_equal(kit_budget_used(b), 60);
            kit_budget_give(b, 60);
        }
    }
}

TEST(budget_is_never_passed_by_threads)
{
    struct kit_budget b = {0};
    struct kit_thread threads[3] = {0};
    for (size_t i = 0; i < KIT_COUNT(threads); i++) {
        assert_ok(kit_thread_start(&threads[i], "taker", take_and_give, &b, NULL));
    }
    for (size_t i = 0; i < KIT_COUNT(threads); i++) {
        kit_thread_join(&threads[i]);
    }
    assert_int_equal(kit_budget_used(&b), 0);
}

int main(void)
{
    return TEST_RUN(TEST_OF(budget_gives_what_fits_and_nothing_of_what_does_not),
                    TEST_OF(budget_is_never_passed_by_threads));
}
