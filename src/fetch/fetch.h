/* src/fetch/fetch.h - HTTP requests that we send, over libcurl. The only folder that sees libcurl.
 *
 * Blocking: for programs without a loop and for the work pool. Thread: any, one request at a time each. Memory: what a
 * reply holds is the caller's. libcurl is set up on first use. */
#ifndef FETCH_FETCH_H
#define FETCH_FETCH_H

#include "kit/buf.h"

#define FETCH_FIELDS_MAX 16

struct fetch_request {
    const char *method;                   /* "GET", "POST" */
    const char *url;                      /* http:// or https:// */
    kit_str body;                         /* borrowed; sent when it is not empty or the method is POST */
    const char *fields[FETCH_FIELDS_MAX]; /* "Name: value", NULL behind the last */
    uint32_t connect_timeout_ms;          /* 0: 5 s */
    uint32_t timeout_ms;                  /* of everything; 0: none */
    size_t body_bytes_max;                /* of the answer */
    /* Gets the body of a 2xx answer piece by piece instead of reply.body; false ends the request with OK. NULL: whole. */
    bool (*piece)(void *ctx, kit_str bytes);
    /* Asked whenever something came, when a signal came, and every second; true ends the request as CANCELLED. NULL: never. */
    bool (*stop)(void *ctx);
    void *ctx;
};

struct fetch_reply {
    int status;          /* HTTP */
    struct kit_buf body; /* owned */
    uint64_t total_ns;   /* from start to the last byte */
};
void fetch_reply_done(struct fetch_reply *r); /* zeroed is fine */

/* OK: something answered, whatever its status. UNAVAILABLE: nothing listens there, or no such name; TIMEOUT; TOO_LARGE; IO:
 * cut off in the middle; CANCELLED: by `stop`; INVALID: the URL. Each names the address. */
KIT_MUST_CHECK enum kit_status fetch_run(const struct fetch_request *q, struct fetch_reply *ret, struct kit_err *err);

#endif
