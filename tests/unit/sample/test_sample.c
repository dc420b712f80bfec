#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "sample/random.h"
#include "sample/sample.h"
#include "support/test.h"
#include "unit/sample/naive.h"

static void naive_softmax(const float *logits, uint32_t n, double temperature, double *p)
{
    double top = -INFINITY;
    for (uint32_t i = 0; i < n; i++) {
        top = fmax(top, (double)logits[i]);
    }
    for (uint32_t i = 0; i < n; i++) {
        p[i] = isnan(logits[i]) ? 0 : exp(((double)logits[i] - top) / temperature);
    }
    naive_normalize(p, n);
}

static struct sample_options defaults(void)
{
    struct sample_options o;
    sample_options_init(&o);
    return o;
}

static struct sample_options greedy(void)
{
    struct sample_options o = defaults();
    o.temperature = 0;
    return o;
}

static struct sample *make(struct sample_options o, uint32_t vocab)
{
    struct sample *s = NULL;
    assert_ok(sample_new(&o, vocab, 1000, &s, NULL));
    return s;
}

static struct sample_choice next(struct sample *s, const float *logits, uint32_t n, const uint64_t *mask)
{
    struct sample_choice choice;
    float *row = kit_alloc_copy(logits, n * sizeof(*logits));
    assert_non_null(row);
    assert_ok(sample_next(s, row, mask, &choice, NULL));
    kit_alloc_free(row);
    return choice;
}

static int32_t once(struct sample_options o, const float *logits, uint32_t n, const uint64_t *mask)
{
    struct sample *s = make(o, n);
    int32_t token = next(s, logits, n, mask).token;
    sample_free(s);
    return token;
}

/* --- greedy --- */

TEST(sample_greedy_takes_the_largest_and_of_equals_the_lowest_id)
{
    float logits[] = {1, 3, 2, 3, -1};
    assert_int_equal(once(greedy(), logits, 5, NULL), 1);
    assert_int_equal(once(greedy(), logits, 1, NULL), 0);
}

TEST(sample_passes_by_what_is_no_number)
{
    float logits[] = {NAN, -INFINITY, -2, NAN, -3};
    assert_int_equal(once(greedy(), logits, 5, NULL), 2);
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct sample_options o = defaults();
        o.seed = seed;
        int32_t token = once(o, logits, 5, NULL);
        assert_true(token == 2 || token == 4);
    }
}

TEST(sample_takes_only_infinite_ones_where_there_are_any)
{
    float logits[] = {5, INFINITY, 7, INFINITY};
    bool seen[4] = {false};
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct sample_options o = defaults();
        o.seed = seed;
        seen[once(o, logits, 4, NULL)] = true;
    }
    assert_true(!seen[0] && seen[1] && !seen[2] && seen[3]);
}

static void expect_no_token(const float *logits, uint32_t n, const uint64_t *mask, const char *msg)
{
    struct sample_choice choice = {.token = 77};
    struct kit_err err;
    float row[64];
    for (int warm = 0; warm < 2; warm++) {
        struct sample *s = make(warm == 0 ? greedy() : defaults(), n);
        memcpy(row, logits, n * sizeof(*row));
        assert_int_equal(sample_next(s, row, mask, &choice, &err), KIT_UNPROCESSABLE);
        assert_non_null(strstr(err.msg, msg));
        assert_int_equal(choice.token, 77);
        sample_free(s);
    }
}

TEST(sample_says_so_when_no_token_has_a_number)
{
    float logits[] = {NAN, NAN, -INFINITY};
    expect_no_token(logits, 3, NULL, "weights or its input are broken");
    logits[0] = 1;
    uint64_t mask = 6;
    expect_no_token(logits, 3, &mask, "that the grammar allows");
}

/* --- what changes logits --- */

TEST(sample_takes_no_token_that_the_mask_forbids)
{
    static float logits[200];
    uint64_t mask[4] = {UINT64_MAX, 0, 1, 1};
    logits[127] = 9;
    logits[128] = 3;
    logits[191] = 8;
    logits[192] = 2;
    assert_int_equal(once(greedy(), logits, 200, mask), 128);
}

TEST(sample_adds_the_bias)
{
    float logits[] = {5, 4, 3};
    struct sample_bias bias[] = {{2, 1.5f}, {0, -100}};
    struct sample_options o = greedy();
    o.bias = bias;
    o.bias_count = 2;
    assert_int_equal(once(o, logits, 3, NULL), 2);
}

static int32_t after(struct sample_options o, const float *logits, uint32_t n, const int32_t *prompt, uint32_t count)
{
    struct sample *s = make(o, n);
    sample_prompt(s, prompt, count);
    int32_t token = next(s, logits, n, NULL).token;
    sample_free(s);
    return token;
}

TEST(sample_repetition_lowers_what_was_there_whatever_its_sign)
{
    const int32_t prompt[] = {0, 0, 0, -5, 99};
    float up[] = {5, 3}, down[] = {-2, -3};
    struct sample_options o = greedy();
    o.repetition = 1.6f; /* 5 / 1.6 > 3; -2 * 1.6 < -3 */
    assert_int_equal(after(o, up, 2, prompt, 5), 0);
    assert_int_equal(after(o, down, 2, prompt, 5), 1);
    o.repetition = 1.7f; /* 5 / 1.7 < 3 */
    assert_int_equal(after(o, up, 2, prompt, 5), 1);
}

TEST(sample_frequency_counts_and_presence_does_not)
{
    const int32_t prompt[] = {0, 0, 0, 1};
    float logits[] = {5, 4};
    struct sample_options o = greedy();
    o.frequency = 0.4f; /* 5 - 1.2 > 4 - 0.4 */
    assert_int_equal(after(o, logits, 2, prompt, 4), 0);
    o.frequency = 0.6f; /* 5 - 1.8 < 4 - 0.6 */
    assert_int_equal(after(o, logits, 2, prompt, 4), 1);
    o.frequency = 0;
    o.presence = 90; /* of both */
    assert_int_equal(after(o, logits, 2, prompt, 4), 0);
    assert_int_equal(after(o, logits, 2, prompt, 3), 1);
}

TEST(sample_penalties_forget_what_has_left_the_window)
{
    const int32_t prompt[] = {0, 1, 2};
    float logits[] = {5, 4, 3};
    struct sample_options o = greedy();
    o.presence = 10;
    o.penalty_last_n = 2;
    assert_int_equal(after(o, logits, 3, prompt, 3), 0);
    assert_int_equal(after(o, logits, 3, prompt, 2), 2);
    o.penalty_last_n = 0;
    assert_int_equal(after(o, logits, 3, prompt, 2), 2);
}

TEST(sample_penalties_see_what_was_accepted)
{
    float logits[] = {5, 4, 3};
    struct sample_options o = greedy();
    o.presence = 10;
    struct sample *s = make(o, 3);
    for (int32_t want = 0; want < 3; want++) {
        int32_t token = next(s, logits, 3, NULL).token;
        assert_int_equal(token, want);
        sample_accept(s, token);
    }
    sample_free(s);
}

/* --- logprobs --- */

TEST(sample_logprobs_know_bias_and_mask_but_neither_temperature_nor_truncation)
{
    float logits[] = {1, 2, 3, 4, 9};
    double p[4];
    uint64_t mask = 15;
    struct sample_bias bias = {0, 2.5f};
    struct sample_options o = defaults();
    o.temperature = 0.5f;
    o.top_k = 2;
    o.bias = &bias;
    o.bias_count = 1;
    o.logprobs = true;
    o.logprobs_top = 3;
    struct sample *s = make(o, 5);
    naive_softmax((float[]){3.5f, 2, 3, 4}, 4, 1, p);
    for (int i = 0; i < 20; i++) {
        struct sample_choice c = next(s, logits, 5, &mask);
        assert_true(c.token == 3 || c.token == 0);
        assert_true(fabs((double)c.logprob - log(p[c.token])) < 1e-5);
        assert_int_equal(c.top_count, 3);
        assert_int_equal(c.top[0].token, 3);
        assert_int_equal(c.top[1].token, 0);
        assert_int_equal(c.top[2].token, 2);
        assert_true(fabs((double)c.top[2].logprob - log(p[2])) < 1e-5);
    }
    sample_free(s);
}

TEST(sample_top_logprobs_of_equals_come_by_id_and_never_more_than_there_are)
{
    static float logits[9000];
    struct sample_options o = greedy();
    o.logprobs = true;
    o.logprobs_top = SAMPLE_TOP_MAX;
    for (uint32_t n = 1; n <= 9000; n = n < 30 ? n + 1 : n * 3) {
        struct sample *s = make(o, n);
        struct sample_choice c = next(s, logits, n, NULL);
        assert_int_equal(c.top_count, KIT_MIN(n, SAMPLE_TOP_MAX));
        for (uint32_t i = 0; i < c.top_count; i++) {
            assert_int_equal(c.top[i].token, i);
            assert_true(fabs((double)c.top[i].logprob + log(n)) < 1e-5);
        }
        sample_free(s);
    }
}

TEST(sample_top_logprobs_are_right_where_all_large_ones_lie_together)
{
    static float logits[60000];
    struct sample_options o = greedy();
    o.logprobs = true;
    o.logprobs_top = SAMPLE_TOP_MAX;
    for (uint32_t i = 0; i < 60000; i++) {
        logits[i] = (float)i / 1000;
    }
    struct sample *s = make(o, 60000);
    struct sample_choice c = next(s, logits, 60000, NULL);
    assert_int_equal(c.top_count, SAMPLE_TOP_MAX);
    for (uint32_t i = 0; i < c.top_count; i++) {
        assert_int_equal(c.top[i].token, 59999 - i);
    }
    sample_free(s);
}

/* --- chance --- */

/* The least that a chi-square of so many degrees of freedom passes with a chance of about 3e-6. Source: Wilson and
 * Hilferty 1931, "The distribution of chi-square". */
static double chi_square_limit(double degrees)
{
    double c = 2 / (9 * degrees);
    return degrees * pow(1 - c + 4.5 * sqrt(c), 3);
}

/* Of groups with the chances p [count]; those expected less than five times count as one. */
static void expect_chances(const double *p, const uint32_t *drawn, uint32_t count, uint32_t draws)
{
    double chi_square = 0;
    double degrees = -1;
    double rare = 0;
    double rare_drawn = 0;
    for (uint32_t i = 0; i < count; i++) {
        double want = p[i] * draws;
        if (want < 5) {
            rare += want;
            rare_drawn += drawn[i];
        } else {
            chi_square += (drawn[i] - want) * (drawn[i] - want) / want;
            degrees++;
        }
    }
    if (rare >= 5) {
        chi_square += (rare_drawn - rare) * (rare_drawn - rare) / rare;
        degrees++;
    }
    assert_true(degrees < 1 ? chi_square < 1e-9 : chi_square < chi_square_limit(degrees));
}

/* Tokens are counted in `groups`, by their id modulo that. */
static void expect_distribution(struct sample_options o, const float *logits, uint32_t n, uint32_t groups,
                                uint32_t draws)
{
    static double p[NAIVE_MAX];
    double group_p[NAIVE_MAX] = {0};
    uint32_t drawn[NAIVE_MAX] = {0};
    naive_softmax(logits, n, (double)o.temperature, p);
    naive_cut(&o, p, n);
    for (uint32_t i = 0; i < n; i++) {
        group_p[i % groups] += p[i];
    }
    struct sample *s = make(o, n);
    for (uint32_t i = 0; i < draws; i++) {
        int32_t token = next(s, logits, n, NULL).token;
        assert_true(p[token] > 0);
        drawn[(uint32_t)token % groups]++;
    }
    sample_free(s);
    expect_chances(group_p, drawn, groups, draws);
}

static void fill(float *logits, uint32_t n, float spread, uint64_t seed)
{
    struct sample_random random = {seed};
    for (uint32_t i = 0; i < n; i++) {
        logits[i] = spread * (float)(sample_random_unit(&random) + sample_random_unit(&random));
    }
}

static const struct {
    float temperature;
    uint32_t top_k;
    float top_p, min_p, typical_p;
} cases[] = {
    {1, 0, 1, 0, 1},          {0.5f, 0, 1, 0, 1},      {2, 0, 1, 0, 1},        {1, 1, 1, 0, 1},
    {1, 5, 1, 0, 1},          {1, 0, 0.5f, 0, 1},      {1, 0, 0.9f, 0, 1},     {1, 0, 0, 0, 1},
    {1, 0, 1, 0.1f, 1},       {1, 0, 1, 1, 1},         {1, 0, 1, 0, 0.3f},     {1, 0, 1, 0, 0.9f},
    {0.8f, 8, 0.9f, 0, 1},    {1.3f, 10, 1, 0.05f, 1}, {1, 0, 0.9f, 0.05f, 1}, {1, 9, 0.95f, 0.02f, 0.8f},
    {1.5f, 0, 0.9f, 0, 0.7f}, {0.001f, 3, 0.9f, 0, 1}, {100, 0, 1, 0, 1},      {1, 3000, 1, 0, 1},
    {1, 3000, 0.9f, 0, 1},    {1, 0, 1, 0.01f, 0.5f},
};

TEST(sample_draws_with_the_probabilities_that_the_papers_say)
{
    static float logits[NAIVE_MAX];
    for (size_t i = 0; i < KIT_COUNT(cases); i++) {
        struct sample_options o = defaults();
        o.seed = i;
        o.temperature = cases[i].temperature;
        o.top_k = cases[i].top_k;
        o.top_p = cases[i].top_p;
        o.min_p = cases[i].min_p;
        o.typical_p = cases[i].typical_p;
        fill(logits, 12, 3, i);
        expect_distribution(o, logits, 12, 12, 6000);
        fill(logits, 300, 4, i);
        expect_distribution(o, logits, 300, 300, 1000);
    }
}

/* More than fit into the head, so that whole rows are cut. */
TEST(sample_draws_so_from_a_flat_distribution_over_many_too)
{
    static float logits[NAIVE_MAX];
    static const size_t some[] = {0, 6, 11, 14, 16, 19, 20};
    fill(logits, NAIVE_MAX, 1, 1);
    for (size_t i = 0; i < KIT_COUNT(some); i++) {
        struct sample_options o = defaults();
        o.seed = i;
        o.top_k = cases[some[i]].top_k;
        o.top_p = cases[some[i]].top_p;
        o.min_p = cases[some[i]].min_p;
        o.typical_p = cases[some[i]].typical_p;
        expect_distribution(o, logits, NAIVE_MAX, 16, 300);
    }
}

TEST(sample_gives_the_same_tokens_for_the_same_seed_on_every_machine)
{
    static const int32_t want[] = {1949, 81, 4504, 2903, 2287, 1157, 2359, 1596};
    static float logits[5000];
    struct sample_options o = defaults();
    fill(logits, 5000, 5, 42);
    o.seed = 7;
    o.top_p = 0.9f;
    struct sample *s = make(o, 5000);
    for (size_t i = 0; i < KIT_COUNT(want); i++) {
        assert_int_equal(next(s, logits, 5000, NULL).token, want[i]);
    }
    sample_free(s);
}

/* --- life --- */

TEST(sample_refuses_an_empty_vocabulary_and_options_out_of_range)
{
    struct sample *s = NULL;
    struct kit_err err;
    struct sample_options o = defaults();
    assert_int_equal(sample_new(&o, 0, 10, &s, &err), KIT_INVALID);
    assert_int_equal(sample_new(&o, SAMPLE_VOCAB_MAX + 1, 10, &s, &err), KIT_INVALID);
    o.top_p = 2;
    assert_int_equal(sample_new(&o, 10, 10, &s, &err), KIT_INVALID);
    assert_string_equal(err.param, "top_p");
    assert_null(s);
}

TEST(sample_survives_each_failed_alloc_and_makes_none_for_a_token)
{
    struct sample_bias bias = {1, 1};
    struct sample_options o = defaults();
    o.presence = 1;
    o.bias = &bias;
    o.bias_count = 1;
    TEST_ALLOC_SWEEP(n) {
        struct sample *s = NULL;
        enum kit_status rc = sample_new(&o, 10, 10, &s, NULL);
        assert_true(rc == KIT_OK ? s != NULL : rc == KIT_NOMEM && s == NULL);
        sample_free(s);
    }
    struct sample *s = make(o, 10);
    uint64_t blocks = kit_alloc_count();
    for (int i = 0; i < 100; i++) {
        float logits[10] = {0};
        struct sample_choice choice;
        assert_ok(sample_next(s, logits, NULL, &choice, NULL));
        sample_accept(s, choice.token);
    }
    assert_int_equal(kit_alloc_count(), blocks);
    sample_free(s);
}

int main(void)
{
    return TEST_RUN(
        TEST_OF(sample_greedy_takes_the_largest_and_of_equals_the_lowest_id),
        TEST_OF(sample_passes_by_what_is_no_number), TEST_OF(sample_takes_only_infinite_ones_where_there_are_any),
        TEST_OF(sample_says_so_when_no_token_has_a_number), TEST_OF(sample_takes_no_token_that_the_mask_forbids),
        TEST_OF(sample_adds_the_bias), TEST_OF(sample_repetition_lowers_what_was_there_whatever_its_sign),
        TEST_OF(sample_frequency_counts_and_presence_does_not),
        TEST_OF(sample_penalties_forget_what_has_left_the_window), TEST_OF(sample_penalties_see_what_was_accepted),
        TEST_OF(sample_logprobs_know_bias_and_mask_but_neither_temperature_nor_truncation),
        TEST_OF(sample_top_logprobs_of_equals_come_by_id_and_never_more_than_there_are),
        TEST_OF(sample_top_logprobs_are_right_where_all_large_ones_lie_together),
        TEST_OF(sample_draws_with_the_probabilities_that_the_papers_say),
        TEST_OF(sample_draws_so_from_a_flat_distribution_over_many_too),
        TEST_OF(sample_gives_the_same_tokens_for_the_same_seed_on_every_machine),
        TEST_OF(sample_refuses_an_empty_vocabulary_and_options_out_of_range),
        TEST_OF(sample_survives_each_failed_alloc_and_makes_none_for_a_token));
}
