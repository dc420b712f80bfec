/* src/task/texts.h - texts, and pairs of texts, become rows of token ids: one row a text. Thread: whoever works on the
 * request. */
#ifndef TASK_TEXTS_H
#define TASK_TEXTS_H

#include "task/type.h"

/* Tokenizes r->inputs, or takes over those of shape TOKENS (see below), into r->rows, job.rows, tokens and truncated.
 * places: keep the span and the word of each token. Errors name the input ("inputs[3].pair"): TOO_LARGE (longer than
 * text_bytes_max, or than the model takes while truncate is off, or more tokens together than may wait), INVALID (no
 * UTF-8), CANCELLED, NOMEM. */
KIT_MUST_CHECK enum kit_status task_texts_prepare(struct task_model *m, const struct task_options *o,
                                                  struct task_request *r, bool places, struct kit_err *err);

/* Token ids that came instead of texts: r->inputs of shape TOKENS into the same places. They are taken as they are: nothing is
 * put in. vocab_size: ids are less; row_tokens_max: rows are cut, or refused, where they are longer. Errors: INVALID (an id
 * that there is not), TOO_LARGE, NOMEM. */
KIT_MUST_CHECK enum kit_status task_texts_take_tokens(const struct task_options *o, struct task_request *r,
                                                      uint32_t vocab_size, uint32_t row_tokens_max,
                                                      struct kit_err *err);

/* One text, or the text and its pair; max_tokens: see struct text_options. Errors as above. */
KIT_MUST_CHECK enum kit_status task_texts_encode(const struct task_model *m, const struct task_options *o,
                                                 struct text_scratch *scratch, const struct task_request *r,
                                                 uint32_t text, uint32_t max_tokens, struct text_encoding *ret,
                                                 struct kit_err *err);

#endif
