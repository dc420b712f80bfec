/* src/plug/vocab.h - the tokens of a model as a table, in one piece of memory that can cross to another process.
 *
 * Thread: any, it never changes. Memory: one block, owned by whoever made it. */
#ifndef PLUG_VOCAB_H
#define PLUG_VOCAB_H

#include "aether/backend.h"
#include "kit/status.h"
#include "kit/str.h"

/* Behind the head lie: ends u32 [count], the bytes of the tokens behind each other, flags u8 [count] (ACB_TOKEN_…). */
struct plug_vocab {
    uint32_t count;
    uint32_t text_bytes;
    uint32_t ends[];
};

/* Reads all tokens of a model by its table's detokenize and token_flags. *bytes: size of the block. NOMEM; INTERNAL: the
 * back end does not know its own tokens, or they take more than PLUG_VOCAB_BYTES_MAX. */
KIT_MUST_CHECK enum kit_status plug_vocab_read(const struct acb_plugin *table, void *model, uint32_t count,
                                               struct plug_vocab **ret, uint64_t *bytes, struct kit_err *err);
/* Whether a block of `bytes` that somebody else wrote is a sound table of `count` tokens. */
bool plug_vocab_ok(const struct plug_vocab *v, uint64_t bytes, uint32_t count);

kit_str plug_vocab_token(const struct plug_vocab *v, int32_t id); /* {NULL}: out of range */
uint32_t plug_vocab_flags(const struct plug_vocab *v, int32_t id);

#endif
