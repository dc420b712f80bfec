/* WS /serve/stream: many questions over one socket, each called by an id of the client's; their items come back as soon as
 * they are there. The frames are specified in docs/msp.md, section 8.
 *
 * What is to be sent is pulled: a question that has something to say stands in a queue, and when the socket has room the
 * first one says one frame and goes to the end. So questions take turns, and a client that reads slowly makes nothing grow:
 * what it has not read are places in its questions' news (task/news.h). Only what is said about broken frames is kept as
 * text; while there is too much of that, nothing more is read from the client.
 * Thread: the socket's loop; long frames are read, and large items written, on the work pool. */
#include "api/handlers.h"

#include <string.h>

#include "api/asker.h"
#include "api/errand.h"
#include "api/metrics.h"
#include "api/msp_frame.h"
#include "http/ws.h"
#include "kit/alloc.h"
#include "task/items.h"

#define PROTOCOL "heimnetz.msp"
#define TURN_BYTES (32 * KIT_KIB) /* of frames, before other sockets have their turn */
#define OUT_BYTES_MAX (512 * KIT_MIB)
#define ERRORS_BYTES_MAX (64 * KIT_KIB) /* about broken frames; then the client has to read first */
#define GOING_AWAY 1001                 /* close codes: RFC 6455, section 7.4 */
#define TRY_AGAIN_LATER 1013            /* and IANA's registry */

struct question {
    struct task_request *r; /* a reference */
    kit_id part;            /* in stream->questions */
    uint64_t bytes;         /* of its frame: taken from api.bodies */
    uint32_t told;          /* items that were said, or are being written: the place in its news */
    struct kit_buf item;    /* written on the pool, to be said */
    bool away;              /* the pool writes an item of it */
    bool home;              /* its answer is there */
    bool cancelled;         /* by a frame */
    bool queued;
    struct question *next; /* in the queue of those who have something to say */
};

struct stream {
    struct http_ws *ws;
    struct api_loop *loop;
    struct kit_slots *questions;    /* owned; each entry is */
    struct question *first, **last; /* have something to say */
    struct loop_task turn;          /* to say it */
    struct kit_buf out;             /* frames that the socket has not taken yet */
    size_t out_at;                  /* of them: bytes that it has */
    bool full;                      /* it is: `writable` comes */
    bool paused;                    /* nothing is read from it */
    bool reading;                   /* the pool reads a frame: the next one has to wait */
    bool draining;
};

static struct http_server *server_of(const struct stream *s)
{
    return s->loop->server;
}

static struct stream *stream_of(struct api_loop *al, kit_id socket)
{
    struct http_ws *ws = http_ws_find(al->server, socket);
    return ws == NULL ? NULL : ws->user;
}

/* --- questions --- */

static void free_question(struct stream *s, struct question *q)
{
    kit_budget_give(s->loop->api->bodies, q->bytes);
    task_request_unref(q->r);
    kit_buf_done(&q->item);
    kit_alloc_free(q);
}

static void end_question(struct stream *s, struct question *q)
{
    kit_slots_remove(s->questions, q->part);
    free_question(s, q);
}

static struct question *find_question(const struct stream *s, kit_str id)
{
    uint32_t slot = 0;
    kit_id part;
    struct question *q;
    while ((q = kit_slots_next(s->questions, &slot, &part)) != NULL && !kit_str_eq(q->r->tag, id)) {
        /* the next one */
    }
    return q;
}

static void take_turn_soon(struct stream *s)
{
    loop_later(http_server_loop(server_of(s)), &s->turn);
}

/* It may have something to say. */
static void queue(struct stream *s, struct question *q)
{
    if (!q->queued && (!q->away || q->cancelled)) {
        q->queued = true;
        q->next = NULL;
        *s->last = q;
        s->last = &q->next;
    }
    take_turn_soon(s);
}

static struct question *unqueue(struct stream *s)
{
    struct question *q = s->first;
    s->first = q->next;
    s->last = s->first == NULL ? &s->first : s->last;
    q->queued = false;
    return q;
}

/* --- large items are written on the pool --- */

struct writing {
    struct api_errand errand;
    kit_id socket, part;
    struct task_request *r; /* a reference */
    uint32_t index;
    struct kit_buf text;
};

static struct writing *writing_of(struct api_errand *e)
{
    return KIT_CONTAINER(e, struct writing, errand);
}

static void write_it(struct api_errand *e)
{
    struct writing *w = writing_of(e);
    api_frame_write_item(&w->text, w->r, w->index);
}

static void drop_written(struct api_errand *e)
{
    struct writing *w = writing_of(e);
    task_request_unref(w->r);
    kit_buf_done(&w->text);
    kit_alloc_free(w);
}

static void take_written(struct api_errand *e)
{
    struct writing *w = writing_of(e);
    struct stream *s = stream_of(e->loop, w->socket);
    struct question *q = s == NULL ? NULL : kit_slots_get(s->questions, w->part);
    if (q != NULL) {
        q->item = w->text;
        w->text = (struct kit_buf){0};
        q->away = false;
        queue(s, q);
    }
    drop_written(e);
}

/* False: it is to be written here. */
static bool send_away(struct stream *s, struct question *q, uint32_t index)
{
    struct writing *w = kit_alloc_zero(1, sizeof(*w));
    if (w == NULL) {
        return false;
    }
    w->errand = (struct api_errand){.run = write_it, .back = take_written, .drop = drop_written};
    w->socket = s->ws->id;
    w->part = q->part;
    w->r = task_request_ref(q->r);
    w->index = index;
    kit_buf_init(&w->text, OUT_BYTES_MAX);
    q->away = api_errand_go(&w->errand, s->loop, NULL) == KIT_OK;
    if (!q->away) {
        drop_written(&w->errand);
    }
    return q->away;
}

/* --- turns --- */

static void say_item(struct stream *s, struct question *q, uint32_t index)
{
    METRIC_ADD(api_stream_items_total, 1);
    if (task_items_numbers(q->r, index, 1) <= TASK_ITEMS_INLINE_NUMBERS || !send_away(s, q, index)) {
        api_frame_write_item(&s->out, q->r, index);
    }
}

static void say_end(struct stream *s, struct question *q)
{
    struct kit_err err = q->r->err;
    enum kit_status status = q->r->status;
    if (q->cancelled && status == KIT_OK) { /* it was too late to stop it, but that is what its asker knows */
        status = kit_fail(&err, KIT_CANCELLED, "cancelled by the caller");
    }
    if (status == KIT_OK) {
        api_frame_write_done(&s->out, q->r);
    } else {
        api_frame_write_error(&s->out, q->r->tag, &err, q->r->request_id);
    }
    end_question(s, q);
}

/* One frame, or nothing. It queues again as long as there may be more. */
static void say(struct stream *s, struct question *q)
{
    uint32_t index;
    if (q->cancelled) {
        if (q->home) {
            say_end(s, q);
        }
    } else if (q->item.len > 0 || q->item.failed != KIT_OK) {
        kit_buf_done(&s->out);
        s->out = q->item; /* which the socket has emptied before this turn */
        q->item = (struct kit_buf){0};
        queue(s, q);
    } else if (task_news_read(&q->r->news, q->told, &index, 1) > 0) {
        q->told++;
        say_item(s, q, index);
        queue(s, q);
    } else if (q->home) {
        say_end(s, q);
    }
}

/* All of it was sent. There may be thousands of sockets: one that rests holds no memory for frames. */
static void empty_out(struct stream *s)
{
    s->out_at = 0;
    if (s->first == NULL || s->out.room > 2 * TURN_BYTES) {
        kit_buf_done(&s->out);
        kit_buf_init(&s->out, OUT_BYTES_MAX);
    } else {
        kit_buf_clear(&s->out);
    }
}

/* False: the socket takes no more now. */
static bool send_out(struct stream *s)
{
    kit_str rest = kit_str_sub(kit_buf_str(&s->out), s->out_at, s->out.len), frame;
    while (!s->full && api_frame_cut(&rest, &frame)) {
        enum kit_status rc = http_ws_send(s->ws, true, frame);
        s->full = rc == KIT_FULL;
        if (rc == KIT_OK) {
            s->out_at = s->out.len - rest.len;
        } else if (rc != KIT_FULL) {
            return false; /* it is closing: `gone` follows */
        }
    }
    if (!s->full) {
        empty_out(s);
    }
    return !s->full;
}

/* Closes when nothing is left to do, or no memory to do it with. */
static bool is_over(struct stream *s)
{
    if (s->out.failed != KIT_OK) {
        http_ws_close(s->ws, TRY_AGAIN_LATER, kit_str_lit("out of memory"));
        return true;
    }
    if (s->draining && !s->reading && kit_slots_count(s->questions) == 0 && s->out.len == 0) {
        http_ws_close(s->ws, GOING_AWAY, kit_str_lit("the server is stopping"));
        return true;
    }
    return false;
}

static void pause_or_read(struct stream *s)
{
    bool pause = s->reading || s->out.len - s->out_at > ERRORS_BYTES_MAX;
    if (pause != s->paused) {
        s->paused = pause;
        http_ws_pause(s->ws, pause);
    }
}

static void take_turn(struct stream *s)
{
    size_t said = 0;
    if (is_over(s)) {
        return; /* a half frame may stand in `out` */
    }
    while (send_out(s) && s->first != NULL && said < TURN_BYTES) {
        say(s, unqueue(s));
        if (is_over(s)) {
            return;
        }
        said += s->out.len;
    }
    if (is_over(s)) {
        return;
    }
    pause_or_read(s);
    if (!s->full && (s->first != NULL || s->out.len > 0)) {
        take_turn_soon(s); /* when the others had theirs */
    }
}

static void run_turn(struct loop_task *t)
{
    take_turn(KIT_CONTAINER(t, struct stream, turn));
}

/* --- frames --- */

static void answered(struct task_request *r)
{
    struct stream *s = stream_of(r->asker.ctx, r->asker.id);
    struct question *q = s == NULL ? NULL : kit_slots_get(s->questions, r->asker.part);
    if (q != NULL) {
        q->home = true;
        queue(s, q);
    }
}

static void told(struct task_request *r)
{
    struct stream *s = stream_of(r->asker.ctx, r->asker.id);
    struct question *q = s == NULL ? NULL : kit_slots_get(s->questions, r->asker.part);
    if (q != NULL) {
        queue(s, q);
    }
}

static void refuse(struct stream *s, kit_str id, const struct kit_err *err)
{
    api_frame_write_error(&s->out, id, err, s->ws->request_id);
    take_turn_soon(s);
}

/* Takes over r's reference. */
static enum kit_status add_question(struct stream *s, struct task_request *r, uint64_t bytes, struct question **ret,
                                    struct kit_err *err)
{
    const struct api *a = s->loop->api;
    if (!kit_budget_take(a->bodies, bytes, a->options.bodies_bytes_max)) {
        return kit_fail(err, KIT_UNAVAILABLE, "questions and bodies hold %llu bytes already: try again later",
                        (unsigned long long)a->options.bodies_bytes_max);
    }
    struct question *q = kit_alloc_zero(1, sizeof(*q));
    enum kit_status rc = q == NULL ? KIT_NOMEM : kit_slots_add(s->questions, q, &q->part);
    if (rc != KIT_OK) {
        kit_budget_give(a->bodies, bytes);
        kit_alloc_free(q);
        return rc == KIT_FULL ? kit_fail(err, rc, "%u questions are open on this socket: wait for the end of one",
                                         a->options.stream_requests_max)
                              : kit_fail(err, rc, "out of memory for a question");
    }
    q->r = r;
    q->bytes = bytes;
    r->asker.part = q->part;
    *ret = q;
    return KIT_OK;
}

static enum kit_status check_start(const struct stream *s, const struct task_request *r, struct kit_err *err)
{
    if (r->status != KIT_OK) {
        *err = r->err;
        return r->status;
    }
    return s->draining ? kit_fail(err, KIT_UNAVAILABLE, "the server is stopping") : KIT_OK;
}

/* Takes over r's reference. An error that names an id is the end of that id's question: so a second one under an id that is
 * in use is told without. */
static void start(struct stream *s, struct task_request *r, uint64_t bytes)
{
    struct kit_err err = {0};
    struct question *q = NULL;
    if (find_question(s, r->tag) != NULL) {
        kit_fail_param(&err, KIT_CONFLICT, "id", "the id '%.*s' is in use: choose another one, or wait for its end",
                       KIT_STR_ARG(kit_str_sub(r->tag, 0, 40)));
        refuse(s, (kit_str){0}, &err);
    } else if (check_start(s, r, &err) != KIT_OK || add_question(s, r, bytes, &q, &err) != KIT_OK) {
        refuse(s, r->tag, &err);
    }
    if (q != NULL) {
        task_submit(r);
    } else {
        task_request_unref(r);
    }
}

/* Of an id that is not open: it has ended meanwhile. */
static void cancel(struct stream *s, kit_str id)
{
    struct question *q = find_question(s, id);
    if (q != NULL) {
        q->cancelled = true;
        task_cancel(q->r);
        queue(s, q); /* it may be home */
    }
}

static void obey(struct stream *s, struct api_frame *f, uint64_t bytes)
{
    switch (f->type) {
    case API_FRAME_START:
        start(s, f->question, bytes);
        break;
    case API_FRAME_CANCEL:
        cancel(s, (kit_str){.ptr = f->id, .len = f->id_len});
        break;
    default:
        refuse(s, (kit_str){0}, &f->err);
        break;
    }
}

/* --- long frames are read on the pool; the next frame is taken when they are --- */

struct reading {
    struct api_errand errand;
    kit_id socket;
    struct api_origin from;
    struct task_asker how;
    char *text; /* owned */
    size_t len;
    struct api_frame frame;
};

static struct reading *reading_of(struct api_errand *e)
{
    return KIT_CONTAINER(e, struct reading, errand);
}

static void read_it(struct api_errand *e)
{
    struct reading *r = reading_of(e);
    r->frame = api_frame_read((kit_str){.ptr = r->text, .len = r->len}, &r->from, &r->how);
    kit_alloc_free(r->text);
    r->text = NULL;
}

static void drop_read(struct api_errand *e)
{
    struct reading *r = reading_of(e);
    task_request_unref(r->frame.question);
    kit_alloc_free(r->text);
    kit_alloc_free(r);
}

static void take_read(struct api_errand *e)
{
    struct reading *r = reading_of(e);
    struct stream *s = stream_of(e->loop, r->socket);
    if (s != NULL) {
        s->reading = false;
        obey(s, &r->frame, r->len);
        r->frame.question = NULL;
        take_turn_soon(s); /* which takes the next frame */
    }
    drop_read(e);
}

static struct api_origin origin_of(const struct stream *s)
{
    struct api_origin from = {
        .loop = s->loop, .principal = kit_str_hash(s->ws->principal), .deadline_ns = KIT_NEVER_NS};
    memcpy(from.request_id, s->ws->request_id, sizeof(from.request_id));
    return from;
}

static struct task_asker asker_of(const struct stream *s)
{
    return (struct task_asker){.answered = answered, .told = told, .id = s->ws->id};
}

static enum kit_status read_away(struct stream *s, struct kit_err *err)
{
    struct reading *r = kit_alloc_zero(1, sizeof(*r));
    if (r == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for a frame");
    }
    r->errand = (struct api_errand){.run = read_it, .back = take_read, .drop = drop_read};
    r->socket = s->ws->id;
    r->from = origin_of(s);
    r->how = asker_of(s);
    r->text = http_ws_take(s->ws, &r->len);
    enum kit_status rc = api_errand_go(&r->errand, s->loop, err);
    if (rc != KIT_OK) {
        drop_read(&r->errand);
    }
    return rc;
}

/* --- the socket --- */

static void message(struct http_ws *ws, bool text, kit_str bytes)
{
    struct stream *s = ws->user;
    struct kit_err err = {0};
    (void)text; /* binary ones are not taken */
    if (bytes.len > s->loop->api->options.inline_bytes_max) {
        s->reading = read_away(s, &err) == KIT_OK;
        if (!s->reading) {
            refuse(s, (kit_str){0}, &err);
        }
    } else {
        struct api_origin from = origin_of(s);
        struct task_asker how = asker_of(s);
        struct api_frame f = api_frame_read(bytes, &from, &how);
        obey(s, &f, bytes.len);
    }
    pause_or_read(s);
}

static void writable(struct http_ws *ws)
{
    struct stream *s = ws->user;
    s->full = false;
    take_turn(s);
}

static void drain(struct http_ws *ws)
{
    struct stream *s = ws->user;
    s->draining = true;
    take_turn_soon(s);
}

static void free_stream(struct stream *s)
{
    uint32_t slot = 0;
    kit_id part;
    for (struct question *q; s->questions != NULL && (q = kit_slots_next(s->questions, &slot, &part)) != NULL;) {
        task_cancel(q->r);
        end_question(s, q);
    }
    kit_slots_free(s->questions);
    kit_buf_done(&s->out);
    kit_alloc_free(s);
}

static void gone(struct http_ws *ws)
{
    struct stream *s = ws->user;
    METRIC_ADD(api_streams, -1);
    loop_later_cancel(http_server_loop(server_of(s)), &s->turn);
    free_stream(s);
}

static struct stream *new_stream(struct api *a, const struct http_request *h)
{
    struct stream *s = kit_alloc_zero(1, sizeof(*s));
    if (s == NULL) {
        return NULL;
    }
    s->loop = api_loop_of(a, h->server);
    s->last = &s->first;
    s->turn.run = run_turn;
    kit_buf_init(&s->out, OUT_BYTES_MAX);
    if (kit_slots_new(a->options.stream_requests_max, &s->questions) != KIT_OK) {
        free_stream(s);
        return NULL;
    }
    return s;
}

void api_serve_stream(struct http_request *h, void *ctx)
{
    static const struct http_ws_handler handler = {
        .message = message, .writable = writable, .drain = drain, .gone = gone};
    struct api *a = ctx;
    struct http_ws_options options = HTTP_WS_OPTIONS_DEFAULT;
    struct kit_err err = {0};
    struct stream *s = new_stream(a, h);
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
