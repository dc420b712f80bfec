#include "model.h"

#include <stdio.h>
#include <string.h>

#include "kit/alloc.h"
#include "kit/file.h"
#include "plan.h"
#include "scratch.h"

/* --- ports --- */

#define PORT_INPUT(text, flags_)                                                                                       \
    {                                                                                                                  \
        .size = sizeof(struct acb_port), .dtype = ACB_I32, .rank = 1, .flags = ACB_PORT_RAGGED | (flags_),             \
        .name = (text), .shape = {                                                                                     \
            -1                                                                                                         \
        }                                                                                                              \
    }

static const struct acb_port inputs[NATIVE_INPUTS] = {
    PORT_INPUT("input_ids", 0),
    PORT_INPUT("attention_mask", ACB_PORT_OPTIONAL),
    PORT_INPUT("token_type_ids", ACB_PORT_OPTIONAL),
};
static const struct acb_port *const input_list[NATIVE_INPUTS] = {&inputs[0], &inputs[1], &inputs[2]};

static void make_ports(struct native_model *m)
{
    static const char *const names[NATIVE_OUTPUT_PORTS] = {"last_hidden_state", "pooled"};
    for (uint32_t i = 0; i < NATIVE_OUTPUT_PORTS; i++) {
        m->output[i] = (struct acb_port){.size = sizeof(m->output[i]),
                                         .dtype = ACB_F32,
                                         .rank = 2,
                                         .flags = i == 0 ? ACB_PORT_RAGGED : 0,
                                         .name = names[i],
                                         .shape = {-1, m->config.hidden}};
        m->outputs[i] = &m->output[i];
    }
}

void native_model_describe(const struct native_model *m, struct acb_model_info *ret)
{
    ret->input_count = NATIVE_INPUTS;
    ret->output_count = NATIVE_OUTPUT_PORTS;
    ret->step_flags = 0;
    ret->inputs = input_list;
    ret->outputs = m->outputs;
    ret->row_tokens_max = m->config.positions;
    ret->call_tokens_max = 0;
    ret->kv_bytes_per_token = 0;
    ret->sequences_max = 0;
    ret->vocab_size = m->config.vocab;
}

const char *native_model_meta(const struct native_model *m, const char *key)
{
    const struct {
        const char *key, *value;
    } facts[] = {
        {"architecture", m->config.arch->model_type},
        {"tasks", "embed"},
        {"precision", "f32"},
        {"isa", m->kernels->isa},
        {"context_tokens", m->context_text},
        {"hidden_size", m->hidden_text},
        {"pooling", native_config_pooling_name(m->config.pooling)},
        {"normalize", m->config.normalize ? "1" : "0"},
    };
    for (size_t i = 0; i < KIT_COUNT(facts); i++) {
        if (strcmp(key, facts[i].key) == 0) {
            return facts[i].value;
        }
    }
    return NULL;
}

/* --- open, close --- */

static enum kit_status check_open(const struct acb_model_open *open, struct kit_err *err)
{
    return open->device == 0
               ? KIT_OK
               : kit_fail(err, KIT_UNSUPPORTED, "device %u: this engine computes on the CPU, device 0", open->device);
}

static enum kit_status load(const struct acb_model_open *open, struct native_model *m, struct kit_err *err)
{
    enum kit_status rc = check_open(open, err);
    if (rc == KIT_OK) {
        rc = native_kernels_choose(&m->kernels, err);
    }
    if (rc == KIT_OK) {
        rc = kit_map_guard_install(err);
    }
    if (rc == KIT_OK) {
        rc = native_config_read(open->folder, &m->config, err);
    }
    if (rc == KIT_OK) {
        struct native_loading loading = {.config = &m->config,
                                         .kernels = m->kernels,
                                         .progress_ctx = open->progress_ctx,
                                         .progress = ACB_HAS(open, progress) ? open->progress : NULL};
        rc = native_weights_load(&loading, &m->weights, err);
    }
    return rc;
}

enum kit_status native_model_open(const struct acb_model_open *open, struct native_model **ret, struct kit_err *err)
{
    struct native_model *m = kit_alloc_zero(1, sizeof(*m));
    if (m == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory");
    }
    enum kit_status rc = load(open, m, err);
    if (rc != KIT_OK) {
        kit_alloc_free(m); /* what was loaded is gone already */
        return rc;
    }
    make_ports(m);
    snprintf(m->context_text, sizeof(m->context_text), "%u", m->config.context_tokens);
    snprintf(m->hidden_text, sizeof(m->hidden_text), "%u", m->config.hidden);
    *ret = m;
    return KIT_OK;
}

void native_model_close(struct native_model *m)
{
    if (m != NULL) {
        native_weights_done(&m->weights);
        kit_alloc_free(m);
    }
}

static bool has_file(const char *folder, const char *name)
{
    char path[NATIVE_FOLDER_BYTES + 32];
    return kit_file_join(path, sizeof(path), kit_str_c(folder), kit_str_c(name), NULL) == KIT_OK &&
           kit_file_exists(path);
}

/* config.json and model.safetensors are what this engine is for; where the first one is broken or of another kind, we say
 * so when the model is loaded, unless somebody else knows better. */
int32_t native_model_probe(const char *folder)
{
    struct native_config c;
    if (native_config_read(folder, &c, NULL) == KIT_OK) {
        return has_file(c.folder, "model.safetensors") ? 90 : 0;
    }
    return has_file(folder, "config.json") && has_file(folder, "model.safetensors") ? 5 : 0;
}

/* --- bytes --- */

void native_model_put_bytes(struct acb_bytes *row, uint32_t kind, uint32_t source, uint64_t bytes)
{
    row->device = 0;
    row->kind = kind;
    row->source = source;
    row->bytes = bytes;
}

void native_model_bytes(const struct native_model *m, struct acb_bytes *const *ret, uint32_t *count)
{
    native_model_put_bytes(ret[0], ACB_BYTES_WEIGHTS, ACB_SOURCE_MAPPED, m->weights.mapped_bytes);
    native_model_put_bytes(ret[1], ACB_BYTES_WEIGHTS, ACB_SOURCE_COUNTED, m->weights.packed_bytes);
    *count = NATIVE_BYTES_ROWS;
}

/* Tables stay in the file's dtype, which is not known without its header: float32 is the most. */
static uint64_t table_bytes(const struct native_config *c)
{
    return ((uint64_t)c->vocab + c->positions + c->types) * c->hidden * sizeof(float);
}

enum kit_status native_model_estimate(const struct acb_model_open *open, struct acb_bytes *const *ret, uint32_t *count,
                                      struct kit_err *err)
{
    struct native_config c;
    enum kit_status rc = native_config_read(open->folder, &c, err);
    if (rc != KIT_OK) {
        return rc;
    }
    struct native_scratch_size size = {.tokens = native_plan_tokens_bound(c.positions, 0), .row_tokens = c.positions};
    native_model_put_bytes(ret[0], ACB_BYTES_WEIGHTS, ACB_SOURCE_ESTIMATED,
                           table_bytes(&c) + native_weights_packed_bytes(&c));
    native_model_put_bytes(ret[1], ACB_BYTES_CACHE, ACB_SOURCE_ESTIMATED, native_scratch_bytes(&c, size));
    *count = 2;
    return KIT_OK;
}
