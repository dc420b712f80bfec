#include "jinja/call.h"

#include <string.h>

#include "jinja/eval.h"
#include "jinja/ops.h"

const struct jinja_builtin *jinja_builtin_in(const struct jinja_builtin *table, size_t count, kit_str name)
{
    for (size_t i = 0; i < count; i++) {
        if (kit_str_eq(kit_str_c(table[i].name), name)) {
            return &table[i];
        }
    }
    return NULL;
}

/* --- arguments --- */

/* The place of a parameter in "a b c"; -1: there is none of that name. */
static int param_place(const char *params, kit_str name)
{
    kit_str rest = kit_str_c(params);
    int at = 0;
    for (kit_str one; kit_str_cut(&rest, ' ', &one); at++) {
        if (kit_str_eq(one, name)) {
            return at;
        }
    }
    return -1;
}

static uint32_t count_params(const char *params)
{
    kit_str rest = kit_str_c(params);
    uint32_t count = 0;
    for (kit_str one; kit_str_cut(&rest, ' ', &one);) {
        count++;
    }
    return count;
}

static void bind_named(struct jinja_run *r, const struct jinja_builtin *b, const struct jinja_call *call,
                       struct jinja_value *args)
{
    for (uint32_t i = 0; i < call->named_count; i++) {
        kit_str name = jinja_bytes(call->named[i].key);
        int at = param_place(b->params, name);
        if (at < 0 || args[at].type != JINJA_MISSING) {
            jinja_run_fail(r, KIT_INVALID, "%s takes no argument '%.*s'%s", b->name, KIT_STR_ARG(name),
                           at < 0 ? "" : " a second time");
            return;
        }
        args[at] = call->named[i].value;
    }
}

static void bind(struct jinja_run *r, const struct jinja_builtin *b, const struct jinja_call *call,
                 struct jinja_value args[JINJA_PARAMS_MAX])
{
    if (call->count > count_params(b->params)) {
        jinja_run_fail(r, KIT_INVALID, "%s takes at most %u arguments", b->name, count_params(b->params));
        return;
    }
    if (call->count > 0) {
        memcpy(args, call->args, call->count * sizeof(*args));
    }
    bind_named(r, b, call, args);
    for (uint32_t i = 0; i < b->required && r->failed == KIT_OK; i++) {
        if (args[i].type == JINJA_MISSING) {
            jinja_run_fail(r, KIT_INVALID, "%s needs %u arguments", b->name, b->required);
        }
    }
}

struct jinja_value jinja_builtin_call(struct jinja_run *r, const struct jinja_builtin *b, struct jinja_value self,
                                      const struct jinja_call *call)
{
    struct jinja_value args[JINJA_PARAMS_MAX] = {{0}};
    if (b->fn == NULL) {
        jinja_run_fail(r, KIT_INVALID, "%s would change a value, which templates may not", b->name);
    } else if (b->params != NULL) {
        bind(r, b, call, args);
    }
    if (r->failed != KIT_OK || !jinja_run_enter(r)) {
        return jinja_none();
    }
    struct jinja_value ret = b->fn(r, self, args, call);
    jinja_run_leave(r);
    return ret;
}

bool jinja_given(struct jinja_value arg)
{
    return arg.type != JINJA_MISSING && arg.type != JINJA_NONE;
}

int64_t jinja_arg_int(struct jinja_run *r, struct jinja_value arg, int64_t otherwise)
{
    if (!jinja_given(arg)) {
        return otherwise;
    }
    if (arg.type != JINJA_INT && arg.type != JINJA_BOOL) {
        jinja_run_fail(r, KIT_INVALID, "a whole number is needed, not a %s", jinja_type_name(arg));
        return otherwise;
    }
    return arg.type == JINJA_INT ? arg.i : arg.b;
}

bool jinja_arg_bool(struct jinja_value arg, bool otherwise)
{
    return arg.type == JINJA_MISSING ? otherwise : jinja_truth(arg);
}

struct jinja_value jinja_arg_str(struct jinja_run *r, struct jinja_value arg, const char *otherwise)
{
    if (arg.type == JINJA_MISSING) {
        return jinja_c(otherwise);
    }
    if (arg.type != JINJA_STR) {
        jinja_run_fail(r, KIT_INVALID, "a string is needed, not a %s", jinja_type_name(arg));
        return jinja_c("");
    }
    return arg;
}

/* --- calls --- */

struct jinja_value jinja_bound(struct jinja_run *r, const struct jinja_builtin *b, struct jinja_value self)
{
    struct jinja_callable *c = jinja_run_get(r, 1, sizeof(*c));
    if (c == NULL) {
        return jinja_none();
    }
    *c = (struct jinja_callable){.builtin = b, .self = self};
    return (struct jinja_value){.type = JINJA_CALLABLE, .call = c};
}

struct jinja_value jinja_call_value(struct jinja_run *r, struct jinja_value f, const struct jinja_call *call)
{
    if (!jinja_need(r, f)) {
        return jinja_none();
    }
    if (f.type != JINJA_CALLABLE) {
        jinja_run_fail(r, KIT_INVALID, "a %s cannot be called", jinja_type_name(f));
        return jinja_none();
    }
    if (f.call->builtin != NULL) {
        return jinja_builtin_call(r, f.call->builtin, f.call->self, call);
    }
    return jinja_eval_macro(r, f.call, call);
}

struct jinja_value jinja_call_filter(struct jinja_run *r, kit_str name, struct jinja_value self,
                                     const struct jinja_call *call)
{
    const struct jinja_builtin *b = jinja_filter_find(name);
    if (b == NULL) {
        jinja_run_fail(r, KIT_INVALID, "no filter named '%.*s'", KIT_STR_ARG(name));
        return jinja_none();
    }
    return jinja_builtin_call(r, b, self, call);
}

bool jinja_call_test(struct jinja_run *r, kit_str name, struct jinja_value self, const struct jinja_call *call)
{
    const struct jinja_builtin *b = jinja_test_find(name);
    if (b == NULL) {
        jinja_run_fail(r, KIT_INVALID, "no test named '%.*s'", KIT_STR_ARG(name));
        return false;
    }
    return jinja_truth(jinja_builtin_call(r, b, self, call));
}

/* --- attributes --- */

static struct jinja_value method(struct jinja_run *r, struct jinja_value a, kit_str name)
{
    const struct jinja_builtin *b = jinja_method_find(a, name);
    return b == NULL ? jinja_undefined(name) : jinja_bound(r, b, a);
}

struct jinja_value jinja_attr(struct jinja_run *r, struct jinja_value a, kit_str name)
{
    if (!jinja_need(r, a)) {
        return jinja_none();
    }
    if (a.type == JINJA_LOOP) {
        return jinja_eval_loop(r, a, name);
    }
    struct jinja_value found = method(r, a, name);
    bool items = a.type == JINJA_DICT || a.type == JINJA_NAMESPACE;
    return found.type == JINJA_UNDEFINED && items ? jinja_op_item(r, a, jinja_str(name, false)) : found;
}

struct jinja_value jinja_item(struct jinja_run *r, struct jinja_value a, struct jinja_value key)
{
    struct jinja_value found = jinja_op_item(r, a, key);
    bool by_name = found.type == JINJA_UNDEFINED && key.type == JINJA_STR && r->failed == KIT_OK;
    return by_name ? jinja_attr(r, a, jinja_bytes(key)) : found;
}

struct jinja_value jinja_path(struct jinja_run *r, struct jinja_value v, struct jinja_value path)
{
    if (path.type == JINJA_INT) {
        return jinja_item(r, v, path);
    }
    if (!jinja_given(path)) {
        return v;
    }
    kit_str rest = jinja_bytes(jinja_arg_str(r, path, ""));
    for (kit_str part; kit_str_cut(&rest, '.', &part) && jinja_run_step(r, 1);) {
        uint64_t index = 0;
        bool number = kit_str_to_u64(part, &index) == KIT_OK && index <= INT64_MAX;
        v = jinja_item(r, v, number ? jinja_int((int64_t)index) : jinja_str(part, false));
    }
    return v;
}

/* --- order --- */

struct order {
    struct jinja_value key, item;
};

static void merge(struct jinja_run *r, struct order *a, struct order *spare, size_t count, bool reverse)
{
    if (count < 2 || r->failed != KIT_OK) {
        return;
    }
    size_t half = count / 2;
    merge(r, a, spare, half, reverse);
    merge(r, a + half, spare, count - half, reverse);
    memcpy(spare, a, count * sizeof(*a));
    size_t left = 0;
    size_t right = half;
    for (size_t i = 0; i < count && jinja_run_step(r, 1); i++) {
        bool first = right == count;
        if (!first && left < half) {
            int order = jinja_compare(r, spare[left].key, spare[right].key);
            first = reverse ? order >= 0 : order <= 0;
        }
        a[i] = first ? spare[left++] : spare[right++];
    }
}

struct jinja_value
jinja_sorted(struct jinja_run *r, struct jinja_value list, bool reverse,
             struct jinja_value (*key)(struct jinja_run *r, const void *ctx, struct jinja_value item), const void *ctx)
{
    uint32_t count = list.list->count;
    struct order *orders = jinja_run_get(r, (size_t)count + 1, sizeof(*orders));
    struct order *spare = jinja_run_get(r, (size_t)count + 1, sizeof(*spare));
    struct jinja_value out = jinja_list_new(r, JINJA_LIST, count);
    for (uint32_t i = 0; i < count && r->failed == KIT_OK; i++) {
        orders[i] = (struct order){key(r, ctx, list.list->items[i]), list.list->items[i]};
    }
    if (r->failed == KIT_OK) {
        merge(r, orders, spare, count, reverse);
    }
    for (uint32_t i = 0; i < count && r->failed == KIT_OK; i++) {
        jinja_list_add(r, out, orders[i].item);
    }
    return out;
}
