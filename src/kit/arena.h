/* src/kit/arena.h - memory that is freed all at once: one arena a request, one a decode step.
 *
 * Thread: one at a time. Memory: blocks come from kit_alloc and stop at the maximum given at birth. Cleanups run
 * in the reverse order of their registration, before the memory goes. */
#ifndef KIT_ARENA_H
#define KIT_ARENA_H

#include "kit/str.h"

struct kit_arena_block;
struct kit_arena_cleanup;

struct kit_arena {
    struct kit_arena_block *blocks; /* newest first */
    struct kit_arena_cleanup *cleanups;
    size_t bytes; /* taken from kit_alloc */
    size_t max;
};

void kit_arena_init(struct kit_arena *a, size_t bytes_max); /* allocates nothing */
void kit_arena_done(struct kit_arena *a);                   /* runs cleanups, frees all; zeroed is fine */
/* Runs cleanups and keeps the first block for the next use. */
void kit_arena_reset(struct kit_arena *a);

/* 16-byte aligned; NULL when out of memory or over the maximum. zero: count * bytes, cleared; NULL also on overflow. */
KIT_MUST_CHECK void *kit_arena_get(struct kit_arena *a, size_t bytes);
KIT_MUST_CHECK void *kit_arena_zero(struct kit_arena *a, size_t count, size_t bytes);
/* A NUL-ended copy. *ret.ptr lives as long as the arena. NOMEM. */
KIT_MUST_CHECK enum kit_status kit_arena_str(struct kit_arena *a, kit_str s, kit_str *ret);
/* NUL-ended; NULL as above. */
KIT_MUST_CHECK char *kit_arena_printf(struct kit_arena *a, const char *format, ...) KIT_PRINTF(2, 3);

/* Calls fn(arg) when the arena is reset or done. NOMEM: not registered, and fn is not called. */
KIT_MUST_CHECK enum kit_status kit_arena_defer(struct kit_arena *a, void (*fn)(void *arg), void *arg);

#endif
