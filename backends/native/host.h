/* backends/native/host.h - the host's table of functions, kept from entry on.
 *
 * Thread: native_host_set once, the rest any. Memory: big blocks (weights, scratch) come from the host, which counts
 * them; small ones from kit/alloc.h. */
#ifndef NATIVE_HOST_H
#define NATIVE_HOST_H

#include "aether/backend.h"
#include "kit/base.h"

/* Work of one item; worker < cores, and no two calls with the same worker run at once. */
typedef void (*native_work)(void *arg, uint32_t i, uint32_t worker);

void native_host_set(const struct acb_host *host); /* borrowed for the life of the plug-in */
const struct acb_host *native_host(void);

/* 64-byte aligned, not cleared; owned; NULL: out of memory. */
KIT_MUST_CHECK void *native_host_alloc(uint64_t bytes);
void native_host_free(void *p); /* NULL is fine */

/* The right to spread work: over `cores` threads, or with cores 1 none beyond the caller, who acts as `worker`. */
struct native_team {
    uint32_t cores;
    uint32_t worker; /* of the caller; counts with cores 1 only */
};

/* Calls work(arg, i, worker) for i in [0, n) and returns when all are done. */
void native_host_spread(struct native_team team, uint32_t n, native_work work, void *arg);

#endif
