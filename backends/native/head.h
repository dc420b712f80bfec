/* backends/native/head.h - logits from a block's last layer, for those tokens only that somebody wants.
 *
 * Thread: as the forward that has just run. Memory: the block's scratch (h, y and the workers' qkv), all free by then.
 * Sources: Devlin et al. 2018, arXiv 1810.04805, sections 3.1 (masked LM) and 4; Liu et al. 2019, arXiv 1907.11692. */
#ifndef NATIVE_HEAD_H
#define NATIVE_HEAD_H

#include "encoder.h"

#define NATIVE_HEAD_PICKS_MAX 16u /* of some hundred floats they stay in an L1 while a table passes by */

/* A token of the block, and where its logits go. */
struct native_head_pick {
    uint32_t token; /* of scratch->x */
    float *to;      /* [labels] */
};

/* Writes the logits of pick [count], count <= NATIVE_HEAD_PICKS_MAX and <= the block's tokens. The model has a head. Leaves
 * early, with some written, when the forward is stopped. */
void native_head_run(const struct native_forward *f, const struct native_head_pick *pick, uint32_t count);

#endif
