#include <stdio.h>

#include "config.h"
#include "support/temp.h"
#include "support/test.h"

#define CONFIG                                                                                                         \
    "{\"model_type\":\"bert\",\"hidden_size\":32,\"num_hidden_layers\":2,\"num_attention_heads\":4,"                   \
    "\"intermediate_size\":72,\"max_position_embeddings\":64,\"vocab_size\":200,\"type_vocab_size\":2,"                \
    "\"hidden_act\":\"gelu\",\"layer_norm_eps\":1e-12}"
#define MODULE(type, path) "{\"type\":\"sentence_transformers.models." type "\",\"path\":\"" path "\"}"

/* Files of one model folder; NULL: not there. */
struct files {
    const char *config, *modules, *pooling, *sentence;
};

static int folder_count;

static void put(char folder[TEST_PATH_BYTES], const char *name, const char *text)
{
    char path[TEST_PATH_BYTES];
    char full[TEST_PATH_BYTES];
    if (text != NULL) {
        snprintf(path, sizeof(path), "m%d/%s", folder_count, name);
        test_temp_write(full, path, kit_str_c(text));
    }
    snprintf(path, sizeof(path), "m%d", folder_count);
    test_temp_path(folder, path);
}

static enum kit_status read_files(const struct files *f, struct native_config *c, struct kit_err *err)
{
    char folder[TEST_PATH_BYTES];
    folder_count++;
    put(folder, "config.json", f->config);
    put(folder, "modules.json", f->modules);
    put(folder, "1_Pooling/config.json", f->pooling);
    put(folder, "sentence_bert_config.json", f->sentence);
    return native_config_read(folder, c, err);
}

TEST(config_reads_a_plain_folder_as_mean_without_normalising)
{
    struct native_config c;
    struct kit_err err;
    assert_int_equal(read_files(&(struct files){.config = CONFIG}, &c, &err), KIT_OK);
    assert_string_equal(c.model_type, "bert");
    assert_true(c.hidden == 32 && c.layers == 2 && c.heads == 4 && c.ffn == 72 && c.positions == 64);
    assert_true(c.vocab == 200 && c.types == 2 && c.act == NATIVE_ACT_GELU && c.norm_eps == 1e-12f);
    assert_true(c.pooling == NATIVE_POOL_MEAN && !c.normalize && c.context_tokens == 64);
}

struct pooling_case {
    const char *text;
    enum native_pooling pooling;
};

TEST(config_reads_both_ways_to_say_a_pooling)
{
    static const struct pooling_case cases[] = {
        {"{\"pooling_mode_mean_tokens\":true,\"pooling_mode_cls_token\":false}", NATIVE_POOL_MEAN},
        {"{\"pooling_mode_cls_token\":true}", NATIVE_POOL_CLS},
        {"{\"pooling_mode_max_tokens\":true}", NATIVE_POOL_MAX},
        {"{\"pooling_mode\":\"cls\"}", NATIVE_POOL_CLS},
        {"{\"pooling_mode\":[\"max\"]}", NATIVE_POOL_MAX},
    };
    for (size_t i = 0; i < KIT_COUNT(cases); i++) {
        struct native_config c;
        struct files f = {.config = CONFIG,
                          .modules = "[" MODULE("Transformer", "") "," MODULE("Pooling", "1_Pooling") "," MODULE(
                              "Normalize", "2_Normalize") "]",
                          .pooling = cases[i].text};
        assert_int_equal(read_files(&f, &c, NULL), KIT_OK);
        assert_true(c.pooling == cases[i].pooling && c.normalize);
    }
}

TEST(config_takes_the_shorter_of_context_and_positions)
{
    struct native_config c;
    struct files f = {.config = CONFIG, .sentence = "{\"max_seq_length\":48}"};
    assert_int_equal(read_files(&f, &c, NULL), KIT_OK);
    assert_int_equal(c.context_tokens, 48);
    f.sentence = "{\"max_seq_length\":4096}";
    assert_int_equal(read_files(&f, &c, NULL), KIT_OK);
    assert_int_equal(c.context_tokens, 64);
    f.sentence = "{\"max_seq_length\":null}";
    assert_int_equal(read_files(&f, &c, NULL), KIT_OK);
    assert_int_equal(c.context_tokens, 64);
}

TEST(config_follows_the_folder_of_the_transformer)
{
    char path[TEST_PATH_BYTES];
    char folder[TEST_PATH_BYTES];
    struct native_config c;
    test_temp_write(path, "nested/0_Transformer/config.json", kit_str_lit(CONFIG));
    test_temp_write(path, "nested/modules.json", kit_str_lit("[" MODULE("Transformer", "0_Transformer") "]"));
    assert_int_equal(native_config_read(test_temp_path(folder, "nested"), &c, NULL), KIT_OK);
    assert_non_null(strstr(c.folder, "nested/0_Transformer"));
}

/* One member of CONFIG exchanged for another. */
struct change {
    const char *old, *new;
    enum kit_status status;
    const char *word;
};

static const struct change changes[] = {
    {"\"model_type\":\"bert\"", "\"model_type\":\"gpt2\"", KIT_UNSUPPORTED, "gpt2"},
    {"\"model_type\":\"bert\"", "\"model_type\":7", KIT_PARSE, "model_type"},
    {"\"model_type\":\"bert\",", "", KIT_PARSE, "model_type"},
    {"\"hidden_size\":32,", "", KIT_PARSE, "hidden_size"},
    {"\"hidden_size\":32", "\"hidden_size\":0", KIT_PARSE, "hidden_size"},
    {"\"hidden_size\":32", "\"hidden_size\":33", KIT_PARSE, "hidden_size"},
    {"\"hidden_size\":32", "\"hidden_size\":1e9", KIT_PARSE, "hidden_size"},
    {"\"hidden_size\":32", "\"hidden_size\":\"32\"", KIT_PARSE, "hidden_size"},
    {"\"num_hidden_layers\":2", "\"num_hidden_layers\":-2", KIT_PARSE, "num_hidden_layers"},
    {"\"num_hidden_layers\":2", "\"num_hidden_layers\":2.5", KIT_PARSE, "num_hidden_layers"},
    {"\"num_attention_heads\":4", "\"num_attention_heads\":5", KIT_PARSE, "num_attention_heads"},
    {"\"intermediate_size\":72", "\"intermediate_size\":null", KIT_PARSE, "intermediate_size"},
    {"\"max_position_embeddings\":64", "\"max_position_embeddings\":9999999", KIT_PARSE, "max_position_embeddings"},
    {"\"vocab_size\":200", "\"vocab_size\":[]", KIT_PARSE, "vocab_size"},
    {"\"type_vocab_size\":2", "\"type_vocab_size\":0", KIT_PARSE, "type_vocab_size"},
    {"\"hidden_act\":\"gelu\"", "\"hidden_act\":\"silu\"", KIT_UNSUPPORTED, "silu"},
    {"\"hidden_act\":\"gelu\"", "\"hidden_act\":{}", KIT_PARSE, "hidden_act"},
    {"\"layer_norm_eps\":1e-12", "\"layer_norm_eps\":-1", KIT_PARSE, "layer_norm_eps"},
    {"\"layer_norm_eps\":1e-12", "\"layer_norm_eps\":\"x\"", KIT_PARSE, "layer_norm_eps"},
    {"\"layer_norm_eps\":1e-12", "\"layer_norm_eps\":1", KIT_PARSE, "layer_norm_eps"},
    {"{\"model_type\"", "{\"position_embedding_type\":\"relative_key\",\"model_type\"", KIT_UNSUPPORTED,
     "relative_key"},
    {"{\"model_type\"", "{\"is_decoder\":true,\"model_type\"", KIT_UNSUPPORTED, "is_decoder"},
    {"{\"model_type\"", "[\"model_type\"", KIT_PARSE, "config.json"},
};

static void exchange(const struct change *c, char *ret, size_t size)
{
    const char *at = strstr(CONFIG, c->old);
    assert_non_null(at);
    snprintf(ret, size, "%.*s%s%s", (int)(at - CONFIG), CONFIG, c->new, at + strlen(c->old));
}

TEST(config_refuses_each_bad_member_and_names_it)
{
    for (size_t i = 0; i < KIT_COUNT(changes); i++) {
        char text[1024];
        struct native_config c;
        struct kit_err err = {0};
        exchange(&changes[i], text, sizeof(text));
        enum kit_status rc = read_files(&(struct files){.config = text}, &c, &err);
        if (rc != changes[i].status || strstr(err.msg, changes[i].word) == NULL ||
            strstr(err.msg, "config.json") == NULL) {
            fail_msg("change %zu: status %d, '%s'", i, (int)rc, err.msg);
        }
    }
}

struct bad_modules {
    const char *modules, *pooling;
    enum kit_status status;
    const char *word;
};

static const struct bad_modules bad_modules[] = {
    {"{}", NULL, KIT_PARSE, "modules.json"},
    {"[]", NULL, KIT_PARSE, "modules.json"},
    {"[1]", NULL, KIT_PARSE, "item 0"},
    {"[{\"path\":\"\"}]", NULL, KIT_PARSE, "type"},
    {"[" MODULE("Transformer", "../other") "]", NULL, KIT_PARSE, "../other"},
    {"[" MODULE("Transformer", "/etc") "]", NULL, KIT_PARSE, "/etc"},
    {"[" MODULE("Transformer", "a/../..") "]", NULL, KIT_PARSE, "below"},
    {"[" MODULE("Transformer", "") "," MODULE("Dense", "2_Dense") "]", NULL, KIT_UNSUPPORTED, "Dense"},
    {"[" MODULE("Transformer", "") "," MODULE("Pooling", "none") "]", NULL, KIT_NOT_FOUND, "pooling"},
    {"[" MODULE("Pooling", "1_Pooling") "]", "{}", KIT_PARSE, "pooling"},
    {"[" MODULE("Pooling", "1_Pooling") "]", "{\"pooling_mode_weightedmean_tokens\":true}", KIT_UNSUPPORTED,
     "weightedmean"},
    {"[" MODULE("Pooling", "1_Pooling") "]", "{\"pooling_mode\":[\"mean\",\"cls\"]}", KIT_UNSUPPORTED, "another"},
    {"[" MODULE("Pooling", "1_Pooling") "]", "nonsense", KIT_PARSE, "config.json"},
};

TEST(config_refuses_each_bad_module_and_names_it)
{
    for (size_t i = 0; i < KIT_COUNT(bad_modules); i++) {
        struct native_config c;
        struct kit_err err = {0};
        struct files f = {.config = CONFIG, .modules = bad_modules[i].modules, .pooling = bad_modules[i].pooling};
        enum kit_status rc = read_files(&f, &c, &err);
        if (rc != bad_modules[i].status || strstr(err.msg, bad_modules[i].word) == NULL) {
            fail_msg("module %zu: status %d, '%s'", i, (int)rc, err.msg);
        }
    }
}

TEST(config_refuses_a_file_beyond_its_limit)
{
    static char large[KIT_MIB + 16];
    struct native_config c;
    struct kit_err err;
    memset(large, ' ', sizeof(large) - 1);
    assert_int_equal(read_files(&(struct files){.config = large}, &c, &err), KIT_PARSE);
    assert_non_null(strstr(err.msg, "config.json"));
}

TEST(config_says_when_there_is_none)
{
    struct native_config c;
    struct kit_err err;
    assert_int_equal(read_files(&(struct files){.sentence = "{}"}, &c, &err), KIT_NOT_FOUND);
    assert_non_null(strstr(err.msg, "config.json"));
}

TEST(config_survives_each_failed_alloc)
{
    struct files f = {.config = CONFIG,
                      .modules = "[" MODULE("Transformer", "") "," MODULE("Pooling", "1_Pooling") "]",
                      .pooling = "{\"pooling_mode_cls_token\":true}",
                      .sentence = "{\"max_seq_length\":48}"};
    uint64_t blocks = kit_alloc_count();
    TEST_ALLOC_SWEEP(n) {
        struct native_config c;
        enum kit_status rc = read_files(&f, &c, NULL);
        assert_true(rc == KIT_OK || rc == KIT_NOMEM);
    }
    assert_int_equal(kit_alloc_count(), blocks);
}

int main(void)
{
    return TEST_RUN(
        TEST_OF(config_reads_a_plain_folder_as_mean_without_normalising),
        TEST_OF(config_reads_both_ways_to_say_a_pooling), TEST_OF(config_takes_the_shorter_of_context_and_positions),
        TEST_OF(config_follows_the_folder_of_the_transformer), TEST_OF(config_refuses_each_bad_member_and_names_it),
        TEST_OF(config_refuses_each_bad_module_and_names_it), TEST_OF(config_refuses_a_file_beyond_its_limit),
        TEST_OF(config_says_when_there_is_none), TEST_OF(config_survives_each_failed_alloc));
}
