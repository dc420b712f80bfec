#include "sched/deadline.h"

#include <assert.h>

#include "kit/alloc.h"
#include "kit/clock.h"

struct sched_deadline {
    uint32_t count, max;
    struct sched_job *heap[]; /* [max + 1]; the first place is 1, the parent of i is i / 2 */
};

enum kit_status sched_deadline_new(uint32_t jobs_max, struct sched_deadline **ret)
{
    struct sched_deadline *d = kit_alloc_zero(1, sizeof(*d) + (jobs_max + (size_t)1) * sizeof(d->heap[0]));
    if (d == NULL) {
        return KIT_NOMEM;
    }
    d->max = jobs_max;
    *ret = d;
    return KIT_OK;
}

void sched_deadline_free(struct sched_deadline *d)
{
    kit_alloc_free(d);
}

static void put(struct sched_deadline *d, uint32_t at, struct sched_job *job)
{
    d->heap[at] = job;
    job->book.heap_at = at;
}

static void move_up(struct sched_deadline *d, uint32_t at, struct sched_job *job)
{
    while (at > 1 && d->heap[at / 2]->deadline_ns > job->deadline_ns) {
        put(d, at, d->heap[at / 2]);
        at /= 2;
    }
    put(d, at, job);
}

static void move_down(struct sched_deadline *d, uint32_t at, struct sched_job *job)
{
    for (uint32_t child = at * 2; child <= d->count; child = at * 2) {
        if (child < d->count && d->heap[child + 1]->deadline_ns < d->heap[child]->deadline_ns) {
            child++;
        }
        if (d->heap[child]->deadline_ns >= job->deadline_ns) {
            break;
        }
        put(d, at, d->heap[child]);
        at = child;
    }
    put(d, at, job);
}

void sched_deadline_add(struct sched_deadline *d, struct sched_job *job)
{
    job->book.heap_at = 0;
    if (job->deadline_ns != KIT_NEVER_NS) {
        assert(d->count < d->max);
        d->count++;
        move_up(d, d->count, job);
    }
}

void sched_deadline_remove(struct sched_deadline *d, struct sched_job *job)
{
    uint32_t at = job->book.heap_at;
    if (at == 0) {
        return;
    }
    assert(at <= d->count && d->heap[at] == job);
    struct sched_job *last = d->heap[d->count];
    d->count--;
    if (last != job) {
        if (at > 1 && d->heap[at / 2]->deadline_ns > last->deadline_ns) {
            move_up(d, at, last);
        } else {
            move_down(d, at, last);
        }
    }
    job->book.heap_at = 0;
}

struct sched_job *sched_deadline_first(const struct sched_deadline *d)
{
    return d->count > 0 ? d->heap[1] : NULL;
}
