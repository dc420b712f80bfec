#include "jinja/lex.h"

#include <string.h>

#include "jinja/value.h"

#define NESTED_MAX JINJA_DEPTH_MAX

struct lexer {
    struct jinja_run *r;
    struct jinja_tokens *out;
    kit_str source;
    size_t at;
    uint32_t line;
    bool line_starts;      /* the tag before ended with a newline */
    char open[NESTED_MAX]; /* brackets of the tag that are open */
    uint32_t open_count;
};

size_t jinja_lex_newlines(char *source, size_t len)
{
    size_t to = 0;
    for (size_t i = 0; i < len; i++) {
        bool pair = source[i] == '\r' && i + 1 < len && source[i + 1] == '\n';
        if (!pair) {
            source[to++] = (char)(source[i] == '\r' ? '\n' : source[i]);
        }
    }
    return to > 0 && source[to - 1] == '\n' ? to - 1 : to;
}

static kit_str rest(const struct lexer *l)
{
    return kit_str_sub(l->source, l->at, l->source.len);
}

static bool more(const struct lexer *l)
{
    return l->at < l->source.len && l->r->failed == KIT_OK;
}

static bool grow(struct lexer *l)
{
    size_t room = KIT_MAX(l->out->room * 2, 64);
    struct jinja_token *at = jinja_run_get(l->r, room, sizeof(*at));
    if (at == NULL) {
        return false;
    }
    if (l->out->count > 0) {
        memcpy(at, l->out->at, l->out->count * sizeof(*at));
    }
    l->out->at = at;
    l->out->room = room;
    return true;
}

static void put(struct lexer *l, enum jinja_token_type type, kit_str text)
{
    if (l->out->count == l->out->room && !grow(l)) {
        return;
    }
    l->out->at[l->out->count++] = (struct jinja_token){.type = type, .line = l->line, .text = text};
}

static void skip(struct lexer *l, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        l->line += l->source.ptr[l->at + i] == '\n';
    }
    l->line_starts = bytes > 0 && l->source.ptr[l->at + bytes - 1] == '\n';
    l->at += bytes;
    l->r->line = l->line;
}

/* Where the next tag begins, or the end of the source. */
static size_t find_tag(const struct lexer *l)
{
    for (size_t i = l->at; i + 1 < l->source.len; i++) {
        char next = l->source.ptr[i + 1];
        if (l->source.ptr[i] == '{' && (next == '{' || next == '%' || next == '#')) {
            return i;
        }
    }
    return l->source.len;
}

/* The text before a tag, without what the tag takes away: all space for '-', for blocks and comments the space on the
 * tag's line when there is nothing else on it. */
static kit_str before_tag(const struct lexer *l, kit_str text, char sign, bool print)
{
    if (sign == '-') {
        return kit_str_sub(text, 0, text.len - jinja_spaces_after(text));
    }
    if (sign == '+' || print) {
        return text;
    }
    size_t line = text.len;
    while (line > 0 && text.ptr[line - 1] != '\n') {
        line--;
    }
    bool blank = jinja_spaces_before(kit_str_sub(text, line, text.len)) == text.len - line;
    return blank && (line > 0 || l->line_starts) ? kit_str_sub(text, 0, line) : text;
}

static char sign_at(kit_str text, size_t at)
{
    return at < text.len && (text.ptr[at] == '-' || text.ptr[at] == '+') ? text.ptr[at] : '\0';
}

static void put_data(struct lexer *l, kit_str text)
{
    if (text.len > 0) {
        put(l, JINJA_TOKEN_DATA, text);
    }
}

/* Bytes of an end of a tag, with the space that it takes; 0: text does not begin with one. `close` is "%}", "}}", "#}". */
static size_t end_bytes(kit_str text, kit_str close)
{
    char sign = sign_at(text, 0);
    bool print = close.ptr[0] == '}';
    size_t at = sign != '\0' && !(print && sign == '+') ? 1 : 0;
    if (!kit_str_starts(kit_str_sub(text, at, text.len), close)) {
        return 0;
    }
    size_t bytes = at + close.len;
    if (sign == '-') {
        return bytes + jinja_spaces_before(kit_str_sub(text, bytes, text.len));
    }
    bool newline = !print && sign != '+' && bytes < text.len && text.ptr[bytes] == '\n';
    return bytes + newline;
}

/* --- comments and raw blocks --- */

static void lex_comment(struct lexer *l)
{
    skip(l, 2);
    for (size_t i = l->at; i < l->source.len; i++) {
        size_t bytes = end_bytes(kit_str_sub(l->source, i, l->source.len), kit_str_lit("#}"));
        if (bytes > 0) {
            skip(l, i - l->at + bytes);
            return;
        }
    }
    jinja_run_fail(l->r, KIT_PARSE, "a comment without its end: expected '#}'");
}

/* Bytes of "{% word" with its sign and spaces, up to the end of the tag; 0: something else. */
static size_t word_tag(kit_str text, kit_str word)
{
    if (!kit_str_starts(text, kit_str_lit("{%"))) {
        return 0;
    }
    size_t at = 2 + (sign_at(text, 2) != '\0');
    at += jinja_spaces_before(kit_str_sub(text, at, text.len));
    if (!kit_str_starts(kit_str_sub(text, at, text.len), word)) {
        return 0;
    }
    at += word.len;
    return at + jinja_spaces_before(kit_str_sub(text, at, text.len));
}

/* Bytes of {% raw %}; 0: none begins here. A newline behind it stays. */
static size_t raw_begin(kit_str text)
{
    size_t at = word_tag(text, kit_str_lit("raw"));
    kit_str end = kit_str_sub(text, at, text.len);
    if (at == 0 || kit_str_starts(end, kit_str_lit("%}"))) {
        return at == 0 ? 0 : at + 2;
    }
    return kit_str_starts(end, kit_str_lit("-%}")) ? at + end_bytes(end, kit_str_lit("%}")) : 0;
}

static void lex_raw(struct lexer *l, size_t bytes)
{
    skip(l, bytes);
    for (size_t i = l->at; i < l->source.len; i++) {
        kit_str text = kit_str_sub(l->source, i, l->source.len);
        size_t word = word_tag(text, kit_str_lit("endraw"));
        size_t end = word == 0 ? 0 : end_bytes(kit_str_sub(text, word, text.len), kit_str_lit("%}"));
        if (end > 0) {
            put_data(l, before_tag(l, kit_str_sub(l->source, l->at, i - l->at), sign_at(text, 2), false));
            skip(l, i - l->at + word + end);
            return;
        }
    }
    jinja_run_fail(l->r, KIT_PARSE, "a raw block without its end: expected 'endraw'");
}

/* --- inside a tag --- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || ((uint8_t)c & 0x80) != 0;
}

/* Digits, with single underscores between them. */
static size_t digits(kit_str s, size_t at)
{
    size_t from = at;
    while (at < s.len && (is_digit(s.ptr[at]) || (s.ptr[at] == '_' && at > from && at + 1 < s.len &&
                                                  is_digit(s.ptr[at + 1]) && is_digit(s.ptr[at - 1])))) {
        at++;
    }
    return at - from;
}

static size_t exponent(kit_str s, size_t at)
{
    if (at >= s.len || (s.ptr[at] != 'e' && s.ptr[at] != 'E')) {
        return 0;
    }
    size_t sign = sign_at(s, at + 1) != '\0';
    size_t count = digits(s, at + 1 + sign);
    return count == 0 ? 0 : 1 + sign + count;
}

static size_t based(kit_str s)
{
    char base = s.len > 2 && s.ptr[0] == '0' ? (char)(s.ptr[1] | 0x20) : '\0';
    if (base != 'x' && base != 'o' && base != 'b') {
        return 0;
    }
    size_t at = 2;
    while (at < s.len && is_word(s.ptr[at]) && ((uint8_t)s.ptr[at] & 0x80) == 0) {
        at++;
    }
    return at > 2 ? at : 0;
}

static void lex_number(struct lexer *l)
{
    kit_str s = rest(l);
    size_t bytes = based(s);
    enum jinja_token_type type = JINJA_TOKEN_INT;
    if (bytes == 0) {
        bytes = digits(s, 0);
        bool behind_dot = l->at > 0 && l->source.ptr[l->at - 1] == '.';
        size_t fraction = !behind_dot && bytes < s.len && s.ptr[bytes] == '.' ? digits(s, bytes + 1) : 0;
        size_t whole = bytes + (fraction > 0 ? 1 + fraction : 0);
        size_t tail = behind_dot ? 0 : exponent(s, whole);
        type = fraction > 0 || tail > 0 ? JINJA_TOKEN_FLOAT : type;
        bytes = whole + tail;
    }
    put(l, type, kit_str_sub(s, 0, bytes));
    skip(l, bytes);
}

static void lex_string(struct lexer *l)
{
    kit_str s = rest(l);
    size_t at = 1;
    while (at < s.len && s.ptr[at] != s.ptr[0]) {
        at += s.ptr[at] == '\\' ? 2 : 1;
    }
    if (at >= s.len) {
        jinja_run_fail(l->r, KIT_PARSE, "a string without its end: expected %c", s.ptr[0]);
        return;
    }
    put(l, JINJA_TOKEN_STRING, kit_str_sub(s, 1, at - 1));
    skip(l, at + 1);
}

static void lex_name(struct lexer *l)
{
    kit_str s = rest(l);
    size_t at = 0;
    while (at < s.len && is_word(s.ptr[at])) {
        at++;
    }
    put(l, JINJA_TOKEN_NAME, kit_str_sub(s, 0, at));
    skip(l, at);
}

kit_str jinja_lex_op(kit_str text)
{
    static const char *const ops[] = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "*", "/", "%", "~", "(",
                                      ")",  "[",  "]",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};
    for (size_t i = 0; i < KIT_COUNT(ops); i++) {
        if (kit_str_starts(text, kit_str_c(ops[i]))) {
            return kit_str_c(ops[i]);
        }
    }
    return (kit_str){0};
}

/* Keeps the brackets of a tag: "}}" ends a tag only where no bracket is open. */
static void balance(struct lexer *l, char c)
{
    static const char opens[] = "([{";
    static const char closes[] = ")]}";
    const char *close = strchr(closes, c);
    if (strchr(opens, c) != NULL) {
        if (l->open_count == NESTED_MAX) {
            jinja_run_fail(l->r, KIT_TOO_LARGE, "more than %d brackets inside each other", NESTED_MAX);
            return;
        }
        l->open[l->open_count++] = closes[strchr(opens, c) - opens];
    } else if (close != NULL) {
        if (l->open_count == 0 || l->open[l->open_count - 1] != c) {
            jinja_run_fail(l->r, KIT_PARSE, "unexpected '%c'", c);
            return;
        }
        l->open_count--;
    }
}

static void lex_op(struct lexer *l)
{
    kit_str op = jinja_lex_op(rest(l));
    if (op.len == 0) {
        jinja_run_fail(l->r, KIT_PARSE, "unexpected character '%.*s'", (int)jinja_char_bytes(rest(l), 0), rest(l).ptr);
        return;
    }
    balance(l, op.ptr[0]);
    put(l, JINJA_TOKEN_OP, kit_str_sub(rest(l), 0, op.len));
    skip(l, op.len);
}

static void lex_one(struct lexer *l)
{
    char c = l->source.ptr[l->at];
    size_t space = jinja_space_at(l->source, l->at);
    if (space > 0) {
        skip(l, space);
    } else if (is_digit(c)) {
        lex_number(l);
    } else if (c == '\'' || c == '"') {
        lex_string(l);
    } else if (is_word(c)) {
        lex_name(l);
    } else {
        lex_op(l);
    }
}

static void lex_tag(struct lexer *l, bool print)
{
    kit_str close = print ? kit_str_lit("}}") : kit_str_lit("%}");
    put(l, print ? JINJA_TOKEN_PRINT : JINJA_TOKEN_BLOCK, kit_str_sub(l->source, l->at, 2));
    skip(l, 2 + (sign_at(l->source, l->at + 2) != '\0'));
    l->open_count = 0;
    while (more(l)) {
        size_t end = l->open_count == 0 ? end_bytes(rest(l), close) : 0;
        if (end > 0) {
            put(l, print ? JINJA_TOKEN_PRINT_END : JINJA_TOKEN_BLOCK_END, close);
            skip(l, end);
            return;
        }
        lex_one(l);
    }
    jinja_run_fail(l->r, KIT_PARSE, "a tag without its end: expected '%.*s'", KIT_STR_ARG(close));
}

/* The text up to the next tag, and that tag. */
static void lex_next(struct lexer *l)
{
    size_t tag = find_tag(l);
    kit_str text = kit_str_sub(l->source, l->at, tag - l->at);
    if (tag == l->source.len) {
        put_data(l, text);
        skip(l, text.len);
        return;
    }
    char kind = l->source.ptr[tag + 1];
    put_data(l, before_tag(l, text, sign_at(l->source, tag + 2), kind == '{'));
    skip(l, text.len);
    size_t raw = raw_begin(rest(l));
    if (kind == '#') {
        lex_comment(l);
    } else if (raw > 0) {
        lex_raw(l, raw);
    } else {
        lex_tag(l, kind == '{');
    }
}

void jinja_lex(struct jinja_run *r, kit_str source, struct jinja_tokens *ret)
{
    struct lexer l = {.r = r, .out = ret, .source = source, .line = 1, .line_starts = true};
    while (more(&l)) {
        lex_next(&l);
    }
    put(&l, JINJA_TOKEN_END, (kit_str){0});
}
