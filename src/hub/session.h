/* src/hub/session.h - how one pull talks to the hub: what a request carries, what an answer means, and when to ask again.
 * For src/hub/ only.
 *
 * Thread: the pull's. Memory: borrowed from the pull. */
#ifndef HUB_SESSION_H
#define HUB_SESSION_H

#include "fetch/group.h"
#include "hub/hub.h"
#include "hub/route.h"

#define HUB_RETRY_AFTER_MAX_S 120 /* who wants to be asked later than that is not asked again */

struct hub_session {
    const struct hub_options *o;
    const struct hub_wish *wish;
    struct fetch_group *group; /* owned by the pull */
    uint64_t done, total;      /* for progress */
};

/* Lets transfers go on, waiting a moment for news unless there is other work to do (busy), and tells the progress.
 * CANCELLED: the caller of hub_pull wants no more. */
KIT_MUST_CHECK enum kit_status hub_session_turn(struct hub_session *s, bool busy, struct kit_err *err);

/* Starts a request along the route: address, fields and time-outs are filled into `ask`, which brings method and
 * callbacks. The token goes along only where the route has not left the hub. range: "bytes=0-99"; NULL: all. NOMEM. */
KIT_MUST_CHECK enum kit_status hub_session_start(struct hub_session *s, const struct hub_route *r,
                                                 struct fetch_group_request *ask, const char *range,
                                                 struct fetch_transfer **ret, struct kit_err *err);

/* What the end of a transfer means. */
enum hub_outcome {
    HUB_DONE,   /* 2xx */
    HUB_FOLLOW, /* the route leads on */
    HUB_AGAIN,  /* it may be different in a moment: see retry_after_s */
    HUB_FAILED, /* it will not: see err */
};
struct hub_verdict {
    enum hub_outcome outcome;
    struct kit_err err; /* of AGAIN and FAILED */
    uint32_t retry_after_s;
};
/* Called in `done` with what that is given; r: where it went, led on for FOLLOW. A transfer that its own receiver has
 * ended is FAILED as CANCELLED: the receiver knows why. */
void hub_session_judge(const struct hub_session *s, struct hub_route *r, const struct fetch_transfer *t,
                       enum kit_status rc, const struct kit_err *err, struct hub_verdict *ret);

/* How long to wait before try n (from 1): doubled each time, and no less than the server asks for. */
uint64_t hub_session_wait_ns(const struct hub_session *s, uint32_t n, uint32_t retry_after_s);

#endif
