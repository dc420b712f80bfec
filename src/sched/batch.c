#include "sched/inner.h"

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
    if (sched_cores_are_for_the_first(c)) {
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

static bool may_join(const struct sched_core *c, const struct sched_seat *w, const struct sched_job *job, uint64_t aim,
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
    struct sched_seat *w = &c->workers[worker];
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
    struct sched_seat *w = &c->workers[worker];
    struct sched_hold *h = hold_of(c, worker, job);
    uint32_t cost = job->rows[job->rows_next].tokens;
    job->started_ns = job->started_ns == 0 ? now_ns : job->started_ns;
    job->rows_running++;
    h->tokens += cost;
    w->slices[h - w->holds].count++;
    w->tokens += cost;
    w->rows++;
    sched_queue_take(c->queue, job);
    if (!sched_queue_has(job)) {
        sched_deadline_remove(c->deadlines, &job->book.due);
    }
}

void sched_batch_form(struct sched_core *c, uint32_t worker, uint64_t now_ns)
{
    struct sched_seat *w = &c->workers[worker];
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

bool sched_batch_retry(struct sched_core *c, struct sched_seat *w, uint64_t now_ns)
{
    for (w->from = w->until; w->from < w->count; w->from++) {
        struct sched_job *job = w->slices[w->from].job;
        if (job != NULL && job->deadline_ns <= now_ns) {
            sched_end_late(c, job, now_ns);
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
