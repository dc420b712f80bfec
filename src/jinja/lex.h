/* src/jinja/lex.h - a template's source as tokens. For src/jinja/ only.
 *
 * White space is dealt with here: newlines become \n, the last one of the source goes, the first behind a block goes, so does
 * the space before a block on its line, and what '-' and '+' at a tag say. Comments and raw blocks are gone afterwards.
 * Thread: one. Memory: the tokens lie in the run's arena and borrow from the source. */
#ifndef JINJA_LEX_H
#define JINJA_LEX_H

#include "jinja/run.h"

enum jinja_token_type {
    JINJA_TOKEN_END, /* of the source; always the last */
    JINJA_TOKEN_DATA,
    JINJA_TOKEN_PRINT, /* {{ */
    JINJA_TOKEN_PRINT_END,
    JINJA_TOKEN_BLOCK, /* {% */
    JINJA_TOKEN_BLOCK_END,
    JINJA_TOKEN_NAME,
    JINJA_TOKEN_STRING, /* between its quotes, escapes as they are */
    JINJA_TOKEN_INT,
    JINJA_TOKEN_FLOAT,
    JINJA_TOKEN_OP
};

struct jinja_token {
    enum jinja_token_type type;
    uint32_t line;
    kit_str text;
};

struct jinja_tokens {
    struct jinja_token *at;
    size_t count, room;
};

/* source: with \n only (jinja_lex_newlines). Fails with PARSE. */
void jinja_lex(struct jinja_run *r, kit_str source, struct jinja_tokens *ret);
/* Rewrites \r\n and \r as \n in place and drops one \n at the end. Returns the new length. */
size_t jinja_lex_newlines(char *source, size_t len);
/* The operator of one or two characters that begins the text; empty: none does. */
kit_str jinja_lex_op(kit_str text);

#endif
