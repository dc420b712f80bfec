#include "sched/deadline.h"

#include <assert.h>

#include "kit/alloc.h"
#include "kit/clock.h"

struct sched_deadline {
    uint32_t count, max;
    struct sched_due *heap[]; /* [max + 1]; the first place is 1, the parent of i is i / 2 */
};

enum kit_status sched_deadline_new(uint32_t max, struct sched_deadline **ret)
{
    struct sched_deadline *d = kit_alloc_zero(1, sizeof(*d) + (max + (size_t)1) * sizeof(d->heap[0]));
    if (d == NULL) {
        return KIT_NOMEM;
    }
    d->max = max;
    *ret = d;
    return KIT_OK;
}

void sched_deadline_free(struct sched_deadline *d)
{
    kit_alloc_free(d);
}

static void put(struct sched_deadline *d, uint32_t at, struct sched_due *due)
{
    d->heap[at] = due;
    due->heap_at = at;
}

static void move_up(struct sched_deadline *d, uint32_t at, struct sched_due *due)
{
    while (at > 1 && d->heap[at / 2]->at_ns > due->at_ns) {
        put(d, at, d->heap[at / 2]);
        at /= 2;
    }
    put(d, at, due);
}

static void move_down(struct sched_deadline *d, uint32_t at, struct sched_due *due)
{
    for (uint32_t child = at * 2; child <= d->count; child = at * 2) {
        if (child < d->count && d->heap[child + 1]->at_ns < d->heap[child]->at_ns) {
            child++;
        }
        if (d->heap[child]->at_ns >= due->at_ns) {
            break;
        }
        put(d, at, d->heap[child]);
        at = child;
    }
    put(d, at, due);
}

void sched_deadline_add(struct sched_deadline *d, struct sched_due *due, uint64_t at_ns)
{
    *due = (struct sched_due){.at_ns = at_ns};
    if (at_ns != KIT_NEVER_NS) {
        assert(d->count < d->max);
        d->count++;
        move_up(d, d->count, due);
    }
}

void sched_deadline_remove(struct sched_deadline *d, struct sched_due *due)
{
    uint32_t at = due->heap_at;
    if (at == 0) {
        return;
    }
    assert(at <= d->count && d->heap[at] == due);
    struct sched_due *last = d->heap[d->count];
    d->count--;
    if (last != due) {
        if (at > 1 && d->heap[at / 2]->at_ns > last->at_ns) {
            move_up(d, at, last);
        } else {
            move_down(d, at, last);
        }
    }
    due->heap_at = 0;
}

struct sched_due *sched_deadline_first(const struct sched_deadline *d)
{
    return d->count > 0 ? d->heap[1] : NULL;
}
