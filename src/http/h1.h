/* src/http/h1.h - HTTP/1.1 and 1.0 framing (RFC 9112): what its two halves share. For src/http/ only.
 *
 * h1_read.c takes requests apart with llhttp in its strict mode and refuses whatever two readers could understand
 * differently; h1_write.c writes answers; h1.c keeps their order and is the codec. Thread: the loop's. */
#ifndef HTTP_H1_H
#define HTTP_H1_H

#include "http/inner.h"

/* llhttp gives its methods the names that ours have. */
#define HTTP_GET LLHTTP_GET
#define HTTP_HEAD LLHTTP_HEAD
#define HTTP_POST LLHTTP_POST
#define HTTP_PUT LLHTTP_PUT
#define HTTP_PATCH LLHTTP_PATCH
#define HTTP_DELETE LLHTTP_DELETE
#define HTTP_OPTIONS LLHTTP_OPTIONS
#include <llhttp.h>
#undef HTTP_GET
#undef HTTP_HEAD
#undef HTTP_POST
#undef HTTP_PUT
#undef HTTP_PATCH
#undef HTTP_DELETE
#undef HTTP_OPTIONS

struct http_h1 {
    llhttp_t parser;
    struct http_connection *connection;
    struct http_exchange *reading; /* its request is not complete */
    struct kit_buf rest;           /* bytes that came before their turn; while it holds any, nothing is read */
    size_t rest_at;                /* first byte of rest that was not taken */
    size_t behind;                 /* bytes that have been read and not taken apart, here or in rest */
    size_t raw_bytes;              /* of the head that is being read */
    uint32_t served;               /* requests */
    uint8_t probe_bytes;           /* of the next part of the answer, sent ahead */
    const struct http_codec *next; /* whose the connection is once its request has been retired; NULL: ours */
    void *next_state;              /* owned until then */
    bool in_value;                 /* of a field, not in its name */
    bool head_done;                /* of `reading` */
    bool stopped;                  /* no further request is taken from this connection */
    bool linger;                   /* bytes of the client may be unread when we close */
    /* What a callback of the parser found wrong, until http_h1_read_feed has answered it. */
    int refused_status;
    const char *refused_reason;
    struct kit_err *err; /* of http_h1_read_feed */
};

static inline struct http_h1 *http_h1_of(const struct http_connection *c)
{
    return c->codec_state;
}

/* --- h1_read.c --- */

void http_h1_read_init(struct http_h1 *h);
/* Takes as many bytes apart as there is room for requests; keeps the rest. */
void http_h1_read_feed(struct http_h1 *h, kit_str bytes);
void http_h1_read_rest(struct http_h1 *h);            /* goes on with what was kept */
bool http_h1_read_can_begin(const struct http_h1 *h); /* may another request be read? */
/* Answers the request that is being read with an error, as the last one of the connection. */
void http_h1_read_refuse(struct http_h1 *h, const struct kit_err *err, int status, const char *reason);

/* --- h1.c --- */

/* Gives the newest request to its handler when those before it allow that. True: it did. */
bool http_h1_dispatch(struct http_h1 *h);
bool http_h1_retire(struct http_h1 *h); /* drops answered requests off the front */

/* --- h1_write.c --- */

enum kit_status http_h1_write_head(struct http_exchange *x, const char *content_type, int64_t length);
enum kit_status http_h1_write_body(struct http_exchange *x, kit_str bytes);
enum kit_status http_h1_write_body_owned(struct http_exchange *x, char *bytes, size_t len);
enum kit_status http_h1_write_end(struct http_exchange *x);
enum kit_status http_h1_write_upgrade(struct http_exchange *x, const struct http_codec *next, void *state);
struct http_out *http_h1_write_out(struct http_exchange *x);
/* The client's bytes have ended, and something of the answer may be sent ahead to see whether it is still there. */
bool http_h1_write_may_probe(const struct http_h1 *h);
void http_h1_write_probe(struct http_h1 *h);    /* one byte, if that may be */
void http_h1_write_continue(struct http_h1 *h); /* "100 Continue", if that is wanted and due */

#endif
