/* src/task/call.h - one call of the engine for rows of many requests: they become one ragged tensor, without padding, and
 * each row gets its part of what comes back.
 *
 * Thread: a model thread. Memory: lives for the call. */
#ifndef TASK_CALL_H
#define TASK_CALL_H

#include "task/type.h"

struct task_want {
    const struct acb_port *port; /* rank 2: [rows, or tokens where it is ragged; columns] */
    /* As in struct task_type, over this port. */
    const uint32_t *(*places)(const struct task_request *r, uint32_t row, uint32_t *count);
    void (*take)(const struct task_model *m, struct task_request *r, uint32_t row, const float *values, uint32_t lines);
};

/* Errors: NOMEM, INTERNAL (the engine answered in another shape than it described), what plug_instance_infer says. */
KIT_MUST_CHECK enum kit_status task_call(struct task_model *m, struct plug_instance *instance,
                                         const struct sched_slice *slices, uint32_t count, uint32_t cores,
                                         const struct task_want *want, struct kit_err *err);
/* The logits, as the type of these slices takes them: its `run`. */
KIT_MUST_CHECK enum kit_status task_call_head(struct task_model *m, struct plug_instance *instance,
                                              const struct sched_slice *slices, uint32_t count, uint32_t cores,
                                              struct kit_err *err);

#endif
