/* POST /v1/completions: a text is gone on with. Source: OpenAI's API reference, "Completions". */
#include "api/handlers.h"

#include "api/inputs.h"
#include "api/openai.h"
#include "api/openai_logprobs.h"
#include "api/parameters.h"
#include "task/generate.h"

#define TOKENS_DEFAULT 16 /* as OpenAI's API says */

static const struct api_openai_form form = {.id_prefix = "cmpl", .object = "text_completion"};

/* --- the question --- */

/* A number: so many others beside each token. */
static enum kit_status read_rest(struct task_request *r, kit_json root, struct kit_err *err)
{
    static const struct api_field fields[] = {{"logprobs", "logprobs"}, {"echo", "echo"}};
    enum kit_status rc = api_parameters_take(r, root, fields, KIT_COUNT(fields), err);
    if (rc == KIT_OK && !task_parameters_has(&r->parameters, "max_tokens")) {
        r->parameters.max_tokens = TOKENS_DEFAULT;
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
        rc = api_openai_read_model(r, root, err);
    }
    if (rc == KIT_OK) {
        rc = api_inputs_texts_or_tokens(r, "prompt", kit_json_get(root, "prompt"), a->options.texts_max, err);
    }
    if (rc == KIT_OK) {
        rc = api_openai_read_settings(r, root, err);
    }
    if (rc == KIT_OK) {
        rc = read_rest(r, root, err);
    }
    kit_json_free(doc);
    return rc;
}

/* --- the answer --- */

static void write_choice(struct kit_json_writer *w, const struct task_request *r, uint32_t choice, kit_str text,
                         const struct task_piece *p, const char *finish)
{
    kit_json_open(w, '{');
    kit_json_member_u64(w, "index", choice);
    kit_json_member_str(w, "text", text);
    api_openai_write_old_logprobs(w, r, choice, p != NULL ? p->first_token : 0, p != NULL ? p->token_count : 0);
    kit_json_member_c(w, "finish_reason", finish);
    kit_json_close(w, '}');
}

static void render(struct task_request *r, struct kit_buf *out)
{
    struct kit_json_writer w;
    struct kit_buf text;
    kit_buf_init(&text, TASK_MADE_BYTES_MAX);
    kit_json_writer_init(&w, out);
    api_openai_write_head(&w, r, &form, kit_clock_wall_ns() / KIT_NS_PER_S);
    for (uint32_t i = 0; i < task_generate_choices(r); i++) {
        static const struct task_piece all = {.token_count = UINT32_MAX};
        struct task_made *m = task_generate_made(r, i);
        task_made_gather(m, TASK_PIECE_TEXT, 0, &text);
        write_choice(&w, r, i, kit_buf_str(&text), &all, api_openai_finish(task_made_finish(m)));
    }
    api_openai_write_tail(&w, r);
    kit_buf_done(&text);
}

static void tell_choice(struct api_telling *t, uint32_t choice, kit_str text, const struct task_piece *p,
                        const char *finish)
{
    struct kit_json_writer w;
    api_dialect_event_begin(t, NULL, &w);
    api_openai_write_head(&w, t->r, &form, t->created_s);
    write_choice(&w, t->r, choice, text, p, finish);
    kit_json_close(&w, ']');
    if (api_openai_tells_usage(t->r)) {
        kit_json_member_c(&w, "usage", NULL);
    }
    kit_json_close(&w, '}');
    api_dialect_event_end(t);
}

static void tell_piece(struct api_telling *t, uint32_t choice, const struct task_piece *p, kit_str text)
{
    tell_choice(t, choice, text, p, NULL);
}

static void tell_finish(struct api_telling *t, uint32_t choice)
{
    tell_choice(t, choice, (kit_str){0}, NULL, api_openai_finish(task_made_finish(task_generate_made(t->r, choice))));
}

static void tell_end(struct api_telling *t)
{
    api_openai_tell_end(t, &form);
}

void api_openai_completions(struct http_request *h, void *ctx)
{
    static const struct api_dialect dialect = {.parse = parse,
                                               .render = render,
                                               .fail = api_openai_fail,
                                               .stream_type = "text/event-stream",
                                               .piece = tell_piece,
                                               .finish = tell_finish,
                                               .end = tell_end,
                                               .error = api_openai_tell_error};
    api_dialect_ask(h, ctx, &dialect);
}
