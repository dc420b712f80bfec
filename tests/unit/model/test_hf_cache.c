#include "model/hf_cache.h"

#include "kit/log.h"
#include "world.h"

#define COMMIT "0123456789abcdef0123456789abcdef01234567"

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

/* repository/snapshots/commit/name as huggingface_hub lays it: a link to a blob. */
static void put_snapshot(const char *repository, const char *commit, const char *name, const char *text)
{
    char below[FOLDER_BYTES], blob[FOLDER_BYTES], link[FOLDER_BYTES * 3];
    snprintf(below, sizeof(below), "%s/blobs", repository);
    snprintf(blob, sizeof(blob), "%s-of-%s", name, commit);
    put_file(below, blob, text);
    snprintf(below, sizeof(below), "%s/snapshots/%s", repository, commit);
    put_file(below, ".made", "");
    snprintf(link, sizeof(link), "%s/%s/%s", folder, below, name);
    snprintf(blob, sizeof(blob), "../../blobs/%s-of-%s", name, commit);
    assert_int_equal(symlink(blob, link), 0);
}

static void put_ref(const char *repository, const char *text)
{
    char below[FOLDER_BYTES];
    snprintf(below, sizeof(below), "%s/refs", repository);
    put_file(below, "main", text);
}

static void put_repository(const char *repository, const char *commit)
{
    put_snapshot(repository, commit, "config.json", "{}");
    put_snapshot(repository, commit, "model.safetensors", "weights");
    put_ref(repository, commit);
}

static void scan_all(void)
{
    struct kit_err err = {0};
    if (model_hf_cache_scan(folder, 100, &scan, &err) != KIT_OK) {
        fail_msg("%s", err.msg);
    }
}

static void assert_found(const char *ids)
{
    char text[4096] = "";
    for (uint32_t i = 0; i < scan.count; i++) {
        size_t at = strlen(text);
        assert_int_equal(scan.found[i].source, MODEL_SOURCE_HF_CACHE);
        snprintf(text + at, sizeof(text) - at, "%s%s:%s@%.7s", i > 0 ? " " : "", scan.found[i].id, scan.found[i].format,
                 scan.found[i].commit);
    }
    assert_string_equal(text, ids);
}

TEST(hf_cache_gives_what_main_points_at)
{
    put_repository("models--org--name", COMMIT);
    put_snapshot("models--org--name", "ffffffffffffffffffffffffffffffffffffffff", "config.json", "{}");
    put_repository("models--gpt2", "aaaaaaa");
    put_file("datasets--org--data/refs", "main", COMMIT);
    put_file(".locks/models--org--name", "x.lock", "");
    put_file(".", "version.txt", "1");
    scan_all();
    assert_found("gpt2:safetensors@aaaaaaa org/name:safetensors@0123456");
}

TEST(hf_cache_path_leads_to_the_files)
{
    char path[FOLDER_BYTES * 2], file[FOLDER_BYTES * 3];
    put_repository("models--org--name-of--three", COMMIT);
    scan_all();
    assert_found("org/name-of/three:safetensors@0123456");
    const struct model_found *f = &scan.found[0];
    assert_int_equal(model_source_path(path, sizeof(path), folder, f->source, f->id, f->commit, NULL), KIT_OK);
    snprintf(file, sizeof(file), "%s/config.json", path);
    assert_true(kit_file_exists(file));
    assert_int_equal(model_source_path(path, 40, folder, f->source, f->id, f->commit, NULL), KIT_INVALID);
}

TEST(hf_cache_leaves_out_what_is_not_complete)
{
    put_snapshot("models--org--config-only", COMMIT, "config.json", "{}");
    put_ref("models--org--config-only", COMMIT);
    put_snapshot("models--org--one-of-two", COMMIT, "config.json", "{}");
    put_snapshot("models--org--one-of-two", COMMIT, "model-00001-of-00002.safetensors", "w");
    put_ref("models--org--one-of-two", COMMIT);
    put_repository("models--org--lost-blob", COMMIT);
    folder_remove("models--org--lost-blob/blobs");
    put_repository("models--org--no-ref", COMMIT);
    folder_remove("models--org--no-ref/refs");
    put_repository("models--org--other-ref", COMMIT);
    put_ref("models--org--other-ref", "ffffffffffffffffffffffffffffffffffffffff");
    put_repository("models--org--whole", COMMIT);
    scan_all();
    assert_found("org/whole:safetensors@0123456");
}

TEST(hf_cache_follows_no_ref_that_leads_away)
{
    static const char *const refs[] = {"..",         "../../models--org--good/snapshots/" COMMIT, "", ".", "a b",
                                       COMMIT COMMIT};
    put_repository("models--org--good", COMMIT);
    for (size_t i = 0; i < KIT_COUNT(refs); i++) {
        char repository[32];
        snprintf(repository, sizeof(repository), "models--org--bad%zu", i);
        put_snapshot(repository, COMMIT, "config.json", "{}");
        put_snapshot(repository, COMMIT, "model.safetensors", "w");
        put_ref(repository, refs[i]);
    }
    scan_all();
    assert_found("org/good:safetensors@0123456");
}

TEST(hf_cache_leaves_out_names_that_no_id_can_have)
{
    char name[256] = "models--";
    put_repository("models--", COMMIT);
    put_repository("models--org--", COMMIT);
    put_repository("models----name", COMMIT);
    put_repository("models--a--b--c--d--e", COMMIT);
    put_repository("models--org--.hidden", COMMIT);
    memset(name + strlen(name), 'x', MODEL_ID_BYTES_MAX + 1);
    put_repository(name, COMMIT);
    scan_all();
    assert_found("");
}

TEST(hf_cache_stops_at_the_maximum)
{
    put_repository("models--org--a", COMMIT);
    put_repository("models--org--b", COMMIT);
    assert_int_equal(model_hf_cache_scan(folder, 1, &scan, NULL), KIT_OK);
    assert_found("org/a:safetensors@0123456");
    assert_true(scan.cut);
}

TEST(hf_cache_that_is_not_there_is_not_found)
{
    assert_int_equal(model_hf_cache_scan("/nonexistent/cache", 9, &scan, NULL), KIT_NOT_FOUND);
}

TEST(hf_cache_survives_each_failed_alloc)
{
    put_repository("models--org--a", COMMIT);
    put_repository("models--org--b", COMMIT);
    TEST_ALLOC_SWEEP(n) {
        enum kit_status rc = model_hf_cache_scan(folder, 9, &scan, NULL);
        if (rc != KIT_OK) { /* a reference that could not be read counts as none */
            assert_int_equal(rc, KIT_NOMEM);
            assert_int_equal(scan.count, 0);
        }
        model_scan_done(&scan);
    }
    scan_all();
    assert_int_equal(scan.count, 2);
}

TEST(scan_join_keeps_the_first_and_the_maximum)
{
    struct model_found mine[] = {{.id = "a", .format = "gguf"}, {.id = "c", .format = "gguf"}};
    struct model_scan into = {.count = 2, .found = kit_alloc_copy(mine, sizeof(mine))}, more = {0};
    put_repository("models--a", COMMIT);
    put_repository("models--b", COMMIT);
    put_repository("models--d", COMMIT);
    assert_int_equal(model_hf_cache_scan(folder, 9, &more, NULL), KIT_OK);
    TEST_ALLOC_SWEEP(n) {
        enum kit_status rc = model_scan_join(&into, &more, 3, NULL);
        assert_true(rc == KIT_OK || (rc == KIT_NOMEM && into.count == 2));
    }
    assert_int_equal(into.count, 3);
    assert_true(into.cut);
    assert_int_equal(model_scan_find(&into, "a")->source, MODEL_SOURCE_FOLDER);
    assert_int_equal(model_scan_find(&into, "b")->source, MODEL_SOURCE_HF_CACHE);
    assert_null(model_scan_find(&into, "d"));
    model_scan_done(&into);
    model_scan_done(&more);
}

int main(void)
{
#define IN_CACHE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    return TEST_RUN(IN_CACHE(hf_cache_gives_what_main_points_at), IN_CACHE(hf_cache_path_leads_to_the_files),
                    IN_CACHE(hf_cache_leaves_out_what_is_not_complete),
                    IN_CACHE(hf_cache_follows_no_ref_that_leads_away),
                    IN_CACHE(hf_cache_leaves_out_names_that_no_id_can_have), IN_CACHE(hf_cache_stops_at_the_maximum),
                    IN_CACHE(hf_cache_that_is_not_there_is_not_found), IN_CACHE(hf_cache_survives_each_failed_alloc),
                    IN_CACHE(scan_join_keeps_the_first_and_the_maximum));
}
