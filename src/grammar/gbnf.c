#include "grammar/gbnf.h"

#include <string.h>

#include "grammar/set.h"
#include "grammar/unit.h"
#include "kit/utf8.h"

#define DEPTH_MAX 100
#define REPEAT_MAX 2000
#define MANY UINT32_MAX
#define ARENA_BYTES_MAX (64 * KIT_MIB)

/* The text becomes parts first, as what follows a part must be built before it. */
enum kind { PART_TEXT, PART_SET, PART_NAME, PART_ALL_OF, PART_ONE_OF, PART_REPEAT };

struct part {
    enum kind kind;
    struct part *next, *first, *last;
    kit_str text; /* TEXT */
    struct grammar_set set;
    uint32_t rule; /* NAME */
    uint32_t min, max;
};

struct rule {
    kit_str name;
    struct part *body; /* NULL: named, but not there yet */
    uint32_t rule;
    size_t at; /* where it was named first */
    struct rule *next;
};

struct parser {
    struct kit_arena arena;
    kit_str text;
    size_t at;
    uint32_t depth;
    struct grammar_nodes *b;
    struct rule *rules;
    enum kit_status failed;
    struct kit_err *err;
};

static void *fail_with(struct parser *p, enum kit_status code, size_t at, const char *what, kit_str name)
{
    uint32_t line = 1;
    size_t begin = 0;
    for (size_t i = 0; i < at && i < p->text.len; i++) {
        if (p->text.ptr[i] == '\n') {
            line++;
            begin = i + 1;
        }
    }
    if (p->failed == KIT_OK) {
        p->failed = kit_fail(p->err, code, "line %u, column %zu: %s%s%.*s", line, at - begin + 1, what,
                             name.len > 0 ? " " : "", KIT_STR_ARG(kit_str_sub(name, 0, 80)));
    }
    return NULL;
}

static void *fail(struct parser *p, const char *what)
{
    return fail_with(p, KIT_PARSE, p->at, what, (kit_str){0});
}

static struct part *new_part(struct parser *p, enum kind kind)
{
    struct part *part = kit_arena_zero(&p->arena, 1, sizeof(*part));
    if (part == NULL) {
        return fail_with(p, KIT_NOMEM, p->at, "no memory", (kit_str){0});
    }
    part->kind = kind;
    return part;
}

static void append(struct part *list, struct part *item)
{
    if (list == NULL || item == NULL) {
        return;
    }
    if (list->first == NULL) {
        list->first = item;
    } else {
        list->last->next = item;
    }
    list->last = item;
}

static char peek(const struct parser *p)
{
    return p->at < p->text.len ? p->text.ptr[p->at] : '\0';
}

static bool more(const struct parser *p)
{
    return p->at < p->text.len && p->failed == KIT_OK;
}

static bool take(struct parser *p, const char *text)
{
    if (!kit_str_starts(kit_str_sub(p->text, p->at, p->text.len), kit_str_c(text))) {
        return false;
    }
    p->at += strlen(text);
    return true;
}

/* Blanks and comments; new lines too where a rule may go on behind them. */
static void skip(struct parser *p, bool lines)
{
    while (p->at < p->text.len) {
        char c = peek(p);
        if (c == '#') {
            while (p->at < p->text.len && peek(p) != '\n' && peek(p) != '\r') {
                p->at++;
            }
        } else if (c == ' ' || c == '\t' || (lines && (c == '\n' || c == '\r'))) {
            p->at++;
        } else {
            return;
        }
    }
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static kit_str read_name(struct parser *p)
{
    size_t from = p->at;
    while (p->at < p->text.len && is_name_char(peek(p))) {
        p->at++;
    }
    return kit_str_sub(p->text, from, p->at - from);
}

static struct rule *rule_of(struct parser *p, kit_str name, size_t at)
{
    for (struct rule *r = p->rules; r != NULL; r = r->next) {
        if (kit_str_eq(r->name, name)) {
            return r;
        }
    }
    struct rule *r = kit_arena_zero(&p->arena, 1, sizeof(*r));
    if (r == NULL) {
        return fail_with(p, KIT_NOMEM, at, "no memory", (kit_str){0});
    }
    *r = (struct rule){.name = name, .rule = grammar_rule(p->b), .at = at, .next = p->rules};
    p->rules = r;
    return r;
}

/* --- characters --- */

static uint32_t read_hex(struct parser *p, uint32_t digits)
{
    uint32_t point = 0;
    for (uint32_t i = 0; i < digits; i++, p->at++) {
        if (kit_str_hex_digit(peek(p)) < 0) {
            fail(p, "a hexadecimal digit is missing in an escape");
            return 0;
        }
        point = point * 16 + (uint32_t)kit_str_hex_digit(peek(p));
    }
    return point;
}

static uint32_t read_escape(struct parser *p)
{
    static const char plain[] = "\"\"[[]]\\\\n\nr\rt\t--^^//";
    for (const char *c = plain; *c != '\0'; c += 2) {
        if (peek(p) == *c) {
            p->at++;
            return (uint8_t)c[1];
        }
    }
    uint32_t digits = take(p, "x") ? 2 : take(p, "u") ? 4 : take(p, "U") ? 8 : 0;
    if (digits == 0) {
        fail(p, "this escape is not known");
        return 0;
    }
    return read_hex(p, digits);
}

/* One character of a text or class. */
static uint32_t read_point(struct parser *p)
{
    return take(p, "\\") ? read_escape(p) : grammar_point_next(p->text, &p->at);
}

static void put_point(struct parser *p, char *out, size_t *len, uint32_t point)
{
    if (point > GRAMMAR_POINT_MAX || (point >= 0xD800 && point <= 0xDFFF)) {
        fail(p, "no Unicode character has this number");
        return;
    }
    *len += kit_utf8_write(point, out + *len);
}

static struct part *parse_text(struct parser *p)
{
    struct part *part = new_part(p, PART_TEXT);
    size_t rest = kit_str_find_char(kit_str_sub(p->text, p->at, p->text.len), '\n');
    char *out = kit_arena_get(&p->arena, rest + 4); /* no escape is shorter than what it stands for */
    size_t len = 0;
    if (part == NULL || out == NULL) {
        return fail_with(p, KIT_NOMEM, p->at, "no memory", (kit_str){0});
    }
    while (more(p) && peek(p) != '"' && peek(p) != '\n') {
        put_point(p, out, &len, read_point(p));
    }
    if (!take(p, "\"")) {
        return fail(p, "a text is not closed");
    }
    part->text = (kit_str){out, len};
    return part;
}

static struct part *parse_class(struct parser *p)
{
    struct part *part = new_part(p, PART_SET);
    bool negated = take(p, "^");
    while (more(p) && peek(p) != ']' && part != NULL) {
        uint32_t low = read_point(p);
        uint32_t high = low;
        if (peek(p) == '-' && p->at + 1 < p->text.len && p->text.ptr[p->at + 1] != ']') {
            p->at++;
            high = read_point(p);
        }
        if (high < low || high > GRAMMAR_POINT_MAX) {
            return fail(p, "a range in a class that is none");
        }
        grammar_set_add(&p->arena, &part->set, low, high);
    }
    if (part == NULL || !take(p, "]")) {
        return fail(p, "a class is not closed");
    }
    grammar_set_tidy(&p->arena, &part->set);
    if (negated) {
        part->set = grammar_set_not(&p->arena, &part->set);
    }
    return part;
}

/* --- expressions --- */

static struct part *parse_either(struct parser *p);

static struct part *parse_group(struct parser *p)
{
    if (++p->depth > DEPTH_MAX) {
        return fail(p, "brackets are nested too deep");
    }
    struct part *part = parse_either(p);
    p->depth--;
    skip(p, true);
    return take(p, ")") ? part : fail(p, "a bracket is not closed");
}

static struct part *parse_atom(struct parser *p)
{
    if (take(p, "\"")) {
        return parse_text(p);
    }
    if (take(p, "[")) {
        return parse_class(p);
    }
    if (take(p, "(")) {
        return parse_group(p);
    }
    if (take(p, ".")) {
        struct part *any = new_part(p, PART_SET);
        if (any != NULL) {
            grammar_set_add(&p->arena, &any->set, 0, GRAMMAR_POINT_MAX);
            grammar_set_tidy(&p->arena, &any->set);
        }
        return any;
    }
    size_t at = p->at;
    kit_str name = read_name(p);
    if (name.len == 0) {
        return fail(p, peek(p) == '<' || peek(p) == '!' ? "tokens by name or number are not supported"
                                                        : "a text, a class, a name or a bracket must stand here");
    }
    struct rule *rule = rule_of(p, name, at);
    struct part *part = new_part(p, PART_NAME);
    if (rule != NULL && part != NULL) {
        part->rule = rule->rule;
    }
    return part;
}

static bool read_number(struct parser *p, uint32_t *ret)
{
    size_t from = p->at;
    uint32_t n = 0;
    while (peek(p) >= '0' && peek(p) <= '9' && p->at - from < 9) {
        n = n * 10 + (uint32_t)(peek(p) - '0');
        p->at++;
    }
    *ret = n;
    return p->at > from;
}

static bool read_counts(struct parser *p, uint32_t *min, uint32_t *max)
{
    skip(p, false);
    bool first = read_number(p, min);
    skip(p, false);
    *max = *min;
    bool comma = take(p, ",");
    skip(p, false);
    if (comma && !read_number(p, max)) {
        *max = MANY;
    }
    skip(p, false);
    if (!(first || comma) || !take(p, "}") || *min > *max) {
        fail(p, "a repetition is {m}, {m,} or {m,n}");
    }
    return true;
}

static bool read_repeat(struct parser *p, uint32_t *min, uint32_t *max)
{
    *min = 0;
    *max = MANY;
    if (take(p, "*")) {
        return true;
    }
    if (take(p, "+")) {
        *min = 1;
        return true;
    }
    if (take(p, "?")) {
        *max = 1;
        return true;
    }
    return take(p, "{") && read_counts(p, min, max);
}

static struct part *parse_repeated(struct parser *p)
{
    struct part *part = parse_atom(p);
    uint32_t min;
    uint32_t max;
    while (part != NULL && p->failed == KIT_OK && read_repeat(p, &min, &max)) {
        struct part *repeat = new_part(p, PART_REPEAT);
        if ((max != MANY && max > REPEAT_MAX) || min > REPEAT_MAX) {
            return fail(p, "a repetition of more than 2000");
        }
        if (repeat != NULL) {
            *repeat = (struct part){.kind = PART_REPEAT, .first = part, .min = min, .max = max};
        }
        part = repeat;
    }
    return part;
}

static struct part *parse_sequence(struct parser *p)
{
    struct part *list = new_part(p, PART_ALL_OF);
    skip(p, p->depth > 0);
    while (more(p) && strchr("|)\n\r", peek(p)) == NULL) {
        append(list, parse_repeated(p));
        skip(p, p->depth > 0);
    }
    return list;
}

/* '|' may begin the next line. */
static bool take_bar(struct parser *p)
{
    size_t at = p->at;
    skip(p, true);
    if (p->failed == KIT_OK && take(p, "|")) {
        skip(p, true);
        return true;
    }
    p->at = at;
    return false;
}

static struct part *parse_either(struct parser *p)
{
    struct part *first = parse_sequence(p);
    if (!take_bar(p)) {
        return first;
    }
    struct part *list = new_part(p, PART_ONE_OF);
    append(list, first);
    do {
        append(list, parse_sequence(p));
    } while (take_bar(p));
    return list;
}

static void parse_rule(struct parser *p)
{
    size_t at = p->at;
    kit_str name = read_name(p);
    if (name.len == 0) {
        fail(p, "a rule begins with its name");
        return;
    }
    skip(p, false);
    if (!take(p, "::=")) {
        fail(p, "'::=' must stand behind the name of a rule");
        return;
    }
    skip(p, true);
    struct rule *rule = rule_of(p, name, at);
    if (rule != NULL && rule->body != NULL) {
        fail_with(p, KIT_PARSE, at, "this rule is there twice:", name);
        return;
    }
    struct part *body = parse_either(p);
    if (rule != NULL) {
        rule->body = body;
    }
    skip(p, false);
    if (more(p) && peek(p) != '\n' && peek(p) != '\r') {
        fail(p, "a rule must end with its line");
    }
    skip(p, true);
}

/* --- as nodes --- */

static uint32_t build(struct parser *p, const struct part *part, uint32_t next);

static uint32_t build_list(struct parser *p, const struct part *list, uint32_t next)
{
    uint32_t count = 0;
    for (const struct part *i = list->first; i != NULL; i = i->next) {
        count++;
    }
    const struct part **item = kit_arena_zero(&p->arena, count + 1, sizeof(const struct part *));
    if (item == NULL) {
        fail_with(p, KIT_NOMEM, 0, "no memory", (kit_str){0});
        return GRAMMAR_END;
    }
    count = 0;
    for (const struct part *i = list->first; i != NULL; i = i->next) {
        item[count++] = i;
    }
    while (count > 0) {
        next = build(p, item[--count], next);
    }
    return next;
}

static uint32_t build_repeat(struct parser *p, const struct part *part, uint32_t next)
{
    uint32_t at = next;
    if (part->max == MANY) {
        uint32_t loop = grammar_open(p->b);
        uint32_t ways[2] = {build(p, part->first, loop), next};
        grammar_close(p->b, loop, ways, 2);
        at = loop;
    }
    for (uint32_t i = part->max == MANY ? part->min : part->max; i > 0 && p->b->failed == KIT_OK; i--) {
        uint32_t one = build(p, part->first, at);
        at = part->max != MANY && i > part->min ? grammar_either(p->b, one, next) : one;
    }
    return at;
}

static uint32_t build_either(struct parser *p, const struct part *list, uint32_t next)
{
    uint32_t count = 0;
    for (const struct part *i = list->first; i != NULL; i = i->next) {
        count++;
    }
    uint32_t *target = kit_arena_zero(&p->arena, count + 1, sizeof(*target));
    if (target == NULL) {
        fail_with(p, KIT_NOMEM, 0, "no memory", (kit_str){0});
        return GRAMMAR_END;
    }
    count = 0;
    for (const struct part *i = list->first; i != NULL; i = i->next) {
        target[count++] = build(p, i, next);
    }
    return grammar_split(p->b, target, count);
}

static uint32_t build(struct parser *p, const struct part *part, uint32_t next)
{
    if (p->failed != KIT_OK || p->b->failed != KIT_OK) {
        return GRAMMAR_END;
    }
    switch (part->kind) {
    case PART_TEXT:
        return grammar_text(p->b, part->text, next);
    case PART_SET:
        return part->set.count == 0 ? grammar_split(p->b, NULL, 0)
                                    : grammar_take(p->b, grammar_unit_of(p->b, &part->set, GRAMMAR_RAW), next);
    case PART_NAME:
        return grammar_call(p->b, part->rule, next);
    case PART_ALL_OF:
        return build_list(p, part, next);
    case PART_ONE_OF:
        return build_either(p, part, next);
    default:
        return build_repeat(p, part, next);
    }
}

static void build_rules(struct parser *p)
{
    for (struct rule *r = p->rules; r != NULL && p->failed == KIT_OK && p->b->failed == KIT_OK; r = r->next) {
        if (r->body == NULL) {
            fail_with(p, KIT_PARSE, r->at, "there is no rule", r->name);
            return;
        }
        grammar_rule_set(p->b, r->rule, build(p, r->body, GRAMMAR_END));
    }
}

enum kit_status grammar_gbnf(kit_str text, struct grammar_nodes *b, uint32_t *ret_rule, struct kit_err *err)
{
    if (text.len > GRAMMAR_GBNF_BYTES_MAX) {
        return kit_fail(err, KIT_TOO_LARGE, "the grammar has %zu bytes; at most %zu are taken", text.len,
                        GRAMMAR_GBNF_BYTES_MAX);
    }
    struct parser p = {.text = text, .b = b, .err = err};
    kit_arena_init(&p.arena, ARENA_BYTES_MAX);
    skip(&p, true);
    while (more(&p)) {
        parse_rule(&p);
    }
    struct rule *root = NULL;
    for (struct rule *r = p.rules; r != NULL; r = r->next) {
        root = kit_str_eq(r->name, kit_str_lit("root")) ? r : root;
    }
    if (root == NULL) {
        fail_with(&p, KIT_PARSE, text.len, "there is no rule \"root\"", (kit_str){0});
    }
    build_rules(&p);
    if (p.failed == KIT_OK && root != NULL) {
        *ret_rule = root->rule;
    }
    kit_arena_done(&p.arena);
    return p.failed != KIT_OK ? p.failed : b->failed;
}
