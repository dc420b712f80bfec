#include "support/temp.h"
#include "support/test.h"

#include <sys/stat.h>
#include <unistd.h>

#include "kit/file.h"

TEST(file_read_appends_the_whole_file)
{
    char path[TEST_PATH_BYTES];
    struct kit_buf b;
    kit_buf_init(&b, 100);
    kit_buf_add(&b, kit_str_lit(">"));
    assert_ok(kit_file_read(test_temp_write(path, "plain", kit_str_lit("one\ntwo\n")), &b, NULL));
    assert_str(kit_buf_str(&b), ">one\ntwo\n");
    kit_buf_done(&b);
}

TEST(file_read_takes_a_file_of_just_the_maximum_and_refuses_one_byte_more)
{
    char path[TEST_PATH_BYTES];
    struct kit_err err;
    struct kit_buf b;
    test_temp_write(path, "ten", kit_str_lit("0123456789"));
    kit_buf_init(&b, 10);
    assert_ok(kit_file_read(path, &b, &err));
    kit_buf_done(&b);
    kit_buf_init(&b, 9);
    assert_int_equal(kit_file_read(path, &b, &err), KIT_TOO_LARGE);
    assert_non_null(strstr(err.msg, path));
    assert_non_null(strstr(err.msg, "limit is 9"));
    assert_int_equal(b.len, 0);
    assert_int_equal(b.failed, KIT_OK);
    kit_buf_done(&b);
}

TEST(file_read_takes_files_that_tell_no_size)
{
    struct kit_buf b;
    kit_buf_init(&b, KIT_MIB);
    assert_ok(kit_file_read("/proc/self/status", &b, NULL));
    assert_true(b.len > 100);
    kit_buf_done(&b);
    kit_buf_init(&b, 20);
    assert_int_equal(kit_file_read("/proc/self/status", &b, NULL), KIT_TOO_LARGE);
    assert_int_equal(b.len, 0);
    kit_buf_done(&b);
}

TEST(file_read_says_what_is_missing_and_what_is_no_file)
{
    char path[TEST_PATH_BYTES];
    struct kit_err err;
    struct kit_buf b;
    kit_buf_init(&b, 100);
    assert_int_equal(kit_file_read(test_temp_path(path, "missing"), &b, &err), KIT_NOT_FOUND);
    assert_non_null(strstr(err.msg, path));
    assert_int_equal(kit_file_read(test_temp_folder(), &b, &err), KIT_IO);
    kit_buf_done(&b);
}

TEST(file_size_and_exists_tell_the_truth)
{
    char path[TEST_PATH_BYTES];
    uint64_t size = 0;
    assert_ok(kit_file_size(test_temp_write(path, "five", kit_str_lit("12345")), &size, NULL));
    assert_int_equal(size, 5);
    assert_true(kit_file_exists(path));
    test_temp_path(path, "missing");
    assert_false(kit_file_exists(path));
    assert_int_equal(kit_file_size(path, &size, NULL), KIT_NOT_FOUND);
    assert_int_equal(size, 5);
}

TEST(file_join_puts_one_slash_and_refuses_what_does_not_fit)
{
    char buf[8];
    assert_ok(kit_file_join(buf, sizeof(buf), kit_str_lit("a"), kit_str_lit("b"), NULL));
    assert_string_equal(buf, "a/b");
    assert_ok(kit_file_join(buf, sizeof(buf), kit_str_lit("a/"), kit_str_lit("b"), NULL));
    assert_string_equal(buf, "a/b");
    assert_ok(kit_file_join(buf, sizeof(buf), kit_str_lit(""), kit_str_lit("b"), NULL));
    assert_string_equal(buf, "b");
    assert_ok(kit_file_join(buf, sizeof(buf), kit_str_lit("abc"), kit_str_lit("def"), NULL));
    assert_int_equal(kit_file_join(buf, sizeof(buf), kit_str_lit("abc"), kit_str_lit("defg"), NULL), KIT_INVALID);
    assert_string_equal(buf, "abc/def");
}

struct names {
    char text[200];
    int left;
};

static bool add_name(void *ctx, const char *name, bool is_folder)
{
    struct names *n = ctx;
    strcat(n->text, name);
    strcat(n->text, is_folder ? "/ " : " ");
    return --n->left > 0;
}

TEST(file_list_tells_names_in_order_and_which_are_folders)
{
    char path[TEST_PATH_BYTES], link[TEST_PATH_BYTES];
    struct names n = {.left = 100};
    test_temp_write(path, "list/b", kit_str_lit(""));
    test_temp_write(path, "list/a/inner", kit_str_lit(""));
    test_temp_write(path, "list/B", kit_str_lit(""));
    test_temp_write(path, "list/.hidden", kit_str_lit(""));
    assert_int_equal(symlink("a", test_temp_path(link, "list/link")), 0);
    assert_int_equal(symlink("nowhere", test_temp_path(link, "list/lost")), 0);
    assert_ok(kit_file_list(test_temp_path(path, "list"), add_name, &n, NULL));
    assert_string_equal(n.text, ".hidden B a/ b link/ lost ");
}

TEST(file_list_stops_when_told)
{
    char path[TEST_PATH_BYTES];
    struct names n = {.left = 2};
    test_temp_write(path, "stop/1", kit_str_lit(""));
    test_temp_write(path, "stop/2", kit_str_lit(""));
    test_temp_write(path, "stop/3", kit_str_lit(""));
    assert_ok(kit_file_list(test_temp_path(path, "stop"), add_name, &n, NULL));
    assert_string_equal(n.text, "1 2 ");
    assert_int_equal(kit_file_list(test_temp_path(path, "missing"), add_name, &n, NULL), KIT_NOT_FOUND);
}

TEST(file_make_folder_makes_all_of_the_path_and_may_find_it_there)
{
    char path[TEST_PATH_BYTES];
    struct stat st;
    struct kit_err err;
    assert_ok(kit_file_make_folder(test_temp_path(path, "x//y/z/"), NULL));
    assert_int_equal(stat(path, &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    assert_ok(kit_file_make_folder(path, NULL));
    assert_ok(kit_file_make_folder("/", NULL));
    test_temp_write(path, "file", kit_str_lit(""));
    assert_int_equal(kit_file_make_folder(path, &err), KIT_IO);
    assert_int_equal(kit_file_make_folder("", &err), KIT_INVALID);
}

static void assert_content(const char *path, const char *text)
{
    struct kit_buf b;
    kit_buf_init(&b, 100);
    assert_ok(kit_file_read(path, &b, NULL));
    assert_str(kit_buf_str(&b), text);
    kit_buf_done(&b);
}

TEST(file_write_puts_a_new_file_in_the_place_of_the_old)
{
    char path[TEST_PATH_BYTES], beside[TEST_PATH_BYTES];
    test_temp_write(path, "write/file", kit_str_lit("the old one, which is longer"));
    assert_ok(kit_file_write(path, kit_str_lit("new"), NULL));
    assert_content(path, "new");
    assert_false(kit_file_exists(test_temp_path(beside, "write/file.new")));
    assert_ok(kit_file_write(path, (kit_str){0}, NULL));
    assert_content(path, "");
}

TEST(file_write_that_fails_leaves_nothing_behind)
{
    char path[TEST_PATH_BYTES], beside[TEST_PATH_BYTES];
    struct kit_err err = {0};
    test_temp_write(path, "write/folder/x", kit_str_lit(""));
    test_temp_path(path, "write/folder");
    assert_int_equal(kit_file_write(path, kit_str_lit("new"), &err), KIT_IO);
    assert_false(kit_file_exists(test_temp_path(beside, "write/folder.new")));
    test_temp_path(path, "write/none/file");
    assert_int_equal(kit_file_write(path, kit_str_lit("new"), &err), KIT_NOT_FOUND);
}

TEST(file_remove_takes_a_tree_and_follows_no_link)
{
    char path[TEST_PATH_BYTES], kept[TEST_PATH_BYTES], link[TEST_PATH_BYTES];
    test_temp_write(kept, "remove-kept/file", kit_str_lit("kept"));
    test_temp_write(path, "remove/a/b/file", kit_str_lit(""));
    test_temp_path(path, "remove-kept");
    assert_int_equal(symlink(path, test_temp_path(link, "remove/a/link")), 0);
    test_temp_path(path, "remove");
    assert_ok(kit_file_remove(path, NULL));
    assert_false(kit_file_exists(path));
    assert_content(kept, "kept");
    assert_ok(kit_file_remove(path, NULL));
    assert_ok(kit_file_remove(kept, NULL));
    assert_false(kit_file_exists(kept));
}

TEST(file_free_bytes_is_a_number)
{
    uint64_t bytes = 0;
    assert_ok(kit_file_free_bytes(test_temp_folder(), &bytes, NULL));
    assert_true(bytes > 0);
    assert_int_equal(kit_file_free_bytes("/nonexistent/folder", &bytes, NULL), KIT_NOT_FOUND);
}

TEST(file_survives_each_failed_alloc)
{
    char path[TEST_PATH_BYTES], folder[TEST_PATH_BYTES];
    test_temp_write(path, "sweep/file", kit_str_lit("some text"));
    test_temp_path(folder, "sweep");
    TEST_ALLOC_SWEEP(n) {
        struct kit_buf b;
        struct names names = {.left = 100};
        kit_buf_init(&b, 100);
        enum kit_status read = kit_file_read(path, &b, NULL);
        enum kit_status list = kit_file_list(folder, add_name, &names, NULL);
        assert_int_equal(read == KIT_NOMEM || list == KIT_NOMEM, kit_alloc_failed());
        assert_int_equal(b.len, read == KIT_OK ? 9 : 0);
        assert_string_equal(names.text, list == KIT_OK ? "file " : "");
        kit_buf_done(&b);
    }
}

int main(void)
{
    return TEST_RUN(
        TEST_OF(file_read_appends_the_whole_file),
        TEST_OF(file_read_takes_a_file_of_just_the_maximum_and_refuses_one_byte_more),
        TEST_OF(file_read_takes_files_that_tell_no_size), TEST_OF(file_read_says_what_is_missing_and_what_is_no_file),
        TEST_OF(file_size_and_exists_tell_the_truth), TEST_OF(file_join_puts_one_slash_and_refuses_what_does_not_fit),
        TEST_OF(file_list_tells_names_in_order_and_which_are_folders), TEST_OF(file_list_stops_when_told),
        TEST_OF(file_make_folder_makes_all_of_the_path_and_may_find_it_there),
        TEST_OF(file_write_puts_a_new_file_in_the_place_of_the_old),
        TEST_OF(file_write_that_fails_leaves_nothing_behind), TEST_OF(file_remove_takes_a_tree_and_follows_no_link),
        TEST_OF(file_free_bytes_is_a_number), TEST_OF(file_survives_each_failed_alloc));
}
