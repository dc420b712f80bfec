#include "sample/options.h"

#include <stdio.h>

void sample_options_init(struct sample_options *o)
{
    *o = (struct sample_options){.temperature = 1, .top_p = 1, .typical_p = 1, .repetition = 1};
}

bool sample_options_penalize(const struct sample_options *o)
{
    return o->repetition != 1 || o->presence != 0 || o->frequency != 0;
}

bool sample_options_greedy(const struct sample_options *o)
{
    return o->temperature < SAMPLE_TEMPERATURE_MIN;
}

#define AT(field) offsetof(struct sample_options, field)

static const struct {
    const char *name;
    size_t at;
    float min, max;
    const char *remedy;
} ranges[] = {
    {"temperature", AT(temperature), 0, 100, "0 always takes the most probable token"},
    {"top_p", AT(top_p), 0, 1, "1 switches it off"},
    {"min_p", AT(min_p), 0, 1, "0 switches it off"},
    {"typical_p", AT(typical_p), 0, 1, "1 switches it off"},
    {"repetition_penalty", AT(repetition), 0.01f, 100, "1 switches it off"},
    {"presence_penalty", AT(presence), -100, 100, "0 switches it off"},
    {"frequency_penalty", AT(frequency), -100, 100, "0 switches it off"},
};

/* Written so that a NaN is outside. */
static bool is_within(float value, float min, float max)
{
    return value >= min && value <= max;
}

static enum kit_status check_bias(const struct sample_bias *b, uint32_t index, uint32_t vocab, struct kit_err *err)
{
    char param[KIT_ERR_PARAM_BYTES];
    snprintf(param, sizeof(param), "logit_bias[%u]", index);
    if (b->token < 0 || (uint32_t)b->token >= vocab) {
        return kit_fail_param(err, KIT_INVALID, param, "logit_bias: token %d is none of the model's; it has 0 to %u",
                              b->token, vocab - 1);
    }
    if (!is_within(b->bias, -100, 100)) {
        return kit_fail_param(err, KIT_INVALID, param, "logit_bias: %g for token %d is not within -100 to 100",
                              (double)b->bias, b->token);
    }
    return KIT_OK;
}

static enum kit_status check_biases(const struct sample_options *o, uint32_t vocab, struct kit_err *err)
{
    if (o->bias_count > SAMPLE_BIAS_MAX) {
        return kit_fail_param(err, KIT_INVALID, "logit_bias", "logit_bias has %u tokens, at most %u are taken",
                              o->bias_count, SAMPLE_BIAS_MAX);
    }
    enum kit_status rc = KIT_OK;
    for (uint32_t i = 0; rc == KIT_OK && i < o->bias_count; i++) {
        rc = check_bias(&o->bias[i], i, vocab, err);
    }
    return rc;
}

enum kit_status sample_options_check(const struct sample_options *o, uint32_t vocab, struct kit_err *err)
{
    for (size_t i = 0; i < KIT_COUNT(ranges); i++) {
        float value = *(const float *)(const void *)((const char *)o + ranges[i].at);
        if (!is_within(value, ranges[i].min, ranges[i].max)) {
            return kit_fail_param(err, KIT_INVALID, ranges[i].name, "%s is %g, it must be %g to %g; %s", ranges[i].name,
                                  (double)value, (double)ranges[i].min, (double)ranges[i].max, ranges[i].remedy);
        }
    }
    if (o->logprobs_top > SAMPLE_TOP_MAX) {
        return kit_fail_param(err, KIT_INVALID, "top_logprobs", "top_logprobs is %u, it must be 0 to %u",
                              o->logprobs_top, SAMPLE_TOP_MAX);
    }
    return check_biases(o, vocab, err);
}
