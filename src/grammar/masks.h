/* src/grammar/masks.h - one grammar over one vocabulary: its automaton as far as it has been met, and the masks that were
 * worked out, shared by all sequences that are written with it.
 *
 * A mask is worked out in two steps. First what a state of a rule allows by itself, whatever calls it: that is kept for the
 * state. Then the few tokens that go on behind the rule's end, which depend on the calls around it: the result is kept for the
 * whole stack. Thread: any; a lock inside is held for as long as one mask takes (microseconds, at first a millisecond or
 * two). Memory: bounded by masks_bytes_max, besides the states (at most 48 MiB, mostly some hundred kB). */
#ifndef GRAMMAR_MASKS_H
#define GRAMMAR_MASKS_H

#include "grammar/grammar.h"
#include "grammar/vocab.h"

struct grammar_masks;

#define GRAMMAR_MASKS_BYTES (32 * KIT_MIB) /* a fair masks_bytes_max */

/* Keeps a reference to both. vocab: NULL: for bytes only. Errors: NOMEM. */
KIT_MUST_CHECK enum kit_status grammar_masks_new(struct grammar *g, struct grammar_vocab *vocab, size_t masks_bytes_max,
                                                 struct grammar_masks **ret, struct kit_err *err);
struct grammar_masks *grammar_masks_ref(struct grammar_masks *m);
void grammar_masks_unref(struct grammar_masks *m);   /* NULL is fine */
size_t grammar_masks_bytes(struct grammar_masks *m); /* grammar, states and masks */
/* More than half of the room for states is used: better begin a new one for who comes next. */
bool grammar_masks_worn(struct grammar_masks *m);

/* --- where a sequence is. Thread: one at a time; each its own --- */

struct grammar_state;

KIT_MUST_CHECK enum kit_status grammar_state_new(struct grammar_masks *m, struct grammar_state **ret,
                                                 struct kit_err *err);
void grammar_state_free(struct grammar_state *s); /* NULL is fine */

/* bits [grammar_vocab_words]: bit id % 64 of word id / 64 is set where token id may come next; all are written. End tokens are
 * set when the text is complete, and then only they may be. At least one is set. ret_allowed: how many; may be NULL.
 * Errors: TOO_LARGE (the grammar has too many states), NOMEM. */
KIT_MUST_CHECK enum kit_status grammar_state_mask(struct grammar_state *s, uint64_t *bits, uint32_t *ret_allowed,
                                                  struct kit_err *err);
/* The token that was chosen. Errors, which leave the state as it was: INVALID (not allowed here), TOO_LARGE, NOMEM. */
KIT_MUST_CHECK enum kit_status grammar_state_accept(struct grammar_state *s, int32_t token, struct kit_err *err);
KIT_MUST_CHECK enum kit_status grammar_state_accept_bytes(struct grammar_state *s, kit_str bytes, struct kit_err *err);
bool grammar_state_complete(struct grammar_state *s);    /* the text may end here */
bool grammar_state_ended(const struct grammar_state *s); /* an end token was accepted */
/* Bytes that must follow whatever is chosen, at most `room`: they need no model. 0: there is a choice, or the text may end. */
size_t grammar_state_forced(struct grammar_state *s, char *buf, size_t room);

#endif
