#include "heimnetz/question.h"

#include <unistd.h>

#include "heimnetz/args.h"
#include "support/temp.h"
#include "support/test.h"

#define W(word) (char *)(uintptr_t)(word)

/* The body that a command line makes, behind "aethercore serve"; "": it is refused, and err says why. */
static const char *ask(struct kit_err *err, char *const *words)
{
    static char body[4096];
    char *argv[32] = {W("heimnetz"), W("aethercore"), W("serve")};
    int argc = 3;
    struct heimnetz h = {.name = "heimnetz"};
    struct heimnetz_question q = {0};
    struct kit_buf out;
    while (words[argc - 3] != NULL) {
        argv[argc] = words[argc - 3];
        argc++;
    }
    *err = (struct kit_err){0};
    kit_buf_init(&out, sizeof(body) - 1);
    enum kit_status rc = heimnetz_args_read(&h, argc, argv, err);
    rc = rc == KIT_OK ? heimnetz_args_check(&h, err) : rc;
    rc = rc == KIT_OK ? heimnetz_question_read(&h, &q, err) : rc;
    rc = rc == KIT_OK ? heimnetz_question_write(&h, &q, &out, err) : rc;
    kit_str_to_c(rc == KIT_OK ? kit_buf_str(&out) : (kit_str){0}, body, sizeof(body));
    kit_buf_done(&out);
    heimnetz_question_done(&q);
    heimnetz_args_done(&h);
    return body;
}
#define ASK(err, ...) ask((err), (char *const[]){__VA_ARGS__, NULL})

/* Standard input is a file with this text until the process ends, or the next call. */
static void set_input(const char *text)
{
    char path[TEST_PATH_BYTES];
    assert_non_null(freopen(test_temp_write(path, "input.txt", kit_str_c(text)), "r", stdin));
}

TEST(question_keeps_texts_in_the_order_typed)
{
    struct kit_err err;
    set_input("");
    assert_string_equal(ASK(&err, W("bert"), W("--text"), W("one"), W("two"), W("-t"), W("three")),
                        "{\"model\":\"bert\",\"inputs\":[\"one\",\"two\",\"three\"]}");
    assert_string_equal(ASK(&err, W("--text=one"), W("bert"), W("two")),
                        "{\"model\":\"bert\",\"inputs\":[\"one\",\"two\"]}");
}

TEST(question_takes_each_shape_of_input)
{
    struct kit_err err;
    assert_string_equal(ASK(&err, W("m"), W("-t"), W("a"), W("--pair"), W("b"), W("-t"), W("c")),
                        "{\"model\":\"m\",\"inputs\":[{\"text\":\"a\",\"pair\":\"b\"},\"c\"]}");
    assert_string_equal(ASK(&err, W("m"), W("--question"), W("q"), W("--context"), W("c")),
                        "{\"model\":\"m\",\"inputs\":[{\"question\":\"q\",\"context\":\"c\"}]}");
    assert_string_equal(
        ASK(&err, W("m"), W("--query"), W("q"), W("a"), W("b"), W("-k"), W("1")),
        "{\"model\":\"m\",\"inputs\":{\"query\":\"q\",\"texts\":[\"a\",\"b\"]},\"parameters\":{\"top_k\":1}}");
    assert_string_equal(ASK(&err, W("m"), W("--task"), W("similarity"), W("--query"), W("q"), W("a")),
                        "{\"model\":\"m\",\"task\":\"similarity\",\"inputs\":{\"source\":\"q\",\"texts\":[\"a\"]}}");
    assert_string_equal(
        ASK(&err, W("m"), W("a"), W("--parameter"), W("truncate=false"), W("--parameter"), W("x=y z"), W("--timeout"),
            W("2")),
        "{\"model\":\"m\",\"inputs\":[\"a\"],\"parameters\":{\"truncate\":false,\"x\":\"y z\"},\"timeout_ms\":2000}");
}

TEST(question_reads_files_lines_and_standard_input)
{
    struct kit_err err;
    char path[TEST_PATH_BYTES];
    test_temp_write(path, "text.txt", kit_str_lit("first\nsecond\n\n"));
    assert_string_equal(ASK(&err, W("m"), W("--file"), path), "{\"model\":\"m\",\"inputs\":[\"first\\nsecond\"]}");
    assert_string_equal(ASK(&err, W("m"), W("--lines"), path), "{\"model\":\"m\",\"inputs\":[\"first\",\"second\"]}");
    set_input("from a pipe\n");
    assert_string_equal(ASK(&err, W("m")), "{\"model\":\"m\",\"inputs\":[\"from a pipe\"]}");
    set_input("again\n");
    assert_string_equal(ASK(&err, W("m"), W("one"), W("-"), W("two")),
                        "{\"model\":\"m\",\"inputs\":[\"one\",\"again\",\"two\"]}");
}

TEST(question_says_what_is_missing_or_does_not_go_together)
{
    struct kit_err err;
    char path[TEST_PATH_BYTES];
    test_temp_write(path, "bytes.bin", kit_str_lit("\xFF\xFE"));
    set_input("");
    const struct {
        char *words[8];
        const char *message;
    } rows[] = {
        {{W("m")}, "standard input is empty"},
        {{W("m"), W("--pair"), W("b")}, "--pair belongs behind a --text"},
        {{W("m"), W("-t"), W("a"), W("--pair"), W("b"), W("--pair"), W("c")}, "--pair belongs behind a --text"},
        {{W("m"), W("--question"), W("q")}, "--question needs a --context behind it: where the answer is to be found"},
        {{W("m"), W("--query"), W("q"), W("--question"), W("q"), W("--context"), W("c")},
         "--query and --question do not go together"},
        {{W("m"), W("a"), W("--parameter"), W("x")}, "--parameter takes KEY=VALUE, not 'x'"},
        {{W("m"), W("a"), W("-k"), W("0")}, "--top-k takes a whole number from 1 to 100000, not '0'"},
        {{W("m"), W("a"), W("--timeout"), W("soon")}, "--timeout takes a whole number from 1 to 86400, not 'soon'"},
    };
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        assert_string_equal(ask(&err, rows[i].words), "");
        assert_string_equal(err.msg, rows[i].message);
    }
    assert_string_equal(ASK(&err, W("m"), W("--file"), path), "");
    assert_non_null(strstr(err.msg, "must be UTF-8"));
    assert_string_equal(ASK(&err, W("m"), W("--file"), W("/nowhere")), "");
    assert_int_equal(err.code, KIT_NOT_FOUND);
}

TEST(question_survives_each_failed_alloc)
{
    char path[TEST_PATH_BYTES];
    test_temp_write(path, "lines.txt", kit_str_lit("a\nb\n"));
    char *const words[] = {W("m"), W("--lines"), path, W("--parameter"), W("x=1"), NULL};
    TEST_ALLOC_SWEEP(n) {
        struct kit_err err;
        const char *body = ask(&err, words);
        assert_true(body[0] != '\0' || err.code == KIT_NOMEM || kit_alloc_failed());
    }
}

int main(void)
{
    return TEST_RUN(TEST_OF(question_keeps_texts_in_the_order_typed), TEST_OF(question_takes_each_shape_of_input),
                    TEST_OF(question_reads_files_lines_and_standard_input),
                    TEST_OF(question_says_what_is_missing_or_does_not_go_together),
                    TEST_OF(question_survives_each_failed_alloc));
}
