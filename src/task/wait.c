#include "task/wait.h"

#include "kit/alloc.h"
#include "kit/clock.h"
#include "kit/flag.h"
#include "loop/timer.h"

/* How often deadlines and cancels of waiting requests are looked at; models that got ready wake the room at once. */
#define SWEEP_MS 50

struct task_wait {
    struct loop *loop;             /* borrowed */
    struct model_catalog *catalog; /* borrowed */
    struct loop_chan *chan;
    struct loop_timer *sweep;
    struct model_listener *listener;
    struct task_request *head; /* oldest first */
    struct task_request **tail;
    uint32_t count, max;
    void (*go)(struct task_request *r, struct model_loaded *loaded);
    struct loop_msg wake_msg;
    struct kit_flag wake_queued; /* wake_msg is on its way */
};

/* True when r has left: on its way, or home with an error. */
static bool try_leave(struct task_wait *w, struct task_request *r)
{
    struct kit_err err = {0};
    struct model_loaded *loaded = NULL;
    enum model_state state = MODEL_AVAILABLE;
    enum kit_status rc = KIT_OK;
    if (task_request_is_cancelled(r)) {
        rc = kit_fail(&err, KIT_CANCELLED, "cancelled while the model was loading");
    } else if (kit_clock_ns() >= r->deadline_ns) {
        rc = kit_fail_param(&err, KIT_TIMEOUT, "timeout_ms", "the time was up before model '%s' was loaded",
                            r->model_id);
    } else {
        rc = model_acquire(w->catalog, kit_str_c(r->model_id), &state, &loaded, &err);
    }
    if (rc == KIT_OK) {
        w->go(r, loaded);
        return true;
    }
    if (rc == KIT_UNAVAILABLE && state != MODEL_AVAILABLE && state != MODEL_FAILED) {
        return false; /* on its way, or draining and wanted again */
    }
    task_request_go_home_failed(r, rc, &err);
    return true;
}

static void sweep(void *ctx)
{
    struct task_wait *w = ctx;
    struct task_request **at = &w->head;
    while (*at != NULL) {
        struct task_request *r = *at;
        struct task_request *next = r->next;
        if (try_leave(w, r)) {
            *at = next;
            w->count--;
        } else {
            at = &r->next;
        }
    }
    w->tail = at;
    if (w->head == NULL) {
        loop_timer_stop(w->sweep);
    }
}

static void refuse(const struct task_wait *w, struct task_request *r)
{
    struct kit_err err = {0};
    kit_fail(&err, KIT_FULL, "%u requests wait for a model to load already: try again later", w->max);
    task_request_go_home_failed(r, KIT_FULL, &err);
}

static void refuse_stopping(struct task_request *r)
{
    struct kit_err err = {0};
    kit_fail(&err, KIT_UNAVAILABLE, "the server is stopping");
    task_request_go_home_failed(r, KIT_UNAVAILABLE, &err);
}

static void enter(struct task_wait *w, struct task_request *r)
{
    struct kit_err err = {0};
    if (w->count == w->max) {
        refuse(w, r);
        return;
    }
    enum kit_status rc = model_load(w->catalog, kit_str_c(r->model_id), NULL, &err);
    if (rc != KIT_OK) {
        task_request_go_home_failed(r, rc, &err);
        return;
    }
    if (try_leave(w, r)) {
        return;
    }
    if (w->head == NULL) {
        loop_timer_start(w->sweep, SWEEP_MS, SWEEP_MS);
    }
    r->next = NULL;
    *w->tail = r;
    w->tail = &r->next;
    w->count++;
}

static void receive(void *ctx, struct loop_msg *m)
{
    struct task_wait *w = ctx;
    if (m != &w->wake_msg) {
        enter(w, task_request_of(m));
        return;
    }
    kit_flag_set(&w->wake_queued, false);
    struct model_event event;
    while (model_events_read(w->listener, &event)) {
        /* only that something changed matters: each waiting request asks for itself */
    }
    sweep(w);
}

static void drop(void *ctx, struct loop_msg *m)
{
    struct task_wait *w = ctx;
    if (m != &w->wake_msg) {
        refuse_stopping(task_request_of(m));
    }
}

static void wake(void *ctx)
{
    struct task_wait *w = ctx;
    if (!kit_flag_raise(&w->wake_queued) && loop_chan_send_answer(w->chan, &w->wake_msg) != KIT_OK) {
        kit_flag_set(&w->wake_queued, false);
    }
}

enum kit_status task_wait_new(struct loop *l, struct model_catalog *catalog, uint32_t waiting_max,
                              void (*go)(struct task_request *r, struct model_loaded *loaded), struct task_wait **ret,
                              struct kit_err *err)
{
    struct task_wait *w = kit_alloc_zero(1, sizeof(*w));
    if (w == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for the waiting room");
    }
    w->loop = l;
    w->catalog = catalog;
    w->max = waiting_max;
    w->go = go;
    w->tail = &w->head;
    struct loop_chan_options chan = {.max = waiting_max, .ctx = w, .receive = receive, .drop = drop};
    enum kit_status rc = loop_chan_new(l, &chan, &w->chan, err);
    if (rc == KIT_OK) {
        rc = loop_timer_new(l, sweep, w, &w->sweep);
    }
    if (rc == KIT_OK) {
        rc = model_events_listen(catalog, (kit_str){0}, wake, w, &w->listener);
    }
    if (rc != KIT_OK) {
        task_wait_close(w);
        return kit_fail(err, rc, "the waiting room could not be set up");
    }
    *ret = w;
    return KIT_OK;
}

void task_wait_enter(struct task_wait *w, struct task_request *r)
{
    enum kit_status rc = loop_chan_send(w->chan, &r->msg);
    if (rc == KIT_FULL) {
        refuse(w, r);
    } else if (rc != KIT_OK) {
        refuse_stopping(r);
    }
}

void task_wait_close(struct task_wait *w)
{
    if (w == NULL) {
        return;
    }
    if (w->listener != NULL) {
        model_events_close(w->listener);
    }
    for (struct task_request *r = w->head, *next; r != NULL; r = next) {
        next = r->next;
        refuse_stopping(r);
    }
    loop_timer_close(w->sweep);
    if (w->chan != NULL) {
        loop_chan_close(w->chan);
    }
    kit_alloc_free(w);
}
