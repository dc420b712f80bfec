/* src/text/normalize.h - the "normalizer" of tokenizer.json: steps that rewrite the text before it is cut.
 *
 * A new step is a row in the table of normalize.c. Thread: any once parsed. Memory: the caller's arena.
 * Steps: BertNormalizer, Lowercase, NFC, NFD, NFKC, NFKD, StripAccents, Strip, Replace (of a literal string),
 * Prepend, and Sequence of them. */
#ifndef TEXT_NORMALIZE_H
#define TEXT_NORMALIZE_H

#include "kit/arena.h"
#include "text/aligned.h"
#include "text/node.h"

struct text_normal_step {
    /* Rewrites text; spare is scratch and the two may be swapped. Returns text->failed, TOO_LARGE or NOMEM.
     */
    enum kit_status (*run)(const struct text_normal_step *step, struct text_aligned *text, struct text_aligned *spare);
    uint32_t flags;     /* what they mean is the step's business */
    kit_str what, with; /* Replace: pattern and content; Prepend: with */
};

#define TEXT_NORMAL_STEPS_MAX 64

struct text_normalizer {
    uint32_t count;
    struct text_normal_step step[TEXT_NORMAL_STEPS_MAX];
};

/* node: null or missing gives no steps. Errors: PARSE, UNSUPPORTED (path and type), TOO_LARGE, NOMEM. */
KIT_MUST_CHECK enum kit_status text_normalizer_parse(const struct text_node *node, struct kit_arena *arena,
                                                     struct text_normalizer *ret, struct kit_err *err);
/* Runs all steps. Errors: TOO_LARGE (the text would pass text->max), NOMEM. */
KIT_MUST_CHECK enum kit_status text_normalizer_run(const struct text_normalizer *n, struct text_aligned *text,
                                                   struct text_aligned *spare);

/* Writes `text` anew, character by character, as `one` puts it. The tool that most steps are made with. */
enum kit_status text_normal_rewrite(const struct text_normal_step *step, struct text_aligned *text,
                                    struct text_aligned *spare,
                                    void (*one)(const struct text_normal_step *step, struct text_aligned *out,
                                                uint32_t cp, struct text_span origin));

#endif
