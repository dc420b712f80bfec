/* src/text/wordpiece.h - WordPiece: from the left, always the longest piece that fits; a word that cannot be
 * covered is one unknown token.
 *
 * Thread: any. Memory: the arena it was parsed into.
 * Source: Schuster and Nakajima 2012 (the name), Wu et al. 2016, arXiv 1609.08144 (the greedy search). */
#ifndef TEXT_WORDPIECE_H
#define TEXT_WORDPIECE_H

#include "text/model.h"

/* A model over a vocabulary that is there already (in the same arena), with "##" and words of at most 100 characters.
 * unknown: borrowed. Errors: PARSE it is not in the vocabulary; NOMEM. */
KIT_MUST_CHECK enum kit_status text_wordpiece_new(struct text_vocab *vocab, kit_str unknown, struct kit_arena *arena,
                                                  struct text_model **ret, struct kit_err *err);

extern const struct text_model_kind text_wordpiece_kind;

#endif
