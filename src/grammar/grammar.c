#include "grammar/grammar.h"

#include <string.h>

#include "grammar/gbnf.h"
#include "grammar/inner.h"
#include "grammar/make.h"
#include "kit/alloc.h"

#define PART_DEPTH_MAX 32

/* --- what bytes can be told apart --- */

static void mark(bool border[257], uint32_t low, uint32_t high)
{
    border[low] = border[high + 1] = true;
}

static void fill_classes(struct grammar *g)
{
    bool border[257] = {false};
    const struct grammar_nodes *b = &g->nodes;
    for (uint32_t i = 0; i < b->edges; i++) {
        mark(border, b->edge[i].low, b->edge[i].high);
    }
    for (uint32_t i = 0; i < b->texts; i++) {
        mark(border, (uint8_t)b->text[i], (uint8_t)b->text[i]);
    }
    g->classes = 0;
    for (uint32_t byte = 0; byte < 256; byte++) {
        if (byte == 0 || border[byte]) {
            g->class_byte[g->classes++] = (uint8_t)byte;
        }
        g->class_of[byte] = (uint8_t)(g->classes - 1);
    }
}

/* --- parts --- */

static uint32_t part_node(struct grammar_maker *m, const struct grammar_part *part, uint32_t next, uint32_t depth);

static uint32_t list_node(struct grammar_maker *m, const struct grammar_part *part, uint32_t next, uint32_t depth)
{
    for (uint32_t i = part->count; i-- > 0;) {
        next = part_node(m, &part->parts[i], next, depth + 1);
    }
    return next;
}

static uint32_t repeat_node(struct grammar_maker *m, const struct grammar_part *part, uint32_t next, uint32_t depth)
{
    uint32_t at = next;
    if (part->max == 0) {
        uint32_t loop = grammar_open(m->b);
        uint32_t ways[2] = {list_node(m, part, loop, depth), next};
        grammar_close(m->b, loop, ways, 2);
        at = loop;
    }
    for (uint32_t i = part->max == 0 ? part->min : part->max; i > 0 && m->rc == KIT_OK && m->b->failed == KIT_OK; i--) {
        uint32_t one = list_node(m, part, at, depth);
        at = part->max != 0 && i > part->min ? grammar_either(m->b, one, next) : one;
    }
    return at;
}

static uint32_t gbnf_node(struct grammar_maker *m, const struct grammar_part *part, uint32_t next)
{
    uint32_t rule = 0;
    enum kit_status rc = grammar_gbnf(part->text, m->b, &rule, m->err);
    m->rc = m->rc == KIT_OK ? rc : m->rc;
    return rc == KIT_OK ? grammar_call(m->b, rule, next) : GRAMMAR_END;
}

static uint32_t either_node(struct grammar_maker *m, const struct grammar_part *part, uint32_t next, uint32_t depth)
{
    uint32_t *target = grammar_maker_get(m, part->count + 1, sizeof(*target));
    for (uint32_t i = 0; target != NULL && i < part->count; i++) {
        target[i] = part_node(m, &part->parts[i], next, depth + 1);
    }
    return target == NULL ? GRAMMAR_END : grammar_split(m->b, target, part->count);
}

static uint32_t schema_node(struct grammar_maker *m, const struct schema *schema, uint32_t next)
{
    struct grammar_goal goal = grammar_goal_one(m, schema_root(schema));
    return m->rc == KIT_OK ? grammar_call(m->b, grammar_goal_rule(m, &goal), next) : GRAMMAR_END;
}

static uint32_t part_node(struct grammar_maker *m, const struct grammar_part *part, uint32_t next, uint32_t depth)
{
    if (depth > PART_DEPTH_MAX && m->rc == KIT_OK) {
        m->rc = kit_fail(m->err, KIT_TOO_LARGE, "parts of a grammar are nested too deep");
    }
    if (m->rc != KIT_OK) {
        return GRAMMAR_END;
    }
    switch (part->kind) {
    case GRAMMAR_PART_TEXT:
        return grammar_text(m->b, part->text, next);
    case GRAMMAR_PART_SCHEMA:
        return schema_node(m, part->schema, next);
    case GRAMMAR_PART_JSON:
        return grammar_call(m->b, grammar_any_rule(m), next);
    case GRAMMAR_PART_OBJECT:
        return grammar_call(m->b, grammar_any_object_rule(m), next);
    case GRAMMAR_PART_GBNF:
        return gbnf_node(m, part, next);
    case GRAMMAR_PART_ALL_OF:
        return list_node(m, part, next, depth);
    case GRAMMAR_PART_ONE_OF:
        return either_node(m, part, next, depth);
    default:
        return repeat_node(m, part, next, depth);
    }
}

/* --- a grammar --- */

static enum kit_status check_need(struct grammar *g, struct grammar_maker *m, struct kit_err *err)
{
    uint32_t need = g->nodes.need[g->root];
    if (need == GRAMMAR_NEVER) {
        return kit_fail(err, KIT_UNPROCESSABLE, "%s", m->why.code != KIT_OK ? m->why.msg : "no text satisfies it");
    }
    for (uint32_t i = 0; i < g->nodes.nodes; i++) {
        uint32_t of = g->nodes.need[i];
        g->need_most = of == GRAMMAR_NEVER ? g->need_most : KIT_MAX(g->need_most, of);
    }
    return need > GRAMMAR_DEPTH_MAX
               ? kit_fail(err, KIT_UNPROCESSABLE, "every text that satisfies it is nested deeper than %d levels",
                          GRAMMAR_DEPTH_MAX)
               : KIT_OK;
}

static enum kit_status compile(struct grammar *g, const struct grammar_part *part,
                               const struct grammar_options *options, struct kit_err *err)
{
    struct grammar_maker m;
    enum kit_status rc = grammar_nodes_init(&g->nodes, err);
    grammar_maker_init(&m, &g->nodes, options, err);
    if (rc == KIT_OK) {
        g->root = part_node(&m, part, GRAMMAR_END, 0);
        grammar_make_all(&m);
        rc = m.rc;
    }
    rc = rc == KIT_OK ? grammar_nodes_finish(&g->nodes, err) : rc;
    rc = rc == KIT_OK ? check_need(g, &m, err) : rc;
    if (rc == KIT_NOMEM && m.arena.bytes > m.arena.max - KIT_MIB) { /* the arena's own limit, not the machine's */
        rc = kit_fail(err, KIT_TOO_LARGE,
                      "the schema takes too much work: its patterns, lengths or ranges are too large");
    }
    grammar_maker_done(&m);
    g->nodes.err = NULL;
    return rc;
}

enum kit_status grammar_from_part(const struct grammar_part *part, const struct grammar_options *options,
                                  struct grammar **ret, struct kit_err *err)
{
    static const struct grammar_options compact = {.spaces = GRAMMAR_COMPACT};
    struct grammar *g = kit_alloc_zero(1, sizeof(*g));
    if (g == NULL) {
        return kit_fail(err, KIT_NOMEM, "no memory for a grammar");
    }
    kit_ref_init(&g->refs);
    enum kit_status rc = compile(g, part, options == NULL ? &compact : options, err);
    if (rc != KIT_OK) {
        grammar_unref(g);
        return rc;
    }
    fill_classes(g);
    *ret = g;
    return KIT_OK;
}

enum kit_status grammar_from_schema(const struct schema *schema, const struct grammar_options *options,
                                    struct grammar **ret, struct kit_err *err)
{
    struct grammar_part part = {.kind = GRAMMAR_PART_SCHEMA, .schema = schema};
    return grammar_from_part(&part, options, ret, err);
}

enum kit_status grammar_from_gbnf(kit_str text, struct grammar **ret, struct kit_err *err)
{
    struct grammar_part part = {.kind = GRAMMAR_PART_GBNF, .text = text};
    return grammar_from_part(&part, NULL, ret, err);
}

enum kit_status grammar_json_object(const struct grammar_options *options, struct grammar **ret, struct kit_err *err)
{
    struct grammar_part part = {.kind = GRAMMAR_PART_OBJECT};
    return grammar_from_part(&part, options, ret, err);
}

struct grammar *grammar_ref(struct grammar *g)
{
    kit_ref_up(&g->refs);
    return g;
}

void grammar_unref(struct grammar *g)
{
    if (g != NULL && kit_ref_down(&g->refs)) {
        grammar_nodes_done(&g->nodes);
        kit_alloc_free(g);
    }
}

size_t grammar_bytes(const struct grammar *g)
{
    return sizeof(*g) + grammar_nodes_bytes(&g->nodes);
}
