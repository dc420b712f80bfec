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
#include "generate.h"
#include "settings.h"
#include "vocabulary.h"

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
    /* Only with ACB_MODE_GENERATE: */
    struct echo_store store;
    float *logits; /* [rows_max][ECHO_TOKENS], of the last step */
    uint64_t rows_max;
    uint32_t sequences_max;
};

/* An adapter needs no file here: it adds its scale to each byte that is said. */
struct adapter {
    int32_t shift;
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
    bool generates = m->settings.generate > 0;
    if (strcmp(key, "tasks") == 0) {
        return generates ? "generate,raw" : m->settings.dimensions > 0 ? "embed,raw" : "raw";
    }
    static const char *const facts[][2] = {
        {"chat_template", "<begin>{% if tools %}<turn>{{ tools | tojson }}{% endif %}{% for message in messages "
                          "%}<turn>{{ message.content }}{% endfor %}<reply>"},
        {"bos_token", "<begin>"},
        {"eos_token", "<end>"},
        {"context_tokens", "8192"},
    };
    for (size_t k = m->settings.plain; generates && k < sizeof(facts) / sizeof(facts[0]); k++) {
        if (strcmp(key, facts[k][0]) == 0) {
            return facts[k][1];
        }
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
    if (m->settings.generate > 0) {
        ret->step_flags = ACB_STEP_TRIM | ACB_STEP_FORK;
        ret->row_tokens_max = ECHO_CONTEXT_TOKENS;
        ret->kv_bytes_per_token = sizeof(struct echo_place);
        ret->sequences_max = ECHO_SEQUENCES_MAX;
        ret->vocab_size = ECHO_TOKENS;
    }
    return ACB_OK;
}

static void put_bytes(struct acb_bytes *const *ret, uint32_t *count, uint32_t kind, uint64_t bytes)
{
    if (bytes > 0) {
        ret[*count]->device = 0;
        ret[*count]->kind = kind;
        ret[*count]->source = ACB_SOURCE_COUNTED;
        ret[*count]->bytes = bytes;
        (*count)++;
    }
}

/* The model itself holds nothing worth counting; an instance holds its scratch memory. */
static int32_t bytes(void *model, void *instance, struct acb_bytes *const *ret, uint32_t *count)
{
    const struct model *m = model;
    const struct instance *i = instance;
    *count = 0;
    if (i != NULL) {
        put_bytes(ret, count, ACB_BYTES_CACHE, m->settings.work_bytes);
        put_bytes(ret, count, ACB_BYTES_KV, i->store.count * sizeof(struct echo_place));
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
        host->free(host->ctx, i->store.places);
        host->free(host->ctx, i->logits);
        host->free(host->ctx, i);
    }
}

/* What it may hold of each kind is told once: a place a token, logits for every token of a call. */
static int32_t prepare_to_generate(struct instance *i, const struct acb_instance_open *open, struct acb_err *err)
{
    uint64_t places = open->kv_bytes_max / sizeof(struct echo_place);
    if (open->sequences_max == 0 || open->sequences_max > ECHO_SEQUENCES_MAX || places == 0 ||
        places > UINT32_MAX / 2 || open->call_tokens_max == 0 || open->call_tokens_max > ECHO_CONTEXT_TOKENS) {
        return fail(err, ACB_INVALID, "to generate takes 1 to %d sequences, calls of 1 to %d tokens and KV for a token",
                    ECHO_SEQUENCES_MAX, ECHO_CONTEXT_TOKENS);
    }
    struct echo_place *at = host->alloc(host->ctx, places * sizeof(*at));
    i->logits = host->alloc(host->ctx, open->call_tokens_max * ECHO_TOKENS * sizeof(float));
    echo_store_init(&i->store, at, at != NULL ? (uint32_t)places : 0);
    i->rows_max = open->call_tokens_max;
    i->sequences_max = open->sequences_max;
    return at != NULL && i->logits != NULL ? ACB_OK : fail(err, ACB_NOMEM, "out of memory for the sequences");
}

static int32_t instance_open(void *model, const struct acb_instance_open *open, void **ret, struct acb_err *err)
{
    const struct model *m = model;
    bool generates = open->mode == ACB_MODE_GENERATE;
    if (generates && m->settings.generate == 0) {
        return fail(err, ACB_UNSUPPORTED, "this model does not generate: set generate to 1");
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
    int32_t rc = generates ? prepare_to_generate(i, open, err) : ACB_OK;
    if (rc != ACB_OK) {
        instance_close(i);
        return rc;
    }
    *ret = i;
    return ACB_OK;
}

/* --- calls --- */

/* The host sets this flag before it calls cancel(). */
static bool is_cancelled(const uint32_t *flag)
{
    return __atomic_load_n(flag, __ATOMIC_ACQUIRE) != 0;
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
static int32_t wait_a_while(struct instance *i, uint64_t us, const uint32_t *cancelled)
{
    struct timespec until = in_us(us);
    int error = 0;
    (void)pthread_mutex_lock(&i->lock);
    while (us > 0 && error != ETIMEDOUT && !is_cancelled(cancelled)) {
        error = pthread_cond_timedwait(&i->stop, &i->lock, &until);
    }
    (void)pthread_mutex_unlock(&i->lock);
    return is_cancelled(cancelled) ? ACB_CANCELLED : ACB_OK;
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
    int32_t rc = wait_a_while(i, cost_us(&i->model->settings, infer), infer->cancelled);
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

/* --- generating --- */

static int32_t check_step(const struct instance *i, const struct acb_step *step, struct acb_err *err)
{
    uint32_t length[ECHO_SEQUENCES_MAX];
    for (uint32_t q = 0; q < i->sequences_max; q++) {
        length[q] = echo_store_length(&i->store, q);
    }
    for (uint32_t k = 0; k < step->n; k++) { /* the host has looked at token and seq */
        if (step->pos[k] != length[step->seq[k]]++) {
            return fail(err, ACB_INVALID, "token %u: position %u of sequence %u is not its next one", k, step->pos[k],
                        step->seq[k]);
        }
        if (step->pos[k] >= ECHO_CONTEXT_TOKENS) {
            return fail(err, ACB_INVALID, "sequence %u is longer than %d tokens", step->seq[k], ECHO_CONTEXT_TOKENS);
        }
    }
    return step->n <= i->store.free_count ? ACB_OK : fail(err, ACB_FULL, "no room for %u more tokens", step->n);
}

/* As if the model were quite sure. */
static void write_logits(float *to, int32_t next)
{
    memset(to, 0, ECHO_TOKENS * sizeof(*to));
    to[next] = 100;
}

/* A cancelled step has done its first half: what a host has to cope with of a real engine. */
static int32_t step(void *instance, const struct acb_step *step, const float **logits, struct acb_err *err)
{
    struct instance *i = instance;
    const struct echo_settings *s = &i->model->settings;
    const struct adapter *a = step->adapter;
    int32_t rc = check_step(i, step, err);
    if (rc != ACB_OK) {
        return rc;
    }
    rc = wait_a_while(i, s->delay_ms * 1000 + step->n * s->token_us, step->cancelled);
    float *to = i->logits;
    for (uint32_t k = 0; k < (rc == ACB_OK ? step->n : step->n / 2); k++) {
        (void)echo_store_append(&i->store, step->seq[k], step->token[k]);
        if (step->want[k] != 0) {
            write_logits(to, echo_store_next(&i->store, step->seq[k], a != NULL ? a->shift : 0));
            to += ECHO_TOKENS;
        }
    }
    *logits = i->logits;
    return rc == ACB_OK ? ACB_OK : fail(err, rc, "cancelled halfway");
}

static bool has_seq(const struct instance *i, uint32_t seq)
{
    return seq < i->sequences_max;
}

static uint32_t seq_length(void *instance, uint32_t seq)
{
    const struct instance *i = instance;
    return has_seq(i, seq) ? echo_store_length(&i->store, seq) : 0;
}

static int32_t seq_copy(void *instance, uint32_t src, uint32_t dst, uint32_t length)
{
    struct instance *i = instance;
    if (!has_seq(i, src) || !has_seq(i, dst) || length > echo_store_length(&i->store, src)) {
        return ACB_INVALID;
    }
    echo_store_copy(&i->store, src, dst, length);
    return ACB_OK;
}

static int32_t seq_trim(void *instance, uint32_t seq, uint32_t length)
{
    return seq_copy(instance, seq, seq, length);
}

static void seq_end(void *instance, uint32_t seq)
{
    (void)seq_copy(instance, seq, seq, 0);
}

static int32_t adapter_open(void *model, const char *path, float scale, void **ret, struct acb_err *err)
{
    (void)model;
    FILE *file = open_file(path);
    struct adapter *a = file != NULL ? host->alloc(host->ctx, sizeof(*a)) : NULL;
    if (file == NULL || a == NULL) {
        return fail(err, file == NULL ? ACB_NOT_FOUND : ACB_NOMEM, "adapter %.150s: cannot be read", path);
    }
    (void)fclose(file);
    a->shift = scale > -256 && scale < 256 ? (int32_t)scale : 0;
    *ret = a;
    return ACB_OK;
}

static void adapter_close(void *adapter)
{
    host->free(host->ctx, adapter);
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
static const struct acb_option generate = {sizeof(generate), ACB_I64, "generate", "0", "it generates text: 0, 1", 0, 1};
static const struct acb_option plain = {sizeof(plain), ACB_I64, "plain", "0", "it has no chat template: 0, 1", 0, 1};
static const struct acb_option token_us = {sizeof(token_us),
                                           ACB_I64,
                                           "token_us",
                                           "0",
                                           "each token of a step takes this long",
                                           0,
                                           (double)(ECHO_MS_MAX * 1000)};
static const struct acb_option *const options[] = {&delay_ms, &load_ms,  &work_bytes, &dimensions,
                                                   &row_us,   &generate, &plain,      &token_us};

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
    .step = step,
    .seq_length = seq_length,
    .seq_copy = seq_copy,
    .seq_trim = seq_trim,
    .seq_end = seq_end,
    .tokenize = echo_tokenize,
    .detokenize = echo_detokenize,
    .token_flags = echo_token_flags,
    .adapter_open = adapter_open,
    .adapter_close = adapter_close,
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
