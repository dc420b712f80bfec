/* src/text/tokenizer.h - text to token ids and back, as the files of a model's folder say (Hugging Face's
 * formats). The one entry of the tokenizers.
 *
 * Thread: a tokenizer never changes after it was opened and may be used by many threads at once; a scratch
 * belongs to one call at a time, so keep one a thread. Memory: the tokenizer owns a copy of all it needs;
 * what encode answers is lent by the scratch. Nothing blocks but text_tokenizer_open, which reads a file.
 * Source: the format as the library tokenizers 0.23 reads it; ids, type ids and offsets agree with it. */
#ifndef TEXT_TOKENIZER_H
#define TEXT_TOKENIZER_H

#include "kit/buf.h"
#include "text/encoding.h"
#include "text/truncate.h"

#define TEXT_INPUT_BYTES_DEFAULT KIT_MIB
#define TEXT_INPUT_BYTES_MAX (64 * KIT_MIB)

struct text_tokenizer;
struct text_scratch;

/* Reads <folder>/tokenizer.json or, where there is none, vocab.txt (BERT) or vocab.json and merges.txt (RoBERTa), with
 * tokenizer_config.json, special_tokens_map.json and added_tokens.json beside it (text/folder.h). Errors: NOT_FOUND none
 * of them is there; IO; UNSUPPORTED a tokenizer that we have not; and those of text_tokenizer_parse with the file's name. */
KIT_MUST_CHECK enum kit_status text_tokenizer_open(const char *folder, struct text_tokenizer **ret,
                                                   struct kit_err *err);
/* json: the bytes of tokenizer.json, not kept. Errors name the JSON path ("model.vocab['##s']: …"): PARSE
 * malformed, ids out of range or given twice; UNSUPPORTED a type that is not known yet; TOO_LARGE; NOMEM. */
KIT_MUST_CHECK enum kit_status text_tokenizer_parse(kit_str json, struct text_tokenizer **ret, struct kit_err *err);
void text_tokenizer_free(struct text_tokenizer *t); /* NULL is fine */

/* Working memory of encode; it grows to what the texts need and shrinks again after a large one. NOMEM. */
KIT_MUST_CHECK enum kit_status text_scratch_new(struct text_scratch **ret);
void text_scratch_free(struct text_scratch *s); /* NULL is fine */

struct text_options {
    bool add_special;            /* put in [CLS], [SEP] and the like */
    uint32_t max_tokens;         /* special ones included; 0: as tokenizer.json says; or TEXT_TOKENS_UNLIMITED */
    enum text_truncate truncate; /* what to do with more than that */
    enum text_side side;
    size_t input_bytes_max; /* of text and of pair; 0: TEXT_INPUT_BYTES_DEFAULT; at most TEXT_INPUT_BYTES_MAX */
};

/* text: UTF-8, may be empty.  pair: the second text of a pair, or NULL.  ret: lent by the scratch until its
 * next use. Errors (nothing lent): INVALID not UTF-8 or truncation that cannot be done; TOO_LARGE more bytes
 * than input_bytes_max, or more tokens than max_tokens with TEXT_TRUNCATE_REFUSE; NOMEM. param is "text" or
 * "pair" where one is at fault. */
KIT_MUST_CHECK enum kit_status text_tokenizer_encode(const struct text_tokenizer *t, struct text_scratch *s,
                                                     kit_str text, const kit_str *pair,
                                                     const struct text_options *options, struct text_encoding *ret,
                                                     struct kit_err *err);

/* Appends the text of ids to out. Unknown ids are left out, special tokens too with skip_special. Errors:
 * out's. */
enum kit_status text_tokenizer_decode(const struct text_tokenizer *t, const int32_t *ids, size_t count,
                                      bool skip_special, struct kit_buf *out);

uint32_t text_tokenizer_vocab_size(const struct text_tokenizer *t);        /* largest id + 1, added tokens included */
kit_str text_tokenizer_piece(const struct text_tokenizer *t, uint32_t id); /* borrowed; {NULL, 0}: no such id */
bool text_tokenizer_find(const struct text_tokenizer *t, kit_str piece, uint32_t *ret); /* false: no such piece */
bool text_tokenizer_is_special(const struct text_tokenizer *t, uint32_t id);

/* The token that stands for a word to be found ([MASK], <mask>). False: there is none. */
bool text_tokenizer_mask_id(const struct text_tokenizer *t, uint32_t *ret);

/* What the folder says besides: its own limit (TEXT_TOKENS_UNLIMITED: none) and the id to pad with (0: it
 * says none). Models often have a limit of their own, which then is the caller's max_tokens. */
uint32_t text_tokenizer_max_tokens(const struct text_tokenizer *t);
uint32_t text_tokenizer_pad_id(const struct text_tokenizer *t);
/* Special tokens that encode adds. */
uint32_t text_tokenizer_special_count(const struct text_tokenizer *t, bool has_pair);

#endif
