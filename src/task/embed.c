#include "task/embed.h"

#include <string.h>

#include "kit/alloc.h"
#include "task/texts.h"

static bool can(const struct task_model *m)
{
    return m->ids != NULL && m->dimensions > 0;
}

static enum kit_status check(const struct task_model *m, const struct task_request *r, struct kit_err *err)
{
    (void)m;
    return r->text_count > 0
               ? KIT_OK
               : kit_fail_param(err, KIT_UNPROCESSABLE, "inputs", "task 'embed' takes texts, not tensors");
}

static enum kit_status prepare(struct task_model *m, const struct task_options *o, struct task_request *r,
                               struct kit_err *err)
{
    r->dimensions = m->dimensions;
    r->vectors = kit_alloc_array((size_t)r->text_count * r->dimensions, sizeof(float));
    if (r->vectors == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for %u vectors", r->text_count);
    }
    return task_texts_prepare(m, o, r, err);
}

static void scatter_vectors(const float *vectors, uint32_t dimensions, const struct sched_slice *slices, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct task_request *r = task_request_of_slice(&slices[i]);
        size_t floats = (size_t)slices[i].count * dimensions;
        memcpy(r->vectors + (size_t)slices[i].first * dimensions, vectors, floats * sizeof(float));
        vectors += floats;
    }
}

static enum kit_status check_vectors(const struct task_model *m, const struct acb_tensor *t, uint64_t rows,
                                     struct kit_err *err)
{
    if (t->dtype != ACB_F32 || t->rank != 2 || t->shape[0] != (int64_t)rows || t->shape[1] != (int64_t)m->dimensions) {
        return kit_fail(err, KIT_INTERNAL, "the engine answered '%s' in another shape than it described", t->name);
    }
    return KIT_OK;
}

static enum kit_status infer(struct task_model *m, struct plug_instance *instance, const struct task_texts *b,
                             uint32_t cores, struct plug_outputs *out, struct kit_err *err)
{
    struct acb_tensor ids = task_texts_tensor(b);
    struct acb_want want = {.size = sizeof(want), .name = m->vectors->name};
    struct acb_infer call = {
        .size = sizeof(call),
        .cores = cores,
        .input_count = 1,
        .want_count = 1,
        .inputs = (const struct acb_tensor *const[]){&ids},
        .wants = (const struct acb_want *const[]){&want},
    };
    return plug_instance_infer(instance, &call, out, err);
}

static enum kit_status run(struct task_model *m, struct plug_instance *instance, const struct sched_slice *slices,
                           uint32_t count, uint32_t cores, struct kit_err *err)
{
    struct task_texts b = {0};
    struct plug_outputs out = {0};
    enum kit_status rc = task_texts_fill(&b, slices, count, err);
    if (rc == KIT_OK) {
        rc = infer(m, instance, &b, cores, &out, err);
    }
    if (rc == KIT_OK) {
        rc = check_vectors(m, out.tensor[0], b.rows, err);
    }
    if (rc == KIT_OK) {
        scatter_vectors(out.tensor[0]->data, m->dimensions, slices, count);
    }
    plug_outputs_done(&out);
    task_texts_done(&b);
    return rc;
}

const struct task_type task_embed = {.kind = TASK_EMBED, .can = can, .check = check, .prepare = prepare, .run = run};
