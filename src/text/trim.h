/* src/text/trim.h - "trim_offsets": spans of tokens without the white space that byte-level tokens take in.
 *
 * Thread: any. Memory: none. Source: the post-processors ByteLevel and RobertaProcessing of tokenizers 0.23. */
#ifndef TEXT_TRIM_H
#define TEXT_TRIM_H

#include "text/parts.h"

/* token: [count] those that are left of one text, with spans of it. */
void text_trim_spans(const struct text_parts *p, kit_str text, struct text_token *token, size_t count);

#endif
