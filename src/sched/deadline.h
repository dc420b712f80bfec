/* src/sched/deadline.h - waiting jobs by deadline, the earliest first: a binary heap that knows each job's place.
 *
 * Thread: the owner's. Memory: room for all jobs is taken at birth; jobs are borrowed and remember their place. */
#ifndef SCHED_DEADLINE_H
#define SCHED_DEADLINE_H

#include "sched/sched.h"

struct sched_deadline;

KIT_MUST_CHECK enum kit_status sched_deadline_new(uint32_t jobs_max, struct sched_deadline **ret); /* NOMEM */
void sched_deadline_free(struct sched_deadline *d);

/* A job without a deadline (KIT_NEVER_NS) is not taken up. At most jobs_max (assert). O(log n). */
void sched_deadline_add(struct sched_deadline *d, struct sched_job *job);
void sched_deadline_remove(struct sched_deadline *d, struct sched_job *job); /* not there: does nothing. O(log n) */
struct sched_job *sched_deadline_first(const struct sched_deadline *d);      /* NULL: none */

#endif
