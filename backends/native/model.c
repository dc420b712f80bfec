#include "model.h"

#include <stdio.h>
#include <string.h>

#include "kit/alloc.h"
#include "kit/file.h"
#include "labels.h"
#include "packer.h"
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

#define INPUTS 3u

/* token_type_ids comes last: some architectures have none. */
static const struct acb_port inputs[INPUTS] = {
    PORT_INPUT("input_ids", 0),
    PORT_INPUT("attention_mask", ACB_PORT_OPTIONAL),
    PORT_INPUT("token_type_ids", ACB_PORT_OPTIONAL),
};
static const struct acb_port *const input_list[INPUTS] = {&inputs[0], &inputs[1], &inputs[2]};

static void make_ports(struct native_model *m)
{
    const struct native_head_weights *h = &m->weights.head;
    const uint32_t hidden = m->config.hidden;
    const struct {
        const char *name;
        bool ragged;
        uint32_t width;
    } ports[NATIVE_PORT_COUNT] = {
        [NATIVE_PORT_HIDDEN] = {"last_hidden_state", true, hidden},
        [NATIVE_PORT_POOLED] = {"pooled", false, hidden},
        [NATIVE_PORT_LOGITS] = {"logits", h->kind != NATIVE_HEAD_CLASSIFY, h->labels},
    };
    m->output_count = h->kind != NATIVE_HEAD_NONE ? NATIVE_PORT_COUNT : NATIVE_PORT_LOGITS;
    for (uint32_t i = 0; i < m->output_count; i++) {
        m->output[i] = (struct acb_port){.size = sizeof(m->output[i]),
                                         .dtype = ACB_F32,
                                         .rank = 2,
                                         .flags = ports[i].ragged ? ACB_PORT_RAGGED : 0,
                                         .name = ports[i].name,
                                         .shape = {-1, ports[i].width}};
        m->outputs[i] = &m->output[i];
    }
}

void native_model_describe(const struct native_model *m, struct acb_model_info *ret)
{
    ret->input_count = m->config.arch->takes_types ? INPUTS : INPUTS - 1;
    ret->output_count = m->output_count;
    ret->step_flags = 0;
    ret->inputs = input_list;
    ret->outputs = m->outputs;
    ret->row_tokens_max = m->config.positions;
    ret->call_tokens_max = 0;
    ret->kv_bytes_per_token = 0;
    ret->sequences_max = 0;
    ret->vocab_size = m->config.vocab;
}

/* --- facts --- */

/* A masked model whose folder says how to pool is meant to embed first. One label is a score of a pair. */
static const char *tasks_of(const struct native_model *m)
{
    const struct native_head_weights *h = &m->weights.head;
    switch (h->kind) {
    case NATIVE_HEAD_FILL_MASK:
        return m->config.pooling_told ? "embed,fill-mask" : "fill-mask,embed";
    case NATIVE_HEAD_CLASSIFY:
        return h->labels == 1 ? "rerank,classify" : "classify";
    case NATIVE_HEAD_TOKENS:
        return "token-classify";
    case NATIVE_HEAD_ANSWER:
        return "answer";
    default:
        return "embed";
    }
}

const char *native_model_meta(const struct native_model *m, const char *key)
{
    const struct {
        const char *key, *value;
    } facts[] = {
        {"architecture", m->config.model_type},
        {"tasks", tasks_of(m)},
        {"precision", "f32"},
        {"isa", m->kernels->isa},
        {"context_tokens", m->context_text},
        {"hidden_size", m->hidden_text},
        {"pooling", native_config_pooling_name(m->config.pooling)},
        {"normalize", m->config.normalize ? "1" : "0"},
        {"labels", m->labels},
        {"problem_type", m->weights.head.kind == NATIVE_HEAD_CLASSIFY ? m->config.problem_type : NULL},
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

static enum kit_status load_weights(const struct acb_model_open *open, struct native_model *m, struct kit_err *err)
{
    const uint32_t cores = ACB_FITS(open, cores_max) ? open->cores_max : 1;
    struct native_loading loading = {.config = &m->config,
                                     .kernels = m->kernels,
                                     .threads = KIT_MAX(KIT_MIN(cores, NATIVE_PACKER_THREADS_MAX), 1u),
                                     .progress_ctx = open->progress_ctx,
                                     .progress = ACB_HAS(open, progress) ? open->progress : NULL};
    enum kit_status rc = native_weights_open(&m->config, &m->weights, err);
    enum native_head head = m->weights.head.kind;
    if (rc == KIT_OK && (head == NATIVE_HEAD_CLASSIFY || head == NATIVE_HEAD_TOKENS)) {
        rc = native_labels_read(&m->config, m->weights.head.labels, &m->labels, err);
    }
    return rc == KIT_OK ? native_weights_load(&m->weights, &loading, err) : rc;
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
    return rc == KIT_OK ? load_weights(open, m, err) : rc;
}

enum kit_status native_model_open(const struct acb_model_open *open, struct native_model **ret, struct kit_err *err)
{
    struct native_model *m = kit_alloc_zero(1, sizeof(*m));
    if (m == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory");
    }
    enum kit_status rc = load(open, m, err);
    if (rc != KIT_OK) {
        native_model_close(m);
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
        kit_alloc_free(m->labels);
        kit_alloc_free(m);
    }
}

/* config.json and safetensors are what this engine is for; where the first one is broken or of another kind, or the weights
 * are of a kind that it does not read, it says so when the model is loaded, unless somebody else knows better. */
int32_t native_model_probe(const char *folder)
{
    struct native_config c;
    bool foreign = false;
    if (native_config_read(folder, &c, NULL) == KIT_OK) {
        return !native_checkpoint_exists(c.folder, &foreign) ? 0 : foreign ? 5 : 90;
    }
    char path[NATIVE_FOLDER_BYTES];
    bool config =
        native_folder_below(folder, kit_str_lit("config.json"), path, NULL) == KIT_OK && kit_file_exists(path);
    return config && native_checkpoint_exists(folder, &foreign) && !foreign ? 5 : 0;
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

enum kit_status native_model_estimate(const struct acb_model_open *open, struct acb_bytes *const *ret, uint32_t *count,
                                      struct kit_err *err)
{
    struct native_config c;
    struct native_weights w = {0};
    enum kit_status rc = kit_map_guard_install(err);
    if (rc == KIT_OK) {
        rc = native_config_read(open->folder, &c, err);
    }
    if (rc == KIT_OK) {
        rc = native_weights_open(&c, &w, err);
    }
    if (rc != KIT_OK) {
        return rc;
    }
    struct native_scratch_size size = {.tokens = native_plan_tokens_bound(c.positions, 0), .row_tokens = c.positions};
    native_model_put_bytes(ret[0], ACB_BYTES_WEIGHTS, ACB_SOURCE_ESTIMATED, w.mapped_bytes + w.packed_bytes);
    native_model_put_bytes(ret[1], ACB_BYTES_CACHE, ACB_SOURCE_ESTIMATED, native_scratch_bytes(&c, size));
    *count = 2;
    native_weights_done(&w);
    return KIT_OK;
}
