/* src/http/ws.h - WebSocket (RFC 6455): a GET becomes a connection of messages in both directions.
 *
 * A route's handler calls http_ws_accept; from then on the socket lives as struct http_ws until `gone`. Here are framing
 * (wslay), masks, fragments, UTF-8, control frames between fragments, pings, time-outs and the closing handshake.
 * Limits: a message has a maximum; what all messages hold while they arrive counts among the bodies
 * (http_options.bodies_bytes_max); a message that trickles in is ended like a body that does (body_timeout_ms); a client
 * that takes nothing is gone after write_timeout_ms; one that reads slowly makes http_ws_send answer FULL.
 * The socket ends by itself with 1001 (drain, nobody told), 1002 (broken framing), 1003 (binary, where only text is
 * taken), 1007 (text that is not UTF-8), 1008 (a message trickled), 1009 (message too big), 1013 (no memory, or no room for
 * the message now). A client whose bytes end without a Close frame has left: there is no half-close here.
 * Thread: the loop's. Memory: owned by its connection; other threads hold its id. */
#ifndef HTTP_WS_H
#define HTTP_WS_H

#include "http/message.h"

struct http_ws {
    kit_id id; /* of this server's loop: what other threads hold; not one of a request */
    struct http_server *server;
    char request_id[HTTP_REQUEST_ID_BYTES]; /* of the GET; NUL-ended */
    kit_str principal;                      /* who opened it; as in the request */
    kit_str peer;                           /* "127.0.0.1:52044" */
    void *user;                             /* the handler's own */
    uint16_t close_code; /* in `gone`: the code that ended it; the client's, ours, 1005 (it gave none) or 1006 (it left
                            without a word) */
};

/* All calls come from the loop, never from within a call of the handler's own. Each but `gone` may send, pause and
 * close. */
struct http_ws_handler {
    /* One whole message. bytes: borrowed until it returns (see http_ws_take); valid UTF-8 when text. */
    void (*message)(struct http_ws *ws, bool text, kit_str bytes);
    /* There is room again after http_ws_send answered FULL. NULL: not wanted. */
    void (*writable)(struct http_ws *ws);
    /* The server is stopping (http_server_drain): once, also soon after accept when it stops already. Finish and close
     * soon; what is open when the time of the drain is up is cut. NULL: the socket is closed with 1001 at once. */
    void (*drain)(struct http_ws *ws);
    /* The last call, always, once: the client has left or closed, or http_ws_close was called. ws is dead after it. */
    void (*gone)(struct http_ws *ws);
};

struct http_ws_options {
    const char *protocol;       /* subprotocol that is chosen when the client offers it; NULL: none. Lives for ever */
    uint64_t message_bytes_max; /* 1009 beyond */
    uint32_t ping_every_ms;     /* of silence; 0: no pings */
    uint32_t pong_timeout_ms;   /* after a ping without any sign of life: the client counts as gone */
    bool binary;                /* binary messages are taken; else 1003 */
};
#define HTTP_WS_OPTIONS_DEFAULT                                                                                        \
    (struct http_ws_options)                                                                                           \
    {                                                                                                                  \
        .message_bytes_max = 1 << 20, .ping_every_ms = 30000, .pong_timeout_ms = 10000                                 \
    }

/* Within a handler of a GET, before any reply. OK: "101 Switching Protocols" is on its way, r is dead, *ret is open (its
 * messages come later, from the loop). Failure: r has been answered: 426 with Upgrade and Sec-WebSocket-Version when it does
 * not ask for a WebSocket of version 13, 400 when it asks in a malformed way, 503; err says why.
 * h: borrowed for ever. o, user: copied. */
KIT_MUST_CHECK enum kit_status http_ws_accept(struct http_request *r, const struct http_ws_handler *h,
                                              const struct http_ws_options *o, void *user, struct http_ws **ret,
                                              struct kit_err *err);
/* The socket with this id, if it is still open. */
struct http_ws *http_ws_find(struct http_server *s, kit_id id);

/* Queues one message (copied; text: the caller's word that it is UTF-8). FULL when the write buffer
 * (http_options.write_buffer_bytes_max) is full: keep it and wait for `writable`; a message larger than the whole buffer
 * is taken when the buffer is empty. CANCELLED: the socket is closing, nothing was queued. NOMEM: the connection ends,
 * `gone` follows. */
KIT_MUST_CHECK enum kit_status http_ws_send(struct http_ws *ws, bool text, kit_str bytes);
/* Queues a Close frame behind what was sent; no message comes any more, `gone` follows. code: 1000 … 4999 (RFC 6455,
 * section 7.4); reason: UTF-8, cut at 123 bytes. Closing twice does nothing. */
void http_ws_close(struct http_ws *ws, uint16_t code, kit_str reason);
/* True: reads nothing more from the client, also no rest that has come already, until it is called with false. The
 * client's leaving is noticed anyway. */
void http_ws_pause(struct http_ws *ws, bool pause);
/* Within `message`: hands its bytes over without a copy: kit_alloc memory, one NUL behind *len bytes, owned by the caller.
 * NULL (*len 0): it is empty, or was taken before. */
KIT_MUST_CHECK char *http_ws_take(struct http_ws *ws, size_t *len);

#endif
