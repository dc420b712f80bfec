/* backends/native/outputs.h - what a call wants, and writing a finished block into it.
 *
 * Thread: made by the instance's own; native_outputs_write by any worker, for different blocks at once. Memory: the
 * tensors are the host's; the lists are owned. */
#ifndef NATIVE_OUTPUTS_H
#define NATIVE_OUTPUTS_H

#include "bert.h"

#define NATIVE_OUTPUTS_MAX 8u

struct native_output {
    struct acb_tensor *tensor; /* the host's */
    float *data;
    bool pooled;
    uint32_t *first; /* [places]: the first wanted row that shows a place, or none; NULL: every place, in order */
    uint32_t *next;  /* [row_count]: the next one that shows the same place */
};

struct native_outputs {
    uint32_t count;
    struct native_output output[NATIVE_OUTPUTS_MAX];
};

/* Errors: INVALID (unknown output, place out of range), NOT_FOUND (no such output), NOMEM. */
KIT_MUST_CHECK enum kit_status native_outputs_make(const struct native_config *c, const struct acb_infer *infer,
                                                   const struct native_batch *b, struct native_outputs *ret,
                                                   struct kit_err *err);
void native_outputs_done(struct native_outputs *o); /* frees the lists, not the tensors; zeroed is fine */

/* Copies the block that f has just run to where it is wanted. */
void native_outputs_write(const struct native_outputs *o, const struct native_forward *f);

#endif
