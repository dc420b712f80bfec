#include "sample/sample.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "kit/alloc.h"
#include "sample/cut.h"
#include "sample/head.h"
#include "sample/random.h"
#include "sample/seen.h"

struct sample {
    struct sample_options o;
    struct sample_bias *bias; /* owned */
    uint32_t vocab;
    struct sample_random random;
    struct sample_seen seen; /* zeroed when there are no penalties */
    struct sample_head head;
};

/* --- life --- */

static uint32_t window_of(const struct sample_options *o, uint32_t tokens_max)
{
    uint32_t most = KIT_MAX(1, KIT_MIN(tokens_max, SAMPLE_WINDOW_MAX));
    return o->penalty_last_n == 0 ? most : KIT_MIN(o->penalty_last_n, most);
}

static enum kit_status make_parts(struct sample *s, const struct sample_options *o, uint32_t tokens_max)
{
    enum kit_status rc = sample_head_init(&s->head, sample_rows_best(), s->vocab);
    if (rc == KIT_OK && sample_options_penalize(o)) {
        rc = sample_seen_init(&s->seen, window_of(o, tokens_max), s->vocab);
    }
    if (rc == KIT_OK && o->bias_count > 0) {
        s->bias = kit_alloc_copy(o->bias, o->bias_count * sizeof(*o->bias));
        rc = s->bias != NULL ? KIT_OK : KIT_NOMEM;
    }
    return rc;
}

enum kit_status sample_new(const struct sample_options *o, uint32_t vocab, uint32_t tokens_max, struct sample **ret,
                           struct kit_err *err)
{
    if (vocab < 1 || vocab > SAMPLE_VOCAB_MAX) {
        return kit_fail(err, KIT_INVALID, "a vocabulary of %u tokens; 1 to %u can be chosen from", vocab,
                        SAMPLE_VOCAB_MAX);
    }
    enum kit_status rc = sample_options_check(o, vocab, err);
    if (rc != KIT_OK) {
        return rc;
    }
    struct sample *s = kit_alloc_zero(1, sizeof(*s));
    if (s == NULL) {
        return kit_fail(err, KIT_NOMEM, "no memory to choose tokens");
    }
    s->o = *o;
    s->vocab = vocab;
    s->random.state = o->seed;
    rc = make_parts(s, o, tokens_max);
    if (rc != KIT_OK) {
        sample_free(s);
        return kit_fail(err, rc, "no memory to choose tokens");
    }
    *ret = s;
    return KIT_OK;
}

void sample_free(struct sample *s)
{
    if (s != NULL) {
        kit_alloc_free(s->bias);
        sample_seen_done(&s->seen);
        sample_head_done(&s->head);
        kit_alloc_free(s);
    }
}

void sample_accept(struct sample *s, int32_t token)
{
    if (s->seen.window > 0 && token >= 0 && (uint32_t)token < s->vocab) {
        sample_seen_add(&s->seen, token);
    }
}

void sample_prompt(struct sample *s, const int32_t *ids, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        sample_accept(s, ids[i]);
    }
}

/* --- before the choice --- */

/* Repetition: Keskar et al. 2019, arXiv 1909.05858, as transformers has it, so that a negative logit falls too.
 * Frequency and presence as OpenAI defines them. */
static void penalize(const struct sample *s, float *logits)
{
    for (uint32_t i = 0; i < s->seen.entry_count; i++) {
        struct sample_seen_entry e = s->seen.entry[i];
        if (e.count > 0) {
            float x = logits[e.token];
            x = x > 0 ? x / s->o.repetition : x * s->o.repetition;
            logits[e.token] = x - (float)e.count * s->o.frequency - s->o.presence;
        }
    }
}

static void add_bias(const struct sample *s, float *logits)
{
    for (uint32_t i = 0; i < s->o.bias_count; i++) {
        logits[s->bias[i].token] += s->bias[i].bias;
    }
}

/* Where there are infinite ones, only they can come, each as well as the others. */
static void level_infinite(float *logits, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        logits[i] = logits[i] == INFINITY ? 0 : -INFINITY;
    }
}

static enum kit_status find_top(struct sample *s, float *logits, bool masked, float *ret, struct kit_err *err)
{
    *ret = sample_head_look(&s->head, logits);
    if (*ret == INFINITY) {
        level_infinite(logits, s->vocab);
        *ret = sample_head_look(&s->head, logits);
    }
    if (*ret >= -FLT_MAX) {
        return KIT_OK;
    }
    return kit_fail(err, KIT_UNPROCESSABLE, "%s",
                    masked ? "the model gives no number for any token that the grammar allows here"
                           : "the model gives no number for any token: its weights or its input are broken");
}

/* --- logprobs --- */

#define LOG2E 0x1.715476p+0f

static float logprob_of(double below_top, double log_sum)
{
    return fmaxf((float)(below_top - log_sum), -FLT_MAX);
}

/* The index of the largest that is found and not yet told. */
static uint32_t next_largest(const struct sample_head *h)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < h->count; i++) {
        best = h->x[i] > h->x[best] ? i : best;
    }
    return best;
}

static void tell_top(struct sample *s, const float *logits, float top, double log_sum, struct sample_choice *ret)
{
    struct sample_head *h = &s->head;
    if (s->o.logprobs_top == 0 || !sample_head_find(h, logits, s->o.logprobs_top)) {
        return; /* twenty always fit: 19 blocks and 20 equals */
    }
    for (ret->top_count = 0; ret->top_count < KIT_MIN(s->o.logprobs_top, h->count); ret->top_count++) {
        uint32_t i = next_largest(h);
        ret->top[ret->top_count] = (struct sample_top){h->id[i], logprob_of((double)h->x[i] - (double)top, log_sum)};
        h->x[i] = -INFINITY;
    }
}

/* --- the choice --- */

struct field {
    struct sample_set set;
    const int32_t *ids; /* of the set; NULL: they are the indexes */
    double sum;         /* of all weights before top-p, those left out of the set too */
};

/* Temperature and the change from e to 2. */
static float scale_of(const struct sample *s)
{
    return LOG2E / s->o.temperature;
}

static bool is_top_k(const struct sample *s)
{
    return s->o.top_k > 0 && s->o.top_k < s->vocab;
}

static struct field field_of_head(struct sample *s, float top, float scale)
{
    struct sample_head *h = &s->head;
    double sum = h->rows->exp2(h->x, h->count, top, scale, h->x);
    return (struct field){.set = {h->rows, h->x, h->count}, .ids = h->id, .sum = sum};
}

/* So many are looked at for top-p before the whole row is. */
static uint32_t head_for_top_p(const struct sample *s)
{
    return s->vocab <= SAMPLE_HEAD_ROOM ? SAMPLE_HEAD_TOP_MAX : KIT_MIN(512, s->head.blocks / 2);
}

/* A little less than min-p's border, so that no rounding loses one. */
static float floor_of_min_p(const struct sample *s, float top, float scale)
{
    return top + (log2f(s->o.min_p) * 1.0001f - 0.001f) / scale;
}

/* The few that can be left, where they are few and easily found. */
static bool narrow(struct sample *s, const float *logits, float top, float scale, struct field *ret)
{
    struct sample_head *h = &s->head;
    if (is_top_k(s)) {
        if (s->o.top_k > SAMPLE_HEAD_TOP_MAX || !sample_head_find(h, logits, s->o.top_k)) {
            return false;
        }
        *ret = field_of_head(s, top, scale);
        return true;
    }
    if (s->o.top_p < 1) {
        double sum = h->rows->exp2(logits, s->vocab, top, scale, NULL);
        if (!sample_head_find(h, logits, head_for_top_p(s))) {
            return false;
        }
        *ret = field_of_head(s, top, scale);
        bool enough = ret->sum >= (double)s->o.top_p * sum;
        ret->sum = sum;
        return enough;
    }
    if (s->o.min_p > 0 && sample_head_find_from(h, logits, floor_of_min_p(s, top, scale))) {
        *ret = field_of_head(s, top, scale);
        return true;
    }
    return false;
}

static struct field whole(struct sample *s, float *logits, float top, float scale)
{
    double sum = s->head.rows->exp2(logits, s->vocab, top, scale, logits);
    return (struct field){.set = {s->head.rows, logits, s->vocab}, .sum = sum};
}

static void cut(const struct sample *s, struct field *f)
{
    if (is_top_k(s)) {
        sample_cut_top_k(&f->set, s->o.top_k);
        f->sum = sample_set_sum(&f->set);
    }
    if (s->o.top_p < 1) {
        sample_cut_top_p(&f->set, (double)s->o.top_p * f->sum);
    }
    if (s->o.min_p > 0) {
        sample_cut_min_p(&f->set, s->o.min_p);
    }
    if (s->o.typical_p < 1) {
        sample_cut_typical(&f->set, s->o.typical_p);
    }
}

/* What is left to choose from. */
static struct field field_of(struct sample *s, float *logits, float top)
{
    struct field f;
    float scale = scale_of(s);
    if (!narrow(s, logits, top, scale, &f)) {
        f = whole(s, logits, top, scale);
    }
    cut(s, &f);
    return f;
}

/* *below_top: how much less its logit is than the largest. */
static enum kit_status draw(struct sample *s, float *logits, float top, int32_t *ret, double *below_top,
                            struct kit_err *err)
{
    struct field f = field_of(s, logits, top);
    uint32_t index = sample_draw(&f.set, sample_random_unit(&s->random));
    if (index == UINT32_MAX) {
        return kit_fail(err, KIT_INTERNAL, "no token is left to choose from");
    }
    *ret = f.ids != NULL ? f.ids[index] : (int32_t)index;
    *below_top = log2((double)f.set.w[index]) / (double)scale_of(s);
    return KIT_OK;
}

enum kit_status sample_next(struct sample *s, float *logits, const uint64_t *mask, struct sample_choice *ret,
                            struct kit_err *err)
{
    float top;
    penalize(s, logits);
    add_bias(s, logits);
    if (mask != NULL) {
        s->head.rows->forbid(logits, s->vocab, mask);
    }
    enum kit_status rc = find_top(s, logits, mask != NULL, &top, err);
    if (rc != KIT_OK) {
        return rc;
    }
    double log_sum = 0;
    double below_top = 0;
    struct sample_choice choice = {0};
    if (s->o.logprobs) {
        log_sum = log(s->head.rows->exp2(logits, s->vocab, top, LOG2E, NULL));
        tell_top(s, logits, top, log_sum, &choice);
    }
    if (sample_options_greedy(&s->o)) {
        choice.token = (int32_t)sample_head_first(&s->head, logits, top);
    } else {
        rc = draw(s, logits, top, &choice.token, &below_top, err);
    }
    choice.logprob = s->o.logprobs ? logprob_of(below_top, log_sum) : 0;
    if (rc == KIT_OK) {
        *ret = choice;
    }
    return rc;
}
