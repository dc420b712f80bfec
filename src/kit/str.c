#include "kit/str.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kit/utf8.h"

#define NUMBER_BYTES_MAX 400 /* of a number's text; DBL_MAX written out has 309 digits */

kit_str kit_str_c(const char *text)
{
    return (kit_str){.ptr = text, .len = text == NULL ? 0 : strlen(text)};
}

bool kit_str_eq(kit_str a, kit_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool kit_str_eq_nocase(kit_str a, kit_str b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.ptr[i]) != lower(b.ptr[i])) {
            return false;
        }
    }
    return true;
}

int kit_str_cmp(kit_str a, kit_str b)
{
    size_t common = KIT_MIN(a.len, b.len);
    int order = common == 0 ? 0 : memcmp(a.ptr, b.ptr, common);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

bool kit_str_starts(kit_str s, kit_str prefix)
{
    return s.len >= prefix.len && kit_str_eq((kit_str){s.ptr, prefix.len}, prefix);
}

bool kit_str_ends(kit_str s, kit_str suffix)
{
    return s.len >= suffix.len && kit_str_eq(kit_str_sub(s, s.len - suffix.len, suffix.len), suffix);
}

kit_str kit_str_sub(kit_str s, size_t from, size_t len)
{
    from = KIT_MIN(from, s.len);
    return (kit_str){.ptr = from == 0 ? s.ptr : s.ptr + from, .len = KIT_MIN(len, s.len - from)};
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

kit_str kit_str_trim(kit_str s)
{
    while (s.len > 0 && is_space(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && is_space(s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

size_t kit_str_find_char(kit_str s, char c)
{
    const char *hit = s.len == 0 ? NULL : memchr(s.ptr, c, s.len);
    return hit == NULL ? s.len : (size_t)(hit - s.ptr);
}

size_t kit_str_find(kit_str s, kit_str needle)
{
    if (needle.len == 0 || needle.len > s.len) {
        return needle.len == 0 ? 0 : s.len;
    }
    const char *hit = memmem(s.ptr, s.len, needle.ptr, needle.len);
    return hit == NULL ? s.len : (size_t)(hit - s.ptr);
}

bool kit_str_cut(kit_str *rest, char sep, kit_str *piece)
{
    if (rest->len == 0) {
        return false;
    }
    size_t at = kit_str_find_char(*rest, sep);
    *piece = (kit_str){.ptr = rest->ptr, .len = at};
    *rest = kit_str_sub(*rest, at == rest->len ? at : at + 1, rest->len);
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

enum kit_status kit_str_to_u64(kit_str s, uint64_t *ret)
{
    uint64_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        uint64_t digit = (uint64_t)(unsigned char)s.ptr[i] - '0';
        if (!is_digit(s.ptr[i]) || n > (UINT64_MAX - digit) / 10) {
            return KIT_PARSE;
        }
        n = n * 10 + digit;
    }
    if (s.len == 0) {
        return KIT_PARSE;
    }
    *ret = n;
    return KIT_OK;
}

enum kit_status kit_str_to_i64(kit_str s, int64_t *ret)
{
    bool minus = s.len > 0 && s.ptr[0] == '-';
    uint64_t n = 0;
    if (kit_str_to_u64(kit_str_sub(s, minus ? 1 : 0, s.len), &n) != KIT_OK || n > (uint64_t)INT64_MAX + minus) {
        return KIT_PARSE;
    }
    *ret = minus ? (int64_t)(0 - n) : (int64_t)n;
    return KIT_OK;
}

/* Skips digits from *at on; false when there was none. */
static bool skip_digits(kit_str s, size_t *at)
{
    size_t from = *at;
    while (*at < s.len && is_digit(s.ptr[*at])) {
        (*at)++;
    }
    return *at > from;
}

/* [-+]digits[.digits][e[-+]digits]: strtod alone would take hex, "inf", "nan" and leading spaces too. */
static bool is_decimal(kit_str s)
{
    size_t at = s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+') ? 1 : 0;
    if (!skip_digits(s, &at)) {
        return false;
    }
    if (at < s.len && s.ptr[at] == '.') {
        at++;
        if (!skip_digits(s, &at)) {
            return false;
        }
    }
    if (at < s.len && (s.ptr[at] == 'e' || s.ptr[at] == 'E')) {
        at++;
        at += at < s.len && (s.ptr[at] == '-' || s.ptr[at] == '+') ? 1 : 0;
        if (!skip_digits(s, &at)) {
            return false;
        }
    }
    return at == s.len;
}

enum kit_status kit_str_to_f64(kit_str s, double *ret)
{
    char text[NUMBER_BYTES_MAX + 1];
    if (s.len > NUMBER_BYTES_MAX || !is_decimal(s)) {
        return KIT_PARSE;
    }
    double x = strtod(kit_str_to_c(s, text, sizeof(text)), NULL);
    if (!isfinite(x)) {
        return KIT_PARSE;
    }
    *ret = x;
    return KIT_OK;
}

int kit_str_hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

uint64_t kit_str_hash(kit_str s)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < s.len; i++) {
        hash = (hash ^ (unsigned char)s.ptr[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

char *kit_str_to_c(kit_str s, char *buf, size_t size)
{
    size_t len = KIT_MIN(s.len, size - 1);
    for (int back = 0; back < 3 && len < s.len && len > 0 && kit_utf8_is_inside(s.ptr[len]); back++) {
        len--;
    }
    if (len > 0) {
        memcpy(buf, s.ptr, len);
    }
    buf[len] = '\0';
    return buf;
}
