/* src/kit/flag.h - one bit that several threads read and write, for who need not know what an atomic is.
 *
 * Thread: any; whoever sees it set sees what was written before it was set. Memory: the holder's; zeroed is not set. */
#ifndef KIT_FLAG_H
#define KIT_FLAG_H

#include <stdatomic.h>
#include <stdbool.h>

struct kit_flag {
    atomic_bool set;
};

static inline bool kit_flag_get(struct kit_flag *f)
{
    return atomic_load(&f->set);
}

static inline void kit_flag_set(struct kit_flag *f, bool set)
{
    atomic_store(&f->set, set);
}

/* Sets it and answers what it was: true for all but the first. */
static inline bool kit_flag_raise(struct kit_flag *f)
{
    return atomic_exchange(&f->set, true);
}

#endif
