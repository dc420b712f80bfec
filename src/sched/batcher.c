#include "sched/batcher.h"

#include <assert.h>

#include "kit/alloc.h"
#include "kit/clock.h"
#include "kit/str.h"
#include "sched/batcher_inner.h"

#define QUEUE_JOBS_LIMIT (UINT32_C(1) << 20)
#define RETRY_AFTER_MS_UNKNOWN 1000u /* before anything was measured */
#define RETRY_AFTER_MS_MAX 60000u
#define COST_OF_ANSWER 256u /* tokens of an answer that count for whose turn it is */
#define NO_WHY "the model is being unloaded"

/* --- birth and death --- */

static enum kit_status check_options(const struct sched_batcher_options *o, struct kit_err *err)
{
    const struct {
        const char *name;
        uint64_t value, min, max;
    } rows[] = {
        {"sequences_max", o->sequences_max, 1, SCHED_SEQUENCES_MAX},
        {"step_tokens_max", o->step_tokens_max, o->sequences_max, SCHED_STEP_TOKENS_LIMIT},
        {"step_ms_target", o->step_ms_target, 1, UINT32_MAX},
        {"context_tokens_max", o->context_tokens_max, 1, UINT32_MAX},
        {"kv_tokens_max", o->kv_tokens_max, 1, UINT64_MAX},
        {"queue_tokens_max", o->queue_tokens_max, 1, UINT64_MAX},
        {"queue_jobs_max", o->queue_jobs_max, 1, QUEUE_JOBS_LIMIT},
    };
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        if (rows[i].value < rows[i].min || rows[i].value > rows[i].max) {
            return kit_fail_param(err, KIT_INVALID, rows[i].name, "%s is %llu, but must be from %llu to %llu",
                                  rows[i].name, (unsigned long long)rows[i].value, (unsigned long long)rows[i].min,
                                  (unsigned long long)rows[i].max);
        }
    }
    return KIT_OK;
}

static bool take_arrays(struct sched_batcher *b)
{
    size_t sequences = b->options.sequences_max, tokens = b->options.step_tokens_max;
    size_t ops = SEATS_OPS_MAX(sequences);
    b->ops[0] = kit_alloc_zero(ops, sizeof(struct sched_op));
    b->ops[1] = kit_alloc_zero(ops, sizeof(struct sched_op));
    b->token = kit_alloc_zero(tokens, sizeof(*b->token));
    b->seq = kit_alloc_zero(tokens, sizeof(*b->seq));
    b->pos = kit_alloc_zero(tokens, sizeof(*b->pos));
    b->want = kit_alloc_zero(tokens, sizeof(*b->want));
    b->parts = kit_alloc_zero(sequences, sizeof(*b->parts));
    b->accounts = kit_alloc_zero(ACCOUNTS_MAX(sequences), sizeof(*b->accounts));
    b->seats = kit_alloc_zero(sequences, sizeof(*b->seats));
    return b->ops[0] != NULL && b->ops[1] != NULL && b->token != NULL && b->seq != NULL && b->pos != NULL &&
           b->want != NULL && b->parts != NULL && b->accounts != NULL && b->seats != NULL;
}

/* Most sequences inside: a queue that is full, and those who run, who may all have to wait again. */
static uint32_t inside_max(const struct sched_batcher_options *o)
{
    return o->queue_jobs_max + o->sequences_max;
}

static enum kit_status take_queues(struct sched_batcher *b)
{
    uint32_t inside = inside_max(&b->options);
    enum kit_status rc = sched_turns_new(inside, &b->waiting[SHORT]);
    rc = rc == KIT_OK ? sched_turns_new(inside, &b->waiting[LONG]) : rc;
    rc = rc == KIT_OK ? sched_deadline_new(inside, &b->deadlines) : rc;
    return rc == KIT_OK ? sched_prefix_new(b->options.sequences_max, &b->prefix) : rc;
}

enum kit_status sched_batcher_new(const struct sched_batcher_options *options, struct sched_batcher **ret,
                                  struct kit_err *err)
{
    enum kit_status rc = check_options(options, err);
    if (rc != KIT_OK) {
        return rc;
    }
    struct sched_batcher *b = kit_alloc_zero(1, sizeof(*b));
    if (b == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for a scheduler");
    }
    b->options = *options;
    b->done_last = &b->done_first;
    sched_node_init(&b->held);
    if (!take_arrays(b) || take_queues(b) != KIT_OK) {
        sched_batcher_free(b);
        return kit_fail(err, KIT_NOMEM, "out of memory for a queue of %u sequences", options->queue_jobs_max);
    }
    for (uint32_t i = 0; i < options->sequences_max; i++) {
        sched_node_init(&b->seats[i].followers);
    }
    *ret = b;
    return KIT_OK;
}

void sched_batcher_free(struct sched_batcher *b)
{
    if (b == NULL) {
        return;
    }
    assert(b->inside == 0);
    sched_prefix_free(b->prefix);
    sched_deadline_free(b->deadlines);
    sched_turns_free(b->waiting[SHORT]);
    sched_turns_free(b->waiting[LONG]);
    void *arrays[] = {b->ops[0], b->ops[1], b->token, b->seq, b->pos, b->want, b->parts, b->accounts, b->seats};
    for (size_t i = 0; i < KIT_COUNT(arrays); i++) {
        kit_alloc_free(arrays[i]);
    }
    kit_alloc_free(b);
}

/* --- waiting, and the end --- */

void sched_batcher_wait(struct sched_batcher *b, struct sched_sequence *s, bool first)
{
    uint32_t answer = s->tokens_max - s->generated;
    s->book.turn.principal = s->principal;
    s->book.turn.priority = s->priority;
    s->book.turn.cost = sched_tokens(s) + KIT_MIN(answer, COST_OF_ANSWER);
    s->book.state = SCHED_SEQUENCE_WAITS;
    b->waits++;
    b->tokens_waiting += sched_tokens(s);
    if (first) {
        sched_turns_add_front(b->waiting[s->book.is_long], &s->book.turn);
    } else {
        sched_turns_add(b->waiting[s->book.is_long], &s->book.turn);
    }
}

void sched_batcher_unwait(struct sched_batcher *b, struct sched_sequence *s)
{
    if (s->book.state == SCHED_SEQUENCE_WAITS) {
        sched_turns_remove(b->waiting[s->book.is_long], &s->book.turn);
    } else {
        assert(s->book.state == SCHED_SEQUENCE_FOLLOWS || s->book.state == SCHED_SEQUENCE_HELD);
        sched_node_remove(&s->book.node);
    }
    s->book.state = SCHED_SEQUENCE_OUT;
    b->waits--;
    b->tokens_waiting -= sched_tokens(s);
}

void sched_batcher_give(struct sched_batcher *b, struct sched_sequence *s, uint64_t now_ns)
{
    sched_deadline_remove(b->deadlines, &s->book.due);
    kit_alloc_free(s->book.tokens);
    s->book.tokens = NULL;
    s->finished_ns = now_ns;
    s->next = NULL;
    *b->done_last = s;
    b->done_last = &s->next;
    b->inside--;
}

void sched_batcher_abandon(struct sched_batcher *b, struct sched_sequence *s, enum kit_status status, uint64_t now_ns)
{
    if (s->failed == KIT_OK) {
        s->failed = status;
        kit_flag_set(&s->lost, true);
        sched_deadline_remove(b->deadlines, &s->book.due);
        b->wanted -= s->book.in_step;
    }
    if (s->book.in_step) {
        return;
    }
    if (s->book.state == SCHED_SEQUENCE_RUNS || s->book.state == SCHED_SEQUENCE_PAUSED) {
        sched_seats_leave(b, s->book.seat);
    } else if (s->book.state != SCHED_SEQUENCE_OUT) {
        sched_batcher_unwait(b, s);
    }
    sched_batcher_give(b, s, now_ns);
}

/* --- events --- */

static uint32_t estimate_ms(const struct sched_batcher *b, uint64_t tokens)
{
    if (!sched_pace_is_known(&b->pace)) {
        return RETRY_AFTER_MS_UNKNOWN;
    }
    double ms = b->pace.token * (double)tokens / (double)KIT_NS_PER_MS;
    return ms >= RETRY_AFTER_MS_MAX ? RETRY_AFTER_MS_MAX : (uint32_t)ms + 1;
}

static enum kit_status refuse_full(const struct sched_batcher *b, uint64_t surplus, uint32_t *retry_after_ms,
                                   struct kit_err *err)
{
    uint32_t ms = estimate_ms(b, surplus);
    if (retry_after_ms != NULL) {
        *retry_after_ms = ms;
    }
    return kit_fail(err, KIT_FULL, "%u requests with %llu tokens wait, the limits are %u and %llu; try again in %u ms",
                    b->waits, (unsigned long long)b->tokens_waiting, b->options.queue_jobs_max,
                    (unsigned long long)b->options.queue_tokens_max, ms);
}

static enum kit_status check_size(const struct sched_batcher *b, const struct sched_sequence *s, struct kit_err *err)
{
    uint64_t sum = (uint64_t)s->prompt_count + s->tokens_max;
    uint64_t limit = KIT_MIN(b->options.context_tokens_max, b->options.kv_tokens_max);
    if (s->prompt_count == 0 || s->tokens_max == 0) {
        return kit_fail(err, KIT_INVALID, "%s",
                        s->prompt_count == 0 ? "the prompt has no tokens" : "no token is wanted");
    }
    if (sum > limit) {
        return kit_fail(err, KIT_TOO_LARGE, "%u tokens of prompt and at most %u of answer are %llu, the limit is %llu",
                        s->prompt_count, s->tokens_max, (unsigned long long)sum, (unsigned long long)limit);
    }
    if (s->prompt_count > b->options.queue_tokens_max) {
        return kit_fail(err, KIT_TOO_LARGE, "the prompt has %u tokens and the queue takes %llu", s->prompt_count,
                        (unsigned long long)b->options.queue_tokens_max);
    }
    return KIT_OK;
}

static enum kit_status check_room(const struct sched_batcher *b, const struct sched_sequence *s,
                                  uint32_t *retry_after_ms, struct kit_err *err)
{
    uint64_t waiting = b->tokens_waiting + s->prompt_count;
    if (waiting > b->options.queue_tokens_max) {
        return refuse_full(b, waiting - b->options.queue_tokens_max, retry_after_ms, err);
    }
    return b->waits < b->options.queue_jobs_max ? KIT_OK
                                                : refuse_full(b, b->tokens_waiting / b->waits + 1, retry_after_ms, err);
}

static void reset(struct sched_sequence *s, uint64_t now_ns)
{
    s->next = NULL;
    s->prompt_done = s->cached = s->generated = s->put_back = 0;
    s->submitted_ns = now_ns;
    s->started_ns = s->first_ns = s->finished_ns = s->prompt_ns = s->compute_ns = 0;
    s->cancelled = false;
    s->failed = KIT_OK;
    kit_flag_set(&s->lost, false);
    s->err = (struct kit_err){0};
    s->book = (struct sched_sequence_book){0};
}

/* Long is what is not computed, nor being computed, by now. */
static bool is_long(struct sched_batcher *b, const struct sched_sequence *s)
{
    if (s->prompt_count <= SCHED_BATCHER_LONG) {
        return false;
    }
    struct sched_prefix_text text = {.adapter = s->adapter, .head = s->prompt, .head_count = s->prompt_count};
    struct sched_prefix_match m = sched_prefix_find(b->prefix, &text, s->prompt_count - 1, !b->options.trim);
    return s->prompt_count - (b->options.trim ? m.coming : m.ready) > SCHED_BATCHER_LONG;
}

enum kit_status sched_batcher_submit(struct sched_batcher *b, struct sched_sequence *s, uint64_t now_ns,
                                     uint32_t *retry_after_ms, struct kit_err *err)
{
    enum kit_status rc = check_size(b, s, err);
    if (rc == KIT_OK && s->deadline_ns <= now_ns) {
        rc = kit_fail(err, KIT_TIMEOUT, "the deadline has passed before the request could wait");
    }
    if (rc == KIT_OK && b->closed) {
        rc = kit_fail(err, KIT_UNAVAILABLE, "%s", b->why);
    }
    if (rc == KIT_OK) {
        rc = check_room(b, s, retry_after_ms, err);
    }
    if (rc == KIT_OK) {
        reset(s, now_ns);
        s->book.is_long = is_long(b, s);
        b->inside++;
        sched_batcher_wait(b, s, false);
        sched_deadline_add(b->deadlines, &s->book.due, s->deadline_ns);
    }
    return rc;
}

void sched_batcher_cancel(struct sched_batcher *b, struct sched_sequence *s, uint64_t now_ns)
{
    s->cancelled = true;
    if (s->failed == KIT_OK) {
        kit_fail(&s->err, KIT_CANCELLED, "cancelled with %u of at most %u tokens generated", s->generated,
                 s->tokens_max);
        sched_batcher_abandon(b, s, KIT_CANCELLED, now_ns);
    }
}

void sched_batcher_resume(struct sched_batcher *b, struct sched_sequence *s, uint64_t now_ns)
{
    (void)now_ns;
    if (s->book.state == SCHED_SEQUENCE_PAUSED) {
        s->book.state = SCHED_SEQUENCE_RUNS;
    } else if (s->book.state == SCHED_SEQUENCE_HELD) {
        sched_batcher_unwait(b, s);
        sched_batcher_wait(b, s, true);
    } else if (s->book.in_step) {
        s->book.resumed = true;
    }
}

void sched_batcher_tick(struct sched_batcher *b, uint64_t now_ns)
{
    for (struct sched_due *due; (due = sched_deadline_first(b->deadlines)) != NULL && due->at_ns <= now_ns;) {
        struct sched_sequence *s = KIT_CONTAINER(due, struct sched_sequence, book.due);
        kit_fail(&s->err, KIT_TIMEOUT, "the deadline came %llu ms after the request, with %u tokens generated",
                 (unsigned long long)((now_ns - s->submitted_ns) / KIT_NS_PER_MS), s->generated);
        sched_batcher_abandon(b, s, KIT_TIMEOUT, now_ns);
    }
}

static void fail(struct sched_batcher *b, struct sched_sequence *s, uint64_t now_ns)
{
    if (s->failed == KIT_OK) {
        kit_fail(&s->err, KIT_UNAVAILABLE, "%s", b->why);
        sched_batcher_abandon(b, s, KIT_UNAVAILABLE, now_ns);
    }
}

static void fail_all(struct sched_batcher *b, uint64_t now_ns)
{
    for (uint32_t i = 0; i < b->options.sequences_max; i++) {
        if (b->seats[i].sequence != NULL) {
            fail(b, b->seats[i].sequence, now_ns); /* those who follow it wait again */
        }
    }
    for (uint32_t i = 0; i < LENGTHS; i++) {
        for (struct sched_turn *t; (t = sched_turns_first(b->waiting[i])) != NULL;) {
            fail(b, KIT_CONTAINER(t, struct sched_sequence, book.turn), now_ns);
        }
    }
    while (!sched_node_empty(&b->held)) {
        fail(b, KIT_CONTAINER(b->held.next, struct sched_sequence, book.node), now_ns);
    }
    for (uint32_t i = 0; i < b->options.sequences_max; i++) {
        while (!sched_node_empty(&b->seats[i].followers)) {
            fail(b, KIT_CONTAINER(b->seats[i].followers.next, struct sched_sequence, book.node), now_ns);
        }
    }
}

void sched_batcher_close(struct sched_batcher *b, bool failed, const char *why, uint64_t now_ns)
{
    if (!b->closed) {
        b->closed = true;
        kit_str_to_c(kit_str_c(why == NULL || why[0] == '\0' ? NO_WHY : why), b->why, sizeof(b->why));
    }
    if (failed) {
        b->failed = true;
        fail_all(b, now_ns);
    }
}

/* --- the outbox, and looking --- */

struct sched_sequence *sched_batcher_done(struct sched_batcher *b)
{
    struct sched_sequence *s = b->done_first;
    if (s != NULL) {
        b->done_first = s->next;
        if (b->done_first == NULL) {
            b->done_last = &b->done_first;
        }
        s->next = NULL;
    }
    return s;
}

bool sched_batcher_stops(const struct sched_batcher *b)
{
    return b->in_step && b->wanted == 0;
}

bool sched_batcher_is_idle(const struct sched_batcher *b)
{
    bool works = sched_turns_count(b->waiting[SHORT]) > 0 || sched_turns_count(b->waiting[LONG]) > 0 || b->op_count > 0;
    for (uint32_t i = 0; !works && i < b->options.sequences_max; i++) {
        works = sched_runs(&b->seats[i]);
    }
    return !works;
}

bool sched_batcher_is_empty(const struct sched_batcher *b)
{
    return b->inside == 0;
}

uint64_t sched_batcher_deadline(const struct sched_batcher *b)
{
    const struct sched_due *due = sched_deadline_first(b->deadlines);
    return due == NULL ? KIT_NEVER_NS : due->at_ns;
}

struct sched_generator_counts sched_batcher_counts(const struct sched_batcher *b)
{
    return (struct sched_generator_counts){.waiting = b->waits,
                                           .running = b->inside - b->waits,
                                           .tokens_waiting = b->tokens_waiting,
                                           .kv_tokens = sched_seats_booked(b),
                                           .kv_tokens_max = b->options.kv_tokens_max,
                                           .kept_tokens = sched_prefix_idle(b->prefix),
                                           .kept = b->kept};
}
