/* src/task/generate.h - the task generate: a language model goes on with a text, or with a conversation.
 *
 * Each input becomes a prompt of tokens (prompt.h), and each prompt n choices: sequences that the scheduler computes side by
 * side with those of others (sched/sequence.h). Their tokens are chosen, turned into text and told here.
 * Thread: as said. Memory: choices live as long as their request. */
#ifndef TASK_GENERATE_H
#define TASK_GENERATE_H

#include "sched/sequence.h"
#include "task/made.h"
#include "task/type.h"

extern const struct task_type task_generate;

struct task_choices; /* of a request; owned by it */

/* What the generator of a model does with logits; its ctx is the struct task_model. */
const struct sched_sink *task_generate_sink(void);
/* Hands the choices over: the request comes home when the last has ended. Under the request's lock. FULL, UNAVAILABLE, … as
 * sched_generate. */
KIT_MUST_CHECK enum kit_status task_generate_submit(struct task_model *m, struct task_request *r, struct kit_err *err);
/* The asker has left. Under the request's lock. */
void task_generate_cancel(struct task_model *m, struct task_request *r);
void task_choices_free(struct task_choices *c); /* NULL is fine */

/* --- for who makes the choices elsewhere (upstream.h) --- */

/* r->choices: so many, with nothing made. TOO_LARGE (TASK_CHOICES_MAX), NOMEM. */
KIT_MUST_CHECK enum kit_status task_choices_new(struct task_request *r, struct kit_err *err);
struct task_choice *task_choices_at(struct task_request *r, uint32_t choice);
/* Adds up the times of the choices' sequences, when all have ended. */
void task_choices_keep_times(struct task_request *r);

/* --- for who renders it. Any thread --- */

uint32_t task_generate_choices(const struct task_request *r); /* inputs times n, input by input; 0: nothing was begun */
struct task_made *task_generate_made(const struct task_request *r, uint32_t choice);
kit_str task_generate_token(const struct task_request *r, int32_t id); /* its text; borrowed from the model */

/* Tokens of all inputs, from the first news on; 0: another server makes the texts and tells it with the last. */
uint64_t task_generate_prompt_now(const struct task_request *r);

struct task_usage {
    uint64_t prompt, cached; /* tokens of all inputs, and how many of them needed no computing */
    uint64_t made;           /* of all choices */
    uint64_t prompt_ns;      /* until the first token of the slowest choice, from its start */
    uint64_t made_ns;        /* from there to the end */
};
struct task_usage task_generate_usage(const struct task_request *r); /* when it is home */

#endif
