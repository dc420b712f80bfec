#include <stdio.h>
#include <string.h>
#include <time.h>

#include "jinja/call.h"
#include "jinja/print.h"
#include "kit/clock.h"

#define RANGE_MAX 100000 /* as Jinja's sandbox has it */

JINJA_FN function_range(JINJA_FN_ARGS)
{
    bool one = args[1].type == JINJA_MISSING;
    int64_t from = one ? 0 : jinja_arg_int(r, args[0], 0);
    int64_t to = jinja_arg_int(r, one ? args[0] : args[1], 0);
    int64_t step = jinja_arg_int(r, args[2], 1);
    struct jinja_value out = jinja_list_new(r, JINJA_LIST, 0);
    if (step == 0) {
        jinja_run_fail(r, KIT_INVALID, "range() arg 3 must not be zero");
    }
    for (int64_t i = from; (step > 0 ? i < to : i > to) && jinja_run_step(r, 1);) {
        if (out.list->count == RANGE_MAX) {
            jinja_run_fail(r, KIT_TOO_LARGE, "a range of more than %d numbers", RANGE_MAX);
        }
        jinja_list_add(r, out, jinja_int(i));
        if (__builtin_add_overflow(i, step, &i)) {
            break;
        }
    }
    return out;
}

/* Pairs of a list, or the items of a dict, then what was given by name. */
static void fill(struct jinja_run *r, struct jinja_value out, const struct jinja_call *call)
{
    if (call->count > 1) {
        jinja_run_fail(r, KIT_INVALID, "at most one value makes a dict");
        return;
    }
    struct jinja_value from = call->count > 0 ? call->args[0] : jinja_dict_new(r, JINJA_DICT, 0);
    for (uint32_t i = 0; from.type == JINJA_DICT && i < from.dict->count && jinja_run_step(r, 1); i++) {
        jinja_dict_set(r, out, from.dict->pairs[i].key, from.dict->pairs[i].value);
    }
    struct jinja_value items = from.type == JINJA_DICT ? jinja_list_new(r, JINJA_LIST, 0) : jinja_items(r, from);
    for (uint32_t i = 0; i < items.list->count && jinja_run_step(r, 1); i++) {
        struct jinja_value pair = jinja_items(r, items.list->items[i]);
        if (r->failed == KIT_OK && pair.list->count != 2) {
            jinja_run_fail(r, KIT_INVALID, "a dict is made of pairs");
            return;
        }
        jinja_dict_set(r, out, pair.list->items[0], pair.list->items[1]);
    }
    for (uint32_t i = 0; i < call->named_count; i++) {
        jinja_dict_set(r, out, call->named[i].key, call->named[i].value);
    }
}

JINJA_FN function_dict(JINJA_FN_ARGS)
{
    struct jinja_value out = jinja_dict_new(r, JINJA_DICT, 0);
    fill(r, out, call);
    return out;
}

JINJA_FN function_namespace(JINJA_FN_ARGS)
{
    struct jinja_value out = jinja_dict_new(r, JINJA_NAMESPACE, 0);
    fill(r, out, call);
    for (uint32_t i = 0; i < out.dict->count; i++) {
        kit_str name = jinja_bytes(out.dict->pairs[i].key);
        if (name.len > 0 && name.ptr[0] == '_') {
            jinja_run_fail(r, KIT_INVALID, "a namespace has no names that begin with '_'");
        }
    }
    return out;
}

/* The message goes out as it is, without our line. */
JINJA_FN function_raise_exception(JINJA_FN_ARGS)
{
    kit_str message = jinja_bytes(jinja_to_str(r, args[0]));
    message = message.len > 0 ? message : kit_str_lit("the template raises an exception without a message");
    if (r->failed == KIT_OK) {
        r->failed = kit_fail(r->err, KIT_INVALID, "%.*s", (int)KIT_MIN(message.len, KIT_ERR_MSG_BYTES), message.ptr);
    }
    return jinja_none();
}

/* The format is the template's: what strftime makes of any has an end, and its room is checked. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static size_t put_time(char *to, size_t room, const char *format, int64_t now_s)
{
    struct tm tm;
    time_t now = (time_t)now_s;
    return localtime_r(&now, &tm) == NULL ? 0 : strftime(to, room, format, &tm);
}
#pragma GCC diagnostic pop

JINJA_FN function_strftime_now(JINJA_FN_ARGS)
{
    char format[128];
    char text[256];
    kit_str f = jinja_bytes(jinja_arg_str(r, args[0], ""));
    int64_t now_s = r->now_s != 0 ? r->now_s : (int64_t)(kit_clock_wall_ns() / KIT_NS_PER_S);
    if (f.len >= sizeof(format)) {
        jinja_run_fail(r, KIT_TOO_LARGE, "a date format of more than %zu bytes", sizeof(format) - 1);
        return jinja_none();
    }
    kit_str_to_c(f, format, sizeof(format));
    size_t bytes = put_time(text, sizeof(text), format, now_s);
    return jinja_str(jinja_run_copy(r, (kit_str){text, bytes}), false);
}

const struct jinja_builtin *jinja_function_find(kit_str name)
{
    static const struct jinja_builtin table[] = {
        {"dict", NULL, 0, function_dict},
        {"namespace", NULL, 0, function_namespace},
        {"raise_exception", "message", 1, function_raise_exception},
        {"range", "start stop step", 1, function_range},
        {"strftime_now", "format", 1, function_strftime_now},
    };
    return jinja_builtin_in(table, KIT_COUNT(table), name);
}
