/* The scheduler's rules, one by one. No threads, no clock: time is a number that the test moves. */
#include "support/test.h"

#include "kit/clock.h"
#include "sched/core.h"
#include "sched/queue.h"

#define JOBS 64
#define ROWS 64
#define MS KIT_NS_PER_MS

struct rig {
    struct sched_core *core;
    uint64_t now;
    uint32_t used;
    struct sched_job jobs[JOBS];
    struct sched_row rows[JOBS][ROWS];
    struct sched_batch batch; /* the last one taken */
};

static const struct sched_lane_options usual = {
    .instances = 1,
    .cores_max = 2,
    .batch_tokens_max = 1000,
    .batch_rows_max = 32,
    .batch_ms_target = UINT32_MAX,
    .queue_tokens_max = 100000,
    .queue_jobs_max = JOBS,
};

static struct rig *rig_new(struct sched_lane_options options)
{
    struct rig *r = kit_alloc_zero(1, sizeof(*r));
    assert_non_null(r);
    r->now = 1;
    assert_int_equal(sched_core_new(&options, &r->core, NULL), KIT_OK);
    return r;
}

static void rig_free(struct rig *r)
{
    sched_core_free(r->core);
    kit_alloc_free(r);
}

/* A job of `count` rows of `tokens` each, not yet submitted. */
static struct sched_job *job_new(struct rig *r, uint32_t count, uint32_t tokens)
{
    assert_true(r->used < JOBS && count <= ROWS);
    struct sched_job *job = &r->jobs[r->used];
    *job = (struct sched_job){
        .priority = SCHED_NORMAL, .deadline_ns = KIT_NEVER_NS, .rows = r->rows[r->used], .row_count = count};
    for (uint32_t i = 0; i < count; i++) {
        job->rows[i] = (struct sched_row){.tokens = tokens};
    }
    r->used++;
    return job;
}

static void submit(struct rig *r, struct sched_job *job)
{
    assert_int_equal(sched_core_submit(r->core, job, r->now, NULL, NULL), KIT_OK);
}

static struct sched_job *submit_new(struct rig *r, uint32_t count, uint32_t tokens)
{
    struct sched_job *job = job_new(r, count, tokens);
    submit(r, job);
    return job;
}

static struct sched_job *submit_as(struct rig *r, uint64_t principal, enum sched_priority priority, uint32_t count,
                                   uint32_t tokens)
{
    struct sched_job *job = job_new(r, count, tokens);
    job->principal = principal;
    job->priority = priority;
    submit(r, job);
    return job;
}

static bool take(struct rig *r, uint32_t worker)
{
    return sched_core_take(r->core, worker, r->now, &r->batch);
}

static void finish(struct rig *r, uint32_t worker, enum kit_status status)
{
    struct kit_err err = {0};
    if (status != KIT_OK) {
        kit_fail(&err, status, "the engine said no");
    }
    sched_core_finish(r->core, worker, status, &err, r->now);
}

/* Runs everything on worker 0 until nothing is left. Returns the number of batches. */
static uint32_t drain(struct rig *r)
{
    uint32_t batches = 0;
    for (; take(r, 0); batches++) {
        r->now += MS;
        finish(r, 0, KIT_OK);
    }
    while (sched_core_done(r->core) != NULL) {
    }
    return batches;
}

static void assert_done(struct rig *r, const struct sched_job *job, enum kit_status failed)
{
    assert_ptr_equal(sched_core_done(r->core), job);
    assert_int_equal(job->failed, failed);
    assert_int_equal(job->err.code, failed);
}

static void assert_slice(const struct rig *r, uint32_t at, const struct sched_job *job, uint32_t first, uint32_t count)
{
    assert_true(at < r->batch.count);
    assert_ptr_equal(r->batch.slices[at].job, job);
    assert_int_equal(r->batch.slices[at].first, first);
    assert_int_equal(r->batch.slices[at].count, count);
}

/* --- one job --- */

TEST(core_runs_a_job_and_gives_it_back_once)
{
    struct rig *r = rig_new(usual);
    struct sched_job *job = submit_new(r, 3, 10);
    assert_int_equal(sched_core_wakes(r->core), 1);
    r->now = 5;
    assert_true(take(r, 0));
    assert_int_equal(r->batch.count, 1);
    assert_slice(r, 0, job, 0, 3);
    assert_int_equal(r->batch.tokens, 30);
    assert_int_equal(r->batch.rows, 3);
    assert_null(sched_core_done(r->core));
    r->now = 9;
    finish(r, 0, KIT_OK);
    assert_done(r, job, KIT_OK);
    assert_null(sched_core_done(r->core));
    assert_int_equal(job->submitted_ns, 1);
    assert_int_equal(job->started_ns, 5);
    assert_int_equal(job->finished_ns, 9);
    assert_int_equal(job->compute_ns, 4);
    assert_int_equal(job->rows_done, 3);
    assert_true(sched_core_is_empty(r->core));
    rig_free(r);
}

TEST(core_shares_the_time_of_a_batch_by_tokens)
{
    struct rig *r = rig_new(usual);
    struct sched_job *a = submit_new(r, 1, 30);
    struct sched_job *b = submit_new(r, 1, 10);
    assert_true(take(r, 0));
    r->now += 400;
    finish(r, 0, KIT_OK);
    assert_int_equal(a->compute_ns, 300);
    assert_int_equal(b->compute_ns, 100);
    rig_free(r);
}

TEST(core_lets_a_worker_sleep_when_nothing_waits_and_wakes_it_for_the_next_job)
{
    struct rig *r = rig_new(usual);
    assert_false(sched_core_is_awake(r->core, 0));
    assert_false(take(r, 0));
    submit_new(r, 1, 1);
    assert_true(sched_core_is_awake(r->core, 0));
    assert_int_equal(sched_core_wakes(r->core), 1);
    assert_int_equal(sched_core_wakes(r->core), 0);
    drain(r);
    assert_false(sched_core_is_awake(r->core, 0));
    rig_free(r);
}

/* --- batches --- */

TEST(core_puts_rows_of_many_jobs_into_one_batch_without_passing_its_tokens)
{
    struct rig *r = rig_new(usual);
    struct sched_job *a = submit_new(r, 1, 400);
    struct sched_job *b = submit_new(r, 1, 600);
    struct sched_job *c = submit_new(r, 1, 1);
    assert_true(take(r, 0));
    assert_int_equal(r->batch.count, 2);
    assert_slice(r, 0, a, 0, 1);
    assert_slice(r, 1, b, 0, 1);
    finish(r, 0, KIT_OK);
    assert_true(take(r, 0));
    assert_slice(r, 0, c, 0, 1);
    finish(r, 0, KIT_OK);
    drain(r);
    rig_free(r);
}

TEST(core_keeps_the_most_rows_of_a_batch)
{
    struct sched_lane_options o = usual;
    o.batch_rows_max = 4;
    struct rig *r = rig_new(o);
    submit_new(r, 9, 1);
    assert_true(take(r, 0));
    assert_int_equal(r->batch.rows, 4);
    finish(r, 0, KIT_OK);
    assert_int_equal(drain(r), 2);
    rig_free(r);
}

TEST(core_runs_each_row_of_a_job_that_is_alone_as_a_batch_of_its_own)
{
    struct rig *r = rig_new(usual);
    submit_new(r, 1, 10);
    struct sched_job *alone = job_new(r, 2, 10);
    alone->alone = true;
    submit(r, alone);
    submit_new(r, 1, 10);
    for (int batch = 0; batch < 4; batch++) {
        assert_true(take(r, 0));
        assert_int_equal(r->batch.count, 1);
        assert_int_equal(r->batch.slices[0].count, 1);
        finish(r, 0, KIT_OK);
    }
    assert_false(take(r, 0));
    assert_int_equal(drain(r), 0);
    rig_free(r);
}

TEST(core_runs_a_row_over_the_budget_alone)
{
    struct rig *r = rig_new(usual);
    submit_new(r, 1, 10);
    struct sched_job *giant = submit_new(r, 1, 5000);
    submit_new(r, 1, 10);
    assert_true(take(r, 0));
    assert_int_equal(r->batch.tokens, 10);
    finish(r, 0, KIT_OK);
    assert_true(take(r, 0));
    assert_int_equal(r->batch.count, 1);
    assert_slice(r, 0, giant, 0, 1);
    finish(r, 0, KIT_OK);
    assert_int_equal(drain(r), 1);
    rig_free(r);
}

TEST(core_splits_a_large_job_and_keeps_its_rows_in_order)
{
    struct rig *r = rig_new(usual);
    struct sched_job *large = submit_new(r, 30, 100);
    for (uint32_t first = 0; first < 30; first += 10) {
        assert_null(sched_core_done(r->core));
        assert_true(take(r, 0));
        assert_slice(r, 0, large, first, 10);
        finish(r, 0, KIT_OK);
    }
    assert_done(r, large, KIT_OK);
    rig_free(r);
}

TEST(core_lets_a_small_job_in_between_the_rows_of_a_large_one_of_the_same_principal)
{
    struct rig *r = rig_new(usual);
    struct sched_job *large = submit_new(r, 60, 100);
    assert_true(take(r, 0));
    struct sched_job *small = submit_new(r, 1, 30);
    finish(r, 0, KIT_OK);
    assert_true(take(r, 0));
    assert_int_equal(r->batch.count, 2);
    assert_ptr_equal(r->batch.slices[0].job, large);
    assert_slice(r, 1, small, 0, 1);
    finish(r, 0, KIT_OK);
    assert_done(r, small, KIT_OK);
    drain(r);
    rig_free(r);
}

TEST(core_gives_a_job_one_slice_of_a_batch_even_when_it_had_several_turns)
{
    struct rig *r = rig_new(usual);
    struct sched_job *a = submit_new(r, 9, 100);
    submit_new(r, 1, 10);
    assert_true(take(r, 0));
    assert_int_equal(r->batch.count, 2);
    assert_slice(r, 0, a, 0, 9);
    finish(r, 0, KIT_OK);
    drain(r);
    rig_free(r);
}

TEST(core_cuts_batches_to_what_was_seen_to_fit_the_target_time)
{
    struct sched_lane_options o = usual;
    o.batch_tokens_max = 100000;
    o.batch_ms_target = 100;
    struct rig *r = rig_new(o);
    submit_new(r, 60, 100);
    assert_true(take(r, 0));
    assert_int_equal(r->batch.tokens, 300); /* nothing is known yet: as near to 256 as it gets */
    r->now += 60 * MS;                      /* 5 tokens a millisecond */
    finish(r, 0, KIT_OK);
    assert_true(take(r, 0));
    assert_int_equal(r->batch.tokens, 500);
    finish(r, 0, KIT_CANCELLED);
    drain(r);
    rig_free(r);
}

TEST(core_begins_a_long_job_with_a_small_batch_and_goes_on_with_large_ones)
{
    struct rig *r = rig_new(usual);
    struct sched_job *before = submit_new(r, 1, 10);
    assert_true(take(r, 0));
    r->now += MS / 100; /* fast: the target time cuts nothing */
    finish(r, 0, KIT_OK);
    assert_done(r, before, KIT_OK);
    struct sched_job *large = submit_new(r, 60, 100);
    assert_true(take(r, 0));
    assert_slice(r, 0, large, 0, 3);
    finish(r, 0, KIT_OK);
    assert_true(take(r, 0));
    assert_slice(r, 0, large, 3, 10);
    finish(r, 0, KIT_OK);
    drain(r);
    rig_free(r);
}

TEST(core_target_time_makes_no_batch_too_small)
{
    struct sched_lane_options o = usual;
    o.batch_ms_target = 1;
    struct rig *r = rig_new(o);
    submit_new(r, 60, 16);
    assert_true(take(r, 0));
    r->now += 1000 * MS;
    finish(r, 0, KIT_OK);
    assert_true(take(r, 0));
    assert_int_equal(r->batch.tokens, SCHED_CORE_TIMED_TOKENS);
    finish(r, 0, KIT_OK);
    drain(r);
    rig_free(r);
}

/* --- several workers --- */

static struct rig *rig_of_two(void)
{
    struct sched_lane_options o = usual;
    o.instances = 2;
    return rig_new(o);
}

TEST(core_lends_all_cores_to_a_lone_text)
{
    struct rig *r = rig_of_two();
    submit_new(r, 1, 500);
    assert_int_equal(sched_core_wakes(r->core), 1);
    assert_true(take(r, 0));
    assert_int_equal(r->batch.cores, 2);
    finish(r, 0, KIT_OK);
    drain(r);
    rig_free(r);
}

TEST(core_spreads_what_waits_over_free_workers_with_a_core_each)
{
    struct rig *r = rig_of_two();
    for (int i = 0; i < 20; i++) {
        submit_new(r, 1, 30);
    }
    assert_int_equal(sched_core_wakes(r->core), 3);
    assert_true(take(r, 0));
    assert_int_equal(r->batch.tokens, 300);
    assert_int_equal(r->batch.cores, 1);
    assert_true(take(r, 1));
    assert_int_equal(r->batch.tokens, 300);
    assert_int_equal(r->batch.cores, 1);
    finish(r, 0, KIT_OK);
    finish(r, 1, KIT_OK);
    drain(r);
    rig_free(r);
}

TEST(core_does_not_wake_a_second_worker_for_a_few_tokens)
{
    struct rig *r = rig_of_two();
    submit_new(r, 1, 30);
    submit_new(r, 1, 30);
    assert_int_equal(sched_core_wakes(r->core), 1);
    submit_new(r, 1, 30);
    submit_new(r, 1, 60);
    assert_int_equal(sched_core_wakes(r->core), 2);
    drain(r);
    rig_free(r);
}

TEST(core_splits_one_large_job_over_free_workers)
{
    struct rig *r = rig_of_two();
    struct sched_job *job = submit_new(r, 10, 100);
    assert_true(take(r, 0));
    assert_slice(r, 0, job, 0, 5);
    assert_true(take(r, 1));
    assert_slice(r, 0, job, 5, 3);
    finish(r, 1, KIT_OK);
    assert_true(take(r, 1)); /* some were left for whoever is done first */
    assert_slice(r, 0, job, 8, 2);
    finish(r, 1, KIT_OK);
    assert_null(sched_core_done(r->core));
    finish(r, 0, KIT_OK);
    assert_done(r, job, KIT_OK);
    rig_free(r);
}

TEST(core_wakes_another_worker_when_a_batch_leaves_rows_behind)
{
    struct rig *r = rig_of_two();
    submit_new(r, 1, 40);
    assert_int_equal(sched_core_wakes(r->core), 1);
    submit_new(r, 1, 1000); /* does not fit beside the first */
    assert_int_equal(sched_core_wakes(r->core), 2);
    assert_true(take(r, 0));
    assert_true(take(r, 1));
    submit_new(r, 1, 40);
    assert_int_equal(sched_core_wakes(r->core), 0); /* both run: whoever is done first takes it */
    finish(r, 1, KIT_OK);
    assert_true(sched_core_is_awake(r->core, 1));
    finish(r, 0, KIT_OK);
    drain(r);
    rig_free(r);
}

static struct rig *rig_of_eight(void)
{
    struct sched_lane_options o = usual;
    o.instances = 8;
    o.cores_max = 8;
    return rig_new(o);
}

static void assert_takes(struct rig *r, uint32_t worker, uint32_t rows, uint32_t cores)
{
    assert_true(take(r, worker));
    assert_int_equal(r->batch.rows, rows);
    assert_int_equal(r->batch.cores, cores);
}

TEST(core_lends_one_core_to_all_workers_but_the_first)
{
    struct rig *r = rig_of_eight();
    submit_new(r, 1, 500);
    assert_takes(r, 0, 1, 8);
    for (uint32_t w = 1; w < 8; w++) {
        submit_new(r, 1, 500);
        assert_int_equal(sched_core_wakes(r->core) >> w & 1, 1);
        assert_takes(r, w, 1, 1);
    }
    finish(r, 0, KIT_OK);
    submit_new(r, 1, 500);
    assert_takes(r, 0, 1, 1); /* all others are busy */
    for (uint32_t w = 0; w < 8; w++) {
        finish(r, w, KIT_OK);
    }
    drain(r);
    rig_free(r);
}

TEST(core_gives_the_first_worker_what_the_others_leave)
{
    struct rig *r = rig_of_eight();
    submit_new(r, 1, 500);
    submit_new(r, 1, 500);
    assert_takes(r, 0, 2, 8);
    submit_new(r, 1, 500);
    submit_new(r, 1, 500);
    assert_takes(r, 1, 1, 1);
    assert_takes(r, 2, 1, 1);
    finish(r, 0, KIT_OK);
    submit_new(r, 1, 500);
    assert_takes(r, 0, 1, 6);
    finish(r, 0, KIT_OK);
    finish(r, 1, KIT_OK);
    finish(r, 2, KIT_OK);
    drain(r);
    rig_free(r);
}

TEST(core_leaves_a_lone_text_to_the_first_worker)
{
    struct rig *r = rig_of_eight();
    submit_new(r, 5, 100);
    assert_int_equal(sched_core_wakes(r->core), 31);
    for (uint32_t w = 0; w < 5; w++) {
        assert_takes(r, w, 1, w == 0 ? 4 : 1); /* the three that nobody needs are the first one's */
    }
    for (uint32_t w = 0; w < 5; w++) {
        finish(r, w, KIT_OK);
    }
    assert_false(take(r, 0)); /* asleep */
    submit_new(r, 1, 500);
    assert_int_equal(sched_core_wakes(r->core), 1); /* though four are awake still */
    assert_false(take(r, 3));
    assert_false(sched_core_is_awake(r->core, 3));
    assert_true(sched_core_is_awake(r->core, 0));
    assert_takes(r, 0, 1, 8);
    finish(r, 0, KIT_OK);
    drain(r);
    rig_free(r);
}

TEST(core_does_a_few_texts_on_all_cores_and_more_on_a_core_each)
{
    struct rig *r = rig_of_eight();
    submit_new(r, 4, 100);
    assert_int_equal(sched_core_wakes(r->core), 1);
    assert_takes(r, 0, 4, 8);
    finish(r, 0, KIT_OK);
    assert_int_equal(drain(r), 0);
    submit_new(r, 16, 100);
    assert_int_equal(sched_core_wakes(r->core), 255);
    for (uint32_t w = 0; w < 8; w++) {
        assert_takes(r, w, 2, 1);
    }
    for (uint32_t w = 0; w < 8; w++) {
        finish(r, w, KIT_OK);
    }
    drain(r);
    rig_free(r);
}

TEST(core_spreads_jobs_that_cannot_be_joined)
{
    struct rig *r = rig_of_eight();
    struct sched_job *job = job_new(r, 3, 100);
    job->alone = true;
    submit(r, job);
    assert_int_equal(sched_core_wakes(r->core), 1);
    assert_takes(r, 0, 1, 6);
    assert_int_equal(sched_core_wakes(r->core), 6);
    assert_takes(r, 1, 1, 1);
    assert_takes(r, 2, 1, 1);
    for (uint32_t w = 0; w < 3; w++) {
        finish(r, w, KIT_OK);
    }
    drain(r);
    rig_free(r);
}

TEST(core_keeps_one_core_a_worker_while_clients_take_turns)
{
    struct rig *r = rig_of_two();
    submit_new(r, 1, 40);
    assert_true(take(r, 0));
    assert_int_equal(r->batch.cores, 2);
    submit_new(r, 1, 40);
    finish(r, 0, KIT_OK); /* the other one waited: two clients are at work */
    assert_true(take(r, 0));
    assert_int_equal(r->batch.cores, 1);
    finish(r, 0, KIT_OK); /* nobody is left waiting, nobody runs */
    submit_new(r, 1, 40);
    assert_true(take(r, 0));
    assert_int_equal(r->batch.cores, 2);
    finish(r, 0, KIT_OK);
    drain(r);
    rig_free(r);
}

/* --- priorities and principals --- */

TEST(core_lets_high_priority_overtake)
{
    struct rig *r = rig_new(usual);
    submit_as(r, 1, SCHED_LOW, 1, 1000);
    submit_as(r, 1, SCHED_NORMAL, 1, 1000);
    submit_as(r, 1, SCHED_HIGH, 1, 1000);
    for (int p = SCHED_HIGH; p <= SCHED_LOW; p++) {
        assert_true(take(r, 0));
        assert_int_equal(r->batch.slices[0].job->priority, p);
        finish(r, 0, KIT_OK);
    }
    drain(r);
    rig_free(r);
}

TEST(core_does_not_slow_urgent_rows_with_many_that_are_not)
{
    struct rig *r = rig_new(usual);
    submit_as(r, 1, SCHED_LOW, 60, 10);
    submit_as(r, 2, SCHED_HIGH, 1, 50);
    assert_true(take(r, 0));
    assert_int_equal(r->batch.slices[0].job->priority, SCHED_HIGH);
    assert_int_equal(r->batch.tokens, 250); /* up to SCHED_CORE_FILL_TOKENS they cost next to nothing */
    finish(r, 0, KIT_OK);
    assert_true(take(r, 0));
    assert_int_equal(r->batch.rows, 32);
    finish(r, 0, KIT_OK);
    drain(r);
    rig_free(r);
}

TEST(core_gives_low_priority_its_share_while_high_never_pauses)
{
    struct sched_lane_options o = usual;
    o.batch_tokens_max = 100;
    struct rig *r = rig_new(o);
    struct sched_job *low = submit_as(r, 1, SCHED_LOW, 1, 100);
    for (int i = 0; i < 2; i++) {
        submit_as(r, 2, SCHED_HIGH, 1, 100);
    }
    int batches = 0;
    for (;; batches++) {
        assert_true(batches < 30);
        assert_true(take(r, 0));
        struct sched_job *ran = r->batch.slices[0].job;
        finish(r, 0, KIT_OK);
        assert_done(r, ran, KIT_OK);
        if (ran == low) {
            break;
        }
        submit(r, ran); /* again */
    }
    assert_int_equal(batches, SCHED_TURNS_SHARE - 1);
    drain(r);
    rig_free(r);
}

TEST(core_serves_two_greedy_principals_equally_by_tokens)
{
    struct sched_lane_options o = usual;
    o.batch_tokens_max = 200;
    struct rig *r = rig_new(o);
    for (int i = 0; i < 20; i++) {
        submit_as(r, 1, SCHED_NORMAL, 1, 200);
    }
    struct sched_job *other = submit_as(r, 2, SCHED_NORMAL, 20, 50);
    while (other->rows_next < 20) {
        assert_true(take(r, 0));
        finish(r, 0, KIT_OK);
    }
    uint64_t taken = 0;
    for (int i = 0; i < 20; i++) {
        taken += r->jobs[i].rows_next * 200;
    }
    assert_in_range(taken, 1000 - SCHED_TURNS_QUANTUM - 200, 1000 + SCHED_TURNS_QUANTUM + 200);
    drain(r);
    rig_free(r);
}

TEST(core_lets_small_texts_of_others_go_before_a_giant_one)
{
    struct rig *r = rig_new(usual);
    struct sched_job *giant = submit_as(r, 1, SCHED_NORMAL, 1, 8000);
    struct sched_job *small = submit_as(r, 2, SCHED_NORMAL, 1, 20);
    assert_true(take(r, 0));
    assert_slice(r, 0, small, 0, 1);
    finish(r, 0, KIT_OK);
    assert_true(take(r, 0));
    assert_slice(r, 0, giant, 0, 1);
    finish(r, 0, KIT_OK);
    drain(r);
    rig_free(r);
}

/* --- deadlines --- */

TEST(core_never_starts_a_row_at_or_after_its_deadline)
{
    struct rig *r = rig_new(usual);
    struct sched_job *job = job_new(r, 2, 10);
    job->deadline_ns = 100;
    submit(r, job);
    assert_int_equal(sched_core_deadline(r->core), 100);
    r->now = 100;
    assert_false(take(r, 0));
    assert_done(r, job, KIT_TIMEOUT);
    assert_int_equal(job->started_ns, 0);
    assert_int_equal(sched_core_deadline(r->core), KIT_NEVER_NS);
    rig_free(r);
}

TEST(core_tells_lateness_at_the_tick_while_all_workers_are_busy)
{
    struct rig *r = rig_new(usual);
    submit_new(r, 1, 10);
    assert_true(take(r, 0));
    struct sched_job *job = job_new(r, 1, 10);
    job->deadline_ns = 50;
    submit(r, job);
    sched_core_tick(r->core, 49);
    assert_null(sched_core_done(r->core));
    sched_core_tick(r->core, 50);
    assert_done(r, job, KIT_TIMEOUT);
    r->now = 60;
    finish(r, 0, KIT_OK);
    drain(r);
    rig_free(r);
}

TEST(core_lets_rows_that_have_started_end_after_the_deadline)
{
    struct rig *r = rig_new(usual);
    struct sched_job *job = job_new(r, 1, 10);
    job->deadline_ns = 50;
    submit(r, job);
    assert_true(take(r, 0));
    assert_int_equal(sched_core_deadline(r->core), KIT_NEVER_NS);
    r->now = 60;
    finish(r, 0, KIT_OK);
    assert_done(r, job, KIT_OK);
    rig_free(r);
}

TEST(core_stops_the_running_part_of_a_job_whose_rest_is_late)
{
    struct rig *r = rig_new(usual);
    struct sched_job *job = job_new(r, 20, 100);
    job->deadline_ns = 50;
    submit(r, job);
    assert_true(take(r, 0));
    sched_core_tick(r->core, 50);
    assert_null(sched_core_done(r->core)); /* its rows are still being written */
    assert_int_equal(sched_core_stops(r->core), 1);
    r->now = 51;
    finish(r, 0, KIT_CANCELLED);
    assert_done(r, job, KIT_TIMEOUT);
    assert_int_equal(sched_core_stops(r->core), 0);
    rig_free(r);
}

TEST(core_refuses_a_job_whose_deadline_is_over)
{
    struct rig *r = rig_new(usual);
    struct sched_job *job = job_new(r, 1, 10);
    job->deadline_ns = r->now;
    assert_int_equal(sched_core_submit(r->core, job, r->now, NULL, NULL), KIT_TIMEOUT);
    assert_true(sched_core_is_empty(r->core));
    rig_free(r);
}

/* --- cancelling --- */

TEST(core_gives_a_waiting_job_back_at_once_when_cancelled)
{
    struct rig *r = rig_new(usual);
    struct sched_job *job = submit_new(r, 3, 10);
    sched_core_cancel(r->core, job, r->now);
    assert_done(r, job, KIT_CANCELLED);
    assert_true(job->cancelled);
    assert_false(take(r, 0));
    rig_free(r);
}

TEST(core_stops_a_batch_only_when_every_job_in_it_has_left)
{
    struct rig *r = rig_new(usual);
    struct sched_job *a = submit_new(r, 1, 10);
    struct sched_job *b = submit_new(r, 1, 10);
    assert_true(take(r, 0));
    sched_core_cancel(r->core, a, r->now);
    assert_int_equal(sched_core_stops(r->core), 0);
    assert_null(sched_core_done(r->core));
    sched_core_cancel(r->core, a, r->now); /* twice is once */
    assert_int_equal(sched_core_stops(r->core), 0);
    sched_core_cancel(r->core, b, r->now);
    assert_int_equal(sched_core_stops(r->core), 1);
    finish(r, 0, KIT_CANCELLED);
    assert_done(r, a, KIT_CANCELLED);
    assert_done(r, b, KIT_CANCELLED);
    assert_false(take(r, 0));
    rig_free(r);
}

TEST(core_starts_no_further_row_of_a_cancelled_job)
{
    struct rig *r = rig_new(usual);
    struct sched_job *large = submit_new(r, 30, 100);
    struct sched_job *other = submit_new(r, 1, 10);
    assert_true(take(r, 0));
    sched_core_cancel(r->core, large, r->now);
    assert_int_equal(sched_core_counts(r->core).tokens_waiting, 0);
    finish(r, 0, KIT_OK);
    assert_done(r, large, KIT_CANCELLED);
    assert_done(r, other, KIT_OK);
    assert_false(take(r, 0));
    rig_free(r);
}

TEST(core_stops_every_worker_that_runs_only_a_cancelled_job)
{
    struct rig *r = rig_of_two();
    struct sched_job *job = submit_new(r, 10, 100);
    assert_true(take(r, 0));
    assert_true(take(r, 1));
    sched_core_cancel(r->core, job, r->now);
    assert_int_equal(sched_core_stops(r->core), 3);
    finish(r, 0, KIT_CANCELLED);
    assert_int_equal(sched_core_stops(r->core), 2);
    assert_null(sched_core_done(r->core));
    finish(r, 1, KIT_OK);
    assert_done(r, job, KIT_CANCELLED);
    rig_free(r);
}

/* --- failures --- */

TEST(core_fails_a_lone_job_with_what_the_engine_said)
{
    struct rig *r = rig_new(usual);
    struct sched_job *job = submit_new(r, 1, 10);
    assert_true(take(r, 0));
    finish(r, 0, KIT_INVALID);
    assert_done(r, job, KIT_INVALID);
    assert_string_equal(job->err.msg, "the engine said no");
    rig_free(r);
}

TEST(core_runs_the_jobs_of_a_failed_batch_one_by_one_so_that_one_does_not_fail_the_others)
{
    struct rig *r = rig_new(usual);
    struct sched_job *jobs[3];
    for (int i = 0; i < 3; i++) {
        jobs[i] = submit_new(r, 2, 10);
    }
    assert_true(take(r, 0));
    assert_false(r->batch.retry);
    finish(r, 0, KIT_INTERNAL);
    assert_null(sched_core_done(r->core));
    for (int i = 0; i < 3; i++) {
        assert_true(take(r, 0));
        assert_true(r->batch.retry);
        assert_int_equal(r->batch.count, 1);
        assert_int_equal(r->batch.tokens, 20);
        assert_slice(r, 0, jobs[i], 0, 2);
        finish(r, 0, i == 1 ? KIT_INTERNAL : KIT_OK);
        assert_done(r, jobs[i], i == 1 ? KIT_INTERNAL : KIT_OK);
    }
    assert_false(take(r, 0));
    rig_free(r);
}

TEST(core_lets_go_of_a_cancelled_job_that_waits_for_its_second_run)
{
    struct rig *r = rig_new(usual);
    struct sched_job *a = submit_new(r, 1, 10);
    struct sched_job *b = submit_new(r, 1, 10);
    assert_true(take(r, 0));
    finish(r, 0, KIT_INTERNAL);
    sched_core_cancel(r->core, b, r->now);
    assert_done(r, b, KIT_CANCELLED);
    assert_true(take(r, 0));
    assert_slice(r, 0, a, 0, 1);
    finish(r, 0, KIT_OK);
    assert_done(r, a, KIT_OK);
    assert_false(take(r, 0));
    rig_free(r);
}

TEST(core_does_not_run_a_second_time_after_the_deadline)
{
    struct rig *r = rig_new(usual);
    struct sched_job *a = job_new(r, 1, 10);
    a->deadline_ns = 20;
    submit(r, a);
    struct sched_job *b = submit_new(r, 1, 10);
    assert_true(take(r, 0));
    r->now = 30;
    finish(r, 0, KIT_INTERNAL);
    assert_true(take(r, 0));
    assert_slice(r, 0, b, 0, 1);
    assert_done(r, a, KIT_TIMEOUT);
    finish(r, 0, KIT_OK);
    assert_done(r, b, KIT_OK);
    rig_free(r);
}

TEST(core_drops_the_rest_of_a_job_when_a_part_of_it_has_failed)
{
    struct rig *r = rig_of_two();
    struct sched_job *job = submit_new(r, 60, 100);
    assert_true(take(r, 0));
    assert_true(take(r, 1));
    finish(r, 0, KIT_INVALID);
    assert_int_equal(sched_core_counts(r->core).tokens_waiting, 0);
    assert_int_equal(sched_core_stops(r->core), 2);
    assert_false(take(r, 0));
    finish(r, 1, KIT_CANCELLED);
    assert_done(r, job, KIT_INVALID);
    rig_free(r);
}

TEST(core_fails_everything_when_the_engine_is_lost)
{
    struct rig *r = rig_of_two();
    struct sched_job *a = submit_new(r, 1, 700);
    struct sched_job *b = submit_new(r, 1, 700);
    struct sched_job *c = submit_new(r, 1, 700);
    assert_true(take(r, 0));
    assert_true(take(r, 1));
    finish(r, 0, KIT_UNAVAILABLE);
    assert_done(r, a, KIT_UNAVAILABLE);
    assert_done(r, c, KIT_UNAVAILABLE);
    finish(r, 1, KIT_UNAVAILABLE);
    assert_done(r, b, KIT_UNAVAILABLE);
    struct kit_err err;
    assert_int_equal(sched_core_submit(r->core, job_new(r, 1, 1), r->now, NULL, &err), KIT_UNAVAILABLE);
    assert_string_equal(err.msg, "the engine said no");
    assert_false(take(r, 0));
    rig_free(r);
}

TEST(core_retries_nothing_once_the_engine_is_lost)
{
    struct rig *r = rig_new(usual);
    struct sched_job *a = submit_new(r, 1, 10);
    struct sched_job *b = submit_new(r, 1, 10);
    assert_true(take(r, 0));
    finish(r, 0, KIT_INTERNAL);
    assert_true(take(r, 0)); /* a alone, b is to follow */
    sched_core_lose(r->core, "gone", r->now);
    assert_done(r, b, KIT_UNAVAILABLE);
    finish(r, 0, KIT_UNAVAILABLE);
    assert_done(r, a, KIT_UNAVAILABLE);
    assert_false(take(r, 0));
    rig_free(r);
}

/* --- closing --- */

TEST(core_close_finishes_what_waits_and_takes_no_more)
{
    struct rig *r = rig_new(usual);
    struct sched_job *job = submit_new(r, 1, 10);
    struct kit_err err;
    sched_core_close(r->core, false, "unloading", r->now);
    assert_int_equal(sched_core_submit(r->core, job_new(r, 1, 1), r->now, NULL, &err), KIT_UNAVAILABLE);
    assert_string_equal(err.msg, "unloading");
    assert_true(take(r, 0));
    finish(r, 0, KIT_OK);
    assert_done(r, job, KIT_OK);
    assert_true(sched_core_is_empty(r->core));
    rig_free(r);
}

TEST(core_failed_close_fails_what_waits_and_lets_whole_running_jobs_end)
{
    struct rig *r = rig_new(usual);
    struct sched_job *runs = submit_new(r, 1, 1000);
    struct sched_job *waits = submit_new(r, 1, 10);
    assert_true(take(r, 0));
    sched_core_close(r->core, true, "the cell died", r->now);
    assert_done(r, waits, KIT_UNAVAILABLE);
    assert_string_equal(waits->err.msg, "the cell died");
    finish(r, 0, KIT_OK);
    assert_done(r, runs, KIT_OK);
    rig_free(r);
}

/* --- limits --- */

TEST(core_is_full_at_its_most_tokens_and_says_when_to_try_again)
{
    struct sched_lane_options o = usual;
    o.queue_tokens_max = 2000;
    struct rig *r = rig_new(o);
    struct kit_err err;
    uint32_t ms = 0;
    submit_new(r, 10, 100);
    submit_new(r, 10, 100);
    assert_int_equal(sched_core_submit(r->core, job_new(r, 1, 1), r->now, &ms, &err), KIT_FULL);
    assert_true(ms > 0);
    assert_non_null(strstr(err.msg, "2 requests with 2000 tokens wait"));
    assert_true(take(r, 0));
    r->now += 500 * MS; /* 1,000 tokens: 2 a millisecond */
    finish(r, 0, KIT_OK);
    submit_new(r, 10, 100);
    assert_int_equal(sched_core_submit(r->core, job_new(r, 1, 400), r->now, &ms, &err), KIT_FULL);
    assert_int_equal(ms, 201);
    drain(r);
    rig_free(r);
}

TEST(core_is_full_at_its_most_jobs)
{
    struct sched_lane_options o = usual;
    o.queue_jobs_max = 2;
    struct rig *r = rig_new(o);
    uint32_t ms = 0;
    submit_new(r, 1, 1000);
    submit_new(r, 1, 1000);
    assert_int_equal(sched_core_submit(r->core, job_new(r, 1, 1), r->now, &ms, NULL), KIT_FULL);
    assert_true(ms > 0);
    assert_true(take(r, 0));
    submit_new(r, 1, 1); /* what runs does not wait */
    finish(r, 0, KIT_OK);
    drain(r);
    rig_free(r);
}

TEST(core_says_that_a_job_larger_than_the_queue_will_never_fit)
{
    struct sched_lane_options o = usual;
    o.queue_tokens_max = 99;
    struct rig *r = rig_new(o);
    assert_int_equal(sched_core_submit(r->core, job_new(r, 10, 10), r->now, NULL, NULL), KIT_TOO_LARGE);
    rig_free(r);
}

TEST(core_refuses_jobs_without_rows_and_rows_without_tokens)
{
    struct rig *r = rig_new(usual);
    struct kit_err err;
    assert_int_equal(sched_core_submit(r->core, job_new(r, 0, 1), r->now, NULL, &err), KIT_INVALID);
    struct sched_job *job = job_new(r, 3, 1);
    job->rows[2].tokens = 0;
    assert_int_equal(sched_core_submit(r->core, job, r->now, NULL, &err), KIT_INVALID);
    assert_string_equal(err.msg, "row 2 has no tokens");
    rig_free(r);
}

TEST(core_counts_what_waits_and_what_runs)
{
    struct rig *r = rig_new(usual);
    submit_new(r, 20, 100);
    submit_new(r, 1, 10);
    struct sched_counts n = sched_core_counts(r->core);
    assert_int_equal(n.jobs_waiting, 2);
    assert_int_equal(n.jobs_running, 0);
    assert_int_equal(n.tokens_waiting, 2010);
    assert_true(take(r, 0)); /* the small one, and a part of the large one */
    n = sched_core_counts(r->core);
    assert_int_equal(n.jobs_waiting, 1);
    assert_int_equal(n.jobs_running, 1);
    finish(r, 0, KIT_OK);
    drain(r);
    n = sched_core_counts(r->core);
    assert_int_equal(n.jobs_waiting + n.jobs_running + n.tokens_waiting, 0);
    rig_free(r);
}

TEST(core_new_names_the_option_that_is_out_of_range)
{
    struct sched_lane_options o = usual;
    struct sched_core *core = NULL;
    struct kit_err err;
    o.instances = SCHED_INSTANCES_MAX + 1;
    assert_int_equal(sched_core_new(&o, &core, &err), KIT_INVALID);
    assert_string_equal(err.param, "instances");
    o = usual;
    o.batch_rows_max = 0;
    assert_int_equal(sched_core_new(&o, &core, &err), KIT_INVALID);
    assert_string_equal(err.msg, "batch_rows_max is 0, but must be from 1 to 65536");
    assert_null(core);
}

TEST(core_new_survives_each_failed_alloc)
{
    TEST_ALLOC_SWEEP(n) {
        struct sched_core *core = NULL;
        enum kit_status rc = sched_core_new(&usual, &core, NULL);
        assert_true(rc == KIT_OK ? core != NULL : rc == KIT_NOMEM && core == NULL);
        sched_core_free(core);
    }
}

int main(void)
{
    return TEST_RUN(
        TEST_OF(core_runs_a_job_and_gives_it_back_once), TEST_OF(core_shares_the_time_of_a_batch_by_tokens),
        TEST_OF(core_lets_a_worker_sleep_when_nothing_waits_and_wakes_it_for_the_next_job),
        TEST_OF(core_puts_rows_of_many_jobs_into_one_batch_without_passing_its_tokens),
        TEST_OF(core_keeps_the_most_rows_of_a_batch), TEST_OF(core_runs_a_row_over_the_budget_alone),
        TEST_OF(core_runs_each_row_of_a_job_that_is_alone_as_a_batch_of_its_own),
        TEST_OF(core_splits_a_large_job_and_keeps_its_rows_in_order),
        TEST_OF(core_lets_a_small_job_in_between_the_rows_of_a_large_one_of_the_same_principal),
        TEST_OF(core_gives_a_job_one_slice_of_a_batch_even_when_it_had_several_turns),
        TEST_OF(core_cuts_batches_to_what_was_seen_to_fit_the_target_time),
        TEST_OF(core_begins_a_long_job_with_a_small_batch_and_goes_on_with_large_ones),
        TEST_OF(core_target_time_makes_no_batch_too_small), TEST_OF(core_lends_all_cores_to_a_lone_text),
        TEST_OF(core_lends_one_core_to_all_workers_but_the_first),
        TEST_OF(core_gives_the_first_worker_what_the_others_leave),
        TEST_OF(core_leaves_a_lone_text_to_the_first_worker),
        TEST_OF(core_does_a_few_texts_on_all_cores_and_more_on_a_core_each),
        TEST_OF(core_spreads_jobs_that_cannot_be_joined),
        TEST_OF(core_spreads_what_waits_over_free_workers_with_a_core_each),
        TEST_OF(core_does_not_wake_a_second_worker_for_a_few_tokens),
        TEST_OF(core_splits_one_large_job_over_free_workers),
        TEST_OF(core_wakes_another_worker_when_a_batch_leaves_rows_behind),
        TEST_OF(core_keeps_one_core_a_worker_while_clients_take_turns), TEST_OF(core_lets_high_priority_overtake),
        TEST_OF(core_does_not_slow_urgent_rows_with_many_that_are_not),
        TEST_OF(core_gives_low_priority_its_share_while_high_never_pauses),
        TEST_OF(core_serves_two_greedy_principals_equally_by_tokens),
        TEST_OF(core_lets_small_texts_of_others_go_before_a_giant_one),
        TEST_OF(core_never_starts_a_row_at_or_after_its_deadline),
        TEST_OF(core_tells_lateness_at_the_tick_while_all_workers_are_busy),
        TEST_OF(core_lets_rows_that_have_started_end_after_the_deadline),
        TEST_OF(core_stops_the_running_part_of_a_job_whose_rest_is_late),
        TEST_OF(core_refuses_a_job_whose_deadline_is_over),
        TEST_OF(core_gives_a_waiting_job_back_at_once_when_cancelled),
        TEST_OF(core_stops_a_batch_only_when_every_job_in_it_has_left),
        TEST_OF(core_starts_no_further_row_of_a_cancelled_job),
        TEST_OF(core_stops_every_worker_that_runs_only_a_cancelled_job),
        TEST_OF(core_fails_a_lone_job_with_what_the_engine_said),
        TEST_OF(core_runs_the_jobs_of_a_failed_batch_one_by_one_so_that_one_does_not_fail_the_others),
        TEST_OF(core_lets_go_of_a_cancelled_job_that_waits_for_its_second_run),
        TEST_OF(core_does_not_run_a_second_time_after_the_deadline),
        TEST_OF(core_drops_the_rest_of_a_job_when_a_part_of_it_has_failed),
        TEST_OF(core_fails_everything_when_the_engine_is_lost), TEST_OF(core_retries_nothing_once_the_engine_is_lost),
        TEST_OF(core_close_finishes_what_waits_and_takes_no_more),
        TEST_OF(core_failed_close_fails_what_waits_and_lets_whole_running_jobs_end),
        TEST_OF(core_is_full_at_its_most_tokens_and_says_when_to_try_again), TEST_OF(core_is_full_at_its_most_jobs),
        TEST_OF(core_says_that_a_job_larger_than_the_queue_will_never_fit),
        TEST_OF(core_refuses_jobs_without_rows_and_rows_without_tokens), TEST_OF(core_counts_what_waits_and_what_runs),
        TEST_OF(core_new_names_the_option_that_is_out_of_range), TEST_OF(core_new_survives_each_failed_alloc));
}
