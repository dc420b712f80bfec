/* backends/llama/options.h - what can be set of a model, and the numbers that follow from it. Thread: any; pure. */
#ifndef LLAMA_OPTIONS_H
#define LLAMA_OPTIONS_H

#include "aether/backend.h"
#include "kit/status.h"
#include "header.h"

#define LLAMA_PLUG_WORD_BYTES 64

struct llama_plug_options {
    char quant[LLAMA_PLUG_WORD_BYTES]; /* word of the file's name; "" the first */
    int32_t gpu_layers;                /* -1: all */
    int32_t kv_type;                   /* enum ggml_type */
    int32_t flash_attention;           /* enum llama_flash_attn_type */
    bool window_full;                  /* the KV of sliding windows is kept whole */
    bool map;                          /* the file is mapped, not read */
    bool lock;                         /* and kept in memory */
    uint32_t context_tokens;           /* longest sequence; 0: as the model was trained */
    uint32_t pass_tokens;              /* most tokens that are computed at once */
};

extern const struct acb_option *const llama_plug_option_list[];
extern const uint32_t llama_plug_option_count;

/* json: checked by the host for names, types and ranges. INVALID: a word that is none of those possible. */
KIT_MUST_CHECK enum kit_status llama_plug_options_read(const char *json, struct llama_plug_options *ret,
                                                       struct kit_err *err);
/* KV of one token over all layers, by what the header says; 0 when it does not say. */
uint64_t llama_plug_kv_bytes(const struct llama_gguf *h, int32_t kv_type);

#endif
