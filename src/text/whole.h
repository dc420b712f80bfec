/* src/text/whole.h - bytes that come in any pieces, handed on as whole characters of valid UTF-8.
 *
 * Bytes that are no UTF-8 become U+FFFD, as many as the Unicode Standard recommends (one for each maximal part of a
 * character, chapter 3.9). Thread: one at a time. Memory: the caller's; zeroed is the beginning. */
#ifndef TEXT_WHOLE_H
#define TEXT_WHOLE_H

#include "kit/buf.h"

struct text_whole {
    uint8_t held_count;
    char held[4]; /* the beginning of a character */
};

/* Appends what is whole to out; what fails shows in out->failed. */
void text_whole_put(struct text_whole *w, char byte, struct kit_buf *out);
/* Nothing more comes. */
void text_whole_end(struct text_whole *w, struct kit_buf *out);

#endif
