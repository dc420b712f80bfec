/* backends/native/encoder.h - the encoder that BERT, RoBERTa and DistilBERT share, over one block of rows without padding.
 *
 * Thread: one caller for each scratch; spreads over its team. Memory: the scratch; the result stays in scratch->x.
 * Source: Devlin et al. 2018, arXiv 1810.04805; post-norm layers as in Vaswani et al. 2017, arXiv 1706.03762. */
#ifndef NATIVE_ENCODER_H
#define NATIVE_ENCODER_H

#include <stdatomic.h>

#include "batch.h"
#include "scratch.h"
#include "weights.h"

struct native_forward {
    const struct native_config *config;
    const struct native_weights *weights;
    const struct native_kernels *kernels;
    const struct native_batch *batch;
    const uint32_t *row; /* [row_count] of the batch: the block, none empty */
    uint32_t row_count;
    struct native_scratch *scratch; /* the block's */
    struct native_scratch
        *workers; /* [team.cores], one for each worker; with a team of one: the block's, at its index */
    struct native_team team;
    const atomic_int *state; /* NATIVE_STOP: leave; another thread sets it (acb_plugin::cancel) */
};

enum native_state { NATIVE_IDLE, NATIVE_RUNNING, NATIVE_STOP };

static inline bool native_forward_stopped(const struct native_forward *f)
{
    return atomic_load_explicit(f->state, memory_order_relaxed) == NATIVE_STOP;
}

/* False when it was stopped. After it scratch->x [tokens][x_stride] holds the last layer, scratch->token and ->start say
 * whose token each is. */
KIT_MUST_CHECK bool native_encoder_run(const struct native_forward *f);

#endif
