#include "grammar/nodes.h"

#include <string.h>

#include "kit/alloc.h"

#define TEXT_BYTES_MAX (4 * KIT_MIB)

static void fail(struct grammar_nodes *b, enum kit_status code, const char *message)
{
    if (b->failed == KIT_OK) {
        b->failed = kit_fail(b->err, code, "%s", message);
    }
}

/* Room for `more` items; false: b->failed is set. */
static bool room(struct grammar_nodes *b, void **array, uint32_t count, uint32_t *have, size_t bytes, size_t more,
                 size_t most)
{
    if (b->failed != KIT_OK) {
        return false;
    }
    if (count + more > most) {
        fail(b, KIT_TOO_LARGE,
             "the grammar is too large: fewer or smaller repetitions, lengths or alternatives are needed");
        return false;
    }
    if (count + more <= *have) {
        return true;
    }
    size_t want = KIT_MIN(most, KIT_MAX(count + more, (size_t)*have * 2 + 16));
    void *bigger = kit_alloc_resize(*array, want * bytes);
    if (bigger == NULL) {
        fail(b, KIT_NOMEM, "no memory for a grammar");
        return false;
    }
    *array = bigger;
    *have = (uint32_t)want;
    return true;
}

#define ROOM(b, field, more, most)                                                                                     \
    room((b), (void **)&(b)->field, (b)->field##s, &(b)->field##s_room, sizeof((b)->field[0]), (more), (most))

static uint32_t add_node(struct grammar_nodes *b, enum grammar_kind kind, uint32_t a, uint32_t count, uint32_t next)
{
    if (!ROOM(b, node, 1, GRAMMAR_NODES_MAX)) {
        return GRAMMAR_END;
    }
    b->node[b->nodes] = (struct grammar_node){kind, a, count, next};
    return b->nodes++;
}

enum kit_status grammar_nodes_init(struct grammar_nodes *b, struct kit_err *err)
{
    *b = (struct grammar_nodes){.err = err};
    add_node(b, GRAMMAR_NODE_END, 0, 0, 0);
    return b->failed;
}

void grammar_nodes_done(struct grammar_nodes *b)
{
    kit_alloc_free(b->node);
    kit_alloc_free(b->target);
    kit_alloc_free(b->text);
    kit_alloc_free(b->unit);
    kit_alloc_free(b->edge);
    kit_alloc_free(b->rule);
    kit_alloc_free(b->need);
    *b = (struct grammar_nodes){0};
}

size_t grammar_nodes_bytes(const struct grammar_nodes *b)
{
    return b->nodes_room * sizeof(b->node[0]) + b->nodes * sizeof(b->need[0]) + b->targets_room * sizeof(b->target[0]) +
           b->texts_room + b->units_room * sizeof(b->unit[0]) + b->edges_room * sizeof(b->edge[0]) +
           b->rules_room * sizeof(b->rule[0]);
}

uint32_t grammar_text(struct grammar_nodes *b, kit_str text, uint32_t next)
{
    if (text.len == 0) {
        return next;
    }
    if (!ROOM(b, text, text.len, TEXT_BYTES_MAX)) {
        return GRAMMAR_END;
    }
    memcpy(b->text + b->texts, text.ptr, text.len);
    b->texts += (uint32_t)text.len;
    return add_node(b, GRAMMAR_NODE_TEXT, b->texts - (uint32_t)text.len, (uint32_t)text.len, next);
}

uint32_t grammar_text_c(struct grammar_nodes *b, const char *text, uint32_t next)
{
    return grammar_text(b, kit_str_c(text), next);
}

uint32_t grammar_call(struct grammar_nodes *b, uint32_t rule, uint32_t next)
{
    return add_node(b, GRAMMAR_NODE_CALL, rule, 0, next);
}

uint32_t grammar_take(struct grammar_nodes *b, uint32_t unit, uint32_t next)
{
    return add_node(b, GRAMMAR_NODE_UNIT, unit, 0, next);
}

uint32_t grammar_open(struct grammar_nodes *b)
{
    return add_node(b, GRAMMAR_NODE_SPLIT, 0, 0, 0);
}

void grammar_close(struct grammar_nodes *b, uint32_t open, const uint32_t *targets, uint32_t count)
{
    if (!ROOM(b, target, count, 4 * GRAMMAR_NODES_MAX)) {
        return;
    }
    b->node[open].a = b->targets;
    b->node[open].b = count;
    for (uint32_t i = 0; i < count; i++) {
        b->target[b->targets++] = targets[i];
    }
}

uint32_t grammar_split(struct grammar_nodes *b, const uint32_t *targets, uint32_t count)
{
    if (count == 1) {
        return targets[0];
    }
    uint32_t open = grammar_open(b);
    if (b->failed == KIT_OK) {
        grammar_close(b, open, targets, count);
    }
    return open;
}

uint32_t grammar_either(struct grammar_nodes *b, uint32_t one, uint32_t other)
{
    uint32_t both[2] = {one, other};
    return one == other ? one : grammar_split(b, both, 2);
}

uint32_t grammar_rule(struct grammar_nodes *b)
{
    if (!ROOM(b, rule, 1, GRAMMAR_RULES_MAX)) {
        return 0;
    }
    b->rule[b->rules] = GRAMMAR_END;
    return b->rules++;
}

void grammar_rule_set(struct grammar_nodes *b, uint32_t rule, uint32_t start)
{
    if (b->failed == KIT_OK) {
        b->rule[rule] = start;
    }
}

uint32_t grammar_unit_new(struct grammar_nodes *b, uint64_t hash)
{
    if (!ROOM(b, unit, 1, GRAMMAR_NODES_MAX)) {
        return 0;
    }
    b->unit[b->units] = (struct grammar_unit){.first = b->edges, .hash = hash};
    return b->units++;
}

void grammar_unit_edge(struct grammar_nodes *b, uint16_t from, uint8_t low, uint8_t high, uint16_t to)
{
    if (ROOM(b, edge, 1, 4 * GRAMMAR_NODES_MAX)) {
        b->edge[b->edges++] = (struct grammar_unit_edge){from, to, low, high};
        b->unit[b->units - 1].count++;
    }
}

uint32_t grammar_unit_step(const struct grammar_nodes *b, uint32_t unit, uint32_t state, uint8_t byte)
{
    const struct grammar_unit_edge *e = &b->edge[b->unit[unit].first];
    for (uint32_t i = 0; i < b->unit[unit].count; i++) {
        if (e[i].from == state && byte >= e[i].low && byte <= e[i].high) {
            return e[i].to;
        }
    }
    return GRAMMAR_NEVER;
}

/* --- what each node needs --- */

static uint32_t more(uint32_t need, uint32_t by)
{
    return need == GRAMMAR_NEVER ? GRAMMAR_NEVER : need + by;
}

static uint32_t least_of(const struct grammar_nodes *b, const struct grammar_node *split)
{
    uint32_t least = GRAMMAR_NEVER;
    for (uint32_t i = 0; i < split->b; i++) {
        least = KIT_MIN(least, b->need[b->target[split->a + i]]);
    }
    return least;
}

/* A split that comes next is looked through: of a long chain it may be older than what it splits to. */
static uint32_t need_behind(const struct grammar_nodes *b, uint32_t next)
{
    bool split = b->node[next].kind == GRAMMAR_NODE_SPLIT;
    return b->need[next] == GRAMMAR_NEVER && split ? least_of(b, &b->node[next]) : b->need[next];
}

static uint32_t need_of(const struct grammar_nodes *b, const struct grammar_node *n)
{
    switch (n->kind) {
    case GRAMMAR_NODE_END:
        return 0;
    case GRAMMAR_NODE_CALL: {
        uint32_t inside = more(b->need[b->rule[n->a]], 1);
        return b->need[n->next] == GRAMMAR_NEVER ? GRAMMAR_NEVER : KIT_MAX(inside, b->need[n->next]);
    }
    case GRAMMAR_NODE_SPLIT:
        return least_of(b, n);
    default:
        return need_behind(b, n->next);
    }
}

/* Nodes mostly point at older ones, so that few rounds are needed. */
static void fill_need(struct grammar_nodes *b)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (uint32_t i = 0; i < b->nodes; i++) {
            uint32_t need = need_of(b, &b->node[i]);
            changed |= need < b->need[i];
            b->need[i] = KIT_MIN(need, b->need[i]);
        }
    }
}

/* --- rules that begin with themselves --- */

struct starts {
    const struct grammar_nodes *b;
    bool *empty;     /* [nodes] the end of the rule can be reached without a byte */
    uint32_t *seen;  /* [nodes] by which rule's search */
    uint32_t *stack; /* [nodes] */
};

static bool is_empty(const struct starts *s, const struct grammar_node *n)
{
    switch (n->kind) {
    case GRAMMAR_NODE_END:
        return true;
    case GRAMMAR_NODE_CALL:
        return s->empty[s->b->rule[n->a]] && s->empty[n->next];
    case GRAMMAR_NODE_SPLIT:
        for (uint32_t i = 0; i < n->b; i++) {
            if (s->empty[s->b->target[n->a + i]]) {
                return true;
            }
        }
        return false;
    default:
        return false;
    }
}

static void fill_empty(const struct starts *s)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (uint32_t i = 0; i < s->b->nodes; i++) {
            if (!s->empty[i] && is_empty(s, &s->b->node[i])) {
                s->empty[i] = changed = true;
            }
        }
    }
}

/* What can be first after `node` goes onto the stack, once. */
static uint32_t push_first(const struct starts *s, const struct grammar_node *n, uint32_t mark, uint32_t *stack,
                           uint32_t top)
{
    const struct grammar_nodes *b = s->b;
    uint32_t extra[2];
    uint32_t extras = 0;
    if (n->kind == GRAMMAR_NODE_CALL) {
        extra[extras++] = b->rule[n->a];
        if (s->empty[b->rule[n->a]]) {
            extra[extras++] = n->next;
        }
    }
    const uint32_t *list = n->kind == GRAMMAR_NODE_SPLIT ? &b->target[n->a] : extra;
    uint32_t count = n->kind == GRAMMAR_NODE_SPLIT ? n->b : extras;
    for (uint32_t i = 0; i < count; i++) {
        if (s->seen[list[i]] != mark) {
            s->seen[list[i]] = mark;
            stack[top++] = list[i];
        }
    }
    return top;
}

/* True: from the start of the rule its start is reached again without a byte, through a call. */
static bool begins_with_itself(const struct starts *s, uint32_t rule)
{
    const struct grammar_nodes *b = s->b;
    uint32_t top = 0;
    s->stack[top++] = b->rule[rule];
    while (top > 0) {
        const struct grammar_node *n = &b->node[s->stack[--top]];
        if (n->kind == GRAMMAR_NODE_CALL && n->a == rule) {
            return true;
        }
        top = push_first(s, n, rule + 1, s->stack, top);
    }
    return false;
}

static enum kit_status check_starts(const struct starts *s, struct kit_err *err)
{
    fill_empty(s);
    uint64_t steps = 0;
    for (uint32_t i = 0; i < s->b->rules; i++, steps++) {
        if (begins_with_itself(s, i)) {
            return kit_fail(err, KIT_UNPROCESSABLE, "a rule begins with itself (left recursion), rule %u", i);
        }
    }
    return KIT_OK;
}

enum kit_status grammar_nodes_finish(struct grammar_nodes *b, struct kit_err *err)
{
    if (b->failed != KIT_OK) {
        return b->failed;
    }
    enum kit_status rc = KIT_NOMEM;
    struct starts s = {.b = b};
    b->need = kit_alloc_array(b->nodes, sizeof(b->need[0]));
    s.empty = kit_alloc_zero(b->nodes, sizeof(s.empty[0]));
    s.seen = kit_alloc_zero(b->nodes, sizeof(s.seen[0]));
    s.stack = kit_alloc_array(b->nodes, sizeof(s.stack[0]));
    if (b->need == NULL || s.empty == NULL || s.seen == NULL || s.stack == NULL) {
        rc = kit_fail(err, KIT_NOMEM, "no memory for a grammar");
        goto out;
    }
    memset(b->need, 0xFF, b->nodes * sizeof(b->need[0]));
    fill_need(b);
    rc = check_starts(&s, err);
out:
    kit_alloc_free(s.empty);
    kit_alloc_free(s.seen);
    kit_alloc_free(s.stack);
    return rc;
}
