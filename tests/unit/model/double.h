/* tests/unit/model/double.h - stand-ins for the engine and the work pools, so that a test says what happens and when.
 *
 * The pool runs nothing until pool_run, and then on the test's thread. The engine does what `engine` orders. The observer
 * notes what it is told. test_catalog.c has the real ones. */
#ifndef MODEL_DOUBLE_H
#define MODEL_DOUBLE_H

#include "kit/clock.h"
#include "kit/log.h"
#include "loop/work.h"
#include "model/catalog.h"
#include "world.h"

/* --- the work pools: one queue for both --- */

struct loop_work {
    uint32_t threads;
};

static struct {
    struct loop_work_job *first;
    uint32_t waiting, waiting_max;
} pool;

enum kit_status loop_work_new(uint32_t threads, uint32_t waiting_max, struct loop_work **ret, struct kit_err *err)
{
    struct loop_work *w = kit_alloc_zero(1, sizeof(*w));
    if (w == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for a work pool");
    }
    assert_true(waiting_max >= 8);
    w->threads = threads;
    *ret = w;
    return KIT_OK;
}

void loop_work_free(struct loop_work *w)
{
    kit_alloc_free(w);
}

enum kit_status loop_work_submit(struct loop_work *w, struct loop_work_job *job)
{
    assert_true(w->threads >= 2);
    if (pool.waiting >= pool.waiting_max) {
        return KIT_FULL;
    }
    struct loop_work_job **at = &pool.first;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    job->next = NULL;
    *at = job;
    pool.waiting++;
    return KIT_OK;
}

static inline bool pool_run_one(void)
{
    struct loop_work_job *job = pool.first;
    if (job != NULL) {
        pool.first = job->next;
        pool.waiting--;
        job->run(job);
    }
    return job != NULL;
}

static inline void pool_run(void)
{
    while (pool_run_one()) {
    }
}

/* --- the engine --- */

struct plug_model {
    struct plug_model_options options;
};

static struct {
    enum kit_status choose, estimate, open; /* what to answer */
    uint64_t need[KIT_LEDGER_KIND_COUNT], truth[KIT_LEDGER_KIND_COUNT];
    const uint64_t *progress; /* words of progress, ended by 0; total is the last one */
    void (*at_progress)(uint64_t done);
    void (*at_open)(void);
    const char *tasks, *hidden_size;
    uint32_t opens, closes; /* what was asked for */
    bool stopped;
    char path[FOLDER_BYTES];  /* of the model that was chosen for last */
    struct plug_model *model; /* open */
    struct acb_plugin plugin;
} engine;

enum kit_status plug_engine_choose(const struct plug_engine *e, const char *path, const char *name,
                                   const struct acb_plugin **ret, struct kit_err *err)
{
    (void)e, (void)name;
    snprintf(engine.path, sizeof(engine.path), "%s", path);
    if (engine.choose != KIT_OK) {
        return kit_fail(err, engine.choose, "no back end takes %s", path);
    }
    *ret = &engine.plugin;
    return KIT_OK;
}

enum kit_status plug_model_estimate(struct plug_engine *e, const struct plug_model_options *options,
                                    uint64_t ret[KIT_LEDGER_KIND_COUNT], struct kit_err *err)
{
    (void)e, (void)options;
    if (engine.estimate != KIT_OK) {
        return kit_fail(err, engine.estimate, "cannot tell");
    }
    memcpy(ret, engine.need, sizeof(engine.need));
    return KIT_OK;
}

static inline bool tell_progress(const struct plug_model_options *o)
{
    uint64_t total = 0;
    for (const uint64_t *p = engine.progress; p != NULL && *p != 0; p++) {
        total = *p;
    }
    for (const uint64_t *p = engine.progress; p != NULL && *p != 0; p++) {
        if (engine.at_progress != NULL) {
            engine.at_progress(*p);
        }
        if (!o->progress(o->ctx, *p, total)) {
            return false;
        }
    }
    return true;
}

enum kit_status plug_model_open(struct plug_engine *e, const struct plug_model_options *options,
                                struct plug_model **ret, struct kit_err *err)
{
    (void)e;
    engine.opens++;
    engine.stopped = !tell_progress(options);
    if (engine.at_open != NULL) {
        engine.at_open();
    }
    if (engine.stopped || engine.open != KIT_OK) {
        return kit_fail(err, engine.stopped ? KIT_CANCELLED : engine.open, "weights.bin: tensor 'x' is short");
    }
    struct plug_model *m = kit_alloc_zero(1, sizeof(*m));
    if (m == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory");
    }
    m->options = *options;
    engine.model = *ret = m;
    return KIT_OK;
}

void plug_model_close(struct plug_model *m)
{
    if (m != NULL) {
        engine.closes++;
        engine.model = engine.model == m ? NULL : engine.model;
        kit_alloc_free(m);
    }
}

kit_str plug_model_meta(const struct plug_model *m, const char *key)
{
    (void)m;
    return kit_str_c(strcmp(key, "tasks") == 0         ? engine.tasks
                     : strcmp(key, "hidden_size") == 0 ? engine.hidden_size
                                                       : NULL);
}

void plug_model_bytes(struct plug_model *m, uint64_t bytes[KIT_LEDGER_KIND_COUNT],
                      enum kit_ledger_source source[KIT_LEDGER_KIND_COUNT])
{
    (void)m;
    for (int i = 0; i < KIT_LEDGER_KIND_COUNT; i++) {
        bytes[i] = engine.truth[i];
        source[i] = KIT_LEDGER_COUNTED;
    }
}

static inline void lose_model(const char *reason)
{
    assert_non_null(engine.model);
    engine.model->options.lost(engine.model->options.ctx, reason);
}

/* --- the hub --- */

#define PULLED_COMMIT "c0ffee0000000000000000000000000000000001"

static struct {
    struct hub_options *options; /* of the catalog; NULL: it has no hub */
    bool autopull;
    enum kit_status answer;
    const char *says;         /* with another answer than OK */
    const uint64_t *progress; /* as the engine's */
    void (*at_pull)(void);    /* before its first word */
    void (*at_progress)(uint64_t done);
    bool empty; /* what it brings is no model */
    uint32_t pulls;
    struct hub_name name; /* of the last pull */
    char file[64];
} hub;

static inline bool tell_pulled(const struct hub_wish *wish)
{
    uint64_t total = 0;
    for (const uint64_t *p = hub.progress; p != NULL && *p != 0; p++) {
        total = *p;
    }
    for (const uint64_t *p = hub.progress; p != NULL && *p != 0; p++) {
        if (hub.at_progress != NULL) {
            hub.at_progress(*p);
        }
        if (!wish->progress(wish->ctx, *p, total)) {
            return false;
        }
    }
    return wish->progress(wish->ctx, total, total);
}

enum kit_status hub_pull(const struct hub_options *o, const struct hub_wish *wish, struct hub_result *ret,
                         struct kit_err *why)
{
    assert_ptr_equal(o, hub.options);
    assert_string_equal(wish->models, folder);
    hub.pulls++;
    hub.name = wish->name;
    kit_str_to_c(wish->file, hub.file, sizeof(hub.file));
    if (hub.at_pull != NULL) {
        hub.at_pull();
    }
    if (!tell_pulled(wish)) {
        return kit_fail(why, KIT_CANCELLED, "cancelled");
    }
    if (hub.answer != KIT_OK) {
        return kit_fail(why, hub.answer, "%s", hub.says);
    }
    put_file(wish->name.id, hub.empty ? "readme.md" : "echo.json", "{}");
    *ret = (struct hub_result){.bytes = 1000, .fetched = 1000, .commit = PULLED_COMMIT};
    return KIT_OK;
}

/* --- the observer --- */

static struct {
    enum kit_status warm; /* what to answer */
    void (*at_warm)(void);
    void (*at_cool)(void);
    uint32_t warms, cools, forgets;
    bool cooled_as_lost;
    char why[KIT_ERR_MSG_BYTES];
} seen;

static inline enum kit_status on_warm(void *ctx, struct model_loaded *m, struct kit_err *err)
{
    (void)ctx;
    seen.warms++;
    m->attached = &seen;
    if (seen.at_warm != NULL) {
        seen.at_warm();
    }
    return seen.warm == KIT_OK ? KIT_OK : kit_fail(err, seen.warm, "tokenizer.json is missing");
}

static inline void on_cool(void *ctx, struct model_loaded *m, bool failed, const char *why)
{
    (void)ctx;
    seen.cools++;
    seen.cooled_as_lost = failed;
    assert_ptr_equal(m->attached, &seen);
    snprintf(seen.why, sizeof(seen.why), "%s", why);
    if (seen.at_cool != NULL) {
        seen.at_cool();
    }
}

static inline void on_forget(void *ctx, struct model_loaded *m)
{
    (void)ctx;
    seen.forgets++;
    m->attached = NULL;
}

/* --- the catalog over them --- */

static struct model_catalog *catalog;
static struct kit_ledger *ledger;
static struct kit_err err;
static const uint64_t start_ns = 1000 * KIT_NS_PER_S;
static uint64_t now_ns;

static inline void set_time(uint64_t ns)
{
    now_ns = ns;
    kit_clock_fake(ns);
}

static inline enum kit_status new_catalog(void)
{
    static const struct model_observer observer = {.warm = on_warm, .cool = on_cool, .forget = on_forget};
    char hf_cache[FOLDER_BYTES * 2];
    snprintf(hf_cache, sizeof(hf_cache), "%s/hf", folder);
    const struct model_options options = {.folder = folder,
                                          .hf_cache = hf_cache,
                                          .models_max = 8,
                                          .events_max = 256,
                                          .hub = hub.options,
                                          .autopull = hub.autopull,
                                          .isolation = PLUG_IN_PROCESS,
                                          .restart_max = 3};
    return model_catalog_new(&options, NULL, ledger, &observer, NULL, &catalog, &err);
}

/* Models "a", "b" and "org/c"; a budget of 1,000 bytes, of which each takes 300. */
static inline int world_make(void **state)
{
    (void)state;
    kit_log_setup(&(struct kit_log_options){.level = KIT_LOG_OFF, .fd = 2});
    memset(&engine, 0, sizeof(engine));
    memset(&seen, 0, sizeof(seen));
    memset(&hub, 0, sizeof(hub));
    memset(&err, 0, sizeof(err));
    engine.plugin = (struct acb_plugin){.size = sizeof(engine.plugin), .name = "echo"};
    engine.need[KIT_LEDGER_WEIGHTS] = 200;
    engine.need[KIT_LEDGER_CACHE] = 100;
    engine.truth[KIT_LEDGER_WEIGHTS] = 210;
    engine.truth[KIT_LEDGER_CACHE] = 80;
    pool.first = NULL;
    pool.waiting = 0;
    pool.waiting_max = 8;
    set_time(start_ns);
    folder_make();
    put_model("a");
    put_model("b");
    put_model("org/c");
    assert_int_equal(kit_ledger_new(1000, 16, &ledger), KIT_OK);
    assert_int_equal(new_catalog(), KIT_OK);
    assert_int_equal(model_catalog_scan(catalog, &err), KIT_OK);
    return 0;
}

static inline uint64_t booked_bytes(void)
{
    uint64_t limit = 0, used = 0;
    kit_ledger_sum(ledger, &limit, &used);
    return used;
}

static inline int world_break(void **state)
{
    (void)state;
    pool_run();
    pool.waiting_max = 0; /* nobody runs the pool while free waits: it has to do everything itself */
    model_catalog_free(catalog);
    catalog = NULL;
    assert_int_equal(booked_bytes(), 0);
    assert_int_equal(seen.warms, seen.forgets);
    assert_null(engine.model);
    kit_ledger_free(ledger);
    folder_remove("");
    kit_clock_fake(0);
    return 0;
}

#define IN_WORLD(name) cmocka_unit_test_setup_teardown(name, world_make, world_break)

static inline struct model_info info_of(const char *id)
{
    struct model_info info = {0};
    assert_int_equal(model_info_get(catalog, kit_str_c(id), &info, NULL), KIT_OK);
    return info;
}

static inline void assert_state(const char *id, enum model_state state)
{
    assert_string_equal(model_state_text(info_of(id).state), model_state_text(state));
}

static inline enum kit_status load_it(const char *id)
{
    return model_load(catalog, kit_str_c(id), NULL, &err);
}

static inline void unload_it(const char *id)
{
    assert_int_equal(model_unload(catalog, kit_str_c(id), NULL), KIT_OK);
}

static inline void make_ready(const char *id)
{
    assert_int_equal(load_it(id), KIT_OK);
    pool_run();
    assert_state(id, MODEL_READY);
}

static inline enum kit_status acquire_it(const char *id, struct model_loaded **ret)
{
    memset(&err, 0, sizeof(err));
    return model_acquire(catalog, kit_str_c(id), NULL, ret, &err);
}

/* Moves the clock and tells the catalog, then lets the pool work. */
static inline void pass_ms(uint64_t ms)
{
    set_time(now_ns + ms * KIT_NS_PER_MS);
    model_catalog_tick(catalog, now_ns);
    pool_run();
}

#endif
