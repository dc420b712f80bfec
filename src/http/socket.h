/* src/http/socket.h - a WebSocket from the inside: what ws.c (its life), ws_read.c (frames become messages) and
 * ws_handshake.c (the GET that asks for it) share. For src/http/ only. Thread: the loop's. */
#ifndef HTTP_SOCKET_H
#define HTTP_SOCKET_H

#include <wslay/wslay.h>

#include "http/inner.h"
#include "http/ws.h"

#define HTTP_SOCKET_TRY_AGAIN 1013  /* of IANA's registry; wslay does not name it */
#define HTTP_SOCKET_CONTROL_MAX 125 /* RFC 6455, section 5.5: payload of a control frame */

enum http_socket_state {
    HTTP_SOCKET_OPEN,
    HTTP_SOCKET_CLOSING, /* our Close is queued or sent; the client's is awaited, what comes before it is dropped */
    HTTP_SOCKET_CLOSED,  /* nothing more is read */
};

struct http_socket {
    struct http_ws ws;                  /* first: handlers hold its address */
    struct http_connection *connection; /* borrowed: it owns us */
    const struct http_ws_handler *handler;
    struct http_ws_options options;
    enum http_socket_state state;
    bool paused;    /* by the handler */
    bool full;      /* `writable` is due when there is room */
    size_t refused; /* for so many bytes */
    bool told_to_drain, told_gone;
    char *principal; /* owned */
    /* Reading. */
    wslay_frame_context_ptr frames; /* owned; holds up to 4 KiB that it has not given yet */
    kit_str in;                     /* bytes not given to `frames`; a slice of rest, but while they are received */
    struct kit_buf rest;            /* bytes that came before their turn; while there are any, nothing is read */
    bool starved;                   /* `frames` has used up what it had */
    bool in_frame;                  /* some of its payload is still to come */
    uint64_t frame_left;            /* bytes of it */
    uint8_t opcode;                 /* of the message that is being put together; 0: none */
    struct kit_buf message;
    size_t utf8_bytes;         /* of message, checked */
    uint64_t held;             /* of the server's bodies, for message */
    uint64_t message_since_ns; /* its first byte */
    uint8_t control[HTTP_SOCKET_CONTROL_MAX];
    uint32_t control_bytes;
    /* Time. */
    uint64_t heard_ns; /* the last bytes of the client */
    uint64_t ping_ns;  /* a ping that nothing has followed; 0: none */
};

static inline struct http_socket *http_socket_of(const struct http_connection *c)
{
    return c->codec_state;
}

extern const struct http_codec http_ws_codec;

/* --- ws.c --- */

/* Queues one frame. NOMEM: the connection is lost. */
enum kit_status http_socket_send(struct http_socket *s, uint8_t opcode, kit_str payload);
/* Queues a Close and goes to `state`; when it was open. code 1005: a Close without a code. */
void http_socket_close(struct http_socket *s, enum http_socket_state state, uint16_t code, kit_str reason);
static inline void http_socket_fail(struct http_socket *s, uint16_t code, const char *reason)
{
    http_socket_close(s, HTTP_SOCKET_CLOSED, code, kit_str_c(reason));
    s->state = HTTP_SOCKET_CLOSED;
}
bool http_socket_may_read(const struct http_socket *s);

/* --- ws_read.c --- */

enum kit_status http_socket_read_init(struct http_socket *s);
void http_socket_read_done(struct http_socket *s);
/* Takes frames apart, and hands messages over, until the bytes are used up or it may not read for now. */
void http_socket_read(struct http_socket *s);

/* --- ws_handshake.c --- */

#define HTTP_SOCKET_ACCEPT_BYTES 28
/* Sec-WebSocket-Accept for a sound Sec-WebSocket-Key (RFC 6455, section 4.2.2). UNSUPPORTED: no SHA-1 here. */
KIT_MUST_CHECK enum kit_status http_socket_accept_key(kit_str key, char to[HTTP_SOCKET_ACCEPT_BYTES],
                                                      struct kit_err *err);
/* Is it a sound request for a WebSocket? If not, *status is 426 or 400 and the fields that belong to it are added. */
enum kit_status http_socket_check(struct http_request *r, int *status, struct kit_err *err);
bool http_socket_offers(const struct http_request *r, kit_str protocol);

#endif
