/* POST /api/chat and /api/generate: Ollama's two ways to have a text made. Source: Ollama's API documentation. */
#include "api/handlers.h"

#include "api/inputs.h"
#include "api/ollama.h"
#include "api/ollama_load.h"
#include "api/parameters.h"
#include "kit/alloc.h"
#include "task/generate.h"

#define STREAM_TYPE "application/x-ndjson"
#define PROMPT_BYTES_MAX (64 * KIT_MIB)

/* --- /api/chat: the question --- */

static enum kit_status read_tools(struct task_request *r, kit_json root, struct kit_err *err)
{
    static const struct api_field fields[] = {{"tools", "tools"}};
    return api_parameters_take(r, root, fields, KIT_COUNT(fields), err);
}

static enum kit_status parse_chat(struct task_request *r, const struct api *a, struct kit_err *err)
{
    struct kit_json_doc *doc = NULL;
    kit_json root;
    enum kit_status rc = api_ollama_parse(r, a, &doc, &root, err);
    if (rc == KIT_OK) {
        r->kind = TASK_GENERATE;
        rc = api_inputs_chat(r, "messages", kit_json_get(root, "messages"), err);
    }
    if (rc == KIT_OK) {
        rc = api_ollama_read_settings(r, root, err);
    }
    if (rc == KIT_OK) {
        rc = read_tools(r, root, err);
    }
    kit_json_free(doc);
    return rc;
}

/* --- its answer --- */

static void write_calls(struct kit_json_writer *w, struct task_made *m)
{
    struct kit_buf text;
    uint32_t count = task_made_calls(m);
    if (count == 0) {
        return;
    }
    kit_buf_init(&text, TASK_MADE_BYTES_MAX);
    kit_json_key(w, "tool_calls");
    kit_json_open(w, '[');
    for (uint32_t i = 0; i < count; i++) {
        kit_json_open(w, '{');
        kit_json_key(w, "function");
        kit_json_open(w, '{');
        task_made_gather(m, TASK_PIECE_CALL, i, &text);
        kit_json_member_str(w, "name", kit_buf_str(&text));
        kit_json_key(w, "arguments");
        task_made_gather(m, TASK_PIECE_ARGUMENTS, i, &text);
        api_put_object(w, kit_buf_str(&text));
        kit_json_close(w, '}');
        kit_json_close(w, '}');
    }
    kit_json_close(w, ']');
    kit_buf_done(&text);
}

static void begin_message(struct kit_json_writer *w)
{
    kit_json_key(w, "message");
    kit_json_open(w, '{');
    kit_json_member_c(w, "role", "assistant");
}

static void write_whole(struct kit_json_writer *w, struct task_made *m, const char *content, const char *thinking)
{
    struct kit_buf text;
    kit_buf_init(&text, TASK_MADE_BYTES_MAX);
    task_made_gather(m, TASK_PIECE_TEXT, 0, &text);
    kit_json_member_str(w, content, kit_buf_str(&text));
    if (task_made_gather(m, TASK_PIECE_REASONING, 0, &text)) {
        kit_json_member_str(w, thinking, kit_buf_str(&text));
    }
    kit_buf_done(&text);
}

static void render_chat(struct task_request *r, struct kit_buf *out)
{
    struct kit_json_writer w;
    api_ollama_begin_line(&w, out, r);
    begin_message(&w);
    write_whole(&w, task_generate_made(r, 0), "content", "thinking");
    write_calls(&w, task_generate_made(r, 0));
    kit_json_close(&w, '}');
    api_ollama_end_last(&w, r);
}

/* Calls are told when they are whole, with the last line but one: their arguments are an object. */
static void tell_chat_piece(struct api_telling *t, uint32_t choice, const struct task_piece *p, kit_str text)
{
    struct kit_json_writer w;
    (void)choice;
    if (p->kind != TASK_PIECE_TEXT && p->kind != TASK_PIECE_REASONING) {
        return;
    }
    api_ollama_begin_line(&w, &t->out, t->r);
    begin_message(&w);
    kit_json_member_str(&w, "content", p->kind == TASK_PIECE_TEXT ? text : (kit_str){0});
    if (p->kind == TASK_PIECE_REASONING) {
        kit_json_member_str(&w, "thinking", text);
    }
    kit_json_close(&w, '}');
    api_ollama_end_line(&w);
}

static void tell_chat_finish(struct api_telling *t, uint32_t choice)
{
    struct kit_json_writer w;
    struct task_made *m = task_generate_made(t->r, choice);
    if (task_made_calls(m) > 0) {
        api_ollama_begin_line(&w, &t->out, t->r);
        begin_message(&w);
        kit_json_member_c(&w, "content", "");
        write_calls(&w, m);
        kit_json_close(&w, '}');
        api_ollama_end_line(&w);
    }
}

static void tell_chat_end(struct api_telling *t)
{
    struct kit_json_writer w;
    api_ollama_begin_line(&w, &t->out, t->r);
    begin_message(&w);
    kit_json_member_c(&w, "content", "");
    kit_json_close(&w, '}');
    api_ollama_end_last(&w, t->r);
}

void api_ollama_chat(struct http_request *h, void *ctx)
{
    static const struct api_dialect dialect = {.parse = parse_chat,
                                               .render = render_chat,
                                               .fail = api_ollama_fail,
                                               .stream_type = STREAM_TYPE,
                                               .piece = tell_chat_piece,
                                               .finish = tell_chat_finish,
                                               .end = tell_chat_end,
                                               .error = api_ollama_tell_error,
                                               .after = api_ollama_after};
    if (!api_ollama_load(h, ctx, true)) {
        api_dialect_ask(h, ctx, &dialect);
    }
}

/* --- /api/generate --- */

static void write_message(struct kit_json_writer *w, const char *role, kit_str content)
{
    if (content.len > 0) {
        kit_json_open(w, '{');
        kit_json_member_c(w, "role", role);
        kit_json_member_str(w, "content", content);
        kit_json_close(w, '}');
    }
}

/* {"system","prompt"} is a conversation of two messages. */
static enum kit_status take_as_chat(struct task_request *r, kit_json root, kit_str prompt, struct kit_err *err)
{
    struct kit_buf text;
    struct kit_json_writer w;
    struct kit_json_doc *doc = NULL;
    kit_buf_init(&text, PROMPT_BYTES_MAX);
    kit_json_writer_init(&w, &text);
    kit_json_open(&w, '[');
    write_message(&w, "system", kit_json_str(kit_json_get(root, "system"), (kit_str){0}));
    write_message(&w, "user", prompt);
    kit_json_close(&w, ']');
    enum kit_status rc = text.failed != KIT_OK ? kit_fail(err, text.failed, "out of memory for the prompt")
                                               : kit_json_parse(kit_buf_str(&text), KIT_JSON_DEPTH_MAX, &doc, err);
    if (rc == KIT_OK) {
        rc = api_inputs_chat(r, "prompt", kit_json_root(doc), err);
    }
    kit_json_free(doc);
    kit_buf_done(&text);
    return rc;
}

static enum kit_status read_prompt(struct task_request *r, kit_json root, struct kit_err *err)
{
    kit_str prompt;
    bool raw = false;
    enum kit_status rc = kit_json_str_or(root, "prompt", (kit_str){0}, &prompt, err);
    if (rc == KIT_OK) {
        rc = kit_json_bool_or(root, "raw", false, &raw, err);
    }
    if (rc != KIT_OK || raw) {
        return rc == KIT_OK ? api_inputs_parse(r, "prompt", kit_json_get(root, "prompt"), 1, err) : rc;
    }
    return take_as_chat(r, root, prompt, err);
}

static enum kit_status parse_generate(struct task_request *r, const struct api *a, struct kit_err *err)
{
    struct kit_json_doc *doc = NULL;
    kit_json root;
    enum kit_status rc = api_ollama_parse(r, a, &doc, &root, err);
    if (rc == KIT_OK) {
        r->kind = TASK_GENERATE;
        rc = read_prompt(r, root, err);
    }
    if (rc == KIT_OK) {
        rc = api_ollama_read_settings(r, root, err);
    }
    kit_json_free(doc);
    return rc;
}

static void render_generate(struct task_request *r, struct kit_buf *out)
{
    struct kit_json_writer w;
    api_ollama_begin_line(&w, out, r);
    write_whole(&w, task_generate_made(r, 0), "response", "thinking");
    api_ollama_end_last(&w, r);
}

static void tell_generate_piece(struct api_telling *t, uint32_t choice, const struct task_piece *p, kit_str text)
{
    struct kit_json_writer w;
    (void)choice;
    api_ollama_begin_line(&w, &t->out, t->r);
    kit_json_member_str(&w, "response", p->kind == TASK_PIECE_TEXT ? text : (kit_str){0});
    if (p->kind == TASK_PIECE_REASONING) {
        kit_json_member_str(&w, "thinking", text);
    }
    api_ollama_end_line(&w);
}

static void tell_generate_finish(struct api_telling *t, uint32_t choice)
{
    (void)t;
    (void)choice;
}

static void tell_generate_end(struct api_telling *t)
{
    struct kit_json_writer w;
    api_ollama_begin_line(&w, &t->out, t->r);
    kit_json_member_c(&w, "response", "");
    api_ollama_end_last(&w, t->r);
}

void api_ollama_generate(struct http_request *h, void *ctx)
{
    static const struct api_dialect dialect = {.parse = parse_generate,
                                               .render = render_generate,
                                               .fail = api_ollama_fail,
                                               .stream_type = STREAM_TYPE,
                                               .piece = tell_generate_piece,
                                               .finish = tell_generate_finish,
                                               .end = tell_generate_end,
                                               .error = api_ollama_tell_error,
                                               .after = api_ollama_after};
    if (!api_ollama_load(h, ctx, false)) {
        api_dialect_ask(h, ctx, &dialect);
    }
}
