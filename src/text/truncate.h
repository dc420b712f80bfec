/* src/text/truncate.h - which tokens stay when a text and its pair are too long together.
 *
 * Thread: any; pure. Memory: none. */
#ifndef TEXT_TRUNCATE_H
#define TEXT_TRUNCATE_H

#include "text/node.h"

enum text_truncate {
    TEXT_TRUNCATE_DEFAULT,       /* as tokenizer.json says; LONGEST_FIRST when it says nothing */
    TEXT_TRUNCATE_LONGEST_FIRST, /* both down to about half, the shorter one last */
    TEXT_TRUNCATE_ONLY_FIRST,
    TEXT_TRUNCATE_ONLY_SECOND,
    TEXT_TRUNCATE_REFUSE, /* too long is an error */
};

enum text_side {
    TEXT_SIDE_DEFAULT, /* as tokenizer.json says; RIGHT when it says nothing */
    TEXT_SIDE_RIGHT,   /* the end is cut off */
    TEXT_SIDE_LEFT,    /* the beginning is cut off */
};

#define TEXT_TOKENS_UNLIMITED UINT32_MAX

struct text_truncation {
    uint32_t max_tokens; /* special ones included; TEXT_TOKENS_UNLIMITED: no limit */
    enum text_truncate how;
    enum text_side side;
};

/* The "truncation" block: max_length, strategy, direction; null or missing gives no limit. The stride only
 * matters for overflowing windows, which we do not make. PARSE, UNSUPPORTED. */
KIT_MUST_CHECK enum kit_status text_truncation_parse(const struct text_node *node, struct text_truncation *ret,
                                                     struct kit_err *err);

/* count: tokens of the text and of the pair (0 without one), without `special` ones to come. keep gets how
 * many stay of each. `how` and `side` are not DEFAULT here. Errors: INVALID no room for the special tokens,
 * ONLY_SECOND without a pair, or the part to cut is too short; TOO_LARGE with REFUSE. */
KIT_MUST_CHECK enum kit_status text_truncation_apply(const struct text_truncation *t, uint32_t special,
                                                     const size_t count[2], bool has_pair, size_t keep[2],
                                                     struct kit_err *err);

#endif
