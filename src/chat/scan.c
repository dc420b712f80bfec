#include "chat/scan.h"

#include <string.h>

#include "kit/json.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

enum chat_scan chat_scan_space(kit_str s, size_t *at)
{
    while (*at < s.len && is_space(s.ptr[*at])) {
        ++*at;
    }
    return *at < s.len ? CHAT_SCAN_GOOD : CHAT_SCAN_MORE;
}

enum chat_scan chat_scan_text(kit_str s, size_t *at, kit_str text)
{
    kit_str rest = kit_str_sub(s, *at, text.len);
    if (!kit_str_starts(text, rest)) {
        return CHAT_SCAN_BAD;
    }
    if (rest.len < text.len) {
        return CHAT_SCAN_MORE;
    }
    *at += text.len;
    return CHAT_SCAN_GOOD;
}

enum chat_scan chat_scan_until(kit_str s, size_t *at, kit_str end, kit_str *ret)
{
    kit_str rest = kit_str_sub(s, *at, s.len);
    size_t found = kit_str_find(rest, end);
    if (found == rest.len) {
        return CHAT_SCAN_MORE;
    }
    *ret = kit_str_sub(rest, 0, found);
    *at += found + end.len;
    return CHAT_SCAN_GOOD;
}

static bool is_name(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.' ||
           c == '-';
}

enum chat_scan chat_scan_name(kit_str s, size_t *at, kit_str *ret)
{
    size_t from = *at;
    while (*at < s.len && is_name(s.ptr[*at])) {
        ++*at;
    }
    if (*at == s.len) {
        return CHAT_SCAN_MORE;
    }
    *ret = kit_str_sub(s, from, *at - from);
    return ret->len > 0 ? CHAT_SCAN_GOOD : CHAT_SCAN_BAD;
}

/* --- JSON --- */

static enum chat_scan scan_string(kit_str s, size_t *at, char quote)
{
    for (size_t i = *at + 1; i < s.len; i++) {
        if (s.ptr[i] == '\\') {
            i++;
        } else if (s.ptr[i] == quote) {
            *at = i + 1;
            return CHAT_SCAN_GOOD;
        }
    }
    return CHAT_SCAN_MORE;
}

static enum chat_scan scan_word(kit_str s, size_t *at)
{
    size_t from = *at;
    size_t i = from;
    while (i < s.len && (is_name(s.ptr[i]) || s.ptr[i] == '+')) {
        i++;
    }
    if (i == s.len) {
        return CHAT_SCAN_MORE;
    }
    *at = i;
    return i > from ? CHAT_SCAN_GOOD : CHAT_SCAN_BAD;
}

enum chat_scan chat_scan_json(kit_str s, size_t *at)
{
    char open[CHAT_SCAN_DEPTH_MAX];
    size_t depth = 0;
    size_t i = *at;
    do {
        enum chat_scan rc = chat_scan_space(s, &i);
        if (rc != CHAT_SCAN_GOOD) {
            return rc;
        }
        char c = s.ptr[i];
        if (c == '"') {
            rc = scan_string(s, &i, '"');
        } else if (c == '{' || c == '[') {
            rc = depth < CHAT_SCAN_DEPTH_MAX ? CHAT_SCAN_GOOD : CHAT_SCAN_BAD;
            open[depth < CHAT_SCAN_DEPTH_MAX ? depth : 0] = c == '{' ? '}' : ']';
            depth++;
            i++;
        } else if (c == '}' || c == ']') {
            rc = depth > 0 && open[depth - 1] == c ? CHAT_SCAN_GOOD : CHAT_SCAN_BAD;
            depth -= rc == CHAT_SCAN_GOOD;
            i++;
        } else if ((c == ',' || c == ':') && depth > 0) {
            i++;
        } else {
            rc = scan_word(s, &i);
        }
        if (rc != CHAT_SCAN_GOOD) {
            return rc;
        }
    } while (depth > 0);
    *at = i;
    return CHAT_SCAN_GOOD;
}

bool chat_scan_is_json(kit_str s, bool object)
{
    struct kit_json_doc *doc = NULL;
    bool good = kit_json_parse(s, CHAT_SCAN_DEPTH_MAX + 1, &doc, NULL) == KIT_OK;
    good = good && (!object || kit_json_type(kit_json_root(doc)) == KIT_JSON_OBJECT);
    kit_json_free(doc);
    return good;
}

/* --- Python --- */

static enum chat_scan scan_python(kit_str s, size_t *at, struct kit_buf *json, uint32_t depth);

/* One character of a string literal, as the text that it stands for. */
static void unescape(kit_str s, size_t *i, struct kit_buf *text)
{
    static const char letters[] = "ntrbf0";
    static const char meanings[] = "\n\t\r\b\f\0";
    char c = s.ptr[*i + 1];
    const char *known = c == '\0' ? NULL : strchr(letters, c);
    if (known != NULL) {
        kit_buf_add_char(text, meanings[known - letters]);
    } else {
        if (c != '\\' && c != '\'' && c != '"') {
            kit_buf_add_char(text, '\\');
        }
        kit_buf_add_char(text, c);
    }
    *i += 2;
}

static enum chat_scan python_string(kit_str s, size_t *at, struct kit_buf *json)
{
    size_t end = *at;
    enum chat_scan rc = scan_string(s, &end, s.ptr[*at]);
    if (rc != CHAT_SCAN_GOOD) {
        return rc;
    }
    struct kit_buf text;
    struct kit_json_writer w;
    kit_buf_init(&text, s.len + 1);
    for (size_t i = *at + 1; i < end - 1;) {
        if (s.ptr[i] == '\\') {
            unescape(s, &i, &text);
        } else {
            kit_buf_add_char(&text, s.ptr[i++]);
        }
    }
    kit_json_writer_init(&w, json);
    kit_json_put_str(&w, kit_buf_str(&text));
    json->failed = text.failed != KIT_OK ? text.failed : json->failed;
    kit_buf_done(&text);
    *at = end;
    return CHAT_SCAN_GOOD;
}

static enum chat_scan python_word(kit_str s, size_t *at, struct kit_buf *json)
{
    static const char *const words[][2] = {{"True", "true"}, {"False", "false"}, {"None", "null"},
                                           {"true", "true"}, {"false", "false"}, {"null", "null"}};
    size_t from = *at;
    enum chat_scan rc = scan_word(s, at);
    if (rc != CHAT_SCAN_GOOD) {
        return rc;
    }
    kit_str word = kit_str_sub(s, from, *at - from);
    for (size_t i = 0; i < KIT_COUNT(words); i++) {
        if (kit_str_eq(word, kit_str_c(words[i][0]))) {
            kit_buf_add(json, kit_str_c(words[i][1]));
            return CHAT_SCAN_GOOD;
        }
    }
    kit_buf_add(json, word);
    return chat_scan_is_json(word, false) ? CHAT_SCAN_GOOD : CHAT_SCAN_BAD;
}

/* An item of a list, or a pair of a dict. */
static enum chat_scan python_item(kit_str s, size_t *at, struct kit_buf *json, bool dict, uint32_t depth)
{
    if (dict && s.ptr[*at] != '"' && s.ptr[*at] != '\'') {
        return CHAT_SCAN_BAD;
    }
    enum chat_scan rc = scan_python(s, at, json, depth);
    if (rc != CHAT_SCAN_GOOD || !dict) {
        return rc;
    }
    rc = chat_scan_space(s, at);
    rc = rc == CHAT_SCAN_GOOD ? chat_scan_text(s, at, kit_str_lit(":")) : rc;
    rc = rc == CHAT_SCAN_GOOD ? chat_scan_space(s, at) : rc;
    kit_buf_add_char(json, ':');
    return rc == CHAT_SCAN_GOOD ? scan_python(s, at, json, depth) : rc;
}

static enum chat_scan python_list(kit_str s, size_t *at, struct kit_buf *json, uint32_t depth)
{
    char open = s.ptr[*at];
    char close = open == '{' ? '}' : open == '[' ? ']' : ')';
    kit_buf_add_char(json, open == '{' ? '{' : '[');
    ++*at;
    for (bool more = false;; more = true) {
        enum chat_scan rc = chat_scan_space(s, at);
        if (rc != CHAT_SCAN_GOOD) {
            return rc;
        }
        if (s.ptr[*at] == close) {
            break;
        }
        if (more) {
            kit_buf_add_char(json, ',');
        }
        rc = python_item(s, at, json, open == '{', depth);
        rc = rc == CHAT_SCAN_GOOD ? chat_scan_space(s, at) : rc;
        if (rc != CHAT_SCAN_GOOD) {
            return rc;
        }
        if (s.ptr[*at] == ',') {
            ++*at;
        } else if (s.ptr[*at] != close) {
            return CHAT_SCAN_BAD;
        }
    }
    ++*at;
    kit_buf_add_char(json, open == '{' ? '}' : ']');
    return CHAT_SCAN_GOOD;
}

static enum chat_scan scan_python(kit_str s, size_t *at, struct kit_buf *json, uint32_t depth)
{
    if (*at >= s.len) {
        return CHAT_SCAN_MORE;
    }
    if (depth >= CHAT_SCAN_DEPTH_MAX) {
        return CHAT_SCAN_BAD;
    }
    char c = s.ptr[*at];
    if (c == '"' || c == '\'') {
        return python_string(s, at, json);
    }
    return c == '[' || c == '{' || c == '(' ? python_list(s, at, json, depth + 1) : python_word(s, at, json);
}

enum chat_scan chat_scan_python(kit_str s, size_t *at, struct kit_buf *json)
{
    return scan_python(s, at, json, 0);
}
