#include <assert.h>

#include "kit/clock.h"
#include "sched/batcher_inner.h"

#define HEADROOM 16                          /* tokens for each in the engine that are left free when one more enters */
#define POORER_TRIES 8                       /* principals that are looked at */
#define PAUSED_LONG_NS (200 * KIT_NS_PER_MS) /* then it gives its place to who waits */

enum found { FOUND_SEAT, FOUND_LEADER, FOUND_FAILURE, FOUND_OTHERS_FIRST, FOUND_NO_ROOM };

uint64_t sched_seats_booked(const struct sched_batcher *b)
{
    return sched_prefix_tokens(b->prefix) + b->tail;
}

static bool fits(const struct sched_batcher *b, uint64_t tokens)
{
    return sched_seats_booked(b) + tokens <= b->options.kv_tokens_max;
}

static void add_op(struct sched_batcher *b, enum sched_op_kind kind, uint32_t seq, uint32_t from, uint32_t length)
{
    assert(b->op_count < SEATS_OPS_MAX(b->options.sequences_max));
    b->ops[b->op_side][b->op_count++] = (struct sched_op){.kind = kind, .seq = seq, .from = from, .length = length};
}

static struct sched_prefix_text text_of(const struct sched_sequence *s, uint32_t count)
{
    uint32_t head = KIT_MIN(count, s->prompt_count);
    return (struct sched_prefix_text){.adapter = s->adapter,
                                      .head = s->prompt,
                                      .head_count = head,
                                      .tail = s->book.tokens,
                                      .tail_count = count - head};
}

/* --- accounts --- */

static bool is_of(const struct account *a, const struct sched_sequence *s)
{
    return a->principal == s->principal && a->priority == s->priority;
}

/* Its own, or that of whoever is gone and had least: that one is owed nothing any more. */
static uint32_t find_account(const struct sched_batcher *b, const struct sched_sequence *s)
{
    uint32_t count = ACCOUNTS_MAX(b->options.sequences_max), unused = count;
    for (uint32_t i = 0; i < count; i++) {
        const struct account *a = &b->accounts[i];
        if (is_of(a, s) && (a->users > 0 || a->served > 0)) {
            return i;
        }
        if (a->users == 0 && (unused == count || a->served < b->accounts[unused].served)) {
            unused = i;
        }
    }
    return unused;
}

/* How many of its principal, with its priority, are in the engine. */
static uint32_t seats_of(const struct sched_batcher *b, const struct sched_sequence *s)
{
    const struct account *a = &b->accounts[find_account(b, s)];
    return is_of(a, s) ? a->users : 0;
}

static uint32_t open_account(struct sched_batcher *b, const struct sched_sequence *s)
{
    uint32_t found = find_account(b, s);
    struct account *a = &b->accounts[found];
    int64_t least = b->served - SCHED_BATCHER_BURST * sched_weight(SCHED_NORMAL);
    if (!is_of(a, s)) {
        *a = (struct account){.principal = s->principal, .priority = s->priority, .served = least};
    }
    if (a->users++ == 0) {
        a->served = KIT_MAX(a->served, least);
        a->overtaken = 0;
    }
    return found;
}

/* --- leaving --- */

static void set_tail(struct sched_batcher *b, struct seat *seat, uint32_t tail)
{
    b->tail = b->tail - seat->tail + tail;
    seat->tail = tail;
}

/* Those who follow a seat wait for their turn again, the first in front. all: or only those that find what they await. */
static void release_followers(struct sched_batcher *b, struct seat *seat, bool all)
{
    uint32_t nearest = UINT32_MAX;
    for (struct sched_node *n = seat->followers.prev, *before; n != &seat->followers; n = before) {
        before = n->prev;
        struct sched_sequence *s = KIT_CONTAINER(n, struct sched_sequence, book.node);
        if (all || s->book.awaits <= seat->have) {
            sched_batcher_unwait(b, s);
            sched_batcher_wait(b, s, true);
        } else {
            nearest = KIT_MIN(nearest, s->book.awaits);
        }
    }
    seat->nearest = nearest;
}

void sched_seats_have(struct sched_batcher *b, uint32_t seat, uint32_t have)
{
    struct seat *at = &b->seats[seat];
    uint32_t length = sched_prefix_length(b->prefix, seat);
    at->have = have;
    at->sequence->prompt_done = KIT_MAX(at->sequence->prompt_done, KIT_MIN(have, at->sequence->prompt_count));
    set_tail(b, at, have > length ? have - length : 0);
    sched_prefix_set_ready(b->prefix, seat, KIT_MIN(have, length));
    if (at->have >= at->nearest) {
        release_followers(b, at, false);
    }
}

void sched_seats_trim(struct sched_batcher *b, uint32_t seat, uint32_t have)
{
    add_op(b, SCHED_OP_TRIM, seat, 0, have);
    sched_seats_have(b, seat, have);
}

/* The sequence has no seat any more; what the engine and the tree have stays. */
static struct sched_sequence *stand_up(struct sched_batcher *b, uint32_t seat)
{
    struct seat *at = &b->seats[seat];
    struct sched_sequence *s = at->sequence;
    release_followers(b, at, true);
    b->accounts[at->account].users--;
    set_tail(b, at, 0);
    at->sequence = NULL;
    s->book.state = SCHED_SEQUENCE_OUT;
    return s;
}

static void clear(struct sched_batcher *b, uint32_t seat)
{
    sched_prefix_remove(b->prefix, seat);
    b->seats[seat].have = 0;
    add_op(b, SCHED_OP_END, seat, 0, 0);
}

void sched_seats_forget(struct sched_batcher *b, uint32_t seat)
{
    b->kept--;
    clear(b, seat);
}

/* What is kept is no more than it may be: also what somebody worked on until now counts. */
static void limit_kept(struct sched_batcher *b)
{
    while (b->kept > 0 && sched_prefix_idle(b->prefix) > b->options.prefix_tokens_max) {
        sched_seats_forget(b, sched_prefix_oldest(b->prefix, SCHED_PREFIX_NONE));
    }
}

/* What is kept in a seat makes others superfluous that are its beginning. */
static void forget_covered(struct sched_batcher *b, uint32_t seat)
{
    for (uint32_t other; b->options.trim && (other = sched_prefix_covered(b->prefix, seat)) != SCHED_PREFIX_NONE;) {
        sched_seats_forget(b, other);
    }
}

static bool is_kept_by_another(struct sched_batcher *b, const struct sched_prefix_text *text, uint32_t have,
                               uint32_t seat)
{
    struct sched_prefix_match m = sched_prefix_find(b->prefix, text, have, !b->options.trim);
    return m.ready == have && m.source != seat && b->seats[m.source].sequence == NULL;
}

/* The tree has exactly what the engine has. */
static bool fit_tree(struct sched_batcher *b, uint32_t seat, const struct sched_prefix_text *text)
{
    uint32_t have = b->seats[seat].have;
    if (have < sched_prefix_length(b->prefix, seat)) {
        return sched_prefix_cut(b->prefix, seat, have) == KIT_OK;
    }
    return sched_prefix_extend(b->prefix, seat, text) == KIT_OK;
}

void sched_seats_leave(struct sched_batcher *b, uint32_t seat)
{
    uint32_t have = b->seats[seat].have;
    struct sched_sequence *s = stand_up(b, seat);
    struct sched_prefix_text text = text_of(s, have);
    bool is_sound = s->failed == KIT_OK || s->failed == KIT_CANCELLED || s->failed == KIT_TIMEOUT;
    bool keep = s->keep_prefix && is_sound && !b->failed && have > 0 && have <= b->options.prefix_tokens_max;
    if (!keep || is_kept_by_another(b, &text, have, seat) || !fit_tree(b, seat, &text)) {
        clear(b, seat);
    } else {
        sched_prefix_set_ready(b->prefix, seat, have);
        sched_prefix_set_busy(b->prefix, seat, false);
        b->kept++;
        forget_covered(b, seat);
    }
    limit_kept(b);
}

void sched_seats_put_back(struct sched_batcher *b, uint32_t seat)
{
    bool is_paused = b->seats[seat].sequence->book.state == SCHED_SEQUENCE_PAUSED;
    struct sched_sequence *s = stand_up(b, seat);
    clear(b, seat);
    limit_kept(b);
    s->put_back++;
    if (!is_paused) {
        sched_batcher_wait(b, s, true);
        return;
    }
    s->book.state = SCHED_SEQUENCE_HELD;
    sched_node_append(&b->held, &s->book.node);
    b->waits++;
    b->tokens_waiting += sched_tokens(s);
}

/* --- room --- */

static bool goes_before(const struct sched_sequence *a, const struct sched_sequence *s)
{
    bool a_paused = a->book.state == SCHED_SEQUENCE_PAUSED, s_paused = s->book.state == SCHED_SEQUENCE_PAUSED;
    if (a->priority != s->priority) {
        return a->priority > s->priority;
    }
    return a_paused != s_paused ? a_paused : a->submitted_ns > s->submitted_ns;
}

/* The next one that has to leave: the least urgent, of those one whose reader is slow, of those the newest. */
static uint32_t next_to_leave(const struct sched_batcher *b)
{
    uint32_t found = SEAT_NONE;
    for (uint32_t i = 0; i < b->options.sequences_max; i++) {
        const struct sched_sequence *s = b->seats[i].sequence;
        if (s != NULL && (found == SEAT_NONE || goes_before(s, b->seats[found].sequence))) {
            found = i;
        }
    }
    return found;
}

/* In the engine are two more of its principal's than of that of s, at least, and it had its time there. */
static bool has_had_enough(const struct sched_batcher *b, const struct seat *seat, const struct sched_sequence *s)
{
    const struct sched_sequence *other = seat->sequence;
    return other->priority == s->priority && other->generated - seat->began_with >= SCHED_BATCHER_SLICE &&
           b->accounts[seat->account].users >= seats_of(b, s) + 2;
}

static bool leaves_for(const struct sched_batcher *b, const struct seat *seat, const struct sched_sequence *s,
                       uint64_t now_ns)
{
    const struct sched_sequence *other = seat->sequence;
    if (other == NULL) {
        return false;
    }
    bool is_slow = other->book.state == SCHED_SEQUENCE_PAUSED && now_ns - seat->paused_ns >= PAUSED_LONG_NS;
    return is_slow || other->priority > s->priority || has_had_enough(b, seat, s);
}

/* Puts one back for the sake of s: a less urgent one, one whose reader has been slow for long, or one of many. */
static bool put_back_for(struct sched_batcher *b, const struct sched_sequence *s, uint64_t now_ns)
{
    uint32_t found = SEAT_NONE;
    for (uint32_t i = 0; i < b->options.sequences_max; i++) {
        if (leaves_for(b, &b->seats[i], s, now_ns) &&
            (found == SEAT_NONE || goes_before(b->seats[i].sequence, b->seats[found].sequence))) {
            found = i;
        }
    }
    if (found != SEAT_NONE) {
        sched_seats_put_back(b, found);
    }
    return found != SEAT_NONE;
}

static uint32_t seats_taken(const struct sched_batcher *b)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->options.sequences_max; i++) {
        n += b->seats[i].sequence != NULL;
    }
    return n;
}

/* Tokens that the next step computes of texts, beyond what is booked. */
static uint32_t tokens_to_come(struct sched_batcher *b)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->options.sequences_max; i++) {
        struct seat *seat = &b->seats[i];
        seat->has_room = sched_runs(seat);
        n += seat->has_room && seat->have >= sched_prefix_length(b->prefix, i);
    }
    return n;
}

void sched_seats_make_room(struct sched_batcher *b)
{
    for (uint32_t wanted; (wanted = tokens_to_come(b)) > 0 && !fits(b, wanted);) {
        if (b->kept > 0) {
            sched_seats_forget(b, sched_prefix_oldest(b->prefix, SCHED_PREFIX_NONE));
        } else {
            sched_seats_put_back(b, next_to_leave(b));
        }
    }
}

bool sched_seats_relieve(struct sched_batcher *b, uint32_t tokens)
{
    uint64_t before = sched_seats_booked(b);
    b->choked = true;
    if (b->kept > 0) {
        while (b->kept > 0 && before - sched_seats_booked(b) < tokens) {
            sched_seats_forget(b, sched_prefix_oldest(b->prefix, SCHED_PREFIX_NONE));
        }
        return true;
    }
    if (seats_taken(b) < 2) {
        return false;
    }
    sched_seats_put_back(b, next_to_leave(b));
    return true;
}

/* --- entering --- */

static bool seat_is_free(const struct sched_batcher *b, uint32_t seat)
{
    return b->seats[seat].sequence == NULL && !sched_prefix_has(b->prefix, seat);
}

static uint32_t free_seat(const struct sched_batcher *b)
{
    for (uint32_t i = 0; i < b->options.sequences_max; i++) {
        if (seat_is_free(b, i)) {
            return i;
        }
    }
    return SEAT_NONE;
}

static bool is_worth_awaiting(const struct sched_batcher *b, const struct sched_prefix_match *m,
                              const struct sched_sequence *s)
{
    if (!b->options.trim || s->book.apart || m->coming < m->ready + SCHED_BATCHER_FOLLOW) {
        return false;
    }
    const struct sched_sequence *leader = b->seats[m->awaited].sequence;
    return leader != NULL && leader->book.state == SCHED_SEQUENCE_RUNS && leader->priority <= s->priority;
}

static void follow(struct sched_batcher *b, struct sched_sequence *s, const struct sched_prefix_match *m)
{
    struct seat *leader = &b->seats[m->awaited];
    sched_batcher_unwait(b, s);
    s->book.state = SCHED_SEQUENCE_FOLLOWS;
    s->book.awaits = m->coming;
    sched_node_append(&leader->followers, &s->book.node);
    leader->nearest = KIT_MIN(leader->nearest, m->coming);
    b->waits++;
    b->tokens_waiting += sched_tokens(s);
}

/* What it takes to seat a sequence, given what others have of it. */
struct entrance {
    struct sched_prefix_match match;
    uint32_t seat;
    bool takes_over; /* the seat of the source, which nobody works on */
    uint64_t tokens; /* that are not booked yet */
};

static const struct sched_prefix_match nothing = {.source = SCHED_PREFIX_NONE, .awaited = SCHED_PREFIX_NONE};

static bool is_kept(const struct sched_batcher *b, uint32_t seat)
{
    return seat != SCHED_PREFIX_NONE && b->seats[seat].sequence == NULL && sched_prefix_has(b->prefix, seat);
}

static void plan_entrance(const struct sched_batcher *b, const struct sched_sequence *s, struct entrance *e)
{
    uint32_t source = e->match.source;
    e->seat = free_seat(b);
    bool is_whole = is_kept(b, source) && sched_prefix_length(b->prefix, source) == e->match.ready;
    e->takes_over = (is_whole && (b->options.trim || e->seat == SEAT_NONE)) || (is_kept(b, source) && !b->options.fork);
    e->seat = e->takes_over ? source : e->seat;
    bool is_shared = e->takes_over || b->options.fork;
    e->tokens = sched_tokens(s) - (is_shared ? e->match.ready : 0);
}

/* Whether it would help to give up all that is kept, but for what s itself begins with. */
static bool can_fit(const struct sched_batcher *b, const struct sched_sequence *s, const struct entrance *e,
                    uint64_t headroom)
{
    uint64_t idle = sched_prefix_idle(b->prefix);
    uint64_t own = is_kept(b, e->match.source) ? KIT_MIN(idle, e->match.ready) : 0;
    uint64_t with = sched_seats_booked(b) - (idle - own) + e->tokens;
    uint64_t without = sched_seats_booked(b) - idle + sched_tokens(s);
    return KIT_MIN(with, without) + headroom <= b->options.kv_tokens_max;
}

/* What s begins with is all that is kept: it is cut to that, or given up. False: nothing is kept. */
static bool give_up_source(struct sched_batcher *b, struct entrance *e)
{
    uint32_t source = e->match.source;
    if (!is_kept(b, source)) {
        return false;
    }
    if (sched_prefix_length(b->prefix, source) > e->match.ready &&
        sched_prefix_cut(b->prefix, source, e->match.ready) == KIT_OK) {
        add_op(b, SCHED_OP_TRIM, source, 0, e->match.ready);
        return true;
    }
    sched_seats_forget(b, source);
    e->match = nothing;
    return true;
}

/* Gives up what is kept, the oldest first and what s begins with last, until it can enter. */
static bool clear_the_way(struct sched_batcher *b, const struct sched_sequence *s, struct entrance *e,
                          uint64_t headroom)
{
    for (plan_entrance(b, s, e); e->seat == SEAT_NONE || !fits(b, e->tokens + headroom); plan_entrance(b, s, e)) {
        uint32_t oldest = sched_prefix_oldest(b->prefix, e->match.source);
        if (oldest != SCHED_PREFIX_NONE) {
            sched_seats_forget(b, oldest);
        } else if (!give_up_source(b, e)) {
            return false;
        }
    }
    return true;
}

static enum kit_status take_over(struct sched_batcher *b, const struct sched_sequence *s, const struct entrance *e)
{
    struct sched_prefix_text text = text_of(s, sched_tokens(s));
    b->kept--;
    sched_prefix_set_busy(b->prefix, e->seat, true);
    if (sched_prefix_length(b->prefix, e->seat) > e->match.ready) {
        add_op(b, SCHED_OP_TRIM, e->seat, 0, e->match.ready);
        enum kit_status rc = sched_prefix_cut(b->prefix, e->seat, e->match.ready);
        if (rc != KIT_OK) {
            return rc;
        }
    }
    return sched_prefix_extend(b->prefix, e->seat, &text);
}

static enum kit_status copy(struct sched_batcher *b, const struct sched_sequence *s, const struct entrance *e)
{
    struct sched_prefix_text text = text_of(s, sched_tokens(s));
    bool is_shared = b->options.fork && e->match.ready > 0;
    enum kit_status rc =
        sched_prefix_add(b->prefix, e->seat, &text, true, is_shared ? e->match.source : SCHED_PREFIX_NONE,
                         is_shared ? e->match.ready : 0);
    if (rc == KIT_OK && e->match.ready > 0) {
        add_op(b, SCHED_OP_COPY, e->seat, e->match.source, e->match.ready);
        sched_prefix_touch(b->prefix, e->match.source);
    }
    return rc;
}

static uint64_t step_of_adapter(const struct sched_batcher *b, const void *adapter)
{
    for (uint32_t i = 0; i < b->options.sequences_max; i++) {
        if (b->seats[i].sequence != NULL && b->seats[i].sequence->adapter == adapter) {
            return b->seats[i].adapter_step;
        }
    }
    return 0;
}

static void sit_down(struct sched_batcher *b, struct sched_sequence *s, const struct entrance *e, uint64_t now_ns)
{
    struct seat *seat = &b->seats[e->seat];
    uint64_t adapter_step = step_of_adapter(b, s->adapter);
    seat->sequence = s;
    seat->account = open_account(b, s);
    seat->entered = ++b->entered;
    seat->adapter_step = adapter_step;
    seat->nearest = UINT32_MAX;
    seat->began_with = s->generated;
    seat->has_room = false;
    if (s->started_ns == 0) {
        s->started_ns = now_ns;
        s->cached = e->match.ready;
    }
    s->book.state = SCHED_SEQUENCE_RUNS;
    s->book.seat = e->seat;
    s->book.is_long = sched_tokens(s) - e->match.ready > SCHED_BATCHER_LONG;
    sched_seats_have(b, e->seat, e->match.ready);
}

static void fail_to_sit(struct sched_batcher *b, struct sched_sequence *s, const struct entrance *e, uint64_t now_ns)
{
    if (sched_prefix_has(b->prefix, e->seat)) {
        clear(b, e->seat);
    }
    kit_fail(&s->err, KIT_NOMEM, "out of memory for a text of %u tokens", sched_tokens(s));
    sched_batcher_abandon(b, s, KIT_NOMEM, now_ns);
}

/* Tokens of long prompts, as urgent as s or more, that are in the engine and not computed. */
static uint64_t tokens_ahead(const struct sched_batcher *b, const struct sched_sequence *s)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < b->options.sequences_max; i++) {
        const struct seat *seat = &b->seats[i];
        if (sched_runs(seat) && seat->sequence->book.is_long && seat->sequence->priority <= s->priority) {
            sum += sched_lacks(seat);
        }
    }
    return sum;
}

static uint64_t headroom(const struct sched_batcher *b, const struct sched_sequence *s)
{
    uint64_t taken = seats_taken(b);
    uint64_t limit = b->options.kv_tokens_max;
    uint64_t wanted = taken * HEADROOM + (s->book.is_long && taken > 0 ? limit / 16 : 0);
    return KIT_MIN(wanted, limit / 8);
}

static bool find_room(struct sched_batcher *b, struct sched_sequence *s, struct entrance *e, uint64_t now_ns)
{
    for (;;) {
        uint64_t spare = headroom(b, s);
        plan_entrance(b, s, e);
        if ((e->seat != SEAT_NONE || b->kept > 0) && can_fit(b, s, e, spare) && clear_the_way(b, s, e, spare)) {
            return true;
        }
        if (!put_back_for(b, s, now_ns)) {
            return false;
        }
        if (e->match.source != SCHED_PREFIX_NONE && !sched_prefix_has(b->prefix, e->match.source)) {
            e->match = nothing;
        }
    }
}

static enum found enter(struct sched_batcher *b, struct sched_sequence *s, const struct entrance *e, uint64_t now_ns)
{
    enum kit_status rc = e->takes_over ? take_over(b, s, e) : copy(b, s, e);
    if (rc != KIT_OK) {
        fail_to_sit(b, s, e, now_ns);
        return FOUND_FAILURE;
    }
    sched_turns_take(b->waiting[s->book.is_long], &s->book.turn, 0);
    sched_batcher_unwait(b, s);
    sit_down(b, s, e, now_ns);
    return FOUND_SEAT;
}

static enum found try_to_enter(struct sched_batcher *b, struct sched_sequence *s, uint64_t now_ns)
{
    struct sched_prefix_text text = text_of(s, sched_tokens(s));
    struct entrance e = {.match = nothing};
    if (!s->book.apart) {
        e.match = sched_prefix_find(b->prefix, &text, sched_tokens(s) - 1, !b->options.trim);
    }
    if (is_worth_awaiting(b, &e.match, s)) {
        follow(b, s, &e.match);
        return FOUND_LEADER;
    }
    bool is_long = sched_tokens(s) - e.match.ready > SCHED_BATCHER_LONG;
    if (is_long && tokens_ahead(b, s) >= SCHED_BATCHER_AHEAD) {
        return FOUND_OTHERS_FIRST;
    }
    return find_room(b, s, &e, now_ns) ? enter(b, s, &e, now_ns) : FOUND_NO_ROOM;
}

static struct sched_sequence *first_of(struct sched_batcher *b, uint32_t length)
{
    struct sched_turn *t = sched_turns_first(b->waiting[length]);
    return t == NULL ? NULL : KIT_CONTAINER(t, struct sched_sequence, book.turn);
}

/* Who tries next: the more urgent one, else the short one, unless it has overtaken enough. */
static struct sched_sequence *next_to_enter(struct sched_batcher *b, const bool shut[LENGTHS])
{
    struct sched_sequence *is_short = first_of(b, SHORT), *is_long = first_of(b, LONG);
    if (is_long == NULL) {
        b->no_room = false;
    }
    if (b->no_room && b->overtaken >= sched_tokens(is_long) && is_short != NULL &&
        is_short->priority >= is_long->priority) {
        is_short = NULL;
    }
    is_short = shut[SHORT] ? NULL : is_short;
    is_long = shut[LONG] ? NULL : is_long;
    if (is_short == NULL || is_long == NULL) {
        return is_short != NULL ? is_short : is_long;
    }
    return is_long->priority < is_short->priority ? is_long : is_short;
}

static void book_entrance(struct sched_batcher *b, bool is_long, uint32_t tokens)
{
    if (is_long) {
        b->no_room = false;
    } else if (b->no_room) {
        b->overtaken += tokens;
    }
}

static void book_no_room(struct sched_batcher *b, bool is_long)
{
    if (is_long && !b->no_room) {
        b->no_room = true;
        b->overtaken = 0;
    }
}

/* s found no room. Another that waits for the same, of a principal who has less in the engine; NULL. */
static struct sched_sequence *poorer_than(struct sched_batcher *b, struct sched_sequence *s)
{
    struct sched_turns *q = b->waiting[s->book.is_long];
    uint32_t seats = seats_of(b, s);
    struct sched_turn *t = &s->book.turn;
    for (uint32_t tries = 0; tries < POORER_TRIES && (t = sched_turns_behind(q, t)) != NULL; tries++) {
        struct sched_sequence *other = KIT_CONTAINER(t, struct sched_sequence, book.turn);
        if (seats_of(b, other) + 2 <= seats) {
            sched_turns_prefer(q, t);
            return other;
        }
    }
    return NULL;
}

/* False: nobody of this length can enter. */
static bool let_in(struct sched_batcher *b, struct sched_sequence *s, uint64_t now_ns, uint32_t *entered)
{
    bool is_long = s->book.is_long;
    uint32_t tokens = sched_tokens(s);
    enum found found = try_to_enter(b, s, now_ns);
    if (found == FOUND_SEAT) {
        book_entrance(b, is_long, tokens);
        (*entered)++;
    } else if (found == FOUND_NO_ROOM) {
        book_no_room(b, is_long);
    }
    return found != FOUND_NO_ROOM && found != FOUND_OTHERS_FIRST;
}

void sched_seats_admit(struct sched_batcher *b, uint64_t now_ns)
{
    bool is_choked = b->choked && seats_taken(b) > 0;
    bool shut[LENGTHS] = {is_choked, is_choked};
    uint32_t entered = 0;
    for (struct sched_sequence *s; entered < b->options.sequences_max && (s = next_to_enter(b, shut)) != NULL;) {
        bool is_long = s->book.is_long;
        struct sched_sequence *other;
        if (!let_in(b, s, now_ns, &entered)) {
            other = poorer_than(b, s);
            shut[is_long] = other == NULL || !let_in(b, other, now_ns, &entered);
        }
    }
}
