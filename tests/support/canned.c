#include "support/canned.h"

#include <arpa/inet.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/test.h"

#define HEAD_MS 10000

static void read_head(struct canned *c, int fd)
{
    char text[CANNED_REQUEST_BYTES] = "";
    size_t len = 0;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (strstr(text, "\r\n\r\n") == NULL && len + 1 < sizeof(text) && poll(&p, 1, HEAD_MS) == 1) {
        ssize_t n = recv(fd, text + len, sizeof(text) - 1 - len, 0);
        if (n <= 0) {
            break;
        }
        len += (size_t)n;
        text[len] = '\0';
    }
    if (len > 0 && c->requests < CANNED_REQUESTS_MAX) {
        memcpy(c->request[c->requests++], text, sizeof(text));
    }
}

static void send_all(int fd, kit_str bytes, uint32_t drip_ms)
{
    while (bytes.len > 0) {
        ssize_t n = send(fd, bytes.ptr, drip_ms > 0 ? 1 : bytes.len, MSG_NOSIGNAL);
        if (n <= 0) {
            return;
        }
        bytes = kit_str_sub(bytes, (size_t)n, bytes.len);
        usleep(drip_ms * 1000);
    }
}

static void wait_for_close(int fd)
{
    char byte;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (poll(&p, 1, HEAD_MS) == 1 && recv(fd, &byte, 1, 0) > 0) {
    }
}

static void serve(void *arg)
{
    struct canned *c = arg;
    for (uint32_t i = 0;; i++) {
        int fd = accept(c->listener, NULL, NULL);
        if (fd < 0) {
            return;
        }
        const struct canned_answer *a = &c->answers[KIT_MIN(i, c->count - 1)];
        read_head(c, fd);
        send_all(fd, a->bytes, a->drip_ms);
        if (a->hold) {
            wait_for_close(fd);
        }
        close(fd);
    }
}

void canned_start(struct canned *c, const struct canned_answer *answers, uint32_t count)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    *c = (struct canned){.count = count};
    assert_in_range(count, 1, CANNED_ANSWERS_MAX);
    memcpy(c->answers, answers, count * sizeof(answers[0]));
    c->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(c->listener >= 0);
    assert_int_equal(bind(c->listener, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(c->listener, 16), 0);
    assert_int_equal(getsockname(c->listener, (struct sockaddr *)&at, &len), 0);
    c->port = ntohs(at.sin_port);
    assert_int_equal(kit_thread_start(&c->thread, "canned", serve, c, NULL), KIT_OK);
}

void canned_stop(struct canned *c)
{
    shutdown(c->listener, SHUT_RDWR); /* accept fails from here on */
    kit_thread_join(&c->thread);
    close(c->listener);
}
