#include "model/scan.h"

#include "kit/log.h"
#include "world.h"

static struct model_scan scan; /* of the test that runs */

static int set_up(void **state)
{
    (void)state;
    kit_log_setup(&(struct kit_log_options){.level = KIT_LOG_OFF, .fd = 2});
    folder_make();
    scan = (struct model_scan){0};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    model_scan_done(&scan);
    folder_remove("");
    return 0;
}

static void link_to(const char *target, const char *name)
{
    char path[FOLDER_BYTES * 2];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(symlink(target, path), 0);
}

static void scan_all(void)
{
    struct kit_err err = {0};
    assert_int_equal(model_scan_folder(folder, 100, &scan, &err), KIT_OK);
}

static void assert_found(const char *ids)
{
    char text[4096] = "";
    for (uint32_t i = 0; i < scan.count; i++) {
        size_t at = strlen(text);
        snprintf(text + at, sizeof(text) - at, "%s%s:%s", i > 0 ? " " : "", scan.found[i].id, scan.found[i].format);
    }
    assert_string_equal(text, ids);
}

TEST(scan_tells_formats_by_what_lies_in_the_folder)
{
    put_file("hf", "config.json", "{}");
    put_file("hf", "model.safetensors", "");
    put_file("hf", "model.onnx", "");
    put_file("llm", "x.Q4_K_M.gguf", "");
    put_file("net", "model.onnx", "");
    put_file("script", "model.pt", "");
    put_file("custom", "config.json", "{}");
    put_file("echo", "echo.json", "{}");
    put_file("none", "readme.md", "");
    put_file("weights-only", "model.safetensors", "");
    scan_all();
    assert_found("custom:custom echo:custom hf:safetensors llm:gguf net:onnx script:torchscript");
    assert_false(scan.cut);
}

TEST(scan_gives_nested_folders_ids_with_slashes_in_order)
{
    put_model("a/b");
    put_model("a-c");
    put_model("a.b/c/d/e");
    put_model("a/b2");
    put_model("one/two/three/four/five");
    scan_all();
    assert_found("a-c:custom a.b/c/d/e:custom a/b:custom a/b2:custom");
}

TEST(scan_does_not_look_inside_a_model)
{
    put_model("mini");
    put_file("mini/1_Pooling", "config.json", "{}");
    scan_all();
    assert_found("mini:custom");
}

TEST(scan_leaves_out_names_that_no_id_can_have)
{
    put_model("good");
    put_model("with space");
    put_model(".hidden");
    put_model("org/.cache/x");
    put_model("\xc3\xa4");
    put_file("folder-named/x.onnx", "y", ""); /* x.onnx is a folder */
    scan_all();
    assert_found("good:custom");
}

TEST(scan_survives_links_that_lead_back)
{
    put_model("a/model");
    link_to(".", "self");
    link_to("..", "a/up");
    link_to("../a", "a/around");
    link_to("nowhere", "broken");
    scan_all();
    assert_found("a/model:custom");
}

TEST(scan_follows_a_link_to_a_model_elsewhere)
{
    put_model("store/x");
    link_to("store/x", "alias");
    scan_all();
    assert_found("alias:custom store/x:custom");
}

TEST(scan_goes_on_behind_a_folder_that_cannot_be_read)
{
    char path[FOLDER_BYTES * 2];
    put_model("locked/x");
    put_model("open/x");
    snprintf(path, sizeof(path), "%s/locked", folder);
    if (geteuid() == 0) { /* root reads everything: a folder that goes away is as good */
        folder_remove("locked");
        link_to("nowhere", "locked");
    } else {
        assert_int_equal(chmod(path, 0), 0);
    }
    scan_all();
    assert_found("open/x:custom");
}

TEST(scan_stops_at_the_maximum_and_says_so)
{
    put_model("a");
    put_model("b");
    put_model("c");
    assert_int_equal(model_scan_folder(folder, 2, &scan, NULL), KIT_OK);
    assert_found("a:custom b:custom");
    assert_true(scan.cut);
    model_scan_done(&scan);
    assert_int_equal(model_scan_folder(folder, 3, &scan, NULL), KIT_OK);
    assert_false(scan.cut);
}

TEST(scan_stops_in_a_maze_of_links)
{
    /* Folders that all link to each other: 14 * 13 * 12 * 11 ways down without coming round, too many to go. */
    for (unsigned i = 0; i < 14; i++) {
        char id[16];
        snprintf(id, sizeof(id), "m%u", i);
        put_file(id, "note", "");
        for (unsigned j = 0; j < 14; j++) {
            char from[32], to[32];
            snprintf(from, sizeof(from), "m%u/n%u", i, j);
            snprintf(to, sizeof(to), "../m%u", j);
            link_to(to, from);
        }
    }
    scan_all();
    assert_int_equal(scan.count, 0);
    assert_true(scan.cut);
}

TEST(scan_says_that_the_folder_is_missing)
{
    struct kit_err err = {0};
    char path[FOLDER_BYTES * 2];
    snprintf(path, sizeof(path), "%s/nowhere", folder);
    assert_int_equal(model_scan_folder(path, 9, &scan, &err), KIT_NOT_FOUND);
    assert_non_null(strstr(err.msg, "nowhere"));
    assert_int_equal(model_scan_folder("", 9, &scan, &err), KIT_INVALID);
    assert_null(scan.found);
}

TEST(scan_finds_nothing_in_an_empty_folder)
{
    scan_all();
    assert_int_equal(scan.count, 0);
}

TEST(scan_survives_each_failed_alloc)
{
    put_model("a");
    put_model("org/b");
    TEST_ALLOC_SWEEP(n) {
        uint64_t before = kit_alloc_count();
        enum kit_status rc = model_scan_folder(folder, 9, &scan, NULL);
        assert_true(rc == KIT_OK ? scan.count == 2 : rc == KIT_NOMEM && scan.found == NULL);
        model_scan_done(&scan);
        assert_int_equal(kit_alloc_count(), before);
    }
}

#define IN_FOLDER(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    return TEST_RUN(IN_FOLDER(scan_tells_formats_by_what_lies_in_the_folder),
                    IN_FOLDER(scan_gives_nested_folders_ids_with_slashes_in_order),
                    IN_FOLDER(scan_does_not_look_inside_a_model), IN_FOLDER(scan_leaves_out_names_that_no_id_can_have),
                    IN_FOLDER(scan_survives_links_that_lead_back), IN_FOLDER(scan_follows_a_link_to_a_model_elsewhere),
                    IN_FOLDER(scan_goes_on_behind_a_folder_that_cannot_be_read),
                    IN_FOLDER(scan_stops_at_the_maximum_and_says_so), IN_FOLDER(scan_stops_in_a_maze_of_links),
                    IN_FOLDER(scan_says_that_the_folder_is_missing), IN_FOLDER(scan_finds_nothing_in_an_empty_folder),
                    IN_FOLDER(scan_survives_each_failed_alloc));
}
