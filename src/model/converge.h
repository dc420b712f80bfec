/* src/model/converge.h - brings entries to what is wanted, one step after the other, on the catalog's pools.
 *
 * Loads have a pool of so many threads as may load at a time; all other steps have one of their own, so that what gives
 * memory back never waits behind what takes it. An entry has one job. While it is queued or runs, it looks for the next
 * step itself when one is done; otherwise whoever changes a fact about the entry asks for it here. So there is never more
 * than one step of an entry at a time.
 * Thread: under the catalog's lock, unless said. Memory: nothing of its own. */
#ifndef MODEL_CONVERGE_H
#define MODEL_CONVERGE_H

#include "model/entry.h"

/* Sees to it that the next step is done. A model that is to go is draining at once, though its job may have to wait.
 * FULL, NOMEM: the pool takes no job now; the next tick asks again. */
KIT_MUST_CHECK enum kit_status model_converge(struct model_entry *e);
/* The same where a full pool may wait for the tick. */
void model_converge_soon(struct model_entry *e);

/* A load or pull that nobody wants any more and that no thread has begun: available at once. */
void model_converge_call_off(struct model_entry *e);

/* Does all steps of an idle entry that can be done now, on this thread; false: there is none, or its job is at it. The
 * lock is held before and after, not meanwhile; the entry may be gone after. */
bool model_converge_here(struct model_entry *e);

/* Nothing is going on with it and nothing of it is in memory. */
bool model_converge_at_rest(const struct model_entry *e);

#endif
