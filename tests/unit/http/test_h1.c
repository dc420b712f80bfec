#include "host.h"

#define HOST "Host: a\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"

static void expect(struct http_client *c, int status, const char *body)
{
    char *got = NULL;
    http_client_answer(c, status, NULL, &got);
    assert_string_equal(got, body);
    kit_alloc_free(got);
}

static void expect_head(struct http_client *c, int status, const char *field)
{
    char *head = NULL;
    http_client_answer(c, status, &head, NULL);
    if (head == NULL || strstr(head, field) == NULL) {
        fail_msg("'%s' is not in\n%s", field, head == NULL ? "nothing" : head);
    }
    kit_alloc_free(head);
}

TEST(h1_answers_several_requests_on_one_connection)
{
    struct host h = {0};
    struct http_client c;
    host_open(&h);
    host_connect(&h, &c);
    for (int i = 0; i < 3; i++) {
        http_client_send(&c, GET("/hello"));
        expect(&c, 200, "hello");
    }
    assert_int_equal(http_server_counts(h.server).connections, 1);
    http_client_close(&c);
    host_wait_empty(&h);
    host_close(&h);
}

TEST(h1_writes_a_complete_head_and_tells_no_version)
{
    struct host h = {0};
    struct http_client c;
    char *head = NULL;
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, GET("/hello"));
    http_client_answer(&c, 200, &head, NULL);
    assert_memory_equal(head, "HTTP/1.1 200 OK\r\nDate: ", 23);
    assert_non_null(strstr(head, " GMT\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nX-Request-Id: "));
    assert_null(strstr(head, "Server"));
    assert_null(strstr(head, "Connection"));
    kit_alloc_free(head);
    http_client_close(&c);
    host_close(&h);
}

TEST(h1_takes_a_request_that_comes_byte_by_byte)
{
    static const char text[] = "\r\nPOST /echo HTTP/1.1\r\nHost: a\r\nEmpty:\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n";
    struct host h = {0};
    struct http_client c;
    host_open(&h);
    host_connect(&h, &c);
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        http_client_send_bytes(&c, text + i, 1);
        http_client_turns(&c, 2);
    }
    expect(&c, 200, "abcde");
    http_client_send(&c, GET("/hello"));
    expect(&c, 200, "hello");
    http_client_close(&c);
    host_close(&h);
}

TEST(h1_answers_pipelined_requests_in_order_though_handlers_answer_out_of_order)
{
    struct host h = {0};
    struct http_client c;
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, GET("/late") GET("/hello") GET("/late") GET("/late"));
    host_wait_late(&h, &c, 3);
    host_answer(&h, 2, "third");
    host_answer(&h, 1, "second");
    http_client_turns(&c, 5);
    assert_int_equal(c.in.len, 0);
    host_answer(&h, 0, "first");
    expect(&c, 200, "first");
    expect(&c, 200, "hello");
    expect(&c, 200, "second");
    expect(&c, 200, "third");
    assert_int_equal(http_server_counts(h.server).requests, 0);
    http_client_close(&c);
    host_close(&h);
}

TEST(h1_handles_unsafe_requests_of_one_connection_one_after_the_other)
{
#define POST "POST /late HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"
    struct host h = {0};
    struct http_client c;
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, POST POST GET("/late"));
    host_wait_late(&h, &c, 1);
    http_client_turns(&c, 5);
    assert_int_equal(h.late_count, 1);
    host_answer(&h, 0, "1");
    host_wait_late(&h, &c, 2);
    http_client_turns(&c, 5);
    assert_int_equal(h.late_count, 2);
    host_answer(&h, 1, "2");
    host_wait_late(&h, &c, 3);
    host_answer(&h, 2, "3");
    expect(&c, 200, "1");
    expect(&c, 200, "2");
    expect(&c, 200, "3");
    http_client_close(&c);
    host_close(&h);
}

TEST(h1_reads_no_more_than_pipeline_max_requests_ahead)
{
    struct host h = {.options = HTTP_OPTIONS_DEFAULT};
    struct http_client c;
    h.options.pipeline_max = 3;
    host_open(&h);
    host_connect(&h, &c);
    for (int i = 0; i < 10; i++) {
        http_client_send(&c, GET("/late"));
    }
    host_wait_late(&h, &c, 3);
    http_client_turns(&c, 10);
    assert_int_equal(h.late_count, 3);
    for (int i = 0; i < 10; i++) {
        host_wait_late(&h, &c, KIT_MIN(i + 3, 10));
        host_answer(&h, i, "ok");
        expect(&c, 200, "ok");
    }
    http_client_close(&c);
    host_close(&h);
}

TEST(h1_sends_chunks_and_takes_chunks)
{
    struct host h = {0};
    struct http_client c;
    char *body = NULL;
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, GET("/stream/123456"));
    http_client_answer(&c, 200, NULL, &body);
    assert_int_equal(strlen(body), 123456);
    kit_alloc_free(body);
    http_client_send(&c, GET("/sized/54321"));
    http_client_answer(&c, 200, NULL, &body);
    assert_int_equal(strlen(body), 54321);
    kit_alloc_free(body);
    http_client_send(&c, GET("/stream/0"));
    expect(&c, 200, "");
    http_client_send(&c, GET("/owned"));
    http_client_answer(&c, 200, NULL, &body);
    assert_int_equal(strlen(body), 100000);
    kit_alloc_free(body);
    http_client_close(&c);
    host_close(&h);
}

TEST(h1_answers_head_without_a_body)
{
    struct host h = {0};
    struct http_client c;
    char *head = NULL;
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, "HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    http_client_head_answer(&c, 200, &head);
    assert_non_null(strstr(head, "Content-Length: 5\r\n"));
    kit_alloc_free(head);
    http_client_send(&c, "HEAD /stream/5000 HTTP/1.1\r\nHost: a\r\n\r\n");
    http_client_head_answer(&c, 200, NULL);
    http_client_send(&c, "HEAD /owned HTTP/1.1\r\nHost: a\r\n\r\n");
    http_client_head_answer(&c, 200, NULL);
    http_client_send(&c, "DELETE /empty HTTP/1.1\r\nHost: a\r\n\r\n");
    http_client_head_answer(&c, 204, &head);
    assert_null(strstr(head, "Content-Length"));
    kit_alloc_free(head);
    http_client_send(&c, GET("/hello"));
    expect(&c, 200, "hello");
    http_client_close(&c);
    host_close(&h);
}

TEST(h1_answers_options_and_405_with_allow)
{
    struct host h = {0};
    struct http_client c;
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, "OPTIONS /echo HTTP/1.1\r\nHost: a\r\n\r\n");
    expect_head(&c, 204, "\r\nAllow: POST, PUT, OPTIONS\r\n");
    http_client_send(&c, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    expect_head(&c, 204, "\r\nAllow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n");
    http_client_send(&c, "OPTIONS /nowhere HTTP/1.1\r\nHost: a\r\n\r\n");
    expect_head(&c, 404, "");
    http_client_send(&c, "DELETE /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    expect_head(&c, 405, "\r\nAllow: GET, HEAD, OPTIONS\r\n");
    http_client_send(&c, GET("/hello")); /* the connection lives on */
    expect(&c, 200, "hello");
    http_client_close(&c);
    host_close(&h);
}

TEST(h1_speaks_http_1_0)
{
    struct host h = {0};
    struct http_client c;
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    expect_head(&c, 200, "\r\nConnection: keep-alive\r\n");
    http_client_send(&c, "GET /hello HTTP/1.0\r\n\r\n");
    expect_head(&c, 200, "\r\nConnection: close\r\n");
    http_client_wait_end(&c);
    http_client_close(&c);
    host_connect(&h, &c);
    http_client_send(&c, "GET /stream/2500 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"); /* until close */
    http_client_wait_end(&c);
    assert_true(c.eof);
    assert_int_equal(c.in.len - (kit_str_find(kit_buf_str(&c.in), kit_str_lit("\r\n\r\n")) + 4), 2500);
    http_client_close(&c);
    host_close(&h);
}

TEST(h1_closes_after_connection_close_and_after_the_last_request_it_wants)
{
    struct host h = {.options = HTTP_OPTIONS_DEFAULT};
    struct http_client c;
    h.options.requests_per_connection_max = 2;
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    expect_head(&c, 200, "\r\nConnection: close\r\n");
    http_client_wait_end(&c);
    http_client_close(&c);
    host_connect(&h, &c);
    http_client_send(&c, GET("/hello") GET("/hello") GET("/hello"));
    expect(&c, 200, "hello");
    expect_head(&c, 200, "\r\nConnection: close\r\n");
    http_client_wait_end(&c);
    assert_int_equal(c.in.len, 0);
    http_client_close(&c);
    host_close(&h);
}

TEST(h1_says_continue_only_where_the_body_is_taken)
{
    struct host h = {0};
    struct http_client c;
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    http_client_head_answer(&c, 100, NULL);
    http_client_send(&c, "body");
    expect(&c, 200, "body");
    http_client_send(&c, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody");
    expect(&c, 200, "body"); /* it did not wait */
    http_client_send(&c, "POST /small HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 11\r\n\r\n");
    expect(&c, 413, "the route's own words");
    http_client_wait_end(&c);
    http_client_close(&c);
    host_connect(&h, &c);
    http_client_send(&c, "POST /nowhere HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    http_client_answer(&c, 404, NULL, NULL);
    http_client_wait_end(&c);
    http_client_close(&c);
    host_connect(&h, &c);
    http_client_send(
        &c, GET("/late") "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    host_wait_late(&h, &c, 1);
    http_client_turns(&c, 5);
    assert_int_equal(c.in.len, 0); /* not before its turn */
    host_answer(&h, 0, "first");
    expect(&c, 200, "first");
    http_client_head_answer(&c, 100, NULL);
    http_client_send(&c, "body");
    expect(&c, 200, "body");
    http_client_close(&c);
    host_close(&h);
}

TEST(h1_gives_the_handler_path_parameters_query_fields_and_trace)
{
#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    struct host h = {0};
    struct http_client c;
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(
        &c, "GET http://h/show/org%2Fa%20b/c?p=1&q=x+y%2B%26&q=2 HTTP/1.1\r\nhOsT:  here \r\ntraceparent: " TRACE
            "\r\nX-Request-Id: my-id.1\r\n\r\n");
    char *head = NULL, *body = NULL;
    http_client_answer(&c, 200, &head, &body);
    assert_string_equal(body, "GET path=/show/org/a b/c id=org/a b/c q=x y+& host=here trace=" TRACE
                              " peer=127.0.0.1: who=anonymous");
    assert_non_null(strstr(head, "\r\nX-Request-Id: my-id.1\r\n"));
    kit_alloc_free(head);
    kit_alloc_free(body);
    http_client_send(&c, "GET /show/x HTTP/1.1\r\nHost: a\r\ntraceparent: nonsense\r\nX-Request-Id: a b\r\n\r\n");
    http_client_answer(&c, 200, &head, &body);
    assert_non_null(strstr(body, " trace= "));
    assert_null(strstr(head, "a b"));
    kit_alloc_free(head);
    kit_alloc_free(body);
    http_client_close(&c);
    host_close(&h);
}

TEST(h1_lets_no_reply_field_smuggle_in_another)
{
    struct host h = {0};
    struct http_client c;
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    expect_head(&c, 200, "\r\nX-Echo: a  b\r\n");
    http_client_close(&c);
    host_close(&h);
}

struct refusal {
    const char *request;
    int status;
};

static void assert_refused(struct host *h, const struct refusal *r)
{
    struct http_client c;
    host_connect(h, &c);
    http_client_send(&c, r->request);
    http_client_wait_text(&c, "\r\n\r\n");
    if (atoi(c.in.ptr + 9) != r->status) {
        fail_msg("%s\nis answered by\n%.*s", r->request, (int)c.in.len, c.in.ptr);
    }
    http_client_answer(&c, r->status, NULL, NULL);
    http_client_wait_end(&c); /* and nothing behind it is taken as a request */
    assert_int_equal(c.in.len, 0);
    http_client_close(&c);
}

TEST(h1_refuses_what_two_readers_could_understand_differently)
{
#define SECOND GET("/hello")
    static const struct refusal cases[] = {
        {"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SECOND, 400},
        {"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" SECOND, 400},
        {"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd" SECOND, 400},
        {"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 4, 4\r\n\r\nabcd" SECOND, 400},
        {"POST /echo HTTP/1.1\r\n" HOST "Content-Length: +4\r\n\r\nabcd" SECOND, 400},
        {"POST /echo HTTP/1.1\r\n" HOST "Content-Length: -4\r\n\r\nabcd" SECOND, 400},
        {"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 0x4\r\n\r\nabcd" SECOND, 400},
        {"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 4 4\r\n\r\nabcd" SECOND, 400},
        {"POST /echo HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\nabcd" SECOND, 400},
        {"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999999\r\n\r\nabcd" SECOND, 400},
        {"POST /echo HTTP/1.1\r\n" HOST "Content-Length : 4\r\n\r\nabcd" SECOND, 400},
        {"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         400},
        {"POST /echo HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SECOND, 400},
        {"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" SECOND, 501},
        {"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" SECOND, 400},
        {"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n" SECOND, 501},
        {"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" SECOND, 501},
        {"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nx\r\n\r\n" SECOND, 400},
        {"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n" SECOND, 400},
        {"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n" SECOND, 400},
        {"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n 3\r\nabc\r\n0\r\n\r\n" SECOND, 400},
        {"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3 \r\nabc\r\n0\r\n\r\n" SECOND, 400},
        {"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n" SECOND, 400},
        {"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n" SECOND, 400},
        {"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc\r\n0\r\n\r\n", 400},
        {"GET /hello HTTP/1.1\r\n" HOST "X: a\r\n folded\r\n\r\n", 400},
        {"GET /hello HTTP/1.1\r\n" HOST "X: a\r\n\tfolded\r\n\r\n", 400},
        {"GET /hello HTTP/1.1\r\n Host: a\r\n\r\n", 400},
        {"GET /hello HTTP/1.1\n" HOST "\r\n", 400},
        {"GET /hello HTTP/1.1\r\nHost: a\n\r\n", 400},
        {"GET /hello HTTP/1.1\r\nHost: a\r\n\n" SECOND, 400},
        {"GET /hello HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", 400},
        {"GET /hello HTTP/1.1\r\n" HOST "X: a\x01"
         "b\r\n\r\n",
         400},
        {"GET /hello HTTP/1.1\r\n" HOST "No colon\r\n\r\n", 400},
        {"GET /hello HTTP/1.1\r\n" HOST ": empty\r\n\r\n", 400},
        {"GET /hello HTTP/1.1\r\n" HOST "X(: a\r\n\r\n", 400},
        {"GET /hello HTTP/1.1\r\n\r\n", 400},
        {"GET /hello HTTP/1.1\r\n" HOST HOST "\r\n", 400},
        {"GET /hello HTTP/1.0\r\n" HOST HOST "\r\n", 400},
    };
    struct host h = {0};
    host_open(&h);
    for (size_t i = 0; i < KIT_COUNT(cases); i++) {
        assert_refused(&h, &cases[i]);
    }
    assert_int_equal(h.handled, 0);
    host_wait_empty(&h);
    host_close(&h);
}

TEST(h1_refuses_a_nul_in_a_field)
{
    static const char text[] = "GET /hello HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n";
    struct host h = {0};
    struct http_client c;
    host_open(&h);
    host_connect(&h, &c);
    http_client_send_bytes(&c, text, sizeof(text) - 1);
    http_client_answer(&c, 400, NULL, NULL);
    http_client_wait_end(&c);
    http_client_close(&c);
    host_close(&h);
}

TEST(h1_refuses_targets_methods_versions_and_expectations_that_it_does_not_know)
{
    static const struct refusal cases[] = {
        {"GET /a%zz HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET /a%00 HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET /show/%2e%2e/x HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET /show/../x HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET hello HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET * HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET /hello#a HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET /a b HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET /\x80 HTTP/1.1\r\n" HOST "\r\n", 400},
        {"BREW /hello HTTP/1.1\r\n" HOST "\r\n", 501},
        {"get /hello HTTP/1.1\r\n" HOST "\r\n", 501},
        {"PROPFIND /hello HTTP/1.1\r\n" HOST "\r\n", 501},
        {"CONNECT a:80 HTTP/1.1\r\n" HOST "\r\n", 501},
        {"TRACE /hello HTTP/1.1\r\n" HOST "\r\n", 501},
        {"GET /hello HTTP/2.0\r\n" HOST "\r\n", 505},
        {"GET /hello HTTP/0.9\r\n" HOST "\r\n", 505},
        {"GET /hello HTTP/3.7\r\n" HOST "\r\n", 505},
        {"GET /hello\r\n\r\n", 505},
        {"GET /hello HTTQ/1.1\r\n" HOST "\r\n", 400},
        {"\x16\x03\x01\x02 TLS\r\n\r\n", 400},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
        {"POST /echo HTTP/1.1\r\n" HOST "Expect: magic\r\nContent-Length: 1\r\n\r\nx", 417},
    };
    struct host h = {0};
    host_open(&h);
    for (size_t i = 0; i < KIT_COUNT(cases); i++) {
        assert_refused(&h, &cases[i]);
    }
    assert_int_equal(h.handled, 0);
    host_close(&h);
}

/* "POST /echo …" with a filler of `count` bytes between two texts. */
static char *filled(const char *before, char fill, size_t count, const char *after)
{
    struct kit_buf b;
    kit_buf_init(&b, 64 * KIT_MIB);
    kit_buf_add(&b, kit_str_c(before));
    for (size_t i = 0; i < count; i++) {
        kit_buf_add_char(&b, fill);
    }
    kit_buf_add(&b, kit_str_c(after));
    return kit_buf_take(&b, NULL);
}

TEST(h1_keeps_each_limit_of_size)
{
    struct host h = {.options = HTTP_OPTIONS_DEFAULT};
    h.options.head_bytes_max = 4096;
    h.options.fields_max = 8;
    h.options.body_bytes_max = 200000;
    host_open(&h);
    const struct {
        char *request;
        int status;
    } cases[] = {
        {filled("GET /", 'a', 3000, " HTTP/1.1\r\n" HOST "\r\n"), 414},
        {filled("GET /", 'a', 100000, " HTTP/1.1\r\n" HOST "\r\n"), 414},
        {filled("GET /hello HTTP/1.1\r\n" HOST "X: ", 'a', 5000, "\r\n\r\n"), 431},
        {filled("GET /hello HTTP/1.1\r\n" HOST "X: ", 'a', 500000, "\r\n\r\n"), 431},
        {filled("GET /hello HTTP/1.1\r\n" HOST "X: ", ' ', 500000, "\r\n\r\n"), 431},
        {filled("GET /hello HTTP/1.1\r\n" HOST, 'a', 5000, ": b\r\n\r\n"), 431},
        {filled("GET /hello HTTP/1.1\r\n" HOST "A:1\r\nB:1\r\nC:1\r\nD:1\r\nE:1\r\nF:1\r\nG:1\r\nH:1\r\n\r\n", 'a', 0,
                ""),
         431},
        {filled("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 200001\r\n\r\n", 'a', 1000, ""), 413},
        {filled("POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n40000\r\n", 'a', 262144,
                "\r\n0\r\n\r\n"),
         413},
        {filled("POST /nobody HTTP/1.1\r\n" HOST "Content-Length: 70000\r\n\r\n", 'a', 70000, ""), 413},
        {filled("POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1;", 'a', 500000,
                "\r\na\r\n0\r\n\r\n"),
         400},
        {filled("POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nT: ", 'a', 500000,
                "\r\n\r\n"),
         400},
        {filled("", '\n', 500000, GET("/hello")), 431},
    };
    for (size_t i = 0; i < KIT_COUNT(cases); i++) {
        struct refusal r = {cases[i].request, cases[i].status};
        assert_refused(&h, &r);
        kit_alloc_free(cases[i].request);
    }
    assert_int_equal(h.handled, 0);
    host_wait_empty(&h);
    host_close(&h);
}

TEST(h1_takes_what_just_fits_the_limits)
{
    struct host h = {.options = HTTP_OPTIONS_DEFAULT};
    struct http_client c;
    char *request = NULL, *body = NULL;
    h.options.fields_max = 8;
    h.options.body_bytes_max = 200000;
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, "GET /hello HTTP/1.1\r\n" HOST "A:1\r\nB:1\r\nC:1\r\nD:1\r\nE:1\r\nF:1\r\nG:1\r\n\r\n");
    expect(&c, 200, "hello");
    request = filled("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 200000\r\n\r\n", 'b', 200000, "");
    http_client_send(&c, request);
    http_client_answer(&c, 200, NULL, &body);
    assert_int_equal(strlen(body), 200000);
    kit_alloc_free(request);
    kit_alloc_free(body);
    http_client_send(&c, "POST /small HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\n0123456789");
    expect(&c, 200, "0123456789");
    http_client_send(&c, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked\r\n\r\n");
    for (int i = 0; i < 1000; i++) {
        http_client_send(&c, "1\r\nz\r\n");
    }
    http_client_send(&c, "0\r\n\r\n");
    http_client_answer(&c, 200, NULL, &body);
    assert_int_equal(strlen(body), 1000);
    kit_alloc_free(body);
    http_client_close(&c);
    host_close(&h);
}

TEST(h1_answers_the_requests_before_a_malformed_one)
{
    struct host h = {0};
    struct http_client c;
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, GET("/late") "GET /hello HTTP/1.1\r\n\r\n" GET("/hello"));
    host_wait_late(&h, &c, 1);
    http_client_turns(&c, 5);
    assert_int_equal(c.in.len, 0);
    host_answer(&h, 0, "first");
    expect(&c, 200, "first");
    http_client_answer(&c, 400, NULL, NULL);
    http_client_wait_end(&c);
    assert_int_equal(c.in.len, 0);
    http_client_close(&c);
    host_close(&h);
}

TEST(h1_shows_a_cut_body_when_a_handler_aborts)
{
    struct host h = {0};
    struct http_client c;
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, GET("/cut"));
    http_client_wait_end(&c);
    kit_str in = kit_buf_str(&c.in);
    assert_true(kit_str_ends(in, kit_str_lit("7\r\nhalf of\r\n"))); /* and no last chunk */
    http_client_close(&c);
    host_connect(&h, &c);
    http_client_send(&c, "GET /cut HTTP/1.0\r\n\r\n");
    http_client_wait_end(&c);
    assert_true(c.reset); /* an end would look like the end of the body */
    http_client_close(&c);
    assert_int_equal(h.gone, 0);
    host_wait_empty(&h);
    host_close(&h);
}

int main(void)
{
    return TEST_RUN(
        TEST_OF(h1_answers_several_requests_on_one_connection), TEST_OF(h1_writes_a_complete_head_and_tells_no_version),
        TEST_OF(h1_takes_a_request_that_comes_byte_by_byte),
        TEST_OF(h1_answers_pipelined_requests_in_order_though_handlers_answer_out_of_order),
        TEST_OF(h1_handles_unsafe_requests_of_one_connection_one_after_the_other),
        TEST_OF(h1_reads_no_more_than_pipeline_max_requests_ahead), TEST_OF(h1_sends_chunks_and_takes_chunks),
        TEST_OF(h1_answers_head_without_a_body), TEST_OF(h1_answers_options_and_405_with_allow),
        TEST_OF(h1_speaks_http_1_0), TEST_OF(h1_closes_after_connection_close_and_after_the_last_request_it_wants),
        TEST_OF(h1_says_continue_only_where_the_body_is_taken),
        TEST_OF(h1_gives_the_handler_path_parameters_query_fields_and_trace),
        TEST_OF(h1_lets_no_reply_field_smuggle_in_another),
        TEST_OF(h1_refuses_what_two_readers_could_understand_differently), TEST_OF(h1_refuses_a_nul_in_a_field),
        TEST_OF(h1_refuses_targets_methods_versions_and_expectations_that_it_does_not_know),
        TEST_OF(h1_keeps_each_limit_of_size), TEST_OF(h1_takes_what_just_fits_the_limits),
        TEST_OF(h1_answers_the_requests_before_a_malformed_one), TEST_OF(h1_shows_a_cut_body_when_a_handler_aborts));
}
