/* tests/backends/native/guard.h - buffers that end at a page nobody may touch: one float too far ends the test.
 *
 * Thread: main. Memory: mapped, given back by guard_free_all. */
#ifndef NATIVE_TEST_GUARD_H
#define NATIVE_TEST_GUARD_H

#include <stddef.h>
#include <stdint.h>

/* n floats (0 is fine) whose end is the guard; filled with numbers from -1 to 1. */
float *guard_floats(size_t n);
/* The same before they are filled: each is a NaN. */
float *guard_empty(size_t n);
void guard_free_all(void);

/* Numbers of our own, the same at each run. */
uint32_t guard_random(uint32_t below);
float guard_random_float(void);

#endif
