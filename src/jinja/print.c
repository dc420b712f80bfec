#include "jinja/print.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/num.h"
#include "kit/utf8.h"

/* --- numbers --- */

/* The digits of "1.25e-7" without point, and where the point stands: 0.digits × 10^point. */
static int take_digits(kit_str text, char digits[KIT_NUM_BYTES], int *count)
{
    int point = -1;
    int exponent = 0;
    int n = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '.') {
            point = n;
        } else if (c == 'e' || c == 'E') {
            exponent = (int)strtol(text.ptr + i + 1, NULL, 10);
            break;
        } else if (c >= '0' && c <= '9') {
            digits[n++] = c;
        }
    }
    point = (point < 0 ? n : point) + exponent;
    int zeros = 0;
    while (zeros < n - 1 && digits[zeros] == '0') {
        zeros++;
    }
    memmove(digits, digits + zeros, (size_t)(n - zeros));
    n -= zeros;
    while (n > 1 && digits[n - 1] == '0') {
        n--;
    }
    *count = n;
    return digits[0] == '0' ? 1 : point - zeros;
}

static int put_scientific(char *to, size_t room, const char *digits, int count, int exponent)
{
    return snprintf(to, room, "%c%s%.*se%c%02d", digits[0], count > 1 ? "." : "", count - 1, digits + 1,
                    exponent < 0 ? '-' : '+', abs(exponent));
}

static int put_plain(char *to, size_t room, const char *digits, int count, int point)
{
    static const char zeros[] = "0000000000000000";
    if (point <= 0) {
        return snprintf(to, room, "0.%.*s%.*s", -point, zeros, count, digits);
    }
    if (point >= count) {
        return snprintf(to, room, "%.*s%.*s.0", count, digits, point - count, zeros);
    }
    return snprintf(to, room, "%.*s.%.*s", point, digits, count - point, digits + point);
}

size_t jinja_print_float(double f, char buf[JINJA_PRINT_BYTES])
{
    if (!isfinite(f)) {
        return (size_t)snprintf(buf, JINJA_PRINT_BYTES, "%s", isnan(f) ? "nan" : f < 0 ? "-inf" : "inf");
    }
    char text[KIT_NUM_BYTES + 1];
    char digits[KIT_NUM_BYTES];
    size_t sign = signbit(f) ? 1 : 0;
    text[kit_num_f64(fabs(f), text)] = '\0';
    int count;
    int point = take_digits(kit_str_c(text), digits, &count);
    buf[0] = '-';
    char *to = buf + sign;
    size_t room = JINJA_PRINT_BYTES - sign;
    bool plain = point > -4 && point <= 16;
    int bytes = plain ? put_plain(to, room, digits, count, point) : put_scientific(to, room, digits, count, point - 1);
    return sign + (size_t)bytes;
}

static void print_number(struct jinja_build *b, struct jinja_value v)
{
    char buf[JINJA_PRINT_BYTES];
    size_t bytes =
        v.type == JINJA_FLOAT ? jinja_print_float(v.f, buf) : (size_t)snprintf(buf, sizeof(buf), "%" PRId64, v.i);
    jinja_build_add(b, (kit_str){buf, bytes}, false);
}

/* --- repr --- */

/* What Python's repr writes as an escape: controls, separators that are no space, formats, private use. */
static bool is_printable(uint32_t cp)
{
    static const struct {
        uint32_t from, to;
    } hidden[] = {{0, 0x1F},        {0x7F, 0xA0},       {0xAD, 0xAD},       {0x0600, 0x0605}, {0x061C, 0x061C},
                  {0x06DD, 0x06DD}, {0x1680, 0x1680},   {0x180E, 0x180E},   {0x2000, 0x200F}, {0x2028, 0x202F},
                  {0x205F, 0x206F}, {0x3000, 0x3000},   {0xD800, 0xF8FF},   {0xFEFF, 0xFEFF}, {0xFFF0, 0xFFFB},
                  {0xFFFE, 0xFFFF}, {0xE0000, 0xE007F}, {0xF0000, 0x10FFFF}};
    for (size_t i = 0; i < KIT_COUNT(hidden); i++) {
        if (cp >= hidden[i].from && cp <= hidden[i].to) {
            return false;
        }
    }
    return true;
}

static kit_str repr_escape(uint32_t cp, char quote, char buf[16])
{
    int bytes = 0;
    if (cp == '\\' || cp == (uint8_t)quote) {
        bytes = snprintf(buf, 16, "\\%c", (char)cp);
    } else if (cp == '\n' || cp == '\r' || cp == '\t') {
        bytes = snprintf(buf, 16, "\\%c", cp == '\n' ? 'n' : cp == '\r' ? 'r' : 't');
    } else if (!is_printable(cp)) {
        bytes = snprintf(buf, 16, cp < 0x100 ? "\\x%02x" : cp < 0x10000 ? "\\u%04x" : "\\U%08x", cp);
    }
    return (kit_str){buf, (size_t)bytes};
}

static void repr_str(struct jinja_build *b, struct jinja_value v)
{
    kit_str s = jinja_bytes(v);
    bool single = kit_str_find_char(s, '\'') < s.len;
    char quote = single && kit_str_find_char(s, '"') == s.len ? '"' : '\'';
    jinja_build_add(b, (kit_str){&quote, 1}, false);
    uint32_t bytes;
    for (size_t at = 0; at < s.len && jinja_run_step(b->r, 1); at += bytes) {
        char buf[16];
        kit_str escape = repr_escape(kit_utf8_read(s.ptr + at, &bytes), quote, buf);
        if (escape.len > 0) {
            jinja_build_as(b, escape, v, at);
        } else {
            jinja_build_str(b, jinja_part(v, at, bytes));
        }
    }
    jinja_build_add(b, (kit_str){&quote, 1}, false);
}

static void repr_list(struct jinja_build *b, struct jinja_value v)
{
    bool tuple = v.type == JINJA_TUPLE;
    jinja_build_c(b, tuple ? "(" : "[");
    for (uint32_t i = 0; i < v.list->count && jinja_run_step(b->r, 1); i++) {
        jinja_build_c(b, i > 0 ? ", " : "");
        jinja_print_repr(b, v.list->items[i]);
    }
    jinja_build_c(b, tuple ? (v.list->count == 1 ? ",)" : ")") : "]");
}

static void repr_dict(struct jinja_build *b, struct jinja_value v)
{
    jinja_build_c(b, v.type == JINJA_NAMESPACE ? "<Namespace {" : "{");
    for (uint32_t i = 0; i < v.dict->count && jinja_run_step(b->r, 1); i++) {
        jinja_build_c(b, i > 0 ? ", " : "");
        jinja_print_repr(b, v.dict->pairs[i].key);
        jinja_build_c(b, ": ");
        jinja_print_repr(b, v.dict->pairs[i].value);
    }
    jinja_build_c(b, v.type == JINJA_NAMESPACE ? "}>" : "}");
}

void jinja_print_repr(struct jinja_build *b, struct jinja_value v)
{
    if (!jinja_run_enter(b->r)) {
        return;
    }
    if (v.type == JINJA_STR) {
        repr_str(b, v);
    } else if (jinja_is_list(v)) {
        repr_list(b, v);
    } else if (v.type == JINJA_DICT || v.type == JINJA_NAMESPACE) {
        repr_dict(b, v);
    } else if (v.type == JINJA_UNDEFINED) {
        jinja_build_c(b, "Undefined");
    } else {
        jinja_print(b, v);
    }
    jinja_run_leave(b->r);
}

void jinja_print(struct jinja_build *b, struct jinja_value v)
{
    switch (v.type) {
    case JINJA_MISSING:
    case JINJA_UNDEFINED:
        break;
    case JINJA_NONE:
        jinja_build_c(b, "None");
        break;
    case JINJA_BOOL:
        jinja_build_c(b, v.b ? "True" : "False");
        break;
    case JINJA_INT:
    case JINJA_FLOAT:
        print_number(b, v);
        break;
    case JINJA_STR:
        jinja_build_str(b, v);
        break;
    case JINJA_LOOP:
    case JINJA_CALLABLE:
        jinja_build_c(b, v.type == JINJA_LOOP ? "<LoopContext>" : "<function>");
        break;
    default:
        jinja_print_repr(b, v);
        break;
    }
}

struct jinja_value jinja_to_str(struct jinja_run *r, struct jinja_value v)
{
    if (v.type == JINJA_STR) {
        return v;
    }
    struct jinja_build b;
    jinja_build_init(&b, r);
    jinja_print(&b, v);
    return jinja_build_value(&b);
}

/* --- JSON --- */

static kit_str json_escape(uint32_t cp, bool ascii, char buf[16])
{
    static const char plain[] = "\"\\\n\r\t\b\f";
    static const char letters[] = "\"\\nrtbf";
    const char *known = cp > 0 && cp < 0x80 ? strchr(plain, (int)cp) : NULL;
    int bytes = 0;
    if (known != NULL) {
        bytes = snprintf(buf, 16, "\\%c", letters[known - plain]);
    } else if (cp < 0x20 || (ascii && cp > 0x7E && cp < 0x10000)) {
        bytes = snprintf(buf, 16, "\\u%04x", cp);
    } else if (ascii && cp >= 0x10000) {
        uint32_t rest = cp - 0x10000;
        bytes = snprintf(buf, 16, "\\u%04x\\u%04x", 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF));
    }
    return (kit_str){buf, (size_t)bytes};
}

static void json_str(struct jinja_build *b, struct jinja_value v, const struct jinja_json_style *style)
{
    kit_str s = jinja_bytes(v);
    jinja_build_c(b, "\"");
    size_t from = 0;
    uint32_t bytes;
    for (size_t at = 0; at < s.len && jinja_run_step(b->r, (at & 15) == 0); at += bytes) {
        char buf[16];
        kit_str escape = json_escape(kit_utf8_read(s.ptr + at, &bytes), style->ensure_ascii, buf);
        if (escape.len > 0) {
            jinja_build_str(b, jinja_part(v, from, at - from));
            jinja_build_as(b, escape, v, at);
            from = at + bytes;
        }
    }
    jinja_build_str(b, jinja_part(v, from, s.len - from));
    jinja_build_c(b, "\"");
}

static void json_value(struct jinja_build *b, struct jinja_value v, const struct jinja_json_style *style,
                       uint32_t level);

/* The line of an item: behind a comma unless it is the first. */
static void json_line(struct jinja_build *b, const struct jinja_json_style *style, uint32_t level)
{
    if (style->has_indent) {
        jinja_build_c(b, "\n");
        for (uint32_t i = 0; i < level && b->r->failed == KIT_OK; i++) {
            jinja_build_add(b, style->indent, false);
        }
    }
}

static void json_border(struct jinja_build *b, const struct jinja_json_style *style, uint32_t index, uint32_t level)
{
    if (index > 0) {
        jinja_build_add(b, style->item, false);
    }
    json_line(b, style, level);
}

static void json_list(struct jinja_build *b, struct jinja_value v, const struct jinja_json_style *style, uint32_t level)
{
    jinja_build_c(b, "[");
    for (uint32_t i = 0; i < v.list->count && jinja_run_step(b->r, 1); i++) {
        json_border(b, style, i, level + 1);
        json_value(b, v.list->items[i], style, level + 1);
    }
    if (v.list->count > 0) {
        json_line(b, style, level);
    }
    jinja_build_c(b, "]");
}

static void json_key(struct jinja_build *b, struct jinja_value key, const struct jinja_json_style *style)
{
    if (key.type == JINJA_STR) {
        json_str(b, key, style);
        return;
    }
    if (!jinja_is_number(key) && key.type != JINJA_NONE) {
        jinja_run_fail(b->r, KIT_INVALID, "a %s cannot be a key of a JSON object", jinja_type_name(key));
        return;
    }
    jinja_build_c(b, "\"");
    json_value(b, key, style, 0);
    jinja_build_c(b, "\"");
}

/* Merges the sorted halves of `pairs`: keys that are equal keep their order. */
static void sort_pairs(struct jinja_run *r, struct jinja_pair *pairs, struct jinja_pair *spare, size_t count)
{
    if (count < 2 || r->failed != KIT_OK) {
        return;
    }
    size_t half = count / 2;
    sort_pairs(r, pairs, spare, half);
    sort_pairs(r, pairs + half, spare, count - half);
    memcpy(spare, pairs, count * sizeof(*pairs));
    size_t a = 0;
    size_t c = half;
    for (size_t i = 0; i < count && jinja_run_step(r, 1); i++) {
        bool first = c == count || (a < half && jinja_compare(r, spare[a].key, spare[c].key) <= 0);
        pairs[i] = first ? spare[a++] : spare[c++];
    }
}

static struct jinja_dict sorted(struct jinja_run *r, const struct jinja_dict *d)
{
    struct jinja_dict out = {.pairs = jinja_run_get(r, d->count + 1, sizeof(*d->pairs))};
    struct jinja_pair *spare = jinja_run_get(r, d->count + 1, sizeof(*d->pairs));
    if (r->failed == KIT_OK && d->count > 0) {
        out.count = d->count;
        memcpy(out.pairs, d->pairs, d->count * sizeof(*d->pairs));
        sort_pairs(r, out.pairs, spare, d->count);
    }
    return out;
}

static void json_dict(struct jinja_build *b, struct jinja_value v, const struct jinja_json_style *style, uint32_t level)
{
    struct jinja_dict d = style->sort_keys ? sorted(b->r, v.dict) : *v.dict;
    jinja_build_c(b, "{");
    for (uint32_t i = 0; i < d.count && jinja_run_step(b->r, 1); i++) {
        json_border(b, style, i, level + 1);
        json_key(b, d.pairs[i].key, style);
        jinja_build_add(b, style->key, false);
        json_value(b, d.pairs[i].value, style, level + 1);
    }
    if (d.count > 0) {
        json_line(b, style, level);
    }
    jinja_build_c(b, "}");
}

static void json_float(struct jinja_build *b, double f)
{
    if (isfinite(f)) {
        print_number(b, jinja_float(f));
    } else {
        jinja_build_c(b, isnan(f) ? "NaN" : f < 0 ? "-Infinity" : "Infinity");
    }
}

static void json_plain(struct jinja_build *b, struct jinja_value v, const struct jinja_json_style *style)
{
    switch (v.type) {
    case JINJA_NONE:
        jinja_build_c(b, "null");
        break;
    case JINJA_BOOL:
        jinja_build_c(b, v.b ? "true" : "false");
        break;
    case JINJA_INT:
        print_number(b, v);
        break;
    case JINJA_FLOAT:
        json_float(b, v.f);
        break;
    case JINJA_STR:
        json_str(b, v, style);
        break;
    default:
        jinja_run_fail(b->r, KIT_INVALID, "Object of type %s is not JSON serializable", jinja_type_name(v));
        break;
    }
}

static void json_value(struct jinja_build *b, struct jinja_value v, const struct jinja_json_style *style,
                       uint32_t level)
{
    if (!jinja_run_enter(b->r)) {
        return;
    }
    if (jinja_is_list(v)) {
        json_list(b, v, style, level);
    } else if (v.type == JINJA_DICT) {
        json_dict(b, v, style, level);
    } else {
        json_plain(b, v, style);
    }
    jinja_run_leave(b->r);
}

void jinja_print_json(struct jinja_build *b, struct jinja_value v, const struct jinja_json_style *style)
{
    json_value(b, v, style, 0);
}
