/* src/task/vocab.h - texts become rows by a vocabulary that came with the weights (GGUF), for models that take rows.
 *
 * What stands around a text, [CLS] and [SEP] or <s> and </s>, is found by tokenizing a text with and without it. A pair is both
 * texts with the same around and between them, </s> twice, as BERT and RoBERTa have it. Thread: any; blocks (a cell is
 * asked): not on a loop. Memory: as each function says. */
#ifndef TASK_VOCAB_H
#define TASK_VOCAB_H

#include "plug/engine.h"
#include "text/encoding.h"

#define TASK_VOCAB_AROUND_MAX 4

struct task_vocab {
    int32_t head[TASK_VOCAB_AROUND_MAX], tail[TASK_VOCAB_AROUND_MAX];
    uint32_t head_count, tail_count;
    bool twice; /* the tail stands twice between the texts of a pair */
};

/* LOAD_FAILED: more stands around a text than we know; what plug_model_tokenize says. */
KIT_MUST_CHECK enum kit_status task_vocab_learn(struct task_vocab *v, struct plug_model *m, struct kit_err *err);

struct task_vocab_options {
    uint32_t tokens_max; /* special ones included */
    bool truncate;       /* cut what is longer, of a pair the longer text first; else TOO_LARGE */
};
/* pair: NULL: none. Ids, types (0 and 1 of a pair's second) and dropped are filled, nothing else; the arrays are room's. Errors:
 * TOO_LARGE (param "text"), what plug_model_tokenize says. */
KIT_MUST_CHECK enum kit_status task_vocab_encode(const struct task_vocab *v, struct plug_model *m, kit_str text,
                                                 const kit_str *pair, const struct task_vocab_options *options,
                                                 struct text_encoding_room *room, struct kit_err *err);

#endif
