/* src/task/type.h - the table of tasks: what each takes, how it becomes rows, how its batches run.
 *
 * A task is one file with one struct task_type, one row in type.c and one in TASK_KINDS (kind.h); how its answer looks on the
 * wire is the api's (api/outputs.c). Thread: as each function says. Memory: types live for ever. */
#ifndef TASK_TYPE_H
#define TASK_TYPE_H

#include "task/model.h"

struct task_type {
    enum task_kind kind;
    uint32_t shapes;   /* bit s: takes inputs of enum task_shape s */
    const char *takes; /* the same in words, for messages: "a text, or …" */
    bool alone;        /* its rows cannot join others in a batch (sched_job::alone) */
    bool aside;        /* nothing that a model is for: it is not told among what it can do */
    bool at_once;      /* the answer is there when it is prepared: the engine is not asked */
    /* Has the model what the task needs? Any thread. */
    bool (*can)(const struct task_model *m);
    /* Is a question that names no task meant for this one? NULL: when the shape of its inputs suits. Whoever works on the
     * request, as prepare. */
    bool (*fits)(const struct task_model *m, const struct task_request *r);
    /* Inputs become job.rows, and room for the answer is made; errors name the input. */
    enum kit_status (*prepare)(struct task_model *m, const struct task_options *o, struct task_request *r,
                               struct kit_err *err);
    /* One call of the engine for slices of this task; each row's result goes into its own request. Model thread. Tasks with
     * a head have task_call_head (call.h) here, and the two functions behind it. */
    enum kit_status (*run)(struct task_model *m, struct plug_instance *instance, const struct sched_slice *slices,
                           uint32_t count, uint32_t cores, struct kit_err *err);
    /* Of a head with a line a token: the places of a row that are wanted, counted from its first token, ascending, with their
     * number; NULL: all. */
    const uint32_t *(*places)(const struct task_request *r, uint32_t row, uint32_t *count);
    /* A row's part of the logits: values [lines][columns], one line, or one for each token or wanted place. Writes into the
     * row's own part of the request, nowhere else; cannot fail. */
    void (*take)(const struct task_model *m, struct task_request *r, uint32_t row, const float *values, uint32_t lines);
    /* All rows of an item are there: what it gives is put together. NULL: nothing is to be done. Model thread; cannot
     * fail. */
    void (*finish)(const struct task_model *m, struct task_request *r, uint32_t item);
};

const struct task_type *task_type_of(enum task_kind kind); /* not of TASK_DEFAULT */

/* The tasks that the model can, best first: those that its back end names (meta "tasks", m->named), then the others. Fills
 * m->kinds. */
void task_type_list(struct task_model *m);
/* Is m->kinds[index] a word worth saying where its tasks are told? Tensors are, where it can do nothing else. */
bool task_type_is_told(const struct task_model *m, uint32_t index);
/* Settles r->kind (TASK_DEFAULT: the first of the model's tasks that the inputs suit) and checks that model, inputs and
 * parameters suit it. UNPROCESSABLE, INVALID. */
KIT_MUST_CHECK enum kit_status task_type_choose(const struct task_model *m, struct task_request *r,
                                                struct kit_err *err);

/* The request that a slice belongs to. */
static inline struct task_request *task_request_of_slice(const struct sched_slice *s)
{
    return KIT_CONTAINER(s->job, struct task_request, job);
}

#endif
