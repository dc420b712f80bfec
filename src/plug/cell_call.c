#include "plug/cell_call.h"

#include <string.h>

#include "plug/engine.h"
#include "plug/status.h"
#include "plug/tensor.h"

static uint64_t align(uint64_t n, uint64_t to)
{
    return (n + to - 1) / to * to;
}

/* --- inputs into shared memory --- */

/* Where everything goes: the head, the inputs' and the wants' descriptions, then data and rows. */
struct plan {
    struct plug_cell_wire_tensor *inputs; /* in shared memory */
    struct plug_cell_wire_want *wants;
    unsigned char *base;
    uint64_t at; /* the next free byte; while base is NULL nothing is written, only counted */
};

static uint64_t put(struct plan *p, const void *from, uint64_t bytes, uint64_t alignment)
{
    uint64_t at = align(p->at, alignment);
    if (p->base != NULL && bytes > 0) {
        memcpy(p->base + at, from, bytes);
    }
    p->at = at + bytes;
    return at;
}

static void put_name(char to[ACB_NAME_BYTES], const char *name)
{
    (void)kit_str_to_c(kit_str_c(name), to, ACB_NAME_BYTES);
}

static void put_input(struct plan *p, const struct acb_tensor *t, uint32_t index)
{
    struct plug_cell_wire_tensor w = {.dtype = t->dtype, .rank = t->rank, .bytes = t->bytes, .rows = t->rows};
    memcpy(w.shape, t->shape, t->rank * sizeof(w.shape[0]));
    w.ragged = t->row_offsets != NULL;
    w.at = put(p, t->data, t->bytes, 64);
    w.rows_at = w.ragged != 0 ? put(p, t->row_offsets, (t->rows + 1) * sizeof(uint64_t), 8) : 0;
    if (p->base != NULL) {
        put_name(w.name, t->name);
        p->inputs[index] = w;
    }
}

static void put_want(struct plan *p, const struct acb_want *want, uint32_t index)
{
    struct plug_cell_wire_want w = {.some = want->rows != NULL, .row_count = want->row_count};
    w.rows_at = w.some != 0 ? put(p, want->rows, want->row_count * sizeof(uint64_t), 8) : 0;
    if (p->base != NULL) {
        put_name(w.name, want->name);
        p->wants[index] = w;
    }
}

static uint64_t put_all(unsigned char *base, const struct acb_infer *infer)
{
    struct plan p = {.base = base, .at = sizeof(struct plug_cell_wire_inputs)};
    p.inputs = base != NULL ? (void *)(base + p.at) : NULL;
    p.at += infer->input_count * sizeof(struct plug_cell_wire_tensor);
    p.wants = base != NULL ? (void *)(base + p.at) : NULL;
    p.at += infer->want_count * sizeof(struct plug_cell_wire_want);
    for (uint32_t k = 0; k < infer->input_count; k++) {
        put_input(&p, infer->inputs[k], k);
    }
    for (uint32_t k = 0; k < infer->want_count; k++) {
        put_want(&p, infer->wants[k], k);
    }
    return p.at;
}

/* --- outputs out of shared memory --- */

/* Whether an output lies where it may. */
static bool is_inside(const struct plug_cell_instance *i, const struct plug_cell_wire_tensor *w)
{
    if (w->piece >= i->out_count || !plug_cell_memory_holds(&i->out[w->piece], w->at, w->bytes)) {
        return false;
    }
    if (w->ragged == 0) {
        return true;
    }
    return w->rows_piece < i->out_count && w->rows_at % sizeof(uint64_t) == 0 &&
           w->rows < i->out[w->rows_piece].bytes / sizeof(uint64_t) &&
           plug_cell_memory_holds(&i->out[w->rows_piece], w->rows_at, (w->rows + 1) * sizeof(uint64_t));
}

static bool is_sane(const struct plug_cell_wire_tensor *w)
{
    uint64_t bytes = 0;
    return memchr(w->name, 0, sizeof(w->name)) != NULL && w->rank <= ACB_RANK_MAX &&
           plug_tensor_bytes(w->dtype, w->rank, w->shape, &bytes, NULL) == KIT_OK &&
           (w->dtype == ACB_STRING || bytes == w->bytes);
}

/* One output, copied. The description is our own copy already; false: it cannot be. */
static bool take_output(const struct plug_cell_instance *i, struct plug_call *call,
                        const struct plug_cell_wire_tensor *w, struct acb_tensor **ret, int32_t *rc)
{
    if (!is_sane(w) || !is_inside(i, w)) {
        return false;
    }
    struct acb_tensor like = {
        .size = sizeof(like), .dtype = w->dtype, .rank = w->rank, .name = w->name, .bytes = w->bytes};
    memcpy(like.shape, w->shape, sizeof(like.shape));
    if (w->ragged != 0) {
        like.row_offsets = (const void *)(i->out[w->rows_piece].at + w->rows_at);
        like.rows = w->rows;
    }
    *rc = plug_tensor_call_tensor(call, &like, ret);
    if (*rc == ACB_OK) {
        memcpy((*ret)->data, i->out[w->piece].at + w->at, w->bytes);
    }
    return *rc != ACB_INVALID;
}

/* GARBAGE, or GOT with *rc. */
static enum plug_cell_wire_got take_outputs(struct plug_cell_instance *i, const struct acb_infer *infer,
                                            const struct plug_cell_wire *head, struct acb_tensor **outputs, int32_t *rc)
{
    bool count_ok = infer->want_count > 0 ? head->count == infer->want_count : head->count <= PLUG_OUTPUTS_MAX;
    if (!count_ok || head->bytes != head->count * sizeof(struct plug_cell_wire_tensor)) {
        return PLUG_CELL_WIRE_GARBAGE;
    }
    *rc = ACB_OK;
    for (uint32_t k = 0; k < head->count && *rc == ACB_OK; k++) {
        struct plug_cell_wire_tensor w;
        struct acb_tensor *t = NULL;
        memcpy(&w, i->payload + k * sizeof(w), sizeof(w));
        if (!take_output(i, infer->call, &w, &t, rc)) {
            return PLUG_CELL_WIRE_GARBAGE;
        }
        if (k < infer->want_count) {
            outputs[k] = t;
        }
    }
    return PLUG_CELL_WIRE_GOT;
}

int32_t plug_cell_infer(void *instance, const struct acb_infer *infer, struct acb_tensor **outputs, struct acb_err *err)
{
    struct plug_cell_instance *i = instance;
    int32_t rc = plug_cell_link_room(i, put_all(NULL, infer), err);
    if (rc != ACB_OK) {
        return rc;
    }
    (void)put_all(i->in.at, infer);
    struct plug_cell_wire head = {.type = PLUG_CELL_WIRE_INFER, .b = infer->cores, .count = infer->input_count};
    head.status = (int32_t)infer->want_count;
    plug_cell_link_begin(i, infer->cancelled);
    rc = plug_cell_link_ask(i, &head, err);
    if (rc == ACB_OK) {
        int32_t taken = ACB_OK;
        enum plug_cell_wire_got got = take_outputs(i, infer, &head, outputs, &taken);
        rc = got != PLUG_CELL_WIRE_GOT ? plug_cell_link_gone(i, got, err)
             : taken != ACB_OK         ? plug_status_fail(err, taken, "out of memory for the outputs")
                                       : ACB_OK;
    }
    plug_cell_link_drop(i, 1);
    plug_cell_link_end(i);
    return rc;
}
