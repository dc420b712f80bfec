#include "grammar/make.h"

#include <math.h>
#include <stdio.h>

#define DEPTH_SPACES 32
#define VALUE_DEPTH_MAX 60

/* --- signs and spaces --- */

/* Nothing, a space, or a new line with up to 32 spaces: a model cannot go on with blanks for ever. */
static uint32_t spaces_rule(struct grammar_maker *m)
{
    if (m->spaces == GRAMMAR_NEVER) {
        uint32_t at = GRAMMAR_END;
        m->spaces = grammar_rule(m->b);
        for (uint32_t i = 0; i < DEPTH_SPACES; i++) {
            at = grammar_either(m->b, grammar_text_c(m->b, " ", at), GRAMMAR_END);
        }
        uint32_t ways[3] = {GRAMMAR_END, grammar_text_c(m->b, " ", GRAMMAR_END), grammar_text_c(m->b, "\n", at)};
        grammar_rule_set(m->b, m->spaces, grammar_split(m->b, ways, 3));
    }
    return m->spaces;
}

uint32_t grammar_sign_node(struct grammar_maker *m, char sign, uint32_t next)
{
    char text[3] = {sign, '\0', '\0'};
    if (m->options->spaces == GRAMMAR_SPACED && (sign == ',' || sign == ':')) {
        text[1] = ' ';
    }
    if (m->options->spaces != GRAMMAR_LOOSE) {
        return grammar_text_c(m->b, text, next);
    }
    bool closes = sign == '}' || sign == ']';
    uint32_t node = grammar_text_c(m->b, text, closes ? next : grammar_call(m->b, spaces_rule(m), next));
    return closes ? grammar_call(m->b, spaces_rule(m), node) : node;
}

/* --- values --- */

static uint32_t written(struct grammar_maker *m, void (*put)(struct kit_json_writer *w, const void *what),
                        const void *what, uint32_t next)
{
    struct kit_buf text;
    struct kit_json_writer w;
    kit_buf_init(&text, 4 * KIT_MIB);
    kit_json_writer_init(&w, &text);
    put(&w, what);
    if (text.failed != KIT_OK && m->rc == KIT_OK) {
        m->rc = kit_fail(m->err, text.failed, "a value of the schema is too large");
    }
    uint32_t node = grammar_text(m->b, kit_buf_str(&text), next);
    kit_buf_done(&text);
    return node;
}

static void put_text(struct kit_json_writer *w, const void *what)
{
    kit_json_put_str(w, *(const kit_str *)what);
}

static void put_plain(struct kit_json_writer *w, const void *what)
{
    kit_json value = *(const kit_json *)what;
    int64_t whole = kit_json_i64(value, INT64_MIN);
    switch (kit_json_type(value)) {
    case KIT_JSON_BOOL:
        kit_json_put_bool(w, kit_json_bool(value, false));
        return;
    case KIT_JSON_NUMBER:
        if (whole != INT64_MIN) {
            kit_json_put_i64(w, whole);
        } else {
            kit_json_put_f64(w, kit_json_f64(value, 0));
        }
        return;
    default:
        kit_json_put_null(w);
    }
}

uint32_t grammar_key_node(struct grammar_maker *m, kit_str key, uint32_t next)
{
    return written(m, put_text, &key, next);
}

/* Whole numbers beyond 63 bits have been rounded when they were read: what is written would be another number. */
static bool is_rounded(kit_json value)
{
    double x = kit_json_f64(value, 0);
    return kit_json_type(value) == KIT_JSON_NUMBER && kit_json_i64(value, INT64_MIN) == INT64_MIN && fabs(x) >= 0x1p63;
}

static uint32_t value_node(struct grammar_maker *m, kit_json value, uint32_t next, uint32_t depth);

static uint32_t items_node(struct grammar_maker *m, kit_json value, uint32_t next, uint32_t depth)
{
    bool object = kit_json_type(value) == KIT_JSON_OBJECT;
    size_t count = kit_json_count(value);
    kit_json *item = grammar_maker_get(m, count + 1, sizeof(*item));
    kit_str *key = grammar_maker_get(m, count + 1, sizeof(*key));
    if (item == NULL || key == NULL) {
        return GRAMMAR_END;
    }
    for (struct kit_json_iter i = kit_json_iter(value); kit_json_next(&i);) {
        item[i.index] = i.value;
        key[i.index] = i.key;
    }
    uint32_t node = grammar_sign_node(m, object ? '}' : ']', next);
    for (size_t i = count; i-- > 0;) {
        node = value_node(m, item[i], i + 1 < count ? grammar_sign_node(m, ',', node) : node, depth + 1);
        node = object ? grammar_key_node(m, key[i], grammar_sign_node(m, ':', node)) : node;
    }
    return grammar_sign_node(m, object ? '{' : '[', node);
}

static uint32_t value_node(struct grammar_maker *m, kit_json value, uint32_t next, uint32_t depth)
{
    kit_str text = kit_json_str(value, (kit_str){0});
    switch (kit_json_type(value)) {
    case KIT_JSON_STRING:
        return written(m, put_text, &text, next);
    case KIT_JSON_ARRAY:
    case KIT_JSON_OBJECT:
        if (depth > VALUE_DEPTH_MAX && m->rc == KIT_OK) {
            m->rc = kit_fail(m->err, KIT_TOO_LARGE, "a value of the schema is nested too deep");
        }
        return m->rc == KIT_OK ? items_node(m, value, next, depth) : GRAMMAR_END;
    default:
        if (is_rounded(value) && m->rc == KIT_OK) {
            m->rc = kit_fail(m->err, KIT_UNPROCESSABLE, "a number of 'enum' or 'const' is beyond what is kept exactly");
        }
        return written(m, put_plain, &value, next);
    }
}

uint32_t grammar_value_node(struct grammar_maker *m, kit_json value, uint32_t next)
{
    return value_node(m, value, next, 0);
}

/* --- any value --- */

static uint32_t pattern_rule(struct grammar_maker *m, uint32_t *rule, const char *pattern)
{
    if (*rule == GRAMMAR_NEVER) {
        struct grammar_dfa dfa = {0};
        *rule = grammar_rule(m->b);
        enum kit_status rc = grammar_regex(&m->arena, kit_str_c(pattern), GRAMMAR_NARROW, &dfa, m->err);
        m->rc = m->rc == KIT_OK ? rc : m->rc;
        if (rc == KIT_OK) {
            grammar_rule_set(m->b, *rule, grammar_dfa_nodes(&m->arena, &dfa, GRAMMAR_RAW, m->b, GRAMMAR_END));
        }
    }
    return *rule;
}

uint32_t grammar_any_number_rule(struct grammar_maker *m)
{
    return pattern_rule(m, &m->any_number, "^-?(0|[1-9][0-9]{0,17})([.][0-9]{1,17})?([eE][+-]?[0-9]{1,2})?$");
}

uint32_t grammar_any_string_rule(struct grammar_maker *m)
{
    if (m->any_string == GRAMMAR_NEVER) {
        struct grammar_set all = {0};
        grammar_set_add(&m->arena, &all, 0, GRAMMAR_POINT_MAX);
        grammar_set_tidy(&m->arena, &all);
        m->any_string = grammar_rule(m->b);
        uint32_t loop = grammar_open(m->b);
        uint32_t ways[2] = {grammar_take(m->b, grammar_unit_of(m->b, &all, GRAMMAR_FREE), loop),
                            grammar_text_c(m->b, "\"", GRAMMAR_END)};
        grammar_close(m->b, loop, ways, 2);
        grammar_rule_set(m->b, m->any_string, grammar_text_c(m->b, "\"", loop));
    }
    return m->any_string;
}

/* "[" item ("," item)* "]", or without any. */
static uint32_t list_node(struct grammar_maker *m, char open, char close,
                          uint32_t (*item)(struct grammar_maker *m, uint32_t))
{
    uint32_t end = grammar_sign_node(m, close, GRAMMAR_END);
    uint32_t loop = grammar_open(m->b);
    uint32_t first = item(m, loop);
    uint32_t ways[2] = {grammar_sign_node(m, ',', first), end};
    grammar_close(m->b, loop, ways, 2);
    return grammar_sign_node(m, open, grammar_either(m->b, first, end));
}

static uint32_t any_item(struct grammar_maker *m, uint32_t next)
{
    return grammar_call(m->b, grammar_any_rule(m), next);
}

static uint32_t any_member(struct grammar_maker *m, uint32_t next)
{
    uint32_t value = grammar_call(m->b, grammar_any_rule(m), next);
    return grammar_call(m->b, grammar_any_string_rule(m), grammar_sign_node(m, ':', value));
}

uint32_t grammar_any_array_rule(struct grammar_maker *m)
{
    if (m->any_array == GRAMMAR_NEVER) {
        m->any_array = grammar_rule(m->b);
        grammar_rule_set(m->b, m->any_array, list_node(m, '[', ']', any_item));
    }
    return m->any_array;
}

uint32_t grammar_any_object_rule(struct grammar_maker *m)
{
    if (m->any_object == GRAMMAR_NEVER) {
        m->any_object = grammar_rule(m->b);
        grammar_rule_set(m->b, m->any_object, list_node(m, '{', '}', any_member));
    }
    return m->any_object;
}

uint32_t grammar_any_rule(struct grammar_maker *m)
{
    if (m->any == GRAMMAR_NEVER) {
        m->any = grammar_rule(m->b);
        uint32_t ways[7] = {grammar_text_c(m->b, "null", GRAMMAR_END),
                            grammar_text_c(m->b, "true", GRAMMAR_END),
                            grammar_text_c(m->b, "false", GRAMMAR_END),
                            grammar_call(m->b, grammar_any_number_rule(m), GRAMMAR_END),
                            grammar_call(m->b, grammar_any_string_rule(m), GRAMMAR_END),
                            grammar_call(m->b, grammar_any_array_rule(m), GRAMMAR_END),
                            grammar_call(m->b, grammar_any_object_rule(m), GRAMMAR_END)};
        grammar_rule_set(m->b, m->any, grammar_split(m->b, ways, KIT_COUNT(ways)));
    }
    return m->any;
}
