#include <math.h>

#include "half.h"
#include "support/test.h"

static float f16(uint16_t bits)
{
    float ret;
    uint8_t bytes[2] = {(uint8_t)bits, (uint8_t)(bits >> 8)};
    native_half_from_f16(bytes, 1, &ret);
    return ret;
}

/* By the definition: sign, 2^(e-15) (1 + f/1024), subnormals 2^-14 f/1024. */
static double f16_exact(uint16_t bits)
{
    double fraction = (bits & 0x3ff) / 1024.0;
    int exponent = bits >> 10 & 0x1f;
    double size = exponent == 0 ? ldexp(fraction, -14) : ldexp(1 + fraction, exponent - 15);
    return bits & 0x8000 ? -size : size;
}

TEST(half_from_f16_is_exact_for_every_number)
{
    for (uint32_t bits = 0; bits < 0x10000; bits++) {
        if ((bits & 0x7c00) != 0x7c00) {
            assert_true((double)f16((uint16_t)bits) == f16_exact((uint16_t)bits));
            assert_int_equal(signbit(f16((uint16_t)bits)) != 0, bits >> 15);
        }
    }
}

TEST(half_from_f16_keeps_infinity_and_nan)
{
    assert_true(f16(0x7c00) == INFINITY && f16(0xfc00) == -INFINITY);
    for (uint32_t fraction = 1; fraction < 0x400; fraction++) {
        assert_true(isnan(f16((uint16_t)(0x7c00 | fraction))));
    }
}

TEST(half_from_bf16_is_the_upper_half)
{
    const uint8_t bytes[] = {0x80, 0x3f, 0x49, 0xc0, 0x80, 0x7f};
    float ret[3];
    native_half_from_bf16(bytes, 3, ret);
    assert_true(ret[0] == 1.0f && ret[1] == -3.140625f && ret[2] == INFINITY);
}

int main(void)
{
    return TEST_RUN(TEST_OF(half_from_f16_is_exact_for_every_number), TEST_OF(half_from_f16_keeps_infinity_and_nan),
                    TEST_OF(half_from_bf16_is_the_upper_half));
}
