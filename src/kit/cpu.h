/* src/kit/cpu.h - how many cores this process may really use, and how much memory.
 *
 * Thread: any. Sources: sched_getaffinity(2), Linux cgroup v1 cpu.cfs_quota_us and v2 cpu.max, memory.max. */
#ifndef KIT_CPU_H
#define KIT_CPU_H

#include "kit/base.h"

/* Cores by affinity and by the cgroup's quota (rounded up), whichever is less; at least 1. Reads the files anew at
 * each call. */
uint32_t kit_cpu_cores(void);

uint64_t kit_cpu_memory_limit_bytes(void); /* of the cgroup, else of the machine */
uint64_t kit_cpu_rss_bytes(void);          /* resident now; 0 when unknown */

#endif
