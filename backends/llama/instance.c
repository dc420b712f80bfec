#include "instance.h"

#include <inttypes.h>

#define KV_STEP 256          /* llama.cpp rounds its KV up to this */
#define INFER_SEQUENCES 64   /* rows that are computed at once */
#define INFER_TOKENS_MIN 512 /* at once, if the model takes rows that long */
#define INFER_TOKENS_MAX 8192

static bool on_abort(void *ctx)
{
    const struct llama_plug_instance *i = ctx;
    bool stop = i->cancelled != NULL && __atomic_load_n(i->cancelled, __ATOMIC_RELAXED) != 0;
    if (stop) {
        llama_plug_log_calm(true);
    }
    return stop;
}

/* --- opening --- */

static struct llama_context_params params_of(struct llama_plug_instance *i, const struct acb_instance_open *open)
{
    const struct llama_plug_options *o = &i->model->options;
    struct llama_context_params p = llama_context_default_params();
    p.n_batch = i->tokens_max;
    p.n_seq_max = i->sequences_max;
    p.n_threads = p.n_threads_batch = (int32_t)open->cores_max;
    p.type_k = p.type_v = (enum ggml_type)o->kv_type;
    p.flash_attn_type = (enum llama_flash_attn_type)o->flash_attention;
    p.swa_full = o->window_full;
    p.kv_unified = true;
    p.abort_callback = on_abort;
    p.abort_callback_data = i;
    return p;
}

/* What the KV may hold, by what a token takes. */
static enum kit_status plan_generation(struct llama_plug_instance *i, const struct acb_instance_open *open,
                                       struct llama_context_params *p, struct kit_err *err)
{
    uint64_t tokens = open->kv_bytes_max / i->model->kv_bytes / KV_STEP * KV_STEP;
    if (tokens == 0 || tokens > INT32_MAX) {
        return kit_fail(err, KIT_INVALID, "%" PRIu64 " bytes of KV: a token takes %" PRIu64 ", %d tokens are the least",
                        open->kv_bytes_max, i->model->kv_bytes, KV_STEP);
    }
    p->n_ctx = (uint32_t)tokens;
    p->n_ubatch = KIT_MIN(i->model->options.pass_tokens, i->tokens_max);
    p->n_outputs_max = KIT_MIN(i->sequences_max, i->tokens_max);
    i->kv_bytes = tokens * i->model->kv_bytes;
    return KIT_OK;
}

/* Rows are computed whole: a pass must hold the longest. */
static void plan_inference(struct llama_plug_instance *i, struct llama_context_params *p)
{
    p->embeddings = true;
    p->n_ctx = (i->tokens_max + KV_STEP - 1) / KV_STEP * KV_STEP;
    p->n_ubatch = i->tokens_max;
    p->n_outputs_max = 0;
    i->kv_bytes = llama_model_has_encoder(i->model->llama) ? 0 : p->n_ctx * i->model->kv_bytes;
}

static enum kit_status open_threads(struct llama_plug_instance *i, uint32_t cores, struct kit_err *err)
{
    struct ggml_threadpool_params p;
    ggml_threadpool_params_init(&p, (int)KIT_MIN(cores, GGML_MAX_N_THREADS));
    p.poll = 0;
    i->threads = ggml_threadpool_new(&p);
    if (i->threads == NULL) {
        return kit_fail(err, KIT_NOMEM, "no threads");
    }
    llama_attach_threadpool(i->llama, i->threads, i->threads);
    return KIT_OK;
}

static bool make_batch(struct llama_plug_instance *i)
{
    i->length = llama_plug_alloc(i->sequences_max, sizeof(*i->length));
    i->pos = llama_plug_alloc(i->tokens_max, sizeof(*i->pos));
    i->seq_count = llama_plug_alloc(i->tokens_max, sizeof(*i->seq_count));
    i->seq = llama_plug_alloc(i->tokens_max, sizeof(*i->seq));
    i->seq_at = llama_plug_alloc(i->tokens_max, sizeof(*i->seq_at));
    bool made = i->length != NULL && i->pos != NULL && i->seq_count != NULL && i->seq != NULL && i->seq_at != NULL;
    for (uint32_t k = 0; made && k < i->tokens_max; k++) {
        i->seq_count[k] = 1;
        i->seq_at[k] = &i->seq[k];
    }
    return made;
}

static enum kit_status open_context(struct llama_plug_instance *i, const struct acb_instance_open *open,
                                    struct kit_err *err)
{
    struct llama_context_params p = params_of(i, open);
    enum kit_status rc = KIT_OK;
    if (open->mode == ACB_MODE_GENERATE) {
        rc = plan_generation(i, open, &p, err);
    } else {
        plan_inference(i, &p);
    }
    if (rc != KIT_OK) {
        return rc;
    }
    llama_plug_log_forget();
    i->llama = llama_init_from_model(i->model->llama, p);
    if (i->llama == NULL) {
        char first[KIT_ERR_MSG_BYTES];
        llama_plug_log_first(first, sizeof(first));
        return kit_fail(err, KIT_NOMEM, "llama.cpp makes no context: %s", first[0] != 0 ? first : "out of memory");
    }
    i->scratch_bytes = (uint64_t)p.n_ubatch * i->model->header.embedding_length * 16 * sizeof(float);
    rc = open_threads(i, open->cores_max, err);
    return rc == KIT_OK && !make_batch(i) ? kit_fail(err, KIT_NOMEM, "out of memory for a batch") : rc;
}

static enum kit_status check_open(const struct llama_plug_model *m, const struct acb_instance_open *open,
                                  struct kit_err *err)
{
    bool generates = open->mode == ACB_MODE_GENERATE;
    if (generates != (m->task == LLAMA_PLUG_GENERATE)) {
        return kit_fail(err, KIT_UNSUPPORTED, "this model is made to %s", llama_plug_model_meta(m, "tasks"));
    }
    if (generates && (open->sequences_max == 0 || open->sequences_max > llama_plug_model_sequences_max() ||
                      open->call_tokens_max == 0 || open->call_tokens_max > INT32_MAX / 2)) {
        return kit_fail(err, KIT_INVALID,
                        "%" PRIu32 " sequences, steps of %" PRIu64 " tokens: 1 to %" PRIu32
                        " sequences and 1 token or more are needed",
                        open->sequences_max, open->call_tokens_max, llama_plug_model_sequences_max());
    }
    return KIT_OK;
}

static uint32_t infer_tokens(const struct llama_plug_model *m, const struct acb_instance_open *open)
{
    uint32_t row = KIT_MIN(m->context_tokens, INFER_TOKENS_MAX);
    uint32_t call = (uint32_t)KIT_MIN(open->call_tokens_max, INFER_TOKENS_MAX);
    return KIT_MAX(KIT_MIN(KIT_MAX(call, INFER_TOKENS_MIN), KIT_MAX(row, INFER_TOKENS_MIN)), row);
}

enum kit_status llama_plug_instance_open(const struct llama_plug_model *m, const struct acb_instance_open *open,
                                         struct llama_plug_instance **ret, struct kit_err *err)
{
    enum kit_status rc = check_open(m, open, err);
    if (rc != KIT_OK) {
        return rc;
    }
    struct llama_plug_instance *i = llama_plug_alloc(1, sizeof(*i));
    if (i == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory");
    }
    bool generates = open->mode == ACB_MODE_GENERATE;
    i->model = m;
    i->tokens_max = generates ? (uint32_t)open->call_tokens_max : infer_tokens(m, open);
    i->sequences_max = generates ? open->sequences_max : INFER_SEQUENCES;
    rc = open_context(i, open, err);
    if (rc != KIT_OK) {
        llama_plug_instance_close(i);
        return rc;
    }
    *ret = i;
    return KIT_OK;
}

void llama_plug_instance_close(struct llama_plug_instance *i)
{
    if (i == NULL) {
        return;
    }
    llama_free(i->llama);
    if (i->threads != NULL) {
        ggml_threadpool_free(i->threads);
    }
    llama_plug_free(i->length);
    llama_plug_free(i->pos);
    llama_plug_free(i->seq_count);
    llama_plug_free(i->seq);
    llama_plug_free(i->seq_at);
    llama_plug_free(i);
}

/* --- running --- */

/* llama_decode: 0 done, 1 no room in the KV, 2 aborted, below 0 failed. */
static enum kit_status judge(int32_t code, uint32_t n, struct kit_err *err)
{
    switch (code) {
    case 0:
        return KIT_OK;
    case 1:
        return kit_fail(err, KIT_FULL, "no KV room for %" PRIu32 " more tokens", n);
    case 2:
        return kit_fail(err, KIT_CANCELLED, "cancelled");
    default: {
        char first[KIT_ERR_MSG_BYTES];
        llama_plug_log_first(first, sizeof(first));
        return kit_fail(err, KIT_INTERNAL, "llama.cpp failed with %" PRId32 ": %s", code, first);
    }
    }
}

enum kit_status llama_plug_instance_run(struct llama_plug_instance *i, const int32_t *token, const uint8_t *wanted,
                                        uint32_t n, uint32_t cores, const uint32_t *cancelled, struct kit_err *err)
{
    struct llama_batch batch = {.n_tokens = (int32_t)n,
                                .token = (llama_token *)(uintptr_t)token,
                                .pos = i->pos,
                                .n_seq_id = i->seq_count,
                                .seq_id = i->seq_at,
                                .logits = (int8_t *)(uintptr_t)wanted};
    llama_plug_log_forget();
    i->cancelled = cancelled;
    llama_set_n_threads(i->llama, (int32_t)cores, (int32_t)cores);
    int32_t code = llama_decode(i->llama, batch);
    i->cancelled = NULL;
    llama_plug_log_calm(false);
    return judge(code, n, err);
}
