/* src/sched/prefix.h - whose beginning is whose: a radix tree over the tokens of what the engine holds.
 *
 * An entry stands for a sequence of the engine, by its id: its tokens are a path from the root, of which the first `ready`
 * ones are computed. A busy entry belongs to a text that is being generated; one that is not busy is kept for those who will
 * ask with the same beginning, and goes when room is needed, the one that was used least lately first. A node is what the
 * engine holds once: an entry that copied its beginning shares the nodes of its source, one that computed the same again has
 * nodes of its own. So the tokens of all nodes are the room that is taken.
 * Thread: the owner's. Memory: tokens are copied; nodes are taken when a path is added. A call takes time for the tokens of
 * its path and for the entries, of which there are at most SCHED_PREFIX_ENTRIES_MAX. */
#ifndef SCHED_PREFIX_H
#define SCHED_PREFIX_H

#include "kit/status.h"

#define SCHED_PREFIX_ENTRIES_MAX 256
#define SCHED_PREFIX_NONE UINT32_MAX

struct sched_prefix;

/* entries: 1 … SCHED_PREFIX_ENTRIES_MAX. NOMEM. */
KIT_MUST_CHECK enum kit_status sched_prefix_new(uint32_t entries, struct sched_prefix **ret);
void sched_prefix_free(struct sched_prefix *p); /* with its entries; NULL is fine */

/* Tokens in two pieces that lie behind each other: what was asked, what was generated. */
struct sched_prefix_text {
    const void *adapter; /* texts of different adapters have no common beginning */
    const int32_t *head, *tail;
    uint32_t head_count, tail_count;
};

/* The entry is there from now on, busy or not, with ready 0; it must not be there already (assert). Its first `shared` tokens
 * are those of `source`, and the same room; 0, NONE: it shares nothing. NOMEM changes nothing. */
KIT_MUST_CHECK enum kit_status sched_prefix_add(struct sched_prefix *p, uint32_t entry,
                                                const struct sched_prefix_text *text, bool busy, uint32_t source,
                                                uint32_t shared);
/* The entry becomes shorter, or longer: `text` goes on where it ends. NOMEM changes nothing. */
KIT_MUST_CHECK enum kit_status sched_prefix_cut(struct sched_prefix *p, uint32_t entry, uint32_t length);
KIT_MUST_CHECK enum kit_status sched_prefix_extend(struct sched_prefix *p, uint32_t entry,
                                                   const struct sched_prefix_text *text);
void sched_prefix_remove(struct sched_prefix *p, uint32_t entry);
void sched_prefix_set_ready(struct sched_prefix *p, uint32_t entry, uint32_t ready); /* <= its length */
void sched_prefix_set_busy(struct sched_prefix *p, uint32_t entry, bool busy);
void sched_prefix_touch(struct sched_prefix *p, uint32_t entry); /* it was used just now */

/* What others have of the first `most` tokens of a text. */
struct sched_prefix_match {
    uint32_t ready, source;   /* computed tokens, and who has them; 0, NONE */
    uint32_t coming, awaited; /* that somebody has or will have computed, and who; 0, NONE */
};
/* whole: only entries that are not busy, and that are the text's beginning as a whole, are a source. Of sources that are
 * as good, one that is not busy is answered. */
struct sched_prefix_match sched_prefix_find(struct sched_prefix *p, const struct sched_prefix_text *text, uint32_t most,
                                            bool whole);
/* An entry that is not busy and whose path is the beginning of that of `entry`, or the same: it can go. NONE. */
uint32_t sched_prefix_covered(const struct sched_prefix *p, uint32_t entry);
/* The entry that was used least lately of those that are not busy, without `except` (or NONE). NONE: there is none. */
uint32_t sched_prefix_oldest(const struct sched_prefix *p, uint32_t except);

bool sched_prefix_has(const struct sched_prefix *p, uint32_t entry);
uint32_t sched_prefix_length(const struct sched_prefix *p, uint32_t entry);
uint64_t sched_prefix_tokens(const struct sched_prefix *p); /* of all nodes */
uint64_t sched_prefix_idle(
    const struct sched_prefix *p); /* of nodes that no busy entry leads through: what goes with all of them */

#endif
