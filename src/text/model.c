#include "text/model.h"

#include "text/bpe.h"
#include "text/wordpiece.h"

static const struct text_model_kind *const kinds[] = {&text_wordpiece_kind, &text_bpe_kind};

static bool has(const struct text_node *node, const char *key)
{
    return kit_json_type(kit_json_get(node->value, key)) != KIT_JSON_NONE;
}

static enum kit_status type_of(const struct text_node *node, kit_str *ret, struct kit_err *err)
{
    if (!has(node, "type") && has(node, "merges")) {
        *ret = kit_str_lit("BPE");
        return KIT_OK;
    }
    if (!has(node, "type") && has(node, "max_input_chars_per_word")) {
        *ret = kit_str_lit("WordPiece");
        return KIT_OK;
    }
    return text_node_type(node, ret, err);
}

enum kit_status text_model_parse(const struct text_node *node, struct kit_arena *arena, struct text_model **ret,
                                 struct kit_err *err)
{
    kit_str type;
    enum kit_status rc = type_of(node, &type, err);
    if (rc != KIT_OK) {
        return rc;
    }
    for (size_t i = 0; i < KIT_COUNT(kinds); i++) {
        if (kit_str_eq(type, kit_str_c(kinds[i]->type))) {
            return kinds[i]->parse(node, arena, ret, err);
        }
    }
    return text_node_unknown_type(node, type, err);
}
