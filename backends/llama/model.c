#include "model.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PROBE_SCORE 95

int32_t llama_plug_model_probe(const char *path)
{
    struct llama_plug_files files;
    bool found = llama_plug_files_find(path, kit_str_lit(""), &files, NULL) == KIT_OK;
    return found && llama_gguf_is(files.path) ? PROBE_SCORE : 0;
}

/* --- headers --- */

static enum kit_status check_header(const struct llama_gguf *h, const struct llama_plug_files *f, struct kit_err *err)
{
    if (h->architecture[0] == 0) {
        return kit_fail(err, KIT_PARSE, "'general.architecture' is missing");
    }
    if (h->type[0] != 0 && strcmp(h->type, "model") != 0) {
        return kit_fail(err, KIT_UNSUPPORTED, "the file is of type '%s', not a model", h->type);
    }
    if (h->block_count == 0 || h->embedding_length == 0) {
        return kit_fail(err, KIT_PARSE, "'%s.%s' is missing or 0", h->architecture,
                        h->block_count == 0 ? "block_count" : "embedding_length");
    }
    if (h->split_count > 1 && h->split_count != f->parts) {
        return kit_fail(err, KIT_PARSE, "it is one of %" PRIu64 " parts, but is named as one of %" PRIu32,
                        h->split_count, f->parts);
    }
    return KIT_OK;
}

static enum kit_status read_headers(const struct llama_plug_files *f, struct llama_gguf *ret, uint64_t *bytes,
                                    struct kit_err *err)
{
    char path[LLAMA_PLUG_PATH_BYTES];
    enum kit_status rc = llama_gguf_read(f->path, ret, err);
    rc = rc == KIT_OK ? check_header(ret, f, err) : rc;
    *bytes = rc == KIT_OK ? ret->tensor_bytes : 0;
    for (uint32_t k = 1; rc == KIT_OK && k < f->parts; k++) {
        struct llama_gguf part;
        llama_plug_files_part(f, k, path);
        rc = llama_gguf_read(path, &part, err);
        *bytes += rc == KIT_OK ? part.tensor_bytes : 0;
    }
    return rc;
}

static enum kit_status look(const struct acb_model_open *open, struct llama_plug_options *options,
                            struct llama_plug_files *files, struct llama_gguf *header, uint64_t *bytes,
                            struct kit_err *err)
{
    enum kit_status rc = llama_plug_options_read(open->options, options, err);
    rc = rc == KIT_OK ? llama_plug_files_find(open->folder, kit_str_c(options->quant), files, err) : rc;
    return rc == KIT_OK ? read_headers(files, header, bytes, err) : rc;
}

void llama_plug_model_put_bytes(struct acb_bytes *row, uint32_t kind, uint32_t source, uint64_t bytes)
{
    row->device = 0;
    row->kind = kind;
    row->source = source;
    row->bytes = bytes;
}

enum kit_status llama_plug_model_estimate(const struct acb_model_open *open, struct acb_bytes *const *ret,
                                          uint32_t *count, struct kit_err *err)
{
    struct llama_plug_options options;
    struct llama_plug_files files;
    struct llama_gguf h;
    uint64_t bytes = 0;
    enum kit_status rc = look(open, &options, &files, &h, &bytes, err);
    if (rc != KIT_OK) {
        return rc;
    }
    bool generates = !h.has_pooling || h.pooling_type == GGUF_POOLING_NONE;
    uint64_t tokens = KIT_MIN(LLAMA_PLUG_ESTIMATE_TOKENS, KIT_MAX(h.context_length, 1));
    uint64_t scratch =
        options.pass_tokens * h.embedding_length * 16 * sizeof(float) + h.vocab_size * 16 * sizeof(float);
    llama_plug_model_put_bytes(ret[0], ACB_BYTES_WEIGHTS, ACB_SOURCE_ESTIMATED, bytes);
    llama_plug_model_put_bytes(ret[1], ACB_BYTES_KV, ACB_SOURCE_ESTIMATED,
                               generates ? tokens * llama_plug_kv_bytes(&h, options.kv_type) : 0);
    llama_plug_model_put_bytes(ret[2], ACB_BYTES_CACHE, ACB_SOURCE_ESTIMATED, scratch);
    *count = 3;
    return KIT_OK;
}

/* --- loading --- */

struct loading {
    const struct acb_model_open *open;
    uint64_t bytes;
    bool stopped;
};

static bool on_progress(float part, void *ctx)
{
    struct loading *l = ctx;
    uint64_t done = (uint64_t)((double)KIT_MIN(KIT_MAX(part, 0.0f), 1.0f) * (double)l->bytes);
    l->stopped =
        l->stopped || (ACB_HAS(l->open, progress) && l->open->progress(l->open->progress_ctx, done, l->bytes) != 0);
    return !l->stopped;
}

static struct llama_model_params params_of(const struct llama_plug_options *o, struct loading *l)
{
    struct llama_model_params p = llama_model_default_params();
    p.n_gpu_layers = o->gpu_layers;
    p.load_mode = o->map ? (o->lock ? LLAMA_LOAD_MODE_MMAP_MLOCK : LLAMA_LOAD_MODE_MMAP)
                         : (o->lock ? LLAMA_LOAD_MODE_MLOCK : LLAMA_LOAD_MODE_NONE);
    p.progress_callback = on_progress;
    p.progress_callback_user_data = l;
    return p;
}

static enum kit_status load(struct llama_plug_model *m, const struct llama_plug_files *f,
                            const struct acb_model_open *open, struct kit_err *err)
{
    struct loading l = {.open = open, .bytes = m->file_bytes};
    char first[KIT_ERR_MSG_BYTES];
    llama_plug_log_forget();
    m->llama = llama_model_load_from_file(f->path, params_of(&m->options, &l));
    if (m->llama == NULL && l.stopped) {
        return kit_fail(err, KIT_CANCELLED, "loading was stopped");
    }
    if (m->llama == NULL) {
        llama_plug_log_first(first, sizeof(first));
        return kit_fail(err, KIT_INTERNAL, "llama.cpp does not load it: %s",
                        first[0] != 0 ? first : "it does not say why");
    }
    m->vocab = llama_model_get_vocab(m->llama);
    return KIT_OK;
}

/* --- what it is --- */

static enum kit_status choose_task(struct llama_plug_model *m, struct kit_err *err)
{
    bool pools = m->header.has_pooling && m->header.pooling_type != GGUF_POOLING_NONE;
    if (pools) {
        m->task = m->header.pooling_type == GGUF_POOLING_RANK ? LLAMA_PLUG_RERANK : LLAMA_PLUG_EMBED;
        return KIT_OK;
    }
    m->task = LLAMA_PLUG_GENERATE;
    bool fits = llama_model_has_decoder(m->llama) && !llama_model_has_encoder(m->llama) &&
                !llama_model_is_diffusion(m->llama) && llama_vocab_n_tokens(m->vocab) > 0;
    return fits ? KIT_OK
                : kit_fail(err, KIT_UNSUPPORTED,
                           "models of architecture '%s' neither generate from left to right nor pool",
                           m->header.architecture);
}

static void set_ports(struct llama_plug_model *m)
{
    bool ranks = m->task == LLAMA_PLUG_RERANK;
    m->input = (struct acb_port){.size = sizeof(m->input),
                                 .dtype = ACB_I32,
                                 .rank = 1,
                                 .flags = ACB_PORT_RAGGED,
                                 .name = "input_ids",
                                 .shape = {-1}};
    m->output = (struct acb_port){
        .size = sizeof(m->output),
        .dtype = ACB_F32,
        .rank = 2,
        .name = ranks ? "logits" : "pooled",
        .shape = {-1, ranks ? (int64_t)llama_model_n_cls_out(m->llama) : (int64_t)llama_model_n_embd_out(m->llama)}};
    m->inputs[0] = &m->input;
    m->outputs[0] = &m->output;
}

static void set_facts(struct llama_plug_model *m)
{
    uint32_t trained = (uint32_t)KIT_MAX(llama_model_n_ctx_train(m->llama), 1);
    m->context_tokens = m->options.context_tokens > 0 ? m->options.context_tokens : trained;
    m->kv_bytes = KIT_MAX(llama_plug_kv_bytes(&m->header, m->options.kv_type), 1);
    (void)snprintf(m->context_text, sizeof(m->context_text), "%" PRIu32, m->context_tokens);
    (void)snprintf(m->hidden_text, sizeof(m->hidden_text), "%" PRId32, llama_model_n_embd_out(m->llama));
    (void)llama_model_meta_val_str(m->llama, "general.name", m->name, sizeof(m->name));
    (void)llama_model_meta_val_str(m->llama, "general.license", m->license, sizeof(m->license));
    (void)llama_model_desc(m->llama, m->description, sizeof(m->description));
}

static enum kit_status open_model(struct llama_plug_model *m, const struct acb_model_open *open, struct kit_err *err)
{
    struct llama_plug_files files;
    if (open->device != 0) {
        return kit_fail(err, KIT_UNSUPPORTED, "device %" PRIu32 ": this build computes on the CPU, device 0",
                        open->device);
    }
    enum kit_status rc = look(open, &m->options, &files, &m->header, &m->file_bytes, err);
    rc = rc == KIT_OK ? load(m, &files, open, err) : rc;
    rc = rc == KIT_OK ? choose_task(m, err) : rc;
    if (rc == KIT_OK) {
        set_ports(m);
        set_facts(m);
    }
    return rc;
}

enum kit_status llama_plug_model_open(const struct acb_model_open *open, struct llama_plug_model **ret,
                                      struct kit_err *err)
{
    struct llama_plug_model *m = llama_plug_alloc(1, sizeof(*m));
    if (m == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory");
    }
    llama_plug_log_start();
    enum kit_status rc = open_model(m, open, err);
    if (rc != KIT_OK) {
        llama_plug_model_close(m);
        return rc;
    }
    *ret = m;
    return KIT_OK;
}

void llama_plug_model_close(struct llama_plug_model *m)
{
    if (m != NULL) {
        llama_model_free(m->llama);
        llama_plug_free(m);
    }
}

/* --- what it says of itself --- */

static const char *token_text(const struct llama_plug_model *m, llama_token id)
{
    return id != LLAMA_TOKEN_NULL ? llama_vocab_get_text(m->vocab, id) : NULL;
}

static const char *pooling_of(const struct llama_plug_model *m)
{
    static const char *const names[] = {"none", "mean", "cls", "last", "none"};
    return names[m->header.has_pooling ? m->header.pooling_type : 0];
}

static const char *text_or_null(const char *text)
{
    return text[0] != 0 ? text : NULL;
}

const char *llama_plug_model_meta(const struct llama_plug_model *m, const char *key)
{
    static const char *const tasks[] = {"generate", "embed", "rerank"};
    const struct {
        const char *key, *value;
    } facts[] = {
        {"architecture", m->header.architecture},
        {"tasks", tasks[m->task]},
        {"precision", text_or_null(m->description)},
        {"context_tokens", m->context_text},
        {"hidden_size", m->hidden_text},
        {"pooling", pooling_of(m)},
        {"normalize", m->task == LLAMA_PLUG_EMBED ? "1" : NULL},
        {"chat_template", llama_model_chat_template(m->llama, NULL)},
        {"bos_token", token_text(m, llama_vocab_bos(m->vocab))},
        {"eos_token", token_text(m, llama_vocab_eos(m->vocab))},
        {"name", text_or_null(m->name)},
        {"license", text_or_null(m->license)},
    };
    for (size_t i = 0; i < KIT_COUNT(facts); i++) {
        if (strcmp(key, facts[i].key) == 0) {
            return facts[i].value;
        }
    }
    return NULL;
}

uint32_t llama_plug_model_sequences_max(void)
{
    return (uint32_t)llama_max_parallel_sequences();
}

/* A state that forgets, as that of recurrent models, cannot be cut or copied halfway. */
static uint32_t step_flags_of(const struct llama_plug_model *m)
{
    bool forgets = llama_model_is_recurrent(m->llama) || llama_model_is_hybrid(m->llama) || !m->options.window_full;
    return forgets ? ACB_STEP_SAVE : ACB_STEP_TRIM | ACB_STEP_FORK;
}

void llama_plug_model_describe(const struct llama_plug_model *m, struct acb_model_info *ret)
{
    bool generates = m->task == LLAMA_PLUG_GENERATE;
    ret->input_count = generates ? 0 : 1;
    ret->output_count = generates ? 0 : 1;
    ret->inputs = generates ? NULL : m->inputs;
    ret->outputs = generates ? NULL : m->outputs;
    ret->step_flags = generates ? step_flags_of(m) : 0;
    ret->row_tokens_max = m->context_tokens;
    ret->call_tokens_max = 0;
    ret->kv_bytes_per_token = generates ? m->kv_bytes : 0;
    ret->sequences_max = generates ? llama_plug_model_sequences_max() : 0;
    ret->vocab_size = (uint32_t)KIT_MAX(llama_vocab_n_tokens(m->vocab), 0);
}
