/* src/text/bpe.h - byte-pair encoding: a word begins as its characters, and of all neighbours that the model merges the
 * pair that it learnt first becomes one, until none is left.
 *
 * A word of n characters takes O(n log n), however it is made up. Where the vocabulary has not all that it should, two
 * things are done better than in tokenizers: where a character is unknown and there is no token for that, nothing stands
 * for it, and the spans of its neighbours stay those of their own characters; and a token for what is unknown keeps its
 * place before the bytes of a character that is written in bytes. Thread: any. Memory: the arena it was parsed into.
 * Source: Sennrich, Haddow and Birch 2016, arXiv 1508.07909, section 3.2. */
#ifndef TEXT_BPE_H
#define TEXT_BPE_H

#include "text/model.h"

extern const struct text_model_kind text_bpe_kind;

/* A plain model over a vocabulary that is there already (in the same arena). merges: the text of a merges.txt, two pieces
 * a line, the first line may be "#version: …". Errors: PARSE, TOO_LARGE with the line; NOMEM. */
KIT_MUST_CHECK enum kit_status text_bpe_new(struct text_vocab *vocab, kit_str merges, struct kit_arena *arena,
                                            struct text_model **ret, struct kit_err *err);

#endif
