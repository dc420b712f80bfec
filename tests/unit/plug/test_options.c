#include "plug/options.h"
#include "support/test.h"

static const struct acb_option number = {sizeof(number), ACB_I64, "threads", "1", "", 1, 64};
static const struct acb_option real = {sizeof(real), ACB_F64, "scale", "1", "", 0, 2};
static const struct acb_option flag = {sizeof(flag), ACB_BOOL, "mmap", "true", "", 0, 0};
static const struct acb_option text = {sizeof(text), ACB_STRING, "precision", "f32", "", 0, 0};
static const struct acb_option *const all[] = {&number, &real, &flag, &text};
static const struct acb_plugin some = {.size = sizeof(some), .name = "some", .options = all, .option_count = 4};
static const struct acb_plugin none = {.size = sizeof(none), .name = "none"};

TEST(options_check_takes_what_the_table_has)
{
    static const char *const good[] = {
        "{}",
        "{\"threads\": 64, \"scale\": 0.5, \"mmap\": false, \"precision\": \"int8\"}",
        "{\"threads\": 2.0, \"scale\": 2}",
    };
    for (size_t k = 0; k < KIT_COUNT(good); k++) {
        assert_int_equal(plug_options_check(&some, kit_str_c(good[k]), NULL), KIT_OK);
    }
    assert_int_equal(plug_options_check(&none, kit_str_lit("{}"), NULL), KIT_OK);
}

TEST(options_check_says_what_would_be_right)
{
    static const struct {
        const char *json, *why;
        enum kit_status status;
    } bad[] = {
        {"{\"thread\": 1}", "back end some has no option 'thread'; it takes: threads, scale, mmap, precision",
         KIT_INVALID},
        {"{\"threads\": 65}", "option 'threads' must be a whole number from 1 to 64", KIT_INVALID},
        {"{\"threads\": 1.5}", "option 'threads' must be a whole number from 1 to 64", KIT_INVALID},
        {"{\"threads\": \"1\"}", "option 'threads' must be a whole number from 1 to 64", KIT_INVALID},
        {"{\"scale\": -0.1}", "option 'scale' must be a number from 0 to 2", KIT_INVALID},
        {"{\"mmap\": 1}", "option 'mmap' must be true or false, but is a number", KIT_INVALID},
        {"{\"precision\": null}", "option 'precision' must be a string, but is null", KIT_INVALID},
        {"[]", "options must be an object, but are an array", KIT_INVALID},
    };
    for (size_t k = 0; k < KIT_COUNT(bad); k++) {
        struct kit_err err = {0};
        assert_int_equal(plug_options_check(&some, kit_str_c(bad[k].json), &err), bad[k].status);
        assert_string_equal(err.msg, bad[k].why);
    }
    struct kit_err err = {0};
    assert_int_equal(plug_options_check(&none, kit_str_lit("{\"a\":1}"), &err), KIT_INVALID);
    assert_string_equal(err.msg, "back end none has no option 'a'; it takes: none");
    assert_int_equal(plug_options_check(&some, kit_str_lit("{\"a\":"), &err), KIT_PARSE);
}

TEST(options_check_survives_each_failed_alloc)
{
    TEST_ALLOC_SWEEP(n) {
        enum kit_status rc = plug_options_check(&some, kit_str_lit("{\"threads\": 3}"), NULL);
        assert_true(rc == KIT_OK || rc == KIT_NOMEM);
    }
}

int main(void)
{
    return TEST_RUN(TEST_OF(options_check_takes_what_the_table_has), TEST_OF(options_check_says_what_would_be_right),
                    TEST_OF(options_check_survives_each_failed_alloc));
}
