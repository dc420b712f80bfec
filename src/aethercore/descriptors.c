#include "aethercore/descriptors.h"

#include <sys/resource.h>

#include "kit/log.h"

#define OTHERS 256 /* models, plug-ins, cells, listeners, logs */
#define ENOUGH                                                                                                         \
    (1 << 20) /* what the kernel allows by default; some containers allow 2^30, for which tables would be made */

static uint64_t raise_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return OTHERS;
    }
    struct rlimit wanted = {.rlim_cur = KIT_MIN(limit.rlim_max, (rlim_t)ENOUGH), .rlim_max = limit.rlim_max};
    if (wanted.rlim_cur > limit.rlim_cur && setrlimit(RLIMIT_NOFILE, &wanted) == 0) {
        limit = wanted;
    }
    return limit.rlim_cur;
}

uint32_t aethercore_descriptors_connections(uint32_t wanted, uint32_t loops)
{
    uint64_t limit = raise_limit(), room = limit > OTHERS ? limit - OTHERS : 0;
    uint64_t each = KIT_MAX(room / loops, (uint64_t)1);
    if (each >= wanted) {
        return wanted;
    }
    LOG_WARN("server.descriptors",
             "open_files=%llu connections=%llu wanted=%u what=\"raise the limit of open files (ulimit -n)\"",
             (unsigned long long)limit, (unsigned long long)(each * loops), wanted * loops);
    return (uint32_t)each;
}
