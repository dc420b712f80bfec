/* backends/native/scratch.h - the memory in which a worker computes a block.
 *
 * Sized once, from the model and the limits of the instance; a page costs nothing until a block is large enough to touch
 * it. Thread: one worker each. Memory: owned by the instance. */
#ifndef NATIVE_SCRATCH_H
#define NATIVE_SCRATCH_H

#include "config.h"
#include "gemm.h"

#define NATIVE_FFN_ROWS 256u /* tokens that pass the feed-forward part at a time */

struct native_scratch {
    float *x;        /* [tokens][x_stride]: the hidden state */
    float *qkv;      /* [tokens][qkv_stride]; attention leaves its result in the query's place */
    float *y;        /* [NATIVE_FFN_ROWS][x_stride] */
    float *h;        /* [NATIVE_FFN_ROWS][h_stride]; a row holds hidden and ffn */
    float *keys;     /* one head's keys as panels of tokens: [panels of row_tokens][head][NATIVE_PANEL] */
    float *values;   /* one head's values as panels: [panels of head][row_tokens][NATIVE_PANEL] */
    float *scores;   /* [NATIVE_TILE_ROWS_MAX][score_stride] */
    float *mix;      /* [NATIVE_TILE_ROWS_MAX][NATIVE_PANEL] */
    uint32_t *token; /* [tokens]: the batch's token of each place of the block */
    uint32_t *start; /* [tokens + 1]: where the block's rows start */
    size_t x_stride, qkv_stride, h_stride, score_stride;
};

struct native_scratch_size {
    uint32_t tokens;     /* most of a block */
    uint32_t row_tokens; /* most of a row */
};

/* Bytes of one worker's scratch. */
uint64_t native_scratch_bytes(const struct native_config *c, struct native_scratch_size size);
/* Lays a worker's scratch out in native_scratch_bytes of memory at `memory` (64-byte aligned, borrowed). */
void native_scratch_init(struct native_scratch *s, const struct native_config *c, struct native_scratch_size size,
                         void *memory);

#endif
