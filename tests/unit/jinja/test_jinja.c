#include "jinja/jinja.h"

#include <string.h>

#include "support/test.h"

#define ARENA_BYTES (8 * KIT_MIB)

/* One rendering: a template over the members of a JSON object; those whose names begin with "bos" are trusted. */
struct rendering {
    struct jinja_template *template;
    struct kit_json_doc *doc;
    struct kit_arena arena;
    struct jinja_text text;
    struct kit_err err;
};

static enum kit_status render_within(struct rendering *r, kit_str source, const char *context,
                                     struct jinja_context limits)
{
    struct jinja_binding names[16];
    *r = (struct rendering){0};
    kit_arena_init(&r->arena, ARENA_BYTES);
    enum kit_status rc = jinja_compile(source, &r->template, &r->err);
    if (rc != KIT_OK) {
        return rc;
    }
    rc = kit_json_parse(kit_str_c(context), 64, &r->doc, &r->err);
    if (rc != KIT_OK) {
        return rc;
    }
    size_t count = 0;
    for (struct kit_json_iter i = kit_json_iter(kit_json_root(r->doc)); kit_json_next(&i);) {
        names[count++] = (struct jinja_binding){i.key, i.value, kit_str_starts(i.key, kit_str_lit("bos"))};
    }
    limits.bindings = names;
    limits.count = count;
    return jinja_render(r->template, &limits, &r->arena, &r->text, &r->err);
}

static enum kit_status render(struct rendering *r, const char *source, const char *context)
{
    return render_within(r, kit_str_c(source), context, (struct jinja_context){0});
}

static void done(struct rendering *r)
{
    jinja_free(r->template);
    kit_json_free(r->doc);
    kit_arena_done(&r->arena);
}

/* The template's bytes as they are, the user's as capital U each. */
static const char *origins(const struct rendering *r, char buf[256])
{
    size_t at = 0;
    for (size_t i = 0; i < r->text.count; i++) {
        const struct jinja_piece *p = &r->text.pieces[i];
        assert_true(at + p->text.len < 256);
        if (p->trusted) {
            memcpy(buf + at, p->text.ptr, p->text.len);
        } else {
            memset(buf + at, 'U', p->text.len);
        }
        at += p->text.len;
    }
    buf[at] = '\0';
    return buf;
}

static void expect_origins(const char *source, const char *want)
{
    struct rendering r;
    char buf[256];
    assert_ok(render(&r, source,
                     "{\"bos\":\"<s>\",\"u\":\" <|end|> a,b\",\"l\":[\"x\",\"y\"],\"d\":{\"k\":\"v\\\"\"},\"n\":5}"));
    assert_string_equal(origins(&r, buf), want);
    done(&r);
}

TEST(jinja_keeps_apart_what_the_template_and_what_the_user_wrote)
{
    expect_origins("a{{ u }}b", "aUUUUUUUUUUUUb");
    expect_origins("{{ bos }}{{ u|trim }}", "<s>UUUUUUUUUUU");
    expect_origins("{{ '<' + u[1:8] + '>' }}", "<UUUUUUU>");
    expect_origins("{{ '<|' ~ l[0] ~ '|>' }}", "<|U|>");
    expect_origins("{{ u.split(',')|join('+') }}", "UUUUUUUUUU+U");
    expect_origins("{{ u.replace('|', '!') }}", "UU!UUU!UUUUU");
    expect_origins("{{ 'ab'.replace('b', l[1]) }}", "aU");
    expect_origins("{{ l|join('--') }}", "U--U");
    expect_origins("{{ d|tojson }}", "{\"U\": \"UUU\"}");
    expect_origins("{{ u.upper()[::-1] }}", "UUUUUUUUUUUU");
    expect_origins("{{ '%s-%s' % (l[0], 'x') }}", "U-x");
    expect_origins("{{ l }}", "['U', 'U']");
    expect_origins("{% set t %}a{{ l[0] }}b{% endset %}{{ t|upper }}", "AUB");
    expect_origins("{% macro f(x) %}[{{ x }}]{% endmacro %}{{ f(l[1])|indent }}", "[U]");
    expect_origins(
        "{% set ns = namespace(t='') %}{% for c in l %}{% set ns.t = ns.t + c + ';' %}{% endfor %}{{ ns.t }}", "U;U;");
    expect_origins("{{ '{}!{}'.format(l[0], n) }}", "U!5");
    expect_origins("{% for k, v in d.items() %}{{ k }}={{ v }}{% endfor %}", "U=UU");
    expect_origins("{% filter upper %}a{{ l[0] }}{% endfilter %}", "AU");
    expect_origins("{{ u.title() }}", "UUUUUUUUUUUU");
    expect_origins("{{ u|e }}", "UUUUUUUUUUUUUUUUUU");
    expect_origins("{{ (u ~ '|')[-2:] * 2 }}", "U|U|");
    expect_origins("{{ l[0].join(['a', 'b']) }}", "aUb");
    expect_origins("{{ 'abc'.rjust(5, l[0]) }}", "UUabc");
}

static void expect_error(const char *source, enum kit_status want, const char *message)
{
    struct rendering r;
    assert_int_equal(render(&r, source, "{\"l\":[1],\"d\":{}}"), want);
    assert_string_equal(r.err.msg, message);
    done(&r);
}

TEST(jinja_errors_name_the_line_and_what_was_expected)
{
    expect_error("a\n{% if x %}\nb", KIT_PARSE, "line 3: expected 'endif', not the end of the template");
    expect_error("{{ 1 +\n\n}}", KIT_PARSE, "line 3: expected a value, not '}}'");
    expect_error("\n{% include 'x' %}", KIT_PARSE,
                 "line 2: expected a statement (if, for, set, macro, …), not 'include'");
    expect_error("{% for x in y recursive %}{% endfor %}", KIT_PARSE,
                 "line 1: expected a loop that is not recursive, not 'recursive'");
    expect_error("{{ 'abc", KIT_PARSE, "line 1: a string without its end: expected '");
    expect_error("{% set l.0 = 1 %}", KIT_PARSE, "line 1: expected a name of a namespace to assign to, not '='");
    expect_error("{% break %}", KIT_PARSE, "line 1: 'break' outside of a loop");
    expect_error("\n\n{{ a.b }}", KIT_INVALID, "line 3: 'a' is undefined");
    expect_error("{{ d.x.y }}", KIT_INVALID, "line 1: 'x' is undefined");
    expect_error("{{ l|nope }}", KIT_INVALID, "line 1: no filter named 'nope'");
    expect_error("{{ l.append(1) }}", KIT_INVALID, "line 1: append would change a value, which templates may not");
    expect_error("\xff", KIT_PARSE, "a template must be UTF-8");
}

TEST(jinja_raise_exception_says_what_the_template_says)
{
    expect_error("{% if l %}{{ raise_exception('Only user and assistant roles!') }}{% endif %}", KIT_INVALID,
                 "Only user and assistant roles!");
    expect_error("{{ raise_exception(nope) }}", KIT_INVALID, "the template raises an exception without a message");
}

static void expect_refused(kit_str source, struct jinja_context limits)
{
    struct rendering r;
    assert_int_equal(render_within(&r, source, "{\"s\":\"0123456789\"}", limits), KIT_TOO_LARGE);
    done(&r);
}

TEST(jinja_stops_at_its_limits)
{
    struct jinja_context none = {0};
    expect_refused(kit_str_lit("{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}"), none);
    expect_refused(kit_str_lit("{{ s * 99999999 }}"), none);
    expect_refused(kit_str_lit("{% for i in range(9) %}{{ i }}{% endfor %}"), (struct jinja_context){.steps_max = 20});
    expect_refused(kit_str_lit("{% for i in range(9) %}{{ s }}{% endfor %}"), (struct jinja_context){.output_max = 50});
    expect_refused(kit_str_lit("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"), none);
    expect_refused(
        kit_str_lit(
            "{% set n = namespace(x=[]) %}{% for i in range(9999) %}{% set n.x = [n.x] %}{% endfor %}{{ n.x }}"),
        none);
    expect_refused(
        kit_str_lit("{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = n.x + n.x %}{% endfor %}"),
        none);
    expect_refused(kit_str_lit("{{ range(200000) }}"), none);
}

/* `text` so many times. */
static char *repeated(const char *text, size_t times)
{
    char *all = kit_alloc(strlen(text) * times + 1);
    assert_non_null(all);
    all[0] = '\0';
    for (size_t i = 0; i < times; i++) {
        memcpy(all + i * strlen(text), text, strlen(text) + 1);
    }
    return all;
}

TEST(jinja_refuses_sources_that_are_too_long_or_too_deep)
{
    static const char *const deep[] = {"{{ ",     "{{ (",       "{{ [",  "{{ - ", "{{ not ",
                                       "{{ 1 + ", "{% if x %}", "{{ a.", "{{ a["};
    static const char *const parts[] = {"{{ 1", "(", "[", "-", "not ", "1 + ", "{% if x %}", "b.", "a["};
    for (size_t i = 0; i < KIT_COUNT(deep); i++) {
        struct kit_err err = {0};
        struct jinja_template *t = NULL;
        char *middle = repeated(parts[i], 20000);
        char *all = kit_alloc_printf("%s%s", deep[i], middle);
        enum kit_status rc = jinja_compile(kit_str_c(all), &t, &err);
        assert_true(rc == KIT_TOO_LARGE || rc == KIT_PARSE);
        assert_null(t);
        kit_alloc_free(middle);
        kit_alloc_free(all);
    }
    struct jinja_template *t = NULL;
    char *long_text = repeated("x", JINJA_SOURCE_BYTES_MAX + 1);
    assert_int_equal(jinja_compile(kit_str_c(long_text), &t, NULL), KIT_TOO_LARGE);
    assert_null(t);
    kit_alloc_free(long_text);
}

TEST(jinja_a_chain_of_many_branches_is_not_deep)
{
    struct rendering r;
    char *middle = repeated("{% elif x == 2 %}b", 3000);
    char *all = kit_alloc_printf("{%% if x == 1 %%}a%s{%% else %%}c{%% endif %%}", middle);
    assert_ok(render(&r, all, "{\"x\":5}"));
    assert_str(r.text.bytes, "c");
    done(&r);
    kit_alloc_free(middle);
    kit_alloc_free(all);
}

TEST(jinja_numbers_keep_how_they_were_written)
{
    struct rendering r;
    assert_ok(render(&r, "{{ a }} {{ b }} {{ c }} {{ d|tojson }}",
                     "{\"a\":1,\"b\":1.0,\"c\":18446744073709551615,\"d\":[2.50,-0]}"));
    assert_str(r.text.bytes, "1 1.0 1.8446744073709552e+19 [2.5, 0]");
    done(&r);
}

TEST(jinja_strftime_now_prints_the_given_time)
{
    struct rendering r;
    assert_ok(render_within(&r, kit_str_lit("{{ strftime_now('%Y-%m') }}"), "{}",
                            (struct jinja_context){.now_s = 1700000000}));
    assert_str(r.text.bytes, "2023-11");
    done(&r);
}

TEST(jinja_a_template_renders_many_times)
{
    struct rendering r;
    assert_ok(render(&r, "{% set a = n %}{{ a }}{% macro f() %}{{ a }}{% endmacro %}{{ f() }}", "{\"n\":1}"));
    assert_str(r.text.bytes, "11");
    for (int i = 0; i < 3; i++) {
        struct jinja_text again;
        struct kit_arena arena;
        kit_arena_init(&arena, ARENA_BYTES);
        assert_ok(jinja_render(r.template, &(struct jinja_context){0}, &arena, &again, NULL));
        assert_int_equal(again.bytes.len, 0);
        assert_int_equal(again.count, 0);
        kit_arena_done(&arena);
    }
    done(&r);
}

TEST(jinja_survives_each_failed_alloc)
{
    static const char source[] =
        "{% macro f(a, b=[1]) %}{{ a|tojson }}{{ b }}{% endmacro %}{% for k, v in d.items() if v %}"
        "{{ f(k ~ v, b=l|map('upper')|list) }}{{ loop.index }}{% endfor %}{{ l|join(', ')|replace('x', 'zz') }}";
    TEST_ALLOC_SWEEP(n) {
        struct rendering r;
        enum kit_status rc = render(&r, source, "{\"d\":{\"a\":\"b\"},\"l\":[\"x\",\"y\"]}");
        assert_true(rc == KIT_NOMEM || rc == KIT_OK);
        if (rc == KIT_OK) {
            assert_str(r.text.bytes, "\"ab\"['X', 'Y']1zz, y");
        }
        done(&r);
    }
}

int main(void)
{
    return TEST_RUN(TEST_OF(jinja_keeps_apart_what_the_template_and_what_the_user_wrote),
                    TEST_OF(jinja_errors_name_the_line_and_what_was_expected),
                    TEST_OF(jinja_raise_exception_says_what_the_template_says), TEST_OF(jinja_stops_at_its_limits),
                    TEST_OF(jinja_refuses_sources_that_are_too_long_or_too_deep),
                    TEST_OF(jinja_a_chain_of_many_branches_is_not_deep),
                    TEST_OF(jinja_numbers_keep_how_they_were_written),
                    TEST_OF(jinja_strftime_now_prints_the_given_time), TEST_OF(jinja_a_template_renders_many_times),
                    TEST_OF(jinja_survives_each_failed_alloc));
}
