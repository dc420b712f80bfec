/* Pulls as the catalog sees them; the hub is a double (double.h), the real one has tests/unit/hub. */
#include "double.h"

static struct hub_options options;
static struct model_listener *listener; /* of the test that runs */

/* The world of double.h, with a hub. */
static int make_with_hub(void **state)
{
    world_make(state);
    model_catalog_free(catalog);
    hub.options = &options;
    hub.autopull = true;
    assert_int_equal(new_catalog(), KIT_OK);
    assert_int_equal(model_catalog_scan(catalog, &err), KIT_OK);
    return 0;
}

static enum kit_status pull_at(const char *text, const char *file, enum model_state *state)
{
    struct hub_name name;
    memset(&err, 0, sizeof(err));
    assert_int_equal(hub_name_parse(kit_str_c(text), (kit_str){0}, &name, NULL), KIT_OK);
    return model_pull(catalog, &name, kit_str_c(file), state, &err);
}

static enum kit_status pull_it(const char *text)
{
    return pull_at(text, "", NULL);
}

static void assert_gone(const char *id)
{
    struct model_info info;
    assert_int_equal(model_info_get(catalog, kit_str_c(id), &info, NULL), KIT_MODEL_NOT_FOUND);
}

static void scan_again(void)
{
    assert_int_equal(model_catalog_scan(catalog, &err), KIT_OK);
}

static void assert_says(const char *text, const char *what)
{
    if (strstr(text, what) == NULL) {
        fail_msg("'%s' is not in '%s'", what, text);
    }
}

/* Reads all there is: "downloading 5/10 available gone". */
static void assert_heard(const char *expected)
{
    char text[1024] = "";
    for (struct model_event e; model_events_read(listener, &e);) {
        size_t at = strlen(text);
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", at > 0 ? " " : "",
                               e.gone ? "gone" : model_state_text(e.state));
        if (e.done_bytes > 0) {
            snprintf(text + at, sizeof(text) - at, " %u/%u", (unsigned)e.done_bytes, (unsigned)e.total_bytes);
        }
    }
    assert_string_equal(text, expected);
}

static void on_wake(void *ctx)
{
    (void)ctx;
}

static void listen_to(const char *id)
{
    struct model_event e;
    assert_int_equal(model_events_listen(catalog, kit_str_c(id), on_wake, NULL, &listener), KIT_OK);
    assert_false(model_events_read(listener, &e));
}

static int break_with_hub(void **state)
{
    model_events_close(listener);
    listener = NULL;
    return world_break(state);
}

/* --- what a pull does --- */

TEST(pull_brings_a_model_and_does_not_load_it)
{
    static const uint64_t words[] = {100, 1000, 0};
    enum model_state state = MODEL_READY;
    listen_to("org/new");
    hub.progress = words;
    assert_int_equal(pull_at("org/new", "", &state), KIT_OK);
    assert_int_equal(state, MODEL_DOWNLOADING);
    assert_true(info_of("org/new").absent);
    pool_run();
    assert_heard("downloading downloading 100/1000 downloading 1000/1000 available");
    assert_state("org/new", MODEL_AVAILABLE);
    assert_false(info_of("org/new").absent);
    assert_string_equal(model_source_text(info_of("org/new").origin), "hub");
    assert_string_equal(info_of("org/new").commit, PULLED_COMMIT);
    assert_string_equal(info_of("org/new").format, "custom");
    assert_string_equal(hub.name.revision, "main");
    make_ready("org/new");
}

TEST(pull_passes_revision_and_file_on)
{
    assert_int_equal(pull_at("org/new@v1", "Q4_K_M", NULL), KIT_OK);
    pool_run();
    assert_string_equal(hub.name.id, "org/new");
    assert_string_equal(hub.name.revision, "v1");
    assert_string_equal(hub.file, "Q4_K_M");
}

TEST(pull_joins_one_that_is_on)
{
    assert_int_equal(pull_it("org/new"), KIT_OK);
    assert_int_equal(pull_it("org/new"), KIT_OK);
    assert_int_equal(pull_it("org/new@v1"), KIT_CONFLICT);
    assert_says(err.msg, "at revision 'main'");
    assert_int_equal(pull_at("org/new", "other.gguf", NULL), KIT_CONFLICT);
    pool_run();
    assert_int_equal(hub.pulls, 1);
}

TEST(pull_of_what_was_pulled_asks_the_hub_again)
{
    assert_int_equal(pull_it("org/new"), KIT_OK);
    pool_run();
    scan_again(); /* the double leaves no record: to the scan it is somebody's own */
    assert_int_equal(hub.pulls, 1);
    assert_int_equal(pull_it("org/other"), KIT_OK);
    pool_run();
    assert_int_equal(pull_it("org/other@v1"), KIT_OK);
    pool_run();
    assert_int_equal(hub.pulls, 3);
}

TEST(pull_leaves_alone_what_is_somebodys_own)
{
    enum model_state state = MODEL_FAILED;
    assert_int_equal(pull_at("org/c", "", &state), KIT_OK);
    assert_int_equal(state, MODEL_AVAILABLE);
    assert_int_equal(pull_it("org/c@v1"), KIT_CONFLICT);
    assert_says(err.msg, "did not come from the hub");
    pool_run();
    assert_int_equal(hub.pulls, 0);
}

TEST(pull_of_a_loaded_model_changes_nothing_under_it)
{
    enum model_state state = MODEL_FAILED;
    assert_int_equal(pull_it("org/new"), KIT_OK);
    pool_run();
    make_ready("org/new");
    assert_int_equal(pull_at("org/new", "", &state), KIT_OK);
    assert_int_equal(state, MODEL_READY);
    assert_int_equal(pull_it("org/new@" PULLED_COMMIT), KIT_OK);
    assert_int_equal(pull_it("org/new@v2"), KIT_CONFLICT);
    assert_says(err.msg, "unload it before");
    assert_int_equal(hub.pulls, 1);
}

TEST(pull_of_a_model_in_the_cache_brings_it_into_the_folder)
{
    put_cached("org", "cached", "abc1");
    scan_again();
    assert_int_equal(pull_it("org/cached"), KIT_OK);
    pool_run();
    assert_string_equal(model_source_text(info_of("org/cached").origin), "hub");
    make_ready("org/cached");
    assert_true(kit_str_ends(kit_str_c(engine.path), kit_str_lit("/org/cached")));
    assert_true(kit_str_find(kit_str_c(engine.path), kit_str_lit("snapshots")) == strlen(engine.path));
}

TEST(pull_needs_a_hub)
{
    model_catalog_free(catalog);
    hub.options = NULL;
    assert_int_equal(new_catalog(), KIT_OK);
    assert_int_equal(pull_it("org/new"), KIT_UNAVAILABLE);
}

/* --- how a pull fails --- */

TEST(pull_that_fails_says_why_and_leaves_nothing_after_a_while)
{
    hub.answer = KIT_DENIED;
    hub.says = "'org/new' is gated";
    assert_int_equal(pull_it("org/new"), KIT_OK);
    pool_run();
    assert_state("org/new", MODEL_FAILED);
    assert_string_equal(info_of("org/new").error, "'org/new' is gated");
    assert_int_equal(info_of("org/new").code, KIT_DENIED);
    scan_again();
    assert_state("org/new", MODEL_FAILED); /* its reason can be seen still */
    pass_ms(MODEL_PULL_SHOWN_NS / KIT_NS_PER_MS);
    scan_again();
    assert_gone("org/new");
}

TEST(unload_takes_a_failed_pull_away_at_once)
{
    hub.answer = KIT_IO;
    hub.says = "cut off";
    assert_int_equal(pull_it("org/new"), KIT_OK);
    pool_run();
    unload_it("org/new");
    assert_gone("org/new");
}

TEST(pull_that_found_nothing_offers_what_is_near)
{
    hub.answer = KIT_NOT_FOUND;
    hub.says = "no model 'orgs/c' on the hub";
    assert_int_equal(pull_it("orgs/c"), KIT_OK);
    pool_run();
    assert_int_equal(info_of("orgs/c").code, KIT_MODEL_NOT_FOUND);
    assert_string_equal(info_of("orgs/c").error, "no model 'orgs/c' on the hub; did you mean 'org/c', which is here?");
}

TEST(pull_that_brings_no_model_fails)
{
    hub.empty = true;
    assert_int_equal(pull_it("org/new"), KIT_OK);
    pool_run();
    assert_state("org/new", MODEL_FAILED);
    assert_says(info_of("org/new").error, "is no model");
}

TEST(pull_after_a_failure_is_tried_again)
{
    hub.answer = KIT_IO;
    hub.says = "cut off";
    assert_int_equal(pull_it("org/new"), KIT_OK);
    pool_run();
    hub.answer = KIT_OK;
    assert_int_equal(pull_it("org/new"), KIT_OK);
    pool_run();
    assert_state("org/new", MODEL_AVAILABLE);
    assert_string_equal(info_of("org/new").error, "");
}

TEST(pull_that_failed_becomes_a_model_when_somebody_brings_it)
{
    hub.answer = KIT_IO;
    hub.says = "cut off";
    assert_int_equal(pull_it("org/new"), KIT_OK);
    pool_run();
    put_model("org/new");
    scan_again();
    assert_state("org/new", MODEL_AVAILABLE);
    assert_string_equal(model_source_text(info_of("org/new").origin), "models");
    make_ready("org/new");
}

TEST(failed_pull_of_an_update_leaves_the_model_that_is_here)
{
    assert_int_equal(pull_it("org/new"), KIT_OK);
    pool_run();
    hub.answer = KIT_IO;
    hub.says = "cut off";
    assert_int_equal(pull_it("org/new@v2"), KIT_OK);
    pool_run();
    assert_state("org/new", MODEL_FAILED);
    make_ready("org/new");
}

/* --- calling it off --- */

static void unload_new(void)
{
    unload_it("org/new");
}

static void unload_at_half(uint64_t done)
{
    if (done == 500) {
        unload_it("org/new");
    }
}

TEST(unload_calls_a_pull_off_and_nothing_is_left)
{
    static const uint64_t words[] = {500, 1000, 0};
    listen_to("org/new");
    hub.progress = words;
    hub.at_progress = unload_at_half;
    assert_int_equal(pull_it("org/new"), KIT_OK);
    pool_run();
    assert_heard("downloading available gone");
    assert_gone("org/new");
}

TEST(unload_of_a_pull_that_waits_is_done_when_its_turn_comes)
{
    assert_int_equal(pull_it("org/new"), KIT_OK);
    unload_it("org/new");
    assert_state("org/new", MODEL_AVAILABLE);
    pool_run();
    assert_gone("org/new");
    assert_int_equal(hub.pulls, 0);
}

static uint32_t rounds;

static void unload_and_pull_again(void)
{
    if (rounds++ == 0) {
        unload_it("org/new");
        assert_int_equal(pull_it("org/new@v2"), KIT_OK);
    }
}

TEST(pull_of_another_revision_after_a_cancel_is_the_one_that_counts)
{
    rounds = 0;
    hub.at_pull = unload_and_pull_again;
    assert_int_equal(pull_it("org/new"), KIT_OK);
    pool_run();
    assert_int_equal(hub.pulls, 2);
    assert_string_equal(hub.name.revision, "v2");
    assert_state("org/new", MODEL_AVAILABLE);
    assert_false(info_of("org/new").absent);
}

/* --- load pulls first --- */

TEST(load_of_an_unknown_model_pulls_it_first)
{
    listen_to("org/new");
    enum model_state state = MODEL_READY;
    assert_int_equal(model_load(catalog, kit_str_lit("org/new"), &state, &err), KIT_OK);
    assert_int_equal(state, MODEL_DOWNLOADING);
    pool_run();
    assert_state("org/new", MODEL_READY);
    assert_heard("downloading downloading 1000/1000 available loading warming ready");
    assert_int_equal(hub.pulls, 1);
}

TEST(load_while_a_pull_is_on_loads_after_it)
{
    assert_int_equal(pull_it("org/new"), KIT_OK);
    assert_int_equal(load_it("org/new"), KIT_OK);
    pool_run();
    assert_state("org/new", MODEL_READY);
    assert_int_equal(hub.pulls, 1);
}

TEST(load_whose_pull_fails_is_not_wanted_any_more)
{
    hub.answer = KIT_UNAVAILABLE;
    hub.says = "nothing answers";
    assert_int_equal(load_it("org/new"), KIT_OK);
    pool_run();
    assert_state("org/new", MODEL_FAILED);
    assert_false(info_of("org/new").wanted);
    hub.answer = KIT_OK;
    make_ready("org/new"); /* the next load pulls again */
    assert_int_equal(hub.pulls, 2);
}

TEST(load_pulls_no_slips_of_the_pen)
{
    memset(&err, 0, sizeof(err));
    assert_int_equal(load_it("C"), KIT_MODEL_NOT_FOUND); /* near "org/c" */
    assert_says(err.msg, "did you mean 'org/c'");
    assert_int_equal(load_it("../x"), KIT_MODEL_NOT_FOUND);
    assert_int_equal(load_it("org/new@v1"), KIT_MODEL_NOT_FOUND);
    assert_int_equal(load_it("bert-base-uncased"), KIT_OK);
    pool_run();
    assert_state("bert-base-uncased", MODEL_READY);
    assert_int_equal(hub.pulls, 1);
}

TEST(load_pulls_nothing_where_autopull_is_off_and_says_how)
{
    model_catalog_free(catalog);
    hub.autopull = false;
    assert_int_equal(new_catalog(), KIT_OK);
    assert_int_equal(load_it("org/new"), KIT_MODEL_NOT_FOUND);
    assert_says(err.msg, "heimnetz aethercore pull org/new");
    pool_run();
    assert_int_equal(hub.pulls, 0);
    hub.answer = KIT_IO;
    hub.says = "cut off";
    assert_int_equal(pull_it("org/new"), KIT_OK);
    pool_run();
    assert_int_equal(load_it("org/new"), KIT_MODEL_NOT_FOUND); /* nor what a pull did not bring */
    assert_says(err.msg, "is not here: cut off");
    assert_int_equal(hub.pulls, 1);
}

TEST(acquire_pulls_nothing)
{
    struct model_loaded *m = NULL;
    assert_int_equal(acquire_it("org/new", &m), KIT_MODEL_NOT_FOUND);
    assert_says(err.msg, "POST /hub/pull");
    assert_int_equal(pull_it("org/new"), KIT_OK);
    assert_int_equal(acquire_it("org/new", &m), KIT_UNAVAILABLE);
    assert_says(err.msg, "is downloading");
    hub.answer = KIT_NO_SPACE;
    hub.says = "no room";
    pool_run();
    assert_int_equal(acquire_it("org/new", &m), KIT_MODEL_NOT_FOUND);
    assert_says(err.msg, "is not here: no room");
}

/* --- room --- */

TEST(pull_is_refused_when_the_pool_or_the_catalog_is_full)
{
    pool.waiting_max = 0;
    assert_int_equal(pull_it("org/new"), KIT_FULL);
    assert_gone("org/new");
    assert_int_equal(load_it("org/new"), KIT_FULL);
    assert_gone("org/new");
    pool.waiting_max = 8;
    for (int i = 0; i < 5; i++) { /* three are here, eight fit */
        char id[32];
        snprintf(id, sizeof(id), "org/new%d", i);
        assert_int_equal(pull_it(id), KIT_OK);
    }
    assert_int_equal(pull_it("org/more"), KIT_FULL);
    assert_says(err.msg, "models.max");
}

TEST(pull_survives_each_failed_alloc)
{
    TEST_ALLOC_SWEEP(n) {
        enum kit_status rc = pull_it("org/new");
        assert_true(rc == KIT_OK || rc == KIT_NOMEM);
        if (rc == KIT_OK) {
            unload_new();
        }
        pool_run();
        assert_gone("org/new");
    }
}

int main(void)
{
#define WITH_HUB(name) cmocka_unit_test_setup_teardown(name, make_with_hub, break_with_hub)
    return TEST_RUN(
        WITH_HUB(pull_brings_a_model_and_does_not_load_it), WITH_HUB(pull_passes_revision_and_file_on),
        WITH_HUB(pull_joins_one_that_is_on), WITH_HUB(pull_of_what_was_pulled_asks_the_hub_again),
        WITH_HUB(pull_leaves_alone_what_is_somebodys_own), WITH_HUB(pull_of_a_loaded_model_changes_nothing_under_it),
        WITH_HUB(pull_of_a_model_in_the_cache_brings_it_into_the_folder), WITH_HUB(pull_needs_a_hub),
        WITH_HUB(pull_that_fails_says_why_and_leaves_nothing_after_a_while),
        WITH_HUB(unload_takes_a_failed_pull_away_at_once), WITH_HUB(pull_that_found_nothing_offers_what_is_near),
        WITH_HUB(pull_that_brings_no_model_fails), WITH_HUB(pull_after_a_failure_is_tried_again),
        WITH_HUB(pull_that_failed_becomes_a_model_when_somebody_brings_it),
        WITH_HUB(failed_pull_of_an_update_leaves_the_model_that_is_here),
        WITH_HUB(unload_calls_a_pull_off_and_nothing_is_left),
        WITH_HUB(unload_of_a_pull_that_waits_is_done_when_its_turn_comes),
        WITH_HUB(pull_of_another_revision_after_a_cancel_is_the_one_that_counts),
        WITH_HUB(load_of_an_unknown_model_pulls_it_first), WITH_HUB(load_while_a_pull_is_on_loads_after_it),
        WITH_HUB(load_whose_pull_fails_is_not_wanted_any_more), WITH_HUB(load_pulls_no_slips_of_the_pen),
        WITH_HUB(load_pulls_nothing_where_autopull_is_off_and_says_how), WITH_HUB(acquire_pulls_nothing),
        WITH_HUB(pull_is_refused_when_the_pool_or_the_catalog_is_full), WITH_HUB(pull_survives_each_failed_alloc));
}
