/* src/sample/options.h - how the next token is to be chosen, and what may be asked.
 *
 * The one place where ranges are checked. Thread: any; pure. Memory: the caller's; bias is borrowed. */
#ifndef SAMPLE_OPTIONS_H
#define SAMPLE_OPTIONS_H

#include "kit/status.h"

#define SAMPLE_BIAS_MAX 1024u
#define SAMPLE_TOP_MAX 20u            /* most probable tokens told beside the chosen one */
#define SAMPLE_VOCAB_MAX (1u << 22)   /* tokens of a vocabulary */
#define SAMPLE_WINDOW_MAX (1u << 20)  /* tokens that penalties look back on */
#define SAMPLE_TEMPERATURE_MIN 0.001f /* anything less is greedy */

struct sample_bias {
    int32_t token;
    float bias; /* -100 … 100, added to the logit */
};

struct sample_options {
    float temperature;              /* 0 … 100; 0: the most probable token, of equals the lowest id */
    uint32_t top_k;                 /* any; 0, or as many as there are: off */
    float top_p, min_p, typical_p;  /* 0 … 1; off at 1, 0, 1 */
    float repetition;               /* 0.01 … 100; off at 1 */
    float presence, frequency;      /* -100 … 100; off at 0 */
    uint32_t penalty_last_n;        /* tokens that penalties look back on, prompt included; 0: all */
    const struct sample_bias *bias; /* each token once; of one named twice both are added */
    uint32_t bias_count;            /* 0 … SAMPLE_BIAS_MAX */
    uint64_t seed;                  /* any */
    bool logprobs;                  /* fill logprob and top of the choice */
    uint32_t logprobs_top;          /* 0 … SAMPLE_TOP_MAX */
};

/* Everything off, temperature 1. */
void sample_options_init(struct sample_options *o);

/* vocab: tokens that there are. Errors: INVALID; param is the field, the message has its range and what to do. */
KIT_MUST_CHECK enum kit_status sample_options_check(const struct sample_options *o, uint32_t vocab,
                                                    struct kit_err *err);

/* Penalties change some logit. */
bool sample_options_penalize(const struct sample_options *o);
bool sample_options_greedy(const struct sample_options *o);

#endif
