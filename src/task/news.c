#include "task/news.h"

#include <assert.h>
#include <string.h>

void task_news_init(struct task_news *n)
{
    *n = (struct task_news){0};
    kit_mutex_init(&n->lock);
}

void task_news_done(struct task_news *n)
{
    kit_mutex_done(&n->lock);
}

enum kit_status task_news_open(struct task_news *n, struct kit_arena *arena, uint32_t item_count)
{
    uint32_t *items = kit_arena_zero(arena, item_count, sizeof(*items));
    if (items == NULL) {
        return KIT_NOMEM;
    }
    kit_mutex_lock(&n->lock);
    n->items = items;
    n->max = item_count;
    kit_mutex_unlock(&n->lock);
    return KIT_OK;
}

void task_news_add(struct task_news *n, uint32_t item)
{
    kit_mutex_lock(&n->lock);
    assert(n->count < n->max);
    n->items[n->count++] = item;
    kit_mutex_unlock(&n->lock);
}

uint32_t task_news_read(struct task_news *n, uint32_t from, uint32_t *ret_items, uint32_t max)
{
    kit_mutex_lock(&n->lock);
    uint32_t count = from < n->count ? KIT_MIN(n->count - from, max) : 0;
    if (count > 0) {
        memcpy(ret_items, n->items + from, count * sizeof(*ret_items));
    }
    kit_mutex_unlock(&n->lock);
    return count;
}
