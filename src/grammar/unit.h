/* src/grammar/unit.h - how one character of a set is written in bytes: a grammar_unit. For src/grammar/ only.
 *
 * Thread: one. Memory: the nodes'. */
#ifndef GRAMMAR_UNIT_H
#define GRAMMAR_UNIT_H

#include "grammar/nodes.h"
#include "grammar/set.h"

enum grammar_writing {
    GRAMMAR_RAW,  /* UTF-8 */
    GRAMMAR_JSON, /* within a JSON string: UTF-8, with escapes only where they are needed, each in one way */
    GRAMMAR_FREE  /* the same, and any escape that JSON has where the set is all characters */
};

/* The same set and writing give the same unit again. */
uint32_t grammar_unit_of(struct grammar_nodes *b, const struct grammar_set *s, enum grammar_writing writing);

#endif
