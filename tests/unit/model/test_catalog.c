/* The catalog over the real engine, the real work pool and the echo back end, in this process and in cells. */
#include "model/catalog.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "kit/clock.h"
#include "kit/log.h"
#include "kit/sync.h"
#include "model/metrics.h"
#include "plug/cell.h"
#include "world.h"

#define BUDGET_BYTES 100000
#define WORK_BYTES 4096 /* of an instance of the models that are made here */

static struct model_catalog *catalog;
static struct plug_engine *engine;
static struct kit_ledger *ledger;
static struct kit_err err;

/* --- an observer that opens one instance --- */

static enum kit_status on_warm(void *ctx, struct model_loaded *m, struct kit_err *why)
{
    (void)ctx;
    struct acb_instance_open options = {.size = sizeof(options), .mode = ACB_MODE_INFER, .cores_max = 1};
    struct plug_instance *i = NULL;
    enum kit_status rc = plug_instance_open(m->model, &options, &i, why);
    m->attached = i;
    return rc;
}

static void on_cool(void *ctx, struct model_loaded *m, bool failed, const char *why)
{
    (void)ctx, (void)failed, (void)why;
    plug_instance_close(m->attached);
    m->attached = NULL;
}

static void on_forget(void *ctx, struct model_loaded *m)
{
    (void)ctx;
    assert_null(m->attached);
}

/* --- set-up --- */

static void make_catalog_of(enum plug_isolation isolation, uint32_t loads_max)
{
    static const struct model_observer observer = {.warm = on_warm, .cool = on_cool, .forget = on_forget};
    const struct model_options options = {.folder = folder,
                                          .models_max = 16,
                                          .events_max = 64,
                                          .loads_max = loads_max,
                                          .isolation = isolation,
                                          .restart_max = 2};
    assert_int_equal(model_catalog_new(&options, engine, ledger, &observer, NULL, &catalog, &err), KIT_OK);
    assert_int_equal(model_catalog_scan(catalog, &err), KIT_OK);
}

static void make_catalog(enum plug_isolation isolation)
{
    make_catalog_of(isolation, 0);
}

static int set_up(void **state)
{
    (void)state;
    const struct plug_options options = {.folder = TEST_BUILD "/lib/aether",
                                         .cell_exe = "/proc/self/exe",
                                         .cores_max = 2,
                                         .backends_max = 8,
                                         .cell_shared_bytes_max = 1 << 20};
    folder_make();
    put_file("a", "echo.json", "{\"work_bytes\": 4096}");
    put_file("org/b", "echo.json", "{\"work_bytes\": 4096}");
    put_file("slow", "echo.json", "{\"load_ms\": 600000}");
    put_file("broken", "echo.json", "{\"work_bytes\": \"many\"}");
    put_file("huge", "echo.json", "{\"work_bytes\": 100001}");
    assert_int_equal(kit_ledger_new(BUDGET_BYTES, 64, &ledger), KIT_OK);
    if (plug_engine_new(&options, &engine, &err) != KIT_OK) {
        fail_msg("engine: %s", err.msg);
    }
    return 0;
}

static uint64_t booked_bytes(void)
{
    uint64_t limit = 0, used = 0;
    kit_ledger_sum(ledger, &limit, &used);
    return used;
}

static int tear_down(void **state)
{
    (void)state;
    model_catalog_free(catalog);
    catalog = NULL;
    assert_int_equal(booked_bytes(), 0);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no cell is left */
    plug_engine_free(engine);
    kit_ledger_free(ledger);
    folder_remove("");
    return 0;
}

static struct model_info info_of(const char *id)
{
    struct model_info info = {0};
    assert_int_equal(model_info_get(catalog, kit_str_c(id), &info, NULL), KIT_OK);
    return info;
}

static void nap(void)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static void wait_state(const char *id, enum model_state state)
{
    for (int i = 0; i < 60000 && info_of(id).state != state; i++) {
        nap();
    }
    struct model_info info = info_of(id);
    if (info.state != state) {
        fail_msg("'%s' is %s, not %s: %s", id, model_state_text(info.state), model_state_text(state), info.error);
    }
}

static void load_it(const char *id)
{
    assert_int_equal(model_load(catalog, kit_str_c(id), NULL, &err), KIT_OK);
}

static void unload_it(const char *id)
{
    assert_int_equal(model_unload(catalog, kit_str_c(id), &err), KIT_OK);
    wait_state(id, MODEL_AVAILABLE);
}

/* --- one model --- */

static void check_life(enum plug_isolation isolation)
{
    struct model_loaded *m = NULL;
    make_catalog(isolation);
    load_it("org/b");
    wait_state("org/b", MODEL_READY);
    struct model_info info = info_of("org/b");
    assert_string_equal(info.backend, "echo");
    assert_string_equal(info.tasks, "raw");
    assert_int_equal(info.isolation, isolation);
    assert_int_equal(info.bytes[KIT_LEDGER_CACHE], WORK_BYTES);
    assert_int_equal(model_acquire(catalog, kit_str_lit("org/b"), NULL, &m, &err), KIT_OK);
    assert_int_equal(plug_model_in_cell(m->model), isolation == PLUG_IN_CELL);
    model_loaded_unref(m);
    unload_it("org/b");
    assert_int_equal(booked_bytes(), 0);
}

TEST(real_model_lives_and_goes_in_this_process)
{
    check_life(PLUG_IN_PROCESS);
}

TEST(real_model_lives_and_goes_in_a_cell)
{
    check_life(PLUG_IN_CELL);
}

static void check_cancel(enum plug_isolation isolation)
{
    make_catalog(isolation);
    load_it("slow");
    for (int i = 0; i < 60000 && info_of("slow").done_bytes == 0; i++) {
        nap();
    }
    assert_true(info_of("slow").done_bytes > 0);
    unload_it("slow"); /* long before its ten minutes */
}

TEST(real_load_is_cancelled_in_this_process)
{
    check_cancel(PLUG_IN_PROCESS);
}

TEST(real_load_is_cancelled_in_a_cell)
{
    check_cancel(PLUG_IN_CELL);
}

TEST(real_failures_say_what_is_wrong)
{
    make_catalog(PLUG_IN_PROCESS);
    load_it("broken");
    load_it("huge");
    wait_state("broken", MODEL_FAILED);
    wait_state("huge", MODEL_FAILED);
    assert_non_null(strstr(info_of("broken").error, "echo.json"));
    assert_non_null(strstr(info_of("huge").error, "needs 100.0 kB, budget 100.0 kB"));
    assert_int_equal(booked_bytes(), 0);
}

/* --- loads stand in line, nothing else does --- */

TEST(real_unload_and_booking_do_not_wait_behind_loads)
{
    make_catalog_of(PLUG_IN_PROCESS, 1);
    load_it("org/b");
    wait_state("org/b", MODEL_READY);
    load_it("slow"); /* ten minutes on the one thread for loads */
    load_it("a");
    for (int i = 0; i < 60000 && info_of("slow").done_bytes == 0; i++) {
        nap();
    }
    unload_it("org/b");
    assert_int_equal(info_of("slow").state, MODEL_LOADING);
    assert_int_equal(info_of("a").state, MODEL_LOADING);
    assert_int_equal(info_of("a").bytes[KIT_LEDGER_CACHE], 0); /* not begun */
    unload_it("a");                                            /* leaves the line */
    load_it("a");
    unload_it("slow");
    wait_state("a", MODEL_READY);
}

TEST(catalog_names_a_number_of_loads_that_cannot_be)
{
    const struct model_options options = {.folder = folder, .models_max = 16, .events_max = 64, .loads_max = 65};
    assert_int_equal(model_catalog_new(&options, engine, ledger, NULL, NULL, &catalog, &err), KIT_INVALID);
    assert_null(catalog);
}

/* --- a cell that dies --- */

static void kill_cell_of(const char *id)
{
    struct model_loaded *m = NULL;
    assert_int_equal(model_acquire(catalog, kit_str_c(id), NULL, &m, &err), KIT_OK);
    assert_true(plug_model_pid(m->model) > 1);
    assert_int_equal(kill((pid_t)plug_model_pid(m->model), SIGKILL), 0);
    model_loaded_unref(m);
}

TEST(real_cell_that_dies_fails_its_model_and_starts_again)
{
    make_catalog(PLUG_IN_CELL);
    load_it("a");
    load_it("org/b");
    wait_state("a", MODEL_READY);
    wait_state("org/b", MODEL_READY);
    kill_cell_of("a");
    wait_state("a", MODEL_FAILED);
    assert_non_null(strstr(info_of("a").error, "the worker process"));
    assert_int_equal(info_of("org/b").state, MODEL_READY); /* the others do not notice */
    model_catalog_tick(catalog, kit_clock_ns());
    assert_int_equal(info_of("a").state, MODEL_FAILED);
    model_catalog_tick(catalog, kit_clock_ns() + 2 * KIT_NS_PER_S);
    wait_state("a", MODEL_READY);
    assert_int_equal(info_of("a").restarts, 1);
}

TEST(real_cell_that_dies_is_cleared_away_by_unload_at_any_moment)
{
    make_catalog(PLUG_IN_CELL);
    for (int naps = 0; naps < 10; naps++) {
        load_it("a");
        wait_state("a", MODEL_READY);
        kill_cell_of("a");
        for (int i = 0; i < naps; i++) {
            nap();
        }
        unload_it("a");
        assert_int_equal(booked_bytes(), 0);
    }
}

/* --- many times --- */

TEST(real_model_leaves_no_byte_after_a_thousand_loads)
{
    make_catalog(PLUG_IN_PROCESS);
    uint64_t bytes = 0;
    for (int i = 0; i < 1001; i++) {
        load_it("a");
        wait_state("a", MODEL_READY);
        unload_it("a");
        bytes = i == 0 ? kit_alloc_bytes() : bytes; /* threads and series are there after the first */
    }
    assert_int_equal(kit_alloc_bytes(), bytes);
}

/* --- many threads --- */

#define THREADS 4
#define ROUNDS 400

static const char *const crowd[] = {"a", "org/b", "slow", "broken", "nobody"};

static void note_wake(void *ctx)
{
    _Atomic uint32_t *wakes = ctx;
    ++*wakes;
}

static void look(void *ctx, const struct model_info *info)
{
    assert_true(strcmp(info->id, ctx) > 0); /* in order, none twice */
    snprintf(ctx, MODEL_ID_BYTES_MAX + 1, "%s", info->id);
}

static void do_something(uint32_t dice, kit_str id)
{
    struct model_loaded *m = NULL;
    char last[MODEL_ID_BYTES_MAX + 1] = "";
    enum kit_status rc = KIT_OK;
    switch (dice % 8) {
    case 0:
    case 1:
        rc = model_load(catalog, id, NULL, NULL);
        break;
    case 2:
        rc = model_unload(catalog, id, NULL);
        break;
    case 3:
        rc = model_info_each(catalog, look, last);
        break;
    case 4:
        model_catalog_tick(catalog, kit_clock_ns());
        break;
    case 5:
        rc = model_catalog_scan(catalog, NULL);
        break;
    default:
        if (model_acquire(catalog, id, NULL, &m, NULL) == KIT_OK) {
            nap();
            assert_true(kit_str_eq(kit_str_c(m->id), id));
            model_loaded_unref(m);
        }
    }
    assert_true(rc == KIT_OK || rc == KIT_MODEL_NOT_FOUND);
}

static void join_the_crowd(void *arg)
{
    uint32_t state = *(const uint32_t *)arg;
    _Atomic uint32_t wakes = 0;
    struct model_listener *l = NULL;
    assert_int_equal(model_events_listen(catalog, kit_str_lit(""), note_wake, &wakes, &l), KIT_OK);
    for (int i = 0; i < ROUNDS; i++) {
        state = state * 1664525u + 1013904223u;
        do_something(state >> 16, kit_str_c(crowd[state >> 24 & 3]));
        do_something(3 + (state >> 20 & 4), kit_str_c(crowd[4]));
        for (struct model_event e; (state >> 12 & 1) != 0 && model_events_read(l, &e);) {
            assert_true(e.id[0] != '\0');
        }
    }
    model_events_close(l);
}

static void check_crowd(enum plug_isolation isolation)
{
    static uint32_t seeds[THREADS] = {1, 22, 333, 4444};
    struct kit_thread threads[THREADS] = {{.started = false}};
    make_catalog(isolation);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(kit_thread_start(&threads[i], "crowd", join_the_crowd, &seeds[i], NULL), KIT_OK);
    }
    for (int i = 0; i < THREADS; i++) {
        kit_thread_join(&threads[i]);
    }
    load_it("a"); /* whatever they did, it does what it is told */
    wait_state("a", MODEL_READY);
    assert_int_equal(model_unload(catalog, kit_str_lit("org/b"), NULL), KIT_OK);
    wait_state("org/b", MODEL_AVAILABLE);
}

TEST(real_models_in_this_process_bear_four_threads_at_once)
{
    check_crowd(PLUG_IN_PROCESS);
}

TEST(real_models_in_cells_bear_four_threads_at_once)
{
    check_crowd(PLUG_IN_CELL);
}

TEST(real_free_ends_what_is_on)
{
    make_catalog(PLUG_IN_CELL);
    load_it("slow");
    load_it("a");
    for (int i = 0; i < 60000 && info_of("slow").done_bytes == 0; i++) {
        nap();
    }
}

/* --- metrics --- */

static void assert_shown(const char *line)
{
    struct kit_buf text;
    kit_buf_init(&text, KIT_MIB);
    assert_int_equal(kit_metric_render(&text, "test_"), KIT_OK);
    bool shown = kit_str_find(kit_buf_str(&text), kit_str_c(line)) < text.len;
    if (!shown) {
        fail_msg("no '%s' in:\n%.*s", line, KIT_STR_ARG(kit_buf_str(&text)));
    }
    kit_buf_done(&text);
}

TEST(metrics_show_what_is_loaded)
{
    make_catalog(PLUG_IN_PROCESS);
    load_it("a");
    wait_state("a", MODEL_READY);
    assert_shown("test_models_loaded 1\n");
    assert_shown("test_model_loads_total{result=\"ok\"}");
    assert_shown("test_model_load_seconds_count");
    assert_shown("test_model_bytes{model=\"a\",kind=\"cache\"} 4096\n");
    unload_it("a");
    assert_shown("test_models_loaded 0\n");
    assert_shown("test_model_bytes{model=\"a\",kind=\"cache\"} 0\n");
}

#define IN_BUILD(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    if (plug_cell_wanted(argc, argv)) {
        return plug_cell_main(argc, argv);
    }
    kit_log_setup(&(struct kit_log_options){.level = KIT_LOG_OFF, .fd = 2});
    model_metrics_register();
    return TEST_RUN(IN_BUILD(real_model_lives_and_goes_in_this_process), IN_BUILD(real_model_lives_and_goes_in_a_cell),
                    IN_BUILD(real_load_is_cancelled_in_this_process), IN_BUILD(real_load_is_cancelled_in_a_cell),
                    IN_BUILD(real_failures_say_what_is_wrong),
                    IN_BUILD(real_unload_and_booking_do_not_wait_behind_loads),
                    IN_BUILD(catalog_names_a_number_of_loads_that_cannot_be),
                    IN_BUILD(real_cell_that_dies_fails_its_model_and_starts_again),
                    IN_BUILD(real_cell_that_dies_is_cleared_away_by_unload_at_any_moment),
                    IN_BUILD(real_model_leaves_no_byte_after_a_thousand_loads),
                    IN_BUILD(real_models_in_this_process_bear_four_threads_at_once),
                    IN_BUILD(real_models_in_cells_bear_four_threads_at_once), IN_BUILD(real_free_ends_what_is_on),
                    IN_BUILD(metrics_show_what_is_loaded));
}
