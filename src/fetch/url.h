/* src/fetch/url.h - addresses: what of them has to be escaped, and who answers there.
 *
 * Source: RFC 3986. Thread: any; pure. Memory: libcurl's own, given back before return. */
#ifndef FETCH_URL_H
#define FETCH_URL_H

#include "kit/buf.h"

/* Appends s with every byte that is not unreserved (RFC 3986, 2.3) percent-encoded; '/' stays with keep_slash. */
void fetch_url_escape(struct kit_buf *out, kit_str s, bool keep_slash);

/* Scheme, host and port are the same, the scheme's own port among them. False also for what is no http(s) address. */
bool fetch_url_same_origin(const char *a, const char *b);

bool fetch_url_is_http(const char *url);
bool fetch_url_is_https(const char *url);

#endif
