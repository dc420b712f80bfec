/* src/task/choice.h - one text that is made: tokens are chosen, become text, and what a model writes among it, thoughts and
 * calls of tools, is told apart. For src/task/ only.
 *
 * token -> bytes -> stop strings (text/stops.h) -> content, reasoning, calls (chat/reply.h) -> what there is of it (made.h)
 * Thread: written by the thread that chooses its tokens, one at a time. Memory: part of struct task_choices. */
#ifndef TASK_CHOICE_H
#define TASK_CHOICE_H

#include "chat/reply.h"
#include "grammar/masks.h"
#include "sample/sample.h"
#include "sched/sequence.h"
#include "task/made.h"
#include "task/model.h"
#include "task/prompt.h"
#include "text/stops.h"

struct task_choice {
    struct sched_sequence sequence;
    struct task_request *r; /* borrowed: it holds the choice */
    struct task_made made;
    struct sample *sample;      /* owned */
    struct grammar_state *form; /* what it must look like; owned; NULL: anything */
    uint64_t *mask;             /* tokens that may come next; owned; NULL without a form */
    struct text_stops *stops;   /* owned */
    struct chat_reply *reply;   /* owned; NULL: all of it is content */
    bool keeps_tokens;          /* logprobs are wanted */
    struct kit_buf shown;       /* what the stop strings let through of a token */
    enum task_finish finish;    /* why it ended */
    uint32_t tokens;            /* chosen */
    uint32_t untold;            /* of them: since the last piece */
    bool over;                  /* the scheduler is done with it; under the choices' lock */
    enum kit_status failed;     /* of ours; the scheduler's are in the sequence */
    struct kit_err err;
};

/* How a question's texts are made, whichever of them. */
struct task_choice_options {
    const struct task_prompt *prompt;
    uint32_t item;              /* the input that it is of */
    struct grammar_masks *form; /* NULL: anything; referenced by what is opened */
    void *adapter;              /* of the model; NULL: none */
    uint32_t forms;             /* of calls: chat_reply_options.forms */
    kit_json tools;             /* borrowed as long as the choice */
};

/* Zeroed, with r set and made initialised. index: among the question's. INVALID (what sample and stops say), NOMEM. */
KIT_MUST_CHECK enum kit_status task_choice_open(const struct task_model *m, struct task_choice *c, uint32_t index,
                                                const struct task_choice_options *o, struct kit_err *err);
void task_choice_done(struct task_choice *c);

/* sched_sink.next. */
enum sched_next task_choice_next(const struct task_model *m, struct task_choice *c, float *logits, int32_t *token);
/* No more tokens come: what was held back is told, and how it ended. */
void task_choice_end(struct task_choice *c);

#endif
