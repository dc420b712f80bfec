/* src/model/events.h - the ring of what happened, and who wants to know. The public half is in catalog.h.
 *
 * A listener first reads the states as they are now (a walk over the entries), then what happens; when the ring has run
 * over what it had not read, it walks again. During a walk an event of an entry that was told already comes at once, one
 * of an entry still to come is left out: so what is read of one model is always in its order.
 * Thread: any, under the lock that is given at init, unless said. Memory: the ring is taken at init. */
#ifndef MODEL_EVENTS_H
#define MODEL_EVENTS_H

#include "kit/sync.h"
#include "model/catalog.h"

#define MODEL_LISTENERS_MAX 1024

/* The entries, for the walk. Under the lock. */
struct model_events_source {
    /* The entry behind the id `after` in order of ids ("" is before all), or, with `only` not empty, that one if it comes
     * behind `after`. Fills all of *ret but seq. False: none. */
    bool (*next)(void *ctx, const char *after, kit_str only, struct model_event *ret);
    void *ctx;
};

struct model_events {
    struct kit_mutex *lock; /* borrowed */
    struct kit_cond idle;   /* a wake has returned */
    struct model_events_source source;
    struct model_event *ring; /* [max], owned; event seq lies at seq % max */
    uint32_t max;
    uint64_t seq; /* of the last event; 0: none yet */
    struct model_listener *first;
    uint32_t listeners;
    bool due; /* a listener is to be woken by model_events_flush */
};

/* max: 1 …. NOMEM. Not under the lock. */
KIT_MUST_CHECK enum kit_status model_events_init(struct model_events *ev, struct kit_mutex *lock, uint32_t max,
                                                 const struct model_events_source *source);
void model_events_done(struct model_events *ev); /* every listener is closed */

/* Copies *e into the ring and gives it its seq. */
void model_events_add(struct model_events *ev, const struct model_event *e);
/* Wakes whoever must be; gives the lock up meanwhile and has it again on return. */
void model_events_flush(struct model_events *ev);

/* See model_events_listen in catalog.h. Takes the lock itself. */
KIT_MUST_CHECK enum kit_status model_events_open(struct model_events *ev, kit_str id, void (*wake)(void *ctx),
                                                 void *ctx, struct model_listener **ret);

#endif
