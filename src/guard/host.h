/* src/guard/host.h - names of servers: what stands in Host, in Origin, and in lists of those that are allowed.
 *
 * Thread: any; pure. Memory: slices are borrowed from what they were cut out of. */
#ifndef GUARD_HOST_H
#define GUARD_HOST_H

#include "kit/str.h"

struct guard_host {
    kit_str name; /* without port and brackets, without a dot at the end */
    kit_str port; /* digits; empty when there is none */
};

/* "name", "name:8001", "127.0.0.1:8001", "[::1]:8001". False: it is none of these. */
bool guard_host_parse(kit_str text, struct guard_host *ret);
/* An IPv4 or IPv6 address, as opposed to a name that somebody could point anywhere. */
bool guard_host_is_address(kit_str name);
/* "localhost", what ends in ".localhost" (RFC 6761, section 6.3), 127.0.0.0/8, ::1. */
bool guard_host_is_loopback(kit_str name);
/* list: names with commas between them; ".example.org" stands for all names below it, "*" for any. */
bool guard_host_is_listed(kit_str name, kit_str list);

/* "https://name:port" as a browser sends it; "null" and others: false. */
bool guard_host_parse_origin(kit_str origin, kit_str *scheme, struct guard_host *ret);
/* Is a page of this origin a page of `host`? Ports compare with the scheme's own (80, 443) where they are left out. */
bool guard_host_is_own_origin(kit_str origin, kit_str host);
/* list: origins with commas between them, compared whole; "*" for any. */
bool guard_host_is_listed_origin(kit_str origin, kit_str list);
/* Each entry is "*", "null" or an origin? *wrong: the first that is not. */
bool guard_host_check_origins(kit_str list, kit_str *wrong);

#endif
