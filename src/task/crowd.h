/* src/task/crowd.h - the way out of the waiting room: a model that gets ready frees many requests at once, which a few jobs of
 * the work pool work through, so that no loop tokenizes them and the pool keeps room for others.
 *
 * Thread: any (a lock inside, held to add or take one). Memory: a request is the crowd's until it is worked on. */
#ifndef TASK_CROWD_H
#define TASK_CROWD_H

#include "task/request.h"

struct task_crowd;

/* proceed: called on a pool thread with each request. work: borrowed. NOMEM. */
KIT_MUST_CHECK enum kit_status task_crowd_new(struct loop_work *work, void (*proceed)(struct task_request *r),
                                              struct task_crowd **ret);
void task_crowd_free(struct task_crowd *c); /* when the pool is drained; NULL is fine */
/* Takes r over. It goes home failed (FULL) when the pool takes no job and none is at work already. */
void task_crowd_add(struct task_crowd *c, struct task_request *r);

#endif
