/* The native transformer engine behind the plug-in ABI: translates between its statuses and ours, and nothing else. */
#include "aether/backend.h"

#include <stdio.h>

#include "host.h"
#include "instance.h"
#include "model.h"

/* A member of the call is wrong, or a file is: KIT_PARSE is only said of files. */
static int32_t code_of(enum kit_status rc)
{
    switch (rc) {
    case KIT_OK:
        return ACB_OK;
    case KIT_INVALID:
        return ACB_INVALID;
    case KIT_PARSE:
    case KIT_TOO_LARGE:
        return ACB_CORRUPT;
    case KIT_UNSUPPORTED:
        return ACB_UNSUPPORTED;
    case KIT_NOT_FOUND:
        return ACB_NOT_FOUND;
    case KIT_NOMEM:
        return ACB_NOMEM;
    case KIT_FULL:
        return ACB_FULL;
    case KIT_CANCELLED:
        return ACB_CANCELLED;
    case KIT_IO:
    case KIT_DENIED:
        return ACB_IO;
    case KIT_UNAVAILABLE:
        return ACB_FATAL;
    default:
        return ACB_FAILED;
    }
}

static int32_t answer(enum kit_status rc, const struct kit_err *e, struct acb_err *err)
{
    if (rc != KIT_OK && err != NULL) {
        snprintf(err->text, sizeof(err->text), "%s", e->msg);
    }
    return code_of(rc);
}

static int32_t probe(const char *folder)
{
    return native_model_probe(folder);
}

static int32_t estimate(const struct acb_model_open *open, struct acb_bytes *const *ret, uint32_t *count,
                        struct acb_err *err)
{
    struct kit_err e;
    return answer(native_model_estimate(open, ret, count, &e), &e, err);
}

static int32_t model_open(const struct acb_model_open *open, void **ret, struct acb_err *err)
{
    struct kit_err e;
    struct native_model *m = NULL;
    enum kit_status rc = native_model_open(open, &m, &e);
    if (rc == KIT_OK) {
        *ret = m;
    }
    return answer(rc, &e, err);
}

static void model_close(void *model)
{
    native_model_close(model);
}

static const char *meta(void *model, const char *key)
{
    return native_model_meta(model, key);
}

static int32_t describe(void *model, struct acb_model_info *ret)
{
    if (ret->size < sizeof(*ret)) {
        return ACB_INVALID;
    }
    native_model_describe(model, ret);
    return ACB_OK;
}

static int32_t bytes(void *model, void *instance, struct acb_bytes *const *ret, uint32_t *count)
{
    if (instance == NULL) {
        native_model_bytes(model, ret, count);
        return ACB_OK;
    }
    native_model_put_bytes(ret[0], ACB_BYTES_CACHE, ACB_SOURCE_COUNTED, native_instance_bytes(instance));
    *count = 1;
    return ACB_OK;
}

static int32_t instance_open(void *model, const struct acb_instance_open *open, void **ret, struct acb_err *err)
{
    struct kit_err e;
    struct native_instance *i = NULL;
    enum kit_status rc = native_instance_open(model, open, &i, &e);
    if (rc == KIT_OK) {
        *ret = i;
    }
    return answer(rc, &e, err);
}

static void instance_close(void *instance)
{
    native_instance_close(instance);
}

static void instance_shrink(void *instance)
{
    native_instance_shrink(instance);
}

static int32_t infer(void *instance, const struct acb_infer *call, struct acb_tensor **outputs, struct acb_err *err)
{
    struct kit_err e;
    return answer(native_instance_infer(instance, call, outputs, &e), &e, err);
}

static void cancel(void *instance)
{
    native_instance_cancel(instance);
}

static const struct acb_plugin plugin = {
    .size = sizeof(plugin),
    .major = ACB_MAJOR,
    .minor = ACB_MINOR,
    .name = "native",
    .version = HEIMNETZ_VERSION,
    .summary = "transformer encoders from safetensors, on the CPU, without padding",
    .probe = probe,
    .estimate = estimate,
    .model_open = model_open,
    .model_close = model_close,
    .meta = meta,
    .describe = describe,
    .bytes = bytes,
    .instance_open = instance_open,
    .instance_close = instance_close,
    .instance_shrink = instance_shrink,
    .infer = infer,
    .cancel = cancel,
};

const struct acb_plugin *aether_backend_entry(const struct acb_host *host)
{
    if (host->major != ACB_MAJOR || host->minor != ACB_MINOR || host->size < sizeof(*host)) {
        return NULL;
    }
    native_host_set(host);
    return &plugin;
}
