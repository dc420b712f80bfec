/* backends/native/arch.h - what tells one architecture from another: one row of a table.
 *
 * A new encoder that is built like BERT is a new row: its config.json keys, its tensors' names, its heads; one that is
 * built otherwise needs a forward of its own besides. Thread: any; constant.
 * Sources: Devlin et al. 2018, arXiv 1810.04805 (BERT); Liu et al. 2019, arXiv 1907.11692 (RoBERTa); Conneau et al. 2019,
 * arXiv 1911.02116 (XLM-R); Sanh et al. 2019, arXiv 1910.01108 (DistilBERT); names as Hugging Face transformers has them. */
#ifndef NATIVE_ARCH_H
#define NATIVE_ARCH_H

#include "kernels/kernels.h"
#include "kit/str.h"

/* Tensors of a model, then of a layer. A linear or a norm is a pair: name + ".weight", name + ".bias". */
enum native_part {
    NATIVE_PART_WORD,
    NATIVE_PART_POSITION,
    NATIVE_PART_TYPE,
    NATIVE_PART_EMBED_NORM,
    NATIVE_PART_QUERY, /* from here on: '#' in the name stands for the layer's number */
    NATIVE_PART_KEY,
    NATIVE_PART_VALUE,
    NATIVE_PART_OUT,
    NATIVE_PART_OUT_NORM,
    NATIVE_PART_UP,
    NATIVE_PART_DOWN,
    NATIVE_PART_DOWN_NORM,
    NATIVE_PART_COUNT
};

/* config.json's keys. */
enum native_key {
    NATIVE_KEY_HIDDEN,
    NATIVE_KEY_LAYERS,
    NATIVE_KEY_HEADS,
    NATIVE_KEY_FFN,
    NATIVE_KEY_POSITIONS,
    NATIVE_KEY_VOCAB,
    NATIVE_KEY_TYPES,
    NATIVE_KEY_COUNT
};

/* What stands on an encoder: logits of a token, or of a row by its first token. */
enum native_head {
    NATIVE_HEAD_NONE,
    NATIVE_HEAD_FILL_MASK,
    NATIVE_HEAD_CLASSIFY, /* the one that answers for whole rows */
    NATIVE_HEAD_TOKENS,
    NATIVE_HEAD_ANSWER,
    NATIVE_HEAD_COUNT
};

/* A head is [dense, act, [norm]], then out. */
struct native_head_form {
    const char *dense;   /* hidden -> hidden; NULL: none */
    const char *norm;    /* NULL: none */
    const char *out;     /* hidden -> labels; of FILL_MASK the word embeddings when there is no such weight */
    const char *bias;    /* of out, where it is kept under another name; or NULL */
    enum native_act act; /* behind dense; NONE: the encoder's own */
};

#define NATIVE_ARCH_TYPES_MAX 3

struct native_arch {
    const char *model_type[NATIVE_ARCH_TYPES_MAX]; /* config.json's "model_type"; NULL behind the last */
    const char *prefix;                            /* stands before the names when a head was trained on top: "bert." */
    const char *key[NATIVE_KEY_COUNT];             /* NULL: none, TYPES only */
    const char *act_key;
    const char *eps_key; /* NULL: always 1e-12 */
    const char *part[NATIVE_PART_COUNT];
    bool takes_types;        /* token_type_ids is an input */
    bool positions_past_pad; /* the first position is the one behind pad_token_id */
    struct native_head_form head[NATIVE_HEAD_COUNT];
};

/* NULL: not one of ours. *ret_type: the name that matched, constant. */
const struct native_arch *native_arch_find(kit_str model_type, const char **ret_type);
#define NATIVE_ARCH_NAMES "bert, roberta, xlm-roberta, camembert and distilbert"

/* The head that a class of config.json's "architectures" has: "BertForMaskedLM". A class that is not ours has none. */
enum native_head native_arch_head(kit_str class_name);

/* The name of a part of a layer, without prefix and suffix, into buf; returns buf. */
#define NATIVE_NAME_BYTES 128
const char *native_arch_name(const struct native_arch *a, enum native_part part, uint32_t layer,
                             char buf[NATIVE_NAME_BYTES]);

#endif
