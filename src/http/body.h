/* src/http/body.h - the body of a request while it is read: its own limit, and its part of what all bodies together may
 * hold (http_options.bodies_bytes_max). For src/http/ only.
 *
 * Only bytes that have come count, in steps of 64 KiB: a head that announces much locks nobody out. The first step is
 * free (connections_max bounds those), so that small requests go on while large ones are refused. A body for which there
 * is no room now is refused with its head. The room of a body that grows may be up to twice its part.
 * Thread: the loop's. Memory: of the exchange, until a handler takes it; the part of the sum is given back when the
 * exchange is freed, or refused. */
#ifndef HTTP_BODY_H
#define HTTP_BODY_H

#include "http/inner.h"

/* With the head, when the route is known. bytes: as announced; -1: unknown. TOO_LARGE; MEDIA_TYPE: it is compressed;
 * UNAVAILABLE: no room in the sum. */
KIT_MUST_CHECK enum kit_status http_body_announce(struct http_exchange *x, int64_t bytes, struct kit_err *err);
/* More of it, announced or not. TOO_LARGE, UNAVAILABLE, NOMEM; TIMEOUT: it comes at less than 16 KiB a second, after a
 * first body_timeout_ms. */
KIT_MUST_CHECK enum kit_status http_body_add(struct http_exchange *x, kit_str bytes, struct kit_err *err);
/* See http_request_take_body. */
KIT_MUST_CHECK char *http_body_take(struct http_exchange *x, size_t *len);
/* Something else that grows among the bodies, such as a message of a WebSocket: it has `bytes` now, of at most `max`; *held
 * (to begin with 0) is its part so far. UNAVAILABLE. */
KIT_MUST_CHECK enum kit_status http_body_hold(struct http_server *s, uint64_t *held, uint64_t bytes, uint64_t max,
                                              struct kit_err *err);
void http_body_give(struct http_server *s, uint64_t *held); /* its part goes back */
/* Nobody wants it any more: what it held goes back. */
void http_body_drop(struct http_exchange *x);

#endif
