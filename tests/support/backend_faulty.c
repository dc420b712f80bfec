/* tests/support/backend_faulty.c - a back end that misbehaves as it is told: {"fault": "abort"}.
 *
 * Each fault is one row of the table below. It answers like echo, with one output "out" [3] f32, until its fault strikes.
 * Memory: it uses the host's allocator as a proper back end does. */
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "aether/backend.h"

#ifndef FAULTY_NAME
#define FAULTY_NAME "faulty"
#endif
#ifndef FAULTY_MINOR
#define FAULTY_MINOR ACB_MINOR
#endif
#ifndef FAULTY_INFER
#define FAULTY_INFER infer
#endif
#ifndef FAULTY_TABLE_BYTES
#define FAULTY_TABLE_BYTES sizeof(struct acb_plugin)
#endif

static const struct acb_host *host;

struct model {
    char fault[32];
};

static bool has_fault(void *instance, const char *fault)
{
    return strcmp(((struct model *)instance)->fault, fault) == 0;
}

static void sleep_ms(long ms)
{
    (void)nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static int32_t say(struct acb_err *err, int32_t code, const char *text)
{
    (void)snprintf(err->text, sizeof(err->text), "%s", text);
    return code;
}

/* --- loading --- */

static int32_t probe(const char *folder)
{
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/faulty.json", folder);
    return access(path, R_OK) == 0 ? 1000 : 0; /* out of range on purpose */
}

static void read_fault(const char *options, char fault[32])
{
    fault[0] = 0;
    const char *at = strstr(options, "\"fault\"");
    if (at != NULL) {
        (void)sscanf(at, "\"fault\" : \"%31[^\"]", fault);
    }
}

static void model_close(void *model)
{
    while (model != NULL && has_fault(model, "hang_close")) {
        sleep_ms(1000);
    }
    host->free(host->ctx, model);
}

static int32_t load_fault(const struct acb_model_open *open, const struct model *m, struct acb_err *err)
{
    if (strcmp(m->fault, "abort_load") == 0) {
        abort();
    }
    if (strcmp(m->fault, "hang_load") == 0) {
        for (;;) {
            sleep_ms(1000);
        }
    }
    if (strcmp(m->fault, "corrupt") == 0) {
        return say(err, ACB_CORRUPT, "weights.bin: tensor 'x' ends behind the file");
    }
    if (strcmp(m->fault, "fall_back") == 0) {
        (void)open->progress(open->progress_ctx, 90, 100);
        (void)open->progress(open->progress_ctx, 10, 100);
        (void)open->progress(open->progress_ctx, 500, 100);
    }
    if (strcmp(m->fault, "log") == 0) {
        host->log(host->ctx, ACB_LOG_WARN, "faulty.\nforged", "a=1\nlevel=error event=forged");
        host->log(host->ctx, 99, NULL, NULL);
        host->count(host->ctx, "bad name{}", 1);
        host->count(host->ctx, "fine", 2);
        host->count(host->ctx, "negative", -1);
    }
    return ACB_OK;
}

static int32_t model_open(const struct acb_model_open *open, void **ret, struct acb_err *err)
{
    struct model *m = host->alloc(host->ctx, sizeof(*m));
    if (m == NULL) {
        return say(err, ACB_NOMEM, "out of memory");
    }
    read_fault(open->options, m->fault);
    int32_t rc = load_fault(open, m, err);
    if (rc != ACB_OK) {
        host->free(host->ctx, m);
        return rc;
    }
    *ret = m;
    return ACB_OK;
}

static int32_t describe(void *model, struct acb_model_info *ret)
{
    static const struct acb_port out = {.size = sizeof(out), .dtype = ACB_F32, .rank = 1, .name = "out", .shape = {3}};
    static const struct acb_port nameless = {.size = sizeof(nameless), .dtype = ACB_F32, .rank = 1, .name = ""};
    static const struct acb_port *const good[] = {&out};
    static const struct acb_port *const bad[] = {&nameless};
    ret->output_count = 1;
    ret->outputs = has_fault(model, "nameless_port") ? bad : good;
    return has_fault(model, "describe_fails") ? ACB_FAILED : ACB_OK;
}

static int32_t instance_open(void *model, const struct acb_instance_open *open, void **ret, struct acb_err *err)
{
    (void)open;
    if (has_fault(model, "no_instance")) {
        return say(err, ACB_NOMEM, "no scratch");
    }
    *ret = model;
    return ACB_OK;
}

static void instance_close(void *instance)
{
    while (has_fault(instance, "hang_instance_close")) {
        sleep_ms(1000);
    }
}

/* --- calls: each fault gets the proper output and spoils it --- */

static struct acb_tensor *make(const struct acb_infer *infer, const char *name, int64_t n)
{
    struct acb_tensor *t = NULL;
    (void)host->tensor_new(host->ctx, infer->call, name, ACB_F32, 1, &n, &t);
    if (t != NULL) {
        memset(t->data, 0, t->bytes);
    }
    return t;
}

static int32_t do_abort(const struct acb_infer *infer, struct acb_tensor **out)
{
    (void)infer;
    (void)out;
    abort();
}

static int32_t do_exit(const struct acb_infer *infer, struct acb_tensor **out)
{
    (void)infer;
    (void)out;
    _exit(3);
}

static int32_t do_hang(const struct acb_infer *infer, struct acb_tensor **out)
{
    (void)infer;
    (void)out;
    sleep_ms(600000);
    return ACB_OK;
}

static int32_t do_stop(const struct acb_infer *infer, struct acb_tensor **out)
{
    (void)infer;
    (void)out;
    (void)raise(SIGSTOP);
    return ACB_FAILED;
}

static int32_t do_segv(const struct acb_infer *infer, struct acb_tensor **out)
{
    (void)infer;
    (void)out;
    (void)signal(SIGSEGV, SIG_DFL); /* not the sanitizer's */
    (void)raise(SIGSEGV);
    return ACB_FAILED;
}

/* Writes all over the memory behind its output, to the end of that page and of the row offsets of others. */
static int32_t do_scribble(const struct acb_infer *infer, struct acb_tensor **out)
{
    uint64_t rows[] = {0, 3};
    struct acb_tensor like = {.size = sizeof(like), .dtype = ACB_F32, .rank = 1, .name = "out", .shape = {3}};
    like.row_offsets = rows;
    like.rows = 1;
    (void)host->tensor_like(host->ctx, infer->call, &like, out);
    memset((*out)->data, 0xff, 4096);
    return ACB_OK;
}

static int32_t do_no_output(const struct acb_infer *infer, struct acb_tensor **out)
{
    (void)infer;
    (void)out;
    return ACB_OK;
}

static int32_t do_foreign(const struct acb_infer *infer, struct acb_tensor **out)
{
    static struct acb_tensor mine = {.size = sizeof(mine), .dtype = ACB_F32, .rank = 1, .name = "out", .shape = {3}};
    (void)infer;
    *out = &mine;
    return ACB_OK;
}

static int32_t do_wrong_name(const struct acb_infer *infer, struct acb_tensor **out)
{
    *out = make(infer, "other", 3);
    return ACB_OK;
}

static int32_t do_wrong_shape(const struct acb_infer *infer, struct acb_tensor **out)
{
    *out = make(infer, "out", 4);
    return ACB_OK;
}

static int32_t do_wrong_dtype(const struct acb_infer *infer, struct acb_tensor **out)
{
    int64_t three = 3;
    return host->tensor_new(host->ctx, infer->call, "out", ACB_I64, 1, &three, out);
}

static int32_t do_changed_shape(const struct acb_infer *infer, struct acb_tensor **out)
{
    *out = make(infer, "out", 2);
    (*out)->shape[0] = 3;
    (*out)->bytes = 1 << 30;
    return ACB_OK;
}

static int32_t do_changed_data(const struct acb_infer *infer, struct acb_tensor **out)
{
    static float mine[3];
    *out = make(infer, "out", 3);
    (*out)->data = mine;
    return ACB_OK;
}

static int32_t do_bad_strings(const struct acb_infer *infer, struct acb_tensor **out)
{
    struct acb_tensor like = {
        .size = sizeof(like), .dtype = ACB_STRING, .rank = 1, .name = "out", .shape = {3}, .bytes = 12};
    int32_t rc = host->tensor_like(host->ctx, infer->call, &like, out);
    memset((*out)->data, 0x7f, 12);
    return rc;
}

static int32_t do_bad_rows(const struct acb_infer *infer, struct acb_tensor **out)
{
    uint64_t rows[] = {0, 2, 1, 3};
    struct acb_tensor like = {.size = sizeof(like), .dtype = ACB_F32, .rank = 1, .name = "out", .shape = {3}};
    like.row_offsets = rows;
    like.rows = 3;
    return host->tensor_like(host->ctx, infer->call, &like, out);
}

static int32_t do_too_many(const struct acb_infer *infer, struct acb_tensor **out)
{
    char name[16];
    for (int k = 0; k < 300; k++) {
        (void)snprintf(name, sizeof(name), "out%d", k);
        (void)make(infer, name, 3);
    }
    *out = NULL;
    return ACB_OK;
}

static int32_t do_too_large(const struct acb_infer *infer, struct acb_tensor **out)
{
    int64_t shape[] = {INT64_MAX, 8};
    int32_t rc = host->tensor_new(host->ctx, infer->call, "out", ACB_F32, 2, shape, out);
    return rc == ACB_INVALID ? ACB_UNSUPPORTED : ACB_OK;
}

static int32_t do_status_high(const struct acb_infer *infer, struct acb_tensor **out)
{
    (void)infer;
    (void)out;
    return 4711;
}

static int32_t do_status_negative(const struct acb_infer *infer, struct acb_tensor **out)
{
    (void)infer;
    (void)out;
    return INT32_MIN;
}

static int32_t do_fatal(const struct acb_infer *infer, struct acb_tensor **out)
{
    (void)infer;
    (void)out;
    return ACB_FATAL;
}

/* Finds the cell's control socket and talks nonsense on it. */
static int32_t do_babble(const struct acb_infer *infer, struct acb_tensor **out)
{
    (void)infer;
    (void)out;
    char nonsense[100];
    memset(nonsense, 0x55, sizeof(nonsense));
    (void)send(3, nonsense, sizeof(nonsense), MSG_NOSIGNAL);
    sleep_ms(600000);
    return ACB_OK;
}

static const struct {
    const char *fault;
    int32_t (*strike)(const struct acb_infer *infer, struct acb_tensor **out);
} faults[] = {
    {"abort", do_abort},
    {"exit", do_exit},
    {"hang", do_hang},
    {"stop", do_stop},
    {"segv", do_segv},
    {"scribble", do_scribble},
    {"no_output", do_no_output},
    {"foreign", do_foreign},
    {"wrong_name", do_wrong_name},
    {"wrong_shape", do_wrong_shape},
    {"wrong_dtype", do_wrong_dtype},
    {"changed_shape", do_changed_shape},
    {"changed_data", do_changed_data},
    {"bad_strings", do_bad_strings},
    {"bad_rows", do_bad_rows},
    {"too_many", do_too_many},
    {"too_large", do_too_large},
    {"status_high", do_status_high},
    {"status_negative", do_status_negative},
    {"fatal", do_fatal},
    {"babble", do_babble},
};

__attribute__((unused)) static int32_t infer(void *instance, const struct acb_infer *infer, struct acb_tensor **outputs,
                                             struct acb_err *err)
{
    for (size_t k = 0; k < sizeof(faults) / sizeof(faults[0]); k++) {
        if (has_fault(instance, faults[k].fault)) {
            memset(err->text, 'x', sizeof(err->text)); /* no NUL, on purpose */
            return faults[k].strike(infer, outputs);
        }
    }
    outputs[0] = make(infer, "out", 3);
    return outputs[0] != NULL ? ACB_OK : ACB_NOMEM;
}

/* --- the table --- */

static const struct acb_option fault = {sizeof(fault), ACB_STRING, "fault", "", "what goes wrong", 0, 0};
static const struct acb_option *const options[] = {&fault};

static const struct acb_plugin plugin = {
    .size = FAULTY_TABLE_BYTES,
    .major = ACB_MAJOR,
    .minor = FAULTY_MINOR,
    .name = FAULTY_NAME,
    .version = "0.1.0",
    .summary = "misbehaves; for tests",
    .options = options,
    .option_count = 1,
    .probe = probe,
    .model_open = model_open,
    .model_close = model_close,
    .describe = describe,
    .instance_open = instance_open,
    .instance_close = instance_close,
    .infer = FAULTY_INFER,
};

const struct acb_plugin *aether_backend_entry(const struct acb_host *given)
{
    host = given;
#ifdef FAULTY_REFUSES
    return NULL;
#endif
    return &plugin;
}
