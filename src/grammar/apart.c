#include "grammar/make.h"

#include <math.h>

#define DEPTH_MAX 6

/* `one` is what is written, `other` is what must not take it. */
struct two {
    struct grammar_maker *m;
    const struct grammar_alternative *one, *other;
    uint32_t depth;
};

static bool all_refused(struct grammar_maker *m, const struct grammar_alternative *listed, kit_json values,
                        bool constant, const struct grammar_alternative *by)
{
    if (constant) {
        return grammar_fits_all(m, by, values) == GRAMMAR_FITS_NOT ||
               grammar_fits_all(m, listed, values) == GRAMMAR_FITS_NOT;
    }
    for (struct kit_json_iter i = kit_json_iter(values); kit_json_next(&i);) {
        if (grammar_fits_all(m, by, i.value) != GRAMMAR_FITS_NOT &&
            grammar_fits_all(m, listed, i.value) != GRAMMAR_FITS_NOT) {
            return false;
        }
    }
    return true;
}

struct interval {
    double low, high;
    bool low_open, high_open;
};

static struct interval interval_of(const struct grammar_alternative *a)
{
    struct interval i = {-INFINITY, INFINITY, false, false};
    for (uint32_t k = 0; k < a->count; k++) {
        const struct schema_node *n = a->atom[k];
        double x = kit_json_f64(n->minimum, -INFINITY);
        i.low = fmax(i.low, x);
        x = kit_json_f64(n->exclusive_minimum, -INFINITY);
        i.low_open = x >= i.low && n->exclusive_minimum.v != NULL ? true : i.low_open;
        i.low = fmax(i.low, x);
        x = kit_json_f64(n->maximum, INFINITY);
        i.high = fmin(i.high, x);
        x = kit_json_f64(n->exclusive_maximum, INFINITY);
        i.high_open = x <= i.high && n->exclusive_maximum.v != NULL ? true : i.high_open;
        i.high = fmin(i.high, x);
    }
    return i;
}

static bool before(const struct interval *a, const struct interval *b)
{
    return a->high < b->low;
}

static bool touch_only(const struct interval *a, const struct interval *b)
{
    return a->high == b->low && (a->high_open || b->low_open);
}

static bool numbers_apart(const struct two *t)
{
    struct interval a = interval_of(t->one);
    struct interval b = interval_of(t->other);
    if (before(&a, &b) || before(&b, &a)) {
        return true;
    }
    /* An open end counts only where one schema alone gives it: several may have given the other end. */
    if (t->one->count == 1 && t->other->count == 1 && (touch_only(&a, &b) || touch_only(&b, &a))) {
        return true;
    }
    struct grammar_dfa one;
    struct grammar_dfa other;
    struct grammar_dfa both;
    if (((t->one->types | t->other->types) & SCHEMA_FRACTION) != 0) {
        return false;
    }
    return grammar_number_dfa(t->m, t->one, &one) && grammar_number_dfa(t->m, t->other, &other) &&
           grammar_went(t->m, t->one->at, grammar_dfa_and(&t->m->arena, &one, &other, &both, t->m->err)) &&
           both.states == 0;
}

static bool strings_apart(const struct two *t)
{
    struct grammar_dfa one;
    struct grammar_dfa other;
    struct grammar_dfa both;
    bool any_one = false;
    bool any_other = false;
    if (!grammar_string_dfa(t->m, t->one, GRAMMAR_NARROW, &one, &any_one) ||
        !grammar_string_dfa(t->m, t->other, GRAMMAR_WIDE, &other, &any_other) || any_one || any_other) {
        return false;
    }
    return grammar_went(t->m, t->one->at, grammar_dfa_and(&t->m->arena, &one, &other, &both, t->m->err)) &&
           both.states == 0;
}

static bool arrays_apart(const struct two *t)
{
    uint64_t min[2];
    uint64_t max[2];
    grammar_item_counts(t->one, &min[0], &max[0]);
    grammar_item_counts(t->other, &min[1], &max[1]);
    if (min[0] > max[1] || min[1] > max[0]) {
        return true;
    }
    for (uint64_t i = 0; i < KIT_MIN(min[0], 16U); i++) { /* these are there in what is written */
        struct grammar_goal one;
        struct grammar_goal other;
        if (!grammar_item_goal(t->m, t->other, i, &other)) {
            return true;
        }
        if (grammar_item_goal(t->m, t->one, i, &one) && one.count > 0 && other.count > 0 &&
            grammar_apart(t->m, &one, &other, t->depth + 1)) {
            return true;
        }
    }
    return false;
}

/* A member that is always written, and that the other does not take. */
static bool refuses_member(const struct two *t, kit_str name)
{
    struct grammar_goal one;
    struct grammar_goal other;
    if (!grammar_member_goal(t->m, t->other, name, &other)) {
        return t->m->rc == KIT_OK;
    }
    return grammar_member_goal(t->m, t->one, name, &one) && one.count > 0 && other.count > 0 &&
           grammar_apart(t->m, &one, &other, t->depth + 1);
}

static bool objects_apart(const struct two *t)
{
    for (uint32_t i = 0; i < t->one->count; i++) {
        for (uint32_t k = 0; k < t->one->atom[i]->required.count; k++) {
            if (refuses_member(t, t->one->atom[i]->required.name[k])) {
                return true;
            }
        }
    }
    for (uint32_t i = 0; i < t->other->count; i++) {
        for (uint32_t k = 0; k < t->other->atom[i]->required.count; k++) {
            if (!grammar_member_written(t->m, t->one, t->other->atom[i]->required.name[k])) {
                return true;
            }
        }
    }
    return false;
}

static bool alternatives_apart(const struct two *t)
{
    kit_json values;
    bool constant;
    uint32_t common = t->one->types & t->other->types;
    if (grammar_listed(t->one, &values, &constant)) {
        return all_refused(t->m, t->one, values, constant, t->other);
    }
    if (grammar_listed(t->other, &values, &constant)) {
        return all_refused(t->m, t->other, values, constant, t->one);
    }
    return (common & (SCHEMA_NULL | SCHEMA_BOOLEAN)) == 0 &&
           ((common & (SCHEMA_WHOLE | SCHEMA_FRACTION)) == 0 || numbers_apart(t)) &&
           ((common & SCHEMA_STRING) == 0 || strings_apart(t)) && ((common & SCHEMA_ARRAY) == 0 || arrays_apart(t)) &&
           ((common & SCHEMA_OBJECT) == 0 || objects_apart(t));
}

bool grammar_apart(struct grammar_maker *m, const struct grammar_goal *one, const struct grammar_goal *other,
                   uint32_t depth)
{
    if (depth > DEPTH_MAX) {
        return false;
    }
    struct grammar_alternative *others = grammar_unfold(m, other);
    for (const struct grammar_alternative *a = grammar_unfold(m, one); a != NULL && m->rc == KIT_OK; a = a->next) {
        for (const struct grammar_alternative *b = others; b != NULL && m->rc == KIT_OK; b = b->next) {
            struct two t = {m, a, b, depth};
            if (!alternatives_apart(&t)) {
                return false;
            }
        }
    }
    return m->rc == KIT_OK;
}
