#include "loop/timer.h"

#include "kit/alloc.h"
#include "loop/inner.h"

struct loop_timer {
    struct loop_handle handle; /* first */
    uv_timer_t uv;
    void (*fire)(void *ctx);
    void *ctx;
};

static void free_timer(struct loop_handle *h)
{
    kit_alloc_free(KIT_CONTAINER(h, struct loop_timer, handle));
}

static void fired(uv_timer_t *uv)
{
    struct loop_timer *t = KIT_CONTAINER(uv, struct loop_timer, uv);
    if (t->handle.life == LOOP_LIVE) {
        loop_enter(t->handle.loop);
        t->fire(t->ctx); /* may close t: it is freed later, by its close callback */
        loop_leave(t->handle.loop);
    }
}

enum kit_status loop_timer_new(struct loop *l, void (*fire)(void *ctx), void *ctx, struct loop_timer **ret)
{
    LOOP_ASSERT_HERE(l);
    struct loop_timer *t = kit_alloc_zero(1, sizeof(*t));
    if (t == NULL) {
        return KIT_NOMEM;
    }
    uv_timer_init(&l->uv, &t->uv); /* cannot fail */
    loop_handle_init(&t->handle, l, free_timer, (uv_handle_t *)&t->uv);
    t->fire = fire;
    t->ctx = ctx;
    *ret = t;
    return KIT_OK;
}

void loop_timer_start(struct loop_timer *t, uint64_t after_ms, uint64_t repeat_ms)
{
    LOOP_ASSERT_HERE(t->handle.loop);
    assert(t->handle.life == LOOP_LIVE);
    uv_update_time(&t->handle.loop->uv); /* uv's time is that of the round's start */
    uv_timer_start(&t->uv, fired, after_ms, repeat_ms);
}

void loop_timer_stop(struct loop_timer *t)
{
    LOOP_ASSERT_HERE(t->handle.loop);
    uv_timer_stop(&t->uv);
}

void loop_timer_close(struct loop_timer *t)
{
    if (t != NULL) {
        LOOP_ASSERT_HERE(t->handle.loop);
        loop_handle_close(&t->handle, (uv_handle_t *)&t->uv);
    }
}
