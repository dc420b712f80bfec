/* src/text/node.h - a value of tokenizer.json that knows its path, so that an error can name it.
 *
 *     struct text_node model = text_node_get(&root, "model");
 *     return text_node_fail(&model, KIT_PARSE, err, "must be an object");      // "model: must be an object"
 * Nodes live on the stack of who walks down; a node borrows its parent. Thread: as the document's. Memory:
 * none. */
#ifndef TEXT_NODE_H
#define TEXT_NODE_H

#include "kit/json.h"

struct text_node {
    kit_json value;
    const struct text_node *up; /* borrowed; NULL at the root */
    kit_str key;                /* "" for an item of an array */
    size_t index;
};

struct text_node text_node_root(kit_json value);
/* A member; its value may be {NULL}, which the readers below call missing. key: a literal. */
struct text_node text_node_get(const struct text_node *up, const char *key);

/* Walks an array or object: for (struct text_node n; text_node_next(&up, &iter, &n);) with iter from
 * kit_json_iter. */
bool text_node_next(const struct text_node *up, struct kit_json_iter *iter, struct text_node *ret);

bool text_node_is_null(const struct text_node *n); /* missing or null */

#define TEXT_NODE_PATH_BYTES 160
/* "normalizer.normalizers[1].type"; returns buf. */
char *text_node_path(const struct text_node *n, char buf[TEXT_NODE_PATH_BYTES]);

/* Fills err with "path: message", the path as param too, and returns code. */
#define text_node_fail(n, code, err, ...) text_node_fail_at((n), (code), (err), KIT_HERE, __VA_ARGS__)
enum kit_status text_node_fail_at(const struct text_node *n, enum kit_status code, struct kit_err *err,
                                  const char *where, const char *format, ...) KIT_PRINTF(5, 6);

/* Each reads one value or fails with PARSE, naming path, what it must be and what it is. The `_or` forms take
 * `otherwise` where it is missing or null. */
KIT_MUST_CHECK enum kit_status text_node_need(const struct text_node *n, enum kit_json_type type, struct kit_err *err);
KIT_MUST_CHECK enum kit_status text_node_str(const struct text_node *n, kit_str *ret, struct kit_err *err);
KIT_MUST_CHECK enum kit_status text_node_u32(const struct text_node *n, uint32_t max, uint32_t *ret,
                                             struct kit_err *err);
KIT_MUST_CHECK enum kit_status text_node_bool_or(const struct text_node *up, const char *key, bool otherwise, bool *ret,
                                                 struct kit_err *err);
KIT_MUST_CHECK enum kit_status text_node_u32_or(const struct text_node *up, const char *key, uint32_t max,
                                                uint32_t otherwise, uint32_t *ret, struct kit_err *err);
KIT_MUST_CHECK enum kit_status text_node_str_or(const struct text_node *up, const char *key, kit_str otherwise,
                                                kit_str *ret, struct kit_err *err);
/* One of the words; *ret gets its index. words end with NULL. */
KIT_MUST_CHECK enum kit_status text_node_word_or(const struct text_node *up, const char *key, const char *const *words,
                                                 uint32_t otherwise, uint32_t *ret, struct kit_err *err);

/* The member "type" of an object. */
KIT_MUST_CHECK enum kit_status text_node_type(const struct text_node *n, kit_str *ret, struct kit_err *err);
/* "normalizer.type: 'Precompiled' is not supported yet": UNSUPPORTED. */
enum kit_status text_node_unknown_type(const struct text_node *n, kit_str type, struct kit_err *err);

#endif
