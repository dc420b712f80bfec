/* src/store/tx.h - a transaction from the inside. For src/store/ only.
 *
 * Thread: until it is submitted the asker's; then the database's, but for `cancelled`; when it is home the asker's again. */
#ifndef STORE_TX_H
#define STORE_TX_H

#include "kit/arena.h"
#include "kit/buf.h"
#include "kit/flag.h"
#include "kit/ref.h"
#include "store/db.h"

struct store_statement {
    const char *sql;            /* borrowed */
    struct store_value *values; /* [count], arena */
    uint32_t count;             /* of values */
    struct store_expect expect; /* of rows */
    uint32_t rows, columns;     /* answered */
    uint32_t first;             /* of its cells */
    uint64_t changed;           /* rows */
};

struct store_tx {
    struct loop_msg msg;   /* the way home */
    struct store_tx *next; /* of a queue */
    struct store_db *db;   /* borrowed */
    enum store_kind kind;
    struct store_asker asker;
    uint64_t deadline_ns;
    struct kit_arena arena;    /* values */
    size_t value_bytes;        /* of texts and bytes among them */
    struct kit_buf statements; /* struct store_statement */
    enum kit_status too_much;  /* what store_submit says */
    struct kit_flag cancelled;
    struct kit_ref refs;

    /* The answer. */
    enum kit_status status;
    struct kit_err err;
    uint32_t failed_at;
    struct kit_arena answers; /* bytes of cells */
    size_t answer_bytes;      /* of cells, and in it */
    struct kit_buf cells;     /* struct store_value, row by row */
    uint32_t rows;            /* of all statements */
};

struct store_statement *store_tx_statements(const struct store_tx *tx, uint32_t *count);
/* CANCELLED, TIMEOUT: nobody waits for it any more. */
enum kit_status store_tx_wanted(struct store_tx *tx, struct kit_err *err);
/* As if it had never run. */
void store_tx_reset(struct store_tx *tx);
void store_tx_fail(struct store_tx *tx, uint32_t at, const struct kit_err *err);
/* The database's reference travels with it. */
void store_tx_go_home(struct store_tx *tx);

#endif
