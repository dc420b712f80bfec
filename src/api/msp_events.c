/* GET /models/{id}/events and GET /models/events: the life of models as server-sent events (WHATWG HTML, section 9.2). */
#include "api/handlers.h"

#include "api/watch.h"
#include "loop/timer.h"

#define KEEP_ALIVE_MS 15000
#define STREAMS_MAX 512 /* of a loop: listeners are left for who waits for a load or an unload */
#define EVENT_BYTES_MAX (2 * KIT_KIB)

static void write_event(struct kit_buf *out, const struct model_event *e)
{
    char time[KIT_CLOCK_TEXT_BYTES];
    struct kit_json_writer w;
    bool loads = e->state == MODEL_LOADING || e->state == MODEL_DOWNLOADING, progress = e->total_bytes > 0 && loads;
    kit_buf_printf(out, "id: %llu\nevent: %s\ndata: ", (unsigned long long)e->seq, progress ? "progress" : "state");
    kit_json_writer_init(&w, out);
    kit_json_open(&w, '{');
    kit_json_member_c(&w, "id", e->id);
    kit_json_member_c(&w, "state", model_state_text(e->state));
    kit_json_member_bool(&w, "wanted", e->wanted);
    kit_json_key(&w, "progress");
    api_write_progress(&w, e->done_bytes, e->total_bytes);
    kit_json_member_c(&w, "time", kit_clock_text(e->wall_ns, time));
    if (e->error[0] != '\0') {
        kit_json_member_c(&w, "error", e->error);
    }
    kit_json_close(&w, '}');
    kit_buf_add(out, kit_str_lit("\n\n"));
}

/* False: the connection is full, the text waits in w->pending for `more`. */
static bool push(struct api_watch *w, struct http_request *r, kit_str text)
{
    if (http_reply_chunk(r, text) == KIT_OK) {
        return true;
    }
    if (kit_buf_add(&w->pending, text) != KIT_OK) {
        api_watch_close(w);
        r->user = NULL;
        http_reply_abort(r);
    }
    return false;
}

static bool push_event(struct api_watch *w, struct http_request *r, const struct model_event *e)
{
    struct kit_buf text;
    kit_buf_init(&text, EVENT_BYTES_MAX);
    write_event(&text, e);
    bool sent = text.failed != KIT_OK || push(w, r, kit_buf_str(&text));
    kit_buf_done(&text);
    return sent;
}

static void changed(struct api_watch *w, struct http_request *r)
{
    struct model_event e;
    while (w->pending.len == 0 && model_events_read(w->listener, &e) && push_event(w, r, &e)) {
        /* until the connection is full or all is told */
    }
}

static void more(struct http_request *r)
{
    struct api_watch *w = r->user;
    if (w == NULL) {
        return;
    }
    if (w->pending.len > 0 && http_reply_chunk(r, kit_buf_str(&w->pending)) != KIT_OK) {
        return;
    }
    kit_buf_clear(&w->pending);
    changed(w, r);
}

static void keep_alive(void *ctx)
{
    struct api_watch *w = ctx;
    struct http_request *r = http_server_find(w->loop->server, w->request);
    if (r != NULL && w->pending.len == 0) {
        push(w, r, kit_str_lit(": still here\n\n"));
    }
}

static void source_gone(struct http_request *r)
{
    api_watch_close(r->user);
    r->user = NULL;
}

/* The server stops: the stream ends well, so that its reader comes again elsewhere. */
static void source_drain(struct http_request *r)
{
    source_gone(r);
    http_reply_finish(r);
}

static void stream(struct http_request *r, struct api *a, kit_str id)
{
    static const struct http_source source = {.more = more, .gone = source_gone, .drain = source_drain};
    struct api_loop *al = api_loop_of(a, r->server);
    struct api_watch *w = NULL;
    struct kit_err err = {0};
    if (al->streams == STREAMS_MAX) {
        kit_fail(&err, KIT_FULL, "%d event streams are open: close some", STREAMS_MAX);
        api_error_send(r, &err);
        return;
    }
    if (api_watch_open(al, r, id, changed, &w, &err) != KIT_OK) {
        api_error_send(r, &err);
        return;
    }
    if (loop_timer_new(http_server_loop(r->server), keep_alive, w, &w->timer) == KIT_OK) {
        loop_timer_start(w->timer, KEEP_ALIVE_MS, KEEP_ALIVE_MS);
    }
    w->stream = true;
    al->streams++;
    http_request_on_gone(r, NULL); /* the source's `gone` tells from here on */
    http_reply_field(r, "Cache-Control", kit_str_lit("no-store"));
    http_reply_field(r, "X-Accel-Buffering", kit_str_lit("no"));
    http_reply_start(r, 200, "text/event-stream", -1, &source);
}

void api_model_events(struct http_request *r, void *ctx)
{
    struct api *a = ctx;
    struct model_info info;
    struct kit_err err = {0};
    if (model_info_get(a->catalog, r->param[0], &info, &err) != KIT_OK) {
        api_error_send(r, &err);
        return;
    }
    stream(r, a, r->param[0]);
}

void api_models_events(struct http_request *r, void *ctx)
{
    stream(r, ctx, (kit_str){0});
}
