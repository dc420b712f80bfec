#include "pooling.h"

#include <math.h>
#include <string.h>

static void pool_mean(const float *x, size_t stride, uint32_t tokens, uint32_t n, float *ret)
{
    for (uint32_t t = 1; t < tokens; t++) {
        for (uint32_t i = 0; i < n; i++) {
            ret[i] += x[t * stride + i];
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        ret[i] /= (float)tokens;
    }
}

static void pool_max(const float *x, size_t stride, uint32_t tokens, uint32_t n, float *ret)
{
    for (uint32_t t = 1; t < tokens; t++) {
        for (uint32_t i = 0; i < n; i++) {
            ret[i] = x[t * stride + i] > ret[i] ? x[t * stride + i] : ret[i];
        }
    }
}

static void normalise(uint32_t n, float *x)
{
    double sum = 0.0;
    for (uint32_t i = 0; i < n; i++) {
        sum += (double)x[i] * x[i];
    }
    float scale = (float)(1.0 / fmax(sqrt(sum), 1e-12));
    for (uint32_t i = 0; i < n; i++) {
        x[i] *= scale;
    }
}

void native_pooling_run(const struct native_config *c, const float *x, size_t stride, uint32_t tokens, float *ret)
{
    memcpy(ret, x, c->hidden * sizeof(float));
    if (c->pooling == NATIVE_POOL_MEAN) {
        pool_mean(x, stride, tokens, c->hidden, ret);
    } else if (c->pooling == NATIVE_POOL_MAX) {
        pool_max(x, stride, tokens, c->hidden, ret);
    }
    if (c->normalize) {
        normalise(c->hidden, ret);
    }
}
