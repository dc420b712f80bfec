/* The scheduler against a naive model of itself: virtual time, no threads, millions of arrivals, cancels, stalls,
 * failures and crashes. Every step is checked. A failure prints its seed; SCHED_SEED=n runs that one alone. */
#include "support/test.h"

#include <inttypes.h>
#include <stdlib.h>

#include "kit/clock.h"
#include "sched/core.h"
#include "sched/queue.h"

#if defined(__SANITIZE_THREAD__)
#define SEEDS 20 /* there are no threads to see, and each step takes some thirty times as long */
#else
#define SEEDS 250
#endif
#define ARRIVALS 9000 /* a seed; 2,250,000 in all */
#define JOBS_MAX 96   /* queue_jobs_max at most, so that the model may look at all of them at each step */
#define LIVE_MAX 512
#define ROWS_MAX 24
#define WORKERS_MAX 4
#define BATCH_ROWS 16
#define US UINT64_C(1000)
#define MS KIT_NS_PER_MS
#define AUDIT_EVERY 64 /* steps */

enum row_state { ROW_WAITS, ROW_RUNS, ROW_RETRIES, ROW_DONE, ROW_DROPPED };

struct sim_job {
    struct sched_job job;
    struct sched_row rows[ROWS_MAX];
    enum row_state state[ROWS_MAX];
    uint8_t runs[ROWS_MAX];
    uint32_t next;        /* row that waits */
    enum kit_status lost; /* why there will be no answer */
    bool inside, bad;     /* bad: fails every batch that it is in */
    uint64_t serial;      /* the place in the pool is used again and again */
    uint32_t live_at;
};

struct sim_worker {
    bool running, awake;
    uint64_t at; /* when it takes, or finishes */
    struct sched_slice slices[BATCH_ROWS];
    uint32_t count;
    struct sched_slice retries[BATCH_ROWS]; /* what waits for a run of its own */
    uint64_t serials[BATCH_ROWS];           /* of their jobs */
    uint32_t retry_next, retry_count;
    enum kit_status outcome;
};

struct sim {
    uint64_t seed, random, step, now;
    struct sched_lane_options options;
    struct sched_core *core;
    struct sim_worker workers[WORKERS_MAX];
    struct sim_job pool[LIVE_MAX];
    struct sim_job *live[LIVE_MAX]; /* those inside first, [inside, LIVE_MAX) are free */
    uint32_t inside;
    uint32_t waiting_jobs;
    uint64_t waiting_tokens;
    uint64_t arrivals, accepted, finished, next_arrival, next_mischief;
    uint64_t started_tokens; /* of first runs */
    bool closed;
};

#define CHECK(s, condition)                                                                                            \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            print_error("SCHED_SEED=%" PRIu64 ", step %" PRIu64 ": %s\n", (s)->seed, (s)->step, #condition);           \
            fail();                                                                                                    \
        }                                                                                                              \
    } while (0)

/* --- chance: splitmix64 --- */

static uint64_t chance(struct sim *s)
{
    uint64_t z = s->random += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static uint64_t between(struct sim *s, uint64_t from, uint64_t until)
{
    return from + chance(s) % (until - from + 1);
}

static bool one_in(struct sim *s, uint32_t n)
{
    return chance(s) % n == 0;
}

/* --- the naive model --- */

static struct sim_job *sim_of(struct sched_job *job)
{
    return KIT_CONTAINER(job, struct sim_job, job);
}

static bool has_waiting(const struct sim_job *j)
{
    return j->lost == KIT_OK && j->next < j->job.row_count;
}

static uint64_t waiting_tokens(const struct sim_job *j)
{
    uint64_t sum = 0;
    for (uint32_t i = j->next; i < j->job.row_count; i++) {
        sum += j->rows[i].tokens;
    }
    return sum;
}

static uint32_t rows_in(const struct sim_job *j, enum row_state state)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < j->job.row_count; i++) {
        n += j->state[i] == state;
    }
    return n;
}

static bool is_over(const struct sim_job *j)
{
    return rows_in(j, ROW_RUNS) == 0 && (j->lost != KIT_OK || rows_in(j, ROW_DONE) == j->job.row_count);
}

static void model_lose(struct sim *s, struct sim_job *j, enum kit_status why)
{
    if (j->lost != KIT_OK) {
        return;
    }
    if (has_waiting(j)) {
        s->waiting_jobs--;
        s->waiting_tokens -= waiting_tokens(j);
    }
    j->lost = why;
    for (uint32_t i = 0; i < j->job.row_count; i++) {
        if (j->state[i] == ROW_WAITS || j->state[i] == ROW_RETRIES) {
            j->state[i] = ROW_DROPPED;
        }
    }
}

static void model_tick(struct sim *s)
{
    for (uint32_t i = 0; i < s->inside; i++) {
        if (s->live[i]->job.deadline_ns <= s->now && has_waiting(s->live[i])) {
            model_lose(s, s->live[i], KIT_TIMEOUT);
        }
    }
}

static void model_lose_waiting(struct sim *s)
{
    for (uint32_t i = 0; i < s->inside; i++) {
        if (has_waiting(s->live[i]) || rows_in(s->live[i], ROW_RETRIES) > 0) {
            model_lose(s, s->live[i], KIT_UNAVAILABLE);
        }
    }
    s->closed = true;
}

static void set_rows(const struct sched_slice *slice, enum row_state state)
{
    for (uint32_t i = slice->first; i < slice->first + slice->count; i++) {
        sim_of(slice->job)->state[i] = state;
    }
}

/* --- after each event: what came out, and whether it is what the model says --- */

static void leave(struct sim *s, struct sim_job *j)
{
    struct sim_job *last = s->live[--s->inside];
    s->live[s->inside] = j;
    s->live[j->live_at] = last;
    last->live_at = j->live_at;
    j->live_at = s->inside;
    j->inside = false;
    s->finished++;
}

static void check_done(struct sim *s)
{
    for (struct sched_job *job; (job = sched_core_done(s->core)) != NULL;) {
        struct sim_job *j = sim_of(job);
        CHECK(s, j->inside);
        CHECK(s, is_over(j));
        CHECK(s, job->failed == j->lost);
        CHECK(s, job->err.code == j->lost);
        CHECK(s, job->rows_running == 0);
        CHECK(s, job->cancelled || j->lost != KIT_CANCELLED);
        CHECK(s, job->finished_ns == s->now && job->submitted_ns <= s->now);
        memset(job->rows, 0xff, sizeof(j->rows)); /* it is ours again: nobody may read it */
        leave(s, j);
    }
}

static void check_counts(struct sim *s)
{
    struct sched_counts n = sched_core_counts(s->core);
    CHECK(s, n.jobs_waiting == s->waiting_jobs);
    CHECK(s, n.jobs_running == s->inside - s->waiting_jobs);
    CHECK(s, n.tokens_waiting == s->waiting_tokens);
    CHECK(s, n.jobs_waiting <= s->options.queue_jobs_max);
    CHECK(s, n.tokens_waiting <= s->options.queue_tokens_max);
}

static void check_workers(struct sim *s)
{
    uint64_t wakes = sched_core_wakes(s->core);
    bool one_is_free = false, one_is_awake = false;
    for (uint32_t w = 0; w < s->options.instances; w++) {
        struct sim_worker *worker = &s->workers[w];
        bool unwanted = worker->running;
        for (uint32_t i = 0; worker->running && i < worker->count; i++) {
            unwanted = unwanted && sim_of(worker->slices[i].job)->lost != KIT_OK;
        }
        CHECK(s, unwanted == ((sched_core_stops(s->core) >> w & 1) == 1));
        if (wakes >> w & 1) {
            CHECK(s, !worker->running && !worker->awake);
            worker->awake = true;
            worker->at = s->now + between(s, 0, 50 * US);
        }
        CHECK(s, sched_core_is_awake(s->core, w) == (worker->running || worker->awake));
        one_is_free = one_is_free || !worker->running;
        one_is_awake = one_is_awake || worker->awake;
    }
    CHECK(s, s->waiting_jobs == 0 || !one_is_free || one_is_awake); /* nothing waits while a worker idles */
}

static void audit(struct sim *s)
{
    uint32_t jobs = 0;
    uint64_t tokens = 0;
    for (uint32_t i = 0; i < s->inside; i++) {
        const struct sim_job *j = s->live[i];
        CHECK(s, !is_over(j));
        CHECK(s, j->job.rows_running == rows_in(j, ROW_RUNS) + rows_in(j, ROW_RETRIES));
        jobs += has_waiting(j);
        tokens += has_waiting(j) ? waiting_tokens(j) : 0;
    }
    CHECK(s, jobs == s->waiting_jobs && tokens == s->waiting_tokens);
    CHECK(s, s->inside + s->finished == s->accepted);
    CHECK(s, sched_core_is_empty(s->core) == (s->inside == 0));
}

static void check_all(struct sim *s)
{
    check_done(s);
    check_counts(s);
    check_workers(s);
    if (s->step % AUDIT_EVERY == 0) {
        audit(s);
    }
}

/* --- events --- */

static void fill_job(struct sim *s, struct sim_job *j)
{
    static const uint32_t row_counts[] = {1, 1, 1, 2, 4, ROWS_MAX};
    static const uint32_t longest[] = {8, 40, 40, 300, 700};
    uint32_t tokens = longest[chance(s) % KIT_COUNT(longest)];
    uint32_t live_at = j->live_at;
    *j = (struct sim_job){.live_at = live_at, .serial = s->arrivals, .bad = one_in(s, 60)};
    j->job.rows = j->rows;
    j->job.row_count = (uint32_t)between(s, 1, row_counts[chance(s) % KIT_COUNT(row_counts)]);
    j->job.principal = chance(s) % 5;
    j->job.priority = (enum sched_priority)(chance(s) % SCHED_PRIORITIES);
    j->job.deadline_ns = one_in(s, 2) ? KIT_NEVER_NS : s->now + between(s, 0, 400 * MS);
    for (uint32_t i = 0; i < j->job.row_count; i++) {
        j->rows[i] = (struct sched_row){.tokens = (uint32_t)between(s, 1, tokens)};
    }
}

static enum kit_status expected_answer(const struct sim *s, const struct sim_job *j)
{
    uint64_t tokens = waiting_tokens(j);
    if (j->job.deadline_ns <= s->now) {
        return KIT_TIMEOUT;
    }
    if (s->closed) {
        return KIT_UNAVAILABLE;
    }
    if (tokens > s->options.queue_tokens_max) {
        return KIT_TOO_LARGE;
    }
    bool full =
        s->waiting_tokens + tokens > s->options.queue_tokens_max || s->waiting_jobs >= s->options.queue_jobs_max;
    return full ? KIT_FULL : KIT_OK;
}

static void arrive(struct sim *s)
{
    s->arrivals++;
    s->next_arrival = s->now + between(s, 0, 3 * MS);
    if (s->inside == LIVE_MAX) {
        return;
    }
    struct sim_job *j = s->live[s->inside];
    uint32_t retry_after_ms = 0;
    fill_job(s, j);
    enum kit_status expected = expected_answer(s, j);
    CHECK(s, sched_core_submit(s->core, &j->job, s->now, &retry_after_ms, NULL) == expected);
    CHECK(s, (expected == KIT_FULL) == (retry_after_ms > 0));
    if (expected == KIT_OK) {
        j->inside = true;
        s->inside++;
        s->accepted++;
        s->waiting_jobs++;
        s->waiting_tokens += waiting_tokens(j);
    }
}

static void cancel_one(struct sim *s)
{
    if (s->inside > 0) {
        struct sim_job *j = s->live[chance(s) % s->inside];
        model_lose(s, j, KIT_CANCELLED);
        sched_core_cancel(s->core, &j->job, s->now);
    }
}

static void mischief(struct sim *s)
{
    s->next_mischief = s->now + between(s, 0, 20 * MS);
    uint64_t kind = chance(s) % 1000;
    if (kind < 990) {
        cancel_one(s);
    } else if (kind < 995) {
        while (s->inside > 0 && !one_in(s, 8)) { /* many clients leave at once */
            cancel_one(s);
            check_done(s);
        }
    } else if (kind == 995) {
        sched_core_close(s->core, true, "the cell died", s->now);
        model_lose_waiting(s);
    } else if (kind == 996) {
        sched_core_close(s->core, false, "unloading", s->now);
        s->closed = true;
    }
}

/* What the model says that comes next of a failed batch; NULL: nothing. */
static const struct sched_slice *model_retry(struct sim *s, struct sim_worker *worker)
{
    while (worker->retry_next < worker->retry_count) {
        const struct sched_slice *slice = &worker->retries[worker->retry_next];
        uint64_t serial = worker->serials[worker->retry_next++];
        struct sim_job *j = sim_of(slice->job);
        if (!j->inside || j->serial != serial || j->lost != KIT_OK) {
            continue;
        }
        if (j->job.deadline_ns > s->now) {
            return slice;
        }
        model_lose(s, j, KIT_TIMEOUT);
    }
    return NULL;
}

static void check_first_run(struct sim *s, const struct sched_slice *slice)
{
    struct sim_job *j = sim_of(slice->job);
    CHECK(s, j->next == slice->first && slice->count >= 1);
    CHECK(s, slice->first + slice->count <= j->job.row_count);
    for (uint32_t i = slice->first; i < slice->first + slice->count; i++) {
        CHECK(s, j->state[i] == ROW_WAITS && j->runs[i] == 0);
        j->runs[i]++;
        j->next++;
        s->waiting_tokens -= j->rows[i].tokens;
        s->started_tokens += j->rows[i].tokens;
    }
    s->waiting_jobs -= j->next == j->job.row_count;
}

static void check_slice(struct sim *s, const struct sched_batch *b, const struct sched_slice *slice)
{
    struct sim_job *j = sim_of(slice->job);
    CHECK(s, j->inside && j->lost == KIT_OK);
    CHECK(s, j->job.deadline_ns > s->now);
    if (b->retry) {
        for (uint32_t i = slice->first; i < slice->first + slice->count; i++) {
            CHECK(s, j->state[i] == ROW_RETRIES && j->runs[i] == 1);
            j->runs[i]++;
        }
    } else {
        check_first_run(s, slice);
    }
    set_rows(slice, ROW_RUNS);
    for (const struct sched_slice *other = b->slices; other < slice; other++) {
        CHECK(s, other->job != slice->job);
    }
}

static void check_batch(struct sim *s, const struct sched_batch *b)
{
    uint64_t tokens = 0;
    uint32_t rows = 0;
    CHECK(s, b->count >= 1 && b->count <= s->options.batch_rows_max);
    for (uint32_t i = 0; i < b->count; i++) {
        check_slice(s, b, &b->slices[i]);
        rows += b->slices[i].count;
        for (uint32_t k = 0; k < b->slices[i].count; k++) {
            tokens += b->slices[i].job->rows[b->slices[i].first + k].tokens;
        }
    }
    CHECK(s, rows == b->rows && tokens == b->tokens);
    CHECK(s, rows <= s->options.batch_rows_max);
    CHECK(s, rows == 1 || tokens <= s->options.batch_tokens_max);
    CHECK(s, b->cores >= 1 && b->cores <= s->options.cores_max);
}

static enum kit_status pick_outcome(struct sim *s, const struct sched_batch *b)
{
    for (uint32_t i = 0; i < b->count; i++) {
        if (sim_of(b->slices[i].job)->bad) {
            return KIT_INTERNAL;
        }
    }
    uint64_t kind = chance(s) % 20000;
    return kind < 200    ? KIT_INTERNAL
           : kind < 300  ? KIT_NOMEM
           : kind < 320  ? KIT_CANCELLED
           : kind == 320 ? KIT_UNAVAILABLE
                         : KIT_OK;
}

static void take(struct sim *s, uint32_t w)
{
    struct sim_worker *worker = &s->workers[w];
    struct sched_batch b;
    model_tick(s);
    const struct sched_slice *retry = model_retry(s, worker);
    bool expected = retry != NULL || s->waiting_jobs > 0;
    bool may_decline = w != 0 && retry == NULL && !s->workers[0].running;
    worker->awake = false;
    if (!sched_core_take(s->core, w, s->now, &b)) {
        CHECK(s, !expected || (may_decline && sched_core_is_awake(s->core, 0))); /* the first worker does it better */
        return;
    }
    CHECK(s, expected);
    CHECK(s, w == 0 || b.cores == 1);
    CHECK(s, b.retry == (retry != NULL));
    CHECK(s, retry == NULL || (b.slices[0].job == retry->job && b.slices[0].first == retry->first &&
                               b.slices[0].count == retry->count && b.count == 1));
    check_batch(s, &b);
    worker->running = true;
    worker->count = b.count;
    memcpy(worker->slices, b.slices, b.count * sizeof(b.slices[0]));
    worker->outcome = pick_outcome(s, &b);
    worker->at = s->now + 500 * US + b.tokens * between(s, 5, 20) * US / b.cores;
    if (one_in(s, 200)) {
        worker->at += 2000 * MS; /* a stall */
    }
}

static void model_finish(struct sim *s, struct sim_worker *worker, enum kit_status status)
{
    bool retry = worker->count > 1 && status != KIT_OK && status != KIT_UNAVAILABLE;
    if (retry) {
        worker->retry_next = worker->retry_count = 0;
    }
    for (uint32_t i = 0; i < worker->count; i++) {
        struct sched_slice *slice = &worker->slices[i];
        struct sim_job *j = sim_of(slice->job);
        if (retry && j->lost == KIT_OK) {
            set_rows(slice, ROW_RETRIES);
            worker->serials[worker->retry_count] = j->serial;
            worker->retries[worker->retry_count++] = *slice;
        } else if (status == KIT_OK) {
            set_rows(slice, ROW_DONE);
        } else {
            set_rows(slice, ROW_DROPPED);
            model_lose(s, j, status);
        }
    }
    if (status == KIT_UNAVAILABLE) {
        model_lose_waiting(s);
    }
}

static void finish(struct sim *s, uint32_t w)
{
    struct sim_worker *worker = &s->workers[w];
    struct kit_err err = {0};
    bool stop = sched_core_stops(s->core) >> w & 1;
    enum kit_status status = stop && !one_in(s, 4) ? KIT_CANCELLED : worker->outcome;
    enum kit_status meant = status == KIT_CANCELLED && !stop ? KIT_INTERNAL : status; /* nobody had asked for it */
    if (status != KIT_OK) {
        kit_fail(&err, status, "the engine said no");
    }
    model_finish(s, worker, meant);
    sched_core_finish(s->core, w, status, &err, s->now);
    worker->running = false;
    worker->awake = true;
    worker->at = s->now + between(s, 0, 20 * US);
}

/* --- time --- */

/* A worker that was told to stop does so soon. */
static uint64_t worker_due(struct sim *s, uint32_t w)
{
    struct sim_worker *worker = &s->workers[w];
    if (!worker->running && !worker->awake) {
        return KIT_NEVER_NS;
    }
    if (worker->running && (sched_core_stops(s->core) >> w & 1)) {
        worker->at = KIT_MIN(worker->at, s->now + 300 * US);
    }
    return worker->at;
}

static void step(struct sim *s)
{
    bool open = s->arrivals < ARRIVALS && !s->closed;
    uint32_t soonest = WORKERS_MAX;
    uint64_t at = open ? KIT_MIN(s->next_arrival, s->next_mischief) : KIT_NEVER_NS;
    uint64_t tick = sched_core_deadline(s->core);
    for (uint32_t w = 0; w < s->options.instances; w++) {
        uint64_t due = worker_due(s, w);
        if (due < at) {
            at = due;
            soonest = w;
        }
    }
    s->step++;
    if (tick <= at && tick != KIT_NEVER_NS) {
        s->now = KIT_MAX(s->now, tick);
        model_tick(s);
        sched_core_tick(s->core, s->now);
    } else if (soonest < WORKERS_MAX) {
        s->now = KIT_MAX(s->now, at);
        (s->workers[soonest].running ? finish : take)(s, soonest);
    } else if (open) {
        s->now = at;
        (at == s->next_arrival ? arrive : mischief)(s);
    }
    check_all(s);
}

/* --- runs --- */

static struct sched_lane_options pick_options(struct sim *s)
{
    return (struct sched_lane_options){
        .instances = (uint32_t)between(s, 1, WORKERS_MAX),
        .cores_max = (uint32_t)between(s, 1, WORKERS_MAX),
        .batch_tokens_max = between(s, 100, 3000),
        .batch_rows_max = (uint32_t)between(s, 1, BATCH_ROWS),
        .batch_ms_target = one_in(s, 2) ? UINT32_MAX : (uint32_t)between(s, 0, 20),
        .queue_tokens_max = between(s, 2000, 40000),
        .queue_jobs_max = (uint32_t)between(s, 1, JOBS_MAX),
    };
}

static void open_core(struct sim *s)
{
    s->options = pick_options(s);
    s->closed = false;
    memset(s->workers, 0, sizeof(s->workers));
    CHECK(s, sched_core_new(&s->options, &s->core, NULL) == KIT_OK);
}

static bool any_runs(const struct sim *s)
{
    bool any = false;
    for (uint32_t w = 0; w < WORKERS_MAX; w++) {
        any = any || s->workers[w].running;
    }
    return any;
}

static void run_until_empty(struct sim *s)
{
    while (s->inside > 0 || any_runs(s)) {
        step(s);
    }
    audit(s);
    sched_core_free(s->core);
    s->core = NULL;
}

static struct sim *sim_new(uint64_t seed)
{
    struct sim *s = kit_alloc_zero(1, sizeof(*s));
    assert_non_null(s);
    s->seed = s->random = seed;
    s->now = 1;
    for (uint32_t i = 0; i < LIVE_MAX; i++) {
        s->live[i] = &s->pool[i];
        s->pool[i].live_at = i;
    }
    return s;
}

/* A core that was closed is emptied and replaced, as a model is that is loaded again. */
static void run_seed(uint64_t seed)
{
    struct sim *s = sim_new(seed);
    open_core(s);
    while (s->arrivals < ARRIVALS) {
        if (s->closed) {
            run_until_empty(s);
            open_core(s);
        }
        step(s);
    }
    run_until_empty(s);
    CHECK(s, s->accepted == s->finished && s->accepted > ARRIVALS / 20);
    CHECK(s, s->waiting_jobs == 0 && s->waiting_tokens == 0);
    kit_alloc_free(s);
}

TEST(simulation_agrees_with_the_naive_model_at_each_step)
{
    const char *one = getenv("SCHED_SEED");
    if (one != NULL) {
        run_seed(strtoull(one, NULL, 10));
        return;
    }
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        run_seed(seed);
    }
}

/* --- greedy clients: each keeps some jobs waiting, for ever --- */

struct greedy {
    uint64_t principal;
    enum sched_priority priority;
    uint32_t jobs, rows, tokens;    /* rows and tokens: at most */
    uint64_t started, longest_wait; /* tokens; the wait: that others were given between submit and last start */
};

struct bench {
    struct sim sim; /* chance, core, seed */
    struct greedy *clients;
    uint32_t client_count;
    struct sim_job jobs[64];
    uint64_t submitted_at[64]; /* in tokens started */
    uint32_t client_of[64];
    uint32_t job_count;
    uint64_t started;
};

static void greedy_submit(struct bench *b, uint32_t k)
{
    struct greedy *g = &b->clients[b->client_of[k]];
    struct sim_job *j = &b->jobs[k];
    *j = (struct sim_job){0};
    j->job = (struct sched_job){.rows = j->rows,
                                .row_count = (uint32_t)between(&b->sim, 1, g->rows),
                                .principal = g->principal,
                                .priority = g->priority,
                                .deadline_ns = KIT_NEVER_NS};
    for (uint32_t i = 0; i < j->job.row_count; i++) {
        j->rows[i] = (struct sched_row){.tokens = (uint32_t)between(&b->sim, 1, g->tokens)};
    }
    b->submitted_at[k] = b->started;
    CHECK(&b->sim, sched_core_submit(b->sim.core, &j->job, b->sim.now, NULL, NULL) == KIT_OK);
}

static struct bench *bench_new(struct greedy *clients, uint32_t count, uint64_t seed,
                               const struct sched_lane_options *o)
{
    struct bench *b = kit_alloc_zero(1, sizeof(*b));
    assert_non_null(b);
    b->sim.seed = b->sim.random = seed;
    b->sim.now = 1;
    b->sim.options = *o;
    b->clients = clients;
    b->client_count = count;
    CHECK(&b->sim, sched_core_new(o, &b->sim.core, NULL) == KIT_OK);
    for (uint32_t c = 0; c < count; c++) {
        for (uint32_t i = 0; i < clients[c].jobs; i++) {
            b->client_of[b->job_count] = c;
            greedy_submit(b, b->job_count++);
        }
    }
    return b;
}

static void bench_free(struct bench *b)
{
    struct sched_batch batch;
    sched_core_close(b->sim.core, true, "over", b->sim.now);
    while (sched_core_take(b->sim.core, 0, b->sim.now, &batch)) {
        sched_core_finish(b->sim.core, 0, KIT_OK, NULL, b->sim.now);
    }
    while (sched_core_done(b->sim.core) != NULL) {
    }
    sched_core_free(b->sim.core);
    kit_alloc_free(b);
}

static void count_started(struct bench *b, const struct sched_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct sched_slice *slice = &batch->slices[i];
        uint32_t k = (uint32_t)(sim_of(slice->job) - b->jobs);
        struct greedy *g = &b->clients[b->client_of[k]];
        for (uint32_t r = 0; r < slice->count; r++) {
            g->started += slice->job->rows[slice->first + r].tokens;
            b->started += slice->job->rows[slice->first + r].tokens;
        }
        if (slice->first + slice->count == slice->job->row_count) {
            g->longest_wait = KIT_MAX(g->longest_wait, b->started - b->submitted_at[k]);
        }
    }
}

/* One batch on the one worker; who is finished comes again. */
static void bench_step(struct bench *b)
{
    struct sched_batch batch;
    CHECK(&b->sim, sched_core_take(b->sim.core, 0, b->sim.now, &batch));
    count_started(b, &batch);
    b->sim.now += batch.tokens * 10 * US;
    b->sim.step++;
    sched_core_finish(b->sim.core, 0, KIT_OK, NULL, b->sim.now);
    for (struct sched_job *job; (job = sched_core_done(b->sim.core)) != NULL;) {
        greedy_submit(b, (uint32_t)(sim_of(job) - b->jobs));
    }
}

static const struct sched_lane_options one_worker = {.instances = 1,
                                                     .cores_max = 1,
                                                     .batch_tokens_max = 1024,
                                                     .batch_rows_max = 64,
                                                     .queue_tokens_max = 1000000,
                                                     .queue_jobs_max = 64};

/* Deficit round robin: two principals that always wait are never further apart than two quanta and their longest rows,
 * whatever the sizes of their rows and the number of their jobs. */
TEST(simulation_serves_greedy_principals_equally_at_every_moment)
{
    struct sched_lane_options o = one_worker;
    o.batch_tokens_max = 256; /* small beside what each keeps waiting */
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct greedy clients[] = {
            {.principal = 7, .priority = SCHED_NORMAL, .jobs = 2, .rows = ROWS_MAX, .tokens = 600},
            {.principal = 8, .priority = SCHED_NORMAL, .jobs = 40, .rows = 2, .tokens = 30},
        };
        struct bench *b = bench_new(clients, 2, seed, &o);
        int64_t bound = 2 * (SCHED_TURNS_QUANTUM + 600);
        for (int i = 0; i < 5000; i++) {
            bench_step(b);
            int64_t apart = (int64_t)clients[0].started - (int64_t)clients[1].started;
            CHECK(&b->sim, apart < bound && apart > -bound);
        }
        CHECK(&b->sim, clients[0].started > 5000 * 256 / 3);
        bench_free(b);
    }
}

/* While urgent work never ends, the least urgent level gets its share: a job waits for at most SHARE times the work that
 * stood before it in its own level, twice that for the level between, and the batch that is on. */
TEST(simulation_starves_nobody_while_urgent_work_never_ends)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct greedy clients[] = {
            {.principal = 1, .priority = SCHED_HIGH, .jobs = 20, .rows = 8, .tokens = 100},
            {.principal = 2, .priority = SCHED_NORMAL, .jobs = 20, .rows = 4, .tokens = 300},
            {.principal = 3, .priority = SCHED_LOW, .jobs = 1, .rows = 4, .tokens = 500},
            {.principal = 4, .priority = SCHED_LOW, .jobs = 1, .rows = 4, .tokens = 500},
        };
        struct bench *b = bench_new(clients, 4, seed, &one_worker);
        for (int i = 0; i < 20000; i++) {
            bench_step(b);
        }
        uint64_t before = 2 * (4 * 500 + SCHED_TURNS_QUANTUM + 500);
        CHECK(&b->sim, clients[2].longest_wait < 2 * SCHED_TURNS_SHARE * before);
        CHECK(&b->sim, clients[3].longest_wait < 2 * SCHED_TURNS_SHARE * before);
        for (int i = 1; i <= 3; i++) { /* and none gets less than its share in all */
            uint64_t level = i == 1 ? clients[1].started : clients[2].started + clients[3].started;
            CHECK(&b->sim, level >= b->started / SCHED_TURNS_SHARE * 9 / 10);
        }
        CHECK(&b->sim, clients[0].started > b->started * 8 / 10);
        bench_free(b);
    }
}

/* --- two cores and a measured engine: what the rules make of it --- */

#define CLIENTS 33
#define TOKEN_US 190   /* one core, fp32 MiniLM: about 5,200 tokens a second */
#define BATCH_US 2000  /* weights read once a batch */
#define CLIENT_US 1000 /* from an answer to the client's next request, at most */

struct machine {
    struct sim luck; /* for chance alone */
    struct sim_job jobs[CLIENTS];
    uint64_t back_at[CLIENTS], longest_wait[CLIENTS], answers[CLIENTS];
    uint32_t rows[CLIENTS];
    uint32_t clients;
    struct sched_core *core;
    uint64_t now, tokens;
    struct {
        bool running, awake;
        uint64_t until;
    } workers[2];
};

static void machine_submit(struct machine *m, uint32_t k)
{
    struct sim_job *j = &m->jobs[k];
    j->job = (struct sched_job){
        .rows = j->rows, .row_count = m->rows[k], .priority = SCHED_NORMAL, .deadline_ns = KIT_NEVER_NS};
    for (uint32_t i = 0; i < m->rows[k]; i++) {
        j->rows[i] = (struct sched_row){.tokens = 30};
    }
    m->back_at[k] = KIT_NEVER_NS;
    assert_int_equal(sched_core_submit(m->core, &j->job, m->now, NULL, NULL), KIT_OK);
}

static void machine_take(struct machine *m, uint32_t w)
{
    struct sched_batch b;
    m->workers[w].awake = false;
    m->workers[w].running = sched_core_take(m->core, w, m->now, &b);
    if (m->workers[w].running) {
        m->workers[w].until = m->now + BATCH_US * US + b.tokens * TOKEN_US * US / b.cores;
        m->tokens += b.tokens;
    }
}

static void machine_finish(struct machine *m, uint32_t w)
{
    sched_core_finish(m->core, w, KIT_OK, NULL, m->now);
    m->workers[w].running = false;
    m->workers[w].awake = true;
    for (struct sched_job *job; (job = sched_core_done(m->core)) != NULL;) {
        uint32_t k = (uint32_t)(sim_of(job) - m->jobs);
        m->longest_wait[k] = KIT_MAX(m->longest_wait[k], job->started_ns - job->submitted_ns);
        m->answers[k]++;
        m->back_at[k] = m->now + between(&m->luck, 100, CLIENT_US) * US;
    }
}

/* Who is awake takes; taking may wake the other. */
static void machine_take_all(struct machine *m)
{
    for (uint32_t w = 0; w < 2; w = m->workers[0].awake ? 0 : w + 1) {
        uint64_t wakes = sched_core_wakes(m->core);
        m->workers[0].awake = m->workers[0].awake || (wakes & 1) != 0;
        m->workers[1].awake = m->workers[1].awake || (wakes & 2) != 0;
        if (m->workers[w].awake) {
            machine_take(m, w);
        }
    }
}

static uint64_t machine_next(const struct machine *m)
{
    uint64_t next = KIT_NEVER_NS;
    for (uint32_t k = 0; k < m->clients; k++) {
        next = KIT_MIN(next, m->back_at[k]);
    }
    for (uint32_t w = 0; w < 2; w++) {
        next = m->workers[w].running ? KIT_MIN(next, m->workers[w].until) : next;
    }
    return next;
}

static void machine_run(struct machine *m, uint64_t until)
{
    for (; m->now < until; m->now = machine_next(m)) {
        for (uint32_t w = 0; w < 2; w++) {
            if (m->workers[w].running && m->workers[w].until <= m->now) {
                machine_finish(m, w);
            }
        }
        for (uint32_t k = 0; k < m->clients; k++) {
            if (m->back_at[k] <= m->now) {
                machine_submit(m, k);
            }
        }
        machine_take_all(m);
    }
}

static struct machine *machine_new(uint32_t clients)
{
    static const struct sched_lane_options o = {.instances = 2,
                                                .cores_max = 2,
                                                .batch_tokens_max = 16384,
                                                .batch_rows_max = 512,
                                                .queue_tokens_max = 1000000,
                                                .queue_jobs_max = 1000};
    struct machine *m = kit_alloc_zero(1, sizeof(*m));
    assert_non_null(m);
    m->clients = clients;
    for (uint32_t k = 0; k < clients; k++) {
        m->rows[k] = 1;
        m->back_at[k] = k * 10 * US;
    }
    assert_int_equal(sched_core_new(&o, &m->core, NULL), KIT_OK);
    return m;
}

static void machine_free(struct machine *m)
{
    sched_core_close(m->core, true, "over", m->now);
    for (uint32_t w = 0; w < 2; w++) {
        if (m->workers[w].running) {
            sched_core_finish(m->core, w, KIT_OK, NULL, m->now);
        }
    }
    while (sched_core_done(m->core) != NULL) {
    }
    sched_core_free(m->core);
    kit_alloc_free(m);
}

/* Tokens a second of batches that hold all clients' texts, half on each core, with no pause between them. */
static double giant_batches(uint32_t tokens)
{
    return tokens * 1e6 / (BATCH_US + tokens / 2.0 * TOKEN_US);
}

TEST(simulation_keeps_32_closed_loop_clients_within_five_per_cent_of_giant_batches)
{
    struct machine *m = machine_new(32);
    machine_run(m, 60 * KIT_NS_PER_S);
    double speed = (double)m->tokens / 60;
    assert_true(speed > 0.95 * giant_batches(32 * 30));
    uint64_t least = UINT64_MAX, most = 0;
    for (uint32_t k = 0; k < 32; k++) {
        least = KIT_MIN(least, m->answers[k]);
        most = KIT_MAX(most, m->answers[k]);
    }
    assert_true(least * 10 >= most * 9);
    machine_free(m);
}

/* One client posts many texts at once without pause, another one text at a time: the latter waits for batches that are on,
 * and those are cut to SCHED_BATCH_MS. */
TEST(simulation_keeps_a_short_request_quick_beside_a_large_one)
{
    struct machine *m = machine_new(2);
    m->rows[0] = ROWS_MAX;
    machine_run(m, 1 * KIT_NS_PER_S);
    m->longest_wait[1] = 0;
    machine_run(m, 60 * KIT_NS_PER_S);
    assert_true(m->answers[1] > 100);
    assert_true(m->longest_wait[1] <= 2 * SCHED_BATCH_MS * MS);
    machine_free(m);
}

int main(void)
{
    return TEST_RUN(TEST_OF(simulation_agrees_with_the_naive_model_at_each_step),
                    TEST_OF(simulation_serves_greedy_principals_equally_at_every_moment),
                    TEST_OF(simulation_starves_nobody_while_urgent_work_never_ends),
                    TEST_OF(simulation_keeps_32_closed_loop_clients_within_five_per_cent_of_giant_batches),
                    TEST_OF(simulation_keeps_a_short_request_quick_beside_a_large_one));
}
