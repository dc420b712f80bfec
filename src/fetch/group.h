/* src/fetch/group.h - many requests at a time on one thread, for what is large: a body is handed on as it comes, and a
 * redirect is told, never followed: whoever asked decides what the next address may see.
 *
 * HTTP/1.1, so that each request has a connection of its own; connections are kept for the next one. Certificates are
 * checked. Thread: all calls on one thread but fetch_group_wake. Memory: a group owns its transfers; what a request points
 * at is borrowed until it has ended. */
#ifndef FETCH_GROUP_H
#define FETCH_GROUP_H

#include "fetch/fetch.h"

struct fetch_group;
struct fetch_transfer;

/* A transfer that got less than this in stall_ms hangs. */
#define FETCH_STALL_BYTES 256
#define FETCH_BUFFER_BYTES (256 * KIT_KIB) /* for what is large */

struct fetch_group_request {
    const char *method;                   /* "GET", "HEAD", "POST" */
    const char *url;                      /* http:// or https://; copied */
    const char *fields[FETCH_FIELDS_MAX]; /* "Name: value", NULL behind the last; copied */
    kit_str body;                         /* of a POST; borrowed until it has ended */
    uint32_t connect_timeout_ms;          /* 0: 5 s */
    uint32_t timeout_ms;                  /* of everything; 0: none */
    uint32_t stall_ms;                    /* fewer than FETCH_STALL_BYTES in so long: TIMEOUT; 0: never */
    struct kit_buf *refusal; /* gets the body of an answer that is not 2xx, as far as it fits; NULL: it is dropped */
    const char *ca_file;     /* certificates to trust instead of the system's; NULL: the system's; copied */
    uint32_t buffer_bytes;   /* of the connection; 0: FETCH_BUFFER_BYTES */
    /* All of them inside fetch_group_run. head: once, before the first piece and in any case before a good end; false ends
     * the transfer as CANCELLED. piece: of the body of a 2xx answer; false likewise. done: the last call, also when head
     * or piece ended it; the transfer is gone after. rc OK: answered, whatever its status; otherwise as fetch_run. None of
     * them may stop or start transfers but done, which may start them. */
    bool (*head)(void *ctx, struct fetch_transfer *t);
    bool (*piece)(void *ctx, kit_str bytes);
    void (*done)(void *ctx, struct fetch_transfer *t, enum kit_status rc, const struct kit_err *err);
    void *ctx;
};

KIT_MUST_CHECK enum kit_status fetch_group_new(struct fetch_group **ret, struct kit_err *err); /* NOMEM */
void fetch_group_free(struct fetch_group *g); /* ends what runs, without `done`; NULL is fine */

/* NOMEM: nothing was started. */
KIT_MUST_CHECK enum kit_status fetch_group_start(struct fetch_group *g, const struct fetch_group_request *ask,
                                                 struct fetch_transfer **ret, struct kit_err *err);
void fetch_group_stop(struct fetch_transfer *t); /* ends it without `done`; frees it; not from a callback of its own */

/* Goes on with all transfers until something was done, or for wait_ms at most. */
KIT_MUST_CHECK enum kit_status fetch_group_run(struct fetch_group *g, uint32_t wait_ms, struct kit_err *err);
void fetch_group_wake(struct fetch_group *g); /* any thread: ends the wait of fetch_group_run */

/* --- what came; in head and done --- */

int fetch_transfer_status(const struct fetch_transfer *t); /* HTTP; 0: no answer */
/* A field of the head, by its name in any case; "" when it is not there. Borrowed until the next call. */
kit_str fetch_transfer_field(const struct fetch_transfer *t, const char *name);
int64_t fetch_transfer_length(const struct fetch_transfer *t); /* Content-Length; -1: none */
/* In done, of a 3xx answer: the whole address that it leads to; NULL: none. Borrowed. */
const char *fetch_transfer_redirect(const struct fetch_transfer *t);
uint32_t fetch_transfer_retry_after_s(const struct fetch_transfer *t); /* 0: not said */

#endif
