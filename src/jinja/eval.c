#include "jinja/eval.h"

#include "jinja/build.h"
#include "jinja/ops.h"
#include "jinja/print.h"

/* --- names --- */

struct jinja_variable {
    const char *name; /* interned */
    struct jinja_value value;
};

void jinja_scope_set(struct jinja_run *r, struct jinja_scope *s, kit_str name, struct jinja_value v)
{
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->variables[i].name == name.ptr) {
            s->variables[i].value = v;
            return;
        }
    }
    if (s->count == s->room) {
        uint32_t room = KIT_MAX(s->room * 2, 4);
        struct jinja_variable *variables = jinja_run_get(r, room, sizeof(*variables));
        for (uint32_t i = 0; variables != NULL && i < s->count; i++) {
            variables[i] = s->variables[i];
        }
        s->variables = variables == NULL ? s->variables : variables;
        s->room = variables == NULL ? s->room : room;
    }
    if (r->failed == KIT_OK) {
        s->variables[s->count++] = (struct jinja_variable){name.ptr, v};
    }
}

static const struct jinja_value *find(const struct jinja_scope *s, kit_str name)
{
    for (; s != NULL; s = s->parent) {
        for (uint32_t i = 0; i < s->count; i++) {
            if (s->variables[i].name == name.ptr) {
                return &s->variables[i].value;
            }
        }
    }
    return NULL;
}

struct jinja_scope *jinja_scope_push(struct jinja_run *r)
{
    struct jinja_scope *s = jinja_run_get(r, 1, sizeof(*s));
    if (s != NULL) {
        s->parent = r->scope;
        r->scope = s;
    }
    return s;
}

void jinja_scope_pop(struct jinja_run *r, struct jinja_scope *s)
{
    r->scope = s->parent;
}

static struct jinja_value eval_name(struct jinja_run *r, kit_str name)
{
    const struct jinja_value *v = find(r->scope, name);
    if (v != NULL) {
        return *v;
    }
    const struct jinja_builtin *b = jinja_function_find(name);
    return b == NULL ? jinja_undefined(name) : jinja_bound(r, b, jinja_none());
}

/* --- arguments --- */

struct args {
    struct jinja_value by_place, by_name; /* a list, a dict */
};

static void spread_list(struct jinja_run *r, struct args *a, struct jinja_value v)
{
    struct jinja_value items = jinja_items(r, v);
    for (uint32_t i = 0; i < items.list->count && jinja_run_step(r, 1); i++) {
        jinja_list_add(r, a->by_place, items.list->items[i]);
    }
}

static void add_named(struct jinja_run *r, struct args *a, struct jinja_value name, struct jinja_value v)
{
    if (name.type != JINJA_STR || jinja_dict_find(r, a->by_name, name) != NULL) {
        jinja_run_fail(r, KIT_INVALID, "an argument has no name, or is given twice");
        return;
    }
    jinja_dict_set(r, a->by_name, name, v);
}

static void spread_dict(struct jinja_run *r, struct args *a, struct jinja_value v)
{
    if (v.type != JINJA_DICT) {
        jinja_run_fail(r, KIT_INVALID, "** needs a dict, not a %s", jinja_type_name(v));
        return;
    }
    for (uint32_t i = 0; i < v.dict->count && jinja_run_step(r, 1); i++) {
        add_named(r, a, v.dict->pairs[i].key, v.dict->pairs[i].value);
    }
}

static void eval_arg(struct jinja_run *r, struct args *a, const struct jinja_node *n)
{
    struct jinja_value v = jinja_eval(r, n->a);
    if (r->failed != KIT_OK) {
        return;
    }
    if (n->op == '=') {
        add_named(r, a, jinja_str(n->text, false), v);
    } else if (n->op == '*') {
        spread_list(r, a, v);
    } else if (n->op == 'd') {
        spread_dict(r, a, v);
    } else {
        jinja_list_add(r, a->by_place, v);
    }
}

void jinja_eval_args(struct jinja_run *r, const struct jinja_node *n, struct jinja_call *ret)
{
    *ret = (struct jinja_call){0};
    if (n->list == NULL) {
        return;
    }
    struct args a = {jinja_list_new(r, JINJA_LIST, 0), jinja_dict_new(r, JINJA_DICT, 0)};
    for (const struct jinja_node *arg = n->list; arg != NULL && r->failed == KIT_OK; arg = arg->next) {
        eval_arg(r, &a, arg);
    }
    *ret = (struct jinja_call){a.by_place.list->items, a.by_place.list->count, a.by_name.dict->pairs,
                               a.by_name.dict->count};
}

static struct jinja_value eval_call(struct jinja_run *r, const struct jinja_node *n)
{
    struct jinja_call call;
    struct jinja_value f = jinja_eval(r, n->a);
    jinja_eval_args(r, n, &call);
    r->line = n->line;
    return r->failed == KIT_OK ? jinja_call_value(r, f, &call) : jinja_none();
}

struct jinja_value jinja_eval_filters(struct jinja_run *r, const struct jinja_node *n, struct jinja_value v)
{
    struct jinja_call call;
    if (n == NULL) {
        return v;
    }
    struct jinja_value self = jinja_eval_filters(r, n->a, v);
    jinja_eval_args(r, n, &call);
    return r->failed == KIT_OK ? jinja_call_filter(r, n->text, self, &call) : jinja_none();
}

static struct jinja_value eval_filter(struct jinja_run *r, const struct jinja_node *n)
{
    struct jinja_call call;
    struct jinja_value self = jinja_eval(r, n->a);
    jinja_eval_args(r, n, &call);
    return r->failed == KIT_OK ? jinja_call_filter(r, n->text, self, &call) : jinja_none();
}

static struct jinja_value eval_test(struct jinja_run *r, const struct jinja_node *n)
{
    struct jinja_call call;
    struct jinja_value self = jinja_eval(r, n->a);
    jinja_eval_args(r, n, &call);
    return jinja_bool(r->failed == KIT_OK && jinja_call_test(r, n->text, self, &call));
}

/* --- literals and operators --- */

static struct jinja_value eval_list(struct jinja_run *r, const struct jinja_node *n)
{
    struct jinja_value list = jinja_list_new(r, n->kind == JINJA_NODE_LIST ? JINJA_LIST : JINJA_TUPLE, 0);
    for (const struct jinja_node *item = n->list; item != NULL && r->failed == KIT_OK; item = item->next) {
        jinja_list_add(r, list, jinja_eval(r, item));
    }
    return list;
}

static struct jinja_value eval_dict(struct jinja_run *r, const struct jinja_node *n)
{
    struct jinja_value dict = jinja_dict_new(r, JINJA_DICT, 0);
    for (const struct jinja_node *key = n->list; key != NULL && r->failed == KIT_OK; key = key->next->next) {
        struct jinja_value k = jinja_eval(r, key);
        jinja_dict_set(r, dict, k, jinja_eval(r, key->next));
    }
    return dict;
}

static struct jinja_value eval_concat(struct jinja_run *r, const struct jinja_node *n)
{
    struct jinja_build b;
    jinja_build_init(&b, r);
    for (const struct jinja_node *item = n->list; item != NULL && r->failed == KIT_OK; item = item->next) {
        jinja_print(&b, jinja_eval(r, item));
    }
    return jinja_build_value(&b);
}

static bool holds(struct jinja_run *r, char op, struct jinja_value a, struct jinja_value b)
{
    switch (op) {
    case '=':
        return jinja_equal(r, a, b);
    case '!':
        return !jinja_equal(r, a, b);
    case 'i':
        return jinja_contains(r, b, a);
    case 'n':
        return !jinja_contains(r, b, a);
    case '<':
        return jinja_compare(r, a, b) < 0;
    case '>':
        return jinja_compare(r, a, b) > 0;
    case 'l':
        return jinja_compare(r, a, b) <= 0;
    default:
        return jinja_compare(r, a, b) >= 0;
    }
}

/* a < b < c: each neighbour pair must hold; what follows one that does not is not looked at. */
static struct jinja_value eval_compare(struct jinja_run *r, const struct jinja_node *n)
{
    struct jinja_value left = jinja_eval(r, n->a);
    bool all = true;
    for (const struct jinja_node *o = n->list; o != NULL && all && r->failed == KIT_OK; o = o->next) {
        struct jinja_value right = jinja_eval(r, o->a);
        all = r->failed == KIT_OK && holds(r, o->op, left, right);
        left = right;
    }
    return jinja_bool(all);
}

static struct jinja_value eval_or_none(struct jinja_run *r, const struct jinja_node *n)
{
    return n == NULL ? jinja_none() : jinja_eval(r, n);
}

static struct jinja_value eval_slice(struct jinja_run *r, const struct jinja_node *n)
{
    struct jinja_value of = jinja_eval(r, n->a);
    struct jinja_value from = eval_or_none(r, n->b);
    struct jinja_value to = eval_or_none(r, n->c);
    struct jinja_value step = eval_or_none(r, n->list);
    return r->failed == KIT_OK ? jinja_op_slice(r, of, from, to, step) : jinja_none();
}

static struct jinja_value eval_item(struct jinja_run *r, const struct jinja_node *n)
{
    struct jinja_value of = jinja_eval(r, n->a);
    struct jinja_value key = jinja_eval(r, n->b);
    return r->failed == KIT_OK ? jinja_item(r, of, key) : jinja_none();
}

static struct jinja_value eval_op(struct jinja_run *r, const struct jinja_node *n)
{
    struct jinja_value a = jinja_eval(r, n->a);
    struct jinja_value b = jinja_eval(r, n->b);
    return r->failed == KIT_OK ? jinja_op(r, n->op, a, b) : jinja_none();
}

static struct jinja_value eval_logic(struct jinja_run *r, const struct jinja_node *n)
{
    struct jinja_value a = jinja_eval(r, n->a);
    bool enough = jinja_truth(a) == (n->kind == JINJA_NODE_OR);
    return enough || r->failed != KIT_OK ? a : jinja_eval(r, n->b);
}

static struct jinja_value eval_choice(struct jinja_run *r, const struct jinja_node *n)
{
    bool yes = jinja_truth(jinja_eval(r, n->b));
    if (!yes && n->c == NULL) {
        return jinja_undefined(kit_str_lit("the value of an 'if' without 'else'"));
    }
    return r->failed == KIT_OK ? jinja_eval(r, yes ? n->a : n->c) : jinja_none();
}

static struct jinja_value eval_kind(struct jinja_run *r, const struct jinja_node *n)
{
    switch (n->kind) {
    case JINJA_NODE_CONST:
        return n->value;
    case JINJA_NODE_NAME:
        return eval_name(r, n->text);
    case JINJA_NODE_LIST:
    case JINJA_NODE_TUPLE:
        return eval_list(r, n);
    case JINJA_NODE_DICT:
        return eval_dict(r, n);
    case JINJA_NODE_ATTR:
        return jinja_attr(r, jinja_eval(r, n->a), n->text);
    case JINJA_NODE_ITEM:
        return eval_item(r, n);
    case JINJA_NODE_SLICE:
        return eval_slice(r, n);
    case JINJA_NODE_CALL:
        return eval_call(r, n);
    case JINJA_NODE_FILTER:
        return eval_filter(r, n);
    case JINJA_NODE_TEST:
        return eval_test(r, n);
    case JINJA_NODE_SIGN:
        return jinja_op_sign(r, n->op, jinja_eval(r, n->a));
    case JINJA_NODE_NOT:
        return jinja_bool(!jinja_truth(jinja_eval(r, n->a)));
    case JINJA_NODE_OP:
        return eval_op(r, n);
    case JINJA_NODE_AND:
    case JINJA_NODE_OR:
        return eval_logic(r, n);
    case JINJA_NODE_COMPARE:
        return eval_compare(r, n);
    case JINJA_NODE_CONCAT:
        return eval_concat(r, n);
    case JINJA_NODE_CHOICE:
        return eval_choice(r, n);
    default:
        return jinja_none();
    }
}

struct jinja_value jinja_eval(struct jinja_run *r, const struct jinja_node *n)
{
    if (!jinja_run_step(r, 1) || !jinja_run_enter(r)) {
        return jinja_none();
    }
    struct jinja_value v = eval_kind(r, n);
    jinja_run_leave(r);
    return r->failed == KIT_OK ? v : jinja_none();
}
