/* src/task/type.h - the table of tasks: what each takes, how it becomes rows, how its batches run.
 *
 * A task is one file with one struct task_type, and one row in type.c and in TASK_KINDS (request.h); how its answer looks
 * on the wire is the api's. Thread: as each function says. Memory: types live for ever. */
#ifndef TASK_TYPE_H
#define TASK_TYPE_H

#include "task/model.h"

struct task_type {
    enum task_kind kind;
    bool alone; /* its rows cannot join others in a batch (sched_job::alone) */
    /* Has the model what the task needs? Any thread. */
    bool (*can)(const struct task_model *m);
    /* Are the inputs of the right shape? INVALID or UNPROCESSABLE, naming the field. Whoever works on the request. */
    enum kit_status (*check)(const struct task_model *m, const struct task_request *r, struct kit_err *err);
    /* Inputs become job.rows, and room for the answer is made; errors name the input. Whoever works on the request. */
    enum kit_status (*prepare)(struct task_model *m, const struct task_options *o, struct task_request *r,
                               struct kit_err *err);
    /* One call of the engine for slices of this task; each row's result goes into its own request. Model thread. */
    enum kit_status (*run)(struct task_model *m, struct plug_instance *instance, const struct sched_slice *slices,
                           uint32_t count, uint32_t cores, struct kit_err *err);
};

const struct task_type *task_type_of(enum task_kind kind); /* not of TASK_DEFAULT */

/* The model's own default: the first that its back end names (meta "tasks") and it can, else the first that it can. */
enum task_kind task_type_default(const struct task_model *m);
/* Settles r->kind (TASK_DEFAULT: tensors are raw, else the model's default) and checks that model and inputs suit it. */
KIT_MUST_CHECK enum kit_status task_type_choose(const struct task_model *m, struct task_request *r,
                                                struct kit_err *err);

/* The request that a slice belongs to. */
static inline struct task_request *task_request_of_slice(const struct sched_slice *s)
{
    return KIT_CONTAINER(s->job, struct task_request, job);
}

#endif
