#include "jinja/value.h"

#include <string.h>

#include "kit/utf8.h"

struct jinja_value jinja_undefined(kit_str name)
{
    return (struct jinja_value){.type = JINJA_UNDEFINED, .bytes = name.ptr, .len = (uint32_t)name.len};
}

struct jinja_value jinja_none(void)
{
    return (struct jinja_value){.type = JINJA_NONE};
}

struct jinja_value jinja_bool(bool b)
{
    return (struct jinja_value){.type = JINJA_BOOL, .b = b};
}

struct jinja_value jinja_int(int64_t i)
{
    return (struct jinja_value){.type = JINJA_INT, .i = i};
}

struct jinja_value jinja_float(double f)
{
    return (struct jinja_value){.type = JINJA_FLOAT, .f = f};
}

struct jinja_value jinja_str(kit_str s, bool user)
{
    return (struct jinja_value){.type = JINJA_STR, .user = user, .bytes = s.ptr, .len = (uint32_t)s.len};
}

struct jinja_value jinja_c(const char *text)
{
    return jinja_str(kit_str_c(text), false);
}

kit_str jinja_bytes(struct jinja_value v)
{
    bool has = v.type == JINJA_STR || v.type == JINJA_UNDEFINED;
    return has ? (kit_str){v.bytes, v.len} : (kit_str){0};
}

struct jinja_value jinja_part(struct jinja_value s, size_t from, size_t bytes)
{
    from = KIT_MIN(from, s.len);
    s.bytes += from;
    s.marks = s.marks == NULL ? NULL : s.marks + from;
    s.len = (uint32_t)KIT_MIN(bytes, s.len - from);
    return s;
}

/* --- lists and dicts --- */

/* An array of twice its room, the old items copied. */
static void *grow(struct jinja_run *r, const void *old, uint32_t *room, size_t bytes)
{
    uint32_t wanted = KIT_MAX(*room * 2, 4);
    void *items = *room > UINT32_MAX / 4 ? NULL : jinja_run_get(r, wanted, bytes);
    if (items != NULL && old != NULL) {
        memcpy(items, old, *room * bytes);
    }
    *room = items == NULL ? *room : wanted;
    return items;
}

struct jinja_value jinja_list_new(struct jinja_run *r, enum jinja_type type, size_t room)
{
    static struct jinja_list none;
    struct jinja_list *l = jinja_run_get(r, 1, sizeof(*l));
    if (l != NULL && room > 0) {
        l->items = jinja_run_get(r, room, sizeof(*l->items));
        l->room = l->items == NULL ? 0 : (uint32_t)room;
    }
    return (struct jinja_value){.type = (uint8_t)type, .list = l == NULL ? &none : l};
}

void jinja_list_add(struct jinja_run *r, struct jinja_value list, struct jinja_value item)
{
    struct jinja_list *l = list.list;
    if (r->failed == KIT_OK && l->count == l->room) {
        struct jinja_value *items = grow(r, l->items, &l->room, sizeof(*items));
        l->items = items == NULL ? l->items : items;
    }
    if (r->failed == KIT_OK) {
        l->items[l->count++] = item;
    }
}

struct jinja_value jinja_pair_new(struct jinja_run *r, struct jinja_value a, struct jinja_value b)
{
    struct jinja_value pair = jinja_list_new(r, JINJA_TUPLE, 2);
    jinja_list_add(r, pair, a);
    jinja_list_add(r, pair, b);
    return pair;
}

bool jinja_is_list(struct jinja_value v)
{
    return v.type == JINJA_LIST || v.type == JINJA_TUPLE;
}

struct jinja_value jinja_dict_new(struct jinja_run *r, enum jinja_type type, size_t room)
{
    static struct jinja_dict none;
    struct jinja_dict *d = jinja_run_get(r, 1, sizeof(*d));
    if (d != NULL && room > 0) {
        d->pairs = jinja_run_get(r, room, sizeof(*d->pairs));
        d->room = d->pairs == NULL ? 0 : (uint32_t)room;
    }
    return (struct jinja_value){.type = (uint8_t)type, .dict = d == NULL ? &none : d};
}

static void append(struct jinja_run *r, struct jinja_dict *d, struct jinja_value key, struct jinja_value value)
{
    if (r->failed == KIT_OK && d->count == d->room) {
        struct jinja_pair *pairs = grow(r, d->pairs, &d->room, sizeof(*pairs));
        d->pairs = pairs == NULL ? d->pairs : pairs;
    }
    if (r->failed == KIT_OK) {
        d->pairs[d->count++] = (struct jinja_pair){key, value};
    }
}

static bool hashable(struct jinja_run *r, struct jinja_value key)
{
    bool good = key.type != JINJA_LIST && key.type != JINJA_DICT;
    for (uint32_t i = 0; good && key.type == JINJA_TUPLE && i < key.list->count; i++) {
        good = hashable(r, key.list->items[i]);
    }
    if (!good) {
        jinja_run_fail(r, KIT_INVALID, "a %s cannot be a key of a dict", jinja_type_name(key));
    }
    return good;
}

void jinja_dict_set(struct jinja_run *r, struct jinja_value dict, struct jinja_value key, struct jinja_value value)
{
    if (!hashable(r, key)) {
        return;
    }
    struct jinja_pair *pair = jinja_dict_find(r, dict, key);
    if (pair != NULL) {
        pair->value = value;
        return;
    }
    append(r, dict.dict, key, value);
}

struct jinja_pair *jinja_dict_find(struct jinja_run *r, struct jinja_value dict, struct jinja_value key)
{
    struct jinja_dict *d = dict.dict;
    jinja_run_step(r, d->count / 16);
    for (uint32_t i = 0; i < d->count && r->failed == KIT_OK; i++) {
        struct jinja_value at = d->pairs[i].key;
        bool strings = at.type == JINJA_STR && key.type == JINJA_STR;
        if (strings ? kit_str_eq(jinja_bytes(at), jinja_bytes(key)) : jinja_equal(r, at, key)) {
            return &d->pairs[i];
        }
    }
    return NULL;
}

/* --- from JSON --- */

static struct jinja_value from_number(kit_json json)
{
    return kit_json_is_real(json) ? jinja_float(kit_json_f64(json, 0)) : jinja_int(kit_json_i64(json, 0));
}

static struct jinja_value from_array(struct jinja_run *r, kit_json json, bool user)
{
    struct jinja_value list = jinja_list_new(r, JINJA_LIST, kit_json_count(json));
    for (struct kit_json_iter i = kit_json_iter(json); kit_json_next(&i) && jinja_run_step(r, 1);) {
        jinja_list_add(r, list, jinja_from_json(r, i.value, user));
    }
    return list;
}

static struct jinja_value from_object(struct jinja_run *r, kit_json json, bool user)
{
    struct jinja_value dict = jinja_dict_new(r, JINJA_DICT, kit_json_count(json));
    for (struct kit_json_iter i = kit_json_iter(json); kit_json_next(&i) && jinja_run_step(r, 1);) {
        append(r, dict.dict, jinja_str(i.key, user), jinja_from_json(r, i.value, user));
    }
    return dict;
}

struct jinja_value jinja_from_json(struct jinja_run *r, kit_json json, bool user)
{
    struct jinja_value v = jinja_none();
    if (!jinja_run_enter(r)) {
        return v;
    }
    switch (kit_json_type(json)) {
    case KIT_JSON_BOOL:
        v = jinja_bool(kit_json_bool(json, false));
        break;
    case KIT_JSON_NUMBER:
        v = from_number(json);
        break;
    case KIT_JSON_STRING:
        v = jinja_str(kit_json_str(json, (kit_str){0}), user);
        break;
    case KIT_JSON_ARRAY:
        v = from_array(r, json, user);
        break;
    case KIT_JSON_OBJECT:
        v = from_object(r, json, user);
        break;
    default:
        break;
    }
    jinja_run_leave(r);
    return v;
}

/* --- what Python asks of values --- */

bool jinja_truth(struct jinja_value v)
{
    switch (v.type) {
    case JINJA_MISSING:
    case JINJA_UNDEFINED:
    case JINJA_NONE:
        return false;
    case JINJA_BOOL:
        return v.b;
    case JINJA_INT:
        return v.i != 0;
    case JINJA_FLOAT:
        return v.f != 0;
    case JINJA_STR:
        return v.len > 0;
    case JINJA_LIST:
    case JINJA_TUPLE:
        return v.list->count > 0;
    case JINJA_DICT:
        return v.dict->count > 0;
    default:
        return true;
    }
}

bool jinja_is_number(struct jinja_value v)
{
    return v.type == JINJA_INT || v.type == JINJA_FLOAT || v.type == JINJA_BOOL;
}

double jinja_number(struct jinja_value v)
{
    return v.type == JINJA_FLOAT ? v.f : v.type == JINJA_BOOL ? v.b : (double)v.i;
}

static int64_t whole(struct jinja_value v)
{
    return v.type == JINJA_BOOL ? v.b : v.i;
}

static bool lists_equal(struct jinja_run *r, const struct jinja_list *a, const struct jinja_list *b)
{
    bool same = a->count == b->count;
    for (uint32_t i = 0; same && i < a->count && jinja_run_step(r, 1); i++) {
        same = jinja_equal(r, a->items[i], b->items[i]);
    }
    return same;
}

static bool dicts_equal(struct jinja_run *r, struct jinja_value a, struct jinja_value b)
{
    bool same = a.dict->count == b.dict->count;
    for (uint32_t i = 0; same && i < a.dict->count && jinja_run_step(r, 1); i++) {
        const struct jinja_pair *other = jinja_dict_find(r, b, a.dict->pairs[i].key);
        same = other != NULL && jinja_equal(r, a.dict->pairs[i].value, other->value);
    }
    return same;
}

static bool numbers_equal(struct jinja_value a, struct jinja_value b)
{
    return a.type == JINJA_FLOAT || b.type == JINJA_FLOAT ? jinja_number(a) == jinja_number(b) : whole(a) == whole(b);
}

static bool same_kind_equal(struct jinja_run *r, struct jinja_value a, struct jinja_value b)
{
    switch (a.type) {
    case JINJA_STR:
        return kit_str_eq(jinja_bytes(a), jinja_bytes(b));
    case JINJA_LIST:
    case JINJA_TUPLE:
        return lists_equal(r, a.list, b.list);
    case JINJA_DICT:
        return dicts_equal(r, a, b);
    case JINJA_NAMESPACE:
        return a.dict == b.dict;
    case JINJA_LOOP:
        return a.loop == b.loop;
    case JINJA_CALLABLE:
        return a.call == b.call;
    default:
        return true; /* none, undefined */
    }
}

bool jinja_equal(struct jinja_run *r, struct jinja_value a, struct jinja_value b)
{
    if (jinja_is_number(a) && jinja_is_number(b)) {
        return numbers_equal(a, b);
    }
    if (a.type != b.type || !jinja_run_enter(r)) {
        return false;
    }
    bool same = same_kind_equal(r, a, b);
    jinja_run_leave(r);
    return same;
}

static int compare_numbers(struct jinja_value a, struct jinja_value b)
{
    if (a.type != JINJA_FLOAT && b.type != JINJA_FLOAT) {
        return whole(a) < whole(b) ? -1 : whole(a) > whole(b);
    }
    return jinja_number(a) < jinja_number(b) ? -1 : jinja_number(a) > jinja_number(b);
}

static int compare_lists(struct jinja_run *r, const struct jinja_list *a, const struct jinja_list *b)
{
    for (uint32_t i = 0; i < a->count && i < b->count && jinja_run_enter(r); i++) {
        int order = jinja_equal(r, a->items[i], b->items[i]) ? 0 : jinja_compare(r, a->items[i], b->items[i]);
        jinja_run_leave(r);
        if (order != 0) {
            return order;
        }
    }
    return a->count < b->count ? -1 : a->count > b->count;
}

int jinja_compare(struct jinja_run *r, struct jinja_value a, struct jinja_value b)
{
    if (!jinja_need(r, a) || !jinja_need(r, b)) {
        return 0;
    }
    if (jinja_is_number(a) && jinja_is_number(b)) {
        return compare_numbers(a, b);
    }
    if (a.type == JINJA_STR && b.type == JINJA_STR) {
        return kit_str_cmp(jinja_bytes(a), jinja_bytes(b));
    }
    if (a.type == b.type && jinja_is_list(a)) {
        return compare_lists(r, a.list, b.list);
    }
    jinja_run_fail(r, KIT_INVALID, "a %s and a %s have no order", jinja_type_name(a), jinja_type_name(b));
    return 0;
}

static bool list_contains(struct jinja_run *r, const struct jinja_list *l, struct jinja_value item)
{
    for (uint32_t i = 0; i < l->count && jinja_run_step(r, 1); i++) {
        if (jinja_equal(r, l->items[i], item)) {
            return true;
        }
    }
    return false;
}

bool jinja_contains(struct jinja_run *r, struct jinja_value container, struct jinja_value item)
{
    switch (container.type) {
    case JINJA_UNDEFINED:
        return false;
    case JINJA_STR:
        if (item.type != JINJA_STR) {
            jinja_run_fail(r, KIT_INVALID, "'in' a string needs a string, not a %s", jinja_type_name(item));
            return false;
        }
        return item.len == 0 || kit_str_find(jinja_bytes(container), jinja_bytes(item)) < container.len;
    case JINJA_LIST:
    case JINJA_TUPLE:
        return list_contains(r, container.list, item);
    case JINJA_DICT:
        return hashable(r, item) && jinja_dict_find(r, container, item) != NULL;
    default:
        jinja_run_fail(r, KIT_INVALID, "nothing can be 'in' a %s", jinja_type_name(container));
        return false;
    }
}

const char *jinja_type_name(struct jinja_value v)
{
    static const char *const names[] = {"missing",   "Undefined",   "NoneType", "bool",  "int",
                                        "float",     "str",         "list",     "tuple", "dict",
                                        "Namespace", "LoopContext", "function"};
    return names[v.type];
}

int64_t jinja_length(struct jinja_value v)
{
    switch (v.type) {
    case JINJA_UNDEFINED:
        return 0;
    case JINJA_STR:
        return (int64_t)kit_utf8_count(jinja_bytes(v));
    case JINJA_LIST:
    case JINJA_TUPLE:
        return v.list->count;
    case JINJA_DICT:
        return v.dict->count;
    default:
        return -1;
    }
}

static struct jinja_value characters(struct jinja_run *r, struct jinja_value v)
{
    kit_str s = jinja_bytes(v);
    struct jinja_value list = jinja_list_new(r, JINJA_LIST, kit_utf8_count(s));
    size_t bytes;
    for (size_t at = 0; at < s.len && jinja_run_step(r, 1); at += bytes) {
        bytes = jinja_char_bytes(s, at);
        jinja_list_add(r, list, jinja_part(v, at, bytes));
    }
    return list;
}

struct jinja_value jinja_items(struct jinja_run *r, struct jinja_value v)
{
    if (jinja_is_list(v)) {
        return v;
    }
    if (v.type == JINJA_STR) {
        return characters(r, v);
    }
    struct jinja_value list = jinja_list_new(r, JINJA_LIST, v.type == JINJA_DICT ? v.dict->count : 0);
    if (v.type == JINJA_DICT) {
        for (uint32_t i = 0; i < v.dict->count && jinja_run_step(r, 1); i++) {
            jinja_list_add(r, list, v.dict->pairs[i].key);
        }
    } else if (v.type != JINJA_UNDEFINED) {
        jinja_run_fail(r, KIT_INVALID, "a %s has no items to go over", jinja_type_name(v));
    }
    return list;
}

bool jinja_need(struct jinja_run *r, struct jinja_value v)
{
    if (v.type == JINJA_UNDEFINED) {
        jinja_run_fail(r, KIT_INVALID, "'%.*s' is undefined", KIT_STR_ARG(jinja_bytes(v)));
    }
    return r->failed == KIT_OK;
}

/* --- characters --- */

size_t jinja_char_bytes(kit_str s, size_t at)
{
    size_t end = at + 1;
    while (end < s.len && kit_utf8_is_inside(s.ptr[end])) {
        end++;
    }
    return end - at;
}

size_t jinja_char_at(kit_str s, size_t from, size_t chars)
{
    while (chars > 0 && from < s.len) {
        from += jinja_char_bytes(s, from);
        chars--;
    }
    return from;
}

/* Beyond ASCII: 85, A0, 1680, 2000 … 200A, 2028, 2029, 202F, 205F, 3000. */
static size_t far_space_at(kit_str s, size_t at)
{
    static const char *const spaces[] = {"\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\xA8",
                                         "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80"};
    kit_str rest = kit_str_sub(s, at, 3);
    for (size_t i = 0; i < KIT_COUNT(spaces); i++) {
        if (kit_str_starts(rest, kit_str_c(spaces[i]))) {
            return strlen(spaces[i]);
        }
    }
    bool row = kit_str_starts(rest, kit_str_lit("\xE2\x80")) && rest.len == 3;
    return row && (uint8_t)rest.ptr[2] >= 0x80 && (uint8_t)rest.ptr[2] <= 0x8A ? 3 : 0;
}

size_t jinja_space_at(kit_str s, size_t at)
{
    uint8_t c = (uint8_t)s.ptr[at];
    if (c < 0x80) {
        return c == ' ' || (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x1F);
    }
    return far_space_at(s, at);
}

size_t jinja_spaces_before(kit_str s)
{
    size_t at = 0;
    for (size_t bytes = 1; at < s.len && bytes > 0; at += bytes) {
        bytes = jinja_space_at(s, at);
    }
    return at;
}

size_t jinja_spaces_after(kit_str s)
{
    size_t end = s.len;
    while (end > 0) {
        size_t at = end - 1;
        while (at > 0 && kit_utf8_is_inside(s.ptr[at])) {
            at--;
        }
        if (jinja_space_at(s, at) == 0) {
            break;
        }
        end = at;
    }
    return s.len - end;
}
