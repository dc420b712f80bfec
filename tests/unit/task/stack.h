/* tests/unit/task/stack.h - all that stands below task/, and task/ itself, as the program makes it: back ends, ledger, work
 * pool, catalog, scheduler, a loop. The rigs of task/ and api/ are built on it. Thread: the test's. */
#ifndef TASK_TEST_STACK_H
#define TASK_TEST_STACK_H

#include "support/test.h"
#include "task/service.h"

#define STACK_BACKENDS TEST_BUILD "/lib/aether" /* the real ones */

struct stack {
    struct plug_engine *engine;
    struct kit_ledger *ledger;
    struct loop_work *work;
    struct task_service *tasks;
    struct model_catalog *catalog;
    struct loop *loop;
};

/* backends, models: folders; work_waiting_max: jobs that wait for the work pool. */
static inline void stack_open(struct stack *s, const char *backends, const char *models, uint32_t work_waiting_max,
                              const struct task_options *options)
{
    struct plug_options plug = {.folder = backends, .cell_exe = "/bin/false", .cores_max = 2, .backends_max = 8};
    struct model_options model = {.folder = models, .models_max = 64, .events_max = 64};
    *s = (struct stack){0};
    assert_ok(plug_engine_new(&plug, &s->engine, NULL));
    assert_ok(kit_ledger_new(0, 64, &s->ledger));
    assert_ok(loop_work_new(2, work_waiting_max, &s->work, NULL));
    assert_ok(task_service_new(options, s->engine, s->work, &s->tasks, NULL));
    assert_ok(model_catalog_new(&model, s->engine, s->ledger, task_service_observer(), s->tasks, &s->catalog, NULL));
    assert_ok(model_catalog_scan(s->catalog, NULL));
    assert_ok(loop_new(&s->loop, NULL));
    assert_ok(task_service_start(s->tasks, s->catalog, NULL, s->loop, NULL));
}

/* In the order of aethercore_app_stop: whoever asks is gone, and channels of the loop are closed (what is on its way refers
 * to models). */
static inline void stack_close(struct stack *s)
{
    loop_work_drain(s->work);
    task_service_stop(s->tasks);
    model_catalog_free(s->catalog);
    loop_work_free(s->work);
    loop_free(s->loop);
    task_service_free(s->tasks);
    plug_engine_free(s->engine);
    kit_ledger_free(s->ledger);
}

#endif
