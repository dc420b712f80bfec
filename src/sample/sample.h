/* src/sample/sample.h - from the logits of a step to the next token of one sequence.
 *
 *     sample_new -> sample_prompt … -> (sample_next -> sample_accept) … -> sample_free
 *
 * In this order, each on what the one before has left:
 *   1. repetition, frequency and presence penalties, of the tokens in the window (prompt and generated);
 *   2. logit bias;
 *   3. the mask;
 *   4. here logprobs are taken: they know neither temperature nor truncation;
 *   5. temperature;
 *   6. top-k, top-p, min-p, typical; shares are of what is left. This is the order of Hugging Face's transformers.
 * Greedy (temperature 0) skips 5 and 6. The same options, seed, tokens and logits give the same token on every machine.
 *
 * Weights e^((x - top) / temperature) are float32, with a relative error of 2e-7 + 1e-7 |x - top| / temperature; their
 * sums are float32 in parts of 128, then float64. So a probability p is right to 1e-6 + 1e-7 ln(largest / p) of itself, and
 * which of two tokens comes first at the border of a truncation is open where they differ by less. Of equals at a border
 * the lowest ids stay, where transformers keeps all. Below 2^-126 of the most probable one nothing is drawn.
 *
 * Thread: one at a time. Memory: about 50 KiB a sequence, and what the window takes (sample/seen.h); all of it is made
 * by sample_new, a token allocates nothing. Logits that another process may change meanwhile give some token of the
 * vocabulary or an error, nothing worse. */
#ifndef SAMPLE_SAMPLE_H
#define SAMPLE_SAMPLE_H

#include "sample/options.h"

struct sample;

struct sample_top {
    int32_t token;
    float logprob; /* natural logarithm of its probability, at least -FLT_MAX */
};

struct sample_choice {
    int32_t token;
    float logprob;      /* 0 unless options.logprobs */
    uint32_t top_count; /* options.logprobs_top, or what can be chosen at all; 0 unless options.logprobs */
    struct sample_top
        top[SAMPLE_TOP_MAX]; /* the most probable first, of equals the lowest id; the chosen one need not be there */
};

/* o: copied, with its bias. vocab: 1 … SAMPLE_VOCAB_MAX. tokens_max: of prompt and answer together; bounds the window
 * of penalties. Errors: INVALID (sample/options.h), NOMEM. */
KIT_MUST_CHECK enum kit_status sample_new(const struct sample_options *o, uint32_t vocab, uint32_t tokens_max,
                                          struct sample **ret, struct kit_err *err);
void sample_free(struct sample *s); /* NULL is fine */

/* What penalties see besides what was accepted. Ids that the vocabulary lacks are passed by. */
void sample_prompt(struct sample *s, const int32_t *ids, uint32_t count);

/* logits [vocab]: overwritten; NaN is -infinity; where any is +infinity only those count. mask: bit i % 64 of word i /
 * 64 is 1 where token i may come; NULL: all may. Errors: UNPROCESSABLE: no token that may come has a number. */
KIT_MUST_CHECK enum kit_status sample_next(struct sample *s, float *logits, const uint64_t *mask,
                                           struct sample_choice *ret, struct kit_err *err);

/* The token has become part of the text; penalties see it. As sample_prompt, for one. */
void sample_accept(struct sample *s, int32_t token);

#endif
