/* The rules of Hugging Face's pipeline question-answering: in each window the scores of starts and of ends go through a
 * softmax over the context and the first token, whose place means "no answer"; a span scores their product; it is widened
 * to whole words; spans of the same text are one answer, which stands where the likeliest of them does (there it is the first
 * that was seen). Source: Chen et al. 2017, arXiv 1704.00051, section 3.2; for the
 * missing answer Devlin et al. 2018, arXiv 1810.04805, section 4.3. */
#include "task/answer.h"

#include <math.h>

#include "task/call.h"
#include "task/rows.h"
#include "task/scores.h"
#include "task/windows.h"
#include "text/encoding.h"

#define TOP_MAX 100
/* Spans that are looked at in each window: some become one when they are widened to words. */
#define SPANS_OF(top_k) (2 * (top_k) + 10)

enum { START, END }; /* columns of the logits */

static bool can(const struct task_model *m)
{
    return task_model_has_head(m, TASK_ANSWER, true) && m->logits->shape[1] == 2;
}

/* The last place of a row's room is for the score of "no answer". */
static uint32_t hits_wanted(const void *ctx, uint32_t row)
{
    (void)row;
    const struct task_request *r = ctx;
    return SPANS_OF(r->parameters.top_k) + 1;
}

static enum kit_status prepare(struct task_model *m, const struct task_options *o, struct task_request *r,
                               struct kit_err *err)
{
    struct task_parameters *p = &r->parameters;
    p->top_k = KIT_MAX(p->top_k, 1u);
    if (p->top_k > TOP_MAX) {
        return kit_fail_param(err, KIT_INVALID, "parameters.top_k",
                              "'parameters.top_k' of task 'answer' must be from 1 to %d", TOP_MAX);
    }
    enum kit_status rc = task_windows_prepare(m, o, r, err);
    return rc == KIT_OK ? task_hits_make(&r->hits, r->rows.count, hits_wanted, r, err) : rc;
}

/* --- one window --- */

struct window {
    const float *logits; /* [tokens][2] */
    const uint32_t *words;
    const struct text_span *spans;
    uint32_t tokens;
    struct task_softmax softmax[2];
};

static float logit(const struct window *w, uint32_t token, int column)
{
    return w->logits[2 * (size_t)token + (size_t)column];
}

static bool is_context(const struct window *w, uint32_t token)
{
    return w->words[token] != TEXT_NO_WORD;
}

static void normalize(struct window *w, int column)
{
    struct task_softmax *s = &w->softmax[column];
    *s = (struct task_softmax){.max = -INFINITY};
    for (uint32_t i = 0; i < w->tokens; i++) {
        if (i == 0 || is_context(w, i)) {
            s->max = logit(w, i, column) > s->max ? logit(w, i, column) : s->max;
        }
    }
    for (uint32_t i = 0; i < w->tokens; i++) {
        if (i == 0 || is_context(w, i)) {
            s->sum += task_softmax_score(&(struct task_softmax){.max = s->max, .sum = 1}, logit(w, i, column));
        }
    }
}

static float score(const struct window *w, uint32_t start, uint32_t end)
{
    return task_softmax_score(&w->softmax[START], logit(w, start, START)) *
           task_softmax_score(&w->softmax[END], logit(w, end, END));
}

/* The best spans by the sum of their logits, which ranks as the product of their scores does. */
static uint32_t best_spans(const struct window *w, uint32_t length_max, uint32_t most, struct task_hit *hits)
{
    uint32_t count = 0;
    for (uint32_t start = 1; start < w->tokens; start++) {
        for (uint32_t end = start; end < w->tokens && end - start < length_max; end++) {
            if (!is_context(w, start) || !is_context(w, end)) {
                break;
            }
            struct task_hit span = {.id = start * w->tokens + end, .start = start, .end = end};
            span.score = logit(w, start, START) + logit(w, end, END);
            task_scores_offer(hits, &count, most, span);
        }
    }
    task_scores_sort(hits, count);
    return count;
}

/* From tokens to the bytes of the words that they are in. */
static void widen(const struct window *w, struct task_hit *span)
{
    uint32_t start = span->start, end = span->end;
    span->score = score(w, start, end);
    while (start > 0 && w->words[start - 1] == w->words[start]) {
        start--;
    }
    while (end + 1 < w->tokens && w->words[end + 1] == w->words[end]) {
        end++;
    }
    span->start = w->spans[start].start;
    span->end = w->spans[end].end;
}

static void take(const struct task_model *m, struct task_request *r, uint32_t row, const float *values, uint32_t lines)
{
    (void)m;
    uint64_t from = r->rows.offsets[row];
    struct window w = {.logits = values, .words = r->rows.words + from, .spans = r->rows.spans + from, .tokens = lines};
    struct task_hit *hits = task_hits_of(&r->hits, row);
    uint32_t most = SPANS_OF(r->parameters.top_k);
    normalize(&w, START);
    normalize(&w, END);
    uint32_t count = best_spans(&w, r->parameters.max_answer_tokens, most, hits);
    for (uint32_t i = 0; i < count; i++) {
        widen(&w, &hits[i]);
    }
    hits[most] = (struct task_hit){.score = score(&w, 0, 0)};
    r->hits.counts[row] = count;
}

/* --- all windows of a question --- */

static kit_str text_of(kit_str context, const struct task_hit *hit)
{
    return kit_str_sub(context, hit->start, hit->end - hit->start);
}

/* FNV-1a over the text in lower case (ASCII). */
static uint32_t hash_of(kit_str text)
{
    uint32_t hash = 0x811c9dc5;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        hash = (hash ^ (c >= 'A' && c <= 'Z' ? c | 0x20u : c)) * 0x01000193;
    }
    return hash;
}

/* Moves the spans of all windows to the front; ids become hashes of their texts, upper and lower case alike. */
static uint32_t gather(struct task_request *r, uint32_t first, uint32_t end, kit_str context)
{
    struct task_hit *to = task_hits_of(&r->hits, first);
    uint32_t count = 0;
    for (uint32_t row = first; row < end; row++) {
        const struct task_hit *hits = task_hits_of(&r->hits, row);
        for (uint32_t i = 0; i < r->hits.counts[row]; i++) {
            to[count] = hits[i];
            to[count].id = hash_of(text_of(context, &hits[i]));
            count++;
        }
    }
    return count;
}

static bool by_text(const struct task_hit *a, const struct task_hit *b)
{
    return a->id != b->id ? a->id < b->id : a->score != b->score ? a->score > b->score : a->start < b->start;
}

/* Spans of one text become one answer, which stands where its best one does. */
static uint32_t merge(struct task_hit *hits, uint32_t count, kit_str context)
{
    uint32_t kept = 0;
    task_scores_sort_by(hits, count, by_text);
    for (uint32_t i = 0; i < count; i++) {
        bool same = kept > 0 && hits[kept - 1].id == hits[i].id &&
                    kit_str_eq_nocase(text_of(context, &hits[kept - 1]), text_of(context, &hits[i]));
        if (same) {
            hits[kept - 1].score += hits[i].score;
        } else {
            hits[kept++] = hits[i];
        }
    }
    return kept;
}

/* "No answer" is as likely as in the window that finds it least likely. */
static float null_score(const struct task_request *r, uint32_t first, uint32_t end)
{
    float least = INFINITY;
    for (uint32_t row = first; row < end; row++) {
        float here = task_hits_of(&r->hits, row)[SPANS_OF(r->parameters.top_k)].score;
        least = here < least ? here : least;
    }
    return least;
}

static void finish(const struct task_model *m, struct task_request *r, uint32_t item)
{
    (void)m;
    kit_str context = r->inputs.pairs[item];
    uint32_t first = task_rows_first(r, item), end = task_rows_first(r, item + 1);
    struct task_hit *hits = task_hits_of(&r->hits, first);
    struct task_hit none = {.score = null_score(r, first, end)};
    uint32_t count = merge(hits, gather(r, first, end, context), context);
    if (r->parameters.null_answer) {
        hits[count++] = none;
    }
    for (uint32_t i = 0; i < count; i++) {
        hits[i].id = hits[i].start;
    }
    task_scores_sort(hits, count);
    count = KIT_MIN(count, r->parameters.top_k);
    for (uint32_t i = 0; i < count; i++) {
        hits[i].score = KIT_MIN(hits[i].score, 1.0F); /* what several windows see was counted by each */
    }
    r->hits.counts[first] = count;
}

const struct task_type task_answer = {
    .kind = TASK_ANSWER,
    .shapes = 1u << TASK_SHAPE_ANSWER,
    .takes = "{\"question\":\"…\",\"context\":\"…\"} or an array of such",
    .can = can,
    .prepare = prepare,
    .run = task_call_head,
    .take = take,
    .finish = finish,
};
