#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "golden.h"
#include "kit/file.h"
#include "kit/map.h"
#include "safetensors.h"
#include "variant.h"

#define TINY TEST_DATA "/tiny-bert"
#define HIDDEN 32

static struct golden read_golden(void)
{
    return golden_read(TINY "/golden.jsonl", TINY "/golden.f32", HIDDEN);
}

/* --- what a model says of itself --- */

TEST(open_model_states_its_facts)
{
    static const struct {
        const char *key, *value;
    } facts[] = {{"architecture", "bert"}, {"tasks", "embed"},  {"precision", "f32"}, {"context_tokens", "48"},
                 {"hidden_size", "32"},    {"pooling", "mean"}, {"normalize", "1"},   {"isa", "scalar"}};
    struct engine e;
    assert_int_equal(engine_open(&e, TINY, "scalar", 1, 0), ACB_OK);
    for (size_t i = 0; i < KIT_COUNT(facts); i++) {
        assert_string_equal(e.plugin->meta(e.model, facts[i].key), facts[i].value);
    }
    assert_null(e.plugin->meta(e.model, "chat_template"));
    engine_close(&e);
}

TEST(open_model_describes_its_ports)
{
    struct engine e;
    struct acb_model_info info = {.size = sizeof(info)};
    assert_int_equal(engine_open(&e, TINY, NULL, 1, 0), ACB_OK);
    assert_int_equal(e.plugin->describe(e.model, &info), ACB_OK);
    assert_true(info.input_count == 3 && info.output_count == 2);
    assert_string_equal(info.inputs[0]->name, "input_ids");
    assert_true(info.inputs[0]->flags == ACB_PORT_RAGGED);
    assert_true(info.inputs[1]->flags == (ACB_PORT_RAGGED | ACB_PORT_OPTIONAL));
    assert_string_equal(info.outputs[1]->name, "pooled");
    assert_true(info.outputs[1]->shape[0] == -1 && info.outputs[1]->shape[1] == HIDDEN);
    assert_true(info.row_tokens_max == 64 && info.vocab_size == 200);
    info.size = 8;
    assert_int_equal(e.plugin->describe(e.model, &info), ACB_INVALID);
    engine_close(&e);
}

TEST(open_model_counts_its_bytes)
{
    struct engine e;
    uint32_t count = 0;
    struct acb_bytes row[ACB_BYTES_ROWS_MAX];
    struct acb_bytes *rows[ACB_BYTES_ROWS_MAX];
    for (uint32_t i = 0; i < ACB_BYTES_ROWS_MAX; i++) {
        row[i] = (struct acb_bytes){.size = sizeof(row[i])};
        rows[i] = &row[i];
    }
    assert_int_equal(engine_open(&e, TINY, NULL, 2, 0), ACB_OK);
    assert_int_equal(e.plugin->bytes(e.model, NULL, rows, &count), ACB_OK);
    assert_int_equal(count, 2);
    assert_true(row[0].source == ACB_SOURCE_MAPPED && row[0].bytes == (200 + 64 + 2) * HIDDEN * 4);
    assert_true(row[1].source == ACB_SOURCE_COUNTED && row[1].bytes > 2 * 4 * HIDDEN * HIDDEN * 4);
    uint64_t loaded = row[0].bytes + row[1].bytes;
    assert_int_equal(e.plugin->bytes(e.model, e.instance, rows, &count), ACB_OK);
    assert_true(count == 1 && row[0].kind == ACB_BYTES_CACHE && row[0].bytes > 0);
    e.plugin->instance_shrink(e.instance);
    assert_int_equal(e.plugin->bytes(e.model, e.instance, rows, &count), ACB_OK);
    assert_int_equal(row[0].bytes, 0);
    struct acb_model_open open = {.size = sizeof(open), .folder = TINY, .options = "{}"};
    assert_int_equal(e.plugin->estimate(&open, rows, &count, NULL), ACB_OK);
    assert_true(count == 2 && row[0].kind == ACB_BYTES_WEIGHTS && row[0].source == ACB_SOURCE_ESTIMATED);
    assert_int_equal(row[0].bytes, loaded);
    engine_close(&e);
}

TEST(open_probe_knows_its_own_and_takes_anything)
{
    char path[TEST_PATH_BYTES];
    char folder[TEST_PATH_BYTES];
    const struct acb_plugin *p = aether_backend_entry(test_host_table());
    assert_int_equal(p->probe(TINY), 90);
    assert_int_equal(p->probe(TEST_DATA "/embed"), 0);
    assert_int_equal(p->probe("/nowhere"), 0);
    assert_int_equal(p->probe(""), 0);
    test_temp_write(path, "odd/config.json", kit_str_lit("\xff\xfe{{{"));
    assert_int_equal(p->probe(test_temp_path(folder, "odd")), 0);
    test_temp_write(path, "odd/model.safetensors", kit_str_lit("x"));
    assert_true(p->probe(folder) < 50); /* ours by its names, but another engine may know better */
}

/* --- progress --- */

struct progress {
    uint32_t calls, stop_at;
    uint64_t done, total;
    bool fell;
};

static int32_t on_progress(void *ctx, uint64_t done, uint64_t total)
{
    struct progress *p = ctx;
    p->fell = p->fell || done < p->done || done > total || (p->total != 0 && total != p->total);
    p->done = done;
    p->total = total;
    return ++p->calls == p->stop_at;
}

static int32_t open_with(struct progress *p, void **model, struct acb_err *err)
{
    const struct acb_plugin *plugin = aether_backend_entry(test_host_table());
    struct acb_model_open open = {
        .size = sizeof(open), .folder = TINY, .options = "{}", .progress_ctx = p, .progress = on_progress};
    return plugin->model_open(&open, model, err);
}

TEST(open_model_tells_its_progress_in_bytes)
{
    uint64_t bytes = 0;
    struct progress p = {0};
    void *model = NULL;
    assert_int_equal(open_with(&p, &model, NULL), ACB_OK);
    assert_int_equal(kit_file_size(TINY "/model.safetensors", &bytes, NULL), KIT_OK);
    assert_true(p.calls > 20 && !p.fell && p.done == bytes && p.total == bytes);
    aether_backend_entry(test_host_table())->model_close(model);
}

/* How often it speaks depends on the clock too: the last round is the one that it finishes before it is told to stop. */
TEST(open_model_stops_wherever_progress_says_so)
{
    uint64_t blocks = kit_alloc_count();
    int32_t rc = ACB_CANCELLED;
    uint32_t at = 0;
    while (rc == ACB_CANCELLED) {
        struct progress p = {.stop_at = ++at};
        struct acb_err err = {.size = sizeof(err)};
        void *model = NULL;
        rc = open_with(&p, &model, &err);
        assert_true(rc == ACB_OK || rc == ACB_CANCELLED);
        assert_int_equal(rc == ACB_OK, model != NULL);
        assert_true(rc == ACB_OK ? p.calls < at : p.calls == at && err.text[0] != '\0');
        aether_backend_entry(test_host_table())->model_close(model);
    }
    assert_true(at > 20);
    assert_int_equal(kit_alloc_count(), blocks);
}

/* --- models that are not as they should be --- */

struct bad {
    const char *file, *old, *new;
    int32_t status;
    const char *word;
};

#define W "model.safetensors"
static const struct bad bads[] = {
    {W, "encoder.layer.1.output.dense.weight", "encoder.layer.1.output.dense.weighs", ACB_CORRUPT,
     "encoder.layer.1.output.dense.weight"},
    {W, "encoder.layer.0.attention.self.key.bias", "encoder.layer.0.attention.self.key.bia", ACB_CORRUPT,
     "encoder.layer.0.attention.self.key.bias"},
    {W, "embeddings.LayerNorm.weight", "embeddings.LayerNorm.w", ACB_CORRUPT, "embeddings.LayerNorm.weight"},
    {W, "[200,32]", "[32,200]", ACB_CORRUPT, "embeddings.word_embeddings.weight"},
    {W, "[64,32]", "[32,64]", ACB_CORRUPT, "embeddings.position_embeddings.weight"},
    {W, "[2,32]", "[64]", ACB_CORRUPT, "embeddings.token_type_embeddings.weight"},
    {W, "[72,32]", "[36,64]", ACB_CORRUPT, "intermediate.dense.weight"},
    {W, "\"F32\"", "\"I32\"", ACB_UNSUPPORTED, "I32"},
    {W, "data_offsets", "data_offset", ACB_CORRUPT, "data_offsets"},
    {"config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3", ACB_CORRUPT, "encoder.layer.2."},
    {"config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 512", ACB_CORRUPT, "encoder.layer.2."},
    {"config.json", "\"vocab_size\": 200", "\"vocab_size\": 201", ACB_CORRUPT, "word_embeddings"},
    {"config.json", "\"intermediate_size\": 72", "\"intermediate_size\": 65536", ACB_CORRUPT, "intermediate.dense"},
    {"config.json", "\"hidden_size\": 32", "\"hidden_size\": 16384", ACB_CORRUPT, "word_embeddings"},
    {"config.json", "\"bert\"", "\"llama\"", ACB_UNSUPPORTED, "llama"},
    {"modules.json", "models.Normalize", "models.Dense", ACB_UNSUPPORTED, "Dense"},
};

TEST(open_model_refuses_what_does_not_fit_and_names_it)
{
    uint64_t blocks = kit_alloc_count();
    for (size_t i = 0; i < KIT_COUNT(bads); i++) {
        char name[32];
        char folder[TEST_PATH_BYTES];
        struct engine e;
        snprintf(name, sizeof(name), "bad%zu", i);
        variant_make(folder, name, &(struct variant_edit){bads[i].file, bads[i].old, bads[i].new}, 1);
        int32_t rc = engine_open(&e, folder, NULL, 1, 0);
        if (rc != bads[i].status || strstr(e.error, bads[i].word) == NULL) {
            fail_msg("model %zu: status %d, '%s'", i, (int)rc, e.error);
        }
        assert_null(e.model);
    }
    assert_int_equal(kit_alloc_count(), blocks);
}

static void put_float(const char *name, const char *tensor, uint64_t index, float value)
{
    char file[TEST_PATH_BYTES], path[TEST_PATH_BYTES];
    struct native_safetensors *s = NULL;
    snprintf(file, sizeof(file), "%s/" W, name);
    assert_int_equal(native_safetensors_open(test_temp_path(path, file), &s, NULL), KIT_OK);
    const struct native_tensor *t = native_safetensors_find(s, kit_str_c(tensor));
    assert_non_null(t);
    int fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, &value, sizeof(value), (off_t)(t->from + index * sizeof(value))), sizeof(value));
    close(fd);
    native_safetensors_close(s);
}

TEST(open_model_refuses_a_number_that_is_none_and_names_its_tensor)
{
    static const struct {
        const char *tensor;
        uint64_t index;
        float value;
    } cases[] = {
        {"embeddings.position_embeddings.weight", 64 * HIDDEN - 1, INFINITY},
        {"embeddings.token_type_embeddings.weight", 0, NAN},
        {"embeddings.LayerNorm.weight", 5, NAN},
        {"encoder.layer.0.attention.self.query.weight", 0, NAN},
        {"encoder.layer.0.attention.self.key.weight", 0, -INFINITY},
        {"encoder.layer.1.attention.self.value.weight", HIDDEN * HIDDEN - 1, -NAN},
        {"encoder.layer.1.output.dense.weight", 1000, INFINITY},
        {"encoder.layer.1.output.dense.bias", 31, NAN},
    };
    for (size_t i = 0; i < KIT_COUNT(cases); i++) {
        char name[32], folder[TEST_PATH_BYTES];
        struct engine e;
        snprintf(name, sizeof(name), "nan%zu", i);
        variant_make(folder, name, NULL, 0);
        put_float(name, cases[i].tensor, cases[i].index, cases[i].value);
        int32_t rc = engine_open(&e, folder, NULL, 1, 0);
        if (rc != ACB_CORRUPT || strstr(e.error, cases[i].tensor) == NULL || strstr(e.error, "NaN") == NULL) {
            fail_msg("model %zu: status %d, '%s'", i, (int)rc, e.error);
        }
        assert_null(e.model);
    }
}

/* The largest table is not read by a load: its damage shows in the answers. */
TEST(open_model_with_a_damaged_vocabulary_fails_the_calls_that_meet_the_damage)
{
    char folder[TEST_PATH_BYTES];
    struct engine e;
    struct acb_tensor *t = NULL;
    struct golden g = read_golden();
    variant_make(folder, "damaged", NULL, 0);
    put_float("damaged", "embeddings.word_embeddings.weight", (uint64_t)g.ids[1] * HIDDEN + 7, NAN); /* of row 1 */
    assert_int_equal(engine_open(&e, folder, NULL, 2, 0), ACB_OK);
    assert_int_equal(engine_run(&e, &g, 1, 2, 1, "pooled", &t), ACB_FAILED);
    assert_non_null(strstr(e.error, "NaN"));
    g.ids[1] = g.ids[1] == 5 ? 6 : 5;
    assert_int_equal(engine_run(&e, &g, 1, 2, 1, "pooled", &t), ACB_OK);
    test_host_free_outputs();
    engine_close(&e);
    golden_free(&g);
}

TEST(open_model_refuses_an_isa_that_is_not_known)
{
    struct engine e;
    assert_int_equal(engine_open(&e, TINY, "sse9", 1, 0), ACB_INVALID);
    assert_non_null(strstr(e.error, "sse9"));
}

TEST(open_model_refuses_another_device_and_generation)
{
    struct engine e;
    struct acb_err err = {.size = sizeof(err)};
    struct acb_model_open open = {.size = sizeof(open), .folder = TINY, .options = "{}", .device = 1};
    struct acb_instance_open limits = {.size = sizeof(limits), .mode = ACB_MODE_GENERATE, .cores_max = 1};
    assert_int_equal(engine_open(&e, TINY, NULL, 1, 0), ACB_OK);
    void *model = NULL;
    assert_int_equal(e.plugin->model_open(&open, &model, &err), ACB_UNSUPPORTED);
    assert_int_equal(e.plugin->instance_open(e.model, &limits, &model, &err), ACB_UNSUPPORTED);
    limits.mode = ACB_MODE_INFER;
    limits.cores_max = 0;
    assert_int_equal(e.plugin->instance_open(e.model, &limits, &model, &err), ACB_INVALID);
    engine_close(&e);
}

TEST(open_entry_refuses_another_abi)
{
    struct acb_host other = *test_host_table();
    other.minor++;
    assert_null(aether_backend_entry(&other));
    other = *test_host_table();
    other.size = 16;
    assert_null(aether_backend_entry(&other));
}

/* --- names as other checkpoints have them --- */

static void check_same_answers(const char *folder)
{
    struct engine e;
    struct acb_tensor *pooled = NULL;
    struct golden g = read_golden();
    if (engine_open(&e, folder, NULL, 1, 0) != ACB_OK) {
        fail_msg("%s", e.error);
    }
    assert_int_equal(engine_run(&e, &g, 0, g.rows, 1, "pooled", &pooled), ACB_OK);
    assert_true(golden_max_diff(pooled->data, g.values + g.tokens * g.hidden, (uint64_t)g.rows * g.hidden) < 2e-5);
    test_host_free_outputs();
    engine_close(&e);
    golden_free(&g);
}

TEST(open_model_takes_names_with_the_prefix_of_a_head)
{
    char folder[TEST_PATH_BYTES];
    const struct variant_edit edits[] = {{W, "\"embeddings.", "\"bert.embeddings."},
                                         {W, "\"encoder.", "\"bert.encoder."}};
    check_same_answers(variant_make(folder, "prefix", edits, KIT_COUNT(edits)));
}

TEST(open_model_takes_gamma_and_beta_of_old_norms)
{
    char folder[TEST_PATH_BYTES];
    const struct variant_edit edits[] = {{W, "LayerNorm.weight", "LayerNorm.gamma"},
                                         {W, "LayerNorm.bias", "LayerNorm.beta"}};
    check_same_answers(variant_make(folder, "gamma", edits, KIT_COUNT(edits)));
}

TEST(open_model_takes_a_header_that_leaves_tensors_unaligned)
{
    char folder[TEST_PATH_BYTES];
    const struct variant_edit edits[] = {{W, "\"embeddings.LayerNorm.bias\"", " \"embeddings.LayerNorm.bias\""}};
    check_same_answers(variant_make(folder, "unaligned", edits, KIT_COUNT(edits)));
}

/* --- the worst of times --- */

TEST(open_model_survives_each_failed_alloc)
{
    uint64_t blocks = kit_alloc_count();
    TEST_ALLOC_SWEEP(n) {
        struct engine e;
        int32_t rc = engine_open(&e, TINY, NULL, 1, 0);
        assert_true(rc == ACB_OK ? e.instance != NULL : rc == ACB_NOMEM && e.instance == NULL);
        engine_close(&e);
    }
    assert_int_equal(kit_alloc_count(), blocks);
}

/* cmocka puts a handler of its own before each test: this one is put back. */
static struct sigaction guard;

TEST(open_model_whose_file_is_cut_later_is_lost_and_not_the_process)
{
    char folder[TEST_PATH_BYTES];
    char file[TEST_PATH_BYTES];
    struct engine e;
    struct acb_tensor *pooled = NULL;
    struct golden g = read_golden();
    variant_make(folder, "cut", NULL, 0);
    sigaction(SIGBUS, &guard, NULL);
    assert_int_equal(engine_open(&e, folder, NULL, 2, 0), ACB_OK);
    assert_int_equal(engine_run(&e, &g, 0, g.rows, 2, "pooled", &pooled), ACB_OK);
    assert_int_equal(truncate(test_temp_path(file, "cut/model.safetensors"), 1), 0);
    assert_int_equal(engine_run(&e, &g, 0, g.rows, 2, "pooled", &pooled), ACB_FATAL);
    assert_non_null(strstr(e.error, "model.safetensors"));
    assert_int_equal(engine_run(&e, &g, 0, g.rows, 2, "pooled", &pooled), ACB_FATAL);
    test_host_free_outputs();
    engine_close(&e);
    golden_free(&g);
}

int main(void)
{
    test_host_start(2);
    if (kit_map_guard_install(NULL) != KIT_OK || sigaction(SIGBUS, NULL, &guard) != 0) {
        return 1;
    }
    int failed = TEST_RUN(
        TEST_OF(open_model_states_its_facts), TEST_OF(open_model_describes_its_ports),
        TEST_OF(open_model_counts_its_bytes), TEST_OF(open_probe_knows_its_own_and_takes_anything),
        TEST_OF(open_model_tells_its_progress_in_bytes), TEST_OF(open_model_stops_wherever_progress_says_so),
        TEST_OF(open_model_refuses_what_does_not_fit_and_names_it),
        TEST_OF(open_model_refuses_a_number_that_is_none_and_names_its_tensor),
        TEST_OF(open_model_with_a_damaged_vocabulary_fails_the_calls_that_meet_the_damage),
        TEST_OF(open_model_refuses_an_isa_that_is_not_known), TEST_OF(open_model_refuses_another_device_and_generation),
        TEST_OF(open_entry_refuses_another_abi), TEST_OF(open_model_takes_names_with_the_prefix_of_a_head),
        TEST_OF(open_model_takes_gamma_and_beta_of_old_norms),
        TEST_OF(open_model_takes_a_header_that_leaves_tensors_unaligned),
        TEST_OF(open_model_survives_each_failed_alloc),
        TEST_OF(open_model_whose_file_is_cut_later_is_lost_and_not_the_process));
    test_host_stop();
    return failed;
}
