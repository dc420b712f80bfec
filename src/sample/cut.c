#include "sample/cut.h"

#include <float.h>
#include <math.h>
#include <string.h>

static float float_of(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof(f));
    return f;
}

#define BITS_LEAST 0x00800000u /* 2^-126, the least weight that is not 0 */
#define BITS_ONE 0x3F800000u

double sample_set_sum(const struct sample_set *set)
{
    return set->rows->share(set->w, set->n, FLT_MIN, INFINITY).sum;
}

/* --- from a threshold on --- */

#define FEW 2048u

/* Looks for the largest threshold from which on there is enough. */
struct search {
    const struct sample_rows *rows;
    const float *w; /* [n]: those between `low` and `high`, perhaps with others */
    uint32_t n;
    double want;
    bool by_count;
    uint32_t low, high;                  /* bits of thresholds: enough, too high */
    struct sample_share at_low, at_high; /* what there is from there on */
    struct sample_share above;           /* of what w lacks */
    float few[FEW];
};

static double measure(const struct search *s, struct sample_share share)
{
    return s->by_count ? (double)share.count : share.sum;
}

static struct sample_share share_from(const struct search *s, uint32_t bits)
{
    struct sample_share share = s->rows->share(s->w, s->n, float_of(bits), INFINITY);
    return (struct sample_share){share.sum + s->above.sum, share.count + s->above.count};
}

/* Leaves out what is not between low and high. */
static void look_at_few(struct search *s)
{
    uint32_t index[FEW];
    uint32_t count = s->rows->find(s->w, s->n, float_of(s->low), float_of(s->high - 1), index, FEW);
    if (count > FEW) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        s->few[i] = s->w[index[i]];
    }
    s->w = s->few;
    s->n = count;
    s->above = s->at_high;
}

static void search(struct search *s)
{
    while (s->high - s->low > 1) {
        if (s->n > FEW && s->at_low.count - s->at_high.count <= FEW) {
            look_at_few(s);
        }
        uint32_t middle = s->low + (s->high - s->low) / 2;
        struct sample_share share = share_from(s, middle);
        bool enough = measure(s, share) >= s->want && share.count > 0;
        *(enough ? &s->at_low : &s->at_high) = share;
        *(enough ? &s->low : &s->high) = middle;
    }
}

/* Of those that are equal to the threshold: how many are needed. */
static uint32_t equals_needed(const struct search *s, uint32_t equals)
{
    double missing = s->want - measure(s, s->at_high);
    missing = s->by_count ? missing : missing / (double)float_of(s->low);
    return !(missing > 1) ? 1 : missing >= equals ? equals : (uint32_t)ceil(missing);
}

/* Makes 0 all below the threshold, and of those equal to it the last ones that are not needed. Nothing, where all
 * together are less. */
static void cut_below(const struct sample_set *set, double want, bool by_count)
{
    struct search s = {.rows = set->rows, .w = set->w, .n = set->n, .want = want, .by_count = by_count};
    s.low = BITS_LEAST;
    s.high = BITS_ONE + 1;
    s.at_low = share_from(&s, s.low);
    if (measure(&s, s.at_low) <= want) {
        return;
    }
    search(&s);
    float edge = float_of(s.low);
    uint32_t equals = s.at_low.count - s.at_high.count;
    uint32_t needed = equals_needed(&s, equals);
    set->rows->keep(set->w, set->n, edge, INFINITY);
    for (uint32_t i = set->n; equals > needed && i-- > 0;) {
        if (set->w[i] == edge) {
            set->w[i] = 0;
            equals--;
        }
    }
}

void sample_cut_top_k(const struct sample_set *set, uint32_t k)
{
    cut_below(set, k, true);
}

void sample_cut_top_p(const struct sample_set *set, double sum)
{
    cut_below(set, sum, false);
}

void sample_cut_min_p(const struct sample_set *set, float p)
{
    set->rows->keep(set->w, set->n, p, INFINITY);
}

/* --- typical --- */

static struct sample_share share_within(const struct sample_set *set, double middle, uint32_t bits, bool keep)
{
    double distance = (double)float_of(bits);
    float low = fmaxf((float)exp2(middle - distance), FLT_MIN);
    float high = (float)exp2(middle + distance);
    if (keep) {
        set->rows->keep(set->w, set->n, low, high);
        return (struct sample_share){0};
    }
    return set->rows->share(set->w, set->n, low, high);
}

void sample_cut_typical(const struct sample_set *set, float p)
{
    double sum = sample_set_sum(set);
    double middle = set->rows->entropy(set->w, set->n) / sum; /* log2 of the weight whose surprise is expected */
    uint32_t low = 0;                                         /* too near, or just right */
    uint32_t high = 0x43800000;                               /* 256: all weights are within */
    while (low < high) {
        uint32_t bits = low + (high - low) / 2;
        struct sample_share s = share_within(set, middle, bits, false);
        if (s.count > 0 && s.sum >= (double)p * sum) {
            high = bits;
        } else {
            low = bits + 1;
        }
    }
    share_within(set, middle, high, true);
}

/* --- drawing --- */

static uint32_t draw_in(const struct sample_set *set, uint32_t from, uint32_t to, double before, double target)
{
    uint32_t last = UINT32_MAX;
    for (uint32_t i = from; i < to; i++) {
        if (set->w[i] > 0) {
            last = i;
            before += (double)set->w[i];
            if (before > target) {
                return i;
            }
        }
    }
    return last; /* the sum of a chunk was rounded up */
}

uint32_t sample_draw(const struct sample_set *set, double u)
{
    double target = u * sample_set_sum(set);
    double before = 0;
    uint32_t last = UINT32_MAX;
    for (uint32_t at = 0; at < set->n; at += SAMPLE_CHUNK) {
        uint32_t count = KIT_MIN(SAMPLE_CHUNK, set->n - at);
        struct sample_share s = set->rows->share(set->w + at, count, FLT_MIN, INFINITY);
        if (s.count > 0) {
            last = at;
        }
        if (s.count > 0 && before + s.sum > target) {
            return draw_in(set, at, at + count, before, target);
        }
        before += s.sum;
    }
    return last == UINT32_MAX ? last : draw_in(set, last, KIT_MIN(last + SAMPLE_CHUNK, set->n), 0, INFINITY);
}
