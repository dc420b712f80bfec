/* src/sched/inner.h - what the files of the scheduler's rules share: its state, and what each of them does to it. For
 * src/sched/ only.
 *
 * core.c takes the events in (core.h) and calls admit.c (may a job come in), batch.c (which rows a worker takes), cores.c
 * (which workers wake, with how many cores) and ends.c (a job leaves). Thread and memory: as in core.h. */
#ifndef SCHED_INNER_H
#define SCHED_INNER_H

#include "sched/core.h"
#include "sched/deadline.h"
#include "sched/queue.h"

/* A slice of a job in a worker's hands; stands at the same index as the slice itself. */
struct sched_hold {
    struct sched_hold *prev, *next; /* the job's others, in other workers */
    uint64_t tokens;
    uint32_t worker;
};

enum sched_seat_state { SCHED_ASLEEP, SCHED_AWAKE, SCHED_RUNNING };

/* What is known of a worker. */
struct sched_seat {
    enum sched_seat_state state; /* by sched_cores_set_state, which counts */
    struct sched_slice *slices;  /* [batch_rows_max]; owned. job NULL: let go of */
    struct sched_hold *holds;    /* [batch_rows_max]; owned */
    uint32_t count;              /* slices in hand */
    uint32_t from, until;        /* of those, the ones that run; behind them the ones to retry */
    uint32_t wanted;             /* running slices whose job still wants its answer */
    uint32_t rows;               /* of the slices that run */
    uint64_t tokens, started_ns;
};

struct sched_core {
    struct sched_lane_options options;
    struct sched_queue *queue;
    struct sched_deadline *deadlines;
    struct sched_seat *workers; /* [instances] */
    struct sched_job *done_first, **done_last;
    uint64_t wakes, stops; /* the outbox: a bit a worker */
    uint32_t jobs;         /* inside, waiting or not */
    uint32_t running;      /* workers */
    uint32_t asleep;       /* workers */
    bool crowded;          /* when a worker was last done, others had work: one core is left for the next of them */
    bool closed;
    double speed;                /* tokens a second of one worker; 0: not known */
    char why[KIT_ERR_MSG_BYTES]; /* closed: what late comers are told */
};

/* --- admit.c --- */

/* May a job of so many tokens wait? The errors are those of sched_submit. */
KIT_MUST_CHECK enum kit_status sched_admit(const struct sched_core *c, uint64_t tokens, uint32_t *retry_after_ms,
                                           struct kit_err *err);

/* --- batch.c --- */

/* The worker takes the next rows from the queue into its slices; w->count 0: there are none. */
void sched_batch_form(struct sched_core *c, uint32_t worker, uint64_t now_ns);
/* The next job of a failed batch, alone. False: none is left. */
bool sched_batch_retry(struct sched_core *c, struct sched_seat *w, uint64_t now_ns);

/* --- cores.c --- */

void sched_cores_set_state(struct sched_core *c, struct sched_seat *w, enum sched_seat_state state);
/* Only the first worker's instance can use more than one core. Where the waiting rows would leave half of the free cores
 * idle, they are its own: all of them on all cores are done before the longest is on one. */
bool sched_cores_are_for_the_first(const struct sched_core *c);
/* Wakes as many workers as the waiting rows can use. */
void sched_cores_wake(struct sched_core *c);
/* Of a worker that runs: at most so many cores are for it, >= 1. */
uint32_t sched_cores_share(const struct sched_core *c, const struct sched_seat *w);

/* --- ends.c --- */

/* Puts a job of which no worker holds a slice any more into the outbox, when it is complete or its answer is lost. */
void sched_end_if_over(struct sched_core *c, struct sched_job *job, uint64_t now_ns);
/* The worker lets go of a slice. The job's end is then to be looked at. */
void sched_end_hold(struct sched_core *c, struct sched_hold *h);
/* The job's answer is lost: job->err says why. Its first such status counts. */
void sched_end_abandon(struct sched_core *c, struct sched_job *job, enum kit_status status, uint64_t now_ns);
/* Its deadline has come before all of its rows had started. */
void sched_end_late(struct sched_core *c, struct sched_job *job, uint64_t now_ns);

#endif
