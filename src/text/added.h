/* src/text/added.h - the "added_tokens" of tokenizer.json: strings that are found in the text as they are,
 * before a model sees it; most are special ([MASK]).
 *
 * Those that are not "normalized" are looked for in the input, the others in the normalized text between
 * them. From the left, the longest that fits wins. Thread: any once parsed. Memory: the caller's arena. */
#ifndef TEXT_ADDED_H
#define TEXT_ADDED_H

#include "text/model.h"
#include "text/normalize.h"

struct text_added_token {
    kit_str content;
    kit_str pattern; /* what is looked for, and what decoding gives: content, normalized if it says so; set by _new */
    uint32_t id;
    bool special;
    bool single_word;    /* not within a word */
    bool lstrip, rstrip; /* takes the white space before, behind */
    bool normalized;
};

struct text_added;

#define TEXT_ADDED_MAX (UINT32_C(1) << 16)

/* One item of the list: content, and flags where it says them (normalized: unless special); the rest of *ret is left
 * as it is. PARSE, NOMEM (with the path). */
KIT_MUST_CHECK enum kit_status text_added_token_parse(const struct text_node *node, struct kit_arena *arena,
                                                      struct text_added_token *ret, struct kit_err *err);

/* list: [count <= TEXT_ADDED_MAX], lies in the arena as its contents do, and is the tokens' from now on. Errors as
 * text_added_parse. */
KIT_MUST_CHECK enum kit_status text_added_new(struct text_added_token *list, uint32_t count, struct kit_arena *arena,
                                              const struct text_model *model, const struct text_normalizer *normalizer,
                                              struct text_added **ret, struct kit_err *err);

/* node: null or missing gives none. model, normalizer: borrowed for the call. Errors (with the path): PARSE
 * wrong type, id out of range, given twice or other than the vocabulary's; TOO_LARGE; NOMEM. */
KIT_MUST_CHECK enum kit_status text_added_parse(const struct text_node *node, struct kit_arena *arena,
                                                const struct text_model *model,
                                                const struct text_normalizer *normalizer, struct text_added **ret,
                                                struct kit_err *err);

const struct text_added_token *text_added_by_id(const struct text_added *a, uint32_t id);          /* or NULL */
const struct text_added_token *text_added_by_content(const struct text_added *a, kit_str content); /* or NULL */
uint32_t text_added_id_end(const struct text_added *a); /* largest id + 1; 0 when there are none */

/* Walks the matches: for (struct text_added_walk w = {text}; text_added_next(a, normalized, &w);) { w.hit,
 * w.token }; hit may begin before the end of the last one only where a token begins with white space that the
 * last one took. */
struct text_added_walk {
    kit_str text; /* valid UTF-8, borrowed */
    size_t at;    /* looks from here */
    size_t taken; /* end of the last hit */
    struct text_span hit;
    const struct text_added_token *token;
};
bool text_added_next(const struct text_added *a, bool normalized, struct text_added_walk *w);

#endif
