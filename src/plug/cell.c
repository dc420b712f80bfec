#include "plug/cell.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "kit/alloc.h"
#include "kit/str.h"
#include "plug/backend.h"
#include "plug/cell_serve.h"
#include "plug/now.h"
#include "plug/status.h"
#include "plug/tensor.h"

#define INSTANCES_MAX 64
#define PROGRESS_NS (20 * KIT_NS_PER_MS)
#define META_PIECE_BYTES (32 * KIT_KIB)

struct child {
    int socket;
    struct plug_services services;
    struct plug_backend *backend; /* owned */
    struct kit_thread loader;
    _Atomic bool stop_loading;
    uint64_t told_at_ns; /* the loader's; last progress */
    char *open_text;     /* owned; plug-in, folder and options, NUL-ended */
    struct acb_model_open open;

    struct kit_mutex lock; /* of model: the loader sets it */
    void *model;
    struct plug_cell_adapters adapters;
    struct plug_cell_serve *serves[INSTANCES_MAX]; /* the main thread's */
    char payload[PLUG_CELL_WIRE_BYTES_MAX + 1];
};

static void tell(const struct child *c, const struct plug_cell_wire *head, const void *payload)
{
    (void)plug_cell_wire_send(c->socket, head, payload, -1,
                              true); /* a parent that is gone is noticed by the main thread */
}

static void *model_of(struct child *c)
{
    kit_mutex_lock(&c->lock);
    void *model = c->model;
    kit_mutex_unlock(&c->lock);
    return model;
}

/* --- what the host's functions become in a cell --- */

static void send_log(void *ctx, const char *backend, int32_t level, const char *event, const char *text)
{
    (void)backend;
    char buf[2048];
    event = event != NULL ? event : "";
    text = text != NULL ? text : "";
    int at = snprintf(buf, 128, "%s", event);
    at = KIT_MIN(at, 127) + 1;
    int len = snprintf(buf + at, sizeof(buf) - (size_t)at, "%s", text);
    size_t bytes = KIT_MIN((size_t)at + (size_t)KIT_MAX(len, 0) + 1, sizeof(buf));
    tell(ctx, &(struct plug_cell_wire){.type = PLUG_CELL_WIRE_LOG, .status = level, .bytes = (uint32_t)bytes}, buf);
}

static void send_count(void *ctx, const char *backend, const char *name, double n)
{
    (void)backend;
    struct plug_cell_wire_count count = {.n = n};
    (void)kit_str_to_c(kit_str_c(name), count.name, sizeof(count.name));
    tell(ctx, &(struct plug_cell_wire){.type = PLUG_CELL_WIRE_COUNT, .bytes = sizeof(count)}, &count);
}

static int32_t send_progress(void *ctx, uint64_t done, uint64_t total)
{
    struct child *c = ctx;
    uint64_t now = plug_now_ns();
    if (now - c->told_at_ns >= PROGRESS_NS || done >= total) {
        c->told_at_ns = now;
        tell(c, &(struct plug_cell_wire){.type = PLUG_CELL_WIRE_PROGRESS, .a = done, .b = total}, NULL);
    }
    return atomic_load(&c->stop_loading) ? 1 : 0;
}

/* --- loading, on a thread of its own so that the parent's messages are heard meanwhile --- */

static void send_port(struct child *c, const struct acb_port *p, uint32_t side)
{
    struct plug_cell_wire_port w = {.dtype = p->dtype, .rank = p->rank, .flags = p->flags};
    memcpy(w.shape, p->shape, sizeof(w.shape));
    if (plug_tensor_name_ok(p->name)) { /* else "", which the parent refuses */
        (void)kit_str_to_c(kit_str_c(p->name), w.name, sizeof(w.name));
    }
    tell(c, &(struct plug_cell_wire){.type = PLUG_CELL_WIRE_PORT, .bytes = sizeof(w), .count = side}, &w);
}

static void send_meta(struct child *c, void *model, uint32_t key)
{
    const struct acb_plugin *t = &c->backend->table;
    const char *text = t->meta != NULL ? t->meta(model, plug_cell_wire_meta_key(key)) : NULL;
    if (text == NULL) {
        return;
    }
    struct plug_cell_wire head = {.type = PLUG_CELL_WIRE_META, .count = key, .b = strlen(text)};
    do {
        head.bytes = (uint32_t)KIT_MIN(META_PIECE_BYTES, head.b - head.a);
        tell(c, &head, text + head.a);
        head.a += head.bytes;
    } while (head.a < head.b);
}

static int32_t send_description(struct child *c, void *model)
{
    struct acb_model_info info = {.size = sizeof(info)};
    int32_t rc = c->backend->table.describe(model, &info);
    if (rc != ACB_OK) {
        return rc;
    }
    for (uint32_t i = 0; i < info.input_count; i++) {
        send_port(c, info.inputs[i], 0);
    }
    for (uint32_t i = 0; i < info.output_count; i++) {
        send_port(c, info.outputs[i], 1);
    }
    struct plug_cell_wire_info w = {
        .step_flags = info.step_flags, .sequences_max = info.sequences_max, .vocab_size = info.vocab_size};
    w.row_tokens_max = info.row_tokens_max;
    w.call_tokens_max = info.call_tokens_max;
    w.kv_bytes_per_token = info.kv_bytes_per_token;
    tell(c, &(struct plug_cell_wire){.type = PLUG_CELL_WIRE_INFO, .bytes = sizeof(w)}, &w);
    for (uint32_t key = 0; plug_cell_wire_meta_key(key) != NULL; key++) {
        send_meta(c, model, key);
    }
    return ACB_OK;
}

static void send_opened(struct child *c, int32_t status, const char *text)
{
    struct plug_cell_wire head = {.type = PLUG_CELL_WIRE_OPENED, .status = status};
    head.bytes = (uint32_t)strnlen(text, ACB_ERR_BYTES);
    tell(c, &head, text);
}

static void load(void *arg)
{
    struct child *c = arg;
    struct acb_err err = {.size = sizeof(err)};
    void *model = NULL;
    int32_t rc = c->backend->table.model_open(&c->open, &model, &err);
    if (rc == ACB_OK) {
        kit_mutex_lock(&c->lock);
        c->model = model;
        kit_mutex_unlock(&c->lock);
        rc = send_description(c, model);
    }
    send_opened(c, rc, err.text);
}

/* --- the parent's messages, on the main thread --- */

static const char *next_text(const char **at)
{
    const char *text = *at;
    *at += strlen(text) + 1;
    return text;
}

static enum kit_status start_services(struct child *c, uint32_t cores)
{
    c->services.ctx = c;
    c->services.log = send_log;
    c->services.count = send_count;
    enum kit_status rc = plug_cores_new(KIT_MAX(cores, 1), &c->services.cores);
    return rc == KIT_OK ? plug_team_new(PLUG_TEAM_HELPERS_MAX, &c->services.team) : rc;
}

static enum kit_status start_loading(struct child *c, const struct plug_cell_wire *head, struct kit_err *err)
{
    c->open_text = kit_alloc_copy(c->payload, head->bytes);
    if (c->open_text == NULL || start_services(c, (uint32_t)head->b) != KIT_OK) {
        return kit_fail(err, KIT_NOMEM, "out of memory");
    }
    const char *at = c->open_text;
    const char *plugin = next_text(&at);
    c->open = (struct acb_model_open){.size = sizeof(c->open), .device = (uint32_t)head->a};
    c->open.folder = next_text(&at);
    c->open.options = next_text(&at);
    c->open.progress_ctx = c;
    c->open.progress = send_progress;
    c->open.cores_max = head->count;
    enum kit_status rc = plug_backend_load(plugin, &c->services, &c->backend, err);
    return rc == KIT_OK ? kit_thread_start(&c->loader, "cell-loader", load, c, err) : rc;
}

static void on_open(struct child *c, const struct plug_cell_wire *head)
{
    struct kit_err err = {0};
    enum kit_status rc = c->backend == NULL ? start_loading(c, head, &err) : KIT_OK;
    if (rc != KIT_OK) {
        send_opened(c, rc == KIT_NOMEM ? ACB_NOMEM : ACB_FAILED, err.msg);
    }
}

/* A free place; those whose instance is over are freed first. */
static struct plug_cell_serve **free_place(struct child *c)
{
    for (uint32_t i = 0; i < INSTANCES_MAX; i++) {
        if (c->serves[i] != NULL && plug_cell_serve_over(c->serves[i])) {
            plug_cell_serve_free(c->serves[i]);
            c->serves[i] = NULL;
        }
        if (c->serves[i] == NULL) {
            return &c->serves[i];
        }
    }
    return NULL;
}

static void on_instance(struct child *c, const struct plug_cell_wire *head, int fd)
{
    struct acb_instance_open open;
    struct plug_cell_serve **place = free_place(c);
    void *model = model_of(c);
    if (place == NULL || model == NULL || fd < 0 || head->bytes != sizeof(open)) {
        if (fd >= 0) {
            static const char text[] = "too many instances in one worker process";
            struct plug_cell_wire answer = {
                .type = PLUG_CELL_WIRE_INSTANCE_OPENED, .status = ACB_FULL, .bytes = sizeof(text) - 1};
            (void)plug_cell_wire_send(fd, &answer, text, -1, true);
            (void)close(fd);
        }
        return;
    }
    memcpy(&open, c->payload, sizeof(open));
    *place = plug_cell_serve_start(&c->backend->table, model, &c->adapters, head->a, fd, &open);
}

static struct plug_cell_serve *find(const struct child *c, uint64_t number)
{
    for (uint32_t i = 0; i < INSTANCES_MAX; i++) {
        if (c->serves[i] != NULL && plug_cell_serve_number(c->serves[i]) == number) {
            return c->serves[i];
        }
    }
    return NULL;
}

static int32_t ask_bytes(struct child *c, uint64_t number, struct acb_bytes *const *rows, uint32_t *count)
{
    void *model = model_of(c);
    if (model == NULL || c->backend->table.bytes == NULL) {
        return model == NULL ? ACB_FAILED : ACB_OK;
    }
    if (number == 0) {
        return c->backend->table.bytes(model, NULL, rows, count);
    }
    struct plug_cell_serve *s = find(c, number);
    return s != NULL ? plug_cell_serve_bytes(s, rows, count) : ACB_FAILED;
}

static void on_bytes(struct child *c, const struct plug_cell_wire *head)
{
    struct acb_bytes rows[ACB_BYTES_ROWS_MAX];
    struct acb_bytes *at[ACB_BYTES_ROWS_MAX];
    struct plug_cell_wire_bytes wire[ACB_BYTES_ROWS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < ACB_BYTES_ROWS_MAX; i++) {
        rows[i] = (struct acb_bytes){.size = sizeof(rows[i])};
        at[i] = &rows[i];
    }
    struct plug_cell_wire answer = {.type = PLUG_CELL_WIRE_BYTES, .a = head->a, .b = head->b};
    answer.status = ask_bytes(c, head->a, at, &count);
    answer.count = KIT_MIN(count, ACB_BYTES_ROWS_MAX);
    answer.bytes = answer.count * (uint32_t)sizeof(wire[0]);
    for (uint32_t i = 0; i < answer.count; i++) {
        wire[i] = (struct plug_cell_wire_bytes){rows[i].device, rows[i].kind, rows[i].source, 0, rows[i].bytes};
    }
    tell(c, &answer, wire);
}

static void on_cancel(struct child *c, const struct plug_cell_wire *head)
{
    struct plug_cell_serve *s = find(c, head->a);
    if (s != NULL) {
        plug_cell_serve_cancel(s, head->b);
    }
}

/* False: time to go. */
static bool listen_once(struct child *c)
{
    struct plug_cell_wire head;
    int fd = -1;
    if (plug_cell_wire_receive(c->socket, &head, c->payload, &fd, true) != PLUG_CELL_WIRE_GOT) {
        _exit(1); /* the parent is gone: nobody is left to be polite to */
    }
    switch (head.type) {
    case PLUG_CELL_WIRE_OPEN:
        on_open(c, &head);
        break;
    case PLUG_CELL_WIRE_STOP_LOADING:
        atomic_store(&c->stop_loading, true);
        break;
    case PLUG_CELL_WIRE_INSTANCE:
        on_instance(c, &head, fd);
        break;
    case PLUG_CELL_WIRE_CANCEL:
        on_cancel(c, &head);
        break;
    case PLUG_CELL_WIRE_BYTES:
        on_bytes(c, &head);
        break;
    default:
        return head.type != PLUG_CELL_WIRE_CLOSE;
    }
    return true;
}

/* --- life --- */

/* The parent has closed the instances' sockets: their threads come to an end, or the parent's patience does. */
static void free_child(struct child *c)
{
    kit_thread_join(&c->loader);
    for (uint32_t i = 0; i < INSTANCES_MAX; i++) {
        plug_cell_serve_free(c->serves[i]);
    }
    if (c->model != NULL) {
        plug_cell_adapters_close(&c->adapters, &c->backend->table);
        c->backend->table.model_close(c->model);
    }
    plug_backend_unload(c->backend);
    plug_team_free(c->services.team);
    plug_cores_free(c->services.cores);
    kit_mutex_done(&c->adapters.lock);
    kit_mutex_done(&c->lock);
    kit_alloc_free(c->open_text);
    kit_alloc_free(c);
}

bool plug_cell_wanted(int argc, char *const *argv)
{
    return argc >= 2 && strcmp(argv[1], "--cell") == 0;
}

int plug_cell_main(int argc, char *const *argv)
{
    uint64_t socket = 0;
    if (argc < 3 || kit_str_to_u64(kit_str_c(argv[2]), &socket) != KIT_OK || socket < 3 || socket > 1024) {
        (void)fprintf(stderr, "usage: --cell FD, as aethercore starts it\n");
        return 2;
    }
    /* Should the parent end between its fork and this line, the end of the socket tells. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct child *c = kit_alloc_zero(1, sizeof(*c));
    if (c == NULL) {
        return 1;
    }
    kit_mutex_init(&c->lock);
    kit_mutex_init(&c->adapters.lock);
    c->socket = (int)socket;
    while (listen_once(c)) {
    }
    free_child(c);
    return 0;
}
