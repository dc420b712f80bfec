/* src/grammar/gbnf.h - grammars as llama.cpp writes them (GBNF). For src/grammar/ only.
 *
 * `name ::= "text" | [a-z^] | . | (…) | name`, repeated by * + ? {m} {m,} {m,n}; comments from '#'; a rule ends with its line,
 * unless a bracket is open or the next line begins with '|'. Thread: one. Memory: the nodes'. */
#ifndef GRAMMAR_GBNF_H
#define GRAMMAR_GBNF_H

#include "grammar/nodes.h"

#define GRAMMAR_GBNF_BYTES_MAX (256 * KIT_KIB)

/* *ret_rule: "root". Errors: PARSE ("line 3, column 7: …"), UNPROCESSABLE, TOO_LARGE, NOMEM. */
KIT_MUST_CHECK enum kit_status grammar_gbnf(kit_str text, struct grammar_nodes *b, uint32_t *ret_rule,
                                            struct kit_err *err);

#endif
