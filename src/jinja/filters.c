#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jinja/call.h"
#include "jinja/ops.h"
#include "jinja/print.h"
#include "jinja/text.h"

/* --- numbers --- */

JINJA_FN filter_abs(JINJA_FN_ARGS)
{
    if (!jinja_need(r, self)) {
        return jinja_none();
    }
    bool negative = jinja_is_number(self) && jinja_number(self) < 0;
    return jinja_op_sign(r, negative ? '-' : '+', self);
}

/* A string as float() reads it: white space around, underscores not. */
static bool read_float(kit_str s, double *ret)
{
    s = kit_str_trim(s);
    s = kit_str_starts(s, kit_str_lit("+")) ? kit_str_sub(s, 1, s.len) : s;
    return kit_str_to_f64(s, ret) == KIT_OK;
}

static bool read_int(kit_str s, int64_t base, int64_t *ret)
{
    char text[72];
    char *end;
    s = kit_str_trim(s);
    if (s.len == 0 || s.len >= sizeof(text) || (base != 0 && (base < 2 || base > 36))) {
        return false;
    }
    *ret = strtoll(kit_str_to_c(s, text, sizeof(text)), &end, (int)base);
    return *end == '\0' && *ret != INT64_MAX && *ret != INT64_MIN;
}

static bool fits_int(double f)
{
    return f > -9.2e18 && f < 9.2e18;
}

JINJA_FN filter_int(JINJA_FN_ARGS)
{
    struct jinja_value otherwise = args[0].type == JINJA_MISSING ? jinja_int(0) : args[0];
    int64_t n = 0;
    double f = 0;
    if (!jinja_need(r, self)) {
        return otherwise;
    }
    if (self.type == JINJA_STR) {
        if (read_int(jinja_bytes(self), jinja_arg_int(r, args[1], 10), &n)) {
            return jinja_int(n);
        }
        return read_float(jinja_bytes(self), &f) && fits_int(f) ? jinja_int((int64_t)f) : otherwise;
    }
    return jinja_is_number(self) && fits_int(jinja_number(self))
               ? (self.type == JINJA_INT ? self : jinja_int((int64_t)jinja_number(self)))
               : otherwise;
}

JINJA_FN filter_float(JINJA_FN_ARGS)
{
    double f = 0;
    if (!jinja_need(r, self)) {
        return jinja_none();
    }
    if (jinja_is_number(self)) {
        return jinja_float(jinja_number(self));
    }
    bool good = self.type == JINJA_STR && read_float(jinja_bytes(self), &f);
    return good ? jinja_float(f) : args[0].type == JINJA_MISSING ? jinja_float(0) : args[0];
}

/* Half to even on the exact value, as Python does; via decimal text, which is exact too. */
static double round_common(double f, int64_t places)
{
    char text[400];
    if (places < 0) {
        double scale = pow(10, (double)-places);
        return nearbyint(f / scale) * scale;
    }
    snprintf(text, sizeof(text), "%.*f", (int)KIT_MIN(places, 60), f);
    return strtod(text, NULL);
}

JINJA_FN filter_round(JINJA_FN_ARGS)
{
    int64_t places = KIT_MAX(KIT_MIN(jinja_arg_int(r, args[0], 0), 300), -300);
    kit_str method = jinja_bytes(jinja_arg_str(r, args[1], "common"));
    if (!jinja_need(r, self) || !jinja_is_number(self)) {
        jinja_run_fail(r, KIT_INVALID, "round needs a number, not a %s", jinja_type_name(self));
        return jinja_none();
    }
    bool common = kit_str_eq(method, kit_str_lit("common"));
    if (common && self.type != JINJA_FLOAT) {
        return places >= 0 ? self : jinja_int((int64_t)round_common(jinja_number(self), places));
    }
    if (common) {
        return isfinite(self.f) ? jinja_float(round_common(self.f, places)) : self;
    }
    bool up = kit_str_eq(method, kit_str_lit("ceil"));
    if (!up && !kit_str_eq(method, kit_str_lit("floor"))) {
        jinja_run_fail(r, KIT_INVALID, "method must be common, ceil or floor");
        return jinja_none();
    }
    double scaled = jinja_number(self) * pow(10, (double)places);
    return jinja_float((up ? ceil(scaled) : floor(scaled)) / pow(10, (double)places));
}

/* --- text --- */

JINJA_FN filter_string(JINJA_FN_ARGS)
{
    return jinja_to_str(r, self);
}

JINJA_FN filter_trim(JINJA_FN_ARGS)
{
    return jinja_text_strip(r, jinja_to_str(r, self), args[0], "lr");
}

JINJA_FN filter_upper(JINJA_FN_ARGS)
{
    return jinja_text_case(r, jinja_to_str(r, self), JINJA_CASE_UPPER);
}

JINJA_FN filter_lower(JINJA_FN_ARGS)
{
    return jinja_text_case(r, jinja_to_str(r, self), JINJA_CASE_LOWER);
}

JINJA_FN filter_capitalize(JINJA_FN_ARGS)
{
    return jinja_text_case(r, jinja_to_str(r, self), JINJA_CASE_CAPITAL);
}

/* A word begins behind spaces, hyphens and opening brackets; not behind apostrophes, as str.title has it. */
JINJA_FN filter_title(JINJA_FN_ARGS)
{
    struct jinja_value s = jinja_text_case(r, jinja_to_str(r, self), JINJA_CASE_LOWER);
    char *to = jinja_run_get(r, (size_t)s.len + 1, 1);
    bool first = true;
    for (size_t i = 0; to != NULL && i < s.len; i++) {
        char c = s.bytes[i];
        to[i] = (char)(first && c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
        first = strchr("-({[<", c) != NULL || jinja_space_at(jinja_bytes(s), i) > 0;
    }
    s.bytes = to == NULL ? s.bytes : to;
    return s;
}

JINJA_FN filter_replace(JINJA_FN_ARGS)
{
    int64_t most = jinja_arg_int(r, args[2], -1);
    return jinja_text_replace(r, jinja_to_str(r, self), jinja_to_str(r, args[0]), jinja_to_str(r, args[1]), most);
}

static struct jinja_value attributes(struct jinja_run *r, struct jinja_value list, struct jinja_value path)
{
    if (!jinja_given(path)) {
        return list;
    }
    struct jinja_value out = jinja_list_new(r, JINJA_LIST, list.list->count);
    for (uint32_t i = 0; i < list.list->count && jinja_run_step(r, 1); i++) {
        jinja_list_add(r, out, jinja_path(r, list.list->items[i], path));
    }
    return out;
}

JINJA_FN filter_join(JINJA_FN_ARGS)
{
    struct jinja_value items = attributes(r, jinja_items(r, self), args[1]);
    struct jinja_value sep = args[0].type == JINJA_MISSING ? jinja_c("") : jinja_to_str(r, args[0]);
    return jinja_text_join(r, sep, items);
}

static struct jinja_value margin(struct jinja_run *r, struct jinja_value width)
{
    if (width.type == JINJA_STR) {
        return width;
    }
    return jinja_op(r, '*', jinja_c(" "), jinja_int(jinja_arg_int(r, width, 4)));
}

JINJA_FN filter_indent(JINJA_FN_ARGS)
{
    struct jinja_value with = margin(r, args[0]);
    struct jinja_value s = jinja_op(r, '+', jinja_to_str(r, self), jinja_c("\n"));
    bool blank = jinja_arg_bool(args[2], false);
    struct jinja_build b;
    jinja_build_init(&b, r);
    struct jinja_value lines = r->failed == KIT_OK ? jinja_text_lines(r, s, false) : jinja_list_new(r, JINJA_LIST, 0);
    if (jinja_arg_bool(args[1], false)) {
        jinja_build_str(&b, with);
    }
    for (uint32_t i = 0; i < lines.list->count && jinja_run_step(r, 1); i++) {
        jinja_build_c(&b, i > 0 ? "\n" : "");
        if (i > 0 && (blank || lines.list->items[i].len > 0)) {
            jinja_build_str(&b, with);
        }
        jinja_build_str(&b, lines.list->items[i]);
    }
    return jinja_build_value(&b);
}

JINJA_FN filter_escape(JINJA_FN_ARGS)
{
    static const char specials[] = "&<>'\"";
    static const char *const names[] = {"&amp;", "&lt;", "&gt;", "&#39;", "&#34;"};
    struct jinja_value s = jinja_to_str(r, self);
    struct jinja_build b;
    jinja_build_init(&b, r);
    for (size_t i = 0; i < s.len && jinja_run_step(r, 1); i++) {
        const char *special = s.bytes[i] == '\0' ? NULL : strchr(specials, s.bytes[i]);
        if (special != NULL) {
            jinja_build_as(&b, kit_str_c(names[special - specials]), s, i);
        } else {
            jinja_build_str(&b, jinja_part(s, i, 1));
        }
    }
    return jinja_build_value(&b);
}

JINJA_FN filter_format(JINJA_FN_ARGS)
{
    struct jinja_value values = jinja_list_new(r, JINJA_TUPLE, call->count);
    if (call->count > 0 && call->named_count > 0) {
        jinja_run_fail(r, KIT_INVALID, "format takes values by place or by name, not both");
    }
    for (uint32_t i = 0; i < call->count; i++) {
        jinja_list_add(r, values, call->args[i]);
    }
    struct jinja_value named = jinja_dict_new(r, JINJA_DICT, 0);
    for (uint32_t i = 0; i < call->named_count; i++) {
        jinja_dict_set(r, named, call->named[i].key, call->named[i].value);
    }
    return jinja_op_format(r, jinja_to_str(r, self), call->named_count > 0 ? named : values);
}

JINJA_FN filter_wordcount(JINJA_FN_ARGS)
{
    struct jinja_value s = jinja_to_str(r, self);
    int64_t count = 0;
    bool inside = false;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = (uint8_t)s.bytes[i];
        bool word = c >= 0x80 || c == '_' || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        count += word && !inside;
        inside = word;
    }
    return jinja_int(count);
}

/* The separators of json.dumps: with an indent there is no space at the end of a line. */
static bool json_separators(struct jinja_run *r, struct jinja_value pair, struct jinja_json_style *style)
{
    if (!jinja_given(pair)) {
        style->item = style->has_indent ? kit_str_lit(",") : kit_str_lit(", ");
        style->key = kit_str_lit(": ");
        return true;
    }
    if (!jinja_is_list(pair) || pair.list->count != 2) {
        jinja_run_fail(r, KIT_INVALID, "separators must be two strings");
        return false;
    }
    style->item = jinja_bytes(jinja_arg_str(r, pair.list->items[0], ""));
    style->key = jinja_bytes(jinja_arg_str(r, pair.list->items[1], ""));
    return r->failed == KIT_OK;
}

JINJA_FN filter_tojson(JINJA_FN_ARGS)
{
    struct jinja_json_style style = {.ensure_ascii = jinja_arg_bool(args[0], false),
                                     .has_indent = jinja_given(args[1]),
                                     .sort_keys = jinja_arg_bool(args[3], false)};
    style.indent = style.has_indent ? jinja_bytes(margin(r, args[1])) : (kit_str){0};
    struct jinja_build b;
    jinja_build_init(&b, r);
    if (json_separators(r, args[2], &style)) {
        jinja_print_json(&b, self, &style);
    }
    return jinja_build_value(&b);
}

/* --- sequences --- */

JINJA_FN filter_length(JINJA_FN_ARGS)
{
    int64_t length = jinja_length(self);
    if (length < 0) {
        jinja_run_fail(r, KIT_INVALID, "a %s has no length", jinja_type_name(self));
    }
    return jinja_int(length);
}

JINJA_FN filter_list(JINJA_FN_ARGS)
{
    struct jinja_value items = jinja_items(r, self);
    items.type = JINJA_LIST;
    return items;
}

JINJA_FN filter_first(JINJA_FN_ARGS)
{
    struct jinja_value items = jinja_items(r, self);
    return items.list->count > 0 ? items.list->items[0] : jinja_undefined(kit_str_lit("first of nothing"));
}

JINJA_FN filter_last(JINJA_FN_ARGS)
{
    struct jinja_value items = jinja_items(r, self);
    uint32_t count = items.list->count;
    return count > 0 ? items.list->items[count - 1] : jinja_undefined(kit_str_lit("last of nothing"));
}

JINJA_FN filter_reverse(JINJA_FN_ARGS)
{
    struct jinja_value minus = jinja_int(-1);
    struct jinja_value of = self.type == JINJA_STR ? self : jinja_items(r, self);
    struct jinja_value out = jinja_op_slice(r, of, jinja_none(), jinja_none(), minus);
    out.type = out.type == JINJA_TUPLE ? JINJA_LIST : out.type;
    return out;
}

JINJA_FN filter_items(JINJA_FN_ARGS)
{
    struct jinja_value out = jinja_list_new(r, JINJA_LIST, 0);
    if (self.type != JINJA_DICT && self.type != JINJA_UNDEFINED) {
        jinja_run_fail(r, KIT_INVALID, "items needs a dict, not a %s", jinja_type_name(self));
    }
    for (uint32_t i = 0; self.type == JINJA_DICT && i < self.dict->count && jinja_run_step(r, 1); i++) {
        jinja_list_add(r, out, jinja_pair_new(r, self.dict->pairs[i].key, self.dict->pairs[i].value));
    }
    return out;
}

JINJA_FN filter_batch(JINJA_FN_ARGS)
{
    struct jinja_value items = jinja_items(r, self);
    struct jinja_value out = jinja_list_new(r, JINJA_LIST, 0);
    int64_t width = KIT_MAX(jinja_arg_int(r, args[0], 1), 1);
    struct jinja_value row = jinja_list_new(r, JINJA_LIST, 0);
    for (uint32_t i = 0; i < items.list->count && jinja_run_step(r, 1); i++) {
        if (row.list->count == width) {
            jinja_list_add(r, out, row);
            row = jinja_list_new(r, JINJA_LIST, 0);
        }
        jinja_list_add(r, row, items.list->items[i]);
    }
    while (jinja_given(args[1]) && row.list->count > 0 && row.list->count < width && jinja_run_step(r, 1)) {
        jinja_list_add(r, row, args[1]);
    }
    if (row.list->count > 0) {
        jinja_list_add(r, out, row);
    }
    return out;
}

/* --- order --- */

struct sort_key {
    struct jinja_value path;
    bool case_sensitive;
};

static struct jinja_value folded(struct jinja_run *r, struct jinja_value v, bool case_sensitive)
{
    return v.type == JINJA_STR && !case_sensitive ? jinja_text_case(r, v, JINJA_CASE_LOWER) : v;
}

static struct jinja_value sort_key(struct jinja_run *r, const void *ctx, struct jinja_value item)
{
    const struct sort_key *k = ctx;
    return folded(r, jinja_path(r, item, k->path), k->case_sensitive);
}

JINJA_FN filter_sort(JINJA_FN_ARGS)
{
    struct sort_key key = {args[2], jinja_arg_bool(args[1], false)};
    return jinja_sorted(r, jinja_items(r, self), jinja_arg_bool(args[0], false), sort_key, &key);
}

JINJA_FN filter_dictsort(JINJA_FN_ARGS)
{
    kit_str by = jinja_bytes(jinja_arg_str(r, args[1], "key"));
    bool by_value = kit_str_eq(by, kit_str_lit("value"));
    if (self.type != JINJA_DICT || (!by_value && !kit_str_eq(by, kit_str_lit("key")))) {
        jinja_run_fail(r, KIT_INVALID, "dictsort needs a dict, and by must be key or value");
        return jinja_none();
    }
    struct sort_key key = {jinja_int(by_value), jinja_arg_bool(args[0], false)};
    return jinja_sorted(r, filter_items(r, self, args, call), jinja_arg_bool(args[2], false), sort_key, &key);
}

JINJA_FN filter_unique(JINJA_FN_ARGS)
{
    struct jinja_value items = jinja_items(r, self);
    struct jinja_value seen = jinja_dict_new(r, JINJA_DICT, 0);
    struct jinja_value out = jinja_list_new(r, JINJA_LIST, 0);
    for (uint32_t i = 0; i < items.list->count && jinja_run_step(r, 1); i++) {
        struct jinja_value v = jinja_path(r, items.list->items[i], args[1]);
        v = folded(r, v, jinja_arg_bool(args[0], false));
        if (r->failed == KIT_OK && jinja_dict_find(r, seen, v) == NULL) {
            jinja_dict_set(r, seen, v, jinja_none());
            jinja_list_add(r, out, items.list->items[i]);
        }
    }
    return out;
}

static struct jinja_value extreme(struct jinja_run *r, struct jinja_value self, const struct jinja_value *args,
                                  int sign)
{
    struct jinja_value items = jinja_items(r, self);
    struct sort_key key = {args[1], jinja_arg_bool(args[0], false)};
    struct jinja_value best = jinja_undefined(kit_str_lit("the most of nothing"));
    struct jinja_value best_key = best;
    for (uint32_t i = 0; i < items.list->count && jinja_run_step(r, 1); i++) {
        struct jinja_value v = sort_key(r, &key, items.list->items[i]);
        if (i == 0 || jinja_compare(r, v, best_key) * sign > 0) {
            best = items.list->items[i];
            best_key = v;
        }
    }
    return best;
}

JINJA_FN filter_max(JINJA_FN_ARGS)
{
    return extreme(r, self, args, 1);
}

JINJA_FN filter_min(JINJA_FN_ARGS)
{
    return extreme(r, self, args, -1);
}

JINJA_FN filter_sum(JINJA_FN_ARGS)
{
    struct jinja_value items = attributes(r, jinja_items(r, self), args[0]);
    struct jinja_value total = args[1].type == JINJA_MISSING ? jinja_int(0) : args[1];
    if (total.type == JINJA_STR) {
        jinja_run_fail(r, KIT_INVALID, "sum cannot sum strings: use join");
    }
    for (uint32_t i = 0; i < items.list->count && jinja_run_step(r, 1); i++) {
        total = jinja_op(r, '+', total, items.list->items[i]);
    }
    return total;
}

/* --- filters that take others --- */

static struct jinja_call rest_of(const struct jinja_call *call, uint32_t from)
{
    from = KIT_MIN(from, call->count);
    struct jinja_call rest = *call;
    rest.args = from > 0 ? call->args + from : call->args;
    rest.count -= from;
    return rest;
}

static struct jinja_value named(const struct jinja_call *call, const char *name)
{
    for (uint32_t i = 0; i < call->named_count; i++) {
        if (kit_str_eq(jinja_bytes(call->named[i].key), kit_str_c(name))) {
            return call->named[i].value;
        }
    }
    return (struct jinja_value){0};
}

static struct jinja_value map_one(struct jinja_run *r, const struct jinja_call *call, struct jinja_value item)
{
    struct jinja_value path = named(call, "attribute");
    struct jinja_value otherwise = named(call, "default");
    if (call->count > 0) {
        struct jinja_call rest = rest_of(call, 1);
        return jinja_call_filter(r, jinja_bytes(jinja_arg_str(r, call->args[0], "")), item, &rest);
    }
    struct jinja_value v = jinja_path(r, item, path);
    return v.type == JINJA_UNDEFINED && otherwise.type != JINJA_MISSING ? otherwise : v;
}

JINJA_FN filter_map(JINJA_FN_ARGS)
{
    struct jinja_value items = jinja_items(r, self);
    struct jinja_value out = jinja_list_new(r, JINJA_LIST, items.list->count);
    if (call->count == 0 && named(call, "attribute").type == JINJA_MISSING) {
        jinja_run_fail(r, KIT_INVALID, "map requires a filter argument");
    }
    for (uint32_t i = 0; i < items.list->count && jinja_run_step(r, 1); i++) {
        jinja_list_add(r, out, map_one(r, call, items.list->items[i]));
    }
    return out;
}

/* by_path: the first argument is an attribute. Without a test: the truth. */
static bool selects(struct jinja_run *r, const struct jinja_call *call, bool by_path, struct jinja_value item)
{
    struct jinja_value v = by_path ? jinja_path(r, item, call->args[0]) : item;
    if (call->count == by_path) {
        return jinja_truth(v);
    }
    struct jinja_call rest = rest_of(call, 1u + by_path);
    kit_str test = jinja_bytes(jinja_arg_str(r, call->args[by_path], ""));
    return r->failed == KIT_OK && jinja_call_test(r, test, v, &rest);
}

static struct jinja_value select_items(struct jinja_run *r, struct jinja_value self, const struct jinja_call *call,
                                       bool by_path, bool wanted)
{
    struct jinja_value items = jinja_items(r, self);
    struct jinja_value out = jinja_list_new(r, JINJA_LIST, 0);
    if (by_path && call->count == 0) {
        jinja_run_fail(r, KIT_INVALID, "the name of an attribute is needed");
    }
    for (uint32_t i = 0; i < items.list->count && jinja_run_step(r, 1); i++) {
        if (selects(r, call, by_path, items.list->items[i]) == wanted) {
            jinja_list_add(r, out, items.list->items[i]);
        }
    }
    return out;
}

JINJA_FN filter_select(JINJA_FN_ARGS)
{
    return select_items(r, self, call, false, true);
}

JINJA_FN filter_reject(JINJA_FN_ARGS)
{
    return select_items(r, self, call, false, false);
}

JINJA_FN filter_selectattr(JINJA_FN_ARGS)
{
    return select_items(r, self, call, true, true);
}

JINJA_FN filter_rejectattr(JINJA_FN_ARGS)
{
    return select_items(r, self, call, true, false);
}

/* --- the rest --- */

JINJA_FN filter_default(JINJA_FN_ARGS)
{
    bool falsy = jinja_arg_bool(args[1], false) && !jinja_truth(self);
    bool wanted = self.type == JINJA_UNDEFINED || falsy;
    return !wanted ? self : args[0].type == JINJA_MISSING ? jinja_c("") : args[0];
}

JINJA_FN filter_attr(JINJA_FN_ARGS)
{
    const struct jinja_builtin *b = jinja_method_find(self, jinja_bytes(jinja_arg_str(r, args[0], "")));
    return b == NULL ? jinja_undefined(jinja_bytes(args[0])) : jinja_bound(r, b, self);
}

JINJA_FN filter_safe(JINJA_FN_ARGS)
{
    return jinja_to_str(r, self);
}

const struct jinja_builtin *jinja_filter_find(kit_str name)
{
    static const struct jinja_builtin table[] = {
        {"abs", "", 0, filter_abs},
        {"attr", "name", 1, filter_attr},
        {"batch", "linecount fill_with", 1, filter_batch},
        {"capitalize", "", 0, filter_capitalize},
        {"count", "", 0, filter_length},
        {"d", "default_value boolean", 0, filter_default},
        {"default", "default_value boolean", 0, filter_default},
        {"dictsort", "case_sensitive by reverse", 0, filter_dictsort},
        {"e", "", 0, filter_escape},
        {"escape", "", 0, filter_escape},
        {"first", "", 0, filter_first},
        {"float", "default", 0, filter_float},
        {"format", NULL, 0, filter_format},
        {"indent", "width first blank", 0, filter_indent},
        {"int", "default base", 0, filter_int},
        {"items", "", 0, filter_items},
        {"join", "d attribute", 0, filter_join},
        {"last", "", 0, filter_last},
        {"length", "", 0, filter_length},
        {"list", "", 0, filter_list},
        {"lower", "", 0, filter_lower},
        {"map", NULL, 0, filter_map},
        {"max", "case_sensitive attribute", 0, filter_max},
        {"min", "case_sensitive attribute", 0, filter_min},
        {"reject", NULL, 0, filter_reject},
        {"rejectattr", NULL, 0, filter_rejectattr},
        {"replace", "old new count", 2, filter_replace},
        {"reverse", "", 0, filter_reverse},
        {"round", "precision method", 0, filter_round},
        {"safe", "", 0, filter_safe},
        {"select", NULL, 0, filter_select},
        {"selectattr", NULL, 0, filter_selectattr},
        {"sort", "reverse case_sensitive attribute", 0, filter_sort},
        {"string", "", 0, filter_string},
        {"sum", "attribute start", 0, filter_sum},
        {"title", "", 0, filter_title},
        {"tojson", "ensure_ascii indent separators sort_keys", 0, filter_tojson},
        {"trim", "chars", 0, filter_trim},
        {"unique", "case_sensitive attribute", 0, filter_unique},
        {"upper", "", 0, filter_upper},
        {"wordcount", "", 0, filter_wordcount},
    };
    return jinja_builtin_in(table, KIT_COUNT(table), name);
}
