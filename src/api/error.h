/* src/api/error.h - how MSP says that something went wrong:
 * {"error":{"code":"model_not_found","message":"…","param":"model","request_id":"…"}} with the status table's HTTP code. */
#ifndef API_ERROR_H
#define API_ERROR_H

#include "http/message.h"
#include "kit/json.h"

/* Answers the request with an error; err->retry_after_ms > 0 adds Retry-After (whole seconds, rounded up). */
void api_error_send(struct http_request *r, const struct kit_err *err);
/* The same in another API's words: write writes the whole body. */
typedef void api_error_writer(struct kit_json_writer *w, const struct kit_err *err, const char *request_id);
void api_error_reply(struct http_request *r, int status, const struct kit_err *err, api_error_writer *write);
/* What it says, or what its code does. */
const char *api_error_text(const struct kit_err *err);
/* The "error" member's value. */
void api_error_write(struct kit_json_writer *w, const struct kit_err *err, const char *request_id);

#endif
