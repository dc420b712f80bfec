/* src/task/tokenize.h - the tasks tokenize and detokenize: texts, and conversations, become tokens, and tokens text.
 *
 * The answer is r->rows: a row of ids for each input, with spans and words where they are known (the tokenizer of a folder
 * knows them, a vocabulary that comes with weights does not). The engine is not asked. */
#ifndef TASK_TOKENIZE_H
#define TASK_TOKENIZE_H

#include "task/type.h"

extern const struct task_type task_tokenize;
extern const struct task_type task_detokenize;

/* The text of tokens [count] appended to `out`; those that there are not are left out. Any thread. What fails shows in
 * out->failed. */
void task_tokens_text(const struct task_model *m, const int32_t *ids, uint32_t count, bool skip_special,
                      struct kit_buf *out);
/* Is it one that a template or the tokenizer puts in? */
bool task_token_is_special(const struct task_model *m, int32_t id);

#endif
