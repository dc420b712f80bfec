/* Bodies of requests: what all of them may hold together, and handlers that take one over. */
#include "host.h"

#include <time.h>

#define POST_OF(path, bytes) "POST " path " HTTP/1.1\r\nHost: a\r\nContent-Length: " #bytes "\r\n\r\n"
#define POST(path, bytes) POST_OF(path, bytes)
#define CHUNKED(path) "POST " path " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

/* Bodies count in steps of 64 KiB, and the first is free. */
#define FREE 65536
#define MORE 65537
#define TWO 131072
#define FOUR 262144
#define FOUR_LESS_1 262143
#define SIX 393216

static struct kit_budget budget;

static void open_with(struct host *h, uint64_t body_bytes_max, uint64_t bodies_bytes_max)
{
    budget = (struct kit_budget){0};
    h->options = HTTP_OPTIONS_DEFAULT;
    h->options.fail = host_fail;
    h->options.body_bytes_max = body_bytes_max;
    h->options.bodies_bytes_max = bodies_bytes_max;
    h->options.bodies = &budget;
    host_open(h);
}

static void close_all(struct host *h)
{
    host_close(h);
    assert_int_equal(kit_budget_used(&budget), 0);
}

static void send_bytes(struct http_client *c, size_t count)
{
    static char bytes[4096];
    memset(bytes, 'b', sizeof(bytes));
    for (; count > 0; count -= KIT_MIN(count, sizeof(bytes))) {
        http_client_send_bytes(c, bytes, KIT_MIN(count, sizeof(bytes)));
    }
}

static void send_chunk(struct http_client *c, size_t count)
{
    char size[16];
    snprintf(size, sizeof(size), "%zx\r\n", count);
    http_client_send(c, size);
    send_bytes(c, count);
    http_client_send(c, "\r\n");
}

static void expect_refused(struct http_client *c)
{
    char *head = NULL, *body = NULL;
    http_client_answer(c, 503, &head, &body);
    assert_non_null(strstr(head, "\r\nRetry-After: 1\r\n"));
    assert_memory_equal(body, "unavailable|", 12);
    http_client_wait_end(c);
    http_client_close(c);
    kit_alloc_free(head);
    kit_alloc_free(body);
}

static void wait_used(struct http_client *c, uint64_t bytes)
{
    for (int i = 0; i < 100000 && kit_budget_used(&budget) != bytes; i++) {
        http_client_turns(c, 1);
    }
    assert_int_equal(kit_budget_used(&budget), bytes);
}

/* A body that holds four steps, and one byte of which is missing. */
static void fill(struct host *h, struct http_client *c)
{
    host_connect(h, c);
    http_client_send(c, POST("/echo", FOUR));
    send_bytes(c, FOUR_LESS_1);
    wait_used(c, FOUR);
}

/* --- one sum for all --- */

TEST(body_that_is_only_announced_takes_nothing_from_the_others)
{
    struct host h = {0};
    struct http_client a[8], b;
    open_with(&h, FOUR, FOUR);
    for (size_t i = 0; i < KIT_COUNT(a); i++) {
        host_connect(&h, &a[i]);
        http_client_send(&a[i], POST("/echo", FOUR) "a");
        http_client_turns(&a[i], 5);
    }
    assert_int_equal(kit_budget_used(&budget), 0);
    host_connect(&h, &b);
    http_client_send(&b, POST("/echo", FOUR));
    send_bytes(&b, FOUR);
    http_client_answer(&b, 200, NULL, NULL);
    for (size_t i = 0; i < KIT_COUNT(a); i++) {
        http_client_close(&a[i]);
    }
    http_client_close(&b);
    host_wait_empty(&h);
    close_all(&h);
}

TEST(body_of_a_small_request_passes_while_large_ones_are_refused)
{
    struct host h = {0};
    struct http_client a, b;
    open_with(&h, FOUR, FOUR);
    fill(&h, &a);
    host_connect(&h, &b);
    http_client_send(&b, POST("/echo", FREE));
    send_bytes(&b, FREE);
    http_client_answer(&b, 200, NULL, NULL);
    http_client_send(&b, CHUNKED("/echo"));
    send_chunk(&b, FREE);
    http_client_send(&b, "0\r\n\r\n");
    http_client_answer(&b, 200, NULL, NULL);
    http_client_send(&b, POST("/echo", MORE));
    expect_refused(&b);
    http_client_close(&a);
    host_wait_empty(&h);
    close_all(&h);
}

TEST(body_that_comes_too_slowly_is_refused_though_it_never_pauses)
{
    static const struct timespec pause = {.tv_nsec = 1000000}; /* at most 1,000 bytes a second */
    struct host h = {.options = HTTP_OPTIONS_DEFAULT};
    struct http_client c;
    char *body = NULL;
    h.options.fail = host_fail;
    h.options.body_timeout_ms = 500;
    host_open(&h);
    host_connect(&h, &c);
    http_client_send(&c, POST("/echo", FOUR));
    for (int i = 0; i < 100000 && c.in.len == 0; i++) {
        http_client_send(&c, "b");
        http_client_turns(&c, 1);
        nanosleep(&pause, NULL);
    }
    http_client_answer(&c, 408, NULL, &body);
    assert_memory_equal(body, "timeout|the body of the request comes too slowly", 48);
    kit_alloc_free(body);
    http_client_close(&c);
    host_close(&h);
}

TEST(body_is_refused_with_its_head_when_all_together_hold_too_much)
{
    struct host h = {0};
    struct http_client a, b;
    open_with(&h, FOUR, SIX);
    host_connect(&h, &a);
    http_client_send(&a, POST("/late", FOUR));
    send_bytes(&a, FOUR);
    host_wait_late(&h, &a, 1);
    assert_int_equal(kit_budget_used(&budget), FOUR);
    host_connect(&h, &b);
    http_client_send(&b, POST("/echo", 131073)); /* and not one byte of it */
    expect_refused(&b);
    assert_int_equal(kit_budget_used(&budget), FOUR);
    host_connect(&h, &b);
    http_client_send(&b, POST("/take", TWO)); /* just fits */
    send_bytes(&b, TWO);
    host_wait_late(&h, &b, 2);
    host_answer(&h, 0, "done");
    http_client_answer(&a, 200, NULL, NULL);
    assert_int_equal(kit_budget_used(&budget), TWO);
    http_client_close(&a);
    http_client_close(&b);
    host_wait_empty(&h);
    close_all(&h);
}

TEST(body_that_waits_for_our_word_is_refused_without_it)
{
    struct host h = {0};
    struct http_client a, b;
    open_with(&h, FOUR, FOUR);
    fill(&h, &a);
    host_connect(&h, &b);
    http_client_send(&b, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 65537\r\n\r\n");
    expect_refused(&b);
    http_client_close(&a);
    host_wait_empty(&h);
    close_all(&h);
}

TEST(body_of_unknown_length_is_refused_when_it_has_grown_too_far)
{
    struct host h = {0};
    struct http_client a, b;
    open_with(&h, FOUR, SIX);
    fill(&h, &a);
    host_connect(&h, &b);
    http_client_send(&b, CHUNKED("/echo"));
    send_chunk(&b, TWO); /* the last that fits */
    wait_used(&b, SIX);
    send_chunk(&b, 1);
    expect_refused(&b);
    assert_int_equal(kit_budget_used(&budget), FOUR);
    http_client_close(&a);
    host_wait_empty(&h);
    close_all(&h);
}

TEST(body_of_the_largest_size_passes_whatever_the_sum)
{
    struct host h = {0};
    struct http_client c;
    char *body = NULL;
    open_with(&h, 100000, 1);
    host_connect(&h, &c);
    http_client_send(&c, POST("/echo", 100000));
    send_bytes(&c, 100000);
    http_client_answer(&c, 200, NULL, &body);
    assert_int_equal(strlen(body), 100000);
    kit_alloc_free(body);
    http_client_send(&c, CHUNKED("/echo"));
    for (int i = 0; i < 100; i++) {
        send_chunk(&c, 1000);
    }
    http_client_send(&c, "0\r\n\r\n");
    http_client_answer(&c, 200, NULL, &body);
    assert_int_equal(strlen(body), 100000);
    kit_alloc_free(body);
    http_client_close(&c);
    host_wait_empty(&h);
    close_all(&h);
}

TEST(body_that_nobody_keeps_takes_nothing)
{
    struct host h = {0};
    struct http_client a, c;
    open_with(&h, FOUR, FOUR);
    fill(&h, &a);
    host_connect(&h, &c);
    http_client_send(&c, POST("/nobody", FREE));
    send_bytes(&c, FREE);
    http_client_answer(&c, 200, NULL, NULL);
    http_client_send(&c, POST("/nowhere", FREE));
    send_bytes(&c, FREE);
    http_client_answer(&c, 404, NULL, NULL);
    assert_int_equal(kit_budget_used(&budget), FOUR);
    http_client_close(&a);
    http_client_close(&c);
    host_wait_empty(&h);
    close_all(&h);
}

TEST(body_gives_its_bytes_back_however_its_request_ends)
{
    static const struct {
        const char *head;
        size_t bytes;
        const char *then;
    } rows[] = {
        {POST("/echo", TWO), TWO, ""},
        {POST("/echo", TWO), TWO - 1, ""},
        {POST("/late", TWO), TWO, ""},
        {POST("/take", TWO), TWO, ""},
        {POST("/small", 11), 3, ""},
        {CHUNKED("/small") "8\r\n01234567\r\n", 0, "8\r\n01234567\r\n0\r\n\r\n"},
        {CHUNKED("/echo") "20000\r\n", TWO, "\r\nnonsense\r\n"},
        {CHUNKED("/late") "20000\r\n", TWO, "\r\n0\r\n\r\n"},
        {POST("/echo", TWO), TWO, POST("/take", 3) "abc" POST("/echo", 3) "abc"},
    };
    struct host h = {0};
    open_with(&h, FOUR, FOUR);
    for (size_t i = 0; i < 4 * KIT_COUNT(rows); i++) {
        struct http_client c;
        host_connect(&h, &c);
        http_client_send(&c, rows[i / 4].head);
        send_bytes(&c, rows[i / 4].bytes);
        http_client_send(&c, rows[i / 4].then);
        http_client_turns(&c, 10);
        if (i % 4 == 0 && h.late_count > 0) {
            host_answer(&h, 0, "late");
            http_client_turns(&c, 4);
        }
        (i % 2 == 0 ? http_client_close : http_client_reset)(&c);
        host_wait_empty(&h);
        assert_int_equal(kit_budget_used(&budget), 0);
        h.late_count = 0;
    }
    close_all(&h);
}

TEST(body_gives_its_bytes_back_when_the_server_is_freed)
{
    struct host h = {0};
    struct http_client c;
    open_with(&h, FOUR, FOUR);
    host_connect(&h, &c);
    http_client_send(&c, POST("/take", TWO));
    send_bytes(&c, TWO);
    host_wait_late(&h, &c, 1);
    assert_int_equal(kit_budget_used(&budget), TWO);
    close_all(&h);
    http_client_close(&c);
}

TEST(body_budget_holds_for_all_servers_that_share_it)
{
    struct host first = {0}, second = {0};
    struct http_client a, b;
    open_with(&first, FOUR, FOUR);
    second.options = first.options;
    host_open(&second);
    fill(&first, &a);
    host_connect(&second, &b);
    http_client_send(&b, POST("/echo", MORE));
    expect_refused(&b);
    http_client_close(&a);
    host_wait_empty(&first);
    host_connect(&second, &b);
    http_client_send(&b, POST("/echo", MORE));
    send_bytes(&b, MORE);
    http_client_answer(&b, 200, NULL, NULL);
    http_client_close(&b);
    host_close(&first);
    close_all(&second);
}

TEST(body_refused_is_told_plainly_where_nobody_says_how)
{
    struct host h = {.options = HTTP_OPTIONS_DEFAULT};
    struct http_client a, b;
    char *head = NULL, *body = NULL;
    h.options.body_bytes_max = h.options.bodies_bytes_max = FOUR;
    h.options.bodies = &budget;
    host_open(&h);
    fill(&h, &a);
    host_connect(&h, &b);
    http_client_send(&b, POST("/echo", MORE));
    http_client_answer(&b, 503, &head, &body);
    assert_non_null(strstr(head, "\r\nContent-Type: text/plain\r\n"));
    assert_non_null(strstr(head, "\r\nRetry-After: 1\r\n"));
    assert_non_null(strstr(body, "262144 bytes: try again later"));
    kit_alloc_free(head);
    kit_alloc_free(body);
    http_client_close(&a);
    http_client_close(&b);
    close_all(&h);
}

/* --- taking it over --- */

TEST(request_take_body_hands_over_the_bytes_that_outlive_the_request)
{
    static const size_t sizes[] = {1, 100, 20000, 300000};
    struct host h = {0};
    open_with(&h, KIT_MIB, KIT_MIB);
    for (size_t i = 0; i < 2 * KIT_COUNT(sizes); i++) {
        struct http_client c;
        char head[128];
        size_t size = sizes[i / 2];
        host_connect(&h, &c);
        snprintf(head, sizeof(head), "POST /take HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n", size);
        http_client_send(&c, i % 2 == 0 ? head : CHUNKED("/take"));
        (i % 2 == 0 ? send_bytes : send_chunk)(&c, size);
        http_client_send(&c, i % 2 == 0 ? "" : "0\r\n\r\n");
        host_wait_late(&h, &c, 1);
        assert_true(size <= FREE || kit_budget_used(&budget) >= size); /* until the request ends */
        host_answer(&h, 0, "taken");
        http_client_answer(&c, 200, NULL, NULL);
        assert_int_equal(kit_budget_used(&budget), 0);
        http_client_close(&c);
        host_wait_empty(&h);
        assert_int_equal(h.taken_len, size);
        assert_int_equal(strlen(h.taken), size);
        assert_int_equal(strspn(h.taken, "b"), size);
        h.late_count = 0;
    }
    close_all(&h);
}

TEST(request_take_body_keeps_no_large_room_for_a_small_body)
{
    struct host h = {0};
    struct http_client c;
    open_with(&h, KIT_MIB, KIT_MIB);
    host_connect(&h, &c);
    http_client_send(&c, POST("/echo", 16000)); /* its buffer goes back to the pool */
    send_bytes(&c, 16000);
    http_client_answer(&c, 200, NULL, NULL);
    uint64_t before = kit_alloc_bytes();
    http_client_send(&c, POST("/take", 100));
    send_bytes(&c, 100);
    host_wait_late(&h, &c, 1);
    assert_int_equal(h.taken_len, 100);
    assert_true(kit_alloc_bytes() < before);
    host_answer(&h, 0, "taken");
    http_client_answer(&c, 200, NULL, NULL);
    http_client_close(&c);
    close_all(&h);
}

TEST(request_take_body_gives_nothing_of_an_empty_body)
{
    static const char *const requests[] = {POST("/echo", 3) "abc" POST("/take", 0), CHUNKED("/take") "0\r\n\r\n"};
    struct host h = {0};
    struct http_client c;
    open_with(&h, 1000, 1000);
    for (size_t i = 0; i < KIT_COUNT(requests); i++) {
        host_connect(&h, &c);
        http_client_send(&c, requests[i]);
        host_wait_late(&h, &c, 1);
        assert_null(h.taken);
        assert_int_equal(h.taken_len, 0);
        http_client_close(&c);
        host_wait_empty(&h);
        h.late_count = 0;
    }
    close_all(&h);
}

/* --- out of memory --- */

TEST(body_survives_each_failed_alloc)
{
    bool more = true;
    for (uint64_t n = 1; more; n++) {
        struct host h = {0};
        struct http_client c;
        open_with(&h, KIT_MIB, KIT_MIB);
        host_connect(&h, &c);
        kit_alloc_fail_at(n);
        http_client_send(&c, n % 2 == 0 ? CHUNKED("/take") : POST("/take", 100000));
        (n % 2 == 0 ? send_chunk : send_bytes)(&c, 100000);
        http_client_send(&c, n % 2 == 0 ? "0\r\n\r\n" : "");
        http_client_turns(&c, 20);
        more = kit_alloc_failed();
        kit_alloc_fail_at(0);
        assert_true(h.late_count == 0 || h.taken_len == 100000);
        assert_true(more || h.late_count == 1);
        http_client_close(&c);
        host_wait_empty(&h);
        close_all(&h);
    }
}

int main(void)
{
    return TEST_RUN(
        TEST_OF(body_that_is_only_announced_takes_nothing_from_the_others),
        TEST_OF(body_of_a_small_request_passes_while_large_ones_are_refused),
        TEST_OF(body_that_comes_too_slowly_is_refused_though_it_never_pauses),
        TEST_OF(body_is_refused_with_its_head_when_all_together_hold_too_much),
        TEST_OF(body_that_waits_for_our_word_is_refused_without_it),
        TEST_OF(body_of_unknown_length_is_refused_when_it_has_grown_too_far),
        TEST_OF(body_of_the_largest_size_passes_whatever_the_sum), TEST_OF(body_that_nobody_keeps_takes_nothing),
        TEST_OF(body_gives_its_bytes_back_however_its_request_ends),
        TEST_OF(body_gives_its_bytes_back_when_the_server_is_freed),
        TEST_OF(body_budget_holds_for_all_servers_that_share_it),
        TEST_OF(body_refused_is_told_plainly_where_nobody_says_how),
        TEST_OF(request_take_body_hands_over_the_bytes_that_outlive_the_request),
        TEST_OF(request_take_body_keeps_no_large_room_for_a_small_body),
        TEST_OF(request_take_body_gives_nothing_of_an_empty_body), TEST_OF(body_survives_each_failed_alloc));
}
