/* src/task/embed.h - the task 'embed': a text becomes one vector. Thread: as type.h says. */
#ifndef TASK_EMBED_H
#define TASK_EMBED_H

#include "task/type.h"

extern const struct task_type task_embed;

/* The functions of its task_type, for other tasks over vectors (similarity). */
bool task_embed_can(const struct task_model *m);
enum kit_status task_embed_prepare(struct task_model *m, const struct task_options *o, struct task_request *r,
                                   struct kit_err *err);
enum kit_status task_embed_run(struct task_model *m, struct plug_instance *instance, const struct sched_slice *slices,
                               uint32_t count, uint32_t cores, struct kit_err *err);

#endif
