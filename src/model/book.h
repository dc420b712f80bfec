/* src/model/book.h - keeps the ledger true while models run: caches grow, instances come and go.
 *
 * Thread: under the catalog's lock. Memory: the job is the catalog's. */
#ifndef MODEL_BOOK_H
#define MODEL_BOOK_H

#include "kit/clock.h"
#include "model/entry.h"

#define MODEL_BOOK_EVERY_NS (2 * KIT_NS_PER_S)

/* Books every ready model anew on a thread of the catalog's, unless that is on or was done less than MODEL_BOOK_EVERY_NS
 * ago. A full pool leaves it to a later call. now_ns: kit_clock_ns. */
void model_book_soon(struct model_catalog *c, uint64_t now_ns);

#endif
