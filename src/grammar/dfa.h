/* src/grammar/dfa.h - automata over code points: what a pattern, a format, a length or a range of numbers allows, so that
 * all of them can be met at once, or one taken from the other. For src/grammar/ only.
 *
 * First an NFA, built from its end as grammar/nodes.h does; then a DFA, whose states all lead to an end. Thread: one.
 * Memory: of the arena given. Errors: UNPROCESSABLE when something grows beyond its limit, NOMEM. */
#ifndef GRAMMAR_DFA_H
#define GRAMMAR_DFA_H

#include "grammar/set.h"
#include "grammar/unit.h"

#define GRAMMAR_NFA_MAX 60000
#define GRAMMAR_DFA_MAX 20000

struct grammar_nfa_node {
    const struct grammar_set *set; /* NULL: without a character, to a and to b */
    uint32_t a, b;
};

struct grammar_nfa {
    struct kit_arena *arena;
    struct grammar_nfa_node *node; /* node 0 is the end */
    uint32_t count, room;
    enum kit_status failed;
    struct kit_err *err;
};

void grammar_nfa_init(struct grammar_nfa *n, struct kit_arena *arena, struct kit_err *err);
uint32_t grammar_nfa_set(struct grammar_nfa *n, const struct grammar_set *set, uint32_t next); /* borrowed */
uint32_t grammar_nfa_either(struct grammar_nfa *n, uint32_t a, uint32_t b);
uint32_t grammar_nfa_range(struct grammar_nfa *n, uint32_t low, uint32_t high, uint32_t next); /* empty: NEVER */
/* A node that goes on to next, and, when it is told, back to `body`. */
uint32_t grammar_nfa_loop(struct grammar_nfa *n, uint32_t next);
void grammar_nfa_loop_back(struct grammar_nfa *n, uint32_t loop, uint32_t body);
/* GRAMMAR_NEVER as a or b of either is left out; of set it gives NEVER. */

struct grammar_dfa_edge {
    uint32_t low, high, to;
};

struct grammar_dfa {
    uint32_t states; /* 0: nothing is taken; else state 0 begins */
    uint32_t *first; /* [states + 1] edges of each, sorted */
    bool *accept;    /* [states] */
    struct grammar_dfa_edge *edge;
};

KIT_MUST_CHECK enum kit_status grammar_dfa_from(struct grammar_nfa *n, uint32_t start, struct grammar_dfa *ret);
/* What both take. */
KIT_MUST_CHECK enum kit_status grammar_dfa_and(struct kit_arena *arena, const struct grammar_dfa *a,
                                               const struct grammar_dfa *b, struct grammar_dfa *ret,
                                               struct kit_err *err);
/* What a takes and b does not. */
KIT_MUST_CHECK enum kit_status grammar_dfa_without(struct kit_arena *arena, const struct grammar_dfa *a,
                                                   const struct grammar_dfa *b, struct grammar_dfa *ret,
                                                   struct kit_err *err);
/* All texts of min … max code points; max GRAMMAR_NEVER: any. */
KIT_MUST_CHECK enum kit_status grammar_dfa_lengths(struct kit_arena *arena, uint32_t min, uint32_t max,
                                                   struct grammar_dfa *ret, struct kit_err *err);
/* Exactly this text, UTF-8. */
KIT_MUST_CHECK enum kit_status grammar_dfa_text(struct kit_arena *arena, kit_str text, struct grammar_dfa *ret,
                                                struct kit_err *err);
bool grammar_dfa_takes(const struct grammar_dfa *d, kit_str text);
/* As nodes; where it begins. Of an empty one a dead end. */
uint32_t grammar_dfa_nodes(struct kit_arena *arena, const struct grammar_dfa *d, enum grammar_writing writing,
                           struct grammar_nodes *b, uint32_t next);

#endif
