/* backends/native/checkpoint.h - the weights of a folder: model.safetensors, or the files that its index lists.
 *
 * A sharded checkpoint has model.safetensors.index.json, whose "weight_map" gives for each tensor the file that holds it;
 * each file must lie below the folder. Thread: opened by one, then read by any. Memory: owned by whoever opened it; tensors
 * borrow from it. Source: save_pretrained of Hugging Face transformers. */
#ifndef NATIVE_CHECKPOINT_H
#define NATIVE_CHECKPOINT_H

#include "safetensors.h"

#define NATIVE_CHECKPOINT_FILES_MAX 256

struct native_checkpoint;

/* Errors: as native_safetensors_open, PARSE (the index), UNSUPPORTED (the folder has other weights than safetensors); the
 * message begins with the file's name. */
KIT_MUST_CHECK enum kit_status native_checkpoint_open(const char *folder, struct native_checkpoint **ret,
                                                      struct kit_err *err);
void native_checkpoint_close(struct native_checkpoint *c); /* NULL is fine */

const struct native_tensor *native_checkpoint_find(const struct native_checkpoint *c, kit_str name); /* or NULL */
const char *native_checkpoint_name(const struct native_checkpoint *c); /* of its one file, or of the index; constant */
uint64_t native_checkpoint_bytes(const struct native_checkpoint *c);   /* of all files */
bool native_checkpoint_broken(const struct native_checkpoint *c);      /* one was cut while it was mapped (kit/map.h) */

/* Does the folder hold weights: of ours, or (*ret_foreign) only such that this engine does not read? */
bool native_checkpoint_exists(const char *folder, bool *ret_foreign);

#endif
