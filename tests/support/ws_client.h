/* tests/support/ws_client.h - a WebSocket client for tests, over http_client: as right or as wrong as a test wants it.
 *
 * Memory: payloads are the caller's (kit_alloc_free). A failure here ends the test. */
#ifndef SUPPORT_WS_CLIENT_H
#define SUPPORT_WS_CLIENT_H

#include "support/http_client.h"

enum ws_client_opcode { WS_MORE = 0, WS_TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

/* A sound GET for a WebSocket, with these fields besides ("Origin: …\r\n"; may be ""). */
void ws_client_ask(struct http_client *c, const char *path, const char *fields);
/* The same, and waits for 101; head: NULL, or the caller's (kit_alloc_free). */
void ws_client_open(struct http_client *c, const char *path, const char *fields, char **head);

#define WS_CLIENT_FRAME_BYTES(len) ((len) + 14)
/* Writes a masked frame into `to`, returns its bytes. fin_and_opcode: 0x80 for the last frame of a message. */
size_t ws_client_frame(char *to, int fin_and_opcode, const void *payload, size_t len);
void ws_client_send(struct http_client *c, int fin_and_opcode, const void *payload, size_t len);
void ws_client_text(struct http_client *c, const char *text);

/* Waits for a whole frame of the server (which must be unfragmented and not masked) and gives its opcode. payload: NUL-ended
 * copy, or NULL for none. */
int ws_client_next(struct http_client *c, char **payload, size_t *len);
void ws_client_expect_text(struct http_client *c, const char *text);
/* Waits for a Close with this code (0: one without a code) and, when not NULL, this beginning of its reason. */
void ws_client_expect_close(struct http_client *c, int code, const char *reason);

#endif
