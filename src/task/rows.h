/* src/task/rows.h - from inputs to rows of the scheduler: texts are tokenized, tensors are weighed.
 *
 * Thread: whoever works on the request. Memory: everything goes into the request's arena; vectors are its own. */
#ifndef TASK_ROWS_H
#define TASK_ROWS_H

#include "task/model.h"

/* Fills job.rows, ids, row_offsets, tokens, and makes room for the answer. Errors name the input ("inputs[3]"):
 * TOO_LARGE, UNPROCESSABLE (longer than the model takes and truncate is off), NOMEM. */
KIT_MUST_CHECK enum kit_status task_rows_prepare(struct task_model *m, const struct task_options *o,
                                                 struct task_request *r, struct kit_err *err);

#endif
