#include "net/conn.h"

#include "kit/alloc.h"

struct net_conn {
    struct loop_stream *stream; /* owned */
    const struct net_layer *layer;
    void *layer_state; /* owned, through layer->free */
};

/* --- no layer: straight through --- */

static enum loop_io plain_read(void *state, struct loop_stream *s, char *to, size_t room, size_t *got)
{
    (void)state;
    return loop_stream_read(s, to, room, got);
}

static enum loop_io plain_write(void *state, struct loop_stream *s, const struct iovec *iov, int count, size_t *wrote)
{
    (void)state;
    return loop_stream_write(s, iov, count, wrote);
}

static void plain_want(void *state, struct loop_stream *s, bool read, bool write)
{
    (void)state;
    loop_stream_want(s, read, write);
}

static void plain_finish(void *state, struct loop_stream *s)
{
    (void)state;
    loop_stream_finish(s);
}

static void plain_free(void *state)
{
    (void)state;
}

static const struct net_layer plain = {plain_read, plain_write, plain_want, plain_finish, plain_free};

/* --- connections --- */

enum kit_status net_conn_new(struct loop *l, int fd, const struct net_layer *layer, void *layer_state,
                             const struct loop_stream_events *events, void *ctx, struct net_conn **ret,
                             struct kit_err *err)
{
    struct net_conn *c = kit_alloc_zero(1, sizeof(*c));
    if (c == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for a connection");
    }
    enum kit_status rc = loop_stream_new(l, fd, events, ctx, &c->stream, err);
    if (rc != KIT_OK) {
        kit_alloc_free(c);
        return rc;
    }
    c->layer = layer == NULL ? &plain : layer;
    c->layer_state = layer_state;
    *ret = c;
    return KIT_OK;
}

void net_conn_want(struct net_conn *c, bool read, bool write)
{
    c->layer->want(c->layer_state, c->stream, read, write);
}

enum loop_io net_conn_read(struct net_conn *c, char *to, size_t room, size_t *got)
{
    return c->layer->read(c->layer_state, c->stream, to, room, got);
}

enum loop_io net_conn_write(struct net_conn *c, const struct iovec *iov, int count, size_t *wrote)
{
    return c->layer->write(c->layer_state, c->stream, iov, count, wrote);
}

void net_conn_finish(struct net_conn *c)
{
    c->layer->finish(c->layer_state, c->stream);
}

static void free_conn(struct net_conn *c)
{
    c->layer->free(c->layer_state);
    kit_alloc_free(c);
}

void net_conn_close(struct net_conn *c)
{
    if (c != NULL) {
        loop_stream_close(c->stream);
        free_conn(c);
    }
}

void net_conn_reset(struct net_conn *c)
{
    if (c != NULL) {
        loop_stream_reset(c->stream);
        free_conn(c);
    }
}
