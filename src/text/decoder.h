/* src/text/decoder.h - the "decoder" of tokenizer.json: from pieces back to text.
 *
 * Thread: any once parsed. Memory: the caller's arena. Kinds: WordPiece; none joins with spaces. */
#ifndef TEXT_DECODER_H
#define TEXT_DECODER_H

#include "kit/arena.h"
#include "text/node.h"

struct text_decoder {
    bool wordpiece;
    bool cleanup;   /* "do n't ." becomes "don't." */
    kit_str prefix; /* of pieces that go on a word */
};

/* Errors with the path: PARSE, UNSUPPORTED, NOMEM. */
KIT_MUST_CHECK enum kit_status text_decoder_parse(const struct text_node *node, struct kit_arena *arena,
                                                  struct text_decoder *ret, struct kit_err *err);

/* Appends one piece; `first` is the first of the text. At most TEXT_VOCAB_PIECE_BYTES_MAX bytes. Failure
 * shows in out->failed. */
void text_decoder_put(const struct text_decoder *d, kit_str piece, bool first, struct kit_buf *out);

#endif
