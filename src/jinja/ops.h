/* src/jinja/ops.h - operators, subscripts and slices, with Python's rules. For src/jinja/ only.
 *
 * Thread: one. Memory: the run's arena. */
#ifndef JINJA_OPS_H
#define JINJA_OPS_H

#include "jinja/value.h"

/* op: '+', '-', '*', '/', '%', 'd' for //, 'p' for **. */
struct jinja_value jinja_op(struct jinja_run *r, char op, struct jinja_value a, struct jinja_value b);
struct jinja_value jinja_op_sign(struct jinja_run *r, char op, struct jinja_value a); /* '+', '-' */
/* a[i]: undefined when it is not there, an error when a is undefined. Methods are not looked at. */
struct jinja_value jinja_op_item(struct jinja_run *r, struct jinja_value a, struct jinja_value i);
/* a[from:to:step]; none or MISSING: left out. */
struct jinja_value jinja_op_slice(struct jinja_run *r, struct jinja_value a, struct jinja_value from,
                                  struct jinja_value to, struct jinja_value step);
/* "…%s…" % value. */
struct jinja_value jinja_op_format(struct jinja_run *r, struct jinja_value format, struct jinja_value values);

#endif
