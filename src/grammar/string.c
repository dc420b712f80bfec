#include "grammar/make.h"

#define LENGTH_MAX 8192 /* longer ones are not written */

#define HOUR "([01][0-9]|2[0-3])"
#define TIME HOUR ":[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?(Z|[+-]" HOUR ":[0-5][0-9])"
#define DATE                                                                                                           \
    "([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8])" \
    ")|"                                                                                                               \
    "([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)"
#define LABEL "[A-Za-z0-9]+(-[A-Za-z0-9]+)*" /* not counted: each length would be a state with a mask of its own */
#define HOST LABEL "([.]" LABEL ")*"
#define BYTE "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
#define WORD "[0-9A-Fa-f]{1,4}"
#define URI_SIGN "([A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})"

static const struct format {
    const char *name;
    const char *pattern, *besides; /* both hold */
} formats[] = {
    {"date", "^" DATE "$", "^(000[1-9]|00[1-9]|0[1-9]|[1-9])"},
    {"time", "^" TIME "$", NULL},
    {"date-time", "^" DATE "T" TIME "$", "^(000[1-9]|00[1-9]|0[1-9]|[1-9])"},
    {"duration", "^P([0-9]{1,4}D(T[0-9]{1,4}[HMS])?|T[0-9]{1,4}[HMS]|[0-9]{1,4}[WMY])$", NULL},
    {"uuid", "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", NULL},
    {"email", "^[A-Za-z0-9_+-]+([.][A-Za-z0-9_+-]+)*@" LABEL "([.]" LABEL ")+$", NULL},
    {"hostname", "^" HOST "$", NULL},
    {"ipv4", "^" BYTE "([.]" BYTE "){3}$", NULL},
    {"ipv6",
     "^((" WORD ":){7}" WORD "|(" WORD ":){1,6}:" WORD "|(" WORD ":){1,5}(:" WORD "){1,2}|(" WORD ":){1,4}(:" WORD
     "){1,3}|(" WORD ":){1,3}(:" WORD "){1,4}|(" WORD ":){1,2}(:" WORD "){1,5}|" WORD ":(:" WORD "){1,6}|(" WORD
     ":){1,7}:|:((:" WORD "){1,7}|:))$",
     NULL},
    {"uri",
     "^[A-Za-z][A-Za-z0-9+.-]*://" HOST "(:[1-9][0-9]{0,3})?(/" URI_SIGN "*)?([?]" URI_SIGN "*)?(#" URI_SIGN "*)?$",
     NULL},
};

struct strings {
    struct grammar_maker *m;
    const struct schema_node *at;
    enum grammar_reading reading;
    struct grammar_dfa dfa;
    bool any; /* nothing has been said yet: dfa is not filled */
};

static bool keep(struct strings *s, const struct grammar_dfa *other)
{
    struct grammar_dfa both = *other;
    if (!s->any && !grammar_went(s->m, s->at, grammar_dfa_and(&s->m->arena, &s->dfa, other, &both, s->m->err))) {
        return false;
    }
    s->dfa = both;
    s->any = false;
    return true;
}

static bool keep_pattern(struct strings *s, kit_str pattern)
{
    struct grammar_dfa other;
    return grammar_went(s->m, s->at, grammar_regex(&s->m->arena, pattern, s->reading, &other, s->m->err)) &&
           keep(s, &other);
}

/* A format says nothing to who checks only what the standard makes him; we write none but good ones. Unknown ones say
 * nothing. */
static bool keep_format(struct strings *s, kit_str name)
{
    for (size_t i = 0; i < KIT_COUNT(formats) && s->reading == GRAMMAR_NARROW; i++) {
        if (kit_str_eq(name, kit_str_c(formats[i].name))) {
            return keep_pattern(s, kit_str_c(formats[i].pattern)) &&
                   (formats[i].besides == NULL || keep_pattern(s, kit_str_c(formats[i].besides)));
        }
    }
    return true;
}

static bool keep_lengths(struct strings *s, uint64_t min, uint64_t max)
{
    struct grammar_dfa other;
    if (min > LENGTH_MAX) {
        grammar_refuse(s->m, s->at, "'minLength' is above %d, which is the longest that is written", LENGTH_MAX);
        return false;
    }
    bool wide = s->reading == GRAMMAR_WIDE && max > LENGTH_MAX;
    uint32_t most = max == SCHEMA_NO_MAX || wide ? GRAMMAR_NEVER : (uint32_t)KIT_MIN(max, LENGTH_MAX);
    return grammar_went(s->m, s->at, grammar_dfa_lengths(&s->m->arena, (uint32_t)min, most, &other, s->m->err)) &&
           keep(s, &other);
}

static bool take_away(struct strings *s, kit_json value)
{
    kit_str text = kit_json_str(value, (kit_str){0});
    struct grammar_dfa one;
    struct grammar_dfa rest;
    if (text.ptr == NULL) {
        return true;
    }
    if (s->any && !keep_lengths(s, 0, SCHEMA_NO_MAX)) {
        return false;
    }
    if (!grammar_went(s->m, s->at, grammar_dfa_text(&s->m->arena, text, &one, s->m->err)) ||
        !grammar_went(s->m, s->at, grammar_dfa_without(&s->m->arena, &s->dfa, &one, &rest, s->m->err))) {
        return false;
    }
    s->dfa = rest;
    return true;
}

static bool take_away_all(struct strings *s, const struct schema_node * not )
{
    bool good = not ->constant.v == NULL || take_away(s, not ->constant);
    for (struct kit_json_iter i = kit_json_iter(not ->values); good && kit_json_next(&i);) {
        good = take_away(s, i.value);
    }
    return good;
}

bool grammar_string_dfa(struct grammar_maker *m, const struct grammar_alternative *a, enum grammar_reading reading,
                        struct grammar_dfa *ret, bool *ret_any)
{
    struct strings s = {.m = m, .reading = reading, .any = true};
    uint64_t min = 0;
    uint64_t max = SCHEMA_NO_MAX;
    for (uint32_t i = 0; i < a->count; i++) {
        const struct schema_node *n = s.at = a->atom[i];
        min = KIT_MAX(min, n->length_min);
        max = KIT_MIN(max, n->length_max);
        if ((n->pattern.ptr != NULL && !keep_pattern(&s, n->pattern)) ||
            (n->format.ptr != NULL && !keep_format(&s, n->format))) {
            return false;
        }
    }
    s.at = a->at;
    if ((min > 0 || max != SCHEMA_NO_MAX) && !keep_lengths(&s, min, max)) {
        return false;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        if (a->atom[i]->not != NULL && !take_away_all(&s, a->atom[i]->not )) {
            return false;
        }
    }
    *ret = s.dfa;
    *ret_any = s.any;
    return true;
}

uint32_t grammar_string_node(struct grammar_maker *m, const struct grammar_alternative *a, uint32_t next)
{
    struct grammar_dfa dfa;
    bool any;
    if (!grammar_string_dfa(m, a, GRAMMAR_NARROW, &dfa, &any)) {
        return GRAMMAR_END;
    }
    if (any) {
        return grammar_call(m->b, grammar_any_string_rule(m), next);
    }
    if (dfa.states == 0) {
        grammar_impossible(m, a->at, "no string satisfies it");
    }
    uint32_t end = grammar_text_c(m->b, "\"", next);
    return grammar_text_c(m->b, "\"", grammar_dfa_nodes(&m->arena, &dfa, GRAMMAR_FREE, m->b, end));
}
