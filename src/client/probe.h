/* src/client/probe.h - is a server that speaks no HTTP there, and does it do its work? One exchange over a plain socket.
 *
 * Blocking. Thread: any. Memory: none. */
#ifndef CLIENT_PROBE_H
#define CLIENT_PROBE_H

#include "kit/status.h"

#define CLIENT_VERSION_BYTES 48

struct client_probe {
    char version[CLIENT_VERSION_BYTES]; /* "" where it does not say */
    uint64_t total_ns;                  /* from the start to the last byte */
};

/* "redis://[[USER]:PASSWORD@]HOST[:6379][/…]": AUTH when there is a password, PING, INFO server (Redis serialization
 * protocol). UNAVAILABLE: nothing listens; TIMEOUT; DENIED: it wants another password; IO: it says that it is not well, or
 * speaks something else; INVALID: the address. timeout_ms: of connecting, and of each answer. */
KIT_MUST_CHECK enum kit_status client_probe_redis(const char *url, uint32_t timeout_ms, struct client_probe *ret,
                                                  struct kit_err *err);
/* "postgres://…@HOST[:5432]/…" or "postgresql://…": SSLRequest, which a server answers before anyone logs in
 * (PostgreSQL documentation, message formats). Errors as above, without DENIED. */
KIT_MUST_CHECK enum kit_status client_probe_postgres(const char *url, uint32_t timeout_ms, struct client_probe *ret,
                                                     struct kit_err *err);

/* The address without user, password and what is behind host and port, for showing: "redis://db:6379". Returns buf. */
char *client_probe_show(const char *url, char *buf, size_t size);

#endif
