/* src/model/load.h - the step from loading to ready: choose a back end, reserve, open, book, warm.
 *
 * Thread: the catalog's pool for loads, without the lock; blocks as long as the load takes. */
#ifndef MODEL_LOAD_H
#define MODEL_LOAD_H

#include "model/entry.h"

/* The entry is loading. It leaves as ready, failed (with a reason; nothing of it is left in memory or ledger), available
 * (nobody wants it any more) or draining (the same, but it was warm already, or it was lost meanwhile). */
void model_load_run(struct model_entry *e);

#endif
