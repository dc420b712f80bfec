#include "jinja/parse.h"

#include <stdio.h>

/* --- names --- */

static struct jinja_symbol *find(const struct jinja_symbols *symbols, kit_str name)
{
    struct jinja_symbol *s = symbols->bucket[kit_str_hash(name) % JINJA_SYMBOL_BUCKETS];
    while (s != NULL && !kit_str_eq(s->text, name)) {
        s = s->next;
    }
    return s;
}

kit_str jinja_symbol_find(const struct jinja_symbols *symbols, kit_str name)
{
    const struct jinja_symbol *s = find(symbols, name);
    return s == NULL ? (kit_str){0} : s->text;
}

kit_str jinja_intern(struct jinja_run *r, struct jinja_symbols *symbols, kit_str name)
{
    struct jinja_symbol *s = find(symbols, name);
    if (s != NULL) {
        return s->text;
    }
    s = jinja_run_get(r, 1, sizeof(*s));
    if (s == NULL) {
        return (kit_str){0};
    }
    struct jinja_symbol **bucket = &symbols->bucket[kit_str_hash(name) % JINJA_SYMBOL_BUCKETS];
    *s = (struct jinja_symbol){.next = *bucket, .text = name};
    *bucket = s;
    return s->text;
}

/* --- nodes --- */

struct jinja_node *jinja_node_new(struct jinja_parser *p, enum jinja_node_kind kind)
{
    struct jinja_node *n = jinja_run_get(p->r, 1, sizeof(*n));
    if (n != NULL) {
        n->kind = kind;
        n->line = p->at->line;
    }
    return n;
}

static uint32_t height_of(const struct jinja_node *n)
{
    return n == NULL ? 0 : n->height;
}

struct jinja_node *jinja_node_done(struct jinja_parser *p, struct jinja_node *n)
{
    if (n == NULL) {
        return NULL;
    }
    uint32_t below = KIT_MAX(KIT_MAX(height_of(n->a), height_of(n->b)), KIT_MAX(height_of(n->c), height_of(n->d)));
    for (const struct jinja_node *child = n->list; child != NULL; child = child->next) {
        below = KIT_MAX(below, child->height);
    }
    n->height = below + 1;
    if (n->height > JINJA_DEPTH_MAX) {
        jinja_run_fail(p->r, KIT_TOO_LARGE, "nested deeper than %d levels", JINJA_DEPTH_MAX);
        return NULL;
    }
    return n;
}

/* --- tokens --- */

static bool is(const struct jinja_parser *p, enum jinja_token_type type, const char *text)
{
    return p->at->type == type && kit_str_eq(p->at->text, kit_str_c(text));
}

bool jinja_is_op(const struct jinja_parser *p, const char *op)
{
    return is(p, JINJA_TOKEN_OP, op);
}

bool jinja_is_name(const struct jinja_parser *p, const char *name)
{
    return is(p, JINJA_TOKEN_NAME, name);
}

static void next(struct jinja_parser *p)
{
    if (p->at->type != JINJA_TOKEN_END) {
        p->at++;
    }
    p->r->line = p->at->line;
}

bool jinja_take_op(struct jinja_parser *p, const char *op)
{
    bool there = jinja_is_op(p, op);
    if (there) {
        next(p);
    }
    return there;
}

bool jinja_take_name(struct jinja_parser *p, const char *name)
{
    bool there = jinja_is_name(p, name);
    if (there) {
        next(p);
    }
    return there;
}

void jinja_parse_fail(struct jinja_parser *p, const char *expected)
{
    p->r->line = p->at->line;
    if (p->at->type == JINJA_TOKEN_END) {
        jinja_run_fail(p->r, KIT_PARSE, "expected %s, not the end of the template", expected);
    } else {
        jinja_run_fail(p->r, KIT_PARSE, "expected %s, not '%.*s'", expected, (int)KIT_MIN(p->at->text.len, 40),
                       p->at->text.ptr);
    }
}

static void expect(struct jinja_parser *p, bool there, const char *text)
{
    char quoted[32];
    if (!there) {
        snprintf(quoted, sizeof(quoted), "'%s'", text);
        jinja_parse_fail(p, quoted);
    }
}

void jinja_expect_op(struct jinja_parser *p, const char *op)
{
    expect(p, jinja_take_op(p, op), op);
}

void jinja_expect_name(struct jinja_parser *p, const char *name)
{
    expect(p, jinja_take_name(p, name), name);
}

kit_str jinja_expect_any_name(struct jinja_parser *p)
{
    if (p->at->type != JINJA_TOKEN_NAME) {
        jinja_parse_fail(p, "a name");
        return (kit_str){0};
    }
    kit_str name = jinja_intern(p->r, p->symbols, p->at->text);
    next(p);
    return name;
}

static void expect_type(struct jinja_parser *p, enum jinja_token_type type, const char *text)
{
    if (p->at->type == type) {
        next(p);
    } else {
        expect(p, false, text);
    }
}

static void expect_block_end(struct jinja_parser *p)
{
    expect_type(p, JINJA_TOKEN_BLOCK_END, "%}");
}

static bool is_good(const struct jinja_parser *p)
{
    return p->r->failed == KIT_OK;
}

/* --- bodies --- */

static void parse_statement(struct jinja_parser *p, struct jinja_node *n);

/* True where one of the words ("endif", …) closes the body that is being read. */
static bool closes(const struct jinja_parser *p, const char *const *ends)
{
    for (; *ends != NULL; ends++) {
        if (p->at->type == JINJA_TOKEN_BLOCK && p->at[1].type == JINJA_TOKEN_NAME &&
            kit_str_eq(p->at[1].text, kit_str_c(*ends))) {
            return true;
        }
    }
    return false;
}

static struct jinja_node *parse_print(struct jinja_parser *p)
{
    struct jinja_node *n = jinja_node_new(p, JINJA_NODE_PRINT);
    next(p);
    if (n != NULL) {
        n->a = jinja_parse_tuple(p);
    }
    expect_type(p, JINJA_TOKEN_PRINT_END, "}}");
    return jinja_node_done(p, n);
}

static struct jinja_node *parse_data(struct jinja_parser *p)
{
    struct jinja_node *n = jinja_node_new(p, JINJA_NODE_DATA);
    if (n != NULL) {
        n->text = p->at->text;
    }
    next(p);
    return jinja_node_done(p, n);
}

static struct jinja_node *parse_block(struct jinja_parser *p)
{
    next(p);
    struct jinja_node *n = jinja_node_new(p, JINJA_NODE_BODY);
    if (n != NULL) {
        parse_statement(p, n);
    }
    return jinja_node_done(p, n);
}

/* Up to a tag with one of the words, or to the end of the source where ends is empty. The tag's word is next then. */
static struct jinja_node *parse_body(struct jinja_parser *p, const char *const *ends)
{
    struct jinja_node *body = jinja_node_new(p, JINJA_NODE_BODY);
    if (body == NULL || !jinja_run_enter(p->r)) {
        return NULL;
    }
    struct jinja_node **end = &body->list;
    while (is_good(p) && p->at->type != JINJA_TOKEN_END && !closes(p, ends)) {
        struct jinja_node *n = p->at->type == JINJA_TOKEN_DATA    ? parse_data(p)
                               : p->at->type == JINJA_TOKEN_PRINT ? parse_print(p)
                                                                  : parse_block(p);
        if (n != NULL) {
            *end = n;
            end = &n->next;
        }
    }
    if (ends[0] != NULL) {
        if (p->at->type == JINJA_TOKEN_END) {
            expect(p, false, ends[0]);
        }
        next(p);
    }
    jinja_run_leave(p->r);
    return jinja_node_done(p, body);
}

/* A body and the end of the tag that closes it. */
static struct jinja_node *parse_whole_body(struct jinja_parser *p, const char *end)
{
    const char *const ends[] = {end, NULL};
    expect_block_end(p);
    struct jinja_node *body = is_good(p) ? parse_body(p, ends) : NULL;
    jinja_expect_name(p, end);
    return body;
}

/* --- statements: each fills n, whose name has been read --- */

static const char *const if_ends[] = {"endif", "elif", "else", NULL};

static void parse_if_part(struct jinja_parser *p, struct jinja_node *n)
{
    n->kind = JINJA_NODE_IF;
    n->a = jinja_parse_tuple(p);
    expect_block_end(p);
    n->b = is_good(p) ? parse_body(p, if_ends) : NULL;
}

/* The parts behind each other, linked by c; a chain of "elif" is walked, not descended. */
static void parse_if(struct jinja_parser *p, struct jinja_node *n)
{
    struct jinja_node *last = n;
    parse_if_part(p, last);
    while (is_good(p) && jinja_take_name(p, "elif")) {
        struct jinja_node *part = jinja_node_new(p, JINJA_NODE_IF);
        if (part != NULL) {
            parse_if_part(p, part);
            n->height = KIT_MAX(n->height, height_of(jinja_node_done(p, part)));
            last->c = part;
            last = part;
        }
    }
    if (is_good(p) && jinja_take_name(p, "else")) {
        last->c = parse_whole_body(p, "endif");
    } else {
        jinja_expect_name(p, "endif");
    }
}

static void parse_for(struct jinja_parser *p, struct jinja_node *n)
{
    static const char *const ends[] = {"endfor", "else", NULL};
    n->kind = JINJA_NODE_FOR;
    n->a = jinja_parse_target(p, false);
    jinja_expect_name(p, "in");
    struct jinja_node *over = jinja_parse_or(p);
    if (is_good(p) && jinja_is_op(p, ",")) { /* for x in 1, 2 */
        struct jinja_node *tuple = jinja_node_new(p, JINJA_NODE_TUPLE);
        struct jinja_node **end = tuple == NULL ? NULL : &tuple->list;
        for (struct jinja_node *item = over; item != NULL && tuple != NULL; item = item->next) {
            *end = item;
            end = &item->next;
            item->next = jinja_take_op(p, ",") && p->at->type != JINJA_TOKEN_BLOCK_END ? jinja_parse_or(p) : NULL;
        }
        over = jinja_node_done(p, tuple);
    }
    n->b = over;
    n->list = is_good(p) && jinja_take_name(p, "if") ? jinja_parse_expr(p) : NULL;
    if (jinja_is_name(p, "recursive")) {
        jinja_parse_fail(p, "a loop that is not recursive");
    }
    expect_block_end(p);
    p->loops++;
    n->c = is_good(p) ? parse_body(p, ends) : NULL;
    p->loops--;
    if (is_good(p) && jinja_take_name(p, "else")) {
        n->d = parse_whole_body(p, "endfor");
    } else {
        jinja_expect_name(p, "endfor");
    }
}

static void parse_set(struct jinja_parser *p, struct jinja_node *n)
{
    n->kind = JINJA_NODE_SET;
    n->a = jinja_parse_target(p, true);
    if (!is_good(p) || jinja_take_op(p, "=")) {
        n->b = jinja_parse_tuple(p);
        return;
    }
    n->kind = JINJA_NODE_SET_BLOCK;
    n->b = jinja_take_op(p, "|") ? jinja_parse_filters(p, NULL) : NULL;
    n->c = parse_whole_body(p, "endset");
}

/* (a, b=1) */
static void parse_params(struct jinja_parser *p, struct jinja_node *macro)
{
    struct jinja_node **end = &macro->list;
    jinja_expect_op(p, "(");
    while (is_good(p) && !jinja_is_op(p, ")")) {
        struct jinja_node *param = jinja_node_new(p, JINJA_NODE_PARAM);
        if (param == NULL) {
            return;
        }
        param->text = jinja_expect_any_name(p);
        param->a = jinja_take_op(p, "=") ? jinja_parse_expr(p) : NULL;
        *end = jinja_node_done(p, param);
        end = &param->next;
        if (!jinja_take_op(p, ",")) {
            break;
        }
    }
    jinja_expect_op(p, ")");
}

/* Loops around a macro are none of its own. */
static void parse_macro_body(struct jinja_parser *p, struct jinja_node *macro, const char *end)
{
    struct jinja_node *outer = p->macro;
    uint32_t loops = p->loops;
    p->macro = macro;
    p->loops = 0;
    macro->c = parse_whole_body(p, end);
    p->macro = outer;
    p->loops = loops;
}

static void parse_macro(struct jinja_parser *p, struct jinja_node *n)
{
    n->kind = JINJA_NODE_MACRO;
    n->text = jinja_expect_any_name(p);
    if (is_good(p)) {
        parse_params(p, n);
        parse_macro_body(p, n, "endmacro");
    }
}

static void parse_call_block(struct jinja_parser *p, struct jinja_node *n)
{
    struct jinja_node *macro = jinja_node_new(p, JINJA_NODE_MACRO);
    if (macro == NULL) {
        return;
    }
    n->kind = JINJA_NODE_CALL_BLOCK;
    macro->text = jinja_intern(p->r, p->symbols, kit_str_lit("caller"));
    if (jinja_is_op(p, "(")) {
        parse_params(p, macro);
    }
    n->a = jinja_parse_expr(p);
    if (is_good(p) && n->a->kind != JINJA_NODE_CALL) {
        jinja_parse_fail(p, "a call");
    }
    parse_macro_body(p, macro, "endcall");
    n->d = jinja_node_done(p, macro);
}

static void parse_filter_block(struct jinja_parser *p, struct jinja_node *n)
{
    n->kind = JINJA_NODE_FILTER_BLOCK;
    n->b = jinja_parse_filters(p, NULL);
    n->c = parse_whole_body(p, "endfilter");
}

static void parse_with(struct jinja_parser *p, struct jinja_node *n)
{
    struct jinja_node **end = &n->list;
    n->kind = JINJA_NODE_WITH;
    while (is_good(p) && p->at->type != JINJA_TOKEN_BLOCK_END) {
        struct jinja_node *target = jinja_parse_target(p, false);
        jinja_expect_op(p, "=");
        struct jinja_node *value = is_good(p) ? jinja_parse_expr(p) : NULL;
        if (value == NULL) {
            return;
        }
        *end = target;
        target->next = value;
        end = &value->next;
        if (!jinja_take_op(p, ",")) {
            break;
        }
    }
    n->c = parse_whole_body(p, "endwith");
}

/* What marks the text of the assistant for training prints its body. */
static void parse_generation(struct jinja_parser *p, struct jinja_node *n)
{
    n->kind = JINJA_NODE_WITH;
    n->c = parse_whole_body(p, "endgeneration");
}

static void parse_jump(struct jinja_parser *p, struct jinja_node *n, enum jinja_node_kind kind)
{
    n->kind = kind;
    if (p->loops == 0) {
        jinja_run_fail(p->r, KIT_PARSE, "'%s' outside of a loop", kind == JINJA_NODE_BREAK ? "break" : "continue");
    }
}

static void parse_break(struct jinja_parser *p, struct jinja_node *n)
{
    parse_jump(p, n, JINJA_NODE_BREAK);
}

static void parse_continue(struct jinja_parser *p, struct jinja_node *n)
{
    parse_jump(p, n, JINJA_NODE_CONTINUE);
}

static const struct {
    const char *name;
    void (*parse)(struct jinja_parser *p, struct jinja_node *n);
} statements[] = {{"if", parse_if},           {"for", parse_for},
                  {"set", parse_set},         {"macro", parse_macro},
                  {"call", parse_call_block}, {"filter", parse_filter_block},
                  {"with", parse_with},       {"generation", parse_generation},
                  {"break", parse_break},     {"continue", parse_continue}};

static void parse_statement(struct jinja_parser *p, struct jinja_node *n)
{
    for (size_t i = 0; i < KIT_COUNT(statements); i++) {
        if (jinja_take_name(p, statements[i].name)) {
            statements[i].parse(p, n);
            expect_block_end(p);
            return;
        }
    }
    jinja_parse_fail(p, "a statement (if, for, set, macro, …)");
}

struct jinja_node *jinja_parse(struct jinja_run *r, const struct jinja_tokens *tokens, struct jinja_symbols *symbols)
{
    static const char *const no_ends[] = {NULL};
    struct jinja_parser p = {.r = r, .at = tokens->at, .symbols = symbols};
    r->line = 1;
    struct jinja_node *root = parse_body(&p, no_ends);
    return r->failed == KIT_OK ? root : NULL;
}
