#include "outputs.h"

#include <inttypes.h>
#include <string.h>

#include "head.h"
#include "kit/alloc.h"
#include "pooling.h"

#define NONE UINT32_MAX

/* --- places --- */

static enum kit_status list_places(const struct acb_want *want, uint32_t count, struct native_output *o,
                                   struct kit_err *err)
{
    if (want->row_count > UINT32_MAX - 1) {
        return kit_fail_param(err, KIT_INVALID, want->name, "output '%s': too many rows are wanted", want->name);
    }
    size_t bytes = ((size_t)count + want->row_count + 1) * sizeof(uint32_t);
    o->first = kit_alloc(bytes);
    if (o->first == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for %" PRIu64 " wanted rows", want->row_count);
    }
    memset(o->first, 0xff, bytes);
    o->next = o->first + count;
    for (uint64_t i = 0; i < want->row_count; i++) {
        if (want->rows[i] >= count) {
            return kit_fail_param(err, KIT_INVALID, want->name, "output '%s': row %" PRIu64 " is wanted of %u",
                                  want->name, want->rows[i], count);
        }
        o->next[i] = o->first[want->rows[i]];
        o->first[want->rows[i]] = (uint32_t)i;
    }
    return KIT_OK;
}

static uint32_t first_of(const struct native_output *o, uint32_t place)
{
    return o->first == NULL ? place : o->first[place];
}

static uint32_t next_of(const struct native_output *o, uint32_t i)
{
    return o->first == NULL ? NONE : o->next[i];
}

/* --- tensors --- */

/* Chosen rows: [row_count, width]; of rows: [rows, width]; ragged: [places, width]; dense: [rows, length, width]. */
static uint32_t shape_of(const struct native_output *o, const struct acb_want *want, const struct native_batch *b,
                         int64_t shape[3])
{
    if (!o->of_rows && want->rows == NULL && !b->ragged) {
        shape[0] = b->rows;
        shape[1] = b->length;
        shape[2] = o->width;
        return 3;
    }
    shape[0] = want->rows != NULL ? (int64_t)want->row_count : o->of_rows ? b->rows : b->places;
    shape[1] = o->width;
    return 2;
}

static enum kit_status make_tensor(const struct acb_infer *infer, const struct acb_want *want,
                                   const struct native_batch *b, struct native_output *o, struct kit_err *err)
{
    const struct acb_host *host = native_host();
    int64_t shape[3];
    uint32_t rank = shape_of(o, want, b, shape);
    if (host->tensor_new(host->ctx, infer->call, want->name, ACB_F32, rank, shape, &o->tensor) != ACB_OK) {
        return kit_fail(err, KIT_NOMEM, "out of memory for output '%s'", want->name);
    }
    o->data = o->tensor->data;
    if (o->tensor->bytes > 0) { /* rows and places that are left out stay zero */
        memset(o->data, 0, o->tensor->bytes);
    }
    return KIT_OK;
}

static enum kit_status make_output(const struct native_model *m, const struct acb_infer *infer,
                                   const struct acb_want *want, const struct native_batch *b, struct native_output *o,
                                   struct kit_err *err)
{
    uint32_t port = 0;
    while (port < m->output_count && strcmp(want->name, m->output[port].name) != 0) {
        port++;
    }
    if (port == m->output_count) {
        return kit_fail_param(err, KIT_NOT_FOUND, want->name,
                              "no output '%.64s'; this model gives last_hidden_state, pooled%s", want->name,
                              m->output_count > NATIVE_PORT_LOGITS ? ", logits" : "");
    }
    o->port = port;
    o->of_rows = (m->output[port].flags & ACB_PORT_RAGGED) == 0;
    o->width = (uint32_t)m->output[port].shape[1];
    enum kit_status rc = want->rows != NULL ? list_places(want, o->of_rows ? b->rows : b->places, o, err) : KIT_OK;
    return rc == KIT_OK ? make_tensor(infer, want, b, o, err) : rc;
}

enum kit_status native_outputs_make(const struct native_model *m, const struct acb_infer *infer,
                                    const struct native_batch *b, struct native_outputs *ret, struct kit_err *err)
{
    struct native_outputs o = {0};
    if (infer->want_count > NATIVE_OUTPUTS_MAX) {
        return kit_fail(err, KIT_INVALID, "%u outputs are wanted; the most is %u", infer->want_count,
                        NATIVE_OUTPUTS_MAX);
    }
    for (; o.count < infer->want_count; o.count++) {
        struct native_output *to = &o.output[o.count];
        enum kit_status rc = make_output(m, infer, infer->wants[o.count], b, to, err);
        if (rc != KIT_OK) {
            o.count++;
            native_outputs_done(&o);
            return rc;
        }
    }
    *ret = o;
    return KIT_OK;
}

void native_outputs_done(struct native_outputs *o)
{
    for (uint32_t i = 0; i < o->count; i++) {
        kit_alloc_free(o->output[i].first);
    }
    *o = (struct native_outputs){0};
}

/* --- writing --- */

static void write_vector(const struct native_output *o, uint32_t place, const float *x)
{
    for (uint32_t i = first_of(o, place); i != NONE; i = next_of(o, i)) {
        memcpy(o->data + (size_t)i * o->width, x, o->width * sizeof(float));
    }
}

static void write_hidden(const struct native_output *o, const struct native_forward *f)
{
    const struct native_scratch *s = f->scratch;
    for (uint32_t i = 0; i < s->start[f->row_count]; i++) {
        write_vector(o, f->batch->place[s->token[i]], s->x + i * s->x_stride);
    }
}

static void write_pooled(const struct native_output *o, const struct native_forward *f)
{
    const struct native_scratch *s = f->scratch;
    for (uint32_t i = 0; i < f->row_count; i++) {
        native_pooling_run(f->config, s->x + s->start[i] * s->x_stride, s->x_stride, s->start[i + 1] - s->start[i],
                           s->y);
        write_vector(o, f->row[i], s->y);
    }
}

/* Tokens whose logits are wanted, some at a time. */
struct picks {
    const struct native_output *output;
    const struct native_forward *forward;
    uint32_t count;
    struct native_head_pick pick[NATIVE_HEAD_PICKS_MAX];
};

static void flush_picks(struct picks *p)
{
    native_head_run(p->forward, p->pick, p->count);
    p->count = 0;
}

static void add_picks(struct picks *p, uint32_t token, uint32_t place)
{
    const struct native_output *o = p->output;
    for (uint32_t i = first_of(o, place); i != NONE; i = next_of(o, i)) {
        if (p->count == NATIVE_HEAD_PICKS_MAX) {
            flush_picks(p);
        }
        p->pick[p->count++] = (struct native_head_pick){.token = token, .to = o->data + (size_t)i * o->width};
    }
}

static void write_logits(const struct native_output *o, const struct native_forward *f)
{
    const struct native_scratch *s = f->scratch;
    struct picks p = {.output = o, .forward = f};
    uint32_t count = o->of_rows ? f->row_count : s->start[f->row_count];
    for (uint32_t i = 0; i < count; i++) {
        if (o->of_rows) {
            add_picks(&p, s->start[i], f->row[i]);
        } else {
            add_picks(&p, i, f->batch->place[s->token[i]]);
        }
    }
    flush_picks(&p);
}

void native_outputs_write(const struct native_outputs *o, const struct native_forward *f)
{
    static void (*const write[])(const struct native_output *, const struct native_forward *) = {
        [NATIVE_PORT_HIDDEN] = write_hidden, [NATIVE_PORT_POOLED] = write_pooled, [NATIVE_PORT_LOGITS] = write_logits};
    for (uint32_t i = 0; i < o->count; i++) {
        write[o->output[i].port](&o->output[i], f);
    }
}
