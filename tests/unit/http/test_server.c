#include "host.h"

#include <sys/socket.h>

#include "http/metrics.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static void expect(struct http_client *c, int status, const char *body)
{
    char *got = NULL;
    http_client_answer(c, status, NULL, &got);
    assert_string_equal(got, body);
    kit_alloc_free(got);
}

/* --- clients that leave --- */

TEST(server_tells_gone_once_when_a_client_resets_while_its_request_waits)
{
    struct host h = {0};
    struct http_client c;
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, GET("/late"));
    host_wait_late(&h, &c, 1);
    http_client_reset(&c);
    host_wait_empty(&h);
    assert_int_equal(h.gone, 1);
    assert_null(host_find(&h, 0));
    host_close(&h);
    assert_int_equal(h.gone, 1);
}

TEST(server_tells_gone_when_a_client_closes_while_its_request_waits)
{
    struct host h = {0};
    struct http_client c;
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, GET("/late"));
    host_wait_late(&h, &c, 1);
    http_client_close(&c); /* only an end of bytes, which a half-close looks like */
    host_wait_empty(&h);
    assert_int_equal(h.gone, 1);
    host_close(&h);
}

TEST(server_tells_gone_while_reading_is_paused)
{
    struct host h = {.options = HTTP_OPTIONS_DEFAULT};
    struct http_client c;
    h.options.pipeline_max = 2;
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, GET("/late") GET("/late") GET("/late") GET("/late"));
    host_wait_late(&h, &c, 2);
    http_client_close(&c);
    host_wait_empty(&h);
    assert_int_equal(h.gone, 2);
    host_close(&h);
}

TEST(server_tells_gone_of_a_stream_that_waits_for_its_source)
{
    struct host h = {0};
    struct http_client c;
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, GET("/feed"));
    http_client_wait_text(&c, "\r\n\r\n");
    http_client_reset(&c);
    host_wait_empty(&h);
    assert_int_equal(h.gone, 1);
    host_close(&h);
}

TEST(server_tells_gone_when_a_client_closes_a_stream_that_waits_for_its_source)
{
    struct host h = {0};
    struct http_client c;
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, GET("/feed"));
    http_client_wait_text(&c, "\r\n\r\n");
    http_client_close(&c);
    host_wait_empty(&h);
    assert_int_equal(h.gone, 1);
    host_close(&h);
}

TEST(server_goes_on_streaming_to_a_half_closed_client)
{
    struct host h = {0};
    struct http_client c;
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, GET("/feed"));
    http_client_wait_text(&c, "\r\n\r\n");
    http_client_half_close(&c);
    http_client_wait_text(&c, "\r\n\r\n000"); /* three sweeps */
    assert_int_equal(http_reply_chunk(host_find(&h, 0), kit_str_lit("one")), KIT_OK);
    http_client_wait_text(&c, "3\r\none\r\n");
    http_client_turns(&c, 10);
    http_reply_finish(host_find(&h, 0));
    expect(&c, 200, "one");
    http_client_wait_end(&c);
    assert_int_equal(c.in.len + (size_t)h.gone, 0);
    http_client_close(&c);
    host_close(&h);
}

TEST(server_answers_a_half_closed_client_with_nothing_added)
{
    struct host h = {0};
    struct http_client c;
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, GET("/late") GET("/late"));
    host_wait_late(&h, &c, 2);
    http_client_half_close(&c);
    http_client_turns(&c, 20);
    assert_int_equal(h.gone, 0);
    assert_str(kit_buf_str(&c.in), "H"); /* of "HTTP/1.1": the probe */
    host_answer(&h, 1, "second");
    host_answer(&h, 0, "first");
    expect(&c, 200, "first");
    expect(&c, 200, "second");
    http_client_wait_end(&c);
    assert_true(c.eof);
    assert_int_equal(c.in.len, 0);
    http_client_close(&c);
    host_wait_empty(&h);
    assert_int_equal(h.gone, 0);
    host_close(&h);
}

TEST(server_answers_a_half_closed_client_that_it_does_not_read_from)
{
    struct host h = {.options = HTTP_OPTIONS_DEFAULT};
    struct http_client c;
    h.options.pipeline_max = 1;
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, GET("/late") GET("/hello") GET("/late"));
    host_wait_late(&h, &c, 1);
    http_client_half_close(&c);
    http_client_turns(&c, 20);
    host_answer(&h, 0, "first");
    expect(&c, 200, "first");
    expect(&c, 200, "hello");
    host_wait_late(&h, &c, 2);
    host_answer(&h, 1, "third");
    expect(&c, 200, "third");
    http_client_wait_end(&c);
    http_client_close(&c);
    assert_int_equal(h.gone, 0);
    host_close(&h);
}

TEST(server_goes_on_probing_a_client_that_left_byte_by_byte)
{
    struct host h = {0};
    struct http_client c;
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, GET("/late"));
    host_wait_late(&h, &c, 1);
    http_client_half_close(&c);
    http_client_wait_text(&c, "HTTP/1.1 "); /* one byte a sweep; all of it */
    http_client_turns(&c, 100);
    assert_int_equal(c.in.len, 9);
    http_client_close(&c); /* the answer itself tells */
    host_answer(&h, 0, "too late");
    host_wait_empty(&h);
    host_close(&h);
}

TEST(server_drops_a_request_that_is_not_complete_when_its_client_ends)
{
    static const char *const halves[] = {"GET /hel", "GET /hello HTTP/1.1\r\nHost: a\r\n",
                                         "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc"};
    struct host h = {0};
    host_open(&h);
    for (size_t i = 0; i < KIT_COUNT(halves); i++) {
        struct http_client c;
        host_connect(&h, &c);
        http_client_send(&c, GET("/hello"));
        http_client_send(&c, halves[i]);
        http_client_half_close(&c);
        expect(&c, 200, "hello");
        http_client_wait_end(&c);
        assert_int_equal(c.in.len, 0);
        http_client_close(&c);
    }
    host_wait_empty(&h);
    assert_int_equal(h.handled, 3);
    host_close(&h);
}

static void vanish_many(struct host *h, int count)
{
    static const char *const requests[] = {GET("/late"),
                                           GET("/late") GET("/late"),
                                           GET("/feed"),
                                           GET("/stream/100000000"),
                                           GET("/hello"),
                                           "GET /he",
                                           "POST /late HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab",
                                           "POST /late HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd"};
    for (int i = 0; i < count; i++) {
        struct http_client c;
        host_connect(h, &c);
        http_client_send(&c, requests[(size_t)i % KIT_COUNT(requests)]);
        http_client_turns(&c, i % 4);
        (i % 3 == 0 ? http_client_reset : http_client_close)(&c);
        if (i % 16 == 15) {
            host_wait_empty(h);
            h->late_count = 0;
        }
    }
    host_wait_empty(h);
    h->late_count = 0;
}

TEST(server_keeps_no_memory_of_a_thousand_clients_that_vanish)
{
    struct host h = {0};
    host_open(&h);
    vanish_many(&h, 1000); /* pools and series are there now */
    uint64_t bytes = kit_alloc_bytes(), count = kit_alloc_count();
    vanish_many(&h, 1000);
    assert_int_equal(kit_alloc_bytes(), bytes);
    assert_int_equal(kit_alloc_count(), count);
    host_close(&h);
}

TEST(server_find_gives_a_request_until_it_is_answered)
{
    struct host h = {0};
    struct http_client c;
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, GET("/late") GET("/late"));
    host_wait_late(&h, &c, 2);
    assert_int_equal(http_server_counts(h.server).requests, 2);
    host_answer(&h, 1, "b");
    assert_null(host_find(&h, 1)); /* though its turn has not come */
    assert_non_null(host_find(&h, 0));
    host_answer(&h, 0, "a");
    expect(&c, 200, "a");
    expect(&c, 200, "b");
    assert_null(host_find(&h, 0));
    http_client_close(&c);
    host_close(&h);
    assert_int_equal(h.gone, 0);
}

/* --- slow readers --- */

TEST(server_pauses_the_stream_of_a_slow_reader_and_nobody_elses)
{
    struct host h = {.options = HTTP_OPTIONS_DEFAULT};
    struct http_client slow, quick;
    h.options.write_buffer_bytes_max = 65536;
    h.endless = true;
    host_open(&h);
    host_connect(&h, &slow);
    const char request[] = GET("/stream/1000");
    assert_int_equal(send(slow.fd, request, sizeof(request) - 1, 0), sizeof(request) - 1);
    int calls = -1;
    for (int quiet = 0; quiet < 1000; quiet++) { /* until that many rounds have brought no further call */
        host_turn(&h);
        quiet = h.more == calls && calls > 0 ? quiet : 0;
        calls = h.more;
    }
    assert_true(calls > 0);
    host_connect(&h, &quick);
    http_client_send(&quick, GET("/hello"));
    expect(&quick, 200, "hello");
    http_client_turns(&quick, 100);
    assert_int_equal(h.more, calls);
    http_client_wait_bytes(&slow, 4 * KIT_MIB); /* it reads again */
    assert_true(h.more > calls);
    http_client_reset(&slow);
    http_client_close(&quick);
    host_wait_empty(&h);
    assert_int_equal(h.gone, 1);
    host_close(&h);
}

TEST(server_reads_no_further_request_of_a_client_that_takes_no_answers)
{
    struct host h = {.options = HTTP_OPTIONS_DEFAULT};
    struct http_client c;
    int small = 4096;
    h.options.write_buffer_bytes_max = 65536;
    host_open(&h);
    host_connect(&h, &c);
    setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    uint64_t before = kit_alloc_bytes();
    for (int i = 0; i < 2000; i++) { /* 200 MB of answers */
        const char request[] = GET("/owned");
        if (send(c.fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0) {
            break;
        }
        host_turn(&h);
    }
    assert_true(kit_alloc_bytes() - before < 8 * KIT_MIB);
    http_client_reset(&c);
    host_wait_empty(&h);
    host_close(&h);
}

TEST(server_gives_a_chunk_back_when_the_buffer_is_full)
{
    struct host h = {.options = HTTP_OPTIONS_DEFAULT};
    struct http_client c;
    static char block[30000];
    h.options.write_buffer_bytes_max = 65536;
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, GET("/late") GET("/feed")); /* the second is held: nothing of it is written */
    host_wait_late(&h, &c, 2);
    struct http_request *r = host_find(&h, 1);
    assert_true(http_reply_started(r));
    assert_int_equal(http_reply_chunk(r, (kit_str){block, sizeof(block)}), KIT_OK);
    assert_int_equal(http_reply_chunk(r, (kit_str){block, sizeof(block)}), KIT_OK);
    assert_int_equal(http_reply_chunk(r, (kit_str){block, sizeof(block)}), KIT_FULL);
    host_answer(&h, 0, "first");
    expect(&c, 200, "first");
    assert_int_equal(http_reply_chunk(r, (kit_str){block, sizeof(block)}), KIT_OK);
    http_reply_finish(r);
    char *body = NULL;
    http_client_answer(&c, 200, NULL, &body);
    kit_alloc_free(body);
    http_client_close(&c);
    host_close(&h);
}

/* Half of the buffer is free, but the chunk does not fit: to ask for it again and again would be a loop. */
TEST(server_asks_once_for_a_chunk_that_does_not_fit_yet)
{
    static char block[65536];
    struct host h = {.options = HTTP_OPTIONS_DEFAULT};
    struct http_client c;
    h.options.write_buffer_bytes_max = sizeof(block);
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, GET("/late") GET("/ask")); /* the second is held: nothing of it is written */
    host_wait_late(&h, &c, 2);
    struct http_request *r = host_find(&h, 1);
    h.again = (kit_str){block, sizeof(block)};
    assert_int_equal(http_reply_chunk(r, (kit_str){block, 20000}), KIT_OK);
    assert_int_equal(http_reply_chunk(r, h.again), KIT_FULL);
    http_client_turns(&c, 100);
    assert_int_equal(h.more, 0);
    host_answer(&h, 0, "first");
    expect(&c, 200, "first");
    http_client_wait_bytes(&c, 20000 + sizeof(block));
    assert_int_equal(h.more, 1);
    http_reply_finish(r);
    http_client_answer(&c, 200, NULL, NULL);
    http_client_close(&c);
    host_close(&h);
}

/* --- limits of number and time --- */

TEST(server_tells_one_connection_too_many_that_it_is_full)
{
    struct host h = {.options = HTTP_OPTIONS_DEFAULT};
    struct http_client a, b, c;
    h.options.connections_max = 2;
    host_open(&h);
    host_connect(&h, &a);
    host_connect(&h, &b);
    host_connect(&h, &c);
    http_client_send(&c, GET("/hello"));
    http_client_answer(&c, 503, NULL, NULL);
    http_client_wait_end(&c);
    http_client_close(&c);
    http_client_send(&a, GET("/hello"));
    expect(&a, 200, "hello");
    http_client_close(&a);
    http_client_turns(&b, 20);
    host_connect(&h, &c);
    http_client_send(&c, GET("/hello"));
    expect(&c, 200, "hello"); /* there is room again */
    http_client_close(&b);
    http_client_close(&c);
    host_wait_empty(&h);
    host_close(&h);
}

static void short_times(struct host *h)
{
    h->options = HTTP_OPTIONS_DEFAULT;
    h->options.fail = host_fail;
    h->options.head_timeout_ms = h->options.body_timeout_ms = 1;
    h->options.idle_timeout_ms = h->options.write_timeout_ms = 1;
}

TEST(server_closes_idle_connections_without_a_word)
{
    struct host h = {0};
    struct http_client c, used;
    short_times(&h);
    host_open(&h);
    host_connect(&h, &c);
    host_connect(&h, &used);
    http_client_send(&used, GET("/hello"));
    expect(&used, 200, "hello");
    http_client_wait_end(&c);
    http_client_wait_end(&used);
    assert_int_equal(c.in.len + used.in.len, 0);
    http_client_close(&c);
    http_client_close(&used);
    host_close(&h);
}

/* What so many clients who read nothing of an endless answer make the server hold. */
static uint64_t held_by_deaf(uint64_t writes_bytes_max)
{
    struct host h = {.options = HTTP_OPTIONS_DEFAULT, .endless = true};
    struct http_client c[8];
    h.options.writes_bytes_max = writes_bytes_max;
    host_open(&h);
    for (size_t i = 0; i < KIT_COUNT(c); i++) {
        host_connect(&h, &c[i]);
        http_client_send(&c[i], GET("/stream/1000"));
    }
    uint64_t before = kit_alloc_bytes();
    for (int i = 0; i < 2000; i++) {
        host_turn(&h); /* nobody reads */
    }
    uint64_t held = kit_alloc_bytes() - before;
    for (size_t i = 0; i < KIT_COUNT(c); i++) {
        http_client_reset(&c[i]);
    }
    host_wait_empty(&h);
    host_close(&h);
    return held;
}

TEST(server_holds_little_for_each_of_many_who_do_not_read)
{
    uint64_t roomy = held_by_deaf(UINT64_C(1) << 40), tight = held_by_deaf(2 * KIT_MIB);
    assert_in_range(roomy, 7 * KIT_MIB, 10 * KIT_MIB); /* write_buffer_bytes_max each */
    assert_in_range(tight, KIT_MIB, 4 * KIT_MIB);
}

TEST(server_takes_new_timeouts_while_it_runs)
{
    struct host h = {0};
    struct http_client c;
    host_open(&h);
    host_connect(&h, &c);
    http_client_turns(&c, 5);
    assert_false(c.eof);
    http_server_set_timeouts(h.server, &(struct http_timeouts){1, 1, 1, 1});
    http_client_wait_end(&c);
    http_client_close(&c);
    host_close(&h);
}

/* So many requests in one piece, which the server reads at once. */
static void send_many(struct http_client *c, int count)
{
    struct kit_buf text;
    kit_buf_init(&text, KIT_MIB);
    for (int i = 0; i < count; i++) {
        assert_int_equal(kit_buf_add(&text, kit_str_lit(GET("/hello"))), KIT_OK);
    }
    http_client_send_bytes(c, text.ptr, text.len);
    kit_buf_done(&text);
}

TEST(server_answers_only_so_many_requests_of_a_connection_in_one_turn)
{
    struct host h = {0};
    struct http_client many;
    host_open(&h);
    host_connect(&h, &many);
    send_many(&many, 1000);
    for (int seen = 0; h.handled < 1000; seen = h.handled) {
        host_turn(&h);
        assert_true(h.handled - seen <= 32); /* an event and a task of one turn, 16 each */
    }
    for (int i = 0; i < 1000; i++) {
        expect(&many, 200, "hello");
    }
    http_client_send(&many, GET("/hello")); /* and it is read from again */
    expect(&many, 200, "hello");
    http_client_close(&many);
    host_wait_empty(&h);
    host_close(&h);
}

TEST(server_answers_others_while_one_client_pipelines)
{
    struct host h = {0};
    struct http_client many[8], one;
    host_open(&h);
    for (size_t i = 0; i < KIT_COUNT(many); i++) {
        host_connect(&h, &many[i]);
        send_many(&many[i], 1000);
    }
    host_connect(&h, &one);
    int before = h.handled;
    http_client_send(&one, GET("/late"));
    host_wait_late(&h, &one, 1);
    assert_true(h.handled - before <= 8 * 32 * 4); /* a few turns: to be accepted, and to be read */
    http_client_close(&one);
    for (size_t i = 0; i < KIT_COUNT(many); i++) {
        http_client_close(&many[i]);
    }
    host_wait_empty(&h);
    host_close(&h);
}

TEST(server_answers_408_to_a_head_or_body_that_does_not_come)
{
    static const char *const halves[] = {"GET /hel", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc"};
    struct host h = {0};
    short_times(&h);
    host_open(&h);
    for (size_t i = 0; i < KIT_COUNT(halves); i++) {
        struct http_client c;
        char *body = NULL;
        host_connect(&h, &c);
        http_client_send(&c, halves[i]);
        http_client_answer(&c, 408, NULL, &body);
        assert_memory_equal(body, "timeout|", 8);
        kit_alloc_free(body);
        http_client_wait_end(&c);
        http_client_close(&c);
    }
    host_wait_empty(&h);
    host_close(&h);
}

TEST(server_counts_a_client_that_takes_nothing_as_gone)
{
    struct host h = {0};
    struct http_client c;
    int small = 4096;
    short_times(&h);
    h.endless = true;
    host_open(&h);
    host_connect(&h, &c);
    setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    const char request[] = GET("/stream/1000");
    assert_int_equal(send(c.fd, request, sizeof(request) - 1, 0), sizeof(request) - 1);
    host_turn(&h);
    host_wait_empty(&h);
    assert_int_equal(h.gone, 1);
    http_client_close(&c);
    host_close(&h);
}

TEST(server_waits_for_a_handler_however_short_its_times_are)
{
    struct host h = {0};
    struct http_client c;
    short_times(&h);
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, GET("/late"));
    host_wait_late(&h, &c, 1);
    uint64_t until_ns = kit_clock_ns() + 600 * KIT_NS_PER_MS; /* two sweeps */
    while (kit_clock_ns() < until_ns) {
        http_client_turns(&c, 1);
    }
    host_answer(&h, 0, "at last");
    expect(&c, 200, "at last");
    http_client_close(&c);
    host_close(&h);
}

TEST(server_new_names_the_option_that_is_zero)
{
    struct host h = {0};
    struct kit_err err;
    struct http_options o = HTTP_OPTIONS_DEFAULT;
    struct http_server *s = NULL;
    host_open(&h);
    o.pipeline_max = 0;
    assert_int_equal(http_server_new(h.loop, h.router, &o, &s, &err), KIT_INVALID);
    assert_string_equal(err.msg, "http: pipeline_max must be at least 1");
    assert_string_equal(err.param, "pipeline_max");
    assert_null(s);
    host_close(&h);
}

/* --- draining --- */

static void turn_until(struct host *h, const int *flag)
{
    for (int i = 0; i < 10000000 && *flag == 0; i++) {
        host_turn(h);
    }
}

TEST(server_drain_closes_idle_connections_and_answers_the_rest)
{
    struct host h = {0};
    struct http_client idle, busy;
    char *head = NULL;
    int done = 0;
    host_open(&h);
    host_connect(&h, &idle);
    host_connect(&h, &busy);
    http_client_send(&busy, GET("/late"));
    host_wait_late(&h, &busy, 1);
    http_server_drain(h.server, 60000, host_drained, &done);
    http_client_wait_end(&idle);
    http_client_turns(&busy, 20);
    assert_int_equal(done, 0);
    host_answer(&h, 0, "still served");
    http_client_answer(&busy, 200, &head, NULL);
    assert_non_null(strstr(head, "\r\nConnection: close\r\n"));
    kit_alloc_free(head);
    http_client_wait_end(&busy);
    turn_until(&h, &done);
    assert_int_equal(done, 1);
    assert_int_equal(h.gone, 0);
    http_client_close(&idle);
    http_client_close(&busy);
    host_close(&h);
}

TEST(server_drain_cuts_what_is_left_when_its_time_is_up)
{
    struct host h = {0};
    struct http_client c;
    int done = 0;
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, GET("/feed"));
    host_wait_late(&h, &c, 1);
    http_server_drain(h.server, 1, host_drained, &done);
    turn_until(&h, &done);
    assert_int_equal(done, 1);
    assert_int_equal(h.gone, 1);
    http_client_wait_end(&c);
    http_client_close(&c);
    host_close(&h);
}

TEST(server_drain_of_an_empty_server_ends_at_once)
{
    struct host h = {0};
    int done = 0;
    host_open(&h);
    http_server_drain(h.server, 60000, host_drained, &done);
    turn_until(&h, &done);
    assert_int_equal(done, 1);
    host_close(&h);
}

static void drained_and_freed(void *ctx)
{
    struct host *h = ctx;
    http_server_free(h->server);
    h->server = NULL;
}

TEST(server_may_be_freed_from_drained)
{
    struct host h = {0};
    host_open(&h);
    http_server_drain(h.server, 60000, drained_and_freed, &h);
    for (int i = 0; i < 100; i++) {
        host_turn(&h);
    }
    assert_null(h.server);
    host_close(&h);
}

TEST(server_free_tells_gone_to_requests_that_wait)
{
    struct host h = {0};
    struct http_client c;
    uint64_t before = kit_alloc_count();
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, GET("/late") GET("/feed"));
    host_wait_late(&h, &c, 2);
    host_close(&h);
    assert_int_equal(h.gone, 2);
    http_client_close(&c);
    assert_true(kit_alloc_count() <= before + 16); /* series of metrics live as long as the process */
}

/* --- metrics --- */

static bool shows(const char *line)
{
    struct kit_buf text;
    kit_buf_init(&text, KIT_MIB);
    assert_int_equal(kit_metric_render(&text, ""), KIT_OK);
    bool found = kit_str_find(kit_buf_str(&text), kit_str_c(line)) < text.len;
    kit_buf_done(&text);
    return found;
}

TEST(server_counts_requests_by_route_method_and_code)
{
    struct host h = {0};
    struct http_client c;
    http_metrics_register();
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, "PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
    expect(&c, 200, "x");
    http_client_send(&c, "PUT /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
    http_client_answer(&c, 404, NULL, NULL);
    assert_true(shows("http_requests_total{route=\"/echo\",method=\"PUT\",code=\"200\"} 1\n"));
    assert_true(shows("http_requests_total{route=\"none\",method=\"PUT\",code=\"404\"} 1\n"));
    assert_true(shows("http_request_seconds_count{route=\"/echo\"} "));
    assert_true(shows("http_refused_total{reason=\"route\"} "));
    assert_true(shows("http_connections 1\n"));
    http_client_send(&c, "POST /late HTTP/1.1\r\nHost: a\r\n\r\n");
    host_wait_late(&h, &c, 1);
    http_client_reset(&c);
    host_wait_empty(&h);
    assert_true(shows("http_requests_total{route=\"/late\",method=\"POST\",code=\"499\"} "));
    assert_true(shows("http_connections 0\n"));
    host_close(&h);
}

/* --- out of memory --- */

TEST(server_new_survives_each_failed_alloc)
{
    struct host h = {0};
    host_open(&h);
    TEST_ALLOC_SWEEP(n) {
        struct http_server *s = NULL;
        uint16_t port = 0;
        enum kit_status rc = http_server_new(h.loop, h.router, &h.options, &s, NULL);
        rc = rc == KIT_OK ? http_server_listen(s, "127.0.0.1", 0, &port, NULL) : rc;
        assert_true(rc == KIT_OK ? port > 0 : rc == KIT_NOMEM);
        http_server_free(s);
    }
    host_close(&h);
}

/* One request with the n-th allocation of the server failing: it is answered, answered 503, or cut. */
static void request_with_failure(struct host *h, const char *request, uint64_t n, uint64_t *more)
{
    struct http_client c;
    host_connect(h, &c);
    kit_alloc_fail_at(n);
    http_client_send(&c, request);
    for (int i = 0; i < 60; i++) {
        host_turn(h);
        for (; h->late_count > 0; h->late_count--) {
            struct http_request *r = host_find(h, h->late_count - 1);
            if (r != NULL && !http_reply_started(r)) {
                http_reply_send(r, 200, NULL, kit_str_lit("late"));
            } else if (r != NULL && http_reply_chunk(r, kit_str_lit("fed")) == KIT_OK) {
                http_reply_finish(r);
            }
        }
    }
    *more = kit_alloc_failed();
    kit_alloc_fail_at(0);
    http_client_turns(&c, 5);
    http_client_reset(&c);
    host_wait_empty(h);
}

#define CHUNKED                                                                                                        \
    "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"                     \
    "3\r\nabc\r\n0\r\n\r\n"

TEST(server_survives_each_failed_alloc_of_a_request)
{
    static const char *const requests[] = {GET("/hello"),
                                           GET("/late"),
                                           GET("/feed"),
                                           GET("/stream/20000"),
                                           GET("/owned"),
                                           GET("/show/a%20b?q=c%20d"),
                                           GET("/nowhere"),
                                           GET("/late") GET("/owned") GET("/stream/9000"),
                                           "OPTIONS /hello HTTP/1.1\r\nHost: a\r\n\r\n",
                                           CHUNKED,
                                           "BREW / HTTP/1.1\r\n\r\n"};
    struct host h = {0};
    for (size_t i = 0; i < KIT_COUNT(requests); i++) {
        uint64_t n = 1, more = 1;
        for (; more != 0; n++) {
            h = (struct host){0};
            host_open(&h); /* anew: pools would hide allocations */
            request_with_failure(&h, requests[i], n, &more);
            host_close(&h);
        }
        assert_true(n > 3);
    }
}

int main(void)
{
    return TEST_RUN(
        TEST_OF(server_tells_gone_once_when_a_client_resets_while_its_request_waits),
        TEST_OF(server_tells_gone_when_a_client_closes_while_its_request_waits),
        TEST_OF(server_tells_gone_while_reading_is_paused),
        TEST_OF(server_tells_gone_of_a_stream_that_waits_for_its_source),
        TEST_OF(server_tells_gone_when_a_client_closes_a_stream_that_waits_for_its_source),
        TEST_OF(server_goes_on_streaming_to_a_half_closed_client),
        TEST_OF(server_answers_a_half_closed_client_with_nothing_added),
        TEST_OF(server_answers_a_half_closed_client_that_it_does_not_read_from),
        TEST_OF(server_goes_on_probing_a_client_that_left_byte_by_byte),
        TEST_OF(server_drops_a_request_that_is_not_complete_when_its_client_ends),
        TEST_OF(server_keeps_no_memory_of_a_thousand_clients_that_vanish),
        TEST_OF(server_find_gives_a_request_until_it_is_answered),
        TEST_OF(server_pauses_the_stream_of_a_slow_reader_and_nobody_elses),
        TEST_OF(server_reads_no_further_request_of_a_client_that_takes_no_answers),
        TEST_OF(server_gives_a_chunk_back_when_the_buffer_is_full),
        TEST_OF(server_asks_once_for_a_chunk_that_does_not_fit_yet),
        TEST_OF(server_tells_one_connection_too_many_that_it_is_full),
        TEST_OF(server_closes_idle_connections_without_a_word),
        TEST_OF(server_holds_little_for_each_of_many_who_do_not_read), TEST_OF(server_takes_new_timeouts_while_it_runs),
        TEST_OF(server_answers_only_so_many_requests_of_a_connection_in_one_turn),
        TEST_OF(server_answers_others_while_one_client_pipelines),
        TEST_OF(server_answers_408_to_a_head_or_body_that_does_not_come),
        TEST_OF(server_counts_a_client_that_takes_nothing_as_gone),
        TEST_OF(server_waits_for_a_handler_however_short_its_times_are),
        TEST_OF(server_new_names_the_option_that_is_zero),
        TEST_OF(server_drain_closes_idle_connections_and_answers_the_rest),
        TEST_OF(server_drain_cuts_what_is_left_when_its_time_is_up),
        TEST_OF(server_drain_of_an_empty_server_ends_at_once), TEST_OF(server_may_be_freed_from_drained),
        TEST_OF(server_free_tells_gone_to_requests_that_wait), TEST_OF(server_counts_requests_by_route_method_and_code),
        TEST_OF(server_new_survives_each_failed_alloc), TEST_OF(server_survives_each_failed_alloc_of_a_request));
}
