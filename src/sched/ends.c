#include "sched/inner.h"

#include "kit/clock.h"

void sched_end_if_over(struct sched_core *c, struct sched_job *job, uint64_t now_ns)
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

void sched_end_hold(struct sched_core *c, struct sched_hold *h)
{
    struct sched_seat *w = &c->workers[h->worker];
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
    const struct sched_seat *w = &c->workers[h->worker];
    size_t index = (size_t)(h - w->holds);
    return w->state == SCHED_RUNNING && index >= w->from && index < w->until;
}

/* Nobody wants this job's answer any more: what would be retried is let go of, what runs goes on for the others. */
static void abandon_holds(struct sched_core *c, struct sched_job *job)
{
    for (struct sched_hold *h = job->book.holds, *next; h != NULL; h = next) {
        next = h->next;
        struct sched_seat *w = &c->workers[h->worker];
        if (!hold_runs(c, h)) {
            sched_end_hold(c, h);
        } else if (--w->wanted == 0) {
            c->stops |= UINT64_C(1) << h->worker;
        }
    }
}

void sched_end_abandon(struct sched_core *c, struct sched_job *job, enum kit_status status, uint64_t now_ns)
{
    if (job->failed == KIT_OK) {
        job->failed = status;
        kit_flag_set(&job->lost, true);
        sched_queue_remove(c->queue, job);
        sched_deadline_remove(c->deadlines, &job->book.due);
        abandon_holds(c, job);
    }
    sched_end_if_over(c, job, now_ns);
}

void sched_end_late(struct sched_core *c, struct sched_job *job, uint64_t now_ns)
{
    kit_fail(&job->err, KIT_TIMEOUT, "the deadline came %llu ms after the request, with %u of %u inputs not started",
             (unsigned long long)((now_ns - job->submitted_ns) / KIT_NS_PER_MS), job->row_count - job->rows_next,
             job->row_count);
    sched_end_abandon(c, job, KIT_TIMEOUT, now_ns);
}
