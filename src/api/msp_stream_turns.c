#include "api/msp_stream.h"

#define TURN_BYTES (32 * KIT_KIB)       /* of frames, before other sockets have their turn */
#define ERRORS_BYTES_MAX (64 * KIT_KIB) /* about broken frames; then the client has to read first */
#define GOING_AWAY 1001                 /* close codes: RFC 6455, section 7.4 */
#define TRY_AGAIN_LATER 1013            /* and IANA's registry */

void api_msp_stream_turn_soon(struct api_msp_stream *s)
{
    loop_later(http_server_loop(s->loop->server), &s->turn);
}

void api_msp_stream_queue(struct api_msp_stream *s, struct api_msp_open_question *q)
{
    if (!q->queued && (!q->away || q->cancelled)) {
        q->queued = true;
        q->next = NULL;
        *s->last = q;
        s->last = &q->next;
    }
    api_msp_stream_turn_soon(s);
}

static struct api_msp_open_question *unqueue(struct api_msp_stream *s)
{
    struct api_msp_open_question *q = s->first;
    s->first = q->next;
    s->last = s->first == NULL ? &s->first : s->last;
    q->queued = false;
    return q;
}

/* All of it was sent. There may be thousands of sockets: one that rests holds no memory for frames. */
static void empty_out(struct api_msp_stream *s)
{
    s->out_at = 0;
    if (s->first == NULL || s->out.room > 2 * TURN_BYTES) {
        kit_buf_done(&s->out);
        kit_buf_init(&s->out, API_MSP_STREAM_OUT_BYTES_MAX);
    } else {
        kit_buf_clear(&s->out);
    }
}

/* False: the socket takes no more now. */
static bool send_out(struct api_msp_stream *s)
{
    kit_str rest = kit_str_sub(kit_buf_str(&s->out), s->out_at, s->out.len), frame;
    while (!s->full && api_msp_frame_cut(&rest, &frame)) {
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
static bool is_over(struct api_msp_stream *s)
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

void api_msp_stream_pause_or_read(struct api_msp_stream *s)
{
    bool pause = s->reading || s->out.len - s->out_at > ERRORS_BYTES_MAX;
    if (pause != s->paused) {
        s->paused = pause;
        http_ws_pause(s->ws, pause);
    }
}

void api_msp_stream_turn(struct api_msp_stream *s)
{
    size_t said = 0;
    if (is_over(s)) {
        return; /* a half frame may stand in `out` */
    }
    while (send_out(s) && s->first != NULL && said < TURN_BYTES) {
        api_msp_stream_say(s, unqueue(s));
        if (is_over(s)) {
            return;
        }
        said += s->out.len;
    }
    if (is_over(s)) {
        return;
    }
    api_msp_stream_pause_or_read(s);
    if (!s->full && (s->first != NULL || s->out.len > 0)) {
        api_msp_stream_turn_soon(s); /* when the others had theirs */
    }
}
