#include "sched/turns.h"

#include <assert.h>

#include "kit/alloc.h"

/* What waits of one principal with one priority. */
struct sched_flow {
    struct sched_node node; /* in its level's ring */
    struct sched_node turns;
    struct sched_flow *chain; /* next one in its bucket, or of the free ones */
    uint64_t principal;
    uint64_t credit; /* tokens that it may take before the next flow's turn */
    bool granted;    /* this turn's quantum is in the credit */
    enum sched_priority priority;
};

struct level {
    struct sched_node flows;
    uint64_t passed; /* tokens that more urgent levels took while this one waited */
};

struct sched_turns {
    struct level levels[SCHED_PRIORITIES];
    uint32_t count;
    struct sched_flow *flows; /* [max]; owned: in a flow one waits at least */
    struct sched_flow *unused;
    struct sched_flow **buckets; /* [bucket_mask + 1]; owned */
    uint32_t bucket_mask;
};

static uint32_t bucket_count(uint32_t max)
{
    uint32_t n = 1;
    while (n < max) {
        n *= 2;
    }
    return n;
}

enum kit_status sched_turns_new(uint32_t max, struct sched_turns **ret)
{
    struct sched_turns *q = kit_alloc_zero(1, sizeof(*q));
    if (q == NULL) {
        return KIT_NOMEM;
    }
    q->bucket_mask = bucket_count(max) - 1;
    q->flows = kit_alloc_zero(max, sizeof(*q->flows));
    q->buckets = kit_alloc_zero(q->bucket_mask + (size_t)1, sizeof(struct sched_flow *));
    if (q->flows == NULL || q->buckets == NULL) {
        sched_turns_free(q);
        return KIT_NOMEM;
    }
    for (uint32_t i = max; i-- > 0;) {
        q->flows[i].chain = q->unused;
        q->unused = &q->flows[i];
    }
    for (int i = 0; i < SCHED_PRIORITIES; i++) {
        sched_node_init(&q->levels[i].flows);
    }
    *ret = q;
    return KIT_OK;
}

void sched_turns_free(struct sched_turns *q)
{
    if (q != NULL) {
        kit_alloc_free(q->buckets);
        kit_alloc_free(q->flows);
        kit_alloc_free(q);
    }
}

/* --- flows --- */

static struct sched_flow **bucket_of(struct sched_turns *q, uint64_t principal, enum sched_priority priority)
{
    uint64_t mixed = (principal + (uint64_t)priority) * UINT64_C(0x9E3779B97F4A7C15); /* Fibonacci hashing */
    return &q->buckets[(uint32_t)(mixed >> 32) & q->bucket_mask];
}

static struct sched_flow *flow_find(struct sched_turns *q, uint64_t principal, enum sched_priority priority)
{
    struct sched_flow *f = *bucket_of(q, principal, priority);
    while (f != NULL && (f->principal != principal || f->priority != priority)) {
        f = f->chain;
    }
    return f;
}

static struct sched_flow *flow_start(struct sched_turns *q, uint64_t principal, enum sched_priority priority)
{
    struct sched_flow *f = q->unused;
    assert(f != NULL);
    q->unused = f->chain;
    struct sched_flow **bucket = bucket_of(q, principal, priority);
    *f = (struct sched_flow){.principal = principal, .priority = priority, .chain = *bucket};
    *bucket = f;
    sched_node_init(&f->turns);
    sched_node_append(&q->levels[priority].flows, &f->node);
    return f;
}

static void flow_end(struct sched_turns *q, struct sched_flow *f)
{
    struct sched_flow **at = bucket_of(q, f->principal, f->priority);
    while (*at != f) {
        at = &(*at)->chain;
    }
    *at = f->chain;
    sched_node_remove(&f->node);
    f->chain = q->unused;
    q->unused = f;
    if (sched_node_empty(&q->levels[f->priority].flows)) {
        q->levels[f->priority].passed = 0;
    }
}

/* --- in and out --- */

static struct sched_flow *join(struct sched_turns *q, struct sched_turn *t)
{
    assert(t->cost > 0);
    struct sched_flow *f = flow_find(q, t->principal, t->priority);
    t->flow = f != NULL ? f : flow_start(q, t->principal, t->priority);
    t->taken = 0;
    q->count++;
    return t->flow;
}

void sched_turns_add(struct sched_turns *q, struct sched_turn *t)
{
    sched_node_append(&join(q, t)->turns, &t->node);
}

void sched_turns_add_front(struct sched_turns *q, struct sched_turn *t)
{
    sched_node_prepend(&join(q, t)->turns, &t->node);
}

void sched_turns_remove(struct sched_turns *q, struct sched_turn *t)
{
    struct sched_flow *f = t->flow;
    if (f == NULL) {
        return;
    }
    sched_node_remove(&t->node);
    t->flow = NULL;
    q->count--;
    if (sched_node_empty(&f->turns)) {
        flow_end(q, f);
    }
}

/* --- who is next --- */

static struct sched_turn *flow_first(struct sched_flow *f)
{
    return KIT_CONTAINER(f->turns.next, struct sched_turn, node);
}

static bool flow_may_take(struct sched_flow *f, uint32_t cost, bool alone)
{
    if (!f->granted) {
        f->granted = true;
        f->credit += SCHED_TURNS_QUANTUM;
    }
    if (alone && f->credit < cost) {
        f->credit = cost; /* there is nobody to be fair to */
    }
    return f->credit >= cost;
}

static struct sched_turn *level_first(struct level *level)
{
    if (sched_node_empty(&level->flows)) {
        return NULL;
    }
    for (;;) {
        struct sched_flow *f = KIT_CONTAINER(level->flows.next, struct sched_flow, node);
        struct sched_turn *t = flow_first(f);
        if (flow_may_take(f, t->cost, sched_node_single(&level->flows))) {
            return t;
        }
        f->granted = false;
        sched_node_to_back(&level->flows, &f->node);
    }
}

static bool is_due(const struct level *level, const struct sched_turn *t)
{
    return level->passed >= (uint64_t)t->cost * (SCHED_TURNS_SHARE - 1);
}

struct sched_turn *sched_turns_first(struct sched_turns *q)
{
    struct sched_turn *most_urgent = NULL;
    for (int i = 0; i < SCHED_PRIORITIES; i++) {
        struct sched_turn *t = level_first(&q->levels[i]);
        if (t != NULL && most_urgent != NULL && is_due(&q->levels[i], t)) {
            return t;
        }
        if (most_urgent == NULL) {
            most_urgent = t;
        }
    }
    return most_urgent;
}

/* What the less urgent levels are owed grows; what this one is owed is paid. */
static void book_levels(struct sched_turns *q, enum sched_priority priority, uint32_t cost)
{
    struct level *own = &q->levels[priority];
    own->passed -= KIT_MIN(own->passed, (uint64_t)cost * (SCHED_TURNS_SHARE - 1));
    for (int i = (int)priority + 1; i < SCHED_PRIORITIES; i++) {
        if (!sched_node_empty(&q->levels[i].flows)) {
            q->levels[i].passed += cost;
        }
    }
}

void sched_turns_take(struct sched_turns *q, struct sched_turn *t, uint32_t next_cost)
{
    struct sched_flow *f = t->flow;
    assert(f->credit >= t->cost);
    f->credit -= t->cost;
    book_levels(q, t->priority, t->cost);
    t->taken += t->cost;
    if (next_cost == 0) {
        sched_turns_remove(q, t);
        return;
    }
    t->cost = next_cost;
    if (t->taken >= SCHED_TURNS_LENGTH) {
        t->taken = 0;
        sched_node_to_back(&f->turns, &t->node);
    }
}

struct sched_turn *sched_turns_behind(struct sched_turns *q, const struct sched_turn *t)
{
    struct sched_node *next = t->flow->node.next;
    return next == &q->levels[t->priority].flows ? NULL : flow_first(KIT_CONTAINER(next, struct sched_flow, node));
}

void sched_turns_prefer(struct sched_turns *q, struct sched_turn *t)
{
    struct sched_flow *f = t->flow;
    sched_node_remove(&f->node);
    sched_node_prepend(&q->levels[f->priority].flows, &f->node);
    sched_node_remove(&t->node);
    sched_node_prepend(&f->turns, &t->node);
    f->granted = true;
    f->credit = KIT_MAX(f->credit, t->cost);
}

uint32_t sched_turns_count(const struct sched_turns *q)
{
    return q->count;
}
