/* src/model/unload.h - the two steps from draining to available: end what runs, then give the memory back.
 *
 * Between them the pool's thread is free: answers on their way to slow clients may hold references for a while.
 * Thread: the catalog's pool for the rest, without the lock; blocks. */
#ifndef MODEL_UNLOAD_H
#define MODEL_UNLOAD_H

#include "model/entry.h"

/* Tells the observer; the entry is cooled then. */
void model_unload_cool(struct model_entry *e);
/* Closes what nobody refers to any more. The entry leaves draining as available, or as failed when it was lost and is
 * wanted still (restart.h). */
void model_unload_close(struct model_entry *e);

#endif
