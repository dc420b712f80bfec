/* AVX2 with FMA. A tile is 6 x 16, twice for the 32 columns of a panel: 12 sums, 2 columns of b, 1 value of a. */
#if defined(__x86_64__)

#include "kernels.h"
#include "x86_transpose.h"

typedef __m256 V;
#define V_LANES 8u
#define BODY_ROWS 6
#define BODY_CASES BODY_CASE(1) BODY_CASE(2) BODY_CASE(3) BODY_CASE(4) BODY_CASE(5) BODY_CASE(6)

/* The first n lanes, as maskload wants them. */
static inline __m256i v_part(uint32_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

static inline float v_sum(__m256 a)
{
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

static inline float v_top(__m256 a)
{
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

/* a 2^n for whole n in [-126, 126], by adding to the exponent. */
static inline __m256 v_scale(__m256 a, __m256 n)
{
    __m256i power = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
    return _mm256_mul_ps(a, _mm256_castsi256_ps(power));
}

#define v_load(p) _mm256_loadu_ps(p)
#define v_store(p, v) _mm256_storeu_ps((p), (v))
#define v_load_part(p, n) _mm256_maskload_ps((p), v_part(n))
#define v_store_part(p, v, n) _mm256_maskstore_ps((p), v_part(n), (v))
#define v_fill(a, b, n) _mm256_blendv_ps((b), (a), _mm256_castsi256_ps(v_part(n)))
#define v_set(x) _mm256_set1_ps(x)
#define v_add(a, b) _mm256_add_ps((a), (b))
#define v_sub(a, b) _mm256_sub_ps((a), (b))
#define v_mul(a, b) _mm256_mul_ps((a), (b))
#define v_div(a, b) _mm256_div_ps((a), (b))
#define v_fma(a, b, c) _mm256_fmadd_ps((a), (b), (c))
#define v_fnma(a, b, c) _mm256_fnmadd_ps((a), (b), (c))
#define v_max(a, b) _mm256_max_ps((a), (b))
#define v_min(a, b) _mm256_min_ps((a), (b))
#define v_abs(a) _mm256_andnot_ps(_mm256_set1_ps(-0.0f), (a))
#define v_round(a) _mm256_round_ps((a), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)
#define v_positive(x, a, b) _mm256_blendv_ps((b), (a), _mm256_cmp_ps((x), _mm256_setzero_ps(), _CMP_GT_OQ))
#define v_fetch(p) _mm_prefetch((const char *)(p), _MM_HINT_T1)

#include "x86_body.h"

const struct native_kernels native_kernels_avx2 = BODY_TABLE("avx2");

#endif
