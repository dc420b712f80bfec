/* How a server ends: streams that are told, idle connections, and replies that have no body to wait for. */
#include "host.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define HEAD(path) "HEAD " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define LONG_MS 600000 /* a drain that waits for its end fails its test */
#define FEW_TURNS 20

static void expect(struct http_client *c, int status, const char *body)
{
    char *got = NULL;
    http_client_answer(c, status, NULL, &got);
    assert_string_equal(got, body);
    kit_alloc_free(got);
}

static void turn(struct host *h, int count)
{
    for (int i = 0; i < count; i++) {
        host_turn(h);
    }
}

/* --- what is not answered in time --- */

TEST(drain_that_is_over_answers_503_where_no_answer_has_begun)
{
    struct host h = {.stays = true};
    struct http_client waits, streams;
    char *head = NULL;
    int done = 0;
    host_open(&h);
    host_connect(&h, &waits);
    http_client_send(&waits, GET("/late"));
    host_wait_late(&h, &waits, 1);
    host_connect(&h, &streams);
    http_client_send(&streams, GET("/live"));
    host_wait_late(&h, &streams, 2);
    http_client_wait_text(&streams, "\r\n\r\n");
    size_t begun = streams.in.len;
    http_server_drain(h.server, 0, host_drained, &done);
    http_client_answer(&waits, 503, &head, NULL);
    assert_non_null(strstr(head, "\r\nConnection: close\r\n"));
    kit_alloc_free(head);
    http_client_wait_end(&waits);
    assert_true(waits.eof);
    http_client_wait_end(&streams);
    assert_int_equal(streams.in.len, begun); /* nothing in the middle of an answer */
    turn(&h, FEW_TURNS);
    assert_int_equal(done, 1);
    assert_int_equal(h.gone, 2);
    http_client_close(&waits);
    http_client_close(&streams);
    host_close(&h);
}

/* --- streams --- */

TEST(drain_tells_each_stream_once_and_ends_with_them)
{
    struct host h = {0};
    struct http_client c[3];
    int done = 0;
    host_open(&h);
    for (int i = 0; i < 3; i++) {
        host_connect(&h, &c[i]);
        http_client_send(&c[i], GET("/live"));
        host_wait_late(&h, &c[i], i + 1);
    }
    assert_int_equal(h.drains, 0);
    http_server_drain(h.server, LONG_MS, host_drained, &done);
    for (int i = 0; i < 3; i++) {
        expect(&c[i], 200, "bye");
        http_client_wait_end(&c[i]);
        assert_true(c[i].eof);
        http_client_close(&c[i]);
    }
    turn(&h, FEW_TURNS);
    assert_int_equal(done, 1);
    assert_int_equal(h.drains, 3);
    assert_int_equal(h.gone, 0);
    host_close(&h);
}

TEST(drain_waits_for_a_stream_that_was_told_and_goes_on)
{
    struct host h = {.stays = true};
    struct http_client c;
    int done = 0;
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, GET("/live"));
    host_wait_late(&h, &c, 1);
    http_server_drain(h.server, LONG_MS, host_drained, &done);
    http_client_turns(&c, FEW_TURNS);
    assert_int_equal(done, 0);
    assert_int_equal(http_reply_chunk(host_find(&h, 0), kit_str_lit("last words")), KIT_OK);
    http_reply_finish(host_find(&h, 0));
    expect(&c, 200, "last words");
    turn(&h, FEW_TURNS);
    assert_int_equal(done, 1);
    assert_int_equal(h.drains, 1);
    http_client_close(&c);
    host_close(&h);
}

TEST(drain_leaves_a_stream_alone_whose_source_has_no_drain)
{
    struct host h = {0};
    struct http_client c;
    int done = 0;
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, GET("/feed"));
    host_wait_late(&h, &c, 1);
    http_server_drain(h.server, LONG_MS, host_drained, &done);
    http_client_turns(&c, FEW_TURNS);
    assert_int_equal(done + h.gone, 0);
    http_reply_finish(host_find(&h, 0));
    expect(&c, 200, "");
    turn(&h, FEW_TURNS);
    assert_int_equal(done, 1);
    http_client_close(&c);
    host_close(&h);
}

TEST(drain_tells_a_stream_that_waits_for_its_turn)
{
    struct host h = {0};
    struct http_client c;
    int done = 0;
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, GET("/late") GET("/live"));
    host_wait_late(&h, &c, 2);
    http_server_drain(h.server, LONG_MS, host_drained, &done);
    http_client_turns(&c, FEW_TURNS);
    assert_int_equal(h.drains, 1);
    assert_int_equal(done, 0);
    host_answer(&h, 0, "first");
    expect(&c, 200, "first");
    expect(&c, 200, "bye");
    turn(&h, FEW_TURNS);
    assert_int_equal(done, 1);
    http_client_close(&c);
    host_close(&h);
}

TEST(drain_tells_a_stream_that_starts_while_the_server_drains)
{
    struct host h = {0};
    struct http_client c;
    int done = 0;
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, "GET /live HT"); /* not idle: it is answered */
    http_client_turns(&c, FEW_TURNS);
    http_server_drain(h.server, LONG_MS, host_drained, &done);
    http_client_turns(&c, FEW_TURNS);
    http_client_send(&c, "TP/1.1\r\nHost: a\r\n\r\n");
    expect(&c, 200, "bye");
    turn(&h, FEW_TURNS);
    assert_int_equal(done, 1);
    assert_int_equal(h.drains, 1);
    http_client_close(&c);
    host_close(&h);
}

/* --- idle connections, and asking twice --- */

TEST(drain_of_idle_connections_ends_at_once)
{
    struct host h = {0};
    struct http_client fresh, used, head;
    int done = 0;
    host_open(&h);
    host_connect(&h, &fresh);
    host_connect(&h, &used);
    host_connect(&h, &head);
    http_client_send(&used, GET("/hello"));
    expect(&used, 200, "hello");
    http_client_send(&head, HEAD("/live"));
    http_client_head_answer(&head, 200, NULL);
    http_client_turns(&fresh, FEW_TURNS);
    assert_int_equal(http_server_counts(h.server).connections, 3);
    http_server_drain(h.server, LONG_MS, host_drained, &done);
    turn(&h, FEW_TURNS);
    assert_int_equal(done, 1);
    http_client_close(&fresh);
    http_client_close(&used);
    http_client_close(&head);
    host_close(&h);
}

TEST(drain_asked_twice_keeps_the_second_limit_and_tells_once)
{
    struct host h = {.stays = true};
    struct http_client c;
    int first = 0, second = 0;
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, GET("/live"));
    host_wait_late(&h, &c, 1);
    http_server_drain(h.server, LONG_MS, host_drained, &first);
    http_client_turns(&c, FEW_TURNS);
    http_server_drain(h.server, 0, host_drained, &second);
    http_client_wait_end(&c);
    turn(&h, FEW_TURNS);
    assert_int_equal(first, 0);
    assert_int_equal(second, 1);
    assert_int_equal(h.drains, 1);
    assert_int_equal(h.gone, 1);
    http_client_close(&c);
    host_close(&h);
}

/* --- what has come before the drain is answered --- */

TEST(drain_answers_a_request_that_has_come_and_was_not_read_yet)
{
    struct host h = {0};
    struct http_client idle, fresh;
    int done = 0;
    host_open(&h);
    host_connect(&h, &idle);
    http_client_send(&idle, GET("/hello"));
    expect(&idle, 200, "hello");
    http_client_send(&idle, GET("/hello")); /* in the kernel: no turn of the loop has seen it */
    host_connect(&h, &fresh);               /* nor was this one accepted */
    http_client_send(&fresh, GET("/hello"));
    http_server_drain(h.server, LONG_MS, host_drained, &done);
    expect(&idle, 200, "hello");
    expect(&fresh, 200, "hello");
    http_client_wait_end(&idle);
    http_client_wait_end(&fresh);
    turn(&h, FEW_TURNS);
    assert_int_equal(done, 1);
    http_client_close(&idle);
    http_client_close(&fresh);
    host_close(&h);
}

TEST(drain_answers_all_of_a_pipeline_that_was_read)
{
    struct host h = {.options = HTTP_OPTIONS_DEFAULT};
    struct http_client c;
    char *head = NULL;
    int done = 0;
    h.options.pipeline_max = 2; /* so that some of it waits unparsed */
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, GET("/late") GET("/late") GET("/late") GET("/late") "GET /hel");
    host_wait_late(&h, &c, 2);
    http_server_drain(h.server, LONG_MS, host_drained, &done);
    http_client_turns(&c, FEW_TURNS);
    for (int i = 0; i < 4; i++) {
        host_wait_late(&h, &c, KIT_MIN(i + 2, 4));
        host_answer(&h, i, "ok");
        http_client_answer(&c, 200, &head, NULL);
        assert_null(strstr(head, "\r\nConnection: close\r\n"));
        kit_alloc_free(head);
    }
    http_client_send(&c, "lo HTTP/1.1\r\nHost: a\r\n\r\n");
    http_client_answer(&c, 200, &head, NULL);
    assert_non_null(strstr(head, "\r\nConnection: close\r\n"));
    kit_alloc_free(head);
    http_client_wait_end(&c);
    turn(&h, FEW_TURNS);
    assert_int_equal(done, 1);
    http_client_close(&c);
    host_close(&h);
}

TEST(drain_answers_each_of_a_pipeline_that_comes_in_one_piece)
{
    struct host h = {0};
    struct http_client c;
    char *head = NULL;
    int done = 0;
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, "GET /hello HT");
    http_client_turns(&c, FEW_TURNS);
    http_server_drain(h.server, LONG_MS, host_drained, &done);
    http_client_send(&c, "TP/1.1\r\nHost: a\r\n\r\n" GET("/hello") GET("/hello"));
    for (int i = 0; i < 3; i++) {
        http_client_answer(&c, 200, &head, NULL);
        assert_int_equal(strstr(head, "\r\nConnection: close\r\n") != NULL, i == 2);
        kit_alloc_free(head);
    }
    http_client_wait_end(&c);
    http_client_close(&c);
    host_wait_empty(&h);
    host_close(&h);
}

/* --- replies without a body --- */

TEST(head_of_a_stream_ends_without_asking_its_source)
{
    static const char *const paths[] = {HEAD("/live"), HEAD("/feed"), HEAD("/stream/5000"), HEAD("/sized/5000")};
    struct host h = {.endless = true};
    struct http_client c;
    host_open(&h);
    host_connect(&h, &c);
    for (size_t i = 0; i < KIT_COUNT(paths); i++) {
        http_client_send(&c, paths[i]);
        http_client_head_answer(&c, 200, NULL);
        http_client_send(&c, GET("/hello")); /* the connection lives on */
        expect(&c, 200, "hello");
        assert_int_equal(h.gone, i + 1);
        assert_int_equal(http_server_counts(h.server).requests, 0);
    }
    assert_int_equal(h.more, 0);
    assert_int_equal(c.in.len, 0);
    http_client_close(&c);
    host_wait_empty(&h);
    assert_int_equal(h.gone, KIT_COUNT(paths));
    host_close(&h);
}

TEST(head_of_a_stream_that_waits_for_its_turn_ends_too)
{
    struct host h = {0};
    struct http_client c;
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, GET("/late") HEAD("/live") GET("/hello"));
    host_wait_late(&h, &c, 2);
    http_client_turns(&c, FEW_TURNS);
    assert_int_equal(h.gone, 1);
    assert_null(host_find(&h, 1));
    host_answer(&h, 0, "first");
    expect(&c, 200, "first");
    http_client_head_answer(&c, 200, NULL);
    expect(&c, 200, "hello");
    http_client_close(&c);
    host_close(&h);
}

TEST(head_of_a_source_that_writes_and_ends_by_itself_is_told_nothing)
{
    struct host h = {0};
    struct http_client c;
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, HEAD("/whole") GET("/whole") HEAD("/nothing"));
    http_client_head_answer(&c, 200, NULL);
    expect(&c, 200, "all");
    http_client_head_answer(&c, 200, NULL);
    http_client_turns(&c, FEW_TURNS);
    assert_int_equal(c.in.len, 0);
    assert_int_equal(h.gone, 1); /* of /nothing, whose source waits: through http_request_on_gone */
    http_client_close(&c);
    host_close(&h);
}

TEST(head_of_a_stream_tells_gone_once_when_its_client_resets)
{
    struct host h = {0};
    host_open(&h);
    for (int i = 0; i < 50; i++) {
        struct http_client c;
        host_connect(&h, &c);
        http_client_send(&c, HEAD("/live"));
        http_client_turns(&c, i % 3);
        http_client_reset(&c);
        host_wait_empty(&h);
        assert_int_equal(h.gone, h.late_count);
        h.gone = h.late_count = 0;
    }
    host_close(&h);
}

int main(void)
{
    return TEST_RUN(TEST_OF(drain_that_is_over_answers_503_where_no_answer_has_begun),
                    TEST_OF(drain_tells_each_stream_once_and_ends_with_them),
                    TEST_OF(drain_waits_for_a_stream_that_was_told_and_goes_on),
                    TEST_OF(drain_leaves_a_stream_alone_whose_source_has_no_drain),
                    TEST_OF(drain_tells_a_stream_that_waits_for_its_turn),
                    TEST_OF(drain_tells_a_stream_that_starts_while_the_server_drains),
                    TEST_OF(drain_of_idle_connections_ends_at_once),
                    TEST_OF(drain_asked_twice_keeps_the_second_limit_and_tells_once),
                    TEST_OF(drain_answers_a_request_that_has_come_and_was_not_read_yet),
                    TEST_OF(drain_answers_all_of_a_pipeline_that_was_read),
                    TEST_OF(drain_answers_each_of_a_pipeline_that_comes_in_one_piece),
                    TEST_OF(head_of_a_stream_ends_without_asking_its_source),
                    TEST_OF(head_of_a_stream_that_waits_for_its_turn_ends_too),
                    TEST_OF(head_of_a_source_that_writes_and_ends_by_itself_is_told_nothing),
                    TEST_OF(head_of_a_stream_tells_gone_once_when_its_client_resets));
}
