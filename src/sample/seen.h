/* src/sample/seen.h - which tokens are among the last n, and how often.
 *
 * Thread: one at a time. Memory: owns its arrays, made once: 4 bytes a token of the window and at most 32 more; adding
 * allocates nothing and takes constant time, every so often as long as the window is. For src/sample/ only. */
#ifndef SAMPLE_SEEN_H
#define SAMPLE_SEEN_H

#include "kit/status.h"

struct sample_seen_entry {
    int32_t token;
    uint32_t count; /* 0: it has left the window */
};

struct sample_seen {
    int32_t *ring;                   /* owned; the last tokens */
    uint32_t *slot;                  /* owned; a table of entries, by token: index + 1, 0 is empty */
    struct sample_seen_entry *entry; /* owned; in order of coming */
    uint32_t window, at, held;       /* at: where the next one goes; held: in the ring */
    uint32_t slot_mask, entry_max, entry_count;
};

/* window >= 1, vocab >= 1. Errors: NOMEM; s is zeroed then. */
KIT_MUST_CHECK enum kit_status sample_seen_init(struct sample_seen *s, uint32_t window, uint32_t vocab);
void sample_seen_done(struct sample_seen *s);               /* zeroed is fine */
void sample_seen_add(struct sample_seen *s, int32_t token); /* 0 <= token < vocab; the oldest leaves */

#endif
