/* src/grammar/inner.h - what a compiled grammar is. For src/grammar/ only. */
#ifndef GRAMMAR_INNER_H
#define GRAMMAR_INNER_H

#include "grammar/grammar.h"
#include "grammar/nodes.h"
#include "kit/ref.h"

/* Calls that are open at once, at most. Whatever has begun can end within it. */
#define GRAMMAR_DEPTH_MAX 120

struct grammar {
    struct kit_ref refs;
    struct grammar_nodes nodes; /* immutable */
    uint32_t root;              /* node: where a text begins */
    uint32_t need_most;         /* the most that any node needs */
    uint8_t class_of[256];      /* bytes that no node tells apart */
    uint8_t class_byte[256];    /* [classes] one of each */
    uint32_t classes;
};

#endif
