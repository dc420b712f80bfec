/* src/task/wait.h - requests that wait for their model to load.
 *
 * Thread: one loop owns the room; requests arrive by its channel from any thread. Memory: each waiting request is the
 * room's until it goes on or home. */
#ifndef TASK_WAIT_H
#define TASK_WAIT_H

#include "task/request.h"

struct task_wait;

/* go: called on the loop's thread with a request that left the room and the model that it waited for (a reference, the
 * callee's). */
KIT_MUST_CHECK enum kit_status task_wait_new(struct loop *l, struct model_catalog *catalog, uint32_t waiting_max,
                                             void (*go)(struct task_request *r, struct model_loaded *loaded),
                                             struct task_wait **ret, struct kit_err *err);
/* Any thread. Takes r over: has its model loaded, then lets it go on; fails it when the load does, when its deadline comes
 * or when the room is full. */
void task_wait_enter(struct task_wait *w, struct task_request *r);
/* Fails what waits. On the loop's thread. */
void task_wait_close(struct task_wait *w);

#endif
