#include "store/db.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "kit/file.h"
#include "store/inner.h"
#include "support/temp.h"
#include "support/test.h"

static const char *const steps[] = {
    "CREATE TABLE notes (id TEXT PRIMARY KEY, n BIGINT NOT NULL, text TEXT); CREATE INDEX notes_n ON notes (n)",
    "CREATE TABLE sums (name TEXT PRIMARY KEY, n BIGINT NOT NULL)",
};

static const char insert[] = "INSERT INTO notes (id, n, text) VALUES ($1, $2, $3)";
static const char select_one[] = "SELECT n, text FROM notes WHERE id = $1";
static const char count_all[] = "SELECT count(*) FROM notes";
static const char for_ever[] = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";

struct desk {
    struct loop *loop;
    struct loop_chan *home;
    struct store_db *db;
    struct store_asker asker;
    uint32_t answered;
};

static void answered(struct store_tx *tx)
{
    struct desk *d = store_tx_ctx(tx);
    d->answered++;
}

static struct store_options options_of(const char *path)
{
    struct store_options o = STORE_OPTIONS_DEFAULT;
    o.path = path;
    o.migrations = steps;
    o.migration_count = KIT_COUNT(steps);
    o.busy_ms = 50;
    return o;
}

static void open_home(struct desk *d)
{
    struct loop_chan_options home = {.max = 64, .ctx = d, .receive = store_tx_receive, .drop = store_tx_drop};
    assert_ok(loop_new(&d->loop, NULL));
    assert_ok(loop_chan_new(d->loop, &home, &d->home, NULL));
    d->asker = (struct store_asker){.answered = answered, .home = d->home, .ctx = d};
}

static void open_desk(struct desk *d, const struct store_options *o)
{
    *d = (struct desk){0};
    open_home(d);
    assert_ok(store_open(o, &d->db, NULL));
}

static void close_desk(struct desk *d)
{
    store_close(d->db);
    loop_chan_close(d->home);
    loop_free(d->loop);
}

static struct store_tx *begin(struct desk *d, enum store_kind kind)
{
    struct store_tx *tx = NULL;
    assert_ok(store_tx_new(d->db, kind, &d->asker, &tx, NULL));
    return tx;
}

static void add_note(struct store_tx *tx, const char *id, int64_t n, const char *text)
{
    struct store_value values[] = {store_text(kit_str_c(id)), store_int(n), store_text(kit_str_c(text))};
    store_tx_add(tx, insert, values, 3, STORE_ONE);
}

static void wait_for(struct desk *d, uint32_t count)
{
    uint64_t until = kit_clock_ns() + 60 * KIT_NS_PER_S;
    while (d->answered < count && kit_clock_ns() < until) {
        loop_run_once(d->loop);
        usleep(200);
    }
    assert_int_equal(d->answered, count);
}

static enum kit_status finish(struct desk *d, struct store_tx *tx, struct kit_err *err)
{
    enum kit_status rc = store_submit(tx, err);
    if (rc == KIT_OK) {
        wait_for(d, d->answered + 1);
        rc = store_tx_status(tx, err);
    }
    return rc;
}

static int64_t count_notes(struct desk *d)
{
    struct store_tx *tx = begin(d, STORE_READ);
    store_tx_add(tx, count_all, NULL, 0, STORE_ONE);
    assert_ok(finish(d, tx, NULL));
    int64_t count = store_tx_get(tx, 0, 0, 0).i;
    store_tx_unref(tx);
    return count;
}

/* --- what holds for a file and for memory --- */

static const char *fresh(char path[TEST_PATH_BYTES], const char *name)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    char other[TEST_PATH_BYTES + 8];
    test_temp_write(path, name, (kit_str){0});
    for (size_t i = 0; i < KIT_COUNT(ends); i++) {
        snprintf(other, sizeof(other), "%s%s", path, ends[i]);
        unlink(other);
    }
    return path;
}

static void check_all_or_nothing(struct desk *d)
{
    struct kit_err err;
    struct store_tx *tx = begin(d, STORE_WRITE);
    add_note(tx, "a", 1, "one");
    add_note(tx, "b", 2, "");
    assert_ok(finish(d, tx, &err));
    assert_int_equal(store_tx_changed(tx, 0), 1);
    store_tx_unref(tx);

    tx = begin(d, STORE_WRITE);
    add_note(tx, "c", 3, "three");
    add_note(tx, "a", 4, "again"); /* is there already */
    assert_int_equal(finish(d, tx, &err), KIT_CONFLICT);
    assert_int_equal(store_tx_failed_at(tx), 1);
    store_tx_unref(tx);
    assert_int_equal(count_notes(d), 2);
}

static void check_values(struct desk *d)
{
    struct store_value id = store_text(kit_str_lit("b"));
    struct store_tx *tx = begin(d, STORE_READ);
    store_tx_add(tx, select_one, &id, 1, STORE_ONE);
    store_tx_add(tx, "SELECT $2, $1, NULL, 2.5, x'00ff'",
                 (struct store_value[]){store_int(INT64_MIN), store_text(kit_str_lit("\303\244"))}, 2, STORE_ANY);
    assert_ok(finish(d, tx, NULL));
    assert_int_equal(store_tx_rows(tx, 0), 1);
    assert_int_equal(store_tx_get(tx, 0, 0, 0).i, 2);
    assert_int_equal(store_tx_get(tx, 0, 0, 1).type, STORE_TEXT);
    assert_int_equal(store_tx_get(tx, 0, 0, 1).bytes.len, 0);
    assert_str(store_tx_get(tx, 1, 0, 0).bytes, "\303\244");
    assert_true(store_tx_get(tx, 1, 0, 1).i == INT64_MIN);
    assert_int_equal(store_tx_get(tx, 1, 0, 2).type, STORE_NULL);
    assert_true(store_tx_get(tx, 1, 0, 3).real == 2.5);
    assert_memory_equal(store_tx_get(tx, 1, 0, 4).bytes.ptr, "\0\377", 2);
    assert_int_equal(store_tx_get(tx, 0, 1, 0).type, STORE_NULL); /* no such row, */
    assert_int_equal(store_tx_get(tx, 7, 0, 0).type, STORE_NULL); /* no such statement */
    store_tx_unref(tx);
}

TEST(db_does_all_of_a_transaction_or_nothing_in_a_file_and_in_memory)
{
    char path[TEST_PATH_BYTES];
    const char *const places[] = {fresh(path, "plain.db"), NULL};
    for (size_t i = 0; i < KIT_COUNT(places); i++) {
        struct desk d;
        struct store_options o = options_of(places[i]);
        open_desk(&d, &o);
        check_all_or_nothing(&d);
        check_values(&d);
        close_desk(&d);
    }
}

TEST(db_undoes_what_changes_more_or_fewer_rows_than_expected)
{
    struct desk d;
    struct kit_err err;
    struct store_options o = options_of(NULL);
    open_desk(&d, &o);
    check_all_or_nothing(&d);
    struct store_tx *tx = begin(&d, STORE_WRITE);
    store_tx_add(tx, "UPDATE notes SET n = n + 1", NULL, 0, STORE_ONE); /* two */
    assert_int_equal(finish(&d, tx, &err), KIT_CONFLICT);
    assert_string_equal(err.msg, "2 rows where 1 to 1 were expected");
    store_tx_unref(tx);
    tx = begin(&d, STORE_WRITE);
    store_tx_add(tx, "DELETE FROM notes WHERE id = 'z'", NULL, 0, STORE_ONE); /* none */
    assert_int_equal(finish(&d, tx, &err), KIT_CONFLICT);
    store_tx_unref(tx);
    tx = begin(&d, STORE_READ);
    store_tx_add(tx, "SELECT sum(n) FROM notes", NULL, 0, STORE_ONE);
    assert_ok(finish(&d, tx, &err));
    assert_int_equal(store_tx_get(tx, 0, 0, 0).i, 3);
    store_tx_unref(tx);
    close_desk(&d);
}

TEST(db_refuses_a_change_that_calls_itself_reading_and_wrong_sql)
{
    struct desk d;
    struct kit_err err;
    char path[TEST_PATH_BYTES];
    struct store_options o = options_of(fresh(path, "reading.db"));
    open_desk(&d, &o);
    struct store_tx *tx = begin(&d, STORE_READ);
    add_note(tx, "a", 1, "one");
    assert_int_equal(finish(&d, tx, &err), KIT_INVALID);
    store_tx_unref(tx);
    tx = begin(&d, STORE_WRITE);
    store_tx_add(tx, "SELECT x FROM nowhere", NULL, 0, STORE_ANY);
    assert_int_equal(finish(&d, tx, &err), KIT_INVALID);
    assert_non_null(strstr(err.msg, "no such table: nowhere"));
    store_tx_unref(tx);
    tx = begin(&d, STORE_WRITE);
    store_tx_add(tx, insert, NULL, 0, STORE_ONE);
    assert_int_equal(finish(&d, tx, &err), KIT_INVALID); /* values are missing */
    store_tx_unref(tx);
    assert_int_equal(count_notes(&d), 0);
    close_desk(&d);
}

/* --- many --- */

#define MANY 500

TEST(db_answers_many_each_for_itself_though_they_share_commits)
{
    struct desk d;
    char path[TEST_PATH_BYTES], id[16];
    struct store_tx *txs[MANY];
    struct store_options o = options_of(fresh(path, "many.db"));
    open_desk(&d, &o);
    for (int i = 0; i < MANY; i++) { /* each third has the id of the one before it */
        txs[i] = begin(&d, STORE_WRITE);
        snprintf(id, sizeof(id), "n%d", i % 3 == 2 ? i - 1 : i);
        add_note(txs[i], id, i, "x");
        assert_ok(store_submit(txs[i], NULL));
    }
    wait_for(&d, MANY);
    int good = 0;
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(store_tx_status(txs[i], NULL), i % 3 == 2 ? KIT_CONFLICT : KIT_OK);
        good += i % 3 != 2;
        store_tx_unref(txs[i]);
    }
    assert_int_equal(count_notes(&d), good);
    close_desk(&d);
}

TEST(db_carries_out_what_was_submitted_before_it_closes)
{
    struct desk d;
    char path[TEST_PATH_BYTES];
    struct store_options o = options_of(fresh(path, "closing.db"));
    open_desk(&d, &o);
    for (int i = 0; i < 50; i++) {
        char id[16];
        struct store_tx *tx = begin(&d, STORE_WRITE);
        snprintf(id, sizeof(id), "n%d", i);
        add_note(tx, id, i, "x");
        assert_ok(store_submit(tx, NULL));
        store_tx_unref(tx);
    }
    close_desk(&d); /* nobody hears the answers */
    open_desk(&d, &o);
    assert_int_equal(count_notes(&d), 50);
    close_desk(&d);
}

/* --- limits --- */

TEST(db_limits_statements_values_rows_and_bytes)
{
    struct desk d;
    struct kit_err err;
    struct store_options o = options_of(NULL);
    o.statements_max = 2;
    o.values_bytes_max = 100;
    o.rows_max = 3;
    o.answer_bytes_max = 1000;
    open_desk(&d, &o);
    static const struct {
        const char *sql;
        enum kit_status rc;
    } cases[] = {
        {"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n", KIT_OK},
        {"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4) SELECT i FROM n", KIT_TOO_LARGE},
        {"SELECT zeroblob(900)", KIT_OK},
        {"SELECT zeroblob(1000)", KIT_TOO_LARGE},
    };
    for (size_t i = 0; i < KIT_COUNT(cases); i++) {
        struct store_tx *tx = begin(&d, STORE_READ);
        store_tx_add(tx, cases[i].sql, NULL, 0, STORE_ANY);
        assert_int_equal(finish(&d, tx, &err), cases[i].rc);
        store_tx_unref(tx);
    }
    struct store_tx *tx = begin(&d, STORE_READ);
    for (int i = 0; i < 3; i++) {
        store_tx_add(tx, count_all, NULL, 0, STORE_ANY);
    }
    assert_int_equal(store_submit(tx, &err), KIT_TOO_LARGE);
    store_tx_unref(tx);
    tx = begin(&d, STORE_WRITE);
    char text[102];
    memset(text, 'x', sizeof(text));
    text[101] = '\0';
    add_note(tx, "", 1, text);
    assert_int_equal(store_submit(tx, &err), KIT_TOO_LARGE);
    store_tx_unref(tx);
    close_desk(&d);
}

TEST(db_refuses_more_than_may_wait_and_cancels_what_waits_or_runs)
{
    struct desk d;
    struct kit_err err;
    struct store_options o = options_of(NULL);
    o.waiting_max = 1;
    open_desk(&d, &o);
    struct store_tx *running = begin(&d, STORE_READ), *waiting = begin(&d, STORE_READ), *third = begin(&d, STORE_READ);
    store_tx_add(running, for_ever, NULL, 0, STORE_ANY);
    store_tx_add(waiting, count_all, NULL, 0, STORE_ANY);
    store_tx_add(third, count_all, NULL, 0, STORE_ANY);
    assert_ok(store_submit(running, &err));
    while (store_submit(waiting, &err) == KIT_FULL) {
        usleep(1000); /* until it runs */
    }
    assert_int_equal(store_submit(third, &err), KIT_FULL);
    assert_true(err.retry_after_ms > 0);
    store_cancel(waiting);
    store_cancel(running);
    wait_for(&d, 2);
    assert_int_equal(store_tx_status(running, &err), KIT_CANCELLED);
    assert_int_equal(store_tx_status(waiting, &err), KIT_CANCELLED);
    store_tx_unref(running);
    store_tx_unref(waiting);
    store_tx_unref(third);
    close_desk(&d);
}

TEST(db_ends_what_takes_longer_than_its_deadline_and_keeps_the_others_of_its_commit)
{
    struct desk d;
    char path[TEST_PATH_BYTES];
    struct store_options o = options_of(fresh(path, "late.db"));
    open_desk(&d, &o);
    struct store_tx *first = begin(&d, STORE_WRITE), *slow = begin(&d, STORE_WRITE), *last = begin(&d, STORE_WRITE);
    add_note(first, "first", 1, "");
    store_tx_add(slow,
                 "INSERT INTO notes (id, n) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
                 "SELECT 'n' || i, i FROM n",
                 NULL, 0, STORE_ANY);
    store_tx_set_deadline(slow, kit_clock_ns() + 100 * KIT_NS_PER_MS);
    add_note(last, "last", 1, "");
    assert_ok(store_submit(first, NULL));
    assert_ok(store_submit(slow, NULL));
    assert_ok(store_submit(last, NULL));
    wait_for(&d, 3);
    assert_ok(store_tx_status(first, NULL));
    assert_int_equal(store_tx_status(slow, NULL), KIT_TIMEOUT);
    assert_ok(store_tx_status(last, NULL));
    assert_int_equal(count_notes(&d), 2);
    store_tx_unref(first);
    store_tx_unref(slow);
    store_tx_unref(last);
    close_desk(&d);
}

/* --- the file --- */

TEST(db_keeps_what_was_answered_lets_nobody_else_read_the_file_and_takes_new_steps)
{
    struct desk d;
    struct stat st;
    char path[TEST_PATH_BYTES];
    struct store_options o = options_of(fresh(path, "again.db"));
    o.migration_count = 1;
    open_desk(&d, &o);
    check_all_or_nothing(&d);
    close_desk(&d);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    o.migration_count = 2;
    open_desk(&d, &o);
    assert_int_equal(count_notes(&d), 2);
    struct store_tx *tx = begin(&d, STORE_READ);
    store_tx_add(tx, "SELECT number FROM store_migrations ORDER BY number", NULL, 0, STORE_ANY);
    store_tx_add(tx, "SELECT count(*) FROM sums", NULL, 0, STORE_ONE);
    assert_ok(finish(&d, tx, NULL));
    assert_int_equal(store_tx_rows(tx, 0), 2);
    assert_int_equal(store_tx_get(tx, 0, 1, 0).i, 2);
    store_tx_unref(tx);
    close_desk(&d);
}

TEST(db_leaves_tables_of_a_newer_program_and_a_step_that_fails_changes_nothing)
{
    static const char *const broken[] = {"CREATE TABLE early (n BIGINT)", "CREATE TABLE oops ("};
    struct store_db *db = NULL;
    struct desk d;
    struct kit_err err;
    char path[TEST_PATH_BYTES];
    struct store_options o = options_of(fresh(path, "newer.db"));
    open_desk(&d, &o);
    close_desk(&d);
    o.migration_count = 1;
    assert_int_equal(store_open(&o, &db, &err), KIT_CONFLICT);
    assert_non_null(strstr(err.msg, "newer program"));
    o = options_of(fresh(path, "broken.db"));
    o.migrations = broken;
    assert_int_equal(store_open(&o, &db, &err), KIT_INVALID);
    o.migrations = steps;
    open_desk(&d, &o); /* as if it had never been */
    struct store_tx *tx = begin(&d, STORE_READ);
    store_tx_add(tx, "SELECT count(*) FROM sqlite_master WHERE name = 'early'", NULL, 0, STORE_ONE);
    assert_ok(finish(&d, tx, NULL));
    assert_int_equal(store_tx_get(tx, 0, 0, 0).i, 0);
    store_tx_unref(tx);
    close_desk(&d);
}

TEST(db_says_that_another_process_holds_the_file_and_goes_on_when_it_has_let_go)
{
    struct desk d;
    struct kit_err err;
    char path[TEST_PATH_BYTES];
    sqlite3 *other = NULL;
    struct store_options o = options_of(fresh(path, "held.db"));
    open_desk(&d, &o);
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    struct store_tx *tx = begin(&d, STORE_WRITE);
    add_note(tx, "a", 1, "");
    assert_int_equal(finish(&d, tx, &err), KIT_UNAVAILABLE);
    assert_non_null(strstr(err.msg, "held by another process"));
    assert_true(err.retry_after_ms > 0);
    store_tx_unref(tx);
    assert_int_equal(count_notes(&d), 0); /* reading goes on */
    sqlite3_close(other);
    tx = begin(&d, STORE_WRITE);
    add_note(tx, "a", 1, "");
    assert_ok(finish(&d, tx, &err));
    store_tx_unref(tx);
    close_desk(&d);
}

TEST(db_opens_no_damaged_file_and_says_so_and_leaves_it)
{
    struct store_db *db = NULL;
    struct kit_err err;
    char path[TEST_PATH_BYTES];
    struct store_options o =
        options_of(test_temp_write(path, "damaged.db", kit_str_lit("this is no database, whatever its name may say")));
    assert_int_equal(store_open(&o, &db, &err), KIT_IO);
    assert_non_null(strstr(err.msg, "damaged or no database"));
    uint64_t size = 0;
    assert_ok(kit_file_size(path, &size, NULL));
    assert_int_equal(size, 46);
    o.path = "/nowhere/at/all/x.db";
    assert_int_equal(store_open(&o, &db, &err), KIT_IO);
}

TEST(db_with_a_page_that_is_damaged_fails_what_reads_it_and_serves_the_rest)
{
    struct desk d;
    struct kit_err err;
    char path[TEST_PATH_BYTES], text[4000];
    struct store_options o = options_of(fresh(path, "page.db"));
    open_desk(&d, &o);
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    for (int i = 0; i < 200; i++) {
        char id[16];
        struct store_tx *tx = begin(&d, STORE_WRITE);
        snprintf(id, sizeof(id), "n%03d", i);
        add_note(tx, id, i, text);
        assert_ok(finish(&d, tx, NULL));
        store_tx_unref(tx);
    }
    close_desk(&d);
    uint64_t size = 0;
    char junk[4096];
    memset(junk, 0xa5, sizeof(junk));
    assert_ok(kit_file_size(path, &size, NULL));
    int fd = open(path, O_WRONLY);
    for (uint64_t at = size / 2; at + 8192 < size; at += 8192) {
        assert_int_equal(pwrite(fd, junk, sizeof(junk), (off_t)(at / 4096 * 4096)), (ssize_t)sizeof(junk));
    }
    close(fd);
    open_desk(&d, &o);
    struct store_tx *tx = begin(&d, STORE_READ);
    store_tx_add(tx, "SELECT sum(length(text)) FROM notes", NULL, 0, STORE_ANY);
    assert_int_equal(finish(&d, tx, &err), KIT_IO);
    assert_non_null(strstr(err.msg, "damaged"));
    store_tx_unref(tx);
    tx = begin(&d, STORE_READ);
    store_tx_add(tx, "SELECT count(*) FROM sums", NULL, 0, STORE_ONE);
    assert_ok(finish(&d, tx, &err));
    store_tx_unref(tx);
    close_desk(&d);
}

/* A limit of the process stands for a full disk: SQLite gets EFBIG where it would get ENOSPC. Both undo alike. */
TEST(db_undoes_what_the_disk_has_no_room_for_and_goes_on)
{
    struct desk d;
    struct kit_err err;
    char path[TEST_PATH_BYTES];
    struct store_options o = options_of(fresh(path, "small.db"));
    open_desk(&d, &o);
    check_all_or_nothing(&d);
    struct rlimit before, small = {.rlim_cur = 256 * KIT_KIB, .rlim_max = RLIM_INFINITY};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    struct store_tx *tx = begin(&d, STORE_WRITE);
    store_tx_add(tx, "INSERT INTO notes (id, n, text) VALUES ('big', 1, hex(zeroblob(1000000)))", NULL, 0, STORE_ONE);
    enum kit_status rc = finish(&d, tx, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_true(rc == KIT_NO_SPACE || rc == KIT_IO);
    store_tx_unref(tx);
    assert_int_equal(count_notes(&d), 2);
    tx = begin(&d, STORE_WRITE);
    add_note(tx, "after", 1, "");
    assert_ok(finish(&d, tx, &err));
    store_tx_unref(tx);
    close_desk(&d);
}

TEST(db_says_no_space_where_a_database_may_not_grow)
{
    static const char *const bounded[] = {"CREATE TABLE notes (id TEXT PRIMARY KEY, n BIGINT NOT NULL, text TEXT)"};
    struct desk d;
    struct kit_err err;
    struct store_options o = options_of(NULL);
    o.migrations = bounded;
    o.migration_count = 1;
    open_desk(&d, &o);
    struct store_tx *tx = begin(&d, STORE_WRITE);
    store_tx_add(tx, "PRAGMA max_page_count=10", NULL, 0, STORE_ANY);
    assert_ok(finish(&d, tx, &err));
    store_tx_unref(tx);
    struct store_tx *small = begin(&d, STORE_WRITE);
    tx = begin(&d, STORE_WRITE);
    add_note(small, "small", 1, "");
    store_tx_add(tx, "INSERT INTO notes (id, n, text) VALUES ('big', 1, hex(zeroblob(100000)))", NULL, 0, STORE_ONE);
    assert_ok(store_submit(small, &err));
    assert_ok(store_submit(tx, &err));
    wait_for(&d, 3);
    assert_ok(store_tx_status(small, &err));
    assert_int_equal(store_tx_status(tx, &err), KIT_NO_SPACE);
    store_tx_unref(small);
    store_tx_unref(tx);
    assert_int_equal(count_notes(&d), 1);
    close_desk(&d);
}

/* --- killed --- */

#define PAIRS_SUM "INSERT INTO sums (name, n) VALUES ('all', $1) ON CONFLICT (name) DO UPDATE SET n = $1"

/* Adds notes and their sum for ever, in one transaction each; tells through the pipe which are answered. */
static _Noreturn void write_until_killed(const char *path, int pipe_fd)
{
    struct desk d;
    struct store_options o = options_of(path);
    open_desk(&d, &o);
    for (int64_t i = count_notes(&d);; i++) {
        char id[16];
        struct store_value n = store_int(i + 1);
        struct store_tx *tx = begin(&d, STORE_WRITE);
        snprintf(id, sizeof(id), "n%d", (int)i);
        add_note(tx, id, i, "some text that takes room");
        store_tx_add(tx, PAIRS_SUM, &n, 1, STORE_ONE);
        if (finish(&d, tx, NULL) != KIT_OK || write(pipe_fd, &n.i, sizeof(n.i)) != (ssize_t)sizeof(n.i)) {
            _exit(1);
        }
        store_tx_unref(tx);
    }
}

static int64_t kill_one(const char *path, unsigned after_us)
{
    int ends[2], status = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        char fd[16];
        snprintf(fd, sizeof(fd), "%d", ends[1]);
        execl("/proc/self/exe", "test_db", path, fd, (char *)NULL);
        _exit(1);
    }
    close(ends[1]);
    int64_t answered_last = 0, n;
    assert_int_equal(read(ends[0], &n, sizeof(n)), (ssize_t)sizeof(n)); /* it writes */
    answered_last = n;
    usleep(after_us);
    kill(child, SIGKILL);
    while (read(ends[0], &n, sizeof(n)) == (ssize_t)sizeof(n)) {
        answered_last = n;
    }
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    return answered_last;
}

static void check_whole(const char *path, int64_t answered_last)
{
    struct desk d;
    struct store_options o = options_of(path);
    open_desk(&d, &o);
    struct store_tx *tx = begin(&d, STORE_READ);
    store_tx_add(tx, count_all, NULL, 0, STORE_ONE);
    store_tx_add(tx, "SELECT n FROM sums WHERE name = 'all'", NULL, 0, STORE_ONE);
    store_tx_add(tx, "PRAGMA integrity_check", NULL, 0, STORE_ONE);
    assert_ok(finish(&d, tx, NULL));
    int64_t count = store_tx_get(tx, 0, 0, 0).i;
    assert_int_equal(count, store_tx_get(tx, 1, 0, 0).i); /* both or neither */
    assert_true(count == answered_last || count == answered_last + 1);
    assert_str(store_tx_get(tx, 2, 0, 0).bytes, "ok");
    store_tx_unref(tx);
    close_desk(&d);
}

TEST(db_killed_at_any_point_has_all_that_was_answered_and_nothing_by_half)
{
    char path[TEST_PATH_BYTES];
    unsigned kills = getenv("SOAK") != NULL ? 400 : 10;
    fresh(path, "killed.db");
    for (unsigned i = 0; i < kills; i++) {
        check_whole(path, kill_one(path, i * 7919 % 20000));
    }
}

/* --- memory that runs out --- */

TEST(db_survives_each_failed_alloc_while_it_opens)
{
    struct desk d;
    char path[TEST_PATH_BYTES];
    struct store_options o = options_of(fresh(path, "sweep.db"));
    open_desk(&d, &o); /* what SQLite keeps for good */
    close_desk(&d);
    uint64_t before = kit_alloc_count();
    TEST_ALLOC_SWEEP(n) {
        struct store_conn *c = NULL;
        struct kit_err err = {0};
        enum kit_status rc = store_conn_new(&o, &c, &err);
        if (rc == KIT_OK) {
            rc = store_conn_migrate(c, &err);
        }
        assert_true(rc == KIT_OK || rc == KIT_NOMEM);
        store_conn_free(c);
    }
    assert_int_equal(kit_alloc_count(), before);
}

static void write_among_failures(struct desk *d, struct store_conn *c, uint64_t n)
{
    char id[24];
    struct store_tx *tx = NULL;
    enum kit_status rc = store_tx_new(d->db, STORE_WRITE, &d->asker, &tx, NULL);
    if (rc != KIT_OK) {
        assert_int_equal(rc, KIT_NOMEM);
        return;
    }
    snprintf(id, sizeof(id), "n%u", (unsigned)n);
    add_note(tx, id, (int64_t)n, "text");
    store_tx_add(tx, "SELECT id, text FROM notes ORDER BY n DESC LIMIT 1", NULL, 0, STORE_ONE);
    if (tx->too_much == KIT_OK) {
        store_conn_write(c, tx);
        assert_true(tx->status == KIT_OK || tx->status == KIT_NOMEM);
    } else {
        assert_int_equal(tx->too_much, KIT_NOMEM);
    }
    if (tx->too_much == KIT_OK && tx->status == KIT_OK) {
        assert_int_equal(store_tx_rows(tx, 1), 1);
    }
    store_tx_unref(tx);
}

TEST(db_survives_each_failed_alloc_of_a_transaction)
{
    struct desk d;
    struct store_conn *c = NULL;
    struct store_options o = options_of(NULL);
    open_desk(&d, &o);
    assert_ok(store_conn_new(&o, &c, NULL));
    assert_ok(store_conn_migrate(c, NULL));
    TEST_ALLOC_SWEEP(n) {
        write_among_failures(&d, c, n);
    }
    store_conn_free(c);
    close_desk(&d);
}

int main(int argc, char **argv)
{
    if (argc == 3) {
        write_until_killed(argv[1], atoi(argv[2])); /* the child of kill_one */
    }
    if (argc == 2) {
        return TEST_RUN(TEST_OF(db_killed_at_any_point_has_all_that_was_answered_and_nothing_by_half));
    }
    return TEST_RUN(TEST_OF(db_does_all_of_a_transaction_or_nothing_in_a_file_and_in_memory),
                    TEST_OF(db_undoes_what_changes_more_or_fewer_rows_than_expected),
                    TEST_OF(db_refuses_a_change_that_calls_itself_reading_and_wrong_sql),
                    TEST_OF(db_answers_many_each_for_itself_though_they_share_commits),
                    TEST_OF(db_carries_out_what_was_submitted_before_it_closes),
                    TEST_OF(db_limits_statements_values_rows_and_bytes),
                    TEST_OF(db_refuses_more_than_may_wait_and_cancels_what_waits_or_runs),
                    TEST_OF(db_ends_what_takes_longer_than_its_deadline_and_keeps_the_others_of_its_commit),
                    TEST_OF(db_keeps_what_was_answered_lets_nobody_else_read_the_file_and_takes_new_steps),
                    TEST_OF(db_leaves_tables_of_a_newer_program_and_a_step_that_fails_changes_nothing),
                    TEST_OF(db_says_that_another_process_holds_the_file_and_goes_on_when_it_has_let_go),
                    TEST_OF(db_opens_no_damaged_file_and_says_so_and_leaves_it),
                    TEST_OF(db_with_a_page_that_is_damaged_fails_what_reads_it_and_serves_the_rest),
                    TEST_OF(db_undoes_what_the_disk_has_no_room_for_and_goes_on),
                    TEST_OF(db_says_no_space_where_a_database_may_not_grow),
                    TEST_OF(db_killed_at_any_point_has_all_that_was_answered_and_nothing_by_half),
                    TEST_OF(db_survives_each_failed_alloc_while_it_opens),
                    TEST_OF(db_survives_each_failed_alloc_of_a_transaction));
}
