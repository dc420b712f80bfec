/* backends/native/model.h - a loaded model: configuration, kernels, weights, and what it says of itself.
 *
 * Thread: opened and closed by one, read by any. Memory: owned by the host until native_model_close. */
#ifndef NATIVE_MODEL_H
#define NATIVE_MODEL_H

#include "aether/backend.h"
#include "weights.h"

/* Outputs in their order; a model without a head has no logits. */
enum native_port { NATIVE_PORT_HIDDEN, NATIVE_PORT_POOLED, NATIVE_PORT_LOGITS, NATIVE_PORT_COUNT };

#define NATIVE_BYTES_ROWS 2u

struct native_model {
    struct native_config config;
    const struct native_kernels *kernels;
    struct native_weights weights;
    uint32_t output_count;
    struct acb_port output[NATIVE_PORT_COUNT];
    const struct acb_port *outputs[NATIVE_PORT_COUNT];
    char context_text[16], hidden_text[16];
    char *labels; /* owned; JSON; NULL: the head has none that have names */
};

/* Errors as native_config_read, native_weights_open, native_labels_read and native_weights_load; INVALID and UNSUPPORTED also
 * for AETHER_ISA and the device. */
KIT_MUST_CHECK enum kit_status native_model_open(const struct acb_model_open *open, struct native_model **ret,
                                                 struct kit_err *err);
void native_model_close(struct native_model *m); /* NULL is fine */

const char *native_model_meta(const struct native_model *m, const char *key); /* NULL: unknown */
void native_model_describe(const struct native_model *m, struct acb_model_info *ret);

/* How well the folder suits: 90 when it is one of ours, 5 when it looks like one but cannot be read, else 0. */
int32_t native_model_probe(const char *folder);

/* Fills [NATIVE_BYTES_ROWS]: weights that stay in the mapped files, weights that were packed. */
void native_model_bytes(const struct native_model *m, struct acb_bytes *const *ret, uint32_t *count);
/* The same before loading, and the scratch of one worker: weights, cache. */
KIT_MUST_CHECK enum kit_status native_model_estimate(const struct acb_model_open *open, struct acb_bytes *const *ret,
                                                     uint32_t *count, struct kit_err *err);
/* One row of an answer. */
void native_model_put_bytes(struct acb_bytes *row, uint32_t kind, uint32_t source, uint64_t bytes);

#endif
