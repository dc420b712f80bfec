#include "plug/cell_serve.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kit/alloc.h"
#include "plug/cell_answer.h"
#include "plug/cell_room.h"
#include "plug/engine.h"
#include "plug/status.h"
#include "plug/tensor.h"

struct plug_cell_serve {
    const struct acb_plugin *table;
    void *model;
    struct plug_cell_adapters *adapters; /* the child's */
    uint64_t number;
    int socket;
    struct acb_instance_open open;
    struct kit_thread thread;

    struct kit_mutex lock; /* of the next three: what the main thread may look at */
    void *handle;          /* the back end's instance; NULL: not open */
    uint64_t running;      /* number of the running call, or 0 */
    bool over;

    struct plug_cell_memory in;
    struct plug_cell_room room;

    struct acb_tensor tensors[PLUG_INPUTS_MAX];
    const struct acb_tensor *inputs[PLUG_INPUTS_MAX];
    struct acb_want want[PLUG_OUTPUTS_MAX];
    const struct acb_want *wants[PLUG_OUTPUTS_MAX];
    char payload[PLUG_CELL_WIRE_BYTES_MAX + 1];
};

/* --- a call --- */

static void see_input(struct plug_cell_serve *s, const struct plug_cell_wire_tensor *w, uint32_t k)
{
    unsigned char *base = s->in.at;
    struct acb_tensor *t = &s->tensors[k];
    *t =
        (struct acb_tensor){.size = sizeof(*t), .dtype = w->dtype, .rank = w->rank, .name = w->name, .bytes = w->bytes};
    memcpy(t->shape, w->shape, sizeof(t->shape));
    t->data = base + w->at;
    t->row_offsets = w->ragged != 0 ? (const void *)(base + w->rows_at) : NULL;
    t->rows = w->rows;
    s->inputs[k] = t;
}

static void see_want(struct plug_cell_serve *s, const struct plug_cell_wire_want *w, uint32_t k)
{
    s->want[k] = (struct acb_want){.size = sizeof(s->want[k]), .name = w->name, .row_count = w->row_count};
    s->want[k].rows = w->some != 0 ? (const void *)(s->in.at + w->rows_at) : NULL;
    s->wants[k] = &s->want[k];
}

/* The parent's memory as the call that it describes. */
static struct acb_infer see_call(struct plug_cell_serve *s, const struct plug_cell_wire *head, struct plug_call *call)
{
    uint32_t want_count = (uint32_t)head->status;
    const struct plug_cell_wire_inputs *shared = (const void *)s->in.at;
    const struct plug_cell_wire_tensor *inputs = (const void *)(shared + 1);
    const struct plug_cell_wire_want *wants = (const void *)(inputs + head->count);
    for (uint32_t k = 0; k < head->count; k++) {
        see_input(s, &inputs[k], k);
    }
    for (uint32_t k = 0; k < want_count; k++) {
        see_want(s, &wants[k], k);
    }
    return (struct acb_infer){
        .size = sizeof(struct acb_infer),
        .cores = (uint32_t)head->b,
        .input_count = head->count,
        .want_count = want_count,
        .inputs = s->inputs,
        .wants = s->wants,
        .call = call,
        .cancelled = &shared->cancelled,
    };
}

static bool describe_output(struct plug_cell_serve *s, const struct acb_tensor *t, struct plug_cell_wire_tensor *ret)
{
    struct plug_cell_wire_tensor w = {.dtype = t->dtype, .rank = t->rank, .bytes = t->bytes, .rows = t->rows};
    memcpy(w.shape, t->shape, sizeof(w.shape));
    (void)kit_str_to_c(kit_str_c(t->name), w.name, sizeof(w.name));
    while (w.piece < s->room.count &&
           !((unsigned char *)t->data >= s->room.out[w.piece].at &&
             (unsigned char *)t->data < s->room.out[w.piece].at + s->room.out[w.piece].bytes)) {
        w.piece++;
    }
    if (w.piece == s->room.count) {
        return false;
    }
    w.at = (uint64_t)((unsigned char *)t->data - s->room.out[w.piece].at);
    w.ragged = t->row_offsets != NULL;
    *ret = w;
    return true;
}

/* row_offsets were made on our heap; they go behind the data. */
static bool put_rows(struct plug_cell_serve *s, const struct acb_tensor *t, struct plug_cell_wire_tensor *w)
{
    if (w->ragged == 0) {
        return true;
    }
    uint64_t bytes = (t->rows + 1) * sizeof(uint64_t);
    unsigned char *at = plug_cell_room_get(&s->room, bytes);
    if (at == NULL) {
        return false;
    }
    memcpy(at, t->row_offsets, bytes);
    w->rows_piece = s->room.count - 1;
    w->rows_at = (uint64_t)(at - s->room.out[w->rows_piece].at);
    return true;
}

/* The index-th output: of those wanted, or of those made. NULL: there are no more. */
static struct acb_tensor *output_at(const struct acb_infer *infer, struct acb_tensor *const *outputs, uint32_t index)
{
    const struct plug_call *call = infer->call;
    if (infer->want_count > 0) {
        return index < infer->want_count ? outputs[index] : NULL;
    }
    return plug_tensor_call_get(call, index);
}

static int32_t describe_outputs(struct plug_cell_serve *s, const struct acb_infer *infer,
                                struct acb_tensor *const *outputs, struct plug_cell_wire *head, struct acb_err *err)
{
    const struct plug_call *call = infer->call;
    uint32_t count = infer->want_count > 0 ? infer->want_count : call->count;
    struct kit_err why = {0};
    if (count > PLUG_OUTPUTS_MAX) {
        return plug_status_fail(err, ACB_FAILED, "%u outputs, at most %d are possible", count, PLUG_OUTPUTS_MAX);
    }
    for (uint32_t k = 0; k < count; k++) {
        struct plug_cell_wire_tensor w;
        const struct acb_tensor *t = output_at(infer, outputs, k);
        if (plug_tensor_call_check(call, t, &why) != KIT_OK) {
            return plug_status_fail(err, ACB_FAILED, "the back end's answer is wrong: %s", why.msg);
        }
        if (!describe_output(s, t, &w) || !put_rows(s, t, &w)) {
            return plug_status_fail(err, ACB_NOMEM, "no shared memory for the outputs");
        }
        memcpy(s->payload + k * sizeof(w), &w, sizeof(w));
    }
    head->count = count;
    head->bytes = count * (uint32_t)sizeof(struct plug_cell_wire_tensor);
    return ACB_OK;
}

static void set_running(struct plug_cell_serve *s, uint64_t call)
{
    kit_mutex_lock(&s->lock);
    s->running = call;
    kit_mutex_unlock(&s->lock);
}

static int32_t call_backend(struct plug_cell_serve *s, const struct plug_cell_wire *asked, struct plug_call *call,
                            struct plug_cell_wire *answer, struct acb_err *err)
{
    struct acb_tensor *outputs[PLUG_OUTPUTS_MAX] = {NULL};
    struct acb_infer infer = see_call(s, asked, call);
    set_running(s, asked->a);
    int32_t rc = s->table->infer(s->handle, &infer, outputs, err);
    set_running(s, 0);
    return rc == ACB_OK ? describe_outputs(s, &infer, outputs, answer, err) : rc;
}

static int32_t run_infer(struct plug_cell_serve *s, const struct plug_cell_wire *asked, struct plug_cell_wire *answer,
                         struct acb_err *err)
{
    struct plug_room room = {&s->room, plug_cell_room_get};
    struct plug_call call;
    if (s->table->infer == NULL) {
        return plug_status_fail(err, ACB_UNSUPPORTED, "this back end only generates");
    }
    plug_tensor_call_init(&call, &room);
    int32_t rc = call_backend(s, asked, &call, answer, err);
    plug_tensor_call_done(&call);
    return rc;
}

static struct plug_cell_asked see_question(struct plug_cell_serve *s, const struct plug_cell_wire *head)
{
    return (struct plug_cell_asked){s->table, s->model, s->handle, s->adapters, head, s->in.at, &s->room};
}

static int32_t run(struct plug_cell_serve *s, const struct plug_cell_wire *asked, struct plug_cell_wire *answer,
                   struct acb_err *err)
{
    struct plug_cell_asked q = see_question(s, asked);
    if (asked->type == PLUG_CELL_WIRE_SEQ) {
        return plug_cell_answer_seq(&q, answer, err);
    }
    plug_cell_room_drop(&s->room, 1);
    if (asked->type == PLUG_CELL_WIRE_INFER) {
        return run_infer(s, asked, answer, err);
    }
    if (asked->type == PLUG_CELL_WIRE_STEP) {
        set_running(s, asked->a);
        int32_t rc = plug_cell_answer_step(&q, answer, err);
        set_running(s, 0);
        return rc;
    }
    return plug_cell_answer_words(&q, answer, err);
}

/* False: the parent is gone. */
static bool run_call(struct plug_cell_serve *s, const struct plug_cell_wire *asked)
{
    struct plug_cell_wire answer = {.type = PLUG_CELL_WIRE_RESULT, .a = asked->a};
    struct acb_err err = {.size = sizeof(err)};
    answer.status = run(s, asked, &answer, &err);
    if (answer.status != ACB_OK) {
        answer.bytes = (uint32_t)strnlen(err.text, sizeof(err.text));
        memcpy(s->payload, err.text, answer.bytes);
    }
    bool quiet = asked->a == 0; /* nobody waits for it */
    return quiet || (!s->room.gone && plug_cell_wire_send(s->socket, &answer, s->payload, -1, true));
}

/* --- the thread --- */

static bool open_instance(struct plug_cell_serve *s)
{
    struct acb_err err = {.size = sizeof(err)};
    void *handle = NULL;
    bool words = s->open.mode == PLUG_CELL_MODE_WORDS;
    int32_t rc = words ? ACB_OK : s->table->instance_open(s->model, &s->open, &handle, &err);
    kit_mutex_lock(&s->lock);
    s->handle = rc == ACB_OK ? handle : NULL;
    kit_mutex_unlock(&s->lock);
    struct plug_cell_wire head = {.type = PLUG_CELL_WIRE_INSTANCE_OPENED, .status = rc};
    head.bytes = (uint32_t)strnlen(err.text, sizeof(err.text));
    return plug_cell_wire_send(s->socket, &head, err.text, -1, true) && rc == ACB_OK;
}

static void close_instance(struct plug_cell_serve *s)
{
    kit_mutex_lock(&s->lock);
    void *handle = s->handle;
    s->handle = NULL;
    kit_mutex_unlock(&s->lock);
    if (handle != NULL) {
        s->table->instance_close(handle);
    }
    plug_cell_room_drop(&s->room, 0);
    plug_cell_memory_done(&s->in);
}

static bool take_inputs(struct plug_cell_serve *s, int fd)
{
    if (fd >= 0) {
        plug_cell_memory_done(&s->in);
        if (!plug_cell_memory_map(fd, true, &s->in)) {
            return false;
        }
        plug_cell_memory_detach(&s->in);
    }
    return true;
}

static bool shrink(struct plug_cell_serve *s)
{
    plug_cell_room_drop(&s->room, 0);
    plug_cell_memory_done(&s->in);
    if (s->handle != NULL && s->table->instance_shrink != NULL) {
        s->table->instance_shrink(s->handle);
    }
    return true;
}

static bool serve_one(struct plug_cell_serve *s)
{
    struct plug_cell_wire head;
    int fd = -1;
    if (plug_cell_wire_receive(s->socket, &head, s->payload, &fd, true) != PLUG_CELL_WIRE_GOT) {
        return false;
    }
    return head.type == PLUG_CELL_WIRE_SHRINK ? shrink(s) : take_inputs(s, fd) && run_call(s, &head);
}

/* The socket is shut when all is done: the parent waits for that. */
static void serve(void *arg)
{
    struct plug_cell_serve *s = arg;
    if (open_instance(s)) {
        while (serve_one(s)) {
        }
    }
    close_instance(s);
    kit_mutex_lock(&s->lock);
    s->over = true;
    kit_mutex_unlock(&s->lock);
    (void)shutdown(s->socket, SHUT_RDWR);
}

/* --- for the main thread --- */

static void refuse(int socket)
{
    static const char text[] = "out of memory in the worker process";
    struct plug_cell_wire head = {
        .type = PLUG_CELL_WIRE_INSTANCE_OPENED, .status = ACB_NOMEM, .bytes = sizeof(text) - 1};
    (void)plug_cell_wire_send(socket, &head, text, -1, true);
    (void)close(socket);
}

struct plug_cell_serve *plug_cell_serve_start(const struct acb_plugin *table, void *model,
                                              struct plug_cell_adapters *adapters, uint64_t number, int socket,
                                              const struct acb_instance_open *open)
{
    struct plug_cell_serve *s = kit_alloc_zero(1, sizeof(*s));
    if (s == NULL) {
        refuse(socket);
        return NULL;
    }
    kit_mutex_init(&s->lock);
    s->table = table;
    s->model = model;
    s->adapters = adapters;
    s->room.socket = socket;
    s->number = number;
    s->socket = socket;
    s->open = *open;
    if (kit_thread_start(&s->thread, "cell-instance", serve, s, NULL) != KIT_OK) {
        refuse(socket);
        kit_mutex_done(&s->lock);
        kit_alloc_free(s);
        return NULL;
    }
    return s;
}

uint64_t plug_cell_serve_number(const struct plug_cell_serve *s)
{
    return s->number;
}

bool plug_cell_serve_over(struct plug_cell_serve *s)
{
    kit_mutex_lock(&s->lock);
    bool over = s->over;
    kit_mutex_unlock(&s->lock);
    return over;
}

void plug_cell_serve_free(struct plug_cell_serve *s)
{
    if (s != NULL) {
        kit_thread_join(&s->thread);
        (void)close(s->socket);
        kit_mutex_done(&s->lock);
        kit_alloc_free(s);
    }
}

/* The back end has the call's flag as well: if it has not come to look at it yet, it will. */
void plug_cell_serve_cancel(struct plug_cell_serve *s, uint64_t call)
{
    kit_mutex_lock(&s->lock);
    if (s->handle != NULL && s->running == call && s->table->cancel != NULL) {
        s->table->cancel(s->handle);
    }
    kit_mutex_unlock(&s->lock);
}

int32_t plug_cell_serve_bytes(struct plug_cell_serve *s, struct acb_bytes *const *rows, uint32_t *count)
{
    int32_t rc = ACB_FAILED;
    kit_mutex_lock(&s->lock);
    if (s->handle != NULL && s->table->bytes != NULL) {
        rc = s->table->bytes(s->model, s->handle, rows, count);
    }
    kit_mutex_unlock(&s->lock);
    return rc;
}
