/* src/api/anthropic.h - how Anthropic's API says that something went wrong. Thread: the loop of the request. */
#ifndef API_ANTHROPIC_H
#define API_ANTHROPIC_H

#include "api/dialect.h"

/* {"type":"error","error":{"type","message"}} */
void api_anthropic_fail(struct http_request *h, const struct kit_err *err);

#endif
