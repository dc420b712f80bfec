/* backends/native/kernels/x86_transpose.h - an 8 x 8 block of floats, mirrored at its diagonal (AVX).
 *
 * For x86_*.c only. Thread: any; pure. */
#ifndef NATIVE_X86_TRANSPOSE_H
#define NATIVE_X86_TRANSPOSE_H

#include <immintrin.h>
#include <stddef.h>

/* to[j * to_stride + i] = from[i * from_stride + j] for i, j < 8. */
static inline void x86_transpose_8x8(const float *from, size_t from_stride, float *to, size_t to_stride)
{
    __m256 r[8], s[8];
    for (int i = 0; i < 4; i++) { /* halves of rows i and i + 4 side by side */
        const float *low = from + (size_t)i * from_stride;
        const float *high = low + 4 * from_stride;
        r[i] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low)), _mm_loadu_ps(high), 1);
        r[i + 4] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low + 4)), _mm_loadu_ps(high + 4), 1);
    }
    for (int i = 0; i < 8; i += 4) { /* 4 x 4 in each lane */
        s[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        s[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
        s[i + 2] = _mm256_unpacklo_ps(r[i + 2], r[i + 3]);
        s[i + 3] = _mm256_unpackhi_ps(r[i + 2], r[i + 3]);
        r[i] = _mm256_shuffle_ps(s[i], s[i + 2], _MM_SHUFFLE(1, 0, 1, 0));
        r[i + 1] = _mm256_shuffle_ps(s[i], s[i + 2], _MM_SHUFFLE(3, 2, 3, 2));
        r[i + 2] = _mm256_shuffle_ps(s[i + 1], s[i + 3], _MM_SHUFFLE(1, 0, 1, 0));
        r[i + 3] = _mm256_shuffle_ps(s[i + 1], s[i + 3], _MM_SHUFFLE(3, 2, 3, 2));
    }
    for (int i = 0; i < 8; i++) {
        _mm256_storeu_ps(to + (size_t)i * to_stride, r[i]);
    }
}

#endif
