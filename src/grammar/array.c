#include "grammar/make.h"

#define ITEMS_MAX 4096 /* more are not written where they must be counted */

void grammar_item_counts(const struct grammar_alternative *a, uint64_t *min, uint64_t *max)
{
    *min = 0;
    *max = SCHEMA_NO_MAX;
    for (uint32_t i = 0; i < a->count; i++) {
        *min = KIT_MAX(*min, a->atom[i]->items_min);
        *max = KIT_MIN(*max, a->atom[i]->items_max);
    }
}

bool grammar_item_goal(struct grammar_maker *m, const struct grammar_alternative *a, uint64_t index,
                       struct grammar_goal *ret)
{
    *ret = (struct grammar_goal){0};
    for (uint32_t i = 0; i < a->count; i++) {
        const struct schema_node *n = a->atom[i];
        const struct schema_node *asked = index < n->prefix_items.count ? n->prefix_items.node[index] : n->items;
        if (asked != NULL && asked->never) {
            return false;
        }
        if (asked != NULL) {
            grammar_goal_add(m, ret, asked);
        }
    }
    return m->rc == KIT_OK;
}

struct array {
    struct grammar_maker *m;
    const struct grammar_alternative *a;
    uint64_t min, max, prefix;
    uint32_t rest; /* rule of items behind the prefix; GRAMMAR_NEVER: there are none */
    uint32_t end;
};

static uint32_t rule_at(struct array *r, uint64_t index)
{
    struct grammar_goal goal;
    if (index >= r->prefix) {
        return r->rest;
    }
    return grammar_item_goal(r->m, r->a, index, &goal) ? grammar_goal_rule(r->m, &goal) : GRAMMAR_NEVER;
}

/* Item `index` and what follows it, or the end before it. */
static uint32_t item_node(struct array *r, uint64_t index, uint32_t behind)
{
    struct grammar_nodes *b = r->m->b;
    uint32_t rule = rule_at(r, index);
    uint32_t ways[2];
    uint32_t count = 0;
    if (rule != GRAMMAR_NEVER) {
        uint32_t item = grammar_call(b, rule, behind);
        ways[count++] = index > 0 ? grammar_sign_node(r->m, ',', item) : item;
    }
    if (index >= r->min) {
        ways[count++] = r->end;
    }
    return grammar_split(b, ways, count);
}

/* Any number of items from here on, `index` of them written: at least one, so that a comma comes first. */
static uint32_t loop_node(struct array *r)
{
    struct grammar_nodes *b = r->m->b;
    if (r->rest == GRAMMAR_NEVER) {
        return r->end;
    }
    uint32_t loop = grammar_open(b);
    uint32_t ways[2] = {grammar_sign_node(r->m, ',', grammar_call(b, r->rest, loop)), r->end};
    grammar_close(b, loop, ways, 2);
    return loop;
}

static uint32_t items_node(struct array *r)
{
    uint64_t counted = KIT_MAX(r->min, KIT_MAX(r->prefix, 1U));
    uint32_t node = r->end;
    if (r->max != SCHEMA_NO_MAX) {
        counted = KIT_MIN(r->max, ITEMS_MAX);
    } else {
        node = loop_node(r);
    }
    for (uint64_t i = counted; i-- > 0 && r->m->rc == KIT_OK && r->m->b->failed == KIT_OK;) {
        node = item_node(r, i, node);
    }
    return node;
}

uint32_t grammar_array_node(struct grammar_maker *m, const struct grammar_alternative *a, uint32_t next)
{
    struct array r = {.m = m, .a = a, .rest = GRAMMAR_NEVER};
    struct grammar_goal rest;
    bool unique = false;
    bool free = true;
    grammar_item_counts(a, &r.min, &r.max);
    for (uint32_t i = 0; i < a->count; i++) {
        const struct schema_node *n = a->atom[i];
        r.prefix = KIT_MAX(r.prefix, n->prefix_items.count);
        unique |= n->unique;
        free = free && n->items == NULL;
    }
    if (free && !unique && r.prefix == 0 && r.min == 0 && r.max == SCHEMA_NO_MAX) {
        return grammar_call(m->b, grammar_any_array_rule(m), next);
    }
    if (unique && r.max > 1) { /* which items were there is not known here; of one there is no second */
        grammar_refuse(m, a->at, "'uniqueItems' cannot be expressed: say 'maxItems': 1, or leave it out");
    }
    if (r.min > r.max || r.min > ITEMS_MAX) {
        if (r.min <= r.max) {
            grammar_refuse(m, a->at, "'minItems' is above %d", ITEMS_MAX);
        }
        grammar_impossible(m, a->at, "'minItems' is above 'maxItems'");
        return grammar_split(m->b, NULL, 0);
    }
    if (grammar_item_goal(m, a, UINT64_MAX, &rest)) {
        r.rest = grammar_goal_rule(m, &rest);
    }
    r.end = grammar_sign_node(m, ']', next);
    return m->rc == KIT_OK ? grammar_sign_node(m, '[', items_node(&r)) : GRAMMAR_END;
}
