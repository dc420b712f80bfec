/* src/kit/budget.h - bytes that several holders take from one sum, such as the bodies of all requests.
 *
 * Thread: any. Memory: the holder's; zeroed is nothing taken. Whoever takes gives back the same count, once. */
#ifndef KIT_BUDGET_H
#define KIT_BUDGET_H

#include <stdatomic.h>

#include "kit/base.h"

struct kit_budget {
    atomic_uint_least64_t used;
};

/* False: the sum would pass max, and nothing was taken. All takers of one budget give the same max. */
static inline bool kit_budget_take(struct kit_budget *b, uint64_t bytes, uint64_t max)
{
    uint64_t used = atomic_load(&b->used);
    do {
        if (used > max || bytes > max - used) {
            return false;
        }
    } while (!atomic_compare_exchange_weak(&b->used, &used, used + bytes));
    return true;
}

static inline void kit_budget_give(struct kit_budget *b, uint64_t bytes)
{
    atomic_fetch_sub(&b->used, bytes);
}

static inline uint64_t kit_budget_used(struct kit_budget *b)
{
    return atomic_load(&b->used);
}

#endif
