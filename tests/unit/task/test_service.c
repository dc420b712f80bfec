/* Requests from submit to home, over the real engine, catalog and scheduler. */
#include "task/service.h"

#include <stdio.h>
#include <unistd.h>

#include "kit/clock.h"
#include "support/temp.h"
#include "support/test.h"

#define WAIT_NS (20 * KIT_NS_PER_S)

static const struct task_options usual = {
    .autoload = true,
    .waiting_max = 2,
    .text_bytes_max = 1000,
    .inline_bytes_max = 200,
    .instances_max = 2,
    .batch_tokens_max = 256,
    .batch_rows_max = 16,
    .queue_tokens_max = 10000,
    .queue_jobs_max = 8,
};

struct rig {
    struct plug_engine *engine;
    struct kit_ledger *ledger;
    struct loop_work *work;
    struct task_service *tasks;
    struct model_catalog *catalog;
    struct loop *loop;
    struct loop_chan *home;
    struct task_request *last; /* what came home last; the work side's reference */
    uint32_t answers;
};

static void receive(void *ctx, struct loop_msg *m)
{
    struct rig *g = ctx;
    task_request_unref(g->last);
    g->last = task_request_of(m);
    g->answers++;
}

static void drop(void *ctx, struct loop_msg *m)
{
    (void)ctx;
    task_request_unref(task_request_of(m));
}

static void render(struct task_request *r)
{
    kit_buf_init(&r->answer, 16);
}

static void rig_open(struct rig *g, const char *models, const struct task_options *options)
{
    struct kit_err err = {0};
    *g = (struct rig){0};
    struct plug_options plug = {
        .folder = TEST_BUILD "/lib/aether", .cell_exe = "/bin/false", .cores_max = 2, .backends_max = 8};
    struct model_options model = {.folder = models, .models_max = 16, .events_max = 64};
    struct loop_chan_options chan = {.max = 64, .ctx = g, .receive = receive, .drop = drop};
    assert_int_equal(plug_engine_new(&plug, &g->engine, &err), KIT_OK);
    assert_int_equal(kit_ledger_new(0, 64, &g->ledger), KIT_OK);
    assert_int_equal(loop_work_new(2, 64, &g->work, &err), KIT_OK);
    assert_int_equal(task_service_new(options, g->engine, g->work, &g->tasks, &err), KIT_OK);
    assert_int_equal(
        model_catalog_new(&model, g->engine, g->ledger, task_service_observer(), g->tasks, &g->catalog, &err), KIT_OK);
    assert_int_equal(model_catalog_scan(g->catalog, &err), KIT_OK);
    assert_int_equal(loop_new(&g->loop, &err), KIT_OK);
    assert_int_equal(loop_chan_new(g->loop, &chan, &g->home, &err), KIT_OK);
    assert_int_equal(task_service_start(g->tasks, g->catalog, g->loop, &err), KIT_OK);
}

static void rig_close(struct rig *g)
{
    task_request_unref(g->last);
    task_service_stop(g->tasks);
    model_catalog_free(g->catalog);
    loop_work_free(g->work);
    loop_chan_close(g->home);
    loop_free(g->loop);
    task_service_free(g->tasks);
    plug_engine_free(g->engine);
    kit_ledger_free(g->ledger);
}

/* A question; the asker's reference is the caller's. NULL: out of memory. */
static struct task_request *ask(struct rig *g, const char *model, const char *text)
{
    struct task_asker asker = {.render = render, .home = g->home};
    struct task_request *r = NULL;
    if (task_request_new(g->tasks, &asker, KIT_MIB, &r, NULL) != KIT_OK) {
        return NULL;
    }
    kit_str *texts = kit_arena_zero(&r->arena, 1, sizeof(*texts));
    if (texts == NULL) {
        task_request_unref(r);
        return NULL;
    }
    texts[0] = kit_str_c(text);
    r->inputs = (struct task_inputs){.texts = texts, .text_count = 1, .item_count = 1};
    snprintf(r->model_id, sizeof(r->model_id), "%s", model);
    return r;
}

static void wait_answers(struct rig *g, uint32_t answers)
{
    uint64_t until_ns = kit_clock_ns() + WAIT_NS;
    while (g->answers < answers && kit_clock_ns() < until_ns) {
        loop_run_once(g->loop); /* does not wait */
        usleep(200);
    }
    assert_int_equal(g->answers, answers);
}

/* Asks, waits, and gives the status; the answer stays in g->last. */
static enum kit_status answer(struct rig *g, const char *model, const char *text)
{
    struct task_request *r = ask(g, model, text);
    if (r == NULL) {
        return KIT_NOMEM;
    }
    task_submit(r);
    wait_answers(g, g->answers + 1);
    task_request_unref(r);
    return g->last->status;
}

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
                    TEST_OF(a_cancelled_question_comes_home_cancelled), TEST_OF(a_stop_sends_home_what_waits),
                    TEST_OF(questions_survive_each_failed_alloc));
}
