/* Every task over HTTP, on every architecture, as transformers' pipelines answer it (tools/golden/tasks.py). */
#include <stdio.h>

#include "kit/file.h"
#include "server.h"
#include "support/json_near.h"
#include "support/test.h"

#define NEAR 1e-4

static struct server server;

static kit_str next_line(kit_str *rest)
{
    kit_str line = {0};
    assert_true(kit_str_cut(rest, '\n', &line));
    return line;
}

/* Asks each question of an architecture's file and compares the outputs. */
static void ask_all(const char *name, uint32_t questions)
{
    char file[512];
    struct kit_buf golden;
    uint32_t asked = 0;
    kit_buf_init(&golden, 4 * KIT_MIB);
    snprintf(file, sizeof(file), "%s/tasks/%s.jsonl", TEST_DATA, name);
    assert_ok(kit_file_read(file, &golden, NULL));
    for (kit_str rest = kit_buf_str(&golden); rest.len > 0; asked++) {
        struct client_answer a;
        struct kit_json_doc *expected = NULL;
        kit_str question = next_line(&rest), outputs = next_line(&rest);
        char *body = kit_alloc_copy(question.ptr, question.len);
        print_message("%.*s\n", KIT_STR_ARG(kit_str_sub(question, 0, 110)));
        server_expect(&server, "POST", "/serve", body, 200, &a);
        assert_ok(kit_json_parse(outputs, 16, &expected, NULL));
        test_json_near(kit_json_get(kit_json_root(a.doc), "outputs"), kit_json_root(expected), NEAR);
        kit_json_free(expected);
        client_answer_done(&a);
        kit_alloc_free(body);
    }
    assert_int_equal(asked, questions);
    kit_buf_done(&golden);
}

TEST(bert_answers_as_transformers_does)
{
    ask_all("bert", 19);
    ask_all("bert-answer", 9);
}

TEST(roberta_answers_as_transformers_does)
{
    ask_all("roberta", 16);
    ask_all("roberta-answer", 9);
}

TEST(distilbert_answers_as_transformers_does)
{
    ask_all("distilbert", 16);
    ask_all("distilbert-answer", 9);
}

TEST(models_say_what_can_be_asked_of_them)
{
    struct client_answer a;
    server_expect_only(&server, "POST", "/models/tiny-bert-fill-mask/load?wait=true", "", 200);
    server_expect(&server, "GET", "/models/tiny-bert-fill-mask", NULL, 200, &a);
    struct kit_json_doc *expected = NULL;
    assert_ok(kit_json_parse(kit_str_lit("[\"fill-mask\",\"embed\",\"similarity\"]"), 2, &expected, NULL));
    test_json_near(kit_json_get(kit_json_root(a.doc), "tasks"), kit_json_root(expected), 0);
    kit_json_free(expected);
    client_answer_done(&a);
}

/* [CLS] a house [SEP] of tiny-bert's vocabulary, as its text gives them. */
TEST(tokens_are_embedded_as_their_text_is)
{
    struct client_answer tokens, text, ids, all;
    char body[256];
    server_expect(&server, "POST", "/tokenize", "{\"model\":\"tiny-bert-rerank\",\"inputs\":\"a house\"}", 200,
                  &tokens);
    size_t len = (size_t)snprintf(body, sizeof(body),
                                  "{\"model\":\"tiny-bert-rerank\",\"task\":\"embed\",\"inputs\":{\"tokens\":[");
    struct kit_json_iter row = kit_json_iter(kit_json_root(tokens.doc));
    assert_true(kit_json_next(&row));
    for (struct kit_json_iter i = kit_json_iter(row.value); kit_json_next(&i);) {
        len += (size_t)snprintf(body + len, sizeof(body) - len, "%s%d", i.index > 0 ? "," : "",
                                (int)kit_json_i64(kit_json_get(i.value, "id"), -1));
    }
    snprintf(body + len, sizeof(body) - len, "]}}");
    server_expect(&server, "POST", "/serve", body, 200, &ids);
    server_expect(&server, "POST", "/serve",
                  "{\"model\":\"tiny-bert-rerank\",\"task\":\"embed\",\"inputs\":\"a house\"}", 200, &text);
    test_json_near(kit_json_get(kit_json_root(ids.doc), "outputs"), kit_json_get(kit_json_root(text.doc), "outputs"),
                   NEAR);
    server_expect(&server, "POST", "/embed_all", "{\"model\":\"tiny-bert-rerank\",\"inputs\":\"a house\"}", 200, &all);
    struct kit_json_iter vectors = kit_json_iter(kit_json_root(all.doc));
    assert_true(kit_json_next(&vectors));
    assert_int_equal(kit_json_count(vectors.value), kit_json_count(row.value));
    client_answer_done(&tokens);
    client_answer_done(&text);
    client_answer_done(&ids);
    client_answer_done(&all);
}

static int start(void **state)
{
    static const char *const models[] = {"tiny-bert-classify",     "tiny-bert-rerank",
                                         "tiny-bert-tokens",       "tiny-bert-fill-mask",
                                         "tiny-bert-answer",       "tiny-roberta-classify",
                                         "tiny-roberta-tokens",    "tiny-roberta-fill-mask",
                                         "tiny-roberta-answer",    "tiny-distilbert-classify",
                                         "tiny-distilbert-tokens", "tiny-distilbert-fill-mask",
                                         "tiny-distilbert-answer", NULL};
    server_start(&server, server_models(models), NULL);
    *state = &server;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_OF(bert_answers_as_transformers_does), TEST_OF(roberta_answers_as_transformers_does),
        TEST_OF(models_say_what_can_be_asked_of_them), TEST_OF(tokens_are_embedded_as_their_text_is),
        TEST_OF(distilbert_answers_as_transformers_does)};
    return cmocka_run_group_tests(tests, start, server_tear_down);
}
