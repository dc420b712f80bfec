#include "task/embed.h"

#include <string.h>

#include "kit/alloc.h"
#include "task/call.h"
#include "task/pooling.h"
#include "task/texts.h"

bool task_embed_can(const struct task_model *m)
{
    return task_model_takes_texts(m) && m->vectors != NULL;
}

/* --- which vectors --- */

/* The engine's own vectors will do, unless the question asks for other ones than they are. */
static bool pools_here(const struct task_model *m, const struct task_request *r)
{
    const struct task_parameters *p = &r->parameters;
    bool other = p->pooling != TASK_POOLING_OWN && p->pooling != m->pooling;
    bool longer = task_parameters_has(p, "normalize") && !p->normalize && m->normalizes;
    return other || longer;
}

/* Fills in what was not said. */
static enum kit_status choose_vectors(const struct task_model *m, struct task_request *r, struct kit_err *err)
{
    struct task_parameters *p = &r->parameters;
    p->normalize = task_parameters_has(p, "normalize") ? p->normalize : m->normalizes;
    if (!pools_here(m, r)) {
        return KIT_OK;
    }
    p->pooling = p->pooling != TASK_POOLING_OWN ? p->pooling : m->pooling;
    bool said = task_parameters_has(p, "pooling");
    if (m->hidden == NULL || p->pooling == TASK_POOLING_OWN) {
        return kit_fail_param(err, KIT_UNPROCESSABLE, said ? "parameters.pooling" : "parameters.normalize",
                              "model '%s' gives vectors of its own making only: leave 'parameters.%s' out",
                              m->loaded->id, said ? "pooling" : "normalize");
    }
    return KIT_OK;
}

static const struct acb_port *port_for(const struct task_model *m, const struct task_request *r)
{
    return pools_here(m, r) ? m->hidden : m->vectors;
}

/* Fewer than the model gives: the first ones, as a model that was trained for it packs the most into them (Kusupati et al.
 * 2022, "Matryoshka representation learning"). */
static enum kit_status choose_dimensions(const struct task_model *m, struct task_request *r, struct kit_err *err)
{
    r->stride = (uint32_t)port_for(m, r)->shape[1];
    r->dimensions = r->parameters.dimensions > 0 ? r->parameters.dimensions : r->stride;
    return r->dimensions <= r->stride
               ? KIT_OK
               : kit_fail_param(err, KIT_INVALID, "parameters.dimensions", "model '%s' gives %u dimensions, not %u",
                                m->loaded->id, r->stride, r->dimensions);
}

static bool is_by_token(const struct task_request *r)
{
    return r->parameters.pooling == TASK_POOLING_NONE;
}

static enum kit_status make_room(struct task_request *r, struct kit_err *err)
{
    uint64_t count = is_by_token(r) ? r->rows.offsets[r->rows.count] : r->rows.count;
    r->vectors = kit_alloc_array(KIT_MAX((size_t)count * r->stride, (size_t)1), sizeof(float));
    return r->vectors != NULL ? KIT_OK
                              : kit_fail(err, KIT_NOMEM, "out of memory for %llu vectors", (unsigned long long)count);
}

enum kit_status task_embed_prepare(struct task_model *m, const struct task_options *o, struct task_request *r,
                                   struct kit_err *err)
{
    enum kit_status rc = choose_vectors(m, r, err);
    if (rc != KIT_OK) {
        return rc;
    }
    rc = choose_dimensions(m, r, err);
    if (rc != KIT_OK) {
        return rc;
    }
    rc = task_texts_prepare(m, o, r, false, err);
    return rc == KIT_OK ? make_room(r, err) : rc;
}

/* --- running --- */

static float *vector_of(const struct task_request *r, uint32_t row)
{
    return r->vectors + (size_t)row * r->stride;
}

static void take_vector(const struct task_model *m, struct task_request *r, uint32_t row, const float *values,
                        uint32_t lines)
{
    (void)lines;
    memcpy(vector_of(r, row), values, r->stride * sizeof(float));
    if (r->parameters.normalize && (!m->normalizes || r->dimensions < r->stride)) {
        task_pooling_normalize(vector_of(r, row), r->dimensions);
    }
}

static void take_each(struct task_request *r, uint32_t row, const float *values, uint32_t lines)
{
    float *to = r->vectors + r->rows.offsets[row] * r->stride;
    memcpy(to, values, (size_t)lines * r->stride * sizeof(float));
    for (uint32_t i = 0; r->parameters.normalize && i < lines; i++) {
        task_pooling_normalize(to + (size_t)i * r->stride, r->dimensions);
    }
}

static void take_tokens(const struct task_model *m, struct task_request *r, uint32_t row, const float *values,
                        uint32_t lines)
{
    (void)m;
    if (is_by_token(r)) {
        take_each(r, row, values, lines);
        return;
    }
    task_pooling_run((enum task_pooling)r->parameters.pooling, values, lines, r->stride, vector_of(r, row));
    if (r->parameters.normalize) {
        task_pooling_normalize(vector_of(r, row), r->dimensions);
    }
}

/* The end of the slices from `from` that want the same output. */
static uint32_t same_end(const struct task_model *m, const struct sched_slice *slices, uint32_t from, uint32_t count)
{
    bool here = pools_here(m, task_request_of_slice(&slices[from]));
    uint32_t end = from + 1;
    while (end < count && pools_here(m, task_request_of_slice(&slices[end])) == here) {
        end++;
    }
    return end;
}

enum kit_status task_embed_run(struct task_model *m, struct plug_instance *instance, const struct sched_slice *slices,
                               uint32_t count, uint32_t cores, struct kit_err *err)
{
    enum kit_status rc = KIT_OK;
    for (uint32_t from = 0, end; rc == KIT_OK && from < count; from = end) {
        const struct acb_port *port = port_for(m, task_request_of_slice(&slices[from]));
        struct task_want want = {.port = port, .take = port == m->vectors ? take_vector : take_tokens};
        end = same_end(m, slices, from, count);
        rc = task_call(m, instance, slices + from, end - from, cores, &want, err);
    }
    return rc;
}

const struct task_type task_embed = {
    .kind = TASK_EMBED,
    .shapes = 1u << TASK_SHAPE_TEXT | 1u << TASK_SHAPE_TOKENS,
    .takes = "a text, {\"tokens\":[…]}, or an array of such; pairs have no vector of their own: embed their texts one "
             "by one, or "
             "compare them by the task 'similarity'",
    .can = task_embed_can,
    .prepare = task_embed_prepare,
    .run = task_embed_run,
};
