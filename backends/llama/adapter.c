#include <stdatomic.h>

#include "instance.h"

static _Atomic uint64_t last_number;

enum kit_status llama_plug_adapter_open(const struct llama_plug_model *m, const char *path, float scale,
                                        struct llama_plug_adapter **ret, struct kit_err *err)
{
    struct llama_gguf h;
    enum kit_status rc = llama_gguf_read(path, &h, err);
    if (rc != KIT_OK) {
        return rc;
    }
    struct llama_plug_adapter *a = llama_plug_alloc(1, sizeof(*a));
    if (a == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory");
    }
    llama_plug_log_forget();
    a->llama = llama_adapter_lora_init(m->llama, path);
    if (a->llama == NULL) {
        char first[KIT_ERR_MSG_BYTES];
        llama_plug_log_first(first, sizeof(first));
        llama_plug_free(a);
        return kit_fail(err, KIT_PARSE, "llama.cpp does not take the adapter: %s", first);
    }
    a->scale = scale;
    a->number = atomic_fetch_add(&last_number, 1) + 1;
    *ret = a;
    return KIT_OK;
}

void llama_plug_adapter_close(struct llama_plug_adapter *a)
{
    if (a != NULL) {
        llama_adapter_lora_free(a->llama);
        llama_plug_free(a);
    }
}

/* The old one is let go first, as a new one may lie where a closed one lay. */
enum kit_status llama_plug_adapter_use(struct llama_plug_instance *i, struct llama_plug_adapter *a, struct kit_err *err)
{
    uint64_t number = a != NULL ? a->number : 0;
    if (number == i->adapter) {
        return KIT_OK;
    }
    (void)llama_set_adapters_lora(i->llama, NULL, 0, NULL);
    i->adapter = 0;
    if (a != NULL && llama_set_adapters_lora(i->llama, &a->llama, 1, &a->scale) != 0) {
        return kit_fail(err, KIT_INTERNAL, "the adapter cannot be used");
    }
    i->adapter = number;
    return KIT_OK;
}
