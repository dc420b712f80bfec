/* src/sched/deadline.h - what waits by deadline, the earliest first: a binary heap that knows each one's place.
 *
 * Thread: the owner's. Memory: room for all is taken at birth; what waits is borrowed and remembers its place. */
#ifndef SCHED_DEADLINE_H
#define SCHED_DEADLINE_H

#include "kit/status.h"

struct sched_deadline;

/* Inside of what waits. */
struct sched_due {
    uint64_t at_ns;   /* kit_clock_ns scale; KIT_NEVER_NS: it has none */
    uint32_t heap_at; /* place among the deadlines, from 1; 0: none */
};

KIT_MUST_CHECK enum kit_status sched_deadline_new(uint32_t max, struct sched_deadline **ret); /* NOMEM */
void sched_deadline_free(struct sched_deadline *d);

/* One without a deadline is not taken up. At most max (assert). O(log n). */
void sched_deadline_add(struct sched_deadline *d, struct sched_due *due, uint64_t at_ns);
void sched_deadline_remove(struct sched_deadline *d, struct sched_due *due); /* not there: does nothing. O(log n) */
struct sched_due *sched_deadline_first(const struct sched_deadline *d);      /* NULL: none */

#endif
