#include "task/fill_mask.h"

#include <math.h>
#include <stdio.h>

#include "task/call.h"
#include "task/scores.h"
#include "task/texts.h"

#define TOP_DEFAULT 5
#define TARGET_BYTES_MAX 256 /* no token is longer */
/* What a mask costs in tokens: a line of logits is as long as the vocabulary, and a batch holds those of all its masks. */
#define MASK_TOKENS 32

static bool can(const struct task_model *m)
{
    return task_model_has_head(m, TASK_FILL_MASK, true) && m->mask_id != TASK_NO_MASK;
}

/* Without a mask in any text the question is meant for another task. */
static bool fits(const struct task_model *m, const struct task_request *r)
{
    kit_str mask = text_tokenizer_piece(m->tokenizer, m->mask_id);
    for (uint32_t i = 0; i < r->inputs.text_count; i++) {
        if (kit_str_find(r->inputs.texts[i], mask) < r->inputs.texts[i].len) {
            return true;
        }
    }
    return false;
}

/* --- masks --- */

static uint32_t count_masks(const struct task_model *m, const struct task_request *r)
{
    uint32_t all = 0;
    for (uint64_t i = 0; i < r->tokens; i++) {
        all += r->rows.ids[i] == (int32_t)m->mask_id;
    }
    return all;
}

static enum kit_status no_mask(const struct task_model *m, const struct task_request *r, uint32_t row,
                               struct kit_err *err)
{
    char path[KIT_ERR_PARAM_BYTES];
    kit_str mask = text_tokenizer_piece(m->tokenizer, m->mask_id);
    task_inputs_path(&r->inputs, row, TASK_PART_BOTH, path);
    return kit_fail_param(err, KIT_INVALID, path,
                          "'%s' has no %.*s among its first %u tokens: put one where a token is to be found", path,
                          KIT_STR_ARG(mask), m->row_tokens_max);
}

static enum kit_status find_masks(const struct task_model *m, struct task_request *r, struct kit_err *err)
{
    struct task_masks *masks = &r->masks;
    uint32_t all = 0;
    masks->places = kit_arena_get(&r->arena, (count_masks(m, r) + 1) * sizeof(*masks->places));
    masks->firsts = kit_arena_zero(&r->arena, (size_t)r->rows.count + 1, sizeof(*masks->firsts));
    if (masks->places == NULL || masks->firsts == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for the masks of %u texts", r->rows.count);
    }
    for (uint32_t row = 0; row < r->rows.count; row++) {
        uint64_t from = r->rows.offsets[row], to = r->rows.offsets[row + 1];
        for (uint64_t i = from; i < to; i++) {
            if (r->rows.ids[i] == (int32_t)m->mask_id) {
                masks->places[all++] = (uint32_t)(i - from);
            }
        }
        masks->firsts[row + 1] = all;
        if (all == masks->firsts[row]) {
            return no_mask(m, r, row, err);
        }
        r->job.rows[row].tokens += (all - masks->firsts[row]) * MASK_TOKENS;
    }
    return KIT_OK;
}

/* --- targets --- */

/* A target is a token as the vocabulary has it, or a text that becomes just one. */
static bool find_target(const struct task_model *m, struct text_scratch *scratch, kit_str target, uint32_t *ret)
{
    struct text_encoding e;
    struct text_options options = {.max_tokens = TEXT_TOKENS_UNLIMITED};
    if (text_tokenizer_find(m->tokenizer, target, ret)) {
        return true;
    }
    bool one = target.len <= TARGET_BYTES_MAX &&
               text_tokenizer_encode(m->tokenizer, scratch, target, NULL, &options, &e, NULL) == KIT_OK && e.count == 1;
    *ret = one ? (uint32_t)e.ids[0] : 0;
    return one;
}

static void add_target(struct task_masks *masks, uint32_t id)
{
    for (uint32_t i = 0; i < masks->target_count; i++) {
        if (masks->targets[i] == id) {
            return;
        }
    }
    masks->targets[masks->target_count++] = id;
}

static enum kit_status find_targets(struct task_model *m, struct task_request *r, struct kit_err *err)
{
    struct task_parameters *p = &r->parameters;
    struct text_scratch *scratch = NULL;
    r->masks.targets = kit_arena_get(&r->arena, (size_t)p->targets.count * sizeof(*r->masks.targets));
    if (r->masks.targets == NULL || task_scratches_take(&m->scratches, &scratch) != KIT_OK) {
        return kit_fail(err, KIT_NOMEM, "out of memory for %u targets", p->targets.count);
    }
    enum kit_status rc = KIT_OK;
    for (uint32_t i = 0, id; rc == KIT_OK && i < p->targets.count; i++) {
        if (find_target(m, scratch, p->targets.texts[i], &id)) {
            add_target(&r->masks, id);
        } else {
            char path[KIT_ERR_PARAM_BYTES];
            snprintf(path, sizeof(path), "parameters.targets[%u]", i);
            rc = kit_fail_param(err, KIT_INVALID, path, "'%s' is '%.*s', which is not one token of the vocabulary",
                                path, KIT_STR_ARG(kit_str_sub(p->targets.texts[i], 0, 40)));
        }
    }
    task_scratches_give(&m->scratches, scratch);
    return rc;
}

/* --- the task --- */

static uint32_t hits_wanted(const void *ctx, uint32_t row)
{
    const struct task_request *r = ctx;
    uint64_t hits = (uint64_t)(r->masks.firsts[row + 1] - r->masks.firsts[row]) * r->parameters.top_k;
    return (uint32_t)KIT_MIN(hits, UINT32_MAX);
}

static enum kit_status prepare(struct task_model *m, const struct task_options *o, struct task_request *r,
                               struct kit_err *err)
{
    enum kit_status rc = task_texts_prepare(m, o, r, false, err);
    if (rc == KIT_OK) {
        rc = find_masks(m, r, err);
    }
    if (rc == KIT_OK && r->parameters.targets.count > 0) {
        rc = find_targets(m, r, err);
    }
    if (rc != KIT_OK) {
        return rc;
    }
    uint32_t candidates = r->masks.targets != NULL ? r->masks.target_count : (uint32_t)m->logits->shape[1];
    r->parameters.top_k = KIT_MIN(r->parameters.top_k > 0 ? r->parameters.top_k : TOP_DEFAULT, candidates);
    return task_hits_make(&r->hits, r->rows.count, hits_wanted, r, err);
}

static const uint32_t *places_of(const struct task_request *r, uint32_t row, uint32_t *count)
{
    *count = r->masks.firsts[row + 1] - r->masks.firsts[row];
    return r->masks.places + r->masks.firsts[row];
}

static uint32_t best_targets(const struct task_request *r, const float *logits, uint32_t vocabulary,
                             struct task_hit *hits)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < r->masks.target_count; i++) {
        uint32_t id = r->masks.targets[i];
        float logit = id < vocabulary ? logits[id] : NAN; /* a token that the model does not know */
        task_scores_offer(hits, &count, r->parameters.top_k, (struct task_hit){.id = id, .score = logit});
    }
    task_scores_sort(hits, count);
    return count;
}

static void take(const struct task_model *m, struct task_request *r, uint32_t row, const float *values, uint32_t lines)
{
    uint32_t vocabulary = (uint32_t)m->logits->shape[1], k = r->parameters.top_k;
    struct task_hit *hits = task_hits_of(&r->hits, row);
    for (uint32_t mask = 0; mask < lines; mask++, values += vocabulary, hits += k) {
        struct task_softmax softmax = task_softmax_of(values, vocabulary);
        uint32_t count = r->masks.targets != NULL ? best_targets(r, values, vocabulary, hits)
                                                  : task_scores_top(values, vocabulary, k, hits);
        for (uint32_t i = 0; i < count; i++) {
            hits[i].score = task_softmax_score(&softmax, hits[i].score);
        }
    }
    r->hits.counts[row] = lines * k;
}

const struct task_type task_fill_mask = {
    .kind = TASK_FILL_MASK,
    .shapes = 1u << TASK_SHAPE_TEXT,
    .takes = "a text with the model's mask token in it, or an array of such",
    .can = can,
    .fits = fits,
    .prepare = prepare,
    .run = task_call_head,
    .places = places_of,
    .take = take,
};
