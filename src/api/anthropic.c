/* POST /v1/messages and /v1/messages/count_tokens: Anthropic's way to go on with a conversation, a thin variation of
 * OpenAI's. Source: Anthropic's API reference, "Messages", "Streaming messages" and "Count tokens in a message". */
#include "api/anthropic.h"

#include <stdio.h>

#include "api/handlers.h"
#include "api/inputs.h"
#include "api/openai.h"
#include "api/parameters.h"
#include "kit/alloc.h"
#include "task/generate.h"

#define CHAT_BYTES_MAX (64 * KIT_MIB)
#define ID_PREFIX "msg"

/* --- errors: {"type":"error","error":{"type","message"}} --- */

static const char *type_of(enum kit_status code)
{
    switch (kit_status_http(code)) {
    case 401:
        return "authentication_error";
    case 403:
        return "permission_error";
    case 404:
        return "not_found_error";
    case 413:
        return "request_too_large";
    case 429:
        return "rate_limit_error";
    case 503:
        return "overloaded_error";
    default:
        return kit_status_http(code) >= 500 ? "api_error" : "invalid_request_error";
    }
}

static void write_error(struct kit_json_writer *w, const struct kit_err *err, const char *request_id)
{
    (void)request_id;
    kit_json_open(w, '{');
    kit_json_member_c(w, "type", "error");
    kit_json_key(w, "error");
    kit_json_open(w, '{');
    kit_json_member_c(w, "type", type_of(err->code));
    kit_json_member_c(w, "message", api_error_text(err));
    kit_json_close(w, '}');
    kit_json_close(w, '}');
}

void api_anthropic_fail(struct http_request *h, const struct kit_err *err)
{
    api_error_reply(h, kit_status_http(err->code), err, write_error);
}

/* --- the question: blocks become messages as OpenAI writes them --- */

static kit_str type_of_block(kit_json block)
{
    return kit_json_str(kit_json_get(block, "type"), (kit_str){0});
}

static bool is_block(kit_json block, const char *type)
{
    return kit_str_eq(type_of_block(block), kit_str_c(type));
}

/* The text of a string, or of the text blocks of an array, behind each other. */
static void gather_text(kit_json content, struct kit_buf *to)
{
    kit_buf_add(to, kit_json_str(content, (kit_str){0}));
    for (struct kit_json_iter i = kit_json_iter(content); kit_json_next(&i);) {
        if (is_block(i.value, "text")) {
            kit_buf_add(to, kit_json_str(kit_json_get(i.value, "text"), (kit_str){0}));
        }
    }
}

struct writing {
    struct kit_json_writer w;
    struct kit_buf out, text; /* text: of one message */
    struct kit_arena *arena;
};

static void begin_message(struct writing *k, const char *role)
{
    kit_json_open(&k->w, '{');
    kit_json_member_c(&k->w, "role", role);
}

static void write_text_message(struct writing *k, const char *role, kit_json content)
{
    kit_buf_clear(&k->text);
    gather_text(content, &k->text);
    begin_message(k, role);
    kit_json_member_str(&k->w, "content", kit_buf_str(&k->text));
    kit_json_close(&k->w, '}');
}

static void write_tool_use(struct writing *k, kit_json block)
{
    kit_str arguments = {0};
    if (kit_json_text(kit_json_get(block, "input"), k->arena, &arguments) != KIT_OK) {
        k->out.failed = KIT_NOMEM;
    }
    kit_json_open(&k->w, '{');
    kit_json_member_str(&k->w, "id", kit_json_str(kit_json_get(block, "id"), (kit_str){0}));
    kit_json_member_c(&k->w, "type", "function");
    kit_json_key(&k->w, "function");
    kit_json_open(&k->w, '{');
    kit_json_member_str(&k->w, "name", kit_json_str(kit_json_get(block, "name"), (kit_str){0}));
    kit_json_member_str(&k->w, "arguments", arguments);
    kit_json_close(&k->w, '}');
    kit_json_close(&k->w, '}');
}

static bool has_block(kit_json content, const char *type)
{
    for (struct kit_json_iter i = kit_json_iter(content); kit_json_next(&i);) {
        if (is_block(i.value, type)) {
            return true;
        }
    }
    return false;
}

static void write_assistant(struct writing *k, kit_json content)
{
    kit_buf_clear(&k->text);
    gather_text(content, &k->text);
    begin_message(k, "assistant");
    kit_json_member_str(&k->w, "content", kit_buf_str(&k->text));
    if (has_block(content, "tool_use")) {
        kit_json_key(&k->w, "tool_calls");
        kit_json_open(&k->w, '[');
        for (struct kit_json_iter i = kit_json_iter(content); kit_json_next(&i);) {
            if (is_block(i.value, "tool_use")) {
                write_tool_use(k, i.value);
            }
        }
        kit_json_close(&k->w, ']');
    }
    kit_json_close(&k->w, '}');
}

/* What tools answered stands in messages of its own, before what the user says to it. */
static void write_user(struct writing *k, kit_json content)
{
    for (struct kit_json_iter i = kit_json_iter(content); kit_json_next(&i);) {
        if (is_block(i.value, "tool_result")) {
            kit_buf_clear(&k->text);
            gather_text(kit_json_get(i.value, "content"), &k->text);
            begin_message(k, "tool");
            kit_json_member_str(&k->w, "tool_call_id",
                                kit_json_str(kit_json_get(i.value, "tool_use_id"), (kit_str){0}));
            kit_json_member_str(&k->w, "content", kit_buf_str(&k->text));
            kit_json_close(&k->w, '}');
        }
    }
    if (kit_json_type(content) == KIT_JSON_STRING || has_block(content, "text")) {
        write_text_message(k, "user", content);
    }
}

static enum kit_status write_messages(struct writing *k, kit_json root, struct kit_err *err)
{
    kit_json messages = kit_json_get(root, "messages"), system = kit_json_get(root, "system");
    if (kit_json_type(messages) != KIT_JSON_ARRAY || kit_json_count(messages) == 0) {
        return kit_fail_param(err, KIT_INVALID, "messages",
                              "'messages' must be an array of at least one {\"role\",\"content\"}");
    }
    kit_json_open(&k->w, '[');
    if (kit_json_type(system) > KIT_JSON_NULL) {
        write_text_message(k, "system", system);
    }
    for (struct kit_json_iter i = kit_json_iter(messages); kit_json_next(&i);) {
        kit_str role = kit_json_str(kit_json_get(i.value, "role"), (kit_str){0});
        kit_json content = kit_json_get(i.value, "content");
        if (kit_str_eq(role, kit_str_lit("assistant"))) {
            write_assistant(k, content);
        } else if (kit_str_eq(role, kit_str_lit("user"))) {
            write_user(k, content);
        } else {
            return kit_fail_param(err, KIT_INVALID, "messages", "'messages[%zu].role' must be 'user' or 'assistant'",
                                  i.index);
        }
    }
    kit_json_close(&k->w, ']');
    return k->out.failed == KIT_OK ? KIT_OK : kit_fail(err, KIT_NOMEM, "out of memory for the messages");
}

/* Writes JSON in OpenAI's words by `write`, and hands what it means to `take`. */
static enum kit_status translate(struct task_request *r, kit_json root,
                                 enum kit_status (*write)(struct writing *k, kit_json root, struct kit_err *err),
                                 enum kit_status (*take)(struct task_request *r, kit_json v, struct kit_err *err),
                                 struct kit_err *err)
{
    struct writing k = {.arena = &r->arena};
    struct kit_json_doc *doc = NULL;
    kit_buf_init(&k.out, CHAT_BYTES_MAX);
    kit_buf_init(&k.text, CHAT_BYTES_MAX);
    kit_json_writer_init(&k.w, &k.out);
    enum kit_status rc = write(&k, root, err);
    if (rc == KIT_OK) {
        rc = kit_json_parse(kit_buf_str(&k.out), 64, &doc, err);
    }
    if (rc == KIT_OK) {
        rc = take(r, kit_json_root(doc), err);
    }
    kit_json_free(doc);
    kit_buf_done(&k.out);
    kit_buf_done(&k.text);
    return rc;
}

static enum kit_status take_messages(struct task_request *r, kit_json v, struct kit_err *err)
{
    return api_inputs_chat(r, "messages", v, err);
}

static enum kit_status write_tools(struct writing *k, kit_json root, struct kit_err *err)
{
    (void)err;
    kit_json_open(&k->w, '[');
    for (struct kit_json_iter i = kit_json_iter(kit_json_get(root, "tools")); kit_json_next(&i);) {
        kit_str schema = kit_str_lit("{}"), about = kit_json_str(kit_json_get(i.value, "description"), (kit_str){0});
        kit_json given = kit_json_get(i.value, "input_schema");
        if (given.v != NULL && kit_json_text(given, k->arena, &schema) != KIT_OK) {
            return kit_fail(err, KIT_NOMEM, "out of memory for the tools");
        }
        kit_json_open(&k->w, '{');
        kit_json_member_c(&k->w, "type", "function");
        kit_json_key(&k->w, "function");
        kit_json_open(&k->w, '{');
        kit_json_member_str(&k->w, "name", kit_json_str(kit_json_get(i.value, "name"), (kit_str){0}));
        kit_json_member_str(&k->w, "description", about);
        kit_json_key(&k->w, "parameters");
        kit_json_put_raw(&k->w, schema);
        kit_json_close(&k->w, '}');
        kit_json_close(&k->w, '}');
    }
    kit_json_close(&k->w, ']');
    return KIT_OK;
}

static enum kit_status take_tools(struct task_request *r, kit_json v, struct kit_err *err)
{
    return kit_json_count(v) > 0 ? api_parameter_take(r, "tools", "tools", v, err) : KIT_OK;
}

/* {"type": auto, any, tool with a name, or none; "disable_parallel_tool_use"} */
static enum kit_status read_tool_choice(struct task_request *r, kit_json root, struct kit_err *err)
{
    static const struct {
        const char *theirs, *ours;
    } words[] = {{"auto", "auto"}, {"any", "required"}, {"none", "none"}};
    kit_json choice = kit_json_get(root, "tool_choice");
    kit_str type = type_of_block(choice);
    if (kit_json_type(choice) <= KIT_JSON_NULL) {
        return KIT_OK;
    }
    if (kit_json_bool(kit_json_get(choice, "disable_parallel_tool_use"), false)) {
        r->parameters.parallel_tool_calls = false;
    }
    if (kit_str_eq(type, kit_str_lit("tool"))) {
        return api_parameter_take(r, "tool_choice", "tool_choice.name", kit_json_get(choice, "name"), err);
    }
    for (size_t i = 0; i < KIT_COUNT(words); i++) {
        if (kit_str_eq(type, kit_str_c(words[i].theirs))) {
            r->parameters.tool_choice = kit_str_c(words[i].ours);
            return KIT_OK;
        }
    }
    return kit_fail_param(err, KIT_INVALID, "tool_choice",
                          "'tool_choice.type' must be 'auto', 'any', 'tool' or 'none'");
}

static enum kit_status read_settings(struct task_request *r, kit_json root, struct kit_err *err)
{
    static const struct api_field fields[] = {
        {"max_tokens", "max_tokens"}, {"temperature", "temperature"}, {"top_p", "top_p"},
        {"top_k", "top_k"},           {"stop_sequences", "stop"},
    };
    enum kit_status rc = api_parameters_take(r, root, fields, KIT_COUNT(fields), err);
    if (rc == KIT_OK && !task_parameters_has(&r->parameters, "max_tokens")) {
        rc = kit_fail_param(err, KIT_INVALID, "max_tokens", "'max_tokens' is missing: say how long the answer may be");
    }
    if (rc == KIT_OK) {
        rc = kit_json_bool_or(root, "stream", false, &r->streams, err);
    }
    return rc == KIT_OK ? read_tool_choice(r, root, err) : rc;
}

static enum kit_status parse_as(struct task_request *r, const struct api *a, enum task_kind kind, struct kit_err *err)
{
    struct kit_json_doc *doc = NULL;
    kit_json root;
    enum kit_status rc = api_json_parse_object(a, r->body, &doc, &root, err);
    if (rc == KIT_OK) {
        r->kind = kind;
        rc = api_openai_read_model(r, root, err);
    }
    if (rc == KIT_OK && kind == TASK_GENERATE) {
        rc = read_settings(r, root, err);
    }
    if (rc == KIT_OK) {
        rc = translate(r, root, write_messages, take_messages, err);
    }
    if (rc == KIT_OK) {
        rc = translate(r, root, write_tools, take_tools, err);
    }
    kit_json_free(doc);
    return rc;
}

static enum kit_status parse(struct task_request *r, const struct api *a, struct kit_err *err)
{
    return parse_as(r, a, TASK_GENERATE, err);
}

static enum kit_status parse_count(struct task_request *r, const struct api *a, struct kit_err *err)
{
    return parse_as(r, a, TASK_TOKENIZE, err);
}

/* --- the answer --- */

static void write_stop(struct kit_json_writer *w, const struct task_request *r)
{
    static const char *const names[] = {NULL, "end_turn", "max_tokens", "tool_use"};
    struct task_made *m = task_generate_made(r, 0);
    int stop = task_made_finish(m) == TASK_FINISH_STOP ? task_made_stop(m) : -1;
    kit_json_member_c(w, "stop_reason", stop >= 0 ? "stop_sequence" : names[task_made_finish(m)]);
    kit_json_key(w, "stop_sequence");
    if (stop >= 0) {
        kit_json_put_str(w, r->parameters.stop.texts[stop]);
    } else {
        kit_json_put_null(w);
    }
}

/* Up to "content", whose value the caller writes. */
static void write_head(struct kit_json_writer *w, const struct task_request *r)
{
    char id[API_OPENAI_ID_BYTES];
    kit_json_open(w, '{');
    kit_json_member_c(w, "id", api_openai_id(r, ID_PREFIX, id));
    kit_json_member_c(w, "type", "message");
    kit_json_member_c(w, "role", "assistant");
    kit_json_member_c(w, "model", r->model_id);
    kit_json_key(w, "content");
}

static void write_usage(struct kit_json_writer *w, uint64_t prompt, uint64_t made)
{
    kit_json_key(w, "usage");
    kit_json_open(w, '{');
    kit_json_member_u64(w, "input_tokens", prompt);
    kit_json_member_u64(w, "output_tokens", made);
    kit_json_close(w, '}');
    kit_json_close(w, '}');
}

static void write_call_head(struct kit_json_writer *w, const struct task_request *r, uint32_t call, kit_str name)
{
    char id[API_OPENAI_ID_BYTES];
    snprintf(id, sizeof(id), "toolu_%s_%u", r->request_id, call);
    kit_json_open(w, '{');
    kit_json_member_c(w, "type", "tool_use");
    kit_json_member_c(w, "id", id);
    kit_json_member_str(w, "name", name);
    kit_json_key(w, "input");
}

static void write_block(struct kit_json_writer *w, const char *type, const char *member, kit_str text)
{
    kit_json_open(w, '{');
    kit_json_member_c(w, "type", type);
    kit_json_member_str(w, member, text);
    kit_json_close(w, '}');
}

static void write_calls(struct kit_json_writer *w, const struct task_request *r, struct kit_buf *text)
{
    struct task_made *m = task_generate_made(r, 0);
    for (uint32_t i = 0; i < task_made_calls(m); i++) {
        task_made_gather(m, TASK_PIECE_CALL, i, text);
        write_call_head(w, r, i, kit_buf_str(text));
        task_made_gather(m, TASK_PIECE_ARGUMENTS, i, text);
        api_put_object(w, kit_buf_str(text));
        kit_json_close(w, '}');
    }
}

static void render(struct task_request *r, struct kit_buf *out)
{
    struct task_made *m = task_generate_made(r, 0);
    struct task_usage u = task_generate_usage(r);
    struct kit_json_writer w;
    struct kit_buf text;
    kit_buf_init(&text, TASK_MADE_BYTES_MAX);
    kit_json_writer_init(&w, out);
    write_head(&w, r);
    kit_json_open(&w, '[');
    if (task_made_gather(m, TASK_PIECE_REASONING, 0, &text)) {
        write_block(&w, "thinking", "thinking", kit_buf_str(&text));
    }
    if (task_made_gather(m, TASK_PIECE_TEXT, 0, &text) || task_made_calls(m) == 0) {
        write_block(&w, "text", "text", kit_buf_str(&text));
    }
    write_calls(&w, r, &text);
    kit_json_close(&w, ']');
    write_stop(&w, r);
    write_usage(&w, u.prompt, u.made);
    kit_buf_done(&text);
}

/* --- the answer, told: blocks begin, grow and end, one after the other --- */

#define NO_BLOCK 0u

/* Which block a piece belongs to; those of a call follow the call's. */
static uint32_t block_of(const struct task_piece *p)
{
    bool call = p->kind == TASK_PIECE_CALL || p->kind == TASK_PIECE_ARGUMENTS;
    return call ? 3 + p->call : 1 + (uint32_t)p->kind;
}

static void begin_event(struct api_telling *t, const char *type, struct kit_json_writer *w)
{
    api_dialect_event_begin(t, type, w);
    kit_json_open(w, '{');
    kit_json_member_c(w, "type", type);
}

static void end_event(struct api_telling *t, struct kit_json_writer *w)
{
    kit_json_close(w, '}');
    api_dialect_event_end(t);
}

static void tell_begin(struct api_telling *t)
{
    struct kit_json_writer w;
    begin_event(t, "message_start", &w);
    kit_json_key(&w, "message");
    write_head(&w, t->r);
    kit_json_put_raw(&w, kit_str_lit("[]"));
    kit_json_member_c(&w, "stop_reason", NULL);
    kit_json_member_c(&w, "stop_sequence", NULL);
    write_usage(&w, task_generate_prompt_now(t->r), 0);
    end_event(t, &w);
}

static void end_block(struct api_telling *t)
{
    struct kit_json_writer w;
    if (t->block == NO_BLOCK) {
        return;
    }
    begin_event(t, "content_block_stop", &w);
    kit_json_member_u64(&w, "index", t->number++);
    end_event(t, &w);
    t->block = NO_BLOCK;
}

static void begin_block(struct api_telling *t, const struct task_piece *p, kit_str text)
{
    struct kit_json_writer w;
    end_block(t);
    begin_event(t, "content_block_start", &w);
    kit_json_member_u64(&w, "index", t->number);
    kit_json_key(&w, "content_block");
    if (p->kind == TASK_PIECE_CALL) {
        write_call_head(&w, t->r, p->call, text);
        kit_json_put_raw(&w, kit_str_lit("{}"));
        kit_json_close(&w, '}');
    } else {
        const char *type = p->kind == TASK_PIECE_TEXT ? "text" : "thinking";
        write_block(&w, type, type, (kit_str){0});
    }
    end_event(t, &w);
    t->block = block_of(p);
}

static void tell_piece(struct api_telling *t, uint32_t choice, const struct task_piece *p, kit_str text)
{
    static const char *const types[][2] = {
        {"text_delta", "text"}, {"thinking_delta", "thinking"}, {NULL, NULL}, {"input_json_delta", "partial_json"}};
    struct kit_json_writer w;
    (void)choice;
    if (t->block != block_of(p)) {
        begin_block(t, p, text);
    }
    if (types[p->kind][0] == NULL) {
        return;
    }
    begin_event(t, "content_block_delta", &w);
    kit_json_member_u64(&w, "index", t->number);
    kit_json_key(&w, "delta");
    write_block(&w, types[p->kind][0], types[p->kind][1], text);
    end_event(t, &w);
}

static void tell_finish(struct api_telling *t, uint32_t choice)
{
    (void)choice;
    end_block(t);
}

static void tell_end(struct api_telling *t)
{
    struct kit_json_writer w;
    begin_event(t, "message_delta", &w);
    kit_json_key(&w, "delta");
    kit_json_open(&w, '{');
    write_stop(&w, t->r);
    kit_json_close(&w, '}');
    kit_json_key(&w, "usage");
    kit_json_open(&w, '{');
    kit_json_member_u64(&w, "input_tokens", task_generate_usage(t->r).prompt); /* message_start may not have known */
    kit_json_member_u64(&w, "output_tokens", task_generate_usage(t->r).made);
    kit_json_close(&w, '}');
    end_event(t, &w);
    begin_event(t, "message_stop", &w);
    end_event(t, &w);
}

static void tell_error(struct api_telling *t, const struct kit_err *err)
{
    struct kit_json_writer w;
    api_dialect_event_begin(t, "error", &w);
    write_error(&w, err, t->r->request_id);
    api_dialect_event_end(t);
}

void api_anthropic_messages(struct http_request *h, void *ctx)
{
    static const struct api_dialect dialect = {.parse = parse,
                                               .render = render,
                                               .fail = api_anthropic_fail,
                                               .stream_type = "text/event-stream",
                                               .begin = tell_begin,
                                               .piece = tell_piece,
                                               .finish = tell_finish,
                                               .end = tell_end,
                                               .error = tell_error};
    api_dialect_ask(h, ctx, &dialect);
}

/* --- how many tokens that would be --- */

static void render_count(struct task_request *r, struct kit_buf *out)
{
    struct kit_json_writer w;
    kit_json_writer_init(&w, out);
    kit_json_open(&w, '{');
    kit_json_member_u64(&w, "input_tokens", r->tokens);
    kit_json_close(&w, '}');
}

void api_anthropic_count(struct http_request *h, void *ctx)
{
    static const struct api_dialect dialect = {
        .parse = parse_count, .render = render_count, .fail = api_anthropic_fail};
    api_dialect_ask(h, ctx, &dialect);
}
