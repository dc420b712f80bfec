#include "host.h"

static const struct acb_host *the_host; /* set once, at entry */

void native_host_set(const struct acb_host *host)
{
    the_host = host;
}

const struct acb_host *native_host(void)
{
    return the_host;
}

void *native_host_alloc(uint64_t bytes)
{
    return the_host->alloc(the_host->ctx, bytes);
}

void native_host_free(void *p)
{
    the_host->free(the_host->ctx, p);
}

void native_host_spread(struct native_team team, uint32_t n, native_work work, void *arg)
{
    if (team.cores > 1) {
        the_host->parallel_for(the_host->ctx, team.cores, n, work, arg);
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        work(arg, i, team.worker);
    }
}
