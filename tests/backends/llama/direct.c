#include "direct.h"

#include <stdio.h>
#include <stdlib.h>

#include "ggml-cpu.h"
#include "llama.h"

struct direct {
    struct llama_model *model;
    struct llama_context *ctx;
    struct ggml_threadpool *threads;
    const struct llama_vocab *vocab;
};

static void quiet(enum ggml_log_level level, const char *text, void *ctx)
{
    (void)ctx;
    if (level == GGML_LOG_LEVEL_ERROR) {
        (void)fputs(text, stderr);
    }
}

static void need(bool good, const char *what)
{
    if (!good) {
        (void)fprintf(stderr, "direct: %s failed\n", what);
        abort();
    }
}

struct direct *direct_open(const char *path, uint32_t context_tokens, uint32_t threads)
{
    struct direct *d = calloc(1, sizeof(*d));
    need(d != NULL, "memory");
    llama_log_set(quiet, NULL);
    d->model = llama_model_load_from_file(path, llama_model_default_params());
    need(d->model != NULL, "loading");
    struct llama_context_params p = llama_context_default_params();
    p.n_ctx = p.n_batch = context_tokens;
    p.n_threads = p.n_threads_batch = (int32_t)threads;
    p.kv_unified = true;
    d->ctx = llama_init_from_model(d->model, p);
    need(d->ctx != NULL, "context");
    struct ggml_threadpool_params t;
    ggml_threadpool_params_init(&t, (int)threads);
    d->threads = ggml_threadpool_new(&t);
    need(d->threads != NULL, "threads");
    llama_attach_threadpool(d->ctx, d->threads, d->threads);
    d->vocab = llama_model_get_vocab(d->model);
    return d;
}

void direct_close(struct direct *d)
{
    llama_free(d->ctx);
    ggml_threadpool_free(d->threads);
    llama_model_free(d->model);
    free(d);
}

uint32_t direct_tokenize(struct direct *d, const char *text, uint64_t bytes, bool special, int32_t *ids, uint32_t room)
{
    int32_t n = llama_tokenize(d->vocab, text, (int32_t)bytes, ids, (int32_t)room, special, special);
    need(n >= 0, "tokenizing");
    return (uint32_t)n;
}

uint32_t direct_vocab(const struct direct *d)
{
    return (uint32_t)llama_vocab_n_tokens(d->vocab);
}

const float *direct_prefill(struct direct *d, const int32_t *ids, uint32_t n)
{
    llama_memory_clear(llama_get_memory(d->ctx), true);
    need(llama_decode(d->ctx, llama_batch_get_one((llama_token *)(uintptr_t)ids, (int32_t)n)) == 0, "prefill");
    return llama_get_logits_ith(d->ctx, -1);
}

const float *direct_feed(struct direct *d, int32_t id)
{
    need(llama_decode(d->ctx, llama_batch_get_one(&id, 1)) == 0, "decode");
    return llama_get_logits_ith(d->ctx, -1);
}

bool direct_ends(const struct direct *d, int32_t id)
{
    return llama_vocab_is_eog(d->vocab, id);
}
