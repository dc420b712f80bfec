/* src/store/db.h - what outlives a request: rows in a database, changed in transactions.
 *
 * A transaction is a list of statements with their values, submitted whole: all of it happens or nothing does, and its answer
 * comes as a message to the asker's channel, so that no loop ever waits. SQLite stands behind it: a file, or memory that goes
 * with the process. Statements cannot look at what those before them answered but by SQL, so that a pipeline serves as well.
 *
 * Changes are made by one thread, all that wait in one commit; OK says that it is on the disk (write-ahead log, fsync). What
 * only reads runs on threads of its own and sees what was committed before it began. Several processes may use one file.
 * Thread: any, unless said. Memory: a transaction is shared by its asker and the database; the last reference frees it. */
#ifndef STORE_DB_H
#define STORE_DB_H

#include "kit/clock.h"
#include "kit/str.h"
#include "loop/chan.h"

struct store_db;
struct store_tx;

struct store_options {
    const char *path; /* a file in a folder that is there; made with mode 0600. NULL: memory */
    /* What made the tables, step by step: SQL of one or more statements each. New steps are appended, old ones never changed.
     * Borrowed during store_open. */
    const char *const *migrations;
    uint32_t migration_count;
    uint32_t readers;        /* threads, 1 … STORE_READERS_MAX; memory is read by the thread that writes */
    uint32_t waiting_max;    /* transactions, of readers and of writers each */
    uint32_t statements_max; /* of a transaction */
    uint32_t rows_max;       /* that a transaction answers, all statements together */
    size_t values_bytes_max; /* of a transaction's values */
    size_t answer_bytes_max; /* of its rows */
    uint32_t busy_ms;        /* how long another process may hold the file */
};

#define STORE_READERS_MAX 16
#define STORE_OPTIONS_DEFAULT                                                                                          \
    {                                                                                                                  \
        .readers = 2, .waiting_max = 4096, .statements_max = 64, .rows_max = 10000, .values_bytes_max = 64 * KIT_MIB,  \
        .answer_bytes_max = 64 * KIT_MIB, .busy_ms = 5000                                                              \
    }

/* Opens or makes the database and brings its tables up to date; blocks. Errors: CONFLICT (written by a newer program),
 * UNAVAILABLE (another process holds it), IO (damaged, no database, no right to it), NO_SPACE, INVALID (options, migration),
 * NOMEM. */
KIT_MUST_CHECK enum kit_status store_open(const struct store_options *options, struct store_db **ret,
                                          struct kit_err *err);
/* All that was submitted is carried out and answered first; nobody submits any more. Blocks. NULL is fine. */
void store_close(struct store_db *db);

/* --- values --- */

enum store_type { STORE_NULL, STORE_INT, STORE_REAL, STORE_TEXT, STORE_BYTES };
struct store_value {
    enum store_type type;
    int64_t i;     /* INT */
    double real;   /* REAL */
    kit_str bytes; /* TEXT (UTF-8, without NUL), BYTES */
};
static inline struct store_value store_int(int64_t i)
{
    return (struct store_value){.type = STORE_INT, .i = i};
}
static inline struct store_value store_text(kit_str s)
{
    return (struct store_value){.type = STORE_TEXT, .bytes = s};
}

/* --- asking --- */

enum store_kind { STORE_READ, STORE_WRITE }; /* READ: no statement changes anything */

struct store_asker {
    /* Called by what receives from `home` (store_tx_receive), on its loop: the answer is there. */
    void (*answered)(struct store_tx *tx);
    /* Instead of answered, when the loop has ended; any thread. NULL: nobody is told. */
    void (*dropped)(struct store_tx *tx);
    struct loop_chan *home; /* the transaction holds a reference */
    void *ctx;
};

/* *ret holds one reference: the asker's. NOMEM. */
KIT_MUST_CHECK enum kit_status store_tx_new(struct store_db *db, enum store_kind kind, const struct store_asker *asker,
                                            struct store_tx **ret, struct kit_err *err);
struct store_tx *store_tx_ref(struct store_tx *tx);
void store_tx_unref(struct store_tx *tx); /* NULL is fine */
void *store_tx_ctx(const struct store_tx *tx);
void store_tx_set_deadline(struct store_tx *tx, uint64_t deadline_ns); /* kit_clock_ns; before it is submitted */

/* How many rows a statement must answer, or change where it answers none; otherwise all is undone and CONFLICT is the
 * answer. */
struct store_expect {
    uint32_t min, max;
};
#define STORE_ANY ((struct store_expect){0, UINT32_MAX})
#define STORE_ONE ((struct store_expect){1, 1})

/* One statement more. sql: lives as long as the database, and its address is its name (it is prepared once); parameters are
 * $1 … $n. values [count]: copied. What is too much is told by store_submit. */
void store_tx_add(struct store_tx *tx, const char *sql, const struct store_value *values, uint32_t count,
                  struct store_expect expect);

/* OK: its answer will come home. FULL (waiting_max), TOO_LARGE (statements, values), NOMEM: nothing happens. */
KIT_MUST_CHECK enum kit_status store_submit(struct store_tx *tx, struct kit_err *err);
/* One that waits is not begun, one that runs is undone; the answer is CANCELLED. One that is being committed stays. */
void store_cancel(struct store_tx *tx);

/* What the asker's channel receives and drops (loop_chan_options; ctx is not looked at). */
void store_tx_receive(void *ctx, struct loop_msg *m);
void store_tx_drop(void *ctx, struct loop_msg *m);

/* --- the answer; when it is home --- */

/* OK, or why nothing happened: CONFLICT (expectation, constraint), CANCELLED, TIMEOUT, TOO_LARGE (rows), INVALID (SQL), and
 * those of store_open. err may be NULL. */
enum kit_status store_tx_status(const struct store_tx *tx, struct kit_err *err);
uint32_t store_tx_failed_at(const struct store_tx *tx); /* index of the statement that failed */
uint32_t store_tx_rows(const struct store_tx *tx, uint32_t statement);
uint64_t store_tx_changed(const struct store_tx *tx, uint32_t statement);
/* NULL for what is not there. Bytes: borrowed from the transaction. */
struct store_value store_tx_get(const struct store_tx *tx, uint32_t statement, uint32_t row, uint32_t column);

#endif
