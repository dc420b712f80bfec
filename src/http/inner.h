/* src/http/inner.h - what the files of this folder share: server, connection, exchange, and the table that a protocol
 * (HTTP/1.1, WebSocket; HTTP/2 later) fills. For src/http/ only.
 *
 * A connection moves bytes and knows time-outs; its codec knows framing and order; an exchange is one request with its
 * reply and knows routes, limits and handlers. Handlers are called from http_exchange_dispatch and from the connection's
 * settling only, never from within a reply function.
 * Thread: the server's loop. Memory: server > connection > exchange; exchanges and pieces of output are used again. */
#ifndef HTTP_INNER_H
#define HTTP_INNER_H

#include "http/compress.h"
#include "http/date.h"
#include "http/ids.h"
#include "http/message.h"
#include "http/metrics.h"
#include "http/out.h"
#include "http/server.h"
#include "kit/buf.h"
#include "loop/chan.h"
#include "loop/timer.h"
#include "net/conn.h"
#include "net/listen.h"

struct http_connection;
struct http_exchange;

/* What a connection waits for; each has a time-out of its own. A connection is in exactly one of these lists, the one
 * that waits longest first. */
enum http_wait {
    HTTP_WAIT_NONE,   /* for a handler: no time-out of ours */
    HTTP_WAIT_IDLE,   /* for a request */
    HTTP_WAIT_HEAD,   /* for the rest of a head */
    HTTP_WAIT_BODY,   /* for more of a body */
    HTTP_WAIT_WRITE,  /* for the client to take bytes */
    HTTP_WAIT_PROBE,  /* for a handler, while the client may have left */
    HTTP_WAIT_TICK,   /* for messages of either side; its codec looks at the clock now and then */
    HTTP_WAIT_LINGER, /* for the client to see our last answer before we close */
    HTTP_WAIT_COUNT
};

struct http_codec {
    const char *name;
    /* Sets c->codec_state. NOMEM. */
    enum kit_status (*open)(struct http_connection *c);
    void (*close)(struct http_connection *c); /* frees codec_state; exchanges are ended before */
    void (*receive)(struct http_connection *c, kit_str bytes);
    void (*ended)(struct http_connection *c);   /* the client has sent its last byte */
    bool (*advance)(struct http_connection *c); /* moves what replies have made possible; true: something moved */
    bool (*reads)(const struct http_connection *c);
    bool (*finished)(const struct http_connection *c, bool *linger); /* nothing more can happen: close */
    enum http_wait (*waits)(const struct http_connection *c);
    void (*timed_out)(struct http_connection *c, enum http_wait wait); /* HEAD, BODY, PROBE, TICK */
    void (*cut_short)(struct http_connection *c); /* the server ends: says so to a client that still waits */
    /* A reply in parts. NOMEM ends the connection. length: -1 when unknown. */
    enum kit_status (*head)(struct http_exchange *x, const char *content_type, int64_t length);
    enum kit_status (*body)(struct http_exchange *x, kit_str bytes);
    enum kit_status (*body_owned)(struct http_exchange *x, char *bytes, size_t len); /* owns bytes, also on failure */
    enum kit_status (*end)(struct http_exchange *x);
    struct http_out *(*out)(struct http_exchange *x); /* where its bytes wait */
    /* Answers 101; once x is retired, the connection is `next`'s, with `state` as its codec_state. NOMEM: state is still
     * the caller's. */
    enum kit_status (*upgrade)(struct http_exchange *x, const struct http_codec *next, void *state);
};

extern const struct http_codec http_h1_codec;

/* --- an exchange --- */

enum http_phase {
    HTTP_PHASE_READING,    /* its request is being read */
    HTTP_PHASE_READY,      /* read; not yet given to the handler */
    HTTP_PHASE_DISPATCHED, /* the handler has it */
};

struct http_reply {
    const struct http_source *source;
    void (*gone)(struct http_request *r);
    kit_str fields; /* "Name: value\r\n"…, in the arena */
    size_t fields_room;
    int64_t length; /* as announced; -1: unknown */
    int64_t sent;   /* body bytes so far */
    int status;
    int forced_status; /* of the protocol; 0: the handler's */
    bool started, finished, aborted;
    bool bodyless;  /* HEAD, 204, 304: body bytes are thrown away */
    bool chunked;   /* the codec's */
    bool pull;      /* `more` is due once there is room */
    size_t refused; /* bytes of the chunk that there was no room for; 0: none */
    bool told_to_drain;
    bool out_of_memory;
};

struct http_exchange {
    struct http_request request; /* first: handlers hold its address */
    struct http_reply reply;
    struct http_exchange *next; /* of the connection, or of the pool */
    struct http_connection *connection;
    struct kit_arena arena;
    struct kit_buf body;
    struct http_out held; /* bytes of a reply whose turn has not come */
    enum http_phase phase;
    struct http_handler handler;
    void *handler_ctx;
    uint32_t route_index;
    uint64_t body_max;
    uint64_t body_held;      /* of the server's bodies */
    uint64_t body_since_ns;  /* its first byte; 0: none yet */
    struct kit_err *refusal; /* in the arena: answered by `fail` instead of the handler */
    uint32_t allow;          /* for 405 and OPTIONS */
    bool options;            /* answered by us, from `allow` */
    bool keep_body;
    bool keep_alive;     /* as the request had it */
    bool old;            /* HTTP/1.0 */
    bool wants_continue; /* Expect: 100-continue, not answered yet */
    bool upgrade;        /* it asks for another protocol: nothing behind it is read before it is answered */
    /* The head while it is read: text, and fields whose pointers are offsets into it until it is complete. */
    char *head;
    uint32_t head_len, head_room;
    uint32_t target_len; /* the target is the first of head */
    struct http_field *fields;
    uint32_t fields_room;
};

/* A fresh exchange at the end of the connection's list; NULL: out of memory. */
struct http_exchange *http_exchange_new(struct http_connection *c);
/* The request's head is complete: parses the target, finds the route, checks the announced body (-1: unknown length).
 * A failure is for http_exchange_refuse, with *status the protocol's own HTTP status or 0. */
enum kit_status http_exchange_route(struct http_exchange *x, int64_t body_bytes, int *status, struct kit_err *err);
/* Answers within a handler as `fail` does. status: as above. */
void http_exchange_fail(struct http_exchange *x, const struct kit_err *err, int status);
/* http_reply_send_owned, but that nothing is compressed. */
void http_exchange_send_owned(struct http_exchange *x, int status, const char *content_type, char *body, size_t len);
/* Answers 101 with the fields that were added, and hands the connection over: see http_codec.upgrade. On failure the
 * connection ends. */
KIT_MUST_CHECK enum kit_status http_exchange_upgrade(struct http_exchange *x, const struct http_codec *next,
                                                     void *state);
/* From now on the request is answered by `fail`. status: as above. reason: for http_refused_total. */
void http_exchange_refuse(struct http_exchange *x, const struct kit_err *err, int status, const char *reason);
/* The request is complete: calls handler, fail, or answers OPTIONS. */
void http_exchange_dispatch(struct http_exchange *x);
/* Calls `drain` when that is due, or `more` when there is room; ends a reply that has no body. True: it did. */
bool http_exchange_pull(struct http_exchange *x);
/* The client left: tells whoever waits, then the exchange is as good as finished. */
void http_exchange_gone(struct http_exchange *x);
/* The server ends: answers 503 for a handler that has not begun to, and tells it `gone`. */
void http_exchange_cut_short(struct http_exchange *x);
/* Marks the reply complete: its id dies, it is counted. */
void http_exchange_finish(struct http_exchange *x);
void http_exchange_free(struct http_exchange *x);    /* back to the pool; not in any list any more */
void http_exchange_destroy(struct http_exchange *x); /* one of the pool */

static inline struct http_exchange *http_exchange_of(const struct http_request *r)
{
    return KIT_CONTAINER(r->reply, struct http_exchange, reply);
}

/* --- a connection --- */

struct http_connection {
    struct http_connection *next, *prev; /* ring of those that wait for the same */
    struct http_server *server;
    struct net_conn *net; /* owned; NULL: closed */
    const struct http_codec *codec;
    void *codec_state;
    struct http_exchange *first, *last; /* owned; in order of arrival */
    uint32_t exchange_count;
    enum http_wait wait;
    uint64_t since_ns; /* in that list */
    struct http_out out;
    size_t out_counted;      /* of out, among the server's writes_bytes */
    struct loop_task settle; /* queued when a reply came from outside of our callbacks */
    uint32_t depth;          /* of our callbacks in progress */
    bool progress;           /* something happened: its time-out starts anew */
    bool lost;               /* reset, failed or out of memory: only to be torn down */
    bool cut;                /* end it so that the client sees an error */
    bool lingering;
    bool last_look; /* the server drains, and the connection has not been read since */
    bool ended;     /* the client has sent its last byte, which may not have been read yet */
    bool eof;       /* it has been read */
    uint32_t linger_bytes;
    uint32_t turn_requests; /* begun in this turn of the loop */
    char peer[NET_PEER_BYTES];
};

/* Requests of one connection in one turn of the loop; then the others have theirs. */
#define HTTP_TURN_REQUESTS_MAX 16
static inline bool http_connection_had_its_turn(const struct http_connection *c)
{
    return c->turn_requests >= HTTP_TURN_REQUESTS_MAX;
}

/* Takes over fd. refuse: one connection too many, answered 503 and closed. False: out of memory, fd is closed. */
bool http_connection_open(struct http_server *s, int fd, const char *peer, bool refuse);
/* Something changed outside of the connection's own callbacks: write it before the loop waits. */
void http_connection_wake(struct http_connection *c);
/* Its time in a list has passed. */
void http_connection_expired(struct http_connection *c);
/* Ends it now; exchanges and sockets are told `gone`. */
void http_connection_close(struct http_connection *c);
/* As above; a request whose turn it is and that nobody has begun to answer gets a 503 first, a WebSocket a Close, as far
 * as the socket takes it at once. */
void http_connection_cut_short(struct http_connection *c);
/* When the server drains: looks once whether a request has come, then closes it if it is idle. */
void http_connection_drain(struct http_connection *c);

/* --- the server --- */

#define HTTP_ROUTE_CODES 4 /* remembered series a route */

struct http_route_series {
    struct kit_metric_series *seconds;
    struct {
        struct kit_metric_series *requests;
        uint16_t code;
        uint8_t method;
    } code[HTTP_ROUTE_CODES];
};

struct http_server {
    struct loop *loop;
    const struct http_router *router;
    struct http_options options;
    struct kit_slots *requests, *sockets;
    struct kit_budget own_bodies, *bodies; /* what bodies hold; shared with other servers, or own_bodies */
    uint64_t bodies_bytes_max;
    struct net_listen *listener[HTTP_SERVER_LISTENERS_MAX];
    struct http_connection waiting[HTTP_WAIT_COUNT]; /* heads of the rings */
    struct loop_timer *sweep;
    bool sweeping;
    uint32_t connections;
    uint64_t writes_bytes; /* of all connections, as each was last settled */
    struct http_exchange *pool;
    uint32_t pool_count;
    struct http_out_pool pieces;
    struct loop_chan *encoded; /* compressed bodies come home from the work pool; NULL: there is none */
    struct http_compressor compressor;
    struct http_ids ids;
    uint64_t date_until_ns;
    char date[sizeof("Date: \r\n") - 1 + HTTP_DATE_BYTES];
    struct http_route_series *series; /* [routes + 1]; 0: no route */
    struct kit_metric_series *bytes_in, *bytes_out, *open, *open_sockets;
    struct loop_timer *drain_timer;
    struct loop_task drain_task;
    bool draining;
    void (*drained)(void *ctx);
    void *drained_ctx;
};

/* What one connection may hold before it has to wait, as things are. */
static inline size_t http_server_write_max(const struct http_server *s)
{
    size_t max = s->options.write_buffer_bytes_max;
    return s->writes_bytes < s->options.writes_bytes_max ? max : KIT_MIN(max, HTTP_SERVER_TIGHT_BYTES);
}
/* May so many bytes be queued behind those that wait? Whatever is larger than the buffer goes alone. */
static inline bool http_server_takes(const struct http_server *s, size_t waiting, size_t bytes)
{
    size_t max = http_server_write_max(s);
    return waiting == 0 || (waiting < max && bytes <= max - waiting);
}
/* Is it time to ask who was refused with so many bytes? Not before half of the buffer is free and they fit: asked sooner, he
 * would be refused again, and again. */
static inline bool http_server_has_room(const struct http_server *s, size_t waiting, size_t refused)
{
    return waiting <= http_server_write_max(s) / 2 && http_server_takes(s, waiting, refused);
}
kit_str http_server_date(struct http_server *s); /* "Date: …\r\n" */
void http_server_count_request(struct http_server *s, const struct http_exchange *x, int code);
void http_server_count_refused(struct http_server *s, const char *reason);
void http_server_opened(struct http_server *s, struct http_connection *c);
void http_server_closed(struct http_server *s, struct http_connection *c);
/* Moves a connection to the end of the list of what it waits for now. */
void http_server_wait(struct http_server *s, struct http_connection *c, enum http_wait wait);

#endif
