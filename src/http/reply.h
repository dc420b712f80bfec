/* src/http/reply.h - the reply to a request: start, chunks, finish; or all at once.
 *
 * Nothing here calls back: `more` and `gone` come later, from the loop, so a handler may hold its state while it writes.
 * A reply that cannot be kept for lack of memory ends the connection. r must not be touched after send, finish or abort.
 * Thread: the loop's of the request. */
#ifndef HTTP_REPLY_H
#define HTTP_REPLY_H

#include "http/request.h"

/* Sends status, fields and the whole body at once, with Content-Length. body: copied before it returns.
 * content_type: a literal, or NULL for none. Inside a fail function the protocol's own status (408, 414, 417, 431, 501,
 * 505) takes the place of `status`, which the status table cannot tell. */
void http_reply_send(struct http_request *r, int status, const char *content_type, kit_str body);
/* The same, taking over `body` (kit_alloc memory, may be NULL when len is 0) without a copy. */
void http_reply_send_owned(struct http_request *r, int status, const char *content_type, char *body, size_t len);
/* One more reply field; before send or start. name: literal; value: copied; control bytes in it become spaces. */
void http_reply_field(struct http_request *r, const char *name, kit_str value);

/* What a streamed reply is pulled from. The connection calls `more` whenever it can take bytes (soon after start, and
 * again after what was written has left); the source writes chunks when it has them, then or later. All calls come from
 * the loop, never from within a call of the handler's own. */
struct http_source {
    void (*more)(struct http_request *r); /* may call http_reply_chunk / finish before it returns; NULL: not wanted */
    /* The last call, r is dead after it: the client left, the connection failed, or the reply has no body (below). Not
     * called after finish or abort. NULL: that of http_request_on_gone is called. */
    void (*gone)(struct http_request *r);
    /* The server drains (http_server_drain): called once, also soon after start when it drains already. The source may
     * write a last chunk (FULL is possible) and should finish or abort, now or soon: what is still open when the time of
     * the drain is up is cut. Nothing changes until it does: `more` goes on. NULL: nobody is told. */
    void (*drain)(struct http_request *r);
};
/* length: of the body when it is known, or -1: chunked (HTTP/1.1) or until close (HTTP/1.0). source: borrowed for ever.
 * A reply that has no body (to HEAD; 204, 304) needs nothing of its source: chunks are thrown away (OK), `more` and
 * `drain` are not called, and unless the handler finishes it before it returns, the loop ends it soon after start (its id
 * is dead then) and calls `gone`. */
void http_reply_start(struct http_request *r, int status, const char *content_type, int64_t length,
                      const struct http_source *source);
/* Queues bytes (copied). FULL when the connection's write buffer is full: the source keeps the piece and waits for
 * `more`. A piece larger than the whole buffer is taken when the buffer is empty. NOMEM: the connection ends, `gone`
 * follows. The sum of all pieces must be the length that was given. */
KIT_MUST_CHECK enum kit_status http_reply_chunk(struct http_request *r, kit_str bytes);
void http_reply_finish(struct http_request *r);
/* Ends a reply abnormally: the client sees a cut body. `gone` is not called. */
void http_reply_abort(struct http_request *r);
bool http_reply_started(const struct http_request *r);

#endif
