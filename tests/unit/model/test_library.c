/* Which models lie in the models folder changes: remove, copy. The disk is real, the engine a double (double.h). */
#include "double.h"

#include <sys/stat.h>

static bool is_there(const char *id, const char *name)
{
    char path[FOLDER_BYTES * 2];
    struct stat st;
    snprintf(path, sizeof(path), "%s/%s%s%s", folder, id, name[0] != '\0' ? "/" : "", name);
    return stat(path, &st) == 0;
}

static bool is_known(const char *id)
{
    struct model_info info;
    return model_info_get(catalog, kit_str_c(id), &info, NULL) == KIT_OK;
}

static void scan_again(void)
{
    assert_int_equal(model_catalog_scan(catalog, &err), KIT_OK);
}

static enum kit_status remove_it(const char *id)
{
    memset(&err, 0, sizeof(err));
    return model_remove(catalog, kit_str_c(id), &err);
}

static enum kit_status copy_it(const char *from, const char *to)
{
    memset(&err, 0, sizeof(err));
    return model_copy(catalog, kit_str_c(from), kit_str_c(to), &err);
}

TEST(a_model_that_is_removed_is_gone_at_once)
{
    put_model("own/deep/one");
    scan_again();
    assert_int_equal(remove_it("own/deep/one"), KIT_OK);
    assert_false(is_known("own/deep/one"));
    assert_false(is_there("own", "")); /* nor is what it lay in */
    scan_again();
    assert_false(is_known("own/deep/one"));
    assert_int_equal(remove_it("own/deep/one"), KIT_MODEL_NOT_FOUND);
}

TEST(what_lies_beside_it_stays)
{
    put_model("org/one");
    put_model("org/two");
    scan_again();
    assert_int_equal(remove_it("org/one"), KIT_OK);
    assert_true(is_known("org/two"));
    assert_true(is_there("org/two", ""));
}

TEST(a_model_that_is_wanted_is_not_removed)
{
    put_model("one");
    scan_again();
    assert_int_equal(model_load(catalog, kit_str_lit("one"), NULL, &err), KIT_OK);
    assert_int_equal(remove_it("one"), KIT_CONFLICT);
    pool_run();
    assert_int_equal(remove_it("one"), KIT_CONFLICT);
    assert_int_equal(model_unload(catalog, kit_str_lit("one"), &err), KIT_OK);
    pool_run();
    assert_int_equal(remove_it("one"), KIT_OK);
    assert_false(is_there("one", ""));
}

TEST(a_copy_stands_alone)
{
    put_model("org/one");
    put_file("org/one", ".heimnetz-hub", "where it came from");
    put_file("org/one/more", "words.txt", "x");
    scan_again();
    assert_int_equal(copy_it("org/one", "mine/own"), KIT_OK);
    assert_true(is_known("mine/own"));
    assert_true(is_there("mine/own", "echo.json"));
    assert_true(is_there("mine/own/more", "words.txt"));
    assert_false(is_there("mine/own", ".heimnetz-hub"));
    assert_int_equal(remove_it("org/one"), KIT_OK);
    assert_true(is_there("mine/own", "echo.json"));
}

TEST(a_copy_takes_nobodys_place)
{
    static const char *const taken[] = {"two", "one", "one/inside", "org", NULL};
    put_model("one");
    put_model("two");
    put_model("org/three");
    scan_again();
    for (int i = 0; taken[i] != NULL; i++) {
        assert_int_equal(copy_it("one", taken[i]), KIT_CONFLICT);
        assert_string_equal(err.param, "destination");
    }
    put_file("five", "notes.txt", "no model, but somebody's");
    assert_int_equal(copy_it("one", "five"), KIT_CONFLICT);
    assert_true(is_there("five", "notes.txt"));
}

TEST(a_copy_has_the_name_of_a_model)
{
    static const char *const wrong[] = {"", "..", "../out", "a//b", ".hidden", "a b", "/abs", NULL};
    put_model("one");
    scan_again();
    for (int i = 0; wrong[i] != NULL; i++) {
        assert_int_equal(copy_it("one", wrong[i]), KIT_INVALID);
    }
    assert_int_equal(copy_it("nobody", "other"), KIT_MODEL_NOT_FOUND);
}

TEST(what_a_crash_left_is_swept_out)
{
    put_file(".moving/7-1", "echo.json", "{}");
    model_catalog_free(catalog);
    assert_int_equal(new_catalog(), KIT_OK);
    assert_false(is_there(".moving", ""));
}

int main(void)
{
    return TEST_RUN(IN_WORLD(a_model_that_is_removed_is_gone_at_once), IN_WORLD(what_lies_beside_it_stays),
                    IN_WORLD(a_model_that_is_wanted_is_not_removed), IN_WORLD(a_copy_stands_alone),
                    IN_WORLD(a_copy_takes_nobodys_place), IN_WORLD(a_copy_has_the_name_of_a_model),
                    IN_WORLD(what_a_crash_left_is_swept_out));
}
