#include <string.h>

#include "jinja/parse.h"
#include "kit/utf8.h"

typedef struct jinja_node *(*rule)(struct jinja_parser *p);

static struct jinja_node *unary(struct jinja_parser *p, bool with_filters);

static bool is_good(const struct jinja_parser *p)
{
    return p->r->failed == KIT_OK;
}

static struct jinja_node *pair(struct jinja_parser *p, enum jinja_node_kind kind, char op, struct jinja_node *a,
                               struct jinja_node *b)
{
    struct jinja_node *n = jinja_node_new(p, kind);
    if (n == NULL) {
        return NULL;
    }
    n->op = op;
    n->a = a;
    n->b = b;
    return jinja_node_done(p, n);
}

static void append(struct jinja_node ***end, struct jinja_node *n)
{
    if (n != NULL) {
        **end = n;
        *end = &n->next;
    }
}

/* --- constants --- */

/* Up to `most` digits of a base. Returns how many there were. */
static size_t read_digits(kit_str s, size_t at, size_t most, int base, uint32_t *ret)
{
    size_t count = 0;
    *ret = 0;
    while (count < most && at + count < s.len) {
        int digit = kit_str_hex_digit(s.ptr[at + count]);
        if (digit < 0 || digit >= base) {
            break;
        }
        *ret = *ret * (uint32_t)base + (uint32_t)digit;
        count++;
    }
    return count;
}

static void bad_escape(struct jinja_parser *p, kit_str s, size_t at)
{
    jinja_run_fail(p->r, KIT_PARSE, "a bad escape in a string: '%.*s'", (int)KIT_MIN(s.len - at, 10), s.ptr + at);
}

/* The escape at s[at], a backslash. Returns its bytes; *len grows by what it stands for. */
static size_t unescape(struct jinja_parser *p, kit_str s, size_t at, char *to, size_t *len)
{
    static const char letters[] = "abfnrtv\\'\"";
    static const char meanings[] = "\a\b\f\n\r\t\v\\'\"";
    char c = s.ptr[at + 1];
    const char *known = c == '\0' ? NULL : strchr(letters, c);
    if (known != NULL) {
        to[(*len)++] = meanings[known - letters];
        return 2;
    }
    if (c == '\n') {
        return 2;
    }
    uint32_t cp;
    size_t most = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    size_t count = most > 0 ? read_digits(s, at + 2, most, 16, &cp) : read_digits(s, at + 1, 3, 8, &cp);
    if (most == 0 && count == 0) {
        to[(*len)++] = '\\';
        return 1;
    }
    if ((most > 0 && count < most) || cp > 0x10FFFF || (cp >= 0xD800 && cp < 0xE000)) {
        bad_escape(p, s, at);
    } else {
        *len += kit_utf8_write(cp, to + *len);
    }
    return (most > 0 ? 2 : 1) + count;
}

/* A string literal never grows when its escapes are replaced, but for "\777" and the like, which take one byte of four. */
static void add_literal(struct jinja_parser *p, kit_str s, char *to, size_t *len)
{
    for (size_t at = 0; at < s.len && is_good(p);) {
        if (s.ptr[at] == '\\' && at + 1 < s.len) {
            at += unescape(p, s, at, to, len);
        } else {
            to[(*len)++] = s.ptr[at++];
        }
    }
}

/* Strings beside each other are one string. */
static struct jinja_node *parse_string(struct jinja_parser *p)
{
    struct jinja_node *n = jinja_node_new(p, JINJA_NODE_CONST);
    size_t room = 1;
    for (const struct jinja_token *t = p->at; t->type == JINJA_TOKEN_STRING; t++) {
        room += t->text.len;
    }
    char *to = jinja_run_get(p->r, room, 1);
    size_t len = 0;
    while (p->at->type == JINJA_TOKEN_STRING && is_good(p)) {
        add_literal(p, p->at->text, to, &len);
        p->at++;
    }
    if (n == NULL || to == NULL) {
        return NULL;
    }
    n->value = jinja_str((kit_str){to, len}, false);
    return jinja_node_done(p, n);
}

/* The digits of a number without underscores. */
static kit_str plain_number(struct jinja_parser *p)
{
    char *to = jinja_run_get(p->r, p->at->text.len + 1, 1);
    size_t len = 0;
    for (size_t i = 0; to != NULL && i < p->at->text.len; i++) {
        if (p->at->text.ptr[i] != '_') {
            to[len++] = p->at->text.ptr[i];
        }
    }
    return (kit_str){to, len};
}

static bool based_int(kit_str s, uint64_t *ret)
{
    int base = (s.ptr[1] | 0x20) == 'x' ? 16 : (s.ptr[1] | 0x20) == 'o' ? 8 : 2;
    *ret = 0;
    for (size_t i = 2; i < s.len; i++) {
        int digit = kit_str_hex_digit(s.ptr[i]);
        if (digit < 0 || digit >= base || *ret > (uint64_t)INT64_MAX / 16) {
            return false;
        }
        *ret = *ret * (uint64_t)base + (uint64_t)digit;
    }
    return true;
}

static bool read_int(kit_str s, struct jinja_value *ret)
{
    uint64_t n = 0;
    bool based = s.len > 2 && s.ptr[0] == '0' && s.ptr[1] > '9';
    bool zeros = !based && s.len > 1 && s.ptr[0] == '0' && kit_str_find_char(s, '1') < s.len;
    bool good = !zeros && (based ? based_int(s, &n) : kit_str_to_u64(s, &n) == KIT_OK) && n <= INT64_MAX;
    *ret = jinja_int((int64_t)n);
    return good;
}

static struct jinja_node *parse_number(struct jinja_parser *p)
{
    struct jinja_node *n = jinja_node_new(p, JINJA_NODE_CONST);
    kit_str text = plain_number(p);
    if (n == NULL || !is_good(p)) {
        return NULL;
    }
    double f = 0;
    bool whole = p->at->type == JINJA_TOKEN_INT;
    bool good = whole ? read_int(text, &n->value) : kit_str_to_f64(text, &f) == KIT_OK;
    if (!good) {
        jinja_parse_fail(p, "a number that fits");
        return NULL;
    }
    n->value = whole ? n->value : jinja_float(f);
    p->at++;
    return jinja_node_done(p, n);
}

/* true, True, false, …, or a name. */
static struct jinja_node *parse_name(struct jinja_parser *p)
{
    static const char *const words[] = {"true", "True", "false", "False", "none", "None"};
    struct jinja_node *n = jinja_node_new(p, JINJA_NODE_CONST);
    if (n == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < KIT_COUNT(words); i++) {
        if (jinja_take_name(p, words[i])) {
            n->value = i < 4 ? jinja_bool(i < 2) : jinja_none();
            return jinja_node_done(p, n);
        }
    }
    n->kind = JINJA_NODE_NAME;
    n->text = jinja_expect_any_name(p);
    if (p->macro != NULL) {
        p->macro->plain |= kit_str_eq(n->text, kit_str_lit("varargs"));
        p->macro->named |= kit_str_eq(n->text, kit_str_lit("kwargs"));
        p->macro->calls |= kit_str_eq(n->text, kit_str_lit("caller"));
    }
    return jinja_node_done(p, n);
}

/* --- lists, dicts, brackets --- */

static struct jinja_node *parse_list(struct jinja_parser *p)
{
    struct jinja_node *n = jinja_node_new(p, JINJA_NODE_LIST);
    struct jinja_node **end = n == NULL ? NULL : &n->list;
    jinja_expect_op(p, "[");
    while (is_good(p) && !jinja_is_op(p, "]")) {
        append(&end, jinja_parse_expr(p));
        if (!jinja_take_op(p, ",")) {
            break;
        }
    }
    jinja_expect_op(p, "]");
    return jinja_node_done(p, n);
}

static struct jinja_node *parse_dict(struct jinja_parser *p)
{
    struct jinja_node *n = jinja_node_new(p, JINJA_NODE_DICT);
    struct jinja_node **end = n == NULL ? NULL : &n->list;
    jinja_expect_op(p, "{");
    while (is_good(p) && !jinja_is_op(p, "}")) {
        append(&end, jinja_parse_expr(p));
        jinja_expect_op(p, ":");
        append(&end, is_good(p) ? jinja_parse_expr(p) : NULL);
        if (!jinja_take_op(p, ",")) {
            break;
        }
    }
    jinja_expect_op(p, "}");
    return jinja_node_done(p, n);
}

static struct jinja_node *empty_tuple(struct jinja_parser *p)
{
    return jinja_node_done(p, jinja_node_new(p, JINJA_NODE_TUPLE));
}

static struct jinja_node *parse_brackets(struct jinja_parser *p)
{
    jinja_expect_op(p, "(");
    struct jinja_node *n = jinja_is_op(p, ")") ? empty_tuple(p) : jinja_parse_tuple(p);
    jinja_expect_op(p, ")");
    return n;
}

static struct jinja_node *parse_primary(struct jinja_parser *p)
{
    switch (p->at->type) {
    case JINJA_TOKEN_NAME:
        return parse_name(p);
    case JINJA_TOKEN_STRING:
        return parse_string(p);
    case JINJA_TOKEN_INT:
    case JINJA_TOKEN_FLOAT:
        return parse_number(p);
    default:
        break;
    }
    if (jinja_is_op(p, "(")) {
        return parse_brackets(p);
    }
    if (jinja_is_op(p, "[")) {
        return parse_list(p);
    }
    if (jinja_is_op(p, "{")) {
        return parse_dict(p);
    }
    jinja_parse_fail(p, "a value");
    return NULL;
}

static bool ends_tuple(const struct jinja_parser *p)
{
    enum jinja_token_type type = p->at->type;
    return type == JINJA_TOKEN_PRINT_END || type == JINJA_TOKEN_BLOCK_END || jinja_is_op(p, ")");
}

struct jinja_node *jinja_parse_tuple(struct jinja_parser *p)
{
    struct jinja_node *first = jinja_parse_expr(p);
    if (!jinja_is_op(p, ",") || first == NULL) {
        return first;
    }
    struct jinja_node *n = jinja_node_new(p, JINJA_NODE_TUPLE);
    struct jinja_node **end = n == NULL ? NULL : &n->list;
    append(&end, n == NULL ? NULL : first);
    while (is_good(p) && jinja_take_op(p, ",") && !ends_tuple(p)) {
        append(&end, jinja_parse_expr(p));
    }
    return jinja_node_done(p, n);
}

/* --- what stands behind a value --- */

static struct jinja_node *parse_arg(struct jinja_parser *p)
{
    struct jinja_node *n = jinja_node_new(p, JINJA_NODE_ARG);
    if (n == NULL) {
        return NULL;
    }
    bool named = p->at->type == JINJA_TOKEN_NAME && p->at[1].type == JINJA_TOKEN_OP &&
                 kit_str_eq(p->at[1].text, kit_str_lit("="));
    if (named) {
        n->op = '=';
        n->text = jinja_expect_any_name(p);
        p->at++;
    } else if (jinja_take_op(p, "**")) {
        n->op = 'd';
    } else if (jinja_take_op(p, "*")) {
        n->op = '*';
    }
    n->a = jinja_parse_expr(p);
    return jinja_node_done(p, n);
}

static void parse_args(struct jinja_parser *p, struct jinja_node *call)
{
    struct jinja_node **end = &call->list;
    jinja_expect_op(p, "(");
    while (is_good(p) && !jinja_is_op(p, ")")) {
        append(&end, parse_arg(p));
        if (!jinja_take_op(p, ",")) {
            break;
        }
    }
    jinja_expect_op(p, ")");
}

static struct jinja_node *parse_call(struct jinja_parser *p, struct jinja_node *of)
{
    struct jinja_node *n = jinja_node_new(p, JINJA_NODE_CALL);
    if (n != NULL) {
        n->a = of;
        parse_args(p, n);
    }
    return jinja_node_done(p, n);
}

static struct jinja_node *slice_part(struct jinja_parser *p)
{
    return jinja_is_op(p, ":") || jinja_is_op(p, "]") ? NULL : jinja_parse_expr(p);
}

static struct jinja_node *parse_subscript(struct jinja_parser *p, struct jinja_node *of)
{
    struct jinja_node *n = jinja_node_new(p, JINJA_NODE_ITEM);
    if (n == NULL) {
        return NULL;
    }
    jinja_expect_op(p, "[");
    n->a = of;
    n->b = jinja_is_op(p, ":") ? NULL : jinja_parse_tuple(p);
    if (is_good(p) && jinja_take_op(p, ":")) {
        n->kind = JINJA_NODE_SLICE;
        n->c = slice_part(p);
        n->list = is_good(p) && jinja_take_op(p, ":") ? slice_part(p) : NULL;
    }
    jinja_expect_op(p, "]");
    return jinja_node_done(p, n);
}

static struct jinja_node *parse_attr(struct jinja_parser *p, struct jinja_node *of)
{
    jinja_expect_op(p, ".");
    if (p->at->type == JINJA_TOKEN_INT) {
        return pair(p, JINJA_NODE_ITEM, 0, of, parse_number(p));
    }
    struct jinja_node *n = jinja_node_new(p, JINJA_NODE_ATTR);
    if (n == NULL) {
        return NULL;
    }
    n->a = of;
    n->text = jinja_expect_any_name(p);
    return jinja_node_done(p, n);
}

static struct jinja_node *parse_postfix(struct jinja_parser *p, struct jinja_node *n)
{
    while (is_good(p)) {
        if (jinja_is_op(p, ".")) {
            n = parse_attr(p, n);
        } else if (jinja_is_op(p, "[")) {
            n = parse_subscript(p, n);
        } else if (jinja_is_op(p, "(")) {
            n = parse_call(p, n);
        } else {
            break;
        }
    }
    return n;
}

/* A name of a filter or test, dots included. */
static kit_str dotted_name(struct jinja_parser *p)
{
    kit_str name = jinja_expect_any_name(p);
    while (is_good(p) && jinja_take_op(p, ".")) {
        kit_str next = jinja_expect_any_name(p);
        char *both = is_good(p) ? jinja_run_get(p->r, name.len + next.len + 2, 1) : NULL;
        if (both != NULL) {
            memcpy(both, name.ptr, name.len);
            both[name.len] = '.';
            memcpy(both + name.len + 1, next.ptr, next.len);
            name = (kit_str){both, name.len + next.len + 1};
        }
    }
    return name;
}

struct jinja_node *jinja_parse_filters(struct jinja_parser *p, struct jinja_node *of)
{
    do {
        struct jinja_node *n = jinja_node_new(p, JINJA_NODE_FILTER);
        if (n == NULL) {
            return NULL;
        }
        n->a = of;
        n->text = dotted_name(p);
        if (is_good(p) && jinja_is_op(p, "(")) {
            parse_args(p, n);
        }
        of = jinja_node_done(p, n);
    } while (is_good(p) && jinja_take_op(p, "|"));
    return of;
}

/* "is divisibleby 3": an argument without brackets. */
static bool begins_test_arg(const struct jinja_parser *p)
{
    static const char *const words[] = {"else", "or", "and", "is"};
    for (size_t i = 0; i < KIT_COUNT(words); i++) {
        if (jinja_is_name(p, words[i])) {
            return false;
        }
    }
    enum jinja_token_type type = p->at->type;
    return type == JINJA_TOKEN_NAME || type == JINJA_TOKEN_STRING || type == JINJA_TOKEN_INT ||
           type == JINJA_TOKEN_FLOAT || jinja_is_op(p, "[") || jinja_is_op(p, "{");
}

static void parse_test_args(struct jinja_parser *p, struct jinja_node *test)
{
    if (jinja_is_op(p, "(")) {
        parse_args(p, test);
    } else if (begins_test_arg(p)) {
        struct jinja_node *arg = jinja_node_new(p, JINJA_NODE_ARG);
        if (arg != NULL) {
            arg->a = parse_postfix(p, parse_primary(p));
            test->list = jinja_node_done(p, arg);
        }
    }
}

static struct jinja_node *parse_test(struct jinja_parser *p, struct jinja_node *of)
{
    bool not = jinja_take_name(p, "not");
    struct jinja_node *n = jinja_node_new(p, JINJA_NODE_TEST);
    if (n == NULL) {
        return NULL;
    }
    n->a = of;
    n->text = dotted_name(p);
    if (jinja_is_name(p, "is")) {
        jinja_parse_fail(p, "one test only");
    } else if (is_good(p)) {
        parse_test_args(p, n);
    }
    n = jinja_node_done(p, n);
    return not ? pair(p, JINJA_NODE_NOT, 0, n, NULL) : n;
}

static struct jinja_node *parse_behind(struct jinja_parser *p, struct jinja_node *n)
{
    while (is_good(p)) {
        if (jinja_take_op(p, "|")) {
            n = jinja_parse_filters(p, n);
        } else if (jinja_take_name(p, "is")) {
            n = parse_test(p, n);
        } else if (jinja_is_op(p, "(")) {
            n = parse_call(p, n);
        } else {
            break;
        }
    }
    return n;
}

/* --- operators, the tightest first --- */

static struct jinja_node *unary(struct jinja_parser *p, bool with_filters)
{
    if (!jinja_run_enter(p->r)) {
        return NULL;
    }
    struct jinja_node *n;
    if (jinja_take_op(p, "-")) {
        n = pair(p, JINJA_NODE_SIGN, '-', unary(p, false), NULL);
    } else if (jinja_take_op(p, "+")) {
        n = pair(p, JINJA_NODE_SIGN, '+', unary(p, false), NULL);
    } else {
        n = parse_primary(p);
    }
    n = parse_postfix(p, n);
    n = with_filters ? parse_behind(p, n) : n;
    jinja_run_leave(p->r);
    return n;
}

struct jinja_node *jinja_parse_unary(struct jinja_parser *p)
{
    return unary(p, true);
}

static struct jinja_node *parse_power(struct jinja_parser *p)
{
    struct jinja_node *n = jinja_parse_unary(p);
    while (is_good(p) && jinja_take_op(p, "**")) {
        n = pair(p, JINJA_NODE_OP, 'p', n, jinja_parse_unary(p));
    }
    return n;
}

static char take_one_of(struct jinja_parser *p, const char *const *ops, const char *codes)
{
    for (size_t i = 0; codes[i] != '\0'; i++) {
        if (is_good(p) && jinja_take_op(p, ops[i])) {
            return codes[i];
        }
    }
    return '\0';
}

static struct jinja_node *parse_product(struct jinja_parser *p)
{
    static const char *const ops[] = {"*", "/", "//", "%"};
    struct jinja_node *n = parse_power(p);
    for (char op; (op = take_one_of(p, ops, "*/d%")) != '\0';) {
        n = pair(p, JINJA_NODE_OP, op, n, parse_power(p));
    }
    return n;
}

static struct jinja_node *parse_concat(struct jinja_parser *p)
{
    struct jinja_node *first = parse_product(p);
    if (!is_good(p) || !jinja_is_op(p, "~")) {
        return first;
    }
    struct jinja_node *n = jinja_node_new(p, JINJA_NODE_CONCAT);
    struct jinja_node **end = n == NULL ? NULL : &n->list;
    append(&end, n == NULL ? NULL : first);
    while (is_good(p) && jinja_take_op(p, "~")) {
        append(&end, parse_product(p));
    }
    return jinja_node_done(p, n);
}

static struct jinja_node *parse_sum(struct jinja_parser *p)
{
    static const char *const ops[] = {"+", "-"};
    struct jinja_node *n = parse_concat(p);
    for (char op; (op = take_one_of(p, ops, "+-")) != '\0';) {
        n = pair(p, JINJA_NODE_OP, op, n, parse_concat(p));
    }
    return n;
}

static char take_comparison(struct jinja_parser *p)
{
    static const char *const ops[] = {"==", "!=", "<=", ">=", "<", ">"};
    char op = take_one_of(p, ops, "=!lg<>");
    if (op != '\0' || !is_good(p)) {
        return op;
    }
    if (jinja_take_name(p, "in")) {
        return 'i';
    }
    bool not_in =
        jinja_is_name(p, "not") && p->at[1].type == JINJA_TOKEN_NAME && kit_str_eq(p->at[1].text, kit_str_lit("in"));
    p->at += not_in ? 2 : 0;
    return not_in ? 'n' : '\0';
}

static struct jinja_node *parse_compare(struct jinja_parser *p)
{
    struct jinja_node *first = parse_sum(p);
    char op = take_comparison(p);
    struct jinja_node *n = op == '\0' ? first : jinja_node_new(p, JINJA_NODE_COMPARE);
    if (op == '\0' || n == NULL) {
        return n;
    }
    n->a = first;
    struct jinja_node **end = &n->list;
    for (; op != '\0'; op = take_comparison(p)) {
        append(&end, pair(p, JINJA_NODE_OPERAND, op, parse_sum(p), NULL));
    }
    return jinja_node_done(p, n);
}

static struct jinja_node *parse_not(struct jinja_parser *p)
{
    if (!jinja_take_name(p, "not")) {
        return parse_compare(p);
    }
    if (!jinja_run_enter(p->r)) {
        return NULL;
    }
    struct jinja_node *n = pair(p, JINJA_NODE_NOT, 0, parse_not(p), NULL);
    jinja_run_leave(p->r);
    return n;
}

static struct jinja_node *parse_chain(struct jinja_parser *p, const char *word, enum jinja_node_kind kind, rule next)
{
    struct jinja_node *n = next(p);
    while (is_good(p) && jinja_take_name(p, word)) {
        n = pair(p, kind, 0, n, next(p));
    }
    return n;
}

static struct jinja_node *parse_and(struct jinja_parser *p)
{
    return parse_chain(p, "and", JINJA_NODE_AND, parse_not);
}

struct jinja_node *jinja_parse_or(struct jinja_parser *p)
{
    return parse_chain(p, "or", JINJA_NODE_OR, parse_and);
}

static struct jinja_node *parse_choice(struct jinja_parser *p, struct jinja_node *value)
{
    struct jinja_node *n = jinja_node_new(p, JINJA_NODE_CHOICE);
    if (n == NULL) {
        return NULL;
    }
    n->a = value;
    n->b = jinja_parse_or(p);
    n->c = is_good(p) && jinja_take_name(p, "else") ? jinja_parse_expr(p) : NULL;
    return jinja_node_done(p, n);
}

struct jinja_node *jinja_parse_expr(struct jinja_parser *p)
{
    if (!jinja_run_enter(p->r)) {
        return NULL;
    }
    struct jinja_node *n = jinja_parse_or(p);
    while (is_good(p) && jinja_take_name(p, "if")) {
        n = parse_choice(p, n);
    }
    jinja_run_leave(p->r);
    return n;
}

/* --- targets --- */

static struct jinja_node *parse_one_target(struct jinja_parser *p, bool dotted)
{
    if (jinja_is_op(p, "(") && jinja_run_enter(p->r)) {
        jinja_expect_op(p, "(");
        struct jinja_node *inner = jinja_parse_target(p, false);
        jinja_expect_op(p, ")");
        jinja_run_leave(p->r);
        return inner;
    }
    struct jinja_node *n = parse_name(p);
    if (n == NULL || n->kind != JINJA_NODE_NAME) {
        jinja_parse_fail(p, "a name to assign to");
        return NULL;
    }
    if (!dotted || !jinja_is_op(p, ".")) {
        return n;
    }
    n = parse_attr(p, n);
    if (n != NULL && n->kind != JINJA_NODE_ATTR) {
        jinja_parse_fail(p, "a name of a namespace to assign to");
    }
    return n;
}

struct jinja_node *jinja_parse_target(struct jinja_parser *p, bool dotted)
{
    struct jinja_node *first = parse_one_target(p, dotted);
    if (!is_good(p) || !jinja_is_op(p, ",")) {
        return first;
    }
    struct jinja_node *n = jinja_node_new(p, JINJA_NODE_TUPLE);
    struct jinja_node **end = n == NULL ? NULL : &n->list;
    append(&end, n == NULL ? NULL : first);
    while (is_good(p) && jinja_take_op(p, ",") && p->at->type != JINJA_TOKEN_BLOCK_END && !jinja_is_op(p, "=") &&
           !jinja_is_op(p, ")") && !jinja_is_name(p, "in")) {
        append(&end, parse_one_target(p, false));
    }
    return jinja_node_done(p, n);
}
