/* src/api/wait.h - requests that answer when a model has come to a state: loads, unloads and pulls with ?wait=true.
 *
 * Thread: the connection's loop. Memory: the watch (watch.h) is the request's until api_wait_end. */
#ifndef API_WAIT_H
#define API_WAIT_H

#include "api/watch.h"

/* How an API says that something went wrong. */
typedef void api_wait_fail(struct http_request *r, const struct kit_err *err);

/* Follows a model's changes for r, before the wish is said, so that none is missed; what is now is read already. After
 * options.load_wait_max_ms r is answered 504. fail: says so. False: r was answered with an error. */
bool api_wait_open(struct http_request *r, struct api *a, kit_str id,
                   void (*changed)(struct api_watch *w, struct http_request *r), api_wait_fail *fail,
                   struct api_watch **ret);
void api_wait_end(struct api_watch *w, struct http_request *r); /* r is to be answered by the caller */

/* Is this the last word of a load, or of a pull, that is waited for? err->code is OK where it is there. */
bool api_wait_load_is_over(const struct model_event *e, struct kit_err *err);
bool api_wait_pull_is_over(const struct model_event *e, struct kit_err *err);

/* ?wait=true|false; false when it is not there. INVALID: something else. */
KIT_MUST_CHECK enum kit_status api_wait_read(struct http_request *r, bool *ret, struct kit_err *err);

/* {"id":…,"state":…}, and where to follow it with_events. */
void api_wait_send_state(struct http_request *r, int status, kit_str id, enum model_state state, bool with_events);

#endif
