/* src/sched/sched.h - queues, batching, deadlines, priorities, cancellation: who computes what next.
 *
 * A lane belongs to one loaded model: one queue, and one model thread for each instance that pulls batches from it. A job
 * is a request with one or more rows (texts); rows of many jobs share a batch, a large job is split, and its answer is
 * complete when its last row is. A batch is formed the moment a thread and a core are free: nothing waits while a core
 * idles. The rules are a state machine without threads (sched/core.h); this file is its threads and messages.
 * Thread: any, unless said. Memory: a job is the submitter's until sched_submit succeeds, the lane's until `done`. */
#ifndef SCHED_SCHED_H
#define SCHED_SCHED_H

#include "kit/flag.h"
#include "kit/slots.h"
#include "plug/engine.h"
#include "sched/deadline.h"
#include "sched/turns.h"

/* One row of work: sizes for the scheduler, everything else behind it is the worker's. */
struct sched_row {
    uint32_t tokens; /* cost, >= 1 */
};

/* Where a job stands, for the scheduler alone (inner.h, queue.h). */
struct sched_book {
    struct sched_turn turn;   /* among what waits */
    struct sched_due due;     /* while a row waits */
    struct sched_hold *holds; /* its slices in batches */
    uint64_t tokens;          /* of all rows */
    uint64_t tokens_waiting;  /* of the rows that have not started */
};

struct sched_job {
    struct sched_job *next; /* the lane's; free for use in done */
    kit_id ticket;          /* set by sched_submit; for sched_cancel */
    enum sched_priority priority;
    bool alone;             /* each of its rows is a batch of its own: work that the worker cannot join with others */
    uint64_t deadline_ns;   /* kit_clock_ns scale; KIT_NEVER_NS. A row that has not started by then never does */
    uint64_t principal;     /* hash of who asks; for fairness between principals */
    struct sched_row *rows; /* [row_count], borrowed from the job's owner */
    uint32_t row_count;     /* 1 … */
    /* The lane's book-keeping, set by sched_submit; read it in done. */
    uint64_t submitted_ns, started_ns, finished_ns; /* started: first row; 0 = never */
    uint64_t compute_ns;                            /* sum of the batches' times, by share of tokens */
    uint32_t rows_next, rows_running, rows_done;
    bool cancelled;         /* by sched_cancel; then failed is KIT_CANCELLED */
    struct kit_flag lost;   /* set as soon as failed is; may be read by run, too: nobody wants these rows any more */
    enum kit_status failed; /* the first failure, KIT_OK while there is none: CANCELLED, TIMEOUT, UNAVAILABLE, run's */
    struct kit_err err;     /* filled when failed */
    struct sched_book book;
};

/* A slice of a job inside a batch: rows [first, first + count). A job has at most one in a batch. */
struct sched_slice {
    struct sched_job *job;
    uint32_t first, count;
};

/* What the layer above (task/) does with batches. */
struct sched_worker {
    /* Runs one batch on one instance, on its model thread. Writes each row's result into its own job. A failure is the
     * whole batch's: the lane then runs its jobs one by one, once, so that a bad one does not fail the good ones; rows of
     * a failed batch may thus be written twice. UNAVAILABLE is the model's end: all that waits fails with it. cores: lent
     * for this call. */
    enum kit_status (*run)(void *ctx, struct plug_instance *instance, const struct sched_slice *slices, uint32_t count,
                           uint32_t cores, struct kit_err *err);
    /* The job is complete, failed (job->failed), cancelled or late: the last word on it, ownership goes back. No thread
     * works on its rows any more. From a thread of the lane, or inside sched_cancel and sched_lane_close, never inside
     * sched_submit; must not block (send a message) and must not call the lane. */
    void (*done)(void *ctx, struct sched_job *job);
};

struct sched_lane;

#define SCHED_INSTANCES_MAX 64
#define SCHED_BATCH_MS 100    /* batch_ms_target when none is given */
#define SCHED_SHRINK_MS 10000 /* shrink_after_ms when none is given */

struct sched_lane_options {
    const char *model_id; /* for metrics and thread names; copied */
    uint32_t instances;   /* model threads, 1 … SCHED_INSTANCES_MAX */
    uint32_t cores_max;   /* most cores of one call, >= 1: of the first instance; the others are opened for one core,
                                * so that scratch is taken for instances + cores, not for their product */
    uint64_t batch_tokens_max; /* a batch takes rows until the next one would pass it; one row always fits */
    uint32_t batch_rows_max;   /* 1 … 65,536 */
    uint32_t batch_ms_target;  /* of a queue that is longer a batch takes what an instance was seen to do in this time
                                 * (128 tokens at least), so that those who come later need not wait for more;
                                 * 0: SCHED_BATCH_MS; UINT32_MAX: no such limit */
    uint64_t queue_tokens_max; /* waiting; beyond: FULL */
    uint32_t queue_jobs_max;   /* waiting, 1 … 2^20 */
    uint32_t shrink_after_ms;  /* an instance that rests for so long gives back its scratch; 0: SCHED_SHRINK_MS */
};

/* Opens the instances on their threads; blocks until all are there or one has failed. engine, model: borrowed, outlive
 * the lane. worker: borrowed for ever. INVALID names the option that is out of range; NOMEM; what opening an instance
 * answers. */
KIT_MUST_CHECK enum kit_status sched_lane_open(struct plug_engine *engine, struct plug_model *model,
                                               const struct sched_lane_options *options,
                                               const struct sched_worker *worker, void *worker_ctx,
                                               struct sched_lane **ret, struct kit_err *err);
/* FULL: message says how much waits and when to try again (*retry_after_ms, may be NULL); TOO_LARGE: more tokens than the
 * queue ever takes; INVALID: a job without rows or a row without tokens; TIMEOUT: its deadline is over; UNAVAILABLE:
 * draining, or the model is lost; NOMEM. */
KIT_MUST_CHECK enum kit_status sched_submit(struct sched_lane *lane, struct sched_job *job, uint32_t *retry_after_ms,
                                            struct kit_err *err);
/* The client has left. A waiting job is given back at once; a running batch is stopped when all of its jobs have left. A
 * ticket that is gone does nothing. `done` is called in any case, once. */
void sched_cancel(struct sched_lane *lane, kit_id ticket);

/* No new jobs; with `failed` what waits gets UNAVAILABLE and `why`, otherwise it is finished. Blocks until no job is left
 * and the threads have ended, then frees; submit and cancel may be called until then, not after. Not from a model thread
 * and not from `done`. NULL is fine. */
void sched_lane_close(struct sched_lane *lane, bool failed, const char *why);

struct sched_counts {
    uint32_t jobs_waiting; /* with rows that have not started */
    uint32_t jobs_running; /* all others */
    uint64_t tokens_waiting;
};
/* What is in the lane at this moment. Any thread, while it is open. */
struct sched_counts sched_lane_counts(struct sched_lane *lane);

#endif
