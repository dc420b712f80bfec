#include "store/inner.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "kit/alloc.h"
#include "kit/file.h"
#include "kit/log.h"
#include "kit/sync.h"

#define PREPARED_MAX 64
#define STEPS_BETWEEN_LOOKS 1000 /* of SQLite's machine, before it looks whether anybody still waits */
#define FILE_MODE 0600
#define NAME_BYTES 16

struct prepared {
    const char *sql; /* its address is its name */
    sqlite3_stmt *stmt;
    uint64_t used;
};

struct store_conn {
    struct store_options options; /* path: borrowed from the database */
    sqlite3 *db;
    struct prepared prepared[PREPARED_MAX];
    uint64_t uses;
    struct store_tx *now; /* what runs; NULL: what must not be broken off */
};

/* --- SQLite itself: its memory is ours --- */

static void *give(int bytes)
{
    return kit_alloc((size_t)bytes);
}

static void *resize(void *p, int bytes)
{
    return kit_alloc_resize(p, (size_t)bytes);
}

static int size_of(void *p)
{
    return p == NULL ? 0 : (int)malloc_usable_size(p);
}

static int round_up(int bytes)
{
    return (bytes + 7) & ~7;
}

static int begin_memory(void *ctx)
{
    (void)ctx;
    return SQLITE_OK;
}

static void end_memory(void *ctx)
{
    (void)ctx;
}

static void tell(void *ctx, int code, const char *text)
{
    (void)ctx;
    LOG_DEBUG("store.sqlite", "code=%d what=%s", code, LOG_QUOTE(text));
}

static void set_up(void)
{
    static const sqlite3_mem_methods memory = {.xMalloc = give,
                                               .xFree = kit_alloc_free,
                                               .xRealloc = resize,
                                               .xSize = size_of,
                                               .xRoundup = round_up,
                                               .xInit = begin_memory,
                                               .xShutdown = end_memory};
    sqlite3_config(SQLITE_CONFIG_MALLOC, &memory);
    sqlite3_config(SQLITE_CONFIG_LOG, tell, NULL);
}

/* --- errors --- */

static enum kit_status status_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
        return KIT_OK;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return KIT_UNAVAILABLE;
    case SQLITE_NOMEM:
        return KIT_NOMEM;
    case SQLITE_FULL:
        return KIT_NO_SPACE;
    case SQLITE_CONSTRAINT:
        return KIT_CONFLICT;
    case SQLITE_TOOBIG:
        return KIT_TOO_LARGE;
    case SQLITE_INTERRUPT:
        return KIT_CANCELLED;
    case SQLITE_ERROR:
    case SQLITE_RANGE:
    case SQLITE_MISMATCH:
        return KIT_INVALID;
    default:
        return KIT_IO;
    }
}

static const char *place(const struct store_conn *c)
{
    return c->options.path != NULL ? c->options.path : "memory";
}

static enum kit_status fail(const struct store_conn *c, int rc, struct kit_err *err)
{
    const char *why = c->db != NULL ? sqlite3_errmsg(c->db) : sqlite3_errstr(rc);
    enum kit_status status = status_of(rc);
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return kit_fail(err, status, "database '%s' is held by another process (waited %u ms)", place(c),
                        c->options.busy_ms);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return kit_fail(err, status, "'%s' is damaged or no database (%s): move it away, or put a copy in its place",
                        place(c), why);
    case SQLITE_FULL:
        return kit_fail(err, status, "no space for database '%s': free some, nothing was changed", place(c));
    case SQLITE_NOMEM:
        return kit_fail(err, status, "out of memory for database '%s'", place(c));
    default:
        return kit_fail(err, status, "database '%s': %s", place(c), why);
    }
}

/* --- opening --- */

static int is_unwanted(void *ctx)
{
    struct store_conn *c = ctx;
    return c->now != NULL && store_tx_wanted(c->now, NULL) != KIT_OK;
}

static enum kit_status run_sql(struct store_conn *c, const char *sql, struct kit_err *err)
{
    int rc = sqlite3_exec(c->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? KIT_OK : fail(c, rc, err);
}

/* SQLite would let others read it. */
static enum kit_status make_file(const char *path, struct kit_err *err)
{
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (path != NULL && fd < 0) {
        return kit_fail(err, errno == ENOSPC ? KIT_NO_SPACE : KIT_IO, "database '%s': %s", path, strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    return KIT_OK;
}

static enum kit_status open_file(struct store_conn *c, struct kit_err *err)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
    enum kit_status rc = make_file(c->options.path, err);
    if (rc != KIT_OK) {
        return rc;
    }
    int opened = sqlite3_open_v2(c->options.path != NULL ? c->options.path : ":memory:", &c->db, flags, NULL);
    if (opened != SQLITE_OK) {
        return fail(c, opened, err);
    }
    sqlite3_busy_timeout(c->db, (int)c->options.busy_ms);
    sqlite3_progress_handler(c->db, STEPS_BETWEEN_LOOKS, is_unwanted, c);
    return run_sql(c,
                   "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
                   "PRAGMA journal_size_limit=16777216",
                   err);
}

enum kit_status store_conn_new(const struct store_options *options, struct store_conn **ret, struct kit_err *err)
{
    static struct kit_once once = KIT_ONCE;
    kit_once(&once, set_up);
    struct store_conn *c = kit_alloc_zero(1, sizeof(*c));
    if (c == NULL || sqlite3_initialize() != SQLITE_OK) {
        kit_alloc_free(c);
        return kit_fail(err, KIT_NOMEM, "out of memory for a database");
    }
    c->options = *options;
    enum kit_status rc = open_file(c, err);
    if (rc != KIT_OK) {
        store_conn_free(c);
        return rc;
    }
    *ret = c;
    return KIT_OK;
}

void store_conn_free(struct store_conn *c)
{
    if (c == NULL) {
        return;
    }
    for (size_t i = 0; i < PREPARED_MAX; i++) {
        sqlite3_finalize(c->prepared[i].stmt);
    }
    sqlite3_close(c->db);
    kit_alloc_free(c);
}

/* --- statements --- */

static struct prepared *oldest(struct store_conn *c)
{
    struct prepared *p = &c->prepared[0];
    for (size_t i = 1; i < PREPARED_MAX; i++) {
        p = c->prepared[i].used < p->used ? &c->prepared[i] : p;
    }
    return p;
}

static struct prepared *find(struct store_conn *c, const char *sql)
{
    for (size_t i = 0; i < PREPARED_MAX; i++) {
        if (c->prepared[i].sql == sql) {
            return &c->prepared[i];
        }
    }
    return NULL;
}

static enum kit_status prepare(struct store_conn *c, const char *sql, sqlite3_stmt **ret, struct kit_err *err)
{
    struct prepared *p = find(c, sql);
    if (p == NULL) {
        p = oldest(c);
        sqlite3_finalize(p->stmt);
        *p = (struct prepared){0};
        int rc = sqlite3_prepare_v3(c->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &p->stmt, NULL);
        if (rc != SQLITE_OK) {
            return fail(c, rc, err);
        }
        p->sql = sql;
    }
    p->used = ++c->uses;
    *ret = p->stmt;
    return KIT_OK;
}

static int bind_value(sqlite3_stmt *stmt, int at, const struct store_value *v)
{
    const char *bytes = v->bytes.ptr != NULL ? v->bytes.ptr : "";
    switch (v->type) {
    case STORE_INT:
        return sqlite3_bind_int64(stmt, at, v->i);
    case STORE_REAL:
        return sqlite3_bind_double(stmt, at, v->real);
    case STORE_TEXT:
        return sqlite3_bind_text64(stmt, at, bytes, v->bytes.len, SQLITE_STATIC, SQLITE_UTF8);
    case STORE_BYTES:
        return sqlite3_bind_blob64(stmt, at, bytes, v->bytes.len, SQLITE_STATIC);
    default:
        return sqlite3_bind_null(stmt, at);
    }
}

/* $1 is a name to SQLite, which numbers names as they come. */
static enum kit_status bind_all(struct store_conn *c, sqlite3_stmt *stmt, const struct store_statement *s,
                                struct kit_err *err)
{
    if (sqlite3_bind_parameter_count(stmt) > (int)s->count) {
        return kit_fail(err, KIT_INVALID, "a statement has %d parameters, but %u values",
                        sqlite3_bind_parameter_count(stmt), s->count);
    }
    for (uint32_t i = 0; i < s->count; i++) {
        char name[NAME_BYTES];
        snprintf(name, sizeof(name), "$%u", i + 1);
        int at = sqlite3_bind_parameter_index(stmt, name);
        int rc = at > 0 ? bind_value(stmt, at, &s->values[i]) : SQLITE_OK;
        if (rc != SQLITE_OK) {
            return fail(c, rc, err);
        }
    }
    return KIT_OK;
}

static enum kit_status keep_bytes(struct store_tx *tx, const void *bytes, int len, struct store_value *v)
{
    return kit_arena_str(&tx->answers, (kit_str){.ptr = bytes, .len = (size_t)len}, &v->bytes);
}

static enum kit_status keep_cell(struct store_tx *tx, sqlite3_stmt *stmt, int column)
{
    struct store_value v = {.type = STORE_NULL};
    enum kit_status rc = KIT_OK;
    switch (sqlite3_column_type(stmt, column)) {
    case SQLITE_INTEGER:
        v = store_int(sqlite3_column_int64(stmt, column));
        break;
    case SQLITE_FLOAT:
        v = (struct store_value){.type = STORE_REAL, .real = sqlite3_column_double(stmt, column)};
        break;
    case SQLITE_TEXT:
        v.type = STORE_TEXT;
        rc = keep_bytes(tx, sqlite3_column_text(stmt, column), sqlite3_column_bytes(stmt, column), &v);
        break;
    case SQLITE_BLOB:
        v.type = STORE_BYTES;
        rc = keep_bytes(tx, sqlite3_column_blob(stmt, column), sqlite3_column_bytes(stmt, column), &v);
        break;
    default:
        break;
    }
    return rc == KIT_OK ? kit_buf_add(&tx->cells, (kit_str){.ptr = (const char *)&v, .len = sizeof(v)}) : rc;
}

static size_t bytes_of_row(sqlite3_stmt *stmt, int columns)
{
    size_t bytes = 0;
    for (int i = 0; i < columns; i++) {
        bytes += (size_t)sqlite3_column_bytes(stmt, i) + sizeof(struct store_value);
    }
    return bytes;
}

static enum kit_status keep_row(struct store_conn *c, struct store_tx *tx, struct store_statement *s,
                                sqlite3_stmt *stmt, struct kit_err *err)
{
    int columns = sqlite3_column_count(stmt);
    tx->answer_bytes += bytes_of_row(stmt, columns);
    if (tx->rows == c->options.rows_max || tx->answer_bytes > c->options.answer_bytes_max) {
        return kit_fail(err, KIT_TOO_LARGE, "more than %u rows or %zu bytes: ask for less at a time",
                        c->options.rows_max, c->options.answer_bytes_max);
    }
    for (int i = 0; i < columns; i++) {
        if (keep_cell(tx, stmt, i) != KIT_OK) {
            return kit_fail(err, KIT_NOMEM, "out of memory for the rows of a database");
        }
    }
    s->columns = (uint32_t)columns;
    s->rows++;
    tx->rows++;
    return KIT_OK;
}

static enum kit_status step_all(struct store_conn *c, struct store_tx *tx, struct store_statement *s,
                                sqlite3_stmt *stmt, struct kit_err *err)
{
    enum kit_status rc = KIT_OK;
    int stepped = SQLITE_DONE;
    sqlite3_int64 before = sqlite3_total_changes64(c->db);
    s->first = (uint32_t)(tx->cells.len / sizeof(struct store_value));
    while (rc == KIT_OK && (stepped = sqlite3_step(stmt)) == SQLITE_ROW) {
        rc = keep_row(c, tx, s, stmt, err);
    }
    if (rc == KIT_OK && stepped != SQLITE_DONE) {
        rc = fail(c, stepped, err);
    }
    s->changed = (uint64_t)(sqlite3_total_changes64(c->db) - before);
    return rc;
}

static enum kit_status check_count(const struct store_statement *s, bool answers, struct kit_err *err)
{
    uint64_t count = answers ? s->rows : s->changed;
    if (count >= s->expect.min && count <= s->expect.max) {
        return KIT_OK;
    }
    return kit_fail(err, KIT_CONFLICT, "%llu rows where %u to %u were expected", (unsigned long long)count,
                    s->expect.min, s->expect.max);
}

static enum kit_status run_statement(struct store_conn *c, struct store_tx *tx, struct store_statement *s,
                                     struct kit_err *err)
{
    sqlite3_stmt *stmt = NULL;
    enum kit_status rc = prepare(c, s->sql, &stmt, err);
    if (rc != KIT_OK) {
        return rc;
    }
    if (tx->kind == STORE_READ && sqlite3_stmt_readonly(stmt) == 0) {
        return kit_fail(err, KIT_INVALID, "a transaction that reads has a statement that writes");
    }
    rc = bind_all(c, stmt, s, err);
    if (rc == KIT_OK) {
        rc = step_all(c, tx, s, stmt, err);
    }
    bool answers = sqlite3_column_count(stmt) > 0;
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    return rc == KIT_OK ? check_count(s, answers, err) : rc;
}

/* Why it was broken off: SQLite knows only that it was. */
static void explain(struct store_tx *tx, struct kit_err *err)
{
    if (err->code == KIT_CANCELLED) {
        (void)store_tx_wanted(tx, err);
    }
}

/* False: it failed, and its answer says why; what it did is not undone yet. */
static bool run_statements(struct store_conn *c, struct store_tx *tx)
{
    struct kit_err err = {0};
    uint32_t count, i = 0;
    struct store_statement *s = store_tx_statements(tx, &count);
    enum kit_status rc = store_tx_wanted(tx, &err);
    c->now = tx;
    while (rc == KIT_OK && i < count) {
        rc = run_statement(c, tx, &s[i], &err);
        i += rc == KIT_OK;
    }
    c->now = NULL;
    if (rc != KIT_OK) {
        explain(tx, &err);
        store_tx_fail(tx, i, &err);
    }
    return rc == KIT_OK;
}

/* --- transactions --- */

static bool is_open(const struct store_conn *c)
{
    return sqlite3_get_autocommit(c->db) == 0;
}

static void undo(struct store_conn *c)
{
    if (is_open(c)) {
        (void)run_sql(c, "ROLLBACK", NULL);
    }
}

void store_conn_read(struct store_conn *c, struct store_tx *tx)
{
    struct kit_err err = {0};
    if (run_sql(c, "BEGIN", &err) != KIT_OK) {
        store_tx_fail(tx, 0, &err);
        return;
    }
    (void)run_statements(c, tx); /* its answer says so */
    undo(c);
}

static void fail_all(struct store_tx *first, const struct kit_err *err)
{
    for (struct store_tx *tx = first; tx != NULL; tx = tx->next) {
        store_tx_fail(tx, 0, err);
    }
}

/* One of several: what it did is undone when it fails. False: that took all others with it. */
static bool run_among(struct store_conn *c, struct store_tx *tx)
{
    struct kit_err err = {0};
    if (run_sql(c, "SAVEPOINT one", &err) != KIT_OK) {
        store_tx_fail(tx, 0, &err);
        return is_open(c);
    }
    bool good = run_statements(c, tx);
    if (!is_open(c)) {
        return false;
    }
    return run_sql(c, good ? "RELEASE one" : "ROLLBACK TO one; RELEASE one", &err) == KIT_OK;
}

/* False: nothing happened, though one alone might have succeeded. */
static bool write_together(struct store_conn *c, struct store_tx *first, struct kit_err *err)
{
    *err = (struct kit_err){0};
    if (run_sql(c, "BEGIN IMMEDIATE", err) != KIT_OK) {
        return false;
    }
    for (struct store_tx *tx = first; tx != NULL; tx = tx->next) {
        if (!run_among(c, tx)) {
            undo(c);
            return false;
        }
    }
    if (run_sql(c, "COMMIT", err) != KIT_OK) {
        undo(c);
        return false;
    }
    return true;
}

static void write_alone(struct store_conn *c, struct store_tx *tx)
{
    struct store_tx *rest = tx->next;
    struct kit_err err;
    tx->next = NULL;
    store_tx_reset(tx);
    if (!write_together(c, tx, &err) && tx->status == KIT_OK) {
        if (err.code == KIT_OK) {
            kit_fail(&err, KIT_IO, "database '%s': a transaction was undone", place(c));
        }
        store_tx_fail(tx, 0, &err);
    }
    tx->next = rest;
}

void store_conn_write(struct store_conn *c, struct store_tx *first)
{
    struct kit_err err;
    if (first->next != NULL && write_together(c, first, &err)) {
        return;
    }
    if (first->next != NULL && err.code == KIT_UNAVAILABLE) {
        fail_all(first, &err); /* each would wait as long again */
        return;
    }
    for (struct store_tx *tx = first; tx != NULL; tx = tx->next) {
        write_alone(c, tx);
    }
}

/* --- migrations --- */

static enum kit_status read_number(struct store_conn *c, uint32_t *ret, struct kit_err *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(c->db, "SELECT coalesce(max(number), 0) FROM store_migrations", -1, &stmt, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(stmt);
    }
    enum kit_status status = rc == SQLITE_ROW ? KIT_OK : fail(c, rc, err);
    *ret = rc == SQLITE_ROW ? (uint32_t)sqlite3_column_int(stmt, 0) : 0;
    sqlite3_finalize(stmt);
    return status;
}

static enum kit_status note_step(struct store_conn *c, uint32_t number, struct kit_err *err)
{
    char sql[128];
    snprintf(sql, sizeof(sql), "INSERT INTO store_migrations (number, applied_s) VALUES (%u, %llu)", number,
             (unsigned long long)(kit_clock_wall_ns() / KIT_NS_PER_S));
    return run_sql(c, sql, err);
}

static enum kit_status take_steps(struct store_conn *c, struct kit_err *err)
{
    uint32_t done = 0;
    enum kit_status rc = run_sql(c,
                                 "CREATE TABLE IF NOT EXISTS store_migrations "
                                 "(number INTEGER PRIMARY KEY, applied_s BIGINT NOT NULL)",
                                 err);
    if (rc == KIT_OK) {
        rc = read_number(c, &done, err);
    }
    if (rc == KIT_OK && done > c->options.migration_count) {
        rc = kit_fail(err, KIT_CONFLICT,
                      "database '%s' is of a newer program (its tables are at step %u, this program knows %u)",
                      place(c), done, c->options.migration_count);
    }
    for (uint32_t i = done; rc == KIT_OK && i < c->options.migration_count; i++) {
        rc = run_sql(c, c->options.migrations[i], err);
        if (rc == KIT_OK) {
            rc = note_step(c, i + 1, err);
        }
    }
    return rc;
}

enum kit_status store_conn_migrate(struct store_conn *c, struct kit_err *err)
{
    enum kit_status rc = run_sql(c, "BEGIN IMMEDIATE", err);
    if (rc == KIT_OK) {
        rc = take_steps(c, err);
    }
    if (rc == KIT_OK) {
        rc = run_sql(c, "COMMIT", err);
    }
    undo(c);
    return rc;
}
