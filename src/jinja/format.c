#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "jinja/ops.h"
#include "jinja/print.h"

#define WIDTH_MAX 1000

/* "%(name)-05.2f": what stands behind the '%'. */
struct field {
    kit_str name;
    char flags[8];            /* for printf: "%", then of "-+ 0#" those that are there */
    int64_t width, precision; /* -1: none */
    char kind;
    size_t bytes;
};

static size_t read_count(kit_str s, size_t at, int64_t *ret)
{
    size_t from = at;
    *ret = 0;
    while (at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9' && *ret <= WIDTH_MAX) {
        *ret = *ret * 10 + (s.ptr[at++] - '0');
    }
    return at - from;
}

static bool read_field(kit_str s, struct field *f)
{
    size_t at = 0;
    size_t flags = 0;
    *f = (struct field){.width = -1, .precision = -1};
    if (s.len > 0 && s.ptr[0] == '(') {
        at = kit_str_find_char(s, ')');
        f->name = kit_str_sub(s, 1, at - 1);
        at = KIT_MIN(at + 1, s.len);
    }
    while (at < s.len && strchr("-+ 0#", s.ptr[at]) != NULL && flags < sizeof(f->flags) - 1) {
        f->flags[flags++] = s.ptr[at++];
    }
    at += read_count(s, at, &f->width);
    if (at < s.len && s.ptr[at] == '.') {
        at += 1 + read_count(s, at + 1, &f->precision);
    }
    if (at >= s.len || f->width > WIDTH_MAX || f->precision > WIDTH_MAX) {
        return false;
    }
    f->kind = s.ptr[at];
    f->bytes = at + 1;
    return true;
}

static bool has_flag(const struct field *f, char flag)
{
    return strchr(f->flags, flag) != NULL;
}

static void put_fill(struct jinja_build *b, const char *with, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        jinja_build_c(b, with);
    }
}

static void put_padded(struct jinja_build *b, const struct field *f, struct jinja_value s)
{
    if (f->precision >= 0) {
        s = jinja_part(s, 0, jinja_char_at(jinja_bytes(s), 0, (size_t)f->precision));
    }
    int64_t missing = f->width - jinja_length(s);
    put_fill(b, " ", has_flag(f, '-') ? 0 : missing);
    jinja_build_str(b, s);
    put_fill(b, " ", has_flag(f, '-') ? missing : 0);
}

/* Digits of a number without its sign. Returns the bytes. */
static int real_digits(char *to, size_t room, const struct field *f, double x)
{
    int precision = (int)(f->precision < 0 ? 6 : f->precision);
    switch (f->kind) {
    case 'e':
        return snprintf(to, room, "%.*e", precision, x);
    case 'E':
        return snprintf(to, room, "%.*E", precision, x);
    case 'g':
        return snprintf(to, room, "%.*g", precision, x);
    case 'G':
        return snprintf(to, room, "%.*G", precision, x);
    default:
        return snprintf(to, room, "%.*f", precision, x);
    }
}

static int whole_digits(char *to, size_t room, const struct field *f, uint64_t n)
{
    int precision = (int)KIT_MAX(f->precision, 1);
    switch (f->kind) {
    case 'x':
        return snprintf(to, room, "%s%.*" PRIx64, has_flag(f, '#') ? "0x" : "", precision, n);
    case 'X':
        return snprintf(to, room, "%s%.*" PRIX64, has_flag(f, '#') ? "0X" : "", precision, n);
    case 'o':
        return snprintf(to, room, "%s%.*" PRIo64, has_flag(f, '#') ? "0o" : "", precision, n);
    default:
        return snprintf(to, room, "%.*" PRIu64, precision, n);
    }
}

static void put_number(struct jinja_build *b, const struct field *f, struct jinja_value v)
{
    char digits[WIDTH_MAX + 400];
    if (!jinja_is_number(v) || (v.type == JINJA_FLOAT && !(fabs(v.f) < 9e18))) {
        jinja_run_fail(b->r, KIT_INVALID, "%%%c needs a number, not a %s", f->kind, jinja_type_name(v));
        return;
    }
    bool real = strchr("eEfFgG", f->kind) != NULL;
    int64_t n = v.type == JINJA_INT ? v.i : (int64_t)jinja_number(v);
    double x = jinja_number(v);
    bool minus = real ? signbit(x) : n < 0;
    uint64_t size = n < 0 ? -(uint64_t)n : (uint64_t)n;
    int bytes = real ? real_digits(digits, sizeof(digits), f, fabs(x)) : whole_digits(digits, sizeof(digits), f, size);
    const char *sign = minus ? "-" : has_flag(f, '+') ? "+" : has_flag(f, ' ') ? " " : "";
    int64_t missing = f->width - bytes - (int64_t)strlen(sign);
    bool zeros = has_flag(f, '0') && !has_flag(f, '-');
    put_fill(b, " ", zeros || has_flag(f, '-') ? 0 : missing);
    jinja_build_c(b, sign);
    put_fill(b, "0", zeros ? missing : 0);
    jinja_build_add(b, (kit_str){digits, (size_t)bytes}, false);
    put_fill(b, " ", has_flag(f, '-') ? missing : 0);
}

static struct jinja_value repr(struct jinja_run *r, struct jinja_value v)
{
    struct jinja_build b;
    jinja_build_init(&b, r);
    jinja_print_repr(&b, v);
    return jinja_build_value(&b);
}

static void put_field(struct jinja_build *b, const struct field *f, struct jinja_value v)
{
    if (f->kind == 's') {
        put_padded(b, f, jinja_to_str(b->r, v));
    } else if (f->kind == 'r' || f->kind == 'a') {
        put_padded(b, f, repr(b->r, v));
    } else if (f->kind != '\0' && strchr("diuxXoeEfFgG", f->kind) != NULL) {
        put_number(b, f, v);
    } else {
        jinja_run_fail(b->r, KIT_INVALID, "unsupported format character '%c'", f->kind);
    }
}

struct values {
    struct jinja_value all;
    uint32_t next;
};

static struct jinja_value field_value(struct jinja_run *r, struct values *v, const struct field *f)
{
    if (f->name.ptr != NULL) {
        const struct jinja_pair *pair =
            v->all.type == JINJA_DICT ? jinja_dict_find(r, v->all, jinja_str(f->name, false)) : NULL;
        if (pair == NULL) {
            jinja_run_fail(r, KIT_INVALID, "format has no value for '%.*s'", KIT_STR_ARG(f->name));
        }
        return pair == NULL ? jinja_none() : pair->value;
    }
    bool many = v->all.type == JINJA_TUPLE;
    if (v->next >= (many ? v->all.list->count : 1)) {
        jinja_run_fail(r, KIT_INVALID, "not enough arguments for format string");
        return jinja_none();
    }
    v->next++;
    return many ? v->all.list->items[v->next - 1] : v->all;
}

static void put_next(struct jinja_build *b, struct jinja_value format, size_t *at, struct values *values)
{
    struct field f;
    kit_str rest = kit_str_sub(jinja_bytes(format), *at + 1, format.len);
    if (!read_field(rest, &f)) {
        jinja_run_fail(b->r, KIT_INVALID, "incomplete format");
        return;
    }
    if (f.kind == '%') {
        jinja_build_str(b, jinja_part(format, *at, 1));
    } else {
        put_field(b, &f, field_value(b->r, values, &f));
    }
    *at += 1 + f.bytes;
}

struct jinja_value jinja_op_format(struct jinja_run *r, struct jinja_value format, struct jinja_value all)
{
    struct jinja_build b;
    struct values values = {.all = all};
    jinja_build_init(&b, r);
    for (size_t at = 0; at < format.len && jinja_run_step(r, 1);) {
        size_t plain = kit_str_find_char(kit_str_sub(jinja_bytes(format), at, format.len), '%');
        jinja_build_str(&b, jinja_part(format, at, plain));
        at += plain;
        if (at < format.len) {
            put_next(&b, format, &at, &values);
        }
    }
    bool many = all.type == JINJA_TUPLE;
    if (r->failed == KIT_OK && all.type != JINJA_DICT && values.next < (many ? all.list->count : 1)) {
        jinja_run_fail(r, KIT_INVALID, "not all arguments converted during string formatting");
    }
    return jinja_build_value(&b);
}
