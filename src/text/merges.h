/* src/text/merges.h - the merges of a BPE model: which two pieces become one, and which merge comes first.
 *
 * A hash table of pairs of ids; a slot is 8 bytes. Thread: any once filled. Memory: the caller's arena. */
#ifndef TEXT_MERGES_H
#define TEXT_MERGES_H

#include "text/vocab.h"

#define TEXT_MERGES_MAX (UINT32_C(1) << 20)
#define TEXT_MERGES_NONE UINT32_MAX

struct text_merges {
    uint64_t *slot; /* [mask + 1], half of them free at least: first id, second id and rank, 20 bits each; FREE */
    uint32_t mask;
    uint32_t count, max;
    uint32_t *made;      /* [count] the id of both together, by rank */
    size_t prefix_bytes; /* of the second piece, that are left out of both together */
};

/* max: merges that will be added, 0 … TEXT_MERGES_MAX. NOMEM. */
KIT_MUST_CHECK enum kit_status text_merges_new(struct kit_arena *arena, uint32_t max, size_t prefix_bytes,
                                               struct text_merges *ret);
/* The next merge, of pieces of v; of the same pair the last one counts. No more than announced (assert). PARSE: one of
 * them, or both together, is no piece. */
KIT_MUST_CHECK enum kit_status text_merges_add(struct text_merges *m, const struct text_vocab *v, kit_str first,
                                               kit_str second, struct kit_err *err);

/* Source: the multiplier is 2^64 divided by the golden ratio (Knuth, The Art of Computer Programming 3, 6.4). */
static inline uint32_t text_merges_slot(const struct text_merges *m, uint64_t pair)
{
    uint64_t hash = pair * UINT64_C(0x9E3779B97F4A7C15);
    return (uint32_t)(hash >> 32) & m->mask;
}

/* The rank of the merge of two ids: the lower, the earlier; TEXT_MERGES_NONE: they stay apart. */
static inline uint32_t text_merges_rank(const struct text_merges *m, uint32_t first, uint32_t second)
{
    uint64_t pair = (uint64_t)first << 20 | second;
    for (uint32_t at = text_merges_slot(m, pair);; at = (at + 1) & m->mask) {
        if (m->slot[at] >> 20 == pair) {
            return (uint32_t)m->slot[at] & (TEXT_MERGES_MAX - 1);
        }
        if (m->slot[at] == UINT64_MAX) {
            return TEXT_MERGES_NONE;
        }
    }
}

#endif
