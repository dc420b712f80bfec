/* backends/native/plan.h - how a call's rows are cut into blocks, and the cores are used.
 *
 * A block is a set of whole rows that goes through all layers while its activations stay in the cache. With enough rows
 * each core takes one block after another and waits for nobody (apart); a call of few tokens, or of one long row, goes
 * block by block with all cores on each step (together), so that each core reads only its share of the weights.
 * Thread: any; pure. Memory: owns its arrays. */
#ifndef NATIVE_PLAN_H
#define NATIVE_PLAN_H

#include "batch.h"

#define NATIVE_BLOCK_TOKENS 192u /* what a block aims at; a longer row is a block of its own */

struct native_plan {
    bool apart; /* blocks run side by side, one core each */
    uint32_t blocks;
    uint32_t tokens_max; /* of the largest block */
    uint32_t row_max;    /* tokens of the longest row */
    uint32_t *row;       /* [rows with tokens], block by block */
    uint32_t *from;      /* [blocks + 1] into row */
};

/* cores >= 1. NOMEM. */
KIT_MUST_CHECK enum kit_status native_plan_make(const struct native_batch *b, uint32_t cores, struct native_plan *ret,
                                                struct kit_err *err);
void native_plan_done(struct native_plan *p); /* zeroed is fine */

/* Most tokens that a block can have: rows are added while it has less than it aims at. */
uint32_t native_plan_tokens_bound(uint32_t positions, uint64_t call_tokens_max);

#endif
