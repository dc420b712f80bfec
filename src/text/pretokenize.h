/* src/text/pretokenize.h - the "pre_tokenizer" of tokenizer.json: cuts normalized text into the words that
 * the model sees.
 *
 * A step cuts words, or writes them anew, through the functions of text/words.h; a new one is a row in the table of
 * pretokenize.c. Those that cut by class say for every character whether it is dropped, a delimiter or plain, and what
 * becomes of delimiters. Thread: any once parsed. Memory: none of its own. Steps: BertPreTokenizer, Whitespace,
 * WhitespaceSplit, Punctuation, Digits, ByteLevel, and Sequence of them. */
#ifndef TEXT_PRETOKENIZE_H
#define TEXT_PRETOKENIZE_H

#include "text/node.h"
#include "text/words.h"

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

struct text_pre_step {
    /* One of the two. */
    void (*cut)(const void *step, const char *text, struct text_span word, struct text_spans *out);
    void (*put)(const void *step, const struct text_aligned *from, struct text_span word, struct text_aligned *out);
    struct text_cut by; /* of what cuts by class */
};

#define TEXT_PRE_STEPS_MAX 32

struct text_pretokenizer {
    uint32_t count;
    struct text_pre_step step[TEXT_PRE_STEPS_MAX];
};

/* node: null or missing leaves the text whole. Errors: PARSE, UNSUPPORTED (path and type), TOO_LARGE. */
KIT_MUST_CHECK enum kit_status text_pretokenizer_parse(const struct text_node *node, struct text_pretokenizer *ret,
                                                       struct kit_err *err);
/* What the older models have that come without a tokenizer.json: BertPreTokenizer; ByteLevel. */
void text_pretokenizer_bert(struct text_pretokenizer *ret);
void text_pretokenizer_bytelevel(bool add_prefix_space, struct text_pretokenizer *ret);

/* Takes w, begun with text (valid UTF-8), through all steps. Errors: TOO_LARGE (the words would pass w's bytes_max),
 * NOMEM. */
KIT_MUST_CHECK enum kit_status text_pretokenizer_run(const struct text_pretokenizer *p, struct text_words *w);

#endif
