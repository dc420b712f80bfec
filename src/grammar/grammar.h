/* src/grammar/grammar.h - what a generated text must look like: a JSON Schema, any JSON object, a GBNF grammar, or texts
 * and schemas put together, all compiled to one form (nodes.h), which says after any bytes what may follow.
 *
 * What of JSON Schema is taken, and what is refused, is in docs/structured-output.md. Each text that is complete under a
 * grammar is valid for its schema; where a schema cannot be expressed, it is refused with its place.
 * Thread: a compiled grammar is immutable and counted; any. Compiling may take milliseconds: not on a loop. Memory: one
 * grammar owns all of it; sources may go when it is compiled. */
#ifndef GRAMMAR_GRAMMAR_H
#define GRAMMAR_GRAMMAR_H

#include "schema/schema.h"

struct grammar;

enum grammar_spaces {
    GRAMMAR_COMPACT, /* {"a":1,"b":2} */
    GRAMMAR_SPACED,  /* {"a": 1, "b": 2} */
    GRAMMAR_LOOSE    /* any of these, and lines with up to 32 spaces before what stands in them */
};

struct grammar_options {
    enum grammar_spaces spaces;
};

enum grammar_part_kind {
    GRAMMAR_PART_TEXT,   /* text, as it is */
    GRAMMAR_PART_SCHEMA, /* JSON for schema */
    GRAMMAR_PART_JSON,   /* any JSON value */
    GRAMMAR_PART_OBJECT, /* any JSON object */
    GRAMMAR_PART_GBNF,   /* text is a GBNF grammar */
    GRAMMAR_PART_ALL_OF, /* parts, one behind the other */
    GRAMMAR_PART_ONE_OF, /* any of parts */
    GRAMMAR_PART_REPEAT  /* parts, one behind the other, min … max times (max 0: any number) */
};

/* A piece of a text to come; borrowed while it is compiled. */
struct grammar_part {
    enum grammar_part_kind kind;
    kit_str text;
    const struct schema *schema;
    const struct grammar_part *parts;
    uint32_t count;
    uint32_t min, max;
};

/* options: NULL for compact.  Errors: UNPROCESSABLE (nothing satisfies it, or it cannot be expressed: the message begins with
 * the JSON pointer, or names line and column of GBNF), PARSE (no GBNF), TOO_LARGE, NOMEM. */
KIT_MUST_CHECK enum kit_status grammar_from_part(const struct grammar_part *part, const struct grammar_options *options,
                                                 struct grammar **ret, struct kit_err *err);
KIT_MUST_CHECK enum kit_status grammar_from_schema(const struct schema *schema, const struct grammar_options *options,
                                                   struct grammar **ret, struct kit_err *err);
/* GBNF as llama.cpp documents it: the rule "root" is the text. Left recursion is refused. At most 256 KiB. */
KIT_MUST_CHECK enum kit_status grammar_from_gbnf(kit_str text, struct grammar **ret, struct kit_err *err);
KIT_MUST_CHECK enum kit_status grammar_json_object(const struct grammar_options *options, struct grammar **ret,
                                                   struct kit_err *err);

struct grammar *grammar_ref(struct grammar *g);
void grammar_unref(struct grammar *g); /* NULL is fine */
size_t grammar_bytes(const struct grammar *g);

#endif
