#include <math.h>
#include <stdlib.h>

#include "sample/cut.h"
#include "sample/random.h"
#include "support/test.h"
#include "unit/sample/naive.h"

#define N 5000u

struct pair {
    float w[N];
    double p[N];
};

/* Weights of a peaked or a flat distribution, the largest 1; ties: only a few different values. */
static void fill(struct pair *f, uint32_t n, float spread, bool ties, uint64_t seed)
{
    static float logits[N];
    struct sample_random random = {seed};
    for (uint32_t i = 0; i < n; i++) {
        logits[i] = -spread * (float)sample_random_unit(&random);
        logits[i] = ties ? roundf(logits[i]) : logits[i];
    }
    logits[n / 2] = 0;
    sample_rows_best()->exp2(logits, n, 0, 1.4426950f, f->w);
    for (uint32_t i = 0; i < n; i++) {
        f->p[i] = (double)f->w[i];
    }
    naive_normalize(f->p, n);
}

static void expect_same_kept(const struct pair *f, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        assert_int_equal(f->w[i] > 0, f->p[i] > 0);
    }
}

static void try_cut(struct sample_options o, uint32_t n, float spread, bool ties)
{
    static struct pair f;
    struct sample_set set = {sample_rows_best(), f.w, n};
    fill(&f, n, spread, ties, n);
    if (o.top_k > 0) {
        sample_cut_top_k(&set, o.top_k);
    }
    if (o.top_p < 1) {
        sample_cut_top_p(&set, (double)o.top_p * sample_set_sum(&set));
    }
    if (o.min_p > 0) {
        sample_cut_min_p(&set, o.min_p);
    }
    if (o.typical_p < 1) {
        sample_cut_typical(&set, o.typical_p);
    }
    naive_cut(&o, f.p, n);
    expect_same_kept(&f, n);
}

static const uint32_t counts[] = {1, 2, 10, 129, 1000, N};

TEST(cut_top_k_keeps_what_sorting_keeps)
{
    static const uint32_t ks[] = {1, 2, 40, 128, 999, 4999, 6000};
    struct sample_options o;
    sample_options_init(&o);
    for (size_t i = 0; i < KIT_COUNT(counts) * KIT_COUNT(ks) * 2; i++) {
        o.top_k = ks[i / 2 % KIT_COUNT(ks)];
        try_cut(o, counts[i / 2 / KIT_COUNT(ks)], 12, i % 2 == 1);
    }
}

TEST(cut_top_p_keeps_what_sorting_keeps)
{
    static const float ps[] = {0, 0.0001f, 0.3f, 0.5f, 0.9f, 0.95f, 0.999f};
    struct sample_options o;
    sample_options_init(&o);
    for (size_t i = 0; i < KIT_COUNT(counts) * KIT_COUNT(ps) * 2; i++) {
        o.top_p = ps[i / 2 % KIT_COUNT(ps)];
        try_cut(o, counts[i / 2 / KIT_COUNT(ps)], 12, i % 2 == 1);
    }
}

TEST(cut_min_p_keeps_what_sorting_keeps)
{
    static const float ps[] = {0.0001f, 0.05f, 0.5f, 1};
    struct sample_options o;
    sample_options_init(&o);
    for (size_t i = 0; i < KIT_COUNT(counts) * KIT_COUNT(ps); i++) {
        o.min_p = ps[i % KIT_COUNT(ps)];
        try_cut(o, counts[i / KIT_COUNT(ps)], 12, true);
    }
}

TEST(cut_typical_keeps_what_sorting_keeps)
{
    static const float ps[] = {0, 0.2f, 0.5f, 0.9f, 0.99f};
    struct sample_options o;
    sample_options_init(&o);
    for (size_t i = 0; i < KIT_COUNT(counts) * KIT_COUNT(ps); i++) {
        o.typical_p = ps[i % KIT_COUNT(ps)];
        try_cut(o, counts[i / KIT_COUNT(ps)], 12, false);
    }
}

TEST(cut_top_p_of_equal_weights_keeps_the_first_of_them)
{
    float w[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    struct sample_set set = {sample_rows_best(), w, KIT_COUNT(w)};
    sample_cut_top_p(&set, 2.5);
    for (uint32_t i = 0; i < KIT_COUNT(w); i++) {
        assert_true(w[i] == (i < 3 ? 1.0f : 0.0f));
    }
}

TEST(draw_finds_each_weight_at_its_share_and_none_that_is_0)
{
    static float w[3 * SAMPLE_CHUNK];
    struct sample_set set = {sample_rows_best(), w, KIT_COUNT(w)};
    assert_int_equal(sample_draw(&set, 0.5), UINT32_MAX);
    w[5] = 1;
    w[SAMPLE_CHUNK + 1] = 0.5f;
    w[2 * SAMPLE_CHUNK + 9] = 0.5f;
    assert_int_equal(sample_draw(&set, 0), 5);
    assert_int_equal(sample_draw(&set, 0.4999), 5);
    assert_int_equal(sample_draw(&set, 0.5), SAMPLE_CHUNK + 1);
    assert_int_equal(sample_draw(&set, 0.75), 2 * SAMPLE_CHUNK + 9);
    assert_int_equal(sample_draw(&set, 0x1.fffffffffffffp-1), 2 * SAMPLE_CHUNK + 9);
}

int main(void)
{
    return TEST_RUN(TEST_OF(cut_top_k_keeps_what_sorting_keeps), TEST_OF(cut_top_p_keeps_what_sorting_keeps),
                    TEST_OF(cut_min_p_keeps_what_sorting_keeps), TEST_OF(cut_typical_keeps_what_sorting_keeps),
                    TEST_OF(cut_top_p_of_equal_weights_keeps_the_first_of_them),
                    TEST_OF(draw_finds_each_weight_at_its_share_and_none_that_is_0));
}
