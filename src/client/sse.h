/* src/client/sse.h - server-sent events out of a stream of bytes that may be cut anywhere.
 * Source: WHATWG HTML, section 9.2.6. Thread: one at a time. Memory: holds the unfinished event, at most 1 MiB. */
#ifndef CLIENT_SSE_H
#define CLIENT_SSE_H

#include "kit/buf.h"

struct client_sse {
    struct kit_buf line; /* unfinished */
    struct kit_buf data; /* of the event so far */
    bool after_cr;       /* the last byte was a CR that ended a line */
};

void client_sse_init(struct client_sse *s);
void client_sse_done(struct client_sse *s); /* an unfinished event is dropped */
/* Calls fn with the data of each finished event, until it returns false. False also when an event is too large. */
bool client_sse_feed(struct client_sse *s, kit_str bytes, bool (*fn)(void *ctx, kit_str data), void *ctx);

#endif
