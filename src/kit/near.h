/* src/kit/near.h - which known word somebody may have meant. Thread: any; pure. Memory: none. */
#ifndef KIT_NEAR_H
#define KIT_NEAR_H

#include "kit/str.h"

#define KIT_NEAR_BYTES_MAX 128 /* of a word; a longer one is near to nothing */

/* Changes of one byte (put in, left out, replaced) that lead from a to b, capitals counting as small letters. More than
 * `most` is answered as most + 1, and so is a b longer than KIT_NEAR_BYTES_MAX; `most` is at most that, too. Costs little
 * when they are far apart. Source: Levenshtein 1966; only the diagonals within `most` of the main one are filled in
 * (Ukkonen 1985). */
uint32_t kit_near_distance(kit_str a, kit_str b, uint32_t most);

/* Looks for the word nearest to `wanted` among those that are offered. Zero it but for `wanted`. */
struct kit_near {
    kit_str wanted;    /* borrowed */
    const char *best;  /* borrowed of an offer; NULL: none is near, more than half of `wanted` would change */
    uint32_t distance; /* of best */
};
/* word: borrowed as long as n is read; among equals the first offered stays. */
void kit_near_offer(struct kit_near *n, const char *word);

#endif
