/* src/task/batch.h - from slices of requests to one call of the engine, and back: the scheduler's worker.
 *
 * Texts of many requests become one ragged tensor of token ids, without padding; each vector is written into its own
 * request. Requests of raw tensors run one by one. Thread: the model thread of the instance; done: any. */
#ifndef TASK_BATCH_H
#define TASK_BATCH_H

#include "task/model.h"

const struct sched_worker *task_batch_worker(void); /* its ctx is the struct task_model */

#endif
