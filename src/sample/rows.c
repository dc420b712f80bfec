#include "sample/rows.h"

#include <string.h>

const struct sample_rows *sample_rows_best(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")) {
        return &sample_rows_avx512;
    }
    if (__builtin_cpu_supports("avx2")) {
        return &sample_rows_avx2;
    }
#endif
    return &sample_rows_any;
}

const struct sample_rows *sample_rows_find(const char *isa)
{
    if (strcmp(isa, "any") == 0) {
        return &sample_rows_any;
    }
#if defined(__x86_64__)
    if (strcmp(isa, "avx512") == 0 && sample_rows_best() == &sample_rows_avx512) {
        return &sample_rows_avx512;
    }
    if (strcmp(isa, "avx2") == 0 && __builtin_cpu_supports("avx2")) {
        return &sample_rows_avx2;
    }
#endif
    return NULL;
}
