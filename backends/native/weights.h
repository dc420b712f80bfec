/* backends/native/weights.h - a model's tensors by their meaning: found, checked, and packed for the kernels.
 *
 * Tables (embeddings, and what gives a head's logits) stay in the mapped files, in their dtype; everything else is copied
 * once, as float32 panels, and the files' pages are given back, so that a model takes about the room of its files.
 * Thread: opened and loaded by one, then read by any. Memory: owned by the model. */
#ifndef NATIVE_WEIGHTS_H
#define NATIVE_WEIGHTS_H

#include "checkpoint.h"
#include "config.h"
#include "gemm.h"

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

struct native_head_weights {
    enum native_head kind; /* NONE: the rest is not there */
    uint32_t labels;       /* logits of a token or row */
    struct native_matrix dense;
    struct native_norm norm;
    const struct native_tensor *out; /* [labels, hidden], read in the map */
    const float *bias;               /* [labels] */
};

struct native_weights {
    struct native_checkpoint *files;                    /* owned */
    const struct native_tensor *word, *position, *type; /* [n, hidden], read in the map; type NULL: none */
    struct native_norm embed_norm;
    struct native_layer *layer; /* [layers], owned */
    struct native_head_weights head;
    void *packed; /* owned; all that the pointers above point at */
    uint64_t packed_bytes;
    uint64_t mapped_bytes; /* of the tables */
};

/* Opens the files and finds every tensor that the model needs: after it the head's kind and labels and the bytes are
 * known, and nothing is packed. Errors: PARSE (broken file, missing tensor, wrong shape: the message names it),
 * UNSUPPORTED (dtype, other weights than safetensors), NOT_FOUND, IO, NOMEM. Blocks. */
KIT_MUST_CHECK enum kit_status native_weights_open(const struct native_config *c, struct native_weights *ret,
                                                   struct kit_err *err);

struct native_loading {
    const struct native_config *config;
    const struct native_kernels *kernels;
    uint32_t threads; /* of the packer */
    void *progress_ctx;
    int32_t (*progress)(void *ctx, uint64_t done, uint64_t total); /* or NULL; not 0: stop */
};

/* Packs what native_weights_open found. Errors: PARSE (a number that is none: the message names its
 * tensor), NOMEM, CANCELLED, UNAVAILABLE (a file was cut meanwhile); then w is to be
 * given to native_weights_done all the same. Blocks. */
KIT_MUST_CHECK enum kit_status native_weights_load(struct native_weights *w, const struct native_loading *load,
                                                   struct kit_err *err);
void native_weights_done(struct native_weights *w); /* zeroed is fine */

#endif
