#include "api/msp_stream.h"

#include <string.h>

#include "api/errand.h"
#include "kit/alloc.h"

/* --- questions --- */

void api_msp_stream_end_question(struct api_msp_stream *s, struct api_msp_open_question *q)
{
    kit_slots_remove(s->questions, q->part);
    kit_budget_give(s->loop->api->bodies, q->bytes);
    task_request_unref(q->r);
    kit_buf_done(&q->item);
    kit_alloc_free(q->cursors);
    kit_alloc_free(q);
}

static struct api_msp_open_question *find_question(const struct api_msp_stream *s, kit_str id)
{
    uint32_t slot = 0;
    kit_id part;
    struct api_msp_open_question *q;
    while ((q = kit_slots_next(s->questions, &slot, &part)) != NULL && !kit_str_eq(q->r->tag, id)) {
        /* the next one */
    }
    return q;
}

static void answered(struct task_request *r)
{
    struct api_msp_stream *s = api_msp_stream_find(r->asker.ctx, r->asker.id);
    struct api_msp_open_question *q = s == NULL ? NULL : kit_slots_get(s->questions, r->asker.part);
    if (q != NULL) {
        q->home = true;
        api_msp_stream_queue(s, q);
    }
}

static void told(struct task_request *r)
{
    struct api_msp_stream *s = api_msp_stream_find(r->asker.ctx, r->asker.id);
    struct api_msp_open_question *q = s == NULL ? NULL : kit_slots_get(s->questions, r->asker.part);
    if (q != NULL) {
        api_msp_stream_queue(s, q);
    }
}

static void refuse(struct api_msp_stream *s, kit_str id, const struct kit_err *err)
{
    api_msp_frame_write_error(&s->out, id, err, s->ws->request_id);
    api_msp_stream_turn_soon(s);
}

/* Takes over r's reference. */
static enum kit_status add_question(struct api_msp_stream *s, struct task_request *r, uint64_t bytes,
                                    struct api_msp_open_question **ret, struct kit_err *err)
{
    const struct api *a = s->loop->api;
    if (!kit_budget_take(a->bodies, bytes, a->options.bodies_bytes_max)) {
        return kit_fail(err, KIT_UNAVAILABLE, "questions and bodies hold %llu bytes already: try again later",
                        (unsigned long long)a->options.bodies_bytes_max);
    }
    struct api_msp_open_question *q = kit_alloc_zero(1, sizeof(*q));
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

static enum kit_status check_start(const struct api_msp_stream *s, const struct task_request *r, struct kit_err *err)
{
    if (r->status != KIT_OK) {
        *err = r->err;
        return r->status;
    }
    return s->draining ? kit_fail(err, KIT_UNAVAILABLE, "the server is stopping") : KIT_OK;
}

/* Takes over r's reference. An error that names an id is the end of that id's question: so a second one under an id that is
 * in use is told without. */
static void start(struct api_msp_stream *s, struct task_request *r, uint64_t bytes)
{
    struct kit_err err = {0};
    struct api_msp_open_question *q = NULL;
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
static void cancel(struct api_msp_stream *s, kit_str id)
{
    struct api_msp_open_question *q = find_question(s, id);
    if (q != NULL) {
        q->cancelled = true;
        task_cancel(q->r);
        api_msp_stream_queue(s, q); /* it may be home */
    }
}

static void obey(struct api_msp_stream *s, struct api_msp_frame *f, uint64_t bytes)
{
    switch (f->type) {
    case API_MSP_FRAME_START:
        start(s, f->question, bytes);
        break;
    case API_MSP_FRAME_CANCEL:
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
    struct api_msp_frame frame;
};

static struct reading *reading_of(struct api_errand *e)
{
    return KIT_CONTAINER(e, struct reading, errand);
}

static void read_it(struct api_errand *e)
{
    struct reading *r = reading_of(e);
    r->frame = api_msp_frame_read((kit_str){.ptr = r->text, .len = r->len}, &r->from, &r->how);
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
    struct api_msp_stream *s = api_msp_stream_find(e->loop, r->socket);
    if (s != NULL) {
        s->reading = false;
        obey(s, &r->frame, r->len);
        r->frame.question = NULL;
        api_msp_stream_turn_soon(s); /* which takes the next frame */
    }
    drop_read(e);
}

static struct api_origin origin_of(const struct api_msp_stream *s)
{
    struct api_origin from = {
        .loop = s->loop, .principal = kit_str_hash(s->ws->principal), .deadline_ns = KIT_NEVER_NS};
    memcpy(from.request_id, s->ws->request_id, sizeof(from.request_id));
    return from;
}

static struct task_asker asker_of(const struct api_msp_stream *s)
{
    return (struct task_asker){.answered = answered, .told = told, .id = s->ws->id};
}

static enum kit_status read_away(struct api_msp_stream *s, struct kit_err *err)
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

void api_msp_stream_take_frame(struct http_ws *ws, bool text, kit_str bytes)
{
    struct api_msp_stream *s = ws->user;
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
        struct api_msp_frame f = api_msp_frame_read(bytes, &from, &how);
        obey(s, &f, bytes.len);
    }
    api_msp_stream_pause_or_read(s);
}
