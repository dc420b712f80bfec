#include "loop/work.h"

#include <assert.h>
#include <stdio.h>

#include "kit/alloc.h"
#include "kit/sync.h"

#define THREADS_MAX 64

struct loop_work {
    struct kit_mutex mutex; /* guards what follows */
    struct kit_cond wake;
    struct loop_work_job *first, *last;
    uint32_t waiting, waiting_max;
    uint32_t idle;    /* threads that wait for a job */
    uint32_t running; /* jobs */
    struct kit_cond drained;
    uint32_t started, threads;
    bool ending;
    struct kit_thread thread[];
};

enum kit_status loop_work_new(uint32_t threads, uint32_t waiting_max, struct loop_work **ret, struct kit_err *err)
{
    if (threads < 1 || threads > THREADS_MAX) {
        return kit_fail(err, KIT_INVALID, "a work pool takes 1 to %d threads, not %u", THREADS_MAX, threads);
    }
    struct loop_work *w = kit_alloc_zero(1, sizeof(*w) + threads * sizeof(w->thread[0]));
    if (w == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for a work pool");
    }
    kit_mutex_init(&w->mutex);
    kit_cond_init(&w->wake);
    kit_cond_init(&w->drained);
    w->waiting_max = waiting_max;
    w->threads = threads;
    *ret = w;
    return KIT_OK;
}

/* The next job; NULL when the pool ends and nothing is queued. The mutex is held. */
static struct loop_work_job *take(struct loop_work *w)
{
    while (w->first == NULL && !w->ending) {
        w->idle++;
        kit_cond_wait(&w->wake, &w->mutex);
        w->idle--;
    }
    struct loop_work_job *job = w->first;
    if (job != NULL) {
        w->first = job->next;
        w->last = job->next == NULL ? NULL : w->last;
        w->waiting--;
    }
    return job;
}

static void work(void *arg)
{
    struct loop_work *w = arg;
    kit_mutex_lock(&w->mutex);
    for (struct loop_work_job *job; (job = take(w)) != NULL;) {
        w->running++;
        kit_mutex_unlock(&w->mutex);
        job->run(job); /* may free the job */
        kit_mutex_lock(&w->mutex);
        w->running--;
        if (w->running == 0 && w->first == NULL) {
            kit_cond_broadcast(&w->drained);
        }
    }
    kit_mutex_unlock(&w->mutex);
}

/* One more thread when all are busy. That it fails matters only when there is none. The mutex is held. */
static enum kit_status grow(struct loop_work *w)
{
    if (w->idle > w->waiting || w->started == w->threads) {
        return KIT_OK;
    }
    char name[16];
    snprintf(name, sizeof(name), "work-%u", w->started);
    enum kit_status rc = kit_thread_start(&w->thread[w->started], name, work, w, NULL);
    w->started += rc == KIT_OK;
    return w->started > 0 ? KIT_OK : KIT_NOMEM;
}

enum kit_status loop_work_submit(struct loop_work *w, struct loop_work_job *job)
{
    kit_mutex_lock(&w->mutex);
    assert(!w->ending);
    enum kit_status rc = w->waiting >= w->waiting_max ? KIT_FULL : grow(w);
    if (rc == KIT_OK) {
        job->next = NULL;
        if (w->first == NULL) {
            w->first = job;
        } else {
            w->last->next = job;
        }
        w->last = job;
        w->waiting++;
        kit_cond_signal(&w->wake);
    }
    kit_mutex_unlock(&w->mutex);
    return rc;
}

void loop_work_drain(struct loop_work *w)
{
    kit_mutex_lock(&w->mutex);
    while (w->running > 0 || w->first != NULL) {
        kit_cond_wait(&w->drained, &w->mutex);
    }
    kit_mutex_unlock(&w->mutex);
}

void loop_work_free(struct loop_work *w)
{
    if (w == NULL) {
        return;
    }
    kit_mutex_lock(&w->mutex);
    w->ending = true;
    kit_cond_broadcast(&w->wake);
    kit_mutex_unlock(&w->mutex);
    for (uint32_t i = 0; i < w->started; i++) {
        kit_thread_join(&w->thread[i]);
    }
    kit_cond_done(&w->wake);
    kit_cond_done(&w->drained);
    kit_mutex_done(&w->mutex);
    kit_alloc_free(w);
}
