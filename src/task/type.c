#include "task/type.h"

#include "task/embed.h"
#include "task/raw.h"

/* In the order in which a model that names no task of its own is asked. */
static const struct task_type *const types[] = {&task_embed, &task_raw};

const struct task_type *task_type_of(enum task_kind kind)
{
    for (size_t i = 0; i < KIT_COUNT(types); i++) {
        if (types[i]->kind == kind) {
            return types[i];
        }
    }
    return NULL;
}

enum task_kind task_type_default(const struct task_model *m)
{
    kit_str rest = plug_model_meta(m->loaded->model, "tasks"), name;
    while (kit_str_cut(&rest, ',', &name)) {
        const struct task_type *t = task_type_of(task_kind_of(kit_str_trim(name)));
        if (t != NULL && t->can(m)) {
            return t->kind;
        }
    }
    for (size_t i = 0; i < KIT_COUNT(types); i++) {
        if (types[i]->can(m)) {
            return types[i]->kind;
        }
    }
    return TASK_RAW;
}

enum kit_status task_type_choose(const struct task_model *m, struct task_request *r, struct kit_err *err)
{
    if (r->kind == TASK_DEFAULT) {
        r->kind = r->tensors.count > 0 ? TASK_RAW : m->kind;
    }
    const struct task_type *t = task_type_of(r->kind);
    if (!t->can(m)) {
        return kit_fail_param(err, KIT_UNPROCESSABLE, "task", "model '%s' cannot do the task '%s'; its own is '%s'",
                              m->loaded->id, task_kind_text(r->kind), task_kind_text(m->kind));
    }
    return t->check(m, r, err);
}
