/* POST /, /embed, /embed_all, /predict, /similarity, /tokenize, /decode and GET /info: the API of Text Embeddings
 * Inference; /rerank lies in rerank.c. The model may be named by "model"; without it, it is the only one that is ready.
 * Source: TEI's own API description. */
#include "api/tei.h"

#include <stdio.h>

#include "api/handlers.h"
#include "api/inputs.h"
#include "api/openai.h"
#include "api/parameters.h"
#include "api/outputs.h"
#include "task/model.h"

/* --- errors: {"error","error_type"} --- */

static const char *type_of(enum kit_status code)
{
    switch (code) {
    case KIT_INVALID:
    case KIT_PARSE:
    case KIT_TOO_LARGE:
        return "Validation";
    case KIT_FULL:
        return "Overloaded";
    case KIT_UNAUTHORIZED:
        return "Unauthenticated";
    case KIT_UNAVAILABLE:
        return "Unhealthy";
    default:
        return "Backend";
    }
}

/* Its clients know 413 and 422 for what is too much, 424 for what the model cannot do. */
static int http_of(enum kit_status code)
{
    switch (code) {
    case KIT_INVALID:
    case KIT_PARSE:
    case KIT_TOO_LARGE:
        return 422;
    case KIT_UNPROCESSABLE:
        return 424;
    default:
        return kit_status_http(code);
    }
}

static void write_error(struct kit_json_writer *w, const struct kit_err *err, const char *request_id)
{
    (void)request_id;
    kit_json_open(w, '{');
    kit_json_member_c(w, "error", api_error_text(err));
    kit_json_member_c(w, "error_type", type_of(err->code));
    kit_json_close(w, '}');
}

void api_tei_fail(struct http_request *h, const struct kit_err *err)
{
    api_error_reply(h, http_of(err->code), err, write_error);
}

/* --- the questions --- */

typedef enum kit_status read_fn(struct task_request *r, const struct api *a, kit_json root, struct kit_err *err);

/* "truncate" is off here unless it is said. */
static enum kit_status read_common(struct task_request *r, kit_json root, struct kit_err *err)
{
    static const struct api_field fields[] = {
        {"truncate", "truncate"},     {"normalize", "normalize"},     {"dimensions", "dimensions"},
        {"raw_scores", "raw_scores"}, {"return_text", "return_text"},
    };
    enum kit_status rc = api_openai_read_model(r, root, err);
    r->parameters.truncate = false;
    return rc == KIT_OK ? api_parameters_take(r, root, fields, KIT_COUNT(fields), err) : rc;
}

static enum kit_status parse_as(struct task_request *r, const struct api *a, enum task_kind kind, read_fn *read,
                                struct kit_err *err)
{
    struct kit_json_doc *doc = NULL;
    kit_json root;
    enum kit_status rc = api_json_parse_object(a, r->body, &doc, &root, err);
    if (rc == KIT_OK) {
        r->kind = kind;
        rc = read_common(r, root, err);
    }
    if (rc == KIT_OK) {
        rc = read(r, a, root, err);
    }
    kit_json_free(doc);
    return rc;
}

static enum kit_status read_embed(struct task_request *r, const struct api *a, kit_json root, struct kit_err *err)
{
    return api_inputs_texts_or_tokens(r, "inputs", kit_json_get(root, "inputs"), a->options.texts_max, err);
}

static enum kit_status parse_embed(struct task_request *r, const struct api *a, struct kit_err *err)
{
    return parse_as(r, a, TASK_EMBED, read_embed, err);
}

/* A vector for each token, as the model gives them. */
static enum kit_status read_embed_all(struct task_request *r, const struct api *a, kit_json root, struct kit_err *err)
{
    api_parameter_set(r, "pooling");
    r->parameters.pooling = TASK_POOLING_NONE;
    api_parameter_set(r, "normalize");
    r->parameters.normalize = false;
    return read_embed(r, a, root, err);
}

static enum kit_status parse_embed_all(struct task_request *r, const struct api *a, struct kit_err *err)
{
    return parse_as(r, a, TASK_EMBED, read_embed_all, err);
}

static enum kit_status read_tokenize(struct task_request *r, const struct api *a, kit_json root, struct kit_err *err)
{
    static const struct api_field fields[] = {{"add_special_tokens", "add_special_tokens"}};
    enum kit_status rc = api_inputs_parse(r, "inputs", kit_json_get(root, "inputs"), a->options.texts_max, err);
    return rc == KIT_OK ? api_parameters_take(r, root, fields, KIT_COUNT(fields), err) : rc;
}

static enum kit_status parse_tokenize(struct task_request *r, const struct api *a, struct kit_err *err)
{
    return parse_as(r, a, TASK_TOKENIZE, read_tokenize, err);
}

static enum kit_status read_decode(struct task_request *r, const struct api *a, kit_json root, struct kit_err *err)
{
    static const struct api_field fields[] = {{"skip_special_tokens", "skip_special_tokens"}};
    enum kit_status rc = api_inputs_tokens(r, "ids", kit_json_get(root, "ids"), a->options.texts_max, err);
    return rc == KIT_OK ? api_parameters_take(r, root, fields, KIT_COUNT(fields), err) : rc;
}

static enum kit_status parse_decode(struct task_request *r, const struct api *a, struct kit_err *err)
{
    return parse_as(r, a, TASK_DETOKENIZE, read_decode, err);
}

static enum kit_status read_predict(struct task_request *r, const struct api *a, kit_json root, struct kit_err *err)
{
    return api_inputs_pairs(r, "inputs", kit_json_get(root, "inputs"), a->options.texts_max, err);
}

static enum kit_status parse_predict(struct task_request *r, const struct api *a, struct kit_err *err)
{
    return parse_as(r, a, TASK_CLASSIFY, read_predict, err);
}

static enum kit_status read_similarity(struct task_request *r, const struct api *a, kit_json root, struct kit_err *err)
{
    kit_json inputs = kit_json_get(root, "inputs");
    struct api_named source = {"inputs.source_sentence", kit_json_get(inputs, "source_sentence")};
    struct api_named sentences = {"inputs.sentences", kit_json_get(inputs, "sentences")};
    return api_inputs_list(r, TASK_SHAPE_SIMILARITY, &source, &sentences, a->options.texts_max, err);
}

static enum kit_status read_rerank(struct task_request *r, const struct api *a, kit_json root, struct kit_err *err)
{
    struct api_named query = {"query", kit_json_get(root, "query")};
    struct api_named texts = {"texts", kit_json_get(root, "texts")};
    return api_inputs_list(r, TASK_SHAPE_RERANK, &query, &texts, a->options.texts_max, err);
}

static enum kit_status parse_similarity(struct task_request *r, const struct api *a, struct kit_err *err)
{
    return parse_as(r, a, TASK_SIMILARITY, read_similarity, err);
}

/* --- the answers: as MSP's outputs, but what a single text gives stands alone --- */

static void render_outputs(struct task_request *r, struct kit_buf *out)
{
    struct kit_json_writer w;
    kit_json_writer_init(&w, out);
    api_outputs_write(&w, r);
}

static void render_labels(struct task_request *r, struct kit_buf *out)
{
    struct kit_json_writer w;
    kit_json_writer_init(&w, out);
    if (r->inputs.batch) {
        api_outputs_write(&w, r);
    } else {
        api_outputs_write_item(&w, r, 0);
    }
}

void api_tei_embed(struct http_request *h, void *ctx)
{
    static const struct api_dialect dialect = {.parse = parse_embed, .render = render_outputs, .fail = api_tei_fail};
    api_dialect_ask(h, ctx, &dialect);
}

/* POST / is a question for the only model there is: what it is for decides. */
static enum kit_status read_any(struct task_request *r, const struct api *a, kit_json root, struct kit_err *err)
{
    if (kit_json_get(root, "query").v != NULL) {
        return read_rerank(r, a, root, err);
    }
    return kit_json_type(kit_json_get(root, "inputs")) == KIT_JSON_OBJECT ? read_similarity(r, a, root, err)
                                                                          : read_embed(r, a, root, err);
}

static enum kit_status parse_any(struct task_request *r, const struct api *a, struct kit_err *err)
{
    return parse_as(r, a, TASK_DEFAULT, read_any, err);
}

void api_tei_any(struct http_request *h, void *ctx)
{
    static const struct api_dialect dialect = {.parse = parse_any, .render = render_outputs, .fail = api_tei_fail};
    api_dialect_ask(h, ctx, &dialect);
}

void api_tei_embed_all(struct http_request *h, void *ctx)
{
    static const struct api_dialect dialect = {
        .parse = parse_embed_all, .render = render_outputs, .fail = api_tei_fail};
    api_dialect_ask(h, ctx, &dialect);
}

void api_tei_tokenize(struct http_request *h, void *ctx)
{
    static const struct api_dialect dialect = {.parse = parse_tokenize, .render = render_outputs, .fail = api_tei_fail};
    api_dialect_ask(h, ctx, &dialect);
}

void api_tei_decode(struct http_request *h, void *ctx)
{
    static const struct api_dialect dialect = {.parse = parse_decode, .render = render_outputs, .fail = api_tei_fail};
    api_dialect_ask(h, ctx, &dialect);
}

void api_tei_predict(struct http_request *h, void *ctx)
{
    static const struct api_dialect dialect = {.parse = parse_predict, .render = render_labels, .fail = api_tei_fail};
    api_dialect_ask(h, ctx, &dialect);
}

void api_tei_similarity(struct http_request *h, void *ctx)
{
    static const struct api_dialect dialect = {
        .parse = parse_similarity, .render = render_outputs, .fail = api_tei_fail};
    api_dialect_ask(h, ctx, &dialect);
}

/* --- GET /info?model=: what is served, and how much it takes --- */

#define INFO_BYTES_MAX (4 * KIT_MIB)

static enum kit_status acquire_shown(struct http_request *h, const struct api *a, struct model_loaded **ret,
                                     struct kit_err *err)
{
    kit_str id = http_request_query(h, "model");
    return id.len > 0 ? model_acquire(a->catalog, id, NULL, ret, err) : model_acquire_only(a->catalog, ret, err);
}

static void write_labels(struct kit_json_writer *w, const struct task_labels *labels)
{
    char id[16];
    kit_json_key(w, "id2label");
    kit_json_open(w, '{');
    for (uint32_t i = 0; i < labels->count; i++) {
        snprintf(id, sizeof(id), "%u", i);
        kit_json_key(w, id);
        kit_json_put_str(w, labels->label[i].text);
    }
    kit_json_close(w, '}');
    kit_json_key(w, "label2id");
    kit_json_open(w, '{');
    for (uint32_t i = 0; i < labels->count; i++) {
        kit_json_key_str(w, labels->label[i].text);
        kit_json_put_u64(w, i);
    }
    kit_json_close(w, '}');
}

/* What TEI knows models as; others are told by the name of their task. */
static void write_type(struct kit_json_writer *w, const struct task_model *m)
{
    static const char *const poolings[] = {"", "mean", "cls", "max", ""};
    enum task_kind kind = m->kinds[0];
    bool classifies = kind == TASK_CLASSIFY || kind == TASK_RERANK;
    kit_json_key(w, "model_type");
    kit_json_open(w, '{');
    kit_json_key(w, kind == TASK_EMBED      ? "embedding"
                    : kind == TASK_CLASSIFY ? "classifier"
                    : kind == TASK_RERANK   ? "reranker"
                                            : task_kind_text(kind));
    kit_json_open(w, '{');
    if (kind == TASK_EMBED) {
        kit_json_member_c(w, "pooling", poolings[m->pooling]);
    } else if (classifies) {
        write_labels(w, &m->labels);
    }
    kit_json_close(w, '}');
    kit_json_close(w, '}');
}

static void write_info(struct kit_json_writer *w, const struct api *a, const struct model_loaded *loaded)
{
    const struct task_model *m = task_model_of(loaded);
    const struct task_options *o = task_service_options(a->tasks);
    struct model_info info;
    bool found = model_info_get(a->catalog, kit_str_c(loaded->id), &info, NULL) == KIT_OK;
    kit_json_open(w, '{');
    kit_json_member_c(w, "model_id", loaded->id);
    kit_json_member_c(w, "model_sha", found && info.commit[0] != '\0' ? info.commit : NULL);
    kit_json_member_c(w, "model_dtype", "float32");
    write_type(w, m);
    kit_json_member_u64(w, "max_concurrent_requests", o->queue_jobs_max);
    kit_json_member_u64(w, "max_input_length", m->row_tokens_max);
    kit_json_member_u64(w, "max_batch_tokens", o->batch_tokens_max);
    kit_json_member_u64(w, "max_batch_requests", o->batch_rows_max);
    kit_json_member_u64(w, "max_client_batch_size", a->options.texts_max);
    kit_json_member_bool(w, "auto_truncate", false);
    kit_json_member_u64(w, "tokenization_workers", 1);
    kit_json_member_c(w, "version", a->options.version);
    kit_json_close(w, '}');
}

void api_tei_info(struct http_request *h, void *ctx)
{
    const struct api *a = ctx;
    struct model_loaded *loaded = NULL;
    struct kit_err err = {0};
    struct kit_buf body;
    struct kit_json_writer w;
    if (acquire_shown(h, a, &loaded, &err) != KIT_OK) {
        api_tei_fail(h, &err);
        return;
    }
    kit_buf_init(&body, INFO_BYTES_MAX);
    kit_json_writer_init(&w, &body);
    write_info(&w, a, loaded);
    model_loaded_unref(loaded);
    api_send_json(h, 200, &body);
}
