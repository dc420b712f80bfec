#include "sched/inner.h"

void sched_cores_set_state(struct sched_core *c, struct sched_seat *w, enum sched_seat_state state)
{
    c->asleep = c->asleep - (w->state == SCHED_ASLEEP) + (state == SCHED_ASLEEP);
    c->running = c->running - (w->state == SCHED_RUNNING) + (state == SCHED_RUNNING);
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

bool sched_cores_are_for_the_first(const struct sched_core *c)
{
    uint64_t useful = workers_useful(c);
    return useful > 0 && c->workers[0].state != SCHED_RUNNING && c->running + 2 * useful <= c->options.cores_max;
}

static void wake_worker(struct sched_core *c, uint32_t worker)
{
    sched_cores_set_state(c, &c->workers[worker], SCHED_AWAKE);
    c->wakes |= UINT64_C(1) << worker;
}

/* The first sleepers are woken first: a worker that ran lately finds its memory warm. */
void sched_cores_wake(struct sched_core *c)
{
    if (sched_cores_are_for_the_first(c)) {
        if (c->workers[0].state == SCHED_ASLEEP) {
            wake_worker(c, 0);
        }
        return;
    }
    uint32_t awake = c->options.instances - c->asleep - c->running;
    uint32_t wanted = workers_useful(c);
    for (uint32_t i = 0; awake < wanted && c->asleep > 0; i++) {
        if (c->workers[i].state == SCHED_ASLEEP) {
            wake_worker(c, i);
            awake++;
        }
    }
}

/* The first worker has what the others leave, with one core for each that runs or will, and for one more while clients
 * take turns. */
uint32_t sched_cores_share(const struct sched_core *c, const struct sched_seat *w)
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
