/* src/client/client.h - AetherCore seen from outside: what a program needs to talk to it.
 *
 * Blocking. Thread: any, one call at a time for one client. Memory: documents are the caller's (kit_json_free). */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include "kit/json.h"

#define CLIENT_URL_BYTES 512

struct client {
    char url[CLIENT_URL_BYTES]; /* "http://127.0.0.1:8001", no slash at the end */
    const char *key;            /* sent as bearer token; NULL: none; borrowed */
    uint32_t timeout_ms;        /* of one call; 0: none */
};

/* INVALID: not an http(s) address, or too long. */
KIT_MUST_CHECK enum kit_status client_init(struct client *c, const char *url, const char *key, struct kit_err *err);

struct client_answer {
    int status;               /* HTTP; 0: nothing answered */
    struct kit_json_doc *doc; /* owned; NULL when the body is no JSON */
    char *text;               /* owned: the body, NUL-ended */
    uint64_t total_ns;
};
void client_answer_done(struct client_answer *a); /* zeroed is fine */

/* method "GET" or "POST"; path begins with '/'. Fails as fetch_run does when nothing answers; an error that the server
 * states (4xx, 5xx with {"error":…}) comes back as the status of the same name with the server's message, and *ret is
 * filled too. */
KIT_MUST_CHECK enum kit_status client_call(struct client *c, const char *method, const char *path, kit_str body,
                                           struct client_answer *ret, struct kit_err *err);

/* Writes "/models/<id>/<action>" with the id percent-encoded ('/' stays). INVALID: too long. */
KIT_MUST_CHECK enum kit_status client_model_path(kit_str id, const char *action, char *ret, size_t size,
                                                 struct kit_err *err);

/* Follows server-sent events of a path until the server ends them or fn returns false: both OK. data: one event's JSON,
 * borrowed; events that are no JSON, as OpenAI's "[DONE]", are passed over. No time-out. Errors as client_call. */
KIT_MUST_CHECK enum kit_status client_events(struct client *c, const char *path, bool (*fn)(void *ctx, kit_json data),
                                             void *ctx, struct kit_err *err);

struct client_following {
    bool (*fn)(void *ctx, kit_json data); /* as above */
    /* Asked whenever something came and when a signal came; true closes the connection, which ends the work at the server:
     * CANCELLED. NULL: never. */
    bool (*stop)(void *ctx);
    void *ctx;
    int status; /* out: HTTP; 0: nothing answered */
};
/* The same for the answer to a POST. */
KIT_MUST_CHECK enum kit_status client_post_events(struct client *c, const char *path, kit_str body,
                                                  struct client_following *f, struct kit_err *err);

#endif
