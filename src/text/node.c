#include "text/node.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct text_node text_node_root(kit_json value)
{
    return (struct text_node){.value = value};
}

struct text_node text_node_get(const struct text_node *up, const char *key)
{
    return (struct text_node){.value = kit_json_get(up->value, key), .up = up, .key = kit_str_c(key)};
}

bool text_node_next(const struct text_node *up, struct kit_json_iter *iter, struct text_node *ret)
{
    if (!kit_json_next(iter)) {
        return false;
    }
    *ret = (struct text_node){.value = iter->value, .up = up, .key = iter->key, .index = iter->index};
    return true;
}

bool text_node_is_null(const struct text_node *n)
{
    enum kit_json_type type = kit_json_type(n->value);
    return type == KIT_JSON_NONE || type == KIT_JSON_NULL;
}

/* A key that reads like a name stands behind a dot, any other in brackets: model.vocab['##s']. */
static bool is_plain(kit_str key)
{
    for (size_t i = 0; i < key.len; i++) {
        char c = key.ptr[i];
        if (c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')) {
            return false;
        }
    }
    return key.len > 0;
}

static size_t write_step(const struct text_node *n, char *buf, size_t size, size_t at)
{
    size_t left = at < size ? size - at : 0;
    int wrote;
    if (kit_json_type(n->up->value) == KIT_JSON_ARRAY) {
        wrote = snprintf(buf + at, left, "[%zu]", n->index);
    } else if (is_plain(n->key)) {
        wrote = snprintf(buf + at, left, "%s%.*s", at == 0 ? "" : ".", KIT_STR_ARG(n->key));
    } else {
        wrote = snprintf(buf + at, left, "['%.*s']", KIT_STR_ARG(kit_str_sub(n->key, 0, 40)));
    }
    return KIT_MIN(at + (wrote > 0 ? (size_t)wrote : 0), size - 1);
}

static size_t write_path(const struct text_node *n, char *buf, size_t size)
{
    return n->up == NULL ? 0 : write_step(n, buf, size, write_path(n->up, buf, size));
}

char *text_node_path(const struct text_node *n, char buf[TEXT_NODE_PATH_BYTES])
{
    buf[write_path(n, buf, TEXT_NODE_PATH_BYTES)] = '\0';
    return buf;
}

enum kit_status text_node_fail_at(const struct text_node *n, enum kit_status code, struct kit_err *err,
                                  const char *where, const char *format, ...)
{
    char path[TEXT_NODE_PATH_BYTES];
    char text[KIT_ERR_MSG_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    text_node_path(n, path);
    return kit_fail_at(err, code, where, path, "%s%s%s", path, path[0] == '\0' ? "" : ": ", text);
}

static const char *const type_names[] = {
    [KIT_JSON_NONE] = "missing",    [KIT_JSON_NULL] = "null",       [KIT_JSON_BOOL] = "a boolean",
    [KIT_JSON_NUMBER] = "a number", [KIT_JSON_STRING] = "a string", [KIT_JSON_ARRAY] = "an array",
    [KIT_JSON_OBJECT] = "an object"};

enum kit_status text_node_need(const struct text_node *n, enum kit_json_type type, struct kit_err *err)
{
    enum kit_json_type is = kit_json_type(n->value);
    if (is == type) {
        return KIT_OK;
    }
    return text_node_fail(n, KIT_PARSE, err, "must be %s, but is %s", type_names[type], type_names[is]);
}

enum kit_status text_node_str(const struct text_node *n, kit_str *ret, struct kit_err *err)
{
    enum kit_status rc = text_node_need(n, KIT_JSON_STRING, err);
    if (rc == KIT_OK) {
        *ret = kit_json_str(n->value, (kit_str){0});
    }
    return rc;
}

enum kit_status text_node_u32(const struct text_node *n, uint32_t max, uint32_t *ret, struct kit_err *err)
{
    enum kit_status rc = text_node_need(n, KIT_JSON_NUMBER, err);
    if (rc != KIT_OK) {
        return rc;
    }
    int64_t value = kit_json_i64(n->value, -1);
    if (value < 0 || value > max) {
        return text_node_fail(n, KIT_PARSE, err, "must be a whole number from 0 to %u", max);
    }
    *ret = (uint32_t)value;
    return KIT_OK;
}

enum kit_status text_node_bool_or(const struct text_node *up, const char *key, bool otherwise, bool *ret,
                                  struct kit_err *err)
{
    struct text_node n = text_node_get(up, key);
    if (!text_node_is_null(&n)) {
        enum kit_status rc = text_node_need(&n, KIT_JSON_BOOL, err);
        if (rc != KIT_OK) {
            return rc;
        }
    }
    *ret = kit_json_bool(n.value, otherwise);
    return KIT_OK;
}

enum kit_status text_node_u32_or(const struct text_node *up, const char *key, uint32_t max, uint32_t otherwise,
                                 uint32_t *ret, struct kit_err *err)
{
    struct text_node n = text_node_get(up, key);
    if (!text_node_is_null(&n)) {
        return text_node_u32(&n, max, ret, err);
    }
    *ret = otherwise;
    return KIT_OK;
}

enum kit_status text_node_str_or(const struct text_node *up, const char *key, kit_str otherwise, kit_str *ret,
                                 struct kit_err *err)
{
    struct text_node n = text_node_get(up, key);
    if (!text_node_is_null(&n)) {
        return text_node_str(&n, ret, err);
    }
    *ret = otherwise;
    return KIT_OK;
}

enum kit_status text_node_word_or(const struct text_node *up, const char *key, const char *const *words,
                                  uint32_t otherwise, uint32_t *ret, struct kit_err *err)
{
    struct text_node n = text_node_get(up, key);
    kit_str word = {0};
    enum kit_status rc = text_node_str_or(up, key, (kit_str){0}, &word, err);
    if (rc != KIT_OK) {
        return rc;
    }
    if (text_node_is_null(&n)) {
        *ret = otherwise;
        return KIT_OK;
    }
    for (uint32_t i = 0; words[i] != NULL; i++) {
        if (kit_str_eq(word, kit_str_c(words[i]))) {
            *ret = i;
            return KIT_OK;
        }
    }
    return text_node_fail(&n, KIT_UNSUPPORTED, err, "'%.*s' is not known", KIT_STR_ARG(kit_str_sub(word, 0, 40)));
}

enum kit_status text_node_type(const struct text_node *n, kit_str *ret, struct kit_err *err)
{
    enum kit_status rc = text_node_need(n, KIT_JSON_OBJECT, err);
    if (rc != KIT_OK) {
        return rc;
    }
    struct text_node type = text_node_get(n, "type");
    return text_node_str(&type, ret, err);
}

enum kit_status text_node_unknown_type(const struct text_node *n, kit_str type, struct kit_err *err)
{
    struct text_node at = text_node_get(n, "type");
    return text_node_fail(&at, KIT_UNSUPPORTED, err, "'%.*s' is not supported yet",
                          KIT_STR_ARG(kit_str_sub(type, 0, 40)));
}
