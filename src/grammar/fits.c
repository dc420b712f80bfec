#include "grammar/make.h"

#include <math.h>

#define DEPTH_MAX 40

/* A value that stands in the schema itself ("const", "enum"), held to another schema. What is not decided here is "perhaps". */
struct fitting {
    struct grammar_maker *m;
    uint32_t depth;
};

static enum grammar_fit fits(struct fitting *f, const struct schema_node *n, kit_json v);

static enum grammar_fit fit_both(enum grammar_fit a, enum grammar_fit b)
{
    if (a == GRAMMAR_FITS_NOT || b == GRAMMAR_FITS_NOT) {
        return GRAMMAR_FITS_NOT;
    }
    return a == GRAMMAR_FITS && b == GRAMMAR_FITS ? GRAMMAR_FITS : GRAMMAR_FITS_PERHAPS;
}

static enum grammar_fit yes(bool fits)
{
    return fits ? GRAMMAR_FITS : GRAMMAR_FITS_NOT;
}

static bool same_objects(kit_json a, kit_json b)
{
    for (struct kit_json_iter i = kit_json_iter(a); kit_json_next(&i);) {
        bool found = false;
        for (struct kit_json_iter k = kit_json_iter(b); !found && kit_json_next(&k);) {
            found = kit_str_eq(i.key, k.key) && grammar_same_value(i.value, k.value);
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

bool grammar_same_value(kit_json a, kit_json b)
{
    struct kit_json_iter k = kit_json_iter(b);
    if (kit_json_type(a) != kit_json_type(b) || kit_json_count(a) != kit_json_count(b)) {
        return false;
    }
    switch (kit_json_type(a)) {
    case KIT_JSON_BOOL:
        return kit_json_bool(a, false) == kit_json_bool(b, false);
    case KIT_JSON_NUMBER:
        return kit_json_f64(a, 0) == kit_json_f64(b, 0);
    case KIT_JSON_STRING:
        return kit_str_eq(kit_json_str(a, (kit_str){0}), kit_json_str(b, (kit_str){0}));
    case KIT_JSON_OBJECT:
        return same_objects(a, b);
    case KIT_JSON_ARRAY:
        for (struct kit_json_iter i = kit_json_iter(a); kit_json_next(&i) && kit_json_next(&k);) {
            if (!grammar_same_value(i.value, k.value)) {
                return false;
            }
        }
        return true;
    default:
        return true;
    }
}

static uint32_t type_of(kit_json v)
{
    double x = kit_json_f64(v, 0);
    switch (kit_json_type(v)) {
    case KIT_JSON_NULL:
        return SCHEMA_NULL;
    case KIT_JSON_BOOL:
        return SCHEMA_BOOLEAN;
    case KIT_JSON_NUMBER:
        return x == floor(x) ? SCHEMA_WHOLE : SCHEMA_FRACTION;
    case KIT_JSON_STRING:
        return SCHEMA_STRING;
    case KIT_JSON_ARRAY:
        return SCHEMA_ARRAY;
    default:
        return SCHEMA_OBJECT;
    }
}

static enum grammar_fit fits_number(const struct schema_node *n, kit_json v)
{
    double x = kit_json_f64(v, 0);
    bool good = (n->minimum.v == NULL || x >= kit_json_f64(n->minimum, 0)) &&
                (n->maximum.v == NULL || x <= kit_json_f64(n->maximum, 0)) &&
                (n->exclusive_minimum.v == NULL || x > kit_json_f64(n->exclusive_minimum, 0)) &&
                (n->exclusive_maximum.v == NULL || x < kit_json_f64(n->exclusive_maximum, 0));
    if (!good || n->multiple_of.v == NULL) {
        return yes(good);
    }
    double by = kit_json_f64(n->multiple_of, 1);
    if (x == floor(x) && by == floor(by) && fabs(x) < 0x1p53) {
        return yes(fmod(x, by) == 0);
    }
    return GRAMMAR_FITS_PERHAPS;
}

static enum grammar_fit fits_string(struct fitting *f, const struct schema_node *n, kit_json v)
{
    kit_str text = kit_json_str(v, (kit_str){0});
    uint64_t points = 0;
    for (size_t at = 0; at < text.len; points++) {
        grammar_point_next(text, &at);
    }
    if (points < n->length_min || points > n->length_max) {
        return GRAMMAR_FITS_NOT;
    }
    if (n->pattern.ptr == NULL) {
        return GRAMMAR_FITS;
    }
    struct grammar_dfa narrow;
    struct grammar_dfa wide;
    if (grammar_regex(&f->m->arena, n->pattern, GRAMMAR_NARROW, &narrow, NULL) != KIT_OK ||
        grammar_regex(&f->m->arena, n->pattern, GRAMMAR_WIDE, &wide, NULL) != KIT_OK) {
        return GRAMMAR_FITS_PERHAPS;
    }
    return grammar_dfa_takes(&narrow, text) ? GRAMMAR_FITS
           : grammar_dfa_takes(&wide, text) ? GRAMMAR_FITS_PERHAPS
                                            : GRAMMAR_FITS_NOT;
}

static enum grammar_fit fits_array(struct fitting *f, const struct schema_node *n, kit_json v)
{
    uint64_t count = kit_json_count(v);
    enum grammar_fit all = yes(count >= n->items_min && count <= n->items_max);
    for (struct kit_json_iter i = kit_json_iter(v); all != GRAMMAR_FITS_NOT && kit_json_next(&i);) {
        const struct schema_node *item = i.index < n->prefix_items.count ? n->prefix_items.node[i.index] : n->items;
        all = item == NULL ? all : fit_both(all, fits(f, item, i.value));
        for (struct kit_json_iter k = kit_json_iter(v); n->unique && kit_json_next(&k) && k.index < i.index;) {
            all = grammar_same_value(i.value, k.value) ? GRAMMAR_FITS_NOT : all;
        }
    }
    return n->contains != NULL || n->unevaluated_items != NULL ? fit_both(all, GRAMMAR_FITS_PERHAPS) : all;
}

static bool has_member(kit_json object, kit_str name)
{
    for (struct kit_json_iter i = kit_json_iter(object); kit_json_next(&i);) {
        if (kit_str_eq(i.key, name)) {
            return true;
        }
    }
    return false;
}

static enum grammar_fit fits_member(struct fitting *f, const struct schema_node *n, kit_str name, kit_json v)
{
    for (uint32_t i = 0; i < n->properties.count; i++) {
        if (kit_str_eq(n->properties.member[i].name, name)) {
            return fits(f, n->properties.member[i].node, v);
        }
    }
    return n->additional == NULL ? GRAMMAR_FITS : fits(f, n->additional, v);
}

static enum grammar_fit fits_object(struct fitting *f, const struct schema_node *n, kit_json v)
{
    uint64_t count = kit_json_count(v);
    enum grammar_fit all = yes(count >= n->properties_min && count <= n->properties_max);
    for (uint32_t i = 0; i < n->required.count; i++) {
        all = has_member(v, n->required.name[i]) ? all : GRAMMAR_FITS_NOT;
    }
    bool simple = n->pattern_properties.count == 0 && n->names == NULL && n->unevaluated == NULL &&
                  n->dependent_count == 0 && n->dependent_schemas.count == 0;
    for (struct kit_json_iter i = kit_json_iter(v); all != GRAMMAR_FITS_NOT && simple && kit_json_next(&i);) {
        all = fit_both(all, fits_member(f, n, i.key, i.value));
    }
    return simple || all == GRAMMAR_FITS_NOT ? all : GRAMMAR_FITS_PERHAPS;
}

static enum grammar_fit fits_branches(struct fitting *f, const struct schema_list *list, kit_json v, bool just_one)
{
    uint32_t good = 0;
    bool perhaps = false;
    for (uint32_t i = 0; i < list->count; i++) {
        enum grammar_fit one = fits(f, list->node[i], v);
        good += one == GRAMMAR_FITS;
        perhaps |= one == GRAMMAR_FITS_PERHAPS;
    }
    if (list->count == 0 || (good > 0 && !just_one)) {
        return GRAMMAR_FITS;
    }
    return good > 1 ? GRAMMAR_FITS_NOT : perhaps ? GRAMMAR_FITS_PERHAPS : yes(good == 1);
}

static bool is_listed(const struct schema_node *n, kit_json v)
{
    for (struct kit_json_iter i = kit_json_iter(n->values); kit_json_next(&i);) {
        if (grammar_same_value(i.value, v)) {
            return true;
        }
    }
    return false;
}

static enum grammar_fit fits_not(struct fitting *f, const struct schema_node * not, kit_json v)
{
    enum grammar_fit inner = not == NULL ? GRAMMAR_FITS_NOT : fits(f, not, v);
    return inner == GRAMMAR_FITS_PERHAPS ? inner : yes(inner == GRAMMAR_FITS_NOT);
}

/* What the schema says itself, without what applies in place. */
static enum grammar_fit fits_own(struct fitting *f, const struct schema_node *n, kit_json v)
{
    uint32_t type = type_of(v);
    if (n->never || (n->types & type) == 0 || (n->constant.v != NULL && !grammar_same_value(n->constant, v)) ||
        (n->values.v != NULL && !is_listed(n, v))) {
        return GRAMMAR_FITS_NOT;
    }
    enum grammar_fit all = fits_not(f, n->not, v);
    all = n->condition != NULL && (n->then != NULL || n->otherwise != NULL) ? fit_both(all, GRAMMAR_FITS_PERHAPS) : all;
    switch (type) {
    case SCHEMA_WHOLE:
    case SCHEMA_FRACTION:
        return fit_both(all, fits_number(n, v));
    case SCHEMA_STRING:
        return fit_both(all, fits_string(f, n, v));
    case SCHEMA_ARRAY:
        return fit_both(all, fits_array(f, n, v));
    case SCHEMA_OBJECT:
        return fit_both(all, fits_object(f, n, v));
    default:
        return all;
    }
}

static enum grammar_fit fits(struct fitting *f, const struct schema_node *n, kit_json v)
{
    if (f->depth == DEPTH_MAX || f->m->steps++ > 200000) {
        return GRAMMAR_FITS_PERHAPS;
    }
    f->depth++;
    enum grammar_fit all = fits_own(f, n, v);
    for (uint32_t i = 0; i < n->all_of.count && all != GRAMMAR_FITS_NOT; i++) {
        all = fit_both(all, fits(f, n->all_of.node[i], v));
    }
    if (all != GRAMMAR_FITS_NOT) {
        all = fit_both(all, fits_branches(f, &n->any_of, v, false));
        all = fit_both(all, fits_branches(f, &n->one_of, v, true));
        all = n->ref == NULL ? all : fit_both(all, fits(f, n->ref, v));
        all = n->dynamic_ref == NULL ? all : fit_both(all, fits(f, n->dynamic_ref, v));
    }
    f->depth--;
    return all;
}

enum grammar_fit grammar_fits_all(struct grammar_maker *m, const struct grammar_alternative *a, kit_json value)
{
    struct fitting f = {.m = m};
    enum grammar_fit all = GRAMMAR_FITS;
    for (uint32_t i = 0; i < a->count && all != GRAMMAR_FITS_NOT; i++) {
        all = fit_both(all, fits_own(&f, a->atom[i], value));
    }
    return all;
}
