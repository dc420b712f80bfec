/* POST /api/embed and its elder /api/embeddings: texts become vectors. Source: Ollama's API documentation. */
#include "api/handlers.h"

#include "api/inputs.h"
#include "api/ollama.h"
#include "api/parameters.h"

/* --- /api/embed --- */

static enum kit_status parse_embed(struct task_request *r, const struct api *a, struct kit_err *err)
{
    static const struct api_field fields[] = {{"truncate", "truncate"}, {"dimensions", "dimensions"}};
    struct kit_json_doc *doc = NULL;
    kit_json root;
    enum kit_status rc = api_ollama_parse(r, a, &doc, &root, err);
    if (rc == KIT_OK) {
        r->kind = TASK_EMBED;
        rc = api_inputs_texts_or_tokens(r, "input", kit_json_get(root, "input"), a->options.texts_max, err);
    }
    if (rc == KIT_OK) {
        rc = api_parameters_take(r, root, fields, KIT_COUNT(fields), err);
    }
    kit_json_free(doc);
    return rc;
}

static void put_vector(struct kit_json_writer *w, const struct task_request *r, uint32_t index)
{
    kit_json_put_f32s(w, r->vectors + (size_t)index * r->stride, r->dimensions);
}

static void render_embed(struct task_request *r, struct kit_buf *out)
{
    struct kit_json_writer w;
    kit_json_writer_init(&w, out);
    kit_json_open(&w, '{');
    kit_json_member_c(&w, "model", r->model_id);
    kit_json_key(&w, "embeddings");
    kit_json_open(&w, '[');
    for (uint32_t i = 0; i < r->inputs.item_count; i++) {
        put_vector(&w, r, i);
    }
    kit_json_close(&w, ']');
    kit_json_member_u64(&w, "total_duration", r->job.finished_ns - r->job.submitted_ns);
    kit_json_member_u64(&w, "load_duration", 0);
    kit_json_member_u64(&w, "prompt_eval_count", r->tokens);
    kit_json_close(&w, '}');
}

void api_ollama_embed(struct http_request *h, void *ctx)
{
    static const struct api_dialect dialect = {.parse = parse_embed, .render = render_embed, .fail = api_ollama_fail};
    api_dialect_ask(h, ctx, &dialect);
}

/* --- /api/embeddings: one text, one vector --- */

static enum kit_status parse_embeddings(struct task_request *r, const struct api *a, struct kit_err *err)
{
    struct kit_json_doc *doc = NULL;
    kit_json root;
    enum kit_status rc = api_ollama_parse(r, a, &doc, &root, err);
    if (rc == KIT_OK) {
        r->kind = TASK_EMBED;
        rc = api_inputs_parse(r, "prompt", kit_json_get(root, "prompt"), 1, err);
        kit_json_free(doc);
    }
    return rc;
}

static void render_embeddings(struct task_request *r, struct kit_buf *out)
{
    struct kit_json_writer w;
    kit_json_writer_init(&w, out);
    kit_json_open(&w, '{');
    kit_json_key(&w, "embedding");
    put_vector(&w, r, 0);
    kit_json_close(&w, '}');
}

void api_ollama_embeddings(struct http_request *h, void *ctx)
{
    static const struct api_dialect dialect = {
        .parse = parse_embeddings, .render = render_embeddings, .fail = api_ollama_fail};
    api_dialect_ask(h, ctx, &dialect);
}
