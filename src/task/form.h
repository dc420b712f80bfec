/* src/task/form.h - what the texts of a question must look like: its format, grammar or forced call as masks over the model's
 * vocabulary.
 *
 * Compiled grammars are kept with the model, by what they were made from. Thread: any; the first use of a grammar takes
 * milliseconds, that of a model 100 ms: not on a loop. Memory: counted references. */
#ifndef TASK_FORM_H
#define TASK_FORM_H

#include "grammar/masks.h"
#include "task/model.h"

/* *ret: the caller's reference (grammar_masks_unref), NULL: any text will do. tools: an array in OpenAI's words, or {NULL}.
 * Errors name the parameter: INVALID (no schema or grammar, no such tool, nothing satisfies it, or it cannot be expressed),
 * TOO_LARGE, NOMEM. */
KIT_MUST_CHECK enum kit_status task_form_find(struct task_model *m, const struct task_request *r, kit_json tools,
                                              struct grammar_masks **ret, struct kit_err *err);

#endif
