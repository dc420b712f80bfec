#include "support/temp.h"
#include "support/test.h"

#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <unistd.h>

#include "kit/map.h"
#include "kit/sync.h"

static size_t page;

/* A file of `pages` pages, each byte of page n is 'a' + n. */
static const char *write_pages(char path[TEST_PATH_BYTES], const char *name, size_t pages)
{
    char *text = kit_alloc(pages * page);
    assert_non_null(text);
    for (size_t i = 0; i < pages; i++) {
        memset(text + i * page, (int)('a' + i), page);
    }
    test_temp_write(path, name, (kit_str){text, pages * page});
    kit_alloc_free(text);
    return path;
}

static struct kit_map *open_map(const char *path)
{
    struct kit_map *m = NULL;
    struct kit_err err = {0};
    if (kit_map_open(path, &m, &err) != KIT_OK) {
        fail_msg("%s", err.msg);
    }
    return m;
}

static char read_byte(const struct kit_map *m, size_t at)
{
    return *(volatile const char *)(kit_map_bytes(m).ptr + at);
}

TEST(map_shows_the_bytes_of_the_file)
{
    char path[TEST_PATH_BYTES];
    struct kit_map *m = open_map(test_temp_write(path, "text", kit_str_lit("hello")));
    assert_str(kit_map_bytes(m), "hello");
    assert_false(kit_map_broken(m));
    kit_map_close(m);
    kit_map_close(NULL);
}

TEST(map_of_an_empty_file_is_empty)
{
    char path[TEST_PATH_BYTES];
    struct kit_map *m = open_map(test_temp_write(path, "empty", (kit_str){0}));
    assert_int_equal(kit_map_bytes(m).len, 0);
    kit_map_forget(m, 0, 100);
    kit_map_close(m);
}

TEST(map_refuses_what_is_missing_or_no_regular_file)
{
    char path[TEST_PATH_BYTES];
    struct kit_map *m = NULL;
    struct kit_err err;
    assert_int_equal(kit_map_open(test_temp_path(path, "missing"), &m, &err), KIT_NOT_FOUND);
    assert_non_null(strstr(err.msg, path));
    assert_int_equal(kit_map_open(test_temp_folder(), &m, &err), KIT_IO);
    assert_int_equal(kit_map_open("/dev/null", &m, &err), KIT_IO);
    assert_non_null(strstr(err.msg, "not a regular file"));
    assert_null(m);
}

/* --- the guard --- */

/* cmocka puts a SIGBUS handler of its own before each test, so that the guard is tried in children; a child that
 * sees something wrong says where and leaves with 1. */
static void expect(bool good, int line)
{
    if (!good) {
        fprintf(stderr, "test_map.c:%d: does not hold\n", line);
        _exit(1);
    }
}
#define EXPECT(good) expect((good), __LINE__)

/* Another guard than ours: it mends the one mapping that is its own. */
static char *foreign;
static volatile int foreign_faults;

static void mend_foreign(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    (void)context;
    foreign_faults++;
    mmap(foreign, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

/* Answers the child's exit code, or 1000 + the signal that ended it. older: the handler that is there before the guard. */
static int run_in_child_behind(struct sigaction older, void (*fn)(void))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        sigaction(SIGBUS, &older, NULL);
        EXPECT(kit_map_guard_install(NULL) == KIT_OK);
        EXPECT(kit_map_guard_install(NULL) == KIT_OK);
        fn();
        _exit(0);
    }
    int state = 0;
    assert_int_equal(waitpid(child, &state, 0), child);
    return WIFSIGNALED(state) ? 1000 + WTERMSIG(state) : WEXITSTATUS(state);
}

static int run_in_child(void (*fn)(void))
{
    return run_in_child_behind((struct sigaction){.sa_handler = SIG_DFL}, fn);
}

static void read_a_cut_file(void)
{
    char path[TEST_PATH_BYTES];
    struct kit_map *other = open_map(write_pages(path, "whole", 4));
    struct kit_map *m = open_map(write_pages(path, "cut", 4));
    EXPECT(truncate(path, (off_t)page) == 0);
    EXPECT(read_byte(m, 0) == 'a' && !kit_map_broken(m));
    EXPECT(read_byte(m, 2 * page + 5) == 0); /* the fault, in the middle of what is gone */
    EXPECT(kit_map_broken(m));
    EXPECT(read_byte(m, 3 * page) == 0);
    EXPECT(read_byte(m, page) == 0); /* before the first fault: a second one */
    EXPECT(read_byte(m, 0) == 'a');
    EXPECT(!kit_map_broken(other));
    EXPECT(read_byte(other, 3 * page) == 'd');
    kit_map_close(m);
    kit_map_close(other);
}

TEST(map_of_a_file_that_was_cut_reads_zeros_and_is_broken)
{
    assert_int_equal(run_in_child(read_a_cut_file), 0);
}

static void read_all(void *arg)
{
    const struct kit_map *m = arg;
    for (size_t at = 0; at < kit_map_bytes(m).len; at += page) {
        (void)read_byte(m, at);
    }
}

static void fault_at_once(void)
{
    char path[TEST_PATH_BYTES];
    struct kit_thread threads[4] = {0};
    struct kit_map *m = open_map(write_pages(path, "threads", 20));
    EXPECT(truncate(path, 0) == 0);
    for (size_t i = 0; i < KIT_COUNT(threads); i++) {
        EXPECT(kit_thread_start(&threads[i], "test-reader", read_all, m, NULL) == KIT_OK);
    }
    for (size_t i = 0; i < KIT_COUNT(threads); i++) {
        kit_thread_join(&threads[i]);
    }
    EXPECT(kit_map_broken(m));
    kit_map_close(m);
}

TEST(map_guard_works_on_threads_that_fault_at_once)
{
    assert_int_equal(run_in_child(fault_at_once), 0);
}

static void use_a_place_again(void)
{
    char path[TEST_PATH_BYTES];
    struct kit_map *m = open_map(write_pages(path, "again", 2));
    EXPECT(truncate(path, 0) == 0);
    EXPECT(read_byte(m, 0) == 0 && kit_map_broken(m));
    kit_map_close(m);
    m = open_map(write_pages(path, "again", 2));
    EXPECT(!kit_map_broken(m));
    EXPECT(read_byte(m, page) == 'b');
    kit_map_close(m);
}

TEST(map_is_not_broken_when_its_place_is_used_again)
{
    assert_int_equal(run_in_child(use_a_place_again), 0);
}

static void read_behind_a_foreign_file(void)
{
    char path[TEST_PATH_BYTES];
    int fd = open(write_pages(path, "foreign", 2), O_RDWR);
    volatile const char *bytes = mmap(NULL, 2 * page, PROT_READ, MAP_SHARED, fd, 0);
    EXPECT(ftruncate(fd, 0) == 0);
    (void)bytes[page];
}

static void be_sent_one(void)
{
    raise(SIGBUS);
}

TEST(map_guard_leaves_other_bus_errors_their_old_meaning)
{
    assert_int_equal(run_in_child(read_behind_a_foreign_file), 1000 + SIGBUS);
    assert_int_equal(run_in_child(be_sent_one), 1000 + SIGBUS);
}

static void fault_in_both(void)
{
    char path[TEST_PATH_BYTES];
    int fd = open(write_pages(path, "foreign", 1), O_RDWR);
    foreign = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, 0);
    EXPECT(ftruncate(fd, 0) == 0);
    EXPECT(*(volatile char *)foreign == 0 && foreign_faults == 1);
    read_a_cut_file(); /* our guard is still there */
    EXPECT(foreign_faults == 1);
}

TEST(map_guard_and_an_older_one_both_stay)
{
    struct sigaction older = {.sa_sigaction = mend_foreign, .sa_flags = SA_SIGINFO};
    assert_int_equal(run_in_child_behind(older, fault_in_both), 0);
}

/* --- without the guard --- */

TEST(map_takes_its_maximum_of_files_and_no_more)
{
    static struct kit_map *maps[KIT_MAP_MAX];
    char path[TEST_PATH_BYTES];
    struct kit_map *extra = NULL;
    struct kit_err err;
    test_temp_write(path, "many", kit_str_lit("x"));
    for (size_t i = 0; i < KIT_MAP_MAX; i++) {
        maps[i] = open_map(path);
    }
    assert_int_equal(kit_map_open(path, &extra, &err), KIT_FULL);
    assert_null(extra);
    kit_map_close(maps[500]);
    maps[500] = open_map(path);
    for (size_t i = 0; i < KIT_MAP_MAX; i++) {
        kit_map_close(maps[i]);
    }
}

TEST(map_forgotten_ranges_can_be_read_again)
{
    char path[TEST_PATH_BYTES];
    struct kit_map *m = open_map(write_pages(path, "forget", 4));
    read_all(m);
    kit_map_forget(m, 1, 3 * page);
    kit_map_forget(m, 0, SIZE_MAX);
    kit_map_forget(m, SIZE_MAX, SIZE_MAX);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(read_byte(m, i * page), 'a' + i);
    }
    kit_map_close(m);
}

int main(void)
{
    page = (size_t)sysconf(_SC_PAGESIZE);
    return TEST_RUN(
        TEST_OF(map_shows_the_bytes_of_the_file), TEST_OF(map_of_an_empty_file_is_empty),
        TEST_OF(map_refuses_what_is_missing_or_no_regular_file),
        TEST_OF(map_of_a_file_that_was_cut_reads_zeros_and_is_broken),
        TEST_OF(map_guard_works_on_threads_that_fault_at_once), TEST_OF(map_is_not_broken_when_its_place_is_used_again),
        TEST_OF(map_guard_leaves_other_bus_errors_their_old_meaning), TEST_OF(map_guard_and_an_older_one_both_stay),
        TEST_OF(map_takes_its_maximum_of_files_and_no_more), TEST_OF(map_forgotten_ranges_can_be_read_again));
}
