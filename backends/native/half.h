/* backends/native/half.h - 16-bit floats to float32. Exact for every value, NaN and subnormals among them.
 *
 * Thread: any; pure. Sources need not be aligned. Source: IEEE 754-2019 binary16; bfloat16 is the upper half of binary32. */
#ifndef NATIVE_HALF_H
#define NATIVE_HALF_H

#include <stdint.h>

void native_half_from_f16(const uint8_t *from, uint64_t n, float *ret);
void native_half_from_bf16(const uint8_t *from, uint64_t n, float *ret);

#endif
