#include "sched/sched.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "kit/alloc.h"
#include "kit/clock.h"
#include "kit/str.h"
#include "kit/sync.h"
#include "sched/core.h"
#include "sched/metrics.h"

#define THREAD_NAME_BYTES 16
#define STOP_AGAIN_NS (10 * KIT_NS_PER_MS) /* a stop may come just before the engine's call begins: it is told again */

struct lane_metrics {
    struct sched_request_metrics requests;
    struct kit_metric_series *batch_tokens, *batch_rows, *run_seconds, *rows, *tokens;
};

struct lane_worker {
    struct sched_lane *lane; /* borrowed */
    uint32_t index;
    struct kit_thread thread;
    struct kit_cond woken;
    struct plug_instance *instance; /* its thread's */
    bool warm;                      /* has run since it was shrunk */
};

/* The mutex is needed because whoever submits wants to know at once whether there is room, and because a stop must not
 * reach the next batch. It is held for decisions only, never while a batch runs or `done` is called. */
struct sched_lane {
    struct kit_mutex lock;
    struct kit_cond changed; /* for whoever opens or closes */
    struct kit_cond keeper_woken;
    struct kit_thread keeper; /* sees to deadlines while all workers are busy, and repeats stops */
    struct sched_core *core;
    struct kit_slots *tickets;
    uint32_t opened, calling; /* instances that are there; threads inside `done` */
    uint64_t told;            /* bit w: worker w was told to stop, in this round of the keeper */
    uint64_t keeper_until_ns; /* when the keeper looks again */
    bool ending;
    enum kit_status open_status; /* the first failure */
    struct kit_err open_err;

    struct plug_engine *engine;        /* borrowed */
    struct plug_model *model;          /* borrowed */
    const struct sched_worker *worker; /* borrowed */
    void *worker_ctx;
    struct sched_lane_options options;
    char *model_id; /* owned */
    struct lane_metrics metrics;
    struct lane_worker workers[];
};

/* --- metrics --- */

static void open_metrics(struct lane_metrics *m, kit_str id)
{
    sched_request_metrics_open(&m->requests, id);
    m->batch_tokens = METRIC_SERIES(sched_batch_tokens, id);
    m->batch_rows = METRIC_SERIES(sched_batch_rows, id);
    m->run_seconds = METRIC_SERIES(sched_run_seconds, id);
    m->rows = METRIC_SERIES(sched_rows_total, id);
    m->tokens = METRIC_SERIES(sched_tokens_total, id);
}

static void count_batch(const struct lane_metrics *m, const struct sched_batch *b, uint64_t ns)
{
    kit_metric_series_observe(m->batch_tokens, (double)b->tokens);
    kit_metric_series_observe(m->batch_rows, b->rows);
    kit_metric_series_observe(m->run_seconds, sched_seconds(ns));
    kit_metric_series_add(m->tokens, (double)b->tokens);
    kit_metric_series_add(m->rows, b->rows);
}

/* --- what the core wants done; the lock is held --- */

static void wake(struct sched_lane *l)
{
    for (uint64_t wakes = sched_core_wakes(l->core); wakes != 0; wakes &= wakes - 1) {
        kit_cond_signal(&l->workers[__builtin_ctzll(wakes)].woken);
    }
}

static void stop(struct sched_lane *l)
{
    uint64_t stops = sched_core_stops(l->core);
    for (uint64_t left = stops & ~l->told; left != 0; left &= left - 1) {
        plug_instance_cancel(l->workers[__builtin_ctzll(left)].instance);
    }
    l->told = stops;
}

static uint64_t keeper_due(const struct sched_lane *l)
{
    uint64_t due = sched_core_deadline(l->core);
    return sched_core_stops(l->core) == 0 ? due : KIT_MIN(due, kit_clock_ns() + STOP_AGAIN_NS);
}

static void wake_keeper(struct sched_lane *l)
{
    if (keeper_due(l) < l->keeper_until_ns) {
        l->keeper_until_ns = 0; /* once is enough until it has looked */
        kit_cond_signal(&l->keeper_woken);
    }
}

/* Takes the finished jobs out, in order. */
static struct sched_job *take_done(struct sched_lane *l)
{
    struct sched_job *first = NULL, **last = &first;
    for (struct sched_job *job; (job = sched_core_done(l->core)) != NULL; last = &job->next) {
        void *known = kit_slots_remove(l->tickets, job->ticket);
        assert(known == job);
        (void)known;
        *last = job;
    }
    return first;
}

static void show_counts(const struct sched_lane *l)
{
    struct sched_counts n = sched_core_counts(l->core);
    kit_metric_series_set(l->metrics.requests.queue_jobs, n.jobs_waiting);
    kit_metric_series_set(l->metrics.requests.queue_tokens, (double)n.tokens_waiting);
}

/* Gives finished jobs back, without the lock. */
static void give_back(struct sched_lane *l, struct sched_job *done)
{
    l->calling++;
    kit_mutex_unlock(&l->lock);
    for (struct sched_job *next; done != NULL; done = next) {
        next = done->next;
        done->next = NULL;
        sched_request_metrics_ended(&l->metrics.requests, done->failed, done->submitted_ns, done->started_ns);
        l->worker->done(l->worker_ctx, done);
    }
    kit_mutex_lock(&l->lock);
    l->calling--;
}

static void act(struct sched_lane *l)
{
    wake(l);
    stop(l);
    wake_keeper(l);
    show_counts(l);
    struct sched_job *done = take_done(l);
    if (done != NULL) {
        give_back(l, done);
        kit_cond_broadcast(&l->changed);
    }
}

/* --- a model thread --- */

static enum kit_status open_instance(struct lane_worker *w, struct kit_err *err)
{
    const struct sched_lane *l = w->lane;
    uint64_t row_tokens_max = plug_model_info(l->model)->row_tokens_max;
    const struct acb_instance_open options = {.size = sizeof(options),
                                              .mode = ACB_MODE_INFER,
                                              .cores_max = w->index == 0 ? l->options.cores_max : 1,
                                              .call_tokens_max = KIT_MAX(l->options.batch_tokens_max, row_tokens_max)};
    return plug_instance_open(l->model, &options, &w->instance, err);
}

/* Runs it on the core that was lent, and on more where they are free. */
static enum kit_status run_batch(struct lane_worker *w, const struct sched_batch *b, struct kit_err *err)
{
    struct sched_lane *l = w->lane;
    uint32_t more = b->cores > 1 ? plug_cores_acquire(l->engine, 0, b->cores - 1) : 0;
    uint64_t from = kit_clock_ns();
    enum kit_status status = l->worker->run(l->worker_ctx, w->instance, b->slices, b->count, 1 + more, err);
    count_batch(&l->metrics, b, kit_clock_ns() - from);
    if (more > 0) {
        plug_cores_release(l->engine, more);
    }
    return status;
}

static void run_and_finish(struct lane_worker *w, const struct sched_batch *b)
{
    struct sched_lane *l = w->lane;
    struct kit_err err = {0};
    enum kit_status status = KIT_CANCELLED;
    if ((sched_core_stops(l->core) >> w->index & 1) == 0) {
        kit_mutex_unlock(&l->lock);
        w->warm = true;
        status = run_batch(w, b, &err);
        kit_mutex_lock(&l->lock);
    }
    sched_core_finish(l->core, w->index, status, &err, kit_clock_ns());
}

/* The batch is formed when a core has been lent, not before: until then its rows may go elsewhere, or away. The lock is
 * held on entry and on return. */
static void work_once(struct lane_worker *w)
{
    struct sched_lane *l = w->lane;
    struct sched_batch batch;
    kit_mutex_unlock(&l->lock);
    uint32_t cores = plug_cores_acquire(l->engine, 1, 1);
    kit_mutex_lock(&l->lock);
    if (sched_core_take(l->core, w->index, kit_clock_ns(), &batch)) {
        act(l);
        run_and_finish(w, &batch);
    }
    plug_cores_release(l->engine, cores);
    act(l);
}

/* Until it is woken. An instance that rests for long gives back what it does not need at rest. */
static void rest(struct lane_worker *w)
{
    struct sched_lane *l = w->lane;
    uint32_t ms = l->options.shrink_after_ms == 0 ? SCHED_SHRINK_MS : l->options.shrink_after_ms;
    uint64_t until = w->warm ? kit_clock_ns() + ms * KIT_NS_PER_MS : KIT_NEVER_NS;
    if (!kit_cond_wait_until(&w->woken, &l->lock, until)) {
        w->warm = false;
        kit_mutex_unlock(&l->lock);
        plug_instance_shrink(w->instance);
        kit_mutex_lock(&l->lock);
    }
}

static void work_until_end(struct lane_worker *w)
{
    struct sched_lane *l = w->lane;
    while (!l->ending) {
        if (sched_core_is_awake(l->core, w->index)) {
            work_once(w);
        } else {
            rest(w);
        }
    }
}

static void worker_main(void *arg)
{
    struct lane_worker *w = arg;
    struct sched_lane *l = w->lane;
    struct kit_err err = {0};
    enum kit_status rc = open_instance(w, &err);
    kit_mutex_lock(&l->lock);
    l->opened++;
    if (rc != KIT_OK && l->open_status == KIT_OK) {
        l->open_status = rc;
        l->open_err = err;
    }
    kit_cond_broadcast(&l->changed);
    if (rc == KIT_OK) {
        work_until_end(w);
    }
    kit_mutex_unlock(&l->lock);
    plug_instance_close(w->instance);
}

/* --- the keeper --- */

static void keeper_main(void *arg)
{
    struct sched_lane *l = arg;
    kit_mutex_lock(&l->lock);
    while (!l->ending) {
        l->keeper_until_ns = keeper_due(l);
        kit_cond_wait_until(&l->keeper_woken, &l->lock, l->keeper_until_ns);
        sched_core_tick(l->core, kit_clock_ns());
        l->told = 0;
        act(l);
    }
    kit_mutex_unlock(&l->lock);
}

/* --- birth --- */

static void end_threads(struct sched_lane *l)
{
    kit_mutex_lock(&l->lock);
    l->ending = true;
    kit_cond_signal(&l->keeper_woken);
    for (uint32_t i = 0; i < l->options.instances; i++) {
        kit_cond_signal(&l->workers[i].woken);
    }
    kit_mutex_unlock(&l->lock);
    for (uint32_t i = 0; i < l->options.instances; i++) {
        kit_thread_join(&l->workers[i].thread);
    }
    kit_thread_join(&l->keeper);
}

static void free_lane(struct sched_lane *l)
{
    if (l == NULL) {
        return;
    }
    end_threads(l);
    for (uint32_t i = 0; i < l->options.instances; i++) {
        kit_cond_done(&l->workers[i].woken);
    }
    kit_cond_done(&l->keeper_woken);
    kit_cond_done(&l->changed);
    kit_mutex_done(&l->lock);
    sched_core_free(l->core);
    kit_slots_free(l->tickets);
    kit_alloc_free(l->model_id);
    kit_alloc_free(l);
}

static struct sched_lane *alloc_lane(const struct sched_lane_options *options)
{
    struct sched_lane *l = kit_alloc_zero(1, sizeof(*l) + options->instances * sizeof(l->workers[0]));
    if (l == NULL) {
        return NULL;
    }
    l->options = *options;
    kit_mutex_init(&l->lock);
    kit_cond_init(&l->changed);
    kit_cond_init(&l->keeper_woken);
    for (uint32_t i = 0; i < options->instances; i++) {
        l->workers[i] = (struct lane_worker){.lane = l, .index = i};
        kit_cond_init(&l->workers[i].woken);
    }
    l->model_id = kit_alloc_copy(options->model_id, strlen(options->model_id));
    l->options.model_id = l->model_id;
    return l;
}

/* Most jobs inside, which wait or are held by batches, and the one that is about to be refused. */
static uint32_t tickets_max(const struct sched_lane_options *o)
{
    return KIT_MIN(o->queue_jobs_max + o->instances * o->batch_rows_max + 1, UINT32_C(1) << 24);
}

static enum kit_status start_threads(struct sched_lane *l, struct kit_err *err)
{
    char name[THREAD_NAME_BYTES];
    enum kit_status rc = KIT_OK;
    for (uint32_t i = 0; i < l->options.instances && rc == KIT_OK; i++) {
        snprintf(name, sizeof(name), "%u:%s", i, l->model_id);
        rc = kit_thread_start(&l->workers[i].thread, name, worker_main, &l->workers[i], err);
    }
    if (rc == KIT_OK) {
        snprintf(name, sizeof(name), "k:%s", l->model_id);
        rc = kit_thread_start(&l->keeper, name, keeper_main, l, err);
    }
    return rc;
}

static enum kit_status wait_until_open(struct sched_lane *l, struct kit_err *err)
{
    kit_mutex_lock(&l->lock);
    while (l->opened < l->options.instances && l->open_status == KIT_OK) {
        kit_cond_wait(&l->changed, &l->lock);
    }
    enum kit_status rc = l->open_status;
    if (rc != KIT_OK && err != NULL) {
        *err = l->open_err;
    }
    kit_mutex_unlock(&l->lock);
    return rc;
}

enum kit_status sched_lane_open(struct plug_engine *engine, struct plug_model *model,
                                const struct sched_lane_options *options, const struct sched_worker *worker,
                                void *worker_ctx, struct sched_lane **ret, struct kit_err *err)
{
    struct sched_core *core = NULL;
    enum kit_status rc = sched_core_new(options, &core, err);
    if (rc != KIT_OK) {
        return rc;
    }
    struct sched_lane *l = alloc_lane(options);
    if (l == NULL) {
        sched_core_free(core);
        return kit_fail(err, KIT_NOMEM, "out of memory for model '%s'", options->model_id);
    }
    l->core = core;
    l->engine = engine;
    l->model = model;
    l->worker = worker;
    l->worker_ctx = worker_ctx;
    if (l->model_id == NULL || kit_slots_new(tickets_max(options), &l->tickets) != KIT_OK) {
        rc = kit_fail(err, KIT_NOMEM, "out of memory for model '%s'", options->model_id);
        goto out;
    }
    open_metrics(&l->metrics, kit_str_c(l->model_id));
    rc = start_threads(l, err);
    if (rc == KIT_OK) {
        rc = wait_until_open(l, err);
    }
    if (rc == KIT_OK) {
        *ret = l;
        l = NULL;
    }
out:
    free_lane(l);
    return rc;
}

/* --- for clients --- */

/* The ticket comes first, so that nothing can fail once the core has the job. */
static enum kit_status submit_locked(struct sched_lane *l, struct sched_job *job, uint32_t *retry_after_ms,
                                     struct kit_err *err)
{
    kit_id ticket;
    enum kit_status rc = kit_slots_add(l->tickets, job, &ticket);
    if (rc != KIT_OK) {
        return kit_fail(err, rc, "no room for one more request");
    }
    rc = sched_core_submit(l->core, job, kit_clock_ns(), retry_after_ms, err);
    if (rc != KIT_OK) {
        kit_slots_remove(l->tickets, ticket);
        return rc;
    }
    job->ticket = ticket;
    wake(l);
    wake_keeper(l);
    show_counts(l);
    return KIT_OK;
}

enum kit_status sched_submit(struct sched_lane *lane, struct sched_job *job, uint32_t *retry_after_ms,
                             struct kit_err *err)
{
    kit_mutex_lock(&lane->lock);
    enum kit_status rc = submit_locked(lane, job, retry_after_ms, err);
    kit_mutex_unlock(&lane->lock);
    if (rc != KIT_OK) {
        sched_request_metrics_refused(&lane->metrics.requests);
        kit_err_prefix(err, rc, "model '%s'", lane->model_id);
    }
    return rc;
}

void sched_cancel(struct sched_lane *lane, kit_id ticket)
{
    kit_mutex_lock(&lane->lock);
    struct sched_job *job = kit_slots_get(lane->tickets, ticket);
    if (job != NULL) {
        sched_core_cancel(lane->core, job, kit_clock_ns());
        act(lane);
    }
    kit_mutex_unlock(&lane->lock);
}

struct sched_counts sched_lane_counts(struct sched_lane *lane)
{
    kit_mutex_lock(&lane->lock);
    struct sched_counts counts = sched_core_counts(lane->core);
    kit_mutex_unlock(&lane->lock);
    return counts;
}

void sched_lane_close(struct sched_lane *lane, bool failed, const char *why)
{
    if (lane == NULL) {
        return;
    }
    kit_mutex_lock(&lane->lock);
    sched_core_close(lane->core, failed, why, kit_clock_ns());
    act(lane);
    while (!sched_core_is_empty(lane->core) || lane->calling > 0) {
        kit_cond_wait(&lane->changed, &lane->lock);
    }
    kit_mutex_unlock(&lane->lock);
    free_lane(lane);
}
