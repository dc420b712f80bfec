/* src/jinja/eval.h - runs the tree of a template. For src/jinja/ only.
 *
 * Thread: one. Memory: the run's arena; scopes of loops are used again for each turn unless a macro holds them. */
#ifndef JINJA_EVAL_H
#define JINJA_EVAL_H

#include "jinja/call.h"

/* Names of one level. A scope that a macro was defined in is captured: it lives on. */
struct jinja_scope {
    struct jinja_scope *parent;
    bool captured;
    uint32_t count, room;
    struct jinja_variable *variables;
};

/* Runs a body; what it prints goes to r->out. r->scope: the names of the context. */
void jinja_eval_body(struct jinja_run *r, const struct jinja_node *body);
/* name: interned. */
void jinja_scope_set(struct jinja_run *r, struct jinja_scope *s, kit_str name, struct jinja_value v);
struct jinja_value jinja_eval(struct jinja_run *r, const struct jinja_node *n);
struct jinja_value jinja_eval_macro(struct jinja_run *r, const struct jinja_callable *macro,
                                    const struct jinja_call *call);
/* loop.index and the others; undefined when a loop has no such name. */
struct jinja_value jinja_eval_loop(struct jinja_run *r, struct jinja_value loop, kit_str name);

/* --- what eval.c and statement.c share --- */

struct jinja_loop {
    struct jinja_value items; /* a list */
    uint32_t at;
    struct jinja_value last; /* of changed() */
};

struct jinja_scope *jinja_scope_push(struct jinja_run *r);
void jinja_scope_pop(struct jinja_run *r, struct jinja_scope *s);
/* args of a CALL, FILTER or TEST. */
void jinja_eval_args(struct jinja_run *r, const struct jinja_node *n, struct jinja_call *ret);
/* What a body prints, as a string. */
struct jinja_value jinja_eval_text(struct jinja_run *r, const struct jinja_node *body);
/* The filters of a filter block on a value; n NULL: the value. */
struct jinja_value jinja_eval_filters(struct jinja_run *r, const struct jinja_node *n, struct jinja_value v);

#endif
