/* Models of other servers in the catalog, over a catalog whose engine is a double. */
#include "model/remote.h"

#include "double.h"

static const kit_str both[] = {{"x", 1}, {"org/y:8b", 8}};

static enum kit_status set(const char *upstream, const kit_str *ids, uint32_t count)
{
    return model_remote_set(catalog, upstream, ids, count, &err);
}

static bool finds(const char *id, char upstream[MODEL_UPSTREAM_BYTES], char why[KIT_ERR_MSG_BYTES])
{
    return model_remote_find(catalog, kit_str_c(id), upstream, why);
}

TEST(models_of_an_upstream_come_and_go_with_its_list)
{
    struct model_info info;
    assert_ok(set("up", both, 2));
    assert_state("x", MODEL_READY);
    assert_state("org/y:8b", MODEL_READY);
    assert_string_equal(info_of("x").backend, "up");
    assert_int_equal(info_of("x").origin, MODEL_SOURCE_REMOTE);
    assert_ok(set("up", both, 1));
    assert_int_equal(model_info_get(catalog, kit_str_lit("org/y:8b"), &info, NULL), KIT_MODEL_NOT_FOUND);
    assert_ok(set("up", NULL, 0));
    assert_int_equal(model_info_get(catalog, kit_str_lit("x"), &info, NULL), KIT_MODEL_NOT_FOUND);
}

TEST(an_upstream_that_does_not_answer_fails_its_own_models_only)
{
    char upstream[MODEL_UPSTREAM_BYTES], why[KIT_ERR_MSG_BYTES];
    assert_ok(set("one", both, 1));
    assert_ok(set("two", &both[1], 1));
    model_remote_fail(catalog, "one", "it is off");
    assert_state("x", MODEL_FAILED);
    assert_state("org/y:8b", MODEL_READY);
    assert_true(finds("x", upstream, why));
    assert_string_equal(upstream, "one");
    assert_string_equal(why, "it is off");
    assert_ok(set("one", both, 1));
    assert_true(finds("x", upstream, why));
    assert_string_equal(why, "");
}

TEST(the_first_upstream_that_has_an_id_keeps_it)
{
    assert_ok(set("one", both, 2));
    assert_ok(set("two", both, 2));
    assert_string_equal(info_of("x").backend, "one");
    assert_ok(set("one", &both[1], 1));
    assert_ok(set("two", both, 2));
    assert_string_equal(info_of("x").backend, "two");
}

TEST(a_model_of_ours_is_never_an_upstreams)
{
    char upstream[MODEL_UPSTREAM_BYTES], why[KIT_ERR_MSG_BYTES];
    kit_str ours = kit_str_lit("a");
    assert_ok(set("up", &ours, 1));
    assert_int_equal(info_of("a").origin, MODEL_SOURCE_FOLDER);
    assert_false(finds("a", upstream, why));
    assert_false(finds("nobody", upstream, why));
}

TEST(a_folder_that_comes_takes_the_place_of_an_upstreams_model)
{
    assert_ok(set("up", both, 2));
    put_file("x", "echo.json", "{}");
    assert_ok(model_catalog_scan(catalog, &err));
    assert_int_equal(info_of("x").origin, MODEL_SOURCE_FOLDER);
    assert_state("x", MODEL_AVAILABLE);
    assert_state("org/y:8b", MODEL_READY);
}

TEST(an_upstreams_model_is_not_loaded_unloaded_or_acquired)
{
    struct model_loaded *loaded = NULL;
    assert_ok(set("up", both, 1));
    assert_int_equal(load_it("x"), KIT_OK);
    assert_int_equal(model_unload(catalog, kit_str_lit("x"), &err), KIT_CONFLICT);
    assert_int_equal(acquire_it("x", &loaded), KIT_CONFLICT);
    assert_int_equal(model_acquire_only(catalog, &loaded, &err), KIT_INVALID);
    model_remote_fail(catalog, "up", "it is off");
    assert_int_equal(load_it("x"), KIT_UNAVAILABLE);
    pass_ms(10000);
    assert_state("x", MODEL_FAILED);
}

TEST(ids_of_others_are_checked)
{
    char longest[MODEL_ID_BYTES_MAX + 2];
    memset(longest, 'a', sizeof(longest));
    assert_true(model_remote_id_is_valid(kit_str_lit("llama3:8b")));
    assert_true(model_remote_id_is_valid((kit_str){longest, MODEL_ID_BYTES_MAX}));
    assert_false(model_remote_id_is_valid((kit_str){longest, MODEL_ID_BYTES_MAX + 1}));
    assert_false(model_remote_id_is_valid(kit_str_lit("")));
    assert_false(model_remote_id_is_valid(kit_str_lit("a b")));
    assert_false(model_remote_id_is_valid(kit_str_lit("a\"b")));
    assert_false(model_remote_id_is_valid(kit_str_lit("a\nb")));
    assert_false(model_remote_id_is_valid(kit_str_lit("\xc3\xa4")));
}

TEST(a_list_that_does_not_fit_is_told)
{
    char text[64][8];
    kit_str ids[64];
    for (uint32_t i = 0; i < 64; i++) {
        snprintf(text[i], sizeof(text[i]), "m%u", i);
        ids[i] = kit_str_c(text[i]);
    }
    assert_int_equal(set("up", ids, 64), KIT_FULL);
    assert_state("m0", MODEL_READY);
    assert_ok(set("up", NULL, 0));
}

TEST(a_list_survives_each_failed_allocation)
{
    TEST_ALLOC_SWEEP(n) {
        enum kit_status rc = set("up", both, 2);
        assert_int_equal(rc, kit_alloc_failed() ? KIT_NOMEM : KIT_OK);
        assert_ok(set("up", NULL, 0));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(models_of_an_upstream_come_and_go_with_its_list),
        IN_WORLD(an_upstream_that_does_not_answer_fails_its_own_models_only),
        IN_WORLD(the_first_upstream_that_has_an_id_keeps_it),
        IN_WORLD(a_model_of_ours_is_never_an_upstreams),
        IN_WORLD(a_folder_that_comes_takes_the_place_of_an_upstreams_model),
        IN_WORLD(an_upstreams_model_is_not_loaded_unloaded_or_acquired),
        IN_WORLD(ids_of_others_are_checked),
        IN_WORLD(a_list_that_does_not_fit_is_told),
        IN_WORLD(a_list_survives_each_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
