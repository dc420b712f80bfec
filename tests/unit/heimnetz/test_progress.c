#include "heimnetz/progress.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "heimnetz/rich.h"
#include "support/test.h"

static const char *line(uint64_t done, uint64_t total, uint32_t columns, const char *label)
{
    static char text[512];
    struct heimnetz_term t;
    struct kit_buf out, plain;
    heimnetz_term_make(&t, stdout, columns, false, false);
    struct heimnetz_progress p = {.term = &t, .stage = "loading", .done = done, .total = total};
    kit_str_to_c(kit_str_c(label), p.label, sizeof(p.label));
    kit_buf_init(&out, KIT_MIB);
    kit_buf_init(&plain, KIT_MIB);
    heimnetz_progress_line(&p, columns, 120000000, &out);
    assert_true(heimnetz_rich_columns(kit_buf_str(&out)) <= columns);
    for (size_t i = 0; i < out.len; i++) {
        if (out.ptr[i] == RICH_MARK) {
            i++;
        } else {
            kit_buf_add_char(&plain, out.ptr[i]);
        }
    }
    kit_str_to_c(kit_buf_str(&plain), text, sizeof(text));
    kit_buf_done(&plain);
    kit_buf_done(&out);
    return text;
}

TEST(progress_shows_a_bar_with_figures)
{
    assert_string_equal(line(25000000, 100000000, 79, "bert"),
                        "| bert  loading  =====-----------------  25 %  25.0 MB of 100.0 MB  120.0 MB/s");
}

TEST(progress_without_a_total_shows_the_stage)
{
    assert_string_equal(line(0, 0, 79, "bert"), "| bert  loading");
}

TEST(progress_fits_every_width)
{
    for (uint32_t columns = 19; columns < 200; columns++) {
        assert_true(strlen(line(99, 100, columns, "sentence-transformers/日本語-model-with-a-long-name")) > 0);
        assert_true(strlen(line(0, 0, columns, "sentence-transformers/日本語-model-with-a-long-name")) > 0);
    }
}

TEST(progress_draws_nothing_where_the_cursor_does_not_move)
{
    char *bytes = NULL;
    size_t len = 0;
    struct heimnetz_term t;
    struct heimnetz_progress p;
    FILE *out = fopen("/dev/null", "w");
    FILE *memory = open_memstream(&bytes, &len);
    heimnetz_term_make(&t, out, 80, false, true);
    t.out = memory;
    assert_false(t.moves);
    t.out = out; /* the watch on signals needs a file of the system */
    heimnetz_progress_start(&p, &t, "bert", NULL);
    heimnetz_progress_set(&p, "loading", 1, 2);
    heimnetz_progress_stop(&p);
    assert_false(p.drawn);
    (void)fclose(memory);
    (void)fclose(out);
    free(bytes);
}

TEST(progress_says_farewell_when_it_is_interrupted)
{
    int ends[2], status = 0;
    char said[256] = "";
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        struct heimnetz_term t;
        struct heimnetz_progress p;
        heimnetz_term_make(&t, fdopen(ends[1], "w"), 0, false, true);
        heimnetz_progress_start(&p, &t, "bert", "it goes on");
        raise(SIGINT);
        _exit(3);
    }
    close(ends[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
    assert_true(read(ends[0], said, sizeof(said) - 1) > 0);
    assert_string_equal(said, "it goes on\n");
    close(ends[0]);
}

int main(void)
{
    return TEST_RUN(TEST_OF(progress_shows_a_bar_with_figures), TEST_OF(progress_without_a_total_shows_the_stage),
                    TEST_OF(progress_fits_every_width), TEST_OF(progress_draws_nothing_where_the_cursor_does_not_move),
                    TEST_OF(progress_says_farewell_when_it_is_interrupted));
}
