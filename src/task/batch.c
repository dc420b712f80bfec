#include "task/batch.h"

#include "task/items.h"

/* The end of the run of slices from `from` that are of one task. */
static uint32_t run_end(const struct sched_slice *slices, uint32_t from, uint32_t count)
{
    enum task_kind kind = task_request_of_slice(&slices[from])->kind;
    uint32_t end = from + 1;
    while (end < count && task_request_of_slice(&slices[end])->kind == kind) {
        end++;
    }
    return end;
}

/* Only now are the rows done: until here the whole batch may be run again. */
static void rows_done(const struct task_model *m, const struct sched_slice *slices, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        task_items_rows_done(m, task_request_of_slice(&slices[i]), slices[i].first, slices[i].count);
    }
}

static enum kit_status run(void *ctx, struct plug_instance *instance, const struct sched_slice *slices, uint32_t count,
                           uint32_t cores, struct kit_err *err)
{
    enum kit_status rc = KIT_OK;
    for (uint32_t from = 0, end; rc == KIT_OK && from < count; from = end) {
        end = run_end(slices, from, count);
        const struct task_type *t = task_type_of(task_request_of_slice(&slices[from])->kind);
        rc = t->run(ctx, instance, slices + from, end - from, cores, err);
    }
    if (rc == KIT_OK) {
        rows_done(ctx, slices, count);
    }
    return rc;
}

static void render_job(struct loop_work_job *job)
{
    task_request_send_home(KIT_CONTAINER(job, struct task_request, work), true);
}

/* What is told item by item is written so, too. */
static bool is_large(const struct task_request *r)
{
    return !task_request_tells(r) && task_items_numbers(r, 0, r->inputs.item_count) > TASK_ITEMS_INLINE_NUMBERS;
}

void task_batch_send_home(struct task_request *r)
{
    r->work.run = render_job;
    if (r->status == KIT_OK && is_large(r) && loop_work_submit(task_service_work(r->service), &r->work) == KIT_OK) {
        return;
    }
    task_request_send_home(r, false);
}

static void done(void *ctx, struct sched_job *job)
{
    (void)ctx;
    struct task_request *r = KIT_CONTAINER(job, struct task_request, job);
    if (job->failed != KIT_OK) {
        task_request_fail(r, job->failed, &job->err);
    }
    task_batch_send_home(r);
}

static const struct sched_worker worker = {.run = run, .done = done};

const struct sched_worker *task_batch_worker(void)
{
    return &worker;
}
