/* tests/backends/llama/direct.h - llama.cpp without us: what its own functions say is what ours must say.
 *
 * Thread: one. Memory: owned by whoever opened it. */
#ifndef LLAMA_DIRECT_H
#define LLAMA_DIRECT_H

#include "kit/base.h"

struct direct;

struct direct *direct_open(const char *path, uint32_t context_tokens, uint32_t threads); /* fails the test */
void direct_close(struct direct *d);

uint32_t direct_tokenize(struct direct *d, const char *text, uint64_t bytes, bool special, int32_t *ids, uint32_t room);
uint32_t direct_vocab(const struct direct *d);
/* Forgets, then feeds the tokens; the logits of the last one, [vocab], borrowed. */
const float *direct_prefill(struct direct *d, const int32_t *ids, uint32_t n);
const float *direct_feed(struct direct *d, int32_t id); /* one more */
bool direct_ends(const struct direct *d, int32_t id);

#endif
