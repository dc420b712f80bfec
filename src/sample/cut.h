/* src/sample/cut.h - which tokens stay, by their weights, and which of them it becomes.
 *
 * A weight is a probability times something that is the same for all; the largest is 1. A cut makes weights 0. It finds
 * its threshold by halving the range of floats, a pass for each bit, over few
 * as soon as few are in question, so that nothing is sorted. Of equal weights at a
 * threshold those of the lowest index stay. At least one token always stays. Thread: any; pure. Memory: nothing is
 * allocated. For src/sample/ only. */
#ifndef SAMPLE_CUT_H
#define SAMPLE_CUT_H

#include "sample/rows.h"

struct sample_set {
    const struct sample_rows *rows;
    float *w; /* [n], 0 or 2^-126 … 1; borrowed */
    uint32_t n;
};

double sample_set_sum(const struct sample_set *set);

/* The k largest; k >= 1. Source: Fan et al. 2018, arXiv 1805.04833. */
void sample_cut_top_k(const struct sample_set *set, uint32_t k);
/* The fewest of the largest whose sum is `sum` or more. Source: Holtzman et al. 2020, arXiv 1904.09751. */
void sample_cut_top_p(const struct sample_set *set, double sum);
/* Those of at least p. Source: Nguyen et al. 2024, arXiv 2407.01082. */
void sample_cut_min_p(const struct sample_set *set, float p);
/* The fewest whose sum is p of all, of those whose surprise is nearest to the one expected. Equally near ones stay
 * together. Source: Meister et al. 2023, arXiv 2202.00666. */
void sample_cut_typical(const struct sample_set *set, float p);

/* The index at which the sum over indexes passes u of all, 0 <= u < 1. UINT32_MAX: all weights are 0. */
uint32_t sample_draw(const struct sample_set *set, double u);

#endif
