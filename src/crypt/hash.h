/* src/crypt/hash.h - digests of what comes in pieces, over OpenSSL. SHA-1 is for git's names of files and for
 * the WebSocket handshake only: it proves nothing against somebody who wants to deceive.
 *
 * Source: FIPS 180-4. Thread: one at a time. Memory: owned by whoever made it. */
#ifndef CRYPT_HASH_H
#define CRYPT_HASH_H

#include "kit/str.h"

enum crypt_hash_kind { CRYPT_SHA1, CRYPT_SHA256 };

#define CRYPT_HEX_BYTES 65 /* of the longest digest as hexadecimal digits, with a NUL */

struct crypt_hash;

/* NOMEM; UNSUPPORTED: this system's OpenSSL has that digest switched off. */
KIT_MUST_CHECK enum kit_status crypt_hash_new(enum crypt_hash_kind kind, struct crypt_hash **ret, struct kit_err *err);
void crypt_hash_free(struct crypt_hash *h); /* NULL is fine */
void crypt_hash_add(struct crypt_hash *h, kit_str bytes);
/* The digest of all that was added, in small hexadecimal digits; from here on it starts anew. Returns buf. */
const char *crypt_hash_end(struct crypt_hash *h, char buf[CRYPT_HEX_BYTES]);

/* All of it at once. */
KIT_MUST_CHECK enum kit_status crypt_hash_of(enum crypt_hash_kind kind, kit_str bytes, char buf[CRYPT_HEX_BYTES],
                                             struct kit_err *err);
/* The same as bytes; *len of them. UNSUPPORTED as above. */
#define CRYPT_HASH_BYTES 32 /* of the longest digest */
KIT_MUST_CHECK enum kit_status crypt_hash_bytes(enum crypt_hash_kind kind, kit_str bytes, uint8_t to[CRYPT_HASH_BYTES],
                                                size_t *len, struct kit_err *err);

#endif
