#include "arch.h"

#include <stdio.h>
#include <string.h>

/* RoBERTa took over BERT's keys and the names of its encoder. */
#define BERT_KEYS                                                                                                      \
    .key = {[NATIVE_KEY_HIDDEN] = "hidden_size",                                                                       \
            [NATIVE_KEY_LAYERS] = "num_hidden_layers",                                                                 \
            [NATIVE_KEY_HEADS] = "num_attention_heads",                                                                \
            [NATIVE_KEY_FFN] = "intermediate_size",                                                                    \
            [NATIVE_KEY_POSITIONS] = "max_position_embeddings",                                                        \
            [NATIVE_KEY_VOCAB] = "vocab_size",                                                                         \
            [NATIVE_KEY_TYPES] = "type_vocab_size"},                                                                   \
    .act_key = "hidden_act", .eps_key = "layer_norm_eps"
#define BERT_PARTS                                                                                                     \
    .part = {[NATIVE_PART_WORD] = "embeddings.word_embeddings",                                                        \
             [NATIVE_PART_POSITION] = "embeddings.position_embeddings",                                                \
             [NATIVE_PART_TYPE] = "embeddings.token_type_embeddings",                                                  \
             [NATIVE_PART_EMBED_NORM] = "embeddings.LayerNorm",                                                        \
             [NATIVE_PART_QUERY] = "encoder.layer.#.attention.self.query",                                             \
             [NATIVE_PART_KEY] = "encoder.layer.#.attention.self.key",                                                 \
             [NATIVE_PART_VALUE] = "encoder.layer.#.attention.self.value",                                             \
             [NATIVE_PART_OUT] = "encoder.layer.#.attention.output.dense",                                             \
             [NATIVE_PART_OUT_NORM] = "encoder.layer.#.attention.output.LayerNorm",                                    \
             [NATIVE_PART_UP] = "encoder.layer.#.intermediate.dense",                                                  \
             [NATIVE_PART_DOWN] = "encoder.layer.#.output.dense",                                                      \
             [NATIVE_PART_DOWN_NORM] = "encoder.layer.#.output.LayerNorm"}

static const struct native_arch archs[] = {
    {
        .model_type = {"bert"},
        .prefix = "bert.",
        BERT_KEYS,
        BERT_PARTS,
        .takes_types = true,
        .head = {[NATIVE_HEAD_FILL_MASK] = {.dense = "cls.predictions.transform.dense",
                                            .norm = "cls.predictions.transform.LayerNorm",
                                            .out = "cls.predictions.decoder",
                                            .bias = "cls.predictions"},
                 [NATIVE_HEAD_CLASSIFY] = {.dense = "pooler.dense", .act = NATIVE_ACT_TANH, .out = "classifier"},
                 [NATIVE_HEAD_TOKENS] = {.out = "classifier"},
                 [NATIVE_HEAD_ANSWER] = {.out = "qa_outputs"}},
    },
    {
        .model_type = {"roberta", "xlm-roberta", "camembert"},
        .prefix = "roberta.",
        BERT_KEYS,
        BERT_PARTS,
        .positions_past_pad = true,
        .head = {[NATIVE_HEAD_FILL_MASK] = {.dense = "lm_head.dense",
                                            .act = NATIVE_ACT_GELU,
                                            .norm = "lm_head.layer_norm",
                                            .out = "lm_head.decoder",
                                            .bias = "lm_head"},
                 [NATIVE_HEAD_CLASSIFY] = {.dense = "classifier.dense",
                                           .act = NATIVE_ACT_TANH,
                                           .out = "classifier.out_proj"},
                 [NATIVE_HEAD_TOKENS] = {.out = "classifier"},
                 [NATIVE_HEAD_ANSWER] = {.out = "qa_outputs"}},
    },
    {
        .model_type = {"distilbert"},
        .prefix = "distilbert.",
        .key = {[NATIVE_KEY_HIDDEN] = "dim",
                [NATIVE_KEY_LAYERS] = "n_layers",
                [NATIVE_KEY_HEADS] = "n_heads",
                [NATIVE_KEY_FFN] = "hidden_dim",
                [NATIVE_KEY_POSITIONS] = "max_position_embeddings",
                [NATIVE_KEY_VOCAB] = "vocab_size"},
        .act_key = "activation",
        .part = {[NATIVE_PART_WORD] = "embeddings.word_embeddings",
                 [NATIVE_PART_POSITION] = "embeddings.position_embeddings",
                 [NATIVE_PART_EMBED_NORM] = "embeddings.LayerNorm",
                 [NATIVE_PART_QUERY] = "transformer.layer.#.attention.q_lin",
                 [NATIVE_PART_KEY] = "transformer.layer.#.attention.k_lin",
                 [NATIVE_PART_VALUE] = "transformer.layer.#.attention.v_lin",
                 [NATIVE_PART_OUT] = "transformer.layer.#.attention.out_lin",
                 [NATIVE_PART_OUT_NORM] = "transformer.layer.#.sa_layer_norm",
                 [NATIVE_PART_UP] = "transformer.layer.#.ffn.lin1",
                 [NATIVE_PART_DOWN] = "transformer.layer.#.ffn.lin2",
                 [NATIVE_PART_DOWN_NORM] = "transformer.layer.#.output_layer_norm"},
        .head = {[NATIVE_HEAD_FILL_MASK] = {.dense = "vocab_transform",
                                            .norm = "vocab_layer_norm",
                                            .out = "vocab_projector"},
                 [NATIVE_HEAD_CLASSIFY] = {.dense = "pre_classifier", .act = NATIVE_ACT_RELU, .out = "classifier"},
                 [NATIVE_HEAD_TOKENS] = {.out = "classifier"},
                 [NATIVE_HEAD_ANSWER] = {.out = "qa_outputs"}},
    },
};

const struct native_arch *native_arch_find(kit_str model_type, const char **ret_type)
{
    for (size_t i = 0; i < KIT_COUNT(archs); i++) {
        for (size_t t = 0; t < NATIVE_ARCH_TYPES_MAX && archs[i].model_type[t] != NULL; t++) {
            if (kit_str_eq(model_type, kit_str_c(archs[i].model_type[t]))) {
                *ret_type = archs[i].model_type[t];
                return &archs[i];
            }
        }
    }
    return NULL;
}

/* Pre-training had two heads; of them it is the masked one that is asked. */
static const struct {
    const char *ending;
    enum native_head head;
} classes[] = {
    {"ForMaskedLM", NATIVE_HEAD_FILL_MASK},
    {"ForPreTraining", NATIVE_HEAD_FILL_MASK},
    {"ForSequenceClassification", NATIVE_HEAD_CLASSIFY},
    {"ForTokenClassification", NATIVE_HEAD_TOKENS},
    {"ForQuestionAnswering", NATIVE_HEAD_ANSWER},
};

enum native_head native_arch_head(kit_str class_name)
{
    for (size_t i = 0; i < KIT_COUNT(classes); i++) {
        if (kit_str_ends(class_name, kit_str_c(classes[i].ending))) {
            return classes[i].head;
        }
    }
    return NATIVE_HEAD_NONE;
}

const char *native_arch_name(const struct native_arch *a, enum native_part part, uint32_t layer,
                             char buf[NATIVE_NAME_BYTES])
{
    const char *name = a->part[part];
    const char *mark = strchr(name, '#');
    if (mark == NULL) {
        snprintf(buf, NATIVE_NAME_BYTES, "%s", name);
    } else {
        snprintf(buf, NATIVE_NAME_BYTES, "%.*s%u%s", (int)(mark - name), name, layer, mark + 1);
    }
    return buf;
}
