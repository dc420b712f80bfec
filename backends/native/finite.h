/* backends/native/finite.h - NaN and infinity found: damaged weights make such answers, and nothing else does.
 *
 * Thread: any; pure. Source: IEEE 754-2019, section 3.4. */
#ifndef NATIVE_FINITE_H
#define NATIVE_FINITE_H

#include "kit/base.h"

/* Is every one of n numbers finite? Reads all of them; about as fast as memory. */
bool native_finite_all(const float *x, size_t n);

#endif
