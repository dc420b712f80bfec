/* src/task/texts.h - what all tasks over texts share: texts become rows of token ids, rows of many requests become one
 * ragged tensor, without padding. Thread: as each function says. */
#ifndef TASK_TEXTS_H
#define TASK_TEXTS_H

#include "task/type.h"

/* Tokenizes r->texts into ids, row_offsets, job.rows and tokens. Errors name the input ("inputs[3]"): TOO_LARGE (longer than
 * text_bytes_max, or than the model takes while truncate is off), INVALID (no UTF-8), CANCELLED, NOMEM. */
KIT_MUST_CHECK enum kit_status task_texts_prepare(struct task_model *m, const struct task_options *o,
                                                  struct task_request *r, struct kit_err *err);

/* The rows of all slices behind each other. */
struct task_texts {
    int32_t *ids;          /* [tokens], aligned for a tensor; owned */
    uint64_t *row_offsets; /* [rows + 1]; owned */
    uint64_t tokens, rows;
};
/* NOMEM: task_texts_done is still to be called. */
KIT_MUST_CHECK enum kit_status task_texts_fill(struct task_texts *b, const struct sched_slice *slices, uint32_t count,
                                               struct kit_err *err);
void task_texts_done(struct task_texts *b);
/* The tensor "input_ids" over it; borrows from b. */
struct acb_tensor task_texts_tensor(const struct task_texts *b);

#endif
