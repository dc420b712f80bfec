#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "guard.h"
#include "kernels/kernels.h"
#include "support/test.h"

static const char *const isas[] = {"scalar", "avx2", "avx512"};

static void for_each_isa(void (*check)(const struct native_kernels *k))
{
    for (size_t i = 0; i < KIT_COUNT(isas); i++) {
        const struct native_kernels *k = native_kernels_find(isas[i]);
        if (k != NULL) {
            check(k);
        } else {
            printf("[  SKIPPED ] this machine has no %s\n", isas[i]);
        }
    }
}

/* --- tiles --- */

static float *copy_of(const float *from, size_t n)
{
    float *ret = guard_empty(n);
    memcpy(ret, from, n * sizeof(float));
    return ret;
}

static void expect_tile(const struct native_tile *t, const float *add)
{
    for (size_t r = 0; r < t->rows; r++) {
        for (size_t j = 0; j < NATIVE_PANEL; j++) {
            double sum = (t->bias != NULL ? t->bias[j] : 0.0) + (add != NULL ? add[r * t->add_stride + j] : 0.0);
            double size = 1.0 + fabs(sum);
            for (size_t k = 0; k < t->depth; k++) {
                double product = (double)t->a[r * t->a_stride + k] * t->b[k * NATIVE_PANEL + j];
                sum += product;
                size += fabs(product);
            }
            assert_true(fabs(t->c[r * t->c_stride + j] - sum) <= 4e-7 * size);
        }
    }
}

static size_t extent(uint32_t rows, size_t stride, size_t columns)
{
    return (rows - 1) * stride + columns;
}

static void one_tile(const struct native_kernels *k, uint32_t rows, uint32_t depth)
{
    struct native_tile t = {.rows = rows,
                            .depth = depth,
                            .a_stride = depth + guard_random(5),
                            .c_stride = NATIVE_PANEL + guard_random(5),
                            .add_stride = NATIVE_PANEL + guard_random(5)};
    bool in_place = guard_random(3) == 0;
    t.a = guard_floats(extent(rows, t.a_stride, depth));
    t.b = guard_floats((size_t)depth * NATIVE_PANEL);
    t.bias = guard_random(2) == 0 ? guard_floats(NATIVE_PANEL) : NULL;
    t.add_stride = in_place ? t.c_stride : t.add_stride;
    t.c = guard_floats(extent(rows, t.c_stride, NATIVE_PANEL));
    t.add = in_place ? t.c : guard_random(2) == 0 ? guard_floats(extent(rows, t.add_stride, NATIVE_PANEL)) : NULL;
    t.ahead = t.b;
    t.ahead_step = guard_random(2) * 16; /* may leave the buffer: fetching is harmless */
    const float *add = t.add != NULL ? copy_of(t.add, extent(rows, t.add_stride, NATIVE_PANEL)) : NULL;
    k->tile(&t);
    expect_tile(&t, add);
    guard_free_all();
}

static void check_tiles(const struct native_kernels *k)
{
    static const uint32_t depths[] = {0, 1, 2, 3, 7, 8, 9, 31, 32, 33, 100, 384};
    assert_true(k->tile_rows >= 1 && k->tile_rows <= NATIVE_TILE_ROWS_MAX);
    for (uint32_t rows = 1; rows <= k->tile_rows; rows++) {
        for (size_t i = 0; i < KIT_COUNT(depths); i++) {
            for (int times = 0; times < 4; times++) {
                one_tile(k, rows, depths[i]);
            }
        }
    }
}

TEST(kernels_tile_equals_double_precision_and_stays_in_its_buffers)
{
    for_each_isa(check_tiles);
}

static void check_tile_leaves_gaps(const struct native_kernels *k)
{
    float *c = guard_empty(2 * 40);
    const float *a = guard_floats(2);
    const float *b = guard_floats(NATIVE_PANEL);
    k->tile(&(struct native_tile){
        .a = a, .b = b, .c = c, .a_stride = 1, .c_stride = 40, .rows = 2, .depth = 1, .ahead = b});
    for (size_t i = NATIVE_PANEL; i < 40; i++) {
        assert_true(isnan(c[i]) && isnan(c[40 + i]));
    }
    assert_false(isnan(c[40]));
    guard_free_all();
}

TEST(kernels_tile_writes_nothing_between_rows)
{
    for_each_isa(check_tile_leaves_gaps);
}

/* --- activations --- */

static double gelu(double x)
{
    return 0.5 * x * (1 + erf(x / sqrt(2)));
}

static double gelu_tanh(double x)
{
    return 0.5 * x * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}

static double relu(double x)
{
    return x > 0 ? x : 0;
}

/* Sweeps [-limit, limit]; the bound is what kernels.h promises. */
static void check_act(const struct native_kernels *k, enum native_act act, double (*exact)(double), double error,
                      double limit)
{
    enum { ROWS = 5, STEPS = 4000 };
    float *x = guard_empty(ROWS * NATIVE_PANEL);
    float before[ROWS * NATIVE_PANEL];
    for (int step = 0; step < STEPS; step++) {
        for (int i = 0; i < ROWS * (int)NATIVE_PANEL; i++) {
            before[i] = x[i] = (float)(limit * (2.0 * (step + i / (double)(ROWS * NATIVE_PANEL)) / STEPS - 1));
        }
        k->act[act](x, NATIVE_PANEL, ROWS);
        for (int i = 0; i < ROWS * (int)NATIVE_PANEL; i++) {
            double bound = error * fmax(1, fabs(before[i]));
            assert_true(fabs(x[i] - exact(before[i])) <= bound);
        }
    }
    guard_free_all();
}

static void check_acts(const struct native_kernels *k)
{
    check_act(k, NATIVE_ACT_GELU, gelu, 1.2e-7, 8);
    check_act(k, NATIVE_ACT_GELU, gelu, 1.2e-7, 1000);
    check_act(k, NATIVE_ACT_GELU_TANH, gelu_tanh, 1.5e-7, 8);
    check_act(k, NATIVE_ACT_GELU_TANH, gelu_tanh, 1.5e-7, 1000);
    check_act(k, NATIVE_ACT_RELU, relu, 0, 8);
    check_act(k, NATIVE_ACT_TANH, tanh, 1.5e-7, 8);
    check_act(k, NATIVE_ACT_TANH, tanh, 1.5e-7, 1000);
    assert_null(k->act[NATIVE_ACT_NONE]);
}

TEST(kernels_activations_keep_their_stated_error)
{
    for_each_isa(check_acts);
}

static void check_act_special(const struct native_kernels *k)
{
    float x[NATIVE_PANEL] = {NAN, INFINITY, 0.0f, -0.0f, 1e-30f, -1e-30f, 1e30f};
    k->act[NATIVE_ACT_GELU](x, NATIVE_PANEL, 1);
    assert_true(isnan(x[0]));
    assert_true(isinf(x[1]));
    assert_true(x[2] == 0 && x[3] == 0);
    assert_true(fabs(x[4] - 5e-31) < 1e-36 && fabs(x[5] + 5e-31) < 1e-36);
    assert_true(x[6] == 1e30f);
}

static void check_nan_passes(const struct native_kernels *k)
{
    for (int act = NATIVE_ACT_NONE + 1; act < NATIVE_ACT_COUNT; act++) {
        float x[NATIVE_PANEL] = {NAN, 1.0f, NAN};
        k->act[act](x, NATIVE_PANEL, 1);
        assert_true(isnan(x[0]) && !isnan(x[1]) && isnan(x[2]));
    }
}

TEST(kernels_activations_hide_no_nan)
{
    for_each_isa(check_nan_passes);
}

TEST(kernels_gelu_keeps_nan_infinity_and_small_numbers)
{
    for_each_isa(check_act_special);
}

/* --- rows --- */

static void one_softmax(const struct native_kernels *k, uint32_t n, float spread)
{
    float *x = guard_floats(n);
    float scale = 0.05f + (float)guard_random(100) / 50.0f;
    double top = -INFINITY, sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        x[i] *= spread;
        top = fmax(top, x[i]);
    }
    const float *before = copy_of(x, n);
    float ret = k->softmax(x, n, scale);
    for (uint32_t i = 0; i < n; i++) {
        double wanted = exp((double)scale * (before[i] - top));
        sum += wanted;
        assert_true(fabs(x[i] - wanted) <= wanted * (3e-7 + 2e-7 * fabs(scale * (before[i] - top))) + 1e-37);
    }
    assert_true(fabs(ret - sum) <= 1e-6 * sum);
    guard_free_all();
}

static void check_softmax(const struct native_kernels *k)
{
    for (uint32_t n = 1; n <= 70; n++) {
        one_softmax(k, n, 1.0f);
        one_softmax(k, n, 30.0f);
    }
    one_softmax(k, 513, 5.0f);
}

TEST(kernels_softmax_equals_double_precision_and_stays_in_its_buffer)
{
    for_each_isa(check_softmax);
}

static void check_softmax_far(const struct native_kernels *k)
{
    float x[3] = {-1e30f, 0.0f, -500.0f};
    assert_true(fabs(k->softmax(x, 3, 1.0f) - 1.0) < 1e-6);
    assert_true(x[1] == 1.0f && x[0] >= 0 && x[0] < 1e-30f && x[2] < 1e-30f);
}

TEST(kernels_softmax_of_far_scores_is_next_to_nothing)
{
    for_each_isa(check_softmax_far);
}

static void one_norm(const struct native_kernels *k, uint32_t n, float offset, bool in_place)
{
    float *x = guard_floats(n);
    const float *gain = guard_floats(n);
    const float *bias = guard_floats(n);
    double mean = 0, variance = 0;
    for (uint32_t i = 0; i < n; i++) {
        x[i] += offset;
        mean += x[i];
    }
    mean /= n;
    for (uint32_t i = 0; i < n; i++) {
        variance += (x[i] - mean) * (x[i] - mean) / n;
    }
    const float *before = copy_of(x, n);
    float *y = in_place ? x : guard_empty(n);
    k->layernorm(x, gain, bias, n, 1e-5f, y);
    for (uint32_t i = 0; i < n; i++) {
        double wanted = (before[i] - mean) / sqrt(variance + 1e-5) * gain[i] + bias[i];
        assert_true(fabs(y[i] - wanted) <= 1e-5 * (1 + fabs(wanted)) * (1 + fabs(offset)));
    }
    guard_free_all();
}

static void check_norm(const struct native_kernels *k)
{
    for (uint32_t n = 1; n <= 70; n++) {
        one_norm(k, n, 0.0f, false);
        one_norm(k, n, 3.0f, true);
    }
    one_norm(k, 384, 0.0f, true);
    one_norm(k, 1023, 1.0f, false);
}

TEST(kernels_layernorm_equals_double_precision_and_stays_in_its_buffers)
{
    for_each_isa(check_norm);
}

static void check_norm_flat(const struct native_kernels *k)
{
    float x[20], gain[20], bias[20], y[20];
    for (int i = 0; i < 20; i++) {
        x[i] = 2.0f;
        gain[i] = 1.0f;
        bias[i] = 0.25f;
    }
    k->layernorm(x, gain, bias, 20, 1e-12f, y);
    assert_true(y[0] == 0.25f && y[19] == 0.25f);
}

TEST(kernels_layernorm_of_equal_numbers_is_the_bias)
{
    for_each_isa(check_norm_flat);
}

static void one_dots(const struct native_kernels *k, uint32_t rows, uint32_t n)
{
    size_t stride = n + guard_random(5);
    const float *x = guard_floats(extent(rows, stride, n));
    const float *w = guard_floats(n);
    float *ret = guard_empty(rows);
    k->dots(x, stride, rows, w, n, ret);
    for (uint32_t r = 0; r < rows; r++) {
        double sum = 0, size = 1;
        for (uint32_t i = 0; i < n; i++) {
            sum += (double)x[r * stride + i] * w[i];
            size += fabs((double)x[r * stride + i] * w[i]);
        }
        assert_true(fabs(ret[r] - sum) <= 4e-7 * size);
    }
    guard_free_all();
}

static void check_dots(const struct native_kernels *k)
{
    for (uint32_t n = 1; n <= 70; n++) {
        one_dots(k, 1 + n % 9, n);
    }
    one_dots(k, 4, 768);
    one_dots(k, 7, 1023);
}

TEST(kernels_dots_equal_double_precision_and_stay_in_their_buffers)
{
    for_each_isa(check_dots);
}

/* --- packing --- */

static void one_pack(const struct native_kernels *k, uint32_t columns, uint32_t depth)
{
    size_t stride = depth + guard_random(4);
    const float *from = guard_floats(columns == 0 ? 0 : extent(columns, stride, depth));
    float *to = guard_empty((size_t)depth * NATIVE_PANEL);
    k->pack(from, stride, columns, depth, to);
    for (size_t d = 0; d < depth; d++) {
        for (size_t j = 0; j < NATIVE_PANEL; j++) {
            assert_true(to[d * NATIVE_PANEL + j] == (j < columns ? from[j * stride + d] : 0.0f));
        }
    }
    guard_free_all();
}

static void check_pack(const struct native_kernels *k)
{
    static const uint32_t depths[] = {0, 1, 2, 7, 8, 9, 15, 16, 17, 33, 64};
    for (uint32_t columns = 0; columns <= NATIVE_PANEL; columns++) {
        for (size_t i = 0; i < KIT_COUNT(depths); i++) {
            one_pack(k, columns, depths[i]);
        }
    }
}

TEST(kernels_pack_turns_rows_into_columns_and_fills_with_zero)
{
    for_each_isa(check_pack);
}

/* --- choosing --- */

TEST(kernels_choose_obeys_the_environment)
{
    const struct native_kernels *k = NULL;
    setenv("AETHER_ISA", "scalar", 1);
    assert_int_equal(native_kernels_choose(&k, NULL), KIT_OK);
    assert_ptr_equal(k, &native_kernels_scalar);
    setenv("AETHER_ISA", "", 1);
    assert_int_equal(native_kernels_choose(&k, NULL), KIT_OK);
    unsetenv("AETHER_ISA");
}

TEST(kernels_choose_refuses_what_it_does_not_know_or_the_machine_lacks)
{
    struct kit_err err;
    const struct native_kernels *k = NULL;
    setenv("AETHER_ISA", "neon", 1);
    assert_int_equal(native_kernels_choose(&k, &err), KIT_INVALID);
    assert_non_null(strstr(err.msg, "AETHER_ISA"));
    for (size_t i = 0; i < KIT_COUNT(isas); i++) {
        setenv("AETHER_ISA", isas[i], 1);
        assert_int_equal(native_kernels_choose(&k, &err),
                         native_kernels_find(isas[i]) != NULL ? KIT_OK : KIT_UNSUPPORTED);
    }
    unsetenv("AETHER_ISA");
}

int main(void)
{
    return TEST_RUN(TEST_OF(kernels_tile_equals_double_precision_and_stays_in_its_buffers),
                    TEST_OF(kernels_tile_writes_nothing_between_rows),
                    TEST_OF(kernels_activations_keep_their_stated_error), TEST_OF(kernels_activations_hide_no_nan),
                    TEST_OF(kernels_gelu_keeps_nan_infinity_and_small_numbers),
                    TEST_OF(kernels_softmax_equals_double_precision_and_stays_in_its_buffer),
                    TEST_OF(kernels_softmax_of_far_scores_is_next_to_nothing),
                    TEST_OF(kernels_layernorm_equals_double_precision_and_stays_in_its_buffers),
                    TEST_OF(kernels_layernorm_of_equal_numbers_is_the_bias),
                    TEST_OF(kernels_dots_equal_double_precision_and_stay_in_their_buffers),
                    TEST_OF(kernels_pack_turns_rows_into_columns_and_fills_with_zero),
                    TEST_OF(kernels_choose_obeys_the_environment),
                    TEST_OF(kernels_choose_refuses_what_it_does_not_know_or_the_machine_lacks));
}
