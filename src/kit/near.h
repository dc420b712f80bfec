/* src/kit/near.h - which known word somebody may have meant. Thread: any; pure. Memory: none. */
#ifndef KIT_NEAR_H
#define KIT_NEAR_H

#include "kit/str.h"

#define KIT_NEAR_BYTES_MAX 128 /* of a word; a longer one is near to nothing */

/* Insertions, deletions and exchanges of bytes from a to b (V. Levenshtein, 1966); both at most KIT_NEAR_BYTES_MAX. */
size_t kit_near_distance(kit_str a, kit_str b);

/* Looks for the word nearest to `wanted` among those that are offered. Zero it but for `wanted`. */
struct kit_near {
    kit_str wanted;   /* borrowed */
    const char *best; /* borrowed of an offer; NULL: nothing is near, more than half of `wanted` would have to change */
    size_t distance;  /* of best */
};
void kit_near_offer(struct kit_near *n, const char *word);

#endif
