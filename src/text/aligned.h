/* src/text/aligned.h - text on its way through the normalizer: bytes, and for each byte where it came from.
 *
 * As long as nothing has moved (`same`) the origins are not written down: byte i came from shift + i. The
 * first step that inserts or removes something fills them in. Steps read one and write the other of a pair,
 * then swap the two. Thread: one at a time. Memory: owns its arrays, which only grow up to `max` bytes of
 * text; a failed append sets `failed` and drops what follows: check once, at the end. */
#ifndef TEXT_ALIGNED_H
#define TEXT_ALIGNED_H

#include "kit/str.h"
#include "text/span.h"
#include "kit/utf8.h"

struct text_aligned {
    char *bytes;              /* owned; valid UTF-8 */
    struct text_span *origin; /* owned; [len]; meaningless while same */
    size_t len;
    size_t room, origin_room; /* of bytes, of origin */
    size_t max;               /* len at most */
    uint32_t shift;           /* where the text began in the input */
    bool same;
    enum kit_status failed; /* OK, TOO_LARGE or NOMEM */
};

/* bytes_max: 1 … 2^32-1. */
void text_aligned_init(struct text_aligned *a, size_t bytes_max);
void text_aligned_done(struct text_aligned *a); /* zeroed is fine; keeps max */

/* Begins anew with a copy of text, which stood at byte `shift` of the input. */
KIT_MUST_CHECK enum kit_status text_aligned_load(struct text_aligned *a, kit_str text, uint32_t shift);
/* Begins anew, empty, to be written by the calls below; it stands where `from` stands. */
void text_aligned_begin(struct text_aligned *a, const struct text_aligned *from);
void text_aligned_swap(struct text_aligned *a, struct text_aligned *b);
/* Room for `bytes` more (and their origins), or failed is set and false returned. */
bool text_aligned_reserve(struct text_aligned *a, size_t bytes);

/* One code point that came from `origin`. */
static inline void text_aligned_put(struct text_aligned *a, uint32_t cp, struct text_span origin)
{
    if ((a->room - a->len < 4 || a->origin_room - a->len < 4) && !text_aligned_reserve(a, 4)) {
        return;
    }
    for (uint32_t n = kit_utf8_write(cp, a->bytes + a->len); n > 0; n--) {
        a->origin[a->len++] = origin;
    }
}

/* The character at byte `at` (< len), its bytes and where it came from. */
static inline uint32_t text_aligned_get(const struct text_aligned *a, size_t at, uint32_t *bytes,
                                        struct text_span *origin)
{
    uint32_t cp = kit_utf8_read(a->bytes + at, bytes);
    uint32_t from = a->shift + (uint32_t)at;
    *origin = a->same ? (struct text_span){from, from + *bytes} : a->origin[at];
    return cp;
}

/* The range of the input that bytes start … end-1 came from; both at borders of characters, start < end. */
static inline struct text_span text_aligned_origin(const struct text_aligned *a, size_t start, size_t end)
{
    if (a->same) {
        return (struct text_span){a->shift + (uint32_t)start, a->shift + (uint32_t)end};
    }
    return (struct text_span){a->origin[start].start, a->origin[end - 1].end};
}

/* Where the character before byte `at` came from; at the start of the text, nowhere ({shift, shift}). */
struct text_span text_aligned_before(const struct text_aligned *a, size_t at);

static inline kit_str text_aligned_str(const struct text_aligned *a)
{
    return (kit_str){a->bytes, a->len};
}

/* Writes `to` as an edit of `from`, one code point after the other, each with what it does to the text: 0
 * replaces the next character, 1 is new and stands with the one before, -n replaces one and drops the n
 * behind it. */
struct text_edit {
    const struct text_aligned *from;
    struct text_aligned *to;
    size_t at; /* in from: the next character */
};
void text_edit_put(struct text_edit *e, uint32_t cp, int32_t change);

#endif
