#include <stdatomic.h>
#include <time.h>

#include "kit/sync.h"
#include "plug/team.h"
#include "support/test.h"

#define ITEMS_MAX 5000
#define CORES_MAX 8

/* Each item once, no worker twice at a time, workers below the number of cores; plain counters show races to TSan. */
struct count {
    uint32_t cores;
    uint32_t seen[ITEMS_MAX];
    uint64_t by_worker[CORES_MAX];
    _Atomic uint32_t inside[CORES_MAX];
    _Atomic uint32_t wrong;
};

static void count_one(void *arg, uint32_t i, uint32_t worker)
{
    struct count *c = arg;
    if (worker >= c->cores || atomic_fetch_add(&c->inside[worker], 1) != 0) {
        atomic_fetch_add(&c->wrong, 1);
        return;
    }
    c->seen[i]++;
    c->by_worker[worker]++;
    atomic_fetch_sub(&c->inside[worker], 1);
}

static void assert_counted(struct count *c, uint32_t n)
{
    uint64_t sum = 0;
    assert_int_equal(atomic_load(&c->wrong), 0);
    for (uint32_t i = 0; i < ITEMS_MAX; i++) {
        assert_int_equal(c->seen[i], i < n);
    }
    for (uint32_t w = 0; w < CORES_MAX; w++) {
        sum += c->by_worker[w];
    }
    assert_int_equal(sum, n);
}

TEST(team_run_calls_each_item_once)
{
    static const uint32_t sizes[] = {0, 1, 2, 3, 7, 64, 1000, ITEMS_MAX};
    struct plug_team *t = NULL;
    assert_int_equal(plug_team_new(PLUG_TEAM_HELPERS_MAX, &t), KIT_OK);
    for (uint32_t cores = 1; cores <= CORES_MAX; cores++) {
        for (size_t k = 0; k < KIT_COUNT(sizes); k++) {
            struct count c = {.cores = cores};
            plug_team_run(t, cores, sizes[k], count_one, &c);
            assert_counted(&c, sizes[k]);
        }
    }
    assert_in_range(plug_team_started(t), 1, CORES_MAX - 1);
    plug_team_free(t);
}

TEST(team_run_works_without_any_helper)
{
    struct plug_team *t = NULL;
    struct count c = {.cores = 4};
    assert_int_equal(plug_team_new(0, &t), KIT_OK);
    plug_team_run(t, 4, 100, count_one, &c);
    assert_counted(&c, 100);
    assert_int_equal(plug_team_started(t), 0);
    plug_team_free(t);
}

static void sleep_a_little(void *arg, uint32_t i, uint32_t worker)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    count_one(arg, i, worker);
}

/* Helpers go to sleep between the runs and callers while they wait. */
TEST(team_run_wakes_sleepers)
{
    struct plug_team *t = NULL;
    assert_int_equal(plug_team_new(3, &t), KIT_OK);
    for (int round = 0; round < 20; round++) {
        struct count c = {.cores = 4};
        plug_team_run(t, 4, 9, sleep_a_little, &c);
        assert_counted(&c, 9);
        (void)nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
    }
    plug_team_free(t);
}

/* Two items that need each other: they are done only if they run at the same time. */
struct meeting {
    _Atomic uint32_t arrived;
};

static void meet(void *arg, uint32_t i, uint32_t worker)
{
    (void)i;
    (void)worker;
    struct meeting *m = arg;
    atomic_fetch_add(&m->arrived, 1);
    while (atomic_load(&m->arrived) < 2) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 10000}, NULL);
    }
}

TEST(team_run_works_at_the_same_time)
{
    struct plug_team *t = NULL;
    struct meeting m = {0};
    assert_int_equal(plug_team_new(1, &t), KIT_OK);
    plug_team_run(t, 2, 2, meet, &m);
    assert_int_equal(atomic_load(&m.arrived), 2);
    plug_team_free(t);
}

#define CALLERS 4

struct caller {
    struct plug_team *team;
    uint32_t wrong;
};

static void call_often(void *arg)
{
    struct caller *k = arg;
    struct count *c = kit_alloc_zero(1, sizeof(*c));
    for (int round = 0; c != NULL && round < 300; round++) {
        memset(c, 0, sizeof(*c));
        c->cores = 3;
        plug_team_run(k->team, 3, 50, count_one, c);
        k->wrong += atomic_load(&c->wrong);
        for (uint32_t i = 0; i < 50; i++) {
            k->wrong += c->seen[i] != 1;
        }
    }
    k->wrong += c == NULL;
    kit_alloc_free(c);
}

TEST(team_run_serves_several_callers_at_once)
{
    struct plug_team *t = NULL;
    struct kit_thread threads[CALLERS] = {0};
    struct caller callers[CALLERS] = {0};
    assert_int_equal(plug_team_new(3, &t), KIT_OK); /* fewer than they want */
    for (int i = 0; i < CALLERS; i++) {
        callers[i].team = t;
        assert_int_equal(kit_thread_start(&threads[i], "caller", call_often, &callers[i], NULL), KIT_OK);
    }
    for (int i = 0; i < CALLERS; i++) {
        kit_thread_join(&threads[i]);
        assert_int_equal(callers[i].wrong, 0);
    }
    assert_in_range(plug_team_started(t), 1, 3);
    plug_team_free(t);
}

TEST(team_run_survives_each_failed_alloc)
{
    TEST_ALLOC_SWEEP(n) {
        struct plug_team *t = NULL;
        struct count c = {.cores = 3};
        if (plug_team_new(2, &t) == KIT_OK) {
            plug_team_run(t, 3, 20, count_one, &c); /* without a thread it does the work alone */
            assert_counted(&c, 20);
        }
        plug_team_free(t);
    }
}

int main(void)
{
    return TEST_RUN(TEST_OF(team_run_calls_each_item_once), TEST_OF(team_run_works_without_any_helper),
                    TEST_OF(team_run_wakes_sleepers), TEST_OF(team_run_works_at_the_same_time),
                    TEST_OF(team_run_serves_several_callers_at_once), TEST_OF(team_run_survives_each_failed_alloc));
}
