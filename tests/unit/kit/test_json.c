#include "support/test.h"

#include "kit/json.h"

static struct kit_json_doc *doc; /* of the test that runs */

static kit_json parse(const char *text)
{
    struct kit_err err = {0};
    kit_json_free(doc);
    doc = NULL;
    enum kit_status rc = kit_json_parse(kit_str_c(text), 32, &doc, &err);
    if (rc != KIT_OK) {
        fail_msg("%s: %s", text, err.msg);
    }
    return kit_json_root(doc);
}

static int forget(void **state)
{
    (void)state;
    kit_json_free(doc);
    doc = NULL;
    return 0;
}

static void assert_refused(kit_str text, const char *message_part)
{
    struct kit_json_doc *d = NULL;
    struct kit_err err = {0};
    if (kit_json_parse(text, 32, &d, &err) != KIT_PARSE) {
        fail_msg("taken, but is no JSON: %.*s", KIT_STR_ARG(text));
    }
    assert_null(d);
    if (strstr(err.msg, message_part) == NULL) {
        fail_msg("'%s' is not in '%s'", message_part, err.msg);
    }
}

/* An array of so many zeros; the caller's. */
static char *zeros(size_t count)
{
    char *text = kit_alloc(2 * count + 2);
    assert_non_null(text);
    text[0] = '[';
    for (size_t i = 0; i < count; i++) {
        memcpy(text + 1 + 2 * i, "0,", 2);
    }
    memcpy(text + 2 * count, "]", 2);
    return text;
}

TEST(json_parse_within_refuses_a_tree_that_never_fits_and_gives_back_what_it_took)
{
    struct kit_budget trees = {0};
    struct kit_json_limits limits = {.depth_max = 4, .trees = &trees, .trees_bytes_max = KIT_MIB};
    struct kit_json_doc *d = NULL;
    struct kit_err err;
    char *text = zeros(100000);
    assert_int_equal(kit_json_parse_within(kit_str_c(text), &limits, &d, &err), KIT_TOO_LARGE);
    assert_null(d);
    assert_int_equal(kit_budget_used(&trees), 0);
    kit_alloc_free(text);
}

TEST(json_parse_within_says_try_later_while_others_hold_the_sum)
{
    struct kit_budget trees = {0};
    struct kit_json_limits limits = {.depth_max = 4, .trees = &trees, .trees_bytes_max = KIT_MIB + KIT_MIB / 2};
    struct kit_json_doc *first = NULL, *second = NULL;
    struct kit_err err;
    char *text = zeros(50000);
    assert_ok(kit_json_parse_within(kit_str_c(text), &limits, &first, &err));
    assert_true(kit_budget_used(&trees) > 50000 * 16);
    assert_int_equal(kit_json_parse_within(kit_str_c(text), &limits, &second, &err), KIT_UNAVAILABLE);
    assert_int_equal(kit_json_parse_within(kit_str_lit("[1,2,3]"), &limits, &second, &err),
                     KIT_OK); /* small: goes on */
    kit_json_free(second);
    kit_json_free(first);
    assert_int_equal(kit_budget_used(&trees), 0);
    assert_ok(kit_json_parse_within(kit_str_c(text), &limits, &first, &err));
    kit_json_free(first);
    kit_alloc_free(text);
}

TEST(json_parse_knows_every_type)
{
    kit_json v = parse("{\"n\":null,\"b\":true,\"i\":-7,\"r\":1.5,\"s\":\"x\",\"a\":[1,2],\"o\":{}}");
    assert_int_equal(kit_json_type(v), KIT_JSON_OBJECT);
    assert_int_equal(kit_json_count(v), 7);
    assert_int_equal(kit_json_type(kit_json_get(v, "n")), KIT_JSON_NULL);
    assert_true(kit_json_bool(kit_json_get(v, "b"), false));
    assert_int_equal(kit_json_i64(kit_json_get(v, "i"), 0), -7);
    assert_true(kit_json_f64(kit_json_get(v, "r"), 0) == 1.5);
    assert_true(kit_json_f64(kit_json_get(v, "i"), 0) == -7);
    assert_str(kit_json_str(kit_json_get(v, "s"), (kit_str){0}), "x");
    assert_int_equal(kit_json_count(kit_json_get(v, "a")), 2);
    assert_string_equal(kit_json_type_name(kit_json_get(v, "o")), "an object");
}

TEST(json_what_says_a_number_itself_and_how_long_an_array_is)
{
    static const char *const members[][2] = {
        {"i", "-7"},       {"r", "1.5"},       {"h", "1e+300"}, {"a", "an array of 2"},
        {"s", "a string"}, {"b", "a boolean"}, {"z", "null"},   {"x", "missing"}};
    char what[KIT_JSON_WHAT_BYTES];
    kit_json v = parse("{\"i\":-7,\"r\":1.5,\"h\":1e300,\"a\":[1,2],\"s\":\"t\",\"b\":true,\"z\":null}");
    for (size_t i = 0; i < KIT_COUNT(members); i++) {
        assert_string_equal(kit_json_what(kit_json_get(v, members[i][0]), what), members[i][1]);
    }
}

TEST(json_missing_values_answer_every_question_with_no)
{
    kit_json none = kit_json_get(parse("[1]"), "x");
    assert_int_equal(kit_json_type(none), KIT_JSON_NONE);
    assert_string_equal(kit_json_type_name(none), "missing");
    assert_int_equal(kit_json_type(kit_json_get(none, "y")), KIT_JSON_NONE);
    assert_int_equal(kit_json_count(none), 0);
    assert_int_equal(kit_json_i64(none, 42), 42);
    assert_true(kit_json_f64(none, 2.5) == 2.5);
    assert_true(kit_json_bool(none, true));
    assert_str(kit_json_str(none, kit_str_lit("else")), "else");
    struct kit_json_iter i = kit_json_iter(none);
    assert_false(kit_json_next(&i));
}

TEST(json_strings_may_hold_nul_and_every_escape)
{
    kit_str s = kit_json_str(parse("\"a\\u0000b\\n\\\"\\\\\\/\\uD83D\\uDE00\""), (kit_str){0});
    assert_int_equal(s.len, 11);
    assert_memory_equal(s.ptr, "a\0b\n\"\\/\xF0\x9F\x98\x80", 11);
}

TEST(json_whole_numbers_keep_their_sign_and_size)
{
    kit_json v = parse("[9223372036854775807,-9223372036854775808,9223372036854775808,3.0,3.5,1e3,1e19,\"3\"]");
    const int64_t expected[] = {INT64_MAX, INT64_MIN, -1, 3, -1, 1000, -1, -1};
    for (struct kit_json_iter i = kit_json_iter(v); kit_json_next(&i);) {
        assert_true(kit_json_i64(i.value, -1) == expected[i.index]);
    }
}

TEST(json_at_finds_items_of_arrays_only)
{
    kit_json v = parse("[1,{\"a\":2},[3]]");
    assert_int_equal(kit_json_i64(kit_json_at(v, 0), 0), 1);
    assert_int_equal(kit_json_i64(kit_json_at(kit_json_at(v, 2), 0), 0), 3);
    assert_null(kit_json_at(v, 3).v);
    assert_null(kit_json_at(kit_json_at(v, 1), 0).v);
    assert_null(kit_json_at((kit_json){NULL}, 0).v);
}

TEST(json_is_real_tells_numbers_that_no_int64_holds_as_written)
{
    static const char *const reals[] = {"1.0", "1e2", "9223372036854775808", "-1.5"};
    static const char *const others[] = {"1", "-9223372036854775808", "9223372036854775807", "\"1.0\"", "null"};
    for (size_t i = 0; i < KIT_COUNT(reals) + KIT_COUNT(others); i++) {
        bool real = i < KIT_COUNT(reals);
        const char *text = real ? reals[i] : others[i - KIT_COUNT(reals)];
        struct kit_json_doc *d = NULL;
        assert_ok(kit_json_parse(kit_str_c(text), 1, &d, NULL));
        assert_int_equal(kit_json_is_real(kit_json_root(d)), real);
        kit_json_free(d);
    }
}

TEST(json_iter_walks_arrays_and_objects_in_order)
{
    size_t seen = 0;
    for (struct kit_json_iter i = kit_json_iter(parse("[[1,[2]],{\"x\":[3]},4]")); kit_json_next(&i); seen++) {
        assert_int_equal(i.index, seen);
        assert_int_equal(i.key.len, 0);
        assert_int_equal(kit_json_type(i.value), seen == 0   ? KIT_JSON_ARRAY
                                                 : seen == 1 ? KIT_JSON_OBJECT
                                                             : KIT_JSON_NUMBER);
    }
    assert_int_equal(seen, 3);
    const char *const keys[] = {"b", "a", ""};
    seen = 0;
    for (struct kit_json_iter i = kit_json_iter(parse("{\"b\":{\"q\":0},\"a\":[],\"\":7}")); kit_json_next(&i);
         seen++) {
        assert_str(i.key, keys[i.index]);
        assert_true(i.index < 2 || kit_json_i64(i.value, 0) == 7);
    }
    assert_int_equal(seen, 3);
}

TEST(json_the_first_of_two_equal_keys_counts)
{
    assert_int_equal(kit_json_i64(kit_json_get(parse("{\"a\":1,\"a\":2}"), "a"), 0), 1);
}

TEST(json_parse_refuses_what_rfc_8259_refuses)
{
    assert_refused(kit_str_lit(""), "byte 0");
    assert_refused(kit_str_lit("  "), "byte");
    assert_refused(kit_str_lit("[1,]"), "byte 2");
    assert_refused(kit_str_lit("{\"a\":1,}"), "byte 6");
    assert_refused(kit_str_lit("[1] x"), "byte 4");
    assert_refused(kit_str_lit("{a:1}"), "byte 1");
    assert_refused(kit_str_lit("[01]"), "byte");
    assert_refused(kit_str_lit("[+1]"), "byte 1");
    assert_refused(kit_str_lit("[.5]"), "byte 1");
    assert_refused(kit_str_lit("[NaN]"), "byte 1");
    assert_refused(kit_str_lit("[1e999]"), "byte");
    assert_refused(kit_str_lit("[\"a\nb\"]"), "byte");
    assert_refused(kit_str_lit("[\"\\x\"]"), "byte");
    assert_refused(kit_str_lit("[\"\\uD800\"]"), "byte");
    assert_refused(kit_str_lit("// no\n[]"), "byte 0");
    assert_refused(kit_str_lit("'a'"), "byte 0");
    assert_refused(kit_str_lit("[\"\xFF\"]"), "byte");
    assert_refused(kit_str_lit("[\"\xC0\x80\"]"), "byte");
    assert_refused(kit_str_lit("[\"\xED\xA0\x80\"]"), "byte");
    assert_refused((kit_str){"1\0", 2}, "byte 1");
    assert_refused(kit_str_lit("\xEF\xBB\xBF[]"), "byte 0"); /* a byte order mark is not JSON */
}

TEST(json_parse_refuses_every_cut_of_a_good_text)
{
    const char text[] = "{\"a\":[1,-2.5e+3,\"x\\u00e9\\n\xC3\xA9\",true,false,null,{}],\"b\":{\"c\":[[]]}}";
    (void)parse(text);
    for (size_t len = 0; len < strlen(text); len++) {
        char *exact = kit_alloc_copy(text, len); /* so that a read behind the end is seen */
        struct kit_json_doc *d = NULL;
        assert_non_null(exact);
        assert_int_equal(kit_json_parse((kit_str){exact, len}, 32, &d, NULL), KIT_PARSE);
        kit_alloc_free(exact);
    }
}

TEST(json_parse_counts_depth_and_tells_the_byte)
{
    struct kit_json_doc *d = NULL;
    struct kit_err err;
    assert_ok(kit_json_parse(kit_str_lit("[{\"[[[\":\"]\\\"[[\"},[]]"), 2, &d, &err));
    kit_json_free(d);
    d = NULL;
    assert_int_equal(kit_json_parse(kit_str_lit("[{\"[\\\"[[\":0},[],[[]]]"), 2, &d, &err), KIT_PARSE);
    assert_string_equal(err.msg, "byte 17: nested deeper than 2 levels");
    assert_null(d);
    assert_ok(kit_json_parse(kit_str_lit("1"), 1, &d, &err));
    kit_json_free(d);
}

TEST(json_parse_takes_a_thousand_levels_and_no_more)
{
    struct kit_json_doc *d = NULL;
    char text[2002];
    for (size_t levels = 1000; levels <= 1001; levels++) {
        memset(text, '[', levels);
        memset(text + levels, ']', levels);
        enum kit_status rc = kit_json_parse((kit_str){text, 2 * levels}, 1000, &d, NULL);
        assert_int_equal(rc, levels == 1000 ? KIT_OK : KIT_PARSE);
        if (rc == KIT_OK) {
            kit_json_free(d);
        }
    }
}

TEST(json_parse_copies_its_text)
{
    char text[] = "[\"hello\"]";
    kit_json v = parse(text);
    memset(text, 'x', sizeof(text) - 1);
    struct kit_json_iter i = kit_json_iter(v);
    assert_true(kit_json_next(&i));
    assert_str(kit_json_str(i.value, (kit_str){0}), "hello");
}

TEST(json_need_str_says_which_member_is_wrong_and_how)
{
    kit_str s = {0};
    struct kit_err err;
    kit_json v = parse("{\"model\":\"m\",\"n\":1,\"z\":null}");
    assert_ok(kit_json_need_str(v, "model", &s, &err));
    assert_str(s, "m");
    assert_int_equal(kit_json_need_str(v, "n", &s, &err), KIT_INVALID);
    assert_string_equal(err.param, "n");
    assert_string_equal(err.msg, "'n' must be a string, but is 1");
    assert_int_equal(kit_json_need_str(v, "x", &s, &err), KIT_INVALID);
    assert_string_equal(err.msg, "'x' must be a string, but is missing");
    assert_int_equal(kit_json_need_str(v, "z", &s, &err), KIT_INVALID);
    assert_string_equal(err.msg, "'z' must be a string, but is null");
    assert_str(s, "m");
}

TEST(json_or_forms_take_the_default_for_missing_and_null_only)
{
    kit_str s = {0};
    int64_t n = 0;
    bool b = false;
    struct kit_err err;
    kit_json v = parse("{\"z\":null,\"s\":\"t\",\"n\":5,\"b\":true}");
    assert_ok(kit_json_str_or(v, "x", kit_str_lit("d"), &s, &err));
    assert_str(s, "d");
    assert_ok(kit_json_str_or(v, "s", kit_str_lit("d"), &s, &err));
    assert_str(s, "t");
    assert_int_equal(kit_json_str_or(v, "n", kit_str_lit("d"), &s, &err), KIT_INVALID);
    assert_ok(kit_json_i64_or(v, "z", 1, 9, 3, &n, &err));
    assert_int_equal(n, 3);
    assert_ok(kit_json_i64_or(v, "n", 1, 9, 3, &n, &err));
    assert_int_equal(n, 5);
    assert_ok(kit_json_bool_or(v, "x", true, &b, &err));
    assert_true(b);
    assert_ok(kit_json_bool_or(v, "b", false, &b, &err));
    assert_true(b);
    assert_int_equal(kit_json_bool_or(v, "n", false, &b, &err), KIT_INVALID);
    assert_string_equal(err.msg, "'n' must be true or false, but is 5");
}

TEST(json_i64_or_names_its_range)
{
    int64_t n = 77;
    struct kit_err err;
    kit_json v = parse("{\"timeout_ms\":\"5\",\"low\":0,\"high\":10,\"real\":1.5,\"huge\":1e300}");
    assert_int_equal(kit_json_i64_or(v, "timeout_ms", 1, 3600000, 3, &n, &err), KIT_INVALID);
    assert_string_equal(err.msg, "'timeout_ms' must be a whole number from 1 to 3600000, but is a string");
    assert_string_equal(err.param, "timeout_ms");
    const char *const bad[] = {"low", "high", "real", "huge"};
    for (size_t i = 0; i < KIT_COUNT(bad); i++) {
        assert_int_equal(kit_json_i64_or(v, bad[i], 1, 9, 3, &n, &err), KIT_INVALID);
        assert_string_equal(err.param, bad[i]);
    }
    assert_int_equal(n, 77);
}

TEST(json_parse_survives_each_failed_alloc)
{
    char text[3000] = "[";
    for (size_t i = 1; i < sizeof(text) - 2; i += 2) {
        memcpy(text + i, "1,", 2);
    }
    memcpy(text + sizeof(text) - 3, "1]", 3);
    TEST_ALLOC_SWEEP(n) {
        struct kit_json_doc *d = NULL;
        enum kit_status rc = kit_json_parse(kit_str_c(text), 4, &d, NULL);
        assert_int_equal(rc, kit_alloc_failed() ? KIT_NOMEM : KIT_OK);
        assert_int_equal(d != NULL, rc == KIT_OK);
        kit_json_free(d);
    }
}

#define WITH_DOC(name) cmocka_unit_test_teardown(name, forget)

int main(void)
{
    return TEST_RUN(
        WITH_DOC(json_parse_knows_every_type), WITH_DOC(json_what_says_a_number_itself_and_how_long_an_array_is),
        WITH_DOC(json_missing_values_answer_every_question_with_no),
        WITH_DOC(json_strings_may_hold_nul_and_every_escape), WITH_DOC(json_whole_numbers_keep_their_sign_and_size),
        WITH_DOC(json_at_finds_items_of_arrays_only), WITH_DOC(json_iter_walks_arrays_and_objects_in_order),
        WITH_DOC(json_the_first_of_two_equal_keys_counts), TEST_OF(json_parse_refuses_what_rfc_8259_refuses),
        WITH_DOC(json_parse_refuses_every_cut_of_a_good_text), TEST_OF(json_parse_counts_depth_and_tells_the_byte),
        TEST_OF(json_parse_takes_a_thousand_levels_and_no_more), WITH_DOC(json_parse_copies_its_text),
        WITH_DOC(json_need_str_says_which_member_is_wrong_and_how),
        WITH_DOC(json_or_forms_take_the_default_for_missing_and_null_only), WITH_DOC(json_i64_or_names_its_range),
        TEST_OF(json_parse_survives_each_failed_alloc),
        TEST_OF(json_parse_within_refuses_a_tree_that_never_fits_and_gives_back_what_it_took),
        TEST_OF(json_parse_within_says_try_later_while_others_hold_the_sum),
        TEST_OF(json_is_real_tells_numbers_that_no_int64_holds_as_written));
}
