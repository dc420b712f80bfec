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
        enum kit_status rc = question_parse(&q, "{\"model\":\"m\",\"inputs\":[\"a\",\"b\"]}");
        assert_true(rc == KIT_OK || rc == KIT_NOMEM);
    }
    question_close(&q);
}

int main(void)
{
    return TEST_RUN(
        TEST_OF(question_takes_one_text), TEST_OF(question_takes_texts_task_priority_timeout_and_parameters),
        TEST_OF(question_takes_tensors), TEST_OF(question_that_is_wrong_names_the_field),
        TEST_OF(question_with_a_model_id_that_is_too_long_is_refused), TEST_OF(question_survives_each_failed_alloc));
}
