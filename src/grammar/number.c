#include "grammar/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "grammar/regex.h"

#define WHOLE_DIGITS 18
#define WHOLE_MOST INT64_C(999999999999999999)
#define DIGITS 15        /* of a number with a fraction: what a double tells apart */
#define MULTIPLE_MAX 500 /* 18 digits and as many remainders are states; powers of ten need none */
#define SHAPE_WHOLE "^(0|-?[1-9][0-9]{0,17})$"
#define SHAPE_SHORT "^(0|-?[1-9][0-9]{0,14})$" /* exact as a double */
#define SHAPE_ANY "^(-?(0|[1-9][0-9]{0,14})([.][0-9]{1,15})?([eE][+-]?[0-9]{1,2})?)$"
#define SHAPE_PLAIN "^(-?(0|[1-9][0-9]{0,14})([.][0-9]{1,15})?)$"

struct maker {
    struct kit_arena *arena;
    struct kit_err *err;
    struct grammar_dfa dfa; /* what is left */
};

static enum kit_status keep(struct maker *m, const struct grammar_dfa *other)
{
    struct grammar_dfa both;
    enum kit_status rc = grammar_dfa_and(m->arena, &m->dfa, other, &both, m->err);
    if (rc == KIT_OK) {
        m->dfa = both;
    }
    return rc;
}

static enum kit_status keep_pattern(struct maker *m, const char *pattern)
{
    struct grammar_dfa other;
    enum kit_status rc = grammar_regex(m->arena, kit_str_c(pattern), GRAMMAR_NARROW, &other, m->err);
    return rc == KIT_OK ? keep(m, &other) : rc;
}

/* --- a bound as digits --- */

struct decimal {
    bool negative;
    char whole[32]; /* without leading zeros; "0" */
    char part[64];  /* behind the point, without zeros at its end */
    size_t wholes, parts;
};

#define PLACES_MAX 40 /* of a bound, behind the point */

/* The shortest digits that read back as x; false: too large or too small for digits without an exponent. */
static bool to_decimal(double x, struct decimal *ret)
{
    char text[40];
    int precision = 0;
    do {
        snprintf(text, sizeof(text), "%.*e", precision, fabs(x));
    } while (strtod(text, NULL) != fabs(x) && ++precision < 18);
    int exponent = 0;
    char digits[24];
    size_t count = 0;
    const char *c = text;
    for (; *c != 'e'; c++) {
        if (*c != '.') {
            digits[count++] = *c;
        }
    }
    sscanf(c, "e%d", &exponent);
    *ret = (struct decimal){.negative = x < 0};
    if (exponent > 20 || exponent < -PLACES_MAX + 18) {
        return false;
    }
    for (int place = exponent < 0 ? 0 : exponent; place >= 0; place--) {
        int at = exponent - place;
        ret->whole[ret->wholes++] = at >= 0 && at < (int)count ? digits[at] : '0';
    }
    for (int at = exponent + 1; at < (int)count; at++) {
        ret->part[ret->parts++] = at >= 0 ? digits[at] : '0';
    }
    while (ret->parts > 0 && ret->part[ret->parts - 1] == '0') {
        ret->parts--;
    }
    return true;
}

/* --- comparing the digits that come with those of a bound --- */

enum { LESS = 1, SAME = 2, MORE = 4 };

struct compare {
    struct grammar_nfa *n;
    const struct decimal *d;
    uint32_t want; /* LESS, SAME, MORE */
};

static uint32_t digit(struct grammar_nfa *n, char low, char high, uint32_t next)
{
    return grammar_nfa_range(n, (uint8_t)low, (uint8_t)high, next);
}

static uint32_t any_digits(struct grammar_nfa *n)
{
    uint32_t loop = grammar_nfa_loop(n, 0);
    grammar_nfa_loop_back(n, loop, digit(n, '0', '9', loop));
    return loop;
}

/* Nothing, or a point and digits. */
static uint32_t any_part(struct grammar_nfa *n)
{
    return grammar_nfa_either(n, 0, grammar_nfa_range(n, '.', '.', digit(n, '0', '9', any_digits(n))));
}

static uint32_t when(const struct compare *c, uint32_t result, uint32_t node)
{
    return (c->want & result) != 0 ? node : GRAMMAR_NEVER;
}

/* Behind the point, where all digits so far were the bound's: `at` of them were there. */
static uint32_t compare_part(const struct compare *c, size_t at)
{
    struct grammar_nfa *n = c->n;
    uint32_t rest = any_digits(n);
    if (at == c->d->parts) { /* zeros change nothing */
        uint32_t zeros = grammar_nfa_loop(n, 0);
        grammar_nfa_loop_back(n, zeros, digit(n, '0', '0', zeros));
        uint32_t more = grammar_nfa_loop(n, digit(n, '1', '9', rest));
        grammar_nfa_loop_back(n, more, digit(n, '0', '0', more));
        return grammar_nfa_either(n, when(c, SAME, zeros), when(c, MORE, more));
    }
    char here = c->d->part[at];
    uint32_t same = digit(n, here, here, compare_part(c, at + 1));
    uint32_t below = here > '0' ? digit(n, '0', (char)(here - 1), rest) : GRAMMAR_NEVER;
    uint32_t above = here < '9' ? digit(n, (char)(here + 1), '9', rest) : GRAMMAR_NEVER;
    uint32_t end = at > 0 ? when(c, LESS, 0) : GRAMMAR_NEVER; /* the bound goes on */
    return grammar_nfa_either(n, grammar_nfa_either(n, same, when(c, LESS, below)),
                              grammar_nfa_either(n, when(c, MORE, above), end));
}

static uint32_t digits_then(struct grammar_nfa *n, size_t count, uint32_t next)
{
    while (count-- > 0) {
        next = digit(n, '0', '9', next);
    }
    return next;
}

static uint32_t compare_whole(const struct compare *c, size_t at)
{
    struct grammar_nfa *n = c->n;
    if (at == c->d->wholes) {
        uint32_t end = when(c, c->d->parts == 0 ? SAME : LESS, 0);
        return grammar_nfa_either(n, end, grammar_nfa_range(n, '.', '.', compare_part(c, 0)));
    }
    char here = c->d->whole[at];
    uint32_t left = digits_then(n, c->d->wholes - at - 1, any_part(n));
    uint32_t below = here > '0' ? digit(n, '0', (char)(here - 1), left) : GRAMMAR_NEVER;
    uint32_t above = here < '9' ? digit(n, (char)(here + 1), '9', left) : GRAMMAR_NEVER;
    uint32_t same = digit(n, here, here, compare_whole(c, at + 1));
    return grammar_nfa_either(n, same, grammar_nfa_either(n, when(c, LESS, below), when(c, MORE, above)));
}

/* Numbers of fewer or more digits before the point than the bound has; leading zeros are another pattern's matter. */
static uint32_t other_lengths(const struct compare *c)
{
    struct grammar_nfa *n = c->n;
    uint32_t all = GRAMMAR_NEVER;
    uint32_t tail = any_part(n);
    for (size_t digits = 1; digits <= WHOLE_DIGITS; digits++) {
        uint32_t result = digits < c->d->wholes ? LESS : MORE;
        if (digits != c->d->wholes && (c->want & result) != 0) {
            all = grammar_nfa_either(n, all, digits_then(n, digits, tail));
        }
    }
    return all;
}

static uint32_t magnitude(struct grammar_nfa *n, const struct decimal *d, uint32_t want)
{
    struct compare c = {n, d, want};
    return grammar_nfa_either(n, compare_whole(&c, 0), other_lengths(&c));
}

static uint32_t signed_any(struct grammar_nfa *n, bool negative)
{
    static const struct decimal zero = {.whole = "0", .wholes = 1};
    uint32_t number = magnitude(n, &zero, negative ? MORE : SAME | MORE);
    return negative ? grammar_nfa_range(n, '-', '-', number) : number;
}

/* All numbers at least (or above) the bound; `up` false: at most, or below. */
static uint32_t one_side(struct grammar_nfa *n, const struct decimal *d, bool up, bool inclusive)
{
    uint32_t same = inclusive ? SAME : 0;
    bool away = up != d->negative; /* further from zero is what is wanted */
    uint32_t near = magnitude(n, d, (away ? MORE : LESS) | same);
    if (d->negative) {
        uint32_t negative = grammar_nfa_range(n, '-', '-', near);
        return up ? grammar_nfa_either(n, negative, signed_any(n, false)) : negative;
    }
    return up ? near : grammar_nfa_either(n, near, signed_any(n, true));
}

static enum kit_status keep_side(struct maker *m, double x, bool up, bool inclusive)
{
    struct decimal d;
    if (!inclusive && x != 0) { /* 16 digits and more: texts of 15 may round to the bound itself */
        struct decimal test;
        if (to_decimal(x, &test) && test.wholes + test.parts > DIGITS) {
            x = nextafter(x, up ? INFINITY : -INFINITY);
            inclusive = true;
        }
    }
    if (fabs(x) >= 1e18) { /* beyond all that is written here */
        bool all = up ? x < 0 : x > 0;
        m->dfa = all ? m->dfa : (struct grammar_dfa){0};
        return all ? KIT_OK
                   : kit_fail(m->err, KIT_UNPROCESSABLE,
                              "a bound of %g is out of reach: numbers have at most 18 digits", x);
    }
    if (!to_decimal(x, &d)) {
        return kit_fail(m->err, KIT_UNPROCESSABLE, "a bound of %g cannot be expressed in digits", x);
    }
    struct grammar_nfa n;
    struct grammar_dfa side;
    grammar_nfa_init(&n, m->arena, m->err);
    uint32_t start = one_side(&n, &d, up, inclusive);
    enum kit_status rc = grammar_dfa_from(&n, start, &side);
    return rc == KIT_OK ? keep(m, &side) : rc;
}

/* A whole bound keeps all of its digits. */
static enum kit_status keep_whole_side(struct maker *m, int64_t x, bool up)
{
    struct decimal d = {.negative = x < 0};
    if (x > WHOLE_MOST || x < -WHOLE_MOST) {
        return keep_side(m, (double)x, up, true);
    }
    d.wholes = (size_t)snprintf(d.whole, sizeof(d.whole), "%lld", (long long)(x < 0 ? -x : x));
    struct grammar_nfa n;
    struct grammar_dfa side;
    grammar_nfa_init(&n, m->arena, m->err);
    uint32_t start = one_side(&n, &d, up, true);
    enum kit_status rc = grammar_dfa_from(&n, start, &side);
    return rc == KIT_OK ? keep(m, &side) : rc;
}

static bool exact(kit_json v, int64_t *ret)
{
    *ret = kit_json_i64(v, INT64_MIN);
    return *ret > -WHOLE_MOST && *ret < WHOLE_MOST;
}

static enum kit_status keep_bound(struct maker *m, bool whole, kit_json v, bool up, bool inclusive)
{
    int64_t i;
    double x = kit_json_f64(v, 0);
    if (whole && exact(v, &i)) {
        return keep_whole_side(m, inclusive ? i : up ? i + 1 : i - 1, up);
    }
    if (whole && fabs(x) < 1e15) {
        return keep_whole_side(m, (int64_t)(up ? ceil(x) : floor(x)), up); /* no whole number, so never met exactly */
    }
    return keep_side(m, x, up, inclusive);
}

static enum kit_status keep_bounds(struct maker *m, const struct grammar_bounds *b)
{
    enum kit_status rc = KIT_OK;
    for (uint32_t i = 0; i < b->least_count && rc == KIT_OK; i++) {
        rc = keep_bound(m, b->whole, b->least[i], true, true);
    }
    for (uint32_t i = 0; i < b->above_count && rc == KIT_OK; i++) {
        rc = keep_bound(m, b->whole, b->above[i], true, false);
    }
    for (uint32_t i = 0; i < b->most_count && rc == KIT_OK; i++) {
        rc = keep_bound(m, b->whole, b->most[i], false, true);
    }
    for (uint32_t i = 0; i < b->below_count && rc == KIT_OK; i++) {
        rc = keep_bound(m, b->whole, b->below[i], false, false);
    }
    return rc;
}

/* --- multiples --- */

/* Whole numbers by their remainder: state r + 1 after digits that leave r. */
static enum kit_status keep_remainder(struct maker *m, uint32_t multiple)
{
    struct grammar_dfa d = {.states = multiple + 2};
    d.first = kit_arena_zero(m->arena, (size_t)d.states + 1, sizeof(*d.first));
    d.accept = kit_arena_zero(m->arena, d.states, sizeof(*d.accept));
    d.edge = kit_arena_zero(m->arena, (size_t)d.states * 10 + 1, sizeof(*d.edge));
    if (d.first == NULL || d.accept == NULL || d.edge == NULL) {
        return kit_fail(m->err, KIT_NOMEM, "no memory for a grammar");
    }
    uint32_t edges = 0;
    for (uint32_t s = 0; s < d.states; s++) {
        d.first[s] = edges;
        d.accept[s] = s == 2;
        if (s == 0) {
            d.edge[edges++] = (struct grammar_dfa_edge){'-', '-', 1};
        }
        uint32_t left = s < 2 ? 0 : s - 2;
        for (uint32_t c = 0; c < 10; c++) {
            d.edge[edges++] = (struct grammar_dfa_edge){'0' + c, '0' + c, (left * 10 + c) % multiple + 2};
        }
    }
    d.first[d.states] = edges;
    return keep(m, &d);
}

/* x = p / 2^k in lowest terms, k up to 4; false: it is not. */
static bool dyadic(double x, uint32_t *p, uint32_t *k)
{
    for (*k = 0; *k <= 4; x *= 2, ++*k) {
        if (x == floor(x) && x >= 1 && x <= 1e9) {
            *p = (uint32_t)x;
            return true;
        }
    }
    return false;
}

/* 10, 100, …: numbers with so many zeros at their end. 0: it is none. */
static uint32_t power_of_ten(uint32_t p)
{
    uint32_t zeros = 0;
    for (; p > 1 && p % 10 == 0; p /= 10) {
        zeros++;
    }
    return p == 1 ? zeros : 0;
}

static enum kit_status keep_multiple(struct maker *m, bool whole, kit_json v)
{
    static const char *const parts[] = {"", "([.][05]0{0,3})?", "([.](00|25|50|75|0|5)0{0,3})?",
                                        "([.](000|125|250|375|500|625|750|875|0|5|00|25|50|75)0{0,3})?", NULL};
    double x = kit_json_f64(v, 0);
    uint32_t p;
    uint32_t k;
    char pattern[160];
    if (!dyadic(x, &p, &k) || (!whole && k > 0 && (p != 1 || parts[k] == NULL)) ||
        (p > MULTIPLE_MAX && power_of_ten(p) == 0)) {
        return kit_fail(
            m->err, KIT_UNPROCESSABLE,
            "'multipleOf' %g cannot be expressed (whole numbers up to %d can, powers of ten, 0.5, 0.25, 0.125)", x,
            MULTIPLE_MAX);
    }
    if (whole || k == 0) {
        enum kit_status rc = keep_pattern(m, kit_json_i64(v, 0) > 0 ? SHAPE_WHOLE : SHAPE_SHORT);
        snprintf(pattern, sizeof(pattern), "^(0|-?[1-9][0-9]*0{%u})$", power_of_ten(p));
        return rc != KIT_OK ? rc : power_of_ten(p) > 0 ? keep_pattern(m, pattern) : keep_remainder(m, p);
    }
    snprintf(pattern, sizeof(pattern), "^-?[0-9]+%s$", parts[k]);
    return keep_pattern(m, pattern);
}

enum kit_status grammar_number(struct kit_arena *arena, const struct grammar_bounds *b, struct grammar_dfa *ret,
                               struct kit_err *err)
{
    struct maker m = {.arena = arena, .err = err};
    bool bounded = b->least_count + b->most_count + b->above_count + b->below_count + b->multiple_count > 0;
    const char *shape = b->whole ? SHAPE_WHOLE : bounded ? SHAPE_PLAIN : SHAPE_ANY;
    enum kit_status rc = grammar_regex(arena, kit_str_c(shape), GRAMMAR_NARROW, &m.dfa, err);
    if (rc == KIT_OK && !b->whole && bounded) { /* digits in all: one place is the point's */
        struct grammar_dfa length;
        rc = grammar_dfa_lengths(arena, 1, DIGITS + 1, &length, err);
        rc = rc == KIT_OK ? keep(&m, &length) : rc;
        rc = rc == KIT_OK ? keep_pattern(&m, "^(-?[0-9]{1,15}|-?[0-9]+[.][0-9]+)$") : rc;
    }
    rc = rc == KIT_OK ? keep_bounds(&m, b) : rc;
    for (uint32_t i = 0; i < b->multiple_count && rc == KIT_OK; i++) {
        rc = keep_multiple(&m, b->whole, b->multiples[i]);
    }
    if (rc == KIT_OK) {
        *ret = m.dfa;
    }
    return rc;
}
