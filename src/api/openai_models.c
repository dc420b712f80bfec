/* GET /v1/models and /v1/models/{id}: what there is, in OpenAI's words. */
#include "api/handlers.h"

#include <assert.h>

#include "api/openai.h"

#define LIST_BYTES_MAX (4 * KIT_MIB)

static void write_model(struct kit_json_writer *w, const struct model_info *info)
{
    kit_json_open(w, '{');
    kit_json_member_c(w, "id", info->id);
    kit_json_member_c(w, "object", "model");
    kit_json_member_u64(w, "created", info->since_ns / KIT_NS_PER_S);
    kit_json_member_c(w, "owned_by", "heimnetz");
    kit_json_member_c(w, "kind", info->origin == MODEL_SOURCE_REMOTE ? "remote" : "engine");
    kit_json_member_c(w, "state", model_state_text(info->state));
    kit_json_close(w, '}');
}

static void write_each(void *ctx, const struct model_info *info)
{
    write_model(ctx, info);
}

void api_openai_models(struct http_request *h, void *ctx)
{
    struct api *a = ctx;
    struct kit_buf body;
    struct kit_json_writer w;
    kit_buf_init(&body, LIST_BYTES_MAX);
    kit_json_writer_init(&w, &body);
    kit_json_open(&w, '{');
    kit_json_member_c(&w, "object", "list");
    kit_json_key(&w, "data");
    kit_json_open(&w, '[');
    enum kit_status rc = model_info_each(a->catalog, write_each, &w);
    assert(rc == KIT_OK); /* always */
    (void)rc;
    kit_json_close(&w, ']');
    kit_json_close(&w, '}');
    api_send_json(h, 200, &body);
}

void api_openai_model(struct http_request *h, void *ctx)
{
    struct api *a = ctx;
    struct kit_buf body;
    struct kit_json_writer w;
    struct model_info info;
    struct kit_err err = {0};
    if (model_info_get(a->catalog, h->param[0], &info, &err) != KIT_OK) {
        api_openai_fail(h, &err);
        return;
    }
    kit_buf_init(&body, LIST_BYTES_MAX);
    kit_json_writer_init(&w, &body);
    write_model(&w, &info);
    api_send_json(h, 200, &body);
}
