/* src/http/date.h - the Date field's text (RFC 9110, section 5.6.7). Thread: any; pure. Memory: none. */
#ifndef HTTP_DATE_H
#define HTTP_DATE_H

#include "kit/base.h"

#define HTTP_DATE_BYTES 29 /* "Sun, 06 Nov 1994 08:49:37 GMT", no NUL */

/* s: since 1970, UTC, before the year 10,000. */
void http_date_write(uint64_t s, char to[HTTP_DATE_BYTES]);

#endif
