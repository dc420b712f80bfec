/* src/grammar/walk.h - all readings of a text so far: heads, each a local state and the calls that are open around it. For
 * src/grammar/ only.
 *
 * Calls are frames in one pool, shared as far as they are the same; frame 0 is the bottom. Thread: one at a time. */
#ifndef GRAMMAR_WALK_H
#define GRAMMAR_WALK_H

#include "grammar/locals.h"
#include "grammar/trie.h"

#define GRAMMAR_HEADS_MAX 512     /* readings at once; of a grammar with more some are lost */
#define GRAMMAR_FRAMES_MAX 100000 /* of one walk */

struct grammar_frame {
    uint32_t ret; /* local */
    uint32_t up, depth;
};

struct grammar_head {
    uint32_t local, frame;
};

struct grammar_walk {
    struct grammar_locals *locals;
    struct grammar_frame *frame;
    uint32_t frames, frames_room;
    uint32_t frames_batch; /* frames from here on belong to the step being made: the same is not made twice */
    struct grammar_head *head;
    uint32_t heads, heads_room;
    uint32_t deepest; /* of all frames made since it was set to 0 */
    bool ended;       /* the last step: the text may be complete, or the bottom be left */
    bool alive;       /* some byte may follow */
    enum kit_status failed;
};

void grammar_walk_init(struct grammar_walk *w, struct grammar_locals *locals);
void grammar_walk_done(struct grammar_walk *w);
void grammar_walk_clear(struct grammar_walk *w); /* the bottom frame alone, no heads */

/* Appends (local, frame) and all that can follow without a byte to the heads from `from` on. Clear `ended` and `alive`, and
 * call grammar_walk_batch, before the first of a step. */
void grammar_walk_batch(struct grammar_walk *w);
void grammar_walk_open(struct grammar_walk *w, uint32_t from, uint32_t local, uint32_t frame);
/* From the heads [from, to) by a byte; the new ones are appended. */
void grammar_walk_step(struct grammar_walk *w, uint32_t from, uint32_t to, uint8_t byte);
/* The same, but what comes without a byte is left out: what a state keeps. */
void grammar_walk_kernel(struct grammar_walk *w, uint32_t from, uint32_t to, uint8_t byte);

struct grammar_found {
    const struct grammar_vocab *vocab;
    uint64_t *bits;   /* [words] tokens that are allowed are set */
    uint32_t *escape; /* NULL, or where below a node of the tree the bottom was left; room for escape_room */
    uint32_t escapes, escape_room;
    uint32_t allowed; /* tokens set, with those that were set before */
    enum kit_status failed;
};

/* All tokens of [begin, end) of a tree (a run of siblings) that the heads [from, to) allow. above: leave out tokens of so many
 * characters or fewer. Heads and frames are afterwards as they were. */
void grammar_walk_trie(struct grammar_walk *w, uint32_t trie, uint32_t begin, uint32_t end, uint32_t from, uint32_t to,
                       uint32_t above, struct grammar_found *found);

#define GRAMMAR_ESCAPE_TRIE 31 /* bit of an escape that says which tree */

#endif
