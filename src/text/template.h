/* src/text/template.h - the "post_processor" of tokenizer.json: where special tokens go around a text and its
 * pair, and which type ids all get.
 *
 * Every kind is read into the same list of pieces. Thread: any once parsed. Memory: the caller's arena.
 * Kinds: TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel, and Sequence of ByteLevel and one other. */
#ifndef TEXT_TEMPLATE_H
#define TEXT_TEMPLATE_H

#include "text/encoding.h"
#include "text/node.h"
#include "text/tokens.h"

struct text_template_piece {
    enum text_part part;
    int32_t type;
    uint32_t id_count; /* of TEXT_PART_SPECIAL: its ids */
    const int32_t *ids;
};

struct text_template {
    bool trim_offsets; /* the spans of tokens leave out the white space in them */
    bool space_added;  /* … but one space before the first token may not have been in the input */
    struct {
        uint32_t count;
        uint32_t special; /* tokens that the pieces add */
        struct text_template_piece *piece;
    } form[2]; /* [0] of a text alone, [1] with a pair */
};

/* node: null or missing gives text (type 0) and pair (type 1) as they are. id_end: special ids must be below.
 * Errors with the path: PARSE, UNSUPPORTED, TOO_LARGE, NOMEM. */
KIT_MUST_CHECK enum kit_status text_template_parse(const struct text_node *node, struct kit_arena *arena,
                                                   uint32_t id_end, struct text_template *ret, struct kit_err *err);

/* What BertProcessing makes: cls A sep, and B sep of type 1 behind it; RobertaProcessing: cls A sep, and sep B sep, all of
 * type 0. NOMEM. */
KIT_MUST_CHECK enum kit_status text_template_bert(int32_t cls, int32_t sep, struct kit_arena *arena,
                                                  struct text_template *ret, struct kit_err *err);
KIT_MUST_CHECK enum kit_status text_template_roberta(int32_t cls, int32_t sep, struct kit_arena *arena,
                                                     struct text_template *ret, struct kit_err *err);

/* Special tokens that will be added. */
uint32_t text_template_special(const struct text_template *t, bool has_pair);

/* A part of the tokens of a text. */
struct text_token_range {
    const struct text_token *at;
    size_t count;
};

/* Writes the pieces one after the other; without add_special only the texts. NOMEM. */
KIT_MUST_CHECK enum kit_status text_template_write(const struct text_template *t, const struct text_token_range part[2],
                                                   bool has_pair, bool add_special, struct text_encoding_room *out);

#endif
