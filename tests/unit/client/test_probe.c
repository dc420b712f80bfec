#include "client/probe.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kit/sync.h"
#include "support/test.h"

#define WAIT_MS 2000
#define STEPS_MAX 4

/* A server for one connection: what it hears, and what it says to it; NULL: nothing any more. */
struct talk {
    int listener;
    uint16_t port;
    const char *says[STEPS_MAX + 1];
    char heard[1024];
    struct kit_thread thread;
};

static void serve(void *arg)
{
    struct talk *t = arg;
    int fd = accept(t->listener, NULL, NULL);
    size_t used = 0;
    for (int i = 0; fd >= 0 && t->says[i] != NULL; i++) {
        ssize_t n = recv(fd, t->heard + used, sizeof(t->heard) - 1 - used, 0);
        if (n <= 0) {
            break;
        }
        used += (size_t)n;
        if (send(fd, t->says[i], strlen(t->says[i]), MSG_NOSIGNAL) < 0) {
            break;
        }
    }
    struct pollfd p = {.fd = fd, .events = POLLRDHUP};
    (void)poll(&p, 1, 4 * WAIT_MS); /* until the other side has enough */
    close(fd);
}

static void start(struct talk *t)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    t->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(t->listener, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(t->listener, 1), 0);
    assert_int_equal(getsockname(t->listener, (struct sockaddr *)&at, &len), 0);
    t->port = ntohs(at.sin_port);
    assert_ok(kit_thread_start(&t->thread, "talk", serve, t, NULL));
}

static void stop(struct talk *t)
{
    kit_thread_join(&t->thread);
    close(t->listener);
}

/* Probes a server that says these things; format gets the port. */
static enum kit_status redis(struct talk *t, const char *format_before, const char *behind, struct client_probe *ret,
                             struct kit_err *err)
{
    char url[256];
    start(t);
    snprintf(url, sizeof(url), "redis://%s127.0.0.1:%u%s", format_before, t->port, behind);
    *err = (struct kit_err){0};
    enum kit_status rc = client_probe_redis(url, WAIT_MS, ret, err);
    stop(t);
    return rc;
}

TEST(probe_redis_asks_for_its_version)
{
    struct client_probe p;
    struct kit_err err;
    struct talk t = {.says = {"+PONG\r\n", "$37\r\n# Server\r\nredis_version:7.0.15\r\nmore:1\r\n\r\n"}};
    assert_ok(redis(&t, "", "/0", &p, &err));
    assert_string_equal(p.version, "7.0.15");
    assert_string_equal(t.heard, "PING\r\nINFO server\r\n");
}

TEST(probe_redis_shows_its_password_as_a_string_that_may_hold_anything)
{
    struct client_probe p;
    struct kit_err err;
    struct talk t = {.says = {"+OK\r\n", "+PONG\r\n", "-ERR unknown command\r\n"}};
    assert_ok(redis(&t, ":pa ss@", "", &p, &err));
    assert_string_equal(p.version, "");
    assert_non_null(strstr(t.heard, "*2\r\n$4\r\nAUTH\r\n$5\r\npa ss\r\n"));
    struct talk named = {.says = {"+OK\r\n", "+PONG\r\n", "-ERR\r\n"}};
    assert_ok(redis(&named, "me:secret@", "", &p, &err));
    assert_non_null(strstr(named.heard, "*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$6\r\nsecret\r\n"));
}

TEST(probe_redis_tells_refused_loading_and_strange_apart)
{
    struct client_probe p;
    struct kit_err err;
    struct talk refused = {.says = {"-NOAUTH Authentication required.\r\n"}};
    assert_int_equal(redis(&refused, "", "", &p, &err), KIT_DENIED);
    struct talk loading = {.says = {"-LOADING Redis is loading the dataset\r\n"}};
    assert_int_equal(redis(&loading, "", "", &p, &err), KIT_IO);
    assert_string_equal(err.msg, "it says: LOADING Redis is loading the dataset");
    struct talk strange = {.says = {"HTTP/1.1 400 Bad Request\r\n"}};
    assert_int_equal(redis(&strange, "", "", &p, &err), KIT_IO);
    struct talk gone = {.says = {NULL}};
    start(&gone);
    shutdown(gone.listener, SHUT_RDWR);
    stop(&gone);
}

TEST(probe_postgres_takes_either_answer_to_its_question)
{
    static const struct {
        const char *says;
        enum kit_status rc;
    } rows[] = {{"S", KIT_OK}, {"N", KIT_OK}, {"E", KIT_OK}, {"H", KIT_IO}};
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        char url[128];
        struct client_probe p;
        struct talk t = {.says = {rows[i].says}};
        start(&t);
        snprintf(url, sizeof(url), "postgresql://user:word@127.0.0.1:%u/base?sslmode=prefer", t.port);
        assert_int_equal(client_probe_postgres(url, WAIT_MS, &p, NULL), rows[i].rc);
        assert_memory_equal(t.heard, "\0\0\0\x08\x04\xD2\x16\x2F", 8);
        stop(&t);
    }
}

TEST(probe_says_when_nobody_listens_or_answers)
{
    char url[128];
    struct client_probe p;
    struct kit_err err;
    struct talk t = {.says = {NULL}};
    start(&t); /* takes the connection and is silent */
    snprintf(url, sizeof(url), "redis://127.0.0.1:%u", t.port);
    assert_int_equal(client_probe_redis(url, 50, &p, &err), KIT_TIMEOUT);
    stop(&t);
    assert_int_equal(client_probe_redis(url, WAIT_MS, &p, &err), KIT_UNAVAILABLE); /* its listener is closed */
    static const char *const wrong[] = {"redis://", "redis://host:0", "redis://host:66000", "redis://host:port"};
    for (size_t i = 0; i < KIT_COUNT(wrong); i++) {
        assert_int_equal(client_probe_redis(wrong[i], WAIT_MS, &p, &err), KIT_INVALID);
    }
}

TEST(probe_shows_an_address_without_its_secrets)
{
    static const struct {
        const char *url, *shown;
    } rows[] = {{"redis://:secret@db:6379/0", "redis://db:6379"},
                {"postgres://me:se@cret@db.example/base?x=y", "postgres://db.example"},
                {"redis://[::1]:6380", "redis://[::1]:6380"},
                {"http://127.0.0.1:9090", "http://127.0.0.1:9090"}};
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        char shown[128];
        assert_string_equal(client_probe_show(rows[i].url, shown, sizeof(shown)), rows[i].shown);
    }
}

int main(void)
{
    return TEST_RUN(TEST_OF(probe_redis_asks_for_its_version),
                    TEST_OF(probe_redis_shows_its_password_as_a_string_that_may_hold_anything),
                    TEST_OF(probe_redis_tells_refused_loading_and_strange_apart),
                    TEST_OF(probe_postgres_takes_either_answer_to_its_question),
                    TEST_OF(probe_says_when_nobody_listens_or_answers),
                    TEST_OF(probe_shows_an_address_without_its_secrets));
}
