#include "chat/messages.h"

#include <stdio.h>
#include <string.h>

#include "chat/chat.h"
#include "kit/num.h"

struct writer {
    struct kit_json_writer json;
    kit_json messages;
    struct kit_err *err;
    bool developer;
    size_t at; /* the message */
    kit_str role;
};

static enum kit_status wrong(const struct writer *w, enum kit_status code, const char *member, const char *what)
{
    char param[KIT_ERR_PARAM_BYTES];
    snprintf(param, sizeof(param), "messages[%zu]%s", w->at, member);
    return kit_fail_param(w->err, code, param, "'%s' %s", param, what);
}

/* --- any value --- */

static void put_number(struct writer *w, kit_json v)
{
    char text[KIT_NUM_BYTES + 3];
    if (!kit_json_is_real(v)) {
        kit_json_put_i64(&w->json, kit_json_i64(v, 0));
        return;
    }
    size_t len = kit_num_f64(kit_json_f64(v, 0), text);
    kit_str s = {text, len};
    bool whole = kit_str_find_char(s, '.') == len && kit_str_find_char(s, 'e') == len;
    memcpy(text + len, ".0", 2);
    kit_json_put_raw(&w->json, (kit_str){text, len + (whole ? 2 : 0)});
}

static enum kit_status put(struct writer *w, kit_json v);

static enum kit_status put_items(struct writer *w, kit_json v)
{
    bool object = kit_json_type(v) == KIT_JSON_OBJECT;
    enum kit_status rc = KIT_OK;
    if (w->json.depth >= CHAT_JSON_DEPTH_MAX) {
        return wrong(w, KIT_TOO_LARGE, "", "is nested too deep");
    }
    kit_json_open(&w->json, object ? '{' : '[');
    for (struct kit_json_iter i = kit_json_iter(v); rc == KIT_OK && kit_json_next(&i);) {
        if (object) {
            kit_json_key_str(&w->json, i.key);
        }
        rc = put(w, i.value);
    }
    kit_json_close(&w->json, object ? '}' : ']');
    return rc;
}

static enum kit_status put(struct writer *w, kit_json v)
{
    switch (kit_json_type(v)) {
    case KIT_JSON_BOOL:
        kit_json_put_bool(&w->json, kit_json_bool(v, false));
        return KIT_OK;
    case KIT_JSON_NUMBER:
        put_number(w, v);
        return KIT_OK;
    case KIT_JSON_STRING:
        kit_json_put_str(&w->json, kit_json_str(v, (kit_str){0}));
        return KIT_OK;
    case KIT_JSON_ARRAY:
    case KIT_JSON_OBJECT:
        return put_items(w, v);
    default:
        kit_json_put_null(&w->json);
        return KIT_OK;
    }
}

/* --- content --- */

static enum kit_status add_part(struct writer *w, kit_json part, struct kit_buf *text, bool first)
{
    kit_str type = kit_json_str(kit_json_get(part, "type"), kit_str_lit("text"));
    kit_json words = kit_json_get(part, "text");
    if (kit_json_type(part) == KIT_JSON_STRING) {
        words = part;
    } else if (!kit_str_eq(type, kit_str_lit("text")) && !kit_str_eq(type, kit_str_lit("refusal"))) {
        return wrong(w, KIT_UNSUPPORTED, ".content", "has a part that is no text, which this model is not asked with");
    }
    words = kit_json_type(words) == KIT_JSON_NONE ? kit_json_get(part, "refusal") : words;
    if (kit_json_type(words) != KIT_JSON_STRING) {
        return wrong(w, KIT_INVALID, ".content", "has a part without its text");
    }
    if (!first) {
        kit_buf_add_char(text, '\n');
    }
    return kit_buf_add(text, kit_json_str(words, (kit_str){0}));
}

static enum kit_status put_parts(struct writer *w, kit_json parts)
{
    struct kit_buf text;
    enum kit_status rc = KIT_OK;
    kit_buf_init(&text, w->json.out->max);
    for (struct kit_json_iter i = kit_json_iter(parts); rc == KIT_OK && kit_json_next(&i);) {
        rc = add_part(w, i.value, &text, i.index == 0);
    }
    kit_json_put_str(&w->json, kit_buf_str(&text));
    kit_buf_done(&text);
    return rc;
}

static enum kit_status put_content(struct writer *w, kit_json content)
{
    kit_json_key(&w->json, "content");
    switch (kit_json_type(content)) {
    case KIT_JSON_NONE:
    case KIT_JSON_NULL:
        kit_json_put_c(&w->json, "");
        return KIT_OK;
    case KIT_JSON_STRING:
        return put(w, content);
    case KIT_JSON_ARRAY:
        return put_parts(w, content);
    default:
        return wrong(w, KIT_INVALID, ".content", "must be a string or an array of parts");
    }
}

/* --- calls of tools --- */

/* Arguments that are the JSON text of an object become it. */
static enum kit_status put_arguments(struct writer *w, kit_json arguments)
{
    struct kit_json_doc *doc = NULL;
    bool text = kit_json_type(arguments) == KIT_JSON_STRING;
    bool parsed =
        text && kit_json_parse(kit_json_str(arguments, (kit_str){0}), CHAT_JSON_DEPTH_MAX, &doc, NULL) == KIT_OK;
    bool object = parsed && kit_json_type(kit_json_root(doc)) == KIT_JSON_OBJECT;
    enum kit_status rc = put(w, object ? kit_json_root(doc) : arguments);
    kit_json_free(doc);
    return rc;
}

static enum kit_status put_function(struct writer *w, kit_json function)
{
    enum kit_status rc = KIT_OK;
    if (kit_json_type(kit_json_get(function, "name")) != KIT_JSON_STRING) {
        return wrong(w, KIT_INVALID, ".tool_calls", "has a call without function.name");
    }
    kit_json_open(&w->json, '{');
    for (struct kit_json_iter i = kit_json_iter(function); rc == KIT_OK && kit_json_next(&i);) {
        kit_json_key_str(&w->json, i.key);
        rc = kit_str_eq(i.key, kit_str_lit("arguments")) ? put_arguments(w, i.value) : put(w, i.value);
    }
    kit_json_close(&w->json, '}');
    return rc;
}

static enum kit_status put_call(struct writer *w, kit_json call)
{
    enum kit_status rc = KIT_OK;
    if (kit_json_type(kit_json_get(call, "function")) != KIT_JSON_OBJECT) {
        return wrong(w, KIT_INVALID, ".tool_calls", "has a call without its function");
    }
    kit_json_open(&w->json, '{');
    for (struct kit_json_iter i = kit_json_iter(call); rc == KIT_OK && kit_json_next(&i);) {
        kit_json_key_str(&w->json, i.key);
        rc = kit_str_eq(i.key, kit_str_lit("function")) ? put_function(w, i.value) : put(w, i.value);
    }
    kit_json_close(&w->json, '}');
    return rc;
}

static enum kit_status put_calls(struct writer *w, kit_json calls)
{
    enum kit_status rc = KIT_OK;
    if (kit_json_count(calls) == 0) {
        return KIT_OK; /* no calls is as good as none said */
    }
    if (kit_json_type(calls) != KIT_JSON_ARRAY) {
        return wrong(w, KIT_INVALID, ".tool_calls", "must be an array");
    }
    kit_json_key(&w->json, "tool_calls");
    kit_json_open(&w->json, '[');
    for (struct kit_json_iter i = kit_json_iter(calls); rc == KIT_OK && kit_json_next(&i);) {
        rc = put_call(w, i.value);
    }
    kit_json_close(&w->json, ']');
    return rc;
}

/* The function of the last call with that id, in messages before this one; empty: none. */
static kit_str called(const struct writer *w, kit_str id)
{
    kit_str name = {0};
    for (struct kit_json_iter m = kit_json_iter(w->messages); kit_json_next(&m) && m.index < w->at;) {
        for (struct kit_json_iter c = kit_json_iter(kit_json_get(m.value, "tool_calls")); kit_json_next(&c);) {
            if (kit_str_eq(kit_json_str(kit_json_get(c.value, "id"), (kit_str){0}), id)) {
                name = kit_json_str(kit_json_get(kit_json_get(c.value, "function"), "name"), name);
            }
        }
    }
    return name;
}

/* --- messages --- */

static bool is_role(kit_str role)
{
    static const char *const roles[] = {"system", "developer", "user", "assistant", "tool"};
    for (size_t i = 0; i < KIT_COUNT(roles); i++) {
        if (kit_str_eq(role, kit_str_c(roles[i]))) {
            return true;
        }
    }
    return false;
}

/* Reasoning goes by several names; templates read these two. */
static enum kit_status put_reasoning(struct writer *w, kit_json message)
{
    static const char *const names[] = {"reasoning_content", "thinking", "reasoning"};
    for (size_t i = 0; i < KIT_COUNT(names); i++) {
        kit_json v = kit_json_get(message, names[i]);
        if (kit_json_type(v) == KIT_JSON_STRING) {
            kit_json_member_str(&w->json, "thinking", kit_json_str(v, (kit_str){0}));
            kit_json_member_str(&w->json, "reasoning_content", kit_json_str(v, (kit_str){0}));
            return KIT_OK;
        }
    }
    return KIT_OK;
}

static bool is_written_apart(kit_str key)
{
    static const char *const keys[] = {"role", "content", "tool_calls", "reasoning_content", "thinking", "reasoning"};
    for (size_t i = 0; i < KIT_COUNT(keys); i++) {
        if (kit_str_eq(key, kit_str_c(keys[i]))) {
            return true;
        }
    }
    return false;
}

static enum kit_status put_rest(struct writer *w, kit_json message)
{
    enum kit_status rc = KIT_OK;
    for (struct kit_json_iter i = kit_json_iter(message); rc == KIT_OK && kit_json_next(&i);) {
        if (!is_written_apart(i.key) && kit_json_type(i.value) != KIT_JSON_NULL) {
            kit_json_key_str(&w->json, i.key);
            rc = put(w, i.value);
        }
    }
    kit_str name = called(w, kit_json_str(kit_json_get(message, "tool_call_id"), (kit_str){0}));
    bool nameless = kit_json_type(kit_json_get(message, "name")) != KIT_JSON_STRING;
    if (rc == KIT_OK && kit_str_eq(w->role, kit_str_lit("tool")) && nameless && name.len > 0) {
        kit_json_member_str(&w->json, "name", name);
    }
    return rc;
}

static enum kit_status put_message(struct writer *w, kit_json message)
{
    w->role = kit_json_str(kit_json_get(message, "role"), (kit_str){0});
    if (!is_role(w->role)) {
        return wrong(w, KIT_INVALID, ".role", "must be system, developer, user, assistant or tool");
    }
    bool system = kit_str_eq(w->role, kit_str_lit("developer")) && !w->developer;
    kit_json_open(&w->json, '{');
    kit_json_member_str(&w->json, "role", system ? kit_str_lit("system") : w->role);
    enum kit_status rc = put_content(w, kit_json_get(message, "content"));
    rc = rc == KIT_OK ? put_reasoning(w, message) : rc;
    rc = rc == KIT_OK ? put_calls(w, kit_json_get(message, "tool_calls")) : rc;
    rc = rc == KIT_OK ? put_rest(w, message) : rc;
    kit_json_close(&w->json, '}');
    return rc;
}

enum kit_status chat_messages_write(kit_json messages, bool developer, struct kit_buf *out, struct kit_err *err)
{
    struct writer w = {.messages = messages, .err = err, .developer = developer};
    enum kit_status rc = KIT_OK;
    size_t count = kit_json_count(messages);
    if (kit_json_type(messages) != KIT_JSON_ARRAY || count == 0 || count > CHAT_MESSAGES_MAX) {
        return kit_fail_param(err, KIT_INVALID, "messages", "'messages' must be an array of 1 to %d messages",
                              CHAT_MESSAGES_MAX);
    }
    kit_json_writer_init(&w.json, out);
    kit_json_open(&w.json, '[');
    for (struct kit_json_iter i = kit_json_iter(messages); rc == KIT_OK && kit_json_next(&i);) {
        w.at = i.index;
        rc = put_message(&w, i.value);
    }
    kit_json_close(&w.json, ']');
    return rc != KIT_OK ? rc : out->failed == KIT_OK ? KIT_OK : kit_fail(err, out->failed, "the messages are too long");
}
