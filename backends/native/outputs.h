/* backends/native/outputs.h - what a call wants, and writing a finished block into it.
 *
 * last_hidden_state is given for tokens, pooled for rows, logits as the head has them. Thread: made by the instance's own;
 * native_outputs_write by any worker, for different blocks at once. Memory: the tensors are the host's; the lists are
 * owned. */
#ifndef NATIVE_OUTPUTS_H
#define NATIVE_OUTPUTS_H

#include "encoder.h"
#include "model.h"

#define NATIVE_OUTPUTS_MAX 8u

struct native_output {
    struct acb_tensor *tensor; /* the host's */
    float *data;
    enum native_port port;
    bool of_rows;    /* one vector a row of the batch; else one a place */
    uint32_t width;  /* floats of a vector */
    uint32_t *first; /* [rows or places]: the first wanted vector that shows one, or none; NULL: all, in order */
    uint32_t *next;  /* [row_count]: the next one that shows the same */
};

struct native_outputs {
    uint32_t count;
    struct native_output output[NATIVE_OUTPUTS_MAX];
};

/* Errors: INVALID (a row out of range), NOT_FOUND (no such output), NOMEM. */
KIT_MUST_CHECK enum kit_status native_outputs_make(const struct native_model *m, const struct acb_infer *infer,
                                                   const struct native_batch *b, struct native_outputs *ret,
                                                   struct kit_err *err);
void native_outputs_done(struct native_outputs *o); /* frees the lists, not the tensors; zeroed is fine */

/* Puts the block that f has just run where it is wanted. */
void native_outputs_write(const struct native_outputs *o, const struct native_forward *f);

#endif
