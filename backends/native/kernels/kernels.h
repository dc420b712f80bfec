/* backends/native/kernels/kernels.h - the inner loops, one table of functions for each instruction set.
 *
 * Everything that knows a CPU is behind this table; the callers are plain C. All matrices are float32, row-major, with
 * strides counted in floats. Weights (and keys, and values) are packed into panels of NATIVE_PANEL columns:
 * panel[k][NATIVE_PANEL], columns beyond the matrix are zero, so that a tile never has a ragged edge.
 * Thread: any; pure. Memory: nothing is allocated; only the ranges named here are touched. */
#ifndef NATIVE_KERNELS_H
#define NATIVE_KERNELS_H

#include "kit/status.h"

#define NATIVE_PANEL 32u         /* columns of a panel */
#define NATIVE_TILE_ROWS_MAX 16u /* no kernel takes more rows at once */
#define NATIVE_ALIGN 64u         /* bytes; panels and scratch start at such addresses */

/* c = a b + bias + add, for [rows, depth] times one panel. Any of rows 1 … tile_rows, depth >= 0. */
struct native_tile {
    const float *a;    /* [rows], a_stride apart, depth floats each */
    const float *b;    /* [depth][NATIVE_PANEL], 64-byte aligned */
    const float *bias; /* [NATIVE_PANEL], or NULL */
    const float *add;  /* [rows][NATIVE_PANEL], add_stride apart, or NULL; may be c */
    float *c;          /* [rows][NATIVE_PANEL], c_stride apart */
    size_t a_stride, add_stride, c_stride;
    uint32_t rows, depth;
    const float *ahead; /* wanted soon: at each step of depth the line here is fetched into the cache, */
    size_t ahead_step;  /* then ahead moves by this; any address and step are harmless */
};

enum native_act {
    NATIVE_ACT_NONE,
    NATIVE_ACT_GELU,
    NATIVE_ACT_GELU_TANH,
    NATIVE_ACT_RELU,
    NATIVE_ACT_TANH,
    NATIVE_ACT_COUNT
};

struct native_kernels {
    const char *isa;    /* "scalar", "avx2", "avx512" */
    uint32_t tile_rows; /* rows of a full tile, <= NATIVE_TILE_ROWS_MAX */

    void (*tile)(const struct native_tile *t);

    /* In place on x [rows][NATIVE_PANEL], `stride` apart; [NATIVE_ACT_NONE] is NULL.
     * GELU: x Phi(x) by the error function, absolute error <= 1.2e-7 max(1, |x|).
     * GELU_TANH: <= 1.5e-7 max(1, |x|) against its own formula. TANH: <= 1.5e-7. A NaN stays one.
     * Source: Hendrycks and Gimpel 2016, arXiv 1606.08415. */
    void (*act[NATIVE_ACT_COUNT])(float *x, size_t stride, uint32_t rows);

    /* x[i] = exp(scale (x[i] - max x)), for scale > 0; returns the sum. n >= 1. Relative error of an e^-y <=
     * 3e-7 + 2e-7 y, as far as it is more than 1e-37. */
    float (*softmax)(float *x, uint32_t n, float scale);

    /* y = (x - mean) / sqrt(variance + eps) * gain + bias over n >= 1 floats; y may be x.
     * Source: Ba et al. 2016, arXiv 1607.06450. */
    void (*layernorm)(const float *x, const float *gain, const float *bias, uint32_t n, float eps, float *y);

    /* ret[r] = sum of w[k] x[r stride + k] over k < n, for each of rows >= 1: one row of a table against some vectors, read
     * from where it lies. */
    void (*dots)(const float *x, size_t stride, uint32_t rows, const float *w, uint32_t n, float *ret);

    /* Packs `columns` <= NATIVE_PANEL rows of `from` (each one column of the panel, depth floats): to[k][j] =
     * from[j * stride + k]; columns beyond are set to zero. */
    void (*pack)(const float *from, size_t stride, uint32_t columns, uint32_t depth, float *to);
};

extern const struct native_kernels native_kernels_scalar;
#if defined(__x86_64__)
extern const struct native_kernels native_kernels_avx2;   /* needs AVX2 and FMA */
extern const struct native_kernels native_kernels_avx512; /* needs AVX-512 F, BW, DQ, VL */
#endif

/* The best table for this CPU, or the one that AETHER_ISA (scalar, avx2, avx512) names. INVALID: no such name;
 * UNSUPPORTED: this machine lacks it. Thread: any. */
KIT_MUST_CHECK enum kit_status native_kernels_choose(const struct native_kernels **ret, struct kit_err *err);
/* By name; NULL: unknown, not built in, or this machine lacks it. */
const struct native_kernels *native_kernels_find(const char *isa);

#endif
