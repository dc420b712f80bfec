/* src/text/bert.h - BertNormalizer: clean, set Chinese characters apart, strip accents, lower case; in one
 * pass.
 *
 * Thread: any; the step is read only. Memory: the texts'.
 * Source: the basic tokenizer released with BERT, arXiv 1810.04805. */
#ifndef TEXT_BERT_H
#define TEXT_BERT_H

#include "text/normalize.h"

/* struct text_normal_step.flags */
#define TEXT_BERT_CLEAN 1u   /* control characters go, white space becomes a space */
#define TEXT_BERT_CHINESE 2u /* spaces around Chinese characters */
#define TEXT_BERT_STRIP 4u   /* accents */
#define TEXT_BERT_LOWER 8u

/* Reads clean_text, handle_chinese_chars, lowercase (true when missing) and strip_accents (missing or null:
 * as lowercase). */
KIT_MUST_CHECK enum kit_status text_bert_parse(const struct text_node *node, struct kit_arena *arena,
                                               struct text_normal_step *step, struct kit_err *err);
/* A step with these flags. */
void text_bert_step(uint32_t flags, struct text_normal_step *ret);
/* See text_normal_step.run. TOO_LARGE, NOMEM. */
KIT_MUST_CHECK enum kit_status text_bert_run(const struct text_normal_step *step, struct text_aligned *text,
                                             struct text_aligned *spare);

#endif
