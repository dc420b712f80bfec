/* Requests from submit to home, over the real engine, catalog and scheduler. */
#include "rig.h"

#include "kit/file.h"
#include "support/temp.h"

static const char *data(void)
{
    return TEST_DATA;
}

TEST(a_question_loads_its_model_and_comes_home_with_a_vector)
{
    struct rig g;
    rig_open(&g, data(), &usual);
    assert_int_equal(answer(&g, "tiny-bert", "the cat"), KIT_OK);
    assert_int_equal(g.last->kind, TASK_EMBED);
    assert_int_equal(g.last->dimensions, 32);
    assert_true(g.last->tokens >= 3);
    float square = 0;
    for (uint32_t i = 0; i < 32; i++) {
        square += g.last->vectors[i] * g.last->vectors[i];
    }
    assert_true(square > 0.99f && square < 1.01f);
    rig_close(&g);
}

TEST(a_long_question_goes_over_the_work_pool_and_answers_the_same)
{
    struct rig g;
    static char text[400];
    float short_way[32];
    struct task_options options = usual;
    for (size_t i = 0; i + 1 < sizeof(text); i++) {
        text[i] = i % 4 == 3 ? ' ' : 'a';
    }
    rig_open(&g, data(), &usual);
    assert_int_equal(answer(&g, "tiny-bert", text), KIT_OK);
    memcpy(short_way, g.last->vectors, sizeof(short_way));
    rig_close(&g);
    options.inline_bytes_max = 1000;
    rig_open(&g, data(), &options);
    assert_int_equal(answer(&g, "tiny-bert", text), KIT_OK);
    assert_memory_equal(g.last->vectors, short_way, sizeof(short_way));
    rig_close(&g);
}

TEST(what_cannot_be_answered_comes_home_with_the_reason)
{
    struct rig g;
    rig_open(&g, data(), &usual);
    assert_int_equal(answer(&g, "nosuch", "x"), KIT_MODEL_NOT_FOUND);
    assert_int_equal(answer(&g, "", "x"), KIT_INVALID);
    assert_int_equal(answer(&g, "tiny-bert", "\xFF"), KIT_INVALID);
    assert_string_equal(g.last->err.param, "inputs");
    assert_int_equal(answer(&g, "", "x"), KIT_OK);
    rig_close(&g);
}

TEST(without_autoload_a_model_that_is_not_loaded_is_unavailable)
{
    struct rig g;
    struct task_options options = usual;
    options.autoload = false;
    rig_open(&g, data(), &options);
    assert_int_equal(answer(&g, "tiny-bert", "x"), KIT_UNAVAILABLE);
    rig_close(&g);
}

static void slow_models(char path[TEST_PATH_BYTES])
{
    test_temp_write(path, "slow/echo/echo.json", kit_str_lit("{\"load_ms\": 300}"));
    test_temp_path(path, "slow");
}

TEST(a_full_waiting_room_refuses_and_a_deadline_ends_the_wait)
{
    struct rig g;
    char path[TEST_PATH_BYTES];
    struct task_request *r[3];
    slow_models(path);
    rig_open(&g, path, &usual);
    for (int i = 0; i < 3; i++) {
        r[i] = ask(&g, "echo", "x");
        r[i]->deadline_ns = kit_clock_ns() + 50 * KIT_NS_PER_MS;
        task_submit(r[i]);
    }
    wait_answers(&g, 3);
    int full = 0, late = 0;
    for (int i = 0; i < 3; i++) {
        full += r[i]->status == KIT_FULL;
        late += r[i]->status == KIT_TIMEOUT;
        task_request_unref(r[i]);
    }
    assert_int_equal(full, 1);
    assert_int_equal(late, 2);
    rig_close(&g);
}

/* More than the work pool has room for. */
TEST(a_crowd_that_waits_for_one_model_is_answered_to_the_last)
{
    enum { CROWD = 500 };
    struct rig g;
    char path[TEST_PATH_BYTES];
    struct task_options options = usual;
    static struct task_request *r[CROWD];
    options.waiting_max = CROWD;
    options.queue_jobs_max = CROWD;
    test_temp_write(path, "crowd/echo/echo.json", kit_str_lit("{\"load_ms\": 200, \"dimensions\": 2}"));
    struct kit_buf text;
    kit_buf_init(&text, KIT_MIB);
    assert_ok(kit_file_read(TEST_DATA "/tiny-bert/tokenizer.json", &text, NULL));
    test_temp_write(path, "crowd/echo/tokenizer.json", kit_buf_str(&text));
    kit_buf_done(&text);
    rig_open(&g, test_temp_path(path, "crowd"), &options);
    for (int i = 0; i < CROWD; i++) {
        r[i] = ask(&g, "echo", "the cat");
        task_submit(r[i]);
        loop_run_once(g.loop); /* so that the way into the room is never full */
    }
    wait_answers(&g, CROWD);
    for (int i = 0; i < CROWD; i++) {
        assert_int_equal(r[i]->status, KIT_OK);
        task_request_unref(r[i]);
    }
    rig_close(&g);
}

TEST(a_cancelled_question_comes_home_cancelled)
{
    struct rig g;
    char path[TEST_PATH_BYTES];
    slow_models(path);
    rig_open(&g, path, &usual);
    struct task_request *r = ask(&g, "echo", "x");
    task_submit(r);
    loop_run_once(g.loop);
    task_cancel(r);
    wait_answers(&g, 1);
    assert_int_equal(r->status, KIT_CANCELLED);
    task_request_unref(r);
    rig_close(&g);
}

TEST(a_stop_sends_home_what_waits)
{
    struct rig g;
    char path[TEST_PATH_BYTES];
    slow_models(path);
    rig_open(&g, path, &usual);
    struct task_request *r = ask(&g, "echo", "x");
    task_submit(r);
    loop_run_once(g.loop);
    rig_close(&g);
    assert_int_equal(r->status, KIT_UNAVAILABLE);
    task_request_unref(r);
}

TEST(questions_survive_each_failed_alloc)
{
    struct rig g;
    rig_open(&g, data(), &usual);
    assert_int_equal(answer(&g, "tiny-bert", "the cat"), KIT_OK);
    uint64_t blocks = 0;
    TEST_ALLOC_SWEEP(n) {
        enum kit_status rc = answer(&g, "tiny-bert", "the cat");
        assert_true(rc == KIT_OK || rc == KIT_NOMEM);
        blocks++;
    }
    assert_true(blocks > 3);
    assert_int_equal(answer(&g, "tiny-bert", "the cat"), KIT_OK);
    rig_close(&g);
}

int main(void)
{
    return TEST_RUN(TEST_OF(a_question_loads_its_model_and_comes_home_with_a_vector),
                    TEST_OF(a_long_question_goes_over_the_work_pool_and_answers_the_same),
                    TEST_OF(what_cannot_be_answered_comes_home_with_the_reason),
                    TEST_OF(without_autoload_a_model_that_is_not_loaded_is_unavailable),
                    TEST_OF(a_full_waiting_room_refuses_and_a_deadline_ends_the_wait),
                    TEST_OF(a_crowd_that_waits_for_one_model_is_answered_to_the_last),
                    TEST_OF(a_cancelled_question_comes_home_cancelled), TEST_OF(a_stop_sends_home_what_waits),
                    TEST_OF(questions_survive_each_failed_alloc));
}
