/* src/heimnetz/spread.h - how values are spread: mean, percentiles, the greatest, in a fixed room however many there are.
 *
 * Values are counted in bins that are 1 % wide, so a percentile is exact to half of that. Thread: one at a time. */
#ifndef HEIMNETZ_SPREAD_H
#define HEIMNETZ_SPREAD_H

#include "kit/base.h"

#define SPREAD_BINS 2400 /* from a microsecond to six hours, where values are milliseconds */

struct heimnetz_spread {
    uint64_t count;
    double sum, min, max;
    uint64_t bins[SPREAD_BINS];
};

void heimnetz_spread_add(struct heimnetz_spread *s, double value); /* zeroed before the first; value >= 0 */
double heimnetz_spread_mean(const struct heimnetz_spread *s);      /* 0 where there is none, as the next */
/* The least value that at least `part` of all are not above (nearest rank); part in (0, 1]. */
double heimnetz_spread_at(const struct heimnetz_spread *s, double part);

#endif
