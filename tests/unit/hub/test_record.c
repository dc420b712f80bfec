#include "hub/record.h"

#include "kit/file.h"
#include "support/temp.h"
#include "support/test.h"

#define COMMIT "0123456789abcdef0123456789abcdef01234567"

static char path[TEST_PATH_BYTES];

static enum kit_status read_text(kit_str text, struct kit_err *err)
{
    struct kit_json_doc *doc = NULL;
    test_temp_write(path, "changed", text);
    enum kit_status rc = hub_record_read(path, &doc, err);
    kit_json_free(doc);
    return rc;
}

TEST(record_reads_what_was_written)
{
    struct kit_json_doc *doc = NULL;
    char commit[HUB_COMMIT_BYTES];
    test_temp_write(path, HUB_RECORD_NAME, (kit_str){0});
    assert_ok(hub_record_write(path, kit_str_lit("{\"commit\":\"" COMMIT "\"}"), NULL));
    assert_ok(hub_record_read(path, &doc, NULL));
    assert_str(kit_json_str(kit_json_get(kit_json_root(doc), "commit"), (kit_str){0}), COMMIT);
    kit_json_free(doc);
    assert_ok(hub_record_commit(test_temp_folder(), commit, NULL));
    assert_string_equal(commit, COMMIT);
}

TEST(record_tells_each_changed_byte)
{
    struct kit_buf text;
    struct kit_err err;
    test_temp_path(path, "good");
    assert_ok(hub_record_write(path, kit_str_lit("{\"commit\":\"" COMMIT "\"}"), NULL));
    kit_buf_init(&text, 1000);
    assert_ok(kit_file_read(path, &text, NULL));
    assert_ok(read_text(kit_buf_str(&text), &err));
    for (size_t i = 0; i < text.len; i++) {
        text.ptr[i] ^= 1;
        assert_int_equal(read_text(kit_buf_str(&text), &err), KIT_PARSE);
        text.ptr[i] ^= 1;
        assert_int_equal(read_text(kit_str_sub(kit_buf_str(&text), 0, i), &err), KIT_PARSE);
    }
    kit_buf_done(&text);
}

TEST(record_of_another_version_is_not_read)
{
    struct kit_err err;
    assert_int_equal(read_text(kit_str_lit("heimnetz-hub 2 x\n{}"), &err), KIT_PARSE);
    assert_non_null(strstr(err.msg, "version"));
}

TEST(record_without_a_commit_names_none)
{
    char commit[HUB_COMMIT_BYTES], below[TEST_PATH_BYTES];
    test_temp_write(path, "x/" HUB_RECORD_NAME, (kit_str){0});
    assert_ok(hub_record_write(path, kit_str_lit("{\"commit\":\"main\"}"), NULL));
    assert_int_equal(hub_record_commit(test_temp_path(below, "x"), commit, NULL), KIT_PARSE);
    assert_int_equal(hub_record_commit(test_temp_path(below, "none"), commit, NULL), KIT_NOT_FOUND);
}

TEST(record_survives_each_failed_alloc)
{
    test_temp_path(path, "swept");
    TEST_ALLOC_SWEEP(n) {
        struct kit_json_doc *doc = NULL;
        enum kit_status rc = hub_record_write(path, kit_str_lit("{}"), NULL);
        rc = rc == KIT_OK ? hub_record_read(path, &doc, NULL) : rc;
        assert_true(rc == KIT_OK || rc == KIT_NOMEM);
        kit_json_free(doc);
    }
}

int main(void)
{
    return TEST_RUN(TEST_OF(record_reads_what_was_written), TEST_OF(record_tells_each_changed_byte),
                    TEST_OF(record_of_another_version_is_not_read), TEST_OF(record_without_a_commit_names_none),
                    TEST_OF(record_survives_each_failed_alloc));
}
