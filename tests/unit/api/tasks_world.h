/* tests/unit/api/tasks_world.h - questions in JSON, answered in JSON, over the real scheduler and the back end 'heads', whose
 * numbers can be worked out by hand. No server. Thread: one. */
#ifndef API_TEST_TASKS_WORLD_H
#define API_TEST_TASKS_WORLD_H

#include <stdio.h>
#include <unistd.h>

#include "api/msp_question.h"
#include "api/outputs.h"
#include "kit/clock.h"
#include "kit/file.h"
#include "support/json_near.h"
#include "support/temp.h"
#include "unit/task/stack.h"

#define WORLD_WAIT_NS (20 * KIT_NS_PER_S)
#define WORLD_NEAR 1e-6

struct world {
    struct stack stack;
    struct loop_chan *home;
    struct api api;
    struct task_request *last; /* what came home last */
    uint32_t answers;
};

static inline void world_receive(void *ctx, struct loop_msg *m)
{
    struct world *w = ctx;
    task_request_unref(w->last);
    w->last = task_request_of(m);
    w->answers++;
}

static inline void world_drop(void *ctx, struct loop_msg *m)
{
    (void)ctx;
    task_request_unref(task_request_of(m));
}

static inline enum kit_status world_parse(struct task_request *r, struct kit_err *err)
{
    return api_msp_question_parse(r, r->asker.ctx, err);
}

static inline void world_render(struct task_request *r)
{
    struct kit_json_writer w;
    kit_buf_init(&r->answer, KIT_MIB);
    kit_json_writer_init(&w, &r->answer);
    api_outputs_write(&w, r);
}

/* A model of the back end 'heads' with tiny-bert's tokenizer, in the folder that world_open reads. */
static inline void world_model(const char *id, const char *heads)
{
    char path[TEST_PATH_BYTES], name[TEST_PATH_BYTES];
    struct kit_buf tokenizer;
    kit_buf_init(&tokenizer, KIT_MIB);
    assert_int_equal(kit_file_read(TEST_DATA "/tiny-bert/tokenizer.json", &tokenizer, NULL), KIT_OK);
    const struct {
        const char *name;
        kit_str bytes;
    } files[] = {{"config.json", kit_str_lit("{}")},
                 {"model.safetensors", kit_str_lit("-")},
                 {"tokenizer.json", kit_buf_str(&tokenizer)},
                 {"heads.txt", kit_str_c(heads)}};
    for (size_t i = 0; i < KIT_COUNT(files); i++) {
        snprintf(name, sizeof(name), "world/%s/%s", id, files[i].name);
        test_temp_write(path, name, files[i].bytes);
    }
    kit_buf_done(&tokenizer);
}

static inline void world_open(struct world *w)
{
    static const struct task_options tasks = {.autoload = true,
                                              .waiting_max = 4,
                                              .text_bytes_max = 10000,
                                              .inline_bytes_max = 2000,
                                              .instances_max = 2,
                                              .batch_tokens_max = 64,
                                              .batch_rows_max = 16,
                                              .queue_tokens_max = 20000,
                                              .queue_jobs_max = 8};
    char models[TEST_PATH_BYTES];
    *w = (struct world){.api.options = {.texts_max = 64, .timeout_max_ms = 60000}};
    stack_open(&w->stack, TEST_HEADS, test_temp_path(models, "world"), 64, &tasks);
    w->api.tasks = w->stack.tasks;
    struct loop_chan_options home = {.max = 64, .ctx = w, .receive = world_receive, .drop = world_drop};
    assert_ok(loop_chan_new(w->stack.loop, &home, &w->home, NULL));
}

static inline void world_close(struct world *w)
{
    loop_chan_close(w->home);
    task_request_unref(w->last);
    stack_close(&w->stack);
}

/* Asks, and waits for the answer, which stays in w->last with its outputs rendered. */
static inline enum kit_status world_ask(struct world *w, const char *question)
{
    struct task_asker asker = {.parse = world_parse, .render = world_render, .home = w->home, .ctx = &w->api};
    struct task_request *r = NULL;
    if (task_request_new(w->api.tasks, &asker, KIT_MIB, &r, NULL) != KIT_OK) {
        return KIT_NOMEM;
    }
    r->body = kit_str_c(question);
    uint32_t answers = w->answers + 1;
    uint64_t until_ns = kit_clock_ns() + WORLD_WAIT_NS;
    task_submit(r);
    while (w->answers < answers && kit_clock_ns() < until_ns) {
        loop_run_once(w->stack.loop); /* does not wait */
        usleep(100);
    }
    assert_int_equal(w->answers, answers);
    enum kit_status status = r->status;
    if (status == KIT_OK && !r->rendered) {
        world_render(r);
    }
    if (status == KIT_OK && r->answer.failed != KIT_OK) {
        status = r->answer.failed;
    }
    task_request_unref(r);
    return status;
}

/* Asks, and compares the outputs. */
static inline void world_expect(struct world *w, const char *question, const char *outputs)
{
    if (world_ask(w, question) != KIT_OK) {
        fail_msg("%s: %s", question, w->last->err.msg);
    }
    test_json_near_text(kit_buf_str(&w->last->answer), outputs, WORLD_NEAR);
}

/* Asks, and compares what it is refused with. */
static inline void world_refuse(struct world *w, const char *question, enum kit_status status, const char *param,
                                const char *says)
{
    assert_int_equal(world_ask(w, question), status);
    assert_string_equal(w->last->err.param, param);
    if (strstr(w->last->err.msg, says) == NULL) {
        fail_msg("'%s' does not say '%s'", w->last->err.msg, says);
    }
}

#endif
