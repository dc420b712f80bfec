#include "grammar/make.h"

/* All bounds of an alternative's atoms, of one kind. */
static uint32_t collect(struct grammar_maker *m, const struct grammar_alternative *a, size_t member,
                        const kit_json **ret)
{
    kit_json *list = grammar_maker_get(m, a->count + 1, sizeof(*list));
    uint32_t count = 0;
    for (uint32_t i = 0; list != NULL && i < a->count; i++) {
        kit_json v = *(const kit_json *)((const char *)a->atom[i] + member);
        if (v.v != NULL) {
            list[count++] = v;
        }
    }
    *ret = list;
    return count;
}

static bool take_away(struct grammar_maker *m, const struct grammar_alternative *a, kit_json value,
                      struct grammar_dfa *dfa)
{
    struct kit_buf text;
    struct kit_json_writer w;
    struct grammar_dfa one;
    struct grammar_dfa rest;
    if (kit_json_type(value) != KIT_JSON_NUMBER) {
        return true;
    }
    int64_t whole = kit_json_i64(value, INT64_MIN);
    if (a->types & SCHEMA_FRACTION) {
        grammar_refuse(m, a->at, "'not' with a number in it can be expressed for whole numbers only");
        return false;
    }
    if (whole == INT64_MIN) {
        return true;
    }
    kit_buf_init(&text, 64);
    kit_json_writer_init(&w, &text);
    kit_json_put_i64(&w, whole);
    enum kit_status rc =
        text.failed != KIT_OK ? text.failed : grammar_dfa_text(&m->arena, kit_buf_str(&text), &one, m->err);
    rc = rc == KIT_OK ? grammar_dfa_without(&m->arena, dfa, &one, &rest, m->err) : rc;
    kit_buf_done(&text);
    if (rc == KIT_OK) {
        *dfa = rest;
    }
    return grammar_went(m, a->at, rc);
}

static bool take_away_all(struct grammar_maker *m, const struct grammar_alternative *a, struct grammar_dfa *dfa)
{
    for (uint32_t i = 0; i < a->count; i++) {
        const struct schema_node *not = a->atom[i]->not ;
        if (not == NULL) {
            continue;
        }
        if (not ->constant.v != NULL && !take_away(m, a, not ->constant, dfa)) {
            return false;
        }
        for (struct kit_json_iter v = kit_json_iter(not ->values); kit_json_next(&v);) {
            if (!take_away(m, a, v.value, dfa)) {
                return false;
            }
        }
    }
    return true;
}

bool grammar_number_dfa(struct grammar_maker *m, const struct grammar_alternative *a, struct grammar_dfa *ret)
{
    struct grammar_bounds b = {.whole = (a->types & SCHEMA_FRACTION) == 0};
    b.least_count = collect(m, a, offsetof(struct schema_node, minimum), &b.least);
    b.most_count = collect(m, a, offsetof(struct schema_node, maximum), &b.most);
    b.above_count = collect(m, a, offsetof(struct schema_node, exclusive_minimum), &b.above);
    b.below_count = collect(m, a, offsetof(struct schema_node, exclusive_maximum), &b.below);
    b.multiple_count = collect(m, a, offsetof(struct schema_node, multiple_of), &b.multiples);
    if (m->rc != KIT_OK) {
        return false;
    }
    if ((a->types & SCHEMA_WHOLE) == 0) {
        grammar_refuse(m, a->at, "numbers that are not whole, without the whole ones, cannot be expressed");
        return false;
    }
    return grammar_went(m, a->at, grammar_number(&m->arena, &b, ret, m->err)) && take_away_all(m, a, ret);
}

static bool is_unbounded(const struct grammar_alternative *a)
{
    for (uint32_t i = 0; i < a->count; i++) {
        const struct schema_node *n = a->atom[i];
        if (n->minimum.v != NULL || n->maximum.v != NULL || n->exclusive_minimum.v != NULL ||
            n->exclusive_maximum.v != NULL || n->multiple_of.v != NULL || n->not != NULL) {
            return false;
        }
    }
    return true;
}

uint32_t grammar_number_node(struct grammar_maker *m, const struct grammar_alternative *a, uint32_t next)
{
    struct grammar_dfa dfa;
    if ((a->types & SCHEMA_FRACTION) != 0 && (a->types & SCHEMA_WHOLE) != 0 && is_unbounded(a)) {
        return grammar_call(m->b, grammar_any_number_rule(m), next);
    }
    if (!grammar_number_dfa(m, a, &dfa)) {
        return GRAMMAR_END;
    }
    if (dfa.states == 0) {
        grammar_impossible(m, a->at, "no number satisfies it");
    }
    return grammar_dfa_nodes(&m->arena, &dfa, GRAMMAR_RAW, m->b, next);
}
