#include "task/parameters.h"

#include <stdio.h>
#include <string.h>

#include "task/adapters.h"

#define OF(kind) (1u << TASK_##kind)
#define ALL_TEXT                                                                                                       \
    (OF(EMBED) | OF(SIMILARITY) | OF(RERANK) | OF(CLASSIFY) | OF(TOKEN_CLASSIFY) | OF(FILL_MASK) | OF(ANSWER))
#define AT(field) offsetof(struct task_parameters, field)

static const char *const poolings[] = {"", "mean", "cls", "max", "none", NULL};
static const char *const functions[] = {"", "softmax", "sigmoid", "none", NULL};
static const char *const aggregations[] = {"simple", "none", "first", "max", "average", NULL};

static const struct task_parameter table[] = {
    {"truncate", TASK_PARAMETER_BOOL, ALL_TEXT, AT(truncate), 0, 0, NULL},
    {"normalize", TASK_PARAMETER_BOOL, OF(EMBED), AT(normalize), 0, 0, NULL},
    {"pooling", TASK_PARAMETER_NAME, OF(EMBED), AT(pooling), 0, 0, poolings},
    {"dimensions", TASK_PARAMETER_COUNT, OF(EMBED) | OF(SIMILARITY), AT(dimensions), 1, 1u << 20, NULL},
    {"top_k", TASK_PARAMETER_COUNT, OF(CLASSIFY) | OF(FILL_MASK) | OF(ANSWER) | OF(GENERATE), AT(top_k), 1,
     TASK_TOP_MAX, NULL},
    {"function", TASK_PARAMETER_NAME, OF(CLASSIFY), AT(function), 0, 0, functions},
    {"aggregation", TASK_PARAMETER_NAME, OF(TOKEN_CLASSIFY), AT(aggregation), 0, 0, aggregations},
    {"targets", TASK_PARAMETER_TEXTS, OF(FILL_MASK), AT(targets), 1, TASK_TARGETS_MAX, NULL},
    {"max_answer_tokens", TASK_PARAMETER_COUNT, OF(ANSWER), AT(max_answer_tokens), 1, 512, NULL},
    {"stride", TASK_PARAMETER_COUNT, OF(ANSWER), AT(stride), 0, 1u << 20, NULL},
    {"null_answer", TASK_PARAMETER_BOOL, OF(ANSWER), AT(null_answer), 0, 0, NULL},
    {"top_n", TASK_PARAMETER_COUNT, OF(RERANK), AT(top_n), 1, 1u << 20, NULL},
    {"return_text", TASK_PARAMETER_BOOL, OF(RERANK), AT(return_text), 0, 0, NULL},
    {"raw_scores", TASK_PARAMETER_BOOL, OF(RERANK), AT(raw_scores), 0, 0, NULL},
    {"add_special_tokens", TASK_PARAMETER_BOOL, OF(TOKENIZE), AT(add_special_tokens), 0, 0, NULL},
    {"skip_special_tokens", TASK_PARAMETER_BOOL, OF(DETOKENIZE), AT(skip_special_tokens), 0, 0, NULL},
    {"max_tokens", TASK_PARAMETER_COUNT, OF(GENERATE), AT(max_tokens), 1, TASK_TOKENS_MAX, NULL},
    {"temperature", TASK_PARAMETER_NUMBER, OF(GENERATE), AT(temperature), 0, 10, NULL},
    {"top_p", TASK_PARAMETER_NUMBER, OF(GENERATE), AT(top_p), 0, 1, NULL},
    {"min_p", TASK_PARAMETER_NUMBER, OF(GENERATE), AT(min_p), 0, 1, NULL},
    {"typical_p", TASK_PARAMETER_NUMBER, OF(GENERATE), AT(typical_p), 0, 1, NULL},
    {"repetition_penalty", TASK_PARAMETER_NUMBER, OF(GENERATE), AT(repetition_penalty), 0.01, 10, NULL},
    {"presence_penalty", TASK_PARAMETER_NUMBER, OF(GENERATE), AT(presence_penalty), -10, 10, NULL},
    {"frequency_penalty", TASK_PARAMETER_NUMBER, OF(GENERATE), AT(frequency_penalty), -10, 10, NULL},
    {"penalty_tokens", TASK_PARAMETER_COUNT, OF(GENERATE), AT(penalty_tokens), 1, TASK_TOKENS_MAX, NULL},
    {"logit_bias", TASK_PARAMETER_BIASES, OF(GENERATE), AT(logit_bias), 0, TASK_BIAS_MAX, NULL},
    {"seed", TASK_PARAMETER_SEED, OF(GENERATE), AT(seed), 0, 0, NULL},
    {"n", TASK_PARAMETER_COUNT, OF(GENERATE), AT(n), 1, TASK_CHOICES_MAX, NULL},
    {"stop", TASK_PARAMETER_TEXTS, OF(GENERATE), AT(stop), 0, TASK_STOPS_MAX, NULL},
    {"logprobs", TASK_PARAMETER_COUNT, OF(GENERATE), AT(logprobs), 0, TASK_LOGPROBS_MAX, NULL},
    {"echo", TASK_PARAMETER_BOOL, OF(GENERATE), AT(echo), 0, 0, NULL},
    {"format", TASK_PARAMETER_JSON, OF(GENERATE), AT(format), 0, 0, NULL},
    {"grammar", TASK_PARAMETER_TEXT, OF(GENERATE), AT(grammar), 1, 1u << 20, NULL},
    {"adapter", TASK_PARAMETER_TEXT, OF(GENERATE), AT(adapter), 1, TASK_ADAPTER_NAME_BYTES - 1, NULL},
    {"tools", TASK_PARAMETER_JSON, OF(GENERATE) | OF(TOKENIZE), AT(tools), 0, 0, NULL},
    {"tool_choice", TASK_PARAMETER_TEXT, OF(GENERATE), AT(tool_choice), 1, 256, NULL},
    {"parallel_tool_calls", TASK_PARAMETER_BOOL, OF(GENERATE), AT(parallel_tool_calls), 0, 0, NULL},
    {"template_values", TASK_PARAMETER_JSON, OF(GENERATE) | OF(TOKENIZE), AT(template_values), 0, 0, NULL},
};
_Static_assert(KIT_COUNT(table) <= 64, "one bit a row in task_parameters.given");

const struct task_parameter *task_parameter_at(uint32_t index)
{
    return index < KIT_COUNT(table) ? &table[index] : NULL;
}

bool task_parameters_has(const struct task_parameters *p, const char *name)
{
    uint32_t row = task_parameter_of(name);
    return row < KIT_COUNT(table) && (p->given & (UINT64_C(1) << row)) != 0;
}

void task_parameters_init(struct task_parameters *p)
{
    *p = (struct task_parameters){.truncate = true,
                                  .add_special_tokens = true,
                                  .skip_special_tokens = true,
                                  .max_answer_tokens = 15,
                                  .n = 1,
                                  .max_tokens = TASK_TOKENS_DEFAULT,
                                  .temperature = 1,
                                  .top_p = 1,
                                  .typical_p = 1,
                                  .repetition_penalty = 1,
                                  .parallel_tool_calls = true};
}

enum kit_status task_parameters_suit(const struct task_parameters *p, enum task_kind kind, struct kit_err *err)
{
    char param[KIT_ERR_PARAM_BYTES], known[160];
    for (uint32_t i = 0; i < KIT_COUNT(table); i++) {
        if ((p->given & (UINT64_C(1) << i)) != 0 && (table[i].tasks & (1u << kind)) == 0) {
            snprintf(param, sizeof(param), "parameters.%s", table[i].name);
            task_parameters_list(kind, known, sizeof(known));
            return kit_fail_param(err, KIT_INVALID, param, "'%s' is no parameter of the task '%s'; it takes %s", param,
                                  task_kind_text(kind), known[0] != '\0' ? known : "none");
        }
    }
    return KIT_OK;
}

void task_parameters_set_logprobs(struct task_parameters *p, uint32_t others)
{
    p->given |= UINT64_C(1) << task_parameter_of("logprobs");
    p->logprobs = others;
}

uint32_t task_parameter_of(const char *name)
{
    uint32_t i = 0;
    while (i < KIT_COUNT(table) && strcmp(table[i].name, name) != 0) {
        i++;
    }
    return i;
}

char *task_parameters_list(enum task_kind kind, char *to, size_t room)
{
    size_t len = 0;
    to[0] = '\0';
    for (uint32_t i = 0; i < KIT_COUNT(table); i++) {
        if (kind == TASK_DEFAULT || (table[i].tasks & (1u << kind)) != 0) {
            int n = snprintf(to + len, room - len, "%s%s", len > 0 ? ", " : "", table[i].name);
            len = KIT_MIN(len + (size_t)n, room - 1);
        }
    }
    return to;
}
