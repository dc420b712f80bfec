/* GGUF files through the whole server: texts are made, and vectors are those of our own engine. Skipped without llama.cpp. */
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "kit/file.h"
#include "server.h"
#include "support/temp.h"
#include "support/test.h"

#define GGUF TEST_BUILD "/tests/gguf"
#define NATIVE TEST_MODELS "/all-MiniLM-L6-v2"
#define DIMENSIONS_MAX 1024
#define COSINE_MIN 0.999

static struct server server;

static bool is_there(const char *path)
{
    return access(path, R_OK) == 0;
}

/* TSan does not see into llama.cpp's own threads and takes them for races. */
#if defined(__SANITIZE_THREAD__)
#define SEES_LLAMA false
#else
#define SEES_LLAMA true
#endif

static bool has_llama(void)
{
    return SEES_LLAMA && is_there(TEST_BUILD "/lib/aether/llama.so") && is_there(GGUF "/generate/tiny.gguf");
}

static size_t embed(const char *model, float *to)
{
    char body[256];
    struct client_answer a;
    snprintf(body, sizeof(body), "{\"model\":\"%s\",\"input\":\"A cat sits on the mat.\"}", model);
    server_expect(&server, "POST", "/v1/embeddings", body, 200, &a);
    struct kit_json_iter data = kit_json_iter(kit_json_get(kit_json_root(a.doc), "data"));
    assert_true(kit_json_next(&data));
    size_t count = 0;
    for (struct kit_json_iter i = kit_json_iter(kit_json_get(data.value, "embedding")); kit_json_next(&i); count++) {
        assert_true(count < DIMENSIONS_MAX);
        to[count] = (float)kit_json_f64(i.value, NAN);
    }
    client_answer_done(&a);
    return count;
}

TEST(a_gguf_embeds_as_the_safetensors_that_it_was_made_of)
{
    float a[DIMENSIONS_MAX], b[DIMENSIONS_MAX];
    double ab = 0, aa = 0, bb = 0;
    if (!has_llama() || !is_there(GGUF "/minilm.gguf") || !is_there(NATIVE)) {
        skip();
    }
    size_t n = embed("minilm-gguf", a);
    assert_int_equal(embed("minilm", b), n);
    for (size_t i = 0; i < n; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    assert_true(ab / sqrt(aa * bb) >= COSINE_MIN);
}

TEST(a_gguf_goes_on_with_a_text_the_same_way_each_time)
{
    struct client_answer first, second;
    const char *ask = "{\"model\":\"tiny\",\"prompt\":[5,6,7],\"max_tokens\":12,\"temperature\":0}";
    if (!has_llama()) {
        skip();
    }
    server_expect(&server, "POST", "/v1/completions", ask, 200, &first);
    server_expect(&server, "POST", "/v1/completions", ask, 200, &second);
    kit_json a = kit_json_get(kit_json_root(first.doc), "choices"),
             b = kit_json_get(kit_json_root(second.doc), "choices");
    struct kit_json_iter ia = kit_json_iter(a), ib = kit_json_iter(b);
    assert_true(kit_json_next(&ia) && kit_json_next(&ib));
    assert_true(kit_str_eq(kit_json_str(kit_json_get(ia.value, "text"), kit_str_lit("a")),
                           kit_json_str(kit_json_get(ib.value, "text"), kit_str_lit("b"))));
    client_answer_done(&first);
    client_answer_done(&second);
}

static void link_model(const char *from, const char *name)
{
    char to[TEST_PATH_BYTES];
    if (is_there(from)) {
        test_temp_write(to, "gguf/models.txt", kit_str_lit(""));
        test_temp_path(to, name);
        assert_int_equal(symlink(from, to), 0);
    }
}

static int start(void **state)
{
    char path[TEST_PATH_BYTES];
    test_temp_write(path, "gguf/minilm-gguf/note.txt", kit_str_lit(""));
    test_temp_write(path, "gguf/tiny/note.txt", kit_str_lit(""));
    link_model(GGUF "/minilm.gguf", "gguf/minilm-gguf/minilm.gguf");
    link_model(GGUF "/generate/tiny.gguf", "gguf/tiny/tiny.gguf");
    link_model(NATIVE, "gguf/minilm");
    server_start(&server, test_temp_path(path, "gguf"), NULL);
    *state = &server;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST_OF(a_gguf_embeds_as_the_safetensors_that_it_was_made_of),
                                       TEST_OF(a_gguf_goes_on_with_a_text_the_same_way_each_time)};
    return cmocka_run_group_tests(tests, start, server_tear_down);
}
