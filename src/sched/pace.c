#include "sched/pace.h"

#define WEIGHT 0.95
#define SPREAD 0.05 /* of the mean, squared: with less difference between the steps there is no line through them */

void sched_pace_see(struct sched_pace *p, uint32_t tokens, uint64_t ns)
{
    double x = tokens, y = (double)ns;
    p->weight = WEIGHT * p->weight + 1;
    p->x = WEIGHT * p->x + x;
    p->y = WEIGHT * p->y + y;
    p->xx = WEIGHT * p->xx + x * x;
    p->xy = WEIGHT * p->xy + x * y;
}

bool sched_pace_is_known(const struct sched_pace *p)
{
    return p->weight > 0 && p->y > 0;
}

double sched_pace_each(const struct sched_pace *p)
{
    double through_zero = p->y / p->x;
    double spread = p->weight * p->xx - p->x * p->x;
    if (spread <= SPREAD * p->x * p->x) {
        return through_zero;
    }
    double slope = (p->weight * p->xy - p->x * p->y) / spread;
    return slope > 0 && slope < through_zero ? slope : through_zero;
}

uint32_t sched_pace_tokens(const struct sched_pace *p, uint64_t ns)
{
    double each = sched_pace_each(p);
    double fixed = (p->y - each * p->x) / p->weight;
    double tokens = ((double)ns - fixed) / each;
    return tokens <= 0 ? 0 : tokens >= (double)UINT32_MAX ? UINT32_MAX : (uint32_t)tokens;
}
