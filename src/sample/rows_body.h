/* src/sample/rows_body.h - the passes of rows.h, in vectors of the compiler's own (gcc and clang).
 *
 * Included once by each rows_*.c, which first defines V_LANES (floats of a vector: 4, 8, 16) and ROWS (the table's
 * name) and ISA. A step takes 32 floats, as several vectors; lane i of 32 always adds the same floats in the same
 * order. No guard: it is code, not declarations. */
#include <math.h>
#include <string.h>

#include "sample/rows.h"

#define STEP 32u
#define PARTS (STEP / V_LANES)
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 8")
#endif
#define EACH_PART UNROLL for (uint32_t p = 0; p < PARTS; p++)
#define BODY_INLINE static inline __attribute__((always_inline))

typedef float V __attribute__((vector_size(4 * V_LANES)));
typedef int32_t VI __attribute__((vector_size(4 * V_LANES)));
typedef float V_any __attribute__((vector_size(4 * V_LANES), aligned(4), may_alias)); /* at any address */

BODY_INLINE V load(const float *from)
{
    return *(const V_any *)(const void *)from;
}

BODY_INLINE void store(float *to, V v)
{
    *(V_any *)(void *)to = v;
}

BODY_INLINE V set(float x)
{
    return x - (V){0};
}

/* x where mask, else 0. */
BODY_INLINE V only(V x, VI mask)
{
    return (V)((VI)x & mask);
}

/* x where mask, else y. */
BODY_INLINE V either(VI mask, V x, V y)
{
    return (V)(((VI)x & mask) | ((VI)y & ~mask));
}

/* The tail of a row: what is there, then `fill`. */
BODY_INLINE void load_tail(const float *from, uint32_t n, float fill, uint32_t room, float *to)
{
    for (uint32_t i = 0; i < room; i++) {
        to[i] = i < n ? from[i] : fill;
    }
}

/* --- the largest --- */

/* A NaN in x leaves acc as it is. */
BODY_INLINE V larger(V x, V acc)
{
    return either(x > acc, x, acc);
}

/* The same in halves of a vector. */
typedef float V4 __attribute__((vector_size(16)));
typedef int32_t VI4 __attribute__((vector_size(16)));

BODY_INLINE V4 larger4(V4 x, V4 y)
{
    VI4 mask = x > y;
    return (V4)(((VI4)x & mask) | ((VI4)y & ~mask));
}

/* No lane is NaN. */
BODY_INLINE float largest_lane(V v)
{
#if V_LANES == 16
    V4 a = larger4(__builtin_shufflevector(v, v, 0, 1, 2, 3), __builtin_shufflevector(v, v, 4, 5, 6, 7));
    V4 b = larger4(__builtin_shufflevector(v, v, 8, 9, 10, 11), __builtin_shufflevector(v, v, 12, 13, 14, 15));
    V4 top = larger4(a, b);
#elif V_LANES == 8
    V4 top = larger4(__builtin_shufflevector(v, v, 0, 1, 2, 3), __builtin_shufflevector(v, v, 4, 5, 6, 7));
#else
    V4 top = v;
#endif
    top = larger4(top, __builtin_shufflevector(top, top, 2, 3, 0, 1));
    return top[1] > top[0] ? top[1] : top[0];
}

BODY_INLINE float largest_of_block(const float *x)
{
    V acc[PARTS];
    EACH_PART
    {
        acc[p] = larger(load(x + p * V_LANES), set(-INFINITY));
    }
    for (uint32_t i = STEP; i < SAMPLE_BLOCK; i += STEP) {
        EACH_PART
        {
            acc[p] = larger(load(x + i + p * V_LANES), acc[p]);
        }
    }
    for (uint32_t p = 1; p < PARTS; p++) {
        acc[0] = larger(acc[p], acc[0]);
    }
    return largest_lane(acc[0]);
}

static void block_max(const float *x, uint32_t n, float *ret)
{
    uint32_t whole = n / SAMPLE_BLOCK;
    for (uint32_t b = 0; b < whole; b++) {
        ret[b] = largest_of_block(x + (size_t)b * SAMPLE_BLOCK);
    }
    if (n % SAMPLE_BLOCK != 0) {
        float tail[SAMPLE_BLOCK];
        load_tail(x + (size_t)whole * SAMPLE_BLOCK, n % SAMPLE_BLOCK, -INFINITY, SAMPLE_BLOCK, tail);
        ret[whole] = largest_of_block(tail);
    }
}

/* --- exponentials --- */

#define ROUNDER 0x1.8p23f /* added and taken away again, it rounds to a whole number */
#define ROUNDER_BITS 0x4B400000

/* 2^y; 0 for y < -126 and NaN. The polynomial is a minimax fit on [-1/2, 1/2], relative error 2e-9 before rounding. */
BODY_INLINE V exp2_of(V y)
{
    VI big_enough = y >= set(-126.0f);
    V shifted = y + set(ROUNDER);
    V g = y - (shifted - set(ROUNDER));
    V r = set(0x1.41d32dp-13f);
    r = r * g + set(0x1.5f456ap-10f);
    r = r * g + set(0x1.3b2dbcp-7f);
    r = r * g + set(0x1.c6aed4p-5f);
    r = r * g + set(0x1.ebfbdap-3f);
    r = r * g + set(0x1.62e430p-1f);
    r = r * g + set(1.0f);
    VI power = (VI)shifted - ROUNDER_BITS + 127;
    return only(r * (V)(power << 23), big_enough);
}

BODY_INLINE double sum_of(const V acc[PARTS])
{
    float lane[STEP];
    EACH_PART
    {
        store(lane + p * V_LANES, acc[p]);
    }
    double sum = 0;
    for (uint32_t i = 0; i < STEP; i++) {
        sum += (double)lane[i];
    }
    return sum;
}

/* n: a multiple of STEP, <= SAMPLE_CHUNK. */
BODY_INLINE double exp2_chunk(const float *x, uint32_t n, float top, float scale, float *w)
{
    V acc[PARTS] = {0};
    for (uint32_t i = 0; i < n; i += STEP) {
        EACH_PART
        {
            V v = exp2_of((load(x + i + p * V_LANES) - set(top)) * set(scale));
            acc[p] += v;
            if (w != NULL) {
                store(w + i + p * V_LANES, v);
            }
        }
    }
    return sum_of(acc);
}

static double exp2_tail(const float *x, uint32_t n, float top, float scale, float *w)
{
    float tail[STEP];
    load_tail(x, n, -INFINITY, STEP, tail);
    double sum = exp2_chunk(tail, STEP, top, scale, tail);
    if (w != NULL) {
        memcpy(w, tail, n * sizeof(*w));
    }
    return sum;
}

static double exp2_row(const float *x, uint32_t n, float top, float scale, float *w)
{
    double sum = 0;
    uint32_t whole = n - n % STEP;
    for (uint32_t at = 0; at < whole; at += SAMPLE_CHUNK) {
        uint32_t count = KIT_MIN(SAMPLE_CHUNK, whole - at);
        sum += w != NULL ? exp2_chunk(x + at, count, top, scale, w + at) : exp2_chunk(x + at, count, top, scale, NULL);
    }
    if (whole < n) {
        sum += exp2_tail(x + whole, n - whole, top, scale, w != NULL ? w + whole : NULL);
    }
    return sum;
}

/* --- shares of weights --- */

BODY_INLINE struct sample_share share_chunk(const float *w, uint32_t n, float low, float high)
{
    V acc[PARTS] = {0};
    VI hits[PARTS] = {0};
    for (uint32_t i = 0; i < n; i += STEP) {
        EACH_PART
        {
            V v = load(w + i + p * V_LANES);
            VI mask = (v >= set(low)) & (v <= set(high));
            acc[p] += only(v, mask);
            hits[p] -= mask;
        }
    }
    int32_t count = 0;
    for (uint32_t i = 0; i < STEP; i++) {
        count += hits[i / V_LANES][i % V_LANES];
    }
    return (struct sample_share){.sum = sum_of(acc), .count = (uint32_t)count};
}

static struct sample_share share(const float *w, uint32_t n, float low, float high)
{
    struct sample_share all = {0};
    uint32_t whole = n - n % STEP;
    for (uint32_t at = 0; at < whole; at += SAMPLE_CHUNK) {
        struct sample_share s = share_chunk(w + at, KIT_MIN(SAMPLE_CHUNK, whole - at), low, high);
        all.sum += s.sum;
        all.count += s.count;
    }
    if (whole < n) {
        float tail[STEP];
        load_tail(w + whole, n - whole, NAN, STEP, tail);
        struct sample_share s = share_chunk(tail, STEP, low, high);
        all.sum += s.sum;
        all.count += s.count;
    }
    return all;
}

static void keep(float *w, uint32_t n, float low, float high)
{
    uint32_t whole = n - n % V_LANES;
    for (uint32_t i = 0; i < whole; i += V_LANES) {
        V v = load(w + i);
        store(w + i, only(v, (v >= set(low)) & (v <= set(high))));
    }
    for (uint32_t i = whole; i < n; i++) {
        w[i] = w[i] >= low && w[i] <= high ? w[i] : 0;
    }
}

/* --- places --- */

/* Of the next STEP floats. */
BODY_INLINE bool is_any_within(const float *x, float low, float high)
{
    VI hit = {0};
    uint64_t words[V_LANES / 2], all = 0;
    EACH_PART
    {
        V v = load(x + p * V_LANES);
        hit |= (v >= set(low)) & (v <= set(high));
    }
    memcpy(words, &hit, sizeof(words));
    for (uint32_t i = 0; i < V_LANES / 2; i++) {
        all |= words[i];
    }
    return all != 0;
}

static uint32_t find(const float *x, uint32_t n, float low, float high, uint32_t *index, uint32_t room)
{
    uint32_t count = 0;
    for (uint32_t at = 0; at < n; at += STEP) {
        uint32_t end = KIT_MIN(at + STEP, n);
        if (end == at + STEP && !is_any_within(x + at, low, high)) {
            continue;
        }
        for (uint32_t i = at; i < end; i++) {
            if (x[i] >= low && x[i] <= high) {
                if (count == room) {
                    return room + 1;
                }
                index[count++] = i;
            }
        }
    }
    return count;
}

/* --- entropy --- */

/* w log2 w; 0 for 0. log2 m = 2 / ln 2 artanh t, t = (m - 1) / (m + 1), for m between the roots of 1/2 and 2: its
 * series up to t^9. */
BODY_INLINE V entropy_of(V w)
{
    VI shifted = (VI)w - 0x3F3504F3;
    V m = (V)((VI)w - (shifted & -0x800000));
    V t = (m - set(1.0f)) / (m + set(1.0f));
    V t2 = t * t;
    V r = set(1.0f / 9) * t2 + set(1.0f / 7);
    r = r * t2 + set(1.0f / 5);
    r = r * t2 + set(1.0f / 3);
    r = r * t2 + set(1.0f);
    V log2w = r * t * set(0x1.715476p+1f) + __builtin_convertvector(shifted >> 23, V);
    return only(w * log2w, w > set(0.0f));
}

BODY_INLINE double entropy_chunk(const float *w, uint32_t n)
{
    V acc[PARTS] = {0};
    for (uint32_t i = 0; i < n; i += STEP) {
        EACH_PART
        {
            acc[p] += entropy_of(load(w + i + p * V_LANES));
        }
    }
    return sum_of(acc);
}

static double entropy(const float *w, uint32_t n)
{
    double sum = 0;
    uint32_t whole = n - n % STEP;
    for (uint32_t at = 0; at < whole; at += SAMPLE_CHUNK) {
        sum += entropy_chunk(w + at, KIT_MIN(SAMPLE_CHUNK, whole - at));
    }
    if (whole < n) {
        float tail[STEP];
        load_tail(w + whole, n - whole, 0, STEP, tail);
        sum += entropy_chunk(tail, STEP);
    }
    return sum;
}

/* --- masks --- */

static const int32_t lane_bit[16] = {1 << 0, 1 << 1, 1 << 2,  1 << 3,  1 << 4,  1 << 5,  1 << 6,  1 << 7,
                                     1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15};

BODY_INLINE void forbid_word(float *x, uint64_t word)
{
    VI bit;
    memcpy(&bit, lane_bit, sizeof(bit));
    for (uint32_t i = 0; i < 64; i += V_LANES) {
        VI allowed = (((VI){0} + (int32_t)(word >> i & 0xFFFF)) & bit) != 0;
        store(x + i, either(allowed, load(x + i), set(-INFINITY)));
    }
}

static void forbid(float *x, uint32_t n, const uint64_t *mask)
{
    uint32_t whole = n - n % 64;
    for (uint32_t at = 0; at < whole; at += 64) {
        if (mask[at / 64] != UINT64_MAX) {
            forbid_word(x + at, mask[at / 64]);
        }
    }
    for (uint32_t i = whole; i < n; i++) {
        x[i] = (mask[i / 64] >> i % 64 & 1) != 0 ? x[i] : -INFINITY;
    }
}

const struct sample_rows ROWS = {.isa = ISA,
                                 .block_max = block_max,
                                 .exp2 = exp2_row,
                                 .share = share,
                                 .keep = keep,
                                 .find = find,
                                 .entropy = entropy,
                                 .forbid = forbid};
