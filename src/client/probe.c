#include "client/probe.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kit/clock.h"
#include "kit/str.h"

#define HOST_BYTES 256
#define SECRET_BYTES 512
#define ANSWER_BYTES 8192

struct address {
    char host[HOST_BYTES], port[8];
    char user[SECRET_BYTES], password[SECRET_BYTES]; /* "" when there is none */
};

/* --- the address --- */

/* "scheme://user:password@host:port/rest" taken apart; what is not there is empty. */
struct url_parts {
    kit_str scheme, user, password, host, port;
};

static size_t find_last(kit_str s, char c)
{
    for (size_t i = s.len; i > 0; i--) {
        if (s.ptr[i - 1] == c) {
            return i - 1;
        }
    }
    return s.len;
}

static struct url_parts split(kit_str url)
{
    struct url_parts p = {0};
    size_t scheme = kit_str_find(url, kit_str_lit("://"));
    p.scheme = kit_str_sub(url, 0, scheme);
    kit_str rest = kit_str_sub(url, scheme + 3, url.len);
    rest = kit_str_sub(rest, 0, kit_str_find_char(rest, '/'));
    rest = kit_str_sub(rest, 0, kit_str_find_char(rest, '?'));
    size_t at = find_last(rest, '@');
    if (at < rest.len) {
        kit_str login = kit_str_sub(rest, 0, at);
        size_t colon = kit_str_find_char(login, ':');
        p.user = kit_str_sub(login, 0, colon);
        p.password = kit_str_sub(login, colon + 1, login.len);
        rest = kit_str_sub(rest, at + 1, rest.len);
    }
    size_t bracket = kit_str_starts(rest, kit_str_lit("[")) ? kit_str_find_char(rest, ']') : 0; /* an IPv6 address */
    kit_str behind = kit_str_sub(rest, bracket, rest.len);
    size_t colon = bracket + kit_str_find_char(behind, ':');
    p.host = bracket > 0 ? kit_str_sub(rest, 1, bracket - 1) : kit_str_sub(rest, 0, colon);
    p.port = kit_str_sub(rest, colon + 1, rest.len);
    return p;
}

char *client_probe_show(const char *url, char *buf, size_t size)
{
    struct url_parts p = split(kit_str_c(url));
    bool v6 = kit_str_find_char(p.host, ':') < p.host.len;
    snprintf(buf, size, "%.*s://%s%.*s%s%s%.*s", KIT_STR_ARG(p.scheme), v6 ? "[" : "", KIT_STR_ARG(p.host),
             v6 ? "]" : "", p.port.len > 0 ? ":" : "", KIT_STR_ARG(p.port));
    return buf;
}

static enum kit_status read_address(const char *url, const char *port, struct address *ret, struct kit_err *err)
{
    struct url_parts p = split(kit_str_c(url));
    uint64_t number = 0;
    if (p.host.len == 0 || p.host.len >= HOST_BYTES || p.user.len >= SECRET_BYTES || p.password.len >= SECRET_BYTES ||
        (p.port.len > 0 && (kit_str_to_u64(p.port, &number) != KIT_OK || number == 0 || number > 65535))) {
        return kit_fail(err, KIT_INVALID, "that is not an address: %.*s://HOST:PORT is expected",
                        KIT_STR_ARG(p.scheme));
    }
    kit_str_to_c(p.host, ret->host, sizeof(ret->host));
    kit_str_to_c(p.user, ret->user, sizeof(ret->user));
    kit_str_to_c(p.password, ret->password, sizeof(ret->password));
    kit_str_to_c(p.port.len > 0 ? p.port : kit_str_c(port), ret->port, sizeof(ret->port));
    return KIT_OK;
}

/* --- the socket --- */

/* True: ready for `events`, or failed, before the time is over. */
static bool wait_for(int fd, short events, uint64_t until_ns)
{
    struct pollfd p = {.fd = fd, .events = events};
    for (;;) {
        uint64_t now_ns = kit_clock_ns();
        uint64_t left_ms = now_ns < until_ns ? (until_ns - now_ns) / KIT_NS_PER_MS + 1 : 0;
        int n = poll(&p, 1, (int)KIT_MIN(left_ms, (uint64_t)INT32_MAX));
        if (n > 0 || (n == 0 && left_ms == 0)) {
            return n > 0;
        }
        if (n < 0 && errno != EINTR) {
            return false;
        }
    }
}

/* A socket connected to one of the host's addresses, or the last one's error, negative. */
static int connect_to(const struct addrinfo *to, uint32_t timeout_ms)
{
    int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -errno;
    }
    int error = connect(fd, to->ai_addr, to->ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
        socklen_t len = sizeof(error);
        bool ready = wait_for(fd, POLLOUT, kit_clock_ns() + timeout_ms * KIT_NS_PER_MS);
        error = !ready ? ETIMEDOUT : getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 ? errno : error;
    }
    if (error != 0) {
        close(fd);
        return -error;
    }
    return fd;
}

static enum kit_status open_socket(const struct address *a, uint32_t timeout_ms, int *ret, struct kit_err *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    if (getaddrinfo(a->host, a->port, &hints, &list) != 0) {
        return kit_fail(err, KIT_UNAVAILABLE, "%s: no such host", a->host);
    }
    int fd = -ECONNREFUSED;
    for (const struct addrinfo *to = list; to != NULL && fd < 0; to = to->ai_next) {
        fd = connect_to(to, timeout_ms);
    }
    freeaddrinfo(list);
    if (fd < 0) {
        return kit_fail(err, fd == -ETIMEDOUT ? KIT_TIMEOUT : KIT_UNAVAILABLE, "nothing answers at %s:%s", a->host,
                        a->port);
    }
    *ret = fd;
    return KIT_OK;
}

static enum kit_status say(int fd, const void *bytes, size_t len, struct kit_err *err)
{
    ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL); /* a few bytes on a new connection always fit */
    return n == (ssize_t)len ? KIT_OK : kit_fail(err, KIT_IO, "the connection was cut off");
}

/* Reads until `done` says that the answer is whole, at most size - 1 bytes; NUL-ended. */
static enum kit_status hear(int fd, uint32_t timeout_ms, bool (*done)(kit_str so_far), char *buf, size_t size,
                            struct kit_err *err)
{
    uint64_t until_ns = kit_clock_ns() + timeout_ms * KIT_NS_PER_MS;
    size_t used = 0;
    buf[0] = '\0';
    while (used + 1 < size && !done((kit_str){.ptr = buf, .len = used})) {
        if (!wait_for(fd, POLLIN, until_ns)) {
            return kit_fail(err, KIT_TIMEOUT, "it does not answer in time");
        }
        ssize_t n = recv(fd, buf + used, size - 1 - used, 0);
        if (n <= 0) {
            return kit_fail(err, KIT_IO, "the connection was cut off");
        }
        used += (size_t)n;
        buf[used] = '\0';
    }
    return KIT_OK;
}

/* --- redis --- */

static bool is_line(kit_str s)
{
    return kit_str_ends(s, kit_str_lit("\r\n"));
}

/* "$123\r\n" and 123 bytes and "\r\n", or a line of another kind. */
static bool is_bulk(kit_str s)
{
    uint64_t bytes = 0;
    size_t end = kit_str_find(s, kit_str_lit("\r\n"));
    if (end == s.len) {
        return false;
    }
    return s.ptr[0] != '$' || kit_str_to_u64(kit_str_sub(s, 1, end - 1), &bytes) != KIT_OK || s.len >= end + 4 + bytes;
}

/* An array of strings, as commands are sent: a password may hold anything. */
static size_t write_auth(const struct address *a, char *buf, size_t size)
{
    int n = a->user[0] == '\0'
                ? snprintf(buf, size, "*2\r\n$4\r\nAUTH\r\n$%zu\r\n%s\r\n", strlen(a->password), a->password)
                : snprintf(buf, size, "*3\r\n$4\r\nAUTH\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n", strlen(a->user), a->user,
                           strlen(a->password), a->password);
    return (size_t)n;
}

static enum kit_status redis_said(const char *answer, struct kit_err *err)
{
    bool refused = strncmp(answer, "-NOAUTH", 7) == 0 || strncmp(answer, "-WRONGPASS", 10) == 0 ||
                   strncmp(answer, "-NOPERM", 7) == 0;
    if (refused) {
        return kit_fail(err, KIT_DENIED, "it wants another password");
    }
    if (answer[0] == '-') {
        return kit_fail(err, KIT_IO, "it says: %.*s", (int)strcspn(answer + 1, "\r\n"), answer + 1);
    }
    return answer[0] == '+' || answer[0] == '$' ? KIT_OK : kit_fail(err, KIT_IO, "what answers is no Redis server");
}

static enum kit_status redis_ask(int fd, const char *bytes, size_t len, bool (*done)(kit_str), uint32_t timeout_ms,
                                 char answer[ANSWER_BYTES], struct kit_err *err)
{
    enum kit_status rc = say(fd, bytes, len, err);
    rc = rc == KIT_OK ? hear(fd, timeout_ms, done, answer, ANSWER_BYTES, err) : rc;
    return rc == KIT_OK ? redis_said(answer, err) : rc;
}

static enum kit_status redis_talk(int fd, const struct address *a, uint32_t timeout_ms, struct client_probe *ret,
                                  struct kit_err *err)
{
    char answer[ANSWER_BYTES], auth[2 * SECRET_BYTES + 64];
    enum kit_status rc = KIT_OK;
    if (a->password[0] != '\0') {
        rc = redis_ask(fd, auth, write_auth(a, auth, sizeof(auth)), is_line, timeout_ms, answer, err);
    }
    rc = rc == KIT_OK ? redis_ask(fd, "PING\r\n", 6, is_line, timeout_ms, answer, err) : rc;
    if (rc != KIT_OK) {
        return rc;
    }
    if (redis_ask(fd, "INFO server\r\n", 13, is_bulk, timeout_ms, answer, NULL) == KIT_OK) {
        const char *at = strstr(answer, "redis_version:");
        at = at != NULL ? at + strlen("redis_version:") : "";
        kit_str_to_c((kit_str){.ptr = at, .len = strcspn(at, "\r\n")}, ret->version, sizeof(ret->version));
    }
    return KIT_OK;
}

enum kit_status client_probe_redis(const char *url, uint32_t timeout_ms, struct client_probe *ret, struct kit_err *err)
{
    struct address a;
    int fd = -1;
    uint64_t started_ns = kit_clock_ns();
    *ret = (struct client_probe){0};
    enum kit_status rc = read_address(url, "6379", &a, err);
    rc = rc == KIT_OK ? open_socket(&a, timeout_ms, &fd, err) : rc;
    if (rc == KIT_OK) {
        rc = redis_talk(fd, &a, timeout_ms, ret, err);
        close(fd);
    }
    ret->total_ns = kit_clock_ns() - started_ns;
    return rc;
}

/* --- postgres --- */

static bool is_byte(kit_str s)
{
    return s.len > 0;
}

enum kit_status client_probe_postgres(const char *url, uint32_t timeout_ms, struct client_probe *ret,
                                      struct kit_err *err)
{
    static const unsigned char ssl_request[] = {0, 0, 0, 8, 0x04, 0xD2, 0x16, 0x2F}; /* length 8, code 80877103 */
    struct address a;
    char answer[2];
    int fd = -1;
    uint64_t started_ns = kit_clock_ns();
    *ret = (struct client_probe){0};
    enum kit_status rc = read_address(url, "5432", &a, err);
    rc = rc == KIT_OK ? open_socket(&a, timeout_ms, &fd, err) : rc;
    if (rc == KIT_OK) {
        rc = say(fd, ssl_request, sizeof(ssl_request), err);
        rc = rc == KIT_OK ? hear(fd, timeout_ms, is_byte, answer, sizeof(answer), err) : rc;
        if (rc == KIT_OK && answer[0] != 'S' && answer[0] != 'N' && answer[0] != 'E') {
            rc = kit_fail(err, KIT_IO, "what answers is no PostgreSQL server");
        }
        close(fd);
    }
    ret->total_ns = kit_clock_ns() - started_ns;
    return rc;
}
