#include "heimnetz/spread.h"

#include <math.h>

#define LEAST 0.001
#define WIDTH 1.01

static uint32_t bin_of(double value)
{
    double bin = value > LEAST ? log(value / LEAST) / log(WIDTH) : 0;
    return (uint32_t)KIT_MIN(bin, SPREAD_BINS - 1.0);
}

void heimnetz_spread_add(struct heimnetz_spread *s, double value)
{
    s->min = s->count == 0 || value < s->min ? value : s->min;
    s->max = s->count == 0 || value > s->max ? value : s->max;
    s->sum += value;
    s->count++;
    s->bins[bin_of(value)]++;
}

double heimnetz_spread_mean(const struct heimnetz_spread *s)
{
    return s->count > 0 ? s->sum / (double)s->count : 0;
}

double heimnetz_spread_at(const struct heimnetz_spread *s, double part)
{
    uint64_t rank = (uint64_t)KIT_MAX(ceil(part * (double)s->count), 1.0), seen = 0;
    uint32_t bin = 0;
    while (bin < SPREAD_BINS - 1 && (seen += s->bins[bin]) < rank) {
        bin++;
    }
    double middle = LEAST * pow(WIDTH, bin + 0.5);
    return s->count == 0 || rank >= s->count ? s->max : fmin(fmax(middle, s->min), s->max);
}
