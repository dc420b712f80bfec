#include "loop/chan.h"

#include "kit/alloc.h"
#include "kit/ref.h"
#include "kit/sync.h"
#include "loop/inner.h"

#define ROUND_MAX 256 /* messages received in one callback; the rest waits for the next round */

/* References: the owner's until close, uv's until its close callback, and those of loop_chan_ref. */
struct loop_chan {
    struct loop_handle handle; /* first */
    uv_async_t uv;
    struct loop_chan_options options;
    struct kit_ref ref;
    struct kit_mutex mutex; /* guards what follows; held while waking, so that no wake can follow the close */
    struct loop_msg *first, *last;
    uint32_t counted;
    bool closed;
};

static void unref_closed(struct loop_handle *h)
{
    struct loop_chan *c = KIT_CONTAINER(h, struct loop_chan, handle);
    loop_chan_unref(c);
}

/* loop_free closes what is left by itself: the owner's reference goes with it. */
static void free_left(struct loop_handle *h)
{
    struct loop_chan *c = KIT_CONTAINER(h, struct loop_chan, handle);
    loop_chan_close(c);
    unref_closed(h);
}

static struct loop_msg *take_one(struct loop_chan *c)
{
    kit_mutex_lock(&c->mutex);
    struct loop_msg *m = c->first;
    if (m != NULL) {
        c->first = m->next;
        c->last = m->next == NULL ? NULL : c->last;
        c->counted -= m->counted;
        m->next = NULL;
    }
    kit_mutex_unlock(&c->mutex);
    return m;
}

static void woken(uv_async_t *uv)
{
    struct loop_chan *c = KIT_CONTAINER(uv, struct loop_chan, uv);
    struct loop *l = c->handle.loop;
    for (int i = 0; i < ROUND_MAX && c->handle.life == LOOP_LIVE; i++) {
        struct loop_msg *m = take_one(c);
        if (m == NULL) {
            return;
        }
        loop_enter(l);
        c->options.receive(c->options.ctx, m); /* may close c: uv's reference keeps it */
        loop_leave(l);
    }
    if (c->handle.life == LOOP_LIVE) {
        uv_async_send(uv);
    }
}

enum kit_status loop_chan_new(struct loop *l, const struct loop_chan_options *options, struct loop_chan **ret,
                              struct kit_err *err)
{
    LOOP_ASSERT_HERE(l);
    struct loop_chan *c = kit_alloc_zero(1, sizeof(*c));
    int rc = c == NULL ? UV_ENOMEM : uv_async_init(&l->uv, &c->uv, woken);
    if (rc != 0) {
        kit_alloc_free(c);
        return kit_fail(err, rc == UV_ENOMEM ? KIT_NOMEM : KIT_IO, "channel of a loop: %s", uv_strerror(rc));
    }
    loop_handle_init(&c->handle, l, free_left, (uv_handle_t *)&c->uv);
    c->options = *options;
    kit_ref_init(&c->ref);
    kit_ref_up(&c->ref); /* uv's */
    kit_mutex_init(&c->mutex);
    *ret = c;
    return KIT_OK;
}

static enum kit_status send_one(struct loop_chan *c, struct loop_msg *m, bool counted)
{
    enum kit_status rc = KIT_OK;
    kit_mutex_lock(&c->mutex);
    if (c->closed) {
        rc = KIT_UNAVAILABLE;
    } else if (counted && c->counted >= c->options.max) {
        rc = KIT_FULL;
    } else {
        m->next = NULL;
        m->counted = counted;
        c->counted += counted;
        if (c->first == NULL) {
            c->first = m;
            uv_async_send(&c->uv); /* once for any number of messages until the loop has taken the last */
        } else {
            c->last->next = m;
        }
        c->last = m;
    }
    kit_mutex_unlock(&c->mutex);
    return rc;
}

enum kit_status loop_chan_send(struct loop_chan *c, struct loop_msg *m)
{
    return send_one(c, m, true);
}

enum kit_status loop_chan_send_answer(struct loop_chan *c, struct loop_msg *m)
{
    return send_one(c, m, false);
}

struct loop_chan *loop_chan_ref(struct loop_chan *c)
{
    kit_ref_up(&c->ref);
    return c;
}

void loop_chan_unref(struct loop_chan *c)
{
    if (c != NULL && kit_ref_down(&c->ref)) {
        kit_mutex_done(&c->mutex);
        kit_alloc_free(c);
    }
}

void loop_chan_close(struct loop_chan *c)
{
    if (c == NULL) {
        return;
    }
    LOOP_ASSERT_HERE(c->handle.loop);
    kit_mutex_lock(&c->mutex);
    bool first_time = !c->closed;
    c->closed = true;
    kit_mutex_unlock(&c->mutex);
    if (!first_time) {
        return;
    }
    for (struct loop_msg *m; (m = take_one(c)) != NULL;) {
        c->options.drop(c->options.ctx, m);
    }
    c->handle.free = unref_closed;
    loop_handle_close(&c->handle, (uv_handle_t *)&c->uv);
    loop_chan_unref(c);
}
