/* src/text/model.h - the "model" of tokenizer.json: what cuts a word into pieces. The table of functions that
 * each kind fills; a new kind is a file with such a table and a row in model.c.
 *
 * Thread: any once parsed. Memory: the caller's arena.
 * Kinds: WordPiece, BPE. */
#ifndef TEXT_MODEL_H
#define TEXT_MODEL_H

#include "text/room.h"
#include "text/tokens.h"
#include "text/vocab.h"

struct text_model;

struct text_model_kind {
    const char *type;
    /* node: the model's object. Errors with the path: PARSE, TOO_LARGE, NOMEM. */
    enum kit_status (*parse)(const struct text_node *node, struct kit_arena *arena, struct text_model **ret,
                             struct kit_err *err);
    /* Appends the pieces of one word (valid UTF-8, not empty), which starts at byte `at`; spans are at +
     * place in word. room: what the work needs; nothing in it lasts. Failure shows in out->failed. */
    void (*cut)(const struct text_model *m, kit_str word, size_t at, struct text_room *room, struct text_tokens *out);
};

/* The head of every kind's own struct. */
struct text_model {
    const struct text_model_kind *kind;
    struct text_vocab *vocab;
};

/* A model that does not say its type has one of the older files, before there were types; it is told by its members.
 * Errors: UNSUPPORTED unknown type; those of the kind's parse. */
KIT_MUST_CHECK enum kit_status text_model_parse(const struct text_node *node, struct kit_arena *arena,
                                                struct text_model **ret, struct kit_err *err);

#endif
