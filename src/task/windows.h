/* src/task/windows.h - a question with a long context becomes several rows: windows over the context, each with the whole
 * question before it. Neighbouring windows share `stride` tokens, so that what is cut by the end of one stands whole in
 * the next.
 *
 * Thread: whoever works on the request. */
#ifndef TASK_WINDOWS_H
#define TASK_WINDOWS_H

#include "task/type.h"

#define TASK_WINDOW_TOKENS 384 /* at most: what models for SQuAD are trained with */
#define TASK_WINDOW_STRIDE 128 /* when none is said, or half of a window when that is less */

/* Fills r->rows (with spans and words of the context; all other tokens are TEXT_NO_WORD), firsts and job.rows. Errors
 * name the input: INVALID (an empty question or context, a stride beyond three quarters of a window's context, no UTF-8),
 * TOO_LARGE (a question that leaves no room, longer than text_bytes_max, more tokens than may wait), CANCELLED, NOMEM. */
KIT_MUST_CHECK enum kit_status task_windows_prepare(struct task_model *m, const struct task_options *o,
                                                    struct task_request *r, struct kit_err *err);

#endif
