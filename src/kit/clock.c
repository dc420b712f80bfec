#include "kit/clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

static _Atomic uint64_t fake_ns; /* 0: the real clock */

static uint64_t read_clock(clockid_t which)
{
    struct timespec t;
    clock_gettime(which, &t);
    return (uint64_t)t.tv_sec * KIT_NS_PER_S + (uint64_t)t.tv_nsec;
}

uint64_t kit_clock_ns(void)
{
    uint64_t fake = atomic_load_explicit(&fake_ns, memory_order_relaxed);
    return fake != 0 ? fake : read_clock(CLOCK_MONOTONIC);
}

uint64_t kit_clock_wall_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

char *kit_clock_text(uint64_t wall_ns, char buf[KIT_CLOCK_TEXT_BYTES])
{
    time_t seconds = (time_t)(wall_ns / KIT_NS_PER_S);
    struct tm t;
    gmtime_r(&seconds, &t);
    size_t len = strftime(buf, KIT_CLOCK_TEXT_BYTES, "%Y-%m-%dT%H:%M:%S", &t);
    snprintf(buf + len, KIT_CLOCK_TEXT_BYTES - len, ".%03uZ", (unsigned)(wall_ns / KIT_NS_PER_MS % 1000));
    return buf;
}

void kit_clock_fake(uint64_t ns)
{
    atomic_store_explicit(&fake_ns, ns, memory_order_relaxed);
}
