/* src/kit/ref.h - a reference count, for what two threads share: then it is immutable, or its header says who may write.
 *
 * Thread: any. The last kit_ref_down sees every write that was made before the others. */
#ifndef KIT_REF_H
#define KIT_REF_H

#include <stdatomic.h>
#include <stdint.h>
#include <stdbool.h>

struct kit_ref {
    _Atomic uint32_t count;
};

static inline void kit_ref_init(struct kit_ref *r)
{
    atomic_init(&r->count, 1);
}

static inline void kit_ref_up(struct kit_ref *r)
{
    atomic_fetch_add_explicit(&r->count, 1, memory_order_relaxed);
}

/* True: that was the last one. */
static inline bool kit_ref_down(struct kit_ref *r)
{
    return atomic_fetch_sub_explicit(&r->count, 1, memory_order_acq_rel) == 1;
}

#endif
