/* GET /api/tags, /api/ps, /api/version and POST /api/show: which models there are. Source: Ollama's API documentation. */
#include "api/handlers.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "api/ollama.h"

#define LIST_BYTES_MAX (4 * KIT_MIB)

/* Names without a tag get one, as its clients show and send it. */
static void write_name(struct kit_json_writer *w, const char *key, const char *id)
{
    char name[MODEL_ID_BYTES_MAX + 16];
    snprintf(name, sizeof(name), "%s%s", id, strchr(id, ':') == NULL ? ":latest" : "");
    kit_json_member_c(w, key, name);
}

static uint64_t bytes_of(const struct model_info *info)
{
    uint64_t sum = 0;
    for (int i = 0; i < KIT_LEDGER_KIND_COUNT; i++) {
        sum += info->bytes[i];
    }
    return sum;
}

static void write_details(struct kit_json_writer *w, const struct model_info *info)
{
    kit_json_key(w, "details");
    kit_json_open(w, '{');
    kit_json_member_c(w, "parent_model", "");
    kit_json_member_c(w, "format", info->format);
    kit_json_member_c(w, "family", info->backend);
    kit_json_key(w, "families");
    kit_json_open(w, '[');
    kit_json_put_c(w, info->backend);
    kit_json_close(w, ']');
    kit_json_member_c(w, "parameter_size", "");
    kit_json_member_c(w, "quantization_level", "");
    kit_json_close(w, '}');
}

static void write_model(struct kit_json_writer *w, const struct model_info *info, const char *time_key)
{
    char time[KIT_CLOCK_TEXT_BYTES];
    kit_json_open(w, '{');
    write_name(w, "name", info->id);
    write_name(w, "model", info->id);
    kit_json_member_u64(w, "size", bytes_of(info));
    kit_json_member_c(w, "digest", info->commit);
    kit_json_member_c(w, time_key, kit_clock_text(info->since_ns, time));
    if (info->origin == MODEL_SOURCE_REMOTE) {
        kit_json_member_c(w, "kind", "remote");
    }
    if (strcmp(time_key, "expires_at") == 0) {
        kit_json_member_u64(w, "size_vram", 0);
    }
    write_details(w, info);
    kit_json_close(w, '}');
}

static void write_any(void *ctx, const struct model_info *info)
{
    write_model(ctx, info, "modified_at");
}

static void write_ready(void *ctx, const struct model_info *info)
{
    if (info->state == MODEL_READY) {
        write_model(ctx, info, "expires_at");
    }
}

static void send_list(struct http_request *h, const struct api *a,
                      void (*write)(void *ctx, const struct model_info *info))
{
    struct kit_buf body;
    struct kit_json_writer w;
    kit_buf_init(&body, LIST_BYTES_MAX);
    kit_json_writer_init(&w, &body);
    kit_json_open(&w, '{');
    kit_json_key(&w, "models");
    kit_json_open(&w, '[');
    enum kit_status rc = model_info_each(a->catalog, write, &w);
    assert(rc == KIT_OK); /* always */
    (void)rc;
    kit_json_close(&w, ']');
    kit_json_close(&w, '}');
    api_send_json(h, 200, &body);
}

void api_ollama_tags(struct http_request *h, void *ctx)
{
    send_list(h, ctx, write_any);
}

void api_ollama_ps(struct http_request *h, void *ctx)
{
    send_list(h, ctx, write_ready);
}

void api_ollama_version(struct http_request *h, void *ctx)
{
    const struct api *a = ctx;
    struct kit_buf body;
    struct kit_json_writer w;
    kit_buf_init(&body, LIST_BYTES_MAX);
    kit_json_writer_init(&w, &body);
    kit_json_open(&w, '{');
    kit_json_member_c(&w, "version", a->options.version);
    kit_json_close(&w, '}');
    api_send_json(h, 200, &body);
}

static void write_capabilities(struct kit_json_writer *w, kit_str tasks)
{
    kit_str task;
    kit_json_key(w, "capabilities");
    kit_json_open(w, '[');
    while (kit_str_cut(&tasks, ',', &task)) {
        bool generate = kit_str_eq(task, kit_str_lit("generate")), embed = kit_str_eq(task, kit_str_lit("embed"));
        if (generate || embed) {
            kit_json_put_c(w, generate ? "completion" : "embedding");
        }
    }
    kit_json_close(w, ']');
}

static void write_facts(struct kit_json_writer *w, const struct model_info *info)
{
    kit_json_key(w, "model_info");
    kit_json_open(w, '{');
    kit_json_member_c(w, "general.architecture", info->backend);
    kit_json_member_u64(w, "general.context_length", info->context_tokens);
    kit_json_member_u64(w, "general.embedding_length", info->hidden_size);
    kit_json_close(w, '}');
}

static enum kit_status find_shown(const struct api *a, kit_str body, struct model_info *info, struct kit_err *err)
{
    struct kit_json_doc *doc = NULL;
    char id[MODEL_ID_BYTES_MAX + 1];
    enum kit_status rc = api_ollama_read_name(a, body, &doc, id, err);
    if (rc == KIT_OK) {
        rc = model_info_get(a->catalog, kit_str_c(id), info, err);
    }
    kit_json_free(doc);
    return rc;
}

void api_ollama_show(struct http_request *h, void *ctx)
{
    struct api *a = ctx;
    struct model_info info;
    struct kit_err err = {0};
    struct kit_buf body;
    struct kit_json_writer w;
    if (find_shown(a, h->body, &info, &err) != KIT_OK) {
        api_ollama_fail(h, &err);
        return;
    }
    char time[KIT_CLOCK_TEXT_BYTES];
    kit_buf_init(&body, LIST_BYTES_MAX);
    kit_json_writer_init(&w, &body);
    kit_json_open(&w, '{');
    kit_json_member_c(&w, "modelfile", "");
    kit_json_member_c(&w, "parameters", "");
    kit_json_member_c(&w, "template", "");
    write_details(&w, &info);
    write_facts(&w, &info);
    write_capabilities(&w, kit_str_c(info.tasks));
    kit_json_member_c(&w, "modified_at", kit_clock_text(info.since_ns, time));
    kit_json_close(&w, '}');
    api_send_json(h, 200, &body);
}
