#include "jinja/ops.h"

#include <math.h>
#include <stdio.h>

#include "jinja/print.h"
#include "kit/utf8.h"

static struct jinja_value wrong_types(struct jinja_run *r, char op, struct jinja_value a, struct jinja_value b)
{
    const char *name = op == 'd' ? "//" : op == 'p' ? "**" : (char[2]){op, '\0'};
    jinja_run_fail(r, KIT_INVALID, "%s cannot take a %s and a %s", name, jinja_type_name(a), jinja_type_name(b));
    return jinja_none();
}

/* --- numbers --- */

static int64_t whole(struct jinja_value v)
{
    return v.type == JINJA_BOOL ? v.b : v.i;
}

static struct jinja_value overflow(struct jinja_run *r)
{
    jinja_run_fail(r, KIT_INVALID, "a whole number beyond 64 bits");
    return jinja_none();
}

static struct jinja_value by_zero(struct jinja_run *r)
{
    jinja_run_fail(r, KIT_INVALID, "division by zero");
    return jinja_none();
}

/* Rounds down, as Python does; the rest has the sign of b. */
static struct jinja_value divide_ints(struct jinja_run *r, char op, int64_t a, int64_t b)
{
    if (b == 0) {
        return by_zero(r);
    }
    if (op == '/') {
        return jinja_float((double)a / (double)b);
    }
    if (b == -1) {
        return op == '%' ? jinja_int(0) : a == INT64_MIN ? overflow(r) : jinja_int(-a);
    }
    int64_t rest = a % b;
    bool down = rest != 0 && (rest < 0) != (b < 0);
    return jinja_int(op == '%' ? rest + (down ? b : 0) : a / b - down);
}

static struct jinja_value power_ints(struct jinja_run *r, int64_t a, int64_t b)
{
    if (b < 0) {
        return a == 0 ? by_zero(r) : jinja_float(pow((double)a, (double)b));
    }
    int64_t result = 1;
    for (; b > 0 && jinja_run_step(r, 1); b--) {
        if (__builtin_mul_overflow(result, a, &result)) {
            return overflow(r);
        }
    }
    return jinja_int(result);
}

static struct jinja_value op_ints(struct jinja_run *r, char op, int64_t a, int64_t b)
{
    int64_t result = 0;
    bool over = false;
    switch (op) {
    case '+':
        over = __builtin_add_overflow(a, b, &result);
        break;
    case '-':
        over = __builtin_sub_overflow(a, b, &result);
        break;
    case '*':
        over = __builtin_mul_overflow(a, b, &result);
        break;
    case 'p':
        return power_ints(r, a, b);
    default:
        return divide_ints(r, op, a, b);
    }
    return over ? overflow(r) : jinja_int(result);
}

static double modulo(double a, double b)
{
    double rest = fmod(a, b);
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

static struct jinja_value op_floats(struct jinja_run *r, char op, double a, double b)
{
    if (b == 0 && (op == '/' || op == 'd' || op == '%')) {
        return by_zero(r);
    }
    switch (op) {
    case '+':
        return jinja_float(a + b);
    case '-':
        return jinja_float(a - b);
    case '*':
        return jinja_float(a * b);
    case '/':
        return jinja_float(a / b);
    case 'd':
        return jinja_float(floor(a / b));
    case '%':
        return jinja_float(modulo(a, b));
    default:
        return jinja_float(pow(a, b));
    }
}

/* --- sequences --- */

static struct jinja_value join_strings(struct jinja_run *r, struct jinja_value a, struct jinja_value b)
{
    struct jinja_build out;
    jinja_build_init(&out, r);
    jinja_build_str(&out, a);
    jinja_build_str(&out, b);
    return jinja_build_value(&out);
}

static struct jinja_value join_lists(struct jinja_run *r, struct jinja_value a, struct jinja_value b)
{
    struct jinja_value out = jinja_list_new(r, (enum jinja_type)a.type, (size_t)a.list->count + b.list->count);
    for (uint32_t i = 0; i < a.list->count && jinja_run_step(r, 1); i++) {
        jinja_list_add(r, out, a.list->items[i]);
    }
    for (uint32_t i = 0; i < b.list->count && jinja_run_step(r, 1); i++) {
        jinja_list_add(r, out, b.list->items[i]);
    }
    return out;
}

static struct jinja_value repeat_str(struct jinja_run *r, struct jinja_value s, int64_t times)
{
    struct jinja_build out;
    jinja_build_init(&out, r);
    for (int64_t i = 0; i < times && s.len > 0 && jinja_run_step(r, 1); i++) {
        jinja_build_str(&out, s);
    }
    return jinja_build_value(&out);
}

static struct jinja_value repeat_list(struct jinja_run *r, struct jinja_value list, int64_t times)
{
    struct jinja_value out = jinja_list_new(r, (enum jinja_type)list.type, 0);
    for (int64_t i = 0; i < times && list.list->count > 0 && r->failed == KIT_OK; i++) {
        for (uint32_t j = 0; j < list.list->count && jinja_run_step(r, 1); j++) {
            jinja_list_add(r, out, list.list->items[j]);
        }
    }
    return out;
}

static struct jinja_value repeat(struct jinja_run *r, struct jinja_value a, struct jinja_value times)
{
    return a.type == JINJA_STR ? repeat_str(r, a, whole(times)) : repeat_list(r, a, whole(times));
}

static bool is_whole(struct jinja_value v)
{
    return v.type == JINJA_INT || v.type == JINJA_BOOL;
}

static bool is_sequence(struct jinja_value v)
{
    return v.type == JINJA_STR || jinja_is_list(v);
}

struct jinja_value jinja_op(struct jinja_run *r, char op, struct jinja_value a, struct jinja_value b)
{
    if (!jinja_need(r, a) || (!jinja_need(r, b) && !(op == '%' && a.type == JINJA_STR))) {
        return jinja_none();
    }
    if (is_whole(a) && is_whole(b)) {
        return op_ints(r, op, whole(a), whole(b));
    }
    if (jinja_is_number(a) && jinja_is_number(b)) {
        return op_floats(r, op, jinja_number(a), jinja_number(b));
    }
    if (op == '+' && a.type == JINJA_STR && b.type == JINJA_STR) {
        return join_strings(r, a, b);
    }
    if (op == '+' && jinja_is_list(a) && a.type == b.type) {
        return join_lists(r, a, b);
    }
    if (op == '*' && is_sequence(a) && is_whole(b)) {
        return repeat(r, a, b);
    }
    if (op == '*' && is_whole(a) && is_sequence(b)) {
        return repeat(r, b, a);
    }
    return op == '%' && a.type == JINJA_STR ? jinja_op_format(r, a, b) : wrong_types(r, op, a, b);
}

struct jinja_value jinja_op_sign(struct jinja_run *r, char op, struct jinja_value a)
{
    if (!jinja_need(r, a)) {
        return jinja_none();
    }
    if (a.type == JINJA_FLOAT) {
        return jinja_float(op == '-' ? -a.f : a.f);
    }
    if (is_whole(a)) {
        return op_ints(r, op, 0, whole(a));
    }
    jinja_run_fail(r, KIT_INVALID, "%c cannot take a %s", op, jinja_type_name(a));
    return jinja_none();
}

/* --- subscripts --- */

/* Index from the front, or -1: outside. */
static int64_t place(int64_t i, int64_t count)
{
    i += i < 0 ? count : 0;
    return i >= 0 && i < count ? i : -1;
}

static struct jinja_value char_item(struct jinja_value s, int64_t i)
{
    kit_str bytes = jinja_bytes(s);
    i = place(i, (int64_t)kit_utf8_count(bytes));
    if (i < 0) {
        return jinja_undefined(kit_str_lit("index out of range"));
    }
    size_t at = jinja_char_at(bytes, 0, (size_t)i);
    return jinja_part(s, at, jinja_char_bytes(bytes, at));
}

static struct jinja_value list_item(struct jinja_value a, int64_t i)
{
    i = place(i, a.list->count);
    return i < 0 ? jinja_undefined(kit_str_lit("index out of range")) : a.list->items[i];
}

struct jinja_value jinja_op_item(struct jinja_run *r, struct jinja_value a, struct jinja_value i)
{
    if (!jinja_need(r, a)) {
        return jinja_none();
    }
    if (a.type == JINJA_DICT || a.type == JINJA_NAMESPACE) {
        bool plain = i.type != JINJA_LIST && i.type != JINJA_DICT;
        const struct jinja_pair *pair = plain ? jinja_dict_find(r, a, i) : NULL;
        return pair == NULL ? jinja_undefined(jinja_bytes(i)) : pair->value;
    }
    if (is_whole(i) && a.type == JINJA_STR) {
        jinja_run_step(r, a.len / 64);
        return char_item(a, whole(i));
    }
    if (is_whole(i) && jinja_is_list(a)) {
        return list_item(a, whole(i));
    }
    return jinja_undefined(jinja_bytes(i));
}

/* --- slices --- */

struct range {
    int64_t from, to, step;
};

static bool bound(struct jinja_run *r, struct jinja_value v, int64_t otherwise, int64_t count, int64_t low,
                  int64_t high, int64_t *ret)
{
    if (v.type == JINJA_MISSING || v.type == JINJA_NONE) {
        *ret = otherwise;
        return true;
    }
    if (!is_whole(v)) {
        jinja_run_fail(r, KIT_INVALID, "a slice needs whole numbers, not a %s", jinja_type_name(v));
        return false;
    }
    int64_t at = KIT_MAX(KIT_MIN(whole(v), INT64_MAX / 2), INT64_MIN / 2);
    at += at < 0 ? count : 0;
    *ret = KIT_MAX(KIT_MIN(at, high), low);
    return true;
}

/* As Python's slice.indices. */
static bool slice_range(struct jinja_run *r, struct jinja_value from, struct jinja_value to, struct jinja_value step,
                        int64_t count, struct range *ret)
{
    *ret = (struct range){.step = 1};
    if (is_whole(step)) {
        ret->step = KIT_MAX(KIT_MIN(whole(step), INT64_MAX / 4), INT64_MIN / 4);
    } else if (step.type != JINJA_MISSING && step.type != JINJA_NONE) {
        jinja_run_fail(r, KIT_INVALID, "a slice needs whole numbers, not a %s", jinja_type_name(step));
        return false;
    }
    if (ret->step == 0) {
        jinja_run_fail(r, KIT_INVALID, "the step of a slice is zero");
        return false;
    }
    bool down = ret->step < 0;
    int64_t low = down ? -1 : 0;
    int64_t high = down ? count - 1 : count;
    return bound(r, from, down ? high : low, count, low, high, &ret->from) &&
           bound(r, to, down ? low : high, count, low, high, &ret->to);
}

static bool in_range(const struct range *a, int64_t i)
{
    return a->step > 0 ? i < a->to : i > a->to;
}

static struct jinja_value slice_list(struct jinja_run *r, struct jinja_value a, const struct range *range)
{
    struct jinja_value out = jinja_list_new(r, (enum jinja_type)a.type, 0);
    for (int64_t i = range->from; in_range(range, i) && jinja_run_step(r, 1); i += range->step) {
        jinja_list_add(r, out, a.list->items[i]);
    }
    return out;
}

static struct jinja_value slice_str(struct jinja_run *r, struct jinja_value s, const struct range *range)
{
    kit_str bytes = jinja_bytes(s);
    if (range->step == 1) {
        int64_t chars = KIT_MAX(range->to - range->from, 0);
        size_t from = jinja_char_at(bytes, 0, (size_t)range->from);
        return jinja_part(s, from, jinja_char_at(bytes, from, (size_t)chars) - from);
    }
    struct jinja_value all = jinja_items(r, s);
    struct jinja_build out;
    jinja_build_init(&out, r);
    for (int64_t i = range->from; in_range(range, i) && jinja_run_step(r, 1); i += range->step) {
        jinja_build_str(&out, all.list->items[i]);
    }
    return jinja_build_value(&out);
}

struct jinja_value jinja_op_slice(struct jinja_run *r, struct jinja_value a, struct jinja_value from,
                                  struct jinja_value to, struct jinja_value step)
{
    struct range range;
    if (!jinja_need(r, a)) {
        return jinja_none();
    }
    if (!is_sequence(a)) {
        jinja_run_fail(r, KIT_INVALID, "a %s has no slices", jinja_type_name(a));
        return jinja_none();
    }
    jinja_run_step(r, a.type == JINJA_STR ? a.len / 64 : 0);
    if (!slice_range(r, from, to, step, jinja_length(a), &range)) {
        return jinja_none();
    }
    return a.type == JINJA_STR ? slice_str(r, a, &range) : slice_list(r, a, &range);
}
