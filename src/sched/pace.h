/* src/sched/pace.h - how long a step takes: fixed + token * tokens + row * rows, as it was seen lately.
 *
 * Least squares in which what was seen counts less with each step (weight 0.95). While the steps are too much alike to tell
 * the three apart, they share alike in what was seen (a small ridge: Hoerl and Kennard 1970). None is below 0.
 * Thread: the owner's. Memory: none; zeroed is a good start. */
#ifndef SCHED_PACE_H
#define SCHED_PACE_H

#include "kit/base.h"

#define SCHED_PACE_TERMS 3

struct sched_pace {
    double seen[SCHED_PACE_TERMS][SCHED_PACE_TERMS], took[SCHED_PACE_TERMS]; /* sums */
    double fixed, token, row;                                                /* ns; token > 0 once it is known */
};

/* A step of so many tokens, of which `rows` were asked what comes next. tokens >= 1. */
void sched_pace_see(struct sched_pace *p, uint32_t tokens, uint32_t rows, uint64_t ns);
bool sched_pace_is_known(const struct sched_pace *p);
/* Tokens of a step with so many rows that takes so long; may be 0. Only when it is known. */
uint32_t sched_pace_tokens(const struct sched_pace *p, uint32_t rows, uint64_t ns);

#endif
