/* src/grammar/cache.h - compiled grammars of a model by what they were made from, so that the second use of a schema costs a
 * look-up. One a model, as masks are over its vocabulary.
 *
 * Thread: any. Who comes second while the first still compiles compiles as well; one of the two is kept. Memory: least
 * recently used ones go when there are more than entries_max, or more than bytes_max in all; sequences keep theirs. */
#ifndef GRAMMAR_CACHE_H
#define GRAMMAR_CACHE_H

#include "grammar/masks.h"

struct grammar_cache;

#define GRAMMAR_CACHE_ENTRIES 256
#define GRAMMAR_CACHE_BYTES (256 * KIT_MIB)

/* vocab: a reference is kept; NULL: for bytes only. Errors: NOMEM. */
KIT_MUST_CHECK enum kit_status grammar_cache_new(struct grammar_vocab *vocab, uint32_t entries_max, size_t bytes_max,
                                                 struct grammar_cache **ret, struct kit_err *err);
void grammar_cache_free(struct grammar_cache *c); /* NULL is fine; nobody may use it any more */

/* key: names the grammar wholly: its kind, options and source text, at most 1 MiB; copied.  make: compiles it; called without
 * a lock, and not at all when it is there.  *ret: a reference for the caller (grammar_masks_unref). Errors: make's, TOO_LARGE
 * (the key), NOMEM. */
KIT_MUST_CHECK enum kit_status grammar_cache_get(struct grammar_cache *c, kit_str key,
                                                 enum kit_status (*make)(void *ctx, struct grammar **ret,
                                                                         struct kit_err *err),
                                                 void *ctx, struct grammar_masks **ret, struct kit_err *err);

struct grammar_cache_counts {
    uint64_t hits, misses;
    uint32_t entries;
    size_t bytes;
};
struct grammar_cache_counts grammar_cache_counts(struct grammar_cache *c);

#endif
