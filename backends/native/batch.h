/* backends/native/batch.h - the inputs of one call, checked, as rows of tokens without padding.
 *
 * Takes input_ids [places] with row_offsets, or dense [rows, length]; attention_mask (0: the place is left out) and
 * token_type_ids, if the architecture has types, of the same shape; int32 or int64. A place keeps its position in its row,
 * whether places before it are left out or not, as transformers does.
 * Thread: the instance's own; then read by all workers. Memory: owns its arrays. */
#ifndef NATIVE_BATCH_H
#define NATIVE_BATCH_H

#include "aether/backend.h"
#include "config.h"

struct native_batch {
    uint32_t rows;
    uint32_t places;    /* of the inputs, with those that are left out */
    uint32_t tokens;    /* that are computed */
    bool ragged;        /* rows of their own lengths; else each has `length` */
    uint32_t length;    /* of a dense row */
    uint32_t *row_from; /* [rows + 1] into the arrays below */
    uint32_t *id;       /* [tokens] */
    uint32_t *type;     /* [tokens] */
    uint32_t *position; /* [tokens], a row of the table of positions */
    uint32_t *place;    /* [tokens], rising */
};

/* tokens_max: of the instance, 0 = no limit. Errors: INVALID (names the tensor, and the place at fault), NOMEM. */
KIT_MUST_CHECK enum kit_status native_batch_read(const struct native_config *c, const struct acb_infer *infer,
                                                 uint64_t tokens_max, struct native_batch *ret, struct kit_err *err);
void native_batch_done(struct native_batch *b); /* zeroed is fine */

#endif
