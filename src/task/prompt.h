/* src/task/prompt.h - what a language model is asked becomes tokens.
 *
 * A conversation is written out by the model's template (chat/). Special tokens are found in the template's own words only:
 * what a message says stays text, whatever it looks like. Blocks: the work pool, not a loop.
 * Thread: any. Memory: the ids lie in the request's arena. */
#ifndef TASK_PROMPT_H
#define TASK_PROMPT_H

#include "task/model.h"

struct task_prompt {
    int32_t *ids; /* [count] */
    uint32_t count;
    bool thinking; /* it ends inside the model's thoughts */
};

/* Of input `item`. tools: an array, or {NULL}. Errors name the input: INVALID (no UTF-8; what the template says of the
 * messages), TOO_LARGE (more than tokens_max), UNPROCESSABLE (its template takes no tools), NOMEM. */
KIT_MUST_CHECK enum kit_status task_prompt_make(struct task_model *m, struct task_request *r, uint32_t item,
                                                kit_json tools, uint32_t tokens_max, struct task_prompt *ret,
                                                struct kit_err *err);

#endif
