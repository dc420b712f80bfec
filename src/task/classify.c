#include "task/classify.h"

#include "task/call.h"
#include "task/scores.h"
#include "task/texts.h"

static bool can(const struct task_model *m)
{
    return task_model_has_head(m, TASK_CLASSIFY, false);
}

static uint32_t labels_wanted(const void *ctx, uint32_t row)
{
    (void)row;
    const struct task_request *r = ctx;
    return r->parameters.top_k;
}

static enum kit_status prepare(struct task_model *m, const struct task_options *o, struct task_request *r,
                               struct kit_err *err)
{
    struct task_parameters *p = &r->parameters;
    p->top_k = p->top_k > 0 ? KIT_MIN(p->top_k, m->labels.count) : m->labels.count;
    p->function = p->function != TASK_FUNCTION_OWN ? p->function : m->function;
    enum kit_status rc = task_texts_prepare(m, o, r, false, err);
    return rc == KIT_OK ? task_hits_make(&r->hits, r->rows.count, labels_wanted, r, err) : rc;
}

/* The best logits are the best scores, whatever the function. */
static void take(const struct task_model *m, struct task_request *r, uint32_t row, const float *values, uint32_t lines)
{
    (void)lines;
    struct task_hit *hits = task_hits_of(&r->hits, row);
    struct task_softmax softmax = task_softmax_of(values, m->labels.count);
    uint32_t count = task_scores_top(values, m->labels.count, r->parameters.top_k, hits);
    for (uint32_t i = 0; i < count; i++) {
        hits[i].score = r->parameters.function == TASK_FUNCTION_SOFTMAX   ? task_softmax_score(&softmax, hits[i].score)
                        : r->parameters.function == TASK_FUNCTION_SIGMOID ? task_sigmoid(hits[i].score)
                                                                          : hits[i].score;
    }
    r->hits.counts[row] = count;
}

const struct task_type task_classify = {
    .kind = TASK_CLASSIFY,
    .shapes = 1u << TASK_SHAPE_TEXT | 1u << TASK_SHAPE_PAIR,
    .takes = "a text, {\"text\",\"pair\"}, or an array of such",
    .can = can,
    .prepare = prepare,
    .run = task_call_head,
    .take = take,
};
