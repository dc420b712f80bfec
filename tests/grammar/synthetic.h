/* tests/grammar/synthetic.h - a vocabulary that no model has: all bytes, an end (256), a control token without bytes (257), and
 * random pieces as tokenizers make them: words with blanks, JSON's signs, digits, half characters. */
#ifndef GRAMMAR_SYNTHETIC_H
#define GRAMMAR_SYNTHETIC_H

#include "grammar/vocab.h"

struct synthetic {
    char *bytes;
    uint32_t *at; /* [count + 1] */
    uint32_t count;
    struct grammar_vocab *vocab;
};

#define SYNTHETIC_END 256
#define SYNTHETIC_CONTROL 257

/* count: at least 258. Ends the program without memory. */
void synthetic_make(struct synthetic *s, uint32_t count, uint64_t seed);
void synthetic_done(struct synthetic *s);

#endif
