#include "support/http_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "kit/clock.h"
#include "support/test.h"

#define LIMIT_S 10
#define IN_BYTES (64 * KIT_KIB)
#define IN_BYTES_MAX (256 * KIT_MIB)

static uint64_t real_now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t); /* not kit_clock: a test may have stopped it */
    return (uint64_t)t.tv_sec;
}

void http_client_open(struct http_client *c, uint16_t port, void (*turn)(void *ctx), void *ctx)
{
    *c = (struct http_client){.turn = turn, .ctx = ctx};
    kit_buf_init(&c->in, IN_BYTES_MAX);
    assert_non_null(kit_buf_reserve(&c->in, IN_BYTES)); /* now: later failures that a test orders are the server's */
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(c->fd >= 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    assert_int_equal(connect(c->fd, (struct sockaddr *)&to, sizeof(to)), 0); /* the backlog takes it at once */
    assert_int_equal(fcntl(c->fd, F_SETFL, O_NONBLOCK), 0);
}

void http_client_close(struct http_client *c)
{
    if (c->fd >= 0) {
        close(c->fd);
    }
    c->fd = -1;
    kit_buf_done(&c->in);
}

void http_client_reset(struct http_client *c)
{
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    http_client_close(c);
}

void http_client_half_close(struct http_client *c)
{
    assert_int_equal(shutdown(c->fd, SHUT_WR), 0);
}

static void take(struct http_client *c)
{
    char bytes[16384];
    for (;;) {
        ssize_t n = c->eof || c->reset ? -1 : recv(c->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        if (n > 0) {
            assert_int_equal(kit_buf_add(&c->in, (kit_str){bytes, (size_t)n}), KIT_OK);
            continue;
        }
        c->eof = c->eof || n == 0;
        c->reset = c->reset || (n < 0 && !c->eof && errno == ECONNRESET);
        return;
    }
}

static bool turned(struct http_client *c, uint64_t *since_s)
{
    c->turn(c->ctx);
    take(c);
    *since_s = *since_s == 0 ? real_now_s() : *since_s;
    return real_now_s() - *since_s < LIMIT_S;
}

void http_client_send_bytes(struct http_client *c, const void *bytes, size_t len)
{
    const char *at = bytes;
    uint64_t since_s = 0;
    while (len > 0) {
        ssize_t n = send(c->fd, at, len, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN) {
            c->reset = true;
            return;
        }
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        } else {
            assert_true(turned(c, &since_s));
        }
    }
}

void http_client_send(struct http_client *c, const char *text)
{
    http_client_send_bytes(c, text, strlen(text));
}

void http_client_turns(struct http_client *c, int count)
{
    uint64_t since_s = 0;
    for (int i = 0; i < count; i++) {
        turned(c, &since_s);
    }
}

/* One turn; fails when nothing more can come. */
static void expect_more(struct http_client *c, uint64_t *since_s)
{
    assert_false(c->eof || c->reset);
    assert_true(turned(c, since_s));
}

void http_client_wait_bytes(struct http_client *c, size_t count)
{
    uint64_t since_s = 0;
    while (c->in.len < count) {
        expect_more(c, &since_s);
    }
}

static size_t find(const struct http_client *c, const char *text)
{
    return kit_str_find(kit_buf_str(&c->in), kit_str_c(text));
}

void http_client_wait_text(struct http_client *c, const char *text)
{
    uint64_t since_s = 0;
    while (find(c, text) == c->in.len) {
        expect_more(c, &since_s);
    }
}

void http_client_wait_end(struct http_client *c)
{
    uint64_t since_s = 0;
    while (!c->eof && !c->reset) {
        assert_true(turned(c, &since_s));
    }
}

static void take_head(struct http_client *c, int status, struct kit_buf *head)
{
    http_client_wait_text(c, "\r\n\r\n");
    kit_buf_add(head, kit_str_sub(kit_buf_str(&c->in), 0, find(c, "\r\n\r\n") + 4));
    kit_buf_drop(&c->in, head->len);
    kit_buf_add_char(head, '\0');
    assert_memory_equal(head->ptr, "HTTP/1.1 ", 9);
    assert_int_equal(atoi(head->ptr + 9), status);
}

static void take_bytes(struct http_client *c, size_t count, struct kit_buf *body)
{
    http_client_wait_bytes(c, count);
    kit_buf_add(body, kit_str_sub(kit_buf_str(&c->in), 0, count));
    kit_buf_drop(&c->in, count);
}

static void take_chunks(struct http_client *c, struct kit_buf *body)
{
    for (;;) {
        http_client_wait_text(c, "\r\n");
        size_t size = strtoul(c->in.ptr, NULL, 16);
        kit_buf_drop(&c->in, find(c, "\r\n") + 2);
        take_bytes(c, size, body);
        http_client_wait_bytes(c, 2);
        assert_memory_equal(c->in.ptr, "\r\n", 2);
        kit_buf_drop(&c->in, 2);
        if (size == 0) {
            return;
        }
    }
}

static void give(struct kit_buf *b, char **ret)
{
    if (ret != NULL) {
        *ret = kit_buf_take(b, NULL);
    }
    kit_buf_done(b);
}

void http_client_answer(struct http_client *c, int status, char **head_ret, char **body_ret)
{
    struct kit_buf head, body;
    kit_buf_init(&head, KIT_MIB);
    kit_buf_init(&body, IN_BYTES_MAX);
    take_head(c, status, &head);
    const char *length = strcasestr(head.ptr, "\r\nContent-Length: ");
    if (length != NULL) {
        take_bytes(c, strtoul(length + 18, NULL, 10), &body);
    } else if (strcasestr(head.ptr, "\r\nTransfer-Encoding: chunked") != NULL) {
        take_chunks(c, &body);
    }
    kit_buf_add_char(&body, '\0');
    give(&head, head_ret);
    give(&body, body_ret);
}

void http_client_head_answer(struct http_client *c, int status, char **head_ret)
{
    struct kit_buf head;
    kit_buf_init(&head, KIT_MIB);
    take_head(c, status, &head);
    give(&head, head_ret);
}
