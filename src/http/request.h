/* src/http/request.h - a request as handlers see it, whatever protocol carried it.
 *
 * Thread: the loop's that owns the connection. Another thread answers by a message to that loop with the request's id:
 * http_server_find gives the request back, or NULL when its client is gone.
 * Memory: the request and all slices in it live in its arena until the reply has been finished or the client has gone;
 * `gone` is the handler's last word on it. */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include "kit/arena.h"
#include "kit/clock.h"
#include "kit/slots.h"

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE, HTTP_OPTIONS, HTTP_METHOD_COUNT };

struct http_field {
    kit_str name;  /* as sent; compare by kit_str_eq_nocase */
    kit_str value; /* trimmed */
};

#define HTTP_PARAMS_MAX 4
#define HTTP_REQUEST_ID_BYTES 64

struct http_reply; /* private to http */
struct http_route;
struct http_server;

struct http_request {
    kit_id id; /* of this server's loop: what other threads hold */
    struct http_server *server;
    struct kit_arena *arena;                /* the request's lifetime; cleanups run when it ends */
    char request_id[HTTP_REQUEST_ID_BYTES]; /* the client's X-Request-Id if it is 1 to 63 of [A-Za-z0-9._-], else ours;
                                               NUL-ended; sent back */
    kit_str traceparent;                    /* W3C Trace Context, checked; empty when absent or malformed */
    kit_str principal;                      /* who asks: "anonymous", or as http_options.admit says; never empty */
    kit_str peer;                           /* "127.0.0.1:52044" */
    enum http_method method;
    kit_str path;  /* percent-decoded, for logs and people; "%2F" became '/', so that where an id stands is
                                  to be taken from param */
    kit_str query; /* as sent, without '?' */
    kit_str host;  /* whom the client thinks it talks to, "name:port": of the target when that is a whole URL, else the
                      Host field (RFC 9112, section 3.2.2); empty: HTTP/1.0 without one */
    const struct http_field *fields; /* [field_count] */
    uint32_t field_count;
    kit_str
        param[HTTP_PARAMS_MAX]; /* what the route's placeholders matched, in their order; each was cut out of the path
                                       as sent and decoded after that: an id may hold '/' sent as %2F */
    kit_str body;               /* whole body for HTTP_BODY_WHOLE; empty else, and when it was taken */
    const struct http_route *route; /* NULL: none, only fail is called */
    uint64_t started_ns;            /* first byte read */
    uint64_t deadline_ns; /* KIT_NEVER_NS, or when the answer is not wanted any more: for those above to set and keep */
    void *user;           /* the handler's own */
    struct http_reply *reply;
};

kit_str http_request_field(const struct http_request *r, const char *name); /* first with that name; {NULL}: none */
/* The elements of a field that is a list, such as Connection: all its lines, split at commas, trimmed, none empty:
 *     struct http_tokens t = {r, "Connection"};
 *     for (kit_str token; http_tokens_next(&t, &token);) …
 * Quoted strings are not known: not for fields that may hold them. */
struct http_tokens {
    const struct http_request *request;
    const char *name;
    uint32_t field; /* to begin with 0 */
    kit_str rest;
};
bool http_tokens_next(struct http_tokens *t, kit_str *token);
/* Is `token` one of them, whatever the case of its letters? */
bool http_request_lists(const struct http_request *r, const char *name, kit_str token);
/* How much a field such as "Accept-Encoding: gzip;q=0.8, *;q=0.1" likes an element, in thousandths (RFC 9110, section
 * 12.4.2): 0: not at all, also when its weight is none; where it is not named, what '*' says; -1: nothing is said. */
int http_request_weight(const struct http_request *r, const char *name, const char *element);
/* One value of the query (first with that name), percent-decoded into the arena, '+' as space; {NULL}: not there, or out
 * of memory. */
kit_str http_request_query(struct http_request *r, const char *name);

/* Hands the body over without a copy: kit_alloc memory, one NUL behind *len bytes, owned by the caller, who may keep it
 * beyond the request; r->body is empty from then on. NULL (*len 0): it is empty, or was taken before. Not after the reply.
 * Its bytes count as held (http_options.bodies_bytes_max) until the request ends, whether they are freed earlier or later. */
KIT_MUST_CHECK char *http_request_take_body(struct http_request *r, size_t *len);

/* A handler that answers later (from a message) says who wants to know when the client leaves before the answer. May be
 * called again; NULL clears. Called at most once, from the loop, never from within a call of the handler's own; r is dead
 * after it. */
void http_request_on_gone(struct http_request *r, void (*gone)(struct http_request *r));

const char *http_method_name(enum http_method method); /* "GET"; lives for ever */

#endif
