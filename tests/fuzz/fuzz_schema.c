/* A JSON Schema: read or refused with its place, and all of its nodes can be walked. */
#include "fuzz/fuzz.h"
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
    } else {
        FUZZ_CHECK(schema == NULL && err.msg[0] != '\0' && kit_utf8_is_valid(kit_str_c(err.msg)));
    }
    schema_free(schema);
    kit_json_free(doc);
    return 0;
}
