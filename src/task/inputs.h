/* src/task/inputs.h - what a question brings: inputs of one shape, each of them one or more texts, with or without a second
 * text beside each.
 *
 * An input is an item: what it gives is one item of the answer. Texts of all items lie behind each other, so that tasks see
 * one list: {query, texts} is as many texts as there are candidates, each the query with the candidate as its pair;
 * {source, texts} is the source and then the others. Thread: whoever works on the request. Memory: the request's arena. */
#ifndef TASK_INPUTS_H
#define TASK_INPUTS_H

#include "aether/backend.h"
#include "kit/str.h"

enum task_shape {
    TASK_SHAPE_TEXT,       /* "…", or {text} */
    TASK_SHAPE_PAIR,       /* {text, pair}; a batch may have plain texts among them */
    TASK_SHAPE_ANSWER,     /* {question, context} */
    TASK_SHAPE_RERANK,     /* {query, texts} */
    TASK_SHAPE_SIMILARITY, /* {source, texts} */
    TASK_SHAPE_CHAT,       /* {messages}: its text is the array as JSON */
    TASK_SHAPE_TOKENS,     /* {tokens}: its text is their ids, int32_t each, aligned for them */
    TASK_SHAPE_TENSORS,    /* {tensors}; never in a batch */
    TASK_SHAPE_COUNT
};

/* The members of an input that is an object. */
struct task_shape_fields {
    const char *first, *second; /* "text", "pair"; second NULL: there is none */
    bool list;                  /* second is a list of texts */
    bool optional;              /* second may be left out */
};
const struct task_shape_fields *task_shape_fields(enum task_shape s);

/* Inputs of a tensor task: name, dtype, shape, little-endian row-major bytes; all in the arena. */
struct task_tensors {
    struct acb_tensor **tensor; /* [count] */
    uint32_t count;
};

struct task_inputs {
    enum task_shape shape;
    bool batch;          /* an array of inputs came, perhaps of one */
    kit_str *texts;      /* [text_count] */
    kit_str *pairs;      /* [text_count]; {NULL, 0}: that text has none. NULL: none has one */
    uint32_t text_count; /* 0 of tensors */
    uint32_t item_count; /* inputs */
    uint32_t *firsts;    /* [item_count + 1]: the first text of each item; NULL: one text an item */
    struct task_tensors tensors;
};

/* Items over a list, here of texts, elsewhere of rows. firsts [item_count + 1]: where in it each item begins; NULL: item i is
 * the i-th of the list. */
static inline uint32_t task_item_first(const uint32_t *firsts, uint32_t item)
{
    return firsts != NULL ? firsts[item] : item;
}
uint32_t task_item_at(const uint32_t *firsts, uint32_t item_count, uint32_t place); /* the item that has this place */

uint64_t task_inputs_bytes(const struct task_inputs *in); /* of all texts */

enum task_part { TASK_PART_BOTH, TASK_PART_FIRST, TASK_PART_SECOND };
/* The path of a text, for messages and struct kit_err::param: "inputs", "inputs[3].pair", "inputs[1].texts[2]". part: of
 * the text, of the pair beside it, or of the two together ("inputs[3]"). Returns `to`. */
const char *task_inputs_path(const struct task_inputs *in, uint32_t text, enum task_part part,
                             char to[KIT_ERR_PARAM_BYTES]);
/* Puts the path before the message of an error and into its param. err may be NULL. Returns rc. */
enum kit_status task_inputs_blame(const struct task_inputs *in, uint32_t text, enum task_part part, enum kit_status rc,
                                  struct kit_err *err);

#endif
