#include "task/model.h"

#include <stdio.h>
#include <string.h>

#include "kit/alloc.h"
#include "kit/cpu.h"
#include "task/batch.h"
#include "task/generate.h"
#include "task/pooling.h"
#include "task/type.h"

#define INSTANCES_DEFAULT_MAX 8
#define KV_TOKENS_FAIR 16384

static const struct acb_port *find_port(const struct acb_port *const *ports, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(ports[i]->name, name) == 0) {
            return ports[i];
        }
    }
    return NULL;
}

/* An output whose lines are as long as it says. */
static const struct acb_port *find_lines(const struct acb_model_info *info, const char *name)
{
    const struct acb_port *p = find_port(info->outputs, info->output_count, name);
    return p != NULL && p->rank == 2 && p->shape[1] > 0 && p->shape[1] <= UINT32_MAX ? p : NULL;
}

/* The model's own advice (what it was trained for) where that is less than what the engine can take. */
static uint32_t longest_row(const struct plug_model *model, const struct acb_model_info *info)
{
    uint64_t advice = 0;
    uint32_t most = info->row_tokens_max > 0 ? (uint32_t)KIT_MIN(info->row_tokens_max, UINT32_MAX) : UINT32_MAX;
    bool advised = kit_str_to_u64(plug_model_meta(model, "context_tokens"), &advice) == KIT_OK && advice > 0;
    return advised ? (uint32_t)KIT_MIN(advice, most) : most;
}

static void read_ports(struct task_model *m)
{
    const struct acb_model_info *info = plug_model_info(m->loaded->model);
    m->ids = find_port(info->inputs, info->input_count, "input_ids");
    m->types = find_port(info->inputs, info->input_count, "token_type_ids");
    m->vectors = find_lines(info, "pooled");
    m->hidden = find_lines(info, "last_hidden_state");
    m->hidden = m->hidden != NULL && (m->hidden->flags & ACB_PORT_RAGGED) != 0 ? m->hidden : NULL;
    m->logits = find_lines(info, "logits");
    m->pooling = task_pooling_of(plug_model_meta(m->loaded->model, "pooling"));
    m->normalizes = kit_str_eq(plug_model_meta(m->loaded->model, "normalize"), kit_str_lit("1"));
    m->row_tokens_max = longest_row(m->loaded->model, info);
    m->infers = info->output_count > 0;
    m->generates = info->sequences_max > 0;
}

/* As Hugging Face's pipeline chooses: by problem_type, else by the number of labels. */
static enum task_function own_function(kit_str problem, int64_t labels)
{
    if (kit_str_eq(problem, kit_str_lit("regression"))) {
        return TASK_FUNCTION_NONE;
    }
    return labels == 1 || kit_str_eq(problem, kit_str_lit("multi_label_classification")) ? TASK_FUNCTION_SIGMOID
                                                                                         : TASK_FUNCTION_SOFTMAX;
}

static enum kit_status read_labels(struct task_model *m, struct kit_err *err)
{
    uint32_t classifiers = 1u << TASK_CLASSIFY | 1u << TASK_TOKEN_CLASSIFY | 1u << TASK_RERANK;
    if (m->logits == NULL || (m->named & classifiers) == 0) {
        return KIT_OK;
    }
    const struct plug_model *model = m->loaded->model;
    m->function = own_function(plug_model_meta(model, "problem_type"), m->logits->shape[1]);
    enum kit_status rc =
        task_labels_make(&m->labels, plug_model_meta(model, "labels"), (uint32_t)m->logits->shape[1], err);
    return rc == KIT_PARSE ? kit_err_prefix(err, KIT_LOAD_FAILED, "labels") : rc;
}

static enum kit_status open_tokenizer(struct task_model *m, struct kit_err *err)
{
    enum kit_status rc = text_tokenizer_open(m->loaded->folder, &m->tokenizer, err);
    if (rc == KIT_NOT_FOUND) {
        return kit_fail(err, KIT_LOAD_FAILED,
                        "no tokenizer.json, vocab.txt or vocab.json with merges.txt: copy it into %s from where the "
                        "model came",
                        m->loaded->folder);
    }
    return rc == KIT_OK || rc == KIT_NOMEM ? rc : kit_err_prefix(err, KIT_LOAD_FAILED, "tokenizer");
}

/* Tells the catalog what can be asked, in words. Of every model tensors can: that is said only where nothing else is. */
static void tell_tasks(struct task_model *m)
{
    char *to = m->loaded->tasks;
    size_t len = 0;
    for (uint32_t i = 0; i < m->kind_count; i++) {
        if (task_type_is_told(m, i)) {
            len += (size_t)snprintf(to + len, MODEL_TASKS_BYTES - len, "%s%s", len > 0 ? "," : "",
                                    task_kind_text(m->kinds[i]));
        }
    }
}

static enum kit_status open_lane(struct task_model *m, const struct task_options *o, struct plug_engine *engine,
                                 struct kit_err *err)
{
    uint32_t cores = plug_cores_total(engine);
    uint32_t most = o->instances_max > 0 ? o->instances_max : KIT_MIN(cores, INSTANCES_DEFAULT_MAX);
    struct sched_lane_options lane = {
        .model_id = m->loaded->id,
        .instances = plug_model_in_cell(m->loaded->model) ? 1 : most,
        .cores_max = cores,
        .batch_tokens_max = o->batch_tokens_max,
        .batch_rows_max = o->batch_rows_max,
        .queue_tokens_max = o->queue_tokens_max,
        .queue_jobs_max = o->queue_jobs_max,
    };
    return sched_lane_open(engine, m->loaded->model, &lane, task_batch_worker(), m, &m->lane, err);
}

/* Room for some long conversations, as far as a quarter of the memory goes. */
static uint64_t fair_kv_bytes(const struct acb_model_info *info)
{
    uint64_t wanted = KV_TOKENS_FAIR * KIT_MAX(info->kv_bytes_per_token, (uint64_t)1);
    return KIT_MIN(wanted, kit_cpu_memory_limit_bytes() / 4);
}

static enum kit_status open_generator(struct task_model *m, const struct task_options *o, struct plug_engine *engine,
                                      struct kit_err *err)
{
    uint64_t kv_bytes = o->kv_bytes_max > 0 ? o->kv_bytes_max : fair_kv_bytes(plug_model_info(m->loaded->model));
    struct sched_generator_options options = {
        .model_id = m->loaded->id,
        .cores_max = plug_cores_total(engine),
        .sequences_max = o->sequences_max,
        .kv_bytes_max = kv_bytes,
        .prefix_bytes_max = kv_bytes, /* goes when a text needs the room */
        .queue_tokens_max = o->queue_tokens_max,
        .queue_jobs_max = o->queue_jobs_max,
    };
    return sched_generator_open(engine, m->loaded->model, &options, task_generate_sink(), m, &m->generator, err);
}

static enum kit_status open_template(struct task_model *m, struct kit_err *err)
{
    const struct plug_model *model = m->loaded->model;
    struct chat_source source = {kit_str_lit("default"), plug_model_meta(model, "chat_template")};
    enum kit_status rc = chat_template_new(&source, source.text.len > 0 ? 1 : 0, plug_model_meta(model, "bos_token"),
                                           plug_model_meta(model, "eos_token"), &m->chat_template, err);
    return rc == KIT_OK || rc == KIT_NOMEM ? rc : kit_err_prefix(err, KIT_LOAD_FAILED, "chat template");
}

/* What texts that are made need of a vocabulary, or what rows do. */
static enum kit_status learn_vocabulary(struct task_model *m, struct kit_err *err)
{
    if (!m->generates) {
        return m->ids != NULL ? task_vocab_learn(&m->vocab, m->loaded->model, err) : KIT_OK;
    }
    enum kit_status rc = task_specials_make(&m->specials, m->loaded->model, err);
    return rc == KIT_OK ? open_template(m, err) : rc;
}

/* Its own where it brings one, else that of the files beside it. */
static enum kit_status open_vocabulary(struct task_model *m, struct kit_err *err)
{
    m->own_vocab = plug_model_has_vocab(m->loaded->model);
    if (m->own_vocab) {
        return learn_vocabulary(m, err);
    }
    return m->ids != NULL ? open_tokenizer(m, err) : KIT_OK;
}

enum kit_status task_model_warm(struct task_service *s, struct plug_engine *engine, struct model_loaded *loaded,
                                struct kit_err *err)
{
    struct task_model *m = kit_alloc_zero(1, sizeof(*m));
    if (m == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for model '%s'", loaded->id);
    }
    m->loaded = loaded;
    loaded->attached = m; /* from here on forget frees it */
    kit_mutex_init(&m->lock);
    kit_mutex_init(&m->grammars_lock);
    task_adapters_init(&m->adapters);
    task_scratches_init(&m->scratches);
    read_ports(m);
    enum kit_status rc = open_vocabulary(m, err);
    if (rc != KIT_OK) {
        return rc;
    }
    if (m->tokenizer == NULL || !text_tokenizer_mask_id(m->tokenizer, &m->mask_id)) {
        m->mask_id = TASK_NO_MASK;
    }
    task_type_list(m);
    tell_tasks(m);
    rc = read_labels(m, err);
    if (rc != KIT_OK) {
        return rc;
    }
    const struct task_options *o = task_service_options(s);
    if (m->infers) {
        rc = open_lane(m, o, engine, err);
    }
    return rc == KIT_OK && m->generates ? open_generator(m, o, engine, err) : rc;
}

void task_model_cool(struct task_model *m, bool failed, const char *why)
{
    kit_mutex_lock(&m->lock);
    struct sched_lane *lane = m->lane;
    struct sched_generator *generator = m->generator;
    m->lane = NULL;
    m->generator = NULL;
    kit_mutex_unlock(&m->lock);
    sched_lane_close(lane, failed, why);
    sched_generator_close(generator, failed, why);
}

void task_model_free(struct task_model *m)
{
    if (m == NULL) {
        return;
    }
    text_tokenizer_free(m->tokenizer);
    task_labels_done(&m->labels);
    task_specials_done(&m->specials);
    chat_template_free(m->chat_template);
    grammar_cache_free(m->grammars);
    task_adapters_done(&m->adapters, m->loaded->model);
    kit_mutex_done(&m->grammars_lock);
    task_scratches_done(&m->scratches);
    kit_mutex_done(&m->lock);
    kit_alloc_free(m);
}

static enum kit_status submit_rows(struct task_model *m, struct task_request *r, struct kit_err *err)
{
    uint32_t retry_after_ms = 0;
    enum kit_status rc = sched_submit(m->lane, &r->job, &retry_after_ms, err);
    if (rc == KIT_FULL && retry_after_ms > 0) {
        err->retry_after_ms = retry_after_ms;
    }
    return rc;
}

static enum kit_status submit(struct task_model *m, struct task_request *r, struct kit_err *err)
{
    bool generate = r->kind == TASK_GENERATE;
    if (generate ? m->generator == NULL : m->lane == NULL) {
        return kit_fail(err, KIT_UNAVAILABLE, "model '%s' is being unloaded", m->loaded->id);
    }
    return generate ? task_generate_submit(m, r, err) : submit_rows(m, r, err);
}

enum kit_status task_model_submit(struct task_model *m, struct task_request *r, struct kit_err *err)
{
    kit_mutex_lock(&m->lock);
    enum kit_status rc = submit(m, r, err);
    kit_mutex_unlock(&m->lock);
    return rc;
}

void task_model_cancel(struct task_model *m, struct task_request *r)
{
    kit_mutex_lock(&m->lock);
    if (r->kind == TASK_GENERATE && m->generator != NULL) {
        task_generate_cancel(m, r);
    } else if (r->kind != TASK_GENERATE && m->lane != NULL) {
        sched_cancel(m->lane, r->job.ticket);
    }
    kit_mutex_unlock(&m->lock);
}
