#include "loop/signal.h"

#include "kit/alloc.h"
#include "loop/inner.h"

struct loop_signal {
    struct loop_handle handle; /* first */
    uv_signal_t uv;
    bool once;
    void (*fire)(void *ctx, int number);
    void *ctx;
};

static void free_signal(struct loop_handle *h)
{
    kit_alloc_free(KIT_CONTAINER(h, struct loop_signal, handle));
}

static void arrived(uv_signal_t *uv, int number)
{
    struct loop_signal *s = KIT_CONTAINER(uv, struct loop_signal, uv);
    if (s->handle.life != LOOP_LIVE) {
        return;
    }
    if (s->once) {
        uv_signal_stop(&s->uv);
    }
    loop_enter(s->handle.loop);
    s->fire(s->ctx, number);
    loop_leave(s->handle.loop);
}

enum kit_status loop_signal_new(struct loop *l, int number, bool once, void (*fire)(void *ctx, int number), void *ctx,
                                struct loop_signal **ret, struct kit_err *err)
{
    LOOP_ASSERT_HERE(l);
    struct loop_signal *s = kit_alloc_zero(1, sizeof(*s));
    int rc = s == NULL ? UV_ENOMEM : uv_signal_init(&l->uv, &s->uv);
    if (rc != 0) {
        kit_alloc_free(s);
        return kit_fail(err, rc == UV_ENOMEM ? KIT_NOMEM : KIT_IO, "signal %d: %s", number, uv_strerror(rc));
    }
    loop_handle_init(&s->handle, l, free_signal, (uv_handle_t *)&s->uv);
    s->once = once;
    s->fire = fire;
    s->ctx = ctx;
    rc = uv_signal_start(&s->uv, arrived, number);
    if (rc != 0) {
        loop_signal_close(s);
        return kit_fail(err, KIT_IO, "signal %d: %s", number, uv_strerror(rc));
    }
    uv_unref((uv_handle_t *)&s->uv);
    *ret = s;
    return KIT_OK;
}

void loop_signal_close(struct loop_signal *s)
{
    if (s != NULL) {
        LOOP_ASSERT_HERE(s->handle.loop);
        loop_handle_close(&s->handle, (uv_handle_t *)&s->uv);
    }
}
