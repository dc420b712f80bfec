#include "support/test.h"

#include <math.h>
#include <stdio.h>

#include "kit/metric.h"
#include "kit/sync.h"

static const double bounds[] = {0.5, 1, 2.5, 0};

KIT_METRIC_DEFINE(COUNTER, plain_total, "", KIT_METRIC_NO_BOUNDS, "Plain \\ help\nin two lines")
KIT_METRIC_DEFINE(GAUGE, level, "", KIT_METRIC_NO_BOUNDS, "A level")
KIT_METRIC_DEFINE(COUNTER, answers_total, "method,code", KIT_METRIC_NO_BOUNDS, "Answers")
KIT_METRIC_DEFINE(HISTOGRAM, wait_seconds, "", bounds, "Waiting")
KIT_METRIC_DEFINE(HISTOGRAM, step_seconds, "model", bounds, "Steps")
KIT_METRIC_DEFINE(COUNTER, many_total, "id", KIT_METRIC_NO_BOUNDS, "Many")
KIT_METRIC_DEFINE(COUNTER, busy_total, "", KIT_METRIC_NO_BOUNDS, "Busy")
KIT_METRIC_DEFINE(COUNTER, busy_labels_total, "who", KIT_METRIC_NO_BOUNDS, "Busy with labels")
KIT_METRIC_DEFINE(HISTOGRAM, busy_seconds, "", bounds, "Busy histogram")
KIT_METRIC_DEFINE(COUNTER, sweep_total, "a", KIT_METRIC_NO_BOUNDS, "Sweep")

static struct kit_metric *const table[] = {
    &kit_metric_plain_total,  &kit_metric_level,      &kit_metric_answers_total, &kit_metric_wait_seconds,
    &kit_metric_step_seconds, &kit_metric_many_total, &kit_metric_busy_total,    &kit_metric_busy_labels_total,
    &kit_metric_busy_seconds};

static struct kit_buf page;

static const char *render(void)
{
    kit_buf_done(&page);
    kit_buf_init(&page, KIT_MIB);
    assert_ok(kit_metric_render(&page, "test_"));
    assert_ok(kit_buf_add_char(&page, '\0'));
    return page.ptr;
}

/* The line must stand in the page as a whole. */
static void assert_line(const char *line)
{
    char whole[300];
    snprintf(whole, sizeof(whole), "\n%s\n", line);
    if (strstr(render(), whole) == NULL) {
        fail_msg("'%s' is not a line of:\n%s", line, page.ptr);
    }
}

TEST(metric_without_labels_is_shown_before_it_is_counted)
{
    assert_line("test_busy_total 0");
    assert_line("test_busy_seconds_bucket{le=\"+Inf\"} 0");
    assert_line("test_busy_seconds_count 0");
}

TEST(metric_page_has_help_and_type_with_escapes)
{
    const char *head = "# HELP test_plain_total Plain \\\\ help\\nin two lines\n"
                       "# TYPE test_plain_total counter\n";
    assert_int_equal(strncmp(render(), head, strlen(head)), 0);
    assert_line("# TYPE test_level gauge");
    assert_line("# TYPE test_wait_seconds histogram");
}

TEST(metric_counter_adds_and_gauge_is_set)
{
    METRIC_ADD(plain_total, 1);
    METRIC_ADD(plain_total, 2.5);
    assert_line("test_plain_total 3.5");
    METRIC_SET(level, 7);
    METRIC_ADD(level, -9);
    assert_line("test_level -2");
    METRIC_SET(level, (double)INFINITY);
    assert_line("test_level +Inf");
    METRIC_SET(level, (double)NAN);
    assert_line("test_level NaN");
}

TEST(metric_labels_make_a_series_each_and_escape_their_values)
{
    METRIC_ADD_WITH(answers_total, 1, kit_str_lit("GET"), kit_str_lit("200"));
    METRIC_ADD_WITH(answers_total, 2, kit_str_lit("GET"), kit_str_lit("404"));
    METRIC_ADD_WITH(answers_total, 3, kit_str_lit("GET"), kit_str_lit("200"));
    METRIC_ADD_WITH(answers_total, 1, kit_str_lit("a\"\\\n\xFF"), (kit_str){0});
    assert_line("test_answers_total{method=\"GET\",code=\"200\"} 4");
    assert_line("test_answers_total{method=\"GET\",code=\"404\"} 2");
    assert_line("test_answers_total{method=\"a\\\"\\\\\\n\xEF\xBF\xBD\",code=\"\"} 1");
}

TEST(metric_series_do_not_mix_values_that_join_alike)
{
    struct kit_metric_series *a = METRIC_SERIES(answers_total, kit_str_lit("ab"), kit_str_lit("c"));
    struct kit_metric_series *b = METRIC_SERIES(answers_total, kit_str_lit("a"), kit_str_lit("bc"));
    assert_ptr_not_equal(a, b);
    assert_ptr_equal(a, METRIC_SERIES(answers_total, kit_str_lit("ab"), kit_str_lit("c")));
}

TEST(metric_histogram_counts_up_to_each_bound)
{
    const double seen[] = {0.1, 0.5, 0.6, 2, 99, (double)NAN};
    for (size_t i = 0; i < KIT_COUNT(seen); i++) {
        METRIC_OBSERVE(wait_seconds, seen[i]);
    }
    assert_line("test_wait_seconds_bucket{le=\"0.5\"} 2\n"
                "test_wait_seconds_bucket{le=\"1\"} 3\n"
                "test_wait_seconds_bucket{le=\"2.5\"} 4\n"
                "test_wait_seconds_bucket{le=\"+Inf\"} 5\n"
                "test_wait_seconds_sum 102.2\n"
                "test_wait_seconds_count 5");
    METRIC_OBSERVE_WITH(step_seconds, 1, kit_str_lit("m"));
    assert_line("test_step_seconds_bucket{model=\"m\",le=\"0.5\"} 0\n"
                "test_step_seconds_bucket{model=\"m\",le=\"1\"} 1");
    assert_line("test_step_seconds_sum{model=\"m\"} 1");
}

TEST(metric_series_beyond_the_maximum_count_as_other)
{
    char name[16];
    for (int i = 0; i < 2 * KIT_METRIC_SERIES_MAX; i++) {
        snprintf(name, sizeof(name), "id-%d", i);
        METRIC_ADD_WITH(many_total, 1, kit_str_c(name));
    }
    METRIC_ADD_WITH(many_total, 1, kit_str_lit("id-0"));
    assert_line("test_many_total{id=\"id-0\"} 2");
    assert_line("test_many_total{id=\"id-254\"} 1");
    assert_line("test_many_total{id=\"other\"} 257");
    int lines = 0;
    for (const char *at = render(); (at = strstr(at, "\ntest_many_total{")) != NULL; at++) {
        lines++;
    }
    assert_int_equal(lines, KIT_METRIC_SERIES_MAX);
}

static void be_busy(void *arg)
{
    const char *own = arg;
    for (int i = 0; i < 5000; i++) {
        METRIC_ADD(busy_total, 1);
        METRIC_ADD_WITH(busy_labels_total, 1, kit_str_c(i % 2 == 0 ? "all" : own));
        METRIC_OBSERVE(busy_seconds, 1);
    }
}

TEST(metric_loses_nothing_when_threads_count_at_once)
{
    static char names[4][2] = {"a", "b", "c", "d"};
    struct kit_thread threads[4] = {0};
    for (size_t i = 0; i < KIT_COUNT(threads); i++) {
        assert_ok(kit_thread_start(&threads[i], "test-busy", be_busy, names[i], NULL));
    }
    for (int i = 0; i < 20; i++) {
        render(); /* beside them */
    }
    for (size_t i = 0; i < KIT_COUNT(threads); i++) {
        kit_thread_join(&threads[i]);
    }
    assert_line("test_busy_total 20000");
    assert_line("test_busy_labels_total{who=\"all\"} 10000");
    assert_line("test_busy_labels_total{who=\"d\"} 2500");
    assert_line("test_busy_seconds_count 20000");
    assert_line("test_busy_seconds_sum 20000");
}

static void set_level(void *ctx)
{
    METRIC_SET(level, *(const double *)ctx);
}

TEST(metric_collector_runs_before_each_page)
{
    static double now = 1;
    kit_metric_collector(set_level, &now);
    assert_line("test_level 1");
    now = 2;
    assert_line("test_level 2");
}

TEST(metric_table_registered_twice_is_shown_once)
{
    kit_metric_register(table, KIT_COUNT(table));
    const char *first = strstr(render(), "# TYPE test_level gauge");
    assert_non_null(first);
    assert_null(strstr(first + 1, "# TYPE test_level gauge"));
}

TEST(metric_page_over_the_maximum_is_full)
{
    struct kit_buf small;
    kit_buf_init(&small, 50);
    assert_int_equal(kit_metric_render(&small, "test_"), KIT_FULL);
    kit_buf_done(&small);
}

TEST(metric_ready_made_bounds_rise_and_are_not_too_many)
{
    const double *const sets[] = {kit_metric_seconds, kit_metric_tokens};
    for (size_t i = 0; i < KIT_COUNT(sets); i++) {
        size_t n = 0;
        while (sets[i][n] != 0) {
            assert_true(n == 0 || sets[i][n] > sets[i][n - 1]);
            n++;
        }
        assert_in_range(n, 5, KIT_METRIC_BOUNDS_MAX);
    }
}

TEST(metric_without_memory_counts_into_the_void_and_recovers)
{
    TEST_ALLOC_SWEEP(n) {
        struct kit_metric_series *s = METRIC_SERIES(sweep_total, kit_str_lit("x"));
        assert_non_null(s);
        kit_metric_series_add(s, 1);
        kit_metric_series_observe(s, 1);
    }
    struct kit_metric_series *s = METRIC_SERIES(sweep_total, kit_str_lit("x"));
    assert_ptr_equal(s, METRIC_SERIES(sweep_total, kit_str_lit("x")));
    assert_ptr_not_equal(s, METRIC_SERIES(sweep_total, kit_str_lit("y")));
}

static int end(void **state)
{
    (void)state;
    kit_buf_done(&page);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_OF(metric_without_labels_is_shown_before_it_is_counted),
        TEST_OF(metric_page_has_help_and_type_with_escapes),
        TEST_OF(metric_counter_adds_and_gauge_is_set),
        TEST_OF(metric_labels_make_a_series_each_and_escape_their_values),
        TEST_OF(metric_series_do_not_mix_values_that_join_alike),
        TEST_OF(metric_histogram_counts_up_to_each_bound),
        TEST_OF(metric_series_beyond_the_maximum_count_as_other),
        TEST_OF(metric_loses_nothing_when_threads_count_at_once),
        TEST_OF(metric_collector_runs_before_each_page),
        TEST_OF(metric_table_registered_twice_is_shown_once),
        TEST_OF(metric_page_over_the_maximum_is_full),
        TEST_OF(metric_ready_made_bounds_rise_and_are_not_too_many),
        TEST_OF(metric_without_memory_counts_into_the_void_and_recovers),
    };
    kit_metric_register(table, KIT_COUNT(table));
    return cmocka_run_group_tests(tests, NULL, end);
}
