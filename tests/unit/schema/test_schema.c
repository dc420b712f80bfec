#include "schema/schema.h"

#include <stdio.h>

#include "support/test.h"

struct fixture {
    struct kit_json_doc *doc;
    struct schema *schema;
    const struct schema_node *root;
    struct kit_err err;
};

static enum kit_status parse_within(struct fixture *f, kit_str json, const struct schema_limits *limits)
{
    *f = (struct fixture){0};
    enum kit_status rc = kit_json_parse(json, 300, &f->doc, &f->err);
    if (rc == KIT_OK) {
        rc = schema_parse(kit_json_root(f->doc), limits, &f->schema, &f->err);
    }
    f->root = rc == KIT_OK ? schema_root(f->schema) : NULL;
    return rc;
}

static void parse(struct fixture *f, const char *json)
{
    enum kit_status rc = parse_within(f, kit_str_c(json), NULL);
    if (rc != KIT_OK) {
        print_error("%s\n", f->err.msg);
    }
    assert_ok(rc);
}

static void done(struct fixture *f)
{
    schema_free(f->schema);
    kit_json_free(f->doc);
}

static void refuses(const char *json, enum kit_status code, const char *message)
{
    struct fixture f;
    assert_int_equal(parse_within(&f, kit_str_c(json), NULL), code);
    assert_string_equal(f.err.msg, message);
    assert_null(f.schema);
    done(&f);
}

TEST(schema_reads_types_as_bits_where_a_number_is_both_kinds)
{
    struct fixture f;
    parse(&f, "{\"properties\":{\"a\":{\"type\":\"number\"},\"b\":{\"type\":[\"integer\",\"null\"]},\"c\":true,\"d\":"
              "false}}");
    assert_int_equal(f.root->types, SCHEMA_TYPES);
    assert_int_equal(f.root->properties.count, 4);
    assert_str(f.root->properties.member[1].name, "b");
    assert_int_equal(f.root->properties.member[0].node->types, SCHEMA_WHOLE | SCHEMA_FRACTION);
    assert_int_equal(f.root->properties.member[1].node->types, SCHEMA_WHOLE | SCHEMA_NULL);
    assert_false(f.root->properties.member[2].node->never);
    assert_true(f.root->properties.member[3].node->never);
    assert_int_equal(schema_count(f.schema), 5);
    done(&f);
}

TEST(schema_reads_every_bound)
{
    struct fixture f;
    parse(
        &f,
        "{\"minLength\":1,\"maxLength\":2,\"minItems\":3,\"maxItems\":4,\"minProperties\":5,\"maxProperties\":6.0,"
        "\"minContains\":7,\"maxContains\":8,\"contains\":{},\"minimum\":-1.5,\"exclusiveMaximum\":9,\"multipleOf\":3,"
        "\"uniqueItems\":true,\"pattern\":\"a+\",\"format\":\"date\",\"enum\":[1],\"const\":null}");
    const struct schema_node *n = f.root;
    assert_true(n->length_min == 1 && n->length_max == 2 && n->items_min == 3 && n->items_max == 4);
    assert_true(n->properties_min == 5 && n->properties_max == 6 && n->contains_min == 7 && n->contains_max == 8);
    assert_true(kit_json_f64(n->minimum, 0) == -1.5 && kit_json_i64(n->exclusive_maximum, 0) == 9);
    assert_true(n->maximum.v == NULL && n->exclusive_minimum.v == NULL && n->unique && n->contains != NULL);
    assert_str(n->pattern, "a+");
    assert_str(n->format, "date");
    assert_int_equal(kit_json_count(n->values), 1);
    assert_int_equal(kit_json_type(n->constant), KIT_JSON_NULL);
    done(&f);
}

TEST(schema_without_bounds_has_none)
{
    struct fixture f;
    parse(&f, "{}");
    assert_true(f.root->length_max == SCHEMA_NO_MAX && f.root->items_max == SCHEMA_NO_MAX);
    assert_true(f.root->contains_min == 1 && f.root->pattern.ptr == NULL && f.root->constant.v == NULL);
    done(&f);
}

TEST(schema_reference_points_at_the_node_itself_also_in_a_circle)
{
    struct fixture f;
    parse(&f, "{\"$ref\":\"#/$defs/t~1r%C3%A9e\",\"$defs\":{\"t/r\xC3\xA9"
              "e\":{\"properties\":{\"next\":{\"$ref\":\"#\"}}}}}");
    const struct schema_node *tree = f.root->definitions.member[0].node;
    assert_ptr_equal(f.root->ref, tree);
    assert_ptr_equal(tree->properties.member[0].node->ref, f.root);
    done(&f);
}

TEST(schema_reference_reaches_what_no_keyword_reads)
{
    struct fixture f;
    char pointer[SCHEMA_POINTER_BYTES];
    parse(&f, "{\"$ref\":\"#/parts/1\",\"parts\":[0,{\"type\":\"string\",\"not\":{}}]}");
    assert_int_equal(f.root->ref->types, SCHEMA_STRING);
    assert_string_equal(schema_pointer(f.root->ref, pointer), "/parts/1");
    assert_string_equal(schema_pointer(f.root->ref->not, pointer), "/parts/1/not");
    done(&f);
}

TEST(schema_anchors_and_ids_are_names_within_their_resource)
{
    struct fixture f;
    parse(
        &f,
        "{\"$id\":\"https://a/root\",\"allOf\":[{\"$ref\":\"#x\"},{\"$ref\":\"https://a/inner#x\"},"
        "{\"$ref\":\"https://a/inner\"},{\"$ref\":\"https://a/root#/$defs/i/$defs/j\"}],\"$defs\":{"
        "\"h\":{\"$anchor\":\"x\",\"const\":1},"
        "\"i\":{\"$id\":\"https://a/inner\",\"$defs\":{\"j\":{\"$anchor\":\"x\",\"$ref\":\"#/$defs/k\"},\"k\":{}}}}}");
    const struct schema_node *h = f.root->definitions.member[0].node;
    const struct schema_node *i = f.root->definitions.member[1].node;
    assert_ptr_equal(f.root->all_of.node[0]->ref, h);
    assert_ptr_equal(f.root->all_of.node[1]->ref, i->definitions.member[0].node);
    assert_ptr_equal(f.root->all_of.node[2]->ref, i);
    assert_ptr_equal(f.root->all_of.node[3]->ref, i->definitions.member[0].node);
    assert_ptr_equal(i->definitions.member[0].node->ref, i->definitions.member[1].node);
    done(&f);
}

TEST(schema_older_spellings_mean_what_they_meant)
{
    struct fixture f;
    parse(&f, "{\"definitions\":{\"a\":{}},\"items\":[{\"type\":\"string\"},{}],\"additionalItems\":false,"
              "\"minimum\":3,\"exclusiveMinimum\":true,\"nullable\":true,\"type\":\"array\","
              "\"dependencies\":{\"a\":[\"b\",\"c\"],\"d\":{\"type\":\"object\"}}}");
    assert_int_equal(f.root->definitions.count, 1);
    assert_int_equal(f.root->prefix_items.count, 2);
    assert_true(f.root->items->never);
    assert_int_equal(kit_json_i64(f.root->exclusive_minimum, 0), 3);
    assert_int_equal(f.root->types, SCHEMA_ARRAY | SCHEMA_NULL);
    assert_int_equal(f.root->dependent_count, 1);
    assert_str(f.root->dependent[0].needs.name[1], "c");
    assert_int_equal(f.root->dependent_schemas.member[0].node->types, SCHEMA_OBJECT);
    done(&f);
}

TEST(schema_dependencies_join_those_of_newer_drafts)
{
    struct fixture f;
    parse(&f, "{\"dependentRequired\":{\"a\":[\"b\"],\"b\":[]},\"dependentSchemas\":{\"e\":{}},"
              "\"dependencies\":{\"c\":[\"d\"],\"f\":{\"type\":\"null\"}}}");
    assert_int_equal(f.root->dependent_count, 3);
    assert_str(f.root->dependent[0].name, "a");
    assert_str(f.root->dependent[2].needs.name[0], "d");
    assert_int_equal(f.root->dependent_schemas.count, 2);
    assert_int_equal(f.root->dependent_schemas.member[1].node->types, SCHEMA_NULL);
    done(&f);
}

TEST(schema_reads_what_applies_in_place)
{
    struct fixture f;
    parse(&f,
          "{\"allOf\":[{}],\"anyOf\":[{},{}],\"oneOf\":[true],\"not\":{},\"if\":{},\"then\":{},\"else\":{},"
          "\"propertyNames\":{},\"patternProperties\":{\"^a\":{}},\"additionalProperties\":{},\"unevaluatedItems\":{},"
          "\"unevaluatedProperties\":false,\"dependentSchemas\":{\"a\":{}},\"dependentRequired\":{\"a\":[\"b\"]},"
          "\"$dynamicAnchor\":\"d\",\"$dynamicRef\":\"#d\",\"prefixItems\":[{}],\"required\":[\"x\"]}");
    const struct schema_node *n = f.root;
    assert_true(n->all_of.count == 1 && n->any_of.count == 2 && n->one_of.count == 1 && n->prefix_items.count == 1);
    assert_true(n->not != NULL && n->condition != NULL && n->then != NULL && n->otherwise != NULL);
    assert_true(n->names != NULL && n->additional != NULL && n->unevaluated->never && n->unevaluated_items != NULL);
    assert_true(n->pattern_properties.count == 1 && n->dependent_schemas.count == 1 && n->dependent_count == 1);
    assert_ptr_equal(n->dynamic_ref, n);
    assert_str(n->required.name[0], "x");
    done(&f);
}

TEST(schema_names_the_place_of_what_is_wrong)
{
    refuses("{\"properties\":{\"a/b\":{\"type\":\"text\"}}}", KIT_INVALID,
            "'/properties/a~1b': 'type' must name JSON's types, but has 'text'");
    refuses("{\"anyOf\":[{},{\"minLength\":-1}]}", KIT_INVALID,
            "'/anyOf/1': 'minLength' must be a whole number of at least 0, but is a number");
    refuses("{\"items\":3}", KIT_INVALID, "'/items': a schema is an object, true or false, but this is a number");
    refuses("{\"required\":[\"a\",\"a\"]}", KIT_INVALID, "'': 'required' has 'a' twice");
    refuses("{\"properties\":{\"a\":{},\"a\":{}}}", KIT_INVALID, "'': 'properties' has 'a' twice");
    refuses("{\"oneOf\":[{},{}],\"oneOf\":[{},{}]}", KIT_INVALID, "'': 'oneOf' is there twice");
    refuses("{\"multipleOf\":0}", KIT_INVALID, "'': 'multipleOf' must be a number above 0, but is a number");
    refuses("{\"not\":{\"$ref\":\"#/nope\"}}", KIT_UNPROCESSABLE,
            "'/not': the reference '#/nope' leads to no schema of this document (nothing is fetched)");
    refuses("{\"$ref\":\"https://example.org/x\"}", KIT_UNPROCESSABLE,
            "'': the reference 'https://example.org/x' leads to no schema of this document (nothing is fetched)");
    refuses("{\"$defs\":{\"a\":{\"$anchor\":\"x\"},\"b\":{\"$anchor\":\"x\"}}}", KIT_INVALID,
            "'/$defs/b': the name 'x' is there twice");
    refuses("[]", KIT_INVALID, "'': a schema is an object, true or false, but this is an array");
}

TEST(schema_stops_at_its_limits)
{
    struct fixture f;
    struct schema_limits few = {.depth_max = 3, .nodes_max = 4};
    assert_int_equal(parse_within(&f, kit_str_lit("{\"not\":{\"not\":{\"not\":{}}}}"), &few), KIT_TOO_LARGE);
    assert_string_equal(f.err.msg, "'/not/not/not': nested deeper than 3 schemas");
    done(&f);
    assert_int_equal(parse_within(&f, kit_str_lit("{\"anyOf\":[{},{},{},{}]}"), &few), KIT_TOO_LARGE);
    assert_string_equal(f.err.msg, "'/anyOf/3': more than 4 schemas");
    done(&f);
}

TEST(schema_pointer_of_a_long_way_keeps_its_end)
{
    struct fixture f;
    char json[900];
    char pointer[SCHEMA_POINTER_BYTES];
    snprintf(json, sizeof(json), "{\"properties\":{\"%0200d\":{\"items\":{}}}}", 7);
    parse(&f, json);
    schema_pointer(f.root->properties.member[0].node->items, pointer);
    assert_int_equal(strlen(pointer), SCHEMA_POINTER_BYTES - 1);
    assert_memory_equal(pointer, "...", 3);
    assert_string_equal(pointer + SCHEMA_POINTER_BYTES - 1 - 7, "7/items");
    done(&f);
}

TEST(schema_parse_survives_each_failed_alloc)
{
    struct kit_json_doc *doc = NULL;
    assert_ok(kit_json_parse(kit_str_lit("{\"$ref\":\"#/x/y\",\"x\":{\"y\":{\"$anchor\":\"q\",\"required\":[\"a\"]}},"
                                         "\"properties\":{\"a\":{\"items\":[{},{}]}}}"),
                             20, &doc, NULL));
    TEST_ALLOC_SWEEP(n) {
        struct schema *s = NULL;
        enum kit_status rc = schema_parse(kit_json_root(doc), NULL, &s, NULL);
        assert_true(rc == KIT_OK ? s != NULL : rc == KIT_NOMEM && s == NULL);
        schema_free(s);
    }
    kit_json_free(doc);
}

int main(void)
{
    return TEST_RUN(
        TEST_OF(schema_reads_types_as_bits_where_a_number_is_both_kinds), TEST_OF(schema_reads_every_bound),
        TEST_OF(schema_without_bounds_has_none), TEST_OF(schema_reference_points_at_the_node_itself_also_in_a_circle),
        TEST_OF(schema_reference_reaches_what_no_keyword_reads),
        TEST_OF(schema_anchors_and_ids_are_names_within_their_resource),
        TEST_OF(schema_older_spellings_mean_what_they_meant), TEST_OF(schema_dependencies_join_those_of_newer_drafts),
        TEST_OF(schema_reads_what_applies_in_place), TEST_OF(schema_names_the_place_of_what_is_wrong),
        TEST_OF(schema_stops_at_its_limits), TEST_OF(schema_pointer_of_a_long_way_keeps_its_end),
        TEST_OF(schema_parse_survives_each_failed_alloc));
}
