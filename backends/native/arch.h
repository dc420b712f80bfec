/* backends/native/arch.h - what tells one architecture from another: one row of a table.
 *
 * A new encoder that is built like BERT is a new row (its config.json keys and its tensors' names); one that is built
 * otherwise needs a forward of its own besides. Thread: any; constant. */
#ifndef NATIVE_ARCH_H
#define NATIVE_ARCH_H

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

struct native_arch {
    const char *model_type; /* config.json's "model_type" */
    const char *prefix;     /* stands before the names when a head was trained on top: "bert." */
    const char *key[NATIVE_KEY_COUNT];
    const char *act_key;
    const char *eps_key;
    const char *part[NATIVE_PART_COUNT];
};

const struct native_arch *native_arch_find(kit_str model_type); /* NULL: not one of ours */

/* The name of a part of a layer, without prefix and suffix, into buf; returns buf. */
#define NATIVE_NAME_BYTES 128
const char *native_arch_name(const struct native_arch *a, enum native_part part, uint32_t layer,
                             char buf[NATIVE_NAME_BYTES]);

#endif
