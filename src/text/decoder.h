/* src/text/decoder.h - the "decoder" of tokenizer.json: from pieces back to text.
 *
 * Thread: any once parsed. Memory: the caller's arena. Kinds: WordPiece, ByteLevel, and Sequence of one; none joins with
 * spaces. */
#ifndef TEXT_DECODER_H
#define TEXT_DECODER_H

#include "kit/arena.h"
#include "text/node.h"
#include "text/whole.h"

enum text_decoder_kind { TEXT_DECODER_SPACES, TEXT_DECODER_WORDPIECE, TEXT_DECODER_BYTELEVEL };

struct text_decoder {
    enum text_decoder_kind kind;
    /* of WORDPIECE */
    bool cleanup;   /* "do n't ." becomes "don't." */
    kit_str prefix; /* of pieces that go on a word */
};

/* Errors with the path: PARSE, UNSUPPORTED, NOMEM. */
KIT_MUST_CHECK enum kit_status text_decoder_parse(const struct text_node *node, struct kit_arena *arena,
                                                  struct text_decoder *ret, struct kit_err *err);

/* A text on its way: {decoder, out}, then a put for each piece, in order, and one end. out: borrowed; what fails shows in
 * out->failed. A character may come in several pieces. */
struct text_decoding {
    const struct text_decoder *decoder;
    struct kit_buf *out;
    bool begun;
    struct text_whole whole;
};
void text_decoding_put(struct text_decoding *d, kit_str piece); /* at most TEXT_VOCAB_PIECE_BYTES_MAX bytes */
void text_decoding_end(struct text_decoding *d);

#endif
