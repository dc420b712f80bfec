/* backends/native/instance.h - scratch for some cores, and the running of calls.
 *
 * Thread: the instance's own, but for native_instance_cancel and native_instance_bytes (any). Memory: owned by the host
 * until native_instance_close; the model outlives it. */
#ifndef NATIVE_INSTANCE_H
#define NATIVE_INSTANCE_H

#include "aether/backend.h"
#include "model.h"

struct native_instance;

/* Errors: INVALID, UNSUPPORTED (generation), NOMEM. */
KIT_MUST_CHECK enum kit_status native_instance_open(const struct native_model *m, const struct acb_instance_open *open,
                                                    struct native_instance **ret, struct kit_err *err);
void native_instance_close(struct native_instance *i);  /* NULL is fine */
void native_instance_shrink(struct native_instance *i); /* gives the scratch back until the next call */
uint64_t native_instance_bytes(const struct native_instance *i);

/* Errors: INVALID, NOT_FOUND, NOMEM, CANCELLED, UNAVAILABLE (the model's file was cut: the model is lost),
 * INTERNAL (the answer holds NaN or infinity). */
KIT_MUST_CHECK enum kit_status native_instance_infer(struct native_instance *i, const struct acb_infer *infer,
                                                     struct acb_tensor **outputs, struct kit_err *err);
void native_instance_cancel(struct native_instance *i);

#endif
