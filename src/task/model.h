/* src/task/model.h - what task/ attaches to a loaded model: its tokenizer, what it can, and its lane in the scheduler.
 *
 * Thread: the facts are immutable after warm and may be read while a reference to the loaded model is held; the lane is
 * reached through the functions below, which know when it has closed. Memory: freed by model_observer.forget. */
#ifndef TASK_MODEL_H
#define TASK_MODEL_H

#include "task/scratch.h"
#include "task/service.h"
#include "text/tokenizer.h"

struct task_model {
    struct model_loaded *loaded;      /* borrowed: this lives inside it */
    struct text_tokenizer *tokenizer; /* owned; NULL: the model takes tensors only */
    /* Ports, NULL where the model has none. Inputs: input_ids and token_type_ids; outputs: pooled, logits. */
    const struct acb_port *ids, *types, *vectors, *logits;
    enum task_kind kinds[TASK_KIND_COUNT]; /* what it can, its default first; never empty: raw is among them */
    uint32_t kind_count;
    uint32_t row_tokens_max;         /* longest text, special tokens included */
    struct kit_mutex lock;           /* guards lane: submit and cancel meet close */
    struct sched_lane *lane;         /* owned; NULL: closed */
    struct task_scratches scratches; /* to tokenize with */
};

/* Errors: LOAD_FAILED with the file that is broken, NOMEM, what sched_lane_open says. */
KIT_MUST_CHECK enum kit_status task_model_warm(struct task_service *s, struct plug_engine *engine,
                                               struct model_loaded *loaded, struct kit_err *err);
void task_model_cool(struct task_model *m, bool failed, const char *why);
void task_model_free(struct task_model *m);

/* Can texts be asked of it: has it a tokenizer, and does the engine take rows as they are? */
static inline bool task_model_takes_texts(const struct task_model *m)
{
    return m->tokenizer != NULL && m->ids != NULL && (m->ids->flags & ACB_PORT_RAGGED) != 0;
}

static inline struct task_model *task_model_of(const struct model_loaded *loaded)
{
    return loaded->attached;
}

/* UNAVAILABLE when the lane has closed meanwhile, FULL (err says when to try again) when it is. err: not NULL. */
KIT_MUST_CHECK enum kit_status task_model_submit(struct task_model *m, struct task_request *r, struct kit_err *err);
void task_model_cancel(struct task_model *m, kit_id ticket);

#endif
