/* src/text/scratch.h - the working memory of one call of encode. The outside sees it by name only
 * (tokenizer.h).
 *
 * Thread: one at a time. Memory: owned; it only grows while in use, and text_scratch_trim lets go of much. */
#ifndef TEXT_SCRATCH_H
#define TEXT_SCRATCH_H

#include "text/encoding.h"
#include "text/room.h"
#include "text/tokens.h"
#include "text/words.h"

struct text_scratch {
    struct text_aligned text, spare; /* a stretch between added tokens, as it is normalized */
    struct text_words words;
    struct text_room room;        /* the model's */
    struct text_tokens tokens[2]; /* of the text, of its pair */
    struct text_encoding_room out;
};

/* Before a call for `bytes` of input: frees all of it when it is far larger than such a call needs. */
void text_scratch_trim(struct text_scratch *s, size_t bytes);

#endif
