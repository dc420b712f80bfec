#include <stdatomic.h>

#include "kit/cpu.h"
#include "kit/sync.h"
#include "plug/cores.h"
#include "support/test.h"

TEST(cores_take_gives_what_is_free)
{
    struct plug_cores *c = NULL;
    assert_int_equal(plug_cores_new(4, &c), KIT_OK);
    assert_int_equal(plug_cores_budget(c), 4);
    assert_int_equal(plug_cores_take(c, 1, 3), 3);
    assert_int_equal(plug_cores_take(c, 1, 3), 1);
    assert_int_equal(plug_cores_take(c, 0, 1), 0);
    plug_cores_give(c, 3);
    plug_cores_give(c, 1);
    assert_int_equal(plug_cores_take(c, 0, 99), 4);
    plug_cores_give(c, 4);
    plug_cores_free(c);
}

TEST(cores_take_of_at_least_none_never_waits)
{
    struct plug_cores *c = NULL;
    assert_int_equal(plug_cores_new(2, &c), KIT_OK);
    assert_int_equal(plug_cores_take(c, 0, 8), 2);
    assert_int_equal(plug_cores_take(c, 0, 8), 0);
    plug_cores_give(c, 2);
    assert_int_equal(plug_cores_take(c, 0, 0), 0);
    plug_cores_free(c);
}

TEST(cores_take_of_more_than_there_are_gets_them_all)
{
    struct plug_cores *c = NULL;
    assert_int_equal(plug_cores_new(2, &c), KIT_OK);
    assert_int_equal(plug_cores_take(c, 5, 9), 2);
    plug_cores_give(c, 2);
    plug_cores_free(c);
}

TEST(cores_budget_is_the_machines_when_none_is_given)
{
    struct plug_cores *c = NULL;
    assert_int_equal(plug_cores_new(0, &c), KIT_OK);
    assert_int_equal(plug_cores_budget(c), kit_cpu_cores());
    plug_cores_free(c);
}

#define BUDGET 3
#define THREADS 6
#define ROUNDS 400

struct crowd {
    struct plug_cores *cores;
    _Atomic uint32_t lent, most;
    _Atomic uint32_t wrong;
};

static void borrow(void *arg)
{
    struct crowd *w = arg;
    for (uint32_t k = 0; k < ROUNDS; k++) {
        uint32_t min = k % 3;
        uint32_t n = plug_cores_take(w->cores, min, min + 1);
        atomic_fetch_add(&w->wrong, n < min || n > min + 1);
        uint32_t now = atomic_fetch_add(&w->lent, n) + n;
        uint32_t most = atomic_load(&w->most);
        while (now > most && !atomic_compare_exchange_weak(&w->most, &most, now)) {
        }
        atomic_fetch_sub(&w->lent, n);
        plug_cores_give(w->cores, n);
    }
}

TEST(cores_are_never_lent_twice)
{
    struct crowd w = {0};
    struct kit_thread threads[THREADS] = {0};
    assert_int_equal(plug_cores_new(BUDGET, &w.cores), KIT_OK);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(kit_thread_start(&threads[i], "borrow", borrow, &w, NULL), KIT_OK);
    }
    for (int i = 0; i < THREADS; i++) {
        kit_thread_join(&threads[i]);
    }
    assert_int_equal(atomic_load(&w.wrong), 0);
    assert_in_range(atomic_load(&w.most), 1, BUDGET);
    assert_int_equal(plug_cores_take(w.cores, 0, BUDGET + 1), BUDGET); /* all are back */
    plug_cores_give(w.cores, BUDGET);
    plug_cores_free(w.cores);
}

struct queue {
    struct plug_cores *cores;
    _Atomic uint32_t arrived;
};

static void take_all(void *arg)
{
    struct queue *q = arg;
    uint32_t n = plug_cores_take(q->cores, 2, 2);
    atomic_store(&q->arrived, n);
    plug_cores_give(q->cores, n);
}

/* One that wants all is not overtaken for ever by those that want a little. */
TEST(cores_take_serves_who_came_first)
{
    struct queue q = {0};
    struct kit_thread thread = {0};
    assert_int_equal(plug_cores_new(2, &q.cores), KIT_OK);
    uint32_t held = plug_cores_take(q.cores, 1, 1);
    assert_int_equal(kit_thread_start(&thread, "take", take_all, &q, NULL), KIT_OK);
    uint32_t little;
    while ((little = plug_cores_take(q.cores, 0, 1)) != 0) { /* until it waits in line */
        plug_cores_give(q.cores, little);
    }
    assert_int_equal(atomic_load(&q.arrived), 0);
    plug_cores_give(q.cores, held);
    kit_thread_join(&thread);
    assert_int_equal(atomic_load(&q.arrived), 2);
    plug_cores_free(q.cores);
}

TEST(cores_new_survives_each_failed_alloc)
{
    TEST_ALLOC_SWEEP(n) {
        struct plug_cores *c = NULL;
        enum kit_status rc = plug_cores_new(1, &c);
        assert_true(rc == KIT_OK ? c != NULL : rc == KIT_NOMEM && c == NULL);
        plug_cores_free(c);
    }
}

int main(void)
{
    return TEST_RUN(TEST_OF(cores_take_gives_what_is_free), TEST_OF(cores_take_of_at_least_none_never_waits),
                    TEST_OF(cores_take_of_more_than_there_are_gets_them_all),
                    TEST_OF(cores_budget_is_the_machines_when_none_is_given), TEST_OF(cores_are_never_lent_twice),
                    TEST_OF(cores_take_serves_who_came_first), TEST_OF(cores_new_survives_each_failed_alloc));
}
