#include "loop/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kit/alloc.h"
#include "loop/inner.h"

struct loop_stream {
    struct loop_handle handle; /* first */
    uv_poll_t uv;
    const struct loop_stream_events *events;
    void *ctx;
    int fd;
    int mask; /* of uv events that are asked for */
    bool is_socket;
    bool want_read, want_write;
    bool left; /* the peer's end was seen; asking for it again would wake the loop for ever */
    bool eof;  /* it was read */
};

static void free_stream(struct loop_handle *h)
{
    struct loop_stream *s = KIT_CONTAINER(h, struct loop_stream, handle);
    if (s->fd >= 0) {
        close(s->fd); /* loop_free closed the handle */
    }
    kit_alloc_free(s);
}

static void happened(uv_poll_t *uv, int status, int events);

/* Something is always asked for, so that a reset wakes us: epoll tells errors with anything. After the peer's end that
 * is urgent data, which no peer of ours sends. */
static void update_mask(struct loop_stream *s)
{
    int mask = s->want_write ? UV_WRITABLE : 0;
    if (s->want_read && !s->eof) {
        mask |= UV_READABLE;
    } else if (!s->left) {
        mask |= UV_DISCONNECT;
    } else {
        mask |= UV_PRIORITIZED;
    }
    if (mask != s->mask) {
        s->mask = mask;
        uv_poll_start(&s->uv, mask, happened); /* fails only for a handle that is closing */
    }
}

static bool is_live(const struct loop_stream *s)
{
    return s->handle.life == LOOP_LIVE;
}

static void tell(struct loop_stream *s, int status, int events)
{
    if (status < 0 || (events & UV_PRIORITIZED) != 0) {
        s->events->gone(s->ctx);
        return;
    }
    if ((events & UV_WRITABLE) != 0 && s->want_write) {
        s->events->writable(s->ctx);
    }
    if (is_live(s) && (events & UV_READABLE) != 0 && s->want_read) {
        s->events->readable(s->ctx);
    }
    if (is_live(s) && (events & UV_DISCONNECT) != 0 && !s->left) {
        s->left = true;
        update_mask(s);
        s->events->left(s->ctx);
    }
}

static void happened(uv_poll_t *uv, int status, int events)
{
    struct loop_stream *s = KIT_CONTAINER(uv, struct loop_stream, uv);
    if (is_live(s)) {
        struct loop *l = s->handle.loop;
        loop_enter(l);
        tell(s, status, events); /* may close s: it is freed later, by its close callback */
        loop_leave(l);
    }
}

static bool is_socket(int fd)
{
    int type;
    socklen_t len = sizeof(type);
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0;
}

enum kit_status loop_stream_new(struct loop *l, int fd, const struct loop_stream_events *events, void *ctx,
                                struct loop_stream **ret, struct kit_err *err)
{
    LOOP_ASSERT_HERE(l);
    struct loop_stream *s = kit_alloc_zero(1, sizeof(*s));
    int rc = s == NULL ? UV_ENOMEM : uv_poll_init(&l->uv, &s->uv, fd); /* makes fd non-blocking */
    if (rc != 0) {
        kit_alloc_free(s);
        return kit_fail(err, rc == UV_ENOMEM ? KIT_NOMEM : KIT_IO, "stream of a loop: %s", uv_strerror(rc));
    }
    loop_handle_init(&s->handle, l, free_stream, (uv_handle_t *)&s->uv);
    s->events = events;
    s->ctx = ctx;
    s->fd = fd;
    s->is_socket = is_socket(fd);
    update_mask(s);
    *ret = s;
    return KIT_OK;
}

void loop_stream_want(struct loop_stream *s, bool read, bool write)
{
    LOOP_ASSERT_HERE(s->handle.loop);
    assert(is_live(s));
    s->want_read = read;
    s->want_write = write;
    update_mask(s);
}

static bool try_again(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK;
}

enum loop_io loop_stream_read(struct loop_stream *s, char *to, size_t room, size_t *got)
{
    assert(is_live(s));
    ssize_t n;
    do {
        n = read(s->fd, to, room);
    } while (n < 0 && errno == EINTR);
    if (n > 0) {
        *got = (size_t)n;
        return LOOP_IO_OK;
    }
    if (n < 0) {
        return try_again(errno) ? LOOP_IO_AGAIN : LOOP_IO_GONE;
    }
    s->left = s->eof = true;
    update_mask(s);
    return LOOP_IO_EOF;
}

enum loop_io loop_stream_write(struct loop_stream *s, const struct iovec *iov, int count, size_t *wrote)
{
    assert(is_live(s) && count <= LOOP_STREAM_IOV_MAX);
    ssize_t n;
    do {
        n = count == 1 ? write(s->fd, iov->iov_base, iov->iov_len) : writev(s->fd, iov, count);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return try_again(errno) ? LOOP_IO_AGAIN : LOOP_IO_GONE;
    }
    *wrote = (size_t)n;
    return LOOP_IO_OK;
}

void loop_stream_finish(struct loop_stream *s)
{
    if (is_live(s) && s->is_socket) {
        shutdown(s->fd, SHUT_WR); /* fails only when the peer has gone: an event tells */
    }
}

void loop_stream_close(struct loop_stream *s)
{
    if (s != NULL && is_live(s)) {
        LOOP_ASSERT_HERE(s->handle.loop);
        loop_handle_close(&s->handle, (uv_handle_t *)&s->uv); /* stops polling at once, so that fd may be closed */
        close(s->fd);
        s->fd = -1;
    }
}

void loop_stream_reset(struct loop_stream *s)
{
    if (s != NULL && is_live(s)) {
        struct linger hard = {.l_onoff = 1, .l_linger = 0};
        setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
        loop_stream_close(s);
    }
}

int loop_stream_fd(const struct loop_stream *s)
{
    return s->fd;
}
