/* src/http/compress.h - bodies as gzip (RFC 1952) or zstd (RFC 8878).
 *
 * Thread: one at a time for one compressor. Memory: a compressor keeps what the libraries need from one body to the next
 * (some 300 KiB each, taken at first use). */
#ifndef HTTP_COMPRESS_H
#define HTTP_COMPRESS_H

#include "kit/str.h"

enum http_coding { HTTP_CODING_NONE, HTTP_CODING_GZIP, HTTP_CODING_ZSTD };

struct http_compressor {
    void *gzip, *zstd; /* owned; NULL: not used yet */
};

void http_compressor_done(struct http_compressor *c); /* zeroed is fine */
/* FULL: it would not become smaller by a sixteenth; NOMEM. *ret: kit_alloc memory, the caller's. */
KIT_MUST_CHECK enum kit_status http_compress(struct http_compressor *c, enum http_coding coding, kit_str bytes,
                                             char **ret, size_t *len);

kit_str http_coding_name(enum http_coding coding); /* "gzip"; as in Content-Encoding */

#endif
