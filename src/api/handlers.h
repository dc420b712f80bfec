/* src/api/handlers.h - the functions that routes.def names, and what they share. Thread: the connection's loop. */
#ifndef API_HANDLERS_H
#define API_HANDLERS_H

#include "api/api.h"
#include "api/error.h"

/* One handler a route: ctx is the struct api. */
#define ROUTE(method, pattern, access, body, words, handler, name) void handler(struct http_request *r, void *ctx);
#include "api/routes.def"
#undef ROUTE

/* False: it did not fit its buffer or memory, as *err says. */
KIT_MUST_CHECK bool api_body_is_whole(const struct kit_buf *body, struct kit_err *err);
/* Sends what stands in `body` as JSON and frees it; an answer that did not fit its buffer becomes an error. */
void api_send_json(struct http_request *r, int status, struct kit_buf *body);
/* {"done_bytes":…,"total_bytes":…} */
void api_write_progress(struct kit_json_writer *w, uint64_t done, uint64_t total);

#endif
