/* The scheduler's threads, over stand-ins for the functions of plug/ that a lane calls: nothing is computed, so that
 * whatever goes wrong here is a matter of threads. Waits have no limit of their own; ctest has one. */
#include "support/test.h"

#include <stdatomic.h>
#include <unistd.h>

#include "kit/buf.h"
#include "kit/clock.h"
#include "kit/metric.h"
#include "kit/sync.h"
#include "sched/metrics.h"
#include "sched/sched.h"

#define CORES 2
#define ROWS 8

/* --- stand-ins for plug/ --- */

struct plug_engine {
    struct kit_mutex lock;
    struct kit_cond given;
    uint32_t free;
};

struct plug_model {
    struct acb_model_info info;
    uint32_t open_fails_at; /* the n-th open, from 1; 0: none */
    _Atomic uint32_t opens, closes, cancels, shrinks;
    _Atomic uint32_t cores; /* that the instances are opened for, all together */
};

struct plug_instance {
    struct plug_model *model;
    _Atomic bool cancelled; /* by plug_instance_cancel; read by the worker's run */
    _Atomic bool running;
};

uint32_t plug_cores_acquire(struct plug_engine *e, uint32_t min, uint32_t max)
{
    kit_mutex_lock(&e->lock);
    while (e->free < min) {
        kit_cond_wait(&e->given, &e->lock);
    }
    uint32_t n = KIT_MIN(e->free, max);
    e->free -= n;
    kit_mutex_unlock(&e->lock);
    return n;
}

void plug_cores_release(struct plug_engine *e, uint32_t n)
{
    kit_mutex_lock(&e->lock);
    e->free += n;
    assert_true(e->free <= CORES);
    kit_cond_broadcast(&e->given);
    kit_mutex_unlock(&e->lock);
}

const struct acb_model_info *plug_model_info(const struct plug_model *m)
{
    return &m->info;
}

enum kit_status plug_instance_open(struct plug_model *m, const struct acb_instance_open *options,
                                   struct plug_instance **ret, struct kit_err *err)
{
    static struct plug_instance instances[SCHED_INSTANCES_MAX];
    uint32_t n = atomic_fetch_add(&m->opens, 1) + 1;
    assert_int_equal(options->size, sizeof(*options));
    if (n == m->open_fails_at) {
        return kit_fail(err, KIT_NOMEM, "no room for instance %u", n);
    }
    struct plug_instance *i = &instances[(n - 1) % SCHED_INSTANCES_MAX];
    atomic_fetch_add(&m->cores, options->cores_max);
    i->model = m;
    *ret = i;
    return KIT_OK;
}

void plug_instance_close(struct plug_instance *i)
{
    if (i != NULL) {
        assert_false(atomic_load(&i->running));
        atomic_fetch_add(&i->model->closes, 1);
    }
}

void plug_instance_shrink(struct plug_instance *i)
{
    assert_false(atomic_load(&i->running));
    atomic_fetch_add(&i->model->shrinks, 1);
}

void plug_instance_cancel(struct plug_instance *i)
{
    atomic_fetch_add(&i->model->cancels, 1);
    atomic_store(&i->cancelled, true);
}

/* --- a rig: an engine, a model, a lane, and a worker that can be held --- */

enum run_kind { RUN_QUICK, RUN_HELD, RUN_BAD, RUN_LOST, RUN_DEAF };

struct rig_job {
    struct sched_job job;
    struct sched_row rows[ROWS];
    _Atomic uint32_t written[ROWS]; /* how often a row was computed */
    _Atomic uint32_t done;
    enum run_kind kind;
};

struct rig {
    struct plug_engine engine;
    struct plug_model model;
    struct sched_lane *lane;
    struct kit_mutex lock;
    struct kit_cond changed;
    uint32_t started, finished; /* runs of held jobs; calls of done */
    bool let_go;                /* held runs may end */
};

static struct rig_job *rig_of(struct sched_job *job)
{
    return KIT_CONTAINER(job, struct rig_job, job);
}

/* Ends when it is let go or cancelled. A deaf one misses the first cancel: it came before the engine's call. */
static bool hold(struct rig *r, struct plug_instance *instance, bool deaf)
{
    kit_mutex_lock(&r->lock);
    r->started++;
    kit_cond_broadcast(&r->changed);
    while (!r->let_go) {
        if (atomic_load(&instance->cancelled)) {
            if (!deaf) {
                break;
            }
            deaf = false;
            atomic_store(&instance->cancelled, false);
        }
        kit_cond_wait_until(&r->changed, &r->lock, kit_clock_ns() + KIT_NS_PER_MS);
    }
    bool cancelled = atomic_load(&instance->cancelled) && !r->let_go;
    kit_mutex_unlock(&r->lock);
    return cancelled;
}

static enum kit_status run_slice(struct rig *r, struct plug_instance *instance, const struct sched_slice *s,
                                 struct kit_err *err)
{
    struct rig_job *j = rig_of(s->job);
    if (j->kind == RUN_BAD) {
        return kit_fail(err, KIT_INVALID, "a bad row");
    }
    if (j->kind == RUN_LOST) {
        return kit_fail(err, KIT_UNAVAILABLE, "the cell died");
    }
    if ((j->kind == RUN_HELD || j->kind == RUN_DEAF) && hold(r, instance, j->kind == RUN_DEAF)) {
        return kit_fail(err, KIT_CANCELLED, "stopped");
    }
    for (uint32_t i = s->first; i < s->first + s->count; i++) {
        atomic_fetch_add(&j->written[i], 1);
    }
    return KIT_OK;
}

static enum kit_status run(void *ctx, struct plug_instance *instance, const struct sched_slice *slices, uint32_t count,
                           uint32_t cores, struct kit_err *err)
{
    enum kit_status rc = KIT_OK;
    assert_false(atomic_exchange(&instance->running, true));
    assert_true(cores >= 1 && cores <= CORES && count >= 1);
    atomic_store(&instance->cancelled, false);
    for (uint32_t i = 0; i < count && rc == KIT_OK; i++) {
        rc = run_slice(ctx, instance, &slices[i], err);
    }
    atomic_store(&instance->running, false);
    return rc;
}

static void done(void *ctx, struct sched_job *job)
{
    struct rig *r = ctx;
    atomic_fetch_add(&rig_of(job)->done, 1);
    kit_mutex_lock(&r->lock);
    r->finished++;
    kit_cond_broadcast(&r->changed);
    kit_mutex_unlock(&r->lock);
}

static const struct sched_worker worker = {.run = run, .done = done};

static const struct sched_lane_options usual = {.model_id = "test/model",
                                                .instances = 2,
                                                .cores_max = CORES,
                                                .batch_tokens_max = 512,
                                                .batch_rows_max = 16,
                                                .queue_tokens_max = 100000,
                                                .queue_jobs_max = 1000};

static void rig_init(struct rig *r)
{
    *r = (struct rig){.engine.free = CORES};
    kit_mutex_init(&r->engine.lock);
    kit_cond_init(&r->engine.given);
    kit_mutex_init(&r->lock);
    kit_cond_init(&r->changed);
}

static void rig_done(struct rig *r)
{
    assert_int_equal(r->engine.free, CORES);
    assert_int_equal(atomic_load(&r->model.opens), atomic_load(&r->model.closes));
    kit_cond_done(&r->changed);
    kit_mutex_done(&r->lock);
    kit_cond_done(&r->engine.given);
    kit_mutex_done(&r->engine.lock);
}

static void rig_open(struct rig *r, uint32_t instances)
{
    struct sched_lane_options o = usual;
    o.instances = instances;
    rig_init(r);
    assert_int_equal(sched_lane_open(&r->engine, &r->model, &o, &worker, r, &r->lane, NULL), KIT_OK);
}

static void rig_close(struct rig *r)
{
    sched_lane_close(r->lane, false, NULL);
    rig_done(r);
}

static void job_init(struct rig_job *j, enum run_kind kind, uint32_t rows, uint32_t tokens)
{
    *j = (struct rig_job){.kind = kind};
    j->job =
        (struct sched_job){.rows = j->rows, .row_count = rows, .priority = SCHED_NORMAL, .deadline_ns = KIT_NEVER_NS};
    for (uint32_t i = 0; i < rows; i++) {
        j->rows[i] = (struct sched_row){.tokens = tokens};
    }
}

static void submit(struct rig *r, struct rig_job *j, enum run_kind kind, uint32_t rows, uint32_t tokens)
{
    job_init(j, kind, rows, tokens);
    assert_int_equal(sched_submit(r->lane, &j->job, NULL, NULL), KIT_OK);
}

static void wait_started(struct rig *r, uint32_t n)
{
    kit_mutex_lock(&r->lock);
    while (r->started < n) {
        kit_cond_wait(&r->changed, &r->lock);
    }
    kit_mutex_unlock(&r->lock);
}

static void wait_finished(struct rig *r, uint32_t n)
{
    kit_mutex_lock(&r->lock);
    while (r->finished < n) {
        kit_cond_wait(&r->changed, &r->lock);
    }
    kit_mutex_unlock(&r->lock);
}

static void let_go(struct rig *r)
{
    kit_mutex_lock(&r->lock);
    r->let_go = true;
    kit_cond_broadcast(&r->changed);
    kit_mutex_unlock(&r->lock);
}

/* --- tests --- */

TEST(lane_opens_one_instance_for_all_cores_and_the_others_for_one)
{
    struct rig r;
    rig_open(&r, 7);
    assert_int_equal(atomic_load(&r.model.cores), CORES + 6);
    rig_close(&r);
}

TEST(lane_runs_each_row_once_and_gives_the_job_back)
{
    struct rig r;
    struct rig_job j;
    rig_open(&r, 2);
    submit(&r, &j, RUN_QUICK, ROWS, 100);
    wait_finished(&r, 1);
    for (uint32_t i = 0; i < ROWS; i++) {
        assert_int_equal(atomic_load(&j.written[i]), 1);
    }
    assert_int_equal(j.job.failed, KIT_OK);
    assert_true(j.job.submitted_ns <= j.job.started_ns && j.job.started_ns <= j.job.finished_ns);
    rig_close(&r);
    assert_int_equal(atomic_load(&j.done), 1);
}

TEST(lane_gives_a_waiting_job_back_inside_cancel)
{
    struct rig r;
    struct rig_job held, waits;
    rig_open(&r, 1);
    submit(&r, &held, RUN_HELD, 1, 10);
    wait_started(&r, 1);
    submit(&r, &waits, RUN_QUICK, 1, 10);
    sched_cancel(r.lane, waits.job.ticket);
    assert_int_equal(atomic_load(&waits.done), 1);
    assert_int_equal(waits.job.failed, KIT_CANCELLED);
    assert_int_equal(atomic_load(&r.model.cancels), 0);
    sched_cancel(r.lane, waits.job.ticket); /* gone: nothing happens */
    sched_cancel(r.lane, KIT_ID_NONE);
    let_go(&r);
    rig_close(&r);
    assert_int_equal(held.job.failed, KIT_OK);
}

TEST(lane_stops_a_running_batch_when_its_client_has_left)
{
    struct rig r;
    struct rig_job held;
    rig_open(&r, 1);
    submit(&r, &held, RUN_HELD, 1, 10);
    wait_started(&r, 1);
    sched_cancel(r.lane, held.job.ticket);
    wait_finished(&r, 1);
    assert_int_equal(held.job.failed, KIT_CANCELLED);
    assert_int_equal(atomic_load(&held.written[0]), 0);
    rig_close(&r);
}

TEST(lane_repeats_a_stop_that_came_before_the_engine_listened)
{
    struct rig r;
    struct rig_job deaf;
    rig_open(&r, 1);
    submit(&r, &deaf, RUN_DEAF, 1, 10);
    wait_started(&r, 1);
    sched_cancel(r.lane, deaf.job.ticket);
    wait_finished(&r, 1);
    assert_true(atomic_load(&r.model.cancels) >= 2);
    assert_int_equal(deaf.job.failed, KIT_CANCELLED);
    rig_close(&r);
}

TEST(lane_tells_lateness_while_every_worker_is_busy)
{
    struct rig r;
    struct rig_job held, late;
    rig_open(&r, 1);
    submit(&r, &held, RUN_HELD, 1, 10);
    wait_started(&r, 1);
    job_init(&late, RUN_QUICK, 1, 10);
    late.job.deadline_ns = kit_clock_ns() + 5 * KIT_NS_PER_MS;
    assert_int_equal(sched_submit(r.lane, &late.job, NULL, NULL), KIT_OK);
    wait_finished(&r, 1);
    assert_int_equal(late.job.failed, KIT_TIMEOUT);
    assert_true(late.job.finished_ns >= late.job.deadline_ns);
    let_go(&r);
    rig_close(&r);
}

TEST(lane_fails_a_bad_job_and_not_those_in_its_batch)
{
    struct rig r;
    struct rig_job held, jobs[5];
    rig_open(&r, 1);
    submit(&r, &held, RUN_HELD, 1, 10);
    wait_started(&r, 1);
    for (int i = 0; i < 5; i++) {
        submit(&r, &jobs[i], i == 2 ? RUN_BAD : RUN_QUICK, 2, 10);
    }
    let_go(&r);
    wait_finished(&r, 6);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(jobs[i].job.failed, i == 2 ? KIT_INVALID : KIT_OK);
        assert_in_range(atomic_load(&jobs[i].written[0]), i == 2 ? 0 : 1, 2);
    }
    assert_string_equal(jobs[2].job.err.msg, "a bad row");
    rig_close(&r);
}

TEST(lane_fails_all_when_the_engine_is_lost)
{
    struct rig r;
    struct rig_job held, lost, waits, late;
    struct kit_err err;
    rig_open(&r, 1);
    submit(&r, &held, RUN_HELD, 1, 512);
    wait_started(&r, 1);
    submit(&r, &lost, RUN_LOST, 1, 512);
    submit(&r, &waits, RUN_QUICK, 1, 512);
    let_go(&r);
    wait_finished(&r, 3);
    assert_int_equal(held.job.failed, KIT_OK);
    assert_int_equal(lost.job.failed, KIT_UNAVAILABLE);
    assert_int_equal(waits.job.failed, KIT_UNAVAILABLE);
    assert_string_equal(waits.job.err.msg, "the cell died");
    job_init(&late, RUN_QUICK, 1, 1);
    assert_int_equal(sched_submit(r.lane, &late.job, NULL, &err), KIT_UNAVAILABLE);
    assert_string_equal(err.msg, "model 'test/model': the cell died");
    rig_close(&r);
}

TEST(lane_is_full_and_says_which_model_and_when_to_come_again)
{
    struct rig r;
    struct rig_job held, waits, more;
    struct sched_lane_options o = usual;
    struct kit_err err;
    uint32_t retry_after_ms = 0;
    o.instances = 1;
    o.queue_jobs_max = 1;
    rig_init(&r);
    assert_int_equal(sched_lane_open(&r.engine, &r.model, &o, &worker, &r, &r.lane, NULL), KIT_OK);
    submit(&r, &held, RUN_HELD, 1, 10);
    wait_started(&r, 1);
    submit(&r, &waits, RUN_QUICK, 1, 10);
    struct sched_counts n = sched_lane_counts(r.lane);
    assert_int_equal(n.jobs_waiting, 1);
    assert_int_equal(n.jobs_running, 1);
    assert_int_equal(n.tokens_waiting, 10);
    job_init(&more, RUN_QUICK, 1, 1);
    assert_int_equal(sched_submit(r.lane, &more.job, &retry_after_ms, &err), KIT_FULL);
    assert_true(retry_after_ms > 0);
    assert_ptr_equal(strstr(err.msg, "model 'test/model': 1 requests with 10 tokens wait"), err.msg);
    let_go(&r);
    rig_close(&r);
}

TEST(lane_close_finishes_what_waits)
{
    struct rig r;
    struct rig_job held, waits[20];
    rig_open(&r, 1);
    submit(&r, &held, RUN_HELD, 1, 10);
    wait_started(&r, 1);
    for (int i = 0; i < 20; i++) {
        submit(&r, &waits[i], RUN_QUICK, 3, 50);
    }
    let_go(&r);
    rig_close(&r);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(atomic_load(&waits[i].done), 1);
        assert_int_equal(waits[i].job.failed, KIT_OK);
    }
}

static void close_failed(void *arg)
{
    struct rig *r = arg;
    sched_lane_close(r->lane, true, "the weights are gone");
}

TEST(lane_failed_close_fails_what_waits_while_a_batch_is_on)
{
    struct rig r;
    struct rig_job held, waits;
    struct kit_thread closer = {0};
    rig_open(&r, 1);
    submit(&r, &held, RUN_HELD, 1, 512);
    wait_started(&r, 1);
    submit(&r, &waits, RUN_QUICK, 1, 512);
    assert_int_equal(kit_thread_start(&closer, "closer", close_failed, &r, NULL), KIT_OK);
    wait_finished(&r, 1); /* before the batch has ended */
    assert_int_equal(waits.job.failed, KIT_UNAVAILABLE);
    assert_string_equal(waits.job.err.msg, "the weights are gone");
    assert_int_equal(atomic_load(&held.done), 0);
    let_go(&r);
    kit_thread_join(&closer);
    assert_int_equal(held.job.failed, KIT_OK);
    rig_done(&r);
}

TEST(lane_failed_close_takes_a_cancel_for_the_batch_that_is_on)
{
    struct rig r;
    struct rig_job held, waits;
    struct kit_thread closer = {0};
    rig_open(&r, 1);
    submit(&r, &held, RUN_HELD, 1, 512);
    wait_started(&r, 1);
    submit(&r, &waits, RUN_QUICK, 1, 512);
    assert_int_equal(kit_thread_start(&closer, "closer", close_failed, &r, NULL), KIT_OK);
    wait_finished(&r, 1);
    sched_cancel(r.lane, held.job.ticket);
    kit_thread_join(&closer);
    assert_int_equal(held.job.failed, KIT_CANCELLED);
    rig_done(&r);
}

TEST(lane_shrinks_an_instance_once_when_it_rests)
{
    struct rig r;
    struct rig_job j;
    struct sched_lane_options o = usual;
    o.instances = 1;
    o.shrink_after_ms = 1;
    rig_init(&r);
    assert_int_equal(sched_lane_open(&r.engine, &r.model, &o, &worker, &r, &r.lane, NULL), KIT_OK);
    for (uint32_t i = 1; i <= 2; i++) {
        submit(&r, &j, RUN_QUICK, 1, 10);
        while (atomic_load(&r.model.shrinks) < i) {
            usleep(500);
        }
        usleep(5000); /* a second shrink would come now */
    }
    assert_int_equal(atomic_load(&r.model.shrinks), 2);
    rig_close(&r);
}

TEST(lane_open_says_why_an_instance_did_not_open_and_closes_the_others)
{
    for (uint32_t n = 1; n <= 3; n++) {
        struct rig r;
        struct kit_err err = {0};
        struct sched_lane_options o = usual;
        rig_init(&r);
        r.model.open_fails_at = n;
        o.instances = 3;
        assert_int_equal(sched_lane_open(&r.engine, &r.model, &o, &worker, &r, &r.lane, &err), KIT_NOMEM);
        assert_non_null(strstr(err.msg, "no room for instance"));
        assert_null(r.lane);
        assert_int_equal(atomic_load(&r.model.opens), atomic_load(&r.model.closes) + 1);
        atomic_fetch_sub(&r.model.opens, 1);
        rig_done(&r);
    }
}

TEST(lane_counts_what_it_did)
{
    struct rig r;
    struct rig_job jobs[3];
    struct sched_lane_options o = usual;
    struct kit_buf out;
    sched_metrics_register();
    o.model_id = "counted";
    rig_init(&r);
    assert_int_equal(sched_lane_open(&r.engine, &r.model, &o, &worker, &r, &r.lane, NULL), KIT_OK);
    for (int i = 0; i < 3; i++) {
        submit(&r, &jobs[i], i == 2 ? RUN_BAD : RUN_QUICK, 2, 10);
        wait_finished(&r, (uint32_t)i + 1);
    }
    rig_close(&r);
    kit_buf_init(&out, KIT_MIB);
    assert_int_equal(kit_metric_render(&out, ""), KIT_OK);
    assert_int_equal(kit_buf_add_char(&out, '\0'), KIT_OK);
    assert_non_null(strstr(out.ptr, "sched_jobs_total{model=\"counted\",result=\"ok\"} 2\n"));
    assert_non_null(strstr(out.ptr, "sched_jobs_total{model=\"counted\",result=\"failed\"} 1\n"));
    assert_non_null(strstr(out.ptr, "sched_rows_total{model=\"counted\"} 6\n"));
    assert_non_null(strstr(out.ptr, "sched_tokens_total{model=\"counted\"} 60\n"));
    assert_non_null(strstr(out.ptr, "sched_batch_rows_count{model=\"counted\"} 3\n"));
    assert_non_null(strstr(out.ptr, "sched_queue_jobs{model=\"counted\"} 0\n"));
    kit_buf_done(&out);
}

/* --- storms --- */

#define THREADS 4
#define STORM_JOBS 1500 /* a thread */

struct storm {
    struct rig *r;
    struct kit_mutex lock; /* as its owner does: the lane's pointer goes before the lane */
    struct sched_lane *lane;
    struct rig_job jobs[THREADS][STORM_JOBS];
    _Atomic uint32_t next_thread, accepted, refused;
};

static enum kit_status storm_submit(struct storm *s, struct rig_job *j)
{
    enum kit_status rc = KIT_UNAVAILABLE;
    kit_mutex_lock(&s->lock);
    if (s->lane != NULL) {
        rc = sched_submit(s->lane, &j->job, NULL, NULL);
    }
    kit_mutex_unlock(&s->lock);
    return rc;
}

static void storm_cancel(struct storm *s, kit_id ticket)
{
    kit_mutex_lock(&s->lock);
    if (s->lane != NULL) {
        sched_cancel(s->lane, ticket);
    }
    kit_mutex_unlock(&s->lock);
}

static enum kit_status storm_one(struct storm *s, struct rig_job *j, uint32_t i)
{
    job_init(j, i % 53 == 0 ? RUN_BAD : RUN_QUICK, 1 + i % ROWS, 1 + i % 90);
    j->job.priority = (enum sched_priority)(i % SCHED_PRIORITIES);
    j->job.principal = i % 7;
    if (i % 11 == 0) {
        j->job.deadline_ns = kit_clock_ns() + i % 5 * KIT_NS_PER_MS + 1000;
    }
    return storm_submit(s, j);
}

static void storm_main(void *arg)
{
    struct storm *s = arg;
    struct rig_job *jobs = s->jobs[atomic_fetch_add(&s->next_thread, 1)];
    for (uint32_t i = 0; i < STORM_JOBS; i++) {
        enum kit_status rc = storm_one(s, &jobs[i], i);
        while (rc == KIT_FULL) {
            usleep(200);
            rc = storm_one(s, &jobs[i], i);
        }
        atomic_fetch_add(rc == KIT_OK ? &s->accepted : &s->refused, 1);
        for (uint32_t back = 0; i % 3 == 0 && back < 5 && back <= i; back++) {
            storm_cancel(s, jobs[i - back].job.ticket);
        }
    }
}

static void check_storm(struct storm *s)
{
    uint32_t given_back = 0;
    for (uint32_t t = 0; t < THREADS; t++) {
        for (uint32_t i = 0; i < STORM_JOBS; i++) {
            struct rig_job *j = &s->jobs[t][i];
            assert_true(atomic_load(&j->done) <= 1);
            given_back += atomic_load(&j->done);
            for (uint32_t k = 0; atomic_load(&j->done) == 1 && k < j->job.row_count; k++) {
                assert_true(j->job.failed != KIT_OK || atomic_load(&j->written[k]) >= 1);
                assert_true(atomic_load(&j->written[k]) <= 2);
            }
        }
    }
    assert_int_equal(given_back, atomic_load(&s->accepted));
    assert_int_equal(given_back, s->r->finished);
}

static void storm_close(struct storm *s, bool failed)
{
    kit_mutex_lock(&s->lock);
    struct sched_lane *lane = s->lane;
    s->lane = NULL;
    kit_mutex_unlock(&s->lock);
    sched_lane_close(lane, failed, "closed in a storm");
}

static void run_storm(bool close_early, bool failed)
{
    struct rig r;
    struct kit_thread threads[THREADS] = {0};
    struct storm *s = kit_alloc_zero(1, sizeof(*s));
    assert_non_null(s);
    rig_open(&r, 3);
    s->r = &r;
    s->lane = r.lane;
    kit_mutex_init(&s->lock);
    for (int t = 0; t < THREADS; t++) {
        assert_int_equal(kit_thread_start(&threads[t], "storm", storm_main, s, NULL), KIT_OK);
    }
    if (close_early) {
        wait_finished(&r, 500);
        storm_close(s, failed);
    }
    for (int t = 0; t < THREADS; t++) {
        kit_thread_join(&threads[t]);
    }
    if (!close_early) {
        storm_close(s, failed);
        assert_true(atomic_load(&s->refused) < THREADS * STORM_JOBS / 11 + 1); /* deadlines that were over */
    }
    check_storm(s);
    kit_mutex_done(&s->lock);
    kit_alloc_free(s);
    rig_done(&r);
}

TEST(lane_gives_each_job_back_once_in_a_storm_of_jobs_and_cancels)
{
    run_storm(false, false);
}

TEST(lane_closes_in_the_middle_of_a_storm)
{
    run_storm(true, false);
    run_storm(true, true);
}

/* --- memory --- */

TEST(lane_open_survives_each_failed_alloc)
{
    TEST_ALLOC_SWEEP(n) {
        struct rig r;
        rig_init(&r);
        enum kit_status rc = sched_lane_open(&r.engine, &r.model, &usual, &worker, &r, &r.lane, NULL);
        assert_true(rc == KIT_OK ? r.lane != NULL : rc == KIT_NOMEM && r.lane == NULL);
        sched_lane_close(r.lane, false, NULL);
        rig_done(&r);
    }
}

TEST(lane_submit_survives_each_failed_alloc)
{
    TEST_ALLOC_SWEEP(n) {
        struct rig r;
        struct rig_job j;
        kit_alloc_fail_at(0);
        rig_open(&r, 1);
        job_init(&j, RUN_QUICK, 2, 10);
        kit_alloc_fail_at(n);
        enum kit_status rc = sched_submit(r.lane, &j.job, NULL, NULL);
        assert_true(rc == KIT_OK || rc == KIT_NOMEM);
        sched_lane_close(r.lane, false, NULL);
        assert_int_equal(atomic_load(&j.done), rc == KIT_OK);
        rig_done(&r);
    }
}

int main(void)
{
    return TEST_RUN(
        TEST_OF(lane_opens_one_instance_for_all_cores_and_the_others_for_one),
        TEST_OF(lane_runs_each_row_once_and_gives_the_job_back), TEST_OF(lane_gives_a_waiting_job_back_inside_cancel),
        TEST_OF(lane_stops_a_running_batch_when_its_client_has_left),
        TEST_OF(lane_repeats_a_stop_that_came_before_the_engine_listened),
        TEST_OF(lane_tells_lateness_while_every_worker_is_busy),
        TEST_OF(lane_fails_a_bad_job_and_not_those_in_its_batch), TEST_OF(lane_fails_all_when_the_engine_is_lost),
        TEST_OF(lane_is_full_and_says_which_model_and_when_to_come_again), TEST_OF(lane_close_finishes_what_waits),
        TEST_OF(lane_failed_close_fails_what_waits_while_a_batch_is_on),
        TEST_OF(lane_failed_close_takes_a_cancel_for_the_batch_that_is_on),
        TEST_OF(lane_shrinks_an_instance_once_when_it_rests),
        TEST_OF(lane_open_says_why_an_instance_did_not_open_and_closes_the_others), TEST_OF(lane_counts_what_it_did),
        TEST_OF(lane_gives_each_job_back_once_in_a_storm_of_jobs_and_cancels),
        TEST_OF(lane_closes_in_the_middle_of_a_storm), TEST_OF(lane_open_survives_each_failed_alloc),
        TEST_OF(lane_submit_survives_each_failed_alloc));
}
