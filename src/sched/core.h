/* src/sched/core.h - the scheduler's rules: a state machine without threads, locks or clocks. For src/sched/ only.
 *
 * Events and the time come in by the functions below, each decides at once; what is to be done then stands in the
 * outbox: jobs that are finished, workers to wake, workers to stop. Whoever drives it (sched/lane.c; a simulation in the
 * tests) empties the outbox after each event. A worker is an instance with its thread, by index from 0.
 *
 * A batch:  take (rows become running) -> the driver runs it -> finish. A batch of several jobs that fails stays with its
 * worker, whose next takes answer its jobs one by one. A job whose answer is lost (cancelled, late, failed) keeps no row
 * waiting; it is finished when none of its rows runs; a batch in which only such jobs are left is to be stopped.
 *
 * Cores: the first worker may use many, every other one has one. A lone text, or a few, goes to the first worker if it is
 * free, with all cores that are left; more rows are spread over the workers.
 *
 * Thread: one at a time. Memory: everything is taken at birth, no event allocates. Each event is O(log n) in the jobs,
 * and takes constant time for each row that it moves. */
#ifndef SCHED_CORE_H
#define SCHED_CORE_H

#include "sched/sched.h"

#define SCHED_CORE_SPREAD_TOKENS 64 /* fewer are not worth a second worker */
#define SCHED_CORE_FILL_TOKENS 256  /* a batch of so many uses a core well; below it, less urgent rows may join */
#define SCHED_CORE_TIMED_TOKENS 128 /* batch_ms_target makes no batch smaller than this */
#define SCHED_CORE_LONG_ROUNDS 4 /* a job that takes more batches of all workers begins with SCHED_CORE_FILL_TOKENS */

struct sched_core;

/* Options as sched_lane_open takes them; model_id is not read. INVALID, NOMEM. */
KIT_MUST_CHECK enum kit_status sched_core_new(const struct sched_lane_options *options, struct sched_core **ret,
                                              struct kit_err *err);
void sched_core_free(struct sched_core *c); /* no job may be left (assert) */

/* --- events; now_ns never falls --- */

/* The errors are those of sched_submit, without NOMEM. The job stays the caller's on failure. */
KIT_MUST_CHECK enum kit_status sched_core_submit(struct sched_core *c, struct sched_job *job, uint64_t now_ns,
                                                 uint32_t *retry_after_ms, struct kit_err *err);
void sched_core_cancel(struct sched_core *c, struct sched_job *job, uint64_t now_ns); /* a job that is not finished */

/* What a worker is to run. */
struct sched_batch {
    const struct sched_slice *slices; /* borrowed until finish */
    uint32_t count;                   /* of slices, >= 1 */
    uint32_t rows;
    uint64_t tokens;
    uint32_t cores; /* at most so many; the driver lends what there is */
    bool retry;     /* one job of a batch that failed, alone */
};
/* The worker is free, and awake. False: there is nothing for it, or the first worker, which is then awake, does it better;
 * it may sleep until it is in sched_core_wakes. */
bool sched_core_take(struct sched_core *c, uint32_t worker, uint64_t now_ns, struct sched_batch *ret);
/* What the worker took has ended. err: the reason of a status that is not OK. UNAVAILABLE includes sched_core_lose. */
void sched_core_finish(struct sched_core *c, uint32_t worker, enum kit_status status, const struct kit_err *err,
                       uint64_t now_ns);

void sched_core_tick(struct sched_core *c, uint64_t now_ns); /* fails what is late */
/* No job is taken any more; failed: what waits is UNAVAILABLE with `why`. */
void sched_core_close(struct sched_core *c, bool failed, const char *why, uint64_t now_ns);
/* The engine is lost: as a failed close. What runs is told by its own finish. */
void sched_core_lose(struct sched_core *c, const char *why, uint64_t now_ns);

/* --- the outbox --- */

struct sched_job *sched_core_done(struct sched_core *c); /* the next finished job, or NULL; it is the caller's then */
uint64_t sched_core_wakes(struct sched_core *c);         /* bit w: wake worker w; forgotten when read */
uint64_t sched_core_stops(const struct sched_core *c);   /* bit w: nobody wants what w runs; stays until it finishes */

/* --- looking --- */

uint64_t sched_core_deadline(const struct sched_core *c);              /* when the next tick is due; KIT_NEVER_NS */
bool sched_core_is_awake(const struct sched_core *c, uint32_t worker); /* expected to take, or running */
bool sched_core_is_empty(const struct sched_core *c);                  /* no job is left inside */
struct sched_counts sched_core_counts(const struct sched_core *c);

#endif
