#include "gemm.h"

/* Depth of a piece: with 32 columns it is 48 KiB, what an L1 holds and an L2 feeds. */
#define DEPTH_MAX 384u
/* Rows that pass by one panel at a time: their a must stay in L2. */
#define ROWS_MAX 256u

#define PARTS_EACH 3u

/* One panel, some rows and some depth of a product. */
struct piece {
    const struct native_gemm *g;
    uint32_t panel;
    uint32_t row_from, row_to;
    uint32_t from, depth;
};

/* While a panel is used, each tile fetches its share of the panel that comes next. */
static void set_ahead(const struct piece *p, struct native_tile *t, uint32_t index, uint32_t tiles)
{
    size_t share = (size_t)p->depth * NATIVE_PANEL / tiles / 16 * 16;
    t->ahead = t->b + (size_t)p->g->b->depth * NATIVE_PANEL + index * share;
    t->ahead_step = p->depth > 0 ? share / p->depth : 0;
}

static void piece_run(const struct piece *p)
{
    const struct native_gemm *g = p->g;
    const struct native_matrix *b = g->b;
    const size_t column = (size_t)p->panel * NATIVE_PANEL;
    const bool first = p->from == 0;
    const bool last = p->from + p->depth == b->depth;
    const uint32_t rows = p->row_to - p->row_from;
    const uint32_t tiles = (rows + g->kernels->tile_rows - 1) / g->kernels->tile_rows;
    uint32_t row = p->row_from;
    for (uint32_t i = 0; i < tiles; i++) { /* rows are dealt evenly: no thin last tile */
        float *c = g->c + row * g->c_stride + column;
        struct native_tile t = {
            .a = g->a + row * g->a_stride + p->from,
            .b = b->panels + (size_t)p->panel * b->depth * NATIVE_PANEL + (size_t)p->from * NATIVE_PANEL,
            .bias = first && b->bias != NULL ? b->bias + column : NULL,
            .add = c,
            .c = c,
            .a_stride = g->a_stride,
            .add_stride = g->c_stride,
            .c_stride = g->c_stride,
            .rows = rows / tiles + (i < rows % tiles),
            .depth = p->depth,
        };
        if (first) {
            t.add = g->add != NULL ? g->add + row * g->add_stride + column : NULL;
            t.add_stride = g->add_stride;
        }
        set_ahead(p, &t, i, tiles);
        g->kernels->tile(&t);
        if (last && g->act != NATIVE_ACT_NONE) {
            g->kernels->act[g->act](c, g->c_stride, t.rows);
        }
        row += t.rows;
    }
}

void native_gemm_panels(const struct native_gemm *g, uint32_t from, uint32_t to)
{
    for (uint32_t row = 0; row < g->rows; row += ROWS_MAX) {
        uint32_t k = 0;
        do {
            uint32_t depth = KIT_MIN(g->b->depth - k, DEPTH_MAX);
            for (uint32_t panel = from; panel < to; panel++) {
                piece_run(&(struct piece){.g = g,
                                          .panel = panel,
                                          .row_from = row,
                                          .row_to = KIT_MIN(row + ROWS_MAX, g->rows),
                                          .from = k,
                                          .depth = depth});
            }
            k += depth;
        } while (k < g->b->depth);
    }
}

struct split {
    const struct native_gemm *g;
    uint32_t parts;
};

static void split_part(void *arg, uint32_t i, uint32_t worker)
{
    const struct split *s = arg;
    uint64_t panels = s->g->b->panel_count;
    (void)worker;
    native_gemm_panels(s->g, (uint32_t)(panels * i / s->parts), (uint32_t)(panels * (i + 1) / s->parts));
}

/* More parts than cores: a core that is held up leaves the rest to the others. */
void native_gemm_run(const struct native_gemm *g, struct native_team team)
{
    struct split s = {.g = g, .parts = team.cores == 1 ? 1 : KIT_MIN(PARTS_EACH * team.cores, g->b->panel_count)};
    native_host_spread(team, s.parts, split_part, &s);
}
