/* src/http/server.h - the HTTP server of one loop: connections, limits, time-outs, HTTP/1.1 (RFC 9110, 9112).
 *
 * One struct http_server a loop thread; all share one router. Requests that a client sends without waiting (pipelining)
 * are handled side by side when all of them are GET, HEAD or OPTIONS, else one after the other; answers keep their order.
 *
 * When a client is gone. A reset, a failed write, or silence that TCP keep-alive notices: at once. The end of the client's
 * bytes alone may be a half-close, and a half-closed client gets its answer: so the server sends the first bytes of the
 * answer ("HTTP/1.1 ", the same for each), or of the next chunk (zeros before its size), ahead, one at a time. A client
 * that has closed its socket answers the first of them with a reset; one that only closed its sending side reads on.
 * A request that is not complete when the client's bytes end is dropped. See docs/adr/0003-when-a-client-is-gone.md.
 * Thread: its loop's. Memory: owns its connections. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "http/router.h"
#include "kit/budget.h"
#include "loop/work.h"
#include "loop/loop.h"

#define HTTP_SERVER_TIGHT_BYTES (16 * KIT_KIB)

struct http_options {
    uint32_t connections_max; /* more are accepted and closed at once with 503 */
    uint32_t head_bytes_max;  /* request line and fields: 431 beyond; a target over half of it: 414 */
    uint32_t fields_max;      /* 431 beyond */
    uint64_t body_bytes_max;  /* 413 beyond */
    /* What the bodies of all requests may hold together: 503 with Retry-After beyond, with the head when what is announced
     * has no room now. What has arrived counts; bodies up to 64 KiB do not, so that small requests go on. At least
     * body_bytes_max counts, so that one body always fits. */
    uint64_t bodies_bytes_max;
    struct kit_budget *bodies;       /* that sum, shared by the servers of several loops; borrowed; NULL: its own */
    uint32_t pipeline_max;           /* requests of one connection that wait for their turn */
    uint32_t write_buffer_bytes_max; /* of one connection, before a source has to wait */
    uint64_t writes_bytes_max; /* of all connections; beyond, each new piece waits until its connection holds less than
                                  HTTP_SERVER_TIGHT_BYTES: many who do not read must not fill the memory */
    uint32_t head_timeout_ms;  /* first byte to end of head: 408 */
    uint32_t body_timeout_ms;  /* between two pieces of a body, and at less than 16 KiB/s in all: 408 */
    uint32_t idle_timeout_ms;  /* keep-alive without a request: close */
    uint32_t write_timeout_ms; /* a client that takes nothing: it counts as gone */
    uint32_t requests_per_connection_max; /* 0: no limit */
    /* Replies as gzip or zstd to who takes that: whole ones (http_reply_send) of 1 KiB and more, of types that shrink, whose
     * handler has added no Content-Encoding, ETag or Content-Range. */
    bool compress;
    /* Where those over 32 KiB are compressed; borrowed; to be drained before the loop is freed. NULL: they are not. */
    struct loop_work *work;
    /* May this request be asked? Called when its head is there, before anything of its body is read or asked for (100
     * Continue), also when it has no route (r->route NULL). It may set r->principal (to memory of r's arena) and add
     * fields to the reply. A failure is the answer, rendered by the route's `fail`; a body that is on its way is not read.
     * NULL: everybody may ask everything. */
    enum kit_status (*admit)(struct http_request *r, void *ctx, struct kit_err *err);
    void *admit_ctx;
    /* A request without a route of its own is answered through this (404, 405, 400, …). It turns
     * err->retry_after_ms into Retry-After (503). NULL: the message as plain text. */
    void (*fail)(struct http_request *r, const struct kit_err *err);
};
#define HTTP_OPTIONS_DEFAULT                                                                                           \
    (struct http_options)                                                                                              \
    {                                                                                                                  \
        .connections_max = 10000, .head_bytes_max = 16384, .fields_max = 64, .body_bytes_max = 64 << 20,               \
        .bodies_bytes_max = 256 << 20, .pipeline_max = 16, .write_buffer_bytes_max = 1 << 20,                          \
        .writes_bytes_max = 256 << 20, .head_timeout_ms = 10000, .body_timeout_ms = 30000, .idle_timeout_ms = 75000,   \
        .write_timeout_ms = 30000, .compress = true                                                                    \
    }

/* router, loop: borrowed, outlive it. */
KIT_MUST_CHECK enum kit_status http_server_new(struct loop *l, const struct http_router *router,
                                               const struct http_options *options, struct http_server **ret,
                                               struct kit_err *err);
/* Binds and listens; several servers of this process may listen on one address (SO_REUSEPORT). host: an IPv4 or IPv6
 * address or a name ("localhost" is both). port 0 picks one; *port_ret is what was bound. At most
 * HTTP_SERVER_LISTENERS_MAX addresses (FULL). Errors: IO ("127.0.0.1:8001: address already in use"), NOT_FOUND, NOMEM. */
#define HTTP_SERVER_LISTENERS_MAX 4
KIT_MUST_CHECK enum kit_status http_server_listen(struct http_server *s, const char *host, uint16_t port,
                                                  uint16_t *port_ret, struct kit_err *err);
struct loop *http_server_loop(const struct http_server *s);
/* From now on; those that are waited for already count from when they began. */
struct http_timeouts {
    uint32_t head_ms, body_ms, idle_ms, write_ms; /* as in http_options; at least 1 */
};
void http_server_set_timeouts(struct http_server *s, const struct http_timeouts *t);
/* The request with this id, if it still waits for its answer. */
struct http_request *http_server_find(struct http_server *s, kit_id id);
/* Drain: stop accepting, answer what is there (Connection: close), tell streams (http_source.drain) and WebSockets
 * (http_ws_handler.drain), close idle connections; `drained` is called when the last one is gone or after_ms has passed
 * (what is left is then closed, after a 503 where no answer has begun), from the loop, once. Called again it sets a new
 * after_ms (0: end it now) and a new `drained`; the old one is forgotten. */
void http_server_drain(struct http_server *s, uint64_t after_ms, void (*drained)(void *ctx), void *ctx);
/* Not while its loop runs, or from `drained`. Requests that still wait for an answer, and WebSockets, are told `gone`. NULL
 * is fine. */
void http_server_free(struct http_server *s);

struct http_counts {
    uint32_t connections;
    uint32_t requests; /* waiting for their answer */
    uint32_t sockets;  /* WebSockets */
};
struct http_counts http_server_counts(const struct http_server *s);

#endif
