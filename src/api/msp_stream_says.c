#include "api/msp_stream.h"

#include "api/errand.h"
#include "api/metrics.h"
#include "kit/alloc.h"
#include "task/generate.h"
#include "task/items.h"

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
    api_msp_frame_write_item(&w->text, w->r, w->index);
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
    struct api_msp_stream *s = api_msp_stream_find(e->loop, w->socket);
    struct api_msp_open_question *q = s == NULL ? NULL : kit_slots_get(s->questions, w->part);
    if (q != NULL) {
        q->item = w->text;
        w->text = (struct kit_buf){0};
        q->away = false;
        api_msp_stream_queue(s, q);
    }
    drop_written(e);
}

/* False: it is to be written here. */
static bool send_away(struct api_msp_stream *s, struct api_msp_open_question *q, uint32_t index)
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
    kit_buf_init(&w->text, API_MSP_STREAM_OUT_BYTES_MAX);
    q->away = api_errand_go(&w->errand, s->loop, NULL) == KIT_OK;
    if (!q->away) {
        drop_written(&w->errand);
    }
    return q->away;
}

static void say_item(struct api_msp_stream *s, struct api_msp_open_question *q, uint32_t index)
{
    METRIC_ADD(api_stream_items_total, 1);
    if (task_items_numbers(q->r, index, 1) <= TASK_ITEMS_INLINE_NUMBERS || !send_away(s, q, index)) {
        api_msp_frame_write_item(&s->out, q->r, index);
    }
}

/* --- text that is being generated --- */

/* What there is of one choice since it was said last; they take turns. False: nothing is new, or there is no memory now. */
static bool say_delta(struct api_msp_stream *s, struct api_msp_open_question *q)
{
    uint32_t count = task_generate_choices(q->r);
    struct task_piece piece;
    struct kit_buf text;
    bool said = false;
    if (q->cursors == NULL && count > 0) {
        q->cursors = kit_alloc_zero(count, sizeof(*q->cursors));
    }
    kit_buf_init(&text, TASK_MADE_BYTES_MAX);
    for (uint32_t i = 0; q->cursors != NULL && !said && i < count; i++) {
        uint32_t choice = q->turn++ % count;
        said = task_made_read(task_generate_made(q->r, choice), &q->cursors[choice], &piece, &text);
        if (said) {
            api_msp_frame_write_delta(&s->out, q->r, choice, &piece, kit_buf_str(&text));
        }
    }
    kit_buf_done(&text);
    return said;
}

static void say_end(struct api_msp_stream *s, struct api_msp_open_question *q)
{
    struct kit_err err = q->r->err;
    enum kit_status status = q->r->status;
    if (q->cancelled && status == KIT_OK) { /* it was too late to stop it, but that is what its asker knows */
        status = kit_fail(&err, KIT_CANCELLED, "cancelled by the caller");
    }
    if (status == KIT_OK) {
        api_msp_frame_write_done(&s->out, q->r);
    } else {
        api_msp_frame_write_error(&s->out, q->r->tag, &err, q->r->request_id);
    }
    api_msp_stream_end_question(s, q);
}

void api_msp_stream_say(struct api_msp_stream *s, struct api_msp_open_question *q)
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
        api_msp_stream_queue(s, q);
    } else if (q->r->kind == TASK_GENERATE && say_delta(s, q)) {
        api_msp_stream_queue(s, q);
    } else if (task_news_read(&q->r->news, q->told, &index, 1) > 0) {
        q->told++;
        say_item(s, q, index);
        api_msp_stream_queue(s, q);
    } else if (q->home) {
        say_end(s, q);
    }
}
