/* src/sched/pace.h - how long a step takes: a line through what was seen lately, fixed + each * tokens.
 *
 * Least squares in which what was seen counts less with each step (weight 0.95). Thread: the owner's. Memory: none; zeroed
 * is a good start. */
#ifndef SCHED_PACE_H
#define SCHED_PACE_H

#include "kit/base.h"

struct sched_pace {
    double weight, x, y, xx, xy; /* sums */
};

void sched_pace_see(struct sched_pace *p, uint32_t tokens, uint64_t ns);
bool sched_pace_is_known(const struct sched_pace *p);
double sched_pace_each(const struct sched_pace *p);                  /* ns of one more token, > 0 */
uint32_t sched_pace_tokens(const struct sched_pace *p, uint64_t ns); /* tokens of a step that takes so long; may be 0 */

#endif
