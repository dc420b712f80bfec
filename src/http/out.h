/* src/http/out.h - bytes on their way to a client: a list of pieces, written by one writev.
 *
 * Small bytes are copied into pieces that are used again; a big body keeps its own memory and is not copied.
 * Thread: the loop's. Memory: a list owns its pieces; emptied pieces go back to the pool. */
#ifndef HTTP_OUT_H
#define HTTP_OUT_H

#include <sys/uio.h>

#include "kit/str.h"

struct http_piece;

struct http_out {
    struct http_piece *first, *last;
    size_t bytes; /* not yet written */
};

struct http_out_pool {
    struct http_piece *free; /* owned */
    uint32_t count;
};

/* Room for `bytes` in one run at the end, or NULL when out of memory. Call http_out_grew with what was written. */
KIT_MUST_CHECK char *http_out_reserve(struct http_out *o, struct http_out_pool *pool, size_t bytes);
void http_out_grew(struct http_out *o, size_t bytes);
/* Copies. NOMEM: nothing was added. */
KIT_MUST_CHECK enum kit_status http_out_add(struct http_out *o, struct http_out_pool *pool, kit_str s);
/* Takes over body (kit_alloc memory), also on failure. NOMEM. */
KIT_MUST_CHECK enum kit_status http_out_add_owned(struct http_out *o, char *body, size_t len);
/* Moves all of `from` behind `to`. */
void http_out_move(struct http_out *to, struct http_out *from);

int http_out_iov(const struct http_out *o, struct iovec *iov, int max); /* pieces set */
/* The first `bytes` have been sent. */
void http_out_wrote(struct http_out *o, struct http_out_pool *pool, size_t bytes);
void http_out_done(struct http_out *o, struct http_out_pool *pool); /* drops all; it may be used again */
void http_out_pool_done(struct http_out_pool *pool);

#endif
