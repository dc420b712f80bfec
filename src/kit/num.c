#include "kit/num.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define F32_DIGITS 9   /* enough for any float */
#define PLAIN_MIN (-5) /* decimal exponents that are written without "e" */
#define PLAIN_MAX 15

/* A decimal number: digits × 10^exponent. */
struct decimal {
    uint64_t digits;
    int exponent;
};

/* --- text --- */

static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
                            "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
                            "8081828384858687888990919293949596979899";

/* Writes n so that it ends at `end`; returns where it starts. */
static char *put_backwards(uint64_t n, char *end)
{
    while (n >= 100) {
        end -= 2;
        memcpy(end, pairs + n % 100 * 2, 2);
        n /= 100;
    }
    if (n >= 10) {
        end -= 2;
        memcpy(end, pairs + n * 2, 2);
    } else {
        *--end = (char)('0' + n);
    }
    return end;
}

size_t kit_num_u64(uint64_t n, char buf[KIT_NUM_BYTES])
{
    char text[KIT_NUM_BYTES];
    const char *from = put_backwards(n, text + sizeof(text));
    size_t len = (size_t)(text + sizeof(text) - from);
    memcpy(buf, from, len);
    return len;
}

/* 1.5e-7: one digit before the point. */
static size_t put_scientific(const char *digits, int count, int point, char *to)
{
    char *at = to;
    *at++ = digits[0];
    if (count > 1) {
        *at++ = '.';
        memcpy(at, digits + 1, (size_t)count - 1);
        at += count - 1;
    }
    *at++ = 'e';
    if (point < 0) {
        *at++ = '-';
    }
    return (size_t)(at - to) + kit_num_u64((uint64_t)abs(point), at);
}

/* point: the decimal exponent of the first digit. */
static size_t put_plain(const char *digits, int count, int point, char *to)
{
    size_t n = (size_t)count;
    if (point < 0) { /* 0.00ddd */
        size_t zeros = (size_t)-point - 1;
        memcpy(to, "0.0000000000", 2 + zeros);
        memcpy(to + 2 + zeros, digits, n);
        return 2 + zeros + n;
    }
    size_t whole = (size_t)point + 1;
    if (whole >= n) { /* ddd00 */
        memcpy(to, digits, n);
        memset(to + n, '0', whole - n);
        return whole;
    }
    memcpy(to, digits, whole); /* dd.dd */
    to[whole] = '.';
    memcpy(to + whole + 1, digits + whole, n - whole);
    return n + 1;
}

static size_t put_decimal(struct decimal d, bool minus, char *to)
{
    char text[KIT_NUM_BYTES];
    const char *digits = put_backwards(d.digits, text + sizeof(text));
    int count = (int)(text + sizeof(text) - digits);
    int point = d.exponent + count - 1;
    *to = '-';
    size_t sign = minus ? 1 : 0;
    bool plain = point >= PLAIN_MIN && point <= PLAIN_MAX;
    return sign +
           (plain ? put_plain(digits, count, point, to + sign) : put_scientific(digits, count, point, to + sign));
}

static size_t put_zero(bool minus, char *to)
{
    memcpy(to, minus ? "-0.0" : "0", minus ? 4 : 1);
    return minus ? 4 : 1;
}

/* --- float32 --- */

/* 10^-30 … 10^53, each the nearest double. */
#define TENS_MIN (-30)
static const double tens[] = {
    1e-30, 1e-29, 1e-28, 1e-27, 1e-26, 1e-25, 1e-24, 1e-23, 1e-22, 1e-21, 1e-20, 1e-19, 1e-18, 1e-17,
    1e-16, 1e-15, 1e-14, 1e-13, 1e-12, 1e-11, 1e-10, 1e-9,  1e-8,  1e-7,  1e-6,  1e-5,  1e-4,  1e-3,
    1e-2,  1e-1,  1e0,   1e1,   1e2,   1e3,   1e4,   1e5,   1e6,   1e7,   1e8,   1e9,   1e10,  1e11,
    1e12,  1e13,  1e14,  1e15,  1e16,  1e17,  1e18,  1e19,  1e20,  1e21,  1e22,  1e23,  1e24,  1e25,
    1e26,  1e27,  1e28,  1e29,  1e30,  1e31,  1e32,  1e33,  1e34,  1e35,  1e36,  1e37,  1e38,  1e39,
    1e40,  1e41,  1e42,  1e43,  1e44,  1e45,  1e46,  1e47,  1e48,  1e49,  1e50,  1e51,  1e52,  1e53,
};

static double ten_to(int exponent)
{
    return tens[exponent - TENS_MIN];
}

static double two_to(int exponent)
{
    uint64_t bits = (uint64_t)(exponent + 1023) << 52;
    double x;
    memcpy(&x, &bits, sizeof(x));
    return x;
}

/* A float scaled to nine digits before the point, with the distances to the middles between it and its two
 * neighbours: whatever lies between the middles reads back as this float. */
struct scaled {
    double value;
    double below, above;
    int exponent; /* x = value * 10^exponent */
    float x;
};

/* x > 0. The double arithmetic errs by about 2^-52 of the value, 2^-28 of a distance. */
static struct scaled scale(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof(bits));
    uint32_t fraction = bits & 0x7FFFFF;
    int biased = (int)(bits >> 23);
    int e2 = biased > 0 ? biased - 127 : 31 - __builtin_clz(fraction) - 149; /* 2^e2 <= x < 2^(e2+1) */
    int e10 = (e2 * 1262611) >> 22;                                          /* floor(e2 * log10(2)) */
    if ((double)x * ten_to(F32_DIGITS - 1 - e10) >= 1e9) {
        e10++;
    }
    double factor = ten_to(F32_DIGITS - 1 - e10);
    double half = two_to(KIT_MAX(biased, 1) - 151) * factor;
    bool narrow = fraction == 0 && biased > 1; /* a power of two: its lower neighbour is nearer */
    return (struct scaled){.value = x * factor,
                           .below = narrow ? half / 2 : half,
                           .above = half,
                           .exponent = e10 - (F32_DIGITS - 1),
                           .x = x};
}

static bool reads_back_exactly(struct decimal d, float x)
{
    char text[KIT_NUM_BYTES + 1];
    text[put_decimal(d, false, text)] = '\0';
    return strtof(text, NULL) == x;
}

#define DOUBT 0x1p-20 /* how near to the border the double arithmetic is not believed */

/* True when digits * 10^(s->exponent + dropped) is read as s->x. */
static bool reads_back(const struct scaled *s, int64_t digits, int dropped)
{
    double off = (double)digits * ten_to(dropped) - s->value;
    double border = off < 0 ? s->below : s->above;
    double distance = fabs(off);
    if (fabs(distance - border) > border * DOUBT) {
        return distance < border;
    }
    return digits > 0 && reads_back_exactly((struct decimal){(uint64_t)digits, s->exponent + dropped}, s->x);
}

/* Drops digit after digit while the text still reads back. What works with n digits works with n + 1, so the first
 * failure ends it. Nine digits always work (D. Matula, In-and-out conversions, CACM 11(1), 1968). */
static struct decimal shortest(const struct scaled *s)
{
    struct decimal best = {.digits = (uint64_t)(s->value + 0.5), .exponent = s->exponent};
    for (int dropped = 1; dropped <= F32_DIGITS; dropped++) {
        int64_t digits = (int64_t)(s->value * ten_to(-dropped) + 0.5);
        if (!reads_back(s, digits, dropped)) {
            digits++;
            if (s->below == s->above || !reads_back(s, digits, dropped)) {
                break;
            }
        }
        best = (struct decimal){.digits = (uint64_t)digits, .exponent = s->exponent + dropped};
    }
    return best;
}

size_t kit_num_f32(float x, char buf[KIT_NUM_BYTES])
{
    assert(isfinite(x));
    bool minus = signbit(x) != 0;
    if (x == 0.0F) {
        return put_zero(minus, buf);
    }
    struct scaled s = scale(minus ? -x : x);
    return put_decimal(shortest(&s), minus, buf);
}

/* --- float64 --- */

#define F64_SURE 15   /* digits that any decimal keeps through a double */
#define F64_DIGITS 17 /* enough for any double */

/* Reads "d.ddde-07" as printf writes it. */
static struct decimal decimal_of(const char *text)
{
    struct decimal d = {0};
    int behind = 0;
    bool point = false;
    for (; *text != 'e'; text++) {
        if (*text == '.') {
            point = true;
            continue;
        }
        d.digits = d.digits * 10 + (uint64_t)(*text - '0');
        behind += point ? 1 : 0;
    }
    d.exponent = (int)strtol(text + 1, NULL, 10) - behind;
    while (d.digits >= 10 && d.digits % 10 == 0) {
        d.digits /= 10;
        d.exponent++;
    }
    return d;
}

size_t kit_num_f64(double x, char buf[KIT_NUM_BYTES])
{
    assert(isfinite(x));
    bool minus = signbit(x) != 0;
    double size = fabs(x);
    if (size == 0.0) {
        return put_zero(minus, buf);
    }
    if (size < 0x1p53 && size == floor(size)) {
        return put_decimal((struct decimal){(uint64_t)size, 0}, minus, buf);
    }
    char text[KIT_NUM_BYTES];
    /* Denormals have fewer digits than F64_SURE. */
    for (int digits = size < 0x1p-1022 ? 1 : F64_SURE; digits <= F64_DIGITS; digits++) {
        snprintf(text, sizeof(text), "%.*e", digits - 1, size);
        if (strtod(text, NULL) == size) {
            break;
        }
    }
    return put_decimal(decimal_of(text), minus, buf);
}

char *kit_num_human(uint64_t bytes, char buf[KIT_NUM_BYTES])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    double x = (double)bytes;
    size_t unit = 0;
    while (x >= 999.95 && unit + 1 < KIT_COUNT(units)) {
        x /= 1000;
        unit++;
    }
    snprintf(buf, KIT_NUM_BYTES, unit == 0 ? "%.0f %s" : "%.1f %s", x, units[unit]);
    return buf;
}
