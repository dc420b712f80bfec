/* src/api/openai_logprobs.h - how likely each token was, in the words of the chat and of the completions API. Thread: any. */
#ifndef API_OPENAI_LOGPROBS_H
#define API_OPENAI_LOGPROBS_H

#include "kit/json.h"
#include "task/request.h"

/* "logprobs":{"content":[{"token","logprob","bytes","top_logprobs":[…]}]} of the choice's tokens [first, first + count),
 * clamped to those that are there; nothing where they were not asked for. */
void api_openai_write_logprobs(struct kit_json_writer *w, const struct task_request *r, uint32_t choice, uint32_t first,
                               uint32_t count);
/* The older form: "logprobs":{"tokens","token_logprobs","top_logprobs","text_offset"}, or null. */
void api_openai_write_old_logprobs(struct kit_json_writer *w, const struct task_request *r, uint32_t choice,
                                   uint32_t first, uint32_t count);

#endif
