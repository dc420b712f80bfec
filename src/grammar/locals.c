#include "grammar/locals.h"

#include <stdlib.h>
#include <string.h>

#include "kit/alloc.h"

static uint32_t node_of(uint64_t item)
{
    return (uint32_t)(item >> 32);
}

static uint32_t place_of(uint64_t item)
{
    return (uint32_t)item;
}

enum kit_status grammar_locals_init(struct grammar_locals *l, const struct grammar *g)
{
    *l = (struct grammar_locals){.g = g};
    kit_arena_init(&l->arena, GRAMMAR_LOCALS_BYTES_MAX);
    l->start = kit_alloc_array(g->nodes.rules + 1, sizeof(*l->start));
    l->seen = kit_alloc_zero(g->nodes.nodes, sizeof(*l->seen));
    l->stack = kit_alloc_array((size_t)g->nodes.nodes + g->nodes.targets + 2, sizeof(*l->stack));
    l->slot = kit_alloc_zero(256, sizeof(*l->slot));
    l->mask = 255;
    if (l->start == NULL || l->seen == NULL || l->stack == NULL || l->slot == NULL) {
        grammar_locals_done(l);
        return KIT_NOMEM;
    }
    for (uint32_t i = 0; i < g->nodes.rules; i++) {
        l->start[i] = GRAMMAR_UNKNOWN;
    }
    return KIT_OK;
}

void grammar_locals_done(struct grammar_locals *l)
{
    kit_arena_done(&l->arena);
    kit_alloc_free(l->local);
    kit_alloc_free(l->slot);
    kit_alloc_free(l->start);
    kit_alloc_free(l->seen);
    kit_alloc_free(l->stack);
    kit_alloc_free(l->found);
    *l = (struct grammar_locals){0};
}

static void fail(struct grammar_locals *l, enum kit_status code)
{
    l->failed = l->failed == KIT_OK ? code : l->failed;
}

/* --- a set being collected --- */

static void begin(struct grammar_locals *l)
{
    l->founds = 0;
    l->round++;
}

static void add_item(struct grammar_locals *l, uint32_t node, uint32_t place)
{
    if (l->founds == l->founds_room) {
        uint32_t room = l->founds_room * 2 + 32;
        uint64_t *bigger = kit_alloc_resize(l->found, room * sizeof(*bigger));
        if (bigger == NULL) {
            fail(l, KIT_NOMEM);
            return;
        }
        l->found = bigger;
        l->founds_room = room;
    }
    l->found[l->founds++] = (uint64_t)node << 32 | place;
}

/* A node, or what it splits into, at its beginning. */
static void add_node(struct grammar_locals *l, uint32_t node)
{
    const struct grammar_nodes *b = &l->g->nodes;
    uint32_t top = 0;
    l->stack[top++] = node;
    while (top > 0) {
        uint32_t i = l->stack[--top];
        if (l->seen[i] == l->round || b->need[i] == GRAMMAR_NEVER) {
            continue;
        }
        l->seen[i] = l->round;
        if (b->node[i].kind != GRAMMAR_NODE_SPLIT) {
            add_item(l, i, 0);
            continue;
        }
        for (uint32_t t = 0; t < b->node[i].b; t++) {
            l->stack[top++] = b->target[b->node[i].a + t];
        }
    }
}

static int by_item(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void sort_found(struct grammar_locals *l)
{
    if (l->founds < 2) {
        return;
    }
    qsort(l->found, l->founds, sizeof(*l->found), by_item);
    uint32_t out = 1;
    for (uint32_t i = 1; i < l->founds; i++) {
        if (l->found[i] != l->found[out - 1]) {
            l->found[out++] = l->found[i];
        }
    }
    l->founds = out;
}

/* --- the table --- */

static uint64_t hash_of(const uint64_t *item, uint32_t count)
{
    uint64_t hash = count;
    for (uint32_t i = 0; i < count; i++) {
        hash = (hash ^ item[i]) * UINT64_C(0x9E3779B97F4A7C15);
        hash ^= hash >> 29;
    }
    return hash ^ hash >> 32;
}

static uint32_t slot_of(const struct grammar_locals *l, const uint64_t *item, uint32_t count)
{
    uint32_t at = (uint32_t)hash_of(item, count) & l->mask;
    for (; l->slot[at] != 0; at = (at + 1) & l->mask) {
        const struct grammar_local *x = l->local[l->slot[at] - 1];
        if (x->items == count && memcmp(x->item, item, count * sizeof(*item)) == 0) {
            break;
        }
    }
    return at;
}

static bool grow(struct grammar_locals *l)
{
    if (l->count < l->room && l->count * 2 < l->mask) {
        return true;
    }
    uint32_t room = l->room * 2 + 128;
    uint32_t slots = (l->mask + 1) * 2;
    while (slots < room * 2) {
        slots *= 2;
    }
    struct grammar_local **bigger = kit_alloc_resize(l->local, room * sizeof(*bigger));
    l->local = bigger == NULL ? l->local : bigger;
    uint32_t *slot = kit_alloc_zero(slots, sizeof(*slot));
    if (bigger == NULL || slot == NULL) {
        kit_alloc_free(slot);
        fail(l, KIT_NOMEM);
        return false;
    }
    kit_alloc_free(l->slot);
    l->room = room;
    l->slot = slot;
    l->mask = slots - 1;
    for (uint32_t i = 0; i < l->count; i++) {
        l->slot[slot_of(l, l->local[i]->item, l->local[i]->items)] = i + 1;
    }
    return true;
}

/* --- a new one --- */

static int by_rule(const struct grammar_nodes *b, uint64_t x, uint64_t y)
{
    uint32_t r = b->node[node_of(x)].a;
    uint32_t s = b->node[node_of(y)].a;
    return r < s ? -1 : r > s;
}

/* The calls of a local by rule: their items are brought together in an array of their own. */
static void list_calls(struct grammar_locals *l, struct grammar_local *x, uint64_t *calls, uint32_t count)
{
    const struct grammar_nodes *b = &l->g->nodes;
    for (uint32_t i = 1; i < count; i++) { /* few, mostly one */
        for (uint32_t k = i; k > 0 && by_rule(b, calls[k - 1], calls[k]) > 0; k--) {
            uint64_t swap = calls[k];
            calls[k] = calls[k - 1];
            calls[k - 1] = swap;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t rule = b->node[node_of(calls[i])].a;
        if (x->calls == 0 || x->call[x->calls - 1].rule != rule) {
            x->call[x->calls++] = (struct grammar_local_call){rule, GRAMMAR_UNKNOWN, i, 0};
        }
        x->call[x->calls - 1].count++;
    }
}

static void describe(struct grammar_locals *l, struct grammar_local *x, uint64_t *calls)
{
    const struct grammar_nodes *b = &l->g->nodes;
    uint32_t count = 0;
    for (uint32_t i = 0; i < x->items; i++) {
        uint32_t node = node_of(x->item[i]);
        x->need = KIT_MAX(x->need, b->need[node]);
        switch (b->node[node].kind) {
        case GRAMMAR_NODE_END:
            x->ends = true;
            break;
        case GRAMMAR_NODE_CALL:
            calls[count++] = x->item[i];
            break;
        default:
            x->bytes = true;
        }
    }
    list_calls(l, x, calls, count);
    x->only_ends = x->items == 1 && x->ends;
}

static struct grammar_local *new_local(struct grammar_locals *l)
{
    struct grammar_local *x = kit_arena_zero(&l->arena, 1, sizeof(*x));
    uint32_t calls = 0;
    for (uint32_t i = 0; i < l->founds; i++) {
        calls += l->g->nodes.node[node_of(l->found[i])].kind == GRAMMAR_NODE_CALL;
    }
    if (x != NULL) {
        x->item = kit_arena_get(&l->arena,
                                ((size_t)l->founds + calls + 1) * sizeof(*x->item)); /* the calls once more behind */
        x->call = kit_arena_zero(&l->arena, (size_t)calls + 1, sizeof(*x->call));
        x->next = kit_arena_get(&l->arena, l->g->classes * sizeof(*x->next));
    }
    if (x == NULL || x->item == NULL || x->call == NULL || x->next == NULL) {
        fail(l, l->arena.bytes > GRAMMAR_LOCALS_BYTES_MAX / 2 ? KIT_TOO_LARGE : KIT_NOMEM);
        return NULL;
    }
    x->items = l->founds;
    memcpy(x->item, l->found, l->founds * sizeof(*x->item));
    for (uint32_t i = 0; i < l->g->classes; i++) {
        x->next[i] = GRAMMAR_UNKNOWN;
    }
    x->plain = GRAMMAR_UNKNOWN;
    describe(l, x, x->item + x->items);
    return x;
}

/* The local of what has been collected. */
static uint32_t intern(struct grammar_locals *l)
{
    if (l->founds == 0 || l->failed != KIT_OK || !grow(l)) {
        return GRAMMAR_NEVER;
    }
    sort_found(l);
    uint32_t at = slot_of(l, l->found, l->founds);
    if (l->slot[at] != 0) {
        return l->slot[at] - 1;
    }
    struct grammar_local *x = new_local(l);
    if (x == NULL) {
        return GRAMMAR_NEVER;
    }
    l->local[l->count] = x;
    l->slot[at] = ++l->count;
    return l->count - 1;
}

/* --- ways --- */

uint32_t grammar_local_of_node(struct grammar_locals *l, uint32_t node)
{
    begin(l);
    add_node(l, node);
    return intern(l);
}

uint32_t grammar_local_start(struct grammar_locals *l, uint32_t rule)
{
    if (l->start[rule] == GRAMMAR_UNKNOWN) {
        uint32_t local = grammar_local_of_node(l, l->g->nodes.rule[rule]);
        if (l->failed != KIT_OK) {
            return GRAMMAR_NEVER;
        }
        l->start[rule] = local;
    }
    return l->start[rule];
}

static void add_step(struct grammar_locals *l, uint64_t item, uint8_t byte)
{
    const struct grammar_nodes *b = &l->g->nodes;
    const struct grammar_node *n = &b->node[node_of(item)];
    uint32_t place = place_of(item);
    if (n->kind == GRAMMAR_NODE_TEXT && (uint8_t)b->text[n->a + place] == byte) {
        if (place + 1 == n->b) {
            add_node(l, n->next);
        } else {
            add_item(l, node_of(item), place + 1);
        }
    } else if (n->kind == GRAMMAR_NODE_UNIT) {
        uint32_t to = grammar_unit_step(b, n->a, place, byte);
        if (to == GRAMMAR_UNIT_DONE) {
            add_node(l, n->next);
        } else if (to != GRAMMAR_NEVER) {
            add_item(l, node_of(item), to);
        }
    }
}

uint32_t grammar_local_next(struct grammar_locals *l, uint32_t local, uint8_t byte)
{
    struct grammar_local *x = l->local[local];
    uint32_t class = l->g->class_of[byte];
    if (x->next[class] == GRAMMAR_UNKNOWN) {
        begin(l);
        for (uint32_t i = 0; i < x->items; i++) {
            add_step(l, x->item[i], byte);
        }
        uint32_t next = intern(l);
        if (l->failed != KIT_OK) {
            return GRAMMAR_NEVER;
        }
        x->next[class] = next;
    }
    return x->next[class];
}

uint32_t grammar_local_ret(struct grammar_locals *l, uint32_t local, uint32_t call)
{
    struct grammar_local *x = l->local[local];
    struct grammar_local_call *c = &x->call[call];
    if (c->ret == GRAMMAR_UNKNOWN) {
        begin(l);
        for (uint32_t i = 0; i < c->count; i++) {
            add_node(l, l->g->nodes.node[node_of(x->item[x->items + c->at + i])].next);
        }
        uint32_t ret = intern(l);
        if (l->failed != KIT_OK) {
            return GRAMMAR_NEVER;
        }
        c->ret = ret;
    }
    return c->ret;
}

uint32_t grammar_local_plain(struct grammar_locals *l, uint32_t local)
{
    struct grammar_local *x = l->local[local];
    if (x->plain == GRAMMAR_UNKNOWN) {
        begin(l);
        for (uint32_t i = 0; i < x->items; i++) {
            const struct grammar_node *n = &l->g->nodes.node[node_of(x->item[i])];
            if (n->kind == GRAMMAR_NODE_UNIT && place_of(x->item[i]) == 0 && l->g->nodes.unit[n->a].plain) {
                add_node(l, n->next);
            }
        }
        uint32_t plain = intern(l);
        if (l->failed != KIT_OK) {
            return GRAMMAR_NEVER;
        }
        x->plain = plain;
    }
    return x->plain;
}

uint32_t grammar_local_within(struct grammar_locals *l, uint32_t local, uint32_t need)
{
    const struct grammar_local *x = l->local[local];
    if (x->need <= need) {
        return local;
    }
    begin(l);
    for (uint32_t i = 0; i < x->items; i++) {
        if (l->g->nodes.need[node_of(x->item[i])] <= need) {
            add_item(l, node_of(x->item[i]), place_of(x->item[i]));
        }
    }
    return intern(l);
}
