/* POST /serve with texts: the right vectors, in the right order, through the whole way. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "kit/alloc.h"
#include "kit/file.h"
#include "server.h"
#include "support/test.h"

#define TINY_DIMENSIONS 32
#define MINILM_DIMENSIONS 384
#define COSINE_MIN 0.99999
#define DIFFERENCE_MAX 1e-4

static struct server server;

/* Copies a JSON array of numbers; its length must be n. */
static void take_vector(kit_json array, float *to, size_t n)
{
    assert_int_equal(kit_json_count(array), n);
    for (struct kit_json_iter i = kit_json_iter(array); kit_json_next(&i);) {
        to[i.index] = (float)kit_json_f64(i.value, NAN);
    }
}

static void assert_close(const float *a, const float *b, size_t n)
{
    double dot = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < n; i++) {
        assert_true(fabs((double)a[i] - b[i]) <= DIFFERENCE_MAX);
        dot += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    assert_true(dot / sqrt(aa * bb) >= COSINE_MIN);
}

static void embed_tiny(const char *text, float *to)
{
    char body[1024];
    struct client_answer a;
    snprintf(body, sizeof(body), "{\"model\":\"tiny-bert\",\"inputs\":\"%s\"}", text);
    server_expect(&server, "POST", "/serve", body, 200, &a);
    struct kit_json_iter i = kit_json_iter(kit_json_get(kit_json_root(a.doc), "outputs"));
    assert_true(kit_json_next(&i));
    take_vector(i.value, to, TINY_DIMENSIONS);
    client_answer_done(&a);
}

TEST(an_answer_names_model_version_task_tokens_and_times)
{
    struct client_answer a;
    server_expect(&server, "POST", "/serve", "{\"model\":\"tiny-bert\",\"inputs\":[\"a\",\"b c\"]}", 200, &a);
    kit_json root = kit_json_root(a.doc), timing = kit_json_get(root, "timing");
    assert_str(kit_json_str(kit_json_get(root, "model"), (kit_str){0}), "tiny-bert");
    assert_str(kit_json_str(kit_json_get(root, "task"), (kit_str){0}), "embed");
    assert_int_equal(kit_json_i64(kit_json_get(root, "version"), 0), 1);
    assert_int_equal(kit_json_count(kit_json_get(root, "outputs")), 2);
    assert_true(kit_json_i64(kit_json_get(kit_json_get(root, "usage"), "tokens"), 0) >= 6);
    assert_true(kit_json_f64(kit_json_get(timing, "compute_ms"), -1) >= 0);
    assert_true(kit_json_f64(kit_json_get(timing, "queue_ms"), -1) >= 0);
    assert_true(kit_json_f64(kit_json_get(timing, "total_ms"), -1) >=
                kit_json_f64(kit_json_get(timing, "queue_ms"), 0));
    client_answer_done(&a);
}

TEST(many_texts_come_back_in_their_order)
{
    enum { COUNT = 300 };
    struct kit_buf body;
    struct client_answer a;
    kit_buf_init(&body, KIT_MIB);
    kit_buf_printf(&body, "{\"model\":\"tiny-bert\",\"inputs\":[");
    for (int i = 0; i < COUNT; i++) {
        kit_buf_printf(&body, "%s\"%.*s %d\"", i > 0 ? "," : "", i % 40,
                       "the cat the dog the cat the dog the cat the dog", i);
    }
    kit_buf_printf(&body, "]}");
    kit_buf_add_char(&body, '\0');
    server_expect(&server, "POST", "/serve", body.ptr, 200, &a);
    kit_json outputs = kit_json_get(kit_json_root(a.doc), "outputs");
    assert_int_equal(kit_json_count(outputs), COUNT);
    for (struct kit_json_iter i = kit_json_iter(outputs); kit_json_next(&i);) {
        if (i.index % 37 == 0) {
            char text[128];
            float here[TINY_DIMENSIONS], alone[TINY_DIMENSIONS];
            snprintf(text, sizeof(text), "%.*s %d", (int)(i.index % 40),
                     "the cat the dog the cat the dog the cat the dog", (int)i.index);
            take_vector(i.value, here, TINY_DIMENSIONS);
            embed_tiny(text, alone);
            assert_close(here, alone, TINY_DIMENSIONS);
        }
    }
    client_answer_done(&a);
    kit_buf_done(&body);
}

TEST(a_text_that_is_too_long_is_cut_or_refused_as_asked)
{
    struct kit_buf body;
    struct client_answer a;
    kit_buf_init(&body, KIT_MIB);
    kit_buf_printf(&body, "{\"model\":\"tiny-bert\",\"parameters\":{\"truncate\":false},\"inputs\":[\"a\",\"");
    for (int i = 0; i < 200; i++) {
        kit_buf_printf(&body, "a ");
    }
    kit_buf_printf(&body, "\"]}");
    kit_buf_add_char(&body, '\0');
    server_expect(&server, "POST", "/serve", body.ptr, 413, &a);
    kit_json error = kit_json_get(kit_json_root(a.doc), "error");
    assert_str(kit_json_str(kit_json_get(error, "param"), (kit_str){0}), "inputs[1]");
    client_answer_done(&a);
    char *off = strstr(body.ptr, "false");
    memcpy(off, "true ", 5);
    server_expect_only(&server, "POST", "/serve", body.ptr, 200);
    kit_buf_done(&body);
}

TEST(five_thousand_short_texts_fit_into_one_question)
{
    struct kit_buf body;
    struct client_answer a;
    kit_buf_init(&body, KIT_MIB);
    kit_buf_printf(&body, "{\"model\":\"tiny-bert\",\"inputs\":[\"a\"");
    for (int i = 1; i < 5000; i++) {
        kit_buf_printf(&body, ",\"a\"");
    }
    kit_buf_printf(&body, "]}");
    kit_buf_add_char(&body, '\0');
    server_expect(&server, "POST", "/serve", body.ptr, 200, &a);
    assert_int_equal(kit_json_count(kit_json_get(kit_json_root(a.doc), "outputs")), 5000);
    client_answer_done(&a);
    kit_buf_done(&body);
}

TEST(bad_questions_are_refused_and_good_ones_go_on)
{
    static const struct {
        const char *body;
        int status;
    } rows[] = {
        {"", 400},
        {"{", 400},
        {"{\"model\":\"tiny-bert\"}", 400},
        {"{\"model\":\"tiny-bert\",\"inputs\":[1]}", 400},
        {"{\"model\":\"tiny-bert\",\"inputs\":\"a\",\"task\":\"raw\"}", 422},
        {"{\"model\":\"tiny-bert\",\"inputs\":{\"tensors\":[{\"name\":\"nonsense\",\"dtype\":\"int32\",\"shape\":[1],"
         "\"data\":[1]}]}}",
         400},
        {"{\"model\":\"tiny-bert\",\"inputs\":{\"tensors\":[{\"name\":\"input_ids\",\"dtype\":\"int32\",\"shape\":[1,1]"
         ",\"data\":[999999]}]}}",
         400},
    };
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        server_expect_only(&server, "POST", "/serve", rows[i].body, rows[i].status);
        server_expect_only(&server, "POST", "/serve", "{\"model\":\"tiny-bert\",\"inputs\":\"a\"}", 200);
    }
}

TEST(a_task_that_the_model_has_not_is_refused_with_what_it_has)
{
    struct client_answer a;
    server_expect(&server, "POST", "/serve", "{\"model\":\"tiny-bert\",\"inputs\":{\"query\":\"a\",\"texts\":[\"b\"]}}",
                  422, &a);
    kit_json error = kit_json_get(kit_json_root(a.doc), "error");
    assert_str(kit_json_str(kit_json_get(error, "param"), (kit_str){0}), "task");
    assert_str(kit_json_str(kit_json_get(error, "message"), (kit_str){0}),
               "model 'tiny-bert' cannot do 'rerank'; it can do 'embed', 'similarity'");
    client_answer_done(&a);
}

TEST(raw_tensors_get_every_output_of_the_model)
{
    struct client_answer a;
    server_expect(&server, "POST", "/serve",
                  "{\"model\":\"tiny-bert\",\"inputs\":{\"tensors\":[{\"name\":\"input_ids\",\"dtype\":\"int32\","
                  "\"shape\":[1,3],\"data\":[2,5,3]}]}}",
                  200, &a);
    kit_json tensors = kit_json_get(kit_json_get(kit_json_root(a.doc), "outputs"), "tensors");
    assert_int_equal(kit_json_count(tensors), 2);
    for (struct kit_json_iter i = kit_json_iter(tensors); kit_json_next(&i);) {
        bool pooled = kit_str_eq(kit_json_str(kit_json_get(i.value, "name"), (kit_str){0}), kit_str_lit("pooled"));
        assert_int_equal(kit_json_count(kit_json_get(i.value, "data")), pooled ? TINY_DIMENSIONS : 3 * TINY_DIMENSIONS);
    }
    client_answer_done(&a);
}

TEST(without_a_model_the_only_ready_one_answers)
{
    server_expect_only(&server, "POST", "/serve", "{\"inputs\":\"a\"}", 200);
}

TEST(similarity_is_the_cosine_of_the_vectors_of_embed)
{
    static const char *const texts[] = {"the old stone", "a new paper boat", "the old stone", ""};
    float source[TINY_DIMENSIONS], vector[TINY_DIMENSIONS];
    struct client_answer a;
    server_expect(&server, "POST", "/serve",
                  "{\"model\":\"tiny-bert\",\"inputs\":{\"source\":\"the old stone\",\"texts\":[\"the old stone\","
                  "\"a new paper boat\",\"the old stone\",\"\"]}}",
                  200, &a);
    kit_json outputs = kit_json_get(kit_json_root(a.doc), "outputs");
    assert_str(kit_json_str(kit_json_get(kit_json_root(a.doc), "task"), (kit_str){0}), "similarity");
    assert_int_equal(kit_json_count(outputs), 4);
    embed_tiny(texts[0], source);
    for (struct kit_json_iter i = kit_json_iter(outputs); kit_json_next(&i);) {
        double dot = 0;
        embed_tiny(texts[i.index], vector);
        for (int k = 0; k < TINY_DIMENSIONS; k++) {
            dot += (double)source[k] * vector[k]; /* both have length 1 */
        }
        assert_true(fabs(kit_json_f64(i.value, NAN) - dot) < 1e-5);
    }
    client_answer_done(&a);
}

/* --- the real model --- */

static kit_str next_text(kit_str *lines, struct kit_json_doc **doc)
{
    kit_str line;
    if (!kit_str_cut(lines, '\n', &line)) {
        return (kit_str){0};
    }
    assert_int_equal(kit_json_parse(line, 8, doc, NULL), KIT_OK);
    return kit_json_str(kit_json_get(kit_json_root(*doc), "text"), (kit_str){0});
}

static void embed_minilm(kit_str text, float *to)
{
    struct kit_buf body;
    struct kit_json_writer w;
    struct client_answer a;
    kit_buf_init(&body, KIT_MIB);
    kit_json_writer_init(&w, &body);
    kit_json_open(&w, '{');
    kit_json_key(&w, "model");
    kit_json_put_c(&w, "all-MiniLM-L6-v2");
    kit_json_key(&w, "inputs");
    kit_json_put_str(&w, text);
    kit_json_close(&w, '}');
    kit_buf_add_char(&body, '\0');
    server_expect(&server, "POST", "/serve", body.ptr, 200, &a);
    struct kit_json_iter i = kit_json_iter(kit_json_get(kit_json_root(a.doc), "outputs"));
    assert_true(kit_json_next(&i));
    take_vector(i.value, to, MINILM_DIMENSIONS);
    client_answer_done(&a);
    kit_buf_done(&body);
}

/* The cosine of a with b by 'similarity'. */
static double similarity_minilm(const char *a, const char *b)
{
    char body[512];
    struct client_answer answer;
    snprintf(body, sizeof(body), "{\"model\":\"all-MiniLM-L6-v2\",\"inputs\":{\"source\":\"%s\",\"texts\":[\"%s\"]}}",
             a, b);
    server_expect(&server, "POST", "/serve", body, 200, &answer);
    struct kit_json_iter i = kit_json_iter(kit_json_get(kit_json_root(answer.doc), "outputs"));
    assert_true(kit_json_next(&i));
    double cosine = kit_json_f64(i.value, NAN);
    client_answer_done(&answer);
    return cosine;
}

static void skip_without_minilm(void)
{
#if defined(__SANITIZE_THREAD__)
    print_message("all-MiniLM-L6-v2 computes for minutes under this sanitizer; the tiny models do the same\n");
    skip();
#endif
    if (!kit_file_exists(TEST_MODELS "/all-MiniLM-L6-v2/model.safetensors")) {
        print_message("all-MiniLM-L6-v2 is not in build/models ('make models' fetches it)\n");
        skip();
    }
}

TEST(similar_texts_are_closer_than_others_as_their_vectors_are)
{
    static const char *const texts[] = {"a cat sits on the mat", "a kitten lies on a rug",
                                        "the stock market fell today"};
    float vectors[3][MINILM_DIMENSIONS];
    skip_without_minilm();
    struct server tiny = server;
    server_start(&server, TEST_MODELS, NULL);
    for (int i = 0; i < 3; i++) {
        double dot = 0;
        embed_minilm(kit_str_c(texts[i]), vectors[i]);
        for (int d = 0; d < MINILM_DIMENSIONS; d++) {
            dot += (double)vectors[0][d] * vectors[i][d]; /* all have length 1 */
        }
        assert_true(fabs(similarity_minilm(texts[0], texts[i]) - dot) < 1e-5);
    }
    assert_true(similarity_minilm(texts[0], texts[1]) > similarity_minilm(texts[0], texts[2]) + 0.3);
    server_stop(&server);
    server = tiny;
}

TEST(two_hundred_texts_equal_sentence_transformers)
{
    skip_without_minilm();
    struct server tiny = server;
    struct kit_buf texts, golden;
    kit_buf_init(&texts, 16 * KIT_MIB);
    kit_buf_init(&golden, 16 * KIT_MIB);
    assert_int_equal(kit_file_read(TEST_DATA "/embed/texts.jsonl", &texts, NULL), KIT_OK);
    assert_int_equal(kit_file_read(TEST_DATA "/embed/minilm.f32", &golden, NULL), KIT_OK);
    server_start(&server, TEST_MODELS, NULL);
    kit_str lines = kit_buf_str(&texts);
    size_t count = 0;
    for (struct kit_json_doc *doc = NULL; lines.len > 0; kit_json_free(doc), doc = NULL) {
        float got[MINILM_DIMENSIONS], expected[MINILM_DIMENSIONS];
        kit_str text = next_text(&lines, &doc);
        embed_minilm(text, got);
        assert_true((count + 1) * sizeof(expected) <= golden.len);
        memcpy(expected, golden.ptr + count * sizeof(expected), sizeof(expected));
        assert_close(got, expected, MINILM_DIMENSIONS);
        count++;
    }
    assert_int_equal(count, 200);
    server_stop(&server);
    server = tiny;
    kit_buf_done(&texts);
    kit_buf_done(&golden);
}

static int start(void **state)
{
    return server_set_up(state, &server, "tiny-bert");
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST_OF(an_answer_names_model_version_task_tokens_and_times),
                                       TEST_OF(many_texts_come_back_in_their_order),
                                       TEST_OF(a_text_that_is_too_long_is_cut_or_refused_as_asked),
                                       TEST_OF(bad_questions_are_refused_and_good_ones_go_on),
                                       TEST_OF(a_task_that_the_model_has_not_is_refused_with_what_it_has),
                                       TEST_OF(raw_tensors_get_every_output_of_the_model),
                                       TEST_OF(similarity_is_the_cosine_of_the_vectors_of_embed),
                                       TEST_OF(without_a_model_the_only_ready_one_answers),
                                       TEST_OF(five_thousand_short_texts_fit_into_one_question),
                                       TEST_OF(similar_texts_are_closer_than_others_as_their_vectors_are),
                                       TEST_OF(two_hundred_texts_equal_sentence_transformers)};
    return cmocka_run_group_tests(tests, start, server_tear_down);
}
