/* src/http/router.h - which handler answers a method and a path.
 *
 * Patterns are literal segments and placeholders: "/models/{id}/load". A placeholder {name} takes exactly one segment;
 * {name*} (one a pattern) takes one or more, so that a model id may hold '/', sent as such or as %2F. No segment is empty.
 * Matching works on the path as sent, where %2F is no border of segments; literals compare after decoding.
 * Of the patterns that match a path and take the method, the one with most literal bytes wins ("/models/org/name/load" is
 * {id*} = "org/name" before "load"), then one without {name*}, then the one whose first literal stands further left.
 * HEAD is answered by GET's handler without the body, OPTIONS by Allow.
 * Thread: built once, then read by all. Memory: owns copies of nothing: rows are borrowed for ever. */
#ifndef HTTP_ROUTER_H
#define HTTP_ROUTER_H

#include "http/message.h"

enum http_body {
    HTTP_BODY_NONE,  /* a body is read and thrown away, up to HTTP_BODY_IGNORED_MAX; 413 beyond */
    HTTP_BODY_WHOLE, /* the handler is called when all of it is there (request.body) */
};

#define HTTP_BODY_IGNORED_MAX (64 * KIT_KIB)

/* What a folder above gives to a route. ctx is the one of http_router_add. */
struct http_handler {
    void (*handle)(struct http_request *r, void *ctx);
    /* A body that is too large, malformed framing: how this family of routes renders an error. NULL: the server's. */
    void (*fail)(struct http_request *r, const struct kit_err *err);
};

struct http_route {
    enum http_method method;
    const char *pattern;
    enum http_body body;
    uint64_t body_bytes_max; /* of HTTP_BODY_WHOLE; 0: the server's own */
    struct http_handler handler;
    const char *name; /* for metrics and logs: "msp.serve" */
    bool open;        /* for http_options.admit: may be asked without saying who one is */
};

struct http_router;

KIT_MUST_CHECK enum kit_status http_router_new(struct http_router **ret); /* NOMEM */
void http_router_free(struct http_router *rt);                            /* after the servers; NULL is fine */
/* CONFLICT when a row with the same method and shape (names of placeholders apart) is there; INVALID when the pattern is
 * malformed; NOMEM. On failure the router may hold some of the rows. rows, ctx: borrowed for ever. */
KIT_MUST_CHECK enum kit_status http_router_add(struct http_router *rt, const struct http_route *rows, size_t count,
                                               void *ctx, struct kit_err *err);

struct http_match {
    const struct http_route *route; /* NULL: no such path, or the path takes other methods */
    void *ctx;
    uint32_t index; /* of the route, 1 … http_router_count; 0: none */
    uint32_t allow; /* when route is NULL: bit (1 << method) for each that the path takes, HEAD and OPTIONS among them;
                       0: no such path */
    kit_str param[HTTP_PARAMS_MAX]; /* raw slices of the path, in the order of the pattern */
};
uint32_t http_router_count(const struct http_router *rt); /* routes */
/* path: as sent, percent-encoded (validly), without query. */
struct http_match http_router_match(const struct http_router *rt, enum http_method method, kit_str path);

#endif
