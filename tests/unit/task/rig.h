/* tests/unit/task/rig.h - requests from submit to home, over the real engine, catalog, scheduler and back ends; the test pumps
 * the loop. */
#ifndef TASK_TEST_RIG_H
#define TASK_TEST_RIG_H

#include "unit/task/stack.h"

#include <stdio.h>
#include <unistd.h>

#include "kit/clock.h"

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
    struct stack stack;
    struct loop *loop; /* the stack's */
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
    *g = (struct rig){0};
    stack_open(&g->stack, STACK_BACKENDS, models, 64, options);
    g->loop = g->stack.loop;
    struct loop_chan_options home = {.max = 64, .ctx = g, .receive = receive, .drop = drop};
    struct loop_chan_options news = {.max = 64, .receive = task_request_receive_news, .drop = task_request_drop_news};
    assert_ok(loop_chan_new(g->loop, &home, &g->home, NULL));
    assert_ok(loop_chan_new(g->loop, &news, &g->news, NULL));
}

static inline void rig_close(struct rig *g)
{
    loop_chan_close(g->home);
    loop_chan_close(g->news);
    task_request_unref(g->last);
    stack_close(&g->stack);
}

/* A question of so many equal texts; the asker's reference is the caller's. NULL: out of memory. */
static inline struct task_request *ask_many(struct rig *g, const char *model, const char *text, uint32_t count)
{
    struct task_asker asker = {
        .render = render, .told = told, .home = g->home, .news = g->told != NULL ? g->news : NULL, .ctx = g};
    struct task_request *r = NULL;
    if (task_request_new(g->stack.tasks, &asker, KIT_MIB, &r, NULL) != KIT_OK) {
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
