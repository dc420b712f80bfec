/* POST /rerank, /v1/rerank and /v2/rerank: which texts answer a query best. With "texts" in the words of Text Embeddings
 * Inference: [{"index","score","text"?}]; with "documents" in those of Jina and Cohere:
 * {"id","model","results":[{"index","relevance_score","document"?}],"usage"}. */
#include "api/handlers.h"

#include "api/inputs.h"
#include "api/openai.h"
#include "api/outputs.h"
#include "api/parameters.h"
#include "api/tei.h"
#include "task/rows.h"

#define FLAG_DOCUMENTS 1u /* of task_request.flags */

/* A document is a text, or {"text"}. */
static enum kit_status read_documents(struct task_request *r, const struct api *a, kit_json root, struct kit_err *err)
{
    static const struct api_field fields[] = {{"top_n", "top_n"}, {"return_documents", "return_text"}};
    struct api_named query = {"query", kit_json_get(root, "query")};
    struct api_named documents = {"documents", kit_json_get(root, "documents")};
    r->flags |= FLAG_DOCUMENTS;
    enum kit_status rc = api_parameters_take(r, root, fields, KIT_COUNT(fields), err);
    return rc == KIT_OK ? api_inputs_list(r, TASK_SHAPE_RERANK, &query, &documents, a->options.texts_max, err) : rc;
}

static enum kit_status read_texts(struct task_request *r, const struct api *a, kit_json root, struct kit_err *err)
{
    static const struct api_field fields[] = {
        {"truncate", "truncate"}, {"raw_scores", "raw_scores"}, {"return_text", "return_text"}};
    struct api_named query = {"query", kit_json_get(root, "query")};
    struct api_named texts = {"texts", kit_json_get(root, "texts")};
    r->parameters.truncate = false;
    enum kit_status rc = api_parameters_take(r, root, fields, KIT_COUNT(fields), err);
    return rc == KIT_OK ? api_inputs_list(r, TASK_SHAPE_RERANK, &query, &texts, a->options.texts_max, err) : rc;
}

static enum kit_status parse(struct task_request *r, const struct api *a, struct kit_err *err)
{
    struct kit_json_doc *doc = NULL;
    kit_json root;
    enum kit_status rc = api_json_parse_object(a, r->body, &doc, &root, err);
    if (rc == KIT_OK) {
        r->kind = TASK_RERANK;
        rc = api_openai_read_model(r, root, err);
    }
    if (rc == KIT_OK) {
        bool texts = kit_json_get(root, "documents").v == NULL;
        rc = texts ? read_texts(r, a, root, err) : read_documents(r, a, root, err);
    }
    kit_json_free(doc);
    return rc;
}

static void write_result(struct kit_json_writer *w, const struct task_request *r, const struct task_hit *hit)
{
    kit_json_open(w, '{');
    kit_json_member_u64(w, "index", hit->id);
    kit_json_key(w, "relevance_score");
    kit_json_put_f32(w, hit->score);
    if (r->parameters.return_text) {
        kit_json_key(w, "document");
        kit_json_open(w, '{');
        kit_json_member_str(w, "text", r->inputs.pairs[hit->id]);
        kit_json_close(w, '}');
    }
    kit_json_close(w, '}');
}

static void render_documents(struct task_request *r, struct kit_buf *out)
{
    struct kit_json_writer w;
    char id[API_OPENAI_ID_BYTES];
    const struct task_hit *hits = task_hits_of(&r->hits, 0);
    kit_json_writer_init(&w, out);
    kit_json_open(&w, '{');
    kit_json_member_c(&w, "id", api_openai_id(r, "rerank", id));
    kit_json_member_c(&w, "model", r->model_id);
    kit_json_key(&w, "results");
    kit_json_open(&w, '[');
    for (uint32_t i = 0; i < r->hits.counts[0]; i++) {
        write_result(&w, r, &hits[i]);
    }
    kit_json_close(&w, ']');
    kit_json_key(&w, "usage");
    kit_json_open(&w, '{');
    kit_json_member_u64(&w, "total_tokens", r->tokens);
    kit_json_close(&w, '}');
    kit_json_close(&w, '}');
}

static void render(struct task_request *r, struct kit_buf *out)
{
    if ((r->flags & FLAG_DOCUMENTS) != 0) {
        render_documents(r, out);
    } else {
        struct kit_json_writer w;
        kit_json_writer_init(&w, out);
        api_outputs_write(&w, r);
    }
}

void api_rerank(struct http_request *h, void *ctx)
{
    static const struct api_dialect dialect = {.parse = parse, .render = render, .fail = api_tei_fail};
    api_dialect_ask(h, ctx, &dialect);
}

void api_rerank_v1(struct http_request *h, void *ctx)
{
    static const struct api_dialect dialect = {.parse = parse, .render = render, .fail = api_openai_fail};
    api_dialect_ask(h, ctx, &dialect);
}
