#include "unit/plug/world.h"

TEST(engine_finds_the_plugins_of_its_folder)
{
    struct plug_engine *e = world_engine();
    assert_string_equal(plug_engine_backend(e, 0)->name, "echo");
    assert_string_equal(plug_engine_backend(e, 1)->name, "faulty");
    assert_null(plug_engine_backend(e, 2));
    plug_engine_free(e);
}

TEST(engine_stops_at_its_maximum_of_back_ends)
{
    struct plug_options options = {.folder = TEST_PLUGINS, .cell_exe = "x", .backends_max = 1};
    struct plug_engine *e = NULL;
    assert_int_equal(plug_engine_new(&options, &e, NULL), KIT_OK);
    assert_non_null(plug_engine_backend(e, 0));
    assert_null(plug_engine_backend(e, 1));
    plug_engine_free(e);
}

TEST(engine_needs_its_folder)
{
    struct plug_options options = {.folder = TEST_PLUGINS "/nowhere", .cell_exe = "x", .backends_max = 1};
    struct plug_engine *e = NULL;
    struct kit_err err = {0};
    assert_int_equal(plug_engine_new(&options, &e, &err), KIT_NOT_FOUND);
    assert_null(e);
    assert_non_null(strstr(err.msg, "nowhere"));
}

TEST(engine_choose_takes_the_one_that_probes_highest)
{
    char path[TEST_PATH_BYTES];
    struct plug_engine *e = world_engine();
    const struct acb_plugin *p = NULL;
    (void)test_temp_write(path, "both/faulty.json", kit_str_lit("")); /* answers 1,000 of 100: that is none */
    (void)test_temp_write(path, "both/echo.json", kit_str_lit("{}"));
    *strrchr(path, '/') = 0;
    assert_int_equal(plug_engine_choose(e, path, NULL, &p, NULL), KIT_OK);
    assert_string_equal(p->name, "echo");
    assert_int_equal(plug_engine_choose(e, path, "", &p, NULL), KIT_OK);
    assert_string_equal(p->name, "echo");
    assert_int_equal(plug_engine_choose(e, path, "faulty", &p, NULL), KIT_OK);
    assert_string_equal(p->name, "faulty");
    plug_engine_free(e);
}

TEST(engine_choose_says_whom_it_asked)
{
    char path[TEST_PATH_BYTES];
    char why[TEST_PATH_BYTES + 100];
    struct plug_engine *e = world_engine();
    const struct acb_plugin *p = NULL;
    struct kit_err err = {0};
    (void)test_temp_write(path, "nobodys/weights.bin", kit_str_lit(""));
    *strrchr(path, '/') = 0;
    assert_int_equal(plug_engine_choose(e, path, NULL, &p, &err), KIT_UNSUPPORTED);
    (void)snprintf(why, sizeof(why), "no back end can run what lies in %s; asked: echo, faulty", path);
    assert_string_equal(err.msg, why);
    assert_int_equal(plug_engine_choose(e, path, "torch", &p, &err), KIT_NOT_FOUND);
    assert_non_null(strstr(err.msg, "no back end 'torch'"));
    assert_null(p);
    plug_engine_free(e);
}

TEST(engine_lends_cores)
{
    struct plug_engine *e = world_engine();
    assert_int_equal(plug_cores_total(e), 4);
    assert_int_equal(plug_cores_acquire(e, 1, 8), 4);
    assert_int_equal(plug_cores_acquire(e, 0, 8), 0);
    plug_cores_release(e, 4);
    plug_engine_free(e);
}

TEST(engine_new_survives_each_failed_alloc)
{
    struct plug_options options = {
        .folder = TEST_PLUGINS, .cell_exe = "x", .cores_max = 1, .backends_max = PLUG_BACKENDS_MAX};
    TEST_ALLOC_SWEEP(n) {
        uint64_t before = kit_alloc_bytes();
        struct plug_engine *e = NULL;
        enum kit_status rc = plug_engine_new(&options, &e, NULL);
        assert_true(rc == KIT_OK ? e != NULL : rc == KIT_NOMEM && e == NULL);
        plug_engine_free(e);
        assert_int_equal(kit_alloc_bytes(), before);
    }
}

int main(int argc, char **argv)
{
    WORLD_CELL(argc, argv);
    return TEST_RUN(TEST_OF(engine_finds_the_plugins_of_its_folder), TEST_OF(engine_stops_at_its_maximum_of_back_ends),
                    TEST_OF(engine_needs_its_folder), TEST_OF(engine_choose_takes_the_one_that_probes_highest),
                    TEST_OF(engine_choose_says_whom_it_asked), TEST_OF(engine_lends_cores),
                    TEST_OF(engine_new_survives_each_failed_alloc));
}
