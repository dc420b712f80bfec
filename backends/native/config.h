/* backends/native/config.h - what a model's small files say: config.json, modules.json, the pooling's config.json.
 *
 * Two layouts are read: a plain transformers folder, and a sentence-transformers one, whose modules.json names the folder
 * of the transformer, the pooling, and whether vectors are normalised. Thread: any; blocks on disk. Memory: by value. */
#ifndef NATIVE_CONFIG_H
#define NATIVE_CONFIG_H

#include "arch.h"
#include "folder.h"
#include "kernels/kernels.h"

enum native_pooling { NATIVE_POOL_MEAN, NATIVE_POOL_CLS, NATIVE_POOL_MAX };

struct native_config {
    const struct native_arch *arch;
    const char *model_type;              /* as the file says; constant */
    uint32_t hidden, layers, heads, ffn; /* hidden is a multiple of heads */
    uint32_t positions;                  /* longest row */
    uint32_t position_from;              /* the first row's place in the table of positions, whose others go before */
    uint32_t pad;                        /* the token that gets no position of its own, where position_from > 0 */
    uint32_t vocab, types;               /* types 0: none */
    float norm_eps;
    enum native_act act;
    uint32_t context_tokens; /* what the model is meant for; <= positions */
    enum native_head head;   /* what "architectures" says; head_told false: it says nothing, the tensors must */
    bool head_told;
    bool tied;                /* the fill-mask head may use the word embeddings */
    const char *problem_type; /* config.json's, constant; NULL: not said */
    enum native_pooling pooling;
    bool normalize;
    bool pooling_told;                /* the folder is meant to embed: it says how */
    char folder[NATIVE_FOLDER_BYTES]; /* of config.json and the weights */
};

/* folder: the model's. Errors: PARSE (a file is broken or out of range; names file and key), UNSUPPORTED (well formed, but
 * no architecture, activation, module or pooling of ours), NOT_FOUND, IO, NOMEM. */
KIT_MUST_CHECK enum kit_status native_config_read(const char *folder, struct native_config *ret, struct kit_err *err);

const char *native_config_pooling_name(enum native_pooling pooling); /* "mean" */

#endif
