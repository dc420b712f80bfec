#include "http/h1.h"

#include "kit/alloc.h"

static enum kit_status h1_open(struct http_connection *c)
{
    struct http_h1 *h = kit_alloc_zero(1, sizeof(*h));
    if (h == NULL) {
        return KIT_NOMEM;
    }
    h->connection = c;
    kit_buf_init(&h->rest, LOOP_SCRATCH_BYTES);
    http_h1_read_init(h);
    c->codec_state = h;
    return KIT_OK;
}

static void h1_close(struct http_connection *c)
{
    struct http_h1 *h = http_h1_of(c);
    const struct http_codec *next = h->next;
    c->codec_state = h->next_state;
    kit_buf_done(&h->rest);
    kit_alloc_free(h);
    if (next != NULL) {
        next->close(c); /* the connection ended before it was handed over */
    }
}

/* --- order --- */

static bool is_safe(const struct http_exchange *x)
{
    enum http_method m = x->request.method;
    return m == HTTP_GET || m == HTTP_HEAD || m == HTTP_OPTIONS;
}

/* RFC 9112, section 9.3.2: side by side only when all are safe. A refusal runs no handler. */
static bool may_dispatch(const struct http_connection *c, const struct http_exchange *x)
{
    if (x->refusal != NULL) {
        return true;
    }
    if (x->upgrade && x != c->first) {
        return false;
    }
    for (const struct http_exchange *y = c->first; y != x; y = y->next) {
        if (!y->reply.finished && !(is_safe(x) && is_safe(y))) {
            return false;
        }
    }
    return true;
}

bool http_h1_dispatch(struct http_h1 *h)
{
    struct http_connection *c = h->connection;
    struct http_exchange *x = c->last;
    if (x == NULL || x->phase != HTTP_PHASE_READY || c->lost || !may_dispatch(c, x)) {
        return false;
    }
    http_exchange_dispatch(x);
    return true;
}

static void abort_connection(struct http_h1 *h, const struct http_exchange *x)
{
    struct http_connection *c = h->connection;
    h->stopped = true;
    c->lost = true; /* an end without the last chunk, or before the announced length, shows that it was cut */
    c->cut = !x->reply.chunked && x->reply.length < 0;
}

bool http_h1_retire(struct http_h1 *h)
{
    struct http_connection *c = h->connection;
    bool moved = false;
    while (c->first != NULL && c->first->reply.finished && !c->lost) {
        struct http_exchange *x = c->first;
        if (x->reply.aborted) {
            if (c->out.bytes > 0) {
                return moved; /* what was written before the cut goes out first */
            }
            abort_connection(h, x);
            return true;
        }
        c->first = x->next;
        c->last = c->first == NULL ? NULL : c->last;
        c->exchange_count--;
        http_exchange_free(x);
        if (c->first != NULL) {
            http_out_move(&c->out, &c->first->held);
        }
        c->progress = true;
        moved = true;
    }
    return moved;
}

/* What has come behind the request is the next codec's. */
static void hand_over(struct http_h1 *h)
{
    struct http_connection *c = h->connection;
    struct kit_buf rest = h->rest;
    kit_str bytes = kit_str_sub(kit_buf_str(&rest), h->rest_at, rest.len);
    c->codec = h->next;
    c->codec_state = h->next_state;
    kit_alloc_free(h);
    if (bytes.len > 0) {
        c->codec->receive(c, bytes);
    }
    kit_buf_done(&rest);
}

static bool h1_advance(struct http_connection *c)
{
    struct http_h1 *h = http_h1_of(c);
    bool moved = http_h1_retire(h);
    if (h->next != NULL && c->first == NULL) {
        hand_over(h);
        return true;
    }
    moved = http_h1_dispatch(h) || moved;
    if (h->rest.len > 0 && !h->stopped && http_h1_read_can_begin(h)) {
        http_h1_read_rest(h);
        moved = true;
    }
    http_h1_write_continue(h);
    if (h->probe_bytes == 0) {
        http_h1_write_probe(h); /* the first at once, the others one a sweep */
    }
    return moved;
}

/* --- bytes and time --- */

static void h1_receive(struct http_connection *c, kit_str bytes)
{
    http_h1_read_feed(http_h1_of(c), bytes);
}

/* A request that is not complete now never will be. */
static void drop_reading(struct http_h1 *h)
{
    struct http_connection *c = h->connection;
    struct http_exchange *x = h->reading;
    if (x == NULL) {
        return;
    }
    h->reading = NULL;
    struct http_exchange **at = &c->first, *before = NULL;
    while (*at != x) {
        before = *at;
        at = &before->next;
    }
    *at = NULL;
    c->last = before;
    c->exchange_count--;
    http_exchange_free(x);
}

static void h1_ended(struct http_connection *c)
{
    struct http_h1 *h = http_h1_of(c);
    h->stopped = true;
    drop_reading(h);
}

static bool h1_reads(const struct http_connection *c)
{
    const struct http_h1 *h = http_h1_of(c);
    return !h->stopped && !c->eof && (h->reading != NULL || http_h1_read_can_begin(h));
}

static bool h1_finished(const struct http_connection *c, bool *linger)
{
    const struct http_h1 *h = http_h1_of(c);
    *linger = h->linger;
    bool idle = c->first == NULL && h->rest.len == 0;
    return c->first == NULL && (h->stopped || (idle && c->server->draining));
}

static enum http_wait h1_waits(const struct http_connection *c)
{
    const struct http_h1 *h = http_h1_of(c);
    if (h->reading != NULL) {
        return h->head_done ? HTTP_WAIT_BODY : HTTP_WAIT_HEAD;
    }
    if (c->first == NULL) {
        return HTTP_WAIT_IDLE;
    }
    return http_h1_write_may_probe(h) ? HTTP_WAIT_PROBE : HTTP_WAIT_NONE;
}

static void h1_timed_out(struct http_connection *c, enum http_wait wait)
{
    struct http_h1 *h = http_h1_of(c);
    if (wait == HTTP_WAIT_PROBE) {
        http_h1_write_probe(h);
        return;
    }
    struct kit_err err = {0};
    bool head = wait == HTTP_WAIT_HEAD;
    uint32_t limit_ms = head ? c->server->options.head_timeout_ms : c->server->options.body_timeout_ms;
    kit_fail(&err, KIT_TIMEOUT, "the %s of the request did not arrive within %u ms", head ? "head" : "body", limit_ms);
    http_h1_read_refuse(h, &err, 408, "timeout");
}

static void h1_cut_short(struct http_connection *c)
{
    if (c->first != NULL) {
        http_exchange_cut_short(c->first); /* the last answer of the connection */
    }
}

const struct http_codec http_h1_codec = {
    .name = "HTTP/1.1",
    .open = h1_open,
    .close = h1_close,
    .receive = h1_receive,
    .ended = h1_ended,
    .advance = h1_advance,
    .reads = h1_reads,
    .finished = h1_finished,
    .waits = h1_waits,
    .timed_out = h1_timed_out,
    .cut_short = h1_cut_short,
    .head = http_h1_write_head,
    .body = http_h1_write_body,
    .body_owned = http_h1_write_body_owned,
    .end = http_h1_write_end,
    .out = http_h1_write_out,
    .upgrade = http_h1_write_upgrade,
};
