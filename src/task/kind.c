#include "task/kind.h"

static const char *const texts[] = {
#define TASK_KIND_TEXT(name, text) text,
    TASK_KINDS(TASK_KIND_TEXT)
#undef TASK_KIND_TEXT
};

const char *task_kind_text(enum task_kind k)
{
    return k < TASK_KIND_COUNT ? texts[k] : "";
}

enum task_kind task_kind_of(kit_str name)
{
    for (int k = TASK_DEFAULT + 1; k < TASK_KIND_COUNT; k++) {
        if (kit_str_eq(name, kit_str_c(texts[k]))) {
            return (enum task_kind)k;
        }
    }
    return TASK_KIND_COUNT;
}
