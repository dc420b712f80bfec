#include "jinja/call.h"
#include "jinja/ops.h"
#include "jinja/print.h"

JINJA_FN is_boolean(JINJA_FN_ARGS)
{
    return jinja_bool(self.type == JINJA_BOOL);
}

JINJA_FN is_callable(JINJA_FN_ARGS)
{
    return jinja_bool(self.type == JINJA_CALLABLE);
}

JINJA_FN is_defined(JINJA_FN_ARGS)
{
    return jinja_bool(self.type != JINJA_UNDEFINED);
}

JINJA_FN is_undefined(JINJA_FN_ARGS)
{
    return jinja_bool(self.type == JINJA_UNDEFINED);
}

JINJA_FN is_none(JINJA_FN_ARGS)
{
    return jinja_bool(self.type == JINJA_NONE);
}

JINJA_FN is_true(JINJA_FN_ARGS)
{
    return jinja_bool(self.type == JINJA_BOOL && self.b);
}

JINJA_FN is_false(JINJA_FN_ARGS)
{
    return jinja_bool(self.type == JINJA_BOOL && !self.b);
}

JINJA_FN is_string(JINJA_FN_ARGS)
{
    return jinja_bool(self.type == JINJA_STR);
}

JINJA_FN is_number(JINJA_FN_ARGS)
{
    return jinja_bool(jinja_is_number(self));
}

JINJA_FN is_integer(JINJA_FN_ARGS)
{
    return jinja_bool(self.type == JINJA_INT);
}

JINJA_FN is_float(JINJA_FN_ARGS)
{
    return jinja_bool(self.type == JINJA_FLOAT);
}

JINJA_FN is_mapping(JINJA_FN_ARGS)
{
    return jinja_bool(self.type == JINJA_DICT);
}

JINJA_FN is_sequence(JINJA_FN_ARGS)
{
    return jinja_bool(jinja_length(self) >= 0);
}

JINJA_FN is_iterable(JINJA_FN_ARGS)
{
    return jinja_bool(jinja_length(self) >= 0 || self.type == JINJA_LOOP);
}

static bool has_case(struct jinja_run *r, struct jinja_value self, char from, char to, char other)
{
    kit_str s = jinja_bytes(jinja_to_str(r, self));
    bool some = false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c >= other && c <= other + 25) {
            return false;
        }
        some = some || (c >= from && c <= to);
    }
    return some;
}

JINJA_FN is_lower(JINJA_FN_ARGS)
{
    return jinja_bool(has_case(r, self, 'a', 'z', 'A'));
}

JINJA_FN is_upper(JINJA_FN_ARGS)
{
    return jinja_bool(has_case(r, self, 'A', 'Z', 'a'));
}

static struct jinja_value divides(struct jinja_run *r, struct jinja_value self, struct jinja_value by, int64_t rest)
{
    return jinja_bool(jinja_equal(r, jinja_op(r, '%', self, by), jinja_int(rest)));
}

JINJA_FN is_even(JINJA_FN_ARGS)
{
    return divides(r, self, jinja_int(2), 0);
}

JINJA_FN is_odd(JINJA_FN_ARGS)
{
    return divides(r, self, jinja_int(2), 1);
}

JINJA_FN is_divisibleby(JINJA_FN_ARGS)
{
    return divides(r, self, args[0], 0);
}

JINJA_FN is_eq(JINJA_FN_ARGS)
{
    return jinja_bool(jinja_equal(r, self, args[0]));
}

JINJA_FN is_ne(JINJA_FN_ARGS)
{
    return jinja_bool(!jinja_equal(r, self, args[0]));
}

JINJA_FN is_lt(JINJA_FN_ARGS)
{
    return jinja_bool(jinja_compare(r, self, args[0]) < 0);
}

JINJA_FN is_le(JINJA_FN_ARGS)
{
    return jinja_bool(jinja_compare(r, self, args[0]) <= 0);
}

JINJA_FN is_gt(JINJA_FN_ARGS)
{
    return jinja_bool(jinja_compare(r, self, args[0]) > 0);
}

JINJA_FN is_ge(JINJA_FN_ARGS)
{
    return jinja_bool(jinja_compare(r, self, args[0]) >= 0);
}

JINJA_FN is_in(JINJA_FN_ARGS)
{
    return jinja_bool(jinja_contains(r, args[0], self));
}

JINJA_FN is_sameas(JINJA_FN_ARGS)
{
    return jinja_bool(self.type == args[0].type && jinja_equal(r, self, args[0]));
}

JINJA_FN is_filter(JINJA_FN_ARGS)
{
    return jinja_bool(jinja_filter_find(jinja_bytes(self)) != NULL);
}

JINJA_FN is_test(JINJA_FN_ARGS)
{
    return jinja_bool(jinja_test_find(jinja_bytes(self)) != NULL);
}

JINJA_FN is_escaped(JINJA_FN_ARGS)
{
    return jinja_bool(false);
}

const struct jinja_builtin *jinja_test_find(kit_str name)
{
    static const struct jinja_builtin table[] = {
        {"boolean", "", 0, is_boolean},     {"callable", "", 0, is_callable},
        {"defined", "", 0, is_defined},     {"divisibleby", "num", 1, is_divisibleby},
        {"eq", "other", 1, is_eq},          {"equalto", "other", 1, is_eq},
        {"==", "other", 1, is_eq},          {"escaped", "", 0, is_escaped},
        {"even", "", 0, is_even},           {"false", "", 0, is_false},
        {"filter", "", 0, is_filter},       {"float", "", 0, is_float},
        {"ge", "other", 1, is_ge},          {">=", "other", 1, is_ge},
        {"greaterthan", "other", 1, is_gt}, {"gt", "other", 1, is_gt},
        {">", "other", 1, is_gt},           {"in", "seq", 1, is_in},
        {"integer", "", 0, is_integer},     {"iterable", "", 0, is_iterable},
        {"le", "other", 1, is_le},          {"<=", "other", 1, is_le},
        {"lessthan", "other", 1, is_lt},    {"lower", "", 0, is_lower},
        {"lt", "other", 1, is_lt},          {"<", "other", 1, is_lt},
        {"mapping", "", 0, is_mapping},     {"ne", "other", 1, is_ne},
        {"!=", "other", 1, is_ne},          {"none", "", 0, is_none},
        {"number", "", 0, is_number},       {"odd", "", 0, is_odd},
        {"sameas", "other", 1, is_sameas},  {"sequence", "", 0, is_sequence},
        {"string", "", 0, is_string},       {"test", "", 0, is_test},
        {"true", "", 0, is_true},           {"undefined", "", 0, is_undefined},
        {"upper", "", 0, is_upper},
    };
    return jinja_builtin_in(table, KIT_COUNT(table), name);
}
