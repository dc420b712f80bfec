#include "sched/pace.h"

#include <math.h>

#define TERMS SCHED_PACE_TERMS
#define WEIGHT 0.95
#define RIDGE 1e-4 /* of each term's own square */

enum { FIXED, TOKEN, ROW };

/* The normal equations of the terms that count; one that does not is 0. */
struct equations {
    double a[TERMS][TERMS + 1];
};

static struct equations equations_of(const struct sched_pace *p, const bool counts[TERMS])
{
    struct equations e = {0};
    for (int i = 0; i < TERMS; i++) {
        for (int k = 0; k < TERMS; k++) {
            e.a[i][k] = counts[i] && counts[k] ? p->seen[i][k] : 0;
        }
        e.a[i][i] = counts[i] && p->seen[i][i] > 0 ? p->seen[i][i] * (1 + RIDGE) : 1;
        e.a[i][TERMS] = counts[i] ? p->took[i] : 0;
    }
    return e;
}

/* The ridge keeps every pivot above 0, so that none has to be looked for. */
static void solve(struct equations *e, double ret[TERMS])
{
    for (int i = 0; i < TERMS; i++) {
        for (int k = i + 1; k < TERMS; k++) {
            double factor = e->a[k][i] / e->a[i][i];
            for (int c = i; c <= TERMS; c++) {
                e->a[k][c] -= factor * e->a[i][c];
            }
        }
    }
    for (int i = TERMS - 1; i >= 0; i--) {
        ret[i] = e->a[i][TERMS];
        for (int k = i + 1; k < TERMS; k++) {
            ret[i] -= e->a[i][k] * ret[k];
        }
        ret[i] /= e->a[i][i];
    }
}

static void learn(struct sched_pace *p)
{
    bool counts[TERMS] = {true, true, true};
    double terms[TERMS];
    for (int round = 0; round < TERMS; round++) {
        struct equations e = equations_of(p, counts);
        solve(&e, terms);
        counts[FIXED] = counts[FIXED] && terms[FIXED] >= 0;
        counts[ROW] = counts[ROW] && terms[ROW] >= 0;
    }
    double through_zero = p->took[TOKEN] / p->seen[TOKEN][TOKEN];
    p->fixed = fmax(terms[FIXED], 0);
    p->row = fmax(terms[ROW], 0);
    p->token = terms[TOKEN] > 0 ? terms[TOKEN] : through_zero;
}

void sched_pace_see(struct sched_pace *p, uint32_t tokens, uint32_t rows, uint64_t ns)
{
    const double x[TERMS] = {1, tokens, rows};
    for (int i = 0; i < TERMS; i++) {
        for (int k = 0; k < TERMS; k++) {
            p->seen[i][k] = WEIGHT * p->seen[i][k] + x[i] * x[k];
        }
        p->took[i] = WEIGHT * p->took[i] + x[i] * (double)(ns > 0 ? ns : 1);
    }
    learn(p);
}

bool sched_pace_is_known(const struct sched_pace *p)
{
    return p->token > 0;
}

uint32_t sched_pace_tokens(const struct sched_pace *p, uint32_t rows, uint64_t ns)
{
    double tokens = ((double)ns - p->fixed - p->row * rows) / p->token;
    return tokens <= 0 ? 0 : tokens >= (double)UINT32_MAX ? UINT32_MAX : (uint32_t)tokens;
}
