#include "model/restart.h"

#include "double.h"

static void assert_error_says(const char *id, const char *text)
{
    struct model_info info = info_of(id);
    if (strstr(info.error, text) == NULL) {
        fail_msg("'%s' is not in '%s'", text, info.error);
    }
}

/* Loses the model and lets the pool clear it away. */
static void lose_and_clear(void)
{
    lose_model("signal 11");
    pool_run();
}

TEST(restart_wait_doubles_from_a_second_to_a_minute)
{
    const uint64_t seconds[] = {1, 2, 4, 8, 16, 32, 60, 60};
    for (uint32_t n = 0; n < KIT_COUNT(seconds); n++) {
        assert_int_equal(model_restart_wait_ns(n), seconds[n] * KIT_NS_PER_S);
    }
    assert_int_equal(model_restart_wait_ns(UINT32_MAX), 60 * KIT_NS_PER_S);
}

TEST(lost_model_takes_no_work_from_that_moment)
{
    struct model_loaded *m = NULL;
    make_ready("a");
    lose_model("signal 11");
    assert_state("a", MODEL_DRAINING);
    assert_int_equal(acquire_it("a", &m), KIT_UNAVAILABLE);
    pool_run();
    assert_true(seen.cooled_as_lost);
    assert_string_equal(seen.why, "signal 11");
}

TEST(lost_model_fails_with_the_reason_and_gives_its_memory_back)
{
    struct model_loaded *m = NULL;
    make_ready("a");
    lose_and_clear();
    assert_state("a", MODEL_FAILED);
    assert_string_equal(info_of("a").error, "lost, starts again in 1 s: signal 11");
    assert_int_equal(booked_bytes(), 0);
    assert_int_equal(engine.closes, 1);
    assert_int_equal(acquire_it("a", &m), KIT_UNAVAILABLE); /* it comes back by itself */
    assert_non_null(strstr(err.msg, "signal 11"));
}

TEST(lost_model_is_loaded_again_when_the_wait_is_over)
{
    make_ready("a");
    lose_and_clear();
    pass_ms(999);
    assert_state("a", MODEL_FAILED);
    assert_int_equal(engine.opens, 1);
    pass_ms(1);
    assert_state("a", MODEL_READY);
    assert_int_equal(engine.opens, 2);
    assert_int_equal(info_of("a").restarts, 1);
}

TEST(lost_model_waits_without_a_thread)
{
    make_ready("a");
    lose_and_clear();
    assert_int_equal(pool.waiting, 0);
    make_ready("b");
}

TEST(model_lost_again_and_again_waits_longer_and_then_stays_failed)
{
    struct model_loaded *m = NULL;
    make_ready("a");
    for (uint64_t wait_ms = 1000; wait_ms <= 4000; wait_ms *= 2) {
        lose_and_clear();
        pass_ms(wait_ms - 1);
        assert_state("a", MODEL_FAILED);
        pass_ms(1);
        assert_state("a", MODEL_READY);
    }
    lose_and_clear();
    assert_state("a", MODEL_FAILED);
    assert_error_says("a", "3 restarts in a row did not help");
    assert_error_says("a", "signal 11");
    pass_ms(3600000);
    assert_state("a", MODEL_FAILED);
    assert_int_equal(acquire_it("a", &m), KIT_LOAD_FAILED);
    assert_int_equal(info_of("a").restarts, 3);
}

TEST(model_that_stays_failed_can_be_loaded_by_hand_and_starts_afresh)
{
    make_ready("a");
    for (int i = 0; i < 3; i++) {
        lose_and_clear();
        pass_ms(60000);
    }
    lose_and_clear();
    pass_ms(60000);
    assert_state("a", MODEL_FAILED);
    make_ready("a");
    lose_and_clear();
    assert_error_says("a", "starts again in 1 s");
}

TEST(calm_time_forgives_earlier_losses)
{
    make_ready("a");
    lose_and_clear();
    pass_ms(1000);
    lose_and_clear();
    assert_error_says("a", "starts again in 2 s");
    pass_ms(2000);
    pass_ms(MODEL_RESTART_CALM_NS / KIT_NS_PER_MS - 1);
    lose_and_clear();
    assert_error_says("a", "starts again in 4 s");
    pass_ms(4000);
    pass_ms(MODEL_RESTART_CALM_NS / KIT_NS_PER_MS);
    lose_and_clear();
    assert_error_says("a", "starts again in 1 s");
}

TEST(restart_that_fails_counts_and_is_tried_again)
{
    make_ready("a");
    lose_and_clear();
    engine.open = KIT_UNAVAILABLE;
    pass_ms(1000);
    assert_state("a", MODEL_FAILED);
    assert_error_says("a", "lost, starts again in 2 s: weights.bin");
    assert_int_equal(booked_bytes(), 0);
    pass_ms(2000);
    pass_ms(4000);
    assert_error_says("a", "3 restarts in a row did not help");
    assert_int_equal(engine.opens, 4);
    pass_ms(60000);
    assert_int_equal(engine.opens, 4);
}

TEST(unload_ends_the_waiting)
{
    make_ready("a");
    lose_and_clear();
    unload_it("a");
    assert_state("a", MODEL_AVAILABLE);
    pass_ms(60000);
    assert_state("a", MODEL_AVAILABLE);
    assert_int_equal(engine.opens, 1);
}

TEST(unload_and_load_skip_the_waiting)
{
    make_ready("a");
    lose_and_clear();
    unload_it("a");
    make_ready("a");
    assert_int_equal(info_of("a").restarts, 0);
}

TEST(load_while_waiting_does_not_hurry_it)
{
    make_ready("a");
    lose_and_clear();
    assert_int_equal(load_it("a"), KIT_OK);
    pool_run();
    assert_state("a", MODEL_FAILED); /* requests that load on demand must not make a storm of restarts */
    pass_ms(1000);
    assert_state("a", MODEL_READY);
}

TEST(unload_while_it_is_being_cleared_away_leaves_no_failure)
{
    make_ready("a");
    lose_model("signal 6");
    unload_it("a");
    pool_run();
    assert_state("a", MODEL_AVAILABLE);
}

static void lose_it(void)
{
    lose_model("out of memory");
}

TEST(model_lost_while_it_drains_is_only_unloaded)
{
    make_ready("a");
    seen.at_cool = lose_it;
    unload_it("a");
    pool_run();
    assert_state("a", MODEL_AVAILABLE);
    assert_false(seen.cooled_as_lost);
}

TEST(model_lost_while_warming_fails_if_warming_fails)
{
    seen.at_warm = lose_it;
    seen.warm = KIT_UNAVAILABLE;
    assert_int_equal(load_it("a"), KIT_OK);
    pool_run();
    assert_state("a", MODEL_FAILED);
    assert_string_equal(info_of("a").error, "out of memory");
    pass_ms(60000);
    assert_int_equal(engine.opens, 1); /* it never was ready: nobody loads it unasked */
}

TEST(model_lost_at_the_end_of_warming_is_cooled_and_restarted)
{
    seen.at_warm = lose_it;
    assert_int_equal(load_it("a"), KIT_OK);
    pool_run();
    assert_state("a", MODEL_FAILED);
    assert_int_equal(seen.cools, 1);
    assert_true(seen.cooled_as_lost);
    seen.at_warm = NULL;
    pass_ms(1000);
    assert_state("a", MODEL_READY);
}

TEST(lost_model_with_a_full_pool_is_cleared_away_by_the_tick)
{
    make_ready("a");
    pool.waiting_max = 0;
    lose_model("signal 9");
    pass_ms(250);
    assert_state("a", MODEL_DRAINING);
    pool.waiting_max = 8;
    pass_ms(250);
    assert_state("a", MODEL_FAILED);
}

TEST(restart_with_a_full_pool_is_made_up_for_by_the_tick)
{
    make_ready("a");
    lose_and_clear();
    pool.waiting_max = 0;
    pass_ms(1000);
    assert_state("a", MODEL_FAILED);
    pool.waiting_max = 8;
    pass_ms(250);
    assert_state("a", MODEL_READY);
    assert_int_equal(info_of("a").restarts, 1);
}

TEST(lost_model_waits_for_references_before_it_fails)
{
    struct model_loaded *m = NULL;
    make_ready("a");
    assert_int_equal(acquire_it("a", &m), KIT_OK);
    lose_and_clear();
    assert_state("a", MODEL_DRAINING);
    model_loaded_unref(m);
    pool_run();
    assert_state("a", MODEL_FAILED);
    pass_ms(1000);
    assert_state("a", MODEL_READY);
}

int main(void)
{
    return TEST_RUN(
        TEST_OF(restart_wait_doubles_from_a_second_to_a_minute), IN_WORLD(lost_model_takes_no_work_from_that_moment),
        IN_WORLD(lost_model_fails_with_the_reason_and_gives_its_memory_back),
        IN_WORLD(lost_model_is_loaded_again_when_the_wait_is_over), IN_WORLD(lost_model_waits_without_a_thread),
        IN_WORLD(model_lost_again_and_again_waits_longer_and_then_stays_failed),
        IN_WORLD(model_that_stays_failed_can_be_loaded_by_hand_and_starts_afresh),
        IN_WORLD(calm_time_forgives_earlier_losses), IN_WORLD(restart_that_fails_counts_and_is_tried_again),
        IN_WORLD(unload_ends_the_waiting), IN_WORLD(unload_and_load_skip_the_waiting),
        IN_WORLD(load_while_waiting_does_not_hurry_it),
        IN_WORLD(unload_while_it_is_being_cleared_away_leaves_no_failure),
        IN_WORLD(model_lost_while_it_drains_is_only_unloaded),
        IN_WORLD(model_lost_while_warming_fails_if_warming_fails),
        IN_WORLD(model_lost_at_the_end_of_warming_is_cooled_and_restarted),
        IN_WORLD(lost_model_with_a_full_pool_is_cleared_away_by_the_tick),
        IN_WORLD(restart_with_a_full_pool_is_made_up_for_by_the_tick),
        IN_WORLD(lost_model_waits_for_references_before_it_fails));
}
