#include "task/rerank.h"

#include "task/call.h"
#include "task/rows.h"
#include "task/scores.h"
#include "task/texts.h"

static bool can(const struct task_model *m)
{
    return task_model_has_head(m, TASK_RERANK, false) && m->logits->shape[1] == 1;
}

static enum kit_status prepare(struct task_model *m, const struct task_options *o, struct task_request *r,
                               struct kit_err *err)
{
    enum kit_status rc = task_texts_prepare(m, o, r, false, err);
    return rc == KIT_OK ? task_hits_make(&r->hits, r->rows.count, NULL, NULL, err) : rc;
}

static void take(const struct task_model *m, struct task_request *r, uint32_t row, const float *values, uint32_t lines)
{
    (void)m;
    (void)lines;
    task_hits_of(&r->hits, row)->score = r->parameters.raw_scores ? values[0] : task_sigmoid(values[0]);
}

/* Rows of an item lie side by side, each with one hit: together they are the item's. */
static void finish(const struct task_model *m, struct task_request *r, uint32_t item)
{
    (void)m;
    uint32_t first = task_rows_first(r, item), count = task_rows_first(r, item + 1) - first;
    struct task_hit *hits = task_hits_of(&r->hits, first);
    for (uint32_t i = 0; i < count; i++) {
        hits[i].id = i;
    }
    task_scores_sort(hits, count);
    r->hits.counts[first] = r->parameters.top_n > 0 ? KIT_MIN(r->parameters.top_n, count) : count;
}

const struct task_type task_rerank = {
    .kind = TASK_RERANK,
    .shapes = 1u << TASK_SHAPE_RERANK,
    .takes = "{\"query\":\"…\",\"texts\":[…]} or an array of such",
    .can = can,
    .prepare = prepare,
    .run = task_call_head,
    .take = take,
    .finish = finish,
};
