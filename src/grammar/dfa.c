#include "grammar/dfa.h"

#include <stdlib.h>
#include <string.h>

#define WORK_MAX 4000000 /* of one construction, in items looked at */
#define WORK_PAID 64     /* for so many an arena gives 16 bytes: its limit bounds the time of a whole schema as well */

/* --- NFA --- */

void grammar_nfa_init(struct grammar_nfa *n, struct kit_arena *arena, struct kit_err *err)
{
    *n = (struct grammar_nfa){.arena = arena, .err = err, .count = 1};
}

static uint32_t add(struct grammar_nfa *n, struct grammar_nfa_node node)
{
    if (n->failed != KIT_OK) {
        return 0;
    }
    if (n->count == GRAMMAR_NFA_MAX) {
        n->failed = kit_fail(n->err, KIT_UNPROCESSABLE, "a pattern is too large");
        return 0;
    }
    if (n->count >= n->room) {
        uint32_t room = n->room * 2 + 64;
        struct grammar_nfa_node *bigger = kit_arena_zero(n->arena, room, sizeof(*bigger));
        if (bigger == NULL) {
            n->failed = kit_fail(n->err, KIT_NOMEM, "no memory for a grammar");
            return 0;
        }
        if (n->node != NULL) {
            memcpy(bigger, n->node, n->count * sizeof(*bigger));
        }
        n->node = bigger;
        n->room = room;
    }
    n->node[n->count] = node;
    return n->count++;
}

uint32_t grammar_nfa_set(struct grammar_nfa *n, const struct grammar_set *set, uint32_t next)
{
    return next == GRAMMAR_NEVER || set->count == 0 ? GRAMMAR_NEVER
                                                    : add(n, (struct grammar_nfa_node){.set = set, .a = next});
}

uint32_t grammar_nfa_either(struct grammar_nfa *n, uint32_t a, uint32_t b)
{
    if (a == GRAMMAR_NEVER || b == GRAMMAR_NEVER) {
        return a == GRAMMAR_NEVER ? b : a;
    }
    return a == b ? a : add(n, (struct grammar_nfa_node){.a = a, .b = b});
}

uint32_t grammar_nfa_loop(struct grammar_nfa *n, uint32_t next)
{
    return next == GRAMMAR_NEVER ? next : add(n, (struct grammar_nfa_node){.a = next, .b = next});
}

void grammar_nfa_loop_back(struct grammar_nfa *n, uint32_t loop, uint32_t body)
{
    if (n->failed == KIT_OK && loop != GRAMMAR_NEVER && body != GRAMMAR_NEVER) {
        n->node[loop].b = body;
    }
}

uint32_t grammar_nfa_range(struct grammar_nfa *n, uint32_t low, uint32_t high, uint32_t next)
{
    if (low > high || next == GRAMMAR_NEVER) {
        return GRAMMAR_NEVER;
    }
    struct grammar_set *set = kit_arena_zero(n->arena, 1, sizeof(*set));
    if (set != NULL) {
        grammar_set_add(n->arena, set, low, high);
    }
    if (set == NULL || set->failed) {
        n->failed = kit_fail(n->err, KIT_NOMEM, "no memory for a grammar");
        return 0;
    }
    return grammar_nfa_set(n, set, next);
}

/* --- a DFA being made: states by key, edges in order --- */

struct growing {
    struct kit_arena *arena;
    struct kit_err *err;
    uint32_t **key; /* [states] words; key[s][0] is their count */
    uint32_t *slot; /* hash table of states + 1 */
    uint32_t mask;
    struct grammar_dfa dfa;
    uint32_t states_room, edges, edges_room;
    uint64_t work, paid;
};

static enum kit_status no_memory(struct kit_err *err)
{
    return kit_fail(err, KIT_NOMEM, "no memory for a grammar");
}

/* An array of the arena with room for at least `need` items; the old one stays behind. */
static void *grown(struct kit_arena *arena, const void *old, uint32_t count, uint32_t *room, uint32_t need,
                   size_t bytes)
{
    uint32_t want = KIT_MAX(need, *room * 2 + 32);
    void *bigger = kit_arena_zero(arena, want, bytes);
    if (bigger != NULL) {
        if (old != NULL) {
            memcpy(bigger, old, count * bytes);
        }
        *room = want;
    }
    return bigger;
}

static enum kit_status grow_states(struct growing *g)
{
    uint32_t room = g->states_room;
    uint32_t n = g->dfa.states;
    uint32_t same = room;
    uint32_t **key = grown(g->arena, g->key, n, &room, n + 1, sizeof(*key));
    bool *accept = grown(g->arena, g->dfa.accept, n, &same, n + 1, sizeof(*accept));
    uint32_t slots = 64;
    while (slots < room * 2) {
        slots *= 2;
    }
    uint32_t *slot = kit_arena_zero(g->arena, slots, sizeof(*slot));
    if (key == NULL || accept == NULL || slot == NULL) {
        return no_memory(g->err);
    }
    g->key = key;
    g->dfa.accept = accept;
    g->states_room = room;
    g->slot = slot;
    g->mask = slots - 1;
    for (uint32_t s = 0; s < n; s++) {
        uint32_t at = (uint32_t)kit_str_hash((kit_str){(const char *)key[s], (key[s][0] + 1) * 4}) & g->mask;
        while (slot[at] != 0) {
            at = (at + 1) & g->mask;
        }
        slot[at] = s + 1;
    }
    return KIT_OK;
}

/* The state of a key (count, words…), made where there is none yet. */
static enum kit_status state_of(struct growing *g, const uint32_t *key, uint32_t *ret)
{
    if (g->dfa.states == g->states_room) {
        enum kit_status rc = grow_states(g);
        if (rc != KIT_OK) {
            return rc;
        }
    }
    size_t bytes = (key[0] + 1) * sizeof(*key);
    uint32_t at = (uint32_t)kit_str_hash((kit_str){(const char *)key, bytes}) & g->mask;
    for (; g->slot[at] != 0; at = (at + 1) & g->mask) {
        const uint32_t *other = g->key[g->slot[at] - 1];
        if (other[0] == key[0] && memcmp(other, key, bytes) == 0) {
            *ret = g->slot[at] - 1;
            return KIT_OK;
        }
    }
    if (g->dfa.states == GRAMMAR_DFA_MAX) {
        return kit_fail(g->err, KIT_UNPROCESSABLE, "a pattern, length or range needs too many states");
    }
    uint32_t *copy = kit_arena_get(g->arena, bytes);
    if (copy == NULL) {
        return no_memory(g->err);
    }
    memcpy(copy, key, bytes);
    g->key[g->dfa.states] = copy;
    g->slot[at] = g->dfa.states + 1;
    *ret = g->dfa.states++;
    return KIT_OK;
}

/* Appends an edge of the newest state that has edges; merges it with the one before where they touch. */
static enum kit_status add_edge(struct growing *g, uint32_t first, uint32_t low, uint32_t high, uint32_t to)
{
    struct grammar_dfa_edge *last = g->edges > first ? &g->dfa.edge[g->edges - 1] : NULL;
    if (last != NULL && last->to == to && last->high + 1 == low) {
        last->high = high;
        return KIT_OK;
    }
    if (g->edges == g->edges_room) {
        void *bigger = grown(g->arena, g->dfa.edge, g->edges, &g->edges_room, g->edges + 1, sizeof(*g->dfa.edge));
        if (bigger == NULL) {
            return no_memory(g->err);
        }
        g->dfa.edge = bigger;
    }
    g->dfa.edge[g->edges++] = (struct grammar_dfa_edge){low, high, to};
    return KIT_OK;
}

static bool pay(struct growing *g)
{
    for (; g->paid + WORK_PAID <= g->work; g->paid += WORK_PAID) {
        if (kit_arena_get(g->arena, 16) == NULL) {
            return false;
        }
    }
    return true;
}

/* Runs `expand` over all states in the order of their making; it adds a state's edges. */
static enum kit_status expand_all(struct growing *g,
                                  enum kit_status (*expand)(struct growing *g, uint32_t s, void *ctx), void *ctx)
{
    uint32_t room = 0;
    for (uint32_t s = 0; s < g->dfa.states; s++) {
        if (s + 1 >= room) {
            uint32_t *bigger = grown(g->arena, g->dfa.first, s + (s > 0), &room, s + 2, sizeof(*bigger));
            if (bigger == NULL) {
                return no_memory(g->err);
            }
            g->dfa.first = bigger;
        }
        g->dfa.first[s] = g->edges;
        enum kit_status rc = expand(g, s, ctx);
        g->dfa.first[s + 1] = g->edges;
        if (rc == KIT_OK && !pay(g)) {
            rc = no_memory(g->err);
        }
        if (rc == KIT_OK && g->work > WORK_MAX) {
            rc = kit_fail(g->err, KIT_UNPROCESSABLE, "a pattern, length or range takes too long to work out");
        }
        if (rc != KIT_OK) {
            return rc;
        }
    }
    return KIT_OK;
}

/* --- only what leads to an end --- */

/* Marks states that reach an end: rounds from the back. */
static void mark_useful(const struct grammar_dfa *d, bool *useful)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (uint32_t s = d->states; s-- > 0;) {
            bool now = useful[s] || d->accept[s];
            for (uint32_t e = d->first[s]; e < d->first[s + 1] && !now; e++) {
                now = useful[d->edge[e].to];
            }
            changed |= now && !useful[s];
            useful[s] = now;
        }
    }
}

static enum kit_status trim(struct kit_arena *arena, struct grammar_dfa *d, struct kit_err *err)
{
    bool *useful = kit_arena_zero(arena, d->states + 1, sizeof(*useful));
    uint32_t *new_of = kit_arena_zero(arena, d->states + 1, sizeof(*new_of));
    if (useful == NULL || new_of == NULL) {
        return no_memory(err);
    }
    mark_useful(d, useful);
    if (d->states == 0 || !useful[0]) {
        d->states = 0;
        return KIT_OK;
    }
    uint32_t states = 0;
    for (uint32_t s = 0; s < d->states; s++) {
        new_of[s] = states;
        states += useful[s];
    }
    uint32_t edges = 0;
    for (uint32_t s = 0; s < d->states; s++) { /* new numbers are at most the old ones: what is read is still there */
        uint32_t from = d->first[s];
        uint32_t to = d->first[s + 1];
        if (!useful[s]) {
            continue;
        }
        d->accept[new_of[s]] = d->accept[s];
        d->first[new_of[s]] = edges;
        for (uint32_t e = from; e < to; e++) {
            if (useful[d->edge[e].to]) {
                d->edge[edges++] = (struct grammar_dfa_edge){d->edge[e].low, d->edge[e].high, new_of[d->edge[e].to]};
            }
        }
    }
    d->first[states] = edges;
    d->states = states;
    return KIT_OK;
}

/* --- NFA to DFA --- */

struct subset {
    const struct grammar_nfa *n;
    uint32_t *mark, round; /* [nodes] */
    uint32_t *stack, *key, *point;
    uint32_t points;
};

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* Adds to s->key what node leads to without a character. */
static void add_closure(struct subset *s, uint32_t node)
{
    uint32_t top = 0;
    s->stack[top++] = node;
    while (top > 0) {
        uint32_t i = s->stack[--top];
        if (s->mark[i] == s->round) {
            continue;
        }
        s->mark[i] = s->round;
        if (i == 0 || s->n->node[i].set != NULL) {
            s->key[++s->key[0]] = i;
        } else {
            s->stack[top++] = s->n->node[i].b;
            s->stack[top++] = s->n->node[i].a;
        }
    }
}

static bool has(const struct grammar_set *set, uint32_t point)
{
    uint32_t low = 0;
    uint32_t high = set->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (set->range[middle].high < point) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < set->count && set->range[low].low <= point;
}

/* Where the sets of a state begin or end. */
static enum kit_status collect_points(struct growing *g, struct subset *s, const uint32_t *key)
{
    uint32_t count = 0;
    for (uint32_t i = 1; i <= key[0]; i++) {
        count += key[i] == 0 ? 0 : s->n->node[key[i]].set->count * 2;
    }
    s->point = kit_arena_zero(g->arena, count + 1, sizeof(*s->point));
    if (s->point == NULL) {
        return no_memory(g->err);
    }
    s->points = 0;
    for (uint32_t i = 1; i <= key[0]; i++) {
        const struct grammar_set *set = key[i] == 0 ? NULL : s->n->node[key[i]].set;
        for (uint32_t r = 0; set != NULL && r < set->count; r++) {
            s->point[s->points++] = set->range[r].low;
            s->point[s->points++] = set->range[r].high + 1;
        }
    }
    if (count > 1) {
        qsort(s->point, count, sizeof(*s->point), by_value);
    }
    return KIT_OK;
}

static enum kit_status expand_subset(struct growing *g, uint32_t state, void *ctx)
{
    struct subset *s = ctx;
    const uint32_t *key = g->key[state];
    uint32_t first = g->edges;
    g->dfa.accept[state] = key[0] > 0 && key[1] == 0;
    enum kit_status rc = collect_points(g, s, key);
    for (uint32_t p = 0; rc == KIT_OK && p + 1 < s->points; p++) {
        if (s->point[p] == s->point[p + 1]) {
            continue;
        }
        s->key[0] = 0;
        s->round++;
        for (uint32_t i = 1; i <= key[0]; i++) {
            if (key[i] != 0 && has(s->n->node[key[i]].set, s->point[p])) {
                add_closure(s, s->n->node[key[i]].a);
            }
        }
        g->work += key[0] + s->key[0] + 1;
        if (s->key[0] > 0) {
            uint32_t to = 0;
            qsort(s->key + 1, s->key[0], sizeof(*s->key), by_value);
            rc = state_of(g, s->key, &to);
            rc = rc == KIT_OK ? add_edge(g, first, s->point[p], s->point[p + 1] - 1, to) : rc;
        }
        if (g->work > WORK_MAX) {
            break; /* expand_all says so */
        }
    }
    return rc;
}

enum kit_status grammar_dfa_from(struct grammar_nfa *n, uint32_t start, struct grammar_dfa *ret)
{
    if (n->failed != KIT_OK || start == GRAMMAR_NEVER) {
        *ret = (struct grammar_dfa){0};
        return n->failed;
    }
    struct growing g = {.arena = n->arena, .err = n->err};
    struct subset s = {.n = n, .round = 1};
    s.mark = kit_arena_zero(n->arena, n->count, sizeof(*s.mark));
    s.stack = kit_arena_zero(n->arena, (size_t)n->count * 2 + 2, sizeof(*s.stack));
    s.key = kit_arena_zero(n->arena, n->count + 1, sizeof(*s.key));
    if (s.mark == NULL || s.stack == NULL || s.key == NULL) {
        return no_memory(n->err);
    }
    add_closure(&s, start);
    qsort(s.key + 1, s.key[0], sizeof(*s.key), by_value);
    uint32_t begin = 0;
    enum kit_status rc = state_of(&g, s.key, &begin);
    rc = rc == KIT_OK ? expand_all(&g, expand_subset, &s) : rc;
    rc = rc == KIT_OK ? trim(n->arena, &g.dfa, n->err) : rc;
    if (rc == KIT_OK) {
        *ret = g.dfa;
    }
    return rc;
}

/* --- two at once --- */

struct pair {
    const struct grammar_dfa *a, *b;
    bool without; /* b's words are what is taken away */
};

/* b's state in a key is GRAMMAR_NEVER where b has stopped. */
static const struct grammar_dfa_edge *edge_at(const struct grammar_dfa *d, uint32_t state, uint32_t point)
{
    for (uint32_t e = d->first[state]; e < d->first[state + 1]; e++) {
        if (d->edge[e].high >= point) {
            return &d->edge[e];
        }
    }
    return NULL;
}

/* The edges of one pair of states for the characters of one edge of a. */
static enum kit_status expand_edge(struct growing *g, uint32_t first, const struct pair *p,
                                   const struct grammar_dfa_edge *ea, uint32_t sb)
{
    for (uint32_t low = ea->low; low <= ea->high;) {
        const struct grammar_dfa_edge *eb = sb == GRAMMAR_NEVER ? NULL : edge_at(p->b, sb, low);
        bool inside = eb != NULL && eb->low <= low;
        uint32_t high = eb == NULL ? ea->high : KIT_MIN(ea->high, inside ? eb->high : eb->low - 1);
        uint32_t key[3] = {2, ea->to, inside ? eb->to : GRAMMAR_NEVER};
        g->work++;
        if (inside || p->without) {
            uint32_t to = 0;
            enum kit_status rc = state_of(g, key, &to);
            rc = rc == KIT_OK ? add_edge(g, first, low, high, to) : rc;
            if (rc != KIT_OK) {
                return rc;
            }
        }
        low = high + 1;
    }
    return KIT_OK;
}

static enum kit_status expand_pair(struct growing *g, uint32_t state, void *ctx)
{
    const struct pair *p = ctx;
    uint32_t sa = g->key[state][1];
    uint32_t sb = g->key[state][2];
    uint32_t first = g->edges;
    bool other = sb != GRAMMAR_NEVER && p->b->accept[sb];
    g->dfa.accept[state] = p->a->accept[sa] && (p->without ? !other : other);
    for (uint32_t e = p->a->first[sa]; e < p->a->first[sa + 1]; e++) {
        enum kit_status rc = expand_edge(g, first, p, &p->a->edge[e], sb);
        if (rc != KIT_OK) {
            return rc;
        }
    }
    return KIT_OK;
}

static enum kit_status combine(struct kit_arena *arena, struct pair p, struct grammar_dfa *ret, struct kit_err *err)
{
    if (p.a->states == 0 || (p.b->states == 0 && !p.without)) {
        *ret = (struct grammar_dfa){0};
        return KIT_OK;
    }
    struct growing g = {.arena = arena, .err = err};
    uint32_t key[3] = {2, 0, p.b->states == 0 ? GRAMMAR_NEVER : 0};
    uint32_t begin = 0;
    enum kit_status rc = state_of(&g, key, &begin);
    rc = rc == KIT_OK ? expand_all(&g, expand_pair, &p) : rc;
    rc = rc == KIT_OK ? trim(arena, &g.dfa, err) : rc;
    if (rc == KIT_OK) {
        *ret = g.dfa;
    }
    return rc;
}

enum kit_status grammar_dfa_and(struct kit_arena *arena, const struct grammar_dfa *a, const struct grammar_dfa *b,
                                struct grammar_dfa *ret, struct kit_err *err)
{
    return combine(arena, (struct pair){a, b, false}, ret, err);
}

enum kit_status grammar_dfa_without(struct kit_arena *arena, const struct grammar_dfa *a, const struct grammar_dfa *b,
                                    struct grammar_dfa *ret, struct kit_err *err)
{
    return combine(arena, (struct pair){a, b, true}, ret, err);
}

enum kit_status grammar_dfa_lengths(struct kit_arena *arena, uint32_t min, uint32_t max, struct grammar_dfa *ret,
                                    struct kit_err *err)
{
    uint32_t states = (max == GRAMMAR_NEVER ? min : max) + 1;
    if (min > max) {
        *ret = (struct grammar_dfa){0};
        return KIT_OK;
    }
    struct grammar_dfa d = {.states = states};
    d.first = kit_arena_zero(arena, (size_t)states + 1, sizeof(*d.first));
    d.accept = kit_arena_zero(arena, states, sizeof(*d.accept));
    d.edge = kit_arena_zero(arena, (size_t)states * 2, sizeof(*d.edge));
    if (d.first == NULL || d.accept == NULL || d.edge == NULL) {
        return no_memory(err);
    }
    uint32_t edges = 0;
    for (uint32_t s = 0; s < states; s++) {
        d.first[s] = edges;
        d.accept[s] = s >= min;
        uint32_t to = s + 1 < states ? s + 1 : s;
        if (to != s || max == GRAMMAR_NEVER) {
            d.edge[edges++] = (struct grammar_dfa_edge){0, 0xD7FF, to};
            d.edge[edges++] = (struct grammar_dfa_edge){0xE000, GRAMMAR_POINT_MAX, to};
        }
    }
    d.first[states] = edges;
    *ret = d;
    return KIT_OK;
}

enum kit_status grammar_dfa_text(struct kit_arena *arena, kit_str text, struct grammar_dfa *ret, struct kit_err *err)
{
    struct grammar_dfa d = {0};
    d.first = kit_arena_zero(arena, text.len + 2, sizeof(*d.first));
    d.accept = kit_arena_zero(arena, text.len + 1, sizeof(*d.accept));
    d.edge = kit_arena_zero(arena, text.len + 1, sizeof(*d.edge));
    if (d.first == NULL || d.accept == NULL || d.edge == NULL) {
        return no_memory(err);
    }
    for (size_t at = 0; at < text.len; d.states++) {
        uint32_t point = grammar_point_next(text, &at);
        d.first[d.states] = d.states;
        d.edge[d.states] = (struct grammar_dfa_edge){point, point, d.states + 1};
    }
    d.first[d.states] = d.states;
    d.first[d.states + 1] = d.states;
    d.accept[d.states++] = true;
    *ret = d;
    return KIT_OK;
}

bool grammar_dfa_takes(const struct grammar_dfa *d, kit_str text)
{
    uint32_t state = 0;
    for (size_t at = 0; at < text.len && d->states > 0;) {
        uint32_t point = grammar_point_next(text, &at);
        const struct grammar_dfa_edge *e = edge_at(d, state, point);
        if (e == NULL || e->low > point) {
            return false;
        }
        state = e->to;
    }
    return d->states > 0 && d->accept[state];
}

/* --- as nodes --- */

struct writer {
    struct kit_arena *arena;
    const struct grammar_dfa *d;
    enum grammar_writing writing;
    struct grammar_nodes *b;
    uint32_t *node; /* [states] */
    uint32_t next;
};

static void write_state(const struct writer *w, uint32_t s, uint32_t *targets)
{
    const struct grammar_dfa *d = w->d;
    uint32_t count = 0;
    if (d->accept[s]) {
        targets[count++] = w->next;
    }
    for (uint32_t e = d->first[s]; e < d->first[s + 1]; e++) {
        bool first = true;
        for (uint32_t f = d->first[s]; f < e && first; f++) {
            first = d->edge[f].to != d->edge[e].to;
        }
        if (!first) {
            continue; /* its characters went with an edge before */
        }
        struct grammar_set set = {0};
        for (uint32_t f = e; f < d->first[s + 1]; f++) {
            if (d->edge[f].to == d->edge[e].to) {
                grammar_set_add(w->arena, &set, d->edge[f].low, d->edge[f].high);
            }
        }
        targets[count++] = grammar_take(w->b, grammar_unit_of(w->b, &set, w->writing), w->node[d->edge[e].to]);
    }
    grammar_close(w->b, w->node[s], targets, count);
}

uint32_t grammar_dfa_nodes(struct kit_arena *arena, const struct grammar_dfa *d, enum grammar_writing writing,
                           struct grammar_nodes *b, uint32_t next)
{
    if (d->states == 0) {
        return grammar_split(b, NULL, 0);
    }
    struct writer w = {arena, d, writing, b, NULL, next};
    uint32_t most = 0;
    for (uint32_t s = 0; s < d->states; s++) {
        most = KIT_MAX(most, d->first[s + 1] - d->first[s]);
    }
    w.node = kit_arena_zero(arena, d->states, sizeof(*w.node));
    uint32_t *targets = kit_arena_zero(arena, (size_t)most + 1, sizeof(*targets));
    if (w.node == NULL || targets == NULL) {
        b->failed = b->failed == KIT_OK ? no_memory(b->err) : b->failed;
        return GRAMMAR_END;
    }
    for (uint32_t s = d->states; s-- > 0;) { /* the end first: what is needed is then found in few rounds */
        w.node[s] = grammar_open(b);
    }
    for (uint32_t s = d->states; s-- > 0 && b->failed == KIT_OK;) {
        write_state(&w, s, targets);
    }
    return w.node[0];
}
