#include "schema/pointer.h"

#include <stdarg.h>
#include <stdio.h>

#include "schema/schema.h"

kit_json schema_pointer_member(kit_json object, kit_str name)
{
    for (struct kit_json_iter i = kit_json_iter(object); kit_json_next(&i);) {
        if (kit_str_eq(i.key, name)) {
            return i.value;
        }
    }
    return (kit_json){NULL};
}

static kit_json item(kit_json array, kit_str step)
{
    uint64_t index;
    if ((step.len > 1 && step.ptr[0] == '0') || kit_str_to_u64(step, &index) != KIT_OK) {
        return (kit_json){NULL};
    }
    return kit_json_at(array, index);
}

/* "%C3%A9" as the bytes that it stands for; a lone '%' stays. */
static enum kit_status decode(kit_str text, struct kit_arena *arena, kit_str *ret)
{
    char *out = kit_arena_get(arena, text.len + 1);
    if (out == NULL) {
        return KIT_NOMEM;
    }
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        bool coded = text.ptr[i] == '%' && i + 2 < text.len && kit_str_hex_digit(text.ptr[i + 1]) >= 0 &&
                     kit_str_hex_digit(text.ptr[i + 2]) >= 0;
        out[len++] =
            coded ? (char)(kit_str_hex_digit(text.ptr[i + 1]) * 16 + kit_str_hex_digit(text.ptr[i + 2])) : text.ptr[i];
        i += coded ? 2 : 0;
    }
    *ret = (kit_str){out, len};
    return KIT_OK;
}

/* "~1" is '/', "~0" is '~'; in place. */
static kit_str unescape(char *text, size_t len)
{
    size_t out = 0;
    for (size_t i = 0; i < len; i++) {
        bool escaped = text[i] == '~' && i + 1 < len && (text[i + 1] == '0' || text[i + 1] == '1');
        text[out++] = (char)(!escaped ? text[i] : text[i + 1] == '0' ? '~' : '/');
        i += escaped;
    }
    return (kit_str){text, out};
}

enum kit_status schema_pointer_find(kit_json root, kit_str fragment, struct kit_arena *arena, kit_json *ret)
{
    kit_str rest;
    enum kit_status rc = decode(fragment, arena, &rest);
    if (rc != KIT_OK) {
        return rc;
    }
    kit_json at = root;
    while (rest.len > 0 && rest.ptr[0] == '/' && at.v != NULL) {
        rest = kit_str_sub(rest, 1, rest.len);
        kit_str raw = kit_str_sub(rest, 0, kit_str_find_char(rest, '/'));
        rest = kit_str_sub(rest, raw.len, rest.len);
        char *copy = kit_arena_get(arena, raw.len + 1);
        if (copy == NULL) {
            return KIT_NOMEM;
        }
        for (size_t i = 0; i < raw.len; i++) {
            copy[i] = raw.ptr[i];
        }
        kit_str step = unescape(copy, raw.len);
        at = kit_json_type(at) == KIT_JSON_ARRAY ? item(at, step) : schema_pointer_member(at, step);
    }
    *ret = rest.len > 0 ? (kit_json){NULL} : at;
    return KIT_OK;
}

/* Puts text before what stands in buf from *at on; false: no room. */
static bool prepend(char *buf, size_t *at, kit_str text, bool escape)
{
    for (size_t i = text.len; i > 0; i--) {
        char c = text.ptr[i - 1];
        bool special = escape && (c == '~' || c == '/');
        if (*at < (special ? 2U : 1U)) {
            return false;
        }
        buf[--*at] = (char)(special ? (c == '~' ? '0' : '1') : c);
        if (special) {
            buf[--*at] = '~';
        }
    }
    return true;
}

static bool prepend_step(char *buf, size_t *at, const struct schema_node *n)
{
    if (n->up == NULL) {
        return prepend(buf, at, n->step, false); /* a reference has led here: its whole pointer */
    }
    bool whole = n->step.len == 0 || (prepend(buf, at, n->step, true) && prepend(buf, at, kit_str_lit("/"), false));
    return whole && prepend(buf, at, kit_str_c(n->keyword), true) && prepend(buf, at, kit_str_lit("/"), false);
}

char *schema_pointer(const struct schema_node *n, char buf[SCHEMA_POINTER_BYTES])
{
    static const char dots[] = "...";
    size_t at = SCHEMA_POINTER_BYTES - 1;
    buf[at] = '\0';
    bool whole = true;
    for (; n != NULL && whole; n = n->up) {
        whole = prepend_step(buf, &at, n);
    }
    if (!whole) {
        at = KIT_MAX(at, sizeof(dots) - 1) - (sizeof(dots) - 1);
        for (size_t i = 0; i < sizeof(dots) - 1; i++) {
            buf[at + i] = dots[i];
        }
    }
    size_t len = SCHEMA_POINTER_BYTES - at;
    for (size_t i = 0; i < len; i++) {
        buf[i] = buf[at + i];
    }
    return buf;
}

enum kit_status schema_fail_at(const struct schema_node *node, enum kit_status code, struct kit_err *err,
                               const char *where, const char *format, ...)
{
    char pointer[SCHEMA_POINTER_BYTES];
    char message[KIT_ERR_MSG_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    return kit_fail_at(err, code, where, "", "'%s': %s", schema_pointer(node, pointer), message);
}
