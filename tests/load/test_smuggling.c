/* Requests that two readers could take apart differently, which is how one is smuggled past a proxy: each is refused and the
 * connection closed, or it means one thing, and what comes behind it is not taken for something else. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crowd.h"
#include "kit/buf.h"
#include "support/test.h"

#define HEAD "GET /health/live HTTP/1.1\r\nHost: localhost\r\n"
#define HELLO "hello"
#define CHUNKED HEAD "Transfer-Encoding: chunked\r\n\r\n"
/* What stands behind each: when it is answered, it was taken for a request of its own. */
#define SMUGGLED "GET /heartbeat HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

enum end {
    CLOSED, /* one answer, then the end: the rest is not read */
    LEGAL,  /* one answer, then the one to SMUGGLED */
};

struct request {
    const char *name, *text;
    size_t len;
    int status;
    enum end end;
};
#define CASE(name, text, status, end)                                                                                  \
    {                                                                                                                  \
        name, text, sizeof(text) - 1, status, end                                                                      \
    }

static const struct request framing[] = {
    CASE("Content-Length and Transfer-Encoding",
         HEAD "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, CLOSED),
    CASE("the other way round", HEAD "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400, CLOSED),
    CASE("Content-Length twice, the same", HEAD "Content-Length: 5\r\nContent-Length: 5\r\n\r\n" HELLO, 400, CLOSED),
    CASE("Content-Length twice, another", HEAD "Content-Length: 0\r\nContent-Length: 5\r\n\r\n" HELLO, 400, CLOSED),
    CASE("a list of Content-Lengths", HEAD "Content-Length: 5, 5\r\n\r\n" HELLO, 400, CLOSED),
    CASE("a plus", HEAD "Content-Length: +5\r\n\r\n" HELLO, 400, CLOSED),
    CASE("a minus", HEAD "Content-Length: -5\r\n\r\n" HELLO, 400, CLOSED),
    CASE("hexadecimal", HEAD "Content-Length: 0x5\r\n\r\n" HELLO, 400, CLOSED),
    CASE("a space inside", HEAD "Content-Length: 5 5\r\n\r\n" HELLO, 400, CLOSED),
    CASE("no number", HEAD "Content-Length: \r\n\r\n", 400, CLOSED),
    CASE("a vertical tab",
         HEAD "Content-Length: \x0b"
              "5\r\n\r\n" HELLO,
         400, CLOSED),
    CASE("2^64 + 5", HEAD "Content-Length: 18446744073709551621\r\n\r\n" HELLO, 400, CLOSED),
    CASE("white space behind the number", HEAD "Content-Length: 5 \t\r\n\r\n" HELLO, 200, LEGAL),
    CASE("a body for GET", HEAD "Content-Length: 5\r\n\r\n" HELLO, 200, LEGAL),
    CASE("identity", HEAD "Transfer-Encoding: identity\r\n\r\n", 501, CLOSED),
    CASE("chunked, identity", HEAD "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400, CLOSED),
    CASE("gzip, chunked", HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501, CLOSED),
    CASE("xchunked", HEAD "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501, CLOSED),
    CASE("\"chunked\"", HEAD "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 501, CLOSED),
    CASE("a vertical tab before chunked",
         HEAD "Transfer-Encoding: \x0b"
              "chunked\r\n\r\n0\r\n\r\n",
         400, CLOSED),
    CASE("chunked on a folded line", HEAD "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400, CLOSED),
    CASE("a space before the colon", HEAD "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400, CLOSED),
    CASE("chunked twice", HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
         CLOSED),
    CASE("chunked and cow", HEAD "Transfer-Encoding: chunked\r\nTransfer-encoding: cow\r\n\r\n0\r\n\r\n", 400, CLOSED),
    CASE("chunked in HTTP/1.0",
         "GET /health/live HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\nTransfer-Encoding: "
         "chunked\r\n\r\n0\r\n\r\n",
         400, CLOSED),
    CASE("CHUNKED", HEAD "Transfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n", 200, LEGAL),
};

static const struct request chunks[] = {
    CASE("extensions", CHUNKED "5;a=b;c=\"d\"\r\nhello\r\n0;x\r\n\r\n", 200, LEGAL),
    CASE("zeros before the size", CHUNKED "0000005\r\nhello\r\n000\r\n\r\n", 200, LEGAL),
    CASE("an extension that ends with LF", CHUNKED "5;a\nhello\r\n0\r\n\r\n", 400, CLOSED),
    CASE("a size that ends with LF", CHUNKED "5\nhello\r\n0\r\n\r\n", 400, CLOSED),
    CASE("a space behind the size", CHUNKED "5 \r\nhello\r\n0\r\n\r\n", 400, CLOSED),
    CASE("0x5", CHUNKED "0x5\r\nhello\r\n0\r\n\r\n", 400, CLOSED),
    CASE("-5", CHUNKED "-5\r\nhello\r\n0\r\n\r\n", 400, CLOSED),
    CASE("2^64 + 5", CHUNKED "10000000000000005\r\nhello\r\n0\r\n\r\n", 400, CLOSED),
    CASE("17 digits", CHUNKED "fffffffffffffffff\r\nhello\r\n0\r\n\r\n", 400, CLOSED),
    CASE("no line's end behind the data", CHUNKED "5\r\nhelloXX0\r\n\r\n", 400, CLOSED),
    CASE("LF behind the data", CHUNKED "5\r\nhello\n0\r\n\r\n", 400, CLOSED),
    CASE("Content-Length as a trailer", CHUNKED "0\r\nContent-Length: 9\r\n\r\n", 400, CLOSED),
    CASE("Transfer-Encoding as a trailer", CHUNKED "0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, CLOSED),
    CASE("another trailer", CHUNKED "0\r\nX-Sum: 9\r\n\r\n", 200, LEGAL),
};

static const struct request lines[] = {
    CASE("a folded field", HEAD "X: a\r\n b\r\n\r\n", 400, CLOSED),
    CASE("a field folded by a tab", HEAD "X: a\r\n\tb\r\n\r\n", 400, CLOSED),
    CASE("LF alone everywhere", "GET /health/live HTTP/1.1\nHost: localhost\n\n", 400, CLOSED),
    CASE("LF alone between fields", HEAD "X: a\nY: b\r\n\r\n", 400, CLOSED),
    CASE("LF alone at the end", HEAD "\n", 400, CLOSED),
    CASE("CR alone in a value", HEAD "X: a\rY: b\r\n\r\n", 400, CLOSED),
    CASE("CR in a name", HEAD "X\r: a\r\n\r\n", 400, CLOSED),
    CASE("NUL in a value", HEAD "X: a\0b\r\n\r\n", 400, CLOSED),
    CASE("NUL in a name", HEAD "X\0: a\r\n\r\n", 400, CLOSED),
    CASE("a control byte in a value",
         HEAD "X: a\x01"
              "b\r\n\r\n",
         400, CLOSED),
    CASE("DEL in a value",
         HEAD "X: a\x7f"
              "b\r\n\r\n",
         400, CLOSED),
    CASE("a first field that is indented", "GET /health/live HTTP/1.1\r\n Host: localhost\r\n\r\n", 400, CLOSED),
    CASE("a space before the colon", HEAD "X : a\r\n\r\n", 400, CLOSED),
    CASE("no colon", HEAD "foo\r\n\r\n", 400, CLOSED),
    CASE("no name", HEAD ": x\r\n\r\n", 400, CLOSED),
    CASE("a name that is no token", HEAD "He(ad: x\r\n\r\n", 400, CLOSED),
    CASE("bytes beyond ASCII in a value", HEAD "X: \xc3\xa4\r\n\r\n", 200, LEGAL),
    CASE("Transfer_Encoding is no Transfer-Encoding", HEAD "Transfer_Encoding: chunked\r\n\r\n", 200, LEGAL),
    CASE("lines before the request", "\r\n\r\n" HEAD "\r\n", 200, LEGAL),
    CASE("a space before the method", " " HEAD "\r\n", 400, CLOSED),
    CASE("tabs for spaces", "GET\t/health/live\tHTTP/1.1\r\nHost: localhost\r\n\r\n", 400, CLOSED),
    CASE("a space behind the version", "GET /health/live HTTP/1.1 \r\nHost: localhost\r\n\r\n", 400, CLOSED),
    CASE("a space in the target", "GET /health/live x HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, CLOSED),
    CASE("http/1.1", "GET /health/live http/1.1\r\nHost: localhost\r\n\r\n", 400, CLOSED),
    CASE("HTTP/1.1.1", "GET /health/live HTTP/1.1.1\r\nHost: localhost\r\n\r\n", 400, CLOSED),
    CASE("HTTP/1.2", "GET /health/live HTTP/1.2\r\nHost: localhost\r\n\r\n", 505, CLOSED),
    CASE("HTTP/2.0", "GET /health/live HTTP/2.0\r\nHost: localhost\r\n\r\n", 505, CLOSED),
    CASE("HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, CLOSED),
    CASE("no version", "GET /health/live\r\n\r\n", 505, CLOSED),
    CASE("get", "get /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n", 501, CLOSED),
    CASE("GETX", "GETX /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n", 501, CLOSED),
    CASE("CONNECT", "CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n", 501, CLOSED),
    CASE("TRACE", "TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n", 501, CLOSED),
    CASE("an upgrade that nobody offers",
         HEAD "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n\r\n", 200, LEGAL),
};

static const struct request targets[] = {
    CASE("two Hosts", HEAD "Host: localhost\r\n\r\n", 400, CLOSED),
    CASE("no Host", "GET /health/live HTTP/1.1\r\n\r\n", 400, CLOSED),
    CASE("a Host with a space", "GET /health/live HTTP/1.1\r\nHost: local host\r\n\r\n", 400, CLOSED),
    CASE("a Host with a path", "GET /health/live HTTP/1.1\r\nHost: localhost/x\r\n\r\n", 400, CLOSED),
    CASE("a Host with a user", "GET /health/live HTTP/1.1\r\nHost: x@localhost\r\n\r\n", 400, CLOSED),
    CASE("two names in Host", "GET /health/live HTTP/1.1\r\nHost: localhost,evil.org\r\n\r\n", 421, LEGAL),
    CASE("a URL of another host", "GET http://evil.org/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n", 421, LEGAL),
    CASE("a URL of our host, and another Host", "GET http://localhost/health/live HTTP/1.1\r\nHost: evil.org\r\n\r\n",
         200, LEGAL),
    CASE("a URL with a user", "GET http://localhost@evil.org/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n", 421,
         LEGAL),
    CASE("an encoded NUL", "GET /health/live%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, CLOSED),
    CASE("..", "GET /health/../health/live HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, CLOSED),
    CASE("%2e%2e", "GET /health/%2e%2e/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, CLOSED),
    CASE("a fragment", "GET /health/live#x HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, CLOSED),
    CASE("bytes beyond ASCII", "GET /\xc3\xa4 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, CLOSED),
};

static struct server server;

/* Statuses of all answers up to the end of the connection, or up to a second of silence. */
static int read_statuses(int fd, int statuses[4], bool *closed)
{
    char text[16384] = "";
    size_t used = 0;
    int count = 0;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    *closed = false;
    while (!*closed && used + 1 < sizeof(text) && poll(&p, 1, 1000) == 1) {
        ssize_t n = recv(fd, text + used, sizeof(text) - 1 - used, 0);
        *closed = n <= 0;
        used += n > 0 ? (size_t)n : 0;
    }
    for (const char *at = text; (at = strstr(at, "HTTP/1.1 ")) != NULL && count < 4; at++) {
        statuses[count] = atoi(at + 9);
        count += statuses[count] > 0; /* a message may name the protocol, too */
    }
    return count;
}

static void check(const struct request *q)
{
    int statuses[4] = {0};
    bool closed = false;
    int fd = server_connect(&server);
    struct kit_buf bytes;
    kit_buf_init(&bytes, KIT_MIB);
    kit_buf_add(&bytes, (kit_str){q->text, q->len});
    kit_buf_add(&bytes, kit_str_lit(SMUGGLED));
    server_send(fd, kit_buf_str(&bytes));
    kit_buf_done(&bytes);
    int count = read_statuses(fd, statuses, &closed);
    close(fd);
    bool good = statuses[0] == q->status && count == (q->end == LEGAL ? 2 : 1) && closed;
    if (!good || (q->end == LEGAL && statuses[1] != 200)) {
        fail_msg("%s: %d answers (%d, %d), %s", q->name, count, statuses[0], statuses[1], closed ? "closed" : "open");
    }
}

#define CHECK_ALL(table)                                                                                               \
    for (size_t i = 0; i < KIT_COUNT(table); i++) {                                                                    \
        check(&(table)[i]);                                                                                            \
    }                                                                                                                  \
    crowd_row(#table, "%zu requests", KIT_COUNT(table))

TEST(smuggling_by_framing)
{
    CHECK_ALL(framing);
}

TEST(smuggling_by_chunks)
{
    CHECK_ALL(chunks);
}

TEST(smuggling_by_lines)
{
    CHECK_ALL(lines);
}

TEST(smuggling_by_targets_and_hosts)
{
    CHECK_ALL(targets);
}

/* Each cut of a sound request in two pieces means the same. */
TEST(smuggling_by_cutting_in_two)
{
    static const char text[] = "GET /health/live HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "5;x=y\r\nhello\r\n0\r\nX: y\r\n\r\n" SMUGGLED;
    for (size_t cut = 1; cut + 1 < sizeof(text) - 1; cut++) {
        int statuses[4] = {0};
        bool closed = false;
        int fd = server_connect(&server);
        server_send(fd, (kit_str){text, cut});
        usleep(500);
        server_send(fd, (kit_str){text + cut, sizeof(text) - 1 - cut});
        assert_int_equal(read_statuses(fd, statuses, &closed), 2);
        assert_int_equal(statuses[0], 200);
        assert_int_equal(statuses[1], 200);
        close(fd);
    }
}

TEST(smuggling_in_heads_and_chunk_extensions_without_end)
{
    static const struct {
        const char *head, *piece;
        int status;
    } rows[] = {{"GET /", "a", 414},
                {HEAD "X: ", "a", 431},
                {HEAD, "X: y\r\n", 431},
                {CHUNKED "5;", "a", 400},
                {CHUNKED "0\r\n", "X: y\r\n", 400}};
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        int fd = server_connect(&server), statuses[4] = {0};
        bool closed = false;
        struct kit_buf bytes;
        kit_buf_init(&bytes, KIT_MIB);
        kit_buf_add(&bytes, kit_str_c(rows[i].head));
        while (bytes.len < 300000) {
            kit_buf_add(&bytes, kit_str_c(rows[i].piece));
        }
        send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL); /* it may be cut off on the way */
        kit_buf_done(&bytes);
        assert_int_equal(read_statuses(fd, statuses, &closed), 1);
        assert_int_equal(statuses[0], rows[i].status);
        close(fd);
    }
}

static int start(void **state)
{
    static const char *const models[] = {"org/echo", NULL};
    (void)state;
    server_start(&server, server_models(models), NULL);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    server_expect_only(&server, "GET", "/health", "", 200);
    server_stop(&server);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_OF(smuggling_by_framing),        TEST_OF(smuggling_by_chunks),
        TEST_OF(smuggling_by_lines),          TEST_OF(smuggling_by_targets_and_hosts),
        TEST_OF(smuggling_by_cutting_in_two), TEST_OF(smuggling_in_heads_and_chunk_extensions_without_end)};
    return cmocka_run_group_tests(tests, start, stop);
}
