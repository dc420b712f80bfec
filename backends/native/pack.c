#include "pack.h"

#include "finite.h"

static uint32_t columns_of(const struct native_pack *p)
{
    return p->source_count * p->columns_each;
}

uint32_t native_pack_panels(const struct native_pack *p)
{
    return NATIVE_PANELS(columns_of(p));
}

/* Columns [from, from + count) that lie in one float32 source can be read where they are; *ret or NULL. */
static const float *mapped_columns(const struct native_pack *p, uint32_t from, uint32_t count)
{
    const struct native_tensor *t = p->source[from / p->columns_each];
    if (from / p->columns_each != (from + count - 1) / p->columns_each || !native_tensor_is_floats(t)) {
        return NULL;
    }
    return (const float *)(const void *)t->data + (size_t)(from % p->columns_each) * p->depth;
}

static const float *read_columns(const struct native_pack *p, uint32_t from, uint32_t count, float *scratch)
{
    const float *rows = mapped_columns(p, from, count);
    for (uint32_t j = 0; rows == NULL && j < count; j++) {
        native_tensor_row(p->source[(from + j) / p->columns_each], (from + j) % p->columns_each, p->depth,
                          scratch + (size_t)j * p->depth);
    }
    return rows != NULL ? rows : scratch;
}

static const struct native_tensor *find_bad(const struct native_pack *p, const float *rows, uint32_t from,
                                            uint32_t count)
{
    uint32_t j = 0;
    while (j < count - 1 && native_finite_all(rows + (size_t)j * p->depth, p->depth)) {
        j++;
    }
    return p->source[(from + j) / p->columns_each];
}

enum kit_status native_pack_refuse(const struct native_tensor *t, struct kit_err *err)
{
    return kit_fail(err, KIT_PARSE, "tensor '%.*s' holds NaN or infinity; the file is damaged: fetch it again",
                    KIT_STR_ARG(kit_str_sub(t->name, 0, 96)));
}

const struct native_tensor *native_pack_run(const struct native_pack *p, uint32_t from, uint32_t to, float *scratch)
{
    for (uint32_t panel = from; panel < to; panel++) {
        const uint32_t column = panel * NATIVE_PANEL;
        const uint32_t count = KIT_MIN(columns_of(p) - column, NATIVE_PANEL);
        const float *rows = read_columns(p, column, count, scratch);
        if (!native_finite_all(rows, (size_t)count * p->depth)) {
            return find_bad(p, rows, column, count);
        }
        if (p->panels != NULL) {
            p->kernels->pack(rows, p->depth, count, p->depth, p->panels + (size_t)panel * p->depth * NATIVE_PANEL);
        }
    }
    return NULL;
}

uint64_t native_pack_forget(const struct native_pack *p, uint32_t from, uint32_t to)
{
    const uint32_t first = from * NATIVE_PANEL;
    const uint32_t end = KIT_MIN(to * NATIVE_PANEL, columns_of(p));
    uint64_t sum = 0;
    for (uint32_t i = 0; i < p->source_count; i++) {
        const struct native_tensor *t = p->source[i];
        const uint64_t row_bytes = t->bytes / p->columns_each;
        const uint32_t begins = KIT_MAX(first, i * p->columns_each);
        const uint32_t ends = KIT_MIN(end, (i + 1) * p->columns_each);
        if (begins < ends) {
            uint64_t bytes = (ends - begins) * row_bytes;
            kit_map_forget(t->map, t->from + (begins - i * p->columns_each) * row_bytes, bytes);
            sum += bytes;
        }
    }
    return sum;
}
