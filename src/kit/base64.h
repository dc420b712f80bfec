/* src/kit/base64.h - base64 and base64url (RFC 4648, sections 4 and 5).
 *
 * Thread: any; pure. Memory: the caller's. */
#ifndef KIT_BASE64_H
#define KIT_BASE64_H

#include "kit/str.h"

/* Characters for so many bytes, with padding. */
#define KIT_BASE64_CHARS(bytes) (((bytes) + 2) / 3 * 4)

/* Standard alphabet, with padding; writes KIT_BASE64_CHARS(s.len) characters, no NUL. */
void kit_base64_write(kit_str s, char *to);

/* Takes both alphabets (even mixed), with padding or without; nothing else: no spaces, no bits behind the last byte.
 * room: bytes at `to`; 3 for each begun 4 characters always suffice. PARSE; FULL: it needs more than room. */
KIT_MUST_CHECK enum kit_status kit_base64_read(kit_str s, char *to, size_t room, size_t *ret);

#endif
