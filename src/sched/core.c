#include "sched/core.h"

#include <assert.h>

#include "kit/alloc.h"
#include "kit/clock.h"
#include "kit/str.h"
#include "sched/inner.h"

#define QUEUE_JOBS_LIMIT (UINT32_C(1) << 20)
#define BATCH_ROWS_LIMIT 65536u
#define SPEED_WEIGHT 0.125 /* of the newest batch in the running mean */
#define NO_WHY "the model is being unloaded"

/* --- birth and death --- */

static enum kit_status check_options(const struct sched_lane_options *o, struct kit_err *err)
{
    const struct {
        const char *name;
        uint64_t value, max;
    } rows[] = {
        {"instances", o->instances, SCHED_INSTANCES_MAX},      {"cores_max", o->cores_max, UINT32_MAX},
        {"batch_tokens_max", o->batch_tokens_max, UINT64_MAX}, {"batch_rows_max", o->batch_rows_max, BATCH_ROWS_LIMIT},
        {"queue_tokens_max", o->queue_tokens_max, UINT64_MAX}, {"queue_jobs_max", o->queue_jobs_max, QUEUE_JOBS_LIMIT},
    };
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        if (rows[i].value < 1 || rows[i].value > rows[i].max) {
            return kit_fail_param(err, KIT_INVALID, rows[i].name, "%s is %llu, but must be from 1 to %llu",
                                  rows[i].name, (unsigned long long)rows[i].value, (unsigned long long)rows[i].max);
        }
    }
    return KIT_OK;
}

static enum kit_status make_workers(struct sched_core *c)
{
    size_t rows = c->options.batch_rows_max;
    c->workers = kit_alloc_zero(c->options.instances, sizeof(*c->workers));
    for (uint32_t i = 0; c->workers != NULL && i < c->options.instances; i++) {
        struct sched_seat *w = &c->workers[i];
        w->slices = kit_alloc_zero(rows, sizeof(*w->slices));
        w->holds = kit_alloc_zero(rows, sizeof(*w->holds));
        if (w->slices == NULL || w->holds == NULL) {
            return KIT_NOMEM;
        }
    }
    return c->workers == NULL ? KIT_NOMEM : KIT_OK;
}

enum kit_status sched_core_new(const struct sched_lane_options *options, struct sched_core **ret, struct kit_err *err)
{
    enum kit_status rc = check_options(options, err);
    if (rc != KIT_OK) {
        return rc;
    }
    struct sched_core *c = kit_alloc_zero(1, sizeof(*c));
    if (c == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for a scheduler");
    }
    c->options = *options;
    c->options.model_id = NULL;
    c->asleep = options->instances;
    c->done_last = &c->done_first;
    rc = make_workers(c);
    rc = rc == KIT_OK ? sched_queue_new(options->queue_jobs_max, &c->queue) : rc;
    rc = rc == KIT_OK ? sched_deadline_new(options->queue_jobs_max, &c->deadlines) : rc;
    if (rc != KIT_OK) {
        sched_core_free(c);
        return kit_fail(err, rc, "out of memory for a queue of %u jobs", options->queue_jobs_max);
    }
    *ret = c;
    return KIT_OK;
}

void sched_core_free(struct sched_core *c)
{
    if (c == NULL) {
        return;
    }
    assert(c->jobs == 0);
    for (uint32_t i = 0; c->workers != NULL && i < c->options.instances; i++) {
        kit_alloc_free(c->workers[i].slices);
        kit_alloc_free(c->workers[i].holds);
    }
    kit_alloc_free(c->workers);
    sched_queue_free(c->queue);
    sched_deadline_free(c->deadlines);
    kit_alloc_free(c);
}

/* --- events from clients --- */

static enum kit_status sum_tokens(const struct sched_job *job, uint64_t *ret, struct kit_err *err)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < job->row_count; i++) {
        if (job->rows[i].tokens == 0) {
            return kit_fail(err, KIT_INVALID, "row %u has no tokens", i);
        }
        sum += job->rows[i].tokens;
    }
    *ret = sum;
    return sum > 0 ? KIT_OK : kit_fail(err, KIT_INVALID, "the job has no rows");
}

/* How long it takes until so many of the waiting tokens are gone. */
static void reset_job(struct sched_job *job, uint64_t tokens, uint64_t now_ns)
{
    job->next = NULL;
    job->submitted_ns = now_ns;
    job->started_ns = job->finished_ns = job->compute_ns = 0;
    job->rows_next = job->rows_running = job->rows_done = 0;
    job->cancelled = false;
    job->failed = KIT_OK;
    kit_flag_set(&job->lost, false);
    job->err = (struct kit_err){0};
    job->book = (struct sched_book){.tokens = tokens, .tokens_waiting = tokens};
}

enum kit_status sched_core_submit(struct sched_core *c, struct sched_job *job, uint64_t now_ns,
                                  uint32_t *retry_after_ms, struct kit_err *err)
{
    uint64_t tokens;
    enum kit_status rc = sum_tokens(job, &tokens, err);
    if (rc == KIT_OK && job->deadline_ns <= now_ns) {
        rc = kit_fail(err, KIT_TIMEOUT, "the deadline has passed before the request could wait");
    }
    if (rc == KIT_OK) {
        rc = sched_admit(c, tokens, retry_after_ms, err);
    }
    if (rc == KIT_OK) {
        reset_job(job, tokens, now_ns);
        c->jobs++;
        sched_queue_add(c->queue, job);
        sched_deadline_add(c->deadlines, &job->book.due, job->deadline_ns);
        sched_cores_wake(c);
    }
    return rc;
}

void sched_core_cancel(struct sched_core *c, struct sched_job *job, uint64_t now_ns)
{
    job->cancelled = true;
    if (job->failed == KIT_OK) {
        kit_fail(&job->err, KIT_CANCELLED, "cancelled with %u of %u inputs done", job->rows_done, job->row_count);
        sched_end_abandon(c, job, KIT_CANCELLED, now_ns);
    }
}

/* --- events from workers --- */

static void start(struct sched_core *c, struct sched_seat *w, bool retry, uint64_t now_ns, struct sched_batch *ret)
{
    sched_cores_set_state(c, w, SCHED_RUNNING);
    w->started_ns = now_ns;
    w->wanted = w->until - w->from;
    *ret = (struct sched_batch){.slices = w->slices + w->from,
                                .count = w->until - w->from,
                                .rows = w->rows,
                                .tokens = w->tokens,
                                .cores = sched_cores_share(c, w),
                                .retry = retry};
    sched_cores_wake(c);
}

bool sched_core_take(struct sched_core *c, uint32_t worker, uint64_t now_ns, struct sched_batch *ret)
{
    struct sched_seat *w = &c->workers[worker];
    assert(worker < c->options.instances && w->state != SCHED_RUNNING);
    sched_core_tick(c, now_ns);
    if (sched_batch_retry(c, w, now_ns)) {
        start(c, w, true, now_ns, ret);
        return true;
    }
    if (worker != 0 && sched_cores_are_for_the_first(c)) {
        sched_cores_wake(c);
        sched_cores_set_state(c, w, SCHED_ASLEEP);
        return false;
    }
    sched_batch_form(c, worker, now_ns);
    if (w->count > 0) {
        start(c, w, false, now_ns, ret);
        return true;
    }
    sched_cores_set_state(c, w, SCHED_ASLEEP);
    return false;
}

static void learn_speed(struct sched_core *c, const struct sched_seat *w, uint64_t ns)
{
    double speed = (double)w->tokens * (double)KIT_NS_PER_S / (double)KIT_MAX(ns, 1);
    c->speed = c->speed <= 0 ? speed : c->speed + SPEED_WEIGHT * (speed - c->speed);
}

static void book_compute(struct sched_seat *w, uint64_t ns)
{
    for (uint32_t i = w->from; i < w->until; i++) {
        double share = (double)w->holds[i].tokens / (double)w->tokens;
        w->slices[i].job->compute_ns += (uint64_t)((double)ns * share);
    }
}

/* Keeps the jobs for a run of their own, but those that nobody wants any more. */
static void keep_for_retry(struct sched_core *c, struct sched_seat *w, uint64_t now_ns)
{
    for (uint32_t i = w->from; i < w->until; i++) {
        struct sched_job *job = w->slices[i].job;
        if (job->failed != KIT_OK) {
            sched_end_hold(c, &w->holds[i]);
            sched_end_if_over(c, job, now_ns);
        }
    }
    w->until = w->from;
}

static void settle(struct sched_core *c, struct sched_seat *w, enum kit_status status, const struct kit_err *err,
                   uint64_t now_ns)
{
    for (uint32_t i = w->from; i < w->until; i++) {
        struct sched_job *job = w->slices[i].job;
        uint32_t rows = w->slices[i].count;
        sched_end_hold(c, &w->holds[i]);
        if (status == KIT_OK) {
            job->rows_done += rows;
            sched_end_if_over(c, job, now_ns);
            continue;
        }
        if (job->failed == KIT_OK) {
            job->err = *err;
        }
        sched_end_abandon(c, job, status, now_ns);
    }
}

void sched_core_finish(struct sched_core *c, uint32_t worker, enum kit_status status, const struct kit_err *err,
                       uint64_t now_ns)
{
    struct sched_seat *w = &c->workers[worker];
    assert(worker < c->options.instances && w->state == SCHED_RUNNING);
    uint64_t ns = now_ns - w->started_ns;
    struct kit_err unasked;
    if (status == KIT_CANCELLED && (c->stops >> worker & 1) == 0) {
        status = kit_fail(&unasked, KIT_INTERNAL, "the engine stopped without being asked to");
        err = &unasked;
    }
    bool retry = status != KIT_OK && w->until - w->from > 1;
    sched_cores_set_state(c, w, SCHED_AWAKE);
    c->stops &= ~(UINT64_C(1) << worker);
    book_compute(w, ns);
    if (status == KIT_OK) {
        learn_speed(c, w, ns);
    }
    if (retry) {
        keep_for_retry(c, w, now_ns);
    } else {
        settle(c, w, status, err, now_ns);
    }
    if (status == KIT_UNAVAILABLE) {
        sched_core_lose(c, err->msg, now_ns);
    }
    c->crowded = c->running > 0 || sched_queue_rows(c->queue) > 0;
}

/* --- events of time, and the end --- */

void sched_core_tick(struct sched_core *c, uint64_t now_ns)
{
    for (struct sched_due *due; (due = sched_deadline_first(c->deadlines)) != NULL && due->at_ns <= now_ns;) {
        struct sched_job *job = KIT_CONTAINER(due, struct sched_job, book.due);
        sched_end_late(c, job, now_ns);
    }
}

/* Gives up what a failed batch has left for a second run. */
static void abandon_retries(struct sched_core *c, uint64_t now_ns)
{
    for (uint32_t k = 0; k < c->options.instances; k++) {
        struct sched_seat *w = &c->workers[k];
        for (uint32_t i = w->until; i < w->count; i++) {
            struct sched_job *job = w->slices[i].job;
            if (job != NULL) {
                kit_fail(&job->err, KIT_UNAVAILABLE, "%s", c->why);
                sched_end_abandon(c, job, KIT_UNAVAILABLE, now_ns);
            }
        }
    }
}

void sched_core_close(struct sched_core *c, bool failed, const char *why, uint64_t now_ns)
{
    if (!c->closed) {
        c->closed = true;
        kit_str_to_c(kit_str_c(why == NULL || why[0] == '\0' ? NO_WHY : why), c->why, sizeof(c->why));
    }
    if (!failed) {
        return;
    }
    for (struct sched_job *job; (job = sched_queue_first(c->queue)) != NULL;) {
        kit_fail(&job->err, KIT_UNAVAILABLE, "%s", c->why);
        sched_end_abandon(c, job, KIT_UNAVAILABLE, now_ns);
    }
    abandon_retries(c, now_ns);
}

void sched_core_lose(struct sched_core *c, const char *why, uint64_t now_ns)
{
    sched_core_close(c, true, why, now_ns);
}

/* --- the outbox, and looking --- */

struct sched_job *sched_core_done(struct sched_core *c)
{
    struct sched_job *job = c->done_first;
    if (job != NULL) {
        c->done_first = job->next;
        if (c->done_first == NULL) {
            c->done_last = &c->done_first;
        }
        job->next = NULL;
    }
    return job;
}

uint64_t sched_core_wakes(struct sched_core *c)
{
    uint64_t wakes = c->wakes;
    c->wakes = 0;
    return wakes;
}

uint64_t sched_core_stops(const struct sched_core *c)
{
    return c->stops;
}

uint64_t sched_core_deadline(const struct sched_core *c)
{
    const struct sched_due *due = sched_deadline_first(c->deadlines);
    return due == NULL ? KIT_NEVER_NS : due->at_ns;
}

bool sched_core_is_awake(const struct sched_core *c, uint32_t worker)
{
    return c->workers[worker].state != SCHED_ASLEEP;
}

bool sched_core_is_empty(const struct sched_core *c)
{
    return c->jobs == 0;
}

struct sched_counts sched_core_counts(const struct sched_core *c)
{
    uint32_t waiting = sched_queue_jobs(c->queue);
    return (struct sched_counts){
        .jobs_waiting = waiting, .jobs_running = c->jobs - waiting, .tokens_waiting = sched_queue_tokens(c->queue)};
}
