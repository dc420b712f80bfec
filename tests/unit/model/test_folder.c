#include "model/folder.h"

#include "world.h"

static int set_up(void **state)
{
    (void)state;
    folder_make();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    folder_remove("");
    return 0;
}

static struct model_folder look(const char *below)
{
    char path[FOLDER_BYTES * 2];
    struct model_folder f = {0};
    snprintf(path, sizeof(path), "%s/%s", folder, below);
    assert_int_equal(model_folder_look(path, &f, NULL), KIT_OK);
    return f;
}

TEST(folder_shards_reads_how_many_there_are)
{
    assert_int_equal(model_folder_shards(kit_str_lit("model-00002-of-00005.safetensors")), 5);
    assert_int_equal(model_folder_shards(kit_str_lit("llama-q4-00001-of-00012.gguf")), 12);
}

TEST(folder_shards_takes_no_other_name)
{
    static const char *const names[] = {"model.safetensors",
                                        "",
                                        "-00001-of-00002.safetensors",
                                        "model-00000-of-00002.safetensors",
                                        "model-00003-of-00002.safetensors",
                                        "model-0001-of-00002.safetensors",
                                        "model-00001-of-+0002.safetensors",
                                        "model-00001of00002.safetensors",
                                        "model-00001-of-00002.bin"};
    for (size_t i = 0; i < KIT_COUNT(names); i++) {
        assert_int_equal(model_folder_shards(kit_str_c(names[i])), 0);
    }
}

TEST(folder_is_complete_with_its_weights)
{
    put_file("x", "config.json", "{}");
    assert_string_equal(look("x").format, "custom");
    assert_false(look("x").complete);
    put_file("x", "model.safetensors", "");
    assert_false(look("x").complete); /* empty */
    put_file("x", "model.safetensors", "w");
    assert_string_equal(look("x").format, "safetensors");
    assert_true(look("x").complete);
}

TEST(folder_is_complete_with_the_last_shard)
{
    put_file("x", "config.json", "{}");
    put_file("x", "model.safetensors.index.json", "{}");
    put_file("x", "model-00001-of-00002.safetensors", "w");
    assert_false(look("x").complete);
    put_file("x", "model-00002-of-00002.safetensors", "w");
    assert_true(look("x").complete);
}

TEST(folder_with_a_link_to_nothing_or_a_pipe_is_not_complete)
{
    char path[FOLDER_BYTES * 2];
    put_file("x", "model.safetensors", "w");
    snprintf(path, sizeof(path), "%s/x/config.json", folder);
    assert_int_equal(symlink("../blobs/none", path), 0);
    assert_false(look("x").complete);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0644), 0);
    assert_false(look("x").complete);
    assert_int_equal(unlink(path), 0);
    put_file("x", "config.json", "{}");
    assert_true(look("x").complete);
}

TEST(folder_that_is_not_there_is_an_error)
{
    struct model_folder f = {0};
    struct kit_err err = {0};
    assert_int_equal(model_folder_look("/nonexistent/folder", &f, &err), KIT_NOT_FOUND);
}

int main(void)
{
#define IN_FOLDER(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    return TEST_RUN(IN_FOLDER(folder_shards_reads_how_many_there_are), IN_FOLDER(folder_shards_takes_no_other_name),
                    IN_FOLDER(folder_is_complete_with_its_weights), IN_FOLDER(folder_is_complete_with_the_last_shard),
                    IN_FOLDER(folder_with_a_link_to_nothing_or_a_pipe_is_not_complete),
                    IN_FOLDER(folder_that_is_not_there_is_an_error));
}
