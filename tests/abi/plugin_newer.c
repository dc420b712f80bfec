/* A plug-in whose structs are longer than ours: as one that was built with a header that has more. */
#include "aether/backend.h"

static char the_model;

struct newer_port {
    struct acb_port port;
    uint64_t more[4];
};

struct newer_plugin {
    struct acb_plugin table;
    void (*more[4])(void);
};

static int32_t probe(const char *folder)
{
    (void)folder;
    return 2;
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

/* Fills no more than the host has room for. */
static int32_t describe(void *model, struct acb_model_info *ret)
{
    static const struct newer_port first = {
        .port = {.size = sizeof(first), .dtype = ACB_F32, .rank = 1, .name = "first", .shape = {-1}}, .more = {~0ull}};
    static const struct newer_port second = {
        .port = {.size = sizeof(second), .dtype = ACB_I64, .rank = 1, .name = "second", .shape = {-1}},
        .more = {~0ull}};
    static const struct acb_port *const ports[] = {&first.port, &second.port};
    (void)model;
    ret->input_count = 2;
    ret->inputs = ports;
    if (ACB_FITS(ret, vocab_size)) {
        ret->vocab_size = 7;
    }
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
    (void)infer;
    (void)outputs;
    (void)err;
    return ACB_UNSUPPORTED;
}

static void more(void)
{
}

static const struct newer_plugin plugin = {.table = {.size = sizeof(plugin),
                                                     .major = ACB_MAJOR,
                                                     .minor = ACB_MINOR,
                                                     .name = "newer",
                                                     .version = "0.2.0",
                                                     .summary = "has a longer table",
                                                     .probe = probe,
                                                     .model_open = model_open,
                                                     .model_close = model_close,
                                                     .describe = describe,
                                                     .instance_open = instance_open,
                                                     .instance_close = instance_close,
                                                     .infer = infer},
                                           .more = {more, more, more, more}};

const struct acb_plugin *aether_backend_entry(const struct acb_host *given)
{
    return ACB_HAS(given, tensor_new) ? &plugin.table : NULL;
}
