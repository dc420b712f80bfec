/* src/jinja/parse.h - tokens become a tree: statements here, expressions in expr.h. For src/jinja/ only.
 *
 * Thread: one. Memory: the run's arena. Failures stick in the run (run.h). */
#ifndef JINJA_PARSE_H
#define JINJA_PARSE_H

#include "jinja/lex.h"
#include "jinja/node.h"

struct jinja_parser {
    struct jinja_run *r;
    const struct jinja_token *at; /* the next token; the last one is END */
    struct jinja_symbols *symbols;
    struct jinja_node *macro; /* the one that is being parsed, or NULL */
    uint32_t loops;           /* for loops around us */
};

/* The tokens may go afterwards, their source must stay. NULL: failed, PARSE or TOO_LARGE. */
struct jinja_node *jinja_parse(struct jinja_run *r, const struct jinja_tokens *tokens, struct jinja_symbols *symbols);
/* The one copy of a name; find: empty when the template has no such name. */
kit_str jinja_intern(struct jinja_run *r, struct jinja_symbols *symbols, kit_str name);
kit_str jinja_symbol_find(const struct jinja_symbols *symbols, kit_str name);

/* --- what parse.c and expr.c share --- */

struct jinja_node *jinja_node_new(struct jinja_parser *p, enum jinja_node_kind kind);
/* Sets the height from the children. Fails where it passes JINJA_DEPTH_MAX. */
struct jinja_node *jinja_node_done(struct jinja_parser *p, struct jinja_node *n);

bool jinja_is_op(const struct jinja_parser *p, const char *op);
bool jinja_is_name(const struct jinja_parser *p, const char *name);
bool jinja_take_op(struct jinja_parser *p, const char *op); /* true: it was there */
bool jinja_take_name(struct jinja_parser *p, const char *name);
void jinja_expect_op(struct jinja_parser *p, const char *op);
void jinja_expect_name(struct jinja_parser *p, const char *name);
kit_str jinja_expect_any_name(struct jinja_parser *p); /* interned */
/* "expected X, not Y" with the line of the next token. */
void jinja_parse_fail(struct jinja_parser *p, const char *expected);

/* --- expr.c --- */

struct jinja_node *jinja_parse_expr(struct jinja_parser *p);
struct jinja_node *jinja_parse_or(struct jinja_parser *p);    /* without "… if … else …" */
struct jinja_node *jinja_parse_tuple(struct jinja_parser *p); /* "a" or "a, b" */
struct jinja_node *jinja_parse_unary(struct jinja_parser *p); /* with filters and calls behind it */
/* Filters behind `of` (may be NULL), the first without its '|'. */
struct jinja_node *jinja_parse_filters(struct jinja_parser *p, struct jinja_node *of);
/* What can be assigned to: "a", "a.b", "a, b", "(a, b)". */
struct jinja_node *jinja_parse_target(struct jinja_parser *p, bool dotted);

#endif
