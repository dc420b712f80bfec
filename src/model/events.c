#include "model/events.h"

#include <assert.h>
#include <string.h>

#include "kit/alloc.h"

struct model_listener {
    struct model_listener *next; /* the hub's */
    struct model_events *events; /* borrowed */
    void (*wake)(void *ctx);
    void *ctx;
    char only[MODEL_ID_BYTES_MAX + 1]; /* "": all */
    uint64_t next_seq;
    bool walking; /* the states are told, up to the entry `at` */
    char at[MODEL_ID_BYTES_MAX + 1];
    bool told; /* it was woken, or will be, and has not read to the end since */
    bool due;  /* to be woken by the next flush */
    bool closing;
    uint32_t waking; /* threads that are inside wake */
};

enum kit_status model_events_init(struct model_events *ev, struct kit_mutex *lock, uint32_t max,
                                  const struct model_events_source *source)
{
    assert(max > 0);
    struct model_event *ring = kit_alloc_zero(max, sizeof(*ring));
    if (ring == NULL) {
        return KIT_NOMEM;
    }
    *ev = (struct model_events){.lock = lock, .ring = ring, .max = max, .source = *source};
    kit_cond_init(&ev->idle);
    return KIT_OK;
}

void model_events_done(struct model_events *ev)
{
    assert(ev->first == NULL);
    kit_cond_done(&ev->idle);
    kit_alloc_free(ev->ring);
}

/* --- telling --- */

static bool wants(const struct model_listener *l, const char *id)
{
    return l->only[0] == '\0' || strcmp(l->only, id) == 0;
}

void model_events_add(struct model_events *ev, const struct model_event *e)
{
    ev->seq++;
    struct model_event *at = &ev->ring[ev->seq % ev->max];
    *at = *e;
    at->seq = ev->seq;
    for (struct model_listener *l = ev->first; l != NULL; l = l->next) {
        if (!l->told && wants(l, e->id)) {
            l->told = true;
            l->due = true;
            ev->due = true;
        }
    }
}

/* While it waits for the lock again, close cannot let go of l. */
static void wake_one(struct model_events *ev, struct model_listener *l)
{
    l->due = false;
    l->waking++;
    kit_mutex_unlock(ev->lock);
    l->wake(l->ctx);
    kit_mutex_lock(ev->lock);
    l->waking--;
    if (l->closing) {
        kit_cond_broadcast(&ev->idle);
    }
}

void model_events_flush(struct model_events *ev)
{
    if (!ev->due) {
        return;
    }
    ev->due = false;
    for (struct model_listener *l = ev->first; l != NULL; l = l->next) {
        if (l->due && !l->closing) {
            wake_one(ev, l);
        }
    }
}

/* --- listening --- */

static void start_walk(struct model_listener *l)
{
    l->walking = true;
    l->at[0] = '\0';
    l->next_seq = l->events->seq + 1;
}

enum kit_status model_events_open(struct model_events *ev, kit_str id, void (*wake)(void *ctx), void *ctx,
                                  struct model_listener **ret)
{
    struct model_listener *l = kit_alloc_zero(1, sizeof(*l));
    if (l == NULL) {
        return KIT_NOMEM;
    }
    l->events = ev;
    l->wake = wake;
    l->ctx = ctx;
    kit_str_to_c(id, l->only, sizeof(l->only));
    kit_mutex_lock(ev->lock);
    bool full = ev->listeners == MODEL_LISTENERS_MAX;
    if (!full) {
        start_walk(l);
        ev->listeners++;
        l->next = ev->first;
        ev->first = l;
    }
    kit_mutex_unlock(ev->lock);
    if (full) {
        kit_alloc_free(l);
        return KIT_FULL;
    }
    *ret = l;
    return KIT_OK;
}

static bool read_ring(struct model_listener *l, struct model_event *ret)
{
    const struct model_events *ev = l->events;
    if (ev->seq + 1 - l->next_seq > ev->max) {
        start_walk(l);
    }
    while (l->next_seq <= ev->seq) {
        const struct model_event *e = &ev->ring[l->next_seq++ % ev->max];
        if (wants(l, e->id) && !(l->walking && strcmp(e->id, l->at) > 0)) {
            *ret = *e;
            return true;
        }
    }
    return false;
}

static bool read_walk(struct model_listener *l, struct model_event *ret)
{
    const struct model_events *ev = l->events;
    l->walking = l->walking && ev->source.next(ev->source.ctx, l->at, kit_str_c(l->only), ret);
    if (l->walking) {
        ret->seq = ev->seq;
        memcpy(l->at, ret->id, sizeof(l->at));
    }
    return l->walking;
}

bool model_events_read(struct model_listener *l, struct model_event *ret)
{
    kit_mutex_lock(l->events->lock);
    bool got = read_ring(l, ret) || read_walk(l, ret);
    if (!got) {
        l->told = false;
    }
    kit_mutex_unlock(l->events->lock);
    return got;
}

void model_events_close(struct model_listener *l)
{
    if (l == NULL) {
        return;
    }
    struct model_events *ev = l->events;
    kit_mutex_lock(ev->lock);
    l->closing = true;
    while (l->waking > 0) {
        kit_cond_wait(&ev->idle, ev->lock);
    }
    struct model_listener **at = &ev->first;
    while (*at != l) {
        at = &(*at)->next;
    }
    *at = l->next;
    ev->listeners--;
    kit_mutex_unlock(ev->lock);
    kit_alloc_free(l);
}
