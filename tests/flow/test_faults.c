/* Broken files, files that change under us, worker processes that die: one model fails, the server goes on. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/clock.h"
#include "kit/file.h"
#include "server.h"
#include "support/temp.h"
#include "support/test.h"

static struct server server;

static void path_in(char *path, size_t size, const char *models, const char *file)
{
    snprintf(path, size, "%s/tiny-bert/%s", models, file);
}

static void write_file(const char *path, kit_str bytes)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes.ptr, 1, bytes.len, f), bytes.len);
    assert_int_equal(fclose(f), 0);
}

static const char *fresh_models(void)
{
    static const char *const names[] = {"tiny-bert", "org/echo", NULL};
    return server_models(names);
}

static void assert_load_fails_naming(const char *what)
{
    struct client_answer a;
    server_expect(&server, "POST", "/models/tiny-bert/load?wait=true", "", 422, &a);
    kit_json error = kit_json_get(kit_json_root(a.doc), "error");
    assert_str(kit_json_str(kit_json_get(error, "code"), (kit_str){0}), "load_failed");
    if (strstr(a.text, what) == NULL) {
        fail_msg("'%s' is not named: %s", what, a.text);
    }
    client_answer_done(&a);
    server_expect_only(&server, "POST", "/models/org/echo/load?wait=true", "", 200);
}

TEST(broken_model_files_are_refused_by_name_and_the_server_goes_on)
{
    static const struct {
        const char *file, *content, *named;
    } rows[] = {
        {"config.json", "{", "config.json"},
        {"config.json", "{\"model_type\":\"bert\"}", "config.json"},
        {"tokenizer.json", "{\"model\":7}", "tokenizer"},
        {"tokenizer.json", "", "tokenizer"},
        {"model.safetensors", "", "safetensors"},
        {"model.safetensors", "\x05\0\0\0\0\0\0\0{\"a\":", "safetensors"},
        {"modules.json", "{]", "modules.json"},
    };
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        char path[TEST_PATH_BYTES];
        const char *models = fresh_models();
        path_in(path, sizeof(path), models, rows[i].file);
        write_file(path, kit_str_c(rows[i].content));
        assert_load_fails_naming(rows[i].named);
    }
    fresh_models();
    server_expect_only(&server, "POST", "/models/tiny-bert/load?wait=true", "", 200);
    server_expect_only(&server, "POST", "/models/tiny-bert/unload", "", 200);
}

/* Opening a pipe that nobody writes to would block for ever. */
TEST(a_pipe_in_place_of_a_file_is_refused_at_once)
{
    static const char *const files[] = {"config.json", "tokenizer.json", "modules.json", "model.safetensors"};
    for (size_t i = 0; i < KIT_COUNT(files); i++) {
        char path[TEST_PATH_BYTES];
        path_in(path, sizeof(path), fresh_models(), files[i]);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(mkfifo(path, 0600), 0);
        assert_load_fails_naming("regular file");
        assert_int_equal(unlink(path), 0);
    }
    fresh_models();
}

TEST(a_truncated_safetensors_is_refused_with_the_tensors_name)
{
    char path[TEST_PATH_BYTES];
    path_in(path, sizeof(path), fresh_models(), "model.safetensors");
    assert_int_equal(truncate(path, 50000), 0);
    assert_load_fails_naming("tensor");
    fresh_models();
}

/* What GET /models says of tiny-bert: its state, and its error if that is no null. */
static bool tiny_bert_is(const char *state, const char *error)
{
    struct client_answer a;
    char text[512];
    bool is = false;
    server_expect(&server, "GET", "/models", "", 200, &a);
    struct kit_json_iter each = kit_json_iter(kit_json_get(kit_json_root(a.doc), "models"));
    while (kit_json_next(&each)) {
        kit_str id = kit_json_str(kit_json_get(each.value, "id"), (kit_str){0});
        kit_str now = kit_json_str(kit_json_get(each.value, "state"), (kit_str){0});
        kit_str why = kit_json_str(kit_json_get(each.value, "error"), (kit_str){0});
        is = is || (kit_str_eq(id, kit_str_lit("tiny-bert")) && kit_str_eq(now, kit_str_c(state)) &&
                    strstr(kit_str_to_c(why, text, sizeof(text)), error) != NULL);
    }
    client_answer_done(&a);
    return is;
}

static void wait_until_tiny_bert_is(const char *state, const char *error)
{
    uint64_t until_ns = kit_clock_ns() + 20 * KIT_NS_PER_S;
    while (!tiny_bert_is(state, error) && kit_clock_ns() < until_ns) {
        usleep(10000);
    }
    if (!tiny_bert_is(state, error)) {
        fail_msg("tiny-bert did not become %s with '%s'", state, error);
    }
}

/* The word embeddings are read from the mapping: a file that loses them can not answer any more. */
TEST(a_file_that_is_cut_while_mapped_fails_its_model_only_which_comes_back)
{
    char path[TEST_PATH_BYTES];
    struct client_answer a;
    path_in(path, sizeof(path), fresh_models(), "model.safetensors");
    server_expect_only(&server, "POST", "/models/tiny-bert/load?wait=true", "", 200);
    server_expect_only(&server, "POST", "/serve", "{\"model\":\"tiny-bert\",\"inputs\":\"a b c\"}", 200);
    assert_int_equal(truncate(path, 0), 0);
    int status = server_call(&server, "POST", "/serve", "{\"model\":\"tiny-bert\",\"inputs\":\"the cat\"}", &a);
    assert_int_equal(status, 503);
    client_answer_done(&a);
    wait_until_tiny_bert_is("failed", "lost");
    assert_true(server_alive(&server));
    server_expect_only(&server, "POST", "/models/org/echo/load?wait=true", "", 200);
    fresh_models();
    wait_until_tiny_bert_is("ready", "");
    server_expect_only(&server, "POST", "/serve", "{\"model\":\"tiny-bert\",\"inputs\":\"the cat\"}", 200);
    server_expect_only(&server, "POST", "/models/tiny-bert/unload", "", 200);
}

/* The first child process of the server, 0 when there is none. */
static pid_t child_of(pid_t parent)
{
    char path[64];
    int child = 0;
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", parent, parent);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    if (fscanf(f, "%d", &child) != 1) {
        child = 0;
    }
    fclose(f);
    return child;
}

static pid_t any_child(pid_t parent)
{
    char folder[64], command[160], text[32] = "";
    snprintf(folder, sizeof(folder), "/proc/%d/task", parent);
    snprintf(command, sizeof(command), "cat %s/*/children 2>/dev/null", folder);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof(text) - 1, f);
    text[n] = '\0';
    pclose(f);
    return n > 0 ? (pid_t)atoi(text) : child_of(parent);
}

static bool serves(void)
{
    struct client_answer a;
    int status = server_call(&server, "POST", "/serve", "{\"model\":\"tiny-bert\",\"inputs\":\"a\"}", &a);
    client_answer_done(&a);
    assert_true(status == 200 || status == 503 || status == 422);
    return status == 200;
}

TEST(a_cell_that_is_killed_costs_its_model_only_and_comes_back)
{
    struct server in_process = server;
    static const char *const args[] = {"--set", "models.isolation=process", NULL};
    server_start(&server, fresh_models(), args);
    server_expect_only(&server, "POST", "/models/tiny-bert/load?wait=true", "", 200);
    assert_true(serves());
    pid_t cell = any_child(server.pid);
    assert_true(cell > 0);
    assert_int_equal(kill(cell, SIGKILL), 0);
    uint64_t until_ns = kit_clock_ns() + 20 * KIT_NS_PER_S;
    while (!serves() && kit_clock_ns() < until_ns) {
        usleep(50000);
    }
    assert_true(serves());
    assert_true(any_child(server.pid) != cell);
    assert_true(server_metric(&server, "model_restarts_total") >= 1);
    server_stop(&server);
    server = in_process;
}

static int start(void **state)
{
    server_start(&server, fresh_models(), NULL);
    *state = &server;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST_OF(broken_model_files_are_refused_by_name_and_the_server_goes_on),
                                       TEST_OF(a_pipe_in_place_of_a_file_is_refused_at_once),
                                       TEST_OF(a_truncated_safetensors_is_refused_with_the_tensors_name),
                                       TEST_OF(a_file_that_is_cut_while_mapped_fails_its_model_only_which_comes_back),
                                       TEST_OF(a_cell_that_is_killed_costs_its_model_only_and_comes_back)};
    return cmocka_run_group_tests(tests, start, server_tear_down);
}
