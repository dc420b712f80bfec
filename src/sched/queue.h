/* src/sched/queue.h - the waiting rows, and which of them is next.
 *
 * Between priorities: the more urgent one overtakes, but of what it takes while others wait, one token in
 * SCHED_QUEUE_SHARE goes to the less urgent, so that none waits for ever. Between the principals of a priority: deficit
 * round robin on tokens (Shreedhar and Varghese, "Efficient fair queuing using deficit round robin", 1995). Between
 * the jobs of one principal: turns of SCHED_QUEUE_TURN tokens, so that small ones get in between a large one's rows.
 * Thread: the owner's. Memory: room for all principals is taken at birth; jobs are borrowed and linked by their book.
 * Each call is O(1), amortised over the tokens that are taken. */
#ifndef SCHED_QUEUE_H
#define SCHED_QUEUE_H

#include "sched/sched.h"

#define SCHED_QUEUE_SHARE 16    /* one token in so many is for the less urgent */
#define SCHED_QUEUE_QUANTUM 512 /* tokens that a principal is granted in a round */
#define SCHED_QUEUE_TURN 256    /* tokens after which a job lets the others of its principal go first */

struct sched_queue;

KIT_MUST_CHECK enum kit_status sched_queue_new(uint32_t jobs_max, struct sched_queue **ret); /* NOMEM */
void sched_queue_free(struct sched_queue *q);

/* book.tokens_waiting is set; rows [rows_next, row_count) wait, at least one. At most jobs_max jobs (assert). */
void sched_queue_add(struct sched_queue *q, struct sched_job *job);
/* Takes the job and all of its waiting rows out. Does nothing when none of its rows waits. */
void sched_queue_remove(struct sched_queue *q, struct sched_job *job);
/* The job whose row rows_next is next, NULL when nothing waits. The same one until the queue changes. */
struct sched_job *sched_queue_first(struct sched_queue *q);
/* Starts a row of the job that sched_queue_first answered: rows_next goes on; the job leaves with its last row. */
void sched_queue_take(struct sched_queue *q, struct sched_job *job);

/* What waits. */
uint32_t sched_queue_jobs(const struct sched_queue *q);
uint64_t sched_queue_rows(const struct sched_queue *q);
uint64_t sched_queue_tokens(const struct sched_queue *q);

#endif
