#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "checkpoint.h"
#include "golden.h"
#include "kit/file.h"
#include "variant.h"

/* Its answers are compared with transformers' in test_heads.c. */
#define SHARDED "tiny-distilbert-tokens"
#define INDEX "model.safetensors.index.json"

static struct native_checkpoint *open_good(const char *folder)
{
    struct kit_err err;
    struct native_checkpoint *c = NULL;
    if (native_checkpoint_open(folder, &c, &err) != KIT_OK) {
        fail_msg("%s", err.msg);
    }
    return c;
}

TEST(checkpoint_finds_the_tensors_of_all_its_files)
{
    uint64_t one = 0, two = 0;
    struct native_checkpoint *c = open_good(TEST_DATA "/" SHARDED);
    const struct native_tensor *a = native_checkpoint_find(c, kit_str_lit("classifier.weight"));
    const struct native_tensor *b =
        native_checkpoint_find(c, kit_str_lit("distilbert.embeddings.word_embeddings.weight"));
    assert_true(a != NULL && b != NULL && a->map != b->map);
    assert_null(native_checkpoint_find(c, kit_str_lit("classifier.weighs")));
    assert_int_equal(kit_file_size(TEST_DATA "/" SHARDED "/" VARIANT_SHARD(1), &one, NULL), KIT_OK);
    assert_int_equal(kit_file_size(TEST_DATA "/" SHARDED "/" VARIANT_SHARD(2), &two, NULL), KIT_OK);
    assert_int_equal(native_checkpoint_bytes(c), one + two);
    assert_string_equal(native_checkpoint_name(c), INDEX);
    assert_false(native_checkpoint_broken(c));
    native_checkpoint_close(c);
}

TEST(checkpoint_of_one_file_comes_before_an_index)
{
    char path[TEST_PATH_BYTES], folder[TEST_PATH_BYTES];
    variant_make(folder, "both", NULL, 0);
    test_temp_write(path, "both/" INDEX, kit_str_lit("nonsense"));
    struct native_checkpoint *c = open_good(folder);
    assert_string_equal(native_checkpoint_name(c), "model.safetensors");
    native_checkpoint_close(c);
}

/* A hub's cache keeps its files elsewhere and links to them. */
TEST(checkpoint_follows_links_out_of_the_folder)
{
    char folder[TEST_PATH_BYTES], link[TEST_PATH_BYTES];
    variant_of(folder, SHARDED, "linked", NULL, 0);
    test_temp_path(link, "linked/" VARIANT_SHARD(2));
    assert_int_equal(unlink(link), 0);
    assert_int_equal(symlink(TEST_DATA "/" SHARDED "/" VARIANT_SHARD(2), link), 0);
    native_checkpoint_close(open_good(folder));
}

/* --- what is wrong with an index --- */

#define FIRST "\"" VARIANT_SHARD(1) "\""

struct bad {
    const char *index; /* the whole of it, or NULL: the good one with `old` exchanged for `new` */
    const char *old, *new;
    enum kit_status status;
    const char *word;
};

static const struct bad bads[] = {
    {NULL, FIRST, "\"../model.safetensors\"", KIT_PARSE, "below the model's folder"},
    {NULL, FIRST, "\"/etc/passwd\"", KIT_PARSE, "/etc/passwd"},
    {NULL, FIRST, "\"a/../../b.safetensors\"", KIT_PARSE, "below the model's folder"},
    {NULL, FIRST, "\"\"", KIT_PARSE, "distilbert.embeddings.LayerNorm.bias"},
    {NULL, FIRST, "7", KIT_PARSE, "distilbert.embeddings.LayerNorm.bias"},
    {NULL, FIRST, "\"model-00003-of-00002.safetensors\"", KIT_NOT_FOUND, "model-00003-of-00002.safetensors"},
    {NULL, FIRST, "\"config.json\"", KIT_PARSE, "config.json"},
    {NULL, "\"weight_map\"", "\"weights\"", KIT_PARSE, "weight_map"},
    {"{\"weight_map\":[]}", NULL, NULL, KIT_PARSE, "weight_map"},
    {"{\"weight_map\":{}}", NULL, NULL, KIT_PARSE, "weight_map"},
    {"[", NULL, NULL, KIT_PARSE, INDEX},
    {"\xff\xfe", NULL, NULL, KIT_PARSE, INDEX},
};

static void make_bad(const struct bad *b, const char *name, char folder[TEST_PATH_BYTES])
{
    char path[TEST_PATH_BYTES], file[TEST_PATH_BYTES];
    bool edited = b->index == NULL;
    variant_of(folder, SHARDED, name, &(struct variant_edit){INDEX, b->old, b->new}, edited ? 1 : 0);
    if (!edited) {
        snprintf(file, sizeof(file), "%s/" INDEX, name);
        test_temp_write(path, file, kit_str_c(b->index));
    }
}

TEST(checkpoint_refuses_each_bad_index_and_names_what_is_wrong)
{
    uint64_t blocks = kit_alloc_count();
    for (size_t i = 0; i < KIT_COUNT(bads); i++) {
        char name[32], folder[TEST_PATH_BYTES];
        struct kit_err err = {0};
        struct native_checkpoint *c = NULL;
        snprintf(name, sizeof(name), "index%zu", i);
        make_bad(&bads[i], name, folder);
        enum kit_status rc = native_checkpoint_open(folder, &c, &err);
        if (rc != bads[i].status || strstr(err.msg, bads[i].word) == NULL || strstr(err.msg, INDEX) == NULL) {
            fail_msg("index %zu: status %d, '%s'", i, (int)rc, err.msg);
        }
        assert_null(c);
    }
    assert_int_equal(kit_alloc_count(), blocks);
}

TEST(checkpoint_refuses_more_files_than_it_may_have)
{
    char folder[TEST_PATH_BYTES], path[TEST_PATH_BYTES], name[64];
    struct kit_err err;
    struct kit_buf index;
    struct native_checkpoint *c = NULL;
    kit_buf_init(&index, KIT_MIB);
    variant_of(folder, SHARDED, "many", NULL, 0);
    kit_buf_printf(&index, "{\"weight_map\":{");
    for (int i = 0; i <= NATIVE_CHECKPOINT_FILES_MAX; i++) {
        snprintf(name, sizeof(name), "many/%d.safetensors", i);
        assert_int_equal(symlink(TEST_DATA "/" SHARDED "/" VARIANT_SHARD(1), test_temp_path(path, name)), 0);
        kit_buf_printf(&index, "%s\"t%d\":\"%d.safetensors\"", i > 0 ? "," : "", i, i);
    }
    kit_buf_printf(&index, "}}");
    test_temp_write(path, "many/" INDEX, kit_buf_str(&index));
    kit_buf_done(&index);
    assert_int_equal(native_checkpoint_open(folder, &c, &err), KIT_FULL);
    assert_non_null(strstr(err.msg, "256 files"));
}

/* --- weights of other kinds --- */

TEST(checkpoint_says_what_to_do_with_pytorch_model_bin)
{
    char path[TEST_PATH_BYTES], folder[TEST_PATH_BYTES];
    struct engine e;
    variant_make(folder, "bin", NULL, 0);
    assert_int_equal(unlink(test_temp_path(path, "bin/model.safetensors")), 0);
    const struct acb_plugin *p = aether_backend_entry(test_host_table());
    assert_int_equal(p->probe(folder), 0);
    test_temp_write(path, "bin/pytorch_model.bin", kit_str_lit("PK"));
    assert_int_equal(p->probe(folder), 5); /* so that the refusal is ours, unless somebody else can read it */
    assert_int_equal(engine_open(&e, folder, NULL, 1, 0), ACB_UNSUPPORTED);
    assert_non_null(strstr(e.error, "pytorch_model.bin"));
    assert_non_null(strstr(e.error, "save_pretrained"));
}

/* --- files that are cut --- */

static struct sigaction guard; /* cmocka puts a handler of its own before each test: this one is put back */

TEST(checkpoint_one_of_whose_files_is_cut_is_lost_and_not_the_process)
{
    char folder[TEST_PATH_BYTES], file[TEST_PATH_BYTES];
    struct engine e;
    struct acb_tensor *t = NULL;
    struct golden g = golden_read(TEST_DATA "/" SHARDED "/golden.jsonl", TEST_DATA "/" SHARDED "/golden.f32", 32);
    variant_of(folder, SHARDED, "cut-shard", NULL, 0);
    sigaction(SIGBUS, &guard, NULL);
    assert_int_equal(engine_open(&e, folder, NULL, 2, 0), ACB_OK);
    assert_int_equal(engine_run(&e, &g, 0, g.rows, 2, "logits", &t), ACB_OK);
    assert_int_equal(truncate(test_temp_path(file, "cut-shard/" VARIANT_SHARD(1)), 1), 0);
    assert_int_equal(engine_run(&e, &g, 0, g.rows, 2, "logits", &t), ACB_FATAL);
    assert_non_null(strstr(e.error, INDEX));
    test_host_free_outputs();
    engine_close(&e);
    golden_free(&g);
}

/* --- the worst of times --- */

TEST(checkpoint_survives_each_failed_alloc)
{
    uint64_t blocks = kit_alloc_count();
    TEST_ALLOC_SWEEP(n) {
        struct native_checkpoint *c = NULL;
        enum kit_status rc = native_checkpoint_open(TEST_DATA "/" SHARDED, &c, NULL);
        assert_true(rc == KIT_OK ? c != NULL : rc == KIT_NOMEM && c == NULL);
        native_checkpoint_close(c);
    }
    assert_true(kit_alloc_count() <= blocks); /* a helper thread that is just starting gives back its start */
}

int main(void)
{
    test_host_start(2);
    if (kit_map_guard_install(NULL) != KIT_OK || sigaction(SIGBUS, NULL, &guard) != 0) {
        return 1;
    }
    int failed = TEST_RUN(TEST_OF(checkpoint_finds_the_tensors_of_all_its_files),
                          TEST_OF(checkpoint_of_one_file_comes_before_an_index),
                          TEST_OF(checkpoint_follows_links_out_of_the_folder),
                          TEST_OF(checkpoint_refuses_each_bad_index_and_names_what_is_wrong),
                          TEST_OF(checkpoint_refuses_more_files_than_it_may_have),
                          TEST_OF(checkpoint_says_what_to_do_with_pytorch_model_bin),
                          TEST_OF(checkpoint_one_of_whose_files_is_cut_is_lost_and_not_the_process),
                          TEST_OF(checkpoint_survives_each_failed_alloc));
    test_host_stop();
    return failed;
}
