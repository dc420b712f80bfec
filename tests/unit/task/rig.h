/* tests/unit/task/rig.h - requests from submit to home, over the real engine, catalog, scheduler and back ends; the test pumps
 * the loop. */
#ifndef TASK_TEST_RIG_H
#define TASK_TEST_RIG_H

#include "task/service.h"

#include <stdio.h>
#include <unistd.h>

#include "kit/clock.h"
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
    struct loop_chan *home, *news;
    void (*told)(struct rig *g, struct task_request *r); /* called with each message of news; NULL: none are wanted */
    struct task_request *last;                           /* what came home last; the work side's reference */
    uint32_t answers;
};

static inline void receive(void *ctx, struct loop_msg *m)
{
    struct rig *g = ctx;
    task_request_unref(g->last);
    g->last = task_request_of(m);
    g->answers++;
}

static inline void drop(void *ctx, struct loop_msg *m)
{
    (void)ctx;
    task_request_unref(task_request_of(m));
}

static inline void render(struct task_request *r)
{
    kit_buf_init(&r->answer, 16);
}

static inline void told(struct task_request *r)
{
    struct rig *g = r->asker.ctx;
    g->told(g, r);
}

static inline void rig_open(struct rig *g, const char *models, const struct task_options *options)
{
    struct kit_err err = {0};
    *g = (struct rig){0};
    struct plug_options plug = {
        .folder = TEST_BUILD "/lib/aether", .cell_exe = "/bin/false", .cores_max = 2, .backends_max = 8};
    struct model_options model = {.folder = models, .models_max = 64, .events_max = 64};
    struct loop_chan_options chan = {.max = 64, .ctx = g, .receive = receive, .drop = drop};
    struct loop_chan_options news = {.max = 64, .receive = task_request_receive_news, .drop = task_request_drop_news};
    assert_int_equal(plug_engine_new(&plug, &g->engine, &err), KIT_OK);
    assert_int_equal(kit_ledger_new(0, 64, &g->ledger), KIT_OK);
    assert_int_equal(loop_work_new(2, 64, &g->work, &err), KIT_OK);
    assert_int_equal(task_service_new(options, g->engine, g->work, &g->tasks, &err), KIT_OK);
    assert_int_equal(
        model_catalog_new(&model, g->engine, g->ledger, task_service_observer(), g->tasks, &g->catalog, &err), KIT_OK);
    assert_int_equal(model_catalog_scan(g->catalog, &err), KIT_OK);
    assert_int_equal(loop_new(&g->loop, &err), KIT_OK);
    assert_int_equal(loop_chan_new(g->loop, &chan, &g->home, &err), KIT_OK);
    assert_int_equal(loop_chan_new(g->loop, &news, &g->news, &err), KIT_OK);
    assert_int_equal(task_service_start(g->tasks, g->catalog, g->loop, &err), KIT_OK);
}

static inline void rig_close(struct rig *g)
{
    loop_chan_close(g->home); /* what is on its way refers to models */
    loop_chan_close(g->news);
    task_request_unref(g->last);
    loop_work_drain(g->work);
    task_service_stop(g->tasks);
    model_catalog_free(g->catalog);
    loop_work_free(g->work);
    loop_free(g->loop);
    task_service_free(g->tasks);
    plug_engine_free(g->engine);
    kit_ledger_free(g->ledger);
}

/* A question of so many equal texts; the asker's reference is the caller's. NULL: out of memory. */
static inline struct task_request *ask_many(struct rig *g, const char *model, const char *text, uint32_t count)
{
    struct task_asker asker = {
        .render = render, .told = told, .home = g->home, .news = g->told != NULL ? g->news : NULL, .ctx = g};
    struct task_request *r = NULL;
    if (task_request_new(g->tasks, &asker, KIT_MIB, &r, NULL) != KIT_OK) {
        return NULL;
    }
    kit_str *texts = kit_arena_zero(&r->arena, count, sizeof(*texts));
    if (texts == NULL) {
        task_request_unref(r);
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        texts[i] = kit_str_c(text);
    }
    r->inputs = (struct task_inputs){.texts = texts, .text_count = count, .item_count = count};
    snprintf(r->model_id, sizeof(r->model_id), "%s", model);
    return r;
}

static inline struct task_request *ask(struct rig *g, const char *model, const char *text)
{
    return ask_many(g, model, text, 1);
}

static inline void wait_answers(struct rig *g, uint32_t answers)
{
    uint64_t until_ns = kit_clock_ns() + WAIT_NS;
    while (g->answers < answers && kit_clock_ns() < until_ns) {
        loop_run_once(g->loop); /* does not wait */
        usleep(200);
    }
    assert_int_equal(g->answers, answers);
}

/* Asks, waits, and gives the status; the answer stays in g->last. */
static inline enum kit_status answer(struct rig *g, const char *model, const char *text)
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

#endif
