/* src/guard/guard.h - the gate of one loop's HTTP server: http_options.admit.
 *
 * For each request, in this order: its Host must be one of ours (421); a page of another origin may ask only when it is
 * listed (403), and then gets the fields that browsers want (CORS, preflights too); who asks for more than an open route
 * shows the key, if there is one (401): "Authorization: Bearer KEY", "X-Api-Key: KEY", or, for the WebSocket of a browser,
 * which can set no field, a subprotocol "heimnetz.key." and the key in base64url beside the one that it wants to speak.
 * Source: RFC 9110 (421, 401), RFC 6750 (Bearer), WHATWG Fetch (CORS). Thread: the loop's. Memory: holds a reference to its
 * rules. */
#ifndef GUARD_GUARD_H
#define GUARD_GUARD_H

#include "guard/rules.h"
#include "http/message.h"

struct guard {
    struct guard_rules *rules; /* a reference */
    char host[64];             /* the last Host that they allowed: most clients send the same */
    size_t host_len;
};

/* Takes over the reference. */
void guard_init(struct guard *g, struct guard_rules *rules);
void guard_done(struct guard *g); /* zeroed is fine */
/* From the next request on. Takes over the reference. */
void guard_set(struct guard *g, struct guard_rules *rules);

/* For http_options.admit; ctx: the struct guard. Sets r->principal ("key-…"). Errors: MISDIRECTED, DENIED, UNAUTHORIZED, each
 * with its remedy; NOMEM. */
enum kit_status guard_admit(struct http_request *r, void *ctx, struct kit_err *err);

#endif
