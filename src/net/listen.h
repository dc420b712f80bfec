/* src/net/listen.h - sockets that accept TCP connections.
 *
 * Several listeners of one process may share an address (SO_REUSEPORT; the kernel spreads connections over them); an
 * address that another process has is an error all the same. Thread: the loop's; new may block on a name.
 * Memory: owned by its maker until net_listen_close. */
#ifndef NET_LISTEN_H
#define NET_LISTEN_H

#include "loop/loop.h"

struct net_listen;

#define NET_PEER_BYTES 64 /* "[2001:db8::1%eth0]:52044" and an ending NUL */

/* An accepted connection; fd is the callee's. peer: NUL-ended, borrowed until it returns. */
typedef void net_listen_accept(void *ctx, int fd, const char *peer);

/* host: an IPv4 or IPv6 address (with or without brackets), or a name, which may stand for one of each (localhost).
 * port 0 picks one; *port_ret is what was bound. A peer that does not acknowledge what was sent for dead_after_ms, at
 * least a minute, counts as gone (TCP_USER_TIMEOUT); one that is silent is asked after 20 to 40 s whether it is there,
 * three times (TCP keep-alive).
 * Errors: IO ("127.0.0.1:8001: address already in use"), NOT_FOUND (no such name), NOMEM. */
KIT_MUST_CHECK enum kit_status net_listen_new(struct loop *l, const char *host, uint16_t port, uint32_t dead_after_ms,
                                              net_listen_accept *accepted, void *ctx, struct net_listen **ret,
                                              uint16_t *port_ret, struct kit_err *err);
void net_listen_close(struct net_listen *n); /* NULL is fine */
/* The same, after the connections that the kernel has completed have been accepted: nobody who is through is turned away. */
void net_listen_finish(struct net_listen *n); /* NULL is fine */

#endif
