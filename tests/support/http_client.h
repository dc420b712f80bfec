/* tests/support/http_client.h - a raw client on a socket that never waits: tests pump server and client on one thread.
 *
 * `turn` runs the server's loop once; it is called again and again until what is waited for has come, or until the limit
 * of real time has passed, which fails the test. Memory: the client owns what it has received. */
#ifndef SUPPORT_HTTP_CLIENT_H
#define SUPPORT_HTTP_CLIENT_H

#include "kit/buf.h"

struct http_client {
    int fd;
    struct kit_buf in; /* received and not consumed */
    bool eof;          /* the server has closed its side */
    bool reset;        /* the connection was reset */
    void (*turn)(void *ctx);
    void *ctx;
};

void http_client_open(struct http_client *c, uint16_t port, void (*turn)(void *ctx), void *ctx);
void http_client_close(struct http_client *c); /* FIN, or RST when bytes are unread */
void http_client_reset(struct http_client *c); /* RST */
void http_client_half_close(struct http_client *c);

void http_client_send(struct http_client *c, const char *text); /* all of it, turning while the socket is full */
void http_client_send_bytes(struct http_client *c, const void *bytes, size_t len);

/* Each turns until it is true; the test fails after 10 s. */
void http_client_wait_bytes(struct http_client *c, size_t count);
void http_client_wait_text(struct http_client *c, const char *text);
void http_client_wait_end(struct http_client *c);         /* EOF or reset */
void http_client_turns(struct http_client *c, int count); /* that often, and takes what came */

/* Waits for one whole answer (Content-Length or chunked), checks its status, gives head and body (decoded) and drops it
 * from `in`. head, body: owned by the caller (kit_alloc_free); NULL: not wanted. Interim answers (100) count as one. */
void http_client_answer(struct http_client *c, int status, char **head, char **body);
/* The same for an answer without a body whatever its head says (to HEAD). */
void http_client_head_answer(struct http_client *c, int status, char **head);

#endif
