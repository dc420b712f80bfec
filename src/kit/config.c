#include "kit/config.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "kit/alloc.h"
#include "kit/config_inner.h"
#include "kit/near.h"

#define WARN_BYTES 320

/* --- values --- */

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit byte_units[] = {
    {"", 1},
    {"B", 1},
    {"KiB", 1024},
    {"MiB", 1024 * 1024},
    {"GiB", 1024 * 1024 * 1024},
    {"TiB", UINT64_C(1) << 40},
    {"KB", 1000},
    {"MB", 1000000},
    {"GB", 1000000000},
    {"TB", UINT64_C(1000000000000)},
    {NULL, 0},
};
static const struct unit ms_units[] = {{"ms", 1}, {"", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {NULL, 0}};

/* "64MiB": a whole number and one of the units, in any case. */
static bool parse_with_unit(kit_str text, const struct unit *units, int64_t *ret)
{
    size_t digits = 0;
    uint64_t n, product;
    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9') {
        digits++;
    }
    if (kit_str_to_u64(kit_str_sub(text, 0, digits), &n) != KIT_OK) {
        return false;
    }
    kit_str name = kit_str_sub(text, digits, text.len);
    for (; units->name != NULL; units++) {
        if (kit_str_eq_nocase(name, kit_str_c(units->name))) {
            bool fits = !__builtin_mul_overflow(n, units->factor, &product) && product <= INT64_MAX;
            *ret = fits ? (int64_t)product : 0;
            return fits;
        }
    }
    return false;
}

static bool parse_bool(kit_str text, int64_t *ret)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
    for (size_t i = 0; i < KIT_COUNT(words); i++) {
        if (kit_str_eq_nocase(text, kit_str_c(words[i]))) {
            *ret = i % 2;
            return true;
        }
    }
    return false;
}

static bool parse_enum(kit_str text, const char *range, int64_t *ret)
{
    kit_str rest = kit_str_c(range), word;
    for (int64_t i = 0; kit_str_cut(&rest, '|', &word); i++) {
        if (kit_str_eq(word, text)) {
            *ret = i;
            return true;
        }
    }
    return false;
}

static bool parse_number(const struct kit_config_row *row, kit_str text, int64_t *ret)
{
    bool good = false;
    switch (row->type) {
    case KIT_CONFIG_INT:
        good = kit_str_to_i64(text, ret) == KIT_OK;
        break;
    case KIT_CONFIG_BYTES:
        good = parse_with_unit(text, byte_units, ret);
        break;
    case KIT_CONFIG_MS:
        good = parse_with_unit(text, ms_units, ret);
        break;
    case KIT_CONFIG_BOOL:
        return parse_bool(text, ret);
    case KIT_CONFIG_ENUM:
        return parse_enum(text, row->range, ret);
    case KIT_CONFIG_STRING:
        return false;
    }
    return good && *ret >= row->min && *ret <= row->max;
}

/* "512" as "512", 67108864 as "64MiB", 30000 as "30s": the largest unit that divides it. */
static void write_with_unit(int64_t n, const struct unit *units, bool decimal_too, char *to, size_t size)
{
    const struct unit *best = &units[0];
    for (const struct unit *u = units; n > 0 && u->name != NULL; u++) {
        bool fits = (uint64_t)n % u->factor == 0 && (decimal_too || u->factor % 1000 != 0 || u->factor == 1);
        best = fits && u->factor > best->factor ? u : best;
    }
    snprintf(to, size, "%lld%s", (long long)(n / (int64_t)best->factor), best->name);
}

static void write_limit(const struct kit_config_row *row, int64_t n, char *to, size_t size)
{
    if (row->type == KIT_CONFIG_BYTES) {
        write_with_unit(n, byte_units, false, to, size);
    } else if (row->type == KIT_CONFIG_MS) {
        write_with_unit(n, ms_units, true, to, size);
    } else {
        snprintf(to, size, "%lld", (long long)n);
    }
}

/* "a size from 1KiB to 1GiB, such as 64MiB" */
void kit_config_demand(const struct kit_config_row *row, char *to, size_t size)
{
    char min[32], max[32];
    write_limit(row, row->min, min, sizeof(min));
    write_limit(row, row->max, max, sizeof(max));
    switch (row->type) {
    case KIT_CONFIG_INT:
        snprintf(to, size, "a whole number from %s to %s", min, max);
        break;
    case KIT_CONFIG_BYTES:
        snprintf(to, size, "a size from %s to %s, such as 64MiB", min, max);
        break;
    case KIT_CONFIG_MS:
        snprintf(to, size, "a duration from %s to %s, such as 250ms, 30s, 5m", min, max);
        break;
    case KIT_CONFIG_BOOL:
        snprintf(to, size, "true or false");
        break;
    case KIT_CONFIG_ENUM:
        snprintf(to, size, "one of %s", row->range);
        break;
    case KIT_CONFIG_STRING:
        snprintf(to, size, "text of at most %s bytes without NUL", max);
        break;
    }
}

static enum kit_status set_text(const struct kit_config_row *row, const char *key, struct kit_config_value *v,
                                kit_str text, struct kit_err *err)
{
    if ((int64_t)text.len > row->max || kit_str_find_char(text, '\0') < text.len) {
        char demand[80];
        kit_config_demand(row, demand, sizeof(demand));
        return kit_fail_param(err, KIT_INVALID, key, "'%s' must be %s, but has %zu bytes", key, demand, text.len);
    }
    char *copy = NULL;
    if (text.len > 0 && (copy = kit_alloc_copy(text.ptr, text.len)) == NULL) {
        return kit_fail(err, KIT_NOMEM, "no memory for the value of '%s'", key);
    }
    kit_alloc_free(v->text);
    v->text = copy;
    return KIT_OK;
}

/* key: as it was written, where a name stands for the '*' of the row's. */
static enum kit_status set_value(const struct kit_config_row *row, const char *key, struct kit_config_value *v,
                                 kit_str text, struct kit_err *err)
{
    if (row->type == KIT_CONFIG_STRING) {
        return set_text(row, key, v, text, err);
    }
    int64_t n = 0;
    if (!parse_number(row, text, &n)) {
        char demand[120];
        kit_config_demand(row, demand, sizeof(demand));
        return kit_fail_param(err, KIT_INVALID, key, "'%s' must be %s, but is '%.*s'", key, demand,
                              (int)KIT_MIN(text.len, 64), text.len == 0 ? "" : text.ptr);
    }
    v->number = n;
    return KIT_OK;
}

/* --- keys --- */

size_t kit_config_star(const struct kit_config_row *row)
{
    return kit_str_find_char(kit_str_c(row->key), '*');
}

static bool is_name(kit_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-')) {
            return false;
        }
    }
    return s.len > 0 && s.len < KIT_CONFIG_NAME_BYTES;
}

/* *name: what stands for the '*'; empty where there is none. */
static bool matches(const struct kit_config_row *row, kit_str key, kit_str *name)
{
    kit_str pattern = kit_str_c(row->key);
    size_t star = kit_config_star(row);
    *name = (kit_str){0};
    if (star == pattern.len) {
        return kit_str_eq(key, pattern);
    }
    kit_str rest = kit_str_sub(pattern, star + 1, pattern.len);
    if (key.len < star + rest.len || !kit_str_starts(key, kit_str_sub(pattern, 0, star)) || !kit_str_ends(key, rest)) {
        return false;
    }
    *name = kit_str_sub(key, star, key.len - star - rest.len);
    return is_name(*name);
}

/* The index of the row with this key; count: there is none. */
static size_t find_row(const struct kit_config *c, kit_str key, kit_str *name)
{
    size_t i = 0;
    while (i < c->count && !matches(&c->rows[i], key, name)) {
        i++;
    }
    return i;
}

/* Where the value of this name and row is in the list, or would be. */
static struct kit_config_named **find_named(struct kit_config *c, size_t row, kit_str name)
{
    struct kit_config_named **at = &c->named;
    for (; *at != NULL; at = &(*at)->next) {
        int order = kit_str_cmp(kit_str_c((*at)->name), name);
        if (order > 0 || (order == 0 && (*at)->row >= row)) {
            break;
        }
    }
    return at;
}

static bool is_at(const struct kit_config_named *n, size_t row, kit_str name)
{
    return n != NULL && n->row == row && kit_str_eq(kit_str_c(n->name), name);
}

struct kit_config_value *kit_config_place(struct kit_config *c, kit_str key)
{
    kit_str name;
    size_t i = find_row(c, key, &name);
    if (i == c->count || name.len == 0) {
        return i == c->count ? NULL : &c->values[i];
    }
    struct kit_config_named *n = *find_named(c, i, name);
    return is_at(n, i, name) ? &n->value : NULL;
}

static enum kit_status make_named(struct kit_config *c, size_t row, kit_str name, struct kit_config_value **ret,
                                  struct kit_err *err)
{
    struct kit_config_named **at = find_named(c, row, name), *n = NULL;
    if (is_at(*at, row, name)) {
        *ret = &(*at)->value;
        return KIT_OK;
    }
    if (c->named_count == KIT_CONFIG_NAMED_MAX) {
        return kit_fail(err, KIT_INVALID, "more than %d keys are set by name", KIT_CONFIG_NAMED_MAX);
    }
    n = kit_alloc_zero(1, sizeof(*n));
    if (n == NULL) {
        return kit_fail(err, KIT_NOMEM, "no memory for the value of '%s'", c->rows[row].key);
    }
    kit_str_to_c(name, n->name, sizeof(n->name));
    n->row = row;
    n->value.number = c->values[row].number;
    n->next = *at;
    *at = n;
    c->named_count++;
    *ret = &n->value;
    return KIT_OK;
}

static enum kit_status fail_unknown(const struct kit_config *c, kit_str key, struct kit_err *err)
{
    char shown[KIT_CONFIG_KEY_BYTES_MAX + 1];
    struct kit_near near = {.wanted = key};
    for (size_t i = 0; i < c->count; i++) {
        kit_near_offer(&near, c->rows[i].key);
    }
    kit_str_to_c(key, shown, sizeof(shown));
    return near.best == NULL
               ? kit_fail_param(err, KIT_INVALID, shown, "unknown key '%s'; --print-config lists them all", shown)
               : kit_fail_param(err, KIT_INVALID, shown, "unknown key '%s'; did you mean '%s'?", shown, near.best);
}

/* --- life --- */

/* A row that contradicts itself, or a default that it would refuse, is our bug. */
static void check_row(const struct kit_config_row *row)
{
    assert(row->key != NULL && strlen(row->key) <= KIT_CONFIG_KEY_BYTES_MAX && row->initial != NULL &&
           row->help != NULL);
    assert(row->type != KIT_CONFIG_ENUM || row->range != NULL);
    (void)row;
}

enum kit_status kit_config_new(const struct kit_config_row *rows, size_t count, struct kit_config **ret)
{
    struct kit_config *c = kit_alloc_zero(1, sizeof(*c) + count * sizeof(c->values[0]));
    if (c == NULL) {
        return KIT_NOMEM;
    }
    c->rows = rows;
    c->count = count;
    for (size_t i = 0; i < count; i++) {
        check_row(&rows[i]);
        enum kit_status rc = set_value(&rows[i], rows[i].key, &c->values[i], kit_str_c(rows[i].initial), NULL);
        assert(rc == KIT_OK || rc == KIT_NOMEM);
        if (rc != KIT_OK) {
            kit_config_free(c);
            return rc;
        }
    }
    *ret = c;
    return KIT_OK;
}

void kit_config_free(struct kit_config *c)
{
    for (size_t i = 0; c != NULL && i < c->count; i++) {
        kit_alloc_free(c->values[i].text);
    }
    for (struct kit_config_named *n = c != NULL ? c->named : NULL, *next; n != NULL; n = next) {
        next = n->next;
        kit_alloc_free(n->value.text);
        kit_alloc_free(n);
    }
    kit_alloc_free(c);
}

enum kit_status kit_config_set(struct kit_config *c, kit_str key, kit_str value, struct kit_err *err)
{
    char shown[KIT_CONFIG_KEY_BYTES_MAX + 1];
    struct kit_config_value *v = NULL;
    kit_str name;
    size_t i = find_row(c, key, &name);
    if (i == c->count) {
        return fail_unknown(c, key, err);
    }
    enum kit_status rc = name.len > 0 ? make_named(c, i, name, &v, err) : KIT_OK;
    return rc != KIT_OK ? rc
                        : set_value(&c->rows[i], kit_str_to_c(key, shown, sizeof(shown)), v != NULL ? v : &c->values[i],
                                    value, err);
}

enum kit_status kit_config_set_pair(struct kit_config *c, kit_str pair, struct kit_err *err)
{
    size_t at = kit_str_find_char(pair, '=');
    if (at == pair.len) {
        return kit_fail(err, KIT_INVALID, "'%.*s' must be written as key=value", (int)KIT_MIN(pair.len, 64), pair.ptr);
    }
    return kit_config_set(c, kit_str_sub(pair, 0, at), kit_str_sub(pair, at + 1, pair.len), err);
}

/* --- the environment --- */

/* "HTTP__BODY_MAX" becomes "http.body_max". */
static kit_str key_of_name(kit_str name, char to[KIT_CONFIG_KEY_BYTES_MAX + 1])
{
    size_t len = 0;
    for (size_t at = 0; at < name.len && len < KIT_CONFIG_KEY_BYTES_MAX; at++) {
        char c = name.ptr[at];
        if (c == '_' && at + 1 < name.len && name.ptr[at + 1] == '_') {
            c = '.';
            at++;
        }
        to[len++] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    to[len] = '\0';
    return (kit_str){.ptr = to, .len = len};
}

static void warn_unknown(const struct kit_config *c, kit_str name, kit_str key, void (*warn)(const char *line))
{
    struct kit_err why;
    char line[WARN_BYTES];
    (void)fail_unknown(c, key, &why);
    snprintf(line, sizeof(line), "%.*s in the environment: %s", (int)KIT_MIN(name.len, KIT_CONFIG_KEY_BYTES_MAX),
             name.ptr, why.msg);
    if (warn != NULL) {
        warn(line);
    }
}

static enum kit_status load_variable(struct kit_config *c, kit_str prefix, kit_str entry,
                                     void (*warn)(const char *line), struct kit_err *err)
{
    size_t equals = kit_str_find_char(entry, '=');
    kit_str name = kit_str_sub(entry, 0, equals);
    if (!kit_str_starts(name, prefix) || name.len <= prefix.len + 1 || name.ptr[prefix.len] != '_' ||
        equals == entry.len) {
        return KIT_OK;
    }
    char text[KIT_CONFIG_KEY_BYTES_MAX + 1];
    kit_str key = key_of_name(kit_str_sub(name, prefix.len + 1, name.len), text);
    kit_str star;
    if (find_row(c, key, &star) == c->count) {
        if (!kit_str_ends(name, kit_str_lit("_URL"))) { /* those are for clients */
            warn_unknown(c, name, key, warn);
        }
        return KIT_OK;
    }
    enum kit_status rc = kit_config_set(c, key, kit_str_sub(entry, equals + 1, entry.len), err);
    return rc == KIT_OK ? KIT_OK : kit_err_prefix(err, rc, "%.*s in the environment", KIT_STR_ARG(name));
}

enum kit_status kit_config_load_env(struct kit_config *c, const char *prefix, char *const *environment,
                                    void (*warn)(const char *line), struct kit_err *err)
{
    for (; *environment != NULL; environment++) {
        enum kit_status rc = load_variable(c, kit_str_c(prefix), kit_str_c(*environment), warn, err);
        if (rc != KIT_OK) {
            return rc;
        }
    }
    return KIT_OK;
}

/* --- reading --- */

static size_t row_of(const struct kit_config *c, const char *key, unsigned types)
{
    size_t i = 0;
    while (i < c->count && !kit_str_eq(kit_str_c(key), kit_str_c(c->rows[i].key))) {
        i++;
    }
    assert(i < c->count && (types >> c->rows[i].type & 1) != 0);
    (void)types;
    return i;
}

static const struct kit_config_value *value_of(const struct kit_config *c, const char *key, unsigned types)
{
    return &c->values[row_of(c, key, types)];
}

static const struct kit_config_value *named_value(const struct kit_config *c, size_t row, const char *name)
{
    const struct kit_config_named *n = c->named;
    while (n != NULL && !is_at(n, row, kit_str_c(name))) {
        n = n->next;
    }
    return n != NULL ? &n->value : &c->values[row];
}

#define NUMBERS (1U << KIT_CONFIG_INT | 1U << KIT_CONFIG_BYTES | 1U << KIT_CONFIG_MS | 1U << KIT_CONFIG_ENUM)

int64_t kit_config_int_of(const struct kit_config *c, const char *key, const char *name)
{
    return named_value(c, row_of(c, key, NUMBERS), name)->number;
}

const char *kit_config_str_of(const struct kit_config *c, const char *key, const char *name)
{
    const char *text = named_value(c, row_of(c, key, 1U << KIT_CONFIG_STRING), name)->text;
    return text == NULL ? "" : text;
}

const char *kit_config_name(const struct kit_config *c, const char *prefix, size_t index)
{
    const char *last = NULL;
    for (const struct kit_config_named *n = c->named; n != NULL; n = n->next) {
        bool other = last == NULL || strcmp(last, n->name) != 0;
        if (other && kit_str_starts(kit_str_c(c->rows[n->row].key), kit_str_c(prefix))) {
            last = n->name;
            if (index-- == 0) {
                return last;
            }
        }
    }
    return NULL;
}

int64_t kit_config_int(const struct kit_config *c, const char *key)
{
    return value_of(c, key, NUMBERS)->number;
}

bool kit_config_bool(const struct kit_config *c, const char *key)
{
    return value_of(c, key, 1U << KIT_CONFIG_BOOL)->number != 0;
}

const char *kit_config_str(const struct kit_config *c, const char *key)
{
    const char *text = value_of(c, key, 1U << KIT_CONFIG_STRING)->text;
    return text == NULL ? "" : text;
}

static bool differs(const struct kit_config_value *a, const struct kit_config_value *b)
{
    return a->number != b->number || !kit_str_eq(kit_str_c(a->text), kit_str_c(b->text));
}

/* What one has set by name and the other has not, or otherwise. */
static bool differs_by_name(const struct kit_config *a, const struct kit_config *b, size_t row)
{
    for (const struct kit_config_named *n = a->named; n != NULL; n = n->next) {
        if (n->row == row && differs(&n->value, named_value(b, row, n->name))) {
            return true;
        }
    }
    return false;
}

void kit_config_compare(const struct kit_config *a, const struct kit_config *b,
                        void (*fn)(void *ctx, const struct kit_config_row *row), void *ctx)
{
    assert(a->rows == b->rows && a->count == b->count);
    for (size_t i = 0; i < a->count; i++) {
        if (differs(&a->values[i], &b->values[i]) || differs_by_name(a, b, i) || differs_by_name(b, a, i)) {
            fn(ctx, &a->rows[i]);
        }
    }
}
