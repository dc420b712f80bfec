#include "sched/queue.h"

#include <assert.h>

#include "kit/alloc.h"
#include "sched/node.h"

/* The waiting jobs of one principal with one priority. */
struct sched_flow {
    struct sched_node node; /* in its level's ring */
    struct sched_node jobs;
    struct sched_flow *chain; /* next one in its bucket, or of the free ones */
    uint64_t principal;
    uint64_t credit; /* tokens that it may take before the next flow's turn */
    bool granted;    /* this turn's quantum is in the credit */
    enum sched_priority priority;
};

struct level {
    struct sched_node flows;
    uint64_t passed; /* tokens that more urgent levels took while this one waited */
};

struct sched_queue {
    struct level levels[SCHED_PRIORITIES];
    uint64_t rows, tokens;
    uint32_t jobs;
    struct sched_flow *flows; /* [jobs_max]; owned: a flow has a job at least */
    struct sched_flow *unused;
    struct sched_flow **buckets; /* [bucket_mask + 1]; owned */
    uint32_t bucket_mask;
};

static uint32_t bucket_count(uint32_t jobs_max)
{
    uint32_t n = 1;
    while (n < jobs_max) {
        n *= 2;
    }
    return n;
}

enum kit_status sched_queue_new(uint32_t jobs_max, struct sched_queue **ret)
{
    struct sched_queue *q = kit_alloc_zero(1, sizeof(*q));
    if (q == NULL) {
        return KIT_NOMEM;
    }
    q->bucket_mask = bucket_count(jobs_max) - 1;
    q->flows = kit_alloc_zero(jobs_max, sizeof(*q->flows));
    q->buckets = kit_alloc_zero(q->bucket_mask + (size_t)1, sizeof(struct sched_flow *));
    if (q->flows == NULL || q->buckets == NULL) {
        sched_queue_free(q);
        return KIT_NOMEM;
    }
    for (uint32_t i = jobs_max; i-- > 0;) {
        q->flows[i].chain = q->unused;
        q->unused = &q->flows[i];
    }
    for (int i = 0; i < SCHED_PRIORITIES; i++) {
        sched_node_init(&q->levels[i].flows);
    }
    *ret = q;
    return KIT_OK;
}

void sched_queue_free(struct sched_queue *q)
{
    if (q != NULL) {
        kit_alloc_free(q->buckets);
        kit_alloc_free(q->flows);
        kit_alloc_free(q);
    }
}

/* --- flows --- */

static struct sched_flow **bucket_of(struct sched_queue *q, uint64_t principal, enum sched_priority priority)
{
    uint64_t mixed = (principal + (uint64_t)priority) * UINT64_C(0x9E3779B97F4A7C15); /* Fibonacci hashing */
    return &q->buckets[(uint32_t)(mixed >> 32) & q->bucket_mask];
}

static struct sched_flow *flow_find(struct sched_queue *q, uint64_t principal, enum sched_priority priority)
{
    struct sched_flow *f = *bucket_of(q, principal, priority);
    while (f != NULL && (f->principal != principal || f->priority != priority)) {
        f = f->chain;
    }
    return f;
}

static struct sched_flow *flow_start(struct sched_queue *q, uint64_t principal, enum sched_priority priority)
{
    struct sched_flow *f = q->unused;
    assert(f != NULL);
    q->unused = f->chain;
    struct sched_flow **bucket = bucket_of(q, principal, priority);
    *f = (struct sched_flow){.principal = principal, .priority = priority, .chain = *bucket};
    *bucket = f;
    sched_node_init(&f->jobs);
    sched_node_append(&q->levels[priority].flows, &f->node);
    return f;
}

static void flow_end(struct sched_queue *q, struct sched_flow *f)
{
    struct sched_flow **at = bucket_of(q, f->principal, f->priority);
    while (*at != f) {
        at = &(*at)->chain;
    }
    *at = f->chain;
    sched_node_remove(&f->node);
    f->chain = q->unused;
    q->unused = f;
    if (sched_node_empty(&q->levels[f->priority].flows)) {
        q->levels[f->priority].passed = 0;
    }
}

/* --- jobs in and out --- */

void sched_queue_add(struct sched_queue *q, struct sched_job *job)
{
    assert(job->rows_next < job->row_count);
    struct sched_flow *f = flow_find(q, job->principal, job->priority);
    if (f == NULL) {
        f = flow_start(q, job->principal, job->priority);
    }
    job->book.flow = f;
    job->book.turn_tokens = 0;
    sched_node_append(&f->jobs, &job->book.node);
    q->jobs++;
    q->rows += job->row_count - job->rows_next;
    q->tokens += job->book.tokens_waiting;
}

static void leave(struct sched_queue *q, struct sched_job *job)
{
    struct sched_flow *f = job->book.flow;
    sched_node_remove(&job->book.node);
    job->book.flow = NULL;
    q->jobs--;
    if (sched_node_empty(&f->jobs)) {
        flow_end(q, f);
    }
}

void sched_queue_remove(struct sched_queue *q, struct sched_job *job)
{
    if (job->book.flow != NULL) {
        q->rows -= job->row_count - job->rows_next;
        q->tokens -= job->book.tokens_waiting;
        job->book.tokens_waiting = 0;
        leave(q, job);
    }
}

/* --- who is next --- */

static uint32_t next_cost(const struct sched_job *job)
{
    return job->rows[job->rows_next].tokens;
}

static struct sched_job *flow_first(struct sched_flow *f)
{
    return KIT_CONTAINER(f->jobs.next, struct sched_job, book.node);
}

static bool flow_may_take(struct sched_flow *f, uint32_t cost, bool alone)
{
    if (!f->granted) {
        f->granted = true;
        f->credit += SCHED_QUEUE_QUANTUM;
    }
    if (alone && f->credit < cost) {
        f->credit = cost; /* there is nobody to be fair to */
    }
    return f->credit >= cost;
}

static struct sched_job *level_first(struct level *level)
{
    if (sched_node_empty(&level->flows)) {
        return NULL;
    }
    for (;;) {
        struct sched_flow *f = KIT_CONTAINER(level->flows.next, struct sched_flow, node);
        struct sched_job *job = flow_first(f);
        if (flow_may_take(f, next_cost(job), sched_node_single(&level->flows))) {
            return job;
        }
        f->granted = false;
        sched_node_to_back(&level->flows, &f->node);
    }
}

static bool is_due(const struct level *level, const struct sched_job *job)
{
    return level->passed >= (uint64_t)next_cost(job) * (SCHED_QUEUE_SHARE - 1);
}

struct sched_job *sched_queue_first(struct sched_queue *q)
{
    struct sched_job *most_urgent = NULL;
    for (int i = 0; i < SCHED_PRIORITIES; i++) {
        struct sched_job *job = level_first(&q->levels[i]);
        if (job != NULL && most_urgent != NULL && is_due(&q->levels[i], job)) {
            return job;
        }
        if (most_urgent == NULL) {
            most_urgent = job;
        }
    }
    return most_urgent;
}

/* What the less urgent levels are owed grows; what this one is owed is paid. */
static void book_levels(struct sched_queue *q, enum sched_priority priority, uint32_t cost)
{
    struct level *own = &q->levels[priority];
    own->passed -= KIT_MIN(own->passed, (uint64_t)cost * (SCHED_QUEUE_SHARE - 1));
    for (int i = (int)priority + 1; i < SCHED_PRIORITIES; i++) {
        if (!sched_node_empty(&q->levels[i].flows)) {
            q->levels[i].passed += cost;
        }
    }
}

void sched_queue_take(struct sched_queue *q, struct sched_job *job)
{
    struct sched_flow *f = job->book.flow;
    uint32_t cost = next_cost(job);
    assert(f->credit >= cost);
    f->credit -= cost;
    book_levels(q, job->priority, cost);
    job->rows_next++;
    job->book.tokens_waiting -= cost;
    job->book.turn_tokens += cost;
    q->rows--;
    q->tokens -= cost;
    if (job->rows_next == job->row_count) {
        leave(q, job);
    } else if (job->book.turn_tokens >= SCHED_QUEUE_TURN) {
        job->book.turn_tokens = 0;
        sched_node_to_back(&f->jobs, &job->book.node);
    }
}

uint32_t sched_queue_jobs(const struct sched_queue *q)
{
    return q->jobs;
}

uint64_t sched_queue_rows(const struct sched_queue *q)
{
    return q->rows;
}

uint64_t sched_queue_tokens(const struct sched_queue *q)
{
    return q->tokens;
}
