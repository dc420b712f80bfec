/* The plain C path: runs anywhere, and is what the others are tested against. */
#include "kernels.h"

#include <math.h>
#include <string.h>

#define SCALAR_ROWS 4u

static void start_row(const struct native_tile *t, uint32_t r, float *acc)
{
    for (uint32_t j = 0; j < NATIVE_PANEL; j++) {
        acc[j] = t->bias != NULL ? t->bias[j] : 0.0f;
    }
    if (t->add != NULL) {
        const float *add = t->add + r * t->add_stride;
        for (uint32_t j = 0; j < NATIVE_PANEL; j++) {
            acc[j] += add[j];
        }
    }
}

static void tile(const struct native_tile *t)
{
    for (uint32_t r = 0; r < t->rows; r++) {
        float acc[NATIVE_PANEL];
        start_row(t, r, acc);
        const float *a = t->a + r * t->a_stride;
        for (uint32_t k = 0; k < t->depth; k++) {
            const float *b = t->b + (size_t)k * NATIVE_PANEL;
            for (uint32_t j = 0; j < NATIVE_PANEL; j++) {
                acc[j] += a[k] * b[j];
            }
        }
        memcpy(t->c + r * t->c_stride, acc, sizeof(acc));
    }
}

static float gelu_one(float x)
{
    return 0.5f * x * (1.0f + erff(x * 0.70710678f));
}

static float gelu_tanh_one(float x)
{
    return 0.5f * x * (1.0f + tanhf(0.79788456f * (x + 0.044715f * x * x * x)));
}

static float relu_one(float x)
{
    return x < 0.0f ? 0.0f : x;
}

static float tanhyp_one(float x)
{
    return tanhf(x);
}

#define SCALAR_ACT(name)                                                                                               \
    static void name(float *x, size_t stride, uint32_t rows)                                                           \
    {                                                                                                                  \
        for (uint32_t r = 0; r < rows; r++) {                                                                          \
            for (uint32_t j = 0; j < NATIVE_PANEL; j++) {                                                              \
                x[r * stride + j] = name##_one(x[r * stride + j]);                                                     \
            }                                                                                                          \
        }                                                                                                              \
    }
SCALAR_ACT(gelu)
SCALAR_ACT(gelu_tanh)
SCALAR_ACT(relu)
SCALAR_ACT(tanhyp)

static float softmax(float *x, uint32_t n, float scale)
{
    float top = x[0];
    for (uint32_t i = 1; i < n; i++) {
        top = x[i] > top ? x[i] : top;
    }
    float sum = 0.0f;
    for (uint32_t i = 0; i < n; i++) {
        x[i] = expf(scale * (x[i] - top));
        sum += x[i];
    }
    return sum;
}

static void layernorm(const float *x, const float *gain, const float *bias, uint32_t n, float eps, float *y)
{
    float mean = 0.0f;
    for (uint32_t i = 0; i < n; i++) {
        mean += x[i];
    }
    mean /= (float)n;
    float variance = 0.0f;
    for (uint32_t i = 0; i < n; i++) {
        variance += (x[i] - mean) * (x[i] - mean);
    }
    float scale = 1.0f / sqrtf(variance / (float)n + eps);
    for (uint32_t i = 0; i < n; i++) {
        y[i] = (x[i] - mean) * scale * gain[i] + bias[i];
    }
}

/* Eight sums side by side, so that a compiler may keep them in one register. */
static float dot(const float *x, const float *w, uint32_t n)
{
    float sum[8] = {0};
    uint32_t k = 0;
    for (; k + 8 <= n; k += 8) {
        for (uint32_t i = 0; i < 8; i++) {
            sum[i] += x[k + i] * w[k + i];
        }
    }
    for (; k < n; k++) {
        sum[0] += x[k] * w[k];
    }
    return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

static void dots(const float *x, size_t stride, uint32_t rows, const float *w, uint32_t n, float *ret)
{
    for (uint32_t r = 0; r < rows; r++) {
        ret[r] = dot(x + r * stride, w, n);
    }
}

static void pack(const float *from, size_t stride, uint32_t columns, uint32_t depth, float *to)
{
    for (uint32_t k = 0; k < depth; k++) {
        for (uint32_t j = 0; j < NATIVE_PANEL; j++) {
            to[(size_t)k * NATIVE_PANEL + j] = j < columns ? from[j * stride + k] : 0.0f;
        }
    }
}

const struct native_kernels native_kernels_scalar = {
    .isa = "scalar",
    .tile_rows = SCALAR_ROWS,
    .tile = tile,
    .act = {[NATIVE_ACT_GELU] = gelu,
            [NATIVE_ACT_GELU_TANH] = gelu_tanh,
            [NATIVE_ACT_RELU] = relu,
            [NATIVE_ACT_TANH] = tanhyp},
    .softmax = softmax,
    .layernorm = layernorm,
    .dots = dots,
    .pack = pack,
};
