/* src/sample/rows.h - the passes over a whole row of a vocabulary, one table of functions for each instruction set.
 *
 * The tables are one source (rows_body.h) compiled several times; they add in the same order, never contract a product
 * and a sum, and have their own exponential, so that each gives the same bits on every machine.
 * Thread: any; pure. Memory: nothing is allocated. For src/sample/ only. */
#ifndef SAMPLE_ROWS_H
#define SAMPLE_ROWS_H

#include "kit/base.h"

#define SAMPLE_BLOCK 128u /* floats of a block */
#define SAMPLE_BLOCKS(n) (((n) + SAMPLE_BLOCK - 1) / SAMPLE_BLOCK)
#define SAMPLE_CHUNK 4096u /* floats that are added as float before their sum joins a double */

struct sample_share {
    double sum;
    uint32_t count;
};

struct sample_rows {
    const char *isa; /* "any", "avx2", "avx512" */

    /* ret[b] = the largest of block b of x [n], n >= 1; a NaN counts as -infinity. */
    void (*block_max)(const float *x, uint32_t n, float *ret);

    /* w[i] = 2^(scale (x[i] - top)), and their sum; w may be x, or NULL. For x <= top, scale > 0. Relative error <=
     * 2e-7 + 1e-7 |scale (x[i] - top)|; 1 at top; 0 below 2^-126, and where x is NaN or -infinity. The sum's: <= 1e-5,
     * in general 1e-7. */
    double (*exp2)(const float *x, uint32_t n, float top, float scale, float *w);

    /* Of the w [n] with low <= w <= high: their sum, and how many. */
    struct sample_share (*share)(const float *w, uint32_t n, float low, float high);

    /* All others become 0. */
    void (*keep)(float *w, uint32_t n, float low, float high);

    /* index [room] = where low <= x <= high, ascending; returns how many. room + 1: there are more than there is room
     * for. */
    uint32_t (*find)(const float *x, uint32_t n, float low, float high, uint32_t *index, uint32_t room);

    /* The sum of w log2 w over w > 0. Error of a logarithm <= 1e-6 + 1e-7 of it. */
    double (*entropy)(const float *w, uint32_t n);

    /* x[i] = -infinity where bit i % 64 of mask[i / 64] is 0. */
    void (*forbid)(float *x, uint32_t n, const uint64_t *mask);
};

/* The best table that this CPU runs. */
const struct sample_rows *sample_rows_best(void);
/* By name; NULL: unknown, not built in, or this machine lacks it. */
const struct sample_rows *sample_rows_find(const char *isa);

extern const struct sample_rows sample_rows_any;
#if defined(__x86_64__)
extern const struct sample_rows sample_rows_avx2;
extern const struct sample_rows sample_rows_avx512;
#endif

#endif
