/* Where models come from: the models folder, Hugging Face's cache read in place, and odd things that lie about there. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/file.h"
#include "server.h"
#include "support/temp.h"
#include "support/test.h"

#define COMMIT "0123456789abcdef0123456789abcdef01234567"
#define SNAPSHOT "cache/models--org--tiny/snapshots/" COMMIT

static struct server server;

static bool link_file(void *ctx, const char *name, bool is_folder)
{
    char to[TEST_PATH_BYTES], below[256], from[TEST_PATH_BYTES];
    (void)ctx, (void)is_folder;
    snprintf(below, sizeof(below), SNAPSHOT "/%s", name);
    snprintf(from, sizeof(from), TEST_DATA "/tiny-bert/%s", name);
    assert_int_equal(symlink(from, test_temp_path(to, below)), 0);
    return true;
}

/* A cache with org/tiny, whose files are links, and with a repository of which only config.json was fetched. */
static void put_cache(void)
{
    char path[TEST_PATH_BYTES];
    test_temp_write(path, "cache/models--org--tiny/refs/main", kit_str_lit(COMMIT));
    test_temp_write(path, "cache/models--org--half/refs/main", kit_str_lit(COMMIT));
    test_temp_write(path, "cache/models--org--half/snapshots/" COMMIT "/config.json", kit_str_lit("{}"));
    assert_int_equal(kit_file_make_folder(test_temp_path(path, SNAPSHOT), NULL), KIT_OK);
    assert_int_equal(kit_file_list(TEST_DATA "/tiny-bert", link_file, NULL, NULL), KIT_OK);
}

static void expect_text(const char *path, const char *key, const char *text)
{
    struct client_answer a;
    server_expect(&server, "GET", path, "", 200, &a);
    assert_str(kit_json_str(kit_json_get(kit_json_root(a.doc), key), (kit_str){0}), text);
    client_answer_done(&a);
}

TEST(a_model_in_the_cache_is_served_where_it_lies)
{
    struct client_answer a;
    expect_text("/models/org/tiny", "source", "hf_cache");
    expect_text("/models/org/tiny", "commit", COMMIT);
    expect_text("/models/org/echo", "source", "models");
    server_expect(&server, "POST", "/serve", "{\"model\":\"org/tiny\",\"inputs\":\"hello\"}", 200, &a);
    kit_json outputs = kit_json_get(kit_json_root(a.doc), "outputs");
    assert_int_equal(kit_json_count(outputs), 1);
    client_answer_done(&a);
    expect_text("/models/org/tiny", "state", "ready");
    server_expect_only(&server, "POST", "/models/org/tiny/unload", "", 200);
}

TEST(half_of_a_model_in_the_cache_is_no_model)
{
    server_expect_only(&server, "GET", "/models/org/half", "", 404);
}

TEST(a_pipe_where_a_file_should_be_fails_that_load_and_nothing_else)
{
    char path[TEST_PATH_BYTES];
    struct client_answer a;
    server_expect(&server, "POST", "/models/org/pipe/load?wait=true", "", 422, &a);
    kit_json error = kit_json_get(kit_json_root(a.doc), "error");
    assert_str(kit_json_str(kit_json_get(error, "code"), (kit_str){0}), "load_failed");
    client_answer_done(&a);
    assert_true(server_alive(&server));
    assert_int_equal(unlink(test_temp_path(path, "models/org/pipe/config.json")), 0);
}

static int start(void **state)
{
    static const char *const models[] = {"org/echo", NULL};
    static char cache[TEST_PATH_BYTES + 32];
    char path[TEST_PATH_BYTES];
    const char *folder = server_models(models);
    put_cache();
    test_temp_write(path, "models/org/pipe/model.safetensors", kit_str_lit("no tensors"));
    assert_int_equal(mkfifo(test_temp_path(path, "models/org/pipe/config.json"), 0644), 0);
    assert_int_equal(mkfifo(test_temp_path(path, "models/pipe"), 0644), 0);
    snprintf(cache, sizeof(cache), "models.hf_cache=%s", test_temp_path(path, "cache"));
    server_start(&server, folder, (const char *const[]){"--set", cache, "--set", "models.scan=200ms", NULL});
    *state = &server;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST_OF(a_model_in_the_cache_is_served_where_it_lies),
                                       TEST_OF(half_of_a_model_in_the_cache_is_no_model),
                                       TEST_OF(a_pipe_where_a_file_should_be_fails_that_load_and_nothing_else)};
    return cmocka_run_group_tests(tests, start, server_tear_down);
}
