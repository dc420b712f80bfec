#include "half.h"

#include <string.h>

static float from_bits(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof(f));
    return f;
}

static uint32_t to_bits(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof(bits));
    return bits;
}

static uint32_t load16(const uint8_t *from)
{
    return (uint32_t)from[0] | (uint32_t)from[1] << 8;
}

/* The exponent's bias differs by 112; infinity and NaN keep a full exponent; a subnormal is its fraction times 2^-24. */
static float widen(uint32_t half)
{
    uint32_t sign = (half & 0x8000u) << 16;
    uint32_t rest = (half & 0x7fffu) << 13;
    uint32_t exponent = half & 0x7c00u;
    if (exponent == 0x7c00u) {
        return from_bits(sign | 0x7f800000u | rest);
    }
    if (exponent == 0) {
        return from_bits(sign | to_bits((float)(half & 0x3ffu) * 0x1p-24f));
    }
    return from_bits(sign | (rest + (112u << 23)));
}

void native_half_from_f16(const uint8_t *from, uint64_t n, float *ret)
{
    for (uint64_t i = 0; i < n; i++) {
        ret[i] = widen(load16(from + 2 * i));
    }
}

void native_half_from_bf16(const uint8_t *from, uint64_t n, float *ret)
{
    for (uint64_t i = 0; i < n; i++) {
        ret[i] = from_bits(load16(from + 2 * i) << 16);
    }
}
