#include "big_model.h"

#include <stdio.h>

#include "kit/file.h"
#include "support/temp.h"
#include "support/test.h"

#define HIDDEN 1024
#define FFN 4096
#define POSITIONS 64
#define VOCAB 200 /* of tiny-bert's tokenizer */
#define CHUNK_FLOATS (256 * KIT_KIB)

struct tensor {
    const char *name;       /* '#': the layer's number */
    uint32_t rows, columns; /* columns 0: a vector */
};

static const struct tensor ends[] = {
    {"embeddings.word_embeddings.weight", VOCAB, HIDDEN},
    {"embeddings.position_embeddings.weight", POSITIONS, HIDDEN},
    {"embeddings.token_type_embeddings.weight", 2, HIDDEN},
    {"embeddings.LayerNorm.weight", HIDDEN, 0},
    {"embeddings.LayerNorm.bias", HIDDEN, 0},
};

static const struct tensor layer[] = {
    {"attention.self.query.weight", HIDDEN, HIDDEN},
    {"attention.self.query.bias", HIDDEN, 0},
    {"attention.self.key.weight", HIDDEN, HIDDEN},
    {"attention.self.key.bias", HIDDEN, 0},
    {"attention.self.value.weight", HIDDEN, HIDDEN},
    {"attention.self.value.bias", HIDDEN, 0},
    {"attention.output.dense.weight", HIDDEN, HIDDEN},
    {"attention.output.dense.bias", HIDDEN, 0},
    {"attention.output.LayerNorm.weight", HIDDEN, 0},
    {"attention.output.LayerNorm.bias", HIDDEN, 0},
    {"intermediate.dense.weight", FFN, HIDDEN},
    {"intermediate.dense.bias", FFN, 0},
    {"output.dense.weight", HIDDEN, FFN},
    {"output.dense.bias", HIDDEN, 0},
    {"output.LayerNorm.weight", HIDDEN, 0},
    {"output.LayerNorm.bias", HIDDEN, 0},
};

static uint64_t floats_of(const struct tensor *t)
{
    return (uint64_t)t->rows * (t->columns == 0 ? 1 : t->columns);
}

/* "name":{"dtype":"F32","shape":[…],"data_offsets":[…]}, and moves *at on. */
static void add_tensor(struct kit_buf *out, const char *prefix, const struct tensor *t, uint64_t *at)
{
    uint64_t end = *at + floats_of(t) * sizeof(float);
    kit_buf_printf(out, "%c\"%s%s\":{\"dtype\":\"F32\",\"shape\":[%u", *at == 0 ? '{' : ',', prefix, t->name, t->rows);
    if (t->columns != 0) {
        kit_buf_printf(out, ",%u", t->columns);
    }
    kit_buf_printf(out, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)*at, (unsigned long long)end);
    *at = end;
}

static uint64_t add_header(struct kit_buf *out, uint32_t layers)
{
    uint64_t at = 0;
    for (size_t i = 0; i < KIT_COUNT(ends); i++) {
        add_tensor(out, "", &ends[i], &at);
    }
    for (uint32_t l = 0; l < layers; l++) {
        char prefix[64];
        snprintf(prefix, sizeof(prefix), "encoder.layer.%u.", l);
        for (size_t i = 0; i < KIT_COUNT(layer); i++) {
            add_tensor(out, prefix, &layer[i], &at);
        }
    }
    kit_buf_printf(out, "}");
    while (out->len % 8 != 0) {
        kit_buf_add_char(out, ' ');
    }
    return at;
}

static void write_random(FILE *f, uint64_t floats)
{
    static float chunk[CHUNK_FLOATS];
    uint32_t random = 7;
    while (floats > 0) {
        uint64_t n = KIT_MIN(floats, CHUNK_FLOATS);
        for (uint64_t i = 0; i < n; i++) {
            random = random * 1664525u + 1013904223u;
            chunk[i] = (float)(int32_t)random * 0x1p-36f; /* within 1/32 */
        }
        assert_int_equal(fwrite(chunk, sizeof(float), n, f), n);
        floats -= n;
    }
}

static uint64_t write_weights(const char *path, uint32_t layers)
{
    struct kit_buf header;
    kit_buf_init(&header, 4 * KIT_MIB);
    uint64_t data = add_header(&header, layers);
    uint64_t bytes = header.len;
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(&bytes, sizeof(bytes), 1, f), 1);
    assert_int_equal(fwrite(header.ptr, 1, header.len, f), header.len);
    write_random(f, data / sizeof(float));
    assert_int_equal(fclose(f), 0);
    kit_buf_done(&header);
    return sizeof(bytes) + bytes + data;
}

static void write_text(const char *name, const char *file, kit_str text)
{
    char path[TEST_PATH_BYTES], below[256];
    snprintf(below, sizeof(below), "%s/%s", name, file);
    test_temp_write(path, below, text);
}

uint64_t big_model_make(const char *name, uint64_t bytes)
{
    uint64_t layer_bytes = 0;
    for (size_t i = 0; i < KIT_COUNT(layer); i++) {
        layer_bytes += floats_of(&layer[i]) * sizeof(float);
    }
    uint32_t layers = (uint32_t)KIT_MAX((bytes + layer_bytes / 2) / layer_bytes, 1);
    char config[512], path[TEST_PATH_BYTES], below[256];
    struct kit_buf tokenizer;
    snprintf(config, sizeof(config),
             "{\"architectures\":[\"BertModel\"],\"model_type\":\"bert\",\"hidden_size\":%u,\"num_hidden_layers\":%u,"
             "\"num_attention_heads\":16,\"intermediate_size\":%u,\"max_position_embeddings\":%u,\"vocab_size\":%u,"
             "\"type_vocab_size\":2,\"hidden_act\":\"gelu\",\"layer_norm_eps\":1e-12}",
             HIDDEN, layers, FFN, POSITIONS, VOCAB);
    write_text(name, "config.json", kit_str_c(config));
    kit_buf_init(&tokenizer, KIT_MIB);
    assert_int_equal(kit_file_read(TEST_DATA "/tiny-bert/tokenizer.json", &tokenizer, NULL), KIT_OK);
    write_text(name, "tokenizer.json", kit_buf_str(&tokenizer));
    kit_buf_done(&tokenizer);
    snprintf(below, sizeof(below), "%s/model.safetensors", name);
    return write_weights(test_temp_path(path, below), layers);
}
