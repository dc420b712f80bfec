#include "task/call.h"

#include <string.h>

#include "kit/alloc.h"

/* The rows of all slices behind each other. */
struct call {
    const struct task_want *want;
    const struct sched_slice *slices; /* [slice_count] */
    uint32_t slice_count;
    uint64_t tokens, rows, lines;
    int32_t *ids;      /* [tokens], aligned for a tensor; owned, as the others */
    int32_t *types;    /* [tokens]; NULL: all 0 */
    uint64_t *offsets; /* [rows + 1] */
    uint64_t *places;  /* [lines], the wanted ones of all tokens; NULL: all */
};

static uint64_t slice_tokens(const struct sched_slice *s)
{
    const uint64_t *offsets = task_request_of_slice(s)->rows.offsets;
    return offsets[s->first + s->count] - offsets[s->first];
}

static uint64_t slice_places(const struct task_want *want, const struct sched_slice *s)
{
    uint64_t all = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        uint32_t n;
        (void)want->places(task_request_of_slice(s), s->first + i, &n);
        all += n;
    }
    return all;
}

/* --- rows become tensors --- */

static enum kit_status make_room(struct call *c)
{
    bool typed = false;
    for (uint32_t i = 0; i < c->slice_count; i++) {
        c->tokens += slice_tokens(&c->slices[i]);
        c->rows += c->slices[i].count;
        c->lines += c->want->places != NULL ? slice_places(c->want, &c->slices[i]) : 0;
        typed |= task_request_of_slice(&c->slices[i])->rows.types != NULL;
    }
    c->ids = kit_alloc_aligned(ACB_ALIGN, (c->tokens + 1) * sizeof(*c->ids));
    c->types = typed ? kit_alloc_aligned(ACB_ALIGN, (c->tokens + 1) * sizeof(*c->types)) : NULL;
    c->offsets = kit_alloc_array(c->rows + 1, sizeof(*c->offsets));
    c->places = c->want->places != NULL ? kit_alloc_array(c->lines + 1, sizeof(*c->places)) : NULL;
    bool made = c->ids != NULL && c->offsets != NULL && (c->types != NULL || !typed) &&
                (c->places != NULL || c->want->places == NULL);
    return made ? KIT_OK : KIT_NOMEM;
}

static uint64_t add_places(struct call *c, const struct sched_slice *s, uint64_t row, uint64_t at)
{
    for (uint32_t i = 0; i < s->count; i++) {
        uint32_t n;
        const uint32_t *places = c->want->places(task_request_of_slice(s), s->first + i, &n);
        for (uint32_t k = 0; k < n; k++) {
            c->places[at++] = c->offsets[row + i] + places[k];
        }
    }
    return at;
}

static void add_tokens(struct call *c, const struct task_rows *rows, uint64_t from, uint64_t at, uint64_t n)
{
    if (n == 0) {
        return;
    }
    memcpy(c->ids + at, rows->ids + from, n * sizeof(*c->ids));
    if (c->types != NULL && rows->types != NULL) {
        memcpy(c->types + at, rows->types + from, n * sizeof(*c->types));
    } else if (c->types != NULL) {
        memset(c->types + at, 0, n * sizeof(*c->types));
    }
}

static void fill(struct call *c)
{
    uint64_t token = 0, row = 0, place = 0;
    c->offsets[0] = 0;
    for (uint32_t i = 0; i < c->slice_count; i++) {
        const struct sched_slice *s = &c->slices[i];
        const struct task_rows *rows = &task_request_of_slice(s)->rows;
        uint64_t from = rows->offsets[s->first], n = slice_tokens(s);
        add_tokens(c, rows, from, token, n);
        for (uint32_t k = 1; k <= s->count; k++) {
            c->offsets[row + k] = token + rows->offsets[s->first + k] - from;
        }
        place = c->places != NULL ? add_places(c, s, row, place) : 0;
        row += s->count;
        token += n;
    }
}

static struct acb_tensor tensor_of(const struct call *c, const char *name, int32_t *data)
{
    return (struct acb_tensor){
        .size = sizeof(struct acb_tensor),
        .dtype = ACB_I32,
        .rank = 1,
        .name = name,
        .shape = {(int64_t)c->tokens},
        .data = data,
        .bytes = c->tokens * sizeof(*data),
        .row_offsets = c->offsets,
        .rows = c->rows,
    };
}

static enum kit_status infer(const struct task_model *m, struct plug_instance *instance, const struct call *c,
                             uint32_t cores, struct plug_outputs *out, struct kit_err *err)
{
    struct acb_tensor ids = tensor_of(c, m->ids->name, c->ids);
    struct acb_tensor types = c->types != NULL ? tensor_of(c, m->types->name, c->types) : ids;
    struct acb_want want = {
        .size = sizeof(want), .name = c->want->port->name, .rows = c->places, .row_count = c->lines};
    struct acb_infer call = {
        .size = sizeof(call),
        .cores = cores,
        .input_count = c->types != NULL ? 2 : 1,
        .want_count = 1,
        .inputs = (const struct acb_tensor *const[]){&ids, &types},
        .wants = (const struct acb_want *const[]){&want},
    };
    return plug_instance_infer(instance, &call, out, err);
}

/* --- the answer becomes rows --- */

static enum kit_status check(const struct call *c, const struct acb_tensor *t, struct kit_err *err)
{
    const struct acb_port *port = c->want->port;
    bool ragged = (port->flags & ACB_PORT_RAGGED) != 0;
    uint64_t lines = c->places != NULL ? c->lines : ragged ? c->tokens : c->rows;
    if (t->dtype != ACB_F32 || t->rank != 2 || t->shape[0] != (int64_t)lines || t->shape[1] != port->shape[1]) {
        return kit_fail(err, KIT_INTERNAL, "the engine answered '%s' in another shape than it described", t->name);
    }
    return KIT_OK;
}

static uint32_t lines_of(const struct call *c, const struct task_request *r, uint32_t row)
{
    uint32_t n = 1;
    if (c->want->places != NULL) {
        (void)c->want->places(r, row, &n);
    } else if ((c->want->port->flags & ACB_PORT_RAGGED) != 0) {
        n = (uint32_t)(r->rows.offsets[row + 1] - r->rows.offsets[row]);
    }
    return n;
}

static void scatter(const struct task_model *m, const struct call *c, const float *values)
{
    for (uint32_t i = 0; i < c->slice_count; i++) {
        const struct sched_slice *s = &c->slices[i];
        struct task_request *r = task_request_of_slice(s);
        for (uint32_t row = s->first; row < s->first + s->count; row++) {
            uint32_t lines = lines_of(c, r, row);
            c->want->take(m, r, row, values, lines);
            values += (size_t)lines * (size_t)c->want->port->shape[1];
        }
    }
}

enum kit_status task_call(struct task_model *m, struct plug_instance *instance, const struct sched_slice *slices,
                          uint32_t count, uint32_t cores, const struct task_want *want, struct kit_err *err)
{
    struct call c = {.want = want, .slices = slices, .slice_count = count};
    struct plug_outputs out = {0};
    enum kit_status rc = make_room(&c);
    if (rc != KIT_OK) {
        kit_fail(err, rc, "out of memory for a batch of %llu tokens", (unsigned long long)c.tokens);
    } else {
        fill(&c);
        rc = infer(m, instance, &c, cores, &out, err);
    }
    if (rc == KIT_OK) {
        rc = check(&c, out.tensor[0], err);
    }
    if (rc == KIT_OK) {
        scatter(m, &c, out.tensor[0]->data);
    }
    plug_outputs_done(&out);
    kit_alloc_free(c.ids);
    kit_alloc_free(c.types);
    kit_alloc_free(c.offsets);
    kit_alloc_free(c.places);
    return rc;
}

enum kit_status task_call_head(struct task_model *m, struct plug_instance *instance, const struct sched_slice *slices,
                               uint32_t count, uint32_t cores, struct kit_err *err)
{
    const struct task_type *t = task_type_of(task_request_of_slice(&slices[0])->kind);
    struct task_want want = {.port = m->logits, .places = t->places, .take = t->take};
    return task_call(m, instance, slices, count, cores, &want, err);
}
