/* src/http/target.h - what stands behind the method: path and query (RFC 9112, section 3.2; RFC 3986).
 *
 * Thread: any; pure. Memory: slices are borrowed from the target or live in the arena. */
#ifndef HTTP_TARGET_H
#define HTTP_TARGET_H

#include "kit/arena.h"

struct http_target {
    kit_str raw;   /* path as sent, percent-encoded: what a router matches */
    kit_str path;  /* decoded: for people */
    kit_str query; /* as sent, without '?' */
    kit_str host;  /* of a target that is a whole URL: "name:port"; else empty */
    bool asterisk; /* "*": about the server as a whole; the paths are "*" too */
};

/* Takes origin-form, absolute-form and "*". INVALID: bytes that no URI has, a fragment, a malformed "%", an encoded NUL,
 * "." or ".." as a segment (also as %2e or behind %2F). NOMEM. */
KIT_MUST_CHECK enum kit_status http_target_parse(struct kit_arena *a, kit_str target, struct http_target *ret,
                                                 struct kit_err *err);
/* Percent-decodes; plus_is_space for queries. s must be validly encoded (http_target_parse saw to that). NOMEM. */
KIT_MUST_CHECK enum kit_status http_target_decode(struct kit_arena *a, kit_str s, bool plus_is_space, kit_str *ret);
/* Decodes one byte at s[*at] and moves *at behind it. */
char http_target_next(kit_str s, size_t *at);

#endif
