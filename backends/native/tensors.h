/* backends/native/tensors.h - a model's tensors in its checkpoint: each by its name of today or of earlier days, checked.
 *
 * Names differ by a prefix (a head was trained on top) and, for norms of old files, by the suffix (gamma, beta).
 * Thread: any; pure. Memory: tensors are borrowed from the checkpoint. Errors of all: PARSE (missing, another shape: the
 * message names the tensor), UNSUPPORTED (dtype). */
#ifndef NATIVE_TENSORS_H
#define NATIVE_TENSORS_H

#include "checkpoint.h"
#include "config.h"

/* Where to look. */
struct native_names {
    const struct native_config *config;
    const struct native_checkpoint *files;
};

/* name + suffix (".weight", ".bias"); NULL: not there. */
const struct native_tensor *native_tensors_find(const struct native_names *n, const char *name, const char *suffix);
/* The same with shape [rank], of a dtype that can be read. */
KIT_MUST_CHECK enum kit_status native_tensors_need(const struct native_names *n, const char *name, const char *suffix,
                                                   const uint64_t *shape, uint32_t rank,
                                                   const struct native_tensor **ret, struct kit_err *err);
/* Weight and bias of a linear [columns, depth], or with depth 0 of a norm [columns], are there and fit. */
KIT_MUST_CHECK enum kit_status native_tensors_check_pair(const struct native_names *n, const char *name,
                                                         uint32_t columns, uint32_t depth, struct kit_err *err);
/* All tensors of an encoder's layer are there and fit. */
KIT_MUST_CHECK enum kit_status native_tensors_check_layer(const struct native_names *n, uint32_t layer,
                                                          struct kit_err *err);

/* The head that these tensors make: what config.json says (a fill-mask head that was left out is none), or, where it says
 * nothing, the first whose tensors are there. */
enum native_head native_tensors_head(const struct native_names *n);
/* The head's logits: *ret_out [labels, hidden] and *ret_bias [labels]. A tied fill-mask head shows the word embeddings. */
KIT_MUST_CHECK enum kit_status native_tensors_head_out(const struct native_names *n, enum native_head head,
                                                       const struct native_tensor **ret_out,
                                                       const struct native_tensor **ret_bias, struct kit_err *err);

#endif
