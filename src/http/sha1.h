/* src/http/sha1.h - SHA-1, for the WebSocket handshake only, where it proves nothing but that the server has read the key.
 *
 * Thread: any; pure. Memory: none. Source: RFC 3174. */
#ifndef HTTP_SHA1_H
#define HTTP_SHA1_H

#include "kit/str.h"

#define HTTP_SHA1_BYTES 20

void http_sha1(kit_str s, uint8_t to[HTTP_SHA1_BYTES]);

#endif
