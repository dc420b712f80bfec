/* src/fetch/inner.h - what this folder's two ways to send a request have in common. For src/fetch/ only. */
#ifndef FETCH_INNER_H
#define FETCH_INNER_H

#include <curl/curl.h>

#include "fetch/fetch.h"

void fetch_set_up(void); /* libcurl, once for the process */

/* Appends "Name: value" lines, NULL behind the last. NOMEM: what was appended stays in *list. */
KIT_MUST_CHECK enum kit_status fetch_add_fields(const char *const fields[FETCH_FIELDS_MAX], const char *url,
                                                struct curl_slist **list, struct kit_err *err);

/* URL, method, fields and what holds for every request of ours. text: CURL_ERROR_SIZE bytes that live as long as c. */
void fetch_set_common(CURL *c, const char *method, const char *url, uint32_t connect_timeout_ms,
                      struct curl_slist *fields, char *text);

/* The body of a POST; borrowed by c. */
void fetch_set_body(CURL *c, kit_str body);

/* libcurl's word for a failure as ours: names the address. */
enum kit_status fetch_fail(CURLcode code, const char *text, const char *url, struct kit_err *err);

#endif
