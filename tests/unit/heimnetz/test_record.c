#include "heimnetz/record.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit/file.h"
#include "support/temp.h"
#include "support/test.h"

static void fill(struct heimnetz_record *r)
{
    *r = (struct heimnetz_record){0};
    assert_ok(heimnetz_process_read(getpid(), &r->process, NULL));
    snprintf(r->url, sizeof(r->url), "http://127.0.0.1:8001");
    assert_ok(heimnetz_record_argument(r, kit_str_lit("--models"), NULL));
    assert_ok(heimnetz_record_argument(r, kit_str_lit("/a folder/with \"quotes\""), NULL));
}

TEST(record_comes_back_as_it_was_written)
{
    struct heimnetz_record r, back;
    fill(&r);
    assert_ok(heimnetz_record_write("core", &r, NULL));
    assert_ok(heimnetz_record_read("core", &back, NULL));
    assert_int_equal(back.process.pid, getpid());
    assert_int_equal(back.process.started, r.process.started);
    assert_string_equal(back.process.exe, r.process.exe);
    assert_string_equal(back.url, r.url);
    assert_int_equal(back.argument_count, 2);
    assert_string_equal(back.arguments[1], "/a folder/with \"quotes\"");
    assert_null(back.arguments[2]);
    heimnetz_record_done(&r);
    heimnetz_record_done(&back);
}

TEST(record_begins_with_the_number_as_any_pid_file)
{
    struct heimnetz_record r;
    char path[PLACES_BYTES], number[32];
    struct kit_buf text;
    fill(&r);
    assert_ok(heimnetz_record_write("core", &r, NULL));
    assert_ok(heimnetz_places_of("core", ".pid", path, NULL));
    kit_buf_init(&text, KIT_MIB);
    assert_ok(kit_file_read(path, &text, NULL));
    snprintf(number, sizeof(number), "%d\n", (int)getpid());
    assert_true(kit_str_starts(kit_buf_str(&text), kit_str_c(number)));
    kit_buf_done(&text);
    heimnetz_record_done(&r);
}

TEST(record_of_a_process_that_ended_is_stale_but_keeps_its_arguments)
{
    struct heimnetz_record r, back;
    struct kit_err err = {0};
    pid_t child = fork();
    if (child == 0) {
        pause();
    }
    fill(&r);
    assert_ok(heimnetz_process_read(child, &r.process, NULL));
    assert_ok(heimnetz_record_write("core", &r, NULL));
    assert_ok(heimnetz_record_read("core", &back, NULL));
    heimnetz_record_done(&back);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(heimnetz_record_read("core", &back, &err), KIT_NOT_FOUND);
    assert_non_null(strstr(err.msg, "is stale"));
    assert_int_equal(back.argument_count, 2);
    heimnetz_record_done(&back);
    heimnetz_record_done(&r);
}

TEST(record_of_a_number_that_was_given_out_again_is_stale)
{
    struct heimnetz_record r, back;
    fill(&r);
    r.process.started--;
    assert_ok(heimnetz_record_write("core", &r, NULL));
    assert_int_equal(heimnetz_record_read("core", &back, NULL), KIT_NOT_FOUND);
    heimnetz_record_done(&back);
    r.process.started++;
    snprintf(r.process.exe, sizeof(r.process.exe), "/bin/other");
    assert_ok(heimnetz_record_write("core", &r, NULL));
    assert_int_equal(heimnetz_record_read("core", &back, NULL), KIT_NOT_FOUND);
    heimnetz_record_done(&back);
    heimnetz_record_done(&r);
}

TEST(record_that_is_rubbish_is_an_error_and_none_is_none)
{
    static const char *const rubbish[] = {"",
                                          "1",
                                          "1\n",
                                          "1\n{",
                                          "1\n[]\n",
                                          "1\n{}\n",
                                          "1\n{\"pid\":0,\"program\":\"\",\"url\":\"\"}\n",
                                          "x\n{\"pid\":\"1\"}\n"};
    char path[PLACES_BYTES];
    struct heimnetz_record back;
    assert_ok(heimnetz_places_of("core", ".pid", path, NULL));
    for (size_t i = 0; i < KIT_COUNT(rubbish); i++) {
        FILE *f = fopen(path, "w");
        fputs(rubbish[i], f);
        (void)fclose(f);
        assert_int_equal(heimnetz_record_read("core", &back, NULL), KIT_PARSE);
        heimnetz_record_done(&back);
    }
    heimnetz_record_remove("core");
    assert_int_equal(heimnetz_record_read("core", &back, NULL), KIT_NOT_FOUND);
    heimnetz_record_done(&back);
}

TEST(record_survives_each_failed_alloc)
{
    struct heimnetz_record r;
    fill(&r);
    TEST_ALLOC_SWEEP(n) {
        struct heimnetz_record back = {0};
        enum kit_status rc = heimnetz_record_write("core", &r, NULL);
        rc = rc == KIT_OK ? heimnetz_record_read("core", &back, NULL) : rc;
        assert_true(rc == KIT_OK || rc == KIT_NOMEM);
        heimnetz_record_done(&back);
    }
    heimnetz_record_done(&r);
}

int main(void)
{
    setenv("HEIMNETZ_STATE", test_temp_folder(), 1);
    return TEST_RUN(
        TEST_OF(record_comes_back_as_it_was_written), TEST_OF(record_begins_with_the_number_as_any_pid_file),
        TEST_OF(record_of_a_process_that_ended_is_stale_but_keeps_its_arguments),
        TEST_OF(record_of_a_number_that_was_given_out_again_is_stale),
        TEST_OF(record_that_is_rubbish_is_an_error_and_none_is_none), TEST_OF(record_survives_each_failed_alloc));
}
