/* src/plug/now.h - the machine's monotonic clock, for waits on what is outside of us: threads, cells. A test that
 * stops kit_clock_ns must not stop these. Thread: any. */
#ifndef PLUG_NOW_H
#define PLUG_NOW_H

#include <time.h>

#include "kit/clock.h"

static inline uint64_t plug_now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * KIT_NS_PER_S + (uint64_t)t.tv_nsec;
}

#endif
