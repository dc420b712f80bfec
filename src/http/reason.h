/* src/http/reason.h - the first line of an answer (RFC 9112, section 4). Thread: any; pure. Memory: none. */
#ifndef HTTP_REASON_H
#define HTTP_REASON_H

#include "kit/str.h"

#define HTTP_REASON_VERSION "HTTP/1.1 " /* what every answer starts with */

/* "HTTP/1.1 200 OK\r\n"; lives for ever. {NULL} for a status without a text of its own: 100 … 999 are valid still. */
kit_str http_reason_line(int status);

#endif
