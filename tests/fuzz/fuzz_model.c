/* The small files of a model's folder, as the native engine reads them: config.json, modules.json,
 * sentence_bert_config.json, 1_Pooling/config.json, model.safetensors.index.json. The shards are there: a and b. */
#include "checkpoint.h"
#include "config.h"
#include "fuzz/files.h"

#include <string.h>

static const char *const files[] = {"config.json", "modules.json", "sentence_bert_config.json", "1_Pooling/config.json",
                                    "model.safetensors.index.json"};

/* A safetensors file with one tensor of one float. */
static void put_shard(const char *file, char tensor)
{
    char bytes[128] = {0};
    int len = snprintf(bytes + 8, sizeof(bytes) - 8,
                       "{\"%c\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", tensor);
    bytes[0] = (char)len;
    fuzz_folder_put(file, (kit_str){bytes, 8 + (size_t)len + 4});
}

static void check_config(const struct native_config *c)
{
    FUZZ_CHECK(c->hidden > 0 && c->heads > 0 && c->hidden % c->heads == 0 && c->layers > 0 && c->vocab > 0);
    FUZZ_CHECK(c->context_tokens <= c->positions && memchr(c->folder, 0, sizeof(c->folder)) != NULL);
}

static void check_checkpoint(const struct native_checkpoint *c)
{
    const struct native_tensor *a = native_checkpoint_find(c, kit_str_lit("a"));
    FUZZ_CHECK(a == NULL || a->bytes == 4);
    FUZZ_CHECK(native_checkpoint_bytes(c) > 0 && !native_checkpoint_broken(c));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool made;
    static struct native_config config;
    kit_str rest = {(const char *)data, size};
    struct native_checkpoint *checkpoint = NULL;
    struct kit_err err = {0};
    if (!made) {
        put_shard("a.safetensors", 'a');
        put_shard("b.safetensors", 'b');
        made = true;
    }
    for (size_t i = 0; i < KIT_COUNT(files); i++) {
        fuzz_folder_put(files[i], fuzz_take_part(&rest));
    }
    if (native_config_read(fuzz_folder(), &config, &err) == KIT_OK) {
        check_config(&config);
    } else {
        FUZZ_CHECK(err.msg[0] != '\0');
    }
    if (native_checkpoint_open(fuzz_folder(), &checkpoint, &err) == KIT_OK) {
        check_checkpoint(checkpoint);
    }
    native_checkpoint_close(checkpoint);
    return 0;
}
