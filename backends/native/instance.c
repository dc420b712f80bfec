#include "instance.h"

#include <inttypes.h>

#include "kit/alloc.h"
#include "finite.h"
#include "outputs.h"
#include "plan.h"

#define CORES_MAX 1024u

struct native_instance {
    const struct native_model *model; /* borrowed */
    uint32_t cores_max;
    uint64_t call_tokens_max; /* 0: no limit */
    struct native_scratch_size size;
    uint64_t scratch_bytes;          /* of one worker */
    void *_Atomic memory;            /* owned; of all workers; NULL after shrink */
    atomic_int state;                /* enum native_state; cancel is a word from another thread, hence atomic */
    struct native_scratch scratch[]; /* [cores_max], into memory */
};

/* One call. */
struct call {
    struct native_instance *instance;
    uint32_t cores;
    struct native_batch batch;
    struct native_plan plan;
    struct native_outputs outputs;
};

/* --- memory --- */

static enum kit_status need_scratch(struct native_instance *i, struct kit_err *err)
{
    if (i->memory != NULL) {
        return KIT_OK;
    }
    char *memory = native_host_alloc(i->scratch_bytes * i->cores_max);
    if (memory == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for %" PRIu64 " bytes of scratch",
                        i->scratch_bytes * i->cores_max);
    }
    for (uint32_t w = 0; w < i->cores_max; w++) {
        native_scratch_init(&i->scratch[w], &i->model->config, i->size, memory + w * i->scratch_bytes);
    }
    i->memory = memory;
    return KIT_OK;
}

void native_instance_shrink(struct native_instance *i)
{
    native_host_free(i->memory);
    i->memory = NULL;
}

uint64_t native_instance_bytes(const struct native_instance *i)
{
    return i->memory != NULL ? i->scratch_bytes * i->cores_max : 0;
}

static enum kit_status check_open(const struct acb_instance_open *open, struct kit_err *err)
{
    if (open->mode != ACB_MODE_INFER) {
        return kit_fail(err, KIT_UNSUPPORTED, "this model does not generate; open it to infer");
    }
    if (open->cores_max == 0 || open->cores_max > CORES_MAX) {
        return kit_fail(err, KIT_INVALID, "cores_max is %u, but must be 1 to %u", open->cores_max, CORES_MAX);
    }
    return KIT_OK;
}

enum kit_status native_instance_open(const struct native_model *m, const struct acb_instance_open *open,
                                     struct native_instance **ret, struct kit_err *err)
{
    enum kit_status rc = check_open(open, err);
    if (rc != KIT_OK) {
        return rc;
    }
    struct native_instance *i = kit_alloc_zero(1, sizeof(*i) + open->cores_max * sizeof(i->scratch[0]));
    if (i == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory");
    }
    uint32_t positions = m->config.positions;
    i->model = m;
    i->cores_max = open->cores_max;
    i->call_tokens_max = open->call_tokens_max;
    i->size.tokens = native_plan_tokens_bound(positions, open->call_tokens_max);
    i->size.row_tokens = KIT_MIN(positions, i->size.tokens);
    i->scratch_bytes = native_scratch_bytes(&m->config, i->size);
    rc = need_scratch(i, err);
    if (rc != KIT_OK) {
        native_instance_close(i);
        return rc;
    }
    *ret = i;
    return KIT_OK;
}

void native_instance_close(struct native_instance *i)
{
    if (i != NULL) {
        native_host_free(i->memory);
        kit_alloc_free(i);
    }
}

/* --- running --- */

static void run_block(struct call *c, uint32_t block, uint32_t worker, struct native_team team)
{
    struct native_instance *i = c->instance;
    const uint32_t from = c->plan.from[block];
    struct native_forward f = {.config = &i->model->config,
                               .weights = &i->model->weights,
                               .kernels = i->model->kernels,
                               .batch = &c->batch,
                               .row = c->plan.row + from,
                               .row_count = c->plan.from[block + 1] - from,
                               .scratch = &i->scratch[worker],
                               .workers = i->scratch,
                               .team = team,
                               .state = &i->state};
    if (native_encoder_run(&f)) {
        native_outputs_write(&c->outputs, &f);
    }
}

static void block_item(void *arg, uint32_t block, uint32_t worker)
{
    run_block(arg, block, worker, (struct native_team){.cores = 1, .worker = worker});
}

static void run_blocks(struct call *c)
{
    struct native_team all = {.cores = c->cores};
    if (c->plan.apart) {
        native_host_spread(all, c->plan.blocks, block_item, c);
        return;
    }
    for (uint32_t block = 0; block < c->plan.blocks; block++) {
        run_block(c, block, 0, all);
    }
}

static enum kit_status prepare(struct call *c, const struct acb_infer *infer, struct kit_err *err)
{
    struct native_instance *i = c->instance;
    enum kit_status rc = need_scratch(i, err);
    if (rc == KIT_OK) {
        rc = native_batch_read(&i->model->config, infer, i->call_tokens_max, &c->batch, err);
    }
    if (rc == KIT_OK) {
        rc = native_plan_make(&c->batch, c->cores, &c->plan, err);
    }
    return rc == KIT_OK ? native_outputs_make(i->model, infer, &c->batch, &c->outputs, err) : rc;
}

/* What was packed was looked at when it was loaded, a vocabulary's table was not. */
static enum kit_status check_answers(const struct call *c, struct kit_err *err)
{
    for (uint32_t o = 0; o < c->outputs.count; o++) {
        const struct native_output *out = &c->outputs.output[o];
        if (!native_finite_all(out->data, out->tensor->bytes / sizeof(float))) {
            return kit_fail(err, KIT_INTERNAL,
                            "output '%s' holds NaN or infinity: the model's embeddings are damaged; fetch %s again",
                            out->tensor->name, native_checkpoint_name(c->instance->model->weights.files));
        }
    }
    return KIT_OK;
}

static enum kit_status run(struct call *c, struct kit_err *err)
{
    struct native_instance *i = c->instance;
    if (c->outputs.count > 0) {
        run_blocks(c);
    }
    const struct native_checkpoint *files = i->model->weights.files;
    if (native_checkpoint_broken(files)) {
        return kit_fail(err, KIT_UNAVAILABLE, "%s was cut while it was mapped; load the model again",
                        native_checkpoint_name(files));
    }
    if (atomic_load(&i->state) == NATIVE_STOP) {
        return kit_fail(err, KIT_CANCELLED, "the call was cancelled");
    }
    return check_answers(c, err);
}

enum kit_status native_instance_infer(struct native_instance *i, const struct acb_infer *infer,
                                      struct acb_tensor **outputs, struct kit_err *err)
{
    struct call c = {.instance = i, .cores = KIT_MAX(KIT_MIN(infer->cores, i->cores_max), 1u)};
    atomic_store(&i->state, NATIVE_RUNNING);
    enum kit_status rc = prepare(&c, infer, err);
    if (rc == KIT_OK) {
        rc = run(&c, err);
    }
    atomic_store(&i->state, NATIVE_IDLE);
    for (uint32_t o = 0; rc == KIT_OK && o < c.outputs.count; o++) {
        outputs[o] = c.outputs.output[o].tensor;
    }
    native_outputs_done(&c.outputs);
    native_plan_done(&c.plan);
    native_batch_done(&c.batch);
    return rc;
}

void native_instance_cancel(struct native_instance *i)
{
    int running = NATIVE_RUNNING;
    (void)atomic_compare_exchange_strong(&i->state, &running, NATIVE_STOP);
}
