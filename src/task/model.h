/* src/task/model.h - what task/ attaches to a loaded model: its tokenizer, what it can, and its lane in the scheduler.
 *
 * Thread: the facts are immutable after warm and may be read while a reference to the loaded model is held; the lane is
 * reached through the functions below, which know when it has closed. Memory: freed by model_observer.forget. */
#ifndef TASK_MODEL_H
#define TASK_MODEL_H

#include "chat/chat.h"
#include "grammar/cache.h"
#include "task/adapters.h"
#include "task/labels.h"
#include "task/scratch.h"
#include "task/service.h"
#include "task/specials.h"
#include "task/vocab.h"
#include "text/tokenizer.h"

#define TASK_NO_MASK UINT32_MAX

struct task_model {
    struct model_loaded *loaded;      /* borrowed: this lives inside it */
    struct text_tokenizer *tokenizer; /* owned; NULL: the model takes tensors only */
    /* Ports, NULL where the model has none. Inputs: input_ids and token_type_ids; outputs: pooled,
     * last_hidden_state (a line a token), logits. */
    const struct acb_port *ids, *types, *vectors, *hidden, *logits;
    enum task_kind kinds[TASK_KIND_COUNT]; /* what it can, its default first; never empty: raw is among them */
    uint32_t kind_count;
    uint32_t named;                      /* bit k: its back end names enum task_kind k */
    struct task_labels labels;           /* of a classifier's or tagger's logits; none else */
    enum task_pooling pooling;           /* of its vectors; OWN: it does not say */
    bool normalizes;                     /* its vectors have length 1 */
    enum task_function function;         /* of classify, when the question does not say */
    uint32_t mask_id;                    /* of a masked language model; TASK_NO_MASK: it has none */
    uint32_t row_tokens_max;             /* longest text, special tokens included */
    bool own_vocab;                      /* its vocabulary came with the weights */
    struct task_vocab vocab;             /* of that, for rows; else nothing */
    bool infers, generates;              /* what its engine is for: tensors in and out, texts that are gone on with */
    struct task_specials specials;       /* of a vocabulary that came with the weights */
    struct chat_template *chat_template; /* owned; NULL: it makes no texts */
    struct task_adapters adapters;
    struct kit_mutex grammars_lock;    /* guards the making of grammars */
    struct grammar_cache *grammars;    /* owned; NULL: nobody has needed one yet */
    struct kit_mutex lock;             /* guards lane: submit and cancel meet close */
    struct sched_lane *lane;           /* owned; NULL: closed, or it makes texts only */
    struct sched_generator *generator; /* owned; NULL: closed, or it makes none */
    struct task_scratches scratches;   /* to tokenize with */
};

/* Errors: LOAD_FAILED with the file that is broken, NOMEM, what sched_lane_open says. */
KIT_MUST_CHECK enum kit_status task_model_warm(struct task_service *s, struct plug_engine *engine,
                                               struct model_loaded *loaded, struct kit_err *err);
/* What model_observer.cool asks: closes the lane (sched_lane_close). Blocks. */
void task_model_cool(struct task_model *m, bool failed, const char *why);
void task_model_free(struct task_model *m); /* cooled; NULL is fine */

/* Can texts be asked of it: has it a tokenizer, and does the engine take rows as they are? */
static inline bool task_model_takes_texts(const struct task_model *m)
{
    return (m->tokenizer != NULL || m->own_vocab) && m->ids != NULL && (m->ids->flags & ACB_PORT_RAGGED) != 0;
}

static inline bool task_model_names(const struct task_model *m, enum task_kind kind)
{
    return (m->named & (1u << kind)) != 0;
}

/* For tasks over texts with a head: the back end names the task, and has logits, one line a token (ragged) or a row. */
static inline bool task_model_has_head(const struct task_model *m, enum task_kind kind, bool ragged)
{
    return task_model_takes_texts(m) && task_model_names(m, kind) && m->logits != NULL &&
           ((m->logits->flags & ACB_PORT_RAGGED) != 0) == ragged;
}

static inline struct task_model *task_model_of(const struct model_loaded *loaded)
{
    return loaded->attached;
}

/* Queues what was prepared. UNAVAILABLE when the lane has closed meanwhile, FULL (err says when to try again) when it is. err:
 * not NULL. */
KIT_MUST_CHECK enum kit_status task_model_submit(struct task_model *m, struct task_request *r, struct kit_err *err);
/* Of a closed lane nothing is there any more. */
void task_model_cancel(struct task_model *m, struct task_request *r);

#endif
