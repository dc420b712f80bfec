/* AVX-512 (F, BW, DQ, VL). A tile is 14 x 32: 28 sums, 2 columns of b, and a read as broadcast operands. */
#if defined(__x86_64__)

#include "kernels.h"
#include "x86_transpose.h"

typedef __m512 V;
#define V_LANES 16u
#define BODY_ROWS 14
/* clang-format off */
#define BODY_CASES                                                                                                     \
    BODY_CASE(1) BODY_CASE(2) BODY_CASE(3) BODY_CASE(4) BODY_CASE(5) BODY_CASE(6) BODY_CASE(7)                         \
    BODY_CASE(8) BODY_CASE(9) BODY_CASE(10) BODY_CASE(11) BODY_CASE(12) BODY_CASE(13) BODY_CASE(14)
/* clang-format on */

#define v_load(p) _mm512_loadu_ps(p)
#define v_store(p, v) _mm512_storeu_ps((p), (v))
#define v_part(n) ((__mmask16)((1u << (n)) - 1))
#define v_load_part(p, n) _mm512_maskz_loadu_ps(v_part(n), (p))
#define v_store_part(p, v, n) _mm512_mask_storeu_ps((p), v_part(n), (v))
#define v_fill(a, b, n) _mm512_mask_blend_ps(v_part(n), (b), (a))
#define v_set(x) _mm512_set1_ps(x)
#define v_add(a, b) _mm512_add_ps((a), (b))
#define v_sub(a, b) _mm512_sub_ps((a), (b))
#define v_mul(a, b) _mm512_mul_ps((a), (b))
#define v_div(a, b) _mm512_div_ps((a), (b))
#define v_fma(a, b, c) _mm512_fmadd_ps((a), (b), (c))
#define v_fnma(a, b, c) _mm512_fnmadd_ps((a), (b), (c))
#define v_max(a, b) _mm512_max_ps((a), (b))
#define v_min(a, b) _mm512_min_ps((a), (b))
#define v_abs(a) _mm512_abs_ps(a)
#define v_round(a) _mm512_roundscale_ps((a), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)
#define v_positive(x, a, b) _mm512_mask_blend_ps(_mm512_cmp_ps_mask((x), _mm512_setzero_ps(), _CMP_GT_OQ), (b), (a))
#define v_scale(a, n) _mm512_scalef_ps((a), (n))
#define v_sum(a) _mm512_reduce_add_ps(a)
#define v_top(a) _mm512_reduce_max_ps(a)
#define v_fetch(p) _mm_prefetch((const char *)(p), _MM_HINT_T1)

#include "x86_body.h"

const struct native_kernels native_kernels_avx512 = BODY_TABLE("avx512");

#endif
