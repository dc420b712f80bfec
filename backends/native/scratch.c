#include "scratch.h"

/* Hands out aligned pieces; with base 0 it only adds them up. */
struct cutter {
    uintptr_t base;
    uint64_t used;
};

static void *cut(struct cutter *c, uint64_t bytes)
{
    uint64_t at = c->used;
    c->used += (bytes + NATIVE_ALIGN - 1) / NATIVE_ALIGN * NATIVE_ALIGN;
    return c->base == 0 ? NULL : (void *)(c->base + at);
}

static float *cut_floats(struct cutter *c, uint64_t rows, uint64_t columns)
{
    return cut(c, rows * columns * sizeof(float));
}

static uint64_t lay_out(struct native_scratch *s, const struct native_config *c, struct native_scratch_size size,
                        uintptr_t base)
{
    struct cutter room = {.base = base};
    const uint32_t head = c->hidden / c->heads;
    const uint32_t ffn_rows = KIT_MIN(size.tokens, NATIVE_FFN_ROWS);
    s->x_stride = NATIVE_STRIDE(c->hidden);
    s->qkv_stride = NATIVE_STRIDE(3 * c->hidden);
    s->h_stride = NATIVE_STRIDE(KIT_MAX(c->ffn, c->hidden)); /* a head gathers hidden states there */
    s->score_stride = NATIVE_STRIDE(size.row_tokens);
    s->x = cut_floats(&room, size.tokens, s->x_stride);
    s->qkv = cut_floats(&room, size.tokens, s->qkv_stride);
    s->y = cut_floats(&room, ffn_rows, s->x_stride);
    s->h = cut_floats(&room, ffn_rows, s->h_stride);
    s->keys = cut_floats(&room, (uint64_t)NATIVE_PANELS(size.row_tokens) * NATIVE_PANEL, head);
    s->values = cut_floats(&room, (uint64_t)NATIVE_PANELS(head) * NATIVE_PANEL, size.row_tokens);
    s->scores = cut_floats(&room, NATIVE_TILE_ROWS_MAX, s->score_stride);
    s->mix = cut_floats(&room, NATIVE_TILE_ROWS_MAX, NATIVE_PANEL);
    s->token = cut(&room, (uint64_t)size.tokens * sizeof(s->token[0]));
    s->start = cut(&room, ((uint64_t)size.tokens + 1) * sizeof(s->start[0]));
    return room.used;
}

uint64_t native_scratch_bytes(const struct native_config *c, struct native_scratch_size size)
{
    struct native_scratch s;
    return lay_out(&s, c, size, 0);
}

void native_scratch_init(struct native_scratch *s, const struct native_config *c, struct native_scratch_size size,
                         void *memory)
{
    (void)lay_out(s, c, size, (uintptr_t)memory);
}
