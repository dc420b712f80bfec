#include "grammar/make.h"

#include <stdlib.h>

#define ARENA_BYTES_MAX (128 * KIT_MIB)

void grammar_maker_init(struct grammar_maker *m, struct grammar_nodes *b, const struct grammar_options *options,
                        struct kit_err *err)
{
    *m = (struct grammar_maker){.b = b, .options = options, .err = err};
    m->any = m->any_string = m->any_number = m->any_object = m->any_array = m->spaces = GRAMMAR_NEVER;
    kit_arena_init(&m->arena, ARENA_BYTES_MAX);
}

void grammar_maker_done(struct grammar_maker *m)
{
    kit_arena_done(&m->arena);
}

void *grammar_maker_get(struct grammar_maker *m, size_t count, size_t bytes)
{
    void *p = m->rc == KIT_OK ? kit_arena_zero(&m->arena, count, bytes) : NULL;
    if (p == NULL && m->rc == KIT_OK) {
        m->rc = kit_fail(m->err, KIT_NOMEM, "no memory for a grammar");
    }
    return p;
}

bool grammar_went(struct grammar_maker *m, const struct schema_node *at, enum kit_status rc)
{
    char pointer[SCHEMA_POINTER_BYTES];
    if (rc != KIT_OK && m->rc == KIT_OK) {
        m->rc = rc == KIT_UNPROCESSABLE ? kit_err_prefix(m->err, rc, "'%s'", schema_pointer(at, pointer)) : rc;
    }
    return rc == KIT_OK && m->rc == KIT_OK;
}

struct grammar_goal grammar_goal_one(struct grammar_maker *m, const struct schema_node *node)
{
    struct grammar_goal goal = {0};
    grammar_goal_add(m, &goal, node);
    return goal;
}

void grammar_goal_add(struct grammar_maker *m, struct grammar_goal *goal, const struct schema_node *node)
{
    for (uint32_t i = 0; i < goal->count; i++) {
        if (goal->node[i] == node) {
            return;
        }
    }
    const struct schema_node **bigger = grammar_maker_get(m, goal->count + 1, sizeof(const struct schema_node *));
    if (bigger == NULL) {
        return;
    }
    for (uint32_t i = 0; i < goal->count; i++) {
        bigger[i] = goal->node[i];
    }
    bigger[goal->count] = node;
    goal->node = bigger;
    goal->count++;
}

/* --- each list of schemas once --- */

static int by_address(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t) * (const struct schema_node *const *)a;
    uintptr_t y = (uintptr_t) * (const struct schema_node *const *)b;
    return x < y ? -1 : x > y;
}

static struct grammar_memo **slot_of(struct grammar_memo **table, const struct schema_node *const *sorted,
                                     uint32_t count)
{
    uint64_t hash = count;
    for (uint32_t i = 0; i < count; i++) {
        hash = (hash ^ (uint64_t)(uintptr_t)sorted[i]) * UINT64_C(0x9E3779B97F4A7C15);
    }
    return &table[(hash >> 40) % GRAMMAR_MEMO_SLOTS];
}

static bool same_nodes(const struct grammar_memo *m, const struct schema_node *const *sorted, uint32_t count)
{
    for (uint32_t i = 0; i < count && m->count == count; i++) {
        if (m->node[i] != sorted[i]) {
            return false;
        }
    }
    return m->count == count;
}

/* The memo of these schemas; *ret_new: it was made now and has no rule yet. NULL: m->rc. */
static struct grammar_memo *memo_of(struct grammar_maker *m, struct grammar_memo **table,
                                    const struct schema_node *const *nodes, uint32_t count, bool *ret_new)
{
    const struct schema_node **sorted = grammar_maker_get(m, count + 1, sizeof(const struct schema_node *));
    if (sorted == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        sorted[i] = nodes[i];
    }
    qsort(sorted, count, sizeof(const struct schema_node *), by_address);
    struct grammar_memo **slot = slot_of(table, sorted, count);
    for (struct grammar_memo *i = *slot; i != NULL; i = i->next) {
        if (same_nodes(i, sorted, count)) {
            *ret_new = false;
            return i;
        }
    }
    struct grammar_memo *memo = grammar_maker_get(m, 1, sizeof(*memo));
    if (memo != NULL) {
        *memo = (struct grammar_memo){sorted, count, GRAMMAR_NEVER, *slot};
        *slot = memo;
        *ret_new = true;
    }
    return memo;
}

/* --- alternatives --- */

static void queue(struct grammar_maker *m, const struct grammar_alternative *a, uint32_t rule)
{
    struct grammar_job *job = grammar_maker_get(m, 1, sizeof(*job));
    if (job == NULL) {
        return;
    }
    *job = (struct grammar_job){a, rule, NULL};
    if (m->last_job == NULL) {
        m->first_job = job;
    } else {
        m->last_job->next = job;
    }
    m->last_job = job;
}

static bool sees_all(const struct grammar_alternative *a)
{
    for (uint32_t i = 0; i < a->count; i++) {
        if (a->atom[i]->unevaluated != NULL) {
            return true; /* depends on how it was reached: not shared */
        }
    }
    return false;
}

static uint32_t alternative_rule(struct grammar_maker *m, const struct grammar_alternative *a)
{
    if (a->count == 0) {
        return grammar_any_rule(m);
    }
    bool is_new = true;
    struct grammar_memo own = {0};
    struct grammar_memo *memo = sees_all(a) ? &own : memo_of(m, m->alternatives, a->atom, a->count, &is_new);
    if (memo != NULL && is_new) {
        memo->rule = grammar_rule(m->b);
        queue(m, a, memo->rule);
    }
    return memo == NULL ? 0 : memo->rule;
}

uint32_t grammar_goal_rule(struct grammar_maker *m, const struct grammar_goal *goal)
{
    bool is_new = false;
    if (goal->count == 0) {
        return grammar_any_rule(m);
    }
    struct grammar_memo *memo = memo_of(m, m->goals, goal->node, goal->count, &is_new);
    if (memo == NULL || !is_new) {
        return memo == NULL ? 0 : memo->rule;
    }
    struct grammar_alternative *list = grammar_unfold(m, goal);
    if (list != NULL && list->next == NULL) {
        memo->rule = alternative_rule(m, list);
        return memo->rule;
    }
    memo->rule = grammar_rule(m->b);
    uint32_t node = grammar_split(m->b, NULL, 0);
    for (const struct grammar_alternative *a = list; a != NULL && m->rc == KIT_OK; a = a->next) {
        uint32_t call = grammar_call(m->b, alternative_rule(m, a), GRAMMAR_END);
        node = a == list ? call : grammar_either(m->b, call, node);
    }
    grammar_rule_set(m->b, memo->rule, node);
    return memo->rule;
}

/* --- one alternative --- */

bool grammar_listed(const struct grammar_alternative *a, kit_json *values, bool *constant)
{
    for (uint32_t i = 0; i < a->count; i++) {
        const struct schema_node *n = a->atom[i];
        if (n->constant.v != NULL || n->values.v != NULL) {
            *constant = n->constant.v != NULL;
            *values = *constant ? n->constant : n->values;
            return true;
        }
    }
    return false;
}

static uint32_t listed_one(struct grammar_maker *m, const struct grammar_alternative *a, kit_json value)
{
    enum grammar_fit fit = grammar_fits_all(m, a, value);
    if (fit == GRAMMAR_FITS_PERHAPS) {
        grammar_refuse(m, a->at, "whether a value of 'enum' or 'const' satisfies the rest cannot be told");
    }
    enum kit_status before = m->rc;
    uint32_t node = fit == GRAMMAR_FITS ? grammar_value_node(m, value, GRAMMAR_END) : GRAMMAR_NEVER;
    if (before == KIT_OK && m->rc == KIT_UNPROCESSABLE) {
        m->rc = KIT_OK;
        grammar_went(m, a->at, KIT_UNPROCESSABLE);
    }
    return node;
}

static uint32_t listed_node(struct grammar_maker *m, const struct grammar_alternative *a, kit_json values,
                            bool constant)
{
    uint32_t count = 0;
    uint32_t *target = grammar_maker_get(m, constant ? 1 : kit_json_count(values) + 1, sizeof(*target));
    if (target == NULL) {
        return GRAMMAR_END;
    }
    if (constant) {
        target[count++] = listed_one(m, a, values);
    }
    for (struct kit_json_iter i = kit_json_iter(values); !constant && kit_json_next(&i);) {
        target[count++] = listed_one(m, a, i.value);
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (target[i] != GRAMMAR_NEVER) {
            target[kept++] = target[i];
        }
    }
    if (kept == 0) {
        grammar_impossible(m, a->at, "no value of 'enum' or 'const' satisfies the rest");
    }
    return grammar_split(m->b, target, kept);
}

/* "not" with values in it, for types that have few values. */
static bool is_excluded(struct grammar_maker *m, const struct grammar_alternative *a, kit_str json)
{
    struct kit_json_doc *doc = NULL;
    if (kit_json_parse(json, 2, &doc, NULL) != KIT_OK) {
        return false;
    }
    enum grammar_fit fit = grammar_fits_all(m, a, kit_json_root(doc));
    kit_json_free(doc);
    return fit == GRAMMAR_FITS_NOT;
}

static uint32_t word_node(struct grammar_maker *m, const struct grammar_alternative *a, const char *word)
{
    return is_excluded(m, a, kit_str_c(word)) ? grammar_split(m->b, NULL, 0) : grammar_text_c(m->b, word, GRAMMAR_END);
}

static void alternative_make(struct grammar_maker *m, const struct grammar_alternative *a, uint32_t rule)
{
    kit_json values;
    bool constant;
    uint32_t target[8];
    uint32_t count = 0;
    if (grammar_listed(a, &values, &constant)) {
        target[count++] = listed_node(m, a, values, constant);
        grammar_rule_set(m->b, rule, target[0]);
        return;
    }
    if (a->types & SCHEMA_NULL) {
        target[count++] = word_node(m, a, "null");
    }
    if (a->types & SCHEMA_BOOLEAN) {
        target[count++] = word_node(m, a, "true");
        target[count++] = word_node(m, a, "false");
    }
    if (a->types & (SCHEMA_WHOLE | SCHEMA_FRACTION)) {
        target[count++] = grammar_number_node(m, a, GRAMMAR_END);
    }
    if (a->types & SCHEMA_STRING) {
        target[count++] = grammar_string_node(m, a, GRAMMAR_END);
    }
    if (a->types & SCHEMA_ARRAY) {
        target[count++] = grammar_array_node(m, a, GRAMMAR_END);
    }
    if (a->types & SCHEMA_OBJECT) {
        target[count++] = grammar_object_node(m, a, GRAMMAR_END);
    }
    grammar_rule_set(m->b, rule, grammar_split(m->b, target, count));
}

void grammar_make_all(struct grammar_maker *m)
{
    while (m->first_job != NULL && m->rc == KIT_OK && m->b->failed == KIT_OK) {
        struct grammar_job *job = m->first_job;
        m->first_job = job->next;
        if (m->first_job == NULL) {
            m->last_job = NULL;
        }
        alternative_make(m, job->alternative, job->rule);
    }
    m->rc = m->rc == KIT_OK ? m->b->failed : m->rc;
}
