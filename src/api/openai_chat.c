/* POST /v1/chat/completions: a conversation is gone on with. Source: OpenAI's API reference, "Chat completions". */
#include "api/handlers.h"

#include <stdio.h>

#include "api/inputs.h"
#include "api/openai.h"
#include "api/openai_logprobs.h"
#include "api/parameters.h"
#include "task/generate.h"

static const struct api_openai_form whole = {.id_prefix = "chatcmpl", .object = "chat.completion"},
                                    chunk = {.id_prefix = "chatcmpl", .object = "chat.completion.chunk"};

/* --- the question --- */

static enum kit_status read_tools(struct task_request *r, kit_json root, struct kit_err *err)
{
    static const struct api_field fields[] = {
        {"tools", "tools"},
        {"parallel_tool_calls", "parallel_tool_calls"},
        {"chat_template_kwargs", "template_values"},
    };
    enum kit_status rc = api_openai_read_tool_choice(r, root, "function", err);
    return rc == KIT_OK ? api_parameters_take(r, root, fields, KIT_COUNT(fields), err) : rc;
}

/* "logprobs" asks for them, "top_logprobs" for others beside. */
static enum kit_status read_logprobs(struct task_request *r, kit_json root, struct kit_err *err)
{
    bool wanted = false;
    int64_t top = 0;
    enum kit_status rc = kit_json_bool_or(root, "logprobs", false, &wanted, err);
    if (rc == KIT_OK) {
        rc = kit_json_i64_or(root, "top_logprobs", 0, TASK_LOGPROBS_MAX, 0, &top, err);
    }
    if (rc == KIT_OK && top > 0 && !wanted) {
        rc = kit_fail_param(err, KIT_INVALID, "top_logprobs", "'top_logprobs' needs 'logprobs': true");
    }
    if (rc == KIT_OK && wanted) {
        task_parameters_set_logprobs(&r->parameters, (uint32_t)top);
    }
    return rc;
}

static enum kit_status read(struct task_request *r, kit_json root, struct kit_err *err)
{
    enum kit_status rc = api_openai_read_model(r, root, err);
    if (rc == KIT_OK) {
        rc = api_inputs_chat(r, "messages", kit_json_get(root, "messages"), err);
    }
    if (rc == KIT_OK) {
        rc = api_openai_read_settings(r, root, err);
    }
    if (rc == KIT_OK) {
        rc = read_tools(r, root, err);
    }
    if (rc == KIT_OK) {
        rc = read_logprobs(r, root, err);
    }
    return rc == KIT_OK ? api_openai_read_stream_options(r, root, err) : rc;
}

static enum kit_status parse(struct task_request *r, const struct api *a, struct kit_err *err)
{
    struct kit_json_doc *doc = NULL;
    kit_json root;
    enum kit_status rc = api_json_parse_object(a, r->body, &doc, &root, err);
    if (rc == KIT_OK) {
        r->kind = TASK_GENERATE;
        rc = read(r, root, err);
        kit_json_free(doc);
    }
    return rc;
}

/* --- the answer --- */

/* A call, or the beginning of one: its arguments are a string that holds JSON. */
static void write_call(struct kit_json_writer *w, const struct task_request *r, uint32_t choice, uint32_t call,
                       kit_str name, kit_str arguments)
{
    char id[API_OPENAI_ID_BYTES];
    snprintf(id, sizeof(id), "call_%s_%u_%u", r->request_id, choice, call);
    kit_json_open(w, '{');
    kit_json_member_u64(w, "index", call);
    kit_json_member_c(w, "id", id);
    kit_json_member_c(w, "type", "function");
    kit_json_key(w, "function");
    kit_json_open(w, '{');
    kit_json_member_str(w, "name", name);
    kit_json_member_str(w, "arguments", arguments);
    kit_json_close(w, '}');
    kit_json_close(w, '}');
}

static void write_calls(struct kit_json_writer *w, const struct task_request *r, uint32_t choice)
{
    struct task_made *m = task_generate_made(r, choice);
    uint32_t count = task_made_calls(m);
    struct kit_buf name, arguments;
    if (count == 0) {
        return;
    }
    kit_buf_init(&name, TASK_MADE_BYTES_MAX);
    kit_buf_init(&arguments, TASK_MADE_BYTES_MAX);
    kit_json_key(w, "tool_calls");
    kit_json_open(w, '[');
    for (uint32_t i = 0; i < count; i++) {
        task_made_gather(m, TASK_PIECE_CALL, i, &name);
        task_made_gather(m, TASK_PIECE_ARGUMENTS, i, &arguments);
        write_call(w, r, choice, i, kit_buf_str(&name), kit_buf_str(&arguments));
    }
    kit_json_close(w, ']');
    kit_buf_done(&name);
    kit_buf_done(&arguments);
}

/* content is null where there are calls and nothing else. */
static void write_texts(struct kit_json_writer *w, struct task_made *m)
{
    struct kit_buf text;
    kit_buf_init(&text, TASK_MADE_BYTES_MAX);
    kit_json_key(w, "content");
    if (task_made_gather(m, TASK_PIECE_TEXT, 0, &text) || task_made_calls(m) == 0) {
        kit_json_put_str(w, kit_buf_str(&text));
    } else {
        kit_json_put_null(w);
    }
    if (task_made_gather(m, TASK_PIECE_REASONING, 0, &text)) {
        kit_json_member_str(w, "reasoning_content", kit_buf_str(&text));
    }
    kit_buf_done(&text);
}

static void write_choice(struct kit_json_writer *w, const struct task_request *r, uint32_t choice)
{
    struct task_made *m = task_generate_made(r, choice);
    kit_json_open(w, '{');
    kit_json_member_u64(w, "index", choice);
    kit_json_key(w, "message");
    kit_json_open(w, '{');
    kit_json_member_c(w, "role", "assistant");
    write_texts(w, m);
    write_calls(w, r, choice);
    kit_json_close(w, '}');
    api_openai_write_logprobs(w, r, choice, 0, UINT32_MAX);
    kit_json_member_c(w, "finish_reason", api_openai_finish(task_made_finish(m)));
    kit_json_close(w, '}');
}

static void render(struct task_request *r, struct kit_buf *out)
{
    struct kit_json_writer w;
    kit_json_writer_init(&w, out);
    api_openai_write_head(&w, r, &whole, kit_clock_wall_ns() / KIT_NS_PER_S);
    for (uint32_t i = 0; i < task_generate_choices(r); i++) {
        write_choice(&w, r, i);
    }
    api_openai_write_tail(&w, r);
}

/* --- the answer, told --- */

/* Up to the delta's members, which the caller writes. */
static void begin_chunk(struct api_telling *t, struct kit_json_writer *w, uint32_t choice)
{
    api_dialect_event_begin(t, NULL, w);
    api_openai_write_head(w, t->r, &chunk, t->created_s);
    kit_json_open(w, '{');
    kit_json_member_u64(w, "index", choice);
    kit_json_key(w, "delta");
    kit_json_open(w, '{');
}

static void end_chunk(struct api_telling *t, struct kit_json_writer *w, const struct task_piece *p, uint32_t choice,
                      const char *finish)
{
    kit_json_close(w, '}');
    if (p != NULL) {
        api_openai_write_logprobs(w, t->r, choice, p->first_token, p->token_count);
    }
    kit_json_member_c(w, "finish_reason", finish);
    kit_json_close(w, '}');
    kit_json_close(w, ']');
    if (api_openai_tells_usage(t->r)) {
        kit_json_member_c(w, "usage", NULL);
    }
    kit_json_close(w, '}');
    api_dialect_event_end(t);
}

static void tell_begin(struct api_telling *t)
{
    struct kit_json_writer w;
    for (uint32_t i = 0; i < task_generate_choices(t->r); i++) {
        begin_chunk(t, &w, i);
        kit_json_member_c(&w, "role", "assistant");
        kit_json_member_c(&w, "content", "");
        end_chunk(t, &w, NULL, i, NULL);
    }
}

static void write_arguments(struct kit_json_writer *w, uint32_t call, kit_str text)
{
    kit_json_open(w, '{');
    kit_json_member_u64(w, "index", call);
    kit_json_key(w, "function");
    kit_json_open(w, '{');
    kit_json_member_str(w, "arguments", text);
    kit_json_close(w, '}');
    kit_json_close(w, '}');
}

static void tell_piece(struct api_telling *t, uint32_t choice, const struct task_piece *p, kit_str text)
{
    struct kit_json_writer w;
    begin_chunk(t, &w, choice);
    if (p->kind == TASK_PIECE_TEXT || p->kind == TASK_PIECE_REASONING) {
        kit_json_member_str(&w, p->kind == TASK_PIECE_TEXT ? "content" : "reasoning_content", text);
    } else {
        kit_json_key(&w, "tool_calls");
        kit_json_open(&w, '[');
        if (p->kind == TASK_PIECE_CALL) {
            write_call(&w, t->r, choice, p->call, text, (kit_str){0});
        } else {
            write_arguments(&w, p->call, text);
        }
        kit_json_close(&w, ']');
    }
    end_chunk(t, &w, p, choice, NULL);
}

static void tell_finish(struct api_telling *t, uint32_t choice)
{
    struct kit_json_writer w;
    begin_chunk(t, &w, choice);
    end_chunk(t, &w, NULL, choice, api_openai_finish(task_made_finish(task_generate_made(t->r, choice))));
}

static void tell_end(struct api_telling *t)
{
    api_openai_tell_end(t, &chunk);
}

void api_openai_chat(struct http_request *h, void *ctx)
{
    static const struct api_dialect dialect = {.parse = parse,
                                               .render = render,
                                               .fail = api_openai_fail,
                                               .stream_type = "text/event-stream",
                                               .begin = tell_begin,
                                               .piece = tell_piece,
                                               .finish = tell_finish,
                                               .end = tell_end,
                                               .error = api_openai_tell_error};
    api_dialect_ask(h, ctx, &dialect);
}
