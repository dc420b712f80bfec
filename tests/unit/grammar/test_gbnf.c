#include "grammar/masks.h"
#include "support/test.h"

static bool takes(struct grammar_masks *m, const char *text)
{
    struct grammar_state *s = NULL;
    assert_ok(grammar_state_new(m, &s, NULL));
    bool good = grammar_state_accept_bytes(s, kit_str_c(text), NULL) == KIT_OK && grammar_state_complete(s);
    grammar_state_free(s);
    return good;
}

/* texts: those that are taken, NULL, those that are not, NULL. */
static void check(const char *gbnf, const char *const *texts)
{
    struct grammar *g = NULL;
    struct grammar_masks *m = NULL;
    struct kit_err err = {0};
    if (grammar_from_gbnf(kit_str_c(gbnf), &g, &err) != KIT_OK) {
        fail_msg("%s: %s", gbnf, err.msg);
    }
    assert_ok(grammar_masks_new(g, NULL, 0, &m, NULL));
    bool wanted = true;
    for (uint32_t ends = 0; ends < 2; texts++) {
        if (*texts == NULL) {
            ends++;
            wanted = false;
        } else if (takes(m, *texts) != wanted) {
            fail_msg("%s: %s must %sbe taken", gbnf, *texts, wanted ? "" : "not ");
        }
    }
    grammar_masks_unref(m);
    grammar_unref(g);
}
#define CHECK(gbnf, ...) check(gbnf, (const char *const[]){__VA_ARGS__, NULL})

static void refuses(const char *gbnf, enum kit_status code, const char *message)
{
    struct grammar *g = NULL;
    struct kit_err err = {0};
    assert_int_equal(grammar_from_gbnf(kit_str_c(gbnf), &g, &err), code);
    assert_string_equal(err.msg, message);
    assert_null(g);
}

TEST(gbnf_reads_texts_classes_names_and_brackets)
{
    CHECK("root ::= \"a\\n\\\"\" [b-d^-] x ( \"1\" | \"2\" )\nx ::= [^\\]x] .\n",
          "a\n\"b 1"
          "1",
          "a\n\"^yz2",
          "a\n\"-\xC3\xA9"
          "11",
          NULL, "a\n\"bx11", "a\n\"e 11", "a\n\"b]11");
    CHECK("root ::= \"\\x41\\u00e9\\U0001F600\"", "A\xC3\xA9\xF0\x9F\x98\x80", NULL, "A");
    CHECK("# what it is\nroot ::= # begins\n  \"a\" # one\n  | \"b\"\n  | other-name2\n\nother-name2 ::= \"c\"", "a",
          "b", "c", NULL, "", "ab");
    CHECK("root ::= ( \"a\"\n  \"b\" )\n", "ab", NULL, "a");
    CHECK("root ::= \"a\" | ", "a", "", NULL, "b");
}

TEST(gbnf_repeats_what_stands_before_the_sign)
{
    CHECK("root ::= \"ab\"* [0-9]+ \"x\"?", "1", "abab12x", NULL, "", "ab", "1xx");
    CHECK("root ::= \"a\"{2} \"b\"{1,} \"c\"{0,2} \"d\"{,1}", "aab", "aabbbccd", NULL, "ab", "aa", "aabccc", "aabdd");
    CHECK("root ::= (\"a\" | \"b\" [c]){1,2}", "a", "bca", NULL, "b", "aaa");
    CHECK("root ::= (\"\" | \"a\")*", "", "aaa", NULL, "b");
}

TEST(gbnf_rules_may_call_themselves_from_behind_or_from_within)
{
    CHECK("root ::= \"(\" root? \")\"", "()", "((()))", NULL, "(()", "())");
    CHECK("root ::= \"a\" | \"a\" root", "a", "aaaa", NULL, "", "ab");
    CHECK("root ::= e\ne ::= t (\"+\" t)*\nt ::= [0-9]+ | \"(\" e \")\"", "1", "1+(2+3)+4", NULL, "1+", "(1", "+1");
    CHECK("root ::= \"a\" root \"a\" | \"b\"", "b", "aabaa", NULL, "aaba", "aba b");
}

TEST(gbnf_refuses_rules_that_begin_with_themselves)
{
    refuses("root ::= root \"a\" | \"b\"", KIT_UNPROCESSABLE, "a rule begins with itself (left recursion), rule 0");
    refuses("root ::= \"x\" a\na ::= b? c\nb ::= \"y\"\nc ::= a", KIT_UNPROCESSABLE,
            "a rule begins with itself (left recursion), rule 1");
}

TEST(gbnf_names_line_and_column_of_what_is_wrong)
{
    refuses("root ::= \"a", KIT_PARSE, "line 1, column 12: a text is not closed");
    refuses("root ::= a\n", KIT_PARSE, "line 1, column 10: there is no rule a");
    refuses("a ::= \"b\"\n", KIT_PARSE, "line 2, column 1: there is no rule \"root\"");
    refuses("root ::= \"a\"\nroot ::= \"b\"", KIT_PARSE, "line 2, column 1: this rule is there twice: root");
    refuses("root ::= \"a\"\n\nx = \"b\"", KIT_PARSE, "line 3, column 3: '::=' must stand behind the name of a rule");
    refuses("root ::= [b-a]", KIT_PARSE, "line 1, column 14: a range in a class that is none");
    refuses("root ::= (\"a\"", KIT_PARSE, "line 1, column 14: a bracket is not closed");
    refuses("root ::= <[7]>", KIT_PARSE, "line 1, column 10: tokens by name or number are not supported");
    refuses("root ::= \"a\"{3,2}", KIT_PARSE, "line 1, column 18: a repetition is {m}, {m,} or {m,n}");
    refuses("root ::= \"a\"{9999}", KIT_PARSE, "line 1, column 19: a repetition of more than 2000");
    refuses("root ::= \"\\q\"", KIT_PARSE, "line 1, column 12: this escape is not known");
    refuses("root ::= \"a\" root", KIT_UNPROCESSABLE, "no text satisfies it");
}

TEST(gbnf_is_bounded)
{
    struct grammar *g = NULL;
    struct kit_err err = {0};
    char *long_text = kit_alloc_zero(1, 300 * KIT_KIB);
    memset(long_text, ' ', 300 * KIT_KIB);
    assert_int_equal(grammar_from_gbnf((kit_str){long_text, 300 * KIT_KIB}, &g, &err), KIT_TOO_LARGE);
    kit_alloc_free(long_text);
    assert_int_equal(grammar_from_gbnf(kit_str_lit("root ::= ((\"a\"{2000}){2000}){2000}"), &g, &err), KIT_TOO_LARGE);
    assert_null(g);
}

int main(void)
{
    return TEST_RUN(TEST_OF(gbnf_reads_texts_classes_names_and_brackets),
                    TEST_OF(gbnf_repeats_what_stands_before_the_sign),
                    TEST_OF(gbnf_rules_may_call_themselves_from_behind_or_from_within),
                    TEST_OF(gbnf_refuses_rules_that_begin_with_themselves),
                    TEST_OF(gbnf_names_line_and_column_of_what_is_wrong), TEST_OF(gbnf_is_bounded));
}
