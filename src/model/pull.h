/* src/model/pull.h - the step from nothing here to available: the hub client brings a model's files into the models folder.
 *
 * Thread: as said. Memory: the wish is the entry's. */
#ifndef MODEL_PULL_H
#define MODEL_PULL_H

#include "model/entry.h"

/* Under the lock: puts the wish into the entry, in the place of another. NOMEM: nothing changed. */
KIT_MUST_CHECK enum kit_status model_pull_wish(struct model_entry *e, const struct hub_name *name, kit_str file,
                                               struct kit_err *err);
/* Under the lock: nobody wants it any more; a pull that runs ends soon. */
void model_pull_call_off(struct model_entry *e);

/* The entry is downloading. It leaves as available, or as failed with a reason. The catalog's pool for pulls, without the
 * lock; blocks as long as the download takes. */
void model_pull_run(struct model_entry *e);

#endif
