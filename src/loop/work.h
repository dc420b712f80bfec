/* src/loop/work.h - the bounded pool of threads for what blocks or is long: disk, big JSON, loading models.
 *
 * Thread: submit: any. Memory: a job is an embedded node; it must live until `run` has returned. */
#ifndef LOOP_WORK_H
#define LOOP_WORK_H

#include "kit/status.h"

struct loop_work_job {
    struct loop_work_job *next;             /* the pool's while queued */
    void (*run)(struct loop_work_job *job); /* on a pool thread; may free the job; tells a loop by loop_chan */
};

struct loop_work;

/* threads: 1 … 64, each started when a job finds the others busy; waiting_max: jobs waiting at most. INVALID, NOMEM. */
KIT_MUST_CHECK enum kit_status loop_work_new(uint32_t threads, uint32_t waiting_max, struct loop_work **ret,
                                             struct kit_err *err);
/* FULL: nothing happened. NOMEM: no thread could be started. */
KIT_MUST_CHECK enum kit_status loop_work_submit(struct loop_work *w, struct loop_work_job *job);
/* Waits until nothing is queued or running; jobs may still be submitted, by the running ones too. Not from a job. */
void loop_work_drain(struct loop_work *w);
/* Runs what is queued to its end, then joins the threads. A job that is still running must not submit. NULL is fine. */
void loop_work_free(struct loop_work *w);

#endif
