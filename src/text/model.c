#include "text/model.h"

#include "text/wordpiece.h"

static const struct text_model_kind *const kinds[] = {&text_wordpiece_kind};

enum kit_status text_model_parse(const struct text_node *node, struct kit_arena *arena, struct text_model **ret,
                                 struct kit_err *err)
{
    kit_str type;
    enum kit_status rc = text_node_type(node, &type, err);
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
