/* src/jinja/print.h - values as text: what str(), repr() and json.dumps() of Python print. For src/jinja/ only.
 *
 * Each byte keeps its origin. Thread: one. Memory: the run's arena. */
#ifndef JINJA_PRINT_H
#define JINJA_PRINT_H

#include "jinja/build.h"

void jinja_print(struct jinja_build *b, struct jinja_value v);              /* str(v); nothing for undefined */
void jinja_print_repr(struct jinja_build *b, struct jinja_value v);         /* repr(v) */
struct jinja_value jinja_to_str(struct jinja_run *r, struct jinja_value v); /* v itself when it is a STR */

#define JINJA_PRINT_BYTES 40
/* A float as Python has it: "1.0", "0.1", "1e-05", "1e+16", "inf". Returns the bytes; no NUL. */
size_t jinja_print_float(double f, char buf[JINJA_PRINT_BYTES]);

struct jinja_json_style {
    kit_str item, key; /* what stands behind an item and behind a key: ", " and ": " */
    kit_str indent;    /* of one level; has_indent: each item has a line of its own */
    bool has_indent, sort_keys, ensure_ascii;
};
/* Fails for what JSON has not ("Object of type Undefined is not JSON serializable"). */
void jinja_print_json(struct jinja_build *b, struct jinja_value v, const struct jinja_json_style *style);

#endif
