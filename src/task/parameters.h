/* src/task/parameters.h - what a question may say about how its task is done: one table for reading, checking and messages.
 *
 *   parameter          of                      default, and what it does
 *   truncate           all over texts          true: texts that are longer than the model takes are cut, pairs their longer
 *                                              part first, and counted in usage.truncated; false: they are refused. Contexts
 *                                              of answer are never cut: they become several windows
 *   normalize          embed                   as the model's folder says; true: vectors of length 1
 *   pooling            embed                   as the folder says; mean, cls, max; none: a vector for each token
 *   dimensions         embed, similarity       all; only the first so many of them
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
 *   add_special_tokens tokenize                true: with those that the model's template puts around a text
 *   skip_special_tokens detokenize             true: without them
 *   raw_scores         rerank                  false: scores go through a sigmoid; true: as the model gives them
 *
 *   Of generate:
 *   max_tokens                                 most new tokens of a text, 1 … 1,048,576; default TASK_TOKENS_DEFAULT; more than
 *                                              the model takes are as many as it takes
 *   temperature                                1; 0: always the likeliest token, … 10
 *   top_k, top_p, min_p, typical_p             off, 1, 0, 1: which tokens may be chosen (sample/sample.h)
 *   repetition_penalty, presence_penalty, frequency_penalty    1, 0, 0
 *   penalty_tokens                             how far back the penalties look; default all
 *   logit_bias                                 {"token id": -100 … 100}, at most TASK_BIAS_MAX
 *   seed                                       the same seed gives the same text when nothing else runs; default by chance
 *   n                                          texts an input, 1 … TASK_CHOICES_MAX; default 1
 *   stop                                       a text or an array of them, at most TASK_STOPS_MAX: where it ends
 *   logprobs                                   0 … 20: of each token, and of so many that were likely beside it
 *   echo                                       false; true: the prompt comes first
 *   format                                     "json", or a JSON Schema: what the text must be
 *   grammar                                    the same as GBNF
 *   tools, tool_choice, parallel_tool_calls    what the model may call: as in OpenAI's API; tool_choice auto, none, required
 *                                              or a tool's name
 *   adapter                                    the LoRA adapter of that name (adapters.h)
 *   template_values                            an object: more names for the model's chat template
 *
 * Thread: any; the table never changes. */
#ifndef TASK_PARAMETERS_H
#define TASK_PARAMETERS_H

#include "task/kind.h"

#define TASK_TARGETS_MAX 1000
#define TASK_TOP_MAX 10000
#define TASK_TOKENS_MAX (1u << 20)
#define TASK_TOKENS_DEFAULT 256
#define TASK_CHOICES_MAX 128 /* of a question: its inputs times n */
#define TASK_STOPS_MAX 16
#define TASK_STOP_BYTES_MAX 256
#define TASK_BIAS_MAX 1024
#define TASK_LOGPROBS_MAX 20

/* The first of each stands for "not said". */
enum task_pooling { TASK_POOLING_OWN, TASK_POOLING_MEAN, TASK_POOLING_CLS, TASK_POOLING_MAX, TASK_POOLING_NONE };
enum task_function { TASK_FUNCTION_OWN, TASK_FUNCTION_SOFTMAX, TASK_FUNCTION_SIGMOID, TASK_FUNCTION_NONE };
enum task_aggregation {
    TASK_AGGREGATION_SIMPLE,
    TASK_AGGREGATION_NONE,
    TASK_AGGREGATION_FIRST,
    TASK_AGGREGATION_MAX,
    TASK_AGGREGATION_AVERAGE
};

/* Some texts. In the arena. */
struct task_list {
    kit_str *texts; /* [count] */
    uint32_t count;
};

/* What is added to the logits of some tokens. In the arena. */
struct task_biases {
    struct task_bias {
        int32_t token;
        float bias;
    } * list; /* [count] */
    uint32_t count;
};

struct task_parameters {
    uint64_t given; /* bit i: row i of the table was said */
    bool truncate, normalize, null_answer, return_text, raw_scores, add_special_tokens, skip_special_tokens;
    uint32_t pooling;                  /* enum task_pooling */
    uint32_t function;                 /* enum task_function */
    uint32_t aggregation;              /* enum task_aggregation */
    uint32_t dimensions, top_k, top_n; /* 0: not said */
    uint32_t max_answer_tokens, stride;
    struct task_list targets;

    /* Of generate. */
    uint32_t max_tokens, penalty_tokens, n, logprobs;
    float temperature, top_p, min_p, typical_p, repetition_penalty, presence_penalty, frequency_penalty;
    uint64_t seed;
    bool echo, parallel_tool_calls;
    struct task_biases logit_bias;
    struct task_list stop;
    kit_str format, tools, template_values; /* JSON; arena; empty: not said */
    kit_str grammar, tool_choice, adapter;  /* text; likewise */
};

enum task_parameter_type {
    TASK_PARAMETER_BOOL,
    TASK_PARAMETER_COUNT,  /* uint32_t */
    TASK_PARAMETER_NUMBER, /* float */
    TASK_PARAMETER_SEED,   /* uint64_t: any whole number */
    TASK_PARAMETER_NAME,   /* uint32_t */
    TASK_PARAMETER_TEXT,   /* kit_str */
    TASK_PARAMETER_TEXTS,  /* struct task_list; one text may come without its array */
    TASK_PARAMETER_BIASES, /* struct task_biases */
    TASK_PARAMETER_JSON,   /* kit_str: any value, written out */
};

struct task_parameter {
    const char *name;
    enum task_parameter_type type;
    uint32_t tasks;  /* bit k: enum task_kind k takes it */
    size_t offset;   /* of its value in struct task_parameters */
    double min, max; /* of COUNT and NUMBER, of the bytes of TEXT, and of how many TEXTS and BIASES there are */
    const char *const *names; /* of NAME: value i is names[i], NULL behind the last; "" cannot be said */
};

/* NULL behind the last row. */
const struct task_parameter *task_parameter_at(uint32_t index);
uint32_t task_parameter_of(const char *name); /* its row; behind the last: there is none of that name */
bool task_parameters_has(const struct task_parameters *p, const char *name); /* was it said? */

void task_parameters_set_logprobs(struct task_parameters *p, uint32_t others); /* as if logprobs had been said */
void task_parameters_init(struct task_parameters *p);                          /* the defaults */
/* Does the task take all that was said? INVALID, param "parameters.<name>", naming those that it takes. */
KIT_MUST_CHECK enum kit_status task_parameters_suit(const struct task_parameters *p, enum task_kind kind,
                                                    struct kit_err *err);
/* "truncate, top_k": of one task, or of all (TASK_DEFAULT). Returns `to`. */
char *task_parameters_list(enum task_kind kind, char *to, size_t room);

#endif
