#include "api/watch.h"

#include "kit/alloc.h"
#include "loop/timer.h"

#define PENDING_BYTES_MAX (16 * KIT_KIB)

static void wake(void *ctx)
{
    struct api_watch *w = ctx;
    if (!kit_flag_raise(&w->queued) && loop_chan_send_answer(w->loop->wakes, &w->msg) != KIT_OK) {
        kit_flag_set(&w->queued, false); /* the loop has ended */
    }
}

static void gone(struct http_request *r)
{
    api_watch_close(r->user);
    r->user = NULL;
}

enum kit_status api_watch_open(struct api_loop *al, struct http_request *r, kit_str model_id,
                               void (*changed)(struct api_watch *w, struct http_request *r), struct api_watch **ret,
                               struct kit_err *err)
{
    struct api_watch *w = kit_alloc_zero(1, sizeof(*w));
    if (w == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for an event stream");
    }
    w->loop = al;
    w->request = r->id;
    w->changed = changed;
    kit_str_to_c(model_id, w->model, sizeof(w->model));
    kit_buf_init(&w->pending, PENDING_BYTES_MAX);
    enum kit_status rc = model_events_listen(al->api->catalog, model_id, wake, w, &w->listener);
    if (rc != KIT_OK) {
        kit_alloc_free(w);
        return kit_fail(err, rc, "too many event streams are open: close some");
    }
    r->user = w;
    http_request_on_gone(r, gone);
    *ret = w;
    return KIT_OK;
}

void api_watch_close(struct api_watch *w)
{
    if (w == NULL || w->closed) {
        return;
    }
    model_events_close(w->listener); /* no wake runs after this */
    loop_timer_close(w->timer);
    kit_buf_done(&w->pending);
    w->listener = NULL;
    w->timer = NULL;
    w->closed = true;
    w->loop->streams -= w->stream;
    if (!kit_flag_get(&w->queued)) {
        kit_alloc_free(w);
    }
}

void api_watch_receive(void *ctx, struct loop_msg *m)
{
    (void)ctx;
    struct api_watch *w = KIT_CONTAINER(m, struct api_watch, msg);
    kit_flag_set(&w->queued, false);
    struct http_request *r = w->closed ? NULL : http_server_find(w->loop->server, w->request);
    if (r != NULL) {
        w->changed(w, r);
    } else if (w->closed) {
        kit_alloc_free(w);
    }
}
