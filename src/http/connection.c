#include "http/inner.h"

#include <unistd.h>

#include "kit/alloc.h"

#define ROUNDS_MAX 16              /* of one settling; a source that never ends must not hold the loop */
#define LINGER_BYTES_MAX (1 << 20) /* read and thrown away before closing */

#define OVERLOADED                                                                                                     \
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"                                           \
    "Content-Length: 74\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"                                                \
    "{\"error\":{\"code\":\"unavailable\",\"message\":\"too many connections are open\"}}"

/* --- ending --- */

static void free_exchanges(struct http_connection *c)
{
    while (c->first != NULL) {
        struct http_exchange *x = c->first;
        c->first = x->next;
        http_exchange_gone(x);
        http_exchange_free(x);
    }
    c->last = NULL;
    c->exchange_count = 0;
}

static void count_out(struct http_connection *c)
{
    c->server->writes_bytes += c->out.bytes;
    c->server->writes_bytes -= c->out_counted;
    c->out_counted = c->out.bytes;
}

/* Frees it; nothing of ours is on the stack. */
static void destroy(struct http_connection *c)
{
    struct http_server *s = c->server;
    c->depth++; /* what `gone` functions call must not settle it once more */
    free_exchanges(c);
    loop_later_cancel(s->loop, &c->settle);
    if (c->cut) {
        net_conn_reset(c->net);
    } else {
        net_conn_close(c->net);
    }
    if (c->codec_state != NULL) {
        c->codec->close(c);
    }
    http_out_done(&c->out, &s->pieces);
    count_out(c);
    http_server_closed(s, c);
    kit_alloc_free(c);
}

/* --- writing --- */

/* True: something was written, so that there is room, or an end. */
static bool flush(struct http_connection *c)
{
    struct iovec iov[LOOP_STREAM_IOV_MAX];
    bool moved = false;
    while (c->out.bytes > 0 && !c->lost) {
        size_t wrote = 0;
        int count = http_out_iov(&c->out, iov, LOOP_STREAM_IOV_MAX);
        enum loop_io io = net_conn_write(c->net, iov, count, &wrote);
        if (io != LOOP_IO_OK) {
            c->lost = io != LOOP_IO_AGAIN;
            break;
        }
        size_t before = c->out.bytes;
        http_out_wrote(&c->out, &c->server->pieces, wrote);
        kit_metric_series_add(c->server->bytes_out, (double)wrote);
        c->progress = moved = true;
        if (wrote < before && count < LOOP_STREAM_IOV_MAX) {
            break; /* the socket is full: an event tells when it is not */
        }
    }
    return moved;
}

static bool pull(struct http_connection *c)
{
    bool pulled = false;
    for (struct http_exchange *x = c->first; x != NULL && !c->lost; x = x->next) {
        pulled = http_exchange_pull(x) || pulled;
    }
    return pulled;
}

/* --- settling: after each callback, all that has become possible is done --- */

static void start_linger(struct http_connection *c)
{
    c->lingering = true;
    net_conn_finish(c->net);
}

/* True: the connection is at its end. */
static bool is_over(struct http_connection *c)
{
    bool linger = false;
    if (c->lost) {
        return true;
    }
    if (c->lingering || c->out.bytes > 0 || !c->codec->finished(c, &linger)) {
        return false;
    }
    if (linger && !c->eof) {
        start_linger(c);
        return false;
    }
    return true;
}

static enum http_wait waits_for(const struct http_connection *c)
{
    return c->lingering ? HTTP_WAIT_LINGER : c->out.bytes > 0 ? HTTP_WAIT_WRITE : c->codec->waits(c);
}

/* Calls handlers (`more`, dispatch), whose replies must not ask for settling again: hence the depth. True: there is more
 * to do, though it was enough for now. */
static bool move_on(struct http_connection *c)
{
    bool again = !c->lingering;
    c->depth++;
    for (int round = 0; round < ROUNDS_MAX && again && !c->lost; round++) {
        again = c->codec->advance(c);
        again = flush(c) || again;
        again = pull(c) || again;
    }
    c->depth--;
    return again;
}

static void settle(struct http_connection *c)
{
    bool again = move_on(c);
    if (is_over(c)) {
        destroy(c);
        return;
    }
    count_out(c);
    if ((again || http_connection_had_its_turn(c)) && !c->lingering) {
        loop_later(c->server->loop, &c->settle);
    }
    net_conn_want(c->net, c->lingering || c->codec->reads(c), c->out.bytes > 0);
    enum http_wait wait = waits_for(c);
    if (wait != c->wait || c->progress) {
        http_server_wait(c->server, c, wait);
    }
    c->progress = false;
}

static void leave(struct http_connection *c)
{
    c->depth--;
    settle(c);
}

void http_connection_wake(struct http_connection *c)
{
    if (c->depth == 0) {
        loop_later(c->server->loop, &c->settle);
    }
}

/* --- events --- */

static void receive(struct http_connection *c, kit_str bytes)
{
    kit_metric_series_add(c->server->bytes_in, (double)bytes.len);
    if (!c->lingering) {
        c->codec->receive(c, bytes);
        return;
    }
    c->linger_bytes += (uint32_t)bytes.len;
    c->lost = c->linger_bytes > LINGER_BYTES_MAX;
}

static void ended(struct http_connection *c)
{
    c->ended = c->eof = true;
    if (c->lingering) {
        c->lost = true; /* the client has seen our end and answered with its own */
    } else {
        c->codec->ended(c);
    }
}

static void on_readable(void *ctx)
{
    struct http_connection *c = ctx;
    char *scratch = loop_scratch(c->server->loop);
    size_t got = 0;
    c->turn_requests = 0; /* what had its turn waits for its task, and does not read before */
    c->depth++;
    switch (net_conn_read(c->net, scratch, LOOP_SCRATCH_BYTES, &got)) {
    case LOOP_IO_OK:
        receive(c, (kit_str){.ptr = scratch, .len = got});
        break;
    case LOOP_IO_EOF:
        ended(c);
        break;
    case LOOP_IO_GONE:
        c->lost = true;
        break;
    case LOOP_IO_AGAIN:
        break;
    }
    leave(c);
}

static void on_writable(void *ctx)
{
    struct http_connection *c = ctx;
    c->depth++;
    flush(c);
    leave(c);
}

static void settle_task(struct loop_task *t)
{
    struct http_connection *c = KIT_CONTAINER(t, struct http_connection, settle);
    bool look = c->last_look && !c->lost && !c->lingering && c->codec->reads(c);
    c->turn_requests = 0;
    c->last_look = false;
    if (look) {
        on_readable(c);
    } else {
        settle(c);
    }
}

/* Bytes may wait in front of the end, which is why this is not `ended` yet. */
static void on_left(void *ctx)
{
    struct http_connection *c = ctx;
    c->depth++;
    c->ended = true;
    c->progress = true;
    leave(c);
}

static void on_gone(void *ctx)
{
    struct http_connection *c = ctx;
    c->lost = true;
    settle(c);
}

static const struct loop_stream_events events = {on_readable, on_writable, on_left, on_gone};

void http_connection_expired(struct http_connection *c)
{
    enum http_wait wait = c->wait;
    c->depth++;
    c->progress = true;
    if (wait == HTTP_WAIT_HEAD || wait == HTTP_WAIT_BODY || wait == HTTP_WAIT_PROBE || wait == HTTP_WAIT_TICK) {
        c->codec->timed_out(c, wait);
    } else {
        c->cut = wait == HTTP_WAIT_WRITE;
        c->lost = true;
    }
    leave(c);
}

void http_connection_close(struct http_connection *c)
{
    destroy(c);
}

void http_connection_cut_short(struct http_connection *c)
{
    c->depth++;
    if (!c->lost && !c->lingering) {
        c->codec->cut_short(c);
        flush(c);
    }
    destroy(c);
}

void http_connection_drain(struct http_connection *c)
{
    c->last_look = true;
    loop_later(c->server->loop, &c->settle); /* the codec sees that the server drains */
}

/* --- opening --- */

static void refuse_connection(struct http_connection *c)
{
    http_server_count_refused(c->server, "connections_max");
    if (http_out_add(&c->out, &c->server->pieces, kit_str_lit(OVERLOADED)) != KIT_OK) {
        c->lost = true;
        return;
    }
    flush(c);
    start_linger(c);
    c->lost = c->lost || c->out.bytes > 0;
}

bool http_connection_open(struct http_server *s, int fd, const char *peer, bool refuse)
{
    struct http_connection *c = kit_alloc_zero(1, sizeof(*c));
    if (c == NULL) {
        close(fd);
        return false;
    }
    c->server = s;
    c->codec = &http_h1_codec;
    c->settle.run = settle_task;
    kit_str_to_c(kit_str_c(peer), c->peer, sizeof(c->peer));
    if (c->codec->open(c) != KIT_OK || net_conn_new(s->loop, fd, NULL, NULL, &events, c, &c->net, NULL) != KIT_OK) {
        close(fd);
        if (c->codec_state != NULL) {
            c->codec->close(c);
        }
        kit_alloc_free(c);
        return false;
    }
    c->wait = HTTP_WAIT_IDLE;
    http_server_opened(s, c);
    if (refuse) {
        refuse_connection(c);
    }
    settle(c);
    return true;
}
