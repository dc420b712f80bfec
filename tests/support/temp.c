#include "support/temp.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/test.h"

#include "kit/file.h"

static char folder[TEST_PATH_BYTES / 2];
static pid_t owner; /* a forked child must not remove its parent's folder */

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static void remove_folder(void)
{
    if (getpid() == owner) {
        nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    }
}

const char *test_temp_folder(void)
{
    if (folder[0] == '\0') {
        const char *place = getenv("TMPDIR");
        snprintf(folder, sizeof(folder), "%s/heimnetz-test-XXXXXX", place == NULL ? "/tmp" : place);
        assert_non_null(mkdtemp(folder));
        owner = getpid();
        atexit(remove_folder);
    }
    return folder;
}

const char *test_temp_path(char buf[TEST_PATH_BYTES], const char *name)
{
    assert_ok(kit_file_join(buf, TEST_PATH_BYTES, kit_str_c(test_temp_folder()), kit_str_c(name), NULL));
    return buf;
}

const char *test_temp_write(char buf[TEST_PATH_BYTES], const char *name, kit_str bytes)
{
    test_temp_path(buf, name);
    *strrchr(buf, '/') = '\0';
    assert_ok(kit_file_make_folder(buf, NULL));
    test_temp_path(buf, name);
    FILE *f = fopen(buf, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes.ptr == NULL ? "" : bytes.ptr, 1, bytes.len, f), bytes.len);
    assert_int_equal(fclose(f), 0);
    return buf;
}
