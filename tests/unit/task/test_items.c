/* Items that are told before the answer is there, over a back end that takes its time for each row. */
#include "rig.h"

#include "kit/file.h"
#include "support/temp.h"
#include "task/batch.h"
#include "task/items.h"

#define ROWS 60
#define DIMENSIONS 4

/* echo with a tokenizer, in a models folder of its own: a row's vector is its first token ids. */
static const char *models(void)
{
    static char folder[TEST_PATH_BYTES];
    char path[TEST_PATH_BYTES];
    struct kit_buf text;
    kit_buf_init(&text, KIT_MIB);
    assert_ok(kit_file_read(TEST_DATA "/tiny-bert/tokenizer.json", &text, NULL));
    test_temp_write(path, "models/vectors/tokenizer.json", kit_buf_str(&text));
    test_temp_write(path, "models/vectors/echo.json", kit_str_lit("{\"dimensions\": 4, \"row_us\": 2000}"));
    test_temp_write(path, "models/raw/echo.json", kit_str_lit("{}"));
    kit_buf_done(&text);
    return test_temp_path(folder, "models");
}

/* What a reader has heard of the request that it reads. */
static struct {
    uint32_t messages, count, items[ROWS];
} heard;

static void hear(struct rig *g, struct task_request *r)
{
    (void)g;
    heard.messages++;
    for (uint32_t item; task_news_read(&r->news, heard.count, &item, 1) > 0;) {
        assert_true(item < ROWS);
        if (r->kind == TASK_EMBED) { /* it is there, not only promised */
            assert_true(r->vectors[(size_t)item * DIMENSIONS] == (float)r->rows.ids[r->rows.offsets[item]]);
        }
        heard.items[heard.count++] = item;
    }
}

static void hear_and_cancel(struct rig *g, struct task_request *r)
{
    hear(g, r);
    task_cancel(r);
}

static void open_rig(struct rig *g)
{
    memset(&heard, 0, sizeof(heard));
    rig_open(g, models(), &usual);
    assert_ok(answer(g, "vectors", "warm"));
}

TEST(each_item_is_told_once_and_before_the_answer)
{
    struct rig g;
    bool seen[ROWS] = {false};
    open_rig(&g);
    g.told = hear;
    struct task_request *r = ask_many(&g, "vectors", "the cat", ROWS);
    task_submit(r);
    uint64_t until_ns = kit_clock_ns() + WAIT_NS;
    while (heard.count == 0 && kit_clock_ns() < until_ns) {
        loop_run_once(g.loop);
    }
    assert_true(heard.count > 0);
    assert_int_equal(g.answers, 1); /* the first question's only */
    wait_answers(&g, 2);
    hear(&g, r); /* the answer may overtake the last message */
    assert_int_equal(r->status, KIT_OK);
    assert_int_equal(heard.count, ROWS);
    assert_true(heard.messages <= ROWS / 4);
    for (int i = 0; i < ROWS; i++) {
        assert_false(seen[heard.items[i]]);
        seen[heard.items[i]] = true;
    }
    task_request_unref(r);
    rig_close(&g);
}

/* {source, texts}: two rows and one item. */
static struct task_request *ask_similarity(struct rig *g)
{
    static uint32_t firsts[] = {0, 3};
    struct task_request *r = ask_many(g, "vectors", "the cat", 3);
    r->inputs.shape = TASK_SHAPE_SIMILARITY;
    r->inputs.item_count = 1;
    r->inputs.firsts = firsts;
    return r;
}

TEST(an_item_of_many_rows_is_told_when_the_last_is_there)
{
    struct rig g;
    open_rig(&g);
    g.told = hear;
    struct task_request *r = ask_similarity(&g);
    task_submit(r);
    wait_answers(&g, 2);
    loop_run_once(g.loop);
    assert_int_equal(r->status, KIT_OK);
    assert_int_equal(r->kind, TASK_SIMILARITY);
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.items[0], 0);
    task_request_unref(r);
    rig_close(&g);
}

TEST(who_does_not_ask_for_news_gets_none)
{
    struct rig g;
    open_rig(&g);
    assert_ok(answer(&g, "vectors", "the cat"));
    assert_false(task_request_tells(g.last));
    assert_int_equal(g.last->news.count, 0);
    rig_close(&g);
}

TEST(a_cancelled_request_is_told_nothing_more)
{
    struct rig g;
    open_rig(&g);
    g.told = hear_and_cancel;
    struct task_request *r = ask_many(&g, "vectors", "the cat", ROWS);
    task_submit(r);
    wait_answers(&g, 2);
    assert_int_equal(r->status, KIT_CANCELLED);
    loop_run_once(g.loop);
    assert_true(heard.count > 0);
    assert_true(heard.count < ROWS);
    uint32_t item;
    assert_int_equal(task_news_read(&r->news, heard.count, &item, 1), 0);
    task_request_unref(r);
    rig_close(&g);
}

TEST(a_request_that_is_late_is_told_no_item_that_ends_after_its_deadline)
{
    struct rig g;
    open_rig(&g);
    g.told = hear;
    struct task_request *r = ask_many(&g, "vectors", "the cat", ROWS);
    r->deadline_ns = kit_clock_ns() + 20 * KIT_NS_PER_MS; /* all of them take 60 ms on two threads */
    task_submit(r);
    wait_answers(&g, 2);
    assert_int_equal(r->status, KIT_TIMEOUT);
    uint32_t before = r->news.count;
    assert_true(before < ROWS);
    usleep(50000);
    assert_int_equal(r->news.count, before);
    task_request_unref(r);
    rig_close(&g);
}

/* --- one batch, run by hand --- */

TEST(rows_of_a_batch_that_fails_are_told_when_they_are_run_again)
{
    struct rig g;
    struct kit_err err = {0};
    struct plug_instance *instance = NULL;
    open_rig(&g);
    g.told = hear;
    struct model_loaded *loaded = g.last->loaded;
    const struct acb_instance_open options = {
        .size = sizeof(options), .mode = ACB_MODE_INFER, .cores_max = 1, .call_tokens_max = 64};
    assert_ok(plug_instance_open(loaded->model, &options, &instance, &err));
    struct task_model model = *task_model_of(loaded);
    const struct acb_port *pooled = model.vectors;
    struct acb_port nosuch = *pooled;
    nosuch.name = "nosuch";
    struct task_request *r = ask_many(&g, "vectors", "the cat", 2);
    r->kind = TASK_EMBED;
    assert_ok(task_type_of(TASK_EMBED)->prepare(&model, &usual, r, &err));
    assert_ok(task_items_count(r, &err));
    struct sched_slice slice = {.job = &r->job, .first = 0, .count = 2};
    model.vectors = &nosuch;
    assert_int_not_equal(task_batch_worker()->run(&model, instance, &slice, 1, 1, &err), KIT_OK);
    assert_int_equal(r->news.count, 0);
    model.vectors = pooled;
    assert_ok(task_batch_worker()->run(&model, instance, &slice, 1, 1, &err));
    loop_run_once(g.loop);
    assert_int_equal(heard.count, 2);
    assert_int_equal(heard.messages, 1);
    plug_instance_close(instance);
    task_request_unref(r);
    rig_close(&g);
}

TEST(news_survive_a_loop_that_has_ended)
{
    struct rig g;
    open_rig(&g);
    g.told = hear;
    struct task_request *r = ask_many(&g, "vectors", "the cat", ROWS);
    task_submit(r);
    task_request_unref(r);
    rig_close(&g); /* which closes its channels first */
    assert_int_equal(heard.count, 0);
}

TEST(requests_with_news_survive_each_failed_alloc)
{
    struct rig g;
    open_rig(&g);
    g.told = hear;
    TEST_ALLOC_SWEEP(n) {
        memset(&heard, 0, sizeof(heard));
        enum kit_status rc = answer(&g, "vectors", "the cat");
        assert_true(rc == KIT_OK || rc == KIT_NOMEM);
    }
    rig_close(&g);
}

int main(void)
{
    return TEST_RUN(TEST_OF(each_item_is_told_once_and_before_the_answer),
                    TEST_OF(an_item_of_many_rows_is_told_when_the_last_is_there),
                    TEST_OF(who_does_not_ask_for_news_gets_none), TEST_OF(a_cancelled_request_is_told_nothing_more),
                    TEST_OF(a_request_that_is_late_is_told_no_item_that_ends_after_its_deadline),
                    TEST_OF(rows_of_a_batch_that_fails_are_told_when_they_are_run_again),
                    TEST_OF(news_survive_a_loop_that_has_ended), TEST_OF(requests_with_news_survive_each_failed_alloc));
}
