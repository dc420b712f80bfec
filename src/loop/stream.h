/* src/loop/stream.h - bytes in both directions over a socket or pipe of a loop, without waiting.
 *
 * Reading and writing are calls that do what is possible now; events say when to call again. There is no queue in
 * here: whoever writes keeps what was not taken. The peer's leaving is noticed also while nobody reads, so that work
 * for a client that has left can stop at once: as `left` (it has sent its last byte: closed, or half-closed) and as
 * `gone` (reset, or both directions are dead).
 * Thread: the loop's. Memory: freed by the loop after close; no event comes after close. */
#ifndef LOOP_STREAM_H
#define LOOP_STREAM_H

#include <sys/uio.h>

#include "loop/loop.h"

struct loop_stream;

enum loop_io {
    LOOP_IO_OK,
    LOOP_IO_AGAIN, /* nothing possible now */
    LOOP_IO_EOF,   /* reading: the peer has sent its last byte */
    LOOP_IO_GONE,  /* reset or failed: close it */
};

/* Each may close the stream. */
struct loop_stream_events {
    void (*readable)(void *ctx);
    void (*writable)(void *ctx);
    void (*left)(void *ctx); /* seen while reading was off; bytes may wait to be read before it */
    void (*gone)(void *ctx);
};

/* Takes over fd (socket, pipe; made non-blocking), also for closing. Nothing is wanted yet. On failure the caller keeps
 * fd. IO, NOMEM. events: borrowed for ever. */
KIT_MUST_CHECK enum kit_status loop_stream_new(struct loop *l, int fd, const struct loop_stream_events *events,
                                               void *ctx, struct loop_stream **ret, struct kit_err *err);
/* Which events are wanted. `read` has no effect after EOF. While a stream is open, `left` and `gone` come anyway. */
void loop_stream_want(struct loop_stream *s, bool read, bool write);
/* OK: *got bytes, at least 1. */
KIT_MUST_CHECK enum loop_io loop_stream_read(struct loop_stream *s, char *to, size_t room, size_t *got);
/* OK: *wrote bytes, at least 1 and perhaps fewer than all. count: at most LOOP_STREAM_IOV_MAX. */
#define LOOP_STREAM_IOV_MAX 64
KIT_MUST_CHECK enum loop_io loop_stream_write(struct loop_stream *s, const struct iovec *iov, int count, size_t *wrote);
void loop_stream_finish(struct loop_stream *s);  /* sends the end of our bytes; reading goes on */
void loop_stream_close(struct loop_stream *s);   /* NULL is fine */
void loop_stream_reset(struct loop_stream *s);   /* closes so that a TCP peer sees an error instead of an end */
int loop_stream_fd(const struct loop_stream *s); /* borrowed */

#endif
