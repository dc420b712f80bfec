/* A JSON Schema: read or refused with its place, and all of its nodes can be walked. What it is compiled to comes to an end:
 * what must follow follows, and a choice of bytes is tried in turn. */
#include "fuzz/fuzz.h"
#include "grammar/masks.h"
#include "kit/utf8.h"
#include "schema/schema.h"

#define DEPTH 40

static void check_node(const struct schema_node *n)
{
    char pointer[SCHEMA_POINTER_BYTES];
    FUZZ_CHECK(n != NULL && n->types != 0);
    schema_pointer(n, pointer);
    for (uint32_t i = 0; i < n->properties.count; i++) {
        check_node(n->properties.member[i].node);
    }
    for (uint32_t i = 0; i < n->any_of.count; i++) {
        check_node(n->any_of.node[i]);
    }
    if (n->items != NULL) {
        check_node(n->items);
    }
    FUZZ_CHECK(n->ref == NULL || n->ref->types != 0);
}

static void follow(struct grammar_masks *masks)
{
    static const char tries[] = "}]\"0n{[,:etrueals1a";
    struct grammar_state *s = NULL;
    if (grammar_state_new(masks, &s, NULL) != KIT_OK) {
        return;
    }
    for (uint32_t i = 0; i < 60 && !grammar_state_complete(s); i++) {
        char forced[32];
        size_t must = grammar_state_forced(s, forced, sizeof(forced));
        bool went = must > 0;
        FUZZ_CHECK(!went || grammar_state_accept_bytes(s, (kit_str){forced, must}, NULL) == KIT_OK);
        for (size_t k = 0; k < sizeof(tries) - 1 && !went; k++) {
            went = grammar_state_accept_bytes(s, (kit_str){&tries[k], 1}, NULL) == KIT_OK;
        }
        if (!went) {
            break;
        }
    }
    grammar_state_free(s);
}

static void compile(const struct schema *schema)
{
    struct grammar *grammar = NULL;
    struct grammar_masks *masks = NULL;
    struct kit_err err = {0};
    if (grammar_from_schema(schema, NULL, &grammar, &err) != KIT_OK) {
        FUZZ_CHECK(grammar == NULL && err.msg[0] != '\0' && kit_utf8_is_valid(kit_str_c(err.msg)));
        return;
    }
    if (grammar_masks_new(grammar, NULL, 0, &masks, NULL) == KIT_OK) {
        follow(masks);
    }
    grammar_masks_unref(masks);
    grammar_unref(grammar);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kit_json_doc *doc = NULL;
    struct schema *schema = NULL;
    struct kit_err err = {0};
    struct schema_limits limits = {.depth_max = 20, .nodes_max = 500};
    if (kit_json_parse((kit_str){(const char *)data, size}, DEPTH, &doc, &err) != KIT_OK) {
        return 0;
    }
    if (schema_parse(kit_json_root(doc), &limits, &schema, &err) == KIT_OK) {
        FUZZ_CHECK(schema_count(schema) >= 1 && schema_count(schema) <= limits.nodes_max);
        check_node(schema_root(schema));
        compile(schema);
    } else {
        FUZZ_CHECK(schema == NULL && err.msg[0] != '\0' && kit_utf8_is_valid(kit_str_c(err.msg)));
    }
    schema_free(schema);
    kit_json_free(doc);
    return 0;
}
