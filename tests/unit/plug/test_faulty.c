/* A back end that misbehaves: what it costs, in this process and in a cell. */
#include <stdlib.h>
#include <stdatomic.h>

#include "kit/metric.h"
#include "kit/sync.h"
#include "plug/metrics.h"
#include "unit/plug/world.h"

struct loss {
    _Atomic uint32_t times;
    char reason[200];
};

static void note_loss(void *ctx, const char *reason)
{
    struct loss *l = ctx;
    (void)snprintf(l->reason, sizeof(l->reason), "%s", reason);
    atomic_fetch_add(&l->times, 1);
}

static struct plug_model *faulty(struct plug_engine *e, const char *fault, enum plug_isolation where, struct loss *loss)
{
    char options[64];
    struct plug_model_options o = world_options(e, "faulty", where);
    struct plug_model *m = NULL;
    struct kit_err err = {0};
    (void)snprintf(options, sizeof(options), "{\"fault\": \"%s\"}", fault);
    o.options = options;
    o.ctx = loss;
    o.lost = loss != NULL ? note_loss : NULL;
    if (plug_model_open(e, &o, &m, &err) != KIT_OK) {
        fail_msg("%s: %s", fault, err.msg);
    }
    return m;
}

static void wait_for_loss(struct loss *l)
{
    for (int k = 0; k < 2000 && atomic_load(&l->times) == 0; k++) {
        world_sleep_ms(5);
    }
    assert_int_equal(atomic_load(&l->times), 1);
}

/* --- answers that cannot be: refused alike, and the back end goes on --- */

static const struct {
    const char *fault;
    enum kit_status status;
    const char *why; /* NULL: any */
} lies[] = {
    {"no_output", KIT_INTERNAL, "an output is missing, given twice, or not from tensor_new"},
    {"foreign", KIT_INTERNAL, "an output is missing, given twice, or not from tensor_new"},
    {"wrong_name", KIT_INTERNAL, "output 'out' was wanted, 'other' came"},
    {"wrong_shape", KIT_INTERNAL, "tensor 'out': dimension 0 is 4, not 3"},
    {"wrong_dtype", KIT_INTERNAL, "tensor 'out' is i64, not f32"},
    {"changed_shape", KIT_INTERNAL, "an output's description was changed after tensor_new"},
    {"changed_data", KIT_INTERNAL, "an output's description was changed after tensor_new"},
    {"bad_strings", KIT_INTERNAL, "tensor 'out': string 0 is longer than the data"},
    {"bad_rows", KIT_INTERNAL, "tensor 'out': row_offsets fall at row 1"},
    {"too_many", KIT_INTERNAL, "an output is missing, given twice, or not from tensor_new"},
    {"too_large", KIT_UNSUPPORTED, NULL},
    {"status_high", KIT_INTERNAL, NULL},
    {"status_negative", KIT_INTERNAL, NULL},
};

static void call_lie(struct plug_engine *e, size_t k, enum plug_isolation where)
{
    struct loss loss = {0};
    struct plug_model *m = faulty(e, lies[k].fault, where, &loss);
    struct plug_instance *i = world_instance(m);
    for (int round = 0; round < 3; round++) {
        struct plug_outputs out = {0};
        struct kit_err err = {0};
        if (world_call(i, &out, &err) != lies[k].status) {
            fail_msg("%s: %s", lies[k].fault, err.msg);
        }
        if (lies[k].why != NULL && strstr(err.msg, lies[k].why) == NULL) {
            fail_msg("%s: '%s' is not '%s'", lies[k].fault, err.msg, lies[k].why);
        }
        assert_int_equal(out.count, 0);
    }
    plug_instance_close(i);
    plug_model_close(m);
    assert_int_equal(atomic_load(&loss.times), 0);
}

TEST(faulty_lies_are_refused_in_process)
{
    struct world_mark mark = world_mark();
    struct plug_engine *e = world_engine();
    for (size_t k = 0; k < KIT_COUNT(lies); k++) {
        call_lie(e, k, PLUG_IN_PROCESS);
    }
    plug_engine_free(e);
    world_assert_clean(mark);
}

TEST(faulty_lies_are_refused_in_a_cell)
{
    struct world_mark mark = world_mark();
    struct plug_engine *e = world_engine();
    for (size_t k = 0; k < KIT_COUNT(lies); k++) {
        call_lie(e, k, PLUG_IN_CELL);
    }
    plug_engine_free(e);
    world_assert_clean(mark);
}

/* What it writes behind its output stays in the memory of the cell. */
TEST(faulty_scribbling_costs_nothing_in_a_cell)
{
    struct plug_engine *e = world_engine();
    struct plug_model *m = faulty(e, "scribble", PLUG_IN_CELL, NULL);
    struct plug_instance *i = world_instance(m);
    struct plug_outputs out = {0};
    assert_int_equal(world_call(i, &out, NULL), KIT_OK);
    assert_int_equal(out.tensor[0]->bytes, 12);
    assert_int_equal(out.tensor[0]->row_offsets[1], 3);
    plug_outputs_done(&out);
    plug_instance_close(i);
    plug_model_close(m);
    plug_engine_free(e);
}

TEST(faulty_ports_are_refused_both_ways)
{
    static const char *const faults[] = {"nameless_port", "describe_fails"};
    static const enum plug_isolation both[] = {PLUG_IN_PROCESS, PLUG_IN_CELL};
    struct plug_engine *e = world_engine();
    for (size_t k = 0; k < 4; k++) {
        char options[64];
        struct plug_model_options o = world_options(e, "faulty", both[k % 2]);
        struct plug_model *m = NULL;
        (void)snprintf(options, sizeof(options), "{\"fault\": \"%s\"}", faults[k / 2]);
        o.options = options;
        enum kit_status rc = plug_model_open(e, &o, &m, NULL);
        assert_int_equal(rc, k / 2 == 0 ? KIT_INTERNAL : KIT_LOAD_FAILED);
        assert_null(m);
    }
    plug_engine_free(e);
}

TEST(faulty_instances_are_refused_both_ways)
{
    static const enum plug_isolation both[] = {PLUG_IN_PROCESS, PLUG_IN_CELL};
    struct plug_engine *e = world_engine();
    for (size_t k = 0; k < 2; k++) {
        struct plug_model *m = faulty(e, "no_instance", both[k], NULL);
        struct plug_instance *i = NULL;
        struct acb_instance_open open = {.size = sizeof(open), .cores_max = 1};
        struct kit_err err = {0};
        for (int round = 0; round < 100; round++) { /* places of instances that failed are used again */
            assert_int_equal(plug_instance_open(m, &open, &i, &err), KIT_NOMEM);
            assert_string_equal(err.msg, "no scratch");
        }
        plug_model_close(m);
    }
    plug_engine_free(e);
}

/* --- calls that end the cell --- */

static const struct {
    const char *fault;
    const char *reason; /* part of it */
    const char *other;  /* what a sanitizer makes of it; NULL: nothing */
    uint32_t call_ms_max;
} deaths[] = {
    {"abort", "was ended by signal 6", "exited with status", 0},
    {"exit", "exited with status 3", NULL, 0},
    {"segv", "was ended by signal 11", NULL, 0},
    {"hang", "a call took longer than 300 ms", NULL, 300},
    {"stop", "a call took longer than 300 ms", NULL, 300},
    {"fatal", "its model was lost", NULL, 0},
    {"babble", "sent a message that makes no sense", NULL, 0},
};

static void die(size_t k)
{
    struct plug_engine *e = world_engine_with(deaths[k].call_ms_max, "/proc/self/exe");
    struct loss loss = {0};
    struct kit_err err = {0};
    struct plug_outputs out = {0};
    struct plug_model *m = faulty(e, deaths[k].fault, PLUG_IN_CELL, &loss);
    struct plug_instance *i = world_instance(m);
    assert_int_equal(world_call(i, &out, &err), KIT_UNAVAILABLE);
    wait_for_loss(&loss);
    if (strstr(loss.reason, deaths[k].reason) == NULL &&
        (deaths[k].other == NULL || strstr(loss.reason, deaths[k].other) == NULL)) {
        fail_msg("%s: %s", deaths[k].fault, loss.reason);
    }
    assert_int_equal(world_call(i, &out, &err), KIT_UNAVAILABLE);
    struct plug_instance *more = NULL;
    struct acb_instance_open open = {.size = sizeof(open), .cores_max = 1};
    assert_int_equal(plug_instance_open(m, &open, &more, NULL), KIT_UNAVAILABLE);
    plug_instance_cancel(i);
    plug_instance_shrink(i);
    uint64_t held[KIT_LEDGER_KIND_COUNT];
    enum kit_ledger_source source[KIT_LEDGER_KIND_COUNT];
    plug_model_bytes(m, held, source);
    plug_instance_close(i);
    plug_model_close(m);
    plug_engine_free(e);
    assert_int_equal(atomic_load(&loss.times), 1);
    assert_int_equal(out.count, 0);
}

TEST(faulty_deaths_cost_one_model_and_are_told_once)
{
    struct world_mark mark = world_mark();
    for (size_t k = 0; k < KIT_COUNT(deaths); k++) {
        die(k);
    }
    world_assert_clean(mark);
}

/* An engine in this process that says that it is lost is believed as well. */
TEST(faulty_fatal_in_process_loses_the_model_and_is_told_once)
{
    struct plug_engine *e = world_engine();
    struct loss loss = {0};
    struct plug_model *m = faulty(e, "fatal", PLUG_IN_PROCESS, &loss);
    struct plug_instance *i = world_instance(m);
    struct plug_outputs out = {0};
    struct kit_err err = {0};
    assert_int_equal(atomic_load(&loss.times), 0);
    assert_int_equal(world_call(i, &out, &err), KIT_UNAVAILABLE);
    assert_int_equal(atomic_load(&loss.times), 1); /* before the call has returned */
    assert_int_equal(strncmp(loss.reason, err.msg, 100), 0);
    assert_int_equal(world_call(i, &out, &err), KIT_UNAVAILABLE);
    assert_string_equal(err.msg, "the model is lost");
    assert_int_equal(atomic_load(&loss.times), 1);
    plug_instance_close(i);
    plug_model_close(m);
    plug_engine_free(e);
}

#define LOSERS 4

static void call_and_lose(void *arg)
{
    struct plug_outputs out = {0};
    assert_int_equal(world_call(arg, &out, NULL), KIT_UNAVAILABLE);
}

TEST(faulty_fatal_of_many_instances_at_once_is_told_once)
{
    struct plug_engine *e = world_engine();
    struct loss loss = {0};
    struct plug_model *m = faulty(e, "fatal", PLUG_IN_PROCESS, &loss);
    struct plug_instance *instances[LOSERS];
    struct kit_thread threads[LOSERS] = {{.started = false}};
    for (int k = 0; k < LOSERS; k++) {
        instances[k] = world_instance(m);
    }
    for (int k = 0; k < LOSERS; k++) {
        assert_int_equal(kit_thread_start(&threads[k], "loser", call_and_lose, instances[k], NULL), KIT_OK);
    }
    for (int k = 0; k < LOSERS; k++) {
        kit_thread_join(&threads[k]);
        plug_instance_close(instances[k]);
    }
    plug_model_close(m);
    plug_engine_free(e);
    assert_int_equal(atomic_load(&loss.times), 1);
}

/* --- loading --- */

TEST(faulty_death_while_loading_is_unavailable)
{
    struct world_mark mark = world_mark();
    struct plug_engine *e = world_engine();
    struct plug_model_options o = world_options(e, "faulty", PLUG_IN_CELL);
    struct plug_model *m = NULL;
    struct kit_err err = {0};
    struct loss loss = {0};
    o.options = "{\"fault\": \"abort_load\"}";
    o.ctx = &loss;
    o.lost = note_loss;
    assert_int_equal(plug_model_open(e, &o, &m, &err), KIT_UNAVAILABLE);
    assert_non_null(strstr(err.msg, "while it loaded the model"));
    assert_int_equal(atomic_load(&loss.times), 0); /* it was never there */
    plug_engine_free(e);
    world_assert_clean(mark);
}

static bool stop_at_once(void *ctx, uint64_t done, uint64_t total)
{
    (void)ctx;
    (void)done;
    (void)total;
    return false;
}

TEST(faulty_loading_that_does_not_stop_is_ended)
{
    struct world_mark mark = world_mark();
    struct plug_engine *e = world_engine();
    struct plug_model_options o = world_options(e, "faulty", PLUG_IN_CELL);
    struct plug_model *m = NULL;
    o.options = "{\"fault\": \"hang_load\"}";
    o.progress = stop_at_once;
    assert_int_equal(plug_model_open(e, &o, &m, NULL), KIT_CANCELLED);
    assert_int_equal(plug_cores_acquire(e, 0, 4), 4); /* the load's cores are back */
    plug_cores_release(e, 4);
    plug_engine_free(e);
    world_assert_clean(mark);
}

TEST(faulty_files_are_load_failed_both_ways)
{
    static const enum plug_isolation both[] = {PLUG_IN_PROCESS, PLUG_IN_CELL};
    struct plug_engine *e = world_engine();
    for (size_t k = 0; k < 2; k++) {
        struct plug_model_options o = world_options(e, "faulty", both[k]);
        struct plug_model *m = NULL;
        struct kit_err err = {0};
        o.options = "{\"fault\": \"corrupt\"}";
        assert_int_equal(plug_model_open(e, &o, &m, &err), KIT_LOAD_FAILED);
        assert_string_equal(err.msg, "weights.bin: tensor 'x' ends behind the file");
    }
    plug_engine_free(e);
}

/* --- closing --- */

TEST(faulty_closing_that_hangs_is_ended)
{
    static const char *const faults[] = {"hang_close", "hang_instance_close"};
    struct world_mark mark = world_mark();
    struct plug_engine *e = world_engine();
    for (size_t k = 0; k < 2; k++) {
        struct plug_model *m = faulty(e, faults[k], PLUG_IN_CELL, NULL);
        plug_instance_close(world_instance(m));
        plug_model_close(m);
    }
    plug_engine_free(e);
    world_assert_clean(mark);
}

/* --- what it says --- */

static void assert_counted(const char *line, bool wanted)
{
    struct kit_buf out;
    kit_buf_init(&out, 1 << 20);
    assert_int_equal(kit_metric_render(&out, "test_"), KIT_OK);
    assert_int_equal(kit_buf_add_char(&out, 0), KIT_OK);
    assert_int_equal(strstr(out.ptr, line) != NULL, wanted);
    kit_buf_done(&out);
}

TEST(faulty_counts_are_taken_when_they_are_sound)
{
    static const enum plug_isolation both[] = {PLUG_IN_PROCESS, PLUG_IN_CELL};
    static const char *const lines[] = {"test_backend_events_total{backend=\"faulty\",name=\"fine\"} 2\n",
                                        "test_backend_events_total{backend=\"faulty\",name=\"fine\"} 4\n"};
    struct plug_engine *e = world_engine();
    for (size_t k = 0; k < 2; k++) {
        plug_model_close(faulty(e, "log", both[k], NULL));
        assert_counted(lines[k], true);
        assert_counted("bad name", false);
        assert_counted("negative", false);
    }
    plug_engine_free(e);
}

/* A line of the log is one line, whatever a back end puts into it. */
TEST(faulty_log_lines_cannot_be_forged)
{
    static const enum plug_isolation both[] = {PLUG_IN_PROCESS, PLUG_IN_CELL};
    char text[4096] = "";
    FILE *file = tmpfile();
    assert_non_null(file);
    kit_log_setup(&(struct kit_log_options){.level = KIT_LOG_DEBUG, .format = KIT_LOG_LOGFMT, .fd = fileno(file)});
    struct plug_engine *e = world_engine();
    for (size_t k = 0; k < 2; k++) {
        plug_model_close(faulty(e, "log", both[k], NULL));
    }
    plug_engine_free(e);
    kit_log_setup(&(struct kit_log_options){.level = KIT_LOG_OFF, .fd = 2});
    rewind(file);
    assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
    (void)fclose(file);
    assert_null(strstr(text, "\nforged"));
    assert_null(strstr(text, "\nlevel=error event=forged"));
    const char *first = strstr(text, "backend=faulty a=1 level=error event=forged");
    assert_non_null(first);
    assert_non_null(strstr(first + 1, "backend=faulty a=1 level=error event=forged")); /* from the cell as well */
    assert_non_null(strstr(text, "backend.says"));
}

int main(int argc, char **argv)
{
    setenv("TSAN_OPTIONS", "report_thread_leaks=0", 1); /* for the cells: some end by exit, with threads running */
    WORLD_CELL(argc, argv);
    plug_metrics_register();
    return TEST_RUN(
        TEST_OF(faulty_lies_are_refused_in_process), TEST_OF(faulty_lies_are_refused_in_a_cell),
        TEST_OF(faulty_scribbling_costs_nothing_in_a_cell), TEST_OF(faulty_ports_are_refused_both_ways),
        TEST_OF(faulty_instances_are_refused_both_ways), TEST_OF(faulty_deaths_cost_one_model_and_are_told_once),
        TEST_OF(faulty_fatal_in_process_loses_the_model_and_is_told_once),
        TEST_OF(faulty_fatal_of_many_instances_at_once_is_told_once),
        TEST_OF(faulty_death_while_loading_is_unavailable), TEST_OF(faulty_loading_that_does_not_stop_is_ended),
        TEST_OF(faulty_files_are_load_failed_both_ways), TEST_OF(faulty_closing_that_hangs_is_ended),
        TEST_OF(faulty_counts_are_taken_when_they_are_sound), TEST_OF(faulty_log_lines_cannot_be_forged));
}
