/* src/grammar/locals.h - the states of a grammar's automaton within one rule, made when they are first met: sets of nodes, as
 * a lazily built DFA has them. For src/grammar/ only.
 *
 * Thread: one at a time. Memory: an arena that only grows; when it is full the first failure stays in `failed`. */
#ifndef GRAMMAR_LOCALS_H
#define GRAMMAR_LOCALS_H

#include "grammar/inner.h"
#include "kit/arena.h"

#define GRAMMAR_LOCALS_BYTES_MAX (48 * KIT_MIB)
#define GRAMMAR_UNKNOWN (UINT32_MAX - 1) /* not worked out yet */

struct grammar_mask;

struct grammar_local_call {
    uint32_t rule;
    uint32_t ret;       /* local: where to go on; GRAMMAR_UNKNOWN */
    uint32_t at, count; /* in grammar_local.item */
};

struct grammar_local {
    uint64_t *item; /* node in the upper half, place in it below; sorted */
    uint32_t items;
    uint32_t calls;
    struct grammar_local_call *call;
    uint32_t *next; /* [classes] local, GRAMMAR_NEVER, GRAMMAR_UNKNOWN */
    uint32_t need;  /* the most that an item needs */
    uint32_t plain; /* local after any plain character; as next */
    bool ends;      /* the rule may be complete here */
    bool only_ends;
    bool bytes;                /* some byte may follow within this rule */
    struct grammar_mask *mask; /* owned by masks.c; NULL: none yet */
};

struct grammar_locals {
    const struct grammar *g;
    struct kit_arena arena;
    struct grammar_local **local;
    uint32_t count, room;
    uint32_t *slot; /* hash table of index + 1 */
    uint32_t mask;
    uint32_t *start; /* [rules] local; GRAMMAR_UNKNOWN */
    /* while one is made */
    uint64_t *found;
    uint32_t founds, founds_room;
    uint32_t *seen, round; /* [nodes] */
    uint32_t *stack;       /* [nodes + targets] */
    enum kit_status failed;
};

KIT_MUST_CHECK enum kit_status grammar_locals_init(struct grammar_locals *l, const struct grammar *g);
void grammar_locals_done(struct grammar_locals *l);

/* GRAMMAR_NEVER: leads nowhere (or l->failed). */
uint32_t grammar_local_of_node(struct grammar_locals *l, uint32_t node);
uint32_t grammar_local_start(struct grammar_locals *l, uint32_t rule);
uint32_t grammar_local_next(struct grammar_locals *l, uint32_t local, uint8_t byte);
uint32_t grammar_local_ret(struct grammar_locals *l, uint32_t local, uint32_t call);
uint32_t grammar_local_plain(struct grammar_locals *l, uint32_t local);
/* Without what needs more than `need` calls. */
uint32_t grammar_local_within(struct grammar_locals *l, uint32_t local, uint32_t need);

#endif
