/* The half of engine.h that is about models; instance.c has their instances. */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "kit/alloc.h"
#include "kit/log.h"
#include "plug/cell_proxy.h"
#include "plug/inner.h"
#include "plug/options.h"
#include "plug/status.h"

/* --- what a model says of itself --- */

static enum kit_status check_port(const struct acb_port *p, struct kit_err *err)
{
    if (p == NULL || !ACB_FITS(p, shape) || !plug_tensor_name_ok(p->name)) {
        return kit_fail(err, KIT_INTERNAL, "a port of the model has no proper name or size");
    }
    if (p->dtype != ACB_DTYPE_ANY && strcmp(plug_tensor_dtype_name(p->dtype), "unknown") == 0) {
        return kit_fail(err, KIT_INTERNAL, "port '%s' has dtype %" PRIu32 ", which is none", p->name, p->dtype);
    }
    if (p->rank > ACB_RANK_MAX && p->rank != ACB_RANK_ANY) {
        return kit_fail(err, KIT_INTERNAL, "port '%s' has %" PRIu32 " dimensions, at most %d are possible", p->name,
                        p->rank, ACB_RANK_MAX);
    }
    return KIT_OK;
}

static enum kit_status check_ports(const struct acb_port *const *ports, uint32_t count, struct kit_err *err)
{
    if (count > ACB_PORTS_MAX || (count > 0 && ports == NULL)) {
        return kit_fail(err, KIT_INTERNAL, "the model has %" PRIu32 " ports, at most %d are possible", count,
                        ACB_PORTS_MAX);
    }
    enum kit_status rc = KIT_OK;
    for (uint32_t i = 0; rc == KIT_OK && i < count; i++) {
        rc = check_port(ports[i], err);
    }
    return rc;
}

static enum kit_status describe(struct plug_model *m, struct kit_err *err)
{
    m->info = (struct acb_model_info){.size = sizeof(m->info)};
    enum kit_status rc = plug_status(PLUG_OPENING, m->table->describe(m->handle, &m->info), NULL, err);
    if (rc == KIT_OK && m->info.vocab_size > PLUG_VOCAB_MAX) {
        rc = kit_fail(err, KIT_INTERNAL, "the model has a vocabulary of %" PRIu32 ", at most %" PRIu32 " are possible",
                      m->info.vocab_size, PLUG_VOCAB_MAX);
    }
    if (rc == KIT_OK) {
        rc = check_ports(m->info.inputs, m->info.input_count, err);
    }
    return rc == KIT_OK ? check_ports(m->info.outputs, m->info.output_count, err) : rc;
}

/* --- its words --- */

static enum kit_status read_vocab(struct plug_model *m, const struct acb_plugin *backend, struct kit_err *err)
{
    uint32_t count = m->info.vocab_size;
    uint64_t bytes = 0;
    if (count == 0 || backend->tokenize == NULL || backend->detokenize == NULL) {
        return KIT_OK;
    }
    return m->in_cell ? plug_cell_read_vocab(m->handle, count, &m->vocab, err)
                      : plug_vocab_read(backend, m->handle, count, &m->vocab, &bytes, err);
}

/* --- opening --- */

/* done may not fall, whatever the back end thinks. */
static int32_t tell_progress(void *ctx, uint64_t done, uint64_t total)
{
    struct plug_model *m = ctx;
    m->done = KIT_MAX(m->done, KIT_MIN(done, total));
    return m->progress == NULL || m->progress(m->ctx, m->done, KIT_MAX(total, m->done)) ? 0 : 1;
}

void plug_model_lose(struct plug_model *m, const char *reason)
{
    atomic_store(&m->lost, true);
    if (!atomic_exchange(&m->told, true) && m->on_lost != NULL) {
        m->on_lost(m->ctx, reason);
    }
}

/* A cell that says so is about to die: its watcher knows more. */
void plug_model_note(struct plug_model *m, int32_t code, const char *why)
{
    if (code == ACB_FATAL && m->in_cell) {
        atomic_store(&m->lost, true);
    } else if (code == ACB_FATAL) {
        struct kit_err err;
        (void)plug_status(PLUG_CALLING, code, why, &err);
        plug_model_lose(m, err.msg);
    }
}

static void on_cell_lost(void *ctx, const char *reason)
{
    plug_model_lose(ctx, reason);
}

static struct acb_model_open open_of(struct plug_engine *e, const struct plug_model_options *o)
{
    return (struct acb_model_open){
        .size = sizeof(struct acb_model_open),
        .folder = o->folder,
        .options = o->options != NULL && o->options[0] != 0 ? o->options : "{}",
        .progress = tell_progress,
        .cores_max = plug_cores_total(e),
    };
}

/* A cell has its load's cores as a share: leased here, for as long as it loads. */
static int32_t open_in_cell(struct plug_model *m, const struct plug_model_options *o, struct acb_model_open base,
                            struct acb_err *why)
{
    struct plug_engine *e = m->engine;
    uint32_t cores = plug_cores_acquire(e, 1, KIT_MAX(1, plug_cores_total(e) / 2));
    struct plug_cell_open open = {
        .base = base,
        .backend = plug_backend_of(o->backend),
        .cell_exe = e->cell_exe,
        .shared_bytes_max = e->cell_shared_bytes_max,
        .call_ms_max = e->cell_call_ms_max,
        .load_cores = cores,
        .ctx = m,
        .lost = on_cell_lost,
    };
    open.base.size = sizeof(open);
    int32_t rc = m->table->model_open(&open.base, &m->handle, why);
    plug_cores_release(e, cores);
    return rc;
}

static enum kit_status open_handle(struct plug_model *m, const struct plug_model_options *o, struct kit_err *err)
{
    struct acb_err why = {.size = sizeof(why)};
    struct acb_model_open open = open_of(m->engine, o);
    open.progress_ctx = m;
    int32_t rc = m->in_cell ? open_in_cell(m, o, open, &why) : m->table->model_open(&open, &m->handle, &why);
    return plug_status(PLUG_OPENING, rc, why.text, err);
}

static enum kit_status check_options(const struct plug_model_options *o, struct kit_err *err)
{
    if (o->options == NULL || o->options[0] == 0) {
        return KIT_OK;
    }
    return plug_options_check(o->backend, kit_str_c(o->options), err);
}

enum kit_status plug_model_open(struct plug_engine *e, const struct plug_model_options *options,
                                struct plug_model **ret, struct kit_err *err)
{
    enum kit_status rc = check_options(options, err);
    if (rc != KIT_OK) {
        return rc;
    }
    struct plug_model *m = kit_alloc_zero(1, sizeof(*m));
    if (m == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory");
    }
    kit_mutex_init(&m->lock);
    m->engine = e;
    m->in_cell = options->isolation == PLUG_IN_CELL;
    m->table = m->in_cell ? &plug_cell_table : options->backend;
    m->ctx = options->ctx;
    m->progress = options->progress;
    m->on_lost = options->lost;
    rc = open_handle(m, options, err);
    if (rc == KIT_OK) {
        rc = describe(m, err);
    }
    if (rc == KIT_OK) {
        rc = read_vocab(m, options->backend, err);
    }
    if (rc != KIT_OK) {
        plug_model_close(m);
        return rc;
    }
    *ret = m;
    return KIT_OK;
}

void plug_model_close(struct plug_model *m)
{
    if (m == NULL) {
        return;
    }
    assert(m->instances == NULL);
    if (m->handle != NULL) {
        m->table->model_close(m->handle);
    }
    kit_mutex_done(&m->lock);
    kit_alloc_free(m->vocab);
    kit_alloc_free(m);
}

/* --- questions --- */

kit_str plug_model_meta(const struct plug_model *m, const char *key)
{
    const char *text = m->table->meta != NULL ? m->table->meta(m->handle, key) : NULL;
    return text != NULL ? kit_str_c(text) : (kit_str){0};
}

const struct acb_model_info *plug_model_info(const struct plug_model *m)
{
    return &m->info;
}

bool plug_model_in_cell(const struct plug_model *m)
{
    return m->in_cell;
}

int64_t plug_model_pid(const struct plug_model *m)
{
    return m->in_cell ? plug_cell_pid(m->handle) : 0;
}

/* --- bytes --- */

struct sums {
    uint64_t *bytes;
    enum kit_ledger_source *source; /* NULL: nobody asks */
};

static enum kit_ledger_kind kind_of(uint32_t kind)
{
    return kind == ACB_BYTES_WEIGHTS ? KIT_LEDGER_WEIGHTS : kind == ACB_BYTES_KV ? KIT_LEDGER_KV : KIT_LEDGER_CACHE;
}

/* From the weakest to the strongest: estimated, told, counted, mapped. */
static enum kit_ledger_source weaker(enum kit_ledger_source a, enum kit_ledger_source b)
{
    static const int strength[KIT_LEDGER_SOURCE_COUNT] = {[KIT_LEDGER_ESTIMATED] = 0,
                                                          [KIT_LEDGER_MEASURED] = 1,
                                                          [KIT_LEDGER_TOLD] = 2,
                                                          [KIT_LEDGER_COUNTED] = 3,
                                                          [KIT_LEDGER_MAPPED] = 4};
    return strength[a] <= strength[b] ? a : b;
}

static enum kit_ledger_source source_of(uint32_t source)
{
    return source == ACB_SOURCE_MAPPED    ? KIT_LEDGER_MAPPED
           : source == ACB_SOURCE_COUNTED ? KIT_LEDGER_COUNTED
           : source == ACB_SOURCE_TOLD    ? KIT_LEDGER_TOLD
                                          : KIT_LEDGER_ESTIMATED;
}

static void add_rows(const struct sums *s, const struct acb_bytes *rows, uint32_t count)
{
    for (uint32_t i = 0; i < KIT_MIN(count, ACB_BYTES_ROWS_MAX); i++) {
        enum kit_ledger_kind kind = kind_of(rows[i].kind);
        uint64_t sum = s->bytes[kind] + rows[i].bytes;
        if (s->source != NULL && rows[i].bytes > 0) {
            enum kit_ledger_source source = source_of(rows[i].source);
            s->source[kind] = s->bytes[kind] == 0 ? source : weaker(s->source[kind], source);
        }
        s->bytes[kind] = sum < rows[i].bytes ? UINT64_MAX : sum;
    }
}

static void rows_init(struct acb_bytes rows[ACB_BYTES_ROWS_MAX], struct acb_bytes *at[ACB_BYTES_ROWS_MAX])
{
    for (uint32_t i = 0; i < ACB_BYTES_ROWS_MAX; i++) {
        rows[i] = (struct acb_bytes){.size = sizeof(rows[i])};
        at[i] = &rows[i];
    }
}

static void add_bytes_of(const struct plug_model *m, void *instance, const struct sums *s)
{
    struct acb_bytes rows[ACB_BYTES_ROWS_MAX];
    struct acb_bytes *at[ACB_BYTES_ROWS_MAX];
    uint32_t count = 0;
    rows_init(rows, at);
    if (m->table->bytes(m->handle, instance, at, &count) == ACB_OK) {
        add_rows(s, rows, count);
    }
}

void plug_model_bytes(struct plug_model *m, uint64_t bytes[KIT_LEDGER_KIND_COUNT],
                      enum kit_ledger_source source[KIT_LEDGER_KIND_COUNT])
{
    for (int kind = 0; kind < KIT_LEDGER_KIND_COUNT; kind++) {
        bytes[kind] = 0;
        source[kind] = KIT_LEDGER_COUNTED;
    }
    if (m->table->bytes == NULL) {
        return;
    }
    struct sums s = {bytes, source};
    add_bytes_of(m, NULL, &s);
    kit_mutex_lock(&m->lock);
    for (struct plug_instance *i = m->instances; i != NULL; i = i->next) {
        add_bytes_of(m, i->handle, &s);
    }
    kit_mutex_unlock(&m->lock);
}

enum kit_status plug_model_estimate(struct plug_engine *e, const struct plug_model_options *options,
                                    uint64_t ret[KIT_LEDGER_KIND_COUNT], struct kit_err *err)
{
    struct acb_bytes rows[ACB_BYTES_ROWS_MAX];
    struct acb_bytes *at[ACB_BYTES_ROWS_MAX];
    struct acb_err why = {.size = sizeof(why)};
    uint32_t count = 0;
    rows_init(rows, at);
    struct acb_model_open open = open_of(e, options);
    open.progress = NULL;
    int32_t code = options->backend->estimate != NULL ? options->backend->estimate(&open, at, &count, &why) : ACB_OK;
    enum kit_status rc = plug_status(PLUG_OPENING, code, why.text, err);
    if (rc == KIT_OK) {
        struct sums s = {ret, NULL};
        memset(ret, 0, KIT_LEDGER_KIND_COUNT * sizeof(ret[0]));
        add_rows(&s, rows, count);
    }
    return rc;
}
