#include "net/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kit/alloc.h"
#include "kit/log.h"
#include "kit/num.h"
#include "kit/str.h"
#include "kit/sync.h"
#include "loop/stream.h"
#include "loop/timer.h"

#define SOCKETS_MAX 4  /* addresses of one name */
#define BACKLOG 4096   /* the kernel cuts it to net.core.somaxconn */
#define ACCEPTS_MAX 64 /* in one callback */
#define PAUSE_MS 100   /* after the system had no descriptor or memory left */
#define HOST_BYTES_MAX 256
#define KEEPALIVE_IDLE_S 20
#define KEEPALIVE_SPREAD_S 20 /* later for some: thousands that came together must not all be asked in one moment */
#define KEEPALIVE_EVERY_S 7
#define KEEPALIVE_COUNT 3
#define KEEPALIVE_MS (1000 * (KEEPALIVE_IDLE_S + KEEPALIVE_SPREAD_S + KEEPALIVE_COUNT * KEEPALIVE_EVERY_S))

struct listener {
    struct net_listen *owner;
    struct loop_stream *stream; /* owned; NULL: unused */
    struct sockaddr_storage address;
    socklen_t address_bytes;
};

struct net_listen {
    struct net_listen *next; /* of `live` */
    struct loop *loop;
    net_listen_accept *accepted;
    void *ctx;
    struct loop_timer *resume;
    bool closed; /* while accepting: the callee closed us */
    bool accepting;
    uint32_t dead_after_ms;
    uint8_t accepts; /* counted, over and over */
    uint32_t count;
    struct listener listener[SOCKETS_MAX];
};

/* The listeners of this process, so that a second one on an address of ours may share it, while another process's
 * address is refused. A mutex, because each loop has its own listener and they start on their own threads. */
static struct kit_mutex live_mutex = {PTHREAD_MUTEX_INITIALIZER};
static struct net_listen *live;

static void live_add(struct net_listen *n)
{
    kit_mutex_lock(&live_mutex);
    n->next = live;
    live = n;
    kit_mutex_unlock(&live_mutex);
}

static void live_remove(struct net_listen *n)
{
    kit_mutex_lock(&live_mutex);
    for (struct net_listen **at = &live; *at != NULL; at = &(*at)->next) {
        if (*at == n) {
            *at = n->next;
            break;
        }
    }
    kit_mutex_unlock(&live_mutex);
}

static bool same_address(const struct listener *at, const struct sockaddr *address, socklen_t bytes)
{
    return at->address_bytes == bytes && memcmp(&at->address, address, bytes) == 0;
}

static bool is_ours(const struct sockaddr *address, socklen_t bytes)
{
    bool found = false;
    kit_mutex_lock(&live_mutex);
    for (const struct net_listen *n = live; n != NULL && !found; n = n->next) {
        for (uint32_t i = 0; i < n->count && !found; i++) {
            found = same_address(&n->listener[i], address, bytes);
        }
    }
    kit_mutex_unlock(&live_mutex);
    return found;
}

/* --- accepting --- */

static void peer_text(const struct sockaddr_storage *from, char text[NET_PEER_BYTES])
{
    char host[INET6_ADDRSTRLEN] = "?", digits[KIT_NUM_BYTES];
    bool v6 = from->ss_family == AF_INET6;
    const struct sockaddr_in *in = (const struct sockaddr_in *)from;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;
    inet_ntop(from->ss_family, v6 ? (const void *)&in6->sin6_addr : (const void *)&in->sin_addr, host, sizeof(host));
    size_t len = kit_num_u64(ntohs(v6 ? in6->sin6_port : in->sin_port), digits);
    snprintf(text, NET_PEER_BYTES, v6 ? "[%s]:%.*s" : "%s:%.*s", host, (int)len, digits);
}

static void want(struct net_listen *n, bool read)
{
    for (uint32_t i = 0; i < n->count; i++) {
        loop_stream_want(n->listener[i].stream, read, false);
    }
}

static void resume(void *ctx)
{
    want(ctx, true);
}

/* No descriptor or memory is left: connections wait in the backlog meanwhile. */
static void pause_accepting(struct net_listen *n, int error)
{
    LOG_WARN("net.accept_paused", "why=%s ms=%d", LOG_QUOTE(strerror(error)), PAUSE_MS);
    want(n, false);
    loop_timer_start(n->resume, PAUSE_MS, 0);
}

static void set_option(int fd, int level, int name, int value)
{
    setsockopt(fd, level, name, &value, sizeof(value)); /* each is a refinement: the socket works without */
}

static bool accept_one(struct net_listen *n, int fd)
{
    struct sockaddr_storage from = {0};
    socklen_t bytes = sizeof(from);
    int conn = accept4(fd, (struct sockaddr *)&from, &bytes, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (conn >= 0) {
        char peer[NET_PEER_BYTES];
        peer_text(&from, peer);
        set_option(conn, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S + n->accepts++ % KEEPALIVE_SPREAD_S);
        n->accepted(n->ctx, conn, peer);
        return true;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        pause_accepting(n, errno);
        return false;
    }
    return errno != EAGAIN && errno != EWOULDBLOCK; /* anything else is about that one connection */
}

static void readable(void *ctx)
{
    struct listener *at = ctx;
    struct net_listen *n = at->owner;
    int fd = loop_stream_fd(at->stream);
    n->accepting = true;
    for (int i = 0; i < ACCEPTS_MAX && !n->closed && accept_one(n, fd); i++) {
    }
    n->accepting = false;
    if (n->closed) {
        kit_alloc_free(n);
    }
}

static void ignore(void *ctx)
{
    (void)ctx;
}

static const struct loop_stream_events events = {readable, ignore, ignore, ignore};

/* --- listening --- */

/* What accepted sockets inherit (Linux: all of these). */
static void set_options(const struct net_listen *n, int fd)
{
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_EVERY_S);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT);
    /* It counts for keep-alive, too: were it shorter than all probes, an idle peer would be gone with the first lost one. */
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)KIT_MAX(n->dead_after_ms, (uint32_t)KEEPALIVE_MS));
}

/* The first socket of an address is bound without SO_REUSEPORT, so that binding fails when another process listens
 * there, and is opened for sharing after that. Returns 0 or an errno. */
static int bind_socket(int fd, const struct sockaddr *address, socklen_t bytes)
{
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (address->sa_family == AF_INET6) {
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    }
    if (is_ours(address, bytes)) {
        set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    }
    if (bind(fd, address, bytes) != 0) {
        return errno;
    }
    set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    return listen(fd, BACKLOG) == 0 ? 0 : errno;
}

static uint16_t *port_of(struct sockaddr *address)
{
    return address->sa_family == AF_INET6 ? &((struct sockaddr_in6 *)(void *)address)->sin6_port
                                          : &((struct sockaddr_in *)(void *)address)->sin_port;
}

/* Takes over fd, which listens. */
static enum kit_status add_socket(struct net_listen *n, int fd, struct kit_err *err)
{
    struct listener *at = &n->listener[n->count];
    at->owner = n;
    at->address_bytes = sizeof(at->address);
    getsockname(fd, (struct sockaddr *)&at->address, &at->address_bytes);
    enum kit_status rc = loop_stream_new(n->loop, fd, &events, at, &at->stream, err);
    if (rc != KIT_OK) {
        close(fd);
        return rc;
    }
    loop_stream_want(at->stream, true, false);
    n->count++;
    return KIT_OK;
}

/* *error: an errno when this address cannot be had, 0 when it was added. */
static enum kit_status open_one(struct net_listen *n, const struct addrinfo *info, int *error, struct kit_err *err)
{
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    *error = fd < 0 ? errno : bind_socket(fd, info->ai_addr, info->ai_addrlen);
    if (*error == 0) {
        set_options(n, fd);
        return add_socket(n, fd, err);
    }
    if (fd >= 0) {
        close(fd);
    }
    return KIT_OK;
}

/* A name may stand for an address family that this machine does not have: that one is passed over. */
static bool may_skip(int error)
{
    return error == EADDRNOTAVAIL || error == EAFNOSUPPORT;
}

static enum kit_status open_all(struct net_listen *n, const struct addrinfo *list, const char *host, uint16_t port,
                                struct kit_err *err)
{
    int error = 0;
    for (const struct addrinfo *info = list; info != NULL && n->count < SOCKETS_MAX; info = info->ai_next) {
        *port_of(info->ai_addr) = n->count > 0 ? *port_of((struct sockaddr *)&n->listener[0].address) : htons(port);
        enum kit_status rc = open_one(n, info, &error, err);
        if (rc != KIT_OK) {
            return rc;
        }
        if (error != 0 && !may_skip(error)) {
            break;
        }
    }
    bool failed = n->count == 0 || (error != 0 && !may_skip(error));
    const char *why = error == EADDRINUSE ? "address already in use" : strerror(error);
    bool v6 = strchr(host, ':') != NULL;
    return failed ? kit_fail(err, KIT_IO, v6 ? "[%s]:%u: %s" : "%s:%u: %s", host, port, why) : KIT_OK;
}

static enum kit_status resolve(const char *host, struct addrinfo **ret, struct kit_err *err)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    int rc = getaddrinfo(host, NULL, &hints, ret);
    if (rc == EAI_MEMORY) {
        return kit_fail(err, KIT_NOMEM, "out of memory for an address");
    }
    return rc == 0 ? KIT_OK : kit_fail(err, KIT_NOT_FOUND, "%s: %s", host, gai_strerror(rc));
}

/* "[::1]" without its brackets. */
static void plain_host(const char *host, char name[HOST_BYTES_MAX])
{
    kit_str s = kit_str_c(host);
    bool brackets = s.len > 2 && s.ptr[0] == '[' && s.ptr[s.len - 1] == ']';
    kit_str_to_c(brackets ? kit_str_sub(s, 1, s.len - 2) : s, name, HOST_BYTES_MAX);
}

enum kit_status net_listen_new(struct loop *l, const char *host, uint16_t port, uint32_t dead_after_ms,
                               net_listen_accept *accepted, void *ctx, struct net_listen **ret, uint16_t *port_ret,
                               struct kit_err *err)
{
    char name[HOST_BYTES_MAX];
    struct addrinfo *list = NULL;
    struct net_listen *n = kit_alloc_zero(1, sizeof(*n));
    if (n == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for a listener");
    }
    *n = (struct net_listen){.loop = l, .accepted = accepted, .ctx = ctx, .dead_after_ms = dead_after_ms};
    plain_host(host, name);
    enum kit_status rc = loop_timer_new(l, resume, n, &n->resume);
    if (rc != KIT_OK) {
        kit_fail(err, rc, "out of memory for a listener");
        goto out;
    }
    rc = resolve(name, &list, err);
    if (rc == KIT_OK) {
        rc = open_all(n, list, name, port, err);
        freeaddrinfo(list);
    }
    if (rc == KIT_OK) {
        *port_ret = ntohs(*port_of((struct sockaddr *)&n->listener[0].address));
        live_add(n);
        *ret = n;
        n = NULL; /* the caller's now */
    }
out:
    net_listen_close(n);
    return rc;
}

void net_listen_close(struct net_listen *n)
{
    if (n == NULL) {
        return;
    }
    live_remove(n);
    for (uint32_t i = 0; i < n->count; i++) {
        loop_stream_close(n->listener[i].stream);
    }
    loop_timer_close(n->resume);
    if (n->accepting) {
        n->closed = true; /* freed when the accepting callback returns */
    } else {
        kit_alloc_free(n);
    }
}

void net_listen_finish(struct net_listen *n)
{
    for (uint32_t i = 0; n != NULL && i < n->count; i++) {
        int fd = loop_stream_fd(n->listener[i].stream);
        for (int k = 0; k < BACKLOG && accept_one(n, fd); k++) {
        }
    }
    net_listen_close(n);
}
