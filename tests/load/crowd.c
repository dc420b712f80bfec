#include "crowd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kit/clock.h"
#include "support/test.h"

#define SPARE 200 /* descriptors for the test and the server themselves */
#define POLLED_MAX                                                                                                     \
    512 /* connections of one poll; poll over 10,000 for one that is ready would be the test's own load */
#define ANSWER_MS 20000

bool crowd_is_long(void)
{
    const char *soak = getenv("SOAK");
    return soak != NULL && strcmp(soak, "1") == 0;
}

int crowd_descriptors(int wanted)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    int may = limit.rlim_cur > INT32_MAX ? INT32_MAX : (int)limit.rlim_cur - SPARE;
    if (may < wanted) {
        printf("only %d of %d connections: raise the limit of open files (ulimit -n)\n", may, wanted);
    }
    return KIT_MIN(may, wanted);
}

/* --- many connections --- */

void crowd_open(struct crowd *c, const struct server *s, int count)
{
    *c = (struct crowd){.server = s, .count = count};
    c->member = kit_alloc_zero((size_t)count, sizeof(*c->member));
    assert_non_null(c->member);
    for (int i = 0; i < count; i++) {
        c->member[i].fd = server_connect(s);
        assert_int_equal(fcntl(c->member[i].fd, F_SETFL, O_NONBLOCK), 0);
    }
}

void crowd_close(struct crowd *c)
{
    for (int i = 0; i < c->count; i++) {
        if (c->member[i].fd >= 0) {
            close(c->member[i].fd);
        }
    }
    kit_alloc_free(c->member);
}

bool crowd_send(struct crowd *c, int i, const char *bytes, size_t len)
{
    ssize_t n = c->member[i].fd < 0 ? -1 : send(c->member[i].fd, bytes, len, MSG_NOSIGNAL);
    return n >= 0 || (c->member[i].fd >= 0 && errno == EAGAIN); /* what the server has said may still be read */
}

static void count_answers(struct crowd_member *m, const char *bytes, size_t len)
{
    static const char begin[] = "HTTP/1.1 2";
    for (size_t i = 0; i < len; i++) {
        m->matched = bytes[i] == begin[m->matched] ? m->matched + 1 : bytes[i] == begin[0];
        if (begin[m->matched] == '\0') {
            m->answers++;
            m->matched = 0;
        }
    }
}

static void note(struct crowd_member *m, const char *bytes, size_t len)
{
    size_t had = KIT_MIN(m->got, sizeof(m->head) - 1), kept = strlen(m->tail), room = sizeof(m->tail) - 1;
    memcpy(m->head + had, bytes, KIT_MIN(len, sizeof(m->head) - 1 - had));
    size_t fresh = KIT_MIN(len, room), old = KIT_MIN(kept, room - fresh);
    memmove(m->tail, m->tail + kept - old, old);
    memcpy(m->tail + old, bytes + len - fresh, fresh);
    m->tail[old + fresh] = '\0';
    m->got += len;
    count_answers(m, bytes, len);
}

static void read_one(struct crowd_member *m)
{
    char bytes[16384];
    for (;;) {
        ssize_t n = recv(m->fd, bytes, sizeof(bytes), 0);
        if (n < 0 && errno == EAGAIN) {
            return;
        }
        if (n <= 0) {
            close(m->fd);
            m->fd = -1;
            m->ended = true;
            return;
        }
        note(m, bytes, (size_t)n);
    }
}

void crowd_read(struct crowd *c, int wait_ms)
{
    struct pollfd polled[POLLED_MAX];
    for (int from = 0; from < c->count; from += POLLED_MAX) {
        int n = KIT_MIN(c->count - from, POLLED_MAX);
        for (int i = 0; i < n; i++) {
            polled[i] = (struct pollfd){.fd = c->member[from + i].fd, .events = POLLIN};
        }
        int ready = poll(polled, (nfds_t)n, from == 0 ? wait_ms : 0);
        for (int i = 0; i < n && ready > 0; i++) {
            if (polled[i].revents != 0) {
                read_one(&c->member[from + i]);
            }
        }
    }
}

void crowd_forget(struct crowd *c)
{
    for (int i = 0; i < c->count; i++) {
        struct crowd_member *m = &c->member[i];
        *m = (struct crowd_member){.fd = m->fd, .ended = m->ended};
    }
}

int crowd_status(const struct crowd *c, int i)
{
    int status = 0;
    return sscanf(c->member[i].head, "HTTP/1.1 %d", &status) == 1 ? status : 0;
}

int crowd_count_status(const struct crowd *c, int status)
{
    int count = 0;
    for (int i = 0; i < c->count; i++) {
        count += crowd_status(c, i) == status;
    }
    return count;
}

int crowd_count_ended(const struct crowd *c)
{
    int count = 0;
    for (int i = 0; i < c->count; i++) {
        count += c->member[i].ended;
    }
    return count;
}

/* --- the witness --- */

void witness_start(struct witness *w, struct server *s)
{
    *w = (struct witness){.server = s, .fd = server_connect(s)};
}

/* A whole answer: head, and as many bytes as it announces. */
static bool is_whole(const char *text)
{
    const char *end = strstr(text, "\r\n\r\n"), *length = strstr(text, "Content-Length: ");
    return end != NULL && length != NULL && strlen(end + 4) >= strtoul(length + 16, NULL, 10);
}

void witness_ask(struct witness *w)
{
    char text[2048] = "";
    size_t used = 0;
    struct pollfd p = {.fd = w->fd, .events = POLLIN};
    uint64_t since_ns = kit_clock_ns();
    server_send(w->fd, kit_str_lit("GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    while (!is_whole(text)) {
        assert_int_equal(poll(&p, 1, ANSWER_MS), 1);
        ssize_t n = recv(w->fd, text + used, sizeof(text) - 1 - used, 0);
        assert_true(n > 0);
        used += (size_t)n;
        text[used] = '\0';
    }
    assert_memory_equal(text, "HTTP/1.1 200", 12);
    w->took_ns[w->asked++ % (int)KIT_COUNT(w->took_ns)] = kit_clock_ns() - since_ns;
}

void witness_end(struct witness *w)
{
    close(w->fd);
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

double witness_ms(const struct witness *w, double quantile)
{
    static uint64_t sorted[KIT_COUNT(w->took_ns)];
    int count = KIT_MIN(w->asked, (int)KIT_COUNT(w->took_ns));
    assert_true(count > 0);
    memcpy(sorted, w->took_ns, (size_t)count * sizeof(sorted[0]));
    qsort(sorted, (size_t)count, sizeof(sorted[0]), by_size);
    return (double)sorted[(int)(quantile * (count - 1))] / (double)KIT_NS_PER_MS;
}

void crowd_row(const char *what, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("  %-44s ", what);
    vprintf(format, args);
    printf("\n");
    va_end(args);
    fflush(stdout);
}
