#include "api/msp_stream.h"

#include "api/metrics.h"
#include "kit/alloc.h"

#define PROTOCOL "heimnetz.msp"

struct api_msp_stream *api_msp_stream_find(struct api_loop *al, kit_id socket)
{
    struct http_ws *ws = http_ws_find(al->server, socket);
    return ws == NULL ? NULL : ws->user;
}

static void writable(struct http_ws *ws)
{
    struct api_msp_stream *s = ws->user;
    s->full = false;
    api_msp_stream_turn(s);
}

static void drain(struct http_ws *ws)
{
    struct api_msp_stream *s = ws->user;
    s->draining = true;
    api_msp_stream_turn_soon(s);
}

static void free_stream(struct api_msp_stream *s)
{
    uint32_t slot = 0;
    kit_id part;
    for (struct api_msp_open_question *q;
         s->questions != NULL && (q = kit_slots_next(s->questions, &slot, &part)) != NULL;) {
        task_cancel(q->r);
        api_msp_stream_end_question(s, q);
    }
    kit_slots_free(s->questions);
    kit_buf_done(&s->out);
    kit_alloc_free(s);
}

static void gone(struct http_ws *ws)
{
    struct api_msp_stream *s = ws->user;
    METRIC_ADD(api_streams, -1);
    loop_later_cancel(http_server_loop(s->loop->server), &s->turn);
    free_stream(s);
}

static void run_turn(struct loop_task *t)
{
    api_msp_stream_turn(KIT_CONTAINER(t, struct api_msp_stream, turn));
}

static struct api_msp_stream *new_stream(struct api *a, const struct http_request *h)
{
    struct api_msp_stream *s = kit_alloc_zero(1, sizeof(*s));
    if (s == NULL) {
        return NULL;
    }
    s->loop = api_loop_of(a, h->server);
    s->last = &s->first;
    s->turn.run = run_turn;
    kit_buf_init(&s->out, API_MSP_STREAM_OUT_BYTES_MAX);
    if (kit_slots_new(a->options.stream_requests_max, &s->questions) != KIT_OK) {
        free_stream(s);
        return NULL;
    }
    return s;
}

void api_serve_stream(struct http_request *h, void *ctx)
{
    static const struct http_ws_handler handler = {
        .message = api_msp_stream_take_frame, .writable = writable, .drain = drain, .gone = gone};
    struct api *a = ctx;
    struct http_ws_options options = HTTP_WS_OPTIONS_DEFAULT;
    struct kit_err err = {0};
    struct api_msp_stream *s = new_stream(a, h);
    if (s == NULL) {
        kit_fail(&err, KIT_NOMEM, "out of memory for a stream");
        api_error_send(h, &err);
        return;
    }
    options.protocol = PROTOCOL;
    options.message_bytes_max = a->options.stream_message_bytes_max;
    if (http_ws_accept(h, &handler, &options, s, &s->ws, &err) != KIT_OK) {
        free_stream(s);
        return;
    }
    METRIC_ADD(api_streams, 1);
}
