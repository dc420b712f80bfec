/* src/sched/queue.h - the waiting rows of jobs, and which of them is next: a job's pieces in turns.h are its rows.
 *
 * Thread: the owner's. Memory: as turns.h; jobs are borrowed and linked by their book. */
#ifndef SCHED_QUEUE_H
#define SCHED_QUEUE_H

#include "sched/sched.h"

struct sched_queue;

KIT_MUST_CHECK enum kit_status sched_queue_new(uint32_t jobs_max, struct sched_queue **ret); /* NOMEM */
void sched_queue_free(struct sched_queue *q);

/* book.tokens_waiting is set; rows [rows_next, row_count) wait, at least one. At most jobs_max jobs (assert). */
void sched_queue_add(struct sched_queue *q, struct sched_job *job);
/* Takes the job and all of its waiting rows out. Does nothing when none of its rows waits. */
void sched_queue_remove(struct sched_queue *q, struct sched_job *job);
bool sched_queue_has(const struct sched_job *job); /* one of its rows waits */
/* The job whose row rows_next is next, NULL when nothing waits. The same one until the queue changes. */
struct sched_job *sched_queue_first(struct sched_queue *q);
/* Starts a row of the job that sched_queue_first answered: rows_next goes on; the job leaves with its last row. */
void sched_queue_take(struct sched_queue *q, struct sched_job *job);

/* What waits. */
uint32_t sched_queue_jobs(const struct sched_queue *q);
uint64_t sched_queue_rows(const struct sched_queue *q);
uint64_t sched_queue_tokens(const struct sched_queue *q);

#endif
