#include "heimnetz/args.h"

#include "heimnetz/help.h"
#include "support/test.h"

#define READ(h, err, ...) read_line((h), (err), (char *const[]){(char *)(uintptr_t) "heimnetz", __VA_ARGS__, NULL})
#define W(word) (char *)(uintptr_t)(word)

static enum kit_status read_line(struct heimnetz *h, struct kit_err *err, char *const *argv)
{
    int argc = 0;
    while (argv[argc] != NULL) {
        argc++;
    }
    *h = (struct heimnetz){.name = "heimnetz"};
    *err = (struct kit_err){0};
    enum kit_status rc = heimnetz_args_read(h, argc, argv, err);
    return rc == KIT_OK && h->command != NULL ? heimnetz_args_check(h, err) : rc;
}

TEST(args_take_options_anywhere_and_in_each_form)
{
    struct heimnetz h;
    struct kit_err err;
    assert_ok(READ(&h, &err, W("--json"), W("aethercore"), W("serve"), W("--text=a"), W("bert"), W("-t"), W("-b"),
                   W("--text"), W("--json"), W("--"), W("--url")));
    assert_string_equal(h.command->words, "aethercore serve");
    assert_int_equal(h.word_count, 2);
    assert_string_equal(h.words[0], "bert");
    assert_string_equal(h.words[1], "--url");
    assert_int_equal(h.given_count, 4);
    assert_string_equal(h.given[1].value, "a");
    assert_string_equal(h.given[2].value, "-b"); /* a text may begin with anything */
    assert_string_equal(heimnetz_args_value(&h, HEIMNETZ_OPT_TEXT), "--json");
    assert_true(heimnetz_args_has(&h, HEIMNETZ_OPT_JSON));
    heimnetz_args_done(&h);
}

TEST(args_say_what_is_wrong_and_what_was_meant)
{
    struct heimnetz h;
    struct kit_err err;
    static const struct {
        const char *words[4], *message;
    } rows[] = {
        {{"--jason"}, "unknown option '--jason'; did you mean '--json'?"},
        {{"-z"}, "unknown option '-z'"},
        {{"--nosuch"}, "unknown option '--nosuch'"}, /* as near to --host as to anything */
        {{"status", "--url"}, "--url needs a value: --url ADDRESS"},
        {{"status", "--json=1"}, "--json takes no value"},
        {{"status", "--text", "x"}, "'status' does not take --text"},
        {{"status", "now"}, "'status' does not take 'now'"},
        {{"aethercore", "load"}, "'aethercore load' needs a MODEL"},
    };
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        char *argv[] = {W("heimnetz"), W(rows[i].words[0]), W(rows[i].words[1]), W(rows[i].words[2]), NULL};
        assert_int_equal(read_line(&h, &err, argv), KIT_INVALID);
        assert_string_equal(err.msg, rows[i].message);
        heimnetz_args_done(&h);
    }
}

TEST(args_leave_unknown_commands_to_the_caller)
{
    struct heimnetz h;
    struct kit_err err;
    assert_ok(READ(&h, &err, W("staus")));
    assert_null(h.command);
    assert_string_equal(heimnetz_help_nearest(h.words, h.word_count), "status");
    heimnetz_args_done(&h);
    assert_ok(READ(&h, &err, W("models")));
    assert_string_equal(heimnetz_help_nearest(h.words, h.word_count), "aethercore models");
    heimnetz_args_done(&h);
    assert_ok(READ(&h, &err, W("aethercor"), W("modls")));
    assert_string_equal(heimnetz_help_nearest(h.words, h.word_count), "aethercore models");
    heimnetz_args_done(&h);
    assert_ok(READ(&h, &err, W("xyzzy")));
    assert_null(heimnetz_help_nearest(h.words, h.word_count));
    heimnetz_args_done(&h);
}

TEST(args_numbers_keep_their_range)
{
    struct heimnetz h;
    struct kit_err err;
    uint64_t n = 0;
    assert_ok(READ(&h, &err, W("aethercore"), W("serve"), W("bert"), W("--top-k"), W("3")));
    assert_ok(heimnetz_args_number(&h, HEIMNETZ_OPT_TOP_K, 1, 5, 9, &n, &err));
    assert_int_equal(n, 3);
    assert_ok(heimnetz_args_number(&h, HEIMNETZ_OPT_TIMEOUT, 1, 5, 9, &n, &err));
    assert_int_equal(n, 9);
    assert_int_equal(heimnetz_args_number(&h, HEIMNETZ_OPT_TOP_K, 1, 2, 9, &n, &err), KIT_INVALID);
    assert_string_equal(err.msg, "--top-k takes a whole number from 1 to 2, not '3'");
    heimnetz_args_done(&h);
}

TEST(args_every_row_of_the_tables_is_whole)
{
    for (const struct heimnetz_command *c = heimnetz_commands; c->words != NULL; c++) {
        kit_str rest = kit_str_c(c->arguments);
        struct heimnetz_argument argument;
        bool optional = false;
        while (heimnetz_args_next(&rest, &argument)) {
            assert_true(argument.name.len > 0);
            assert_true(argument.optional || !optional); /* what may be left out comes last */
            assert_true(!argument.repeated || rest.len == 0);
            optional = argument.optional;
        }
        assert_int_equal(c->options & HEIMNETZ_COMMON, 0);
    }
    for (int i = 0; i < HEIMNETZ_OPT_COUNT; i++) {
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(heimnetz_options[i].name, heimnetz_options[k].name);
            assert_true(heimnetz_options[i].letter == 0 || heimnetz_options[i].letter != heimnetz_options[k].letter);
        }
    }
}

TEST(args_survive_each_failed_alloc)
{
    TEST_ALLOC_SWEEP(n) {
        struct heimnetz h;
        struct kit_err err;
        enum kit_status rc = READ(&h, &err, W("status"), W("--json"));
        assert_true(rc == KIT_OK || rc == KIT_NOMEM);
        heimnetz_args_done(&h);
    }
}

int main(void)
{
    return TEST_RUN(TEST_OF(args_take_options_anywhere_and_in_each_form),
                    TEST_OF(args_say_what_is_wrong_and_what_was_meant),
                    TEST_OF(args_leave_unknown_commands_to_the_caller), TEST_OF(args_numbers_keep_their_range),
                    TEST_OF(args_every_row_of_the_tables_is_whole), TEST_OF(args_survive_each_failed_alloc));
}
