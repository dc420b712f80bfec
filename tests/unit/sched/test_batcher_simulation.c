/* The batcher against a model of an engine: virtual time, no threads, arrivals, cancels, pauses, deadlines, an engine that is
 * full, fails, or is lost. Every event is checked. A failure prints its seed; SCHED_SEED=n runs that one alone. */
#include "engine_model.h"

#include <inttypes.h>
#include <stdlib.h>

#include "kit/clock.h"

#define SEEDS 120
#define ARRIVALS 1500
#define LIVE_MAX 96
#define PROMPT_MAX 640
#define ANSWER_MAX 48
#define DOCUMENTS 6
#define MS KIT_NS_PER_MS

struct text {
    struct sched_sequence sequence;
    int32_t prompt[PROMPT_MAX], answer[ANSWER_MAX];
    uint32_t chosen, ends_at, live_at;
    bool inside, bad;
    uint64_t cancelled_at; /* step; 0: not */
    uint64_t resume_at;    /* 0: its reader is not slow */
};

struct sim {
    uint64_t seed, random, now, step, accepted, finished, arrivals, completed;
    struct sched_batcher_options options;
    struct sched_batcher *batcher;
    struct engine engine;
    struct text pool[LIVE_MAX];
    struct text *live[LIVE_MAX]; /* those inside first */
    uint32_t inside;
    uint64_t next_arrival, next_mischief;
    bool closed, lost, calm; /* calm: nothing goes wrong any more */
    int32_t documents[DOCUMENTS][PROMPT_MAX];
    uint64_t full, failed, stopped;
};

#define CHECK(s, condition)                                                                                            \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            print_error("SCHED_SEED=%" PRIu64 ", step %" PRIu64 ": %s\n", (s)->seed, (s)->step, #condition);           \
            fail();                                                                                                    \
        }                                                                                                              \
    } while (0)

static uint64_t chance(struct sim *s)
{
    uint64_t z = s->random += UINT64_C(0x9E3779B97F4A7C15); /* splitmix64 */
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static uint64_t between(struct sim *s, uint64_t from, uint64_t until)
{
    return from + chance(s) % (until - from + 1);
}

static bool one_in(struct sim *s, uint32_t n)
{
    return chance(s) % n == 0;
}

static struct text *text_of(struct sched_sequence *s)
{
    return KIT_CONTAINER(s, struct text, sequence);
}

/* --- after each event --- */

static void leave(struct sim *s, struct text *t)
{
    struct text *last = s->live[--s->inside];
    s->live[s->inside] = t;
    s->live[t->live_at] = last;
    last->live_at = t->live_at;
    t->live_at = s->inside;
    t->inside = false;
    s->finished++;
}

static void check_outcome(struct sim *s, const struct text *t)
{
    const struct sched_sequence *q = &t->sequence;
    CHECK(s, q->err.code == q->failed);
    CHECK(s, q->generated == KIT_MIN(t->chosen, q->tokens_max) || q->failed != KIT_OK);
    CHECK(s, q->cancelled || q->failed != KIT_CANCELLED);
    CHECK(s, q->failed != KIT_UNAVAILABLE || s->lost || s->closed);
    CHECK(s, q->failed != KIT_INTERNAL || t->bad);
    CHECK(s, q->failed != KIT_TIMEOUT || q->deadline_ns <= s->now);
    CHECK(s, q->failed != KIT_OK || q->cached <= q->prompt_count - 1);
    CHECK(s, q->failed != KIT_OK || q->prompt_done == q->prompt_count);
    s->completed += q->failed == KIT_OK;
}

static void check_all(struct sim *s)
{
    for (struct sched_sequence *q; (q = sched_batcher_done(s->batcher)) != NULL;) {
        struct text *t = text_of(q);
        CHECK(s, t->inside);
        check_outcome(s, t);
        memset(t->prompt, 0xff, sizeof(t->prompt)); /* it is ours again: nobody may read it */
        leave(s, t);
    }
    struct sched_generator_counts n = sched_batcher_counts(s->batcher);
    CHECK(s, n.waiting + n.running == s->inside);
    CHECK(s, n.waiting <= s->options.queue_jobs_max + s->options.sequences_max);
    CHECK(s, n.kv_tokens <= s->options.kv_tokens_max);
    CHECK(s, n.kept_tokens <= n.kv_tokens);
    CHECK(s, n.kept_tokens <= s->options.prefix_tokens_max);
    CHECK(s, sched_batcher_is_empty(s->batcher) == (s->inside == 0));
}

/* --- events --- */

static void fill(struct sim *s, struct text *t)
{
    static const uint32_t longest[] = {4, 20, 20, 90, 90, PROMPT_MAX - 100};
    uint32_t live_at = t->live_at;
    *t = (struct text){.live_at = live_at, .bad = !s->calm && one_in(s, 80)};
    const int32_t *document = s->documents[chance(s) % DOCUMENTS];
    uint32_t common = (uint32_t)between(s, 0, longest[chance(s) % KIT_COUNT(longest)]);
    uint32_t count = common + (uint32_t)between(s, one_in(s, 4) && common > 0 ? 0 : 1, 30);
    memcpy(t->prompt, document, common * sizeof(t->prompt[0]));
    for (uint32_t i = common; i < count; i++) {
        t->prompt[i] = (int32_t)between(s, 0, 3);
    }
    t->ends_at = (uint32_t)between(s, 0, ANSWER_MAX + 8);
    t->sequence = (struct sched_sequence){
        .prompt = t->prompt,
        .prompt_count = KIT_MAX(count, 1),
        .tokens_max = (uint32_t)between(s, 1, ANSWER_MAX),
        .principal = chance(s) % 5,
        .priority = (enum sched_priority)(chance(s) % SCHED_PRIORITIES),
        .deadline_ns = one_in(s, 8) ? s->now + between(s, 0, 3000 * MS) : KIT_NEVER_NS,
        .adapter = one_in(s, 5) ? s->documents[0] : NULL,
        .keep_prefix = !one_in(s, 6),
    };
}

static void arrive(struct sim *s)
{
    s->arrivals++;
    s->next_arrival = s->now + between(s, 0, one_in(s, 10) ? 400 * MS : 60 * MS);
    if (s->inside == LIVE_MAX) {
        return;
    }
    struct text *t = s->live[s->inside];
    fill(s, t);
    struct sched_generator_counts before = sched_batcher_counts(s->batcher);
    uint32_t retry_after_ms = 0;
    enum kit_status rc = sched_batcher_submit(s->batcher, &t->sequence, s->now, &retry_after_ms, NULL);
    uint64_t sum = (uint64_t)t->sequence.prompt_count + t->sequence.tokens_max;
    bool is_full = before.waiting >= s->options.queue_jobs_max ||
                   before.tokens_waiting + t->sequence.prompt_count > s->options.queue_tokens_max;
    CHECK(s, (rc == KIT_FULL) == (retry_after_ms > 0));
    CHECK(s, rc != KIT_FULL || is_full);
    CHECK(s, rc != KIT_TOO_LARGE || sum > s->options.kv_tokens_max || sum > s->options.context_tokens_max);
    CHECK(s, rc != KIT_UNAVAILABLE || s->closed || s->lost);
    CHECK(s, rc != KIT_TIMEOUT || t->sequence.deadline_ns <= s->now);
    CHECK(s, rc != KIT_INVALID);
    if (rc == KIT_OK) {
        t->inside = true;
        s->inside++;
        s->accepted++;
    }
}

static void mischief(struct sim *s)
{
    s->next_mischief = s->now + between(s, 0, 60 * MS);
    if (s->inside > 0 && !s->calm) {
        struct text *t = s->live[chance(s) % s->inside];
        if (one_in(s, 3)) {
            t->cancelled_at = t->cancelled_at == 0 ? s->step + 1 : t->cancelled_at;
            sched_batcher_cancel(s->batcher, &t->sequence, s->now);
        } else if (t->resume_at != 0) {
            t->resume_at = s->now;
        }
    }
    if (!s->calm && one_in(s, 12000)) {
        sched_batcher_close(s->batcher, one_in(s, 2), "over", s->now);
        s->closed = true;
    }
}

static void resume_readers(struct sim *s)
{
    for (uint32_t i = s->inside; i-- > 0;) {
        struct text *t = s->live[i];
        if (t->resume_at != 0 && t->resume_at <= s->now) {
            t->resume_at = 0;
            sched_batcher_resume(s->batcher, &t->sequence, s->now);
        }
    }
}

static void events(struct sim *s)
{
    while (s->arrivals < ARRIVALS && s->next_arrival <= s->now) {
        arrive(s);
        check_all(s);
    }
    while (s->next_mischief <= s->now) {
        mischief(s);
        check_all(s);
    }
    resume_readers(s);
    sched_batcher_tick(s->batcher, s->now);
    check_all(s);
}

/* --- a step --- */

/* The logits are what the engine holds; the text says what that should be. */
static void choose(struct sim *s, struct sched_part *part)
{
    struct text *t = text_of(part->sequence);
    const struct engine_sequence *e = &s->engine.sequences[part->seq];
    uint64_t expected = hash_of(t->answer, t->chosen, hash_of(t->prompt, t->sequence.prompt_count, 1));
    CHECK(s, t->chosen < t->sequence.tokens_max);
    CHECK(s, e->length == t->sequence.prompt_count + t->chosen);
    CHECK(s, hash_of(e->tokens, e->length, 1) == expected);
    CHECK(s, t->resume_at == 0); /* nothing is computed for a slow reader */
    part->answered = true;
    part->next = t->chosen == t->ends_at ? SCHED_NEXT_END : one_in(s, 12) ? SCHED_NEXT_PAUSE : SCHED_NEXT_TOKEN;
    part->token = (int32_t)(expected % 5);
    if (part->next != SCHED_NEXT_END) {
        t->answer[t->chosen++] = part->token;
    }
    if (part->next == SCHED_NEXT_PAUSE) {
        t->resume_at = s->now + between(s, 0, 500 * MS);
    }
}

static enum kit_status outcome(struct sim *s, const struct sched_step *step)
{
    for (uint32_t i = 0; i < step->count; i++) {
        if (text_of(step->parts[i].sequence)->bad) {
            return KIT_INTERNAL;
        }
    }
    if (!s->calm && one_in(s, 150)) {
        return KIT_FULL;
    }
    if (!s->calm && !s->lost && one_in(s, 30000)) {
        return KIT_UNAVAILABLE;
    }
    return !s->calm && step->count > 1 && one_in(s, 300) ? KIT_INTERNAL : KIT_OK;
}

static void check_step(struct sim *s, const struct sched_step *step)
{
    uint32_t n = 0, rows = 0;
    CHECK(s, step->n >= 1 && step->n <= s->options.step_tokens_max);
    for (uint32_t i = 0; i < step->count; i++) {
        const struct sched_part *part = &step->parts[i];
        const struct text *t = text_of(part->sequence);
        CHECK(s, part->sequence->adapter == step->adapter);
        CHECK(s, t->inside && t->cancelled_at == 0 && part->sequence->failed == KIT_OK);
        CHECK(s, part->row == rows);
        n += part->count;
        rows += part->wants;
    }
    CHECK(s, n == step->n && rows == step->rows);
}

/* False: one has failed. */
static bool run_ops(struct sim *s)
{
    const struct sched_op *ops;
    bool all = true;
    uint32_t count = sched_batcher_plan(s->batcher, s->now, &ops);
    for (uint32_t i = 0; i < count; i++) {
        bool broken = !s->calm && ops[i].kind != SCHED_OP_END && one_in(s, 100);
        if (broken || !engine_op(&s->engine, &ops[i])) {
            sched_batcher_op_failed(s->batcher, &ops[i]);
            all = false;
        }
        if (one_in(s, 20)) {
            s->now += between(s, 0, MS);
            events(s);
        }
    }
    check_all(s);
    return all;
}

static void answer(struct sim *s, struct sched_step *step)
{
    for (uint32_t i = 0; i < step->count; i++) {
        struct sched_part *part = &step->parts[i];
        if (part->wants && !kit_flag_get(&part->sequence->lost)) {
            choose(s, part);
            if (one_in(s, 40)) {
                events(s);
            }
        }
    }
}

/* The engine fails in the middle, or is stopped. */
static void break_off(struct sim *s, struct sched_step *step, enum kit_status status)
{
    engine_step(&s->engine, step, (uint32_t)between(s, 0, step->n));
    for (uint32_t i = 0; i < step->count; i++) {
        step->parts[i].length = s->engine.sequences[step->parts[i].seq].length;
    }
    s->failed += status == KIT_INTERNAL;
    s->stopped += status == KIT_CANCELLED;
}

static void compute(struct sim *s, struct sched_step *step)
{
    enum kit_status status = outcome(s, step);
    struct kit_err err = {.code = status};
    uint64_t ns = 5 * MS + step->n * (MS / 2);
    for (int i = 0; i < 3; i++) {
        s->now += ns / 3;
        events(s);
    }
    if (sched_batcher_stops(s->batcher)) {
        status = KIT_CANCELLED;
        err.code = status;
    }
    if (status == KIT_OK) {
        engine_step(&s->engine, step, step->n);
        CHECK(s, s->engine.used <= s->options.kv_tokens_max);
        answer(s, step);
    } else if (status == KIT_INTERNAL || status == KIT_CANCELLED) {
        break_off(s, step, status);
        CHECK(s, s->engine.used <= s->options.kv_tokens_max);
    }
    s->full += status == KIT_FULL;
    s->lost = s->lost || status == KIT_UNAVAILABLE;
    sched_batcher_finish(s->batcher, status, &err, s->now);
    check_all(s);
}

static void advance(struct sim *s)
{
    struct sched_step step;
    s->step++;
    s->calm = s->arrivals >= ARRIVALS;
    events(s);
    while (!run_ops(s)) {
    }
    if (sched_batcher_step(s->batcher, s->now, &step)) {
        check_step(s, &step);
        compute(s, &step);
    } else {
        s->now += 10 * MS;
    }
}

static void make_options(struct sim *s)
{
    s->options = (struct sched_batcher_options){
        .sequences_max = (uint32_t)between(s, 1, 3) == 1 ? (uint32_t)between(s, 1, 3) : (uint32_t)between(s, 4, 32),
        .step_tokens_max = (uint32_t)between(s, 32, 600),
        .step_ms_target = (uint32_t)between(s, 1, 60),
        .context_tokens_max = 680,
        .kv_tokens_max = one_in(s, 2) ? between(s, 200, 900) : between(s, 900, 6000),
        .queue_tokens_max = between(s, 700, 20000),
        .queue_jobs_max = (uint32_t)between(s, 2, 80),
        .trim = !one_in(s, 4),
        .fork = !one_in(s, 3),
    };
    s->options.prefix_tokens_max = one_in(s, 4) ? 0 : between(s, 1, s->options.kv_tokens_max);
}

static void start(struct sim *s, uint64_t seed)
{
    *s = (struct sim){.seed = seed, .random = seed * UINT64_C(0x9E3779B97F4A7C15), .now = MS};
    make_options(s);
    for (uint32_t i = 0; i < LIVE_MAX; i++) {
        s->live[i] = &s->pool[i];
        s->pool[i].live_at = i;
    }
    for (uint32_t d = 0; d < DOCUMENTS; d++) {
        for (uint32_t i = 0; i < PROMPT_MAX; i++) {
            bool same = d > 0 && i < d * 20;
            s->documents[d][i] = same ? s->documents[d - 1][i] : (int32_t)between(s, 0, 3);
        }
    }
    engine_init(&s->engine, s->options.sequences_max, s->options.fork, s->options.trim);
    assert_ok(sched_batcher_new(&s->options, &s->batcher, NULL));
}

/* Rounds until all who are inside are through, when nothing goes wrong any more: a token each at least, some of them again
 * after having been put back, and a few while a reader is slow. */
static uint64_t rounds_left(const struct sim *s)
{
    uint64_t rounds = 1000;
    for (uint32_t i = 0; i < s->inside; i++) {
        const struct sched_sequence *q = &s->live[i]->sequence;
        rounds += 2 * q->prompt_count + 60 * q->tokens_max;
    }
    return rounds;
}

static uint64_t simulate(struct sim *s, uint64_t seed)
{
    start(s, seed);
    while (s->arrivals < ARRIVALS) {
        advance(s);
    }
    for (uint64_t left = rounds_left(s); s->inside > 0; left--) {
        CHECK(s, left > 0);
        advance(s);
    }
    CHECK(s, s->accepted == s->finished);
    CHECK(s, sched_batcher_is_empty(s->batcher));
    sched_batcher_free(s->batcher);
    return s->completed;
}

TEST(batcher_keeps_its_promises_whatever_happens)
{
    struct sim *s = kit_alloc_zero(1, sizeof(*s));
    const char *only = getenv("SCHED_SEED");
    uint64_t completed = 0, full = 0, failed = 0, stopped = 0;
    assert_non_null(s);
    for (uint64_t seed = only != NULL ? strtoull(only, NULL, 10) : 1; seed <= SEEDS || only != NULL; seed++) {
        completed += simulate(s, seed);
        full += s->full;
        failed += s->failed;
        stopped += s->stopped;
        if (only != NULL) {
            break;
        }
    }
    assert_true(only != NULL || (completed > SEEDS * ARRIVALS / 10 && full > 0 && failed > 0 && stopped > 0));
    print_message("completed %" PRIu64 ", full %" PRIu64 ", failed %" PRIu64 ", stopped %" PRIu64 "\n", completed, full,
                  failed, stopped);
    kit_alloc_free(s);
}

int main(void)
{
    return TEST_RUN(TEST_OF(batcher_keeps_its_promises_whatever_happens));
}
