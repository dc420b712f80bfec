#include "support/test.h"

#include "kit/status.h"
#include "kit/utf8.h"

TEST(fail_fills_code_place_field_and_message_and_returns_the_code)
{
    struct kit_err err;
    assert_int_equal(kit_fail_param(&err, KIT_TOO_LARGE, "inputs[3]", "%d bytes, limit %d", 9, 8), KIT_TOO_LARGE);
    assert_int_equal(err.code, KIT_TOO_LARGE);
    assert_string_equal(err.msg, "9 bytes, limit 8");
    assert_string_equal(err.param, "inputs[3]");
    assert_non_null(strstr(err.where, "test_status.c:"));
    assert_int_equal(kit_fail(&err, KIT_IO, "x"), KIT_IO);
    assert_string_equal(err.param, "");
}

TEST(fail_takes_no_error_struct)
{
    assert_int_equal(kit_fail(NULL, KIT_IO, "%s", "x"), KIT_IO);
    assert_int_equal(kit_err_prefix(NULL, KIT_IO, "x"), KIT_IO);
}

TEST(fail_may_quote_the_message_that_it_replaces)
{
    struct kit_err err;
    (void)kit_fail_param(&err, KIT_PARSE, "a", "inner");
    (void)kit_fail_param(&err, KIT_LOAD_FAILED, err.param, "outer (%s)", err.msg);
    assert_string_equal(err.msg, "outer (inner)");
    assert_string_equal(err.param, "a");
}

TEST(fail_cuts_a_long_message_at_a_utf8_border)
{
    struct kit_err err;
    char text[KIT_ERR_MSG_BYTES + 20];
    for (size_t lead = 0; lead < 4; lead++) { /* whatever the border hits */
        memset(text, 'a', lead);
        for (size_t i = lead; i + 3 < sizeof(text); i += 3) {
            memcpy(text + i, "\xE2\x82\xAC", 4);
        }
        (void)kit_fail(&err, KIT_IO, "%s", text);
        assert_true(kit_utf8_is_valid(kit_str_c(err.msg)));
        assert_in_range(strlen(err.msg), KIT_ERR_MSG_BYTES - 4, KIT_ERR_MSG_BYTES - 1);
    }
}

TEST(fail_makes_of_what_it_quotes_valid_utf8)
{
    struct kit_err err;
    (void)kit_fail_param(&err, KIT_PARSE, "a\xFF", "'%.4s' is not known",
                         "ab\xE2\x82\xAC"); /* cut within a character */
    assert_string_equal(err.msg, "'ab?\?' is not known");
    assert_string_equal(err.param, "a?");
    (void)kit_err_prefix(&err, KIT_PARSE, "%s", "\xC3");
    assert_string_equal(err.msg, "?: 'ab?\?' is not known");
    (void)kit_fail(&err, KIT_PARSE, "\xC3\xA9 \xF0\x9F\x98\x80");
    assert_string_equal(err.msg, "\xC3\xA9 \xF0\x9F\x98\x80");
}

TEST(err_prefix_puts_text_before_the_message_and_keeps_the_rest)
{
    struct kit_err err;
    (void)kit_fail_param(&err, KIT_PARSE, "p", "tensor 'x': no shape");
    assert_int_equal(kit_err_prefix(&err, KIT_PARSE, "%s", "model.safetensors"), KIT_PARSE);
    assert_string_equal(err.msg, "model.safetensors: tensor 'x': no shape");
    assert_string_equal(err.param, "p");
    assert_int_equal(err.code, KIT_PARSE);
}

TEST(status_knows_its_codes_names_and_text)
{
    assert_int_equal(kit_status_http(KIT_OK), 200);
    assert_int_equal(kit_status_http(KIT_MODEL_NOT_FOUND), 404);
    assert_int_equal(kit_status_grpc(KIT_FULL), 8);
    assert_string_equal(kit_status_name(KIT_MODEL_NOT_FOUND), "model_not_found");
    assert_string_equal(kit_status_text(KIT_TIMEOUT), "the deadline has passed");
}

TEST(status_of_a_number_outside_the_table_is_internal)
{
    assert_int_equal(kit_status_http((enum kit_status)KIT_STATUS_COUNT), 500);
    assert_string_equal(kit_status_name((enum kit_status)4000), "internal");
}

TEST(status_codes_are_inside_their_protocols)
{
    for (int code = 0; code < KIT_STATUS_COUNT; code++) {
        assert_in_range(kit_status_http((enum kit_status)code), 200, 599);
        assert_in_range(kit_status_grpc((enum kit_status)code), 0, 16);
        assert_true(strlen(kit_status_name((enum kit_status)code)) > 0);
    }
}

int main(void)
{
    return TEST_RUN(
        TEST_OF(fail_fills_code_place_field_and_message_and_returns_the_code), TEST_OF(fail_takes_no_error_struct),
        TEST_OF(fail_may_quote_the_message_that_it_replaces), TEST_OF(fail_cuts_a_long_message_at_a_utf8_border),
        TEST_OF(fail_makes_of_what_it_quotes_valid_utf8),
        TEST_OF(err_prefix_puts_text_before_the_message_and_keeps_the_rest),
        TEST_OF(status_knows_its_codes_names_and_text), TEST_OF(status_of_a_number_outside_the_table_is_internal),
        TEST_OF(status_codes_are_inside_their_protocols));
}
