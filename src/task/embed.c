#include "task/embed.h"

#include <string.h>

#include "kit/alloc.h"
#include "task/call.h"
#include "task/texts.h"

bool task_embed_can(const struct task_model *m)
{
    return task_model_takes_texts(m) && m->vectors != NULL;
}

enum kit_status task_embed_prepare(struct task_model *m, const struct task_options *o, struct task_request *r,
                                   struct kit_err *err)
{
    r->dimensions = (uint32_t)m->vectors->shape[1];
    r->vectors = kit_alloc_array((size_t)r->inputs.text_count * r->dimensions, sizeof(float));
    if (r->vectors == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for %u vectors", r->inputs.text_count);
    }
    return task_texts_prepare(m, o, r, false, err);
}

static void take(const struct task_model *m, struct task_request *r, uint32_t row, const float *values, uint32_t lines)
{
    (void)m;
    (void)lines;
    memcpy(r->vectors + (size_t)row * r->dimensions, values, r->dimensions * sizeof(float));
}

enum kit_status task_embed_run(struct task_model *m, struct plug_instance *instance, const struct sched_slice *slices,
                               uint32_t count, uint32_t cores, struct kit_err *err)
{
    struct task_want want = {.port = m->vectors, .take = take};
    return task_call(m, instance, slices, count, cores, &want, err);
}

const struct task_type task_embed = {
    .kind = TASK_EMBED,
    .shapes = 1u << TASK_SHAPE_TEXT,
    .takes = "a text or an array of texts; pairs have no vector of their own: embed their texts one by one, or "
             "compare them by the task 'similarity'",
    .can = task_embed_can,
    .prepare = task_embed_prepare,
    .run = task_embed_run,
};
