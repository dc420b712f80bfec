/* src/task/scores.h - from logits to scores, and the best of many. Thread: any; pure. Memory: none.
 *
 * A logit that is not a number counts as minus infinity: it ranks last and scores 0. */
#ifndef TASK_SCORES_H
#define TASK_SCORES_H

#include "task/hits.h"

/* The softmax of x [n], without room for its values. All logits minus infinity: every score is 0. */
struct task_softmax {
    float max;
    double sum; /* of e^(x - max) */
};
struct task_softmax task_softmax_of(const float *x, size_t n);
/* The score of one of its logits. */
float task_softmax_score(const struct task_softmax *s, float logit);
float task_sigmoid(float logit);

/* The best k of x [n], best first, lower index first among equals: id is the index, score the value. Returns how many:
 * min(k, n). hits [k]. O(n log k). */
uint32_t task_scores_top(const float *x, uint32_t n, uint32_t k, struct task_hit *hits);
/* The same, candidate by candidate: keeps the best k of all offered in hits [*count], as a heap until it is sorted. */
void task_scores_offer(struct task_hit *hits, uint32_t *count, uint32_t k, struct task_hit one);
/* Best first, lower id first among equals. A heap of task_scores_offer, or any order. */
void task_scores_sort(struct task_hit *hits, uint32_t count);
/* In another order: before(a, b) is strict. O(n log n), in place; equals in any order. */
void task_scores_sort_by(struct task_hit *hits, uint32_t count,
                         bool (*before)(const struct task_hit *a, const struct task_hit *b));

#endif
