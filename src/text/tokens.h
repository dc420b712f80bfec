/* src/text/tokens.h - the tokens of one text as they are found, before special tokens and truncation.
 *
 * Thread: one at a time. Memory: owns its array, which only grows; a failed append sets `failed` and drops
 * what follows: check once, at the end. */
#ifndef TEXT_TOKENS_H
#define TEXT_TOKENS_H

#include "text/span.h"

struct text_token {
    int32_t id;
    struct text_span span; /* while a model works: of the normalized text; in the end: of the input */
    uint32_t word;         /* which word of the text, from 0; an added token is one */
};

struct text_tokens {
    struct text_token *at; /* owned */
    size_t count, room;
    uint32_t words;         /* words begun; the next token belongs to word `words` */
    enum kit_status failed; /* OK or NOMEM */
};

void text_tokens_done(struct text_tokens *t); /* zeroed is fine */
void text_tokens_clear(struct text_tokens *t);
void text_tokens_grow(struct text_tokens *t); /* room for at least one more, or failed is set */

static inline void text_tokens_add(struct text_tokens *t, uint32_t id, size_t start, size_t end)
{
    if (t->count == t->room) {
        text_tokens_grow(t);
        if (t->failed != KIT_OK) {
            return;
        }
    }
    t->at[t->count++] = (struct text_token){(int32_t)id, {(uint32_t)start, (uint32_t)end}, t->words};
}

#endif
