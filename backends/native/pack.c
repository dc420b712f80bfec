#include "pack.h"

static bool in_place(const struct native_tensor *t)
{
    return t->dtype == NATIVE_F32 && (uintptr_t)t->data % sizeof(float) == 0;
}

/* Columns [from, from + count) that lie in one float32 source can be read where they are; *ret or NULL. */
static const float *mapped_columns(const struct native_pack *p, uint32_t from, uint32_t count)
{
    const struct native_tensor *t = p->source[from / p->columns_each];
    if (from / p->columns_each != (from + count - 1) / p->columns_each || !in_place(t)) {
        return NULL;
    }
    return (const float *)(const void *)t->data + (size_t)(from % p->columns_each) * p->depth;
}

static void pack_panel(void *arg, uint32_t panel, uint32_t worker)
{
    const struct native_pack *p = arg;
    const uint32_t columns = p->source_count * p->columns_each;
    const uint32_t from = panel * NATIVE_PANEL;
    const uint32_t count = KIT_MIN(columns - from, NATIVE_PANEL);
    const float *rows = mapped_columns(p, from, count);
    if (rows == NULL) {
        float *copy = p->scratch + (size_t)worker * NATIVE_PANEL * p->depth;
        for (uint32_t j = 0; j < count; j++) {
            native_tensor_row(p->source[(from + j) / p->columns_each], (from + j) % p->columns_each, p->depth,
                              copy + (size_t)j * p->depth);
        }
        rows = copy;
    }
    p->kernels->pack(rows, p->depth, count, p->depth, p->panels + (size_t)panel * p->depth * NATIVE_PANEL);
}

void native_pack_run(const struct native_pack *p, struct native_team team)
{
    struct native_pack copy = *p;
    native_host_spread(team, NATIVE_PANELS(p->source_count * p->columns_each), pack_panel, &copy);
}
