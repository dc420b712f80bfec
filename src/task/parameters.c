#include "task/parameters.h"

#include <stdio.h>
#include <string.h>

#define OF(kind) (1u << TASK_##kind)
#define ALL_TEXT                                                                                                       \
    (OF(EMBED) | OF(SIMILARITY) | OF(RERANK) | OF(CLASSIFY) | OF(TOKEN_CLASSIFY) | OF(FILL_MASK) | OF(ANSWER))
#define AT(field) offsetof(struct task_parameters, field)

static const char *const poolings[] = {"", "mean", "cls", "max", NULL};
static const char *const functions[] = {"", "softmax", "sigmoid", "none", NULL};
static const char *const aggregations[] = {"simple", "none", "first", "max", "average", NULL};

static const struct task_parameter table[] = {
    {"truncate", TASK_PARAMETER_BOOL, ALL_TEXT, AT(truncate), 0, 0, NULL},
    {"normalize", TASK_PARAMETER_BOOL, OF(EMBED), AT(normalize), 0, 0, NULL},
    {"pooling", TASK_PARAMETER_NAME, OF(EMBED), AT(pooling), 0, 0, poolings},
    {"top_k", TASK_PARAMETER_COUNT, OF(CLASSIFY) | OF(FILL_MASK) | OF(ANSWER), AT(top_k), 1, TASK_TOP_MAX, NULL},
    {"function", TASK_PARAMETER_NAME, OF(CLASSIFY), AT(function), 0, 0, functions},
    {"aggregation", TASK_PARAMETER_NAME, OF(TOKEN_CLASSIFY), AT(aggregation), 0, 0, aggregations},
    {"targets", TASK_PARAMETER_TEXTS, OF(FILL_MASK), AT(targets), 1, TASK_TARGETS_MAX, NULL},
    {"max_answer_tokens", TASK_PARAMETER_COUNT, OF(ANSWER), AT(max_answer_tokens), 1, 512, NULL},
    {"stride", TASK_PARAMETER_COUNT, OF(ANSWER), AT(stride), 0, 1u << 20, NULL},
    {"null_answer", TASK_PARAMETER_BOOL, OF(ANSWER), AT(null_answer), 0, 0, NULL},
    {"top_n", TASK_PARAMETER_COUNT, OF(RERANK), AT(top_n), 1, 1u << 20, NULL},
    {"return_text", TASK_PARAMETER_BOOL, OF(RERANK), AT(return_text), 0, 0, NULL},
    {"raw_scores", TASK_PARAMETER_BOOL, OF(RERANK), AT(raw_scores), 0, 0, NULL},
};
_Static_assert(KIT_COUNT(table) <= 32, "one bit a row in task_parameters.given");

const struct task_parameter *task_parameter_at(uint32_t index)
{
    return index < KIT_COUNT(table) ? &table[index] : NULL;
}

bool task_parameters_has(const struct task_parameters *p, const char *name)
{
    for (uint32_t i = 0; i < KIT_COUNT(table); i++) {
        if (strcmp(table[i].name, name) == 0) {
            return (p->given & (1u << i)) != 0;
        }
    }
    return false;
}

void task_parameters_init(struct task_parameters *p)
{
    *p = (struct task_parameters){.truncate = true, .max_answer_tokens = 15};
}

enum kit_status task_parameters_suit(const struct task_parameters *p, enum task_kind kind, struct kit_err *err)
{
    char param[KIT_ERR_PARAM_BYTES], known[160];
    for (uint32_t i = 0; i < KIT_COUNT(table); i++) {
        if ((p->given & (1u << i)) != 0 && (table[i].tasks & (1u << kind)) == 0) {
            snprintf(param, sizeof(param), "parameters.%s", table[i].name);
            task_parameters_list(kind, known, sizeof(known));
            return kit_fail_param(err, KIT_INVALID, param, "'%s' is no parameter of the task '%s'; it takes %s", param,
                                  task_kind_text(kind), known[0] != '\0' ? known : "none");
        }
    }
    return KIT_OK;
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
