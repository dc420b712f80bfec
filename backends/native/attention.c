#include "attention.h"

#include <math.h>
#include <string.h>

static void pack_keys(const struct native_attention *a, float *to)
{
    for (uint32_t t = 0; t < a->tokens; t += NATIVE_PANEL) {
        a->kernels->pack(a->key + t * a->stride, a->stride, KIT_MIN(a->tokens - t, NATIVE_PANEL), a->head,
                         to + (size_t)t * a->head);
    }
}

/* The values are panels already but for their stride; a head that is no multiple of a panel is filled up with zero. */
static void pack_values(const struct native_attention *a, float *to)
{
    for (uint32_t from = 0; from < a->head; from += NATIVE_PANEL) {
        uint32_t columns = KIT_MIN(a->head - from, NATIVE_PANEL);
        for (uint32_t t = 0; t < a->tokens; t++, to += NATIVE_PANEL) {
            const float *value = a->value + t * a->stride + from;
            if (columns == NATIVE_PANEL) {
                memcpy(to, value, NATIVE_PANEL * sizeof(float)); /* a length that the compiler knows */
                continue;
            }
            memcpy(to, value, columns * sizeof(float));
            memset(to + columns, 0, (NATIVE_PANEL - columns) * sizeof(float));
        }
    }
}

static void score_rows(const struct native_attention *a, struct native_scratch *s, uint32_t row, uint32_t rows)
{
    for (uint32_t t = 0; t < a->tokens; t += NATIVE_PANEL) {
        struct native_tile tile = {.a = a->query + row * a->stride,
                                   .b = s->keys + (size_t)t * a->head,
                                   .c = s->scores + t,
                                   .a_stride = a->stride,
                                   .c_stride = s->score_stride,
                                   .rows = rows,
                                   .depth = a->head,
                                   .ahead = s->keys};
        a->kernels->tile(&tile);
    }
}

static inline void scale_row(const float *restrict from, float by, uint32_t n, float *restrict to)
{
    for (uint32_t j = 0; j < n; j++) {
        to[j] = from[j] * by;
    }
}

/* mix / sum, into the place of the query. */
static void write_rows(const struct native_attention *a, const float *mix, const float *scale, uint32_t row,
                       uint32_t rows, uint32_t from)
{
    uint32_t columns = KIT_MIN(a->head - from, NATIVE_PANEL);
    for (uint32_t r = 0; r < rows; r++, mix += NATIVE_PANEL) {
        float *to = a->query + (row + r) * a->stride + from;
        if (columns == NATIVE_PANEL) {
            scale_row(mix, scale[r], NATIVE_PANEL, to);
        } else {
            scale_row(mix, scale[r], columns, to);
        }
    }
}

static void mix_rows(const struct native_attention *a, struct native_scratch *s, const float *scale, uint32_t row,
                     uint32_t rows)
{
    for (uint32_t from = 0; from < a->head; from += NATIVE_PANEL) {
        struct native_tile tile = {.a = s->scores,
                                   .b = s->values + (size_t)from * a->tokens,
                                   .c = s->mix,
                                   .a_stride = s->score_stride,
                                   .c_stride = NATIVE_PANEL,
                                   .rows = rows,
                                   .depth = a->tokens,
                                   .ahead = s->values};
        a->kernels->tile(&tile);
        write_rows(a, s->mix, scale, row, rows, from);
    }
}

void native_attention_run(const struct native_attention *a, struct native_scratch *scratch)
{
    const float by = 1.0f / sqrtf((float)a->head);
    const uint32_t tiles = (a->tokens + a->kernels->tile_rows - 1) / a->kernels->tile_rows;
    uint32_t row = 0;
    pack_keys(a, scratch->keys);
    pack_values(a, scratch->values);
    for (uint32_t i = 0; i < tiles; i++) {
        float scale[NATIVE_TILE_ROWS_MAX];
        uint32_t rows = a->tokens / tiles + (i < a->tokens % tiles);
        score_rows(a, scratch, row, rows);
        for (uint32_t r = 0; r < rows; r++) {
            scale[r] = 1.0f / a->kernels->softmax(scratch->scores + r * scratch->score_stride, a->tokens, by);
        }
        mix_rows(a, scratch, scale, row, rows);
        row += rows;
    }
}
