/* src/schema/schema.h - a JSON Schema (draft 2020-12) as a graph of nodes, read once: grammars are made from it (grammar/),
 * values are checked against it.
 *
 * Older spellings that people send are read too: "definitions", "items" as a list with "additionalItems", "dependencies",
 * "exclusiveMinimum": true, "nullable". Unknown keywords say nothing, as the standard has it. References reach within the
 * document only: "#", "#/pointer", "#anchor", and an "$id" that stands in it. Nothing is fetched.
 * Thread: a parsed schema is immutable; any. Memory: one arena, owned by the schema; names and values are borrowed from the
 * document, which outlives it. Source: JSON Schema Core and Validation, 2020-12. */
#ifndef SCHEMA_SCHEMA_H
#define SCHEMA_SCHEMA_H

#include "kit/json.h"

struct schema;

/* Bits of schema_node.types. A whole number is one whatever its spelling (1.0), so "number" is both kinds. */
enum schema_type {
    SCHEMA_NULL = 1,
    SCHEMA_BOOLEAN = 2,
    SCHEMA_WHOLE = 4,    /* numbers without a fraction */
    SCHEMA_FRACTION = 8, /* the other numbers */
    SCHEMA_STRING = 16,
    SCHEMA_ARRAY = 32,
    SCHEMA_OBJECT = 64,
    SCHEMA_TYPES = 127
};

#define SCHEMA_NO_MAX UINT64_MAX

struct schema_node;

struct schema_list {
    const struct schema_node **node;
    uint32_t count;
};

struct schema_member {
    kit_str name; /* of a property, or a pattern */
    const struct schema_node *node;
};

struct schema_members {
    struct schema_member *member; /* as the document has them */
    uint32_t count;
};

struct schema_names {
    kit_str *name;
    uint32_t count;
};

struct schema_needs { /* dependentRequired: who has `name` has these */
    kit_str name;
    struct schema_names needs;
};

/* One schema of the document. What is not said is zero, NULL or {NULL}: an empty node takes everything. */
struct schema_node {
    const struct schema_node *up; /* NULL at the root, and for what only a reference reaches */
    const char *keyword;          /* where it stands in `up`: "properties", … */
    kit_str step;                 /* and there: name or index; "" where the keyword has one schema */

    bool never;        /* "false" */
    uint32_t types;    /* SCHEMA_… bits, never 0 */
    kit_json constant; /* any value */
    kit_json values;   /* "enum": an array */

    kit_json minimum, maximum, exclusive_minimum, exclusive_maximum, multiple_of; /* numbers; the last is above 0 */

    uint64_t length_min, length_max; /* in code points; SCHEMA_NO_MAX */
    kit_str pattern, format;         /* ptr NULL: none */

    struct schema_list prefix_items;
    const struct schema_node *items, *contains, *unevaluated_items;
    uint64_t items_min, items_max;
    uint64_t contains_min, contains_max; /* 1 and SCHEMA_NO_MAX where not said */
    bool unique;

    struct schema_members properties, pattern_properties, dependent_schemas;
    const struct schema_node *additional, *names, *unevaluated;
    struct schema_names required;
    struct schema_needs *dependent;
    uint32_t dependent_count;
    uint64_t properties_min, properties_max;

    struct schema_list all_of, any_of, one_of;
    const struct schema_node * not, *condition, *then, *otherwise; /* the last two without a condition say nothing */
    const struct schema_node *ref;                                 /* what "$ref" names; its siblings count as well */
    const struct schema_node *dynamic_ref; /* what "$dynamicRef" names where nothing overrides it */
    kit_str dynamic_anchor;

    struct schema_members definitions; /* "$defs" and "definitions" */
};

struct schema_limits {
    uint32_t depth_max; /* nested schemas, 1 … 200 */
    uint32_t nodes_max; /* schemas of the document; time and memory are linear in it */
};
#define SCHEMA_LIMITS ((struct schema_limits){.depth_max = 64, .nodes_max = 20000})

/* document: borrowed, outlives the schema.  limits: NULL for SCHEMA_LIMITS.
 * Errors, each beginning with the JSON pointer of the place ("'/properties/a/type': …"): INVALID (no schema: a keyword with a
 * value of the wrong type, names that are there twice), UNPROCESSABLE (a reference that leads nowhere or out of the
 * document), TOO_LARGE (beyond a limit), NOMEM. */
KIT_MUST_CHECK enum kit_status schema_parse(kit_json document, const struct schema_limits *limits, struct schema **ret,
                                            struct kit_err *err);
void schema_free(struct schema *s); /* NULL is fine */
const struct schema_node *schema_root(const struct schema *s);
uint32_t schema_count(const struct schema *s); /* its nodes */

#define SCHEMA_POINTER_BYTES 160
/* The JSON pointer of a node (RFC 6901), "" for the root; of a long one the end, after "...". Returns buf. */
char *schema_pointer(const struct schema_node *n, char buf[SCHEMA_POINTER_BYTES]);

/* Fills err with "'pointer': message" and returns code. */
#define schema_fail(node, code, err, ...) schema_fail_at((node), (code), (err), KIT_HERE, __VA_ARGS__)
enum kit_status schema_fail_at(const struct schema_node *node, enum kit_status code, struct kit_err *err,
                               const char *where, const char *format, ...) KIT_PRINTF(5, 6);

#endif
