/* tests/unit/sample/naive.h - truncation written down as the papers have it: sorted, in double precision.
 *
 * p [n]: probabilities; those that are cut become 0, the rest again sums to 1. */
#ifndef SAMPLE_NAIVE_H
#define SAMPLE_NAIVE_H

#include <math.h>
#include <stdlib.h>

#include "sample/options.h"

#define NAIVE_MAX 6000

struct naive_token {
    uint32_t id;
    double key; /* small ones first */
};

static int naive_compare(const void *a, const void *b)
{
    const struct naive_token *x = a;
    const struct naive_token *y = b;
    return x->key != y->key ? (x->key < y->key ? -1 : 1) : (x->id < y->id ? -1 : x->id > y->id);
}

static void naive_normalize(double *p, uint32_t n)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        sum += p[i];
    }
    for (uint32_t i = 0; i < n; i++) {
        p[i] /= sum;
    }
}

/* Keeps the first of the order of keys: `count` of them, or fewer when their sum reaches `share`; at least one. */
static void naive_keep(double *p, struct naive_token *order, uint32_t n, uint32_t count, double share)
{
    double sum = 0;
    qsort(order, n, sizeof(*order), naive_compare);
    for (uint32_t i = 0; i < n; i++) {
        bool kept = i == 0 || (i < count && sum < share);
        sum += p[order[i].id];
        p[order[i].id] = kept ? p[order[i].id] : 0;
    }
    naive_normalize(p, n);
}

static void naive_cut(const struct sample_options *o, double *p, uint32_t n)
{
    static struct naive_token order[NAIVE_MAX];
    for (uint32_t i = 0; i < n; i++) {
        order[i] = (struct naive_token){i, -p[i]};
    }
    if (o->top_k > 0) {
        naive_keep(p, order, n, o->top_k, 2);
    }
    if (o->top_p < 1) {
        naive_keep(p, order, n, n, (double)o->top_p);
    }
    double top = 0;
    for (uint32_t i = 0; i < n; i++) {
        top = fmax(top, p[i]);
    }
    for (uint32_t i = 0; i < n; i++) {
        p[i] = p[i] >= (double)o->min_p * top ? p[i] : 0;
    }
    naive_normalize(p, n);
    if (o->typical_p < 1) {
        double expected = 0;
        for (uint32_t i = 0; i < n; i++) {
            expected -= p[i] > 0 ? p[i] * log(p[i]) : 0;
        }
        for (uint32_t i = 0; i < n; i++) {
            order[i] = (struct naive_token){i, p[i] > 0 ? fabs(-log(p[i]) - expected) : INFINITY};
        }
        naive_keep(p, order, n, n, (double)o->typical_p);
    }
}

#endif
