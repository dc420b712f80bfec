/* src/hub/route.h - where a request goes, over all its redirects. For src/hub/ only.
 *
 * A renamed repository redirects within the hub; a large file redirects to storage elsewhere, with an address that is
 * signed for a while. Thread: the pull's. Memory: the holder's. */
#ifndef HUB_ROUTE_H
#define HUB_ROUTE_H

#include "fetch/group.h"

#define HUB_URL_BYTES 8192 /* signed addresses are long */
#define HUB_HOPS_MAX 10

struct hub_route {
    char url[HUB_URL_BYTES];
    uint32_t hops;
    bool away; /* scheme, host or port are not the hub's: the token stays here */
};

/* endpoint + path; path: escaped. INVALID: too long. */
KIT_MUST_CHECK enum kit_status hub_route_start(struct hub_route *r, const char *endpoint, kit_str path,
                                               struct kit_err *err);
/* Goes on to where a 3xx answer leads. IO: nowhere, no http(s) address, in circles, or from https to http; r is as it was. */
KIT_MUST_CHECK enum kit_status hub_route_follow(struct hub_route *r, const char *endpoint, const char *to,
                                                struct kit_err *err);

#endif
