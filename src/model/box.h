/* src/model/box.h - the box around a model_loaded: what the catalog keeps with an open model.
 *
 * Thread: as said. Memory: the entry owns its box from model_box_new to model_box_close; the entry outlives it. */
#ifndef MODEL_BOX_H
#define MODEL_BOX_H

#include "model/entry.h"

struct model_box {
    struct model_loaded loaded;
    struct model_entry *entry;
    kit_id account; /* in the ledger, while booked */
    bool booked;
    bool warmed;  /* observer.warm was called: forget is due */
    bool stopped; /* the load was told to stop; under the lock */
};

/* Makes an empty box with one reference. Without the lock; the caller puts it into the entry. NOMEM. */
KIT_MUST_CHECK enum kit_status model_box_new(struct model_entry *e, struct model_box **ret, struct kit_err *err);
/* Lets the observer forget, closes the engine model and the account, frees. Without the lock, taken out of the entry, and
 * nobody else refers to it; blocks. NULL is fine. */
void model_box_close(struct model_box *b);

#endif
