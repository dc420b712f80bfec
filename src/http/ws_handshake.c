#include "http/socket.h"

#include <string.h>

#include "crypt/hash.h"
#include "kit/base64.h"

#define KEY_BYTES 16
#define KEY_CHARS KIT_BASE64_CHARS(KEY_BYTES)
#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455, section 1.3 */

enum kit_status http_socket_accept_key(kit_str key, char to[HTTP_SOCKET_ACCEPT_BYTES], struct kit_err *err)
{
    char text[KEY_CHARS + sizeof(GUID)];
    uint8_t hash[CRYPT_HASH_BYTES];
    size_t len = 0;
    memcpy(text, key.ptr, KEY_CHARS);
    memcpy(text + KEY_CHARS, GUID, sizeof(GUID));
    enum kit_status rc = crypt_hash_bytes(CRYPT_SHA1, (kit_str){text, sizeof(text) - 1}, hash, &len, err);
    if (rc == KIT_OK) {
        kit_base64_write((kit_str){(const char *)hash, len}, to);
    }
    return rc;
}

static enum kit_status needs_upgrade(struct http_request *r, int *status, struct kit_err *err, const char *why)
{
    *status = 426;
    http_reply_field(r, "Upgrade", kit_str_lit("websocket")); /* RFC 9110, section 15.5.22 */
    http_reply_field(r, "Connection", kit_str_lit("Upgrade"));
    http_reply_field(r, "Sec-WebSocket-Version", kit_str_lit("13")); /* RFC 6455, section 4.4 */
    return kit_fail(err, KIT_INVALID, "this path speaks WebSocket: %s", why);
}

static bool is_key(kit_str key)
{
    char bytes[KEY_BYTES];
    size_t len = 0;
    return key.len == KEY_CHARS && kit_base64_read(key, bytes, sizeof(bytes), &len) == KIT_OK && len == KEY_BYTES;
}

/* RFC 6455, section 4.2.1. */
enum kit_status http_socket_check(struct http_request *r, int *status, struct kit_err *err)
{
    const struct http_exchange *x = http_exchange_of(r);
    if (r->method != HTTP_GET || x->old || !x->upgrade || !http_request_lists(r, "Upgrade", kit_str_lit("websocket"))) {
        return needs_upgrade(r, status, err, "ask with GET, Upgrade: websocket and Connection: Upgrade");
    }
    if (!kit_str_eq(http_request_field(r, "Sec-WebSocket-Version"), kit_str_lit("13"))) {
        return needs_upgrade(r, status, err, "its version here is 13 (Sec-WebSocket-Version)");
    }
    if (!is_key(http_request_field(r, "Sec-WebSocket-Key"))) {
        return kit_fail(err, KIT_INVALID, "Sec-WebSocket-Key has to be 16 bytes in base64");
    }
    return KIT_OK;
}

bool http_socket_offers(const struct http_request *r, kit_str protocol)
{
    struct http_tokens t = {.request = r, .name = "Sec-WebSocket-Protocol"};
    for (kit_str token; http_tokens_next(&t, &token);) {
        if (kit_str_eq(token, protocol)) {
            return true;
        }
    }
    return false;
}
