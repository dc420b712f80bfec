#include "kit/json.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <yyjson.h>

#include "kit/alloc.h"

#define DEPTH_MAX_OF_ALL 1000

struct kit_json_doc {
    yyjson_doc *tree; /* owned; allocates through this document */
    struct kit_budget *trees;
    uint64_t trees_bytes_max;
    uint64_t taken; /* of the sum */
};

/* --- memory: yyjson frees a tree as a whole, so what it took is given back then --- */

static bool take(struct kit_json_doc *d, size_t bytes)
{
    if (d->trees == NULL) {
        return true;
    }
    bool fits = kit_budget_take(d->trees, bytes, d->trees_bytes_max);
    d->taken += fits ? bytes : 0;
    return fits;
}

static void *alc_get(void *ctx, size_t bytes)
{
    return take(ctx, bytes) ? kit_alloc(bytes) : NULL;
}

static void *alc_resize(void *ctx, void *old, size_t old_bytes, size_t bytes)
{
    return bytes <= old_bytes || take(ctx, bytes - old_bytes) ? kit_alloc_resize(old, bytes) : NULL;
}

static void alc_free(void *ctx, void *p)
{
    (void)ctx;
    kit_alloc_free(p);
}

/* --- depth --- */

/* A document's values lie in one array, each container before what it holds, so that a walk from front to back needs
 * no recursion: `ends` holds the end of each container that is open. */
static bool too_deep(yyjson_doc *doc, uint32_t depth_max)
{
    yyjson_val *ends[DEPTH_MAX_OF_ALL];
    yyjson_val *end = yyjson_doc_get_root(doc) + yyjson_doc_get_val_count(doc);
    uint32_t depth = 0;
    for (yyjson_val *v = yyjson_doc_get_root(doc); v < end; v++) {
        while (depth > 0 && v == ends[depth - 1]) {
            depth--;
        }
        if (unsafe_yyjson_is_ctn(v)) {
            if (depth == depth_max) {
                return true;
            }
            ends[depth++] = unsafe_yyjson_get_next(v);
        }
    }
    return false;
}

/* The byte of the first bracket that opens one level too many; text is valid JSON. */
static size_t deep_byte(kit_str text, uint32_t depth_max)
{
    uint32_t depth = 0;
    bool inside = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '\\') {
            i++; /* only inside strings */
        } else if (c == '"') {
            inside = !inside;
        } else if (!inside && (c == '[' || c == '{')) {
            if (depth++ == depth_max) {
                return i;
            }
        } else if (!inside && (c == ']' || c == '}')) {
            depth--;
        }
    }
    return text.len;
}

static enum kit_status no_room(const struct kit_json_doc *d, size_t bytes, struct kit_err *err)
{
    if (d->trees == NULL) {
        return kit_fail(err, KIT_NOMEM, "no memory to parse %zu bytes of JSON", bytes);
    }
    unsigned long long max = d->trees_bytes_max;
    if (kit_budget_used(d->trees) > d->taken) {
        return kit_fail(err, KIT_UNAVAILABLE,
                        "the JSON of all requests together would pass the limit of %llu bytes: try again later", max);
    }
    return kit_fail(err, KIT_TOO_LARGE,
                    "the JSON has too many values for the limit of %llu bytes (16 each): send less at a time", max);
}

static enum kit_status read_tree(struct kit_json_doc *d, kit_str text, uint32_t depth_max, struct kit_err *err)
{
    yyjson_read_err why = {0};
    yyjson_alc alc = {.malloc = alc_get, .realloc = alc_resize, .free = alc_free, .ctx = d};
    char *bytes = (char *)(uintptr_t)text.ptr; /* only read: YYJSON_READ_INSITU is not set */
    d->tree = yyjson_read_opts(bytes, text.len, YYJSON_READ_NOFLAG, &alc, &why);
    if (d->tree == NULL) {
        return why.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION
                   ? no_room(d, text.len, err)
                   : kit_fail(err, KIT_PARSE, "byte %zu: %s", why.pos, why.msg);
    }
    return too_deep(d->tree, depth_max) ? kit_fail(err, KIT_PARSE, "byte %zu: nested deeper than %u levels",
                                                   deep_byte(text, depth_max), depth_max)
                                        : KIT_OK;
}

enum kit_status kit_json_parse_within(kit_str text, const struct kit_json_limits *limits, struct kit_json_doc **ret,
                                      struct kit_err *err)
{
    assert(limits->depth_max >= 1 && limits->depth_max <= DEPTH_MAX_OF_ALL);
    if (text.len == 0) {
        return kit_fail(err, KIT_PARSE, "byte 0: empty, but a JSON value must stand here");
    }
    struct kit_json_doc *d = kit_alloc_zero(1, sizeof(*d));
    if (d == NULL) {
        return kit_fail(err, KIT_NOMEM, "no memory to parse %zu bytes of JSON", text.len);
    }
    d->trees = text.len > KIT_JSON_FREE_BYTES ? limits->trees : NULL;
    d->trees_bytes_max = limits->trees_bytes_max;
    enum kit_status rc = read_tree(d, text, limits->depth_max, err);
    if (rc != KIT_OK) {
        kit_json_free(d);
        return rc;
    }
    *ret = d;
    return KIT_OK;
}

enum kit_status kit_json_parse(kit_str text, uint32_t depth_max, struct kit_json_doc **ret, struct kit_err *err)
{
    return kit_json_parse_within(text, &(struct kit_json_limits){.depth_max = depth_max}, ret, err);
}

void kit_json_free(struct kit_json_doc *d)
{
    if (d != NULL) {
        yyjson_doc_free(d->tree);
        if (d->trees != NULL) {
            kit_budget_give(d->trees, d->taken);
        }
        kit_alloc_free(d);
    }
}

kit_json kit_json_root(const struct kit_json_doc *d)
{
    return (kit_json){d == NULL ? NULL : yyjson_doc_get_root(d->tree)};
}

/* --- values --- */

/* yyjson's readers take pointers that are not const, but write nothing. */
static yyjson_val *val(kit_json v)
{
    return (yyjson_val *)(uintptr_t)v.v;
}

enum kit_json_type kit_json_type(kit_json v)
{
    switch (yyjson_get_type(val(v))) {
    case YYJSON_TYPE_NULL:
        return KIT_JSON_NULL;
    case YYJSON_TYPE_BOOL:
        return KIT_JSON_BOOL;
    case YYJSON_TYPE_NUM:
        return KIT_JSON_NUMBER;
    case YYJSON_TYPE_STR:
        return KIT_JSON_STRING;
    case YYJSON_TYPE_ARR:
        return KIT_JSON_ARRAY;
    case YYJSON_TYPE_OBJ:
        return KIT_JSON_OBJECT;
    default:
        return KIT_JSON_NONE;
    }
}

const char *kit_json_type_name(kit_json v)
{
    static const char *const names[] = {"missing",  "null",     "a boolean", "a number",
                                        "a string", "an array", "an object"};
    return names[kit_json_type(v)];
}

const char *kit_json_what(kit_json v, char to[KIT_JSON_WHAT_BYTES])
{
    enum kit_json_type type = kit_json_type(v);
    if (type == KIT_JSON_NUMBER) {
        snprintf(to, KIT_JSON_WHAT_BYTES, "%.15g", kit_json_f64(v, 0));
    } else if (type == KIT_JSON_ARRAY) {
        snprintf(to, KIT_JSON_WHAT_BYTES, "an array of %zu", kit_json_count(v));
    } else {
        snprintf(to, KIT_JSON_WHAT_BYTES, "%s", kit_json_type_name(v));
    }
    return to;
}

kit_json kit_json_get(kit_json object, const char *key)
{
    return (kit_json){yyjson_obj_get(val(object), key)};
}

kit_json kit_json_at(kit_json array, size_t index)
{
    return (kit_json){yyjson_arr_get(val(array), index)};
}

size_t kit_json_count(kit_json v)
{
    return yyjson_is_arr(val(v)) ? yyjson_arr_size(val(v)) : yyjson_obj_size(val(v));
}

kit_str kit_json_str(kit_json v, kit_str otherwise)
{
    const char *text = yyjson_get_str(val(v));
    return text == NULL ? otherwise : (kit_str){.ptr = text, .len = yyjson_get_len(val(v))};
}

bool kit_json_bool(kit_json v, bool otherwise)
{
    return yyjson_is_bool(val(v)) ? yyjson_get_bool(val(v)) : otherwise;
}

double kit_json_f64(kit_json v, double otherwise)
{
    return yyjson_is_num(val(v)) ? yyjson_get_num(val(v)) : otherwise;
}

/* False when v is no number, not whole, or beyond int64. */
static bool whole_number(yyjson_val *v, int64_t *ret)
{
    if (yyjson_is_sint(v) || (yyjson_is_uint(v) && yyjson_get_uint(v) <= INT64_MAX)) {
        *ret = yyjson_get_sint(v);
        return true;
    }
    double x = yyjson_get_real(v);
    if (!yyjson_is_real(v) || x != floor(x) || x < -0x1p63 || x >= 0x1p63) {
        return false;
    }
    *ret = (int64_t)x;
    return true;
}

int64_t kit_json_i64(kit_json v, int64_t otherwise)
{
    int64_t n = otherwise;
    whole_number(val(v), &n);
    return n;
}

bool kit_json_is_real(kit_json v)
{
    return yyjson_is_real(val(v)) || (yyjson_is_uint(val(v)) && yyjson_get_uint(val(v)) > INT64_MAX);
}

struct kit_json_iter kit_json_iter(kit_json v)
{
    size_t count = kit_json_count(v);
    return (struct kit_json_iter){
        .container = v, .cursor = count == 0 ? NULL : unsafe_yyjson_get_first(val(v)), .left = count};
}

bool kit_json_next(struct kit_json_iter *i)
{
    if (i->left == 0) {
        return false;
    }
    i->index = i->value.v == NULL ? 0 : i->index + 1;
    i->left--;
    i->value.v = i->cursor;
    if (yyjson_is_obj(val(i->container))) {
        i->key = kit_json_str(i->value, (kit_str){0});
        i->value.v = (const yyjson_val *)i->cursor + 1;
    }
    i->cursor = unsafe_yyjson_get_next(val(i->value));
    return true;
}

/* --- members with a say --- */

static bool is_missing(kit_json v)
{
    return v.v == NULL || kit_json_type(v) == KIT_JSON_NULL;
}

static enum kit_status wrong(struct kit_err *err, const char *key, kit_json v, const char *must_be)
{
    char what[KIT_JSON_WHAT_BYTES];
    return kit_fail_param(err, KIT_INVALID, key, "'%s' must be %s, but is %s", key, must_be, kit_json_what(v, what));
}

enum kit_status kit_json_need_str(kit_json object, const char *key, kit_str *ret, struct kit_err *err)
{
    kit_json v = kit_json_get(object, key);
    if (kit_json_type(v) != KIT_JSON_STRING) {
        return wrong(err, key, v, "a string");
    }
    *ret = kit_json_str(v, (kit_str){0});
    return KIT_OK;
}

enum kit_status kit_json_str_or(kit_json object, const char *key, kit_str otherwise, kit_str *ret, struct kit_err *err)
{
    if (is_missing(kit_json_get(object, key))) {
        *ret = otherwise;
        return KIT_OK;
    }
    return kit_json_need_str(object, key, ret, err);
}

enum kit_status kit_json_i64_or(kit_json object, const char *key, int64_t min, int64_t max, int64_t otherwise,
                                int64_t *ret, struct kit_err *err)
{
    kit_json v = kit_json_get(object, key);
    int64_t n = otherwise;
    if (is_missing(v)) {
        *ret = otherwise;
        return KIT_OK;
    }
    if (kit_json_type(v) != KIT_JSON_NUMBER || !whole_number(val(v), &n) || n < min || n > max) {
        char must_be[80];
        snprintf(must_be, sizeof(must_be), "a whole number from %lld to %lld", (long long)min, (long long)max);
        return wrong(err, key, v, must_be);
    }
    *ret = n;
    return KIT_OK;
}

enum kit_status kit_json_bool_or(kit_json object, const char *key, bool otherwise, bool *ret, struct kit_err *err)
{
    kit_json v = kit_json_get(object, key);
    if (!is_missing(v) && kit_json_type(v) != KIT_JSON_BOOL) {
        return wrong(err, key, v, "true or false");
    }
    *ret = kit_json_bool(v, otherwise);
    return KIT_OK;
}

enum kit_status kit_json_text(kit_json v, struct kit_arena *arena, kit_str *ret)
{
    struct kit_json_doc unlimited = {0};
    yyjson_alc alc = {.malloc = alc_get, .realloc = alc_resize, .free = alc_free, .ctx = &unlimited};
    size_t len = 0;
    char *text = yyjson_val_write_opts(val(v), YYJSON_WRITE_NOFLAG, &alc, &len, NULL);
    if (text == NULL) {
        return KIT_NOMEM;
    }
    enum kit_status rc = kit_arena_str(arena, (kit_str){.ptr = text, .len = len}, ret);
    kit_alloc_free(text);
    return rc;
}
