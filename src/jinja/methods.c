#include <string.h>

#include "jinja/call.h"
#include "jinja/ops.h"
#include "jinja/print.h"
#include "jinja/text.h"
#include "kit/utf8.h"

/* --- of strings --- */

JINJA_FN method_strip(JINJA_FN_ARGS)
{
    return jinja_text_strip(r, self, args[0], "lr");
}

JINJA_FN method_lstrip(JINJA_FN_ARGS)
{
    return jinja_text_strip(r, self, args[0], "l");
}

JINJA_FN method_rstrip(JINJA_FN_ARGS)
{
    return jinja_text_strip(r, self, args[0], "r");
}

JINJA_FN method_split(JINJA_FN_ARGS)
{
    return jinja_text_split(r, self, args[0], jinja_arg_int(r, args[1], -1));
}

JINJA_FN method_rsplit(JINJA_FN_ARGS)
{
    return jinja_text_rsplit(r, self, args[0], jinja_arg_int(r, args[1], -1));
}

JINJA_FN method_splitlines(JINJA_FN_ARGS)
{
    return jinja_text_lines(r, self, jinja_arg_bool(args[0], false));
}

JINJA_FN method_upper(JINJA_FN_ARGS)
{
    return jinja_text_case(r, self, JINJA_CASE_UPPER);
}

JINJA_FN method_lower(JINJA_FN_ARGS)
{
    return jinja_text_case(r, self, JINJA_CASE_LOWER);
}

JINJA_FN method_title(JINJA_FN_ARGS)
{
    return jinja_text_case(r, self, JINJA_CASE_TITLE);
}

JINJA_FN method_capitalize(JINJA_FN_ARGS)
{
    return jinja_text_case(r, self, JINJA_CASE_CAPITAL);
}

JINJA_FN method_swapcase(JINJA_FN_ARGS)
{
    return jinja_text_case(r, self, JINJA_CASE_SWAP);
}

JINJA_FN method_replace(JINJA_FN_ARGS)
{
    return jinja_text_replace(r, self, jinja_arg_str(r, args[0], ""), jinja_arg_str(r, args[1], ""),
                              jinja_arg_int(r, args[2], -1));
}

JINJA_FN method_join(JINJA_FN_ARGS)
{
    struct jinja_value items = jinja_items(r, args[0]);
    for (uint32_t i = 0; i < items.list->count; i++) {
        jinja_arg_str(r, items.list->items[i], "");
    }
    return jinja_text_join(r, self, items);
}

/* s[from:to], as the searching methods take it. */
static struct jinja_value searched(struct jinja_run *r, struct jinja_value s, const struct jinja_value *args)
{
    return jinja_op_slice(r, s, args[1], args[2], jinja_none());
}

/* One affix, or any of a tuple. */
static bool has_affix(struct jinja_run *r, struct jinja_value s, struct jinja_value affix, bool front)
{
    if (affix.type == JINJA_TUPLE) {
        bool any = false;
        for (uint32_t i = 0; i < affix.list->count && !any && jinja_run_step(r, 1); i++) {
            any = affix.list->items[i].type != JINJA_TUPLE && has_affix(r, s, affix.list->items[i], front);
        }
        return any;
    }
    kit_str text = jinja_bytes(jinja_arg_str(r, affix, ""));
    return front ? kit_str_starts(jinja_bytes(s), text) : kit_str_ends(jinja_bytes(s), text);
}

JINJA_FN method_startswith(JINJA_FN_ARGS)
{
    return jinja_bool(has_affix(r, searched(r, self, args), args[0], true));
}

JINJA_FN method_endswith(JINJA_FN_ARGS)
{
    return jinja_bool(has_affix(r, searched(r, self, args), args[0], false));
}

JINJA_FN method_removeprefix(JINJA_FN_ARGS)
{
    struct jinja_value affix = jinja_arg_str(r, args[0], "");
    return kit_str_starts(jinja_bytes(self), jinja_bytes(affix)) ? jinja_part(self, affix.len, self.len) : self;
}

JINJA_FN method_removesuffix(JINJA_FN_ARGS)
{
    struct jinja_value affix = jinja_arg_str(r, args[0], "");
    return kit_str_ends(jinja_bytes(self), jinja_bytes(affix)) ? jinja_part(self, 0, self.len - affix.len) : self;
}

static size_t find_last(kit_str s, kit_str needle)
{
    for (size_t end = s.len + 1; end > needle.len; end--) {
        if (memcmp(s.ptr + (end - 1 - needle.len), needle.ptr, needle.len) == 0) {
            return end - 1 - needle.len;
        }
    }
    return SIZE_MAX;
}

/* Character index, -1: not there. */
static int64_t find_in(struct jinja_run *r, struct jinja_value self, const struct jinja_value *args, bool last)
{
    struct jinja_value part = searched(r, self, args);
    kit_str needle = jinja_bytes(jinja_arg_str(r, args[0], ""));
    if (r->failed != KIT_OK) {
        return -1;
    }
    kit_str s = jinja_bytes(part);
    size_t at = last ? find_last(s, needle) : needle.len == 0 ? 0 : kit_str_find(s, needle);
    if (at == SIZE_MAX || at + needle.len > s.len) {
        return -1;
    }
    size_t before = (size_t)(part.bytes - self.bytes) + at;
    return (int64_t)kit_utf8_count((kit_str){self.bytes, before});
}

JINJA_FN method_find(JINJA_FN_ARGS)
{
    return jinja_int(find_in(r, self, args, false));
}

JINJA_FN method_rfind(JINJA_FN_ARGS)
{
    return jinja_int(find_in(r, self, args, true));
}

static struct jinja_value must_find(struct jinja_run *r, int64_t at)
{
    if (at < 0) {
        jinja_run_fail(r, KIT_INVALID, "substring not found");
    }
    return jinja_int(at);
}

JINJA_FN method_index(JINJA_FN_ARGS)
{
    return must_find(r, find_in(r, self, args, false));
}

JINJA_FN method_rindex(JINJA_FN_ARGS)
{
    return must_find(r, find_in(r, self, args, true));
}

JINJA_FN method_count(JINJA_FN_ARGS)
{
    kit_str s = jinja_bytes(searched(r, self, args));
    kit_str needle = jinja_bytes(jinja_arg_str(r, args[0], ""));
    if (needle.len == 0) {
        return jinja_int((int64_t)kit_utf8_count(s) + 1);
    }
    int64_t count = 0;
    for (size_t at; (at = kit_str_find(s, needle)) < s.len && jinja_run_step(r, 1); count++) {
        s = kit_str_sub(s, at + needle.len, s.len);
    }
    return jinja_int(count);
}

static struct jinja_value three(struct jinja_run *r, struct jinja_value a, struct jinja_value b, struct jinja_value c)
{
    struct jinja_value out = jinja_list_new(r, JINJA_TUPLE, 3);
    jinja_list_add(r, out, a);
    jinja_list_add(r, out, b);
    jinja_list_add(r, out, c);
    return out;
}

static struct jinja_value partition(struct jinja_run *r, struct jinja_value self, struct jinja_value sep, bool last)
{
    kit_str s = jinja_bytes(self);
    kit_str needle = jinja_bytes(jinja_arg_str(r, sep, ""));
    if (needle.len == 0) {
        jinja_run_fail(r, KIT_INVALID, "partition needs a separator that is not empty");
        return jinja_none();
    }
    size_t at = last ? find_last(s, needle) : kit_str_find(s, needle);
    if (at == SIZE_MAX || at == s.len) {
        struct jinja_value none = jinja_c("");
        return last ? three(r, none, none, self) : three(r, self, none, none);
    }
    return three(r, jinja_part(self, 0, at), jinja_part(self, at, needle.len),
                 jinja_part(self, at + needle.len, self.len));
}

JINJA_FN method_partition(JINJA_FN_ARGS)
{
    return partition(r, self, args[0], false);
}

JINJA_FN method_rpartition(JINJA_FN_ARGS)
{
    return partition(r, self, args[0], true);
}

/* What all characters are, beyond ASCII letters. */
static bool all(kit_str s, bool (*is)(kit_str s, size_t at))
{
    for (size_t at = 0; at < s.len; at += jinja_char_bytes(s, at)) {
        if (!is(s, at)) {
            return false;
        }
    }
    return s.len > 0;
}

static bool at_space(kit_str s, size_t at)
{
    return jinja_space_at(s, at) > 0;
}

static bool at_digit(kit_str s, size_t at)
{
    return s.ptr[at] >= '0' && s.ptr[at] <= '9';
}

static bool at_letter(kit_str s, size_t at)
{
    char c = (char)(s.ptr[at] | 0x20);
    return ((uint8_t)s.ptr[at] & 0x80) != 0 ? !at_space(s, at) : c >= 'a' && c <= 'z';
}

static bool at_letter_or_digit(kit_str s, size_t at)
{
    return at_letter(s, at) || at_digit(s, at);
}

JINJA_FN method_isspace(JINJA_FN_ARGS)
{
    return jinja_bool(all(jinja_bytes(self), at_space));
}

JINJA_FN method_isdigit(JINJA_FN_ARGS)
{
    return jinja_bool(all(jinja_bytes(self), at_digit));
}

JINJA_FN method_isalpha(JINJA_FN_ARGS)
{
    return jinja_bool(all(jinja_bytes(self), at_letter));
}

JINJA_FN method_isalnum(JINJA_FN_ARGS)
{
    return jinja_bool(all(jinja_bytes(self), at_letter_or_digit));
}

static struct jinja_value test_case(struct jinja_run *r, const char *test, struct jinja_value self)
{
    return jinja_bool(jinja_call_test(r, kit_str_c(test), self, &(struct jinja_call){0}));
}

JINJA_FN method_islower(JINJA_FN_ARGS)
{
    return test_case(r, "lower", self);
}

JINJA_FN method_isupper(JINJA_FN_ARGS)
{
    return test_case(r, "upper", self);
}

static struct jinja_value pad(struct jinja_run *r, struct jinja_value self, const struct jinja_value *args, bool left)
{
    struct jinja_value fill = jinja_arg_str(r, args[1], " ");
    int64_t missing = jinja_arg_int(r, args[0], 0) - jinja_length(self);
    struct jinja_value space = jinja_op(r, '*', fill, jinja_int(KIT_MAX(missing, 0)));
    return left ? jinja_op(r, '+', space, self) : jinja_op(r, '+', self, space);
}

JINJA_FN method_ljust(JINJA_FN_ARGS)
{
    return pad(r, self, args, false);
}

JINJA_FN method_rjust(JINJA_FN_ARGS)
{
    return pad(r, self, args, true);
}

JINJA_FN method_zfill(JINJA_FN_ARGS)
{
    const struct jinja_value zeros[] = {args[0], jinja_c("0")};
    bool sign = self.len > 0 && (self.bytes[0] == '-' || self.bytes[0] == '+');
    if (!sign) {
        return pad(r, self, zeros, true);
    }
    const struct jinja_value less[] = {jinja_int(jinja_arg_int(r, args[0], 0) - 1), jinja_c("0")};
    return jinja_op(r, '+', jinja_part(self, 0, 1), pad(r, jinja_part(self, 1, self.len), less, true));
}

/* --- "{} {0} {name}".format(…) --- */

/* The value of a field "name", "0" or "" (the next one), with .attributes and [items] behind it. */
static struct jinja_value field_value(struct jinja_run *r, kit_str field, const struct jinja_call *call, uint32_t *next)
{
    uint64_t place = *next;
    if (field.len == 0) {
        ++*next;
    }
    if (field.len > 0 && kit_str_to_u64(field, &place) != KIT_OK) {
        for (uint32_t i = 0; i < call->named_count; i++) {
            if (kit_str_eq(jinja_bytes(call->named[i].key), field)) {
                return call->named[i].value;
            }
        }
        place = UINT64_MAX;
    }
    if (place < call->count) {
        return call->args[place];
    }
    jinja_run_fail(r, KIT_INVALID, "format has no value for '{%.*s}'", KIT_STR_ARG(field));
    return jinja_none();
}

JINJA_FN method_format(JINJA_FN_ARGS)
{
    struct jinja_build b;
    jinja_build_init(&b, r);
    uint32_t next = 0;
    for (size_t at = 0; at < self.len && jinja_run_step(r, 1);) {
        kit_str rest = kit_str_sub(jinja_bytes(self), at, self.len);
        bool twice = rest.len > 1 && rest.ptr[0] == rest.ptr[1];
        if ((rest.ptr[0] != '{' && rest.ptr[0] != '}') || twice) {
            jinja_build_str(&b, jinja_part(self, at, 1));
            at += twice && (rest.ptr[0] == '{' || rest.ptr[0] == '}') ? 2 : 1;
            continue;
        }
        size_t end = kit_str_find_char(rest, '}');
        kit_str field = kit_str_sub(rest, 1, end - 1);
        if (rest.ptr[0] == '}' || end == rest.len || kit_str_find_char(field, ':') < field.len) {
            jinja_run_fail(r, KIT_INVALID, "format takes {}, {0} and {name} only");
            break;
        }
        jinja_print(&b, field_value(r, field, call, &next));
        at += end + 1;
    }
    return jinja_build_value(&b);
}

/* --- of lists --- */

JINJA_FN method_list_index(JINJA_FN_ARGS)
{
    for (uint32_t i = 0; i < self.list->count && jinja_run_step(r, 1); i++) {
        if (jinja_equal(r, self.list->items[i], args[0])) {
            return jinja_int(i);
        }
    }
    jinja_run_fail(r, KIT_INVALID, "the value is not in the list");
    return jinja_none();
}

JINJA_FN method_list_count(JINJA_FN_ARGS)
{
    int64_t count = 0;
    for (uint32_t i = 0; i < self.list->count && jinja_run_step(r, 1); i++) {
        count += jinja_equal(r, self.list->items[i], args[0]);
    }
    return jinja_int(count);
}

JINJA_FN method_copy(JINJA_FN_ARGS)
{
    return self; /* nothing can change it */
}

/* --- of dicts --- */

JINJA_FN method_get(JINJA_FN_ARGS)
{
    struct jinja_value none = args[1].type == JINJA_MISSING ? jinja_none() : args[1];
    const struct jinja_pair *pair = jinja_dict_find(r, self, args[0]);
    return pair == NULL ? none : pair->value;
}

JINJA_FN method_keys(JINJA_FN_ARGS)
{
    return jinja_items(r, self);
}

JINJA_FN method_values(JINJA_FN_ARGS)
{
    struct jinja_value out = jinja_list_new(r, JINJA_LIST, self.dict->count);
    for (uint32_t i = 0; i < self.dict->count && jinja_run_step(r, 1); i++) {
        jinja_list_add(r, out, self.dict->pairs[i].value);
    }
    return out;
}

JINJA_FN method_items(JINJA_FN_ARGS)
{
    return jinja_call_filter(r, kit_str_lit("items"), self, &(struct jinja_call){0});
}

/* --- tables --- */

static const struct jinja_builtin of_str[] = {
    {"capitalize", "", 0, method_capitalize},
    {"count", "sub start end", 1, method_count},
    {"endswith", "suffix start end", 1, method_endswith},
    {"find", "sub start end", 1, method_find},
    {"format", NULL, 0, method_format},
    {"index", "sub start end", 1, method_index},
    {"isalnum", "", 0, method_isalnum},
    {"isalpha", "", 0, method_isalpha},
    {"isdecimal", "", 0, method_isdigit},
    {"isdigit", "", 0, method_isdigit},
    {"islower", "", 0, method_islower},
    {"isnumeric", "", 0, method_isdigit},
    {"isspace", "", 0, method_isspace},
    {"isupper", "", 0, method_isupper},
    {"join", "iterable", 1, method_join},
    {"ljust", "width fillchar", 1, method_ljust},
    {"lower", "", 0, method_lower},
    {"lstrip", "chars", 0, method_lstrip},
    {"partition", "sep", 1, method_partition},
    {"removeprefix", "prefix", 1, method_removeprefix},
    {"removesuffix", "suffix", 1, method_removesuffix},
    {"replace", "old new count", 2, method_replace},
    {"rfind", "sub start end", 1, method_rfind},
    {"rindex", "sub start end", 1, method_rindex},
    {"rjust", "width fillchar", 1, method_rjust},
    {"rpartition", "sep", 1, method_rpartition},
    {"rsplit", "sep maxsplit", 0, method_rsplit},
    {"rstrip", "chars", 0, method_rstrip},
    {"split", "sep maxsplit", 0, method_split},
    {"splitlines", "keepends", 0, method_splitlines},
    {"startswith", "prefix start end", 1, method_startswith},
    {"strip", "chars", 0, method_strip},
    {"swapcase", "", 0, method_swapcase},
    {"title", "", 0, method_title},
    {"upper", "", 0, method_upper},
    {"zfill", "width", 1, method_zfill},
};

static const struct jinja_builtin of_list[] = {
    {"append", "", 0, NULL},
    {"clear", "", 0, NULL},
    {"copy", "", 0, method_copy},
    {"extend", "", 0, NULL},
    {"insert", "", 0, NULL},
    {"pop", "", 0, NULL},
    {"remove", "", 0, NULL},
    {"reverse", "", 0, NULL},
    {"sort", "", 0, NULL},
    {"index", "value", 1, method_list_index},
    {"count", "value", 1, method_list_count},
};

static const struct jinja_builtin of_dict[] = {
    {"clear", "", 0, NULL},           {"copy", "", 0, method_copy}, {"get", "key default", 1, method_get},
    {"items", "", 0, method_items},   {"keys", "", 0, method_keys}, {"pop", "", 0, NULL},
    {"popitem", "", 0, NULL},         {"setdefault", "", 0, NULL},  {"update", "", 0, NULL},
    {"values", "", 0, method_values},
};

const struct jinja_builtin *jinja_method_find(struct jinja_value self, kit_str name)
{
    switch (self.type) {
    case JINJA_STR:
        return jinja_builtin_in(of_str, KIT_COUNT(of_str), name);
    case JINJA_LIST:
        return jinja_builtin_in(of_list, KIT_COUNT(of_list), name);
    case JINJA_TUPLE: /* its last two */
        return jinja_builtin_in(of_list + KIT_COUNT(of_list) - 2, 2, name);
    case JINJA_DICT:
        return jinja_builtin_in(of_dict, KIT_COUNT(of_dict), name);
    default:
        return NULL;
    }
}
