#include "rig.h"

#include <stdlib.h>

/* A question to a model that takes 50 ms for each, one by one. */
#define RAW(more)                                                                                                      \
    "{\"model\":\"raw\",\"inputs\":{\"tensors\":[{\"name\":\"x\",\"dtype\":\"int32\",\"shape\":[1],\"data\":[7]}]"     \
    "}" more "}"

static struct rig rig;
static struct http_client client;

static void open_all(void)
{
    rig_open(&rig);
    rig_connect(&rig, &client);
}

static void close_all(void)
{
    http_client_close(&client);
    rig_close(&rig);
}

/* Asks, and gives the answer's document. */
static struct kit_json_doc *ask(const char *body, int status)
{
    rig_post(&client, "/serve/batch", body);
    return rig_answer(&client, status);
}

static kit_json result(const struct kit_json_doc *doc, size_t index)
{
    return rig_item(kit_json_get(kit_json_root(doc), "results"), index);
}

static void expect_result(const struct kit_json_doc *doc, size_t index, const char *id, int status)
{
    kit_json r = result(doc, index);
    assert_str(rig_str(r, "id"), id);
    assert_int_equal(kit_json_i64(kit_json_get(r, "status"), 0), status);
    assert_int_equal(kit_json_type(kit_json_get(r, "outputs")) != KIT_JSON_NONE, status == 200);
    assert_int_equal(kit_json_type(kit_json_get(r, "error")) != KIT_JSON_NONE, status != 200);
}

TEST(results_come_in_the_order_asked_each_with_a_status_of_its_own)
{
    open_all();
    kit_json_free(ask("{\"requests\":[" RAW("") "]}", 200)); /* it is loaded now */
    struct kit_json_doc *doc =
        ask("{\"requests\":[" RAW(",\"id\":\"slow\"") "," RAW("") "," RAW("") "," RAW(
                ",\"id\":\"late\",\"timeout_ms\":20") ","
                                                      "{\"id\":\"none\",\"model\":\"nosuch\",\"inputs\":\"a\"},"
                                                      "{\"id\":\"good\",\"model\":\"vectors\",\"inputs\":[\"a\",\"b\"],"
                                                      "\"task\":\"embed\"},"
                                                      "{\"id\":\"bad\",\"model\":\"vectors\",\"inputs\":7},"
                                                      "{\"id\":\"odd\",\"model\":\"vectors\",\"inputs\":\"a\","
                                                      "\"temperature\":1},"
                                                      "[1,2]]}",
            200);
    assert_int_equal(kit_json_count(kit_json_get(kit_json_root(doc), "results")), 9);
    expect_result(doc, 0, "slow", 200);
    expect_result(doc, 1, "1", 200);
    expect_result(doc, 3, "late", 504);
    expect_result(doc, 4, "none", 404);
    expect_result(doc, 5, "good", 200);
    expect_result(doc, 6, "bad", 400);
    expect_result(doc, 7, "odd", 400);
    expect_result(doc, 8, "8", 400);
    assert_str(rig_code(result(doc, 4)), "model_not_found");
    assert_str(rig_str(kit_json_get(result(doc, 6), "error"), "param"), "inputs");
    assert_str(rig_str(kit_json_get(result(doc, 6), "error"), "request_id"), "rig");
    assert_str(rig_str(result(doc, 5), "task"), "embed");
    assert_int_equal(kit_json_count(kit_json_get(result(doc, 5), "outputs")), 2);
    assert_int_equal(kit_json_count(kit_json_get(result(doc, 5), "timing")), 3);
    kit_json_free(doc);
    close_all();
}

TEST(a_request_without_an_id_gets_its_index_and_an_id_counts_once)
{
    open_all();
    struct kit_json_doc *doc = ask("{\"requests\":["
                                   "{\"model\":\"vectors\",\"inputs\":\"a\"},"
                                   "{\"id\":\"x\",\"model\":\"vectors\",\"inputs\":\"a\"},"
                                   "{\"id\":null,\"model\":\"vectors\",\"inputs\":\"a\"},"
                                   "{\"id\":\"x\",\"model\":\"vectors\",\"inputs\":\"a\"},"
                                   "{\"id\":7,\"model\":\"vectors\",\"inputs\":\"a\"},"
                                   "{\"id\":\"\",\"model\":\"vectors\",\"inputs\":\"a\"}]}",
                                   200);
    expect_result(doc, 0, "0", 200);
    expect_result(doc, 1, "x", 200);
    expect_result(doc, 2, "2", 200);
    expect_result(doc, 3, "x", 400);
    expect_result(doc, 4, "4", 400);
    expect_result(doc, 5, "5", 400);
    assert_str(rig_str(kit_json_get(result(doc, 3), "error"), "param"), "id");
    kit_json_free(doc);
    close_all();
}

TEST(an_envelope_that_is_wrong_is_refused_as_a_whole)
{
    static const struct {
        const char *body;
        int status;
        const char *code, *param;
    } rows[] = {
        {"", 400, "parse_error", ""},
        {"{\"requests\":[", 400, "parse_error", ""},
        {"[]", 400, "invalid_request", ""},
        {"{}", 400, "invalid_request", "requests"},
        {"{\"requests\":{}}", 400, "invalid_request", "requests"},
        {"{\"requests\":[]}", 400, "invalid_request", "requests"},
        {"{\"requests\":[{\"inputs\":\"a\"}],\"model\":\"vectors\"}", 400, "invalid_request", "model"},
        {"{\"requests\":[1,2,3,4]}", 413, "too_large", "requests"},
        {"{\"requests\":[{\"inputs\":[\"a\",\"b\",\"c\"]},{\"inputs\":[\"a\",\"b\",\"c\"]}]}", 413, "too_large",
         "requests"},
    };
    rig_set_usual(&rig);
    rig.options.requests_max = 3;
    rig.options.texts_max = 5;
    open_all();
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        struct kit_json_doc *doc = ask(rows[i].body, rows[i].status);
        assert_str(rig_code(kit_json_root(doc)), rows[i].code);
        assert_str(rig_str(kit_json_get(kit_json_root(doc), "error"), "param"), rows[i].param);
        kit_json_free(doc);
    }
    close_all();
}

/* {"requests":[{"model":"…","inputs":["t0","t1",…]}, …]} */
static char *many(const char *model, int requests, int texts)
{
    struct kit_buf body;
    kit_buf_init(&body, 16 * KIT_MIB);
    for (int i = 0; i < requests; i++) {
        kit_buf_printf(&body, "%s{\"model\":\"%s\",\"inputs\":[", i == 0 ? "{\"requests\":[" : ",", model);
        for (int t = 0; t < texts; t++) {
            kit_buf_printf(&body, "%s\"the cat %d\"", t == 0 ? "" : ",", t);
        }
        kit_buf_add(&body, kit_str_lit("]}"));
    }
    kit_buf_add(&body, kit_str_lit("]}"));
    kit_buf_add_char(&body, '\0');
    char *text = kit_buf_take(&body, NULL);
    assert_non_null(text);
    return text;
}

TEST(a_long_body_goes_over_the_work_pool_and_answers_the_same)
{
    char *body = many("vectors", 300, 6);
    open_all();
    assert_true(strlen(body) > rig.options.inline_bytes_max);
    struct kit_json_doc *one = ask("{\"requests\":[{\"model\":\"vectors\",\"inputs\":\"the cat 0\"}]}", 200);
    struct kit_json_doc *doc = ask(body, 200);
    assert_int_equal(kit_json_count(kit_json_get(kit_json_root(doc), "results")), 300);
    for (size_t i = 0; i < 300; i += 37) {
        char index[16];
        snprintf(index, sizeof(index), "%zu", i);
        expect_result(doc, i, index, 200);
        kit_json outputs = kit_json_get(result(doc, i), "outputs");
        assert_int_equal(kit_json_count(outputs), 6);
        for (size_t d = 0; d < 4; d++) {
            assert_int_equal(kit_json_i64(rig_item(rig_item(outputs, 5), d), 0),
                             kit_json_i64(rig_item(rig_item(kit_json_get(result(one, 0), "outputs"), 0), d), -1));
        }
    }
    kit_json_free(doc);
    kit_json_free(one);
    kit_alloc_free(body);
    close_all();
}

TEST(a_long_body_that_is_wrong_is_refused_after_its_errand)
{
    char *body = many("vectors", 300, 6);
    open_all();
    body[strlen(body) - 1] = '\0';
    struct kit_json_doc *doc = ask(body, 400);
    assert_str(rig_code(kit_json_root(doc)), "parse_error");
    kit_json_free(doc);
    kit_alloc_free(body);
    close_all();
}

/* 64 answers of about 200 KB each, through a buffer of 64 KiB. */
TEST(an_answer_larger_than_every_buffer_is_pulled_by_its_reader)
{
    char *body = many("wide", 64, 8);
    rig_set_usual(&rig);
    rig.http.write_buffer_bytes_max = 64 * KIT_KIB;
    open_all();
    rig_post(&client, "/serve/batch", body);
    http_client_wait_text(&client, "\r\n\r\n");
    for (int i = 0; i < 2000; i++) {
        rig_turn(&rig); /* it reads nothing */
    }
    struct kit_json_doc *doc = rig_answer(&client, 200);
    for (size_t i = 0; i < 64; i++) {
        assert_int_equal(kit_json_count(kit_json_get(result(doc, i), "outputs")), 8);
    }
    kit_json_free(doc);
    kit_alloc_free(body);
    close_all();
}

TEST(a_client_that_leaves_takes_all_requests_with_it)
{
    char *body = many("slow", 40, 1);
    open_all();
    kit_json_free(ask("{\"requests\":[{\"model\":\"slow\",\"inputs\":\"a\"}]}", 200)); /* loaded */
    uint64_t from_ns = kit_clock_ns();
    rig_post(&client, "/serve/batch", body);
    http_client_turns(&client, 20);
    http_client_close(&client);
    rig_wait_idle(&rig);
    rig_connect(&rig, &client);
    kit_json_free(ask("{\"requests\":[{\"model\":\"slow\",\"inputs\":\"a\"}]}", 200));
    assert_true(kit_clock_ns() - from_ns < 40 * 50 / 2 * KIT_NS_PER_MS / 2); /* half of what all of them take */
    kit_alloc_free(body);
    close_all();
}

TEST(a_client_that_leaves_while_its_body_is_parsed_leaves_nothing)
{
    char *body = many("vectors", 500, 4);
    open_all();
    for (int i = 0; i < 20; i++) {
        rig_post(&client, "/serve/batch", body);
        http_client_turns(&client, i);
        http_client_close(&client);
        rig_connect(&rig, &client);
    }
    rig_wait_idle(&rig);
    kit_alloc_free(body);
    close_all();
}

TEST(a_full_queue_refuses_some_of_a_batch_and_says_when_to_try_again)
{
    char *body = many("slow", 30, 1);
    rig.queue_jobs_max = 8;
    open_all();
    kit_json_free(ask("{\"requests\":[{\"model\":\"slow\",\"inputs\":\"a\"}]}", 200));
    struct kit_json_doc *doc = ask(body, 200);
    int good = 0, full = 0;
    for (size_t i = 0; i < 30; i++) {
        int64_t status = kit_json_i64(kit_json_get(result(doc, i), "status"), 0);
        good += status == 200;
        full += status == 429;
        if (status == 429) {
            assert_true(kit_json_i64(kit_json_get(kit_json_get(result(doc, i), "error"), "retry_after_ms"), 0) > 0);
        }
    }
    assert_int_equal(good + full, 30);
    assert_true(good >= 8);
    assert_true(full > 0);
    kit_json_free(doc);
    kit_alloc_free(body);
    close_all();
}

TEST(a_batch_survives_each_failed_alloc)
{
    open_all();
    static const char *const body = "{\"requests\":[{\"model\":\"vectors\",\"inputs\":\"a\"},{\"model\":\"vectors\"}]}";
    kit_json_free(ask(body, 200));
    int failures = 0;
    TEST_ALLOC_SWEEP(n) {
        struct http_client c;
        kit_alloc_fail_at(0);
        rig_connect(&rig, &c);
        http_client_turns(&c, 3);
        rig_post(&c, "/serve/batch", body);
        kit_alloc_fail_at(n);
        uint64_t until_ns = kit_clock_ns() + RIG_WAIT_NS;
        while (!c.eof && !c.reset && kit_str_find(kit_buf_str(&c.in), kit_str_lit("}\n")) == c.in.len &&
               kit_str_find(kit_buf_str(&c.in), kit_str_lit("request_id")) == c.in.len && kit_clock_ns() < until_ns) {
            http_client_turns(&c, 1);
        }
        assert_true(kit_clock_ns() < until_ns);
        failures += kit_alloc_failed();
        http_client_close(&c);
    }
    assert_true(failures > 5);
    kit_json_free(ask(body, 200));
    close_all();
}

/* Whatever became of the test before. */
static int fresh(void **state)
{
    (void)state;
    memset(&rig, 0, sizeof(rig));
    return 0;
}
#define FRESH(name) cmocka_unit_test_setup(name, fresh)

static int make_models(void **state)
{
    (void)state;
    rig_model("vectors", "{\"dimensions\": 4}");
    rig_model("wide", "{\"dimensions\": 4000}");
    rig_model("raw", "{\"delay_ms\": 50}");
    rig_model("slow", "{\"dimensions\": 4, \"delay_ms\": 50}");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {FRESH(results_come_in_the_order_asked_each_with_a_status_of_its_own),
                                       FRESH(a_request_without_an_id_gets_its_index_and_an_id_counts_once),
                                       FRESH(an_envelope_that_is_wrong_is_refused_as_a_whole),
                                       FRESH(a_long_body_goes_over_the_work_pool_and_answers_the_same),
                                       FRESH(a_long_body_that_is_wrong_is_refused_after_its_errand),
                                       FRESH(an_answer_larger_than_every_buffer_is_pulled_by_its_reader),
                                       FRESH(a_client_that_leaves_takes_all_requests_with_it),
                                       FRESH(a_client_that_leaves_while_its_body_is_parsed_leaves_nothing),
                                       FRESH(a_full_queue_refuses_some_of_a_batch_and_says_when_to_try_again),
                                       FRESH(a_batch_survives_each_failed_alloc)};
    return cmocka_run_group_tests(tests, make_models, NULL);
}
