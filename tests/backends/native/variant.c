#include "variant.h"

#include <stdio.h>

#include "kit/buf.h"
#include "kit/file.h"
#include "support/test.h"

#define FILE_BYTES_MAX (4 * KIT_MIB)

static struct kit_buf exchange(kit_str text, const struct variant_edit *e)
{
    struct kit_buf out;
    kit_str old = kit_str_c(e->old);
    size_t at = kit_str_find(text, old);
    kit_buf_init(&out, FILE_BYTES_MAX);
    assert_true(at < text.len);
    for (; at < text.len; at = kit_str_find(text, old)) {
        kit_buf_add(&out, kit_str_sub(text, 0, at));
        kit_buf_add(&out, kit_str_c(e->new));
        text = kit_str_sub(text, at + old.len, text.len);
    }
    kit_buf_add(&out, text);
    return out;
}

static uint64_t header_bytes(kit_str file)
{
    uint64_t n = 0;
    for (size_t i = 8; i-- > 0;) {
        n = n << 8 | (uint8_t)file.ptr[i];
    }
    return n;
}

static struct kit_buf exchange_header(kit_str file, const struct variant_edit *e)
{
    uint64_t n = header_bytes(file);
    struct kit_buf header = exchange(kit_str_sub(file, 8, n), e);
    struct kit_buf out;
    kit_buf_init(&out, FILE_BYTES_MAX);
    for (size_t i = 0; i < 8; i++) {
        kit_buf_add_char(&out, (char)((uint64_t)header.len >> (8 * i)));
    }
    kit_buf_add(&out, kit_buf_str(&header));
    kit_buf_add(&out, kit_str_sub(file, 8 + n, file.len));
    kit_buf_done(&header);
    return out;
}

static void copy_file(const char *model, const char *name, const char *file, const struct variant_edit *edits,
                      size_t count)
{
    char path[TEST_PATH_BYTES];
    char to[TEST_PATH_BYTES];
    struct kit_buf bytes;
    kit_buf_init(&bytes, FILE_BYTES_MAX);
    snprintf(path, sizeof(path), "%s/%s/%s", TEST_DATA, model, file);
    if (!kit_file_exists(path)) {
        return;
    }
    assert_int_equal(kit_file_read(path, &bytes, NULL), KIT_OK);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(edits[i].file, file) == 0) {
            struct kit_buf next = kit_str_ends(kit_str_c(file), kit_str_lit(".safetensors"))
                                      ? exchange_header(kit_buf_str(&bytes), &edits[i])
                                      : exchange(kit_buf_str(&bytes), &edits[i]);
            kit_buf_done(&bytes);
            bytes = next;
        }
    }
    snprintf(path, sizeof(path), "%s/%s", name, file);
    test_temp_write(to, path, kit_buf_str(&bytes));
    kit_buf_done(&bytes);
}

const char *variant_of(char buf[TEST_PATH_BYTES], const char *model, const char *name, const struct variant_edit *edits,
                       size_t count)
{
    static const char *const files[] = {"config.json",           "modules.json",
                                        "1_Pooling/config.json", "sentence_bert_config.json",
                                        "model.safetensors",     "model.safetensors.index.json",
                                        VARIANT_SHARD(1),        VARIANT_SHARD(2)};
    for (size_t i = 0; i < KIT_COUNT(files); i++) {
        copy_file(model, name, files[i], edits, count);
    }
    return test_temp_path(buf, name);
}

const char *variant_make(char buf[TEST_PATH_BYTES], const char *name, const struct variant_edit *edits, size_t count)
{
    return variant_of(buf, "tiny-bert", name, edits, count);
}

void variant_add_pooling(const char *name, const char *pooling)
{
    char path[TEST_PATH_BYTES];
    char text[256];
    snprintf(text, sizeof(text), "%s/modules.json", name);
    test_temp_write(path, text,
                    kit_str_lit("[{\"type\":\"sentence_transformers.models.Transformer\",\"path\":\"\"},"
                                "{\"type\":\"sentence_transformers.models.Pooling\",\"path\":\"1_Pooling\"}]"));
    snprintf(text, sizeof(text), "{\"pooling_mode\":\"%s\"}", pooling);
    char file[256];
    snprintf(file, sizeof(file), "%s/1_Pooling/config.json", name);
    test_temp_write(path, file, kit_str_c(text));
}
