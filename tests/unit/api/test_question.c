#include "question.h"

TEST(question_takes_one_text)
{
    struct question q;
    question_open(&q);
    assert_int_equal(question_parse(&q, "{\"model\":\"org/name\",\"inputs\":\"hello\"}"), KIT_OK);
    assert_string_equal(q.r->model_id, "org/name");
    assert_int_equal(q.r->inputs.text_count, 1);
    assert_str(q.r->inputs.texts[0], "hello");
    assert_int_equal(q.r->kind, TASK_DEFAULT);
    assert_int_equal(q.r->priority, SCHED_NORMAL);
    assert_true(q.r->parameters.truncate);
    assert_true(q.r->deadline_ns == KIT_NEVER_NS);
    question_close(&q);
}

TEST(question_takes_texts_task_priority_timeout_and_parameters)
{
    struct question q;
    question_open(&q);
    uint64_t before_ns = kit_clock_ns();
    assert_int_equal(
        question_parse(&q, "{\"model\":\"m\",\"inputs\":[\"a\",\"\",\"c\"],\"task\":\"embed\",\"priority\":\"high\","
                           "\"timeout_ms\":500,\"parameters\":{\"truncate\":false}}"),
        KIT_OK);
    assert_int_equal(q.r->inputs.text_count, 3);
    assert_str(q.r->inputs.texts[2], "c");
    assert_int_equal(q.r->kind, TASK_EMBED);
    assert_int_equal(q.r->priority, SCHED_HIGH);
    assert_false(q.r->parameters.truncate);
    assert_true(q.r->deadline_ns >= before_ns + 500 * KIT_NS_PER_MS);
    assert_true(q.r->deadline_ns < before_ns + 60000 * KIT_NS_PER_MS);
    question_close(&q);
}

TEST(question_takes_tensors)
{
    struct question q;
    question_open(&q);
    assert_int_equal(question_parse(&q, "{\"model\":\"m\",\"inputs\":{\"tensors\":[{\"name\":\"x\",\"dtype\":\"int32\","
                                        "\"shape\":[2,2],\"data\":[[1,2],[3,-4]]}]}}"),
                     KIT_OK);
    assert_int_equal(q.r->inputs.tensors.count, 1);
    const struct acb_tensor *t = q.r->inputs.tensors.tensor[0];
    assert_string_equal(t->name, "x");
    assert_int_equal(t->bytes, 16);
    assert_int_equal(((const int32_t *)t->data)[3], -4);
    question_close(&q);
}

TEST(question_takes_pairs_among_texts)
{
    struct question q;
    question_open(&q);
    assert_int_equal(question_parse(&q, "{\"model\":\"m\",\"inputs\":[\"a\",{\"text\":\"b\",\"pair\":\"c\"},"
                                        "{\"text\":\"d\",\"pair\":null},{\"text\":\"e\"}]}"),
                     KIT_OK);
    assert_int_equal(q.r->inputs.shape, TASK_SHAPE_PAIR);
    assert_int_equal(q.r->inputs.item_count, 4);
    assert_str(q.r->inputs.texts[1], "b");
    assert_str(q.r->inputs.pairs[1], "c");
    assert_null(q.r->inputs.pairs[0].ptr);
    assert_null(q.r->inputs.pairs[2].ptr);
    assert_str(q.r->inputs.texts[3], "e");
    assert_int_equal(question_parse(&q, "{\"model\":\"m\",\"inputs\":{\"text\":\"a\"}}"), KIT_OK);
    assert_int_equal(q.r->inputs.shape, TASK_SHAPE_TEXT);
    assert_false(q.r->inputs.batch);
    question_close(&q);
}

TEST(question_takes_lists_as_one_row_of_texts)
{
    struct question q;
    question_open(&q);
    assert_int_equal(question_parse(&q, "{\"model\":\"m\",\"inputs\":[{\"query\":\"q\",\"texts\":[\"a\",\"b\"]},"
                                        "{\"query\":\"r\",\"texts\":[\"c\"]}]}"),
                     KIT_OK);
    assert_int_equal(q.r->inputs.shape, TASK_SHAPE_RERANK);
    assert_int_equal(q.r->inputs.text_count, 3);
    assert_int_equal(q.r->inputs.firsts[1], 2);
    assert_int_equal(q.r->inputs.firsts[2], 3);
    assert_str(q.r->inputs.texts[1], "q");
    assert_str(q.r->inputs.pairs[1], "b");
    assert_str(q.r->inputs.texts[2], "r");
    assert_int_equal(question_parse(&q, "{\"model\":\"m\",\"inputs\":{\"source\":\"s\",\"texts\":[\"a\",\"b\"]}}"),
                     KIT_OK);
    assert_int_equal(q.r->inputs.text_count, 3);
    assert_str(q.r->inputs.texts[0], "s");
    assert_str(q.r->inputs.texts[2], "b");
    assert_null(q.r->inputs.pairs);
    question_close(&q);
}

TEST(question_takes_every_parameter)
{
    struct question q;
    question_open(&q);
    assert_int_equal(
        question_parse(&q, "{\"model\":\"m\",\"inputs\":\"a\",\"parameters\":{\"truncate\":false,\"normalize\":true,"
                           "\"pooling\":\"cls\",\"top_k\":3,\"function\":\"sigmoid\",\"aggregation\":\"max\","
                           "\"targets\":[\"x\",\"y\"],\"max_answer_tokens\":7,\"stride\":0,\"null_answer\":true,"
                           "\"top_n\":2,\"return_text\":true,\"raw_scores\":true}}"),
        KIT_OK);
    const struct task_parameters *p = &q.r->parameters;
    assert_true(!p->truncate && p->normalize && p->null_answer && p->return_text && p->raw_scores);
    assert_int_equal(p->pooling, TASK_POOLING_CLS);
    assert_int_equal(p->function, TASK_FUNCTION_SIGMOID);
    assert_int_equal(p->aggregation, TASK_AGGREGATION_MAX);
    assert_int_equal(p->top_k, 3);
    assert_int_equal(p->top_n, 2);
    assert_int_equal(p->max_answer_tokens, 7);
    assert_true(task_parameters_has(p, "stride") && p->stride == 0);
    assert_int_equal(p->targets.count, 2);
    assert_str(p->targets.texts[1], "y");
    assert_int_equal(question_parse(&q, "{\"model\":\"m\",\"inputs\":\"a\",\"parameters\":{\"stride\":null}}"), KIT_OK);
    assert_false(task_parameters_has(&q.r->parameters, "stride"));
    question_close(&q);
}

TEST(question_that_is_wrong_names_the_field)
{
    static const struct {
        const char *body;
        enum kit_status status;
        const char *param;
    } rows[] = {
        {"", KIT_PARSE, ""},
        {"{\"model\":", KIT_PARSE, ""},
        {"[]", KIT_INVALID, ""},
        {"{\"model\":1,\"inputs\":\"x\"}", KIT_INVALID, "model"},
        {"{\"model\":\"\",\"inputs\":\"x\"}", KIT_INVALID, "model"},
        {"{\"model\":\"m\",\"task\":\"\",\"inputs\":\"x\"}", KIT_INVALID, "task"},
        {"{\"model\":\"m\"}", KIT_INVALID, "inputs"},
        {"{\"model\":\"m\",\"inputs\":7}", KIT_INVALID, "inputs"},
        {"{\"model\":\"m\",\"inputs\":[]}", KIT_INVALID, "inputs"},
        {"{\"model\":\"m\",\"inputs\":[\"a\",7]}", KIT_INVALID, "inputs[1]"},
        {"{\"model\":\"m\",\"inputs\":[\"1\",\"2\",\"3\",\"4\",\"5\"]}", KIT_TOO_LARGE, "inputs"},
        {"{\"model\":\"m\",\"input\":\"x\"}", KIT_INVALID, "input"},
        {"{\"model\":\"m\",\"inputs\":\"x\",\"task\":\"sing\"}", KIT_INVALID, "task"},
        {"{\"model\":\"m\",\"inputs\":\"x\",\"priority\":\"urgent\"}", KIT_INVALID, "priority"},
        {"{\"model\":\"m\",\"inputs\":\"x\",\"timeout_ms\":0}", KIT_INVALID, "timeout_ms"},
        {"{\"model\":\"m\",\"inputs\":\"x\",\"timeout_ms\":1001}", KIT_INVALID, "timeout_ms"},
        {"{\"model\":\"m\",\"inputs\":\"x\",\"timeout_ms\":\"5\"}", KIT_INVALID, "timeout_ms"},
        {"{\"model\":\"m\",\"inputs\":\"x\",\"parameters\":[]}", KIT_INVALID, "parameters"},
        {"{\"model\":\"m\",\"inputs\":\"x\",\"parameters\":{\"trunc\":true}}", KIT_INVALID, "parameters.trunc"},
        {"{\"model\":\"m\",\"inputs\":{\"tensors\":[]}}", KIT_INVALID, "inputs.tensors"},
        {"{\"model\":\"m\",\"inputs\":[{\"tensors\":[]}]}", KIT_INVALID, "inputs[0]"},
        {"{\"model\":\"m\",\"inputs\":{}}", KIT_INVALID, "inputs"},
        {"{\"model\":\"m\",\"inputs\":[\"a\",{\"txt\":\"b\"}]}", KIT_INVALID, "inputs[1]"},
        {"{\"model\":\"m\",\"inputs\":[\"a\",null]}", KIT_INVALID, "inputs[1]"},
        {"{\"model\":\"m\",\"inputs\":[[\"a\"]]}", KIT_INVALID, "inputs[0]"},
        {"{\"model\":\"m\",\"inputs\":{\"text\":\"b\",\"pears\":\"c\"}}", KIT_INVALID, "inputs.pears"},
        {"{\"model\":\"m\",\"inputs\":[\"a\",{\"text\":\"b\",\"pair\":7}]}", KIT_INVALID, "inputs[1].pair"},
        {"{\"model\":\"m\",\"inputs\":{\"pair\":\"c\"}}", KIT_INVALID, "inputs.text"},
        {"{\"model\":\"m\",\"inputs\":{\"question\":\"b\"}}", KIT_INVALID, "inputs.context"},
        {"{\"model\":\"m\",\"inputs\":{\"context\":\"b\"}}", KIT_INVALID, "inputs.question"},
        {"{\"model\":\"m\",\"inputs\":{\"query\":\"b\"}}", KIT_INVALID, "inputs.texts"},
        {"{\"model\":\"m\",\"inputs\":{\"query\":\"b\",\"texts\":\"c\"}}", KIT_INVALID, "inputs.texts"},
        {"{\"model\":\"m\",\"inputs\":{\"query\":\"b\",\"texts\":[]}}", KIT_INVALID, "inputs.texts"},
        {"{\"model\":\"m\",\"inputs\":{\"query\":\"b\",\"texts\":[\"c\",{}]}}", KIT_INVALID, "inputs.texts[1]"},
        {"{\"model\":\"m\",\"inputs\":[{\"source\":1,\"texts\":[\"c\"]}]}", KIT_INVALID, "inputs[0].source"},
        {"{\"model\":\"m\",\"inputs\":[{\"source\":\"b\",\"texts\":[\"c\",0]}]}", KIT_INVALID, "inputs[0].texts[1]"},
        {"{\"model\":\"m\",\"inputs\":[{\"source\":\"b\",\"texts\":[\"c\"],\"n\":1}]}", KIT_INVALID, "inputs[0].n"},
        {"{\"model\":\"m\",\"inputs\":[\"a\",{\"question\":\"b\",\"context\":\"c\"}]}", KIT_INVALID, "inputs[1]"},
        {"{\"model\":\"m\",\"inputs\":{\"source\":\"b\",\"texts\":[\"1\",\"2\",\"3\",\"4\"]}}", KIT_TOO_LARGE,
         "inputs"},
        {"{\"model\":\"m\",\"inputs\":[{\"query\":\"b\",\"texts\":[\"1\",\"2\",\"3\"]},{\"query\":\"b\",\"texts\":"
         "[\"1\",\"2\"]}]}",
         KIT_TOO_LARGE, "inputs"},
        {"{\"model\":\"m\",\"inputs\":\"x\",\"parameters\":{\"truncate\":1}}", KIT_INVALID, "parameters.truncate"},
        {"{\"model\":\"m\",\"inputs\":\"x\",\"parameters\":{\"top_k\":0}}", KIT_INVALID, "parameters.top_k"},
        {"{\"model\":\"m\",\"inputs\":\"x\",\"parameters\":{\"top_k\":1.5}}", KIT_INVALID, "parameters.top_k"},
        {"{\"model\":\"m\",\"inputs\":\"x\",\"parameters\":{\"pooling\":\"\"}}", KIT_INVALID, "parameters.pooling"},
        {"{\"model\":\"m\",\"inputs\":\"x\",\"parameters\":{\"function\":3}}", KIT_INVALID, "parameters.function"},
        {"{\"model\":\"m\",\"inputs\":\"x\",\"parameters\":{\"targets\":[]}}", KIT_INVALID, "parameters.targets"},
        {"{\"model\":\"m\",\"inputs\":\"x\",\"parameters\":{\"targets\":[1]}}", KIT_INVALID, "parameters.targets"},
    };
    struct question q;
    question_open(&q);
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        assert_int_equal(question_parse(&q, rows[i].body), rows[i].status);
        assert_string_equal(q.err.param, rows[i].param);
        assert_true(q.err.msg[0] != '\0');
    }
    question_close(&q);
}

TEST(question_that_is_wrong_says_what_it_has_instead)
{
    static const char *const rows[][2] = {
        {"\"inputs\":\"x\",\"parameters\":{\"top_k\":0}", "from 1 to 10000, but is 0"},
        {"\"inputs\":\"x\",\"parameters\":{\"top_k\":1.5}", "but is 1.5"},
        {"\"inputs\":\"x\",\"parameters\":{\"top_k\":\"9\"}", "but is a string"},
        {"\"inputs\":\"x\",\"parameters\":{\"targets\":[]}", "but is an array of 0"},
        {"\"inputs\":\"x\",\"parameters\":{\"targets\":[\"a\",1]}",
         "'parameters.targets[1]' must be a string, but is 1"},
        {"\"inputs\":[]", "'inputs' is empty: give at least one input"},
        {"\"inputs\":[1,2,3,4,5,6]", "send the rest in another question"},
        {"\"model\":\"m\"", "but is missing"},
        {"\"inputs\":{\"query\":\"b\",\"texts\":[]}", "at least one string, but is an array of 0"},
        {"\"inputs\":\"x\",\"timeout_ms\":-1", "but is -1"},
    };
    struct question q;
    question_open(&q);
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        char body[256];
        snprintf(body, sizeof(body), "{%s}", rows[i][0]);
        assert_int_not_equal(question_parse(&q, body), KIT_OK);
        assert_non_null(strstr(q.err.msg, rows[i][1]));
    }
    question_close(&q);
}

TEST(question_with_a_model_id_that_is_too_long_is_refused)
{
    struct question q;
    char body[512];
    question_open(&q);
    snprintf(body, sizeof(body), "{\"model\":\"%0200d\",\"inputs\":\"x\"}", 7);
    assert_int_equal(question_parse(&q, body), KIT_INVALID);
    assert_string_equal(q.err.param, "model");
    question_close(&q);
}

TEST(question_survives_each_failed_alloc)
{
    struct question q;
    question_open(&q);
    TEST_ALLOC_SWEEP(n) {
        enum kit_status rc = question_parse(&q, "{\"model\":\"m\",\"inputs\":[{\"query\":\"a\",\"texts\":[\"b\"]}],"
                                                "\"parameters\":{\"targets\":[\"c\"]}}");
        assert_true(rc == KIT_OK || rc == KIT_NOMEM);
    }
    question_close(&q);
}

int main(void)
{
    return TEST_RUN(
        TEST_OF(question_takes_one_text), TEST_OF(question_takes_texts_task_priority_timeout_and_parameters),
        TEST_OF(question_takes_tensors), TEST_OF(question_takes_pairs_among_texts),
        TEST_OF(question_takes_lists_as_one_row_of_texts), TEST_OF(question_takes_every_parameter),
        TEST_OF(question_that_is_wrong_names_the_field), TEST_OF(question_that_is_wrong_says_what_it_has_instead),
        TEST_OF(question_with_a_model_id_that_is_too_long_is_refused), TEST_OF(question_survives_each_failed_alloc));
}
