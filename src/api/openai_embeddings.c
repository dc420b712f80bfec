/* POST /v1/embeddings: texts become vectors. Source: OpenAI's API reference, "Embeddings". */
#include "api/handlers.h"

#include "api/inputs.h"
#include "api/openai.h"
#include "api/parameters.h"
#include "kit/alloc.h"
#include "kit/base64.h"

#define FLAG_BASE64 2u /* of task_request.flags */

/* --- the question --- */

static enum kit_status read_encoding(struct task_request *r, kit_json root, struct kit_err *err)
{
    kit_str name;
    enum kit_status rc = kit_json_str_or(root, "encoding_format", kit_str_lit("float"), &name, err);
    if (rc != KIT_OK) {
        return rc;
    }
    bool base64 = kit_str_eq(name, kit_str_lit("base64"));
    if (!base64 && !kit_str_eq(name, kit_str_lit("float"))) {
        return kit_fail_param(err, KIT_INVALID, "encoding_format", "'encoding_format' must be 'float' or 'base64'");
    }
    r->flags |= base64 ? FLAG_BASE64 : 0;
    return KIT_OK;
}

static enum kit_status read(struct task_request *r, const struct api *a, kit_json root, struct kit_err *err)
{
    static const struct api_field fields[] = {{"dimensions", "dimensions"}};
    enum kit_status rc = api_openai_read_model(r, root, err);
    if (rc == KIT_OK) {
        rc = api_inputs_texts_or_tokens(r, "input", kit_json_get(root, "input"), a->options.texts_max, err);
    }
    if (rc == KIT_OK) {
        rc = api_parameters_take(r, root, fields, KIT_COUNT(fields), err);
    }
    return rc == KIT_OK ? read_encoding(r, root, err) : rc;
}

static enum kit_status parse(struct task_request *r, const struct api *a, struct kit_err *err)
{
    struct kit_json_doc *doc = NULL;
    kit_json root;
    enum kit_status rc = api_json_parse_object(a, r->body, &doc, &root, err);
    if (rc == KIT_OK) {
        r->kind = TASK_EMBED;
        rc = read(r, a, root, err);
        kit_json_free(doc);
    }
    return rc;
}

/* --- the answer --- */

/* Little-endian float32, as this machine has them. */
static void put_base64(struct kit_json_writer *w, const float *vector, uint32_t dimensions)
{
    kit_str bytes = {.ptr = (const char *)vector, .len = dimensions * sizeof(*vector)};
    size_t chars = KIT_BASE64_CHARS(bytes.len);
    char *text = kit_alloc(chars);
    if (text == NULL) {
        w->out->failed = KIT_NOMEM;
        return;
    }
    kit_base64_write(bytes, text);
    kit_json_put_str(w, (kit_str){.ptr = text, .len = chars});
    kit_alloc_free(text);
}

static void write_vector(struct kit_json_writer *w, const struct task_request *r, uint32_t index)
{
    const float *vector = r->vectors + (size_t)index * r->stride;
    kit_json_open(w, '{');
    kit_json_member_c(w, "object", "embedding");
    kit_json_member_u64(w, "index", index);
    kit_json_key(w, "embedding");
    if ((r->flags & FLAG_BASE64) != 0) {
        put_base64(w, vector, r->dimensions);
    } else {
        kit_json_put_f32s(w, vector, r->dimensions);
    }
    kit_json_close(w, '}');
}

static void render(struct task_request *r, struct kit_buf *out)
{
    struct kit_json_writer w;
    kit_json_writer_init(&w, out);
    kit_json_open(&w, '{');
    kit_json_member_c(&w, "object", "list");
    kit_json_key(&w, "data");
    kit_json_open(&w, '[');
    for (uint32_t i = 0; i < r->inputs.item_count; i++) {
        write_vector(&w, r, i);
    }
    kit_json_close(&w, ']');
    kit_json_member_c(&w, "model", r->model_id);
    kit_json_key(&w, "usage");
    kit_json_open(&w, '{');
    kit_json_member_u64(&w, "prompt_tokens", r->tokens);
    kit_json_member_u64(&w, "total_tokens", r->tokens);
    kit_json_close(&w, '}');
    kit_json_close(&w, '}');
}

void api_openai_embeddings(struct http_request *h, void *ctx)
{
    static const struct api_dialect dialect = {.parse = parse, .render = render, .fail = api_openai_fail};
    api_dialect_ask(h, ctx, &dialect);
}
