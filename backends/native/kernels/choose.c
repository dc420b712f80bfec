#include "kernels.h"

#include <stdlib.h>
#include <string.h>

static bool cpu_has(const struct native_kernels *k)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (k == &native_kernels_avx512) {
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    }
    if (k == &native_kernels_avx2) {
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    }
#endif
    return k == &native_kernels_scalar;
}

/* Best first. */
static const struct native_kernels *const all[] = {
#if defined(__x86_64__)
    &native_kernels_avx512,
    &native_kernels_avx2,
#endif
    &native_kernels_scalar,
};

const struct native_kernels *native_kernels_find(const char *isa)
{
    for (size_t i = 0; i < KIT_COUNT(all); i++) {
        if (strcmp(all[i]->isa, isa) == 0 && cpu_has(all[i])) {
            return all[i];
        }
    }
    return NULL;
}

static bool is_known(const char *isa)
{
    return strcmp(isa, "scalar") == 0 || strcmp(isa, "avx2") == 0 || strcmp(isa, "avx512") == 0;
}

static const struct native_kernels *best(void)
{
    size_t i = 0;
    while (!cpu_has(all[i])) { /* the last one always fits */
        i++;
    }
    return all[i];
}

enum kit_status native_kernels_choose(const struct native_kernels **ret, struct kit_err *err)
{
    const char *isa = getenv("AETHER_ISA");
    if (isa == NULL || isa[0] == '\0') {
        *ret = best();
        return KIT_OK;
    }
    if (!is_known(isa)) {
        return kit_fail(err, KIT_INVALID, "AETHER_ISA is '%.32s', but must be scalar, avx2 or avx512", isa);
    }
    const struct native_kernels *k = native_kernels_find(isa);
    if (k == NULL) {
        return kit_fail(err, KIT_UNSUPPORTED, "AETHER_ISA asks for %s, which this machine lacks; unset it", isa);
    }
    *ret = k;
    return KIT_OK;
}
