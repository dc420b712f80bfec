/* src/text/parts.h - the parts that a struct text_tokenizer consists of, and how they are read from a
 * tokenizer.json.
 *
 * Thread: any once parsed. Memory: all of it in one arena of its own. */
#ifndef TEXT_PARTS_H
#define TEXT_PARTS_H

#include "text/added.h"
#include "text/decoder.h"
#include "text/model.h"
#include "text/normalize.h"
#include "text/pretokenize.h"
#include "text/template.h"
#include "text/truncate.h"

#define TEXT_PARTS_BYTES_MAX (64 * KIT_MIB) /* of one file */

struct text_parts {
    struct kit_arena arena;
    struct text_normalizer normalizer;
    struct text_pretokenizer pretokenizer;
    struct text_model *model;
    struct text_added *added;
    struct text_template template;
    struct text_truncation truncation;
    struct text_decoder decoder;
    uint32_t pad_id;  /* 0: none is named */
    uint32_t mask_id; /* if has_mask */
    bool has_mask;
    uint32_t id_end; /* largest id + 1, of model and added tokens */
};

void text_parts_init(struct text_parts *p); /* allocates nothing */
/* Looks up a piece of the model or an added token. False: there is none. */
bool text_parts_find(const struct text_parts *p, kit_str piece, uint32_t *ret);

/* json: the whole file. Fills *ret, which text_parts_done empties whatever the answer was. Errors as
 * text_tokenizer_parse. */
KIT_MUST_CHECK enum kit_status text_parts_parse(kit_str json, struct text_parts *ret, struct kit_err *err);
void text_parts_done(struct text_parts *p); /* zeroed is fine */

#endif
