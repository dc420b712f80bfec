#include "loop/stream.h"

#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "kit/buf.h"
#include "support/test.h"

struct end {
    struct loop *loop;
    struct loop_stream *stream;
    int fd; /* the other end; blocking */
    int readable, writable, left, gone;
    bool read_all;
    bool close_when_gone;
    struct kit_buf in;
    bool eof;
};

static void on_readable(void *ctx)
{
    struct end *e = ctx;
    char bytes[256];
    size_t got = 0;
    e->readable++;
    if (!e->read_all) {
        return;
    }
    enum loop_io io = loop_stream_read(e->stream, bytes, sizeof(bytes), &got);
    e->eof = e->eof || io == LOOP_IO_EOF;
    if (io == LOOP_IO_OK) {
        kit_buf_add(&e->in, (kit_str){bytes, got});
    }
}

static void on_writable(void *ctx)
{
    struct end *e = ctx;
    e->writable++;
    loop_stream_want(e->stream, false, false);
}

static void on_left(void *ctx)
{
    ((struct end *)ctx)->left++;
}

static void on_gone(void *ctx)
{
    struct end *e = ctx;
    e->gone++;
    if (e->close_when_gone) {
        loop_stream_close(e->stream);
        e->stream = NULL;
    }
}

static const struct loop_stream_events events = {on_readable, on_writable, on_left, on_gone};

static void open_with(struct end *e, int ours, int theirs)
{
    kit_buf_init(&e->in, KIT_MIB);
    e->fd = theirs;
    e->read_all = true;
    assert_int_equal(loop_new(&e->loop, NULL), KIT_OK);
    assert_int_equal(loop_stream_new(e->loop, ours, &events, e, &e->stream, NULL), KIT_OK);
    assert_int_equal(loop_stream_fd(e->stream), ours);
}

static void open_pair(struct end *e)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    open_with(e, fds[0], fds[1]);
}

static void open_tcp(struct end *e)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(at);
    int listener = socket(AF_INET, SOCK_STREAM, 0), theirs = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
    assert_int_equal(connect(theirs, (struct sockaddr *)&at, len), 0);
    int ours = accept(listener, NULL, NULL);
    assert_true(ours >= 0);
    close(listener);
    open_with(e, ours, theirs);
}

static void close_end(struct end *e)
{
    loop_stream_close(e->stream);
    loop_free(e->loop);
    kit_buf_done(&e->in);
    if (e->fd >= 0) {
        close(e->fd);
    }
}

static void turn(struct end *e)
{
    for (int i = 0; i < 20; i++) {
        loop_run_once(e->loop);
    }
}

static void hard_close(int fd)
{
    struct linger hard = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    close(fd);
}

TEST(stream_reads_bytes_then_the_end_and_no_more_after_that)
{
    struct end e = {0};
    open_tcp(&e);
    loop_stream_want(e.stream, true, false);
    assert_int_equal(write(e.fd, "hello", 5), 5);
    shutdown(e.fd, SHUT_WR);
    turn(&e);
    assert_str(kit_buf_str(&e.in), "hello");
    assert_true(e.eof);
    int calls = e.readable;
    loop_stream_want(e.stream, true, false);
    turn(&e);
    assert_int_equal(e.readable, calls);
    assert_int_equal(e.gone, 0);
    close_end(&e);
}

TEST(stream_notices_that_the_peer_left_while_nobody_reads_and_keeps_the_bytes_before)
{
    struct end e = {0};
    open_tcp(&e);
    assert_int_equal(write(e.fd, "abc", 3), 3);
    turn(&e);
    assert_int_equal(e.readable, 0);
    assert_int_equal(e.left, 0);
    shutdown(e.fd, SHUT_WR);
    turn(&e);
    assert_int_equal(e.left, 1); /* once */
    loop_stream_want(e.stream, true, false);
    turn(&e);
    assert_str(kit_buf_str(&e.in), "abc");
    assert_true(e.eof);
    close_end(&e);
}

TEST(stream_notices_a_reset_while_nobody_reads)
{
    struct end e = {.close_when_gone = true};
    open_tcp(&e);
    hard_close(e.fd);
    e.fd = -1;
    turn(&e);
    assert_int_equal(e.gone, 1);
    close_end(&e);
}

TEST(stream_notices_after_the_end_that_a_closed_peer_resets_what_is_written)
{
    struct end e = {.close_when_gone = true};
    struct iovec one = {.iov_base = (void *)(uintptr_t) "H", .iov_len = 1};
    size_t wrote = 0;
    open_tcp(&e);
    loop_stream_want(e.stream, true, false);
    close(e.fd); /* only an end can be seen of this */
    e.fd = -1;
    turn(&e);
    assert_true(e.eof);
    assert_int_equal(e.gone, 0);
    assert_int_equal(loop_stream_write(e.stream, &one, 1, &wrote), LOOP_IO_OK);
    turn(&e);
    assert_int_equal(e.gone, 1);
    close_end(&e);
}

TEST(stream_writes_what_fits_and_tells_when_there_is_room_again)
{
    struct end e = {0};
    static char block[65536];
    struct iovec two[] = {{block, sizeof(block)}, {block, sizeof(block)}};
    size_t wrote = 0, total = 0;
    open_pair(&e);
    enum loop_io io;
    while ((io = loop_stream_write(e.stream, two, 2, &wrote)) == LOOP_IO_OK) {
        total += wrote;
    }
    assert_int_equal(io, LOOP_IO_AGAIN);
    assert_true(total > 0);
    loop_stream_want(e.stream, false, true);
    turn(&e);
    assert_int_equal(e.writable, 0);
    for (size_t left = total; left > 0;) {
        ssize_t n = read(e.fd, block, KIT_MIN(left, sizeof(block)));
        assert_true(n > 0);
        left -= (size_t)n;
    }
    turn(&e);
    assert_int_equal(e.writable, 1);
    close_end(&e);
}

TEST(stream_writing_to_a_closed_peer_is_an_answer_and_no_signal)
{
    struct end e = {0};
    struct iovec one = {.iov_base = (void *)(uintptr_t) "x", .iov_len = 1};
    size_t wrote = 0;
    open_pair(&e);
    close(e.fd);
    e.fd = -1;
    assert_int_equal(loop_stream_write(e.stream, &one, 1, &wrote), LOOP_IO_GONE);
    close_end(&e);
}

TEST(stream_reads_a_pipe)
{
    struct end e = {0};
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    open_with(&e, fds[0], fds[1]);
    loop_stream_want(e.stream, true, false);
    assert_int_equal(write(e.fd, "through", 7), 7);
    turn(&e);
    assert_str(kit_buf_str(&e.in), "through");
    close(e.fd);
    e.fd = -1;
    turn(&e);
    assert_true(e.eof);
    close_end(&e);
}

TEST(stream_finish_sends_the_end_and_reset_an_error)
{
    struct end e = {0};
    char byte;
    open_tcp(&e);
    loop_stream_finish(e.stream);
    assert_int_equal(read(e.fd, &byte, 1), 0);
    loop_stream_reset(e.stream);
    e.stream = NULL;
    assert_true(send(e.fd, "x", 1, MSG_NOSIGNAL) < 0 || read(e.fd, &byte, 1) < 0);
    close_end(&e);
}

TEST(stream_left_open_is_closed_with_its_loop)
{
    struct end e = {0};
    char byte;
    open_pair(&e);
    loop_free(e.loop);
    assert_int_equal(read(e.fd, &byte, 1), 0);
    close(e.fd);
}

TEST(stream_survives_each_failed_alloc)
{
    struct loop *l = NULL;
    assert_int_equal(loop_new(&l, NULL), KIT_OK);
    TEST_ALLOC_SWEEP(n) {
        int fds[2];
        struct loop_stream *s = NULL;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        enum kit_status rc = loop_stream_new(l, fds[0], &events, NULL, &s, NULL);
        assert_true(rc == KIT_OK ? s != NULL : rc == KIT_NOMEM && s == NULL);
        if (s == NULL) {
            close(fds[0]); /* still ours */
        }
        loop_stream_close(s);
        close(fds[1]);
        loop_run_once(l);
    }
    loop_free(l);
}

int main(void)
{
    return TEST_RUN(TEST_OF(stream_reads_bytes_then_the_end_and_no_more_after_that),
                    TEST_OF(stream_notices_that_the_peer_left_while_nobody_reads_and_keeps_the_bytes_before),
                    TEST_OF(stream_notices_a_reset_while_nobody_reads),
                    TEST_OF(stream_notices_after_the_end_that_a_closed_peer_resets_what_is_written),
                    TEST_OF(stream_writes_what_fits_and_tells_when_there_is_room_again),
                    TEST_OF(stream_writing_to_a_closed_peer_is_an_answer_and_no_signal), TEST_OF(stream_reads_a_pipe),
                    TEST_OF(stream_finish_sends_the_end_and_reset_an_error),
                    TEST_OF(stream_left_open_is_closed_with_its_loop), TEST_OF(stream_survives_each_failed_alloc));
}
