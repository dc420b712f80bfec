/* The rules of Hugging Face's pipeline of that name, with E-, L-, S- and U- besides B- and I-. A word is the tokenizer's: what
 * its pre-tokenizer cuts. */
#include "task/token_classify.h"

#include <string.h>

#include "kit/alloc.h"
#include "task/call.h"
#include "task/scores.h"
#include "task/texts.h"
#include "text/encoding.h"

static bool can(const struct task_model *m)
{
    return task_model_has_head(m, TASK_TOKEN_CLASSIFY, true);
}

static uint32_t tokens_of(const void *ctx, uint32_t row)
{
    const struct task_request *r = ctx;
    return (uint32_t)(r->rows.offsets[row + 1] - r->rows.offsets[row]);
}

static enum kit_status prepare(struct task_model *m, const struct task_options *o, struct task_request *r,
                               struct kit_err *err)
{
    enum kit_status rc = task_texts_prepare(m, o, r, true, err);
    if (rc == KIT_OK) {
        rc = task_hits_make(&r->hits, r->rows.count, tokens_of, r, err);
    }
    if (rc == KIT_OK && r->parameters.aggregation == TASK_AGGREGATION_AVERAGE) {
        r->dimensions = m->labels.count;
        r->vectors = kit_alloc_array((size_t)r->rows.count * r->dimensions, sizeof(float));
        rc = r->vectors != NULL ? KIT_OK : kit_fail(err, KIT_NOMEM, "out of memory for %u texts", r->rows.count);
    }
    return rc;
}

/* --- from logits to one label for each token or word --- */

/* The row at hand. */
struct tagger {
    const struct task_labels *labels;
    const float *logits; /* [tokens][labels] */
    const struct text_span *spans;
    const uint32_t *words;
    uint32_t tokens;
    uint32_t aggregation;
    float *sums;           /* [labels], for AVERAGE */
    struct task_hit *hits; /* [count] so far */
    uint32_t count;
    struct task_hit open; /* the entity that may go on, its score a sum over `parts` */
    uint32_t parts;       /* 0: none is open */
    bool ended;           /* it does not go on */
};

static const float *logits_of(const struct tagger *t, uint32_t token)
{
    return t->logits + (size_t)token * t->labels->count;
}

static struct task_hit best_of_token(const struct tagger *t, uint32_t token)
{
    const float *logits = logits_of(t, token);
    struct task_softmax softmax = task_softmax_of(logits, t->labels->count);
    struct task_hit best = {0};
    task_scores_top(logits, t->labels->count, 1, &best);
    best.score = task_softmax_score(&softmax, best.score);
    return best;
}

static struct task_hit best_of_average(const struct tagger *t, uint32_t from, uint32_t to)
{
    struct task_hit best = {0};
    memset(t->sums, 0, t->labels->count * sizeof(*t->sums));
    for (uint32_t token = from; token < to; token++) {
        const float *logits = logits_of(t, token);
        struct task_softmax softmax = task_softmax_of(logits, t->labels->count);
        for (uint32_t i = 0; i < t->labels->count; i++) {
            t->sums[i] += task_softmax_score(&softmax, logits[i]);
        }
    }
    task_scores_top(t->sums, t->labels->count, 1, &best);
    best.score /= (float)(to - from);
    return best;
}

/* Tokens [from, to) agree on one label. */
static struct task_hit best_of_word(const struct tagger *t, uint32_t from, uint32_t to)
{
    struct task_hit best =
        t->aggregation == TASK_AGGREGATION_AVERAGE ? best_of_average(t, from, to) : best_of_token(t, from);
    for (uint32_t token = from + 1; t->aggregation == TASK_AGGREGATION_MAX && token < to; token++) {
        struct task_hit other = best_of_token(t, token);
        best = other.score > best.score ? other : best;
    }
    best.start = t->spans[from].start;
    best.end = t->spans[to - 1].end;
    return best;
}

/* --- from labels to entities --- */

static void close_entity(struct tagger *t)
{
    if (t->parts > 0 && !t->labels->label[t->open.id].outside) {
        t->open.score /= (float)t->parts;
        t->hits[t->count++] = t->open;
    }
    t->parts = 0;
}

static void add_to_entity(struct tagger *t, struct task_hit one)
{
    const struct task_label *label = &t->labels->label[one.id];
    bool begins = label->tag == TASK_TAG_BEGIN || label->tag == TASK_TAG_SINGLE;
    bool goes_on = t->parts > 0 && !t->ended && !begins && t->labels->label[t->open.id].name_id == label->name_id;
    if (goes_on) {
        t->open.end = one.end;
        t->open.score += one.score;
    } else {
        close_entity(t);
        t->open = one;
    }
    t->parts++;
    t->ended = label->tag == TASK_TAG_END || label->tag == TASK_TAG_SINGLE;
}

/* The first token behind the word that `from` begins, or behind that token where words do not matter. */
static uint32_t word_end(const struct tagger *t, uint32_t from)
{
    uint32_t end = from + 1;
    bool words = t->aggregation != TASK_AGGREGATION_NONE && t->aggregation != TASK_AGGREGATION_SIMPLE;
    while (words && end < t->tokens && t->words[end] == t->words[from]) {
        end++;
    }
    return end;
}

static void tag(struct tagger *t)
{
    for (uint32_t from = 0, to; from < t->tokens; from = to) {
        to = word_end(t, from);
        if (t->words[from] == TEXT_NO_WORD) {
            continue;
        }
        struct task_hit one = best_of_word(t, from, to);
        add_to_entity(t, one);
        if (t->aggregation == TASK_AGGREGATION_NONE) {
            close_entity(t);
        }
    }
    close_entity(t);
}

static void take(const struct task_model *m, struct task_request *r, uint32_t row, const float *values, uint32_t lines)
{
    uint64_t from = r->rows.offsets[row];
    struct tagger t = {
        .labels = &m->labels,
        .logits = values,
        .spans = r->rows.spans + from,
        .words = r->rows.words + from,
        .tokens = lines,
        .aggregation = r->parameters.aggregation,
        .sums = r->vectors != NULL ? r->vectors + (size_t)row * r->dimensions : NULL,
        .hits = task_hits_of(&r->hits, row),
    };
    tag(&t);
    r->hits.counts[row] = t.count;
}

const struct task_type task_token_classify = {
    .kind = TASK_TOKEN_CLASSIFY,
    .shapes = 1u << TASK_SHAPE_TEXT,
    .takes = "a text or an array of texts",
    .can = can,
    .prepare = prepare,
    .run = task_call_head,
    .take = take,
};
