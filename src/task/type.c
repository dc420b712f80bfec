#include "task/type.h"

#include <stdio.h>

#include "task/answer.h"
#include "task/classify.h"
#include "task/embed.h"
#include "task/fill_mask.h"
#include "task/generate.h"
#include "task/raw.h"
#include "task/rerank.h"
#include "task/similarity.h"
#include "task/token_classify.h"
#include "task/tokenize.h"

/* In the order in which a model that names no task of its own is asked. */
static const struct task_type *const types[] = {
    &task_embed,  &task_similarity, &task_rerank, &task_classify, &task_token_classify, &task_fill_mask,
    &task_answer, &task_generate,   &task_raw,    &task_tokenize, &task_detokenize};

const struct task_type *task_type_of(enum task_kind kind)
{
    for (size_t i = 0; i < KIT_COUNT(types); i++) {
        if (types[i]->kind == kind) {
            return types[i];
        }
    }
    return NULL;
}

static void add_kind(struct task_model *m, enum task_kind kind)
{
    const struct task_type *t = task_type_of(kind);
    bool there = t == NULL || !t->can(m);
    for (uint32_t i = 0; i < m->kind_count; i++) {
        there |= m->kinds[i] == kind;
    }
    if (!there) {
        m->kinds[m->kind_count++] = kind;
    }
}

void task_type_list(struct task_model *m)
{
    enum task_kind named[TASK_KIND_COUNT];
    uint32_t count = 0;
    kit_str rest = plug_model_meta(m->loaded->model, "tasks"), name;
    while (kit_str_cut(&rest, ',', &name)) {
        enum task_kind kind = task_kind_of(kit_str_trim(name));
        if (kind != TASK_KIND_COUNT && !task_model_names(m, kind)) {
            m->named |= 1u << kind;
            named[count++] = kind;
        }
    }
    m->kind_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        add_kind(m, named[i]);
    }
    for (size_t i = 0; i < KIT_COUNT(types); i++) {
        add_kind(m, types[i]->kind);
    }
}

bool task_type_is_told(const struct task_model *m, uint32_t index)
{
    bool others = false;
    for (uint32_t i = 0; i < m->kind_count; i++) {
        others |= m->kinds[i] != TASK_RAW && !task_type_of(m->kinds[i])->aside;
    }
    return m->kinds[index] == TASK_RAW ? !others : !task_type_of(m->kinds[index])->aside;
}

/* What inputs of a shape are for when the model can do nothing with them: the better complaint. */
static enum task_kind meant_by(const struct task_model *m, enum task_shape shape)
{
    switch (shape) {
    case TASK_SHAPE_ANSWER:
        return TASK_ANSWER;
    case TASK_SHAPE_RERANK:
        return TASK_RERANK;
    case TASK_SHAPE_SIMILARITY:
        return TASK_SIMILARITY;
    case TASK_SHAPE_CHAT:
        return TASK_GENERATE;
    case TASK_SHAPE_TENSORS:
        return TASK_RAW;
    default:
        return m->kinds[0];
    }
}

static enum task_kind default_for(const struct task_model *m, const struct task_request *r)
{
    for (uint32_t i = 0; i < m->kind_count; i++) {
        const struct task_type *t = task_type_of(m->kinds[i]);
        if ((t->shapes & (1u << r->inputs.shape)) != 0 && (t->fits == NULL || t->fits(m, r))) {
            return t->kind;
        }
    }
    return meant_by(m, r->inputs.shape);
}

/* Says what it can instead; tensors are for those who know that they want them. */
static enum kit_status fail_task(const struct task_model *m, enum task_kind kind, struct kit_err *err)
{
    char can[160] = "";
    size_t len = 0;
    for (uint32_t i = 0; i < m->kind_count; i++) {
        if (task_type_is_told(m, i)) {
            len += (size_t)snprintf(can + len, sizeof(can) - len, "%s'%s'", len > 0 ? ", " : "",
                                    task_kind_text(m->kinds[i]));
        }
    }
    bool padded = m->tokenizer != NULL && !task_model_takes_texts(m);
    return kit_fail_param(err, KIT_UNPROCESSABLE, "task", "model '%s' cannot do '%s'; it can do %s%s", m->loaded->id,
                          task_kind_text(kind), can,
                          padded ? " (its engine takes padded rows only: send tensors)" : "");
}

enum kit_status task_type_choose(const struct task_model *m, struct task_request *r, struct kit_err *err)
{
    if (r->kind == TASK_DEFAULT) {
        r->kind = default_for(m, r);
    }
    const struct task_type *t = task_type_of(r->kind);
    if (t == NULL || !t->can(m)) {
        return fail_task(m, r->kind, err);
    }
    if ((t->shapes & (1u << r->inputs.shape)) == 0) {
        return kit_fail_param(err, KIT_UNPROCESSABLE, "inputs", "task '%s' of model '%s' takes %s",
                              task_kind_text(r->kind), m->loaded->id, t->takes);
    }
    return task_parameters_suit(&r->parameters, r->kind, err);
}
