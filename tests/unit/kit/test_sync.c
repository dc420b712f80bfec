#include "support/test.h"

#include <sys/resource.h>
#include <signal.h>

#include "kit/clock.h"
#include "kit/sync.h"

struct shared {
    struct kit_mutex mutex;
    struct kit_cond cond;
    uint64_t count;
    bool go;
};

static void init(struct shared *s)
{
    *s = (struct shared){0};
    kit_mutex_init(&s->mutex);
    kit_cond_init(&s->cond);
}

static void done(struct shared *s)
{
    kit_cond_done(&s->cond);
    kit_mutex_done(&s->mutex);
}

static void count_up(void *arg)
{
    struct shared *s = arg;
    kit_mutex_lock(&s->mutex);
    while (!s->go) {
        kit_cond_wait(&s->cond, &s->mutex);
    }
    kit_mutex_unlock(&s->mutex);
    for (int i = 0; i < 10000; i++) {
        kit_mutex_lock(&s->mutex);
        s->count++;
        kit_mutex_unlock(&s->mutex);
    }
}

TEST(mutex_keeps_threads_apart_and_broadcast_wakes_all)
{
    struct shared s;
    struct kit_thread threads[4] = {0};
    init(&s);
    for (size_t i = 0; i < KIT_COUNT(threads); i++) {
        assert_ok(kit_thread_start(&threads[i], "test-counter", count_up, &s, NULL));
    }
    kit_mutex_lock(&s.mutex);
    s.go = true;
    kit_cond_broadcast(&s.cond);
    kit_mutex_unlock(&s.mutex);
    for (size_t i = 0; i < KIT_COUNT(threads); i++) {
        kit_thread_join(&threads[i]);
        assert_false(threads[i].started);
    }
    assert_int_equal(s.count, 40000);
    done(&s);
}

TEST(cond_wait_until_answers_false_after_its_deadline)
{
    struct shared s;
    init(&s);
    kit_mutex_lock(&s.mutex);
    uint64_t deadline = kit_clock_ns() + 2 * KIT_NS_PER_MS;
    while (kit_cond_wait_until(&s.cond, &s.mutex, deadline)) { /* a wake for no reason is allowed */
    }
    assert_true(kit_clock_ns() >= deadline);
    assert_false(kit_cond_wait_until(&s.cond, &s.mutex, 1)); /* long ago */
    kit_mutex_unlock(&s.mutex);
    done(&s);
}

static void set_go(void *arg)
{
    struct shared *s = arg;
    kit_mutex_lock(&s->mutex);
    s->go = true;
    kit_cond_signal(&s->cond);
    kit_mutex_unlock(&s->mutex);
}

TEST(cond_wait_until_sees_the_signal_before_its_deadline)
{
    uint64_t deadlines[] = {KIT_NEVER_NS, kit_clock_ns() + 60 * KIT_NS_PER_S};
    for (size_t i = 0; i < KIT_COUNT(deadlines); i++) {
        struct shared s;
        struct kit_thread t = {0};
        init(&s);
        kit_mutex_lock(&s.mutex);
        assert_ok(kit_thread_start(&t, "test-setter", set_go, &s, NULL));
        while (!s.go) {
            assert_true(kit_cond_wait_until(&s.cond, &s.mutex, deadlines[i]));
        }
        kit_mutex_unlock(&s.mutex);
        kit_thread_join(&t);
        done(&s);
    }
}

struct seen {
    sigset_t blocked;
    char name[16];
};

static void look(void *arg)
{
    struct seen *seen = arg;
    pthread_sigmask(SIG_SETMASK, NULL, &seen->blocked);
    pthread_getname_np(pthread_self(), seen->name, sizeof(seen->name));
}

TEST(thread_has_its_name_and_takes_no_signals_but_faults)
{
    struct seen seen = {0};
    struct kit_thread t = {0};
    sigset_t own;
    assert_ok(kit_thread_start(&t, "a-name-too-long-for-linux", look, &seen, NULL));
    kit_thread_join(&t);
    assert_string_equal(seen.name, "a-name-too-long");
    assert_true(sigismember(&seen.blocked, SIGTERM) == 1);
    assert_true(sigismember(&seen.blocked, SIGUSR1) == 1);
    assert_true(sigismember(&seen.blocked, SIGPIPE) == 1);
    assert_true(sigismember(&seen.blocked, SIGBUS) == 0); /* kit/map's guard needs it */
    assert_true(sigismember(&seen.blocked, SIGSEGV) == 0);
    pthread_sigmask(SIG_SETMASK, NULL, &own); /* the starting thread's is as it was */
    assert_true(sigismember(&own, SIGTERM) == 0);
}

static int priority;

static void give_way(void *arg)
{
    (void)arg;
    kit_thread_give_way();
    priority = getpriority(PRIO_PROCESS, 0);
}

TEST(thread_that_gives_way_has_low_priority_and_its_starter_keeps_its_own)
{
    struct kit_thread t = {0};
    int before = getpriority(PRIO_PROCESS, 0);
    assert_int_equal(kit_thread_start(&t, "low", give_way, NULL, NULL), KIT_OK);
    kit_thread_join(&t);
    assert_int_equal(priority, KIT_MAX(before, 10));
    assert_int_equal(getpriority(PRIO_PROCESS, 0), before);
}

TEST(thread_join_of_one_never_started_does_nothing)
{
    struct kit_thread t = {0};
    kit_thread_join(&t);
    assert_false(t.started);
}

TEST(thread_start_takes_no_memory_of_ours)
{
    struct seen seen = {0};
    struct kit_thread t = {0};
    uint64_t blocks = kit_alloc_count();
    kit_alloc_fail_at(1);
    assert_ok(kit_thread_start(&t, "x", look, &seen, NULL));
    assert_int_equal(kit_alloc_count(), blocks);
    kit_alloc_fail_at(0);
    kit_thread_join(&t);
}

int main(void)
{
    return TEST_RUN(TEST_OF(mutex_keeps_threads_apart_and_broadcast_wakes_all),
                    TEST_OF(cond_wait_until_answers_false_after_its_deadline),
                    TEST_OF(cond_wait_until_sees_the_signal_before_its_deadline),
                    TEST_OF(thread_has_its_name_and_takes_no_signals_but_faults),
                    TEST_OF(thread_that_gives_way_has_low_priority_and_its_starter_keeps_its_own),
                    TEST_OF(thread_join_of_one_never_started_does_nothing),
                    TEST_OF(thread_start_takes_no_memory_of_ours));
}
