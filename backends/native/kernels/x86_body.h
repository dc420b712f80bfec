/* backends/native/kernels/x86_body.h - the loops that AVX2 and AVX-512 share, written over a small set of vector words.
 *
 * Included once by each x86_*.c, which first defines: V (a vector of V_LANES floats), v_load, v_store (any address),
 * v_load_part, v_store_part (the first n lanes), v_fill (a in the first n lanes, b beyond), v_set, v_add, v_sub, v_mul,
 * v_div, v_fma (a b + c), v_fnma (c - a b), v_max, v_min, v_abs, v_round, v_positive (x > 0 ? a : b), v_scale (a 2^n),
 * v_sum, v_top, v_fetch, BODY_ROWS (rows of a full tile) and BODY_CASES (a case for each count of rows). No guard: it is
 * code, not declarations. */

#if defined(__clang__)
#define BODY_UNROLL _Pragma("clang loop unroll(full)")
#else
#define BODY_UNROLL _Pragma("GCC unroll 16")
#endif
#define BODY_INLINE static inline __attribute__((always_inline))

/* --- tiles --- */

#define BODY_VECTORS 2                                        /* vectors side by side in a tile */
#define BODY_STRIPS (NATIVE_PANEL / (BODY_VECTORS * V_LANES)) /* passes over the columns of a panel */

BODY_INLINE V start_at(const struct native_tile *t, size_t row, size_t column)
{
    V v = t->bias != NULL ? v_load(t->bias + column) : v_set(0.0f);
    return t->add != NULL ? v_add(v, v_load(t->add + row * t->add_stride + column)) : v;
}

/* `rows` is a constant at each call, so that acc lives in registers. */
BODY_INLINE void tile_strip(const struct native_tile *t, const int rows, size_t column)
{
    V acc[BODY_ROWS][BODY_VECTORS];
    BODY_UNROLL
    for (int r = 0; r < rows; r++) {
        acc[r][0] = start_at(t, (size_t)r, column);
        acc[r][1] = start_at(t, (size_t)r, column + V_LANES);
    }
    const float *b = t->b + column;
    const float *ahead = t->ahead;
    for (size_t k = 0; k < t->depth; k++) {
        V b0 = v_load(b);
        V b1 = v_load(b + V_LANES);
        b += NATIVE_PANEL;
        v_fetch(ahead);
        ahead += t->ahead_step;
        BODY_UNROLL
        for (int r = 0; r < rows; r++) {
            V a = v_set(t->a[(size_t)r * t->a_stride + k]);
            acc[r][0] = v_fma(a, b0, acc[r][0]);
            acc[r][1] = v_fma(a, b1, acc[r][1]);
        }
    }
    BODY_UNROLL
    for (int r = 0; r < rows; r++) {
        v_store(t->c + (size_t)r * t->c_stride + column, acc[r][0]);
        v_store(t->c + (size_t)r * t->c_stride + column + V_LANES, acc[r][1]);
    }
}

BODY_INLINE void tile_rows(const struct native_tile *t, const int rows)
{
    for (size_t strip = 0; strip < BODY_STRIPS; strip++) {
        tile_strip(t, rows, strip * BODY_VECTORS * V_LANES);
    }
}

#define BODY_CASE(rows)                                                                                                \
    case rows:                                                                                                         \
        tile_rows(t, rows);                                                                                            \
        break;

static void tile(const struct native_tile *t)
{
    switch (t->rows) {
        BODY_CASES
    default:
        break;
    }
}

/* --- exp and the activations --- */

/* 2^g for |g| <= 1/2, relative error 2e-9 before rounding; minimax fit of our own. */
BODY_INLINE V exp2_core(V g)
{
    V p = v_set(0x1.41d32dp-13f);
    p = v_fma(p, g, v_set(0x1.5f456ap-10f));
    p = v_fma(p, g, v_set(0x1.3b2dbcp-7f));
    p = v_fma(p, g, v_set(0x1.c6aed4p-5f));
    p = v_fma(p, g, v_set(0x1.ebfbdap-3f));
    p = v_fma(p, g, v_set(0x1.62e430p-1f));
    return v_fma(p, g, v_set(1.0f));
}

/* 2^y for y in [-126, 126]. */
BODY_INLINE V exp2_of(V y)
{
    V n = v_round(y);
    return v_scale(exp2_core(v_sub(y, n)), n);
}

#define BODY_LOG2E 0x1.715476p+0f
#define BODY_LN2_HIGH 0x1.62e400p-1f /* 15 bits, so that n times it is exact */
#define BODY_LN2_LOW 0x1.7f7d1cp-20f

/* e^x for x in [-87, 87], relative error <= 2e-7. */
BODY_INLINE V exp_of(V x)
{
    V n = v_round(v_mul(x, v_set(BODY_LOG2E)));
    V f = v_fnma(n, v_set(BODY_LN2_LOW), v_fnma(n, v_set(BODY_LN2_HIGH), x));
    return v_scale(exp2_core(v_mul(f, v_set(BODY_LOG2E))), n);
}

/* x Phi(x), from Phi(-a) = 2^-q(a) for a = |x| <= 5.5, where q is a minimax fit of our own; beyond, |x| Phi(-|x|) is
 * less than 2e-8 |x| and taken as that. Absolute error <= 1.2e-7 max(1, |x|), most of it rounding. */
BODY_INLINE V gelu_of(V x)
{
    V a = v_min(v_abs(x), v_set(5.5f));
    V q = v_set(-3.8594168927374994e-07f);
    q = v_fma(q, a, v_set(7.684070624236483e-06f));
    q = v_fma(q, a, v_set(-6.358166137943044e-05f));
    q = v_fma(q, a, v_set(2.4747283896431327e-04f));
    q = v_fma(q, a, v_set(5.4092673963168636e-05f));
    q = v_fma(q, a, v_set(-7.007231004536152e-03f));
    q = v_fma(q, a, v_set(5.248262733221054e-02f));
    q = v_fma(q, a, v_set(4.5920565724372864e-01f));
    q = v_fma(q, a, v_set(1.151106595993042f));
    q = v_fma(q, a, v_set(9.999999403953552e-01f));
    V phi = exp2_of(v_sub(v_set(0.0f), q));
    return v_mul(x, v_positive(x, v_sub(v_set(1.0f), phi), phi));
}

/* x / (1 + e^-2u), u = sqrt(2/pi) (x + 0.044715 x^3), which is x/2 (1 + tanh u). */
BODY_INLINE V gelu_tanh_of(V x)
{
    V square = v_mul(x, x);
    V u = v_mul(x, v_fma(square, v_set(-2.0f * 0.79788456f * 0.044715f), v_set(-2.0f * 0.79788456f)));
    u = v_max(v_min(u, v_set(80.0f)), v_set(-80.0f));
    return v_div(x, v_add(v_set(1.0f), exp_of(u)));
}

BODY_INLINE V relu_of(V x)
{
    return v_max(v_set(0.0f), x); /* in this order a NaN passes */
}

/* (1 - e) / (1 + e), e = e^-2x. The bounds stand first, so that a NaN passes. */
BODY_INLINE V tanhyp_of(V x)
{
    V e = exp_of(v_max(v_set(-80.0f), v_min(v_set(80.0f), v_mul(x, v_set(-2.0f)))));
    return v_div(v_sub(v_set(1.0f), e), v_add(v_set(1.0f), e));
}

#define BODY_ACT(name)                                                                                                 \
    static void name(float *x, size_t stride, uint32_t rows)                                                           \
    {                                                                                                                  \
        for (uint32_t r = 0; r < rows; r++) {                                                                          \
            float *at = x + r * stride;                                                                                \
            for (size_t j = 0; j < NATIVE_PANEL; j += V_LANES) {                                                       \
                v_store(at + j, name##_of(v_load(at + j)));                                                            \
            }                                                                                                          \
        }                                                                                                              \
    }
BODY_ACT(gelu)
BODY_ACT(gelu_tanh)
BODY_ACT(relu)
BODY_ACT(tanhyp)

/* --- rows --- */

static float row_top(const float *x, uint32_t n)
{
    V top = v_set(x[0]);
    uint32_t i = 0;
    for (; i + V_LANES <= n; i += V_LANES) {
        top = v_max(top, v_load(x + i));
    }
    if (i < n) { /* lanes beyond hold x[0], which changes nothing */
        top = v_max(top, v_fill(v_load_part(x + i, n - i), v_set(x[0]), n - i));
    }
    return v_top(top);
}

/* 2^((x - top) by); below 2^-125 it stays there, which beside the 1 of the top is nothing. */
BODY_INLINE V softmax_of(V x, V top, V by)
{
    return exp2_of(v_max(v_mul(v_sub(x, top), by), v_set(-125.0f)));
}

static float softmax(float *x, uint32_t n, float scale)
{
    V top = v_set(row_top(x, n));
    V by = v_set(scale * BODY_LOG2E);
    V sum = v_set(0.0f);
    uint32_t i = 0;
    for (; i + V_LANES <= n; i += V_LANES) {
        V e = softmax_of(v_load(x + i), top, by);
        v_store(x + i, e);
        sum = v_add(sum, e);
    }
    if (i < n) {
        V e = softmax_of(v_load_part(x + i, n - i), top, by);
        v_store_part(x + i, e, n - i);
        sum = v_add(sum, v_fill(e, v_set(0.0f), n - i));
    }
    return v_sum(sum);
}

BODY_INLINE float row_sum(const float *x, uint32_t n)
{
    V sum = v_set(0.0f);
    uint32_t i = 0;
    for (; i + V_LANES <= n; i += V_LANES) {
        sum = v_add(sum, v_load(x + i));
    }
    if (i < n) {
        sum = v_add(sum, v_load_part(x + i, n - i));
    }
    return v_sum(sum);
}

/* Of (x - mean)^2. */
BODY_INLINE float row_square_sum(const float *x, uint32_t n, float mean)
{
    V from = v_set(mean);
    V sum = v_set(0.0f);
    uint32_t i = 0;
    for (; i + V_LANES <= n; i += V_LANES) {
        V d = v_sub(v_load(x + i), from);
        sum = v_fma(d, d, sum);
    }
    if (i < n) {
        V d = v_fill(v_sub(v_load_part(x + i, n - i), from), v_set(0.0f), n - i);
        sum = v_fma(d, d, sum);
    }
    return v_sum(sum);
}

static void layernorm(const float *x, const float *gain, const float *bias, uint32_t n, float eps, float *y)
{
    float mean = row_sum(x, n) / (float)n;
    float scale = 1.0f / __builtin_sqrtf(row_square_sum(x, n, mean) / (float)n + eps);
    V from = v_set(mean);
    V by = v_set(scale);
    uint32_t i = 0;
    for (; i + V_LANES <= n; i += V_LANES) {
        V d = v_mul(v_sub(v_load(x + i), from), by);
        v_store(y + i, v_fma(d, v_load(gain + i), v_load(bias + i)));
    }
    if (i < n) {
        V d = v_mul(v_sub(v_load_part(x + i, n - i), from), by);
        v_store_part(y + i, v_fma(d, v_load_part(gain + i, n - i), v_load_part(bias + i, n - i)), n - i);
    }
}

/* --- dots: up to four vectors share each load of the table's row --- */

#define BODY_DOT_ROWS 4

BODY_INLINE void dot_rows(const float *x, size_t stride, const int rows, const float *w, uint32_t n, float *ret)
{
    V low[BODY_DOT_ROWS];
    V high[BODY_DOT_ROWS];
    BODY_UNROLL
    for (int r = 0; r < rows; r++) {
        low[r] = high[r] = v_set(0.0f);
    }
    uint32_t k = 0;
    for (; k + 2 * V_LANES <= n; k += 2 * V_LANES) {
        V w0 = v_load(w + k);
        V w1 = v_load(w + k + V_LANES);
        BODY_UNROLL
        for (int r = 0; r < rows; r++) {
            low[r] = v_fma(v_load(x + (size_t)r * stride + k), w0, low[r]);
            high[r] = v_fma(v_load(x + (size_t)r * stride + k + V_LANES), w1, high[r]);
        }
    }
    for (; k < n; k += V_LANES) { /* lanes beyond are zero */
        uint32_t lanes = n - k < V_LANES ? n - k : V_LANES;
        V rest = v_load_part(w + k, lanes);
        BODY_UNROLL
        for (int r = 0; r < rows; r++) {
            low[r] = v_fma(v_load_part(x + (size_t)r * stride + k, lanes), rest, low[r]);
        }
    }
    BODY_UNROLL
    for (int r = 0; r < rows; r++) {
        ret[r] = v_sum(v_add(low[r], high[r]));
    }
}

static void dots(const float *x, size_t stride, uint32_t rows, const float *w, uint32_t n, float *ret)
{
    for (; rows >= BODY_DOT_ROWS; rows -= BODY_DOT_ROWS) {
        dot_rows(x, stride, BODY_DOT_ROWS, w, n, ret);
        x += BODY_DOT_ROWS * stride;
        ret += BODY_DOT_ROWS;
    }
    for (; rows > 0; rows--, x += stride, ret++) {
        dot_rows(x, stride, 1, w, n, ret);
    }
}

/* --- packing --- */

static void pack_plain(const float *from, size_t stride, uint32_t columns, uint32_t depth, float *to)
{
    for (uint32_t j = 0; j < columns; j++) {
        for (uint32_t k = 0; k < depth; k++) {
            to[(size_t)k * NATIVE_PANEL + j] = from[j * stride + k];
        }
    }
}

static void pack_zero(uint32_t columns, uint32_t depth, float *to)
{
    for (uint32_t k = 0; k < depth; k++) {
        for (uint32_t j = columns; j < NATIVE_PANEL; j++) {
            to[(size_t)k * NATIVE_PANEL + j] = 0.0f;
        }
    }
}

static void pack(const float *from, size_t stride, uint32_t columns, uint32_t depth, float *to)
{
    uint32_t whole_columns = columns / 8 * 8;
    uint32_t whole_depth = depth / 8 * 8;
    for (uint32_t k = 0; k < whole_depth; k += 8) {
        for (uint32_t j = 0; j < whole_columns; j += 8) {
            x86_transpose_8x8(from + j * stride + k, stride, to + (size_t)k * NATIVE_PANEL + j, NATIVE_PANEL);
        }
    }
    pack_plain(from + whole_depth, stride, whole_columns, depth - whole_depth, to + (size_t)whole_depth * NATIVE_PANEL);
    pack_plain(from + whole_columns * stride, stride, columns - whole_columns, depth, to + whole_columns);
    pack_zero(columns, depth, to);
}

#define BODY_TABLE(name)                                                                                               \
    {                                                                                                                  \
        .isa = name, .tile_rows = BODY_ROWS, .tile = tile,                                                             \
        .act = {[NATIVE_ACT_GELU] = gelu,                                                                              \
                [NATIVE_ACT_GELU_TANH] = gelu_tanh,                                                                    \
                [NATIVE_ACT_RELU] = relu,                                                                              \
                [NATIVE_ACT_TANH] = tanhyp},                                                                           \
        .softmax = softmax, .layernorm = layernorm, .dots = dots, .pack = pack                                         \
    }
