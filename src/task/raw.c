#include "task/raw.h"

#include <string.h>

#define RAW_BYTES_PER_TOKEN 64 /* what a tensor weighs in the queue beside texts */

static bool can(const struct task_model *m)
{
    return m->infers;
}

static enum kit_status prepare(struct task_model *m, const struct task_options *o, struct task_request *r,
                               struct kit_err *err)
{
    (void)m;
    (void)o;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < r->inputs.tensors.count; i++) {
        bytes += r->inputs.tensors.tensor[i]->bytes;
    }
    r->job.rows = kit_arena_zero(&r->arena, 1, sizeof(*r->job.rows));
    if (r->job.rows == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for a request");
    }
    r->job.rows[0].tokens = (uint32_t)(1 + bytes / RAW_BYTES_PER_TOKEN);
    r->job.row_count = 1;
    return KIT_OK;
}

/* Every output that the model describes; one that does not know its own gives what it likes (no wants). */
static uint32_t name_outputs(const struct acb_model_info *info, struct acb_want *wants,
                             const struct acb_want **pointers)
{
    for (uint32_t i = 0; i < info->output_count; i++) {
        if (info->output_count > PLUG_OUTPUTS_MAX || strcmp(info->outputs[i]->name, ACB_PORT_ANY) == 0) {
            return 0;
        }
        wants[i] = (struct acb_want){.size = sizeof(wants[i]), .name = info->outputs[i]->name};
        pointers[i] = &wants[i];
    }
    return info->output_count;
}

/* One request a call: job.alone. */
static enum kit_status run(struct task_model *m, struct plug_instance *instance, const struct sched_slice *slices,
                           uint32_t count, uint32_t cores, struct kit_err *err)
{
    (void)count;
    struct task_request *r = task_request_of_slice(&slices[0]);
    struct plug_outputs out = {0};
    struct acb_want wants[PLUG_OUTPUTS_MAX];
    const struct acb_want *pointers[PLUG_OUTPUTS_MAX];
    struct acb_infer call = {
        .size = sizeof(call),
        .cores = cores,
        .input_count = r->inputs.tensors.count,
        .want_count = name_outputs(plug_model_info(m->loaded->model), wants, pointers),
        .inputs = (const struct acb_tensor *const *)r->inputs.tensors.tensor,
        .wants = pointers,
    };
    enum kit_status rc = plug_instance_infer(instance, &call, &out, err);
    if (rc == KIT_OK) {
        plug_outputs_done(&r->outputs); /* of an earlier try */
        r->outputs = out;
    }
    return rc;
}

const struct task_type task_raw = {
    .kind = TASK_RAW,
    .shapes = 1u << TASK_SHAPE_TENSORS,
    .takes = "tensors: {\"tensors\":[{\"name\",\"dtype\",\"shape\",\"data\"}]}",
    .alone = true,
    .can = can,
    .prepare = prepare,
    .run = run,
};
