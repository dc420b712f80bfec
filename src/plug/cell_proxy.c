#include "plug/cell_proxy.h"

#include <stdio.h>
#include <string.h>

#include "kit/alloc.h"
#include "plug/cell_call.h"
#include "plug/metrics.h"
#include "plug/now.h"
#include "plug/status.h"
#include "plug/tensor.h"

#define TICK_MS 50 /* how often a caller is asked whether it still wants the model */
#define STOP_LOADING_MS 2000
#define ANSWER_MS 500
#define META_BYTES_MAX (4 * KIT_MIB) /* of one key */

/* --- what the cell says: true when it makes sense. On the watching thread. --- */

static bool on_progress(struct plug_cell *c, const struct plug_cell_wire *head, const char *payload)
{
    (void)payload;
    kit_mutex_lock(&c->lock);
    c->done = head->a;
    c->total = head->b;
    kit_cond_broadcast(&c->changed);
    kit_mutex_unlock(&c->lock);
    return true;
}

static bool on_log(struct plug_cell *c, const struct plug_cell_wire *head, const char *payload)
{
    size_t event = strnlen(payload, head->bytes);
    if (event == head->bytes || memchr(payload + event + 1, 0, head->bytes - event - 1) == NULL) {
        return false;
    }
    const struct plug_services *s = c->backend->host.services;
    s->log(s->ctx, c->backend->name, head->status, payload, payload + event + 1);
    return true;
}

static bool on_count(struct plug_cell *c, const struct plug_cell_wire *head, const char *payload)
{
    (void)head;
    struct plug_cell_wire_count count;
    memcpy(&count, payload, sizeof(count));
    count.name[sizeof(count.name) - 1] = 0;
    const struct plug_services *s = c->backend->host.services;
    s->count(s->ctx, c->backend->name, count.name, count.n);
    return true;
}

/* Pieces of one text follow each other; the first one tells how long it will be. */
static bool on_meta(struct plug_cell *c, const struct plug_cell_wire *head, const char *payload)
{
    uint32_t key = head->count;
    if (c->opened || plug_cell_wire_meta_key(key) == NULL || head->b > META_BYTES_MAX ||
        head->a != c->meta_bytes[key] || head->bytes > head->b - KIT_MIN(head->a, head->b)) {
        return false;
    }
    if (head->a == 0) {
        kit_alloc_free(c->meta[key]); /* told twice without a byte */
        c->meta[key] = kit_alloc_zero(1, head->b + 1);
        c->meta_room[key] = head->b;
    }
    if (head->b != c->meta_room[key]) {
        return false;
    }
    if (c->meta[key] != NULL) { /* else out of memory: the model lacks this fact */
        memcpy(c->meta[key] + head->a, payload, head->bytes);
    }
    c->meta_bytes[key] += head->bytes;
    return true;
}

static bool on_port(struct plug_cell *c, const struct plug_cell_wire *head, const char *payload)
{
    struct plug_cell_wire_port port;
    memcpy(&port, payload, sizeof(port));
    uint32_t side = head->count;
    if (c->opened || side > 1 || c->port_count[side] == ACB_PORTS_MAX ||
        memchr(port.name, 0, sizeof(port.name)) == NULL) {
        return false;
    }
    struct acb_port *p = kit_alloc_zero(1, sizeof(*p) + sizeof(port.name));
    if (p == NULL) {
        return false;
    }
    *p = (struct acb_port){.size = sizeof(*p), .dtype = port.dtype, .rank = port.rank, .flags = port.flags};
    memcpy(p->shape, port.shape, sizeof(p->shape));
    p->name = memcpy(p + 1, port.name, sizeof(port.name));
    c->port[side][c->port_count[side]++] = p;
    return true;
}

static bool on_info(struct plug_cell *c, const struct plug_cell_wire *head, const char *payload)
{
    (void)head;
    if (c->opened) {
        return false;
    }
    memcpy(&c->info, payload, sizeof(c->info));
    return true;
}

static bool on_opened(struct plug_cell *c, const struct plug_cell_wire *head, const char *payload)
{
    if (c->opened) {
        return false;
    }
    kit_mutex_lock(&c->lock);
    (void)plug_status_clean(payload, head->bytes, c->open_text, sizeof(c->open_text));
    c->open_status = head->status;
    c->opened = true;
    kit_cond_broadcast(&c->changed);
    kit_mutex_unlock(&c->lock);
    return true;
}

static bool on_bytes(struct plug_cell *c, const struct plug_cell_wire *head, const char *payload)
{
    if (head->count > ACB_BYTES_ROWS_MAX || head->bytes != head->count * sizeof(struct plug_cell_wire_bytes)) {
        return false;
    }
    kit_mutex_lock(&c->lock);
    if (head->b == c->question && head->status == ACB_OK) { /* else a late answer */
        c->answered = true;
        c->answer.count = head->count;
        memcpy(c->answer.row, payload, head->bytes);
        kit_cond_broadcast(&c->changed);
    }
    kit_mutex_unlock(&c->lock);
    return true;
}

static bool on_packet(void *ctx, const struct plug_cell_wire *head, const char *payload)
{
    static const struct {
        bool (*fn)(struct plug_cell *c, const struct plug_cell_wire *head, const char *payload);
        size_t exactly; /* bytes of payload; 0: any */
    } table[] = {
        [PLUG_CELL_WIRE_PROGRESS] = {on_progress, 0},
        [PLUG_CELL_WIRE_LOG] = {on_log, 0},
        [PLUG_CELL_WIRE_COUNT] = {on_count, sizeof(struct plug_cell_wire_count)},
        [PLUG_CELL_WIRE_META] = {on_meta, 0},
        [PLUG_CELL_WIRE_PORT] = {on_port, sizeof(struct plug_cell_wire_port)},
        [PLUG_CELL_WIRE_INFO] = {on_info, sizeof(struct plug_cell_wire_info)},
        [PLUG_CELL_WIRE_OPENED] = {on_opened, 0},
        [PLUG_CELL_WIRE_BYTES] = {on_bytes, 0},
    };
    if (head->type >= KIT_COUNT(table) || table[head->type].fn == NULL) {
        return false;
    }
    size_t exactly = table[head->type].exactly;
    return (exactly == 0 || exactly == head->bytes) && table[head->type].fn(ctx, head, payload);
}

static void on_died(void *ctx, const char *reason, bool asked)
{
    struct plug_cell *c = ctx;
    char text[PLUG_CELL_REASON_BYTES + 64];
    kit_mutex_lock(&c->lock);
    c->dead = true;
    kit_cond_broadcast(&c->changed);
    plug_cell_hang_up(c->instances);
    bool tell = !asked && c->opened && c->open_status == ACB_OK;
    kit_mutex_unlock(&c->lock);
    if (!asked) {
        METRIC_ADD_WITH(cell_losses_total, 1, kit_str_c(c->backend->name));
    }
    if (tell) {
        (void)snprintf(text, sizeof(text), "the worker process %s", reason);
        c->lost(c->ctx, text);
    }
}

/* --- opening --- */

static bool put_text(char *buf, size_t *at, const char *text)
{
    size_t bytes = strlen(text) + 1;
    if (bytes > PLUG_CELL_WIRE_BYTES_MAX - *at) {
        return false;
    }
    memcpy(buf + *at, text, bytes);
    *at += bytes;
    return true;
}

static int32_t send_open(struct plug_cell *c, const struct plug_cell_open *open, struct acb_err *err)
{
    size_t at = 0;
    char *buf = kit_alloc(PLUG_CELL_WIRE_BYTES_MAX);
    if (buf == NULL) {
        return plug_status_fail(err, ACB_NOMEM, "out of memory");
    }
    int32_t rc = ACB_OK;
    if (!put_text(buf, &at, open->backend->path) || !put_text(buf, &at, open->base.folder) ||
        !put_text(buf, &at, open->base.options)) {
        rc = plug_status_fail(err, ACB_INVALID, "folder and options of a model in a cell have at most %zu bytes",
                              PLUG_CELL_WIRE_BYTES_MAX);
    } else {
        struct plug_cell_wire head = {.type = PLUG_CELL_WIRE_OPEN, .bytes = (uint32_t)at, .a = open->base.device};
        head.b = open->load_cores;
        head.count = open->base.cores_max;
        (void)plug_cell_process_send(c->process, &head, buf, -1, true); /* a cell that is gone is noticed below */
    }
    kit_alloc_free(buf);
    return rc;
}

struct waiting {
    bool stopping;
    uint64_t stop_by_ns;
};

/* One tick, without the lock: does the caller still want it? */
static void ask_caller(struct plug_cell *c, const struct acb_model_open *open, struct waiting *w, uint64_t done,
                       uint64_t total)
{
    if (!w->stopping && open->progress != NULL && open->progress(open->progress_ctx, done, total) != 0) {
        w->stopping = true;
        w->stop_by_ns = plug_now_ns() + STOP_LOADING_MS * KIT_NS_PER_MS;
        (void)plug_cell_process_send(c->process, &(struct plug_cell_wire){.type = PLUG_CELL_WIRE_STOP_LOADING}, NULL,
                                     -1, false);
    }
    if (w->stopping && plug_now_ns() > w->stop_by_ns) {
        plug_cell_process_end(c->process, "did not stop loading when it was asked to");
    }
}

/* Until the cell has answered or is gone. True: loading was stopped by the caller. */
static bool wait_opened(struct plug_cell *c, const struct acb_model_open *open)
{
    struct waiting w = {0};
    kit_mutex_lock(&c->lock);
    while (!c->opened && !c->dead) {
        (void)kit_cond_wait_until(&c->changed, &c->lock, plug_now_ns() + TICK_MS * KIT_NS_PER_MS);
        uint64_t done = c->done;
        uint64_t total = c->total;
        kit_mutex_unlock(&c->lock);
        ask_caller(c, open, &w, done, total);
        kit_mutex_lock(&c->lock);
    }
    kit_mutex_unlock(&c->lock);
    return w.stopping;
}

static int32_t judge_open(struct plug_cell *c, bool stopped, struct acb_err *err)
{
    kit_mutex_lock(&c->lock);
    bool opened = c->opened;
    kit_mutex_unlock(&c->lock);
    if (opened) { /* what it told is constant now */
        return c->open_status == ACB_OK ? ACB_OK : plug_status_fail(err, c->open_status, "%s", c->open_text);
    }
    if (stopped) {
        return plug_status_fail(err, ACB_CANCELLED, "loading was stopped");
    }
    char reason[PLUG_CELL_REASON_BYTES];
    plug_cell_process_reason(c->process, ANSWER_MS, reason);
    return plug_status_fail(err, ACB_FATAL, "the worker process %s while it loaded the model", reason);
}

static void free_cell(struct plug_cell *c)
{
    for (uint32_t side = 0; side < 2; side++) {
        for (uint32_t i = 0; i < c->port_count[side]; i++) {
            kit_alloc_free(c->port[side][i]);
        }
    }
    for (uint32_t i = 0; i < PLUG_CELL_WIRE_META_MAX; i++) {
        kit_alloc_free(c->meta[i]);
    }
    kit_cond_done(&c->changed);
    kit_mutex_done(&c->asking);
    kit_mutex_done(&c->wording);
    kit_mutex_done(&c->lock);
    kit_alloc_free(c);
}

static void cell_model_close(void *model)
{
    struct plug_cell *c = model;
    plug_cell_words_close(c);
    plug_cell_process_stop(c->process);
    free_cell(c);
}

static struct plug_cell *new_cell(const struct plug_cell_open *open)
{
    struct plug_cell *c = kit_alloc_zero(1, sizeof(*c));
    if (c != NULL) {
        kit_mutex_init(&c->lock);
        kit_mutex_init(&c->asking);
        kit_mutex_init(&c->wording);
        kit_cond_init(&c->changed);
        c->backend = open->backend;
        c->shared_bytes_max = open->shared_bytes_max;
        c->call_ms_max = open->call_ms_max;
        c->ctx = open->ctx;
        c->lost = open->lost;
    }
    return c;
}

static int32_t cell_model_open(const struct acb_model_open *base, void **ret, struct acb_err *err)
{
    const struct plug_cell_open *open = KIT_CONTAINER((void *)(uintptr_t)base, struct plug_cell_open, base);
    struct plug_cell *c = new_cell(open);
    if (c == NULL) {
        return plug_status_fail(err, ACB_NOMEM, "out of memory");
    }
    struct plug_cell_process_options options = {
        .exe = open->cell_exe, .backend = open->backend->name, .ctx = c, .packet = on_packet, .died = on_died};
    struct kit_err why = {0};
    if (plug_cell_process_start(&options, &c->process, &why) != KIT_OK) {
        free_cell(c);
        return plug_status_fail(err, ACB_NOMEM, "%s", why.msg);
    }
    METRIC_ADD_WITH(cell_starts_total, 1, kit_str_c(open->backend->name));
    int32_t rc = send_open(c, open, err);
    if (rc == ACB_OK) {
        bool stopped = wait_opened(c, base);
        rc = judge_open(c, stopped, err);
    }
    if (rc != ACB_OK) {
        cell_model_close(c);
        return rc;
    }
    *ret = c;
    return ACB_OK;
}

/* --- questions --- */

static const char *cell_meta(void *model, const char *key)
{
    struct plug_cell *c = model;
    for (uint32_t i = 0; plug_cell_wire_meta_key(i) != NULL; i++) {
        if (strcmp(plug_cell_wire_meta_key(i), key) == 0) {
            return c->meta[i];
        }
    }
    return NULL;
}

static int32_t cell_describe(void *model, struct acb_model_info *ret)
{
    struct plug_cell *c = model;
    ret->inputs = (const struct acb_port *const *)c->port[0];
    ret->outputs = (const struct acb_port *const *)c->port[1];
    ret->input_count = c->port_count[0];
    ret->output_count = c->port_count[1];
    ret->step_flags = c->info.step_flags;
    ret->sequences_max = c->info.sequences_max;
    ret->vocab_size = c->info.vocab_size;
    ret->row_tokens_max = c->info.row_tokens_max;
    ret->call_tokens_max = c->info.call_tokens_max;
    ret->kv_bytes_per_token = c->info.kv_bytes_per_token;
    return ACB_OK;
}

void plug_cell_ask_bytes(struct plug_cell *c, uint64_t instance, struct plug_cell_rows *last,
                         struct plug_cell_rows *ret)
{
    kit_mutex_lock(&c->asking);
    kit_mutex_lock(&c->lock);
    struct plug_cell_wire head = {.type = PLUG_CELL_WIRE_BYTES, .a = instance, .b = ++c->question};
    c->answered = false;
    (void)plug_cell_process_send(c->process, &head, NULL, -1, false);
    uint64_t end = plug_now_ns() + ANSWER_MS * KIT_NS_PER_MS;
    while (!c->answered && !c->dead && kit_cond_wait_until(&c->changed, &c->lock, end)) {
    }
    if (c->dead) {
        last->count = 0;
    } else if (c->answered) {
        *last = c->answer;
    }
    *ret = *last;
    kit_mutex_unlock(&c->lock);
    kit_mutex_unlock(&c->asking);
}

static uint32_t put_rows(const struct plug_cell_rows *rows, struct acb_bytes *const *ret)
{
    for (uint32_t i = 0; i < rows->count; i++) {
        ret[i]->device = rows->row[i].device;
        ret[i]->kind = rows->row[i].kind;
        ret[i]->source = rows->row[i].source;
        ret[i]->bytes = rows->row[i].bytes;
    }
    return rows->count;
}

static int32_t cell_bytes(void *model, void *instance, struct acb_bytes *const *ret, uint32_t *count)
{
    struct plug_cell *c = model;
    struct plug_cell_rows rows;
    if (instance != NULL) {
        plug_cell_instance_bytes(instance, &rows);
    } else {
        plug_cell_ask_bytes(c, 0, &c->last, &rows);
    }
    *count = put_rows(&rows, ret);
    return ACB_OK;
}

int64_t plug_cell_pid(void *model)
{
    struct plug_cell *c = model;
    return plug_cell_process_pid(c->process);
}

const struct acb_plugin plug_cell_table = {
    .size = sizeof(struct acb_plugin),
    .major = ACB_MAJOR,
    .minor = ACB_MINOR,
    .name = "cell",
    .version = HEIMNETZ_VERSION,
    .summary = "a worker process that runs one model of another back end",
    .model_open = cell_model_open,
    .model_close = cell_model_close,
    .meta = cell_meta,
    .describe = cell_describe,
    .bytes = cell_bytes,
    .instance_open = plug_cell_instance_open,
    .instance_close = plug_cell_instance_close,
    .instance_shrink = plug_cell_instance_shrink,
    .infer = plug_cell_infer,
    .cancel = plug_cell_cancel,
    .step = plug_cell_step,
    .seq_length = plug_cell_seq_length,
    .seq_copy = plug_cell_seq_copy,
    .seq_trim = plug_cell_seq_trim,
    .seq_end = plug_cell_seq_end,
    .tokenize = plug_cell_tokenize,
    .adapter_open = plug_cell_adapter_open,
    .adapter_close = plug_cell_adapter_close,
};
