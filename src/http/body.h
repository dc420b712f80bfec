/* src/http/body.h - the body of a request while it is read: its own limit, and its part of what all bodies together may
 * hold (http_options.bodies_bytes_max). For src/http/ only.
 *
 * A body of known length takes its part with the head, so that it is refused before it is sent; one of unknown length as
 * it grows. Thread: the loop's. Memory: of the exchange, until a handler takes it; the part of the sum is given back when
 * the exchange is freed, or refused. */
#ifndef HTTP_BODY_H
#define HTTP_BODY_H

#include "http/core.h"

/* With the head, when the route is known. bytes: as announced; -1: unknown. TOO_LARGE; UNAVAILABLE: no room in the sum. */
KIT_MUST_CHECK enum kit_status http_body_announce(struct http_exchange *x, int64_t bytes, struct kit_err *err);
/* More of it, announced or not. TOO_LARGE, UNAVAILABLE, NOMEM. */
KIT_MUST_CHECK enum kit_status http_body_add(struct http_exchange *x, kit_str bytes, struct kit_err *err);
/* See http_request_take_body. */
KIT_MUST_CHECK char *http_body_take(struct http_exchange *x, size_t *len);
/* Nobody wants it any more: what it held goes back. */
void http_body_drop(struct http_exchange *x);

#endif
