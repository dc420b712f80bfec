/* src/grammar/set.h - sets of Unicode code points, as sorted ranges. For src/grammar/ only.
 *
 * Surrogates are in no set. Thread: one. Memory: of the arena given; a set that could not be made has failed = true and is
 * empty, and whatever is made from it fails as well. */
#ifndef GRAMMAR_SET_H
#define GRAMMAR_SET_H

#include "kit/arena.h"

struct grammar_range {
    uint32_t low, high;
};

struct grammar_set {
    struct grammar_range *range; /* sorted, apart from each other */
    uint32_t count, room;
    bool failed;
};

#define GRAMMAR_POINT_MAX 0x10FFFFU

/* Adds a range; any order. Call grammar_set_tidy when all are in. */
void grammar_set_add(struct kit_arena *a, struct grammar_set *s, uint32_t low, uint32_t high);
void grammar_set_tidy(struct kit_arena *a, struct grammar_set *s);
struct grammar_set grammar_set_not(struct kit_arena *a, const struct grammar_set *s);
bool grammar_set_is_all(const struct grammar_set *s);
/* Of text, which is UTF-8: the code point at *at, which moves behind it; a byte that is none counts as itself. */
uint32_t grammar_point_next(kit_str text, size_t *at);

#endif
