#include "outputs.h"

#include <inttypes.h>
#include <string.h>

#include "kit/alloc.h"
#include "pooling.h"

#define NONE UINT32_MAX

/* --- places --- */

static enum kit_status list_places(const struct acb_want *want, const struct native_batch *b, struct native_output *o,
                                   struct kit_err *err)
{
    size_t bytes = ((size_t)b->places + want->row_count + 1) * sizeof(uint32_t);
    o->first = kit_alloc(bytes);
    if (o->first == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for %" PRIu64 " wanted rows", want->row_count);
    }
    memset(o->first, 0xff, bytes);
    o->next = o->first + b->places;
    for (uint64_t i = 0; i < want->row_count; i++) {
        if (want->rows[i] >= b->places) {
            return kit_fail_param(err, KIT_INVALID, want->name, "output '%s': row %" PRIu64 " is wanted of %u",
                                  want->name, want->rows[i], b->places);
        }
        o->next[i] = o->first[want->rows[i]];
        o->first[want->rows[i]] = (uint32_t)i;
    }
    return KIT_OK;
}

/* --- tensors --- */

/* Ragged: [places, hidden]; dense: [rows, length, hidden]; with chosen rows: [row_count, hidden]. */
static uint32_t shape_of(const struct native_config *c, const struct acb_want *want, const struct native_batch *b,
                         bool pooled, int64_t shape[3])
{
    if (!pooled && want->rows == NULL && b->length > 0) {
        shape[0] = b->rows;
        shape[1] = b->length;
        shape[2] = c->hidden;
        return 3;
    }
    shape[0] = pooled ? (int64_t)b->rows : want->rows != NULL ? (int64_t)want->row_count : (int64_t)b->places;
    shape[1] = c->hidden;
    return 2;
}

static enum kit_status make_tensor(const struct native_config *c, const struct acb_infer *infer,
                                   const struct acb_want *want, const struct native_batch *b, struct native_output *o,
                                   struct kit_err *err)
{
    const struct acb_host *host = native_host();
    int64_t shape[3];
    uint32_t rank = shape_of(c, want, b, o->pooled, shape);
    if (host->tensor_new(host->ctx, infer->call, want->name, ACB_F32, rank, shape, &o->tensor) != ACB_OK) {
        return kit_fail(err, KIT_NOMEM, "out of memory for output '%s'", want->name);
    }
    o->data = o->tensor->data;
    if (o->tensor->bytes > 0) { /* rows and places that are left out stay zero */
        memset(o->data, 0, o->tensor->bytes);
    }
    return KIT_OK;
}

static enum kit_status make_output(const struct native_config *c, const struct acb_infer *infer,
                                   const struct acb_want *want, const struct native_batch *b, struct native_output *o,
                                   struct kit_err *err)
{
    o->pooled = strcmp(want->name, "pooled") == 0;
    if (!o->pooled && strcmp(want->name, "last_hidden_state") != 0) {
        return kit_fail_param(err, KIT_NOT_FOUND, want->name,
                              "no output '%.64s'; this model gives last_hidden_state and pooled", want->name);
    }
    if (o->pooled && want->rows != NULL) {
        return kit_fail_param(err, KIT_INVALID, want->name,
                              "output 'pooled' is given for all rows; want no rows of it");
    }
    if (want->row_count > UINT32_MAX - 1) {
        return kit_fail_param(err, KIT_INVALID, want->name, "output '%s': too many rows are wanted", want->name);
    }
    enum kit_status rc = want->rows != NULL ? list_places(want, b, o, err) : KIT_OK;
    return rc == KIT_OK ? make_tensor(c, infer, want, b, o, err) : rc;
}

enum kit_status native_outputs_make(const struct native_config *c, const struct acb_infer *infer,
                                    const struct native_batch *b, struct native_outputs *ret, struct kit_err *err)
{
    struct native_outputs o = {0};
    if (infer->want_count > NATIVE_OUTPUTS_MAX) {
        return kit_fail(err, KIT_INVALID, "%u outputs are wanted; the most is %u", infer->want_count,
                        NATIVE_OUTPUTS_MAX);
    }
    for (; o.count < infer->want_count; o.count++) {
        struct native_output *to = &o.output[o.count];
        enum kit_status rc = make_output(c, infer, infer->wants[o.count], b, to, err);
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

static void write_token(const struct native_output *o, uint32_t place, const float *x, uint32_t n)
{
    if (o->first == NULL) {
        memcpy(o->data + (size_t)place * n, x, n * sizeof(float));
        return;
    }
    for (uint32_t i = o->first[place]; i != NONE; i = o->next[i]) {
        memcpy(o->data + (size_t)i * n, x, n * sizeof(float));
    }
}

static void write_hidden(const struct native_output *o, const struct native_forward *f)
{
    const struct native_scratch *s = f->scratch;
    for (uint32_t i = 0; i < s->start[f->row_count]; i++) {
        write_token(o, f->batch->place[s->token[i]], s->x + i * s->x_stride, f->config->hidden);
    }
}

static void write_pooled(const struct native_output *o, const struct native_forward *f)
{
    const struct native_scratch *s = f->scratch;
    for (uint32_t i = 0; i < f->row_count; i++) {
        native_pooling_run(f->config, s->x + s->start[i] * s->x_stride, s->x_stride, s->start[i + 1] - s->start[i],
                           o->data + (size_t)f->row[i] * f->config->hidden);
    }
}

void native_outputs_write(const struct native_outputs *o, const struct native_forward *f)
{
    for (uint32_t i = 0; i < o->count; i++) {
        if (o->output[i].pooled) {
            write_pooled(&o->output[i], f);
        } else {
            write_hidden(&o->output[i], f);
        }
    }
}
