/* tests/unit/plug/world.h - an engine with the test plug-ins, models of them in process and in a cell, and what a process
 * may leave behind.
 *
 * The test program is its own cell: main() begins with WORLD_CELL(argc, argv). Thread: one. */
#ifndef UNIT_PLUG_WORLD_H
#define UNIT_PLUG_WORLD_H

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit/log.h"
#include "plug/cell.h"
#include "plug/engine.h"
#include "support/temp.h"
#include "support/test.h"

#define WORLD_CELL(argc, argv)                                                                                         \
    if (plug_cell_wanted(argc, argv)) {                                                                                \
        return plug_cell_main(argc, argv);                                                                             \
    }                                                                                                                  \
    (void)setenv("TSAN_OPTIONS", "atexit_sleep_ms=0", 0); /* of the cells: it would wait a second */                   \
    kit_log_setup(&(struct kit_log_options){.level = KIT_LOG_OFF, .fd = 2})

#define WORLD_SHARED_BYTES ((uint64_t)64 << 20)

static inline struct plug_engine *world_engine_with(uint32_t call_ms_max, const char *cell_exe)
{
    struct plug_options options = {.folder = TEST_PLUGINS,
                                   .cell_exe = cell_exe,
                                   .cores_max = 4,
                                   .backends_max = 8,
                                   .cell_shared_bytes_max = WORLD_SHARED_BYTES,
                                   .cell_call_ms_max = call_ms_max};
    struct plug_engine *e = NULL;
    struct kit_err err = {0};
    assert_int_equal(plug_engine_new(&options, &e, &err), KIT_OK);
    return e;
}

static inline struct plug_engine *world_engine(void)
{
    return world_engine_with(0, "/proc/self/exe");
}

static inline struct plug_model_options world_options(struct plug_engine *e, const char *backend,
                                                      enum plug_isolation where)
{
    static char folder[TEST_PATH_BYTES];
    (void)test_temp_write(folder, "echo/echo.json", kit_str_lit("{}"));
    *strrchr(folder, '/') = 0;
    struct plug_model_options o = {.folder = folder, .isolation = where};
    assert_int_equal(plug_engine_choose(e, folder, backend, &o.backend, NULL), KIT_OK);
    return o;
}

static inline struct plug_model *world_model(struct plug_engine *e, const char *backend, const char *options,
                                             enum plug_isolation where)
{
    struct plug_model_options o = world_options(e, backend, where);
    struct plug_model *m = NULL;
    struct kit_err err = {0};
    o.options = options;
    if (plug_model_open(e, &o, &m, &err) != KIT_OK) {
        fail_msg("%s %s: %s", backend, options != NULL ? options : "{}", err.msg);
    }
    return m;
}

static inline struct plug_instance *world_instance(struct plug_model *m)
{
    struct acb_instance_open options = {.size = sizeof(options), .mode = ACB_MODE_INFER, .cores_max = 4};
    struct plug_instance *i = NULL;
    struct kit_err err = {0};
    if (plug_instance_open(m, &options, &i, &err) != KIT_OK) {
        fail_msg("instance: %s", err.msg);
    }
    return i;
}

/* One call with one input, all outputs. */
static inline enum kit_status world_echo(struct plug_instance *i, const struct acb_tensor *in, struct plug_outputs *out,
                                         struct kit_err *err)
{
    const struct acb_tensor *inputs[] = {in};
    struct acb_infer infer = {.size = sizeof(infer), .cores = 2, .input_count = 1, .inputs = inputs};
    return plug_instance_infer(i, &infer, out, err);
}

/* One call without inputs that wants "out": what the faulty back end takes. */
static inline enum kit_status world_call(struct plug_instance *i, struct plug_outputs *out, struct kit_err *err)
{
    struct acb_want want = {.size = sizeof(want), .name = "out"};
    const struct acb_want *wants[] = {&want};
    struct acb_infer infer = {.size = sizeof(infer), .cores = 2, .want_count = 1, .wants = wants};
    return plug_instance_infer(i, &infer, out, err);
}

/* --- what is left behind --- */

static inline uint32_t world_fds(void)
{
    uint32_t n = 0;
    DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    while (readdir(dir) != NULL) {
        n++;
    }
    (void)closedir(dir);
    return n;
}

struct world_mark {
    uint32_t fds;
    uint64_t bytes, blocks;
};

/* What lives as long as the process, such as series of metrics, is made by a first round. */
static inline void world_warm(void)
{
    static bool warm;
    for (int w = 0; !warm && w < 2; w++) {
        struct plug_engine *e = world_engine();
        struct plug_model *m = world_model(e, w == 0 ? "echo" : "faulty", NULL, PLUG_IN_CELL);
        struct plug_outputs out = {0};
        struct plug_instance *i = world_instance(m);
        const struct acb_tensor nothing = {.dtype = ACB_U8, .rank = 1, .name = "nothing"};
        if (w == 0) {
            assert_int_equal(world_echo(i, &nothing, &out, NULL), KIT_OK);
        }
        plug_outputs_done(&out);
        (void)kill((pid_t)plug_model_pid(m), SIGKILL);
        assert_int_equal(world_call(i, &out, NULL), KIT_UNAVAILABLE);
        plug_instance_close(i);
        plug_model_close(m);
        plug_engine_free(e);
    }
    warm = true;
}

static inline struct world_mark world_mark(void)
{
    world_warm();
    return (struct world_mark){world_fds(), kit_alloc_bytes(), kit_alloc_count()};
}

/* No descriptor, no memory, no child since the mark. */
static inline void world_assert_clean(struct world_mark since)
{
    struct world_mark now = world_mark();
    assert_int_equal(now.fds, since.fds);
    assert_int_equal(now.blocks, since.blocks);
    assert_int_equal(now.bytes, since.bytes);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static inline void world_sleep_ms(uint32_t ms)
{
    (void)usleep(ms * 1000);
}

#endif
