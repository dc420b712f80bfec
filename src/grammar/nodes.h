/* src/grammar/nodes.h - the form that every grammar is compiled to: rules of nodes over bytes, one rule calling another.
 * For src/grammar/ only.
 *
 * Nodes are built from the end: each builder takes what comes after it and returns where it begins, so that a text is
 * `text(b, "[", call(b, rule, text(b, "]", next)))`. The first failure stays in b->failed; builders go on and do nothing.
 * Thread: one while it is built, any afterwards. Memory: owned by the struct. */
#ifndef GRAMMAR_NODES_H
#define GRAMMAR_NODES_H

#include "kit/str.h"

#define GRAMMAR_NODES_MAX 400000
#define GRAMMAR_RULES_MAX 20000
#define GRAMMAR_NEVER UINT32_MAX /* a node that leads to no end; a byte that leads nowhere */

enum grammar_kind {
    GRAMMAR_NODE_END,   /* the rule is complete */
    GRAMMAR_NODE_TEXT,  /* text[a … a + b), then next */
    GRAMMAR_NODE_UNIT,  /* one character as unit `a` writes it, then next */
    GRAMMAR_NODE_SPLIT, /* any of target[a … a + b) */
    GRAMMAR_NODE_CALL   /* rule a, then next */
};

struct grammar_node {
    uint32_t kind, a, b, next;
};

/* A small automaton over the bytes of one character: its states' edges. State 0 begins; GRAMMAR_UNIT_DONE is the end. */
#define GRAMMAR_UNIT_DONE UINT16_MAX
struct grammar_unit_edge {
    uint16_t from, to;
    uint8_t low, high;
};
struct grammar_unit {
    uint32_t first, count; /* edges, by state */
    uint64_t hash;         /* of what it was made from */
    bool plain;            /* takes every character that JSON's strings have unescaped */
};

struct grammar_nodes {
    struct grammar_node *node;
    uint32_t *target;
    char *text;
    struct grammar_unit *unit;
    struct grammar_unit_edge *edge;
    uint32_t *rule; /* where each begins */
    uint32_t *need; /* [nodes] calls that are open at once on the shallowest way to the rule's end; GRAMMAR_NEVER */
    uint32_t nodes, targets, texts, units, edges, rules;
    uint32_t nodes_room, targets_room, texts_room, units_room, edges_room, rules_room;
    enum kit_status failed;
    struct kit_err *err; /* while it is built */
};

#define GRAMMAR_END 0U /* the node, the same in all rules */

KIT_MUST_CHECK enum kit_status grammar_nodes_init(struct grammar_nodes *b, struct kit_err *err);
void grammar_nodes_done(struct grammar_nodes *b);
size_t grammar_nodes_bytes(const struct grammar_nodes *b);

uint32_t grammar_text(struct grammar_nodes *b, kit_str text, uint32_t next);
uint32_t grammar_text_c(struct grammar_nodes *b, const char *text, uint32_t next);
uint32_t grammar_call(struct grammar_nodes *b, uint32_t rule, uint32_t next);
uint32_t grammar_take(struct grammar_nodes *b, uint32_t unit, uint32_t next);             /* one character */
uint32_t grammar_split(struct grammar_nodes *b, const uint32_t *targets, uint32_t count); /* none: a dead end */
uint32_t grammar_either(struct grammar_nodes *b, uint32_t one, uint32_t other);
/* A split whose targets come later, for loops. */
uint32_t grammar_open(struct grammar_nodes *b);
void grammar_close(struct grammar_nodes *b, uint32_t open, const uint32_t *targets, uint32_t count);

uint32_t grammar_rule(struct grammar_nodes *b); /* its start is set later */
void grammar_rule_set(struct grammar_nodes *b, uint32_t rule, uint32_t start);

/* Appends an edge to the newest unit. */
uint32_t grammar_unit_new(struct grammar_nodes *b, uint64_t hash);
void grammar_unit_edge(struct grammar_nodes *b, uint16_t from, uint8_t low, uint8_t high, uint16_t to);
/* State after a byte: a state, GRAMMAR_UNIT_DONE, or GRAMMAR_NEVER. */
uint32_t grammar_unit_step(const struct grammar_nodes *b, uint32_t unit, uint32_t state, uint8_t byte);

/* When all rules are set: fills `need`. Errors: UNPROCESSABLE (a rule begins with itself), NOMEM, and b->failed. */
KIT_MUST_CHECK enum kit_status grammar_nodes_finish(struct grammar_nodes *b, struct kit_err *err);

#endif
