/* src/http/encode.h - replies that are compressed on their way to a client that takes that (RFC 9110, section 12.5.3).
 *
 * Small bodies at once, larger ones on the work pool while the connection waits as for its handler. Left as they are:
 * bodies under 1 KiB, types that do not shrink, bodies whose handler has named their bytes (Content-Encoding, ETag,
 * Content-Range), streams. For src/http/ only. Thread: the loop's. */
#ifndef HTTP_ENCODE_H
#define HTTP_ENCODE_H

#include "http/inner.h"

/* Of an Accept-Encoding; what is better liked, and of two that are liked the same, zstd. NULL: identity. */
enum http_coding http_encode_choose(const struct http_request *r);

/* True: the reply is sent, or will be, and r is dead; body is copied, or freed when owned. False: it is as it was, but for
 * a Vary field. */
bool http_encode_send(struct http_exchange *x, int status, const char *content_type, kit_str body, bool owned);

/* The channel that jobs of the work pool come home by. NOMEM, IO. */
KIT_MUST_CHECK enum kit_status http_encode_open(struct http_server *s, struct kit_err *err);
void http_encode_close(struct http_server *s);

#endif
