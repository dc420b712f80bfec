/* What browsers get: the page at /, /docs, /openapi.json and their parts. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server.h"
#include "support/test.h"

#define ANSWER_BYTES 262144
#define PAGE_BYTES_MAX 30000

static struct server server;
static char answer[ANSWER_BYTES];

/* GET path with these fields (each ended by "\r\n"): the whole answer, head and body, as text. */
static const char *get(const char *path, const char *fields)
{
    char head[1024];
    int fd = server_connect(&server);
    int len = snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nConnection: close\r\n%s\r\n", path,
                       server.port, fields);
    server_send(fd, (kit_str){.ptr = head, .len = (size_t)len});
    size_t size = 0;
    for (ssize_t n; (n = read(fd, answer + size, sizeof(answer) - 1 - size)) > 0;) {
        size += (size_t)n;
    }
    close(fd);
    answer[size] = '\0';
    return answer;
}

static const char *body(void)
{
    return strstr(answer, "\r\n\r\n") + 4;
}

static void assert_has(const char *text, const char *piece)
{
    if (strstr(text, piece) == NULL) {
        fail_msg("no '%s' in: %.400s", piece, text);
    }
}

TEST(root_is_what_the_client_accepts)
{
    assert_has(get("/", "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n"),
               "Content-Type: text/html; charset=utf-8\r\n");
    assert_has(body(), "<title>AetherCore</title>");
    assert_has(get("/", "Accept: application/json\r\n"), "Content-Type: application/json\r\n");
    assert_has(body(), "\"openapi\":\"/openapi.json\"");
    get("/", "Accept: */*\r\n");
    assert_string_equal(body(), "Ollama is running");
    get("/", "");
    assert_string_equal(body(), "Ollama is running");
    assert_has(answer, "Vary: Accept\r\n");
}

TEST(pages_may_load_from_this_server_alone)
{
    static const char *const pages[] = {"/", "/docs"};
    for (size_t i = 0; i < KIT_COUNT(pages); i++) {
        get(pages[i], "Accept: text/html\r\n");
        assert_has(
            answer,
            "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';");
        assert_has(answer, "frame-ancestors 'none'\r\n");
        assert_has(answer, "X-Content-Type-Options: nosniff\r\n");
        assert_has(answer, "Referrer-Policy: no-referrer\r\n");
        assert_null(strstr(body(), " style=")); /* nothing inline, which the policy would stop */
        assert_null(strstr(body(), "<script>"));
    }
}

TEST(the_start_page_is_small)
{
    static const char *const parts[] = {"/", "/web/page.css", "/web/page.js", "/web/common.js"};
    size_t sum = 0;
    for (size_t i = 0; i < KIT_COUNT(parts); i++) {
        assert_has(get(parts[i], "Accept: text/html\r\n"), "HTTP/1.1 200 OK\r\n");
        sum += strlen(body());
    }
    assert_in_range(sum, 1, PAGE_BYTES_MAX);
}

TEST(a_file_that_the_client_has_is_not_sent_again)
{
    char field[160], tag[64];
    get("/web/page.css", "");
    assert_int_equal(sscanf(strstr(answer, "ETag: "), "ETag: %63s", tag), 1);
    snprintf(field, sizeof(field), "If-None-Match: \"x\", %s\r\n", tag);
    get("/web/page.css", field);
    assert_has(answer, "HTTP/1.1 304 Not Modified\r\n");
    assert_has(answer, tag);
    assert_string_equal(body(), "");
    assert_has(get("/web/page.css", "If-None-Match: \"x\"\r\n"), "HTTP/1.1 200 OK\r\n");
    snprintf(field, sizeof(field), "Accept-Encoding: gzip\r\nIf-None-Match: %s\r\n", tag);
    assert_has(get("/web/page.css", field), "HTTP/1.1 200 OK\r\n"); /* the tag of other bytes */
}

TEST(files_come_compressed_to_who_takes_gzip)
{
    get("/openapi.json", "Accept-Encoding: gzip, br\r\n");
    assert_has(answer, "Content-Encoding: gzip\r\n");
    assert_memory_equal(body(), "\x1f\x8b\x08", 3);
    get("/openapi.json", "Accept-Encoding: gzip;q=0\r\n");
    assert_null(strstr(answer, "Content-Encoding"));
    assert_has(body(), "{\"openapi\":\"3.1.");
    assert_has(body(), "\"version\":\"" HEIMNETZ_VERSION "\"");
}

TEST(only_parts_of_pages_lie_below_web)
{
    assert_has(get("/web/page.html", ""), "HTTP/1.1 404 Not Found\r\n");
    assert_has(get("/web/openapi.json", ""), "HTTP/1.1 404 Not Found\r\n");
    assert_has(get("/web/nothing", ""), "\"code\":\"not_found\"");
    assert_has(get("/web/..%2fpage.css", ""), "HTTP/1.1 400 Bad Request\r\n");
}

static int start(void **state)
{
    return server_set_up(state, &server, "org/echo");
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST_OF(root_is_what_the_client_accepts),
                                       TEST_OF(pages_may_load_from_this_server_alone),
                                       TEST_OF(the_start_page_is_small),
                                       TEST_OF(a_file_that_the_client_has_is_not_sent_again),
                                       TEST_OF(files_come_compressed_to_who_takes_gzip),
                                       TEST_OF(only_parts_of_pages_lie_below_web)};
    return cmocka_run_group_tests(tests, start, server_tear_down);
}
