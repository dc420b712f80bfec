#include "arch.h"

#include <stdio.h>
#include <string.h>

static const struct native_arch archs[] = {
    {.model_type = "bert",
     .prefix = "bert.",
     .key = {[NATIVE_KEY_HIDDEN] = "hidden_size",
             [NATIVE_KEY_LAYERS] = "num_hidden_layers",
             [NATIVE_KEY_HEADS] = "num_attention_heads",
             [NATIVE_KEY_FFN] = "intermediate_size",
             [NATIVE_KEY_POSITIONS] = "max_position_embeddings",
             [NATIVE_KEY_VOCAB] = "vocab_size",
             [NATIVE_KEY_TYPES] = "type_vocab_size"},
     .act_key = "hidden_act",
     .eps_key = "layer_norm_eps",
     .part = {[NATIVE_PART_WORD] = "embeddings.word_embeddings",
              [NATIVE_PART_POSITION] = "embeddings.position_embeddings",
              [NATIVE_PART_TYPE] = "embeddings.token_type_embeddings",
              [NATIVE_PART_EMBED_NORM] = "embeddings.LayerNorm",
              [NATIVE_PART_QUERY] = "encoder.layer.#.attention.self.query",
              [NATIVE_PART_KEY] = "encoder.layer.#.attention.self.key",
              [NATIVE_PART_VALUE] = "encoder.layer.#.attention.self.value",
              [NATIVE_PART_OUT] = "encoder.layer.#.attention.output.dense",
              [NATIVE_PART_OUT_NORM] = "encoder.layer.#.attention.output.LayerNorm",
              [NATIVE_PART_UP] = "encoder.layer.#.intermediate.dense",
              [NATIVE_PART_DOWN] = "encoder.layer.#.output.dense",
              [NATIVE_PART_DOWN_NORM] = "encoder.layer.#.output.LayerNorm"}},
};

const struct native_arch *native_arch_find(kit_str model_type)
{
    for (size_t i = 0; i < KIT_COUNT(archs); i++) {
        if (kit_str_eq(model_type, kit_str_c(archs[i].model_type))) {
            return &archs[i];
        }
    }
    return NULL;
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
