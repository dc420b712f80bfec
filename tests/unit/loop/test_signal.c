#include "loop/signal.h"

#include <signal.h>

#include "loop/timer.h"
#include "support/test.h"

struct probe {
    struct loop *loop;
    int fired, number;
};

static void fire(void *ctx, int number)
{
    struct probe *p = ctx;
    p->fired++;
    p->number = number;
    loop_stop(p->loop);
}

static void never(void *ctx)
{
    (void)ctx;
}

TEST(signal_calls_back_for_each_arrival)
{
    struct probe p = {0};
    struct loop_signal *s = NULL;
    struct loop_timer *t = NULL;
    assert_int_equal(loop_new(&p.loop, NULL), KIT_OK);
    assert_int_equal(loop_timer_new(p.loop, never, NULL, &t), KIT_OK);
    loop_timer_start(t, 60000, 0); /* something to wait for */
    assert_int_equal(loop_signal_new(p.loop, SIGUSR1, false, fire, &p, &s, NULL), KIT_OK);
    for (int i = 1; i <= 2; i++) {
        raise(SIGUSR1);
        loop_run(p.loop);
        assert_int_equal(p.fired, i);
        assert_int_equal(p.number, SIGUSR1);
    }
    loop_signal_close(s);
    loop_free(p.loop);
}

TEST(signal_once_gives_the_default_effect_back)
{
    struct probe p = {0};
    struct loop_signal *s = NULL;
    struct loop_timer *t = NULL;
    assert_int_equal(loop_new(&p.loop, NULL), KIT_OK);
    assert_int_equal(loop_timer_new(p.loop, never, NULL, &t), KIT_OK);
    loop_timer_start(t, 60000, 0);
    assert_int_equal(loop_signal_new(p.loop, SIGUSR2, true, fire, &p, &s, NULL), KIT_OK);
    raise(SIGUSR2);
    loop_run(p.loop);
    assert_int_equal(p.fired, 1);
    struct sigaction now;
    assert_int_equal(sigaction(SIGUSR2, NULL, &now), 0);
    assert_true(now.sa_handler == SIG_DFL);
    loop_signal_close(s);
    loop_signal_close(NULL);
    loop_free(p.loop);
}

TEST(signal_does_not_keep_its_loop_running)
{
    struct probe p = {0};
    struct loop_signal *s = NULL;
    assert_int_equal(loop_new(&p.loop, NULL), KIT_OK);
    assert_int_equal(loop_signal_new(p.loop, SIGUSR1, false, fire, &p, &s, NULL), KIT_OK);
    loop_run(p.loop);
    assert_int_equal(p.fired, 0);
    loop_free(p.loop);
}

TEST(signal_says_which_number_cannot_be_caught)
{
    struct probe p = {0};
    struct loop_signal *s = NULL;
    struct kit_err err;
    assert_int_equal(loop_new(&p.loop, NULL), KIT_OK);
    assert_int_equal(loop_signal_new(p.loop, SIGKILL, false, fire, &p, &s, &err), KIT_IO);
    assert_memory_equal(err.msg, "signal 9:", 9);
    assert_null(s);
    TEST_ALLOC_SWEEP(n) {
        enum kit_status rc = loop_signal_new(p.loop, SIGUSR1, false, fire, &p, &s, NULL);
        assert_true(rc == KIT_OK ? s != NULL : rc == KIT_NOMEM && s == NULL);
    }
    loop_free(p.loop);
}

int main(void)
{
    return TEST_RUN(TEST_OF(signal_calls_back_for_each_arrival), TEST_OF(signal_once_gives_the_default_effect_back),
                    TEST_OF(signal_does_not_keep_its_loop_running), TEST_OF(signal_says_which_number_cannot_be_caught));
}
