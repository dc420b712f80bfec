/* src/task/parameters.h - what a question may say about how its task is done: one table for reading, checking and messages.
 *
 *   parameter          of                      default, and what it does
 *   truncate           all over texts          true: texts that are longer than the model takes are cut, pairs their longer
 *                                              part first, and counted in usage.truncated; false: they are refused. Contexts
 *                                              of answer are never cut: they become several windows
 *   normalize          embed                   as the model's folder says; true: vectors of length 1
 *   pooling            embed                   as the folder says; mean, cls, max
 *   top_k              classify                how many labels come, best first; default all, 1 … 10,000
 *                      fill-mask               tokens a mask; default 5
 *                      answer                  answers a question; default 1
 *   function           classify                as the model's problem_type says: softmax; sigmoid for several labels at a time
 *                                              and for a lone one; none for regression
 *   aggregation        token-classify          simple: entities of neighbours with one label; none: one entry a token, with
 *                                              B- and I- kept; first, max, average: a word's tokens agree on one label first
 *   targets            fill-mask               only these tokens, 1 … TASK_TARGETS_MAX; each must be one of the vocabulary
 *   max_answer_tokens  answer                  15, 1 … 512
 *   stride             answer                  128 or half of a window: tokens that neighbouring windows share; 0 … half
 *   null_answer        answer                  false; true: "no answer" competes too, as text "" (SQuAD 2.0)
 *   top_n              rerank                  how many texts come, best first; default all
 *   return_text        rerank                  false; true: each entry brings its text
 *   raw_scores         rerank                  false: scores go through a sigmoid; true: as the model gives them
 *
 * Thread: any; the table never changes. */
#ifndef TASK_PARAMETERS_H
#define TASK_PARAMETERS_H

#include "task/kind.h"

#define TASK_TARGETS_MAX 1000
#define TASK_TOP_MAX 10000

/* The first of each stands for "not said". */
enum task_pooling { TASK_POOLING_OWN, TASK_POOLING_MEAN, TASK_POOLING_CLS, TASK_POOLING_MAX };
enum task_function { TASK_FUNCTION_OWN, TASK_FUNCTION_SOFTMAX, TASK_FUNCTION_SIGMOID, TASK_FUNCTION_NONE };
enum task_aggregation {
    TASK_AGGREGATION_SIMPLE,
    TASK_AGGREGATION_NONE,
    TASK_AGGREGATION_FIRST,
    TASK_AGGREGATION_MAX,
    TASK_AGGREGATION_AVERAGE
};

struct task_parameters {
    uint32_t given; /* bit i: row i of the table was said */
    bool truncate, normalize, null_answer, return_text, raw_scores;
    uint32_t pooling;      /* enum task_pooling */
    uint32_t function;     /* enum task_function */
    uint32_t aggregation;  /* enum task_aggregation */
    uint32_t top_k, top_n; /* 0: not said */
    uint32_t max_answer_tokens, stride;
    kit_str *targets; /* [target_count], arena */
    uint32_t target_count;
};

enum task_parameter_type { TASK_PARAMETER_BOOL, TASK_PARAMETER_COUNT, TASK_PARAMETER_NAME, TASK_PARAMETER_TEXTS };

struct task_parameter {
    const char *name;
    enum task_parameter_type type;
    uint32_t tasks;           /* bit k: enum task_kind k takes it */
    size_t offset;            /* of its value in struct task_parameters: bool, or uint32_t for COUNT and NAME */
    uint32_t min, max;        /* of COUNT, and of the number of TEXTS */
    const char *const *names; /* of NAME: value i is names[i], NULL behind the last; "" cannot be said */
};

/* NULL behind the last row. */
const struct task_parameter *task_parameter_at(uint32_t index);
bool task_parameters_has(const struct task_parameters *p, const char *name); /* was it said? */

void task_parameters_init(struct task_parameters *p); /* the defaults */
/* Does the task take all that was said? INVALID, param "parameters.<name>", naming those that it takes. */
KIT_MUST_CHECK enum kit_status task_parameters_suit(const struct task_parameters *p, enum task_kind kind,
                                                    struct kit_err *err);
/* "truncate, top_k": of one task, or of all (TASK_DEFAULT). Returns `to`. */
char *task_parameters_list(enum task_kind kind, char *to, size_t room);

#endif
