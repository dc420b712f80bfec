#include "api/wait.h"

#include <stdio.h>

#include "api/handlers.h"
#include "loop/timer.h"

#define REPLY_BYTES_MAX (4 * KIT_KIB)

void api_wait_send_state(struct http_request *r, int status, kit_str id, enum model_state state, bool with_events)
{
    struct kit_buf body;
    struct kit_json_writer w;
    kit_buf_init(&body, REPLY_BYTES_MAX);
    kit_json_writer_init(&w, &body);
    kit_json_open(&w, '{');
    kit_json_member_str(&w, "id", id);
    kit_json_member_c(&w, "state", model_state_text(state));
    if (with_events) {
        char events[MODEL_ID_BYTES_MAX + 32];
        snprintf(events, sizeof(events), "/models/%.*s/events", KIT_STR_ARG(id));
        kit_json_member_c(&w, "events", events);
    }
    kit_json_close(&w, '}');
    api_send_json(r, status, &body);
}

void api_wait_end(struct api_watch *w, struct http_request *r)
{
    http_request_on_gone(r, NULL);
    r->user = NULL;
    api_watch_close(w);
}

static void wait_over(void *ctx)
{
    struct api_watch *w = ctx;
    struct http_request *r = http_server_find(w->loop->server, w->request);
    if (r == NULL) {
        return;
    }
    struct kit_err err = {0};
    kit_fail(&err, KIT_TIMEOUT, "model '%s' is not there yet after %u s: follow /models/%s/events", w->model,
             w->loop->api->options.load_wait_max_ms / 1000, w->model);
    api_wait_fail *fail = w->fail;
    api_wait_end(w, r);
    fail(r, &err);
}

bool api_wait_open(struct http_request *r, struct api *a, kit_str id,
                   void (*changed)(struct api_watch *w, struct http_request *r), api_wait_fail *fail,
                   struct api_watch **ret)
{
    struct api_watch *w = NULL;
    struct kit_err err = {0};
    enum kit_status rc = api_watch_open(api_loop_of(a, r->server), r, id, changed, &w, &err);
    if (rc == KIT_OK && loop_timer_new(http_server_loop(r->server), wait_over, w, &w->timer) != KIT_OK) {
        api_wait_end(w, r);
        rc = kit_fail(&err, KIT_NOMEM, "out of memory for a timer");
    }
    if (rc != KIT_OK) {
        fail(r, &err);
        return false;
    }
    w->fail = fail;
    for (struct model_event e; model_events_read(w->listener, &e);) {
        /* the state as it is: from here on each change is heard, also of a model that goes again at once */
    }
    loop_timer_start(w->timer, a->options.load_wait_max_ms, 0);
    *ret = w;
    return true;
}

bool api_wait_load_is_over(const struct model_event *e, struct kit_err *err)
{
    if (e->state == MODEL_READY) {
        return true;
    }
    if (e->state == MODEL_FAILED && !e->wanted) {
        kit_fail_param(err, e->code, "model", "%s", e->error);
    } else if (!e->wanted && (e->state == MODEL_AVAILABLE || e->state == MODEL_DRAINING)) {
        kit_fail_param(err, KIT_CONFLICT, "model", "model '%s' was unloaded while it was loading", e->id);
    }
    return err->code != KIT_OK;
}

bool api_wait_pull_is_over(const struct model_event *e, struct kit_err *err)
{
    bool coming = e->absent && e->state != MODEL_FAILED;
    if (!e->gone && (coming || e->state == MODEL_DOWNLOADING)) {
        return false;
    }
    if (e->gone) {
        kit_fail_param(err, KIT_CONFLICT, "id", "the pull of '%s' was called off", e->id);
    } else if (e->state == MODEL_FAILED) {
        kit_fail_param(err, e->code, "id", "%s", e->error);
    }
    return true;
}

enum kit_status api_wait_read(struct http_request *r, bool *ret, struct kit_err *err)
{
    kit_str wait = http_request_query(r, "wait");
    *ret = kit_str_eq(wait, kit_str_lit("true"));
    if (!*ret && wait.ptr != NULL && !kit_str_eq(wait, kit_str_lit("false"))) {
        return kit_fail_param(err, KIT_INVALID, "wait", "'wait' must be 'true' or 'false'");
    }
    return KIT_OK;
}
