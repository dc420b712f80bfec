/* A plug-in whose table ends behind infer: as one that was built before cancel and all that follows was added. What lies
 * behind the end is poison, so that a host that reads it falls over. */
#include <string.h>

#include "aether/backend.h"

#define OLD_BYTES (offsetof(struct acb_plugin, infer) + sizeof(((struct acb_plugin *)0)->infer))

static const struct acb_host *host;
static char the_model;
static struct acb_plugin table;

static int32_t probe(const char *folder)
{
    (void)folder;
    return 1;
}

static int32_t model_open(const struct acb_model_open *open, void **ret, struct acb_err *err)
{
    (void)open;
    (void)err;
    *ret = &the_model;
    return ACB_OK;
}

static void model_close(void *model)
{
    (void)model;
}

static int32_t describe(void *model, struct acb_model_info *ret)
{
    (void)model;
    ret->output_count = 0;
    return ACB_OK;
}

static int32_t instance_open(void *model, const struct acb_instance_open *open, void **ret, struct acb_err *err)
{
    (void)open;
    (void)err;
    *ret = model;
    return ACB_OK;
}

static void instance_close(void *instance)
{
    (void)instance;
}

static int32_t infer(void *instance, const struct acb_infer *infer, struct acb_tensor **outputs, struct acb_err *err)
{
    (void)instance;
    (void)err;
    int64_t one = 1;
    int32_t rc = host->tensor_new(host->ctx, infer->call, infer->wants[0]->name, ACB_U8, 1, &one, &outputs[0]);
    if (rc == ACB_OK) {
        memset(outputs[0]->data, 42, 1);
    }
    return rc;
}

const struct acb_plugin *aether_backend_entry(const struct acb_host *given)
{
    host = given;
    memset(&table, 0xee, sizeof(table));
    struct acb_plugin mine = {.size = OLD_BYTES,
                              .major = ACB_MAJOR,
                              .minor = ACB_MINOR,
                              .name = "old",
                              .version = "0.0.9",
                              .summary = "has a shorter table",
                              .probe = probe,
                              .model_open = model_open,
                              .model_close = model_close,
                              .describe = describe,
                              .instance_open = instance_open,
                              .instance_close = instance_close,
                              .infer = infer};
    memcpy(&table, &mine, OLD_BYTES);
    return &table;
}
