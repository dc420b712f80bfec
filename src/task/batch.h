/* src/task/batch.h - the scheduler's worker: hands each batch to its task (type.h) and sends finished requests home.
 * Thread: the model thread of the instance; done: any. */
#ifndef TASK_BATCH_H
#define TASK_BATCH_H

#include "task/model.h"

const struct sched_worker *task_batch_worker(void); /* its ctx is the struct task_model */

/* The answer is there: it goes home, written on the work pool where it is large. The request is given away. Any thread. */
void task_batch_send_home(struct task_request *r);

#endif
