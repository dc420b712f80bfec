/* tests/backends/native/variant.h - copies of tiny models in which something is different.
 *
 * Thread: main. Memory: the caller's path; the files go with the process. */
#ifndef NATIVE_TEST_VARIANT_H
#define NATIVE_TEST_VARIANT_H

#include "support/temp.h"

/* The files of tiny-distilbert-tokens, the model that is sharded. */
#define VARIANT_SHARD(n) "model-0000" #n "-of-00002.safetensors"

/* In `file` every `old` becomes `new`; in model.safetensors or a shard that is its header, whose length is mended. */
struct variant_edit {
    const char *file, *old, *new;
};

/* Copies tests/data/<model>, as far as the engine reads it, into the temporary folder `name`, edited; an `old` that is not
 * there fails the test. Returns the new folder's path in buf. */
const char *variant_of(char buf[TEST_PATH_BYTES], const char *model, const char *name, const struct variant_edit *edits,
                       size_t count);
/* Of tiny-bert. */
const char *variant_make(char buf[TEST_PATH_BYTES], const char *name, const struct variant_edit *edits, size_t count);
/* Makes a folder of transformers' layout one of sentence-transformers': modules.json and a pooling ("cls", "max", …). */
void variant_add_pooling(const char *name, const char *pooling);

#endif
