/* src/api/library.h - what changes which models there are, for every API that can say so: remove, copy.
 *
 * Both work on disk, so they run on the work pool, and go on when the client leaves meanwhile.
 * Thread: the connection's loop. Memory: nothing of the caller's is kept. */
#ifndef API_LIBRARY_H
#define API_LIBRARY_H

#include "api/wait.h"

/* How an API answers: once. err NULL: it is done. */
typedef void api_library_answer(struct http_request *h, kit_str id, const struct kit_err *err);

/* model_remove; one that is loaded is unloaded first, and what runs on it comes to its end. changed: calls
 * api_library_follow with the same answer; fail: as
 * api_wait_open has it. */
void api_library_remove(struct http_request *h, struct api *a, kit_str id,
                        void (*changed)(struct api_watch *w, struct http_request *h), api_wait_fail *fail,
                        api_library_answer *answer);
void api_library_follow(struct api_watch *w, struct http_request *h, api_library_answer *answer);
/* model_copy */
void api_library_copy(struct http_request *h, struct api *a, kit_str from, kit_str to, api_library_answer *answer);

#endif
