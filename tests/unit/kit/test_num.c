#include "support/test.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "kit/num.h"

#define ROUNDS 200000

static const char *f32(float x)
{
    static char text[KIT_NUM_BYTES + 1];
    text[kit_num_f32(x, text)] = '\0';
    return text;
}

static const char *f64(double x)
{
    static char text[KIT_NUM_BYTES + 1];
    text[kit_num_f64(x, text)] = '\0';
    return text;
}

/* xorshift64 (G. Marsaglia, 2003): the same numbers at each run. */
static uint64_t next_random(void)
{
    static uint64_t state = UINT64_C(0x9E3779B97F4A7C15);
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static float f32_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof(x));
    return x;
}

static double f64_of(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof(x));
    return x;
}

static void check_f32(float x)
{
    float back = strtof(f32(x), NULL);
    assert_memory_equal(&back, &x, sizeof(x)); /* bits, so that -0 counts */
}

/* Digits without leading and trailing zeros. */
static size_t count_digits(const char *text)
{
    size_t count = 0, zeros = 0;
    for (; *text != '\0' && *text != 'e'; text++) {
        if (*text >= '1' && *text <= '9') {
            count += zeros + 1;
            zeros = 0;
        } else if (*text == '0' && count > 0) {
            zeros++;
        }
    }
    return count;
}

/* printf's digits are the nearest of their length: whoever needs more than the first length that works is too long. */
static void check_f32_is_short(float x)
{
    char other[40];
    int digits = 0;
    do {
        snprintf(other, sizeof(other), "%.*e", digits, (double)x);
        digits++;
    } while (strtof(other, NULL) != x);
    assert_true(count_digits(f32(x)) <= (size_t)digits);
}

TEST(num_f32_writes_numbers_as_people_do)
{
    assert_string_equal(f32(0.0F), "0");
    assert_string_equal(f32(-0.0F), "-0.0");
    assert_string_equal(f32(1.0F), "1");
    assert_string_equal(f32(-1.5F), "-1.5");
    assert_string_equal(f32(0.1F), "0.1");
    assert_string_equal(f32(0.03125F), "0.03125");
    assert_string_equal(f32(0.00001F), "0.00001");
    assert_string_equal(f32(0.000001F), "1e-6");
    assert_string_equal(f32(123456.79F), "123456.79");
    assert_string_equal(f32(16777216.0F), "16777216");
    assert_string_equal(f32(1e10F), "10000000000");
    assert_string_equal(f32(1e15F), "1000000000000000");
    assert_string_equal(f32(1e16F), "1e16");
    assert_string_equal(f32(FLT_MAX), "3.4028235e38");
    assert_string_equal(f32(-FLT_MIN), "-1.1754944e-38");
    assert_string_equal(f32(0x1p-149F), "1e-45");
    assert_string_equal(f32(7 * 0x1p-149F), "1e-44");
}

TEST(num_f32_reads_back_at_every_power_of_two_and_its_neighbours)
{
    for (uint32_t exponent = 0; exponent < 255; exponent++) {
        for (uint32_t off = 0; off < 5; off++) {
            uint32_t bits = (exponent << 23) + off;
            check_f32(f32_of(bits));
            check_f32(f32_of(bits | 0x80000000U));
            check_f32(f32_of(bits == 0 ? 0 : bits - 1));
            if (bits != 0) {
                check_f32_is_short(f32_of(bits));
            }
        }
    }
}

TEST(num_f32_reads_back_near_every_power_of_ten)
{
    for (int exponent = -45; exponent <= 38; exponent++) {
        char text[16];
        snprintf(text, sizeof(text), "1e%d", exponent);
        float x = strtof(text, NULL);
        check_f32(x);
        check_f32(nextafterf(x, 0));
        check_f32(x < 3e38F ? nextafterf(x, INFINITY) : x);
        assert_int_equal(count_digits(f32(x)), 1);
    }
}

TEST(num_f32_reads_back_with_the_fewest_digits_for_random_bits)
{
    for (int i = 0; i < ROUNDS; i++) {
        float x = f32_of((uint32_t)next_random());
        if (isfinite(x)) {
            check_f32(x);
            if (i % 10 == 0 && x != 0) {
                check_f32_is_short(x);
            }
        }
    }
}

TEST(num_f32_reads_back_every_small_denormal)
{
    for (uint32_t bits = 1; bits < 5000; bits++) {
        check_f32(f32_of(bits));
        check_f32_is_short(f32_of(bits));
    }
}

TEST(num_f32_reads_back_short_decimals_as_they_were)
{
    for (int i = -9999; i <= 9999; i++) {
        char text[16];
        snprintf(text, sizeof(text), "%.3f", i / 1000.0);
        assert_int_equal(count_digits(f32(strtof(text, NULL))), count_digits(text));
    }
}

TEST(num_f64_writes_numbers_as_people_do)
{
    assert_string_equal(f64(0.0), "0");
    assert_string_equal(f64(-0.0), "-0.0");
    assert_string_equal(f64(0.1), "0.1");
    assert_string_equal(f64(-2.5), "-2.5");
    assert_string_equal(f64(0.30000000000000004), "0.30000000000000004");
    assert_string_equal(f64(9007199254740991.0), "9007199254740991");
    assert_string_equal(f64(1e21), "1e21");
    assert_string_equal(f64(1.5e-7), "1.5e-7");
    assert_string_equal(f64(DBL_MAX), "1.7976931348623157e308");
    assert_string_equal(f64(DBL_MIN), "2.2250738585072014e-308");
    assert_string_equal(f64(0x1p-1074), "5e-324");
}

TEST(num_f64_reads_back_for_random_bits)
{
    for (int i = 0; i < ROUNDS / 4; i++) {
        double x = f64_of(next_random());
        if (isfinite(x)) {
            double back = strtod(f64(x), NULL);
            assert_memory_equal(&back, &x, sizeof(x));
        }
    }
}

TEST(num_u64_writes_every_length)
{
    char text[KIT_NUM_BYTES], other[KIT_NUM_BYTES];
    for (uint64_t n = 1, last = 0; n > last; last = n, n = n > UINT64_MAX / 10 ? 0 : n * 10) {
        const uint64_t near[] = {n - 1, n, n + 1};
        for (size_t i = 0; i < KIT_COUNT(near); i++) {
            size_t len = kit_num_u64(near[i], text);
            snprintf(other, sizeof(other), "%llu", (unsigned long long)near[i]);
            assert_int_equal(len, strlen(other));
            assert_memory_equal(text, other, len);
        }
    }
    assert_int_equal(kit_num_u64(UINT64_MAX, text), 20);
    assert_memory_equal(text, "18446744073709551615", 20);
}

TEST(num_human_writes_powers_of_a_thousand)
{
    char text[KIT_NUM_BYTES];
    assert_string_equal(kit_num_human(0, text), "0 B");
    assert_string_equal(kit_num_human(999, text), "999 B");
    assert_string_equal(kit_num_human(90900000, text), "90.9 MB");
    assert_string_equal(kit_num_human(999949999, text), "999.9 MB");
    assert_string_equal(kit_num_human(999950000, text), "1.0 GB");
    assert_string_equal(kit_num_human(UINT64_MAX, text), "18.4 EB");
}

int main(void)
{
    return TEST_RUN(TEST_OF(num_f32_writes_numbers_as_people_do),
                    TEST_OF(num_f32_reads_back_at_every_power_of_two_and_its_neighbours),
                    TEST_OF(num_f32_reads_back_near_every_power_of_ten),
                    TEST_OF(num_f32_reads_back_with_the_fewest_digits_for_random_bits),
                    TEST_OF(num_f32_reads_back_every_small_denormal),
                    TEST_OF(num_f32_reads_back_short_decimals_as_they_were),
                    TEST_OF(num_f64_writes_numbers_as_people_do), TEST_OF(num_f64_reads_back_for_random_bits),
                    TEST_OF(num_u64_writes_every_length), TEST_OF(num_human_writes_powers_of_a_thousand));
}
