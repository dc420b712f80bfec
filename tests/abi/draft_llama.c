/* Draft of an adapter to llama.cpp: proves by compiling that every call of the ABI maps to its C API. It is not linked;
 * the real one, backends/llama, includes the engine's own header. Below are only the functions that are used, as known from
 * the API's documentation.
 *
 * What it showed: logits of the wanted rows lie together in the order of the batch, so they can be lent as the ABI says;
 * the abort callback polls a flag, so acb_step carries one; running out of KV cells is told apart from failing; a context's
 * pooling is fixed when it is made, so an instance for infer gives last_hidden_state and the host pools; a LoRA's scale
 * belongs to its use, so an adapter handle keeps it. */
#include <stdbool.h>
#include <string.h>

#include "aether/backend.h"

/* --- the engine, as far as it is used --- */

typedef int32_t llama_token;
typedef int32_t llama_pos;
typedef int32_t llama_seq_id;
struct llama_model;
struct llama_context;
struct llama_vocab;
struct llama_memory;
struct llama_adapter_lora;

struct llama_batch {
    int32_t n_tokens;
    llama_token *token;
    float *embd;
    llama_pos *pos;
    int32_t *n_seq_id;
    llama_seq_id **seq_id;
    int8_t *logits;
};

/* Stand-ins: the real structs are longer and come from llama_…_default_params. */
struct draft_model_params {
    bool (*progress_callback)(float progress, void *user_data);
    void *progress_callback_user_data;
    bool use_mmap;
};
struct draft_context_params {
    uint32_t n_ctx, n_batch, n_seq_max;
    int32_t n_threads, n_threads_batch;
    bool embeddings;
    bool (*abort_callback)(void *data);
    void *abort_callback_data;
};

struct llama_model *llama_model_load_from_file(const char *path, struct draft_model_params params);
void llama_model_free(struct llama_model *model);
uint64_t llama_model_size(const struct llama_model *model);
int32_t llama_model_n_ctx_train(const struct llama_model *model);
int32_t llama_model_n_embd(const struct llama_model *model);
int32_t llama_model_meta_val_str(const struct llama_model *model, const char *key, char *buf, size_t buf_size);
const char *llama_model_chat_template(const struct llama_model *model, const char *name);
const struct llama_vocab *llama_model_get_vocab(const struct llama_model *model);
int32_t llama_vocab_n_tokens(const struct llama_vocab *vocab);
bool llama_vocab_is_eog(const struct llama_vocab *vocab, llama_token token);
bool llama_vocab_is_control(const struct llama_vocab *vocab, llama_token token);
int32_t llama_tokenize(const struct llama_vocab *vocab, const char *text, int32_t text_len, llama_token *tokens,
                       int32_t n_tokens_max, bool add_special, bool parse_special);
int32_t llama_token_to_piece(const struct llama_vocab *vocab, llama_token token, char *buf, int32_t length,
                             int32_t lstrip, bool special);
struct llama_context *llama_init_from_model(struct llama_model *model, struct draft_context_params params);
void llama_free(struct llama_context *ctx);
void llama_set_n_threads(struct llama_context *ctx, int32_t n_threads, int32_t n_threads_batch);
int32_t llama_decode(struct llama_context *ctx, struct llama_batch batch);
float *llama_get_logits(struct llama_context *ctx);
float *llama_get_embeddings(struct llama_context *ctx);
struct llama_memory *llama_get_memory(const struct llama_context *ctx);
bool llama_memory_seq_rm(struct llama_memory *mem, llama_seq_id seq, llama_pos p0, llama_pos p1);
void llama_memory_seq_cp(struct llama_memory *mem, llama_seq_id from, llama_seq_id to, llama_pos p0, llama_pos p1);
llama_pos llama_memory_seq_pos_max(struct llama_memory *mem, llama_seq_id seq);
bool llama_memory_can_shift(struct llama_memory *mem);
size_t llama_state_get_size(struct llama_context *ctx);
size_t llama_state_seq_get_size(struct llama_context *ctx, llama_seq_id seq);
size_t llama_state_seq_get_data(struct llama_context *ctx, uint8_t *dst, size_t size, llama_seq_id seq);
size_t llama_state_seq_set_data(struct llama_context *ctx, const uint8_t *src, size_t size, llama_seq_id seq);
struct llama_adapter_lora *llama_adapter_lora_init(struct llama_model *model, const char *path);
void llama_adapter_lora_free(struct llama_adapter_lora *adapter);
int32_t llama_set_adapter_lora(struct llama_context *ctx, struct llama_adapter_lora *adapter, float scale);
void llama_clear_adapter_lora(struct llama_context *ctx);
void llama_backend_init(void);
void llama_backend_free(void);

/* --- the adapter --- */

static const struct acb_host *host;

#define TEXT_BYTES 65536

struct model {
    struct llama_model *llama;
    const struct llama_vocab *vocab;
    char architecture[64];
    char name[256];
    char meta[TEXT_BYTES]; /* the last of the others; the real one keeps them all */
};

struct instance {
    const struct model *model;
    struct llama_context *llama;
    const uint32_t *cancelled; /* flag of the running call, or NULL */
    uint64_t kv_bytes;
    /* One batch, [call_tokens_max]. */
    llama_pos *pos;
    int32_t *seq_count;
    llama_seq_id *seq;
    llama_seq_id **seq_at;
};

struct adapter {
    struct llama_adapter_lora *llama;
    float scale;
};

static int32_t say(struct acb_err *err, int32_t code, const char *text)
{
    strncpy(err->text, text, sizeof(err->text) - 1);
    return code;
}

static int32_t probe(const char *folder)
{
    size_t len = strlen(folder);
    return len > 5 && strcmp(folder + len - 5, ".gguf") == 0 ? 100 : 0; /* the real one reads the magic */
}

struct loading {
    const struct acb_model_open *open;
};

static bool on_progress(float progress, void *ctx)
{
    const struct acb_model_open *open = ((struct loading *)ctx)->open;
    return open->progress(open->progress_ctx, (uint64_t)(progress * 1e6f), 1000000) == 0;
}

static int32_t model_open(const struct acb_model_open *open, void **ret, struct acb_err *err)
{
    struct loading loading = {open};
    struct draft_model_params params = {.use_mmap = true};
    if (ACB_HAS(open, progress)) {
        params.progress_callback = on_progress;
        params.progress_callback_user_data = &loading;
    }
    struct model *m = host->alloc(host->ctx, sizeof(*m));
    if (m == NULL) {
        return say(err, ACB_NOMEM, "out of memory");
    }
    m->llama = llama_model_load_from_file(open->folder, params);
    if (m->llama == NULL) {
        host->free(host->ctx, m);
        return say(err, ACB_CORRUPT, "the file was refused; the log says why");
    }
    m->vocab = llama_model_get_vocab(m->llama);
    *ret = m;
    return ACB_OK;
}

static void model_close(void *model)
{
    struct model *m = model;
    if (m != NULL) {
        llama_model_free(m->llama);
        host->free(host->ctx, m);
    }
}

static const char *meta(void *model, const char *key)
{
    struct model *m = model;
    if (strcmp(key, "chat_template") == 0) {
        return llama_model_chat_template(m->llama, NULL);
    }
    const char *theirs = strcmp(key, "architecture") == 0 ? "general.architecture"
                         : strcmp(key, "name") == 0       ? "general.name"
                         : strcmp(key, "license") == 0    ? "general.license"
                                                          : NULL;
    return theirs != NULL && llama_model_meta_val_str(m->llama, theirs, m->meta, sizeof(m->meta)) >= 0 ? m->meta : NULL;
}

static int32_t describe(void *model, struct acb_model_info *ret)
{
    static const struct acb_port ids = {
        .size = sizeof(ids), .dtype = ACB_I32, .rank = 1, .flags = ACB_PORT_RAGGED, .name = "input_ids", .shape = {-1}};
    static const struct acb_port hidden = {.size = sizeof(hidden),
                                           .dtype = ACB_F32,
                                           .rank = 2,
                                           .flags = ACB_PORT_RAGGED,
                                           .name = "last_hidden_state",
                                           .shape = {-1, -1}};
    static const struct acb_port *const inputs[] = {&ids};
    static const struct acb_port *const outputs[] = {&hidden};
    const struct model *m = model;
    ret->input_count = 1;
    ret->inputs = inputs;
    ret->output_count = 1;
    ret->outputs = outputs;
    ret->row_tokens_max = (uint64_t)llama_model_n_ctx_train(m->llama);
    ret->vocab_size = (uint32_t)llama_vocab_n_tokens(m->vocab);
    ret->step_flags = ACB_STEP_TRIM | ACB_STEP_FORK | ACB_STEP_SAVE;
    ret->sequences_max = 64;
    return ACB_OK;
}

static int32_t bytes(void *model, void *instance, struct acb_bytes *const *ret, uint32_t *count)
{
    const struct model *m = model;
    const struct instance *i = instance;
    ret[0]->kind = i == NULL ? ACB_BYTES_WEIGHTS : ACB_BYTES_KV;
    ret[0]->source = i == NULL ? ACB_SOURCE_MAPPED : ACB_SOURCE_ESTIMATED;
    ret[0]->bytes = i == NULL ? llama_model_size(m->llama) : i->kv_bytes;
    *count = 1;
    return ACB_OK;
}

static bool on_abort(void *ctx)
{
    const struct instance *i = ctx;
    return i->cancelled != NULL && __atomic_load_n(i->cancelled, __ATOMIC_RELAXED) != 0;
}

static void instance_close(void *instance)
{
    struct instance *i = instance;
    llama_free(i->llama);
    host->free(host->ctx, i->pos);
    host->free(host->ctx, i->seq_count);
    host->free(host->ctx, i->seq);
    host->free(host->ctx, i->seq_at);
    host->free(host->ctx, i);
}

static int32_t instance_open(void *model, const struct acb_instance_open *open, void **ret, struct acb_err *err)
{
    struct model *m = model;
    struct instance *i = host->alloc(host->ctx, sizeof(*i));
    if (i == NULL) {
        return say(err, ACB_NOMEM, "out of memory");
    }
    memset(i, 0, sizeof(*i));
    struct draft_context_params params = {.n_batch = (uint32_t)open->call_tokens_max,
                                          .n_seq_max = open->sequences_max,
                                          .n_threads = (int32_t)open->cores_max,
                                          .n_threads_batch = (int32_t)open->cores_max,
                                          .embeddings = open->mode == ACB_MODE_INFER,
                                          .abort_callback = on_abort,
                                          .abort_callback_data = i};
    params.n_ctx = (uint32_t)(open->kv_bytes_max / 1024); /* by kv_bytes_per_token in the real one */
    i->model = m;
    i->kv_bytes = open->kv_bytes_max;
    i->llama = llama_init_from_model(m->llama, params);
    i->pos = host->alloc(host->ctx, open->call_tokens_max * sizeof(*i->pos));
    i->seq_count = host->alloc(host->ctx, open->call_tokens_max * sizeof(*i->seq_count));
    i->seq = host->alloc(host->ctx, open->call_tokens_max * sizeof(*i->seq));
    i->seq_at = host->alloc(host->ctx, open->call_tokens_max * sizeof(*i->seq_at));
    if (i->llama == NULL || i->pos == NULL || i->seq_count == NULL || i->seq == NULL || i->seq_at == NULL) {
        instance_close(i);
        return say(err, ACB_NOMEM, "out of memory for the context");
    }
    *ret = i;
    return ACB_OK;
}

/* llama_decode: 0 done, 1 no room in the KV cache, 2 aborted, below 0 failed. */
static int32_t status_of(int32_t rc, struct acb_err *err)
{
    switch (rc) {
    case 0:
        return ACB_OK;
    case 1:
        return say(err, ACB_FULL, "no room in the KV cache");
    case 2:
        return say(err, ACB_CANCELLED, "cancelled");
    default:
        return say(err, ACB_FAILED, "llama_decode failed");
    }
}

static int32_t decode(struct instance *i, struct llama_batch batch, uint32_t cores, const uint32_t *cancelled,
                      struct acb_err *err)
{
    for (int32_t k = 0; k < batch.n_tokens; k++) {
        i->seq_count[k] = 1;
        i->seq_at[k] = &i->seq[k];
    }
    batch.pos = i->pos;
    batch.n_seq_id = i->seq_count;
    batch.seq_id = i->seq_at;
    i->cancelled = cancelled;
    llama_set_n_threads(i->llama, (int32_t)cores, (int32_t)cores);
    int32_t rc = status_of(llama_decode(i->llama, batch), err);
    i->cancelled = NULL;
    return rc;
}

/* Ragged rows become sequences 0, 1, … of one batch; the hidden states of all tokens lie together afterwards. */
static int32_t infer(void *instance, const struct acb_infer *infer, struct acb_tensor **outputs, struct acb_err *err)
{
    struct instance *i = instance;
    const struct acb_tensor *ids = infer->inputs[0];
    uint64_t width = (uint64_t)llama_model_n_embd(i->model->llama);
    for (uint64_t row = 0; row < ids->rows; row++) {
        for (uint64_t at = ids->row_offsets[row]; at < ids->row_offsets[row + 1]; at++) {
            i->seq[at] = (llama_seq_id)row;
            i->pos[at] = (llama_pos)(at - ids->row_offsets[row]);
        }
    }
    struct llama_batch batch = {.n_tokens = (int32_t)ids->shape[0], .token = ids->data};
    int32_t rc = decode(i, batch, infer->cores, infer->cancelled, err);
    struct acb_tensor like = *ids; /* its row_offsets are the output's too */
    like.dtype = ACB_F32;
    like.rank = 2;
    like.name = "last_hidden_state";
    like.shape[1] = (int64_t)width;
    if (rc == ACB_OK) {
        rc = host->tensor_like(host->ctx, infer->call, &like, &outputs[0]);
    }
    if (rc == ACB_OK) {
        memcpy(outputs[0]->data, llama_get_embeddings(i->llama), (uint64_t)ids->shape[0] * width * sizeof(float));
    }
    return rc;
}

static int32_t step(void *instance, const struct acb_step *step, const float **logits, struct acb_err *err)
{
    struct instance *i = instance;
    const struct adapter *a = step->adapter;
    llama_clear_adapter_lora(i->llama);
    if (a != NULL && llama_set_adapter_lora(i->llama, a->llama, a->scale) != 0) {
        return say(err, ACB_FAILED, "the adapter does not fit");
    }
    for (uint32_t k = 0; k < step->n; k++) {
        i->pos[k] = (llama_pos)step->pos[k];
        i->seq[k] = (llama_seq_id)step->seq[k];
    }
    struct llama_batch batch = {.n_tokens = (int32_t)step->n,
                                .token = (llama_token *)(uintptr_t)step->token,
                                .logits = (int8_t *)(uintptr_t)step->want};
    int32_t rc = decode(i, batch, step->cores, step->cancelled, err);
    if (rc == ACB_OK) {
        *logits = llama_get_logits(i->llama); /* rows of wanted tokens, in the order of the batch */
    }
    return rc;
}

static struct llama_memory *memory_of(void *instance)
{
    return llama_get_memory(((struct instance *)instance)->llama);
}

static uint32_t seq_length(void *instance, uint32_t seq)
{
    return (uint32_t)(llama_memory_seq_pos_max(memory_of(instance), (llama_seq_id)seq) + 1);
}

static int32_t seq_copy(void *instance, uint32_t src, uint32_t dst, uint32_t length)
{
    llama_memory_seq_cp(memory_of(instance), (llama_seq_id)src, (llama_seq_id)dst, 0, (llama_pos)length);
    return ACB_OK;
}

static int32_t seq_trim(void *instance, uint32_t seq, uint32_t length)
{
    return llama_memory_seq_rm(memory_of(instance), (llama_seq_id)seq, (llama_pos)length, -1) ? ACB_OK
                                                                                              : ACB_UNSUPPORTED;
}

static void seq_end(void *instance, uint32_t seq)
{
    (void)llama_memory_seq_rm(memory_of(instance), (llama_seq_id)seq, -1, -1);
}

static int32_t seq_save(void *instance, uint32_t seq, void *data, uint64_t *room)
{
    struct instance *i = instance;
    if (data == NULL) {
        *room = llama_state_seq_get_size(i->llama, (llama_seq_id)seq);
        return ACB_OK;
    }
    *room = llama_state_seq_get_data(i->llama, data, *room, (llama_seq_id)seq);
    return *room > 0 ? ACB_OK : ACB_FULL;
}

static int32_t seq_load(void *instance, uint32_t seq, const void *data, uint64_t size)
{
    struct instance *i = instance;
    return llama_state_seq_set_data(i->llama, data, size, (llama_seq_id)seq) > 0 ? ACB_OK : ACB_INVALID;
}

/* llama_tokenize answers minus the room that it needs. */
static int32_t tokenize(void *model, const char *text, uint64_t size, uint32_t flags, int32_t *ids, uint64_t *count)
{
    const struct model *m = model;
    int32_t n = llama_tokenize(m->vocab, text, (int32_t)size, ids, (int32_t)*count,
                               (flags & ACB_TOKENIZE_ADD_SPECIAL) != 0, (flags & ACB_TOKENIZE_PARSE_SPECIAL) != 0);
    *count = (uint64_t)(n < 0 ? -(int64_t)n : n);
    return n < 0 ? ACB_FULL : ACB_OK;
}

static int32_t detokenize(void *model, int32_t id, uint32_t flags, char *text, uint64_t *size)
{
    const struct model *m = model;
    int32_t n = llama_token_to_piece(m->vocab, id, text, (int32_t)*size, 0, (flags & ACB_TOKENIZE_SPECIAL) != 0);
    *size = (uint64_t)(n < 0 ? -(int64_t)n : n);
    return n < 0 ? ACB_FULL : ACB_OK;
}

static uint32_t token_flags(void *model, int32_t id)
{
    const struct model *m = model;
    return (llama_vocab_is_eog(m->vocab, id) ? ACB_TOKEN_END : 0) |
           (llama_vocab_is_control(m->vocab, id) ? ACB_TOKEN_SPECIAL : 0);
}

static int32_t adapter_open(void *model, const char *path, float scale, void **ret, struct acb_err *err)
{
    struct adapter *a = host->alloc(host->ctx, sizeof(*a));
    if (a == NULL) {
        return say(err, ACB_NOMEM, "out of memory");
    }
    a->scale = scale;
    a->llama = llama_adapter_lora_init(((struct model *)model)->llama, path);
    if (a->llama == NULL) {
        host->free(host->ctx, a);
        return say(err, ACB_CORRUPT, "the adapter was refused; the log says why");
    }
    *ret = a;
    return ACB_OK;
}

static void adapter_close(void *adapter)
{
    struct adapter *a = adapter;
    llama_adapter_lora_free(a->llama);
    host->free(host->ctx, a);
}

static void stop(void)
{
    llama_backend_free();
}

static const struct acb_plugin plugin = {
    .size = sizeof(plugin),
    .major = ACB_MAJOR,
    .minor = ACB_MINOR,
    .name = "llama",
    .version = "0",
    .summary = "language models in GGUF files",
    .flags = ACB_PLUGIN_CELL,
    .probe = probe,
    .model_open = model_open,
    .model_close = model_close,
    .meta = meta,
    .describe = describe,
    .bytes = bytes,
    .instance_open = instance_open,
    .instance_close = instance_close,
    .infer = infer,
    .step = step,
    .seq_length = seq_length,
    .seq_copy = seq_copy,
    .seq_trim = seq_trim,
    .seq_end = seq_end,
    .seq_save = seq_save,
    .seq_load = seq_load,
    .tokenize = tokenize,
    .detokenize = detokenize,
    .token_flags = token_flags,
    .adapter_open = adapter_open,
    .adapter_close = adapter_close,
    .stop = stop,
};

/* The name is the draft's own, so that two drafts fit into one build. */
const struct acb_plugin *draft_llama_entry(const struct acb_host *given);

const struct acb_plugin *draft_llama_entry(const struct acb_host *given)
{
    host = given;
    llama_backend_init();
    return &plugin;
}
