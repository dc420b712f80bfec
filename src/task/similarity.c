#include "task/similarity.h"

#include <math.h>

#include "task/embed.h"
#include "task/rows.h"

static enum kit_status prepare(struct task_model *m, const struct task_options *o, struct task_request *r,
                               struct kit_err *err)
{
    enum kit_status rc = task_embed_prepare(m, o, r, err);
    return rc == KIT_OK ? task_hits_make(&r->hits, r->rows.count, NULL, NULL, err) : rc;
}

/* 0 for a vector of length 0, which has no direction. */
static float cosine(const float *a, const float *b, uint32_t n)
{
    double ab = 0, aa = 0, bb = 0;
    for (uint32_t i = 0; i < n; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return aa > 0 && bb > 0 ? (float)(ab / sqrt(aa * bb)) : 0;
}

/* The source is an item's first row; its room is taken by the first text's cosine, and so on. */
static void finish(const struct task_model *m, struct task_request *r, uint32_t item)
{
    (void)m;
    uint32_t first = task_rows_first(r, item), end = task_rows_first(r, item + 1);
    struct task_hit *hits = task_hits_of(&r->hits, first);
    const float *source = r->vectors + (size_t)first * r->stride;
    for (uint32_t i = 0; first + 1 + i < end; i++) {
        const float *text = source + (size_t)(i + 1) * r->stride;
        hits[i] = (struct task_hit){.id = i, .score = cosine(source, text, r->dimensions)};
    }
    r->hits.counts[first] = end - first - 1;
}

const struct task_type task_similarity = {
    .kind = TASK_SIMILARITY,
    .shapes = 1u << TASK_SHAPE_SIMILARITY,
    .takes = "{\"source\":\"…\",\"texts\":[…]} or an array of such",
    .can = task_embed_can,
    .prepare = prepare,
    .run = task_embed_run,
    .finish = finish,
};
