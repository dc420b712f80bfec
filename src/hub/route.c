#include "hub/route.h"

#include <stdio.h>
#include <string.h>

#include "fetch/url.h"

enum kit_status hub_route_start(struct hub_route *r, const char *endpoint, kit_str path, struct kit_err *err)
{
    int len = snprintf(r->url, sizeof(r->url), "%s%.*s", endpoint, KIT_STR_ARG(path));
    r->hops = 0;
    r->away = false;
    return len < (int)sizeof(r->url) ? KIT_OK : kit_fail(err, KIT_INVALID, "an address on the hub is too long");
}

enum kit_status hub_route_follow(struct hub_route *r, const char *endpoint, const char *to, struct kit_err *err)
{
    if (to == NULL || strlen(to) >= sizeof(r->url)) {
        return kit_fail(err, KIT_IO, "%.100s redirects to nowhere", r->url);
    }
    if (r->hops == HUB_HOPS_MAX) {
        return kit_fail(err, KIT_IO, "%.100s redirects in circles: %d redirects were followed", r->url, HUB_HOPS_MAX);
    }
    if (!fetch_url_is_http(to) && !fetch_url_is_https(to)) {
        return kit_fail(err, KIT_IO, "%.100s redirects to what is no http(s) address, which is not followed", r->url);
    }
    if (fetch_url_is_https(r->url) && !fetch_url_is_https(to)) {
        return kit_fail(err, KIT_IO, "%.100s redirects from https to http, which is not followed", r->url);
    }
    kit_str_to_c(kit_str_c(to), r->url, sizeof(r->url));
    r->hops++;
    r->away = !fetch_url_same_origin(to, endpoint);
    return KIT_OK;
}
