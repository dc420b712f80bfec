#include "double.h"

static uint32_t wakes;

static void on_wake(void *ctx)
{
    (void)ctx;
    wakes++;
}

static struct model_listener *listen_to(const char *id)
{
    struct model_listener *l = NULL;
    struct model_event e;
    wakes = 0;
    assert_int_equal(model_events_listen(catalog, kit_str_c(id), on_wake, NULL, &l), KIT_OK);
    while (model_events_read(l, &e)) {
    }
    return l;
}

/* Reads all there is: "loading 50/100 warming ready". */
static void assert_heard(struct model_listener *l, const char *expected)
{
    char text[1024] = "";
    for (struct model_event e; model_events_read(l, &e);) {
        char word[64];
        if (e.state == MODEL_LOADING && e.done_bytes > 0) {
            snprintf(word, sizeof(word), "%llu/%llu", (unsigned long long)e.done_bytes,
                     (unsigned long long)e.total_bytes);
        } else {
            snprintf(word, sizeof(word), "%s", e.gone ? "gone" : model_state_text(e.state));
        }
        size_t at = strlen(text);
        snprintf(text + at, sizeof(text) - at, "%s%s", at > 0 ? " " : "", word);
    }
    assert_string_equal(text, expected);
}

/* --- loading --- */

TEST(load_goes_through_loading_and_warming_to_ready)
{
    enum model_state state = MODEL_FAILED;
    struct model_listener *l = listen_to("a");
    assert_int_equal(model_load(catalog, kit_str_lit("a"), &state, &err), KIT_OK);
    assert_int_equal(state, MODEL_LOADING);
    assert_int_equal(engine.opens, 0); /* it returned at once */
    assert_int_equal(wakes, 1);
    pool_run();
    assert_heard(l, "loading warming ready");
    assert_int_equal(seen.warms, 1);
    model_events_close(l);
}

TEST(load_is_idempotent)
{
    enum model_state state = MODEL_FAILED;
    assert_int_equal(load_it("a"), KIT_OK);
    assert_int_equal(load_it("a"), KIT_OK);
    pool_run();
    assert_int_equal(model_load(catalog, kit_str_lit("a"), &state, &err), KIT_OK);
    assert_int_equal(state, MODEL_READY);
    pool_run();
    assert_int_equal(engine.opens, 1);
}

TEST(load_of_an_unknown_model_offers_the_nearest)
{
    assert_int_equal(load_it("c"), KIT_MODEL_NOT_FOUND);
    assert_string_equal(err.msg, "no model 'c'; did you mean 'org/c'?");
    assert_string_equal(err.param, "model");
    assert_int_equal(load_it("something-else"), KIT_MODEL_NOT_FOUND);
    assert_string_equal(err.msg, "no model 'something-else' is here");
    assert_int_equal(model_unload(catalog, kit_str_lit("A1"), &err), KIT_MODEL_NOT_FOUND);
    assert_int_equal(load_it("../a"), KIT_MODEL_NOT_FOUND);
}

TEST(load_notes_what_the_model_says_of_itself)
{
    engine.tasks = "embed,fill-mask";
    engine.hidden_size = "384";
    make_ready("org/c");
    struct model_info info = info_of("org/c");
    assert_string_equal(info.backend, "echo");
    assert_string_equal(info.tasks, "embed,fill-mask");
    assert_string_equal(info.device, "cpu");
    assert_int_equal(info.hidden_size, 384);
    assert_int_equal(info.context_tokens, 0);
    assert_false(info.chat_template);
    assert_int_equal(info.version, 1);
    assert_int_equal(info.isolation, PLUG_IN_PROCESS);
}

TEST(load_puts_a_back_end_that_may_abort_into_a_cell)
{
    engine.plugin.flags = ACB_PLUGIN_CELL;
    make_ready("a");
    assert_int_equal(engine.model->options.isolation, PLUG_IN_CELL);
    assert_int_equal(info_of("a").isolation, PLUG_IN_CELL);
}

/* --- bytes --- */

static struct model_info during; /* of "a", seen while it loads */

static void look_at_a(void)
{
    during = info_of("a");
}

TEST(load_books_the_estimate_before_and_the_truth_after)
{
    engine.at_open = look_at_a;
    make_ready("a");
    assert_int_equal(during.bytes[KIT_LEDGER_WEIGHTS], 200);
    assert_int_equal(during.bytes[KIT_LEDGER_CACHE], 100);
    assert_int_equal(during.source[KIT_LEDGER_WEIGHTS], KIT_LEDGER_ESTIMATED);
    struct model_info info = info_of("a");
    assert_int_equal(info.bytes[KIT_LEDGER_WEIGHTS], 210);
    assert_int_equal(info.bytes[KIT_LEDGER_CACHE], 80);
    assert_int_equal(info.source[KIT_LEDGER_CACHE], KIT_LEDGER_COUNTED);
    assert_int_equal(booked_bytes(), 290);
}

TEST(load_beyond_the_budget_is_refused_with_the_whole_sum)
{
    make_ready("a");
    engine.need[KIT_LEDGER_WEIGHTS] = 600;
    engine.need[KIT_LEDGER_KV] = 111;
    assert_int_equal(load_it("b"), KIT_OK);
    pool_run();
    assert_state("b", MODEL_FAILED);
    assert_string_equal(info_of("b").error, "needs 811 B, budget 1.0 kB, in use 290 B by 1 model");
    assert_int_equal(engine.opens, 1);
    assert_int_equal(booked_bytes(), 290);
}

TEST(load_fits_to_the_last_byte)
{
    make_ready("a");
    engine.need[KIT_LEDGER_WEIGHTS] = 610;
    make_ready("b");
}

TEST(load_with_an_absurd_estimate_is_refused)
{
    engine.need[KIT_LEDGER_WEIGHTS] = UINT64_MAX - 5;
    assert_int_equal(load_it("a"), KIT_OK);
    pool_run();
    assert_state("a", MODEL_FAILED);
    assert_int_equal(booked_bytes(), 0);
}

TEST(tick_books_what_ready_models_hold_by_now)
{
    make_ready("a");
    engine.truth[KIT_LEDGER_CACHE] = 500;
    pass_ms(2000);
    assert_int_equal(booked_bytes(), 710);
    engine.truth[KIT_LEDGER_CACHE] = 0;
    pass_ms(1000);
    assert_int_equal(booked_bytes(), 710); /* not every time */
    pass_ms(1000);
    assert_int_equal(booked_bytes(), 210);
}

/* --- progress --- */

static void at_progress_time(uint64_t done)
{
    set_time(start_ns + done * KIT_NS_PER_MS); /* a byte a millisecond */
}

TEST(progress_comes_first_then_every_50_ms_then_last)
{
    static const uint64_t words[] = {1, 20, 50, 51, 51, 60, 100, 101, 149, 9999, 0};
    engine.progress = words;
    engine.at_progress = at_progress_time;
    struct model_listener *l = listen_to("a");
    make_ready("a");
    assert_heard(l, "loading 1/9999 51/9999 101/9999 9999/9999 warming ready");
    model_events_close(l);
}

TEST(progress_of_a_fast_load_comes_with_each_thirty_second_part)
{
    static const uint64_t words[] = {1, 2, 10, 11, 12, 20, 22, 100, 101, 319, 320, 0};
    engine.progress = words;
    struct model_listener *l = listen_to("a");
    make_ready("a");
    assert_heard(l, "loading 1/320 11/320 22/320 100/320 319/320 320/320 warming ready");
    model_events_close(l);
}

TEST(progress_never_falls_and_never_repeats)
{
    static const uint64_t words[] = {60, 10, 60, 120, 119, 180, 0};
    engine.progress = words;
    engine.at_progress = at_progress_time;
    struct model_listener *l = listen_to("a");
    make_ready("a");
    assert_heard(l, "loading 60/180 120/180 180/180 warming ready");
    model_events_close(l);
}

TEST(progress_shows_while_loading_and_not_after)
{
    static const uint64_t words[] = {50, 100, 0};
    engine.progress = words;
    engine.at_open = look_at_a;
    make_ready("a");
    assert_int_equal(during.done_bytes, 100);
    assert_int_equal(during.total_bytes, 100);
    assert_int_equal(info_of("a").total_bytes, 0);
}

/* --- failing --- */

static void assert_fails(const char *why)
{
    assert_int_equal(load_it("a"), KIT_OK);
    pool_run();
    assert_state("a", MODEL_FAILED);
    assert_string_equal(info_of("a").error, why);
    assert_int_equal(booked_bytes(), 0);
    assert_null(engine.model);
}

TEST(load_that_fails_leaves_a_reason_and_nothing_else)
{
    struct model_listener *l = listen_to("a");
    engine.choose = KIT_UNSUPPORTED;
    assert_int_equal(load_it("a"), KIT_OK);
    pool_run();
    assert_non_null(strstr(info_of("a").error, "no back end takes"));
    engine.choose = KIT_OK;
    engine.estimate = KIT_LOAD_FAILED;
    assert_fails("cannot tell");
    engine.estimate = KIT_OK;
    engine.open = KIT_LOAD_FAILED;
    assert_fails("weights.bin: tensor 'x' is short");
    engine.open = KIT_OK;
    seen.warm = KIT_LOAD_FAILED;
    assert_fails("tokenizer.json is missing");
    assert_int_equal(seen.forgets, 1);
    assert_int_equal(seen.cools, 0);
    seen.warm = KIT_OK;
    make_ready("a");
    assert_string_equal(info_of("a").error, "");
    assert_heard(l, "loading failed loading failed loading failed loading warming failed loading warming ready");
    model_events_close(l);
}

TEST(failed_model_goes_back_to_available_by_unload)
{
    engine.open = KIT_LOAD_FAILED;
    assert_fails("weights.bin: tensor 'x' is short");
    pass_ms(60000);
    assert_int_equal(engine.opens, 1); /* nobody tries again unasked */
    unload_it("a");
    assert_state("a", MODEL_AVAILABLE);
    assert_string_equal(info_of("a").error, "");
}

/* --- unloading, cancelling --- */

TEST(unload_gives_everything_back)
{
    struct model_listener *l = listen_to("a");
    make_ready("a");
    unload_it("a");
    assert_state("a", MODEL_DRAINING);
    pool_run();
    assert_state("a", MODEL_AVAILABLE);
    assert_int_equal(seen.cools, 1);
    assert_false(seen.cooled_as_lost);
    assert_int_equal(seen.forgets, 1);
    assert_int_equal(engine.closes, 1);
    assert_int_equal(booked_bytes(), 0);
    assert_heard(l, "loading warming ready draining available");
    model_events_close(l);
}

TEST(unload_is_idempotent)
{
    unload_it("a");
    assert_state("a", MODEL_AVAILABLE);
    make_ready("a");
    unload_it("a");
    unload_it("a");
    pool_run();
    unload_it("a");
    pool_run();
    assert_int_equal(engine.closes, 1);
}

static void unload_a_halfway(uint64_t done)
{
    if (done == 50) {
        unload_it("a");
    }
}

static const uint64_t halves[] = {50, 100, 0};

TEST(unload_while_loading_stops_the_load_at_its_next_word)
{
    engine.progress = halves;
    engine.at_progress = unload_a_halfway;
    struct model_listener *l = listen_to("a");
    assert_int_equal(load_it("a"), KIT_OK);
    pool_run();
    assert_true(engine.stopped);
    assert_state("a", MODEL_AVAILABLE);
    assert_int_equal(booked_bytes(), 0);
    assert_heard(l, "loading available");
    model_events_close(l);
}

static void load_a(void)
{
    engine.at_open = NULL;
    engine.at_progress = NULL;
    assert_int_equal(load_it("a"), KIT_OK);
}

TEST(load_after_a_cancel_loads_again)
{
    engine.progress = halves;
    engine.at_progress = unload_a_halfway;
    engine.at_open = load_a; /* the load was stopped already, but has not ended */
    assert_int_equal(load_it("a"), KIT_OK);
    pool_run();
    assert_state("a", MODEL_READY);
    assert_int_equal(engine.opens, 2);
    assert_int_equal(engine.closes, 0);
}

static void unload_and_load_a(uint64_t done)
{
    (void)done;
    unload_it("a");
    assert_int_equal(load_it("a"), KIT_OK);
}

TEST(unload_and_load_between_two_words_change_nothing)
{
    engine.progress = halves;
    engine.at_progress = unload_and_load_a;
    make_ready("a");
    assert_int_equal(engine.opens, 1);
}

TEST(unload_before_the_load_began_loads_nothing)
{
    assert_int_equal(load_it("a"), KIT_OK);
    unload_it("a");
    pool_run();
    assert_state("a", MODEL_AVAILABLE);
    assert_int_equal(engine.opens, 0);
}

static void unload_a(void)
{
    unload_it("a");
}

/* Loads may stand in a long line: who leaves it need not wait for those before. */
TEST(unload_of_a_load_that_waits_is_done_at_once)
{
    struct model_listener *l = listen_to("a");
    assert_int_equal(load_it("a"), KIT_OK);
    unload_it("a");
    assert_state("a", MODEL_AVAILABLE);
    assert_int_equal(load_it("a"), KIT_OK);
    assert_state("a", MODEL_LOADING);
    unload_it("a");
    unload_it("a");
    assert_int_equal(load_it("a"), KIT_OK);
    pool_run();
    assert_heard(l, "loading available loading available loading warming ready");
    assert_int_equal(engine.opens, 1);
    model_events_close(l);
}

TEST(unload_of_a_load_that_waits_lets_a_vanished_model_go)
{
    assert_int_equal(load_it("a"), KIT_OK);
    folder_remove("a");
    assert_int_equal(model_catalog_scan(catalog, &err), KIT_OK);
    unload_it("a");
    pool_run();
    assert_int_equal(load_it("a"), KIT_MODEL_NOT_FOUND);
    assert_int_equal(engine.opens, 0);
}

TEST(unload_of_a_load_that_ends_without_asking_closes_it)
{
    engine.at_open = unload_a;
    assert_int_equal(load_it("a"), KIT_OK);
    pool_run();
    assert_state("a", MODEL_AVAILABLE);
    assert_int_equal(engine.closes, 1);
    assert_int_equal(seen.warms, 0);
}

TEST(unload_while_warming_drains)
{
    seen.at_warm = unload_a;
    struct model_listener *l = listen_to("a");
    assert_int_equal(load_it("a"), KIT_OK);
    pool_run();
    assert_heard(l, "loading warming draining available");
    assert_int_equal(seen.cools, 1);
    model_events_close(l);
}

TEST(unload_while_warming_fails_is_no_failure)
{
    seen.at_warm = unload_a;
    seen.warm = KIT_LOAD_FAILED;
    assert_int_equal(load_it("a"), KIT_OK);
    pool_run();
    assert_state("a", MODEL_AVAILABLE);
}

static void load_a_while_cooling(void)
{
    enum model_state state = MODEL_FAILED;
    assert_int_equal(model_load(catalog, kit_str_lit("a"), &state, &err), KIT_OK);
    assert_int_equal(state, MODEL_DRAINING);
}

TEST(load_while_draining_is_kept_until_it_is_drained)
{
    make_ready("a");
    seen.at_cool = load_a_while_cooling;
    struct model_listener *l = listen_to("a");
    unload_it("a");
    pool_run();
    seen.at_cool = NULL;
    assert_heard(l, "draining available loading warming ready");
    assert_int_equal(engine.closes, 1);
    model_events_close(l);
}

/* --- the wish in the event --- */

/* Reads all there is: "draining+ available-", + where it is wanted. */
static void assert_wishes(struct model_listener *l, const char *expected)
{
    char text[1024] = "";
    for (struct model_event e; model_events_read(l, &e);) {
        size_t at = strlen(text);
        snprintf(text + at, sizeof(text) - at, "%s%s%c", at > 0 ? " " : "", model_state_text(e.state),
                 e.wanted ? '+' : '-');
    }
    assert_string_equal(text, expected);
}

TEST(event_of_a_reload_says_that_it_is_wanted_again)
{
    make_ready("a");
    assert_true(info_of("a").wanted);
    seen.at_cool = load_a_while_cooling;
    struct model_listener *l = listen_to("a");
    unload_it("a");
    assert_false(info_of("a").wanted);
    pool_run();
    seen.at_cool = NULL;
    assert_wishes(l, "draining- available+ loading+ warming+ ready+");
    model_events_close(l);
}

TEST(event_of_a_load_that_was_called_off_says_that_it_is_not_wanted)
{
    seen.at_warm = unload_a;
    struct model_listener *l = listen_to("a");
    assert_int_equal(load_it("a"), KIT_OK);
    pool_run();
    assert_wishes(l, "loading+ warming+ draining- available-");
    model_events_close(l);
}

TEST(event_of_a_failure_says_whether_it_is_tried_again)
{
    struct model_listener *l = listen_to("a");
    engine.open = KIT_LOAD_FAILED;
    assert_int_equal(load_it("a"), KIT_OK);
    pool_run();
    assert_wishes(l, "loading+ failed-");
    engine.open = KIT_OK;
    make_ready("a");
    lose_model("signal 11");
    pool_run();
    assert_wishes(l, "loading+ warming+ ready+ draining+ failed+");
    unload_it("a");
    assert_wishes(l, "available-");
    model_events_close(l);
}

TEST(first_look_of_a_listener_has_the_wish)
{
    struct model_event e = {0};
    struct model_listener *l = NULL;
    assert_int_equal(load_it("a"), KIT_OK);
    assert_int_equal(model_events_listen(catalog, kit_str_lit("a"), on_wake, NULL, &l), KIT_OK);
    assert_true(model_events_read(l, &e));
    assert_int_equal(e.state, MODEL_LOADING);
    assert_true(e.wanted);
    model_events_close(l);
    pool_run();
}

/* --- references --- */

TEST(acquire_says_what_to_do_when_a_model_is_not_ready)
{
    struct model_loaded *m = NULL;
    enum model_state state = MODEL_FAILED;
    assert_int_equal(model_acquire(catalog, kit_str_lit("a"), &state, &m, &err), KIT_UNAVAILABLE);
    assert_int_equal(state, MODEL_AVAILABLE);
    assert_string_equal(err.msg, "model 'a' is not loaded: load it first");
    assert_int_equal(load_it("a"), KIT_OK);
    assert_int_equal(acquire_it("a", &m), KIT_UNAVAILABLE);
    assert_string_equal(err.msg, "model 'a' is loading: try again when it is ready");
    engine.open = KIT_LOAD_FAILED;
    pool_run();
    assert_int_equal(acquire_it("a", &m), KIT_LOAD_FAILED);
    assert_string_equal(err.msg, "model 'a' failed: weights.bin: tensor 'x' is short");
    assert_int_equal(acquire_it("nobody", &m), KIT_MODEL_NOT_FOUND);
    assert_null(m);
}

TEST(acquire_only_takes_the_one_that_is_ready)
{
    struct model_loaded *m = NULL;
    assert_int_equal(model_acquire_only(catalog, &m, &err), KIT_INVALID);
    assert_string_equal(err.param, "model");
    make_ready("b");
    assert_int_equal(model_acquire_only(catalog, &m, &err), KIT_OK);
    assert_string_equal(m->id, "b");
    model_loaded_unref(m);
    m = NULL;
    make_ready("a");
    assert_int_equal(model_acquire_only(catalog, &m, &err), KIT_INVALID);
    assert_non_null(strstr(err.msg, "2 are ready"));
    assert_null(m);
}

TEST(reference_keeps_a_draining_model_open_without_holding_a_thread)
{
    struct model_loaded *m = NULL;
    make_ready("a");
    assert_int_equal(acquire_it("a", &m), KIT_OK);
    assert_int_equal(acquire_it("a", &m), KIT_OK); /* twice */
    assert_int_equal(m->version, 1);
    unload_it("a");
    pool_run(); /* comes back: nothing waits in it */
    assert_state("a", MODEL_DRAINING);
    assert_int_equal(engine.closes, 0);
    assert_ptr_equal(m->attached, &seen);
    assert_int_equal(acquire_it("a", &(struct model_loaded *){NULL}), KIT_UNAVAILABLE);
    model_loaded_unref(m);
    pool_run();
    assert_int_equal(engine.closes, 0);
    model_loaded_unref(m);
    assert_int_equal(engine.closes, 0); /* closing is left to the pool */
    pool_run();
    assert_int_equal(engine.closes, 1);
    assert_state("a", MODEL_AVAILABLE);
    model_loaded_unref(NULL);
}

/* --- a full pool --- */

TEST(load_is_refused_when_the_pool_is_full_and_nothing_changed)
{
    pool.waiting_max = 0;
    assert_int_equal(load_it("a"), KIT_FULL);
    assert_int_equal(strncmp(err.msg, "model 'a' cannot be loaded now: ", 31), 0);
    assert_state("a", MODEL_AVAILABLE);
    pool.waiting_max = 8;
    pass_ms(250);
    assert_state("a", MODEL_AVAILABLE);
    make_ready("a");
}

TEST(unload_with_a_full_pool_is_made_up_for_by_the_tick)
{
    struct model_loaded *m = NULL;
    make_ready("a");
    pool.waiting_max = 0;
    unload_it("a");
    assert_state("a", MODEL_DRAINING);
    assert_int_equal(acquire_it("a", &m), KIT_UNAVAILABLE);
    pass_ms(250);
    assert_state("a", MODEL_DRAINING);
    pool.waiting_max = 8;
    pass_ms(250);
    assert_state("a", MODEL_AVAILABLE);
}

TEST(free_unloads_everything_even_with_a_full_pool)
{
    make_ready("a");
    make_ready("b");
    pool.waiting_max = 0;
    model_catalog_free(catalog);
    assert_int_equal(engine.closes, 2);
    assert_int_equal(seen.cools, 2);
    assert_int_equal(booked_bytes(), 0);
    assert_int_equal(new_catalog(), KIT_OK);
    model_catalog_free(NULL);
}

static void load_a_in_vain(void)
{
    assert_int_equal(load_it("a"), KIT_UNAVAILABLE);
}

TEST(free_takes_no_new_wishes)
{
    make_ready("a");
    seen.at_cool = load_a_in_vain;
    pool.waiting_max = 0;
    model_catalog_free(catalog);
    assert_int_equal(seen.cools, 1);
    assert_int_equal(new_catalog(), KIT_OK);
}

/* --- scanning --- */

static void count_info(void *ctx, const struct model_info *info)
{
    char *text = ctx;
    strcat(text, info->id);
    strcat(text, info->format[0] == 'c' ? " " : "? ");
}

static void assert_listed(const char *expected)
{
    char text[512] = "";
    assert_int_equal(model_info_each(catalog, count_info, text), KIT_OK);
    assert_string_equal(text, expected);
}

static void scan_again(void)
{
    assert_int_equal(model_catalog_scan(catalog, &err), KIT_OK);
}

TEST(scan_brings_new_models_and_drops_vanished_ones)
{
    struct model_listener *l = listen_to("b");
    assert_listed("a b org/c ");
    put_model("aa");
    folder_remove("b");
    scan_again();
    assert_listed("a aa org/c ");
    assert_heard(l, "gone");
    put_model("b");
    scan_again();
    assert_listed("a aa b org/c ");
    assert_heard(l, "available");
    model_events_close(l);
}

static void assert_path_ends(const char *ending)
{
    if (!kit_str_ends(kit_str_c(engine.path), kit_str_c(ending))) {
        fail_msg("%s does not end with %s", engine.path, ending);
    }
}

TEST(scan_brings_models_of_the_cache_and_they_load_from_there)
{
    put_cached("org", "cached", "abc1");
    scan_again();
    assert_string_equal(model_source_text(info_of("org/cached").origin), "hf_cache");
    assert_string_equal(info_of("org/cached").commit, "abc1");
    assert_string_equal(model_source_text(info_of("a").origin), "models");
    make_ready("org/cached");
    assert_path_ends("/hf/models--org--cached/snapshots/abc1");
}

TEST(scan_prefers_the_models_folder_to_the_cache)
{
    put_cached("org", "c", "abc1");
    scan_again();
    assert_string_equal(model_source_text(info_of("org/c").origin), "models");
    folder_remove("org");
    scan_again();
    assert_string_equal(model_source_text(info_of("org/c").origin), "hf_cache");
    put_model("org/c");
    scan_again();
    make_ready("org/c");
    assert_path_ends("/org/c");
}

TEST(scan_follows_a_cache_that_moves_on_but_not_under_a_loaded_model)
{
    put_cached("org", "cached", "abc1");
    scan_again();
    make_ready("org/cached");
    put_cached("org", "cached", "abc2");
    scan_again();
    assert_string_equal(info_of("org/cached").commit, "abc1");
    unload_it("org/cached");
    pool_run();
    scan_again();
    assert_string_equal(info_of("org/cached").commit, "abc2");
    make_ready("org/cached");
    assert_path_ends("/abc2");
}

TEST(scan_keeps_a_loaded_model_until_it_is_unloaded)
{
    make_ready("b");
    folder_remove("b");
    scan_again();
    assert_listed("a b org/c ");
    assert_state("b", MODEL_READY);
    struct model_listener *l = listen_to("b");
    unload_it("b");
    pool_run();
    assert_listed("a org/c ");
    assert_heard(l, "draining available gone");
    model_events_close(l);
}

TEST(scan_keeps_a_model_that_came_back_in_time)
{
    make_ready("b");
    folder_remove("b");
    scan_again();
    put_model("b");
    scan_again();
    unload_it("b");
    pool_run();
    assert_listed("a b org/c ");
}

TEST(scan_drops_a_failed_model_whose_folder_is_gone)
{
    engine.open = KIT_LOAD_FAILED;
    assert_int_equal(load_it("b"), KIT_OK);
    folder_remove("b");
    scan_again();
    assert_listed("a b org/c "); /* it is loading */
    pool_run();
    assert_state("b", MODEL_FAILED);
    unload_it("b");
    assert_listed("a org/c ");
}

TEST(scan_takes_as_many_as_fit_and_says_so)
{
    make_ready("org/c");
    folder_remove("org");
    for (unsigned i = 0; i < 9; i++) {
        char id[16];
        snprintf(id, sizeof(id), "m%u", i);
        put_model(id);
    }
    assert_int_equal(model_catalog_scan(catalog, &err), KIT_FULL);
    assert_non_null(strstr(err.msg, "more than 8 models"));
    assert_listed("a b m0 m1 m2 m3 m4 org/c ");
}

TEST(scan_of_a_missing_folder_changes_nothing)
{
    folder_remove("");
    assert_int_equal(model_catalog_scan(catalog, &err), KIT_NOT_FOUND);
    assert_listed("a b org/c ");
}

/* --- a thousand times, and without memory --- */

TEST(thousand_loads_and_unloads_leave_no_byte)
{
    make_ready("a"); /* metrics keep their series */
    unload_it("a");
    pool_run();
    uint64_t bytes = kit_alloc_bytes(), count = kit_alloc_count();
    for (int i = 0; i < 1000; i++) {
        make_ready("a");
        unload_it("a");
        pool_run();
    }
    assert_int_equal(kit_alloc_bytes(), bytes);
    assert_int_equal(kit_alloc_count(), count);
    assert_int_equal(engine.opens, 1001);
    assert_int_equal(engine.closes, 1001);
}

TEST(catalog_survives_each_failed_alloc_when_made_and_scanned)
{
    pool.waiting_max = 0;
    model_catalog_free(catalog);
    TEST_ALLOC_SWEEP(n) {
        uint64_t before = kit_alloc_count();
        catalog = NULL;
        enum kit_status rc = new_catalog();
        assert_true(rc == KIT_OK ? catalog != NULL : rc == KIT_NOMEM && catalog == NULL);
        if (rc == KIT_OK) {
            rc = model_catalog_scan(catalog, NULL);
            assert_true(rc == KIT_OK || rc == KIT_NOMEM);
            assert_true(rc == KIT_NOMEM || info_of("org/c").state == MODEL_AVAILABLE);
        }
        model_catalog_free(catalog);
        assert_int_equal(kit_alloc_count(), before);
    }
    assert_int_equal(new_catalog(), KIT_OK);
}

TEST(load_survives_each_failed_alloc)
{
    make_ready("a");
    unload_it("a");
    pool_run();
    TEST_ALLOC_SWEEP(n) {
        uint64_t before = kit_alloc_count();
        assert_int_equal(load_it("a"), KIT_OK);
        pool_run();
        enum model_state state = info_of("a").state;
        assert_true(state == MODEL_READY || (state == MODEL_FAILED && booked_bytes() == 0));
        unload_it("a");
        pool_run();
        assert_state("a", MODEL_AVAILABLE);
        assert_int_equal(kit_alloc_count(), before);
    }
}

int main(void)
{
    return TEST_RUN(
        IN_WORLD(load_goes_through_loading_and_warming_to_ready), IN_WORLD(load_is_idempotent),
        IN_WORLD(load_of_an_unknown_model_offers_the_nearest), IN_WORLD(load_notes_what_the_model_says_of_itself),
        IN_WORLD(load_puts_a_back_end_that_may_abort_into_a_cell),
        IN_WORLD(load_books_the_estimate_before_and_the_truth_after),
        IN_WORLD(load_beyond_the_budget_is_refused_with_the_whole_sum), IN_WORLD(load_fits_to_the_last_byte),
        IN_WORLD(load_with_an_absurd_estimate_is_refused), IN_WORLD(tick_books_what_ready_models_hold_by_now),
        IN_WORLD(progress_comes_first_then_every_50_ms_then_last),
        IN_WORLD(progress_of_a_fast_load_comes_with_each_thirty_second_part),
        IN_WORLD(progress_never_falls_and_never_repeats), IN_WORLD(progress_shows_while_loading_and_not_after),
        IN_WORLD(load_that_fails_leaves_a_reason_and_nothing_else),
        IN_WORLD(failed_model_goes_back_to_available_by_unload), IN_WORLD(unload_gives_everything_back),
        IN_WORLD(unload_is_idempotent), IN_WORLD(unload_while_loading_stops_the_load_at_its_next_word),
        IN_WORLD(load_after_a_cancel_loads_again), IN_WORLD(unload_and_load_between_two_words_change_nothing),
        IN_WORLD(unload_before_the_load_began_loads_nothing),
        IN_WORLD(unload_of_a_load_that_ends_without_asking_closes_it), IN_WORLD(unload_while_warming_drains),
        IN_WORLD(unload_while_warming_fails_is_no_failure), IN_WORLD(load_while_draining_is_kept_until_it_is_drained),
        IN_WORLD(unload_of_a_load_that_waits_is_done_at_once),
        IN_WORLD(unload_of_a_load_that_waits_lets_a_vanished_model_go),
        IN_WORLD(event_of_a_reload_says_that_it_is_wanted_again),
        IN_WORLD(event_of_a_load_that_was_called_off_says_that_it_is_not_wanted),
        IN_WORLD(event_of_a_failure_says_whether_it_is_tried_again), IN_WORLD(first_look_of_a_listener_has_the_wish),
        IN_WORLD(acquire_says_what_to_do_when_a_model_is_not_ready), IN_WORLD(acquire_only_takes_the_one_that_is_ready),
        IN_WORLD(reference_keeps_a_draining_model_open_without_holding_a_thread),
        IN_WORLD(load_is_refused_when_the_pool_is_full_and_nothing_changed),
        IN_WORLD(unload_with_a_full_pool_is_made_up_for_by_the_tick),
        IN_WORLD(free_unloads_everything_even_with_a_full_pool), IN_WORLD(free_takes_no_new_wishes),
        IN_WORLD(scan_brings_new_models_and_drops_vanished_ones),
        IN_WORLD(scan_brings_models_of_the_cache_and_they_load_from_there),
        IN_WORLD(scan_prefers_the_models_folder_to_the_cache),
        IN_WORLD(scan_follows_a_cache_that_moves_on_but_not_under_a_loaded_model),
        IN_WORLD(scan_keeps_a_loaded_model_until_it_is_unloaded), IN_WORLD(scan_keeps_a_model_that_came_back_in_time),
        IN_WORLD(scan_drops_a_failed_model_whose_folder_is_gone), IN_WORLD(scan_takes_as_many_as_fit_and_says_so),
        IN_WORLD(scan_of_a_missing_folder_changes_nothing), IN_WORLD(thousand_loads_and_unloads_leave_no_byte),
        IN_WORLD(catalog_survives_each_failed_alloc_when_made_and_scanned), IN_WORLD(load_survives_each_failed_alloc));
}
