/* The worker process itself: its birth, its death, and what it leaves behind. */
#include <stdatomic.h>

#include "kit/sync.h"
#include "unit/plug/world.h"

static const struct acb_tensor small = {
    .dtype = ACB_U8, .rank = 1, .name = "small", .shape = {3}, .data = (char[3]){1, 2, 3}, .bytes = 3};

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

static struct plug_model *open_cell(struct plug_engine *e, const char *backend, const char *options, struct loss *loss)
{
    struct plug_model_options o = world_options(e, backend, PLUG_IN_CELL);
    struct plug_model *m = NULL;
    struct kit_err err = {0};
    o.options = options;
    o.ctx = loss;
    o.lost = note_loss;
    if (plug_model_open(e, &o, &m, &err) != KIT_OK) {
        fail_msg("%s", err.msg);
    }
    return m;
}

static bool alive(int64_t pid)
{
    return kill((pid_t)pid, 0) == 0;
}

static void assert_works(struct plug_instance *i)
{
    struct plug_outputs out = {0};
    struct kit_err err = {0};
    if (world_echo(i, &small, &out, &err) != KIT_OK) {
        fail_msg("%s", err.msg);
    }
    assert_memory_equal(out.tensor[0]->data, small.data, small.bytes);
    plug_outputs_done(&out);
}

TEST(cell_goes_when_its_model_is_closed)
{
    struct world_mark mark = world_mark();
    struct plug_engine *e = world_engine();
    struct loss loss = {0};
    struct plug_model *m = open_cell(e, "echo", NULL, &loss);
    int64_t pid = plug_model_pid(m);
    assert_true(pid > 0 && pid != getpid() && alive(pid));
    plug_model_close(m);
    assert_false(alive(pid));
    assert_int_equal(atomic_load(&loss.times), 0);
    plug_engine_free(e);
    world_assert_clean(mark);
}

TEST(cell_that_dies_idle_is_noticed)
{
    struct world_mark mark = world_mark();
    struct plug_engine *e = world_engine();
    struct loss loss = {0};
    struct plug_model *m = open_cell(e, "echo", NULL, &loss);
    struct plug_instance *i = world_instance(m);
    assert_works(i);
    assert_int_equal(kill((pid_t)plug_model_pid(m), SIGKILL), 0);
    for (int k = 0; k < 2000 && atomic_load(&loss.times) == 0; k++) {
        world_sleep_ms(5);
    }
    assert_int_equal(atomic_load(&loss.times), 1);
    assert_non_null(strstr(loss.reason, "the worker process was ended by signal 9"));
    assert_int_equal(plug_model_pid(m), 0);
    struct plug_outputs out = {0};
    assert_int_equal(world_echo(i, &small, &out, NULL), KIT_UNAVAILABLE);
    plug_instance_close(i);
    plug_model_close(m);
    plug_engine_free(e);
    world_assert_clean(mark);
}

#define CYCLES 100

TEST(cell_crashes_a_hundred_times_and_leaves_nothing)
{
    struct world_mark mark = world_mark();
    struct plug_engine *e = world_engine();
    struct world_mark each = world_mark();
    for (int k = 0; k < CYCLES; k++) {
        struct loss loss = {0};
        struct plug_model *m =
            open_cell(e, "faulty", k % 2 == 0 ? "{\"fault\": \"exit\"}" : "{\"fault\": \"segv\"}", &loss);
        struct plug_instance *i = world_instance(m);
        struct plug_outputs out = {0};
        assert_int_equal(world_call(i, &out, NULL), KIT_UNAVAILABLE);
        plug_instance_close(i);
        plug_model_close(m);
        world_assert_clean(each);
    }
    plug_engine_free(e);
    world_assert_clean(mark);
}

/* The kernel ends a cell with the thread that started it; that is not the one that opened the model. */
static void open_on_a_thread(void *arg)
{
    struct plug_model **m = arg;
    struct plug_engine *e = (struct plug_engine *)*m;
    struct plug_model_options o = world_options(e, "echo", PLUG_IN_CELL);
    *m = NULL;
    (void)!plug_model_open(e, &o, m, NULL);
}

TEST(cell_outlives_the_thread_that_opened_it)
{
    struct plug_engine *e = world_engine();
    struct plug_model *m = (struct plug_model *)e;
    struct kit_thread thread = {0};
    assert_int_equal(kit_thread_start(&thread, "open", open_on_a_thread, &m, NULL), KIT_OK);
    kit_thread_join(&thread);
    assert_non_null(m);
    world_sleep_ms(50);
    struct plug_instance *i = world_instance(m);
    assert_works(i);
    plug_instance_close(i);
    plug_model_close(m);
    plug_engine_free(e);
}

static int own_a_cell(int pipe_end)
{
    struct plug_engine *e = world_engine();
    struct plug_model *m = world_model(e, "echo", NULL, PLUG_IN_CELL);
    int64_t pid = plug_model_pid(m);
    (void)!write(pipe_end, &pid, sizeof(pid));
    for (;;) {
        world_sleep_ms(1000);
    }
    return 0;
}

TEST(cell_goes_when_its_parent_is_killed)
{
    int ends[2];
    int64_t pid = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t parent = fork();
    if (parent == 0) {
        _exit(own_a_cell(ends[1]));
    }
    assert_true(parent > 0);
    assert_int_equal(read(ends[0], &pid, sizeof(pid)), sizeof(pid));
    assert_true(alive(pid));
    (void)kill(parent, SIGKILL);
    (void)waitpid(parent, NULL, 0);
    for (int k = 0; k < 2000 && alive(pid); k++) {
        world_sleep_ms(5);
    }
    assert_false(alive(pid));
    (void)close(ends[0]);
    (void)close(ends[1]);
}

TEST(cell_gets_none_of_our_descriptors)
{
    char path[64];
    uint32_t n = 0;
    struct plug_engine *e = world_engine();
    int leak = dup(1); /* not closed on exec */
    struct plug_model *m = world_model(e, "echo", NULL, PLUG_IN_CELL);
    (void)snprintf(path, sizeof(path), "/proc/%lld/fd", (long long)plug_model_pid(m));
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        n += entry->d_name[0] != '.';
    }
    (void)closedir(dir);
    (void)close(leak);
    assert_in_range(n, 4, 5); /* three standard ones, the socket; a sanitizer may have one of its own */
    plug_model_close(m);
    plug_engine_free(e);
}

TEST(cell_program_that_is_none_is_unavailable)
{
    static const struct {
        const char *exe, *why;
    } cases[] = {
        {"/nonexistent/aethercore", "could not be started: /nonexistent/aethercore"},
        {"/bin/true", "exited with status 0"},
        {"/bin/false", "exited with status 1"},
    };
    struct world_mark mark = world_mark();
    for (size_t k = 0; k < KIT_COUNT(cases); k++) {
        struct plug_engine *e = world_engine_with(0, cases[k].exe);
        struct plug_model_options o = world_options(e, "echo", PLUG_IN_CELL);
        struct plug_model *m = NULL;
        struct kit_err err = {0};
        assert_int_equal(plug_model_open(e, &o, &m, &err), KIT_UNAVAILABLE);
        if (strstr(err.msg, cases[k].why) == NULL) {
            fail_msg("%s", err.msg);
        }
        plug_engine_free(e);
    }
    world_assert_clean(mark);
}

TEST(cell_main_wants_its_descriptor)
{
    char exe[] = "aethercore";
    char cell[] = "--cell";
    char zero[] = "0";
    char word[] = "x";
    assert_true(plug_cell_wanted(2, (char *[]){exe, cell, NULL}));
    assert_false(plug_cell_wanted(1, (char *[]){exe, NULL}));
    assert_false(plug_cell_wanted(2, (char *[]){exe, word, NULL}));
    FILE *null = freopen("/dev/null", "w", stderr); /* its usage line */
    assert_non_null(null);
    assert_int_equal(plug_cell_main(2, (char *[]){exe, cell, NULL}), 2);
    assert_int_equal(plug_cell_main(3, (char *[]){exe, cell, zero, NULL}), 2);
    assert_int_equal(plug_cell_main(3, (char *[]){exe, cell, word, NULL}), 2);
}

/* --- several instances, several cells --- */

#define THREADS 4

struct caller {
    struct plug_model *model;
    uint32_t wrong;
};

static void call_often(void *arg)
{
    struct caller *c = arg;
    struct plug_instance *i = NULL;
    struct acb_instance_open open = {.size = sizeof(open), .cores_max = 1};
    if (plug_instance_open(c->model, &open, &i, NULL) != KIT_OK) {
        c->wrong++;
        return;
    }
    for (uint32_t k = 0; k < 100; k++) {
        uint64_t value[2] = {k, (uintptr_t)c};
        struct acb_tensor t = {.dtype = ACB_U64, .rank = 1, .name = "v", .shape = {2}, .data = value, .bytes = 16};
        struct plug_outputs out = {0};
        bool ok = world_echo(i, &t, &out, NULL) == KIT_OK && memcmp(out.tensor[0]->data, value, 16) == 0;
        c->wrong += !ok;
        plug_outputs_done(&out);
    }
    plug_instance_close(i);
}

TEST(cell_serves_its_instances_at_the_same_time)
{
    struct world_mark mark = world_mark();
    struct plug_engine *e = world_engine();
    struct plug_model *m[2] = {world_model(e, "echo", NULL, PLUG_IN_CELL), world_model(e, "echo", NULL, PLUG_IN_CELL)};
    struct kit_thread threads[THREADS] = {0};
    struct caller callers[THREADS] = {0};
    for (int k = 0; k < THREADS; k++) {
        callers[k].model = m[k % 2];
        assert_int_equal(kit_thread_start(&threads[k], "caller", call_often, &callers[k], NULL), KIT_OK);
    }
    uint64_t held[KIT_LEDGER_KIND_COUNT];
    enum kit_ledger_source source[KIT_LEDGER_KIND_COUNT];
    for (int k = 0; k < 20; k++) {
        plug_model_bytes(m[k % 2], held, source);
    }
    for (int k = 0; k < THREADS; k++) {
        kit_thread_join(&threads[k]);
        assert_int_equal(callers[k].wrong, 0);
    }
    plug_model_close(m[0]);
    plug_model_close(m[1]);
    plug_engine_free(e);
    world_assert_clean(mark);
}

TEST(cell_has_room_for_64_instances)
{
    struct plug_engine *e = world_engine();
    struct plug_model *m = world_model(e, "echo", NULL, PLUG_IN_CELL);
    struct plug_instance *i[64];
    struct plug_instance *more = NULL;
    struct acb_instance_open open = {.size = sizeof(open), .cores_max = 1};
    struct kit_err err = {0};
    for (int k = 0; k < 64; k++) {
        i[k] = world_instance(m);
    }
    assert_int_equal(plug_instance_open(m, &open, &more, &err), KIT_FULL);
    plug_instance_close(i[7]);
    i[7] = world_instance(m);
    assert_works(i[7]);
    for (int k = 0; k < 64; k++) {
        plug_instance_close(i[k]);
    }
    plug_model_close(m);
    plug_engine_free(e);
}

/* Several calls in flight when the cell dies: each gets its answer, the loss is told once. */
static void call_until_lost(void *arg)
{
    struct caller *c = arg;
    struct plug_instance *i = NULL;
    struct acb_instance_open open = {.size = sizeof(open), .cores_max = 1};
    if (plug_instance_open(c->model, &open, &i, NULL) != KIT_OK) {
        c->wrong++;
        return;
    }
    struct plug_outputs out = {0};
    c->wrong += world_echo(i, &small, &out, NULL) != KIT_UNAVAILABLE;
    plug_instance_close(i);
}

TEST(cell_that_dies_fails_all_calls_in_flight)
{
    struct world_mark mark = world_mark();
    struct plug_engine *e = world_engine();
    struct loss loss = {0};
    struct plug_model *m = open_cell(e, "echo", "{\"delay_ms\": 600000}", &loss);
    struct kit_thread threads[THREADS] = {0};
    struct caller callers[THREADS] = {0};
    for (int k = 0; k < THREADS; k++) {
        callers[k].model = m;
        assert_int_equal(kit_thread_start(&threads[k], "caller", call_until_lost, &callers[k], NULL), KIT_OK);
    }
    world_sleep_ms(100);
    (void)kill((pid_t)plug_model_pid(m), SIGABRT);
    for (int k = 0; k < THREADS; k++) {
        kit_thread_join(&threads[k]);
    }
    plug_model_close(m);
    assert_int_equal(atomic_load(&loss.times), 1);
    plug_engine_free(e);
    world_assert_clean(mark);
}

int main(int argc, char **argv)
{
    WORLD_CELL(argc, argv);
    return TEST_RUN(TEST_OF(cell_goes_when_its_model_is_closed), TEST_OF(cell_that_dies_idle_is_noticed),
                    TEST_OF(cell_crashes_a_hundred_times_and_leaves_nothing),
                    TEST_OF(cell_outlives_the_thread_that_opened_it), TEST_OF(cell_goes_when_its_parent_is_killed),
                    TEST_OF(cell_gets_none_of_our_descriptors), TEST_OF(cell_program_that_is_none_is_unavailable),
                    TEST_OF(cell_serves_its_instances_at_the_same_time), TEST_OF(cell_has_room_for_64_instances),
                    TEST_OF(cell_that_dies_fails_all_calls_in_flight), TEST_OF(cell_main_wants_its_descriptor));
}
