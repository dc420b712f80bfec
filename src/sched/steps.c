#include <assert.h>

#include "kit/alloc.h"
#include "kit/clock.h"
#include "sched/batcher_inner.h"

#define TOKENS_ROOM 64 /* of a text, at first */

uint32_t sched_batcher_plan(struct sched_batcher *b, uint64_t now_ns, const struct sched_op **ops)
{
    assert(!b->in_step);
    sched_batcher_tick(b, now_ns);
    sched_seats_admit(b, now_ns);
    sched_seats_make_room(b);
    uint32_t count = b->op_count;
    *ops = b->ops[b->op_side];
    b->op_side ^= 1;
    b->op_count = 0;
    return count;
}

void sched_batcher_op_failed(struct sched_batcher *b, const struct sched_op *op)
{
    struct sched_sequence *s = b->seats[op->seq].sequence;
    if (s != NULL) {
        s->book.apart = true;
        s->cached = 0;
        sched_seats_put_back(b, op->seq);
    } else if (sched_prefix_has(b->prefix, op->seq)) {
        sched_seats_forget(b, op->seq);
    }
}

/* --- who computes --- */

static bool takes_part(const struct seat *seat)
{
    return sched_runs(seat) && seat->has_room;
}

static bool is_continued(const struct seat *seat)
{
    return takes_part(seat) && sched_lacks(seat) == 1;
}

/* Who may take part in this step: those of one adapter, or one alone that has to prove itself. */
struct group {
    const void *adapter;
    const struct sched_sequence *alone;
};

static bool is_in(const struct group *g, const struct seat *seat)
{
    return takes_part(seat) && seat->sequence->adapter == g->adapter &&
           (g->alone == NULL || g->alone == seat->sequence);
}

static bool is_suspect(const struct seat *seat)
{
    return seat->sequence->book.suspect;
}

/* A suspect, or else one whose adapter had its last step longest ago. False: nobody runs. */
static bool choose_group(const struct sched_batcher *b, struct group *g)
{
    const struct seat *found = NULL;
    for (uint32_t i = 0; i < b->options.sequences_max; i++) {
        const struct seat *seat = &b->seats[i];
        if (!takes_part(seat)) {
            continue;
        }
        bool is_better = found == NULL || is_suspect(seat) > is_suspect(found) ||
                         (is_suspect(seat) == is_suspect(found) && seat->adapter_step < found->adapter_step);
        found = is_better ? seat : found;
    }
    if (found != NULL) {
        const struct sched_sequence *s = found->sequence;
        *g = (struct group){.adapter = s->adapter, .alone = is_suspect(found) ? s : NULL};
    }
    return found != NULL;
}

static void book_group(struct sched_batcher *b, const struct group *g)
{
    b->steps++;
    for (uint32_t i = 0; i < b->options.sequences_max; i++) {
        if (b->seats[i].sequence != NULL && b->seats[i].sequence->adapter == g->adapter) {
            b->seats[i].adapter_step = b->steps;
        }
    }
}

/* --- how much --- */

/* What is in the engine, as far as the length of a step depends on it. */
struct crowd {
    uint32_t continued, of_group; /* by any adapter; by this one */
    uint32_t is_short, is_long;   /* prompts */
};

static struct crowd look_around(const struct sched_batcher *b, const struct group *g)
{
    struct crowd c = {0};
    for (uint32_t i = 0; i < b->options.sequences_max; i++) {
        const struct seat *seat = &b->seats[i];
        if (is_continued(seat)) {
            c.continued++;
            c.of_group += is_in(g, seat);
        } else if (takes_part(seat)) {
            c.is_long += seat->sequence->book.is_long;
            c.is_short += !seat->sequence->book.is_long;
        }
    }
    return c;
}

/* Tokens of prompts in a step that continues so many texts, too, and takes so long. */
static uint32_t tokens_in(const struct sched_batcher *b, uint32_t continued, uint64_t ms)
{
    if (!sched_pace_is_known(&b->pace)) {
        return SCHED_BATCHER_SHARE;
    }
    uint32_t tokens = sched_pace_tokens(&b->pace, continued, ms * KIT_NS_PER_MS);
    return tokens > continued ? tokens - continued : 0;
}

/* Tokens of prompts that this step takes. Who is being continued waits for a step of step_ms_target; for longer while several
 * short prompts wait, because larger steps compute more in the same time, and then that counts for all. */
static uint32_t budget_of(const struct sched_batcher *b, const struct crowd *c)
{
    uint32_t most = b->options.step_tokens_max - c->of_group;
    uint64_t relaxed = (uint64_t)SCHED_BATCHER_RELAX * b->options.step_ms_target;
    if (b->inside == 1) {
        return KIT_MIN(KIT_MAX(tokens_in(b, 0, relaxed), SCHED_BATCHER_LONE), most);
    }
    bool is_awaited = c->continued > 0 || (c->is_short > 0 && c->is_long > 0);
    uint64_t ms = (uint64_t)KIT_MAX(c->is_short, 1) * b->options.step_ms_target;
    uint32_t tokens = tokens_in(b, c->of_group, is_awaited ? KIT_MIN(ms, relaxed) : relaxed);
    return KIT_MIN(KIT_MAX(tokens, SCHED_BATCHER_LEAST), most);
}

/* --- whose prompt is next --- */

static bool has_more(const struct group *g, const struct seat *seat)
{
    return is_in(g, seat) && seat->piece < sched_lacks(seat);
}

/* Of those who had no more than their share: the most urgent, of those one with a short prompt. Else, and then: who had
 * least. */
static bool is_before(const struct sched_batcher *b, const struct seat *x, const struct seat *y)
{
    const struct account *a = &b->accounts[x->account], *other = &b->accounts[y->account];
    bool is_owed = a->served <= b->served, other_is_owed = other->served <= b->served;
    bool is_long = x->sequence->book.is_long, other_is_long = y->sequence->book.is_long;
    if (is_owed != other_is_owed) {
        return is_owed;
    }
    if (is_owed && a->priority != other->priority) {
        return a->priority < other->priority;
    }
    return is_owed && is_long != other_is_long ? other_is_long : a->served < other->served;
}

static struct account *next_account(struct sched_batcher *b, const struct group *g)
{
    const struct seat *found = NULL;
    for (uint32_t i = 0; i < b->options.sequences_max; i++) {
        const struct seat *seat = &b->seats[i];
        if (has_more(g, seat) && (found == NULL || is_before(b, seat, found))) {
            found = seat;
        }
    }
    return found != NULL ? &b->accounts[found->account] : NULL;
}

#define LONG_SHARE 4 /* one token in so many is for a long prompt while short ones of the same account want more */

/* Of one account: the first short one, or the first long one when that has been overtaken enough. */
static struct seat *next_of(struct sched_batcher *b, const struct group *g, const struct account *a, bool *overtakes)
{
    struct seat *found[LENGTHS] = {NULL, NULL};
    for (uint32_t i = 0; i < b->options.sequences_max; i++) {
        struct seat *seat = &b->seats[i];
        if (has_more(g, seat) && &b->accounts[seat->account] == a) {
            struct seat **best = &found[seat->sequence->book.is_long];
            *best = *best == NULL || seat->entered < (*best)->entered ? seat : *best;
        }
    }
    *overtakes = found[SHORT] != NULL && found[LONG] != NULL;
    if (!*overtakes) {
        return found[SHORT] != NULL ? found[SHORT] : found[LONG];
    }
    return found[a->overtaken >= (LONG_SHARE - 1) * SCHED_BATCHER_SHARE ? LONG : SHORT];
}

static void book_piece(struct sched_batcher *b, struct account *a, bool is_long, bool overtakes, uint32_t tokens)
{
    b->served = KIT_MAX(b->served, a->served);
    a->served += tokens * sched_weight(a->priority);
    if (is_long) {
        a->overtaken -= KIT_MIN(a->overtaken, (LONG_SHARE - 1) * tokens);
    } else if (overtakes) {
        a->overtaken += tokens;
    }
}

static void share_out(struct sched_batcher *b, const struct group *g, uint32_t budget)
{
    bool overtakes;
    for (struct account *a; budget > 0 && (a = next_account(b, g)) != NULL;) {
        struct seat *seat = next_of(b, g, a, &overtakes);
        uint32_t left = sched_lacks(seat) - seat->piece;
        uint32_t tokens = KIT_MIN(KIT_MIN(left, SCHED_BATCHER_SHARE), budget);
        seat->piece += tokens;
        budget -= tokens;
        book_piece(b, a, seat->sequence->book.is_long, overtakes, tokens);
    }
}

/* --- the step --- */

static int32_t token_of(const struct sched_sequence *s, uint32_t at)
{
    return at < s->prompt_count ? s->prompt[at] : s->book.tokens[at - s->prompt_count];
}

static void add_part(struct sched_batcher *b, uint32_t index)
{
    struct seat *seat = &b->seats[index];
    struct sched_sequence *s = seat->sequence;
    bool wants = seat->piece == sched_lacks(seat);
    for (uint32_t i = 0; i < seat->piece; i++) {
        b->token[b->n] = token_of(s, seat->have + i);
        b->seq[b->n] = index;
        b->pos[b->n] = seat->have + i;
        b->want[b->n] = wants && i + 1 == seat->piece;
        b->n++;
    }
    b->parts[b->part_count++] =
        (struct sched_part){.sequence = s, .seq = index, .count = seat->piece, .wants = wants, .row = b->rows};
    b->rows += wants;
    s->book.in_step = true;
    s->book.resumed = false;
    b->wanted++;
}

static void compose(struct sched_batcher *b)
{
    b->n = b->rows = b->part_count = b->wanted = 0;
    for (uint32_t i = 0; i < b->options.sequences_max; i++) {
        if (b->seats[i].piece > 0) {
            add_part(b, i);
            b->seats[i].piece = 0;
        }
    }
}

static void take_continued(struct sched_batcher *b, const struct group *g)
{
    for (uint32_t i = 0; i < b->options.sequences_max; i++) {
        b->seats[i].piece = is_in(g, &b->seats[i]) && is_continued(&b->seats[i]);
    }
}

bool sched_batcher_step(struct sched_batcher *b, uint64_t now_ns, struct sched_step *ret)
{
    struct group g;
    assert(!b->in_step);
    if (!choose_group(b, &g)) {
        return false;
    }
    struct crowd crowd = look_around(b, &g);
    take_continued(b, &g);
    share_out(b, &g, budget_of(b, &crowd));
    book_group(b, &g);
    compose(b);
    b->in_step = true;
    b->step_ns = now_ns;
    *ret = (struct sched_step){.n = b->n,
                               .token = b->token,
                               .seq = b->seq,
                               .pos = b->pos,
                               .want = b->want,
                               .adapter = b->parts[0].sequence->adapter,
                               .parts = b->parts,
                               .count = b->part_count,
                               .rows = b->rows};
    return true;
}

/* --- what came of it --- */

static bool keep_token(struct sched_sequence *s, int32_t token)
{
    if (s->generated == s->book.room) {
        uint32_t room = KIT_MAX(2 * s->book.room, TOKENS_ROOM);
        int32_t *tokens = kit_alloc_resize(s->book.tokens, room * sizeof(*tokens));
        if (tokens == NULL) {
            return false;
        }
        s->book.tokens = tokens;
        s->book.room = room;
    }
    s->book.tokens[s->generated++] = token;
    return true;
}

static void complete(struct sched_batcher *b, uint32_t seat, uint64_t now_ns)
{
    struct sched_sequence *s = b->seats[seat].sequence;
    sched_seats_leave(b, seat);
    sched_batcher_give(b, s, now_ns);
}

static void pause(struct sched_batcher *b, uint32_t seat, uint64_t now_ns)
{
    struct sched_sequence *s = b->seats[seat].sequence;
    if (!s->book.resumed) {
        s->book.state = SCHED_SEQUENCE_PAUSED;
        b->seats[seat].paused_ns = now_ns;
    }
}

static void take_answer(struct sched_batcher *b, const struct sched_part *part, uint64_t now_ns)
{
    struct sched_sequence *s = part->sequence;
    s->first_ns = s->first_ns == 0 ? now_ns : s->first_ns;
    if (part->next == SCHED_NEXT_END) {
        complete(b, part->seq, now_ns);
    } else if (!keep_token(s, part->token)) {
        kit_fail(&s->err, KIT_NOMEM, "out of memory behind %u tokens", s->generated);
        sched_batcher_abandon(b, s, KIT_NOMEM, now_ns);
    } else if (s->generated == s->tokens_max) {
        complete(b, part->seq, now_ns);
    } else if (part->next == SCHED_NEXT_PAUSE) {
        pause(b, part->seq, now_ns);
    }
}

static void book_time(const struct sched_batcher *b, const struct sched_part *part, uint64_t ns)
{
    uint64_t share = (uint64_t)((double)ns * part->count / b->n);
    part->sequence->compute_ns += share;
    part->sequence->prompt_ns += part->sequence->generated == 0 ? share : 0;
}

/* It was computed. */
static void settle_ok(struct sched_batcher *b, const struct sched_part *part, uint64_t now_ns)
{
    struct sched_sequence *s = part->sequence;
    sched_seats_have(b, part->seq, b->seats[part->seq].have + part->count);
    s->book.suspect = false;
    if (s->failed != KIT_OK) {
        sched_batcher_abandon(b, s, s->failed, now_ns);
    } else if (part->wants) {
        assert(part->answered);
        take_answer(b, part, now_ns);
    }
}

/* It was not, or in part: what the engine says that it has counts, if it can be. A last token without its logits has to be
 * computed again. After a failure only what it had before is trusted. */
static void settle_length(struct sched_batcher *b, const struct sched_part *part, bool trusted)
{
    struct seat *seat = &b->seats[part->seq];
    uint32_t least = seat->have;
    uint32_t most = trusted ? KIT_MIN(least + part->count, sched_tokens(part->sequence) - 1) : least;
    if (part->length >= least && part->length <= most) {
        sched_seats_have(b, part->seq, part->length);
    } else if (part->length > most && part->length <= least + part->count && b->options.trim && most > 0) {
        sched_seats_trim(b, part->seq, most);
    } else {
        sched_seats_put_back(b, part->seq);
    }
}

static void settle_cancelled(struct sched_batcher *b, const struct sched_part *part, uint64_t now_ns)
{
    struct sched_sequence *s = part->sequence;
    settle_length(b, part, true);
    if (s->failed != KIT_OK) {
        sched_batcher_abandon(b, s, s->failed, now_ns);
    }
}

/* A step of several that fails is nobody's fault yet: each runs alone, once. */
static void settle_failed(struct sched_batcher *b, const struct sched_part *part, enum kit_status status,
                          const struct kit_err *err, uint64_t now_ns)
{
    struct sched_sequence *s = part->sequence;
    settle_length(b, part, false);
    if (s->failed == KIT_OK && b->part_count > 1) {
        s->book.suspect = true;
        return;
    }
    if (s->failed == KIT_OK) {
        s->err = *err;
    }
    sched_batcher_abandon(b, s, s->failed == KIT_OK ? status : s->failed, now_ns);
}

static void abandon_lost(struct sched_batcher *b, uint64_t now_ns)
{
    for (uint32_t i = 0; i < b->part_count; i++) {
        struct sched_sequence *s = b->parts[i].sequence;
        if (s->failed != KIT_OK) {
            sched_batcher_abandon(b, s, s->failed, now_ns);
        }
    }
}

/* Nothing was done: room is made, or the only one that there is has to give up. */
static void settle_full(struct sched_batcher *b, const struct kit_err *err, uint64_t now_ns)
{
    abandon_lost(b, now_ns);
    for (uint32_t i = 0; !sched_seats_relieve(b, b->n) && i < b->options.sequences_max; i++) {
        struct sched_sequence *s = b->seats[i].sequence;
        if (s != NULL) {
            s->err = *err;
            sched_batcher_abandon(b, s, KIT_FULL, now_ns);
        }
    }
}

static void settle_all(struct sched_batcher *b, enum kit_status status, const struct kit_err *err, uint64_t now_ns)
{
    for (uint32_t i = 0; i < b->part_count; i++) {
        const struct sched_part *part = &b->parts[i];
        if (status == KIT_OK) {
            settle_ok(b, part, now_ns);
        } else if (status == KIT_CANCELLED) {
            settle_cancelled(b, part, now_ns);
        } else {
            settle_failed(b, part, status, err, now_ns);
        }
    }
}

static void end_step(struct sched_batcher *b, uint64_t ns)
{
    b->in_step = false;
    for (uint32_t i = 0; i < b->part_count; i++) {
        b->parts[i].sequence->book.in_step = false;
        book_time(b, &b->parts[i], ns);
    }
}

void sched_batcher_finish(struct sched_batcher *b, enum kit_status status, const struct kit_err *err, uint64_t now_ns)
{
    struct kit_err unasked;
    assert(b->in_step);
    if (status == KIT_CANCELLED && b->wanted > 0) {
        status = kit_fail(&unasked, KIT_INTERNAL, "the engine stopped without being asked to");
        err = &unasked;
    }
    end_step(b, now_ns - b->step_ns);
    if (status == KIT_UNAVAILABLE) {
        abandon_lost(b, now_ns);
        sched_batcher_close(b, true, err->msg, now_ns);
    } else if (status == KIT_FULL) {
        settle_full(b, err, now_ns);
    } else {
        settle_all(b, status, err, now_ns);
    }
    if (status == KIT_OK) {
        b->choked = false;
        sched_pace_see(&b->pace, b->n, b->rows, now_ns - b->step_ns);
    }
}
