/* src/http/ids.h - names of requests: X-Request-Id and traceparent. Thread: the owner's. Memory: none. */
#ifndef HTTP_IDS_H
#define HTTP_IDS_H

#include "kit/str.h"

#define HTTP_IDS_PREFIX_BYTES 12

struct http_ids {
    char prefix[HTTP_IDS_PREFIX_BYTES]; /* random, so that ids of two processes or loops differ */
    uint64_t next;
};

void http_ids_init(struct http_ids *ids);
/* "3f9c02d1e4b7-1a2": unique, not secret. NUL-ended. */
#define HTTP_IDS_BYTES (HTTP_IDS_PREFIX_BYTES + 1 + 16 + 1)
void http_ids_make(struct http_ids *ids, char to[HTTP_IDS_BYTES]);

/* May a client's X-Request-Id be taken over: 1 to 63 of [A-Za-z0-9._-]? */
bool http_ids_is_sane(kit_str id);
/* Source: W3C Trace Context, section 3.2: version, trace-id, parent-id, flags. */
bool http_ids_is_traceparent(kit_str s);

#endif
