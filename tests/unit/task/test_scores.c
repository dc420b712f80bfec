#include "task/scores.h"

#include <math.h>
#include <stdlib.h>

#include "support/test.h"

#define NEAR(a, b) assert_true(fabs((double)(a) - (double)(b)) < 1e-6)

TEST(softmax_gives_shares_that_sum_to_one)
{
    const float x[] = {0, 1.0986123F, 0, -INFINITY};
    struct task_softmax s = task_softmax_of(x, 4);
    NEAR(task_softmax_score(&s, x[0]), 0.2);
    NEAR(task_softmax_score(&s, x[1]), 0.6);
    NEAR(task_softmax_score(&s, x[3]), 0);
    const float large[] = {1000, 1000};
    s = task_softmax_of(large, 2);
    NEAR(task_softmax_score(&s, 1000), 0.5);
}

TEST(softmax_of_what_is_no_number_scores_nothing)
{
    const float x[] = {NAN, 0, NAN, 0};
    struct task_softmax s = task_softmax_of(x, 4);
    NEAR(task_softmax_score(&s, x[1]), 0.5);
    NEAR(task_softmax_score(&s, x[0]), 0);
    const float none[] = {-INFINITY, NAN};
    s = task_softmax_of(none, 2);
    NEAR(task_softmax_score(&s, none[0]), 0);
    NEAR(task_softmax_score(&s, none[1]), 0);
    const float all[] = {INFINITY, 3, INFINITY};
    s = task_softmax_of(all, 3);
    NEAR(task_softmax_score(&s, INFINITY), 0.5);
    NEAR(task_softmax_score(&s, 3), 0);
}

TEST(sigmoid_goes_from_nothing_to_one)
{
    NEAR(task_sigmoid(0), 0.5);
    NEAR(task_sigmoid(1.0986123F), 0.75);
    NEAR(task_sigmoid(-1000), 0);
    NEAR(task_sigmoid(1000), 1);
    NEAR(task_sigmoid(NAN), 0);
}

TEST(top_keeps_the_best_with_the_lower_index_first_among_equals)
{
    const float x[] = {1, 3, NAN, 3, 2, -INFINITY};
    struct task_hit hits[6];
    assert_int_equal(task_scores_top(x, 6, 3, hits), 3);
    assert_int_equal(hits[0].id, 1);
    assert_int_equal(hits[1].id, 3);
    assert_int_equal(hits[2].id, 4);
    assert_int_equal(task_scores_top(x, 6, 9, hits), 6);
    assert_int_equal(hits[4].id, 2); /* no number is as good as minus infinity */
    assert_int_equal(hits[5].id, 5);
    assert_int_equal(task_scores_top(x, 6, 0, hits), 0);
    assert_int_equal(task_scores_top(x, 0, 3, hits), 0);
}

static bool by_start(const struct task_hit *a, const struct task_hit *b)
{
    return a->start < b->start;
}

TEST(sorting_agrees_with_a_plain_one_for_any_values)
{
    struct task_hit hits[200], kept[200];
    float x[200];
    srand(7);
    for (uint32_t n = 0; n < 200; n++) {
        for (uint32_t i = 0; i < n; i++) {
            x[i] = (float)(rand() % 20);
            hits[i] = (struct task_hit){.id = i, .score = x[i], .start = (uint32_t)rand() % 50};
        }
        uint32_t count = task_scores_top(x, n, n / 2, kept);
        task_scores_sort(hits, n);
        for (uint32_t i = 1; i < n; i++) {
            assert_true(hits[i - 1].score > hits[i].score ||
                        (hits[i - 1].score == hits[i].score && hits[i - 1].id < hits[i].id));
        }
        for (uint32_t i = 0; i < count; i++) {
            assert_int_equal(kept[i].id, hits[i].id);
        }
        task_scores_sort_by(hits, n, by_start);
        for (uint32_t i = 1; i < n; i++) {
            assert_true(hits[i - 1].start <= hits[i].start);
        }
    }
}

int main(void)
{
    return TEST_RUN(TEST_OF(softmax_gives_shares_that_sum_to_one), TEST_OF(softmax_of_what_is_no_number_scores_nothing),
                    TEST_OF(sigmoid_goes_from_nothing_to_one),
                    TEST_OF(top_keeps_the_best_with_the_lower_index_first_among_equals),
                    TEST_OF(sorting_agrees_with_a_plain_one_for_any_values));
}
