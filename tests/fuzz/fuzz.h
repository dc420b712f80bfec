/* tests/fuzz/fuzz.h - what the fuzz targets share: the entry, the check that ends a run, and inputs of several parts.
 *
 * A target is a pure function of its bytes: no clock, no random numbers, nothing that one run leaves to the next but what
 * is made once. Thread: one. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stdio.h>
#include <stdlib.h>

#include "kit/str.h"

/* The entry. data: exactly size bytes, not NUL-ended. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the program where something that must hold does not: libFuzzer keeps the input then. */
#define FUZZ_CHECK(condition)                                                                                          \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                             \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* An input whose first byte is a choice. False: it is empty. */
static inline bool fuzz_take_byte(kit_str *rest, uint8_t *ret)
{
    if (rest->len == 0) {
        return false;
    }
    *ret = (uint8_t)rest->ptr[0];
    *rest = kit_str_sub(*rest, 1, rest->len);
    return true;
}

/* The part before the next FUZZ_BORDER, or all that is left. A line of its own, so that a person can read a corpus. */
#define FUZZ_BORDER "\n--8<--\n"
static inline kit_str fuzz_take_part(kit_str *rest)
{
    size_t at = kit_str_find(*rest, kit_str_lit(FUZZ_BORDER));
    kit_str part = kit_str_sub(*rest, 0, at);
    *rest = at == rest->len ? (kit_str){0} : kit_str_sub(*rest, at + sizeof(FUZZ_BORDER) - 1, rest->len);
    return part;
}

#endif
