/* src/store/inner.h - a connection to SQLite, and what the threads of a database share. For src/store/ only. */
#ifndef STORE_INNER_H
#define STORE_INNER_H

#include "store/tx.h"

const struct store_options *store_db_options(const struct store_db *db);

struct store_conn; /* thread: one at a time */

/* Opens the file; the first connection to it also makes it. Errors as store_open. */
KIT_MUST_CHECK enum kit_status store_conn_new(const struct store_options *options, struct store_conn **ret,
                                              struct kit_err *err);
void store_conn_free(struct store_conn *c); /* NULL is fine */
/* Brings the tables up to date, in one transaction. Errors as store_open. */
KIT_MUST_CHECK enum kit_status store_conn_migrate(struct store_conn *c, struct kit_err *err);

/* Carries out one that reads. Its answer stands in it. */
void store_conn_read(struct store_conn *c, struct store_tx *tx);
/* Carries out a list (by `next`) in one commit; where that fails each on its own. Each has its own answer. */
void store_conn_write(struct store_conn *c, struct store_tx *first);

#endif
