/* Items of OpenAI's responses become messages as a chat template takes them. */
#include "api/openai_responses.h"

#include <stdio.h>

#include "api/inputs.h"
#include "kit/alloc.h"

#define TEXT_BYTES_MAX (64 * KIT_MIB)
#define JSON_DEPTH_MAX 64
#define PATH_BYTES KIT_ERR_PARAM_BYTES

struct writing {
    struct kit_json_writer messages, items;
    struct kit_buf messages_out, items_out, text;
    struct kit_arena *arena;
    const struct api_response *own;
    bool open;  /* an assistant's message, */
    bool calls; /* and its calls */
    bool kept;  /* the item is in the book already */
    size_t index;
};

static kit_str str_of(kit_json v, const char *key)
{
    return kit_json_str(kit_json_get(v, key), (kit_str){0});
}

static bool is(kit_str s, const char *text)
{
    return kit_str_eq(s, kit_str_c(text));
}

static enum kit_status bad(const struct writing *k, const char *member, const char *must, struct kit_err *err)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof(path), "input[%zu].%s", k->index, member);
    return kit_fail_param(err, KIT_INVALID, path, "'%s' must be %s", path, must);
}

/* --- texts --- */

static bool is_text_part(kit_json part)
{
    kit_str type = str_of(part, "type");
    return is(type, "input_text") || is(type, "output_text") || is(type, "text");
}

/* A line each, as the parts of a chat's message are. */
static void add_part(struct writing *k, size_t index, kit_str text)
{
    if (index > 0) {
        kit_buf_add_char(&k->text, '\n');
    }
    kit_buf_add(&k->text, text);
}

/* A string, or parts that are texts, into k->text. */
static enum kit_status gather(struct writing *k, kit_json content, const char *member, struct kit_err *err)
{
    kit_buf_clear(&k->text);
    if (kit_json_type(content) == KIT_JSON_STRING) {
        kit_buf_add(&k->text, kit_json_str(content, (kit_str){0}));
        return KIT_OK;
    }
    if (kit_json_type(content) != KIT_JSON_ARRAY) {
        return bad(k, member, "a string, or an array of parts", err);
    }
    for (struct kit_json_iter i = kit_json_iter(content); kit_json_next(&i);) {
        if (is_text_part(i.value)) {
            add_part(k, i.index, str_of(i.value, "text"));
        } else if (is(str_of(i.value, "type"), "refusal")) {
            add_part(k, i.index, str_of(i.value, "refusal"));
        } else {
            return bad(k, member, "text: no model here takes other parts", err);
        }
    }
    return KIT_OK;
}

/* --- messages --- */

static void close_message(struct writing *k)
{
    if (k->calls) {
        kit_json_close(&k->messages, ']');
    }
    if (k->open) {
        kit_json_close(&k->messages, '}');
    }
    k->open = k->calls = false;
}

static void begin_message(struct writing *k, const char *role)
{
    close_message(k);
    kit_json_open(&k->messages, '{');
    kit_json_member_c(&k->messages, "role", role);
}

static void write_message(struct writing *k, const char *role, kit_str text)
{
    begin_message(k, role);
    kit_json_member_str(&k->messages, "content", text);
    k->open = is(kit_str_c(role), "assistant"); /* calls of it may follow */
    if (!k->open) {
        kit_json_close(&k->messages, '}');
    }
}

/* NULL: no such role. */
static const char *role_of(kit_str role)
{
    static const char *const roles[][2] = {
        {"user", "user"}, {"assistant", "assistant"}, {"system", "system"}, {"developer", "system"}};
    for (size_t i = 0; i < KIT_COUNT(roles); i++) {
        if (is(role, roles[i][0])) {
            return roles[i][1];
        }
    }
    return NULL;
}

static enum kit_status add_message(struct writing *k, kit_json item, struct kit_err *err)
{
    const char *role = role_of(str_of(item, "role"));
    if (role == NULL) {
        return bad(k, "role", "'user', 'assistant', 'system' or 'developer'", err);
    }
    enum kit_status rc = gather(k, kit_json_get(item, "content"), "content", err);
    if (rc == KIT_OK) {
        write_message(k, role, kit_buf_str(&k->text));
    }
    return rc;
}

static enum kit_status add_call(struct writing *k, kit_json item, struct kit_err *err)
{
    kit_str id = str_of(item, "call_id"), name = str_of(item, "name");
    if (id.len == 0 || name.len == 0) {
        return bad(k, id.len == 0 ? "call_id" : "name", "a string that is not empty", err);
    }
    if (!k->open) {
        write_message(k, "assistant", (kit_str){0});
    }
    if (!k->calls) {
        kit_json_key(&k->messages, "tool_calls");
        kit_json_open(&k->messages, '[');
        k->calls = true;
    }
    kit_json_open(&k->messages, '{');
    kit_json_member_str(&k->messages, "id", id);
    kit_json_member_c(&k->messages, "type", "function");
    kit_json_key(&k->messages, "function");
    kit_json_open(&k->messages, '{');
    kit_json_member_str(&k->messages, "name", name);
    kit_json_member_str(&k->messages, "arguments", str_of(item, "arguments"));
    kit_json_close(&k->messages, '}');
    kit_json_close(&k->messages, '}');
    return KIT_OK;
}

static enum kit_status add_output(struct writing *k, kit_json item, struct kit_err *err)
{
    kit_str id = str_of(item, "call_id");
    if (id.len == 0) {
        return bad(k, "call_id", "a string that is not empty", err);
    }
    enum kit_status rc = gather(k, kit_json_get(item, "output"), "output", err);
    if (rc == KIT_OK) {
        begin_message(k, "tool");
        kit_json_member_str(&k->messages, "tool_call_id", id);
        kit_json_member_str(&k->messages, "content", kit_buf_str(&k->text));
        kit_json_close(&k->messages, '}');
    }
    return rc;
}

/* --- the items themselves --- */

static void put_value(struct writing *k, kit_json v)
{
    kit_str text;
    if (kit_json_text(v, k->arena, &text) == KIT_OK) {
        kit_json_put_raw(&k->items, text);
    } else {
        k->items_out.failed = KIT_NOMEM;
    }
}

/* A content that is a string becomes one part. */
static void put_content(struct writing *k, kit_json item, kit_json content)
{
    bool own = is(str_of(item, "role"), "assistant");
    if (kit_json_type(content) != KIT_JSON_STRING) {
        put_value(k, content);
        return;
    }
    kit_json_open(&k->items, '[');
    kit_json_open(&k->items, '{');
    kit_json_member_c(&k->items, "type", own ? "output_text" : "input_text");
    kit_json_member_str(&k->items, "text", kit_json_str(content, (kit_str){0}));
    if (own) {
        kit_json_key(&k->items, "annotations");
        kit_json_put_raw(&k->items, kit_str_lit("[]"));
    }
    kit_json_close(&k->items, '}');
    kit_json_close(&k->items, ']');
}

static void put_id(struct writing *k, kit_json item, kit_str type)
{
    char made[API_OPENAI_ID_BYTES];
    kit_str id = str_of(item, "id");
    const char *prefix = is(type, "message") ? "msg" : "item";
    snprintf(made, sizeof(made), "%s_%s_i%zu", prefix, k->own->id + sizeof("resp_") - 1, k->index);
    kit_json_member_str(&k->items, "id", id.len > 0 ? id : kit_str_c(made));
}

/* As it came, with an id, a type and a status. */
static void put_item(struct writing *k, kit_json item, kit_str type)
{
    kit_json_open(&k->items, '{');
    put_id(k, item, type);
    kit_json_member_str(&k->items, "type", type);
    kit_json_member_c(&k->items, "status", "completed");
    for (struct kit_json_iter i = kit_json_iter(item); kit_json_next(&i);) {
        if (is(i.key, "id") || is(i.key, "type") || is(i.key, "status")) {
            continue;
        }
        kit_json_key_str(&k->items, i.key);
        if (is(i.key, "content")) {
            put_content(k, item, i.value);
        } else {
            put_value(k, i.value);
        }
    }
    kit_json_close(&k->items, '}');
}

static enum kit_status add_item(struct writing *k, kit_json item, struct kit_err *err)
{
    kit_str type = str_of(item, "type");
    enum kit_status rc = KIT_OK;
    type = type.len == 0 ? kit_str_lit("message") : type;
    if (kit_json_type(item) != KIT_JSON_OBJECT) {
        rc = bad(k, "type", "that of an item: an object", err);
    } else if (is(type, "message")) {
        rc = add_message(k, item, err);
    } else if (is(type, "function_call")) {
        rc = add_call(k, item, err);
    } else if (is(type, "function_call_output")) {
        rc = add_output(k, item, err);
    } else if (!is(type, "reasoning")) { /* which no template wants back */
        rc = bad(k, "type", "'message', 'function_call', 'function_call_output' or 'reasoning'", err);
    }
    if (rc == KIT_OK && !k->kept) {
        put_item(k, item, type);
    }
    return rc;
}

static enum kit_status add_items(struct writing *k, kit_json items, struct kit_err *err)
{
    enum kit_status rc = KIT_OK;
    for (struct kit_json_iter i = kit_json_iter(items); rc == KIT_OK && kit_json_next(&i);) {
        k->index = i.index;
        rc = add_item(k, i.value, err);
    }
    return rc;
}

/* --- what was said before --- */

static enum kit_status add_kept(struct writing *k, kit_str json, const char *member, struct kit_err *err)
{
    struct kit_json_doc *doc = NULL;
    enum kit_status rc = kit_json_parse(json, JSON_DEPTH_MAX, &doc, err);
    if (rc == KIT_OK) {
        kit_json root = kit_json_root(doc);
        rc = add_items(k, member != NULL ? kit_json_get(root, member) : root, err);
    }
    kit_json_free(doc);
    return rc;
}

static enum kit_status add_history(struct writing *k, const struct store_tx *history, struct kit_err *err)
{
    enum kit_status rc = KIT_OK;
    uint32_t rows = history != NULL ? api_responses_rows(history) : 0;
    k->kept = true;
    for (uint32_t i = 0; rc == KIT_OK && i < rows; i++) {
        struct api_responses_row row = api_responses_row(history, i);
        rc = add_kept(k, row.items, NULL, err);
        rc = rc == KIT_OK ? add_kept(k, row.response, "output", err) : rc;
    }
    k->kept = false;
    return rc;
}

/* --- what is said now --- */

static void add_text(struct writing *k, kit_json input)
{
    kit_str text = kit_json_str(input, (kit_str){0});
    write_message(k, "user", text);
    kit_json_open(&k->items, '{');
    put_id(k, (kit_json){0}, kit_str_lit("message"));
    kit_json_member_c(&k->items, "type", "message");
    kit_json_member_c(&k->items, "status", "completed");
    kit_json_member_c(&k->items, "role", "user");
    kit_json_key(&k->items, "content");
    put_content(k, (kit_json){0}, input);
    kit_json_close(&k->items, '}');
}

static enum kit_status add_input(struct writing *k, kit_json root, struct kit_err *err)
{
    kit_json input = kit_json_get(root, "input");
    k->index = 0;
    if (kit_json_type(input) == KIT_JSON_STRING) {
        add_text(k, input);
        return KIT_OK;
    }
    if (kit_json_type(input) != KIT_JSON_ARRAY || kit_json_count(input) == 0) {
        return kit_fail_param(err, KIT_INVALID, "input", "'input' must be a string, or an array of at least one item");
    }
    return add_items(k, input, err);
}

static enum kit_status write_all(struct writing *k, kit_json root, struct kit_err *err)
{
    kit_str instructions;
    enum kit_status rc = kit_json_str_or(root, "instructions", (kit_str){0}, &instructions, err);
    kit_json_open(&k->messages, '[');
    kit_json_open(&k->items, '[');
    if (rc == KIT_OK && instructions.len > 0) {
        write_message(k, "system", instructions);
    }
    rc = rc == KIT_OK ? add_history(k, k->own->history, err) : rc;
    rc = rc == KIT_OK ? add_input(k, root, err) : rc;
    close_message(k);
    kit_json_close(&k->messages, ']');
    kit_json_close(&k->items, ']');
    if (rc == KIT_OK &&
        (k->messages_out.failed != KIT_OK || k->items_out.failed != KIT_OK || k->text.failed != KIT_OK)) {
        rc = kit_fail(err, KIT_NOMEM, "out of memory for the input");
    }
    return rc;
}

static enum kit_status take(struct task_request *r, struct api_response *own, const struct writing *k,
                            struct kit_err *err)
{
    struct kit_json_doc *doc = NULL;
    enum kit_status rc = kit_json_parse(kit_buf_str(&k->messages_out), JSON_DEPTH_MAX, &doc, err);
    if (rc == KIT_OK) {
        rc = api_inputs_chat(r, "input", kit_json_root(doc), err);
    }
    if (rc == KIT_OK && kit_arena_str(&r->arena, kit_buf_str(&k->items_out), &own->items) != KIT_OK) {
        rc = kit_fail(err, KIT_NOMEM, "out of memory for the input");
    }
    kit_json_free(doc);
    return rc;
}

enum kit_status api_responses_read_input(struct task_request *r, struct api_response *own, kit_json root,
                                         struct kit_err *err)
{
    struct writing k = {.arena = &r->arena, .own = own};
    kit_buf_init(&k.messages_out, TEXT_BYTES_MAX);
    kit_buf_init(&k.items_out, TEXT_BYTES_MAX);
    kit_buf_init(&k.text, TEXT_BYTES_MAX);
    kit_json_writer_init(&k.messages, &k.messages_out);
    kit_json_writer_init(&k.items, &k.items_out);
    enum kit_status rc = write_all(&k, root, err);
    if (rc == KIT_OK) {
        rc = take(r, own, &k, err);
    }
    kit_buf_done(&k.messages_out);
    kit_buf_done(&k.items_out);
    kit_buf_done(&k.text);
    return rc;
}
