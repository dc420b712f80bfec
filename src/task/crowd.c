#include "task/crowd.h"

#include "kit/alloc.h"

#define JOBS 4 /* at a time */

struct crowd_job {
    struct loop_work_job job;
    struct task_crowd *crowd;
};

struct task_crowd {
    struct loop_work *work; /* borrowed */
    void (*proceed)(struct task_request *r);
    struct kit_mutex lock;              /* guards what follows */
    struct task_request *first, **last; /* oldest first */
    uint32_t idle;                      /* bit i: jobs[i] is not in the pool */
    struct crowd_job jobs[JOBS];
};

/* The next one; a job that finds none is idle again. */
static struct task_request *take(struct task_crowd *c, const struct crowd_job *job)
{
    kit_mutex_lock(&c->lock);
    struct task_request *r = c->first;
    if (r == NULL) {
        c->idle |= 1u << (job - c->jobs);
    } else {
        c->first = r->next;
        c->last = c->first == NULL ? &c->first : c->last;
    }
    kit_mutex_unlock(&c->lock);
    return r;
}

static void work_through(struct loop_work_job *j)
{
    const struct crowd_job *job = KIT_CONTAINER(j, struct crowd_job, job);
    for (struct task_request *r; (r = take(job->crowd, job)) != NULL;) {
        job->crowd->proceed(r);
    }
}

/* Puts r at the end. A job to start, NULL when all are at work. */
static struct crowd_job *put(struct task_crowd *c, struct task_request *r)
{
    kit_mutex_lock(&c->lock);
    r->next = NULL;
    *c->last = r;
    c->last = &r->next;
    struct crowd_job *job = c->idle != 0 ? &c->jobs[__builtin_ctz(c->idle)] : NULL;
    c->idle &= c->idle - 1; /* which leaves 0 as it is */
    kit_mutex_unlock(&c->lock);
    return job;
}

/* The job could not be started. All that waits when nobody else is at work on it, else NULL. */
static struct task_request *take_back(struct task_crowd *c, const struct crowd_job *job)
{
    struct task_request *all = NULL;
    kit_mutex_lock(&c->lock);
    c->idle |= 1u << (job - c->jobs);
    if (c->idle == (1u << JOBS) - 1) {
        all = c->first;
        c->first = NULL;
        c->last = &c->first;
    }
    kit_mutex_unlock(&c->lock);
    return all;
}

void task_crowd_add(struct task_crowd *c, struct task_request *r)
{
    struct crowd_job *job = put(c, r);
    enum kit_status rc = job != NULL ? loop_work_submit(c->work, &job->job) : KIT_OK;
    if (rc == KIT_OK) {
        return;
    }
    struct kit_err err = {0};
    kit_fail(&err, rc, "the work pool is full: try again later");
    for (struct task_request *left = take_back(c, job), *next; left != NULL; left = next) {
        next = left->next;
        task_request_go_home_failed(left, rc, &err);
    }
}

enum kit_status task_crowd_new(struct loop_work *work, void (*proceed)(struct task_request *r), struct task_crowd **ret)
{
    struct task_crowd *c = kit_alloc_zero(1, sizeof(*c));
    if (c == NULL) {
        return KIT_NOMEM;
    }
    c->work = work;
    c->proceed = proceed;
    c->last = &c->first;
    c->idle = (1u << JOBS) - 1;
    kit_mutex_init(&c->lock);
    for (int i = 0; i < JOBS; i++) {
        c->jobs[i] = (struct crowd_job){.job = {.run = work_through}, .crowd = c};
    }
    *ret = c;
    return KIT_OK;
}

void task_crowd_free(struct task_crowd *c)
{
    if (c != NULL) {
        kit_mutex_done(&c->lock);
        kit_alloc_free(c);
    }
}
