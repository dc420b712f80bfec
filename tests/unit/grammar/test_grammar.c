#include "grammar/grammar.h"

#include "grammar/masks.h"
#include "support/test.h"

struct fixture {
    struct grammar *grammar;
    struct grammar_masks *masks;
    struct kit_err err;
};

static enum kit_status from_schema(struct fixture *f, const char *json, enum grammar_spaces spaces)
{
    struct kit_json_doc *doc = NULL;
    struct schema *schema = NULL;
    struct grammar_options options = {.spaces = spaces};
    *f = (struct fixture){0};
    assert_ok(kit_json_parse(kit_str_c(json), 100, &doc, &f->err));
    enum kit_status rc = schema_parse(kit_json_root(doc), NULL, &schema, &f->err);
    rc = rc == KIT_OK ? grammar_from_schema(schema, &options, &f->grammar, &f->err) : rc;
    schema_free(schema);
    kit_json_free(doc);
    if (rc == KIT_OK) {
        assert_ok(grammar_masks_new(f->grammar, NULL, 0, &f->masks, NULL));
    }
    return rc;
}

static void done(struct fixture *f)
{
    grammar_masks_unref(f->masks);
    grammar_unref(f->grammar);
}

static bool takes(struct fixture *f, const char *text)
{
    struct grammar_state *s = NULL;
    assert_ok(grammar_state_new(f->masks, &s, NULL));
    bool good = grammar_state_accept_bytes(s, kit_str_c(text), NULL) == KIT_OK && grammar_state_complete(s);
    grammar_state_free(s);
    return good;
}

/* texts: those that are taken, NULL, those that are not, NULL. */
static void check(const char *json, const char *const *texts)
{
    struct fixture f;
    enum kit_status rc = from_schema(&f, json, GRAMMAR_COMPACT);
    if (rc != KIT_OK) {
        print_error("%s: %s\n", json, f.err.msg);
    }
    assert_ok(rc);
    bool wanted = true;
    for (uint32_t ends = 0; ends < 2; texts++) {
        if (*texts == NULL) {
            ends++;
            wanted = false;
        } else if (takes(&f, *texts) != wanted) {
            fail_msg("%s: %s must %sbe taken", json, *texts, wanted ? "" : "not ");
        }
    }
    done(&f);
}
#define CHECK(json, ...) check(json, (const char *const[]){__VA_ARGS__, NULL})

static void refuses(const char *json, const char *message)
{
    struct fixture f;
    enum kit_status rc = from_schema(&f, json, GRAMMAR_COMPACT);
    assert_int_equal(rc, KIT_UNPROCESSABLE);
    assert_string_equal(f.err.msg, message);
}

TEST(grammar_whole_numbers_lie_between_their_bounds_exactly)
{
    CHECK("{\"type\":\"integer\",\"minimum\":-12,\"maximum\":105}", "-12", "-1", "0", "9", "99", "105", NULL, "-13",
          "106", "-0", "01", "1.0", "");
    CHECK("{\"type\":\"integer\",\"exclusiveMinimum\":9,\"exclusiveMaximum\":11}", "10", NULL, "9", "11", "100");
    CHECK("{\"type\":\"integer\",\"multipleOf\":7,\"minimum\":1}", "7", "14", "700", NULL, "0", "8", "-7");
    CHECK("{\"type\":\"integer\",\"multipleOf\":1000,\"maximum\":5000}", "0", "1000", "5000", "-20000", NULL, "500",
          "6000", "1001");
    CHECK("{\"type\":\"integer\",\"multipleOf\":500}", "500", "-1500", NULL, "250", "1250");
    CHECK("{\"type\":\"integer\",\"maximum\":-100}", "-100", "-999999", NULL, "-99", "0", "100");
    CHECK("{\"type\":\"integer\",\"minimum\":1.5,\"maximum\":3.2}", "2", "3", NULL, "1", "4");
    CHECK("{\"type\":\"integer\",\"minimum\":999999999999999998}", "999999999999999998", "999999999999999999", NULL,
          "999999999999999997");
}

TEST(grammar_numbers_keep_to_their_bounds)
{
    CHECK("{\"type\":\"number\",\"minimum\":-0.25,\"exclusiveMaximum\":1.5}", "-0.25", "-0.2", "0", "0.0", "1",
          "1.49999", "-0.250", NULL, "-0.26", "1.5", "1.50", "2", "-1", "1e0");
    CHECK("{\"type\":\"number\",\"exclusiveMinimum\":0}", "0.001", "5", NULL, "0", "0.000", "-1");
    CHECK("{\"type\":\"number\",\"multipleOf\":0.25}", "1", "1.25", "-2.5", "0.750", NULL, "1.3", "0.255");
    CHECK("{\"type\":\"number\"}", "-1.5e+10", "0", "12", NULL, ".5", "1.", "--1", "01");
}

TEST(grammar_strings_count_characters_and_write_escapes)
{
    CHECK("{\"type\":\"string\",\"minLength\":1,\"maxLength\":2}", "\"a\"", "\"\xC3\xA9\xF0\x9F\x98\x80\"",
          "\"\\\"\\u00e9\"", "\"\\ud83d\\ude00x\"", NULL, "\"\"", "\"abc\"", "\"\xC3\"", "\"\xFF\"", "\"\n\"",
          "\"\\ud83d\"", "\"\\x\"");
    CHECK("{\"type\":\"string\",\"pattern\":\"^[a-z\\\"]{2}\\\\d$\"}", "\"ab1\"", "\"a\\\"1\"", NULL, "\"ab\"",
          "\"AB1\"", "\"ab11\"", "\"a\\u00621\"");
    CHECK("{\"type\":\"string\",\"pattern\":\"b+$\"}", "\"b\"", "\"aab\"", NULL, "\"ba\"", "\"\"");
    CHECK("{\"type\":\"string\",\"pattern\":\"^a\",\"maxLength\":3}", "\"a\"", "\"axy\"", NULL, "\"axyz\"", "\"xa\"");
    CHECK("{\"type\":\"string\",\"not\":{\"enum\":[\"a\",\"b\"]}}", "\"c\"", "\"ab\"", "\"\"", NULL, "\"a\"", "\"b\"");
}

TEST(grammar_formats_are_what_their_standards_say)
{
    CHECK("{\"type\":\"string\",\"format\":\"date\"}", "\"2024-02-29\"", "\"1900-02-28\"", NULL, "\"1900-02-29\"",
          "\"2023-02-29\"", "\"2024-13-01\"", "\"0000-01-01\"", "\"2024-04-31\"");
    CHECK("{\"type\":\"string\",\"format\":\"date-time\"}", "\"2024-02-29T23:59:59.5Z\"",
          "\"2024-02-29T00:00:00+01:30\"", NULL, "\"2024-02-29\"", "\"2024-02-29T24:00:00Z\"");
    CHECK("{\"type\":\"string\",\"format\":\"ipv4\"}", "\"255.0.10.1\"", NULL, "\"256.0.0.1\"", "\"1.2.3\"",
          "\"01.2.3.4\"");
    CHECK("{\"type\":\"string\",\"format\":\"ipv6\"}", "\"::\"", "\"::1\"", "\"1:2:3:4:5:6:7:8\"", "\"a::b:1\"", NULL,
          "\"1::2::3\"", "\"1:2:3:4:5:6:7\"", "\":::\"");
    CHECK("{\"type\":\"string\",\"format\":\"uuid\"}", "\"01234567-89ab-cdef-0123-456789abcdef\"", NULL, "\"0123\"");
    CHECK("{\"type\":\"string\",\"format\":\"email\"}", "\"a.b+c@d.example\"", NULL, "\"a@b\"", "\"@b.c\"");
    CHECK("{\"type\":\"string\",\"format\":\"uri\"}", "\"https://a.example:80/x?y=%20#z\"", NULL, "\"//a\"",
          "\"http://\"");
}

TEST(grammar_objects_have_their_members_in_order_with_commas_between)
{
    CHECK("{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"null\"},\"b\":{\"type\":\"null\"},\"c\":{\"type\":"
          "\"null\"}},"
          "\"required\":[\"b\"]}",
          "{\"b\":null}", "{\"a\":null,\"b\":null}", "{\"b\":null,\"c\":null}", "{\"a\":null,\"b\":null,\"c\":null}",
          NULL, "{}", "{\"a\":null}", "{\"b\":null,\"a\":null}", "{\"b\":null,}", "{,\"b\":null}",
          "{\"b\":null,\"x\":null}", "{ \"b\":null}");
    CHECK("{\"type\":\"object\",\"properties\":{\"a\":{\"const\":1}},\"additionalProperties\":{\"type\":\"boolean\"}}",
          "{}", "{\"a\":1}", "{\"a\":1,\"b\":true}", "{\"aa\":true,\"b\":false}", NULL, "{\"a\":true}", "{\"b\":1}",
          "{\"\\u0061\":true}");
    CHECK("{\"type\":\"object\",\"patternProperties\":{\"^n_\":{\"const\":1},\"^s_\":{\"const\":\"x\"}},"
          "\"additionalProperties\":false}",
          "{}", "{\"n_a\":1,\"s_b\":\"x\"}", NULL, "{\"n_a\":\"x\"}", "{\"a\":1}");
    CHECK("{\"type\":\"object\",\"properties\":{\"a\":{\"const\":1},\"b\":{\"const\":1},\"c\":{\"const\":1}},"
          "\"minProperties\":2,\"maxProperties\":2,\"additionalProperties\":false}",
          "{\"a\":1,\"b\":1}", "{\"b\":1,\"c\":1}", NULL, "{}", "{\"a\":1}", "{\"a\":1,\"b\":1,\"c\":1}");
    CHECK("{\"type\":\"object\",\"required\":[\"z\"]}", "{\"z\":[1]}", "{\"z\":1,\"y\":2}", NULL, "{}", "{\"y\":2}");
    CHECK("{\"type\":\"object\",\"propertyNames\":{\"pattern\":\"^[a-z]$\"},\"additionalProperties\":{\"const\":1}}",
          "{\"a\":1}", NULL, "{\"ab\":1}");
}

TEST(grammar_arrays_have_as_many_items_as_they_may)
{
    CHECK("{\"type\":\"array\",\"items\":{\"const\":1},\"minItems\":1,\"maxItems\":3}", "[1]", "[1,1,1]", NULL, "[]",
          "[1,1,1,1]", "[1,]", "[,1]");
    CHECK("{\"type\":\"array\",\"prefixItems\":[{\"const\":1},{\"const\":2}],\"items\":{\"const\":3}}", "[]", "[1]",
          "[1,2]", "[1,2,3,3]", NULL, "[2]", "[1,3]");
    CHECK("{\"type\":\"array\",\"prefixItems\":[{\"const\":1}],\"items\":false}", "[]", "[1]", NULL, "[1,1]");
    CHECK("{\"type\":\"array\",\"items\":{\"const\":1},\"minItems\":2}", "[1,1]", "[1,1,1,1,1]", NULL, "[1]");
}

TEST(grammar_applies_schemas_in_place)
{
    CHECK("{\"anyOf\":[{\"type\":\"null\"},{\"enum\":[1,\"x\",[true]]}]}", "null", "1", "\"x\"", "[true]", NULL, "2",
          "[]");
    CHECK("{\"allOf\":[{\"type\":\"integer\",\"minimum\":3},{\"maximum\":4}]}", "3", "4", NULL, "2", "5");
    CHECK("{\"allOf\":[{\"properties\":{\"a\":{\"minimum\":2}}},{\"properties\":{\"a\":{\"type\":\"integer\","
          "\"maximum\":3}},"
          "\"required\":[\"a\"]}],\"type\":\"object\"}",
          "{\"a\":2}", "{\"a\":3}", NULL, "{\"a\":1}", "{\"a\":4}", "{}");
    CHECK("{\"oneOf\":[{\"type\":\"object\",\"properties\":{\"k\":{\"const\":\"a\"},\"v\":{\"const\":1}},\"required\":["
          "\"k\"]},"
          "{\"type\":\"object\",\"properties\":{\"k\":{\"const\":\"b\"}},\"required\":[\"k\"]}]}",
          "{\"k\":\"a\"}", "{\"k\":\"a\",\"v\":1}", "{\"k\":\"b\"}", NULL, "{\"k\":\"c\"}", "{\"k\":\"b\",\"v\":1}");
    CHECK("{\"oneOf\":[{\"type\":\"integer\",\"maximum\":4},{\"type\":\"integer\",\"minimum\":5}]}", "4", "5", NULL,
          "4.5");
    CHECK("{\"type\":[\"string\",\"null\"],\"enum\":[\"a\",null,3]}", "\"a\"", "null", NULL, "3");
    CHECK("{\"type\":\"string\",\"nullable\":true}", "\"a\"", "null", NULL, "1");
    CHECK("{\"type\":\"object\",\"properties\":{\"v\":{\"const\":0},\"next\":{\"$ref\":\"#\"}},\"required\":[\"v\"]}",
          "{\"v\":0}", "{\"v\":0,\"next\":{\"v\":0,\"next\":{\"v\":0}}}", NULL, "{\"v\":0,\"next\":{}}");
    CHECK("{\"not\":{\"type\":[\"string\",\"number\",\"object\",\"array\"]}}", "null", "true", "false", NULL, "1",
          "\"a\"");
}

TEST(grammar_refuses_what_nothing_satisfies_and_names_the_place)
{
    refuses("{\"properties\":{\"a\":{\"type\":\"string\",\"minLength\":3,\"maxLength\":2}},\"required\":[\"a\"],"
            "\"type\":\"object\"}",
            "'/properties/a': no string satisfies it");
    refuses("{\"items\":{\"minimum\":2,\"maximum\":1,\"type\":\"number\"},\"minItems\":1,\"type\":\"array\"}",
            "'/items': no number satisfies it");
    refuses("{\"allOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}", "'': no type is left that satisfies it");
    refuses("{\"const\":1,\"type\":\"string\"}", "'': no value of 'enum' or 'const' satisfies the rest");
    refuses("{\"type\":\"object\",\"required\":[\"a\"],\"additionalProperties\":false}",
            "'': 'a' is required, but cannot be there");
    refuses("{\"type\":\"array\",\"minItems\":2,\"maxItems\":1}", "'': 'minItems' is above 'maxItems'");
    refuses("false", "'': nothing satisfies 'false'");
    refuses("{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#\"}},\"required\":[\"a\"]}",
            "no text satisfies it");
}

TEST(grammar_refuses_what_it_cannot_express_and_names_the_place)
{
    refuses("{\"properties\":{\"a\":{\"pattern\":\"(?=x)y\",\"type\":\"string\"}}}",
            "'/properties/a': the pattern '(?=x)y' cannot be used: look-around, flags and references are not supported "
            "(byte 2)");
    refuses("{\"items\":{\"if\":{},\"then\":{\"type\":\"null\"}}}", "'/items': 'if' cannot be expressed as a grammar");
    refuses("{\"type\":\"number\",\"multipleOf\":0.1}",
            "'': 'multipleOf' 0.1 cannot be expressed (whole numbers up to 500 can, powers of ten, 0.5, 0.25, 0.125)");
    refuses("{\"oneOf\":[{\"type\":\"integer\"},{\"type\":\"number\"}]}",
            "'': 'oneOf': what fits branch 0 may fit branch 1 as well; tell them apart by type, by a 'const' or by "
            "required "
            "properties, or say 'anyOf'");
    refuses("{\"type\":\"string\",\"pattern\":\"(a|b)*a(a|b){30}\"}",
            "'': a pattern, length or range needs too many states");
    refuses("{\"$ref\":\"#\"}", "'': it refers to itself with nothing in between");
    refuses("{\"type\":\"array\",\"uniqueItems\":true}",
            "'': 'uniqueItems' cannot be expressed: say 'maxItems': 1, or leave it out");
}

TEST(grammar_spaces_are_as_asked_for_and_never_without_end)
{
    struct fixture f;
    const char *json = "{\"type\":\"object\",\"properties\":{\"a\":{\"const\":[1,2]}},\"required\":[\"a\"]}";
    assert_ok(from_schema(&f, json, GRAMMAR_SPACED));
    assert_true(takes(&f, "{\"a\": [1, 2]}") && !takes(&f, "{\"a\":[1,2]}"));
    done(&f);
    assert_ok(from_schema(&f, json, GRAMMAR_LOOSE));
    assert_true(takes(&f, "{\"a\":[1,2]}") && takes(&f, "{\n  \"a\": [\n    1, 2\n  ]\n}"));
    assert_false(takes(&f, "{\n\n\"a\":[1,2]}") || takes(&f, "{   \"a\":[1,2]}"));
    done(&f);
}

TEST(grammar_any_object_is_json_to_a_depth_from_which_it_can_end)
{
    struct fixture f = {0};
    char deep[600];
    assert_ok(grammar_json_object(NULL, &f.grammar, &f.err));
    assert_ok(grammar_masks_new(f.grammar, NULL, 0, &f.masks, NULL));
    assert_true(takes(&f, "{\"a\":[1,{\"b\":\"\\n\"},null,true,-1.5e3],\"a\":{}}"));
    assert_false(takes(&f, "[1]") || takes(&f, "{\"a\"}") || takes(&f, "{\"a\":1") || takes(&f, "{'a':1}"));
    memset(deep, '[', sizeof(deep));
    memcpy(deep, "{\"a\":", 5);
    struct grammar_state *s = NULL;
    assert_ok(grammar_state_new(f.masks, &s, NULL));
    size_t at = 0;
    while (at < sizeof(deep) && grammar_state_accept_bytes(s, (kit_str){&deep[at], 1}, NULL) == KIT_OK) {
        at++;
    }
    assert_true(at > 100 && at < 200);
    for (size_t i = 5; i < at; i++) {
        assert_ok(grammar_state_accept_bytes(s, kit_str_lit("]"), NULL));
    }
    assert_ok(grammar_state_accept_bytes(s, kit_str_lit("}"), NULL));
    assert_true(grammar_state_complete(s));
    grammar_state_free(s);
    done(&f);
}

TEST(grammar_parts_put_texts_and_schemas_together)
{
    struct fixture f = {0};
    struct kit_json_doc *doc = NULL;
    struct schema *schema = NULL;
    assert_ok(kit_json_parse(
        kit_str_lit("{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"}},\"required\":[\"n\"]}"), 9,
        &doc, NULL));
    assert_ok(schema_parse(kit_json_root(doc), NULL, &schema, NULL));
    struct grammar_part call[3] = {{.kind = GRAMMAR_PART_TEXT, .text = kit_str_lit("<call>f ")},
                                   {.kind = GRAMMAR_PART_SCHEMA, .schema = schema},
                                   {.kind = GRAMMAR_PART_TEXT, .text = kit_str_lit("</call>")}};
    struct grammar_part ways[2] = {{.kind = GRAMMAR_PART_REPEAT, .parts = call, .count = 3, .min = 1, .max = 2},
                                   {.kind = GRAMMAR_PART_GBNF, .text = kit_str_lit("root ::= [a-c]+")}};
    struct grammar_part all = {.kind = GRAMMAR_PART_ONE_OF, .parts = ways, .count = 2};
    assert_ok(grammar_from_part(&all, NULL, &f.grammar, &f.err));
    schema_free(schema);
    kit_json_free(doc);
    assert_ok(grammar_masks_new(f.grammar, NULL, 0, &f.masks, NULL));
    assert_true(takes(&f, "<call>f {\"n\":1}</call>") && takes(&f, "<call>f {\"n\":1}</call><call>f {\"n\":2}</call>"));
    assert_true(takes(&f, "abc"));
    assert_false(takes(&f, "") || takes(&f, "<call>f {}</call>") || takes(&f, "abc<call>f {\"n\":1}</call>"));
    done(&f);
}

TEST(grammar_survives_each_failed_alloc)
{
    struct kit_json_doc *doc = NULL;
    struct schema *schema = NULL;
    assert_ok(kit_json_parse(
        kit_str_lit("{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"pattern\":\"^a+$\"},"
                    "\"b\":{\"type\":\"integer\",\"minimum\":3},\"c\":{\"enum\":[1,\"x\"]}},"
                    "\"additionalProperties\":{\"items\":{\"$ref\":\"#\"}}}"),
        20, &doc, NULL));
    assert_ok(schema_parse(kit_json_root(doc), NULL, &schema, NULL));
    TEST_ALLOC_SWEEP(n) {
        struct grammar *g = NULL;
        struct grammar_masks *masks = NULL;
        struct grammar_state *s = NULL;
        enum kit_status rc = grammar_from_schema(schema, NULL, &g, NULL);
        rc = rc == KIT_OK ? grammar_masks_new(g, NULL, 0, &masks, NULL) : rc;
        rc = rc == KIT_OK ? grammar_state_new(masks, &s, NULL) : rc;
        rc = rc == KIT_OK ? grammar_state_accept_bytes(s, kit_str_lit("{\"a\":\"aa\",\"zz\":[{}]}"), NULL) : rc;
        assert_true(rc == KIT_OK || rc == KIT_NOMEM);
        grammar_state_free(s);
        grammar_masks_unref(masks);
        grammar_unref(g);
    }
    schema_free(schema);
    kit_json_free(doc);
}

int main(void)
{
    return TEST_RUN(TEST_OF(grammar_whole_numbers_lie_between_their_bounds_exactly),
                    TEST_OF(grammar_numbers_keep_to_their_bounds),
                    TEST_OF(grammar_strings_count_characters_and_write_escapes),
                    TEST_OF(grammar_formats_are_what_their_standards_say),
                    TEST_OF(grammar_objects_have_their_members_in_order_with_commas_between),
                    TEST_OF(grammar_arrays_have_as_many_items_as_they_may), TEST_OF(grammar_applies_schemas_in_place),
                    TEST_OF(grammar_refuses_what_nothing_satisfies_and_names_the_place),
                    TEST_OF(grammar_refuses_what_it_cannot_express_and_names_the_place),
                    TEST_OF(grammar_spaces_are_as_asked_for_and_never_without_end),
                    TEST_OF(grammar_any_object_is_json_to_a_depth_from_which_it_can_end),
                    TEST_OF(grammar_parts_put_texts_and_schemas_together), TEST_OF(grammar_survives_each_failed_alloc));
}
