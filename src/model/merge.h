/* src/model/merge.h - brings the entries of the catalog in line with what a scan has found.
 *
 * Thread: any, one at a time, without the lock. Memory: nothing of its own. */
#ifndef MODEL_MERGE_H
#define MODEL_MERGE_H

#include "model/entry.h"
#include "model/scan.h"

/* New models become entries; an entry that was not found leaves, or is marked to leave when it is unloaded. A scan that
 * was cut takes nothing out. Sets `known` in what was found. NOMEM; FULL: as many as fit are in. */
KIT_MUST_CHECK enum kit_status model_merge_scan(struct model_catalog *c, struct model_scan *s, struct kit_err *err);

#endif
