#include "task/batch.h"

#include <string.h>

#include "kit/alloc.h"

/* Answers with more numbers than this are rendered on the work pool, not on a loop. */
#define RENDER_INLINE_FLOATS 16384

static struct task_request *request_of(struct sched_job *job)
{
    return KIT_CONTAINER(job, struct task_request, job);
}

/* --- texts: one ragged call for all slices --- */

struct text_batch {
    int32_t *ids;          /* [tokens]; owned */
    uint64_t *row_offsets; /* [rows + 1]; owned */
    uint64_t tokens, rows;
};

static void text_batch_done(struct text_batch *b)
{
    kit_alloc_free(b->ids);
    kit_alloc_free(b->row_offsets);
}

static void add_slice(struct text_batch *b, const struct sched_slice *s)
{
    const struct task_request *r = request_of(s->job);
    uint64_t from = r->row_offsets[s->first];
    uint64_t tokens = r->row_offsets[s->first + s->count] - from;
    memcpy(b->ids + b->tokens, r->ids + from, tokens * sizeof(*b->ids));
    for (uint32_t i = 1; i <= s->count; i++) {
        b->row_offsets[b->rows + i] = b->tokens + r->row_offsets[s->first + i] - from;
    }
    b->rows += s->count;
    b->tokens += tokens;
}

static enum kit_status text_batch_fill(struct text_batch *b, const struct sched_slice *slices, uint32_t count,
                                       struct kit_err *err)
{
    uint64_t tokens = 0, rows = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct task_request *r = request_of(slices[i].job);
        tokens += r->row_offsets[slices[i].first + slices[i].count] - r->row_offsets[slices[i].first];
        rows += slices[i].count;
    }
    b->ids = kit_alloc_aligned(ACB_ALIGN, (tokens + 1) * sizeof(*b->ids));
    b->row_offsets = kit_alloc_array(rows + 1, sizeof(*b->row_offsets));
    if (b->ids == NULL || b->row_offsets == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for a batch of %llu tokens", (unsigned long long)tokens);
    }
    b->row_offsets[0] = 0;
    for (uint32_t i = 0; i < count; i++) {
        add_slice(b, &slices[i]);
    }
    return KIT_OK;
}

static void scatter_vectors(const float *vectors, uint32_t dimensions, const struct sched_slice *slices, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct task_request *r = request_of(slices[i].job);
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

static enum kit_status infer_texts(struct task_model *m, struct plug_instance *instance, const struct text_batch *b,
                                   uint32_t cores, struct plug_outputs *out, struct kit_err *err)
{
    struct acb_tensor ids = {
        .size = sizeof(ids),
        .dtype = ACB_I32,
        .rank = 1,
        .name = "input_ids",
        .shape = {(int64_t)b->tokens},
        .data = b->ids,
        .bytes = b->tokens * sizeof(*b->ids),
        .row_offsets = b->row_offsets,
        .rows = b->rows,
    };
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

static enum kit_status run_texts(struct task_model *m, struct plug_instance *instance, const struct sched_slice *slices,
                                 uint32_t count, uint32_t cores, struct kit_err *err)
{
    struct text_batch b = {0};
    struct plug_outputs out = {0};
    enum kit_status rc = text_batch_fill(&b, slices, count, err);
    if (rc == KIT_OK) {
        rc = infer_texts(m, instance, &b, cores, &out, err);
    }
    if (rc == KIT_OK) {
        rc = check_vectors(m, out.tensor[0], b.rows, err);
    }
    if (rc == KIT_OK) {
        scatter_vectors(out.tensor[0]->data, m->dimensions, slices, count);
    }
    plug_outputs_done(&out);
    text_batch_done(&b);
    return rc;
}

/* --- raw tensors: a call of their own --- */

static enum kit_status run_raw(struct plug_instance *instance, struct task_request *r, uint32_t cores,
                               struct kit_err *err)
{
    struct plug_outputs out = {0};
    struct acb_infer call = {
        .size = sizeof(call),
        .cores = cores,
        .input_count = r->tensors.count, /* no wants: all that the model gives */
        .inputs = (const struct acb_tensor *const *)r->tensors.tensor,
    };
    enum kit_status rc = plug_instance_infer(instance, &call, &out, err);
    if (rc == KIT_OK) {
        plug_outputs_done(&r->outputs); /* of an earlier try */
        r->outputs = out;
    }
    return rc;
}

/* --- the worker --- */

/* Raw jobs come alone (sched_job::alone), so the first slice speaks for all. */
static enum kit_status run(void *ctx, struct plug_instance *instance, const struct sched_slice *slices, uint32_t count,
                           uint32_t cores, struct kit_err *err)
{
    struct task_request *first = request_of(slices[0].job);
    return first->kind == TASK_RAW ? run_raw(instance, first, cores, err)
                                   : run_texts(ctx, instance, slices, count, cores, err);
}

static void render_job(struct loop_work_job *job)
{
    task_request_send_home(KIT_CONTAINER(job, struct task_request, work), true);
}

static bool is_large(const struct task_request *r)
{
    uint64_t floats = (uint64_t)r->text_count * r->dimensions;
    for (uint32_t i = 0; i < r->outputs.count; i++) {
        floats += r->outputs.tensor[i]->bytes / sizeof(float);
    }
    return floats > RENDER_INLINE_FLOATS;
}

static void done(void *ctx, struct sched_job *job)
{
    (void)ctx;
    struct task_request *r = request_of(job);
    if (job->failed != KIT_OK) {
        task_request_fail(r, job->failed, &job->err);
    }
    r->work.run = render_job;
    if (r->status == KIT_OK && is_large(r) && loop_work_submit(task_service_work(r->service), &r->work) == KIT_OK) {
        return;
    }
    task_request_send_home(r, false);
}

static const struct sched_worker worker = {.run = run, .done = done};

const struct sched_worker *task_batch_worker(void)
{
    return &worker;
}
