#include <math.h>

#include "sample/options.h"
#include "support/test.h"

static struct sample_options defaults(void)
{
    struct sample_options o;
    sample_options_init(&o);
    return o;
}

TEST(options_that_change_nothing_are_fine)
{
    struct sample_options o = defaults();
    assert_ok(sample_options_check(&o, 1, NULL));
    assert_false(sample_options_penalize(&o));
    assert_false(sample_options_greedy(&o));
}

static void expect_bad(struct sample_options o, const char *param, const char *msg)
{
    struct kit_err err = {0};
    assert_int_equal(sample_options_check(&o, 100, &err), KIT_INVALID);
    assert_string_equal(err.param, param);
    assert_non_null(strstr(err.msg, msg));
}

#define BAD(field, value, param, msg)                                                                                  \
    do {                                                                                                               \
        struct sample_options bad_ = defaults();                                                                       \
        bad_.field = (value);                                                                                          \
        expect_bad(bad_, param, msg);                                                                                  \
    } while (0)

TEST(options_out_of_range_name_field_limit_and_remedy)
{
    BAD(temperature, -0.5f, "temperature", "temperature is -0.5, it must be 0 to 100; 0 always takes");
    BAD(temperature, 101, "temperature", "101");
    BAD(top_p, 1.5f, "top_p", "it must be 0 to 1; 1 switches it off");
    BAD(min_p, -1, "min_p", "0 switches it off");
    BAD(typical_p, 2, "typical_p", "1 switches it off");
    BAD(repetition, 0, "repetition_penalty", "0.01 to 100");
    BAD(presence, 1e9f, "presence_penalty", "-100 to 100");
    BAD(frequency, -1e9f, "frequency_penalty", "-100 to 100");
    BAD(logprobs_top, 21, "top_logprobs", "it must be 0 to 20");
    BAD(bias_count, SAMPLE_BIAS_MAX + 1, "logit_bias", "at most 1024");
}

TEST(options_that_are_no_numbers_are_refused)
{
    BAD(temperature, NAN, "temperature", "nan");
    BAD(top_p, NAN, "top_p", "nan");
    BAD(frequency, INFINITY, "frequency_penalty", "inf");
}

TEST(options_name_the_bias_that_is_wrong)
{
    struct sample_bias bias[] = {{1, 5}, {100, 5}};
    BAD(bias_count, (bad_.bias = bias, 2), "logit_bias[1]", "token 100 is none of the model's; it has 0 to 99");
    bias[1].token = -1;
    BAD(bias_count, (bad_.bias = bias, 2), "logit_bias[1]", "token -1");
    bias[1] = (struct sample_bias){2, NAN};
    BAD(bias_count, (bad_.bias = bias, 2), "logit_bias[1]", "not within -100 to 100");
}

int main(void)
{
    return TEST_RUN(TEST_OF(options_that_change_nothing_are_fine),
                    TEST_OF(options_out_of_range_name_field_limit_and_remedy),
                    TEST_OF(options_that_are_no_numbers_are_refused), TEST_OF(options_name_the_bias_that_is_wrong));
}
