/* src/text/pretokenize.h - the "pre_tokenizer" of tokenizer.json: cuts normalized text into the words that
 * the model sees.
 *
 * Each step says for every character whether it is dropped, a delimiter or plain, and what becomes of
 * delimiters; a new step of that kind is a row in the table of pretokenize.c. Thread: any once parsed.
 * Memory: none of its own. Steps: BertPreTokenizer, Whitespace, WhitespaceSplit, Punctuation, Digits, and
 * Sequence of them. */
#ifndef TEXT_PRETOKENIZE_H
#define TEXT_PRETOKENIZE_H

#include "text/node.h"
#include "text/span.h"

/* "a--b" cut at '-': */
enum text_delimiter {
    TEXT_DELIMITER_REMOVED,     /* a b */
    TEXT_DELIMITER_ISOLATED,    /* a - - b */
    TEXT_DELIMITER_MERGED_BACK, /* a- - b */
    TEXT_DELIMITER_MERGED_ON,   /* a - -b */
    TEXT_DELIMITER_CONTIGUOUS,  /* a -- b */
};

struct text_cut {
    uint32_t drop;  /* flags of characters that vanish */
    uint32_t delim; /* flags of delimiters … */
    bool others;    /* … or, if set, of all that are none */
    enum text_delimiter what;
};

#define TEXT_CUTS_MAX 16

struct text_pretokenizer {
    uint32_t count;
    struct text_cut cut[TEXT_CUTS_MAX];
};

/* node: null or missing leaves the text whole. Errors: PARSE, UNSUPPORTED (path and type), TOO_LARGE. */
KIT_MUST_CHECK enum kit_status text_pretokenizer_parse(const struct text_node *node, struct text_pretokenizer *ret,
                                                       struct kit_err *err);
/* The one step BertPreTokenizer. */
void text_pretokenizer_bert(struct text_pretokenizer *ret);

/* The words of bytes `range` of text (valid UTF-8), in order, none empty: one of the two lists, which are
 * scratch. On NOMEM its `failed` is set. */
const struct text_spans *text_pretokenizer_run(const struct text_pretokenizer *p, const char *text,
                                               struct text_span range, struct text_spans lists[2]);

#endif
