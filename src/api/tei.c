/* POST /embed, /predict, /similarity and /rerank: the API of Text Embeddings Inference; /rerank lies in
 * rerank.c.
 * The model may be named by "model"; without it, it is the only one that is ready. Source: TEI's own API description. */
#include "api/tei.h"

#include "api/handlers.h"
#include "api/inputs.h"
#include "api/openai.h"
#include "api/parameters.h"
#include "api/outputs.h"

#define ERROR_BYTES_MAX (4 * KIT_KIB)

/* --- errors: {"error","error_type"} --- */

static const char *type_of(enum kit_status code)
{
    switch (code) {
    case KIT_INVALID:
    case KIT_PARSE:
    case KIT_TOO_LARGE:
    case KIT_UNPROCESSABLE:
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

void api_tei_fail(struct http_request *h, const struct kit_err *err)
{
    struct kit_buf body;
    struct kit_json_writer w;
    kit_buf_init(&body, ERROR_BYTES_MAX);
    kit_json_writer_init(&w, &body);
    kit_json_open(&w, '{');
    kit_json_member_c(&w, "error", err->msg[0] != '\0' ? err->msg : kit_status_text(err->code));
    kit_json_member_c(&w, "error_type", type_of(err->code));
    kit_json_close(&w, '}');
    api_error_add_retry_after(h, err);
    http_reply_send(h, http_of(err->code), "application/json", kit_buf_str(&body));
    kit_buf_done(&body);
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
    enum kit_status rc = api_openai_parse(r, a, &doc, &root, err);
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
