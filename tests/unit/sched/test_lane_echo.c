/* A lane over the real host of plug-ins and the back end `echo`, in this process: the same paths as in the program. */
#include "support/test.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/clock.h"
#include "kit/sync.h"
#include "sched/sched.h"

#define ROWS 4
#define JOBS 400
#define BATCH_ROWS 32
#define WHOLE_LIFE_MS "600000" /* what takes so long ends only when it is cancelled */

struct echo_job {
    struct sched_job job;
    struct sched_row rows[ROWS];
    int32_t sent[ROWS], got[ROWS];
    _Atomic uint32_t done;
};

struct rig {
    char folder[64];
    struct plug_engine *engine;
    struct plug_model *model;
    struct sched_lane *lane;
    struct kit_mutex lock;
    struct kit_cond changed;
    uint32_t running, finished;
    struct echo_job jobs[JOBS];
};

static struct echo_job *echo_of(struct sched_job *job)
{
    return KIT_CONTAINER(job, struct echo_job, job);
}

static uint32_t gather(const struct sched_slice *slices, uint32_t count, int32_t *values)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++) {
        memcpy(values + n, echo_of(slices[i].job)->sent + slices[i].first, slices[i].count * sizeof(*values));
        n += slices[i].count;
    }
    return n;
}

static void scatter(const struct sched_slice *slices, uint32_t count, const int32_t *values)
{
    for (uint32_t i = 0; i < count; i++) {
        memcpy(echo_of(slices[i].job)->got + slices[i].first, values, slices[i].count * sizeof(*values));
        values += slices[i].count;
    }
}

static void add_running(struct rig *r)
{
    kit_mutex_lock(&r->lock);
    r->running++;
    kit_cond_broadcast(&r->changed);
    kit_mutex_unlock(&r->lock);
}

static enum kit_status run(void *ctx, struct plug_instance *instance, const struct sched_slice *slices, uint32_t count,
                           uint32_t cores, struct kit_err *err)
{
    int32_t values[BATCH_ROWS];
    uint32_t n = gather(slices, count, values);
    const struct acb_tensor in = {.size = sizeof(in),
                                  .dtype = ACB_I32,
                                  .rank = 1,
                                  .name = "x",
                                  .shape = {n},
                                  .data = values,
                                  .bytes = n * sizeof(values[0])};
    const struct acb_want want = {.size = sizeof(want), .name = "x"};
    const struct acb_infer call = {.size = sizeof(call),
                                   .cores = cores,
                                   .input_count = 1,
                                   .want_count = 1,
                                   .inputs = (const struct acb_tensor *const[]){&in},
                                   .wants = (const struct acb_want *const[]){&want}};
    struct plug_outputs out = {0};
    add_running(ctx);
    enum kit_status rc = plug_instance_infer(instance, &call, &out, err);
    if (rc == KIT_OK) {
        scatter(slices, count, out.tensor[0]->data);
    }
    plug_outputs_done(&out);
    return rc;
}

static void done(void *ctx, struct sched_job *job)
{
    struct rig *r = ctx;
    atomic_fetch_add(&echo_of(job)->done, 1);
    kit_mutex_lock(&r->lock);
    r->finished++;
    kit_cond_broadcast(&r->changed);
    kit_mutex_unlock(&r->lock);
}

static const struct sched_worker worker = {.run = run, .done = done};

static void open_model(struct rig *r, const char *options)
{
    struct plug_options engine = {
        .folder = TEST_BUILD "/lib/aether", .cell_exe = "none", .cores_max = 2, .backends_max = 16};
    struct plug_model_options model = {.folder = r->folder, .options = options, .isolation = PLUG_IN_PROCESS};
    assert_int_equal(plug_engine_new(&engine, &r->engine, NULL), KIT_OK);
    assert_int_equal(plug_engine_choose(r->engine, r->folder, "echo", &model.backend, NULL), KIT_OK);
    assert_int_equal(plug_model_open(r->engine, &model, &r->model, NULL), KIT_OK);
}

static struct rig *rig_new(uint32_t instances, const char *options)
{
    struct sched_lane_options lane = {.model_id = "echo",
                                      .instances = instances,
                                      .cores_max = 2,
                                      .batch_tokens_max = 512,
                                      .batch_rows_max = BATCH_ROWS,
                                      .queue_tokens_max = 1000000,
                                      .queue_jobs_max = JOBS};
    char path[96];
    struct rig *r = kit_alloc_zero(1, sizeof(*r));
    assert_non_null(r);
    kit_mutex_init(&r->lock);
    kit_cond_init(&r->changed);
    strcpy(r->folder, "/tmp/sched-echo-XXXXXX");
    assert_non_null(mkdtemp(r->folder));
    snprintf(path, sizeof(path), "%s/echo.json", r->folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("{}", file);
    fclose(file);
    open_model(r, options);
    assert_int_equal(sched_lane_open(r->engine, r->model, &lane, &worker, r, &r->lane, NULL), KIT_OK);
    return r;
}

static void rig_free(struct rig *r, bool failed)
{
    char path[96];
    sched_lane_close(r->lane, failed, "over");
    plug_model_close(r->model);
    plug_engine_free(r->engine);
    snprintf(path, sizeof(path), "%s/echo.json", r->folder);
    unlink(path);
    rmdir(r->folder);
    kit_cond_done(&r->changed);
    kit_mutex_done(&r->lock);
    kit_alloc_free(r);
}

static void submit(struct rig *r, uint32_t k, uint32_t rows)
{
    struct echo_job *j = &r->jobs[k];
    j->job = (struct sched_job){
        .rows = j->rows, .row_count = rows, .priority = SCHED_NORMAL, .principal = k % 3, .deadline_ns = KIT_NEVER_NS};
    for (uint32_t i = 0; i < rows; i++) {
        j->sent[i] = (int32_t)(k * ROWS + i + 1);
        j->rows[i] = (struct sched_row){.tokens = 10 + k % 50};
    }
    assert_int_equal(sched_submit(r->lane, &j->job, NULL, NULL), KIT_OK);
}

static void wait_for(struct rig *r, const uint32_t *count, uint32_t n)
{
    kit_mutex_lock(&r->lock);
    while (*count < n) {
        kit_cond_wait(&r->changed, &r->lock);
    }
    kit_mutex_unlock(&r->lock);
}

TEST(lane_gives_each_job_its_own_answers_from_shared_batches)
{
    struct rig *r = rig_new(2, NULL);
    for (uint32_t k = 0; k < JOBS; k++) {
        submit(r, k, 1 + k % ROWS);
    }
    wait_for(r, &r->finished, JOBS);
    for (uint32_t k = 0; k < JOBS; k++) {
        assert_int_equal(r->jobs[k].job.failed, KIT_OK);
        assert_memory_equal(r->jobs[k].got, r->jobs[k].sent, sizeof(r->jobs[k].got));
        assert_int_equal(atomic_load(&r->jobs[k].done), 1);
    }
    rig_free(r, false);
}

TEST(lane_ends_a_long_call_of_a_back_end_when_its_clients_have_left)
{
    struct rig *r = rig_new(1, "{\"delay_ms\": " WHOLE_LIFE_MS "}");
    submit(r, 0, 1);
    wait_for(r, &r->running, 1);
    submit(r, 1, 1);
    sched_cancel(r->lane, r->jobs[0].job.ticket);
    wait_for(r, &r->finished, 1);
    assert_int_equal(r->jobs[0].job.failed, KIT_CANCELLED);
    wait_for(r, &r->running, 2); /* the instance goes on with the next one */
    sched_cancel(r->lane, r->jobs[1].job.ticket);
    wait_for(r, &r->finished, 2);
    rig_free(r, false);
}

TEST(lane_cancels_by_the_hundred_while_a_back_end_runs)
{
    struct rig *r = rig_new(2, "{\"delay_ms\": 1}");
    for (uint32_t k = 0; k < JOBS; k++) {
        submit(r, k, 1 + k % ROWS);
        if (k >= 3 && k % 2 == 0) {
            sched_cancel(r->lane, r->jobs[k - 3].job.ticket);
        }
    }
    wait_for(r, &r->finished, JOBS);
    for (uint32_t k = 0; k < JOBS; k++) {
        const struct echo_job *j = &r->jobs[k];
        assert_true(j->job.failed == KIT_OK || (j->job.failed == KIT_CANCELLED && j->job.cancelled));
        assert_true(j->job.failed != KIT_OK || memcmp(j->got, j->sent, sizeof(j->got)) == 0);
    }
    rig_free(r, true);
}

int main(void)
{
    if (access(TEST_BUILD "/lib/aether/echo.so", R_OK) != 0) {
        print_message("skipped: the back end echo is not built\n");
        return 0;
    }
    return TEST_RUN(TEST_OF(lane_gives_each_job_its_own_answers_from_shared_batches),
                    TEST_OF(lane_ends_a_long_call_of_a_back_end_when_its_clients_have_left),
                    TEST_OF(lane_cancels_by_the_hundred_while_a_back_end_runs));
}
