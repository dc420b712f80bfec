/* backends/echo/echo.c - the smallest useful back end: it answers with its inputs.
 *
 * It is made to be copied by whoever writes a back end of their own, and for tests of everything above back ends. It
 * needs one header, include/aether/backend.h, and the C library. Read the file from the bottom to the top: first the
 * entry and the table, then the functions of the table in the order in which the host calls them.
 *
 * A model is a folder with a file echo.json: {} is enough, settings.h has the keys. */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <sys/stat.h>

#include "aether/backend.h"
#include "settings.h"

#define SETTINGS_BYTES_MAX 4096
#define LOAD_STEP_MS 10 /* between two words of progress; the ABI wants one at least every 50 ms */

/* The host's functions; given once, at entry. It is the only variable here that is not constant. */
static const struct acb_host *host;

/* A model is immutable once it is open: any number of instances read it at the same time. */
struct model {
    struct echo_settings settings;
    struct acb_port pooled; /* output of a model that embeds */
    const struct acb_port *pooled_list[1];
};

/* An instance is called by one thread at a time; only cancel comes from another. */
struct instance {
    const struct model *model;
    void *work; /* settings.work_bytes, as a real engine has scratch memory */
    pthread_mutex_t lock;
    pthread_cond_t stop; /* told by cancel */
};

/* Every failure puts one line for a person into *err: what was wrong, and what would be right. */
__attribute__((format(printf, 3, 4))) static int32_t fail(struct acb_err *err, int32_t code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    return code;
}

/* --- small helpers --- */

static bool join(char *buf, size_t room, const char *folder)
{
    int len = snprintf(buf, room, "%s/echo.json", folder);
    return len > 0 && (size_t)len < room;
}

static struct timespec in_us(uint64_t us)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += (time_t)(us / 1000000);
    t.tv_nsec += (long)(us % 1000000) * 1000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

/* Regular files only: opening a pipe that nobody writes to would block for ever. */
static FILE *open_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) ? fopen(path, "re") : NULL;
}

/* --- probe and estimate: before anything is loaded --- */

/* "How well could you run this folder?" Looks at names only, so that it is cheap for every folder of the machine. */
static int32_t probe(const char *folder)
{
    char path[4096];
    FILE *file = join(path, sizeof(path), folder) ? open_file(path) : NULL;
    if (file == NULL) {
        return 0;
    }
    (void)fclose(file);
    return 100; /* nobody else runs an echo.json */
}

/* echo.json first, then the host's options over it. */
static int32_t read_settings(const struct acb_model_open *open, struct echo_settings *ret, struct acb_err *err)
{
    char path[4096];
    char text[SETTINGS_BYTES_MAX + 1];
    FILE *file = join(path, sizeof(path), open->folder) ? open_file(path) : NULL;
    if (file == NULL) {
        return fail(err, ACB_NOT_FOUND, "echo.json: cannot be read in %.150s", open->folder);
    }
    size_t len = fread(text, 1, sizeof(text) - 1, file);
    bool whole = feof(file) != 0 || fgetc(file) == EOF;
    (void)fclose(file);
    text[len] = 0;
    const char *wrong = whole ? echo_settings_read(text, ret) : "longer than 4096 bytes";
    if (wrong != NULL) {
        return fail(err, ACB_CORRUPT, "echo.json: %s", wrong);
    }
    wrong = echo_settings_read(open->options, ret);
    return wrong == NULL ? ACB_OK : fail(err, ACB_INVALID, "options: %s", wrong);
}

/* What it will take, so that the host can refuse what does not fit. The host has set the size of each row. */
static int32_t estimate(const struct acb_model_open *open, struct acb_bytes *const *ret, uint32_t *count,
                        struct acb_err *err)
{
    struct echo_settings settings = {0};
    int32_t rc = read_settings(open, &settings, err);
    if (rc == ACB_OK) {
        ret[0]->device = 0;
        ret[0]->kind = ACB_BYTES_CACHE;
        ret[0]->source = ACB_SOURCE_ESTIMATED;
        ret[0]->bytes = settings.work_bytes;
        *count = 1;
    }
    return rc;
}

/* --- models --- */

/* A real back end reads its weights here. Between two pieces it tells how far it is, and hears whether to go on. */
static int32_t pretend_to_load(const struct acb_model_open *open, uint64_t total_ms)
{
    for (uint64_t done = 0;; done += LOAD_STEP_MS) {
        done = done < total_ms ? done : total_ms;
        if (ACB_HAS(open, progress) && open->progress(open->progress_ctx, done, total_ms) != 0) {
            return ACB_CANCELLED;
        }
        if (done == total_ms) {
            return ACB_OK;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = LOAD_STEP_MS * 1000000L}, NULL);
    }
}

static int32_t model_open(const struct acb_model_open *open, void **ret, struct acb_err *err)
{
    struct echo_settings settings = {0};
    int32_t rc = read_settings(open, &settings, err);
    if (rc == ACB_OK) {
        rc = pretend_to_load(open, settings.load_ms);
    }
    if (rc != ACB_OK) {
        return rc; /* *ret is untouched: nothing was made */
    }
    struct model *m = host->alloc(host->ctx, sizeof(*m)); /* counted by the host */
    if (m == NULL) {
        return fail(err, ACB_NOMEM, "out of memory");
    }
    *m = (struct model){.settings = settings,
                        .pooled = {.size = sizeof(m->pooled),
                                   .dtype = ACB_F32,
                                   .rank = 2,
                                   .name = "pooled",
                                   .shape = {-1, (int64_t)settings.dimensions}},
                        .pooled_list = {&m->pooled}};
    host->log(host->ctx, ACB_LOG_DEBUG, "echo.opened", "");
    *ret = m;
    return ACB_OK;
}

static void model_close(void *model)
{
    host->free(host->ctx, model);
}

/* "tasks" names what the model is for; the first is what it does when nobody says. */
static const char *meta(void *model, const char *key)
{
    const struct model *m = model;
    if (strcmp(key, "tasks") == 0) {
        return m->settings.dimensions > 0 ? "embed,raw" : "raw";
    }
    return strcmp(key, "architecture") == 0 ? "echo" : NULL;
}

/* Any tensors in, the same tensors out, ragged ones too: one port stands for all of them. A model that knows its inputs
 * lists them by name, with dtype and shape: -1 is a size that differs from call to call. */
static int32_t describe(void *model, struct acb_model_info *ret)
{
    static const struct acb_port ids = {
        .size = sizeof(ids), .dtype = ACB_I32, .rank = 1, .flags = ACB_PORT_RAGGED, .name = "input_ids", .shape = {-1}};
    static const struct acb_port *const texts[] = {&ids};
    static const struct acb_port any = {.size = sizeof(any),
                                        .dtype = ACB_DTYPE_ANY,
                                        .rank = ACB_RANK_ANY,
                                        .flags = ACB_PORT_RAGGED | ACB_PORT_OPTIONAL,
                                        .name = ACB_PORT_ANY};
    static const struct acb_port *const ports[] = {&any};
    const struct model *m = model;
    bool embeds = m->settings.dimensions > 0;
    ret->input_count = 1;
    ret->inputs = embeds ? texts : ports;
    ret->output_count = 1;
    ret->outputs = embeds ? m->pooled_list : ports;
    return ACB_OK;
}

/* The model itself holds nothing worth counting; an instance holds its scratch memory. */
static int32_t bytes(void *model, void *instance, struct acb_bytes *const *ret, uint32_t *count)
{
    const struct model *m = model;
    *count = 0;
    if (instance != NULL && m->settings.work_bytes > 0) {
        ret[0]->device = 0;
        ret[0]->kind = ACB_BYTES_CACHE;
        ret[0]->source = ACB_SOURCE_COUNTED;
        ret[0]->bytes = m->settings.work_bytes;
        *count = 1;
    }
    return ACB_OK;
}

/* --- instances --- */

static void instance_close(void *instance)
{
    struct instance *i = instance;
    if (i != NULL) {
        (void)pthread_cond_destroy(&i->stop);
        (void)pthread_mutex_destroy(&i->lock);
        host->free(host->ctx, i->work);
        host->free(host->ctx, i);
    }
}

static int32_t instance_open(void *model, const struct acb_instance_open *open, void **ret, struct acb_err *err)
{
    const struct model *m = model;
    if (open->mode != ACB_MODE_INFER) {
        return fail(err, ACB_UNSUPPORTED, "echo does not generate");
    }
    struct instance *i = host->alloc(host->ctx, sizeof(*i));
    if (i == NULL) {
        return fail(err, ACB_NOMEM, "out of memory");
    }
    memset(i, 0, sizeof(*i));
    i->model = m;
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&i->stop, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    (void)pthread_mutex_init(&i->lock, NULL);
    i->work = host->alloc(host->ctx, m->settings.work_bytes);
    if (i->work == NULL) {
        instance_close(i);
        return fail(err, ACB_NOMEM, "work_bytes: no memory for %llu bytes", (unsigned long long)m->settings.work_bytes);
    }
    *ret = i;
    return ACB_OK;
}

/* --- calls --- */

/* The host sets this flag before it calls cancel(). */
static bool is_cancelled(const struct acb_infer *infer)
{
    return __atomic_load_n(infer->cancelled, __ATOMIC_ACQUIRE) != 0;
}

static const struct acb_tensor *find_input(const struct acb_infer *infer, const char *name)
{
    for (uint32_t k = 0; k < infer->input_count; k++) {
        if (strcmp(infer->inputs[k]->name, name) == 0) {
            return infer->inputs[k];
        }
    }
    return NULL;
}

static uint64_t cost_us(const struct echo_settings *s, const struct acb_infer *infer)
{
    const struct acb_tensor *ids = find_input(infer, "input_ids");
    return s->delay_ms * 1000 + (ids != NULL ? ids->rows * s->row_us : 0);
}

/* Waits instead of computing. Under the lock the flag cannot be set and cancel() called between our look and our wait. */
static int32_t wait_a_while(struct instance *i, const struct acb_infer *infer)
{
    uint64_t us = cost_us(&i->model->settings, infer);
    struct timespec until = in_us(us);
    int error = 0;
    (void)pthread_mutex_lock(&i->lock);
    while (us > 0 && error != ETIMEDOUT && !is_cancelled(infer)) {
        error = pthread_cond_timedwait(&i->stop, &i->lock, &until);
    }
    (void)pthread_mutex_unlock(&i->lock);
    return is_cancelled(infer) ? ACB_CANCELLED : ACB_OK;
}

/* From any thread, while the call runs on its own. An engine that polls the flag needs no such function at all. */
static void cancel(void *instance)
{
    struct instance *i = instance;
    (void)pthread_mutex_lock(&i->lock);
    (void)pthread_cond_broadcast(&i->stop);
    (void)pthread_mutex_unlock(&i->lock);
}

/* The whole tensor. Outputs always come from the host: in a cell they lie in shared memory, and nobody copies twice. */
static int32_t give_all(const struct acb_infer *infer, const struct acb_tensor *in, struct acb_tensor **ret,
                        struct acb_err *err)
{
    struct acb_tensor *out = NULL;
    int32_t rc = host->tensor_like(host->ctx, infer->call, in, &out);
    if (rc != ACB_OK) {
        return fail(err, rc, "tensor '%.100s': no room for %llu bytes", in->name, (unsigned long long)in->bytes);
    }
    if (in->bytes > 0) {
        memcpy(out->data, in->data, in->bytes);
    }
    *ret = out;
    return ACB_OK;
}

/* Only some places of the first dimension, in the order asked for. */
static int32_t give_rows(const struct acb_infer *infer, const struct acb_tensor *in, const struct acb_want *want,
                         struct acb_tensor **ret, struct acb_err *err)
{
    if (in->rank == 0 || in->dtype == ACB_STRING) {
        return fail(err, ACB_UNSUPPORTED, "tensor '%.100s': rows can be wanted of numbers in one or more dimensions",
                    in->name);
    }
    for (uint64_t i = 0; i < want->row_count; i++) {
        if (want->rows[i] >= (uint64_t)in->shape[0]) {
            return fail(err, ACB_INVALID, "tensor '%.100s': row %llu was wanted of %lld", in->name,
                        (unsigned long long)want->rows[i], (long long)in->shape[0]);
        }
    }
    struct acb_tensor *out = NULL;
    int64_t shape[ACB_RANK_MAX];
    memcpy(shape, in->shape, sizeof(shape));
    shape[0] = (int64_t)want->row_count;
    int32_t rc = host->tensor_new(host->ctx, infer->call, in->name, in->dtype, in->rank, shape, &out);
    if (rc != ACB_OK) {
        return fail(err, rc, "tensor '%.100s': no room for the rows", in->name);
    }
    uint64_t stride = in->shape[0] > 0 ? in->bytes / (uint64_t)in->shape[0] : 0;
    for (uint64_t i = 0; i < want->row_count; i++) {
        memcpy((char *)out->data + i * stride, (const char *)in->data + want->rows[i] * stride, stride);
    }
    *ret = out;
    return ACB_OK;
}

/* A row's vector is its first token ids: it tells texts apart, and a test can say what must come out. The host has checked
 * the input against its port. */
static void embed_row(const struct acb_tensor *ids, uint64_t row, uint64_t dimensions, float *to)
{
    const int32_t *id = ids->data;
    uint64_t from = ids->row_offsets[row], until = ids->row_offsets[row + 1];
    for (uint64_t d = 0; d < dimensions; d++) {
        to[d] = from + d < until ? (float)id[from + d] : 0;
    }
}

static int32_t give_pooled(const struct acb_infer *infer, uint64_t dimensions, struct acb_tensor **ret,
                           struct acb_err *err)
{
    const struct acb_tensor *ids = find_input(infer, "input_ids");
    if (ids == NULL || ids->row_offsets == NULL) {
        return fail(err, ACB_INVALID, "output 'pooled' needs the input 'input_ids', in rows");
    }
    struct acb_tensor *out = NULL;
    const int64_t shape[] = {(int64_t)ids->rows, (int64_t)dimensions};
    int32_t rc = host->tensor_new(host->ctx, infer->call, "pooled", ACB_F32, 2, shape, &out);
    if (rc != ACB_OK) {
        return fail(err, rc, "output 'pooled': no room for %llu rows", (unsigned long long)ids->rows);
    }
    for (uint64_t row = 0; row < ids->rows; row++) {
        embed_row(ids, row, dimensions, (float *)out->data + row * dimensions);
    }
    *ret = out;
    return ACB_OK;
}

static int32_t give_wanted(const struct acb_infer *infer, const struct model *m, const struct acb_want *want,
                           struct acb_tensor **ret, struct acb_err *err)
{
    if (m->settings.dimensions > 0 && strcmp(want->name, m->pooled.name) == 0) {
        return give_pooled(infer, m->settings.dimensions, ret, err);
    }
    const struct acb_tensor *in = find_input(infer, want->name);
    if (in == NULL) {
        return fail(err, ACB_NOT_FOUND, "output '%.100s': echo gives what it got, and got no such input", want->name);
    }
    return want->rows != NULL ? give_rows(infer, in, want, ret, err) : give_all(infer, in, ret, err);
}

/* outputs [want_count] in the order of wants. Without wants all outputs are given: the host knows them, it made them. */
static int32_t infer(void *instance, const struct acb_infer *infer, struct acb_tensor **outputs, struct acb_err *err)
{
    struct instance *i = instance;
    struct acb_tensor *given = NULL;
    int32_t rc = wait_a_while(i, infer);
    if (rc == ACB_CANCELLED) {
        return fail(err, rc, "cancelled after a part of its time");
    }
    for (uint32_t k = 0; rc == ACB_OK && k < infer->want_count; k++) {
        rc = give_wanted(infer, i->model, infer->wants[k], &outputs[k], err);
    }
    for (uint32_t k = 0; rc == ACB_OK && infer->want_count == 0 && k < infer->input_count; k++) {
        rc = give_all(infer, infer->inputs[k], &given, err);
    }
    if (rc == ACB_OK) {
        host->count(host->ctx, "tensors", infer->input_count);
    }
    return rc;
}

/* --- the table --- */

static const struct acb_option delay_ms = {sizeof(delay_ms), ACB_I64, "delay_ms", "0", "each call takes this long", 0,
                                           ECHO_MS_MAX};
static const struct acb_option load_ms = {sizeof(load_ms),           ACB_I64, "load_ms",  "0",
                                          "loading takes this long", 0,       ECHO_MS_MAX};
static const struct acb_option work_bytes = {
    sizeof(work_bytes), ACB_I64, "work_bytes", "0", "memory that each instance holds", 0, (double)ECHO_WORK_BYTES_MAX};
static const struct acb_option dimensions = {
    sizeof(dimensions),         ACB_I64, "dimensions", "0", "it embeds texts, into vectors of so many token ids", 0,
    (double)ECHO_DIMENSIONS_MAX};
static const struct acb_option row_us = {
    sizeof(row_us), ACB_I64, "row_us", "0", "each row of input_ids takes this long", 0, (double)(ECHO_MS_MAX * 1000)};
static const struct acb_option *const options[] = {&delay_ms, &load_ms, &work_bytes, &dimensions, &row_us};

static const struct acb_plugin plugin = {
    .size = sizeof(plugin),
    .major = ACB_MAJOR,
    .minor = ACB_MINOR,
    .name = "echo",
    .version = "0.1.0",
    .summary = "answers with its inputs; for tests, and as an example",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .probe = probe,
    .estimate = estimate,
    .model_open = model_open,
    .model_close = model_close,
    .meta = meta,
    .describe = describe,
    .bytes = bytes,
    .instance_open = instance_open,
    .instance_close = instance_close,
    .infer = infer,
    .cancel = cancel,
};

/* The one exported symbol. A host that lacks what we call is not for us. */
const struct acb_plugin *aether_backend_entry(const struct acb_host *given)
{
    if (given->major != ACB_MAJOR || given->minor != ACB_MINOR || !ACB_HAS(given, tensor_like)) {
        return NULL;
    }
    host = given;
    return &plugin;
}
