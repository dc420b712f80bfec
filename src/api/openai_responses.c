/* POST /v1/responses and /v1/responses/input_tokens: OpenAI's newer way to go on with a conversation, which can lie here.
 * Source: OpenAI's API reference, "Responses" and "Streaming events". */
#include "api/openai_responses.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "api/errand.h"
#include "api/handlers.h"
#include "api/inputs.h"
#include "api/parameters.h"
#include "kit/alloc.h"
#include "kit/log.h"
#include "task/generate.h"

#define ID_RANDOM_BYTES 16

static struct api_response *own_of(const struct task_request *r)
{
    return r->asker.own;
}

/* --- a response that is being made --- */

/* Whoever knows it may be anybody with the same key, so it cannot be guessed. */
static void make_id(char to[API_RESPONSE_ID_BYTES])
{
    unsigned char bytes[ID_RANDOM_BYTES] = {0};
    ssize_t got = getrandom(bytes, sizeof(bytes), 0);
    (void)got; /* so few bytes always come whole */
    int at = snprintf(to, API_RESPONSE_ID_BYTES, "resp_");
    for (size_t i = 0; i < sizeof(bytes); i++) {
        at += snprintf(to + at, API_RESPONSE_ID_BYTES - (size_t)at, "%02x", bytes[i]);
    }
}

struct api_response *api_response_new(struct api *a, const struct http_request *h)
{
    struct api_response *own = kit_alloc_zero(1, sizeof(*own) + h->principal.len + 1);
    if (own == NULL) {
        return NULL;
    }
    char *principal = (char *)(own + 1);
    memcpy(principal, h->principal.ptr, h->principal.len);
    own->principal = (kit_str){.ptr = principal, .len = h->principal.len};
    own->api = a;
    own->created_s = kit_clock_wall_ns() / KIT_NS_PER_S;
    make_id(own->id);
    kit_buf_init(&own->name, TASK_MADE_BYTES_MAX);
    kit_buf_init(&own->text, TASK_MADE_BYTES_MAX);
    return own;
}

void api_response_free(void *p)
{
    struct api_response *own = p;
    if (own != NULL) {
        store_tx_unref(own->history);
        kit_buf_done(&own->name);
        kit_buf_done(&own->text);
        kit_alloc_free(own);
    }
}

/* --- the question --- */

static const struct {
    const char *key, *otherwise;
} echoes[] = {
#define API_RESPONSE_ECHO(name, key, otherwise) {key, otherwise},
    API_RESPONSE_ECHOES(API_RESPONSE_ECHO)
#undef API_RESPONSE_ECHO
};

static enum kit_status keep_echoes(struct task_request *r, kit_json root, struct kit_err *err)
{
    struct api_response *own = own_of(r);
    for (size_t i = 0; i < KIT_COUNT(echoes); i++) {
        kit_json v = kit_json_get(root, echoes[i].key);
        if (kit_json_type(v) > KIT_JSON_NULL && kit_json_text(v, &r->arena, &own->echoes[i]) != KIT_OK) {
            return kit_fail(err, KIT_NOMEM, "out of memory for the question");
        }
    }
    return KIT_OK;
}

/* What would change the answer, and is not done here, is refused. */
static enum kit_status refuse_unknown(struct task_request *r, kit_json root, struct kit_err *err)
{
    static const char *const names[] = {"background", "conversation", "prompt"};
    kit_json previous = kit_json_get(root, "previous_response_id");
    if (kit_json_str(previous, (kit_str){0}).len > 0 && own_of(r)->previous[0] == '\0') {
        return kit_fail_param(
            err, KIT_INVALID, "previous_response_id",
            "'previous_response_id' must be written without escapes"); /* else it was not looked for */
    }
    for (size_t i = 0; i < KIT_COUNT(names); i++) {
        kit_json v = kit_json_get(root, names[i]);
        bool said = kit_json_type(v) > KIT_JSON_NULL && !(kit_json_type(v) == KIT_JSON_BOOL && !kit_json_bool(v, true));
        if (said) {
            return kit_fail_param(err, KIT_INVALID, names[i], "'%s' is not supported", names[i]);
        }
    }
    return KIT_OK;
}

/* {"type":"function","name","parameters"} as chat completions write it: with another object around. */
static enum kit_status write_tool(struct task_request *r, struct kit_json_writer *w, size_t index, kit_json tool,
                                  struct kit_err *err)
{
    kit_str type = kit_json_str(kit_json_get(tool, "type"), (kit_str){0});
    if (!kit_str_eq(type, kit_str_lit("function"))) {
        return kit_fail_param(err, KIT_INVALID, "tools",
                              "'tools[%zu].type' must be 'function': there are no others here", index);
    }
    kit_json_open(w, '{');
    kit_json_member_c(w, "type", "function");
    kit_json_key(w, "function");
    kit_json_open(w, '{');
    for (struct kit_json_iter i = kit_json_iter(tool); kit_json_next(&i);) {
        kit_str text;
        if (kit_str_eq(i.key, kit_str_lit("type"))) {
            continue;
        }
        if (kit_json_text(i.value, &r->arena, &text) != KIT_OK) {
            return kit_fail(err, KIT_NOMEM, "out of memory for the tools");
        }
        kit_json_key_str(w, i.key);
        kit_json_put_raw(w, text);
    }
    kit_json_close(w, '}');
    kit_json_close(w, '}');
    return KIT_OK;
}

static enum kit_status write_tools(struct task_request *r, kit_json tools, struct kit_buf *out, struct kit_err *err)
{
    struct kit_json_writer w;
    enum kit_status rc = KIT_OK;
    kit_json_writer_init(&w, out);
    kit_json_open(&w, '[');
    for (struct kit_json_iter i = kit_json_iter(tools); rc == KIT_OK && kit_json_next(&i);) {
        rc = write_tool(r, &w, i.index, i.value, err);
    }
    kit_json_close(&w, ']');
    return rc == KIT_OK && out->failed != KIT_OK ? kit_fail(err, KIT_NOMEM, "out of memory for the tools") : rc;
}

static enum kit_status read_tools(struct task_request *r, kit_json root, struct kit_err *err)
{
    kit_json tools = kit_json_get(root, "tools");
    struct kit_json_doc *doc = NULL;
    struct kit_buf out;
    if (kit_json_type(tools) <= KIT_JSON_NULL) {
        return KIT_OK;
    }
    if (kit_json_type(tools) != KIT_JSON_ARRAY) {
        return kit_fail_param(err, KIT_INVALID, "tools", "'tools' must be an array");
    }
    kit_buf_init(&out, TASK_MADE_BYTES_MAX);
    enum kit_status rc = write_tools(r, tools, &out, err);
    if (rc == KIT_OK && kit_json_count(tools) > 0) {
        rc = kit_json_parse(kit_buf_str(&out), KIT_JSON_DEPTH_MAX * 2, &doc, err);
        rc = rc == KIT_OK ? api_parameter_take(r, "tools", "tools", kit_json_root(doc), err) : rc;
    }
    kit_json_free(doc);
    kit_buf_done(&out);
    return rc;
}

static enum kit_status read_tool_choice(struct task_request *r, kit_json root, struct kit_err *err)
{
    return api_openai_read_tool_choice(r, root, NULL, err);
}

static enum kit_status read_format(struct task_request *r, kit_json root, struct kit_err *err)
{
    return api_openai_read_format(r, "text.format", kit_json_get(kit_json_get(root, "text"), "format"), NULL, err);
}

static enum kit_status read_settings(struct task_request *r, kit_json root, struct kit_err *err)
{
    static const struct api_field fields[] = {
        {"max_output_tokens", "max_tokens"},
        {"temperature", "temperature"},
        {"top_p", "top_p"},
        {"seed", "seed"},
        {"parallel_tool_calls", "parallel_tool_calls"},
        {"chat_template_kwargs", "template_values"},
    };
    enum kit_status rc = api_parameters_take(r, root, fields, KIT_COUNT(fields), err);
    if (rc == KIT_OK) {
        rc = kit_json_bool_or(root, "stream", false, &r->streams, err);
    }
    if (rc == KIT_OK) {
        rc = kit_json_bool_or(root, "store", true, &own_of(r)->keep, err);
    }
    own_of(r)->keep = own_of(r)->keep && own_of(r)->api->store != NULL;
    return rc;
}

static enum kit_status parse_as(struct task_request *r, const struct api *a, enum task_kind kind, struct kit_err *err)
{
    enum kit_status (*const steps[])(struct task_request *, kit_json, struct kit_err *) = {
        refuse_unknown, api_openai_read_model, read_settings, read_format, read_tools, read_tool_choice, keep_echoes};
    struct kit_json_doc *doc = NULL;
    kit_json root;
    enum kit_status rc = api_json_parse_object(a, r->body, &doc, &root, err);
    if (rc != KIT_OK) {
        return rc;
    }
    r->kind = kind;
    for (size_t i = 0; rc == KIT_OK && i < KIT_COUNT(steps); i++) {
        rc = steps[i](r, root, err);
    }
    if (rc == KIT_OK) {
        rc = api_responses_read_input(r, own_of(r), root, err);
    }
    kit_json_free(doc);
    return rc;
}

static enum kit_status parse(struct task_request *r, const struct api *a, struct kit_err *err)
{
    return parse_as(r, a, TASK_GENERATE, err);
}

static enum kit_status parse_counting(struct task_request *r, const struct api *a, struct kit_err *err)
{
    enum kit_status rc = parse_as(r, a, TASK_TOKENIZE, err);
    r->streams = false;
    return rc;
}

/* --- items of the answer --- */

/* An item, as it grows: what is said of it so far. */
struct item {
    enum task_piece_kind kind; /* TEXT, REASONING, or CALL */
    uint32_t number;           /* among all items */
    uint32_t call;
    kit_str name, text; /* of a call: its name and arguments */
    bool whole;
};

static char *item_id(const struct api_response *own, const struct item *i, char to[API_OPENAI_ID_BYTES])
{
    static const char *const prefixes[] = {
        [TASK_PIECE_TEXT] = "msg", [TASK_PIECE_REASONING] = "rs", [TASK_PIECE_CALL] = "fc"};
    snprintf(to, API_OPENAI_ID_BYTES, "%s_%s_%u", prefixes[i->kind], own->id + sizeof("resp_") - 1, i->number);
    return to;
}

/* A part of a message, or of thoughts. */
static void write_part(struct kit_json_writer *w, const struct item *i)
{
    bool text = i->kind == TASK_PIECE_TEXT;
    kit_json_open(w, '{');
    kit_json_member_c(w, "type", text ? "output_text" : "reasoning_text");
    kit_json_member_str(w, "text", i->text);
    if (text) {
        kit_json_key(w, "annotations");
        kit_json_put_raw(w, kit_str_lit("[]"));
        kit_json_key(w, "logprobs");
        kit_json_put_raw(w, kit_str_lit("[]"));
    }
    kit_json_close(w, '}');
}

static void write_content(struct kit_json_writer *w, const struct item *i)
{
    kit_json_key(w, "content");
    kit_json_open(w, '[');
    if (i->whole) {
        write_part(w, i);
    }
    kit_json_close(w, ']');
}

static void write_call(struct kit_json_writer *w, const struct api_response *own, const struct item *i)
{
    char id[API_OPENAI_ID_BYTES];
    snprintf(id, sizeof(id), "call_%s_%u", own->id + sizeof("resp_") - 1, i->call);
    kit_json_member_c(w, "call_id", id);
    kit_json_member_str(w, "name", i->name);
    kit_json_member_str(w, "arguments", i->text);
}

static void write_item(struct kit_json_writer *w, const struct api_response *own, const struct item *i)
{
    static const char *const types[] = {
        [TASK_PIECE_TEXT] = "message", [TASK_PIECE_REASONING] = "reasoning", [TASK_PIECE_CALL] = "function_call"};
    char id[API_OPENAI_ID_BYTES];
    kit_json_open(w, '{');
    kit_json_member_c(w, "id", item_id(own, i, id));
    kit_json_member_c(w, "type", types[i->kind]);
    kit_json_member_c(w, "status", i->whole ? "completed" : "in_progress");
    if (i->kind == TASK_PIECE_CALL) {
        write_call(w, own, i);
    } else if (i->kind == TASK_PIECE_REASONING) {
        kit_json_key(w, "summary");
        kit_json_put_raw(w, kit_str_lit("[]"));
        write_content(w, i);
    } else {
        kit_json_member_c(w, "role", "assistant");
        write_content(w, i);
    }
    kit_json_close(w, '}');
}

/* --- the answer --- */

struct state {
    const char *status;
    const struct kit_err *err; /* of one that failed */
    bool whole;                /* its items and usage are known */
};

static bool is_of(const struct item *i, const struct task_piece *p)
{
    return p->kind == TASK_PIECE_ARGUMENTS ? i->kind == TASK_PIECE_CALL && i->call == p->call
                                           : i->kind == p->kind && p->kind != TASK_PIECE_CALL;
}

/* Items as the model made them, one behind the other. */
static void write_output(struct kit_json_writer *w, const struct task_request *r)
{
    struct task_made *m = task_generate_made(r, 0);
    struct task_cursor at = {0};
    struct task_piece p;
    struct kit_buf text, name;
    struct item i = {.whole = true};
    bool open = false;
    kit_buf_init(&text, TASK_MADE_BYTES_MAX);
    kit_buf_init(&name, TASK_MADE_BYTES_MAX);
    for (size_t before = 0; task_made_read(m, &at, &p, &text); before = text.len) {
        if (open && is_of(&i, &p)) {
            continue;
        }
        if (open) {
            i.text = (kit_str){.ptr = text.ptr, .len = before};
            write_item(w, own_of(r), &i);
            i.number++;
        }
        kit_buf_drop(&text, before);
        i.kind = p.kind;
        i.call = p.call;
        open = true;
        if (p.kind == TASK_PIECE_CALL) {
            kit_buf_clear(&name);
            kit_buf_add(&name, kit_buf_str(&text));
            kit_buf_clear(&text);
            i.name = kit_buf_str(&name);
        }
    }
    if (open) {
        i.text = kit_buf_str(&text);
        write_item(w, own_of(r), &i);
    }
    kit_buf_done(&text);
    kit_buf_done(&name);
}

static void write_usage(struct kit_json_writer *w, const struct task_request *r)
{
    struct task_usage u = task_generate_usage(r);
    kit_json_open(w, '{');
    kit_json_member_u64(w, "input_tokens", u.prompt);
    kit_json_key(w, "input_tokens_details");
    kit_json_open(w, '{');
    kit_json_member_u64(w, "cached_tokens", u.cached);
    kit_json_close(w, '}');
    kit_json_member_u64(w, "output_tokens", u.made);
    kit_json_key(w, "output_tokens_details");
    kit_json_open(w, '{');
    kit_json_member_u64(w, "reasoning_tokens", 0);
    kit_json_close(w, '}');
    kit_json_member_u64(w, "total_tokens", u.prompt + u.made);
    kit_json_close(w, '}');
}

static void write_echoes(struct kit_json_writer *w, const struct api_response *own)
{
    for (size_t i = 0; i < KIT_COUNT(echoes); i++) {
        kit_json_key(w, echoes[i].key);
        kit_json_put_raw(w, own->echoes[i].len > 0 ? own->echoes[i] : kit_str_c(echoes[i].otherwise));
    }
}

static void write_failure(struct kit_json_writer *w, const struct kit_err *err)
{
    kit_json_key(w, "error");
    if (err == NULL) {
        kit_json_put_null(w);
        return;
    }
    kit_json_open(w, '{');
    kit_json_member_c(w, "code", kit_status_http(err->code) == 429 ? "rate_limit_exceeded" : "server_error");
    kit_json_member_c(w, "message", api_error_text(err));
    kit_json_close(w, '}');
}

static void write_details(struct kit_json_writer *w, const struct state *s)
{
    kit_json_key(w, "incomplete_details");
    if (strcmp(s->status, "incomplete") == 0) {
        kit_json_open(w, '{');
        kit_json_member_c(w, "reason", "max_output_tokens");
        kit_json_close(w, '}');
    } else {
        kit_json_put_null(w);
    }
}

static void write_response(struct kit_json_writer *w, const struct task_request *r, const struct state *s)
{
    const struct api_response *own = own_of(r);
    kit_json_open(w, '{');
    kit_json_member_c(w, "id", own->id);
    kit_json_member_c(w, "object", "response");
    kit_json_member_u64(w, "created_at", own->created_s);
    kit_json_member_c(w, "status", s->status);
    write_failure(w, s->err);
    write_details(w, s);
    kit_json_member_c(w, "model", r->model_id);
    write_echoes(w, own);
    kit_json_member_bool(w, "store", own->keep);
    kit_json_key(w, "output");
    kit_json_open(w, '[');
    if (s->whole) {
        write_output(w, r);
    }
    kit_json_close(w, ']');
    kit_json_key(w, "usage");
    if (s->whole) {
        write_usage(w, r);
    } else {
        kit_json_put_null(w);
    }
    kit_json_close(w, '}');
}

static const char *end_of(const struct task_request *r)
{
    return task_made_finish(task_generate_made(r, 0)) == TASK_FINISH_LENGTH ? "incomplete" : "completed";
}

static void render(struct task_request *r, struct kit_buf *out)
{
    struct kit_json_writer w;
    struct state s = {.status = end_of(r), .whole = true};
    kit_json_writer_init(&w, out);
    write_response(&w, r, &s);
}

static void render_count(struct task_request *r, struct kit_buf *out)
{
    struct kit_json_writer w;
    kit_json_writer_init(&w, out);
    kit_json_open(&w, '{');
    kit_json_member_c(&w, "object", "response.input_tokens");
    kit_json_member_u64(&w, "input_tokens", r->rows.count > 0 ? r->rows.offsets[r->rows.count] : 0);
    kit_json_close(&w, '}');
}

/* --- it is kept before it is told that it is whole --- */

static void not_kept(struct task_request *r, const struct kit_err *err)
{
    LOG_WARN("responses.keep", "response=%s why=%s", own_of(r)->id, LOG_QUOTE(err->msg));
    own_of(r)->keep = false; /* and says so */
    kit_buf_done(&r->answer);
    r->rendered = false;
}

static void kept(struct store_tx *tx)
{
    struct task_request *r = store_tx_ctx(tx);
    struct kit_err err = {0};
    if (store_tx_status(tx, &err) != KIT_OK) {
        not_kept(r, &err);
    }
    api_dialect_settled(r);
    task_request_unref(r);
}

static void kept_for_nobody(struct store_tx *tx)
{
    task_request_unref(store_tx_ctx(tx));
}

static bool settle(struct task_request *r)
{
    struct api_loop *al = r->asker.ctx;
    struct store_asker asker = {.answered = kept, .dropped = kept_for_nobody, .home = al->stored, .ctx = r};
    struct kit_err err = {0};
    if (!own_of(r)->keep || !api_asker_render(r)) {
        return false;
    }
    task_request_ref(r);
    if (api_responses_keep(own_of(r), kit_buf_str(&r->answer), &asker, &err) != KIT_OK) {
        task_request_unref(r);
        not_kept(r, &err);
        return false;
    }
    return true;
}

/* --- the answer, told --- */

static void begin_event(struct api_telling *t, const char *type, struct kit_json_writer *w)
{
    api_dialect_event_begin(t, type, w);
    kit_json_open(w, '{');
    kit_json_member_c(w, "type", type);
    kit_json_member_u64(w, "sequence_number", t->said - 1);
}

static void end_event(struct api_telling *t, struct kit_json_writer *w)
{
    kit_json_close(w, '}');
    api_dialect_event_end(t);
}

static void tell_response(struct api_telling *t, const char *type, const struct state *s)
{
    struct kit_json_writer w;
    begin_event(t, type, &w);
    kit_json_key(&w, "response");
    write_response(&w, t->r, s);
    end_event(t, &w);
}

static void tell_begin(struct api_telling *t)
{
    const struct state s = {.status = "in_progress"};
    tell_response(t, "response.created", &s);
    tell_response(t, "response.in_progress", &s);
}

#define NO_ITEM 0u

/* Which item a piece belongs to; never NO_ITEM. */
static uint32_t block_of(const struct task_piece *p)
{
    bool call = p->kind == TASK_PIECE_CALL || p->kind == TASK_PIECE_ARGUMENTS;
    return call ? 3 + p->call : 1 + (uint32_t)p->kind;
}

static struct item item_of(const struct api_telling *t, bool whole)
{
    const struct api_response *own = own_of(t->r);
    return (struct item){.kind = t->block >= 3 ? TASK_PIECE_CALL : (enum task_piece_kind)(t->block - 1),
                         .call = t->block >= 3 ? t->block - 3 : 0,
                         .number = t->number,
                         .name = kit_buf_str(&own->name),
                         .text = whole ? kit_buf_str(&own->text) : (kit_str){0},
                         .whole = whole};
}

static void tell_item(struct api_telling *t, const char *type, const struct item *i)
{
    struct kit_json_writer w;
    begin_event(t, type, &w);
    kit_json_member_u64(&w, "output_index", i->number);
    kit_json_key(&w, "item");
    write_item(&w, own_of(t->r), i);
    end_event(t, &w);
}

/* An event of what an item holds, up to its own members. */
static void begin_inner(struct api_telling *t, const char *type, const struct item *i, struct kit_json_writer *w)
{
    char id[API_OPENAI_ID_BYTES];
    begin_event(t, type, w);
    kit_json_member_c(w, "item_id", item_id(own_of(t->r), i, id));
    kit_json_member_u64(w, "output_index", i->number);
    if (i->kind != TASK_PIECE_CALL) {
        kit_json_member_u64(w, "content_index", 0);
    }
}

static void tell_part(struct api_telling *t, const char *type, const struct item *i)
{
    struct kit_json_writer w;
    if (i->kind == TASK_PIECE_CALL) {
        return;
    }
    begin_inner(t, type, i, &w);
    kit_json_key(&w, "part");
    write_part(&w, i);
    end_event(t, &w);
}

static void tell_text(struct api_telling *t, const struct item *i, bool done, kit_str text)
{
    static const char *const types[][2] = {
        [TASK_PIECE_TEXT] = {"response.output_text.delta", "response.output_text.done"},
        [TASK_PIECE_REASONING] = {"response.reasoning_text.delta", "response.reasoning_text.done"},
        [TASK_PIECE_CALL] = {"response.function_call_arguments.delta", "response.function_call_arguments.done"}};
    struct kit_json_writer w;
    begin_inner(t, types[i->kind][done], i, &w);
    kit_json_member_str(&w, !done ? "delta" : i->kind == TASK_PIECE_CALL ? "arguments" : "text", text);
    if (i->kind == TASK_PIECE_TEXT) {
        kit_json_key(&w, "logprobs");
        kit_json_put_raw(&w, kit_str_lit("[]"));
    } else if (i->kind == TASK_PIECE_CALL && done) {
        kit_json_member_str(&w, "name", i->name);
    }
    end_event(t, &w);
}

static void end_item(struct api_telling *t)
{
    if (t->block == NO_ITEM) {
        return;
    }
    struct item i = item_of(t, true);
    tell_text(t, &i, true, i.text);
    tell_part(t, "response.content_part.done", &i);
    tell_item(t, "response.output_item.done", &i);
    t->block = NO_ITEM;
    t->number++;
}

static void begin_item(struct api_telling *t, const struct task_piece *p, kit_str text)
{
    struct api_response *own = own_of(t->r);
    end_item(t);
    kit_buf_clear(&own->text);
    kit_buf_clear(&own->name);
    if (p->kind == TASK_PIECE_CALL) {
        kit_buf_add(&own->name, text);
    }
    t->block = block_of(p);
    struct item i = item_of(t, false);
    tell_item(t, "response.output_item.added", &i);
    tell_part(t, "response.content_part.added", &i);
}

static void tell_piece(struct api_telling *t, uint32_t choice, const struct task_piece *p, kit_str text)
{
    struct api_response *own = own_of(t->r);
    (void)choice;
    if (t->block != block_of(p)) {
        begin_item(t, p, text);
    }
    if (p->kind == TASK_PIECE_CALL) {
        return;
    }
    kit_buf_add(&own->text, text);
    if (own->text.failed != KIT_OK) {
        t->out.failed = own->text.failed; /* ends the stream */
    }
    struct item i = item_of(t, false);
    tell_text(t, &i, false, text);
}

static void tell_finish(struct api_telling *t, uint32_t choice)
{
    (void)choice;
    end_item(t);
}

static void tell_end(struct api_telling *t)
{
    struct state s = {.status = end_of(t->r), .whole = true};
    tell_response(t, strcmp(s.status, "completed") == 0 ? "response.completed" : "response.incomplete", &s);
}

static void tell_error(struct api_telling *t, const struct kit_err *err)
{
    struct state s = {.status = "failed", .err = err};
    own_of(t->r)->keep = false;
    tell_response(t, "response.failed", &s);
}

/* --- asking --- */

static const struct api_dialect whole_dialect = {.parse = parse,
                                                 .render = render,
                                                 .settle = settle,
                                                 .fail = api_openai_fail,
                                                 .stream_type = "text/event-stream",
                                                 .begin = tell_begin,
                                                 .piece = tell_piece,
                                                 .finish = tell_finish,
                                                 .end = tell_end,
                                                 .error = tell_error};
static const struct api_dialect count_dialect = {
    .parse = parse_counting, .render = render_count, .fail = api_openai_fail};

static void ask(struct http_request *h, struct api_response *own, const struct api_dialect *dialect)
{
    size_t bytes = 0;
    for (uint32_t i = 0; own->history != NULL && i < api_responses_rows(own->history); i++) {
        struct api_responses_row row = api_responses_row(own->history, i);
        bytes += row.items.len + row.response.len;
    }
    struct api_own mine = {.own = own, .free = api_response_free, .bytes = bytes};
    api_dialect_ask_with(h, own->api, dialect, &mine);
}

/* A question that goes on with an earlier one, on its way to its task: to the pool for the earlier one's id, and to the
 * store. */
struct finding {
    struct api_errand errand;
    struct api_loop *loop;
    kit_id request;
    struct api_response *own; /* owned, until it asks */
    const struct api_dialect *dialect;
    char *body; /* a copy, as its client may leave; owned */
    size_t len;
    struct kit_err err;
};

static void free_finding(struct finding *f)
{
    api_response_free(f->own);
    kit_alloc_free(f->body);
    kit_alloc_free(f);
}

static void fail_finding(struct finding *f, struct http_request *h, const struct kit_err *err)
{
    if (h != NULL) {
        api_openai_fail(h, err);
    }
    free_finding(f);
}

static void read_previous(struct api_errand *e)
{
    struct finding *f = KIT_CONTAINER(e, struct finding, errand);
    struct kit_json_doc *doc = NULL;
    kit_str id = {0};
    enum kit_status rc = api_json_parse(f->loop->api, (kit_str){.ptr = f->body, .len = f->len}, &doc, &f->err);
    if (rc == KIT_OK) {
        rc = kit_json_str_or(kit_json_root(doc), "previous_response_id", (kit_str){0}, &id, &f->err);
    }
    if (rc == KIT_OK && (id.len >= sizeof(f->own->previous) || kit_str_find_char(id, '\0') < id.len)) {
        kit_fail_param(&f->err, KIT_NOT_FOUND, "previous_response_id", "'previous_response_id' is no id of a response");
    } else if (rc == KIT_OK) {
        kit_str_to_c(id, f->own->previous, sizeof(f->own->previous));
    }
    kit_json_free(doc);
}

static struct http_request *request_of(const struct finding *f)
{
    return http_server_find(f->loop->server, f->request);
}

static void go_on(struct finding *f, struct http_request *h)
{
    struct api_response *own = f->own;
    f->own = NULL;
    const struct api_dialect *dialect = f->dialect;
    free_finding(f);
    ask(h, own, dialect);
}

static void history_found(struct store_tx *tx)
{
    struct finding *f = store_tx_ctx(tx);
    struct http_request *h = request_of(f);
    struct kit_err err = {0};
    if (h == NULL || api_responses_found(tx, f->own->previous, &err) != KIT_OK) {
        fail_finding(f, h, &err);
        return;
    }
    f->own->history = store_tx_ref(tx);
    go_on(f, h);
}

static void history_dropped(struct store_tx *tx)
{
    free_finding(store_tx_ctx(tx));
}

static void previous_read(struct api_errand *e)
{
    struct finding *f = KIT_CONTAINER(e, struct finding, errand);
    struct http_request *h = request_of(f);
    struct store_asker asker = {
        .answered = history_found, .dropped = history_dropped, .home = f->loop->stored, .ctx = f};
    struct store_tx *tx = NULL;
    if (h == NULL || f->err.code != KIT_OK) {
        fail_finding(f, h, &f->err);
        return;
    }
    if (f->own->previous[0] == '\0') {
        go_on(f, h);
        return;
    }
    struct kit_err err = {0};
    enum kit_status rc = api_responses_find(f->loop->api, f->own->principal, f->own->previous, &asker, &tx, &err);
    if (rc == KIT_OK) {
        rc = store_submit(tx, &err);
    }
    store_tx_unref(tx);
    if (rc != KIT_OK) {
        fail_finding(f, h, &err);
    }
}

static void previous_dropped(struct api_errand *e)
{
    free_finding(KIT_CONTAINER(e, struct finding, errand));
}

static void find_first(struct http_request *h, struct api_response *own, const struct api_dialect *dialect)
{
    struct kit_err err = {0};
    struct finding *f = kit_alloc_zero(1, sizeof(*f));
    char *body = kit_alloc_copy(h->body.ptr, h->body.len);
    if (f == NULL || body == NULL) {
        kit_alloc_free(f);
        kit_alloc_free(body);
        api_response_free(own);
        kit_fail(&err, KIT_NOMEM, "out of memory for a request");
        api_openai_fail(h, &err);
        return;
    }
    *f = (struct finding){.loop = api_loop_of(own->api, h->server),
                          .request = h->id,
                          .own = own,
                          .dialect = dialect,
                          .body = body,
                          .len = h->body.len};
    f->errand.run = read_previous;
    f->errand.back = previous_read;
    f->errand.drop = previous_dropped;
    if (api_errand_go(&f->errand, f->loop, &err) != KIT_OK) {
        fail_finding(f, h, &err);
    }
}

static void handle(struct http_request *h, struct api *a, const struct api_dialect *dialect)
{
    static const char word[] = "\"previous_response_id\"";
    struct api_response *own = api_response_new(a, h);
    if (own == NULL) {
        struct kit_err err;
        kit_fail(&err, KIT_NOMEM, "out of memory for a request");
        api_openai_fail(h, &err);
    } else if (h->body.len > 0 && memmem(h->body.ptr, h->body.len, word, sizeof(word) - 1) != NULL) {
        find_first(h, own, dialect);
    } else {
        ask(h, own, dialect);
    }
}

void api_openai_responses(struct http_request *h, void *ctx)
{
    handle(h, ctx, &whole_dialect);
}

void api_openai_responses_count(struct http_request *h, void *ctx)
{
    handle(h, ctx, &count_dialect);
}
