/* backends/llama/model.h - one GGUF model: found, checked by its header, loaded by llama.cpp; what it says of itself.
 *
 * Thread: open and close: the loader's; the rest any, a model never changes. Memory: owned by whoever opened it. */
#ifndef LLAMA_MODEL_H
#define LLAMA_MODEL_H

#include "folder.h"
#include "host.h"
#include "llama.h"
#include "options.h"

enum llama_plug_task { LLAMA_PLUG_GENERATE, LLAMA_PLUG_EMBED, LLAMA_PLUG_RERANK };

struct llama_plug_model {
    struct llama_model *llama;
    const struct llama_vocab *vocab;
    struct llama_plug_options options;
    struct llama_gguf header; /* of the first part */
    uint64_t file_bytes;      /* of all parts */
    enum llama_plug_task task;
    uint64_t kv_bytes; /* of one token */
    uint32_t context_tokens;
    struct acb_port input, output;
    const struct acb_port *inputs[1], *outputs[1];
    char context_text[16], hidden_text[16];
    char name[256], license[128], description[128];
};

/* Errors: PARSE (a file is broken: key or tensor named), NOT_FOUND, IO, UNSUPPORTED, INVALID (an option), CANCELLED (by
 * progress), NOMEM, INTERNAL (llama.cpp refused it: its first line of error). */
KIT_MUST_CHECK enum kit_status llama_plug_model_open(const struct acb_model_open *open, struct llama_plug_model **ret,
                                                     struct kit_err *err);
void llama_plug_model_close(struct llama_plug_model *m); /* NULL is fine */

int32_t llama_plug_model_probe(const char *path); /* 95: a GGUF file is in it, else 0 */
/* Weights, KV of LLAMA_PLUG_ESTIMATE_TOKENS tokens, scratch: [3]. Reads headers only. */
#define LLAMA_PLUG_ESTIMATE_TOKENS 4096
KIT_MUST_CHECK enum kit_status llama_plug_model_estimate(const struct acb_model_open *open,
                                                         struct acb_bytes *const *ret, uint32_t *count,
                                                         struct kit_err *err);
void llama_plug_model_put_bytes(struct acb_bytes *row, uint32_t kind, uint32_t source, uint64_t bytes);

const char *llama_plug_model_meta(const struct llama_plug_model *m, const char *key); /* NULL: unknown */
void llama_plug_model_describe(const struct llama_plug_model *m, struct acb_model_info *ret);

/* Most sequences of an instance. */
uint32_t llama_plug_model_sequences_max(void);

#endif
