/* src/hub/ask.h - one small question to the hub, followed over redirects and asked again as far as that makes sense.
 * For src/hub/ only.
 *
 * Thread: the pull's; other transfers of the session go on meanwhile. Memory: the answer is the caller's. */
#ifndef HUB_ASK_H
#define HUB_ASK_H

#include "hub/session.h"

struct hub_answer {
    struct kit_buf body;           /* owned */
    char etag[128];                /* X-Linked-ETag, else ETag */
    char commit[HUB_COMMIT_BYTES]; /* X-Repo-Commit; "": none, or no commit */
    int64_t size;                  /* X-Linked-Size, else Content-Length of a 2xx answer; -1: unknown */
};

/* method "GET" or "HEAD"; path: escaped. A HEAD that is answered by a redirect with X-Linked-ETag has its answer: where
 * the file is stored matters to who fetches it. Errors: as hub_pull; TOO_LARGE: the body. */
KIT_MUST_CHECK enum kit_status hub_ask(struct hub_session *s, const char *method, kit_str path, size_t body_bytes_max,
                                       struct hub_answer *ret, struct kit_err *err);
void hub_answer_done(struct hub_answer *a); /* zeroed is fine */

/* Fills all but the body from a head; what stands there from an earlier hop stays unless the new head says it too. */
void hub_answer_read(struct hub_answer *a, const struct fetch_transfer *t);

#endif
