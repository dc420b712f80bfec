#include "jinja/text.h"

#include <string.h>

#include "jinja/print.h"
#include "kit/utf8.h"

/* --- strip --- */

static bool has_char(kit_str set, kit_str c)
{
    return kit_str_find(set, c) < set.len;
}

/* Bytes of the characters of `set` at the front. */
static size_t front(kit_str s, kit_str set)
{
    size_t at = 0;
    while (at < s.len) {
        size_t bytes = jinja_char_bytes(s, at);
        if (!has_char(set, kit_str_sub(s, at, bytes))) {
            break;
        }
        at += bytes;
    }
    return at;
}

static size_t back(kit_str s, kit_str set)
{
    size_t end = s.len;
    while (end > 0) {
        size_t at = end - 1;
        while (at > 0 && kit_utf8_is_inside(s.ptr[at])) {
            at--;
        }
        if (!has_char(set, kit_str_sub(s, at, end - at))) {
            break;
        }
        end = at;
    }
    return s.len - end;
}

struct jinja_value jinja_text_strip(struct jinja_run *r, struct jinja_value s, struct jinja_value chars,
                                    const char *which)
{
    bool space = chars.type == JINJA_MISSING || chars.type == JINJA_NONE;
    if (!space && chars.type != JINJA_STR) {
        jinja_run_fail(r, KIT_INVALID, "strip needs a string, not a %s", jinja_type_name(chars));
        return s;
    }
    kit_str set = jinja_bytes(chars);
    jinja_run_step(r, s.len / 64);
    if (strchr(which, 'l') != NULL) {
        size_t bytes = space ? jinja_spaces_before(jinja_bytes(s)) : front(jinja_bytes(s), set);
        s = jinja_part(s, bytes, s.len);
    }
    if (strchr(which, 'r') != NULL) {
        size_t bytes = space ? jinja_spaces_after(jinja_bytes(s)) : back(jinja_bytes(s), set);
        s = jinja_part(s, 0, s.len - bytes);
    }
    return s;
}

/* --- split --- */

static bool good_separator(struct jinja_run *r, struct jinja_value sep)
{
    if (sep.type != JINJA_STR || sep.len == 0) {
        jinja_run_fail(r, KIT_INVALID, "split needs a separator that is not empty");
        return false;
    }
    return true;
}

static struct jinja_value split_spaces(struct jinja_run *r, struct jinja_value s, int64_t most)
{
    struct jinja_value out = jinja_list_new(r, JINJA_LIST, 0);
    s = jinja_part(s, jinja_spaces_before(jinja_bytes(s)), s.len);
    while (s.len > 0 && jinja_run_step(r, 1)) {
        kit_str bytes = jinja_bytes(s);
        size_t end = 0;
        while (end < bytes.len && jinja_space_at(bytes, end) == 0) {
            end += jinja_char_bytes(bytes, end);
        }
        if (out.list->count == most) { /* negative: never */
            end = bytes.len;
        }
        jinja_list_add(r, out, jinja_part(s, 0, end));
        s = jinja_part(s, end, s.len);
        s = jinja_part(s, jinja_spaces_before(jinja_bytes(s)), s.len);
    }
    return out;
}

static bool is_space_split(struct jinja_value sep)
{
    return sep.type == JINJA_MISSING || sep.type == JINJA_NONE;
}

struct jinja_value jinja_text_split(struct jinja_run *r, struct jinja_value s, struct jinja_value sep, int64_t most)
{
    jinja_run_step(r, s.len / 64);
    if (is_space_split(sep)) {
        return split_spaces(r, s, most);
    }
    struct jinja_value out = jinja_list_new(r, JINJA_LIST, 0);
    while (good_separator(r, sep) && jinja_run_step(r, 1)) {
        size_t at = out.list->count == most ? s.len : kit_str_find(jinja_bytes(s), jinja_bytes(sep));
        jinja_list_add(r, out, jinja_part(s, 0, at));
        if (at == s.len) {
            break;
        }
        s = jinja_part(s, at + sep.len, s.len);
    }
    return out;
}

static size_t find_last(kit_str s, kit_str needle)
{
    for (size_t end = s.len; end >= needle.len; end--) {
        if (memcmp(s.ptr + end - needle.len, needle.ptr, needle.len) == 0) {
            return end - needle.len;
        }
    }
    return s.len;
}

static struct jinja_value reversed(struct jinja_run *r, struct jinja_value list)
{
    struct jinja_value out = jinja_list_new(r, JINJA_LIST, list.list->count);
    for (uint32_t i = list.list->count; i > 0; i--) {
        jinja_list_add(r, out, list.list->items[i - 1]);
    }
    return out;
}

/* The last word of s, or with `whole` all that is left. */
static struct jinja_value cut_last_word(struct jinja_value *s, bool whole)
{
    kit_str bytes = jinja_bytes(*s);
    size_t from = bytes.len;
    while (from > 0 && !whole) {
        size_t at = from - 1;
        while (at > 0 && kit_utf8_is_inside(bytes.ptr[at])) {
            at--;
        }
        if (jinja_space_at(bytes, at) > 0) {
            break;
        }
        from = at;
    }
    from = whole ? 0 : from;
    struct jinja_value word = jinja_part(*s, from, s->len);
    *s = jinja_part(*s, 0, from);
    return word;
}

static struct jinja_value rsplit_spaces(struct jinja_run *r, struct jinja_value s, int64_t most)
{
    struct jinja_value out = jinja_list_new(r, JINJA_LIST, 0);
    s = jinja_text_strip(r, s, jinja_none(), "r");
    while (jinja_spaces_before(jinja_bytes(s)) < s.len && jinja_run_step(r, 1)) {
        jinja_list_add(r, out, cut_last_word(&s, out.list->count == most));
        s = jinja_text_strip(r, s, jinja_none(), "r");
    }
    return reversed(r, out);
}

struct jinja_value jinja_text_rsplit(struct jinja_run *r, struct jinja_value s, struct jinja_value sep, int64_t most)
{
    jinja_run_step(r, s.len / 64);
    if (is_space_split(sep)) {
        return rsplit_spaces(r, s, most);
    }
    struct jinja_value out = jinja_list_new(r, JINJA_LIST, 0);
    while (good_separator(r, sep) && jinja_run_step(r, 1)) {
        size_t at = out.list->count == most ? s.len : find_last(jinja_bytes(s), jinja_bytes(sep));
        if (at == s.len) {
            jinja_list_add(r, out, s);
            break;
        }
        jinja_list_add(r, out, jinja_part(s, at + sep.len, s.len));
        s = jinja_part(s, 0, at);
    }
    return reversed(r, out);
}

/* Bytes of the line end at `at`, 0: none. */
static size_t line_end(kit_str s, size_t at)
{
    static const char *const far[] = {"\r\n", "\xC2\x85", "\xE2\x80\xA8", "\xE2\x80\xA9"};
    kit_str rest = kit_str_sub(s, at, 3);
    for (size_t i = 0; i < KIT_COUNT(far); i++) {
        if (kit_str_starts(rest, kit_str_c(far[i]))) {
            return strlen(far[i]);
        }
    }
    char c = s.ptr[at];
    return (c >= '\n' && c <= '\r') || (c >= 0x1C && c <= 0x1E);
}

struct jinja_value jinja_text_lines(struct jinja_run *r, struct jinja_value s, bool keep_ends)
{
    struct jinja_value out = jinja_list_new(r, JINJA_LIST, 0);
    kit_str bytes = jinja_bytes(s);
    size_t from = 0;
    size_t end;
    for (size_t at = 0; at < bytes.len && jinja_run_step(r, (at & 63) == 0); at += KIT_MAX(end, 1)) {
        end = line_end(bytes, at);
        if (end > 0) {
            jinja_list_add(r, out, jinja_part(s, from, at - from + (keep_ends ? end : 0)));
            from = at + end;
        }
    }
    if (from < bytes.len) {
        jinja_list_add(r, out, jinja_part(s, from, s.len));
    }
    return out;
}

/* --- replace, join --- */

/* An empty `old` stands before each character and at the end. */
static void replace_empty(struct jinja_run *r, struct jinja_build *b, struct jinja_value s, struct jinja_value new,
                          int64_t most)
{
    size_t bytes = 0;
    for (size_t at = 0; at < s.len && jinja_run_step(r, 1); at += bytes) {
        if (most != 0) {
            jinja_build_str(b, new);
            most--;
        }
        bytes = jinja_char_bytes(jinja_bytes(s), at);
        jinja_build_str(b, jinja_part(s, at, bytes));
    }
    if (most != 0) {
        jinja_build_str(b, new);
    }
}

struct jinja_value jinja_text_replace(struct jinja_run *r, struct jinja_value s, struct jinja_value old,
                                      struct jinja_value new, int64_t most)
{
    struct jinja_build b;
    jinja_build_init(&b, r);
    if (old.len == 0) {
        replace_empty(r, &b, s, new, most);
        return jinja_build_value(&b);
    }
    while (jinja_run_step(r, 1)) {
        size_t at = most == 0 ? s.len : kit_str_find(jinja_bytes(s), jinja_bytes(old));
        jinja_build_str(&b, jinja_part(s, 0, at));
        if (at == s.len) {
            break;
        }
        jinja_build_str(&b, new);
        s = jinja_part(s, at + old.len, s.len);
        most--;
    }
    return jinja_build_value(&b);
}

struct jinja_value jinja_text_join(struct jinja_run *r, struct jinja_value sep, struct jinja_value items)
{
    struct jinja_build b;
    jinja_build_init(&b, r);
    for (uint32_t i = 0; i < items.list->count && jinja_run_step(r, 1); i++) {
        if (i > 0) {
            jinja_build_str(&b, sep);
        }
        jinja_print(&b, items.list->items[i]);
    }
    return jinja_build_value(&b);
}

/* --- case --- */

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

/* first: of its word, or of the string. */
static char recased(char c, enum jinja_case how, bool first)
{
    bool up = how == JINJA_CASE_UPPER || ((how == JINJA_CASE_CAPITAL || how == JINJA_CASE_TITLE) && first) ||
              (how == JINJA_CASE_SWAP && is_lower(c));
    return (char)(up && is_lower(c) ? c - 'a' + 'A' : !up && is_upper(c) ? c - 'A' + 'a' : c);
}

struct jinja_value jinja_text_case(struct jinja_run *r, struct jinja_value s, enum jinja_case how)
{
    char *to = jinja_run_get(r, (size_t)s.len + 1, 1);
    bool first = true;
    jinja_run_step(r, s.len / 64);
    for (size_t i = 0; to != NULL && i < s.len; i++) {
        char c = s.bytes[i];
        to[i] = recased(c, how, first);
        first = how == JINJA_CASE_TITLE && !is_upper(c) && !is_lower(c) && ((uint8_t)c & 0x80) == 0;
    }
    s.bytes = to == NULL ? s.bytes : to;
    return s;
}
