/* llama.cpp behind the plug-in ABI: translates between its statuses and ours, and nothing else. */
#include "aether/backend.h"

#include <stdio.h>

#include "instance.h"
#include "vocab.h"

/* KIT_PARSE is only said of files. */
static int32_t code_of(enum kit_status rc)
{
    static const struct {
        enum kit_status ours;
        int32_t theirs;
    } codes[] = {{KIT_OK, ACB_OK},
                 {KIT_INVALID, ACB_INVALID},
                 {KIT_PARSE, ACB_CORRUPT},
                 {KIT_UNSUPPORTED, ACB_UNSUPPORTED},
                 {KIT_NOT_FOUND, ACB_NOT_FOUND},
                 {KIT_NOMEM, ACB_NOMEM},
                 {KIT_FULL, ACB_FULL},
                 {KIT_CANCELLED, ACB_CANCELLED},
                 {KIT_IO, ACB_IO}};
    for (size_t k = 0; k < KIT_COUNT(codes); k++) {
        if (codes[k].ours == rc) {
            return codes[k].theirs;
        }
    }
    return ACB_FAILED;
}

static int32_t answer(enum kit_status rc, const struct kit_err *e, struct acb_err *err)
{
    if (rc != KIT_OK) {
        (void)snprintf(err->text, sizeof(err->text), "%s", e->msg);
    }
    return code_of(rc);
}

static int32_t probe(const char *folder)
{
    return llama_plug_model_probe(folder);
}

static int32_t estimate(const struct acb_model_open *open, struct acb_bytes *const *ret, uint32_t *count,
                        struct acb_err *err)
{
    struct kit_err e;
    return answer(llama_plug_model_estimate(open, ret, count, &e), &e, err);
}

static int32_t model_open(const struct acb_model_open *open, void **ret, struct acb_err *err)
{
    struct kit_err e;
    struct llama_plug_model *m = NULL;
    enum kit_status rc = llama_plug_model_open(open, &m, &e);
    if (rc == KIT_OK) {
        *ret = m;
    }
    return answer(rc, &e, err);
}

static void model_close(void *model)
{
    llama_plug_model_close(model);
}

static const char *meta(void *model, const char *key)
{
    return llama_plug_model_meta(model, key);
}

static int32_t describe(void *model, struct acb_model_info *ret)
{
    if (ret->size < sizeof(*ret)) {
        return ACB_INVALID;
    }
    llama_plug_model_describe(model, ret);
    return ACB_OK;
}

static int32_t bytes(void *model, void *instance, struct acb_bytes *const *ret, uint32_t *count)
{
    const struct llama_plug_model *m = model;
    const struct llama_plug_instance *i = instance;
    if (i == NULL) {
        llama_plug_model_put_bytes(ret[0], ACB_BYTES_WEIGHTS, ACB_SOURCE_TOLD, llama_model_size(m->llama));
        *count = 1;
        return ACB_OK;
    }
    llama_plug_model_put_bytes(ret[0], ACB_BYTES_KV, ACB_SOURCE_TOLD, i->kv_bytes);
    llama_plug_model_put_bytes(ret[1], ACB_BYTES_CACHE, ACB_SOURCE_ESTIMATED, i->scratch_bytes);
    *count = 2;
    return ACB_OK;
}

static int32_t instance_open(void *model, const struct acb_instance_open *open, void **ret, struct acb_err *err)
{
    struct kit_err e;
    struct llama_plug_instance *i = NULL;
    enum kit_status rc = llama_plug_instance_open(model, open, &i, &e);
    if (rc == KIT_OK) {
        *ret = i;
    }
    return answer(rc, &e, err);
}

static void instance_close(void *instance)
{
    llama_plug_instance_close(instance);
}

static int32_t infer(void *instance, const struct acb_infer *call, struct acb_tensor **outputs, struct acb_err *err)
{
    struct kit_err e;
    return answer(llama_plug_infer(instance, call, outputs, &e), &e, err);
}

static int32_t step(void *instance, const struct acb_step *call, const float **logits, struct acb_err *err)
{
    struct kit_err e;
    return answer(llama_plug_step(instance, call, logits, &e), &e, err);
}

static int32_t adapter_open(void *model, const char *path, float scale, void **ret, struct acb_err *err)
{
    struct kit_err e;
    struct llama_plug_adapter *a = NULL;
    enum kit_status rc = llama_plug_adapter_open(model, path, scale, &a, &e);
    if (rc == KIT_OK) {
        *ret = a;
    }
    return answer(rc, &e, err);
}

static void adapter_close(void *adapter)
{
    llama_plug_adapter_close(adapter);
}

static struct acb_plugin plugin = {
    .size = sizeof(plugin),
    .major = ACB_MAJOR,
    .minor = ACB_MINOR,
    .name = "llama",
    .version = HEIMNETZ_VERSION,
    .summary = "GGUF models through llama.cpp",
    .options = llama_plug_option_list,
    .flags = ACB_PLUGIN_CELL,
    .probe = probe,
    .estimate = estimate,
    .model_open = model_open,
    .model_close = model_close,
    .meta = meta,
    .describe = describe,
    .bytes = bytes,
    .instance_open = instance_open,
    .instance_close = instance_close,
    .infer = infer,
    .step = step,
    .seq_length = llama_plug_seq_length,
    .seq_copy = llama_plug_seq_copy,
    .seq_trim = llama_plug_seq_trim,
    .seq_end = llama_plug_seq_end,
    .seq_save = llama_plug_seq_save,
    .seq_load = llama_plug_seq_load,
    .tokenize = llama_plug_tokenize,
    .detokenize = llama_plug_detokenize,
    .token_flags = llama_plug_token_flags,
    .adapter_open = adapter_open,
    .adapter_close = adapter_close,
};

const struct acb_plugin *aether_backend_entry(const struct acb_host *host)
{
    if (host->major != ACB_MAJOR || host->minor != ACB_MINOR || host->size < sizeof(*host)) {
        return NULL;
    }
    llama_plug_host_set(host);
    plugin.option_count = llama_plug_option_count;
    return &plugin;
}
