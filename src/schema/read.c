#include "schema/inner.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A keyword being read. */
struct word {
    struct schema_reader *r;
    struct schema_node *node;
    kit_str name;
    kit_json value;
    kit_json object; /* the schema that it stands in */
    kit_json resource;
    uint32_t depth;
    void *slot; /* where it goes in node */
};

static enum kit_status wrong(const struct word *w, const char *what)
{
    return schema_fail(w->node, KIT_INVALID, w->r->err, "'%.*s' must be %s, but is %s", KIT_STR_ARG(w->name), what,
                       kit_json_type_name(w->value));
}

static enum kit_status no_memory(const struct word *w)
{
    return kit_fail(w->r->err, KIT_NOMEM, "no memory for a schema");
}

static enum kit_status read_inside(const struct word *w, const char *keyword, kit_str step, kit_json value,
                                   const struct schema_node **ret)
{
    struct schema_place place = {
        .up = w->node, .keyword = keyword, .step = step, .resource = w->resource, .depth = w->depth + 1};
    struct schema_node *node = NULL;
    enum kit_status rc = schema_read(w->r, value, &place, &node);
    *ret = node;
    return rc;
}

/* --- one kind of value each; *slot is of the type that the name says --- */

static enum kit_status read_node(const struct word *w, const char *keyword)
{
    return read_inside(w, keyword, (kit_str){0}, w->value, (const struct schema_node **)w->slot);
}

static enum kit_status read_nodes(const struct word *w, const char *keyword)
{
    struct schema_list *list = w->slot;
    size_t count = kit_json_count(w->value);
    if (kit_json_type(w->value) != KIT_JSON_ARRAY) {
        return wrong(w, "a list of schemas");
    }
    list->node = kit_arena_zero(&w->r->schema->arena, count + 1, sizeof(list->node[0]));
    if (list->node == NULL) {
        return no_memory(w);
    }
    for (struct kit_json_iter i = kit_json_iter(w->value); kit_json_next(&i);) {
        const char *index = kit_arena_printf(&w->r->schema->arena, "%zu", i.index);
        if (index == NULL) {
            return no_memory(w);
        }
        enum kit_status rc = read_inside(w, keyword, kit_str_c(index), i.value, &list->node[i.index]);
        if (rc != KIT_OK) {
            return rc;
        }
        list->count++;
    }
    return KIT_OK;
}

static int compare_names(const void *a, const void *b)
{
    return kit_str_cmp(*(const kit_str *)a, *(const kit_str *)b);
}

static enum kit_status check_twice(const struct word *w, kit_str *sorted, size_t count)
{
    qsort(sorted, count, sizeof(*sorted), compare_names);
    for (size_t i = 1; i < count; i++) {
        if (kit_str_eq(sorted[i - 1], sorted[i])) {
            return schema_fail(w->node, KIT_INVALID, w->r->err, "'%.*s' has '%.*s' twice", KIT_STR_ARG(w->name),
                               KIT_STR_ARG(kit_str_sub(sorted[i], 0, 60)));
        }
    }
    return KIT_OK;
}

/* The names of an object, which must all differ. */
static enum kit_status check_keys(const struct word *w)
{
    size_t count = kit_json_count(w->value);
    kit_str *sorted = kit_arena_zero(&w->r->schema->arena, count + 1, sizeof(*sorted));
    if (sorted == NULL) {
        return no_memory(w);
    }
    size_t at = 0;
    for (struct kit_json_iter i = kit_json_iter(w->value); kit_json_next(&i);) {
        sorted[at++] = i.key;
    }
    return check_twice(w, sorted, count);
}

/* Room for so many more; two keywords bring them. */
static enum kit_status grow_members(const struct word *w, struct schema_members *members, size_t more)
{
    struct schema_member *all = kit_arena_zero(&w->r->schema->arena, members->count + more + 1, sizeof(*all));
    if (all == NULL) {
        return no_memory(w);
    }
    for (uint32_t i = 0; i < members->count; i++) {
        all[i] = members->member[i];
    }
    members->member = all;
    return KIT_OK;
}

static enum kit_status read_members(const struct word *w, const char *keyword)
{
    struct schema_members *members = w->slot;
    if (kit_json_type(w->value) != KIT_JSON_OBJECT) {
        return wrong(w, "an object of schemas");
    }
    enum kit_status rc = check_keys(w);
    if (rc != KIT_OK) {
        return rc;
    }
    rc = grow_members(w, members, kit_json_count(w->value)); /* definitions come under two names */
    if (rc != KIT_OK) {
        return rc;
    }
    struct schema_member *all = members->member;
    for (struct kit_json_iter i = kit_json_iter(w->value); kit_json_next(&i); members->count++) {
        all[members->count].name = i.key;
        rc = read_inside(w, keyword, i.key, i.value, &all[members->count].node);
        if (rc != KIT_OK) {
            return rc;
        }
    }
    return KIT_OK;
}

static enum kit_status read_count(const struct word *w, const char *keyword)
{
    (void)keyword;
    double x = kit_json_f64(w->value, -1);
    if (!(x >= 0) || x != floor(x)) {
        return wrong(w, "a whole number of at least 0");
    }
    *(uint64_t *)w->slot = x >= 0x1p62 ? SCHEMA_NO_MAX : (uint64_t)x;
    return KIT_OK;
}

static enum kit_status read_number(const struct word *w, const char *keyword)
{
    (void)keyword;
    if (kit_json_type(w->value) != KIT_JSON_NUMBER) {
        return wrong(w, "a number");
    }
    *(kit_json *)w->slot = w->value;
    return KIT_OK;
}

static enum kit_status read_text(const struct word *w, const char *keyword)
{
    (void)keyword;
    if (kit_json_type(w->value) != KIT_JSON_STRING) {
        return wrong(w, "a string");
    }
    *(kit_str *)w->slot = kit_json_str(w->value, (kit_str){0});
    return KIT_OK;
}

static enum kit_status read_bool(const struct word *w, const char *keyword)
{
    (void)keyword;
    if (kit_json_type(w->value) != KIT_JSON_BOOL) {
        return wrong(w, "true or false");
    }
    *(bool *)w->slot = kit_json_bool(w->value, false);
    return KIT_OK;
}

static enum kit_status read_any(const struct word *w, const char *keyword)
{
    (void)keyword;
    *(kit_json *)w->slot = w->value;
    return KIT_OK;
}

static enum kit_status read_values(const struct word *w, const char *keyword)
{
    return kit_json_type(w->value) == KIT_JSON_ARRAY ? read_any(w, keyword) : wrong(w, "a list of values");
}

static enum kit_status fill_names(const struct word *w, kit_json list, struct schema_names *ret)
{
    size_t count = kit_json_count(list);
    kit_str *sorted = kit_arena_zero(&w->r->schema->arena, count + 1, sizeof(*sorted));
    ret->name = kit_arena_zero(&w->r->schema->arena, count + 1, sizeof(ret->name[0]));
    if (ret->name == NULL || sorted == NULL) {
        return no_memory(w);
    }
    for (struct kit_json_iter i = kit_json_iter(list); kit_json_next(&i);) {
        if (kit_json_type(i.value) != KIT_JSON_STRING) {
            return schema_fail(w->node, KIT_INVALID, w->r->err, "'%.*s' must list names", KIT_STR_ARG(w->name));
        }
        ret->name[ret->count] = sorted[ret->count] = kit_json_str(i.value, (kit_str){0});
        ret->count++;
    }
    return check_twice(w, sorted, count);
}

static enum kit_status read_names(const struct word *w, const char *keyword)
{
    (void)keyword;
    return kit_json_type(w->value) == KIT_JSON_ARRAY ? fill_names(w, w->value, w->slot) : wrong(w, "a list of names");
}

/* --- keywords with a way of their own --- */

static bool type_bits(kit_str name, uint32_t *bits)
{
    static const struct {
        const char *name;
        uint32_t bits;
    } types[] = {{"null", SCHEMA_NULL},
                 {"boolean", SCHEMA_BOOLEAN},
                 {"integer", SCHEMA_WHOLE},
                 {"string", SCHEMA_STRING},
                 {"array", SCHEMA_ARRAY},
                 {"object", SCHEMA_OBJECT},
                 {"number", SCHEMA_WHOLE | SCHEMA_FRACTION}};
    for (size_t i = 0; i < KIT_COUNT(types); i++) {
        if (kit_str_eq(name, kit_str_c(types[i].name))) {
            *bits |= types[i].bits;
            return true;
        }
    }
    return false;
}

static enum kit_status no_type(const struct word *w, kit_str name)
{
    return schema_fail(w->node, KIT_INVALID, w->r->err, "'type' must name JSON's types, but has '%.*s'",
                       KIT_STR_ARG(kit_str_sub(name, 0, 40)));
}

static enum kit_status read_type(const struct word *w, const char *keyword)
{
    (void)keyword;
    uint32_t bits = 0;
    kit_str one = kit_json_str(w->value, (kit_str){0});
    if (one.ptr != NULL && !type_bits(one, &bits)) {
        return no_type(w, one);
    }
    for (struct kit_json_iter i = kit_json_iter(w->value); one.ptr == NULL && kit_json_next(&i);) {
        kit_str name = kit_json_str(i.value, kit_str_lit("something that is no string"));
        if (!type_bits(name, &bits)) {
            return no_type(w, name);
        }
    }
    if (bits == 0) {
        return wrong(w, "a type or a list of types");
    }
    w->node->types = bits;
    return KIT_OK;
}

/* "nullable" of OpenAPI 3.0: null besides, wherever the type stands in the object. */
static enum kit_status read_nullable(const struct word *w, const char *keyword)
{
    bool nullable = false;
    struct word inner = *w;
    inner.slot = &nullable;
    enum kit_status rc = read_bool(&inner, keyword);
    w->node->types |= nullable ? SCHEMA_NULL : 0;
    return rc;
}

/* A list in draft 7 and before is "prefixItems" now, and "additionalItems" is "items". */
static enum kit_status read_items(const struct word *w, const char *keyword)
{
    struct word inner = *w;
    bool list = kit_json_type(w->value) == KIT_JSON_ARRAY;
    inner.slot = list ? (void *)&w->node->prefix_items : (void *)&w->node->items;
    return list ? read_nodes(&inner, keyword) : read_node(&inner, keyword);
}

static enum kit_status read_additional_items(const struct word *w, const char *keyword)
{
    if (kit_json_type(kit_json_get(w->object, "items")) != KIT_JSON_ARRAY) {
        return KIT_OK; /* says nothing then */
    }
    struct word inner = *w;
    inner.slot = &w->node->items;
    return read_node(&inner, keyword);
}

/* true in draft 4: the bound beside it is the exclusive one. */
static enum kit_status read_exclusive(const struct word *w, const char *keyword, kit_json *inclusive)
{
    if (kit_json_type(w->value) != KIT_JSON_BOOL) {
        return read_number(w, keyword);
    }
    if (kit_json_bool(w->value, false)) {
        const char *other = inclusive == &w->node->minimum ? "minimum" : "maximum";
        *(kit_json *)w->slot = kit_json_get(w->object, other);
        if (kit_json_type(*(kit_json *)w->slot) != KIT_JSON_NUMBER) {
            return schema_fail(w->node, KIT_INVALID, w->r->err, "'%.*s' is true, but '%s' is no number",
                               KIT_STR_ARG(w->name), other);
        }
    }
    return KIT_OK;
}

static enum kit_status read_exclusive_min(const struct word *w, const char *keyword)
{
    return read_exclusive(w, keyword, &w->node->minimum);
}

static enum kit_status read_exclusive_max(const struct word *w, const char *keyword)
{
    return read_exclusive(w, keyword, &w->node->maximum);
}

static enum kit_status read_multiple(const struct word *w, const char *keyword)
{
    return kit_json_f64(w->value, 0) > 0 ? read_number(w, keyword) : wrong(w, "a number above 0");
}

/* Room for so many more; two keywords bring them. */
static enum kit_status grow_needs(const struct word *w, size_t more)
{
    size_t room = w->node->dependent_count + more;
    struct schema_needs *all = kit_arena_zero(&w->r->schema->arena, room + 1, sizeof(*all));
    if (all == NULL) {
        return no_memory(w);
    }
    for (uint32_t i = 0; i < w->node->dependent_count; i++) {
        all[i] = w->node->dependent[i];
    }
    w->node->dependent = all;
    return KIT_OK;
}

static enum kit_status read_needs(const struct word *w, const char *keyword)
{
    (void)keyword;
    if (kit_json_type(w->value) != KIT_JSON_OBJECT) {
        return wrong(w, "an object of lists of names");
    }
    enum kit_status grown = grow_needs(w, kit_json_count(w->value));
    if (grown != KIT_OK) {
        return grown;
    }
    struct schema_needs *all = w->node->dependent;
    for (struct kit_json_iter i = kit_json_iter(w->value); kit_json_next(&i);) {
        if (kit_json_type(i.value) != KIT_JSON_ARRAY) {
            return wrong(w, "an object of lists of names");
        }
        struct schema_needs *needs = &all[w->node->dependent_count++];
        needs->name = i.key;
        enum kit_status rc = fill_names(w, i.value, &needs->needs);
        if (rc != KIT_OK) {
            return rc;
        }
    }
    return KIT_OK;
}

static enum kit_status read_dependency(const struct word *w, kit_str name, kit_json value)
{
    if (kit_json_type(value) == KIT_JSON_ARRAY) {
        struct schema_needs *needs = &w->node->dependent[w->node->dependent_count++];
        needs->name = name;
        return fill_names(w, value, &needs->needs);
    }
    struct schema_member *member = &w->node->dependent_schemas.member[w->node->dependent_schemas.count++];
    member->name = name;
    return read_inside(w, "dependencies", name, value, &member->node);
}

/* Draft 7: a list of names, or a schema, by name. */
static enum kit_status read_dependencies(const struct word *w, const char *keyword)
{
    (void)keyword;
    size_t count = kit_json_count(w->value);
    if (kit_json_type(w->value) != KIT_JSON_OBJECT) {
        return wrong(w, "an object");
    }
    enum kit_status rc = grow_needs(w, count);
    rc = rc == KIT_OK ? grow_members(w, &w->node->dependent_schemas, count) : rc;
    for (struct kit_json_iter i = kit_json_iter(w->value); rc == KIT_OK && kit_json_next(&i);) {
        rc = read_dependency(w, i.key, i.value);
    }
    return rc;
}

static enum kit_status read_ref(const struct word *w, const char *keyword)
{
    kit_str text;
    struct word inner = *w;
    inner.slot = &text;
    enum kit_status rc = read_text(&inner, keyword);
    if (rc != KIT_OK) {
        return rc;
    }
    return schema_ref_note(w->r, (struct schema_pending){.slot = (const struct schema_node **)w->slot,
                                                         .node = w->node,
                                                         .text = text,
                                                         .resource = w->resource});
}

static enum kit_status read_anchor(const struct word *w, const char *keyword)
{
    kit_str name;
    struct word inner = *w;
    inner.slot = &name;
    enum kit_status rc = read_text(&inner, keyword);
    if (rc == KIT_OK) {
        rc = schema_anchor_note(w->r, (struct schema_anchor){w->resource, name, w->node, w->object});
    }
    return rc;
}

static enum kit_status read_dynamic_anchor(const struct word *w, const char *keyword)
{
    enum kit_status rc = read_text(w, keyword);
    return rc == KIT_OK ? read_anchor(w, keyword) : rc;
}

/* --- the table --- */

#define SLOT(member) offsetof(struct schema_node, member)
static const struct keyword {
    const char *name;
    enum kit_status (*read)(const struct word *w, const char *keyword);
    size_t slot;
} keywords[] = {
    {"$anchor", read_anchor, 0},
    {"$defs", read_members, SLOT(definitions)},
    {"$dynamicAnchor", read_dynamic_anchor, SLOT(dynamic_anchor)},
    {"$dynamicRef", read_ref, SLOT(dynamic_ref)},
    {"$ref", read_ref, SLOT(ref)},
    {"additionalItems", read_additional_items, 0},
    {"additionalProperties", read_node, SLOT(additional)},
    {"allOf", read_nodes, SLOT(all_of)},
    {"anyOf", read_nodes, SLOT(any_of)},
    {"const", read_any, SLOT(constant)},
    {"contains", read_node, SLOT(contains)},
    {"definitions", read_members, SLOT(definitions)},
    {"dependencies", read_dependencies, 0},
    {"dependentRequired", read_needs, 0},
    {"dependentSchemas", read_members, SLOT(dependent_schemas)},
    {"else", read_node, SLOT(otherwise)},
    {"enum", read_values, SLOT(values)},
    {"exclusiveMaximum", read_exclusive_max, SLOT(exclusive_maximum)},
    {"exclusiveMinimum", read_exclusive_min, SLOT(exclusive_minimum)},
    {"format", read_text, SLOT(format)},
    {"if", read_node, SLOT(condition)},
    {"items", read_items, 0},
    {"maxContains", read_count, SLOT(contains_max)},
    {"maxItems", read_count, SLOT(items_max)},
    {"maxLength", read_count, SLOT(length_max)},
    {"maxProperties", read_count, SLOT(properties_max)},
    {"maximum", read_number, SLOT(maximum)},
    {"minContains", read_count, SLOT(contains_min)},
    {"minItems", read_count, SLOT(items_min)},
    {"minLength", read_count, SLOT(length_min)},
    {"minProperties", read_count, SLOT(properties_min)},
    {"minimum", read_number, SLOT(minimum)},
    {"multipleOf", read_multiple, SLOT(multiple_of)},
    {"not", read_node, SLOT(not )},
    {"oneOf", read_nodes, SLOT(one_of)},
    {"pattern", read_text, SLOT(pattern)},
    {"patternProperties", read_members, SLOT(pattern_properties)},
    {"prefixItems", read_nodes, SLOT(prefix_items)},
    {"properties", read_members, SLOT(properties)},
    {"propertyNames", read_node, SLOT(names)},
    {"required", read_names, SLOT(required)},
    {"then", read_node, SLOT(then)},
    {"type", read_type, 0},
    {"unevaluatedItems", read_node, SLOT(unevaluated_items)},
    {"unevaluatedProperties", read_node, SLOT(unevaluated)},
    {"uniqueItems", read_bool, SLOT(unique)},
};
#undef SLOT

static int compare_keyword(const void *name, const void *keyword)
{
    return kit_str_cmp(*(const kit_str *)name, kit_str_c(((const struct keyword *)keyword)->name));
}

static enum kit_status read_word(struct word *w)
{
    const struct keyword *k = bsearch(&w->name, keywords, KIT_COUNT(keywords), sizeof(keywords[0]), compare_keyword);
    if (k == NULL) {
        return KIT_OK;
    }
    if (kit_json_get(w->object, k->name).v != w->value.v) {
        return schema_fail(w->node, KIT_INVALID, w->r->err, "'%s' is there twice", k->name);
    }
    w->slot = (char *)w->node + k->slot;
    return k->read(w, k->name);
}

/* "$id" begins a resource of its own: references in it begin there. */
static enum kit_status begin_resource(struct word *w)
{
    kit_str id = kit_json_str(kit_json_get(w->object, "$id"), (kit_str){0});
    id = kit_str_sub(id, 0, kit_str_find_char(id, '#'));
    if (id.len == 0) {
        return KIT_OK;
    }
    w->resource = w->object;
    return schema_anchor_note(w->r, (struct schema_anchor){{NULL}, id, w->node, w->object});
}

static enum kit_status read_words(struct word *w)
{
    enum kit_status rc = begin_resource(w);
    for (struct kit_json_iter i = kit_json_iter(w->object); rc == KIT_OK && kit_json_next(&i);) {
        w->name = i.key;
        w->value = i.value;
        rc = read_word(w);
    }
    kit_json nullable = kit_json_get(w->object, "nullable"); /* after "type" */
    if (rc == KIT_OK && nullable.v != NULL) {
        w->name = kit_str_lit("nullable");
        w->value = nullable;
        rc = read_nullable(w, "nullable");
    }
    return rc;
}

static enum kit_status new_node(struct schema_reader *r, const struct schema_place *place, struct schema_node **ret)
{
    struct schema_node *n = kit_arena_zero(&r->schema->arena, 1, sizeof(*n));
    if (n == NULL) {
        return kit_fail(r->err, KIT_NOMEM, "no memory for a schema");
    }
    *n = (struct schema_node){.up = place->up,
                              .keyword = place->keyword,
                              .step = place->step,
                              .types = SCHEMA_TYPES,
                              .length_max = SCHEMA_NO_MAX,
                              .items_max = SCHEMA_NO_MAX,
                              .contains_min = 1,
                              .contains_max = SCHEMA_NO_MAX,
                              .properties_max = SCHEMA_NO_MAX};
    if (r->schema->count == r->limits->nodes_max) {
        return schema_fail(n, KIT_TOO_LARGE, r->err, "more than %u schemas", r->limits->nodes_max);
    }
    if (place->depth > r->limits->depth_max) {
        return schema_fail(n, KIT_TOO_LARGE, r->err, "nested deeper than %u schemas", r->limits->depth_max);
    }
    r->schema->count++;
    *ret = n;
    return KIT_OK;
}

enum kit_status schema_read(struct schema_reader *r, kit_json value, const struct schema_place *place,
                            struct schema_node **ret)
{
    struct schema_node *n = NULL;
    enum kit_status rc = new_node(r, place, &n);
    if (rc == KIT_OK) {
        rc = schema_known_put(r, value, n);
    }
    if (rc != KIT_OK) {
        return rc;
    }
    *ret = n;
    if (kit_json_type(value) == KIT_JSON_BOOL) {
        n->never = !kit_json_bool(value, true);
        return KIT_OK;
    }
    if (kit_json_type(value) != KIT_JSON_OBJECT) {
        return schema_fail(n, KIT_INVALID, r->err, "a schema is an object, true or false, but this is %s",
                           kit_json_type_name(value));
    }
    struct word w = {.r = r, .node = n, .object = value, .resource = place->resource, .depth = place->depth};
    return read_words(&w);
}
