/* backends/native/attention.h - one head of one row: softmax(q k' / sqrt(d)) v, tile by tile, within the L2.
 *
 * Thread: a worker. Memory: the worker's scratch. Source: Vaswani et al. 2017, arXiv 1706.03762, section 3.2. */
#ifndef NATIVE_ATTENTION_H
#define NATIVE_ATTENTION_H

#include "scratch.h"

struct native_attention {
    const struct native_kernels *kernels;
    float *query; /* [tokens][head], `stride` apart; replaced by the result */
    const float *key, *value;
    size_t stride;
    uint32_t tokens, head; /* tokens >= 1 */
};

/* scratch: keys, values, scores and mix are used; tokens <= what it was made for. */
void native_attention_run(const struct native_attention *a, struct native_scratch *scratch);

#endif
