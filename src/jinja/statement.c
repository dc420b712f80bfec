#include "jinja/build.h"
#include "jinja/eval.h"
#include "jinja/print.h"

enum flow { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE };

static enum flow run_body(struct jinja_run *r, const struct jinja_node *body);

static bool is_good(const struct jinja_run *r)
{
    return r->failed == KIT_OK;
}

/* --- assignment --- */

static void assign(struct jinja_run *r, const struct jinja_node *target, struct jinja_value v);

static void assign_parts(struct jinja_run *r, const struct jinja_node *target, struct jinja_value v)
{
    struct jinja_value items = jinja_items(r, v);
    uint32_t at = 0;
    for (const struct jinja_node *part = target->list; part != NULL && is_good(r); part = part->next, at++) {
        if (at >= items.list->count) {
            jinja_run_fail(r, KIT_INVALID, "%u values are too few to unpack", items.list->count);
            return;
        }
        assign(r, part, items.list->items[at]);
    }
    if (at < items.list->count) {
        jinja_run_fail(r, KIT_INVALID, "too many values to unpack: %u instead of %u", items.list->count, at);
    }
}

/* ns.name = v */
static void assign_attr(struct jinja_run *r, const struct jinja_node *target, struct jinja_value v)
{
    struct jinja_value of = jinja_eval(r, target->a);
    if (!is_good(r)) {
        return;
    }
    if (of.type != JINJA_NAMESPACE || target->text.ptr[0] == '_') {
        jinja_run_fail(r, KIT_INVALID, "cannot assign to '%.*s': only to names of a namespace",
                       KIT_STR_ARG(target->text));
        return;
    }
    jinja_dict_set(r, of, jinja_str(target->text, false), v);
}

static void assign(struct jinja_run *r, const struct jinja_node *target, struct jinja_value v)
{
    if (target->kind == JINJA_NODE_TUPLE) {
        assign_parts(r, target, v);
    } else if (target->kind == JINJA_NODE_NAME) {
        jinja_scope_set(r, r->scope, target->text, v);
    } else {
        assign_attr(r, target, v);
    }
}

/* --- text of a body --- */

struct jinja_value jinja_eval_text(struct jinja_run *r, const struct jinja_node *body)
{
    struct jinja_build *outer = r->out;
    struct jinja_build b;
    jinja_build_init(&b, r);
    r->out = &b;
    run_body(r, body);
    r->out = outer;
    return jinja_build_value(&b);
}

/* The same with names of its own. */
static struct jinja_value scoped_text(struct jinja_run *r, const struct jinja_node *body)
{
    struct jinja_scope *s = jinja_scope_push(r);
    if (s == NULL) {
        return jinja_none();
    }
    struct jinja_value text = jinja_eval_text(r, body);
    jinja_scope_pop(r, s);
    return text;
}

static void run_set_block(struct jinja_run *r, const struct jinja_node *n)
{
    struct jinja_value text = scoped_text(r, n->c);
    assign(r, n->a, jinja_eval_filters(r, n->b, text));
}

static void run_filter_block(struct jinja_run *r, const struct jinja_node *n)
{
    struct jinja_value text = scoped_text(r, n->c);
    jinja_print(r->out, jinja_eval_filters(r, n->b, text));
}

/* --- macros --- */

static void capture(struct jinja_scope *s)
{
    for (; s != NULL && !s->captured; s = s->parent) {
        s->captured = true;
    }
}

static struct jinja_value make_macro(struct jinja_run *r, const struct jinja_node *n)
{
    struct jinja_value v = jinja_bound(r, NULL, jinja_none());
    if (is_good(r)) {
        v.call->macro = n;
        v.call->scope = r->scope;
        capture(r->scope);
    }
    return v;
}

static uint32_t count_nodes(const struct jinja_node *n)
{
    uint32_t count = 0;
    for (; n != NULL; n = n->next) {
        count++;
    }
    return count;
}

static const struct jinja_node *param_of(const struct jinja_node *macro, kit_str name)
{
    const struct jinja_node *param = macro->list;
    while (param != NULL && !kit_str_eq(param->text, name)) {
        param = param->next;
    }
    return param;
}

static struct jinja_value named_arg(const struct jinja_call *call, kit_str name)
{
    for (uint32_t i = 0; i < call->named_count; i++) {
        if (kit_str_eq(jinja_bytes(call->named[i].key), name)) {
            return call->named[i].value;
        }
    }
    return (struct jinja_value){0};
}

static void bind_param(struct jinja_run *r, const struct jinja_node *param, uint32_t at, const struct jinja_call *call)
{
    struct jinja_value named = named_arg(call, param->text);
    if (at < call->count && named.type != JINJA_MISSING) {
        jinja_run_fail(r, KIT_INVALID, "the argument '%.*s' is given twice", KIT_STR_ARG(param->text));
        return;
    }
    struct jinja_value v = at < call->count ? call->args[at] : named;
    if (v.type == JINJA_MISSING) {
        v = param->a == NULL ? jinja_undefined(param->text) : jinja_eval(r, param->a);
    }
    jinja_scope_set(r, r->scope, param->text, v);
}

/* varargs: what was given by place beyond the parameters. */
static void bind_rest(struct jinja_run *r, const struct jinja_node *macro, const struct jinja_call *call)
{
    uint32_t count = count_nodes(macro->list);
    if (call->count > count && !macro->plain) {
        jinja_run_fail(r, KIT_INVALID, "macro '%.*s' takes not more than %u arguments", KIT_STR_ARG(macro->text),
                       count);
        return;
    }
    if (macro->plain) {
        struct jinja_value rest = jinja_list_new(r, JINJA_TUPLE, 0);
        for (uint32_t i = count; i < call->count; i++) {
            jinja_list_add(r, rest, call->args[i]);
        }
        jinja_scope_set(r, r->scope, r->template->names.varargs, rest);
    }
}

static void bind_named_rest(struct jinja_run *r, const struct jinja_node *macro, const struct jinja_call *call)
{
    struct jinja_value rest = jinja_dict_new(r, JINJA_DICT, 0);
    kit_str caller = r->template->names.caller;
    for (uint32_t i = 0; i < call->named_count && is_good(r); i++) {
        kit_str name = jinja_bytes(call->named[i].key);
        if (macro->calls && kit_str_eq(name, caller)) {
            jinja_scope_set(r, r->scope, caller, call->named[i].value);
        } else if (param_of(macro, name) == NULL && !macro->named) {
            jinja_run_fail(r, KIT_INVALID, "macro '%.*s' takes no argument '%.*s'", KIT_STR_ARG(macro->text),
                           KIT_STR_ARG(name));
        } else if (param_of(macro, name) == NULL) {
            jinja_dict_set(r, rest, call->named[i].key, call->named[i].value);
        }
    }
    if (macro->named) {
        jinja_scope_set(r, r->scope, r->template->names.kwargs, rest);
    }
}

static void bind_params(struct jinja_run *r, const struct jinja_node *macro, const struct jinja_call *call)
{
    uint32_t at = 0;
    if (macro->calls) {
        jinja_scope_set(r, r->scope, r->template->names.caller, jinja_undefined(r->template->names.caller));
    }
    bind_rest(r, macro, call);
    bind_named_rest(r, macro, call);
    for (const struct jinja_node *param = macro->list; param != NULL && is_good(r); param = param->next) {
        bind_param(r, param, at++, call);
    }
}

struct jinja_value jinja_eval_macro(struct jinja_run *r, const struct jinja_callable *macro,
                                    const struct jinja_call *call)
{
    struct jinja_scope *outer = r->scope;
    r->scope = macro->scope;
    struct jinja_scope *s = jinja_scope_push(r);
    if (s == NULL) {
        r->scope = outer;
        return jinja_none();
    }
    bind_params(r, macro->macro, call);
    struct jinja_value text = is_good(r) ? jinja_eval_text(r, macro->macro->c) : jinja_none();
    r->scope = outer;
    return text;
}

/* The call gets the block as its argument `caller`. */
static void run_call_block(struct jinja_run *r, const struct jinja_node *n)
{
    struct jinja_call call;
    struct jinja_value f = jinja_eval(r, n->a->a);
    jinja_eval_args(r, n->a, &call);
    struct jinja_value named = jinja_dict_new(r, JINJA_DICT, call.named_count + 1);
    for (uint32_t i = 0; i < call.named_count; i++) {
        jinja_dict_set(r, named, call.named[i].key, call.named[i].value);
    }
    jinja_dict_set(r, named, jinja_str(r->template->names.caller, false), make_macro(r, n->d));
    call.named = named.dict->pairs;
    call.named_count = named.dict->count;
    if (is_good(r)) {
        jinja_print(r->out, jinja_call_value(r, f, &call));
    }
}

/* --- blocks --- */

static enum flow run_if(struct jinja_run *r, const struct jinja_node *n)
{
    while (n != NULL && n->kind == JINJA_NODE_IF && is_good(r)) {
        r->line = n->line;
        if (jinja_truth(jinja_eval(r, n->a))) {
            return run_body(r, n->b);
        }
        n = n->c;
    }
    return n == NULL || !is_good(r) ? FLOW_ON : run_body(r, n);
}

static enum flow run_with(struct jinja_run *r, const struct jinja_node *n)
{
    struct jinja_value values = jinja_list_new(r, JINJA_LIST, 0);
    for (const struct jinja_node *target = n->list; target != NULL && is_good(r); target = target->next->next) {
        jinja_list_add(r, values, jinja_eval(r, target->next));
    }
    struct jinja_scope *s = jinja_scope_push(r);
    if (s == NULL) {
        return FLOW_ON;
    }
    uint32_t at = 0;
    for (const struct jinja_node *target = n->list; target != NULL && is_good(r); target = target->next->next) {
        assign(r, target, values.list->items[at++]);
    }
    enum flow flow = run_body(r, n->c);
    jinja_scope_pop(r, s);
    return flow;
}

/* --- loops --- */

/* An empty scope for a turn of a loop: the last one again, unless a macro holds it. */
static struct jinja_scope *next_turn(struct jinja_run *r, struct jinja_scope *s)
{
    if (s == NULL || s->captured) {
        return jinja_scope_push(r);
    }
    s->count = 0;
    r->scope = s;
    return s;
}

/* for … if …: the items that pass. */
static struct jinja_value filtered(struct jinja_run *r, const struct jinja_node *n, struct jinja_value items)
{
    struct jinja_scope *outer = r->scope;
    struct jinja_value kept = jinja_list_new(r, JINJA_LIST, 0);
    struct jinja_scope *s = NULL;
    for (uint32_t i = 0; i < items.list->count && jinja_run_step(r, 1); i++) {
        r->scope = outer;
        s = next_turn(r, s);
        if (s == NULL) {
            break;
        }
        assign(r, n->a, items.list->items[i]);
        if (jinja_truth(jinja_eval(r, n->list))) {
            jinja_list_add(r, kept, items.list->items[i]);
        }
    }
    r->scope = outer;
    return kept;
}

static void run_turns(struct jinja_run *r, const struct jinja_node *n, struct jinja_loop *loop)
{
    struct jinja_scope *outer = r->scope;
    struct jinja_scope *s = NULL;
    struct jinja_value v = {.type = JINJA_LOOP, .loop = loop};
    enum flow flow = FLOW_ON;
    for (; loop->at < loop->items.list->count && flow != FLOW_BREAK && jinja_run_step(r, 1); loop->at++) {
        r->scope = outer;
        s = next_turn(r, s);
        if (s == NULL) {
            break;
        }
        jinja_scope_set(r, s, r->template->names.loop, v);
        assign(r, n->a, loop->items.list->items[loop->at]);
        flow = is_good(r) ? run_body(r, n->c) : FLOW_ON;
    }
    r->scope = outer;
}

static enum flow run_else(struct jinja_run *r, const struct jinja_node *body)
{
    struct jinja_scope *s = body == NULL ? NULL : jinja_scope_push(r);
    enum flow flow = FLOW_ON;
    if (s != NULL) {
        flow = run_body(r, body);
        jinja_scope_pop(r, s);
    }
    return flow;
}

static enum flow run_for(struct jinja_run *r, const struct jinja_node *n)
{
    struct jinja_value over = jinja_eval(r, n->b);
    struct jinja_loop *loop = jinja_run_get(r, 1, sizeof(*loop));
    if (loop == NULL) {
        return FLOW_ON;
    }
    loop->items = jinja_items(r, over);
    loop->items = n->list != NULL && is_good(r) ? filtered(r, n, loop->items) : loop->items;
    if (is_good(r) && loop->items.list->count == 0) {
        return run_else(r, n->d);
    }
    if (is_good(r)) {
        run_turns(r, n, loop);
    }
    return FLOW_ON;
}

/* --- loop.… --- */

JINJA_FN loop_cycle(JINJA_FN_ARGS)
{
    if (call->count == 0) {
        jinja_run_fail(r, KIT_INVALID, "no items for cycling given");
        return jinja_none();
    }
    return call->args[self.loop->at % call->count];
}

JINJA_FN loop_changed(JINJA_FN_ARGS)
{
    struct jinja_value now = jinja_list_new(r, JINJA_TUPLE, call->count);
    for (uint32_t i = 0; i < call->count; i++) {
        jinja_list_add(r, now, call->args[i]);
    }
    bool same = self.loop->last.type == JINJA_TUPLE && jinja_equal(r, self.loop->last, now);
    self.loop->last = now;
    return jinja_bool(!same);
}

static struct jinja_value neighbour(const struct jinja_loop *l, int64_t at, kit_str name)
{
    bool there = at >= 0 && at < l->items.list->count;
    return there ? l->items.list->items[at] : jinja_undefined(name);
}

struct jinja_value jinja_eval_loop(struct jinja_run *r, struct jinja_value v, kit_str name)
{
    static const struct jinja_builtin methods[] = {{"cycle", NULL, 0, loop_cycle}, {"changed", NULL, 0, loop_changed}};
    const struct jinja_loop *l = v.loop;
    int64_t count = l->items.list->count;
    const struct {
        const char *name;
        struct jinja_value value;
    } known[] = {{"index", jinja_int((int64_t)l->at + 1)},
                 {"index0", jinja_int(l->at)},
                 {"revindex", jinja_int(count - l->at)},
                 {"revindex0", jinja_int(count - l->at - 1)},
                 {"first", jinja_bool(l->at == 0)},
                 {"last", jinja_bool((int64_t)l->at + 1 == count)},
                 {"length", jinja_int(count)},
                 {"depth", jinja_int(1)},
                 {"depth0", jinja_int(0)},
                 {"previtem", neighbour(l, (int64_t)l->at - 1, name)},
                 {"nextitem", neighbour(l, (int64_t)l->at + 1, name)}};
    for (size_t i = 0; i < KIT_COUNT(known); i++) {
        if (kit_str_eq(kit_str_c(known[i].name), name)) {
            return known[i].value;
        }
    }
    const struct jinja_builtin *b = jinja_builtin_in(methods, KIT_COUNT(methods), name);
    return b == NULL ? jinja_undefined(name) : jinja_bound(r, b, v);
}

/* --- all of them --- */

static enum flow run_one(struct jinja_run *r, const struct jinja_node *n)
{
    switch (n->kind) {
    case JINJA_NODE_DATA:
        jinja_build_add(r->out, n->text, false);
        return FLOW_ON;
    case JINJA_NODE_PRINT:
        jinja_print(r->out, jinja_eval(r, n->a));
        return FLOW_ON;
    case JINJA_NODE_BODY:
        return run_body(r, n);
    case JINJA_NODE_IF:
        return run_if(r, n);
    case JINJA_NODE_FOR:
        return run_for(r, n);
    case JINJA_NODE_WITH:
        return run_with(r, n);
    case JINJA_NODE_BREAK:
        return FLOW_BREAK;
    case JINJA_NODE_CONTINUE:
        return FLOW_CONTINUE;
    case JINJA_NODE_SET:
        assign(r, n->a, jinja_eval(r, n->b));
        return FLOW_ON;
    case JINJA_NODE_SET_BLOCK:
        run_set_block(r, n);
        return FLOW_ON;
    case JINJA_NODE_MACRO:
        jinja_scope_set(r, r->scope, n->text, make_macro(r, n));
        return FLOW_ON;
    case JINJA_NODE_CALL_BLOCK:
        run_call_block(r, n);
        return FLOW_ON;
    default:
        run_filter_block(r, n);
        return FLOW_ON;
    }
}

static enum flow run_body(struct jinja_run *r, const struct jinja_node *body)
{
    enum flow flow = FLOW_ON;
    if (!jinja_run_enter(r)) {
        return flow;
    }
    for (const struct jinja_node *n = body->list; n != NULL && flow == FLOW_ON && jinja_run_step(r, 1); n = n->next) {
        r->line = n->line;
        flow = run_one(r, n);
    }
    jinja_run_leave(r);
    return flow;
}

void jinja_eval_body(struct jinja_run *r, const struct jinja_node *body)
{
    run_body(r, body);
}
