/* src/text/span.h - a range of bytes, and a growing list of them.
 *
 * Thread: one at a time. Memory: a list owns its array; it only grows, so that a list that is reused
 * allocates nothing in the long run. A failed append sets `failed` and drops what follows: check once, at the
 * end. */
#ifndef TEXT_SPAN_H
#define TEXT_SPAN_H

#include "kit/status.h"

struct text_span {
    uint32_t start, end; /* bytes; end is the first one behind */
};

struct text_spans {
    struct text_span *at; /* owned */
    size_t count, room;
    enum kit_status failed; /* OK or NOMEM */
};

void text_spans_done(struct text_spans *s); /* zeroed is fine */
void text_spans_clear(struct text_spans *s);
void text_spans_grow(struct text_spans *s); /* room for at least one more, or failed is set */

static inline void text_spans_add(struct text_spans *s, size_t start, size_t end)
{
    if (s->count == s->room) {
        text_spans_grow(s);
        if (s->failed != KIT_OK) {
            return;
        }
    }
    s->at[s->count++] = (struct text_span){(uint32_t)start, (uint32_t)end};
}

#endif
