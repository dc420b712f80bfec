/* backends/native/weights.h - a model's tensors by their meaning: found, checked, and packed for the kernels.
 *
 * Embedding tables stay in the mapped file, in its dtype; everything else is copied once, as float32 panels, and the
 * file's pages are given back, so that a model takes about the room of its file.
 * Thread: loaded by one, then read by any. Memory: owned by the model. */
#ifndef NATIVE_WEIGHTS_H
#define NATIVE_WEIGHTS_H

#include "config.h"
#include "gemm.h"
#include "safetensors.h"

struct native_norm {
    const float *gain, *bias; /* [hidden] */
};

struct native_layer {
    struct native_matrix qkv;  /* hidden -> query, key, value, side by side */
    struct native_matrix out;  /* hidden -> hidden */
    struct native_matrix up;   /* hidden -> ffn */
    struct native_matrix down; /* ffn -> hidden */
    struct native_norm out_norm, down_norm;
};

struct native_weights {
    struct native_safetensors *file;                    /* owned */
    const struct native_tensor *word, *position, *type; /* [n, hidden], read in the map */
    struct native_norm embed_norm;
    struct native_layer *layer; /* [layers], owned */
    void *packed;               /* owned; all that the pointers above point at */
    uint64_t packed_bytes;
    uint64_t mapped_bytes; /* of word, position and type */
};

struct native_loading {
    const struct native_config *config;
    const struct native_kernels *kernels;
    void *progress_ctx;
    int32_t (*progress)(void *ctx, uint64_t done, uint64_t total); /* or NULL; not 0: stop */
};

/* Errors: PARSE (broken file, missing tensor, wrong shape: the message names it), UNSUPPORTED (dtype), NOT_FOUND, IO,
 * NOMEM, CANCELLED, UNAVAILABLE (the file was cut meanwhile). Blocks; borrows cores from the host. */
KIT_MUST_CHECK enum kit_status native_weights_load(const struct native_loading *load, struct native_weights *ret,
                                                   struct kit_err *err);
void native_weights_done(struct native_weights *w); /* zeroed is fine */

/* Bytes that the packed part will take. */
uint64_t native_weights_packed_bytes(const struct native_config *c);

#endif
