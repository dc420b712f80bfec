#include "grammar/regex.h"

#include <string.h>

#define DEPTH_MAX 60
#define REPEAT_MAX 1000 /* as RE2 and others have it */
#define MANY GRAMMAR_NEVER

enum kind { PART_SET, PART_ALL_OF, PART_ONE_OF, PART_REPEAT, PART_BEGIN, PART_END };

struct part {
    enum kind kind;
    struct part *next;         /* its neighbour in a list */
    struct part *first, *last; /* of ALL_OF, ONE_OF; first of REPEAT */
    uint32_t min, max;
    struct grammar_set set;
};

struct parser {
    struct kit_arena *arena;
    kit_str text;
    size_t at;
    enum grammar_reading reading;
    uint32_t depth;
    enum kit_status failed;
    struct kit_err *err;
};

static void *fail(struct parser *p, const char *what)
{
    if (p->failed == KIT_OK) {
        p->failed = kit_fail(p->err, KIT_UNPROCESSABLE, "the pattern '%.*s' cannot be used: %s (byte %zu)",
                             KIT_STR_ARG(kit_str_sub(p->text, 0, 60)), what, p->at);
    }
    return NULL;
}

static struct part *new_part(struct parser *p, enum kind kind)
{
    struct part *part = kit_arena_zero(p->arena, 1, sizeof(*part));
    if (part == NULL && p->failed == KIT_OK) {
        p->failed = kit_fail(p->err, KIT_NOMEM, "no memory for a grammar");
    }
    if (part != NULL) {
        part->kind = kind;
    }
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

static bool more(const struct parser *p)
{
    return p->at < p->text.len && p->failed == KIT_OK;
}

static char peek(const struct parser *p)
{
    return p->at < p->text.len ? p->text.ptr[p->at] : '\0';
}

static bool take(struct parser *p, const char *text)
{
    if (!kit_str_starts(kit_str_sub(p->text, p->at, p->text.len), kit_str_c(text))) {
        return false;
    }
    p->at += strlen(text);
    return true;
}

/* --- sets --- */

static void add_many(struct parser *p, struct grammar_set *s, const char *pairs)
{
    for (; pairs[0] != '\0'; pairs += 2) {
        grammar_set_add(p->arena, s, (uint8_t)pairs[0], (uint8_t)pairs[1]);
    }
}

static void add_not_ascii(struct parser *p, struct grammar_set *s)
{
    grammar_set_add(p->arena, s, 0x80, GRAMMAR_POINT_MAX);
}

/* \d \w \s and their opposites. Beyond ASCII engines differ: only the wide reading has that. */
static void add_named(struct parser *p, struct grammar_set *s, char name)
{
    bool wide = p->reading == GRAMMAR_WIDE;
    switch (name) {
    case 'd':
        add_many(p, s, "09");
        break;
    case 'w':
        add_many(p, s, "09AZaz__");
        break;
    case 's':
        add_many(p, s, wide ? "\t\r  \x1c\x1f" : "\t\r  ");
        break;
    case 'D':
        add_many(p, s, "\x01/:\x7f");
        grammar_set_add(p->arena, s, 0, 0);
        break;
    case 'W':
        add_many(p, s, "\x01/:@[^``{\x7f");
        grammar_set_add(p->arena, s, 0, 0);
        break;
    default: /* S */
        add_many(p, s, wide ? "\x01\x08\x0e\x1f!\x7f" : "\x01\x08\x0e\x1b!\x7f");
        grammar_set_add(p->arena, s, 0, 0);
        break;
    }
    if (wide) {
        add_not_ascii(p, s);
    }
}

static uint32_t read_hex(struct parser *p, uint32_t digits)
{
    uint32_t point = 0;
    for (uint32_t i = 0; i < digits; i++, p->at++) {
        if (kit_str_hex_digit(peek(p)) < 0) {
            fail(p, "a digit is missing in an escape");
            return 0;
        }
        point = point * 16 + (uint32_t)kit_str_hex_digit(peek(p));
    }
    return point;
}

/* Behind a backslash: one character. */
static uint32_t read_escaped(struct parser *p)
{
    static const char names[] = "t\tn\nr\rf\fv\v";
    char c = peek(p);
    for (const char *n = names; *n != '\0'; n += 2) {
        if (c == *n) {
            p->at++;
            return (uint8_t)n[1];
        }
    }
    if (take(p, "x")) {
        return read_hex(p, 2);
    }
    if (take(p, "u")) {
        uint32_t point = read_hex(p, 4);
        if (point >= 0xD800 && point <= 0xDFFF) {
            fail(p, "half of a surrogate pair");
        }
        return point;
    }
    if (take(p, "0")) {
        if (peek(p) >= '0' && peek(p) <= '9') {
            fail(p, "an octal escape");
        }
        return 0;
    }
    if (!more(p) || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')) {
        fail(p, "this escape is not supported");
        return 0;
    }
    return grammar_point_next(p->text, &p->at);
}

static bool is_named(char c)
{
    return c != '\0' && strchr("dwsDWS", c) != NULL;
}

/* One character or named set of a class; true: a character, in *ret. */
static bool class_item(struct parser *p, struct grammar_set *s, bool *named, uint32_t *ret)
{
    if (!take(p, "\\")) {
        *ret = grammar_point_next(p->text, &p->at);
        return true;
    }
    if (is_named(peek(p))) {
        add_named(p, s, p->text.ptr[p->at++]);
        *named = true;
        return false;
    }
    if (take(p, "b")) {
        *ret = '\b';
        return true;
    }
    *ret = read_escaped(p);
    return true;
}

static void class_range(struct parser *p, struct grammar_set *s, bool *named)
{
    uint32_t low;
    uint32_t high;
    if (!class_item(p, s, named, &low)) {
        return;
    }
    high = low;
    if (peek(p) == '-' && p->at + 1 < p->text.len && p->text.ptr[p->at + 1] != ']') {
        p->at++;
        if (!class_item(p, s, named, &high) || high < low) {
            fail(p, "a range in a class that is none");
            return;
        }
    }
    grammar_set_add(p->arena, s, low, high);
}

/* "[^\d]" may have what any engine's \d has not: the set that is taken away is read the other way. */
static struct part *parse_class(struct parser *p)
{
    struct part *part = new_part(p, PART_SET);
    enum grammar_reading reading = p->reading;
    bool negated = take(p, "^");
    bool named = false;
    if (peek(p) == ']') {
        return fail(p, "']' at the beginning of a class");
    }
    p->reading = negated ? (reading == GRAMMAR_WIDE ? GRAMMAR_NARROW : GRAMMAR_WIDE) : reading;
    while (more(p) && peek(p) != ']' && part != NULL) {
        if (peek(p) == '[' && p->at + 1 < p->text.len && p->text.ptr[p->at + 1] == ':') {
            fail(p, "a class with a POSIX name");
        }
        class_range(p, &part->set, &named);
    }
    p->reading = reading;
    if (part == NULL || !take(p, "]")) {
        return fail(p, "a class is not closed");
    }
    grammar_set_tidy(p->arena, &part->set);
    if (negated) {
        part->set = grammar_set_not(p->arena, &part->set);
    }
    return part;
}

static struct part *one_point(struct parser *p, uint32_t point)
{
    struct part *part = new_part(p, PART_SET);
    if (part != NULL) {
        grammar_set_add(p->arena, &part->set, point, point);
    }
    return part;
}

/* Python stops '.' at \n alone, ECMA-262 at three more. */
static struct part *any_but_lines(struct parser *p)
{
    struct part *part = new_part(p, PART_SET);
    if (part != NULL) {
        struct grammar_set lines = {0};
        grammar_set_add(p->arena, &lines, '\n', '\n');
        if (p->reading == GRAMMAR_NARROW) {
            grammar_set_add(p->arena, &lines, '\r', '\r');
            grammar_set_add(p->arena, &lines, 0x2028, 0x2029);
        }
        grammar_set_tidy(p->arena, &lines);
        part->set = grammar_set_not(p->arena, &lines);
    }
    return part;
}

/* --- expressions --- */

static struct part *parse_either(struct parser *p);

static bool skip_group_head(struct parser *p)
{
    if (!take(p, "?") || take(p, ":")) {
        return true;
    }
    take(p, "P");
    if (take(p, "<") && peek(p) != '=' && peek(p) != '!') {
        p->at += kit_str_find_char(kit_str_sub(p->text, p->at, p->text.len), '>') + 1;
        return p->at < p->text.len;
    }
    fail(p, "look-around, flags and references are not supported");
    return false;
}

static struct part *parse_group(struct parser *p)
{
    if (!skip_group_head(p)) {
        return fail(p, "a group is not closed");
    }
    if (++p->depth > DEPTH_MAX) {
        return fail(p, "groups are nested too deep");
    }
    struct part *part = parse_either(p);
    p->depth--;
    return take(p, ")") ? part : fail(p, "a group is not closed");
}

static struct part *parse_escape(struct parser *p)
{
    if (is_named(peek(p))) {
        struct part *part = new_part(p, PART_SET);
        if (part != NULL) {
            add_named(p, &part->set, p->text.ptr[p->at++]);
            grammar_set_tidy(p->arena, &part->set);
        }
        return part;
    }
    return one_point(p, read_escaped(p));
}

static struct part *parse_atom(struct parser *p)
{
    if (take(p, "(")) {
        return parse_group(p);
    }
    if (take(p, "[")) {
        return parse_class(p);
    }
    if (take(p, ".")) {
        return any_but_lines(p);
    }
    if (take(p, "\\")) {
        return parse_escape(p);
    }
    if (take(p, "^")) {
        return new_part(p, PART_BEGIN);
    }
    if (take(p, "$")) {
        return new_part(p, PART_END);
    }
    if (strchr("*+?", peek(p)) != NULL) {
        return fail(p, "nothing to repeat");
    }
    return one_point(p, grammar_point_next(p->text, &p->at));
}

static bool read_number(struct parser *p, uint32_t *ret)
{
    uint64_t n = 0;
    size_t from = p->at;
    while (peek(p) >= '0' && peek(p) <= '9' && p->at - from < 9) {
        n = n * 10 + (uint64_t)(peek(p) - '0');
        p->at++;
    }
    *ret = (uint32_t)n;
    return p->at > from;
}

/* "{m}", "{m,}", "{m,n}"; anything else is a '{' that stands for itself. */
static bool read_counts(struct parser *p, uint32_t *min, uint32_t *max)
{
    size_t from = p->at;
    bool good = take(p, "{") && read_number(p, min);
    *max = *min;
    if (good && take(p, ",") && !read_number(p, max)) {
        *max = MANY;
    }
    if (good && take(p, "}")) {
        return true;
    }
    p->at = from;
    return false;
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
    return peek(p) == '{' && read_counts(p, min, max);
}

static struct part *parse_repeated(struct parser *p)
{
    struct part *part = parse_atom(p);
    uint32_t min;
    uint32_t max;
    if (part == NULL || !read_repeat(p, &min, &max)) {
        return part;
    }
    take(p, "?"); /* lazy: the same texts */
    uint32_t again;
    if (part->kind == PART_BEGIN || part->kind == PART_END || peek(p) == '+' || read_repeat(p, &again, &again)) {
        return fail(p, "a repetition that is repeated, possessive, or of an anchor");
    }
    if (min > max || (max != MANY && max > REPEAT_MAX) || min > REPEAT_MAX) {
        return fail(p, "a repetition of more than 1000, or with its ends the wrong way round");
    }
    struct part *repeat = new_part(p, PART_REPEAT);
    if (repeat != NULL) {
        repeat->first = part;
        repeat->min = min;
        repeat->max = max;
    }
    return repeat;
}

static struct part *parse_sequence(struct parser *p)
{
    struct part *list = new_part(p, PART_ALL_OF);
    while (more(p) && peek(p) != '|' && peek(p) != ')') {
        append(list, parse_repeated(p));
    }
    return list;
}

static struct part *parse_either(struct parser *p)
{
    struct part *first = parse_sequence(p);
    if (peek(p) != '|') {
        return first;
    }
    struct part *list = new_part(p, PART_ONE_OF);
    append(list, first);
    while (more(p) && take(p, "|")) {
        append(list, parse_sequence(p));
    }
    return list;
}

/* --- anchors --- */

static struct part *anything(struct parser *p)
{
    struct part *set = new_part(p, PART_SET);
    struct part *repeat = new_part(p, PART_REPEAT);
    if (set != NULL && repeat != NULL) {
        grammar_set_add(p->arena, &set->set, 0, GRAMMAR_POINT_MAX);
        grammar_set_tidy(p->arena, &set->set);
        repeat->first = set;
        repeat->max = MANY;
    }
    return repeat;
}

/* Python's '$' also matches before a last \n. */
static struct part *perhaps_line(struct parser *p)
{
    struct part *repeat = new_part(p, PART_REPEAT);
    if (repeat != NULL) {
        repeat->first = one_point(p, '\n');
        repeat->max = 1;
    }
    return repeat;
}

/* The whole texts in which part is found: its anchors gone, anything before and after where there were none. */
static struct part *whole(struct parser *p, struct part *part)
{
    if (part == NULL) {
        return NULL;
    }
    struct part *list = new_part(p, part->kind == PART_ONE_OF ? PART_ONE_OF : PART_ALL_OF);
    if (part->kind == PART_ONE_OF) {
        for (struct part *i = part->first, *next; i != NULL; i = next) {
            next = i->next;
            i->next = NULL;
            append(list, whole(p, i));
        }
        return list;
    }
    if (part->kind == PART_ALL_OF && part->first != NULL && part->first == part->last &&
        (part->first->kind == PART_ONE_OF || part->first->kind == PART_ALL_OF)) {
        return whole(p, part->first);
    }
    struct part *from = part->kind == PART_ALL_OF ? part->first : part;
    if (from == NULL || from->kind != PART_BEGIN) {
        append(list, anything(p));
    }
    bool ended = false;
    for (struct part *i = from, *next; i != NULL; i = next) {
        next = i->next;
        i->next = NULL;
        ended = i->kind == PART_END && next == NULL;
        if (!ended && !(i == from && i->kind == PART_BEGIN)) {
            append(list, i);
        }
    }
    if (!ended) {
        append(list, anything(p));
    } else if (p->reading == GRAMMAR_WIDE) {
        append(list, perhaps_line(p));
    }
    return list;
}

/* --- as an NFA --- */

static uint32_t build(struct parser *p, struct grammar_nfa *n, const struct part *part, uint32_t next);

/* What follows must be built first: the list is walked from its end. */
static uint32_t build_list(struct parser *p, struct grammar_nfa *n, const struct part *list, uint32_t next)
{
    uint32_t count = 0;
    for (const struct part *i = list->first; i != NULL; i = i->next) {
        count++;
    }
    const struct part **item = kit_arena_zero(p->arena, count + 1, sizeof(const struct part *));
    if (item == NULL) {
        fail(p, "no memory");
        return 0;
    }
    count = 0;
    for (const struct part *i = list->first; i != NULL; i = i->next) {
        item[count++] = i;
    }
    while (count > 0) {
        next = build(p, n, item[--count], next);
    }
    return next;
}

static uint32_t build_repeat(struct parser *p, struct grammar_nfa *n, const struct part *part, uint32_t next)
{
    uint32_t at = next;
    if (part->max == MANY) {
        uint32_t loop = grammar_nfa_loop(n, next);
        uint32_t body = build(p, n, part->first, loop);
        grammar_nfa_loop_back(n, loop, body);
        at = loop;
    }
    for (uint32_t i = part->max == MANY ? part->min : part->max; i > 0 && n->failed == KIT_OK; i--) {
        uint32_t one = build(p, n, part->first, at);
        at = part->max != MANY && i > part->min ? grammar_nfa_either(n, one, next) : one;
    }
    return at;
}

static uint32_t build(struct parser *p, struct grammar_nfa *n, const struct part *part, uint32_t next)
{
    uint32_t all = GRAMMAR_NEVER;
    switch (part->kind) {
    case PART_SET:
        return grammar_nfa_set(n, &part->set, next);
    case PART_ALL_OF:
        return build_list(p, n, part, next);
    case PART_ONE_OF:
        for (const struct part *i = part->first; i != NULL; i = i->next) {
            all = grammar_nfa_either(n, all, build(p, n, i, next));
        }
        return all;
    case PART_REPEAT:
        return build_repeat(p, n, part, next);
    default:
        fail(p, "'^' and '$' are taken at the ends only");
        return 0;
    }
}

enum kit_status grammar_regex(struct kit_arena *arena, kit_str pattern, enum grammar_reading reading,
                              struct grammar_dfa *ret, struct kit_err *err)
{
    struct parser p = {.arena = arena, .text = pattern, .reading = reading, .err = err};
    struct part *part = parse_either(&p);
    if (more(&p)) {
        fail(&p, "a ')' too many");
    }
    part = whole(&p, part);
    struct grammar_nfa n;
    grammar_nfa_init(&n, arena, err);
    uint32_t start = p.failed == KIT_OK && part != NULL ? build(&p, &n, part, 0) : 0;
    if (p.failed != KIT_OK || n.failed != KIT_OK) {
        return p.failed != KIT_OK ? p.failed : n.failed;
    }
    return grammar_dfa_from(&n, start, ret);
}
