#include "sched/queue.h"

#include <assert.h>

#include "kit/alloc.h"

struct sched_queue {
    struct sched_turns *turns; /* owned */
    uint64_t rows, tokens;
};

enum kit_status sched_queue_new(uint32_t jobs_max, struct sched_queue **ret)
{
    struct sched_queue *q = kit_alloc_zero(1, sizeof(*q));
    if (q == NULL || sched_turns_new(jobs_max, &q->turns) != KIT_OK) {
        kit_alloc_free(q);
        return KIT_NOMEM;
    }
    *ret = q;
    return KIT_OK;
}

void sched_queue_free(struct sched_queue *q)
{
    if (q != NULL) {
        sched_turns_free(q->turns);
        kit_alloc_free(q);
    }
}

void sched_queue_add(struct sched_queue *q, struct sched_job *job)
{
    assert(job->rows_next < job->row_count);
    job->book.turn.principal = job->principal;
    job->book.turn.priority = job->priority;
    job->book.turn.cost = job->rows[job->rows_next].tokens;
    sched_turns_add(q->turns, &job->book.turn);
    q->rows += job->row_count - job->rows_next;
    q->tokens += job->book.tokens_waiting;
}

void sched_queue_remove(struct sched_queue *q, struct sched_job *job)
{
    if (sched_queue_has(job)) {
        q->rows -= job->row_count - job->rows_next;
        q->tokens -= job->book.tokens_waiting;
        job->book.tokens_waiting = 0;
        sched_turns_remove(q->turns, &job->book.turn);
    }
}

bool sched_queue_has(const struct sched_job *job)
{
    return job->book.turn.flow != NULL;
}

struct sched_job *sched_queue_first(struct sched_queue *q)
{
    struct sched_turn *t = sched_turns_first(q->turns);
    return t == NULL ? NULL : KIT_CONTAINER(t, struct sched_job, book.turn);
}

void sched_queue_take(struct sched_queue *q, struct sched_job *job)
{
    uint32_t cost = job->book.turn.cost;
    job->rows_next++;
    job->book.tokens_waiting -= cost;
    q->rows--;
    q->tokens -= cost;
    sched_turns_take(q->turns, &job->book.turn,
                     job->rows_next == job->row_count ? 0 : job->rows[job->rows_next].tokens);
}

uint32_t sched_queue_jobs(const struct sched_queue *q)
{
    return sched_turns_count(q->turns);
}

uint64_t sched_queue_rows(const struct sched_queue *q)
{
    return q->rows;
}

uint64_t sched_queue_tokens(const struct sched_queue *q)
{
    return q->tokens;
}
