/* src/text/vocab.h - the pieces of a model and their ids: piece -> id, id -> piece, and the longest piece
 * that a text begins with.
 *
 * A hash table whose hash grows byte by byte, so that all prefixes of a word are hashed in one pass and the
 * longest that is a piece is found without copying. Thread: any once filled. Memory: the caller's arena; a
 * slot is 4 bytes. */
#ifndef TEXT_VOCAB_H
#define TEXT_VOCAB_H

#include "kit/arena.h"
#include "text/node.h"

#define TEXT_VOCAB_MAX (UINT32_C(1) << 20)        /* pieces, and ids are below it */
#define TEXT_VOCAB_PIECE_BYTES_MAX ((size_t)1024) /* of one piece */

struct text_vocab;

/* pieces: how many will be added.  id_end: all ids are below, 0 … TEXT_VOCAB_MAX.  bytes: of all pieces
 * together. NOMEM. */
KIT_MUST_CHECK enum kit_status text_vocab_new(struct kit_arena *arena, uint32_t pieces, uint32_t id_end, size_t bytes,
                                              struct text_vocab **ret);
/* piece: copied; at most TEXT_VOCAB_PIECE_BYTES_MAX.  id: below id_end.  False when the piece or the id is
 * there already, and nothing is changed. No more pieces and bytes than announced (assert). */
KIT_MUST_CHECK bool text_vocab_add(struct text_vocab *v, kit_str piece, uint32_t id);

/* From a JSON object of piece: id. Errors (with the path): PARSE wrong type, id out of range or given twice,
 * piece given twice or empty object; TOO_LARGE more than TEXT_VOCAB_MAX pieces or a piece too long; NOMEM. */
KIT_MUST_CHECK enum kit_status text_vocab_parse(const struct text_node *object, struct kit_arena *arena,
                                                struct text_vocab **ret, struct kit_err *err);

/* From lines: the id of a piece is its line, counted from 0, without the white space at its end. Of a piece that is
 * there twice the last counts, and the earlier id has none. Errors: PARSE not UTF-8 or empty; TOO_LARGE more than
 * TEXT_VOCAB_MAX lines or one too long; NOMEM.  Source: vocab.txt as released with BERT, arXiv 1810.04805. */
KIT_MUST_CHECK enum kit_status text_vocab_parse_lines(kit_str text, struct kit_arena *arena, struct text_vocab **ret,
                                                      struct kit_err *err);

uint32_t text_vocab_count(const struct text_vocab *v);
uint32_t text_vocab_id_end(const struct text_vocab *v);                         /* largest id + 1, or as announced */
bool text_vocab_find(const struct text_vocab *v, kit_str piece, uint32_t *ret); /* false: no such piece */
kit_str text_vocab_piece(const struct text_vocab *v, uint32_t id);              /* borrowed; {NULL, 0}: no such id */

/* The longest n >= 1 for which prefix + text[0 … n-1] is a piece. False when there is none. Both are valid
 * UTF-8, hence n ends at the border of a character. */
bool text_vocab_longest(const struct text_vocab *v, kit_str prefix, kit_str text, size_t *ret_bytes, uint32_t *ret_id);

#endif
