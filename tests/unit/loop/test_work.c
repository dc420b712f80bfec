#include "loop/work.h"

#include <stdatomic.h>

#include "kit/sync.h"
#include "support/test.h"

struct gate {
    struct kit_mutex mutex;
    struct kit_cond cond;
    bool open;
    int running, most, done; /* guarded */
};

struct job {
    struct loop_work_job job; /* first */
    struct gate *gate;
};

static void run_job(struct loop_work_job *j)
{
    struct gate *g = ((struct job *)j)->gate;
    kit_mutex_lock(&g->mutex);
    g->running++;
    g->most = KIT_MAX(g->most, g->running);
    kit_cond_broadcast(&g->cond);
    while (!g->open) {
        kit_cond_wait(&g->cond, &g->mutex);
    }
    g->running--;
    g->done++;
    kit_mutex_unlock(&g->mutex);
    kit_alloc_free(j);
}

static struct loop_work_job *new_job(struct gate *g)
{
    struct job *j = kit_alloc_zero(1, sizeof(*j));
    assert_non_null(j);
    j->gate = g;
    j->job.run = run_job;
    return &j->job;
}

static void init_gate(struct gate *g, bool open)
{
    *g = (struct gate){.open = open};
    kit_mutex_init(&g->mutex);
    kit_cond_init(&g->cond);
}

static void open_gate(struct gate *g)
{
    kit_mutex_lock(&g->mutex);
    g->open = true;
    kit_cond_broadcast(&g->cond);
    kit_mutex_unlock(&g->mutex);
}

static void wait_running(struct gate *g, int count)
{
    kit_mutex_lock(&g->mutex);
    while (g->running < count) {
        kit_cond_wait(&g->cond, &g->mutex);
    }
    kit_mutex_unlock(&g->mutex);
}

TEST(work_runs_jobs_side_by_side_up_to_its_threads_and_refuses_beyond_its_queue)
{
    struct gate g;
    struct loop_work *w = NULL;
    init_gate(&g, false);
    assert_int_equal(loop_work_new(2, 3, &w, NULL), KIT_OK);
    assert_int_equal(loop_work_submit(w, new_job(&g)), KIT_OK);
    wait_running(&g, 1);
    assert_int_equal(loop_work_submit(w, new_job(&g)), KIT_OK);
    wait_running(&g, 2);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(loop_work_submit(w, new_job(&g)), KIT_OK);
    }
    struct loop_work_job *extra = new_job(&g);
    assert_int_equal(loop_work_submit(w, extra), KIT_FULL);
    kit_alloc_free(extra);
    open_gate(&g);
    loop_work_free(w); /* runs what is queued */
    assert_int_equal(g.done, 5);
    assert_int_equal(g.most, 2);
}

#define SENDERS 3
#define EACH 500

struct sender {
    struct kit_thread thread;
    struct loop_work *work;
    struct gate *gate;
};

static void submit_all(void *arg)
{
    struct sender *s = arg;
    for (int i = 0; i < EACH; i++) {
        struct loop_work_job *j = new_job(s->gate);
        while (loop_work_submit(s->work, j) == KIT_FULL) {
            sched_yield();
        }
    }
}

TEST(work_runs_each_job_of_several_senders_once)
{
    struct gate g;
    struct sender senders[SENDERS];
    struct loop_work *w = NULL;
    uint64_t before = kit_alloc_count();
    init_gate(&g, true);
    assert_int_equal(loop_work_new(3, 16, &w, NULL), KIT_OK);
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){.work = w, .gate = &g};
        assert_int_equal(kit_thread_start(&senders[i].thread, "sender", submit_all, &senders[i], NULL), KIT_OK);
    }
    for (int i = 0; i < SENDERS; i++) {
        kit_thread_join(&senders[i].thread);
    }
    loop_work_free(w);
    assert_int_equal(g.done, SENDERS * EACH);
    assert_in_range(g.most, 1, 3);
    assert_int_equal(kit_alloc_count(), before);
}

TEST(work_refuses_a_senseless_number_of_threads)
{
    struct loop_work *w = NULL;
    struct kit_err err;
    assert_int_equal(loop_work_new(0, 1, &w, &err), KIT_INVALID);
    assert_int_equal(loop_work_new(65, 1, &w, &err), KIT_INVALID);
    assert_string_equal(err.msg, "a work pool takes 1 to 64 threads, not 65");
    assert_null(w);
    loop_work_free(NULL);
}

static void count_job(struct loop_work_job *j)
{
    struct gate *g = ((struct job *)j)->gate;
    kit_mutex_lock(&g->mutex);
    g->done++;
    kit_mutex_unlock(&g->mutex);
    kit_alloc_free(j);
}

TEST(work_drain_waits_for_what_is_queued_and_goes_on_taking_jobs)
{
    struct gate g;
    struct loop_work *w = NULL;
    init_gate(&g, true);
    assert_int_equal(loop_work_new(2, 64, &w, NULL), KIT_OK);
    loop_work_drain(w); /* nothing to wait for */
    for (int round = 1; round <= 3; round++) {
        for (int i = 0; i < 20; i++) {
            struct loop_work_job *j = new_job(&g);
            j->run = count_job;
            assert_int_equal(loop_work_submit(w, j), KIT_OK);
        }
        loop_work_drain(w);
        assert_int_equal(g.done, 20 * round);
    }
    loop_work_free(w);
}

TEST(work_survives_each_failed_alloc)
{
    TEST_ALLOC_SWEEP(n) {
        struct loop_work *w = NULL;
        enum kit_status rc = loop_work_new(2, 1, &w, NULL);
        assert_true(rc == KIT_OK ? w != NULL : rc == KIT_NOMEM && w == NULL);
        loop_work_free(w);
    }
}

int main(void)
{
    return TEST_RUN(TEST_OF(work_runs_jobs_side_by_side_up_to_its_threads_and_refuses_beyond_its_queue),
                    TEST_OF(work_runs_each_job_of_several_senders_once),
                    TEST_OF(work_drain_waits_for_what_is_queued_and_goes_on_taking_jobs),
                    TEST_OF(work_refuses_a_senseless_number_of_threads), TEST_OF(work_survives_each_failed_alloc));
}
