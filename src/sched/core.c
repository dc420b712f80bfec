#include "sched/core.h"

#include <assert.h>
#include <stdio.h>

#include "kit/alloc.h"
#include "kit/clock.h"
#include "kit/str.h"
#include "sched/deadline.h"
#include "sched/queue.h"

#define QUEUE_JOBS_LIMIT (UINT32_C(1) << 20)
#define BATCH_ROWS_LIMIT 65536u
#define RETRY_AFTER_MS_UNKNOWN 1000u /* before anything was measured */
#define RETRY_AFTER_MS_MAX 60000u
#define SPEED_WEIGHT 0.125 /* of the newest batch in the running mean */
#define NO_WHY "the model is being unloaded"

/* A slice of a job in a worker's hands; stands at the same index as the slice itself. */
struct sched_hold {
    struct sched_hold *prev, *next; /* the job's others, in other workers */
    uint64_t tokens;
    uint32_t worker;
};

enum worker_state { ASLEEP, AWAKE, RUNNING };

struct worker {
    enum worker_state state;
    struct sched_slice *slices; /* [batch_rows_max]; owned. job NULL: let go of */
    struct sched_hold *holds;   /* [batch_rows_max]; owned */
    uint32_t count;             /* slices in hand */
    uint32_t from, until;       /* of those, the ones that run; behind them the ones to retry */
    uint32_t wanted;            /* running slices whose job still wants its answer */
    uint32_t rows;              /* of the slices that run */
    uint64_t tokens, started_ns;
};

struct sched_core {
    struct sched_lane_options options;
    struct sched_queue *queue;
    struct sched_deadline *deadlines;
    struct worker *workers; /* [instances] */
    struct sched_job *done_first, **done_last;
    uint64_t wakes, stops;
    uint32_t jobs;    /* inside, waiting or not */
    uint32_t running; /* workers */
    uint32_t asleep;  /* workers */
    bool crowded;     /* when a worker was last done, others had work: one core is left for the next of them */
    bool closed;
    double speed; /* tokens a second of one worker; 0: not known */
    char why[KIT_ERR_MSG_BYTES];
};

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
        struct worker *w = &c->workers[i];
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

/* --- waking --- */

static void set_state(struct sched_core *c, struct worker *w, enum worker_state state)
{
    c->asleep = c->asleep - (w->state == ASLEEP) + (state == ASLEEP);
    c->running = c->running - (w->state == RUNNING) + (state == RUNNING);
    w->state = state;
}

/* Workers that the waiting rows could use with a core each, besides those that run. */
static uint32_t workers_useful(const struct sched_core *c)
{
    uint64_t rows = sched_queue_rows(c->queue);
    uint64_t by_tokens = KIT_MAX(sched_queue_tokens(c->queue) / SCHED_CORE_SPREAD_TOKENS, 1);
    uint64_t most = KIT_MIN(rows, by_tokens);
    return (uint32_t)KIT_MIN(most, c->options.instances);
}

/* Only the first worker's instance can use more than one core. Where the waiting rows would leave half of the free cores
 * idle, they are its own: all of them on all cores are done before the longest is on one. */
static bool is_for_the_first(const struct sched_core *c)
{
    uint64_t useful = workers_useful(c);
    return useful > 0 && c->workers[0].state != RUNNING && c->running + 2 * useful <= c->options.cores_max;
}

static void wake_worker(struct sched_core *c, uint32_t worker)
{
    set_state(c, &c->workers[worker], AWAKE);
    c->wakes |= UINT64_C(1) << worker;
}

/* The first sleepers are woken first: a worker that ran lately finds its memory warm. */
static void wake_workers(struct sched_core *c)
{
    if (is_for_the_first(c)) {
        if (c->workers[0].state == ASLEEP) {
            wake_worker(c, 0);
        }
        return;
    }
    uint32_t awake = c->options.instances - c->asleep - c->running;
    uint32_t wanted = workers_useful(c);
    for (uint32_t i = 0; awake < wanted && c->asleep > 0; i++) {
        if (c->workers[i].state == ASLEEP) {
            wake_worker(c, i);
            awake++;
        }
    }
}

/* --- the end of jobs --- */

static void finish_job_if_over(struct sched_core *c, struct sched_job *job, uint64_t now_ns)
{
    bool is_over = job->failed != KIT_OK || job->rows_done == job->row_count;
    if (is_over && job->book.holds == NULL) {
        job->finished_ns = now_ns;
        job->next = NULL;
        *c->done_last = job;
        c->done_last = &job->next;
        c->jobs--;
    }
}

static void let_go(struct sched_core *c, struct sched_hold *h)
{
    struct worker *w = &c->workers[h->worker];
    struct sched_slice *s = &w->slices[h - w->holds];
    struct sched_job *job = s->job;
    *(h->prev != NULL ? &h->prev->next : &job->book.holds) = h->next;
    if (h->next != NULL) {
        h->next->prev = h->prev;
    }
    job->rows_running -= s->count;
    s->job = NULL;
}

static bool hold_runs(const struct sched_core *c, const struct sched_hold *h)
{
    const struct worker *w = &c->workers[h->worker];
    size_t index = (size_t)(h - w->holds);
    return w->state == RUNNING && index >= w->from && index < w->until;
}

/* Nobody wants this job's answer any more: what would be retried is let go of, what runs goes on for the others. */
static void abandon_holds(struct sched_core *c, struct sched_job *job)
{
    for (struct sched_hold *h = job->book.holds, *next; h != NULL; h = next) {
        next = h->next;
        struct worker *w = &c->workers[h->worker];
        if (!hold_runs(c, h)) {
            let_go(c, h);
        } else if (--w->wanted == 0) {
            c->stops |= UINT64_C(1) << h->worker;
        }
    }
}

/* The job's answer is lost: job->err says why. */
static void abandon(struct sched_core *c, struct sched_job *job, enum kit_status status, uint64_t now_ns)
{
    if (job->failed == KIT_OK) {
        job->failed = status;
        kit_flag_set(&job->lost, true);
        sched_queue_remove(c->queue, job);
        sched_deadline_remove(c->deadlines, job);
        abandon_holds(c, job);
    }
    finish_job_if_over(c, job, now_ns);
}

static void abandon_late(struct sched_core *c, struct sched_job *job, uint64_t now_ns)
{
    kit_fail(&job->err, KIT_TIMEOUT, "the deadline came %llu ms after the request, with %u of %u inputs not started",
             (unsigned long long)((now_ns - job->submitted_ns) / KIT_NS_PER_MS), job->row_count - job->rows_next,
             job->row_count);
    abandon(c, job, KIT_TIMEOUT, now_ns);
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
static uint32_t estimate_ms(const struct sched_core *c, uint64_t tokens)
{
    if (c->speed <= 0) {
        return RETRY_AFTER_MS_UNKNOWN;
    }
    double ms = 1000.0 * (double)tokens / (c->speed * c->options.instances);
    return ms >= RETRY_AFTER_MS_MAX ? RETRY_AFTER_MS_MAX : (uint32_t)ms + 1;
}

static enum kit_status refuse_full(const struct sched_core *c, uint64_t surplus, uint32_t *retry_after_ms,
                                   struct kit_err *err)
{
    uint32_t ms = estimate_ms(c, surplus);
    if (retry_after_ms != NULL) {
        *retry_after_ms = ms;
    }
    return kit_fail(err, KIT_FULL, "%u requests with %llu tokens wait, the limits are %u and %llu; try again in %u ms",
                    sched_queue_jobs(c->queue), (unsigned long long)sched_queue_tokens(c->queue),
                    c->options.queue_jobs_max, (unsigned long long)c->options.queue_tokens_max, ms);
}

static enum kit_status admit(const struct sched_core *c, uint64_t tokens, uint32_t *retry_after_ms, struct kit_err *err)
{
    uint64_t limit = c->options.queue_tokens_max;
    uint64_t waiting = sched_queue_tokens(c->queue);
    uint32_t jobs = sched_queue_jobs(c->queue);
    if (c->closed) {
        return kit_fail(err, KIT_UNAVAILABLE, "%s", c->why);
    }
    if (tokens > limit) {
        return kit_fail(err, KIT_TOO_LARGE, "the request has %llu tokens and the queue takes %llu; send it in parts",
                        (unsigned long long)tokens, (unsigned long long)limit);
    }
    if (tokens > limit - waiting) {
        return refuse_full(c, tokens - (limit - waiting), retry_after_ms, err);
    }
    return jobs < c->options.queue_jobs_max ? KIT_OK : refuse_full(c, waiting / jobs + 1, retry_after_ms, err);
}

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
        rc = admit(c, tokens, retry_after_ms, err);
    }
    if (rc == KIT_OK) {
        reset_job(job, tokens, now_ns);
        c->jobs++;
        sched_queue_add(c->queue, job);
        sched_deadline_add(c->deadlines, job);
        wake_workers(c);
    }
    return rc;
}

void sched_core_cancel(struct sched_core *c, struct sched_job *job, uint64_t now_ns)
{
    job->cancelled = true;
    if (job->failed == KIT_OK) {
        kit_fail(&job->err, KIT_CANCELLED, "cancelled with %u of %u inputs done", job->rows_done, job->row_count);
        abandon(c, job, KIT_CANCELLED, now_ns);
    }
}

/* --- forming a batch --- */

static uint64_t tokens_by_time(const struct sched_core *c)
{
    uint32_t ms = c->options.batch_ms_target == 0 ? SCHED_BATCH_MS : c->options.batch_ms_target;
    double tokens = c->speed * ms / 1000.0;
    if (ms == UINT32_MAX || tokens >= (double)c->options.batch_tokens_max) {
        return c->options.batch_tokens_max;
    }
    return c->speed <= 0 ? SCHED_CORE_FILL_TOKENS : KIT_MAX((uint64_t)tokens, SCHED_CORE_TIMED_TOKENS);
}

/* How many tokens this worker should take: an equal share where others are free too. Where they are busy their share is
 * left for them, but no batch is made too small to be quick for it, and no small rest is left. */
static uint64_t tokens_aim(const struct sched_core *c)
{
    uint64_t waiting = sched_queue_tokens(c->queue);
    uint64_t limit = KIT_MIN(tokens_by_time(c), c->options.batch_tokens_max);
    if (is_for_the_first(c)) {
        return KIT_MIN(waiting, limit);
    }
    uint32_t free = KIT_MIN(c->options.instances - c->running, c->options.cores_max);
    if (free > 1) {
        return KIT_MIN(KIT_MAX(waiting / free, SCHED_CORE_SPREAD_TOKENS), limit);
    }
    uint64_t share = KIT_MAX(waiting / c->options.instances, SCHED_CORE_FILL_TOKENS);
    return KIT_MIN(waiting <= share + share / 2 ? waiting : share, limit);
}

/* A job that keeps all workers busy for several batches begins with a small one: its first rows are there early. */
static uint64_t tokens_aim_of_next(const struct sched_core *c)
{
    const struct sched_job *job = sched_queue_first(c->queue);
    uint64_t aim = tokens_aim(c);
    uint64_t round = c->options.instances * KIT_MIN(tokens_by_time(c), c->options.batch_tokens_max);
    bool begins = job != NULL && job->rows_next == 0 && job->book.tokens_waiting > SCHED_CORE_LONG_ROUNDS * round;
    return begins ? KIT_MIN(aim, SCHED_CORE_FILL_TOKENS) : aim;
}

/* True when a row of so many tokens brings the batch nearer to its aim. */
static bool is_nearer(uint64_t have, uint64_t cost, uint64_t aim)
{
    return have + cost <= aim || (have < aim && have + cost - aim < aim - have);
}

static bool may_join(const struct sched_core *c, const struct worker *w, const struct sched_job *job, uint64_t aim,
                     enum sched_priority most_urgent)
{
    uint64_t cost = job->rows[job->rows_next].tokens;
    if (w->rows == 0) {
        return true;
    }
    if (job->alone || w->slices[0].job->alone) {
        return false;
    }
    if (w->rows == c->options.batch_rows_max || w->tokens + cost > c->options.batch_tokens_max) {
        return false;
    }
    if (job->priority > most_urgent && w->tokens + cost > SCHED_CORE_FILL_TOKENS) {
        return false; /* who is urgent does not wait for much of what is not */
    }
    return is_nearer(w->tokens, cost, aim);
}

/* The job's slice in this batch: its rows come in order, so there is one. */
static struct sched_hold *hold_of(struct sched_core *c, uint32_t worker, struct sched_job *job)
{
    struct worker *w = &c->workers[worker];
    struct sched_hold *h = job->book.holds;
    if (h != NULL && h->worker == worker) {
        return h;
    }
    w->slices[w->count] = (struct sched_slice){.job = job, .first = job->rows_next};
    struct sched_hold *made = &w->holds[w->count];
    *made = (struct sched_hold){.next = h, .worker = worker};
    if (h != NULL) {
        h->prev = made;
    }
    job->book.holds = made;
    w->count++;
    return made;
}

static void take_row(struct sched_core *c, uint32_t worker, struct sched_job *job, uint64_t now_ns)
{
    struct worker *w = &c->workers[worker];
    struct sched_hold *h = hold_of(c, worker, job);
    uint32_t cost = job->rows[job->rows_next].tokens;
    job->started_ns = job->started_ns == 0 ? now_ns : job->started_ns;
    job->rows_running++;
    h->tokens += cost;
    w->slices[h - w->holds].count++;
    w->tokens += cost;
    w->rows++;
    sched_queue_take(c->queue, job);
    if (job->book.flow == NULL) {
        sched_deadline_remove(c->deadlines, job);
    }
}

static void form_batch(struct sched_core *c, uint32_t worker, uint64_t now_ns)
{
    struct worker *w = &c->workers[worker];
    enum sched_priority most_urgent = SCHED_LOW;
    uint64_t aim = tokens_aim_of_next(c);
    w->count = w->from = w->rows = 0;
    w->tokens = 0;
    for (struct sched_job *job; (job = sched_queue_first(c->queue)) != NULL;) {
        if (!may_join(c, w, job, aim, most_urgent)) {
            break;
        }
        most_urgent = KIT_MIN(most_urgent, job->priority);
        take_row(c, worker, job, now_ns);
    }
    w->until = w->count;
}

/* The next job of a failed batch, alone. False: none is left. */
static bool form_retry(struct sched_core *c, struct worker *w, uint64_t now_ns)
{
    for (w->from = w->until; w->from < w->count; w->from++) {
        struct sched_job *job = w->slices[w->from].job;
        if (job != NULL && job->deadline_ns <= now_ns) {
            abandon_late(c, job, now_ns);
        } else if (job != NULL) {
            w->until = w->from + 1;
            w->rows = w->slices[w->from].count;
            w->tokens = w->holds[w->from].tokens;
            return true;
        }
    }
    w->until = w->count;
    return false;
}

/* --- events from workers --- */

/* The first worker has what the others leave, with one core for each that runs or will, and for one more while clients
 * take turns. */
static uint32_t share_cores(const struct sched_core *c, const struct worker *w)
{
    if (w != &c->workers[0]) {
        return 1;
    }
    uint32_t coming = KIT_MIN(workers_useful(c), c->options.instances - c->running);
    uint32_t others = c->running - 1 + coming;
    if (c->crowded && c->options.instances > 1) {
        others = KIT_MAX(others, 1);
    }
    return others < c->options.cores_max ? c->options.cores_max - others : 1;
}

static void start(struct sched_core *c, struct worker *w, bool retry, uint64_t now_ns, struct sched_batch *ret)
{
    set_state(c, w, RUNNING);
    w->started_ns = now_ns;
    w->wanted = w->until - w->from;
    *ret = (struct sched_batch){.slices = w->slices + w->from,
                                .count = w->until - w->from,
                                .rows = w->rows,
                                .tokens = w->tokens,
                                .cores = share_cores(c, w),
                                .retry = retry};
    wake_workers(c);
}

bool sched_core_take(struct sched_core *c, uint32_t worker, uint64_t now_ns, struct sched_batch *ret)
{
    struct worker *w = &c->workers[worker];
    assert(worker < c->options.instances && w->state != RUNNING);
    sched_core_tick(c, now_ns);
    if (form_retry(c, w, now_ns)) {
        start(c, w, true, now_ns, ret);
        return true;
    }
    if (worker != 0 && is_for_the_first(c)) {
        wake_workers(c);
        set_state(c, w, ASLEEP);
        return false;
    }
    form_batch(c, worker, now_ns);
    if (w->count > 0) {
        start(c, w, false, now_ns, ret);
        return true;
    }
    set_state(c, w, ASLEEP);
    return false;
}

static void learn_speed(struct sched_core *c, const struct worker *w, uint64_t ns)
{
    double speed = (double)w->tokens * (double)KIT_NS_PER_S / (double)KIT_MAX(ns, 1);
    c->speed = c->speed <= 0 ? speed : c->speed + SPEED_WEIGHT * (speed - c->speed);
}

static void book_compute(struct worker *w, uint64_t ns)
{
    for (uint32_t i = w->from; i < w->until; i++) {
        double share = (double)w->holds[i].tokens / (double)w->tokens;
        w->slices[i].job->compute_ns += (uint64_t)((double)ns * share);
    }
}

/* Keeps the jobs for a run of their own, but those that nobody wants any more. */
static void keep_for_retry(struct sched_core *c, struct worker *w, uint64_t now_ns)
{
    for (uint32_t i = w->from; i < w->until; i++) {
        struct sched_job *job = w->slices[i].job;
        if (job->failed != KIT_OK) {
            let_go(c, &w->holds[i]);
            finish_job_if_over(c, job, now_ns);
        }
    }
    w->until = w->from;
}

static void settle(struct sched_core *c, struct worker *w, enum kit_status status, const struct kit_err *err,
                   uint64_t now_ns)
{
    for (uint32_t i = w->from; i < w->until; i++) {
        struct sched_job *job = w->slices[i].job;
        uint32_t rows = w->slices[i].count;
        let_go(c, &w->holds[i]);
        if (status == KIT_OK) {
            job->rows_done += rows;
            finish_job_if_over(c, job, now_ns);
            continue;
        }
        if (job->failed == KIT_OK) {
            job->err = *err;
        }
        abandon(c, job, status, now_ns);
    }
}

void sched_core_finish(struct sched_core *c, uint32_t worker, enum kit_status status, const struct kit_err *err,
                       uint64_t now_ns)
{
    struct worker *w = &c->workers[worker];
    assert(worker < c->options.instances && w->state == RUNNING);
    uint64_t ns = now_ns - w->started_ns;
    struct kit_err unasked;
    if (status == KIT_CANCELLED && (c->stops >> worker & 1) == 0) {
        status = kit_fail(&unasked, KIT_INTERNAL, "the engine stopped without being asked to");
        err = &unasked;
    }
    bool retry = status != KIT_OK && w->until - w->from > 1;
    set_state(c, w, AWAKE);
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
    for (struct sched_job *job; (job = sched_deadline_first(c->deadlines)) != NULL && job->deadline_ns <= now_ns;) {
        abandon_late(c, job, now_ns);
    }
}

/* Gives up what a failed batch has left for a second run. */
static void abandon_retries(struct sched_core *c, uint64_t now_ns)
{
    for (uint32_t k = 0; k < c->options.instances; k++) {
        struct worker *w = &c->workers[k];
        for (uint32_t i = w->until; i < w->count; i++) {
            struct sched_job *job = w->slices[i].job;
            if (job != NULL) {
                kit_fail(&job->err, KIT_UNAVAILABLE, "%s", c->why);
                abandon(c, job, KIT_UNAVAILABLE, now_ns);
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
        abandon(c, job, KIT_UNAVAILABLE, now_ns);
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
    const struct sched_job *job = sched_deadline_first(c->deadlines);
    return job == NULL ? KIT_NEVER_NS : job->deadline_ns;
}

bool sched_core_is_awake(const struct sched_core *c, uint32_t worker)
{
    return c->workers[worker].state != ASLEEP;
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
