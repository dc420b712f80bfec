#include "model/events.h"

#include <stdio.h>

#include "support/test.h"

#define RING 8

/* A handful of entries, each with a figure that rises with every event: stands for its state. */
static struct {
    struct kit_mutex lock;
    struct model_events events;
    const char *ids[4];
    uint64_t figure[4];
    uint32_t wakes;
} hub;

static uint32_t index_of(const char *id)
{
    for (uint32_t i = 0; i < KIT_COUNT(hub.ids); i++) {
        if (hub.ids[i] != NULL && strcmp(hub.ids[i], id) == 0) {
            return i;
        }
    }
    fail_msg("no entry %s", id);
    return 0;
}

static void fill(uint32_t i, struct model_event *ret)
{
    *ret = (struct model_event){.state = MODEL_LOADING, .done_bytes = hub.figure[i]};
    snprintf(ret->id, sizeof(ret->id), "%s", hub.ids[i]);
}

static bool next(void *ctx, const char *after, kit_str only, struct model_event *ret)
{
    (void)ctx;
    for (uint32_t i = 0; i < KIT_COUNT(hub.ids); i++) {
        if (hub.ids[i] != NULL && strcmp(hub.ids[i], after) > 0 &&
            (only.len == 0 || kit_str_eq(only, kit_str_c(hub.ids[i])))) {
            fill(i, ret);
            return true;
        }
    }
    return false;
}

static void wake(void *ctx)
{
    ++*(uint32_t *)ctx;
}

static int set_up(void **state)
{
    (void)state;
    memset(&hub, 0, sizeof(hub));
    kit_mutex_init(&hub.lock);
    const struct model_events_source source = {.next = next};
    hub.ids[0] = "a";
    hub.ids[1] = "b";
    hub.ids[2] = "c";
    return model_events_init(&hub.events, &hub.lock, RING, &source) == KIT_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    model_events_done(&hub.events);
    kit_mutex_done(&hub.lock);
    return 0;
}

static void happen(const char *id)
{
    struct model_event e;
    uint32_t i = index_of(id);
    kit_mutex_lock(&hub.lock);
    hub.figure[i]++;
    fill(i, &e);
    model_events_add(&hub.events, &e);
    model_events_flush(&hub.events);
    kit_mutex_unlock(&hub.lock);
}

static struct model_listener *listen_to(const char *id)
{
    struct model_listener *l = NULL;
    assert_int_equal(model_events_open(&hub.events, kit_str_c(id), wake, &hub.wakes, &l), KIT_OK);
    return l;
}

static void assert_next(struct model_listener *l, const char *id, uint64_t figure)
{
    struct model_event e;
    assert_true(model_events_read(l, &e));
    assert_string_equal(e.id, id);
    assert_int_equal(e.done_bytes, figure);
}

static void assert_end(struct model_listener *l)
{
    struct model_event e;
    assert_false(model_events_read(l, &e));
}

TEST(events_start_with_the_states_as_they_are)
{
    happen("b");
    happen("b");
    struct model_listener *l = listen_to("");
    assert_next(l, "a", 0);
    assert_next(l, "b", 2);
    assert_next(l, "c", 0);
    assert_end(l);
    model_events_close(l);
}

TEST(events_come_in_order_with_rising_numbers)
{
    struct model_listener *l = listen_to("");
    for (int i = 0; i < 3; i++) {
        struct model_event e;
        assert_true(model_events_read(l, &e));
        assert_int_equal(e.seq, 0);
    }
    happen("c");
    happen("a");
    happen("c");
    const char *ids[] = {"c", "a", "c"};
    for (uint64_t i = 0; i < 3; i++) {
        struct model_event e;
        assert_true(model_events_read(l, &e));
        assert_int_equal(e.seq, i + 1);
        assert_string_equal(e.id, ids[i]);
    }
    assert_end(l);
    model_events_close(l);
}

TEST(events_of_one_model_leave_the_others_out)
{
    struct model_listener *l = listen_to("b");
    happen("a");
    happen("c");
    assert_next(l, "b", 0);
    assert_end(l);
    happen("a");
    assert_int_equal(hub.wakes, 0);
    happen("b");
    assert_int_equal(hub.wakes, 1);
    assert_next(l, "b", 1);
    assert_end(l);
    model_events_close(l);
}

TEST(events_wake_once_until_they_are_read_to_the_end)
{
    struct model_listener *l = listen_to("");
    happen("a");
    happen("a");
    assert_int_equal(hub.wakes, 1);
    assert_next(l, "a", 2);
    happen("b");
    assert_int_equal(hub.wakes, 1);
    assert_next(l, "b", 1);
    assert_next(l, "c", 0);
    assert_end(l);
    happen("c");
    assert_int_equal(hub.wakes, 2);
    model_events_close(l);
}

TEST(events_during_the_walk_neither_repeat_nor_run_backwards)
{
    struct model_listener *l = listen_to("");
    assert_next(l, "a", 0);
    happen("c"); /* not told yet: the walk will say it */
    happen("a"); /* told already: comes at once */
    assert_next(l, "a", 1);
    assert_next(l, "b", 0);
    happen("b");
    assert_next(l, "b", 1);
    assert_next(l, "c", 1);
    happen("c");
    assert_next(l, "c", 2);
    assert_end(l);
    model_events_close(l);
}

TEST(events_tell_the_states_anew_to_one_that_lags)
{
    struct model_listener *l = listen_to("");
    assert_next(l, "a", 0);
    assert_next(l, "b", 0);
    assert_next(l, "c", 0);
    for (int i = 0; i < RING; i++) {
        happen("b");
    }
    assert_next(l, "b", 1); /* exactly what the ring holds is still there */
    for (int i = 0; i < 2; i++) {
        happen("c");
    }
    assert_next(l, "a", 0);
    assert_next(l, "b", RING);
    assert_next(l, "c", 2);
    assert_end(l);
    model_events_close(l);
}

TEST(events_start_the_walk_again_when_it_lags_itself)
{
    struct model_listener *l = listen_to("");
    assert_next(l, "a", 0);
    for (int i = 0; i < RING + 1; i++) {
        happen("a");
    }
    assert_next(l, "a", RING + 1);
    assert_next(l, "b", 0);
    assert_next(l, "c", 0);
    assert_end(l);
    model_events_close(l);
}

/* Whatever happens when: the figure of each model never falls, and the last one read is the true one. */
TEST(events_of_each_model_keep_their_order_in_any_interleaving)
{
    uint32_t state = 1;
    struct model_listener *l = listen_to("");
    uint64_t seen[4] = {0}, seq = 0;
    for (int round = 0; round < 50000; round++) {
        struct model_event e;
        state = state * 1664525u + 1013904223u;
        uint32_t dice = state >> 16;
        if (dice % 5 < 2) {
            happen(hub.ids[dice / 8 % 3]);
        } else if (model_events_read(l, &e)) {
            uint32_t i = index_of(e.id);
            assert_true(e.done_bytes >= seen[i] && e.seq >= seq);
            seen[i] = e.done_bytes;
            seq = e.seq;
        }
    }
    for (struct model_event e; model_events_read(l, &e);) {
        seen[index_of(e.id)] = e.done_bytes;
    }
    assert_memory_equal(seen, hub.figure, sizeof(seen));
    model_events_close(l);
}

TEST(events_take_so_many_listeners_and_no_more)
{
    static struct model_listener *all[MODEL_LISTENERS_MAX];
    for (size_t i = 0; i < MODEL_LISTENERS_MAX; i++) {
        all[i] = listen_to("");
    }
    struct model_listener *l = NULL;
    assert_int_equal(model_events_open(&hub.events, kit_str_lit(""), wake, NULL, &l), KIT_FULL);
    assert_null(l);
    happen("a");
    assert_int_equal(hub.wakes, MODEL_LISTENERS_MAX);
    for (size_t i = 0; i < MODEL_LISTENERS_MAX; i++) {
        model_events_close(all[i]);
    }
    l = listen_to("");
    model_events_close(l);
    model_events_close(NULL);
}

/* --- threads --- */

static struct {
    struct kit_mutex lock;
    struct kit_cond changed;
    bool inside, leave;
    bool closed;
} gate;

static void slow_wake(void *ctx)
{
    (void)ctx;
    kit_mutex_lock(&gate.lock);
    assert_false(gate.closed);
    gate.inside = true;
    kit_cond_broadcast(&gate.changed);
    while (!gate.leave) {
        kit_cond_wait(&gate.changed, &gate.lock);
    }
    kit_mutex_unlock(&gate.lock);
}

static void happen_once(void *arg)
{
    happen(arg);
}

static void close_it(void *arg)
{
    model_events_close(arg);
    kit_mutex_lock(&gate.lock);
    assert_true(gate.leave); /* the wake that ran was waited for */
    gate.closed = true;
    kit_mutex_unlock(&gate.lock);
}

TEST(events_close_waits_for_a_wake_that_runs)
{
    struct model_listener *l = NULL;
    struct kit_thread teller = {0}, closer = {0};
    memset(&gate, 0, sizeof(gate));
    kit_mutex_init(&gate.lock);
    kit_cond_init(&gate.changed);
    assert_int_equal(model_events_open(&hub.events, kit_str_lit(""), slow_wake, NULL, &l), KIT_OK);
    char id[] = "a";
    assert_int_equal(kit_thread_start(&teller, "teller", happen_once, id, NULL), KIT_OK);
    kit_mutex_lock(&gate.lock);
    while (!gate.inside) {
        kit_cond_wait(&gate.changed, &gate.lock);
    }
    kit_mutex_unlock(&gate.lock);
    assert_int_equal(kit_thread_start(&closer, "closer", close_it, l, NULL), KIT_OK);
    happen("b"); /* goes by a listener that is being woken */
    kit_mutex_lock(&gate.lock);
    gate.leave = true;
    kit_cond_broadcast(&gate.changed);
    kit_mutex_unlock(&gate.lock);
    kit_thread_join(&teller);
    kit_thread_join(&closer);
    assert_true(gate.closed);
    happen("c");
    kit_cond_done(&gate.changed);
    kit_mutex_done(&gate.lock);
}

TEST(events_survive_each_failed_alloc)
{
    TEST_ALLOC_SWEEP(n) {
        struct model_listener *l = NULL;
        enum kit_status rc = model_events_open(&hub.events, kit_str_lit("a"), wake, &hub.wakes, &l);
        assert_true(rc == KIT_OK ? l != NULL : rc == KIT_NOMEM && l == NULL);
        model_events_close(l);
    }
}

#define WITH_HUB(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    return TEST_RUN(
        WITH_HUB(events_start_with_the_states_as_they_are), WITH_HUB(events_come_in_order_with_rising_numbers),
        WITH_HUB(events_of_one_model_leave_the_others_out), WITH_HUB(events_wake_once_until_they_are_read_to_the_end),
        WITH_HUB(events_during_the_walk_neither_repeat_nor_run_backwards),
        WITH_HUB(events_tell_the_states_anew_to_one_that_lags),
        WITH_HUB(events_start_the_walk_again_when_it_lags_itself),
        WITH_HUB(events_of_each_model_keep_their_order_in_any_interleaving),
        WITH_HUB(events_take_so_many_listeners_and_no_more), WITH_HUB(events_close_waits_for_a_wake_that_runs),
        WITH_HUB(events_survive_each_failed_alloc));
}
