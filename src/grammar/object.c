#include "grammar/make.h"

#define EXTRAS_MAX 64 /* members without a name of their own, where they are counted */

struct member {
    kit_str name;
    uint32_t rule; /* of its value; GRAMMAR_NEVER: it cannot be there */
    bool required;
};

struct object {
    struct grammar_maker *m;
    const struct grammar_alternative *a;
    struct member *member;
    uint32_t count;
    uint64_t min, max;   /* members */
    bool extras;         /* members that no name was given for may be there */
    uint32_t extra_rule; /* key, colon and value of one */
    uint32_t end;        /* node: the closing bracket */
};

/* --- one name --- */

static const struct schema_node *own_property(const struct schema_node *n, kit_str name)
{
    for (uint32_t i = 0; i < n->properties.count; i++) {
        if (kit_str_eq(n->properties.member[i].name, name)) {
            return n->properties.member[i].node;
        }
    }
    return NULL;
}

static bool matches(struct grammar_maker *m, const struct schema_node *n, kit_str pattern, kit_str name, bool *ret)
{
    struct grammar_dfa dfa;
    if (!grammar_went(m, n, grammar_regex(&m->arena, pattern, GRAMMAR_WIDE, &dfa, m->err))) {
        return false;
    }
    *ret = grammar_dfa_takes(&dfa, name);
    return true;
}

/* What one schema asks of a member; false: that it is not there. */
static bool add_asked(struct grammar_maker *m, const struct schema_node *n, kit_str name, struct grammar_goal *ret)
{
    const struct schema_node *own = own_property(n, name);
    bool named = own != NULL;
    if (named) {
        grammar_goal_add(m, ret, own);
    }
    for (uint32_t i = 0; i < n->pattern_properties.count; i++) {
        bool fits = false;
        if (!matches(m, n, n->pattern_properties.member[i].name, name, &fits)) {
            return false;
        }
        if (fits) {
            named = true;
            grammar_goal_add(m, ret, n->pattern_properties.member[i].node);
        }
    }
    if (!named && n->additional != NULL) {
        grammar_goal_add(m, ret, n->additional);
        return !n->additional->never;
    }
    return true;
}

static bool is_declared(const struct grammar_alternative *a, kit_str name)
{
    for (uint32_t i = 0; i < a->count; i++) {
        if (own_property(a->atom[i], name) != NULL || a->atom[i]->additional != NULL) {
            return true;
        }
    }
    return false;
}

static bool lists(kit_json values, bool constant, kit_str name)
{
    bool found =
        constant && kit_json_type(values) == KIT_JSON_STRING && kit_str_eq(kit_json_str(values, (kit_str){0}), name);
    for (struct kit_json_iter i = kit_json_iter(values); !constant && !found && kit_json_next(&i);) {
        found = kit_json_type(i.value) == KIT_JSON_STRING && kit_str_eq(kit_json_str(i.value, (kit_str){0}), name);
    }
    return found;
}

static bool name_allowed(struct grammar_maker *m, const struct grammar_alternative *a, kit_str name)
{
    for (uint32_t i = 0; i < a->count; i++) {
        if (a->atom[i]->names == NULL) {
            continue;
        }
        struct grammar_goal names = grammar_goal_one(m, a->atom[i]->names);
        struct grammar_alternative *list = grammar_unfold(m, &names);
        struct grammar_dfa dfa;
        bool any = false;
        if (m->rc == KIT_OK && list != NULL && (list->next != NULL || list->types == 0)) {
            grammar_refuse(m, a->atom[i], "'propertyNames' with alternatives cannot be expressed");
        }
        kit_json values;
        bool constant;
        if (m->rc == KIT_OK && list != NULL && grammar_listed(list, &values, &constant)) {
            if (!lists(values, constant, name)) {
                return false;
            }
            continue;
        }
        if (list == NULL || m->rc != KIT_OK || (list->types & SCHEMA_STRING) == 0 ||
            !grammar_string_dfa(m, list, GRAMMAR_NARROW, &dfa, &any) || (!any && !grammar_dfa_takes(&dfa, name))) {
            return false;
        }
    }
    return true;
}

bool grammar_member_goal(struct grammar_maker *m, const struct grammar_alternative *a, kit_str name,
                         struct grammar_goal *ret)
{
    *ret = (struct grammar_goal){0};
    for (uint32_t i = 0; i < a->count; i++) {
        const struct schema_node *n = a->atom[i];
        if (!add_asked(m, n, name, ret)) {
            return false;
        }
        if (n->unevaluated != NULL && n->additional == NULL && !is_declared(a, name)) {
            grammar_goal_add(m, ret, n->unevaluated);
        }
    }
    for (uint32_t i = 0; i < ret->count; i++) {
        if (ret->node[i]->never) {
            return false;
        }
    }
    return m->rc == KIT_OK && name_allowed(m, a, name);
}

bool grammar_member_required(const struct grammar_alternative *a, kit_str name)
{
    for (uint32_t i = 0; i < a->count; i++) {
        for (uint32_t k = 0; k < a->atom[i]->required.count; k++) {
            if (kit_str_eq(a->atom[i]->required.name[k], name)) {
                return true;
            }
        }
    }
    return false;
}

/* Whether members without a name of their own are written: where a schema speaks of them, or none names any. */
static bool extras_written(const struct grammar_alternative *a)
{
    bool asked = false;
    bool names = false;
    for (uint32_t i = 0; i < a->count; i++) {
        const struct schema_node *n = a->atom[i];
        if ((n->additional != NULL && n->additional->never && n->pattern_properties.count == 0) ||
            (n->unevaluated != NULL && n->unevaluated->never)) {
            return false;
        }
        asked |= n->additional != NULL || n->pattern_properties.count > 0 || n->unevaluated != NULL;
        names |= n->properties.count > 0;
    }
    return asked || !names;
}

bool grammar_member_written(struct grammar_maker *m, const struct grammar_alternative *a, kit_str name)
{
    struct grammar_goal goal;
    bool named = grammar_member_required(a, name);
    for (uint32_t i = 0; i < a->count && !named; i++) {
        named = own_property(a->atom[i], name) != NULL;
    }
    return (named || extras_written(a)) && grammar_member_goal(m, a, name, &goal);
}

/* --- all names --- */

static bool is_listed(const struct object *o, kit_str name)
{
    for (uint32_t i = 0; i < o->count; i++) {
        if (kit_str_eq(o->member[i].name, name)) {
            return true;
        }
    }
    return false;
}

static void list_name(struct object *o, kit_str name)
{
    struct grammar_goal goal;
    if (is_listed(o, name)) {
        return;
    }
    struct member *member = &o->member[o->count++];
    *member = (struct member){.name = name, .required = grammar_member_required(o->a, name), .rule = GRAMMAR_NEVER};
    if (grammar_member_goal(o->m, o->a, name, &goal)) {
        member->rule = grammar_goal_rule(o->m, &goal);
    } else if (member->required) {
        grammar_impossible(o->m, o->a->at, "'%.*s' is required, but cannot be there",
                           KIT_STR_ARG(kit_str_sub(name, 0, 60)));
    }
}

static void list_names(struct object *o)
{
    size_t most = 0;
    for (uint32_t i = 0; i < o->a->count; i++) {
        most += o->a->atom[i]->properties.count + o->a->atom[i]->required.count;
    }
    o->member = grammar_maker_get(o->m, most + 1, sizeof(*o->member));
    for (uint32_t i = 0; i < o->a->count && o->m->rc == KIT_OK; i++) {
        const struct schema_node *n = o->a->atom[i];
        for (uint32_t k = 0; k < n->properties.count && o->m->rc == KIT_OK; k++) {
            list_name(o, n->properties.member[k].name);
        }
    }
    for (uint32_t i = 0; i < o->a->count && o->m->rc == KIT_OK; i++) {
        const struct schema_node *n = o->a->atom[i];
        for (uint32_t k = 0; k < n->required.count && o->m->rc == KIT_OK; k++) {
            list_name(o, n->required.name[k]);
        }
    }
}

/* --- members without a name of their own --- */

struct keys {
    struct object *o;
    struct grammar_dfa free; /* no name that is listed, no pattern's */
    const struct schema_member **pattern;
    const struct schema_node **owner; /* whose pattern it is */
    uint32_t patterns;
};

static bool without(struct keys *k, struct grammar_dfa *from, const struct grammar_dfa *other)
{
    struct grammar_dfa rest;
    if (!grammar_went(k->o->m, k->o->a->at, grammar_dfa_without(&k->o->m->arena, from, other, &rest, k->o->m->err))) {
        return false;
    }
    *from = rest;
    return true;
}

static bool both(struct keys *k, struct grammar_dfa *from, const struct grammar_dfa *other)
{
    struct grammar_dfa rest;
    if (!grammar_went(k->o->m, k->o->a->at, grammar_dfa_and(&k->o->m->arena, from, other, &rest, k->o->m->err))) {
        return false;
    }
    *from = rest;
    return true;
}

/* Names that "propertyNames" allows and that are not listed. */
static bool open_keys(struct keys *k)
{
    struct grammar_maker *m = k->o->m;
    if (!grammar_went(m, k->o->a->at, grammar_dfa_lengths(&m->arena, 0, GRAMMAR_NEVER, &k->free, m->err))) {
        return false;
    }
    for (uint32_t i = 0; i < k->o->a->count; i++) {
        const struct schema_node *names = k->o->a->atom[i]->names;
        if (names == NULL) {
            continue;
        }
        struct grammar_goal goal = grammar_goal_one(m, names);
        struct grammar_alternative *list = grammar_unfold(m, &goal);
        struct grammar_dfa dfa = {0};
        bool any = false;
        kit_json values;
        bool constant;
        if (list != NULL && (list->next != NULL || grammar_listed(list, &values, &constant))) {
            grammar_refuse(m, k->o->a->atom[i],
                           "'propertyNames' with 'enum', 'const' or alternatives cannot be expressed");
        }
        if (m->rc != KIT_OK || (list != NULL && !grammar_string_dfa(m, list, GRAMMAR_NARROW, &dfa, &any)) ||
            (!any && !both(k, &k->free, &dfa))) {
            return false;
        }
    }
    for (uint32_t i = 0; i < k->o->count; i++) {
        struct grammar_dfa name;
        if (!grammar_went(m, k->o->a->at, grammar_dfa_text(&m->arena, k->o->member[i].name, &name, m->err)) ||
            !without(k, &k->free, &name)) {
            return false;
        }
    }
    return true;
}

static bool collect_patterns(struct keys *k)
{
    const struct grammar_alternative *a = k->o->a;
    uint32_t most = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        most += a->atom[i]->pattern_properties.count;
    }
    k->pattern = grammar_maker_get(k->o->m, most + 1, sizeof(const struct schema_member *));
    k->owner = grammar_maker_get(k->o->m, most + 1, sizeof(const struct schema_node *));
    for (uint32_t i = 0; i < a->count && k->pattern != NULL && k->owner != NULL; i++) {
        for (uint32_t p = 0; p < a->atom[i]->pattern_properties.count; p++) {
            k->owner[k->patterns] = a->atom[i];
            k->pattern[k->patterns++] = &a->atom[i]->pattern_properties.member[p];
        }
    }
    return k->o->m->rc == KIT_OK;
}

/* Names that this pattern takes and no other one does (index == patterns: that none does). */
static bool keys_of(struct keys *k, uint32_t index, struct grammar_dfa *ret)
{
    struct grammar_maker *m = k->o->m;
    *ret = k->free;
    for (uint32_t i = 0; i < k->patterns; i++) {
        struct grammar_dfa dfa;
        enum grammar_reading reading = i == index ? GRAMMAR_NARROW : GRAMMAR_WIDE;
        if (!grammar_went(m, k->o->a->at, grammar_regex(&m->arena, k->pattern[i]->name, reading, &dfa, m->err)) ||
            !(i == index ? both(k, ret, &dfa) : without(k, ret, &dfa))) {
            return false;
        }
    }
    return true;
}

/* What the value must meet; false: no such member. */
static bool extra_goal(struct keys *k, uint32_t index, struct grammar_goal *ret)
{
    const struct grammar_alternative *a = k->o->a;
    *ret = (struct grammar_goal){0};
    for (uint32_t i = 0; i < a->count; i++) {
        const struct schema_node *n = a->atom[i];
        bool mine = index < k->patterns && k->owner[index] == n;
        const struct schema_node *asked = mine                    ? k->pattern[index]->node
                                          : n->additional != NULL ? n->additional
                                                                  : n->unevaluated;
        if (asked == NULL) {
            continue;
        }
        if (asked->never) {
            return false;
        }
        grammar_goal_add(k->o->m, ret, asked);
    }
    return true;
}

static void make_extras(struct object *o)
{
    struct keys k = {.o = o};
    if (!open_keys(&k) || !collect_patterns(&k)) {
        return;
    }
    uint32_t node = grammar_split(o->m->b, NULL, 0);
    for (uint32_t i = 0; i <= k.patterns && o->m->rc == KIT_OK; i++) {
        struct grammar_goal goal;
        struct grammar_dfa dfa;
        if (!extra_goal(&k, i, &goal) || !keys_of(&k, i, &dfa) || dfa.states == 0) {
            continue;
        }
        uint32_t value = grammar_call(o->m->b, grammar_goal_rule(o->m, &goal), GRAMMAR_END);
        uint32_t close = grammar_text_c(o->m->b, "\"", grammar_sign_node(o->m, ':', value));
        uint32_t key =
            grammar_text_c(o->m->b, "\"", grammar_dfa_nodes(&o->m->arena, &dfa, GRAMMAR_JSON, o->m->b, close));
        node = grammar_either(o->m->b, key, node);
        o->extras = true;
    }
    o->extra_rule = grammar_rule(o->m->b);
    grammar_rule_set(o->m->b, o->extra_rule, node);
}

/* --- the object --- */

/* Behind all members that have names, `written` of them: more members, or the end. */
static uint32_t tail_node(struct object *o, uint64_t written)
{
    struct grammar_nodes *b = o->m->b;
    bool enough = written >= o->min;
    bool enough_with_one = written + 1 >= o->min; /* two may have the same name, so that only one counts */
    uint32_t end = enough ? o->end : GRAMMAR_NEVER;
    if (!o->extras || written >= o->max || !(enough || enough_with_one)) {
        return enough ? end : grammar_split(b, NULL, 0);
    }
    uint32_t more;
    if (o->max == SCHEMA_NO_MAX) {
        more = grammar_open(b);
        uint32_t ways[2] = {grammar_sign_node(o->m, ',', grammar_call(b, o->extra_rule, more)), o->end};
        grammar_close(b, more, ways, 2);
    } else {
        more = o->end;
        for (uint64_t i = KIT_MIN(o->max - written, EXTRAS_MAX); i > 1; i--) {
            more = grammar_either(b, grammar_sign_node(o->m, ',', grammar_call(b, o->extra_rule, more)), o->end);
        }
    }
    uint32_t first = grammar_call(b, o->extra_rule, more);
    first = written > 0 ? grammar_sign_node(o->m, ',', first) : first;
    return enough ? grammar_either(b, first, o->end) : first;
}

static uint32_t member_node(struct object *o, const struct member *member, bool comma, uint32_t next)
{
    uint32_t node = grammar_call(o->m->b, member->rule, next);
    node = grammar_key_node(o->m, member->name, grammar_sign_node(o->m, ':', node));
    return comma ? grammar_sign_node(o->m, ',', node) : node;
}

/* at[c]: where to go on behind this member, c of them written before it; becomes where to go on with it. Where nothing is
 * counted, 1 stands for any number of them. */
static void step_back(struct object *o, const struct member *member, uint32_t *at, uint32_t counts, bool counted)
{
    for (uint32_t c = 0; c < counts; c++) { /* upwards: at[to] is still the one behind this member */
        uint32_t to = counted ? c + 1 : 1;
        bool possible = member->rule != GRAMMAR_NEVER && to < counts;
        uint32_t ways[2];
        uint32_t count = 0;
        if (possible) {
            ways[count++] = member_node(o, member, c > 0, at[to]);
        }
        if (!member->required) {
            ways[count++] = at[c];
        }
        at[c] = grammar_split(o->m->b, ways, count);
    }
}

/* Bounds that hold anyway are forgotten: counting takes a node for each number and each member. */
static void forget_bounds(struct object *o)
{
    uint64_t required = 0;
    for (uint32_t i = 0; i < o->count; i++) {
        required += o->member[i].required;
    }
    o->min = o->min <= required ? 0 : o->min;
    o->max = !o->extras && o->max >= o->count ? SCHEMA_NO_MAX : o->max;
}

static uint32_t members_node(struct object *o)
{
    forget_bounds(o);
    bool counted = o->min > 0 || o->max != SCHEMA_NO_MAX;
    uint64_t most = KIT_MIN((uint64_t)o->count, o->max);
    if (counted && (o->count + 1) * (most + 1) > 20000) {
        grammar_refuse(o->m, o->a->at, "'minProperties' and 'maxProperties' of so many properties are too much");
        return GRAMMAR_END;
    }
    uint32_t counts = counted ? (uint32_t)most + 1 : 2;
    uint32_t *at = grammar_maker_get(o->m, counts + 1, sizeof(*at));
    if (at == NULL) {
        return GRAMMAR_END;
    }
    for (uint32_t c = 0; c < counts; c++) {
        at[c] = tail_node(o, c);
    }
    for (uint32_t i = o->count; i-- > 0 && o->m->rc == KIT_OK;) {
        step_back(o, &o->member[i], at, counts, counted);
    }
    return at[0];
}

uint32_t grammar_object_node(struct grammar_maker *m, const struct grammar_alternative *a, uint32_t next)
{
    struct object o = {.m = m, .a = a, .max = SCHEMA_NO_MAX};
    bool free = true;
    for (uint32_t i = 0; i < a->count; i++) {
        const struct schema_node *n = a->atom[i];
        o.min = KIT_MAX(o.min, n->properties_min);
        o.max = KIT_MIN(o.max, n->properties_max);
        if (n->unevaluated != NULL && !(a->whole && n == a->at)) {
            grammar_refuse(m, n, "'unevaluatedProperties' can be expressed at the top of a schema only");
        }
        free = free && n->properties.count + n->pattern_properties.count + n->required.count == 0 &&
               n->additional == NULL && n->names == NULL && n->unevaluated == NULL;
    }
    if (free && o.min == 0 && o.max == SCHEMA_NO_MAX && m->rc == KIT_OK) {
        return grammar_call(m->b, grammar_any_object_rule(m), next);
    }
    if (o.min > o.max) {
        grammar_impossible(m, a->at, "'minProperties' is above 'maxProperties'");
        return grammar_split(m->b, NULL, 0);
    }
    o.end = grammar_sign_node(m, '}', next);
    list_names(&o);
    if (extras_written(a) && m->rc == KIT_OK) {
        make_extras(&o);
    }
    return m->rc == KIT_OK ? grammar_sign_node(m, '{', members_node(&o)) : GRAMMAR_END;
}
