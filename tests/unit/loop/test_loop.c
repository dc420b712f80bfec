#include "loop/loop.h"

#include <stdlib.h>

#include "kit/clock.h"
#include "kit/sync.h"
#include "loop/metrics.h"
#include "loop/timer.h"
#include "support/test.h"

struct probe {
    struct loop *loop;
    struct loop_task task, other;
    int ran;
    int other_ran;
};

static void run_and_queue_again(struct loop_task *t)
{
    struct probe *p = KIT_CONTAINER(t, struct probe, task);
    p->ran++;
    loop_later(p->loop, t);
}

TEST(loop_task_queued_from_a_task_waits_for_the_next_round)
{
    struct probe p = {.task.run = run_and_queue_again};
    assert_int_equal(loop_new(&p.loop, NULL), KIT_OK);
    loop_later(p.loop, &p.task);
    loop_later(p.loop, &p.task); /* once is enough */
    loop_run_once(p.loop);
    assert_in_range(p.ran, 1, 2); /* before the wait, and at the end of the run */
    int before = p.ran;
    loop_later_cancel(p.loop, &p.task);
    loop_run_once(p.loop);
    assert_int_equal(p.ran, before);
    loop_free(p.loop);
}

static void never(void *ctx)
{
    (void)ctx;
}

static void run_ten_times(struct loop_task *t)
{
    struct probe *p = KIT_CONTAINER(t, struct probe, task);
    if (++p->ran < 10) {
        loop_later(p->loop, t);
    } else {
        loop_stop(p->loop);
    }
}

TEST(loop_does_not_wait_while_a_task_is_queued)
{
    struct probe p = {.task.run = run_ten_times};
    struct loop_timer *t = NULL;
    assert_int_equal(loop_new(&p.loop, NULL), KIT_OK);
    assert_int_equal(loop_timer_new(p.loop, never, NULL, &t), KIT_OK);
    loop_timer_start(t, 600000, 0); /* longer than this test may take */
    loop_later(p.loop, &p.task);
    loop_run(p.loop);
    assert_int_equal(p.ran, 10);
    loop_free(p.loop);
}

static void run_other(struct loop_task *t)
{
    KIT_CONTAINER(t, struct probe, other)->other_ran++;
}

static void cancel_other(struct loop_task *t)
{
    struct probe *p = KIT_CONTAINER(t, struct probe, task);
    p->ran++;
    loop_later_cancel(p->loop, &p->other);
}

TEST(loop_task_may_cancel_the_task_behind_it)
{
    struct probe p = {.task.run = cancel_other, .other.run = run_other};
    assert_int_equal(loop_new(&p.loop, NULL), KIT_OK);
    loop_later(p.loop, &p.task);
    loop_later(p.loop, &p.other);
    loop_run_once(p.loop);
    assert_int_equal(p.ran, 1);
    assert_int_equal(p.other_ran, 0);
    loop_free(p.loop);
}

TEST(loop_run_returns_when_nothing_is_left_to_wait_for)
{
    struct loop *l = NULL;
    assert_int_equal(loop_new(&l, NULL), KIT_OK);
    loop_run(l);
    assert_true(loop_here(l));
    loop_free(l);
    loop_free(NULL);
}

static void look_from_elsewhere(void *arg)
{
    struct probe *p = arg;
    p->ran = loop_here(p->loop);
}

static void ask_another_thread(struct loop_task *t)
{
    struct probe *p = KIT_CONTAINER(t, struct probe, task);
    struct kit_thread thread = {0};
    p->ran = 1;
    assert_true(loop_here(p->loop));
    assert_int_equal(kit_thread_start(&thread, "elsewhere", look_from_elsewhere, p, NULL), KIT_OK);
    kit_thread_join(&thread);
}

TEST(loop_here_is_false_on_another_thread_while_it_runs)
{
    struct probe p = {.task.run = ask_another_thread};
    assert_int_equal(loop_new(&p.loop, NULL), KIT_OK);
    loop_later(p.loop, &p.task);
    loop_run_once(p.loop);
    assert_int_equal(p.ran, 0);
    loop_free(p.loop);
}

static void move_the_clock(struct loop_task *t)
{
    struct probe *p = KIT_CONTAINER(t, struct probe, task);
    uint64_t began_ns = loop_now_ns(p->loop);
    kit_clock_fake(began_ns + 3 * KIT_NS_PER_MS);
    assert_int_equal(loop_now_ns(p->loop), began_ns);
}

static uint64_t count_stalls(void)
{
    static const char line[] = "loop_stall_seconds_count ";
    struct kit_buf text;
    kit_buf_init(&text, KIT_MIB);
    assert_int_equal(kit_metric_render(&text, ""), KIT_OK);
    assert_int_equal(kit_buf_add_char(&text, '\0'), KIT_OK);
    const char *at = strstr(text.ptr, line);
    uint64_t count = at == NULL ? 0 : strtoul(at + strlen(line), NULL, 10);
    kit_buf_done(&text);
    return count;
}

TEST(loop_callback_over_a_millisecond_is_counted_as_a_stall)
{
    struct probe p = {.task.run = move_the_clock};
    loop_metrics_register();
    uint64_t before = count_stalls();
    kit_clock_fake(KIT_NS_PER_S);
    assert_int_equal(loop_new(&p.loop, NULL), KIT_OK);
    loop_later(p.loop, &p.task);
    loop_run_once(p.loop);
    kit_clock_fake(0);
    assert_int_equal(count_stalls(), before + 1);
    loop_free(p.loop);
}

struct alarm {
    struct loop *loop;
    struct loop_timer *timer;
    int fired;
    bool close_in_callback;
};

static void fire(void *ctx)
{
    struct alarm *a = ctx;
    a->fired++;
    if (a->close_in_callback) {
        loop_timer_close(a->timer);
    }
    if (a->fired == 3 || a->close_in_callback) {
        loop_stop(a->loop);
    }
}

TEST(timer_repeats_until_it_is_stopped)
{
    struct alarm a = {0};
    assert_int_equal(loop_new(&a.loop, NULL), KIT_OK);
    assert_int_equal(loop_timer_new(a.loop, fire, &a, &a.timer), KIT_OK);
    loop_timer_start(a.timer, 1, 1);
    loop_run(a.loop);
    assert_int_equal(a.fired, 3);
    loop_timer_stop(a.timer);
    loop_run(a.loop); /* nothing is left */
    assert_int_equal(a.fired, 3);
    loop_timer_close(a.timer);
    loop_timer_close(NULL);
    loop_free(a.loop);
}

TEST(timer_may_be_closed_from_its_own_callback)
{
    struct alarm a = {.close_in_callback = true};
    assert_int_equal(loop_new(&a.loop, NULL), KIT_OK);
    assert_int_equal(loop_timer_new(a.loop, fire, &a, &a.timer), KIT_OK);
    loop_timer_start(a.timer, 0, 1);
    loop_run(a.loop);
    loop_run(a.loop);
    assert_int_equal(a.fired, 1);
    loop_free(a.loop);
}

TEST(loop_survives_each_failed_alloc)
{
    TEST_ALLOC_SWEEP(n) {
        struct loop *l = NULL;
        struct loop_timer *t = NULL;
        enum kit_status rc = loop_new(&l, NULL);
        rc = rc == KIT_OK ? loop_timer_new(l, fire, NULL, &t) : rc;
        assert_true(rc == KIT_OK ? t != NULL : rc == KIT_NOMEM && t == NULL);
        loop_free(l); /* closes the timer */
    }
}

int main(void)
{
    return TEST_RUN(
        TEST_OF(loop_task_queued_from_a_task_waits_for_the_next_round),
        TEST_OF(loop_does_not_wait_while_a_task_is_queued), TEST_OF(loop_task_may_cancel_the_task_behind_it),
        TEST_OF(loop_run_returns_when_nothing_is_left_to_wait_for),
        TEST_OF(loop_here_is_false_on_another_thread_while_it_runs),
        TEST_OF(loop_callback_over_a_millisecond_is_counted_as_a_stall), TEST_OF(timer_repeats_until_it_is_stopped),
        TEST_OF(timer_may_be_closed_from_its_own_callback), TEST_OF(loop_survives_each_failed_alloc));
}
