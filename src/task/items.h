/* src/task/items.h - when all rows of an item have been computed. Thread: model threads, several at a time for one
 * request. */
#ifndef TASK_ITEMS_H
#define TASK_ITEMS_H

#include "task/type.h"

/* Counts the rows of each item that has more than one, and makes room for news; after prepare. NOMEM. */
KIT_MUST_CHECK enum kit_status task_items_count(struct task_request *r, struct kit_err *err);
/* Rows [first, first + count) are computed for good. The items that are complete with them are put together
 * (task_type.finish), and told to an asker who wants to know, unless the request is lost already (sched_job.lost). */
void task_items_rows_done(const struct task_model *m, struct task_request *r, uint32_t first, uint32_t count);

/* How much there is to write of items [first, first + count), in numbers or what takes as long: more than
 * TASK_ITEMS_INLINE_NUMBERS (about 40 KiB of JSON) is written on the work pool, not on a loop. Once they are there. */
#define TASK_ITEMS_INLINE_NUMBERS 4096
uint64_t task_items_numbers(const struct task_request *r, uint32_t first, uint32_t count);

#endif
