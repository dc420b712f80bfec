/* src/grammar/vocab.h - the tokens of a model by their bytes, as a tree: what masks are made from. Once a model.
 *
 * Thread: immutable and counted; any. Memory: about 30 bytes a token and its bytes. */
#ifndef GRAMMAR_VOCAB_H
#define GRAMMAR_VOCAB_H

#include "kit/str.h"

struct grammar_vocab;

#define GRAMMAR_TOKENS_MAX (1U << 22)
#define GRAMMAR_TOKEN_BYTES_MAX 255 /* a longer one is never allowed */

/* count: ids are 0 … count - 1.  token: the bytes of one, borrowed for the call; {0} for what is no part of a text (control
 * tokens, holes): never allowed.  ends: tokens that end a text, allowed when it is complete.  Errors: INVALID (an end that is
 * no id), TOO_LARGE, NOMEM. Takes about 100 ms for 262,144 tokens: not on a loop. */
KIT_MUST_CHECK enum kit_status grammar_vocab_new(uint32_t count, kit_str (*token)(void *ctx, int32_t id), void *ctx,
                                                 const int32_t *ends, uint32_t end_count, struct grammar_vocab **ret,
                                                 struct kit_err *err);
struct grammar_vocab *grammar_vocab_ref(struct grammar_vocab *v);
void grammar_vocab_unref(struct grammar_vocab *v);           /* NULL is fine */
uint32_t grammar_vocab_words(const struct grammar_vocab *v); /* of a mask: 64 tokens each */
size_t grammar_vocab_bytes(const struct grammar_vocab *v);
kit_str grammar_vocab_token(const struct grammar_vocab *v, int32_t id); /* {0}: never allowed, or an end */
bool grammar_vocab_is_end(const struct grammar_vocab *v, int32_t id);

#endif
