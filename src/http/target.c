#include "http/target.h"

#include <string.h>

char http_target_next(kit_str s, size_t *at)
{
    char c = s.ptr[(*at)++];
    if (c == '%' && s.len - *at >= 2) {
        c = (char)(kit_str_hex_digit(s.ptr[*at]) * 16 + kit_str_hex_digit(s.ptr[*at + 1]));
        *at += 2;
    }
    return c;
}

/* *has_percent tells whether decoding changes anything. */
static enum kit_status check_bytes(kit_str s, bool *has_percent, struct kit_err *err)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c <= ' ' || c >= 0x7f || c == '#') {
            return kit_fail(err, KIT_INVALID, "the target has a byte that must be percent-encoded (0x%02x at %zu)", c,
                            i);
        }
        if (c != '%') {
            continue;
        }
        *has_percent = true;
        if (s.len - i < 3 || kit_str_hex_digit(s.ptr[i + 1]) < 0 || kit_str_hex_digit(s.ptr[i + 2]) < 0) {
            return kit_fail(err, KIT_INVALID, "the target has a '%%' without two hex digits behind it (at %zu)", i);
        }
        if (s.ptr[i + 1] == '0' && s.ptr[i + 2] == '0') {
            return kit_fail(err, KIT_INVALID, "the target holds an encoded NUL (at %zu)", i);
        }
    }
    return KIT_OK;
}

enum kit_status http_target_decode(struct kit_arena *a, kit_str s, bool plus_is_space, kit_str *ret)
{
    char *to = kit_arena_get(a, s.len + 1);
    if (to == NULL) {
        return KIT_NOMEM;
    }
    size_t len = 0;
    for (size_t at = 0; at < s.len;) {
        bool plus = plus_is_space && s.ptr[at] == '+';
        char c = http_target_next(s, &at);
        to[len++] = plus ? ' ' : c;
    }
    to[len] = '\0';
    *ret = (kit_str){.ptr = to, .len = len};
    return KIT_OK;
}

static bool has_dot_segment(kit_str path)
{
    kit_str rest = path, segment;
    while (kit_str_cut(&rest, '/', &segment)) {
        if (kit_str_eq(segment, kit_str_lit(".")) || kit_str_eq(segment, kit_str_lit(".."))) {
            return true;
        }
    }
    return false;
}

/* "http://host:port/path" becomes its path and its host. */
static enum kit_status cut_authority(kit_str *target, kit_str *host, struct kit_err *err)
{
    kit_str scheme_end = kit_str_lit("://");
    size_t at = kit_str_find(*target, scheme_end);
    kit_str scheme = kit_str_sub(*target, 0, at);
    if (at == target->len ||
        !(kit_str_eq_nocase(scheme, kit_str_lit("http")) || kit_str_eq_nocase(scheme, kit_str_lit("https")))) {
        return kit_fail(err, KIT_INVALID, "the target must be a path that starts with '/'");
    }
    kit_str rest = kit_str_sub(*target, at + scheme_end.len, target->len);
    size_t authority = KIT_MIN(kit_str_find_char(rest, '/'), kit_str_find_char(rest, '?'));
    if (authority == 0) {
        return kit_fail(err, KIT_INVALID, "the target names no host");
    }
    *host = kit_str_sub(rest, 0, authority);
    *target = kit_str_sub(rest, authority, rest.len);
    return KIT_OK;
}

enum kit_status http_target_parse(struct kit_arena *a, kit_str target, struct http_target *ret, struct kit_err *err)
{
    bool has_percent = false;
    struct http_target t = {0};
    enum kit_status rc = check_bytes(target, &has_percent, err);
    if (rc != KIT_OK) {
        return rc;
    }
    t.asterisk = kit_str_eq(target, kit_str_lit("*"));
    if (!t.asterisk && !kit_str_starts(target, kit_str_lit("/"))) {
        rc = cut_authority(&target, &t.host, err);
        if (rc != KIT_OK) {
            return rc;
        }
    }
    size_t mark = kit_str_find_char(target, '?');
    t.raw = mark == 0 ? kit_str_lit("/") : kit_str_sub(target, 0, mark);
    t.query = kit_str_sub(target, mark + (mark < target.len), target.len);
    t.path = t.raw;
    if (has_percent && http_target_decode(a, t.raw, false, &t.path) != KIT_OK) {
        return kit_fail(err, KIT_NOMEM, "out of memory for the path");
    }
    if (has_dot_segment(t.path)) {
        return kit_fail(err, KIT_INVALID, "the path has a '.' or '..' segment");
    }
    *ret = t;
    return KIT_OK;
}
