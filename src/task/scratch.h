/* src/task/scratch.h - working memories of the tokenizer, lent to whoever tokenizes at the moment.
 *
 * Thread: any (a lock inside, held for a pointer's time). Memory: at most TASK_SCRATCHES_KEPT rest here. */
#ifndef TASK_SCRATCH_H
#define TASK_SCRATCH_H

#include "kit/sync.h"
#include "text/tokenizer.h"

#define TASK_SCRATCHES_KEPT 8

struct task_scratches {
    struct kit_mutex lock;
    struct text_scratch *resting[TASK_SCRATCHES_KEPT]; /* [count], owned */
    uint32_t count;
};

void task_scratches_init(struct task_scratches *s);
void task_scratches_done(struct task_scratches *s);
KIT_MUST_CHECK enum kit_status task_scratches_take(struct task_scratches *s, struct text_scratch **ret); /* NOMEM */
void task_scratches_give(struct task_scratches *s, struct text_scratch *scratch); /* NULL is fine */

#endif
