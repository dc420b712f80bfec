/* src/api/files.h - what browsers get: the pages of web/ and the description of the interface, embedded by tools/embed.py.
 *
 * A file is sent with an entity tag, compressed when the client takes gzip, and as 304 when the client has it already
 * (RFC 9110, 13.1.2). Thread: the connection's loop. Memory: the files are part of the program. */
#ifndef API_FILES_H
#define API_FILES_H

#include "http/message.h"

struct api_file {
    const char *name; /* "page.css" */
    bool is_part;     /* of a page, fetched from below /web/ */
    const char *type; /* Content-Type */
    kit_str bytes;
    kit_str gzip;          /* the same, compressed */
    const char *etag;      /* strong, quoted */
    const char *gzip_etag; /* of the compressed form: other bytes, other tag */
};

/* Made by tools/embed.py. */
extern const struct api_file api_files[];
extern const size_t api_file_count;

const struct api_file *api_file_find(kit_str name); /* NULL: no such file */
/* Sends the file as the answer: 200 or 304. An HTML page comes with a policy that lets it load from and talk to this server
 * alone (CSP Level 3) and be framed by nobody. */
void api_file_send(struct http_request *r, const struct api_file *f);

/* Does a field of entity tags ("*", or a list as in If-None-Match) name `etag`? Weak comparison (RFC 9110, 8.8.3.2). */
bool api_etag_in(kit_str field, const char *etag);

#endif
