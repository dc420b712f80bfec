/* src/grammar/trie.h - the inside of a vocabulary. For src/grammar/ only.
 *
 * Two trees: tokens that are made of characters which stand unescaped in JSON strings ("plain"), whole ones only, and all
 * others. In a string all plain tokens are allowed at once, and only the others are walked. A tree is its nodes in the order
 * of a walk; a node's children come behind it, up to skip. */
#ifndef GRAMMAR_TRIE_H
#define GRAMMAR_TRIE_H

#include "grammar/vocab.h"
#include "kit/ref.h"

#define GRAMMAR_NO_TOKEN UINT32_MAX

struct grammar_trie {
    uint8_t *byte;
    uint8_t *longest; /* characters of the longest token below, that node included; plain ones only */
    uint32_t *skip;
    uint32_t *token; /* or GRAMMAR_NO_TOKEN; more with the same bytes are in grammar_vocab.same */
    uint32_t count;
};

enum { GRAMMAR_OTHER, GRAMMAR_PLAIN, GRAMMAR_TRIES };

struct grammar_vocab {
    struct kit_ref refs;
    uint32_t count, words;
    struct grammar_trie trie[GRAMMAR_TRIES];
    uint32_t *same; /* [count] the next token with the same bytes, or GRAMMAR_NO_TOKEN */
    uint32_t *at;   /* [count + 1] */
    char *bytes;
    uint64_t *plain;                                 /* mask of all plain tokens */
    uint32_t *by_length;                             /* plain tokens, short ones first */
    uint32_t length_at[GRAMMAR_TOKEN_BYTES_MAX + 2]; /* [n]: where those of n characters begin */
    uint32_t plain_longest;
    int32_t *end;
    uint32_t ends;
    size_t held; /* bytes of all of this */
};

#endif
