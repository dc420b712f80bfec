#include "task/scores.h"

#include <math.h>

/* --- logits to scores --- */

static float number(float logit)
{
    return isnan(logit) ? -INFINITY : logit;
}

struct task_softmax task_softmax_of(const float *x, size_t n)
{
    struct task_softmax s = {.max = -INFINITY};
    for (size_t i = 0; i < n; i++) {
        s.max = x[i] > s.max ? x[i] : s.max;
    }
    for (size_t i = 0; i < n; i++) {
        s.sum += task_softmax_score(&(struct task_softmax){.max = s.max, .sum = 1}, x[i]);
    }
    return s;
}

float task_softmax_score(const struct task_softmax *s, float logit)
{
    if (isinf(s->max)) { /* nothing but minus infinity, or a plus infinity that takes all */
        return s->max > 0 && logit == s->max ? (float)(1 / s->sum) : 0;
    }
    return (float)(expf(number(logit) - s->max) / s->sum);
}

float task_sigmoid(float logit)
{
    return 1 / (1 + expf(-number(logit)));
}

/* --- the best --- */

static bool better(const struct task_hit *a, const struct task_hit *b)
{
    return a->score > b->score || (a->score == b->score && a->id < b->id);
}

static void swap(struct task_hit *a, struct task_hit *b)
{
    struct task_hit kept = *a;
    *a = *b;
    *b = kept;
}

typedef bool order(const struct task_hit *a, const struct task_hit *b);

/* The last in order is at the root of a heap. */
static void sift_down(struct task_hit *hits, uint32_t at, uint32_t count, order *before)
{
    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        child += child + 1 < count && before(&hits[child], &hits[child + 1]);
        if (!before(&hits[at], &hits[child])) {
            return;
        }
        swap(&hits[at], &hits[child]);
    }
}

static void sift_up(struct task_hit *hits, uint32_t at)
{
    while (at > 0 && better(&hits[(at - 1) / 2], &hits[at])) {
        swap(&hits[at], &hits[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

void task_scores_offer(struct task_hit *hits, uint32_t *count, uint32_t k, struct task_hit one)
{
    one.score = number(one.score);
    if (*count < k) {
        hits[*count] = one;
        sift_up(hits, (*count)++);
    } else if (k > 0 && better(&one, &hits[0])) {
        hits[0] = one;
        sift_down(hits, 0, k, better);
    }
}

void task_scores_sort_by(struct task_hit *hits, uint32_t count, order *before)
{
    for (uint32_t i = count / 2; i-- > 0;) {
        sift_down(hits, i, count, before);
    }
    for (uint32_t left = count; left > 1; left--) {
        swap(&hits[0], &hits[left - 1]);
        sift_down(hits, 0, left - 1, before);
    }
}

void task_scores_sort(struct task_hit *hits, uint32_t count)
{
    task_scores_sort_by(hits, count, better);
}

uint32_t task_scores_top(const float *x, uint32_t n, uint32_t k, struct task_hit *hits)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < n; i++) {
        task_scores_offer(hits, &count, k, (struct task_hit){.id = i, .score = x[i]});
    }
    task_scores_sort(hits, count);
    return count;
}
