/* The half of engine.h that is about instances and their calls; model.c has the models. */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "kit/alloc.h"
#include "plug/inner.h"
#include "plug/status.h"

/* --- life --- */

enum kit_status plug_instance_open(struct plug_model *m, const struct acb_instance_open *options,
                                   struct plug_instance **ret, struct kit_err *err)
{
    if (atomic_load(&m->lost)) {
        return kit_fail(err, KIT_UNAVAILABLE, "the model is lost");
    }
    if (options->mode == ACB_MODE_GENERATE && (m->info.step_flags == 0 || m->table->step == NULL)) {
        return kit_fail(err, KIT_UNSUPPORTED, "this model does not generate");
    }
    struct plug_instance *i = kit_alloc_zero(1, sizeof(*i));
    if (i == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory");
    }
    struct acb_err why = {.size = sizeof(why)};
    int32_t code = m->table->instance_open(m->handle, options, &i->handle, &why);
    enum kit_status rc = plug_status(PLUG_CALLING, code, why.text, err);
    if (rc != KIT_OK) {
        kit_alloc_free(i);
        plug_model_note(m, code, why.text);
        return rc;
    }
    i->model = m;
    i->generates = options->mode == ACB_MODE_GENERATE;
    i->sequences_max = options->sequences_max;
    i->call_tokens_max = options->call_tokens_max;
    kit_mutex_init(&i->lock);
    kit_mutex_lock(&m->lock);
    i->next = m->instances;
    m->instances = i;
    kit_mutex_unlock(&m->lock);
    *ret = i;
    return KIT_OK;
}

static void forget(struct plug_model *m, const struct plug_instance *i)
{
    kit_mutex_lock(&m->lock);
    struct plug_instance **at = &m->instances;
    while (*at != i) {
        assert(*at != NULL);
        at = &(*at)->next;
    }
    *at = i->next;
    kit_mutex_unlock(&m->lock);
}

void plug_instance_close(struct plug_instance *i)
{
    if (i == NULL) {
        return;
    }
    assert(i->running == NULL);
    forget(i->model, i);
    i->model->table->instance_close(i->handle);
    kit_mutex_done(&i->lock);
    kit_alloc_free(i);
}

void plug_instance_shrink(struct plug_instance *i)
{
    if (i->model->table->instance_shrink != NULL) {
        i->model->table->instance_shrink(i->handle);
    }
}

/* --- cancelling --- */

static bool is_set(const uint32_t *flag)
{
    return __atomic_load_n(flag, __ATOMIC_ACQUIRE) != 0;
}

const uint32_t *plug_instance_flag(struct plug_instance *i, const uint32_t *theirs)
{
    if (theirs == NULL) {
        __atomic_store_n(&i->own_cancelled, 0, __ATOMIC_RELEASE);
    }
    return theirs != NULL ? theirs : &i->own_cancelled;
}

bool plug_instance_begin(struct plug_instance *i, const uint32_t *flag)
{
    kit_mutex_lock(&i->lock);
    assert(i->running == NULL);
    bool go = !is_set(flag);
    i->running = go ? flag : NULL;
    kit_mutex_unlock(&i->lock);
    return go;
}

void plug_instance_end(struct plug_instance *i)
{
    kit_mutex_lock(&i->lock);
    i->running = NULL;
    kit_mutex_unlock(&i->lock);
}

/* The lock keeps the call's flag and the instance alive meanwhile. */
void plug_instance_cancel(struct plug_instance *i)
{
    kit_mutex_lock(&i->lock);
    if (i->running != NULL && i->running == &i->own_cancelled) {
        __atomic_store_n(&i->own_cancelled, 1, __ATOMIC_RELEASE);
    }
    if (i->running != NULL && is_set(i->running) && i->model->table->cancel != NULL) {
        i->model->table->cancel(i->handle);
    }
    kit_mutex_unlock(&i->lock);
}

/* --- one call --- */

static enum kit_status check_inputs(const struct acb_infer *infer, struct kit_err *err)
{
    if (infer->input_count > PLUG_INPUTS_MAX) {
        return kit_fail(err, KIT_INVALID, "%" PRIu32 " inputs, at most %d are possible", infer->input_count,
                        PLUG_INPUTS_MAX);
    }
    for (uint32_t k = 0; k < infer->input_count; k++) {
        enum kit_status rc = plug_tensor_check(infer->inputs[k], err);
        if (rc != KIT_OK) {
            return rc;
        }
        for (uint32_t before = 0; before < k; before++) {
            if (strcmp(infer->inputs[before]->name, infer->inputs[k]->name) == 0) {
                return kit_fail(err, KIT_INVALID, "tensor '%s' is given twice", infer->inputs[k]->name);
            }
        }
    }
    return KIT_OK;
}

static enum kit_status check_wants(const struct acb_infer *infer, struct kit_err *err)
{
    if (infer->want_count > PLUG_OUTPUTS_MAX) {
        return kit_fail(err, KIT_INVALID, "%" PRIu32 " outputs wanted, at most %d are possible", infer->want_count,
                        PLUG_OUTPUTS_MAX);
    }
    for (uint32_t k = 0; k < infer->want_count; k++) {
        if (!plug_tensor_name_ok(infer->wants[k]->name)) {
            return kit_fail(err, KIT_INVALID, "output %" PRIu32 " is wanted without a proper name", k);
        }
        for (uint32_t before = 0; before < k; before++) {
            if (strcmp(infer->wants[before]->name, infer->wants[k]->name) == 0) {
                return kit_fail(err, KIT_INVALID, "output '%s' is wanted twice", infer->wants[k]->name);
            }
        }
    }
    return KIT_OK;
}

/* An answer that cannot be is the back end's fault, not the caller's. */
static enum kit_status blame(enum kit_status rc, struct kit_err *err)
{
    if (rc == KIT_OK) {
        return KIT_OK;
    }
    if (err != NULL) {
        err->code = KIT_INTERNAL;
    }
    return kit_err_prefix(err, KIT_INTERNAL, "the back end's answer is wrong");
}

static enum kit_status check_port_of(const struct acb_model_info *info, const struct acb_tensor *t, struct kit_err *err)
{
    for (uint32_t p = 0; p < info->output_count; p++) {
        if (strcmp(info->outputs[p]->name, t->name) == 0) {
            return plug_tensor_suits(t, info->outputs[p], err);
        }
    }
    return KIT_OK;
}

static enum kit_status check_output(const struct plug_instance *i, const struct plug_call *call,
                                    const struct acb_tensor *t, struct kit_err *err)
{
    enum kit_status rc = plug_tensor_call_check(call, t, err);
    if (rc == KIT_OK) {
        rc = plug_tensor_check(t, err);
    }
    return rc == KIT_OK ? check_port_of(&i->model->info, t, err) : rc;
}

static enum kit_status check_want(const struct acb_want *want, const struct acb_tensor *t, struct kit_err *err)
{
    if (strcmp(want->name, t->name) != 0) {
        return kit_fail(err, KIT_INTERNAL, "output '%s' was wanted, '%s' came", want->name, t->name);
    }
    if (want->rows != NULL && (t->rank == 0 || (uint64_t)t->shape[0] != want->row_count)) {
        return kit_fail(err, KIT_INTERNAL, "tensor '%s': %" PRIu64 " rows were wanted", want->name, want->row_count);
    }
    return KIT_OK;
}

/* Checks each output and moves it from the call to *ret, which is the caller's to empty on failure. */
static enum kit_status take_wanted(struct plug_instance *i, struct plug_call *call, const struct acb_infer *infer,
                                   struct acb_tensor *const *outputs, struct plug_outputs *ret, struct kit_err *err)
{
    for (uint32_t k = 0; k < infer->want_count; k++) {
        enum kit_status rc = check_output(i, call, outputs[k], err);
        if (rc == KIT_OK) {
            rc = check_want(infer->wants[k], outputs[k], err);
        }
        if (rc != KIT_OK) {
            return rc;
        }
        ret->tensor[ret->count++] = plug_tensor_call_take(call, outputs[k]);
    }
    return KIT_OK;
}

static enum kit_status take_all(struct plug_instance *i, struct plug_call *call, struct plug_outputs *ret,
                                struct kit_err *err)
{
    if (call->count > PLUG_OUTPUTS_MAX) {
        return kit_fail(err, KIT_INTERNAL, "%" PRIu32 " outputs, at most %d are possible", call->count,
                        PLUG_OUTPUTS_MAX);
    }
    while (call->count > 0) {
        struct acb_tensor *t = plug_tensor_call_get(call, 0);
        enum kit_status rc = check_output(i, call, t, err);
        if (rc != KIT_OK) {
            return rc;
        }
        ret->tensor[ret->count++] = plug_tensor_call_take(call, t);
    }
    return KIT_OK;
}

static enum kit_status run(struct plug_instance *i, const struct acb_infer *infer, struct plug_outputs *ret,
                           struct kit_err *err)
{
    struct acb_tensor *outputs[PLUG_OUTPUTS_MAX] = {NULL};
    struct acb_err why = {.size = sizeof(why)};
    struct plug_call call;
    plug_tensor_call_init(&call, NULL);
    struct acb_infer mine = *infer;
    mine.size = sizeof(mine);
    mine.call = &call;
    int32_t code = i->model->table->infer(i->handle, &mine, outputs, &why);
    enum kit_status rc = plug_status(PLUG_CALLING, code, why.text, err);
    struct plug_outputs got = {.count = 0};
    if (rc == KIT_OK) {
        rc = infer->want_count > 0 ? take_wanted(i, &call, infer, outputs, &got, err) : take_all(i, &call, &got, err);
        rc = blame(rc, err);
    }
    if (rc == KIT_OK) {
        *ret = got;
    } else {
        plug_outputs_done(&got);
    }
    plug_tensor_call_done(&call);
    plug_model_note(i->model, code, why.text);
    return rc;
}

enum kit_status plug_instance_infer(struct plug_instance *i, const struct acb_infer *infer, struct plug_outputs *ret,
                                    struct kit_err *err)
{
    if (atomic_load(&i->model->lost)) {
        return kit_fail(err, KIT_UNAVAILABLE, "the model is lost");
    }
    if (i->model->table->infer == NULL) {
        return kit_fail(err, KIT_UNSUPPORTED, "this back end only generates");
    }
    enum kit_status rc = check_inputs(infer, err);
    if (rc == KIT_OK) {
        rc = check_wants(infer, err);
    }
    if (rc != KIT_OK) {
        return rc;
    }
    struct acb_infer mine = *infer;
    mine.cancelled = plug_instance_flag(i, infer->cancelled);
    if (!plug_instance_begin(i, mine.cancelled)) {
        return kit_fail(err, KIT_CANCELLED, "cancelled before it began");
    }
    rc = run(i, &mine, ret, err);
    plug_instance_end(i);
    return rc;
}

void plug_outputs_done(struct plug_outputs *o)
{
    if (o != NULL) {
        for (uint32_t k = 0; k < o->count; k++) {
            plug_tensor_free(o->tensor[k]);
        }
        o->count = 0;
    }
}
