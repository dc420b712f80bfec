/* src/net/conn.h - a connection: a stream of bytes with whatever layer lies on it. http/ sees nothing below this.
 *
 * A layer (TLS) is a table of functions over the stream; without one, calls go straight through. The rules are those of
 * loop/stream.h: reading and writing never wait, nothing is queued in here, events say when to call again.
 * Thread: the loop's. Memory: owned by its maker until net_conn_close; no event comes after that. */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "loop/stream.h"

struct net_conn;

/* What lies between a connection and its stream. `state` is the layer's own, made by whoever put it there. */
struct net_layer {
    enum loop_io (*read)(void *state, struct loop_stream *s, char *to, size_t room, size_t *got);
    enum loop_io (*write)(void *state, struct loop_stream *s, const struct iovec *iov, int count, size_t *wrote);
    /* Which stream events serve these wishes: a handshake may have to write in order to read. */
    void (*want)(void *state, struct loop_stream *s, bool read, bool write);
    void (*finish)(void *state, struct loop_stream *s);
    void (*free)(void *state);
};

/* Takes over fd; on failure the caller keeps it. layer: NULL for none, else borrowed for ever, and `layer_state` becomes
 * the connection's on success. events, ctx: as for loop_stream_new. IO, NOMEM. */
KIT_MUST_CHECK enum kit_status net_conn_new(struct loop *l, int fd, const struct net_layer *layer, void *layer_state,
                                            const struct loop_stream_events *events, void *ctx, struct net_conn **ret,
                                            struct kit_err *err);
void net_conn_want(struct net_conn *c, bool read, bool write);
KIT_MUST_CHECK enum loop_io net_conn_read(struct net_conn *c, char *to, size_t room, size_t *got);
KIT_MUST_CHECK enum loop_io net_conn_write(struct net_conn *c, const struct iovec *iov, int count, size_t *wrote);
void net_conn_finish(struct net_conn *c); /* end of our bytes; reading goes on */
void net_conn_close(struct net_conn *c);  /* NULL is fine */
void net_conn_reset(struct net_conn *c);  /* close, so that a TCP peer sees an error instead of an end */

#endif
