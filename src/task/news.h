/* src/task/news.h - what an asker hears of its request before it comes home: which items of the answer are there.
 *
 * A list of item indices in the order in which they were finished, with room for all of them from the start: adding never
 * fails, never waits and allocates nothing. Readers keep their own place in it and read when they like. A slow one holds up
 * nobody: what it has not read is a number here, and what the item gave lies in the request.
 * That there is something to read is told by a message, at most one on its way (task_request_tell).
 *
 * Text that is being generated does not come through here: it lies with its choice, and is read from there (task/made.h). An
 * input of such a question is an item when all of its texts have ended.
 *
 * Thread: any. Memory: part of the request; the list lies in its arena. */
#ifndef TASK_NEWS_H
#define TASK_NEWS_H

#include "kit/arena.h"
#include "kit/sync.h"

struct task_news {
    /* Guards what follows, for the time that it takes to copy some indices: several model threads finish items of one
     * request at the same time. */
    struct kit_mutex lock;
    uint32_t *items; /* [max] */
    uint32_t count, max;
};

void task_news_init(struct task_news *n);
void task_news_done(struct task_news *n);
/* Room for items 0 … item_count-1; once, before the first is finished. NOMEM. */
KIT_MUST_CHECK enum kit_status task_news_open(struct task_news *n, struct kit_arena *arena, uint32_t item_count);
/* What the item gave is there for good: nothing writes into it any more, so that a reader may. At most item_count calls
 * (assert). */
void task_news_add(struct task_news *n, uint32_t item);
/* Copies at most `max` indices from place `from` on, counted from 0 in the order of finishing; returns how many. */
uint32_t task_news_read(struct task_news *n, uint32_t from, uint32_t *ret_items, uint32_t max);

#endif
