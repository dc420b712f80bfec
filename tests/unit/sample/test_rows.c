#include <math.h>
#include <stdlib.h>

#include "sample/random.h"
#include "sample/rows.h"
#include "support/test.h"

#define MOST 9001u

static const uint32_t lengths[] = {1, 3, 31, 32, 33, 127, 128, 129, 1000, 4095, 4096, 4097, 8192, MOST};

static const char *const isas[] = {"avx2", "avx512"};

/* Logits down to -30, some of them missing. */
static void fill(float *x, uint32_t n, uint64_t seed)
{
    struct sample_random random = {seed};
    for (uint32_t i = 0; i < n; i++) {
        x[i] = (float)(-30 * sample_random_unit(&random));
        uint64_t dice = sample_random_bits(&random) % 50;
        x[i] = dice == 0 ? NAN : dice == 1 ? -INFINITY : x[i];
    }
}

/* Whole words of ones and zeros among them. */
static void fill_mask(uint64_t *mask, uint32_t words)
{
    struct sample_random random = {1};
    for (uint32_t i = 0; i < words; i++) {
        mask[i] = i % 3 == 0 ? sample_random_bits(&random) : i % 3 == 1 ? UINT64_MAX : 0;
    }
}

static void expect_same(const struct sample_rows *a, const struct sample_rows *b, uint32_t n)
{
    static float x[MOST], wa[MOST], wb[MOST], ma[SAMPLE_BLOCKS(MOST)], mb[SAMPLE_BLOCKS(MOST)];
    fill(x, n, n);
    a->block_max(x, n, ma);
    b->block_max(x, n, mb);
    assert_memory_equal(ma, mb, SAMPLE_BLOCKS(n) * sizeof(*ma));
    double sum_a = a->exp2(x, n, 0, 1.7f, wa);
    double sum_b = b->exp2(x, n, 0, 1.7f, wb);
    double sum_c = b->exp2(x, n, 0, 1.7f, NULL);
    assert_memory_equal(wa, wb, n * sizeof(*wa));
    assert_memory_equal(&sum_a, &sum_b, sizeof(sum_a));
    assert_memory_equal(&sum_a, &sum_c, sizeof(sum_a));
    double ea = a->entropy(wa, n);
    double eb = b->entropy(wb, n);
    assert_memory_equal(&ea, &eb, sizeof(ea));
    uint32_t fa[100], fb[100];
    memset(fa, 0, sizeof(fa));
    memset(fb, 0, sizeof(fb));
    assert_int_equal(a->find(x, n, -6, -5, fa, 100), b->find(x, n, -6, -5, fb, 100));
    assert_memory_equal(fa, fb, sizeof(fa));
    struct sample_share sa = a->share(wa, n, 1e-6f, 0.5f);
    struct sample_share sb = b->share(wb, n, 1e-6f, 0.5f);
    assert_memory_equal(&sa.sum, &sb.sum, sizeof(sa.sum));
    assert_int_equal(sa.count, sb.count);
    static uint64_t mask[MOST / 64 + 1];
    fill_mask(mask, KIT_COUNT(mask));
    memcpy(wb, x, n * sizeof(*x));
    a->forbid(x, n, mask);
    b->forbid(wb, n, mask);
    assert_memory_equal(x, wb, n * sizeof(*x));
    memcpy(wb, wa, n * sizeof(*wa));
    a->keep(wa, n, 1e-6f, 0.5f);
    b->keep(wb, n, 1e-6f, 0.5f);
    assert_memory_equal(wa, wb, n * sizeof(*wa));
}

TEST(rows_give_the_same_bits_whatever_the_instruction_set)
{
    for (size_t i = 0; i < KIT_COUNT(isas); i++) {
        const struct sample_rows *rows = sample_rows_find(isas[i]);
        for (size_t k = 0; rows != NULL && k < KIT_COUNT(lengths); k++) {
            expect_same(&sample_rows_any, rows, lengths[k]);
        }
    }
}

TEST(rows_find_the_largest_of_each_block_and_pass_by_what_is_no_number)
{
    float x[SAMPLE_BLOCK * 2 + 5], top[3];
    for (uint32_t i = 0; i < KIT_COUNT(x); i++) {
        x[i] = NAN;
    }
    x[3] = -7;
    x[100] = -5;
    x[SAMPLE_BLOCK * 2 + 4] = 9;
    sample_rows_best()->block_max(x, KIT_COUNT(x), top);
    assert_true(top[0] == -5.0f);
    assert_true(top[1] == -INFINITY);
    assert_true(top[2] == 9.0f);
}

TEST(rows_exp2_is_as_right_as_it_says)
{
    static float x[MOST], w[MOST];
    double worst = 0;
    for (uint32_t i = 0; i < MOST; i++) {
        x[i] = -(float)i * (125.9f / MOST);
    }
    sample_rows_best()->exp2(x, MOST, 0, 1, w);
    for (uint32_t i = 0; i < MOST; i++) {
        worst = fmax(worst, fabs((double)w[i] / exp2((double)x[i]) - 1));
    }
    assert_true(worst < 2e-7);
    assert_true(w[0] == 1.0f);
}

TEST(rows_exp2_is_nothing_far_below_the_top)
{
    float x[] = {-INFINITY, NAN, -126.5f, -3e38f, 0};
    double sum = sample_rows_best()->exp2(x, KIT_COUNT(x), 0, 1, x);
    assert_true(sum == 1.0);
    for (uint32_t i = 0; i + 1 < KIT_COUNT(x); i++) {
        assert_true(x[i] == 0.0f);
    }
}

TEST(rows_share_and_keep_take_both_borders_in)
{
    float w[] = {0.5f, 0.25f, 0.125f, 1, 0};
    struct sample_share s = sample_rows_best()->share(w, KIT_COUNT(w), 0.25f, 0.5f);
    assert_int_equal(s.count, 2);
    assert_true(s.sum == 0.75);
    sample_rows_best()->keep(w, KIT_COUNT(w), 0.25f, 0.5f);
    assert_true(w[0] == 0.5f && w[1] == 0.25f && w[2] == 0.0f && w[3] == 0.0f);
}

TEST(rows_find_tells_places_and_when_there_are_too_many)
{
    static float x[1000];
    uint32_t index[3];
    x[31] = x[64] = x[999] = 5;
    assert_int_equal(sample_rows_best()->find(x, 1000, 5, 5, index, 3), 3);
    assert_true(index[0] == 31 && index[1] == 64 && index[2] == 999);
    assert_int_equal(sample_rows_best()->find(x, 1000, 5, INFINITY, index, 2), 3);
    assert_int_equal(sample_rows_best()->find(x, 1000, 6, INFINITY, index, 3), 0);
}

TEST(rows_entropy_is_as_right_as_it_says)
{
    for (float w = 0x1p-126f; w <= 1; w *= 1.01f) {
        double got = sample_rows_best()->entropy(&w, 1) / (double)w;
        double want = log2((double)w);
        assert_true(fabs(got - want) <= 1e-6 + 1e-7 * fabs(want));
    }
    float none = 0;
    assert_true(sample_rows_best()->entropy(&none, 1) == 0.0);
}

TEST(rows_forbid_what_has_no_bit)
{
    float x[150];
    uint64_t mask[] = {UINT64_C(1) << 63 | 2, 0, UINT64_C(1) << 21};
    for (uint32_t i = 0; i < 150; i++) {
        x[i] = (float)i;
    }
    sample_rows_best()->forbid(x, 150, mask);
    for (uint32_t i = 0; i < 150; i++) {
        assert_true(x[i] == (i == 1 || i == 63 || i == 149 ? (float)i : -INFINITY));
    }
}

int main(void)
{
    return TEST_RUN(TEST_OF(rows_give_the_same_bits_whatever_the_instruction_set),
                    TEST_OF(rows_find_the_largest_of_each_block_and_pass_by_what_is_no_number),
                    TEST_OF(rows_exp2_is_as_right_as_it_says), TEST_OF(rows_exp2_is_nothing_far_below_the_top),
                    TEST_OF(rows_share_and_keep_take_both_borders_in),
                    TEST_OF(rows_find_tells_places_and_when_there_are_too_many),
                    TEST_OF(rows_entropy_is_as_right_as_it_says), TEST_OF(rows_forbid_what_has_no_bit));
}
