#include "fetch/group.h"

#include <stdio.h>

#include "kit/clock.h"
#include "support/canned.h"
#include "support/test.h"

#define WAIT_NS (10 * KIT_NS_PER_S)

/* What one transfer told. */
struct heard {
    uint32_t heads, dones;
    int status;
    int64_t length;
    char field[64]; /* "X-Word" */
    char redirect[256];
    uint32_t retry_after_s;
    char body[256];
    size_t body_len;
    enum kit_status rc;
    struct kit_err err;
    bool stop_in_head;
    size_t stop_after; /* bytes; 0: never */
};

static struct fetch_group *group;
static struct canned server;
static struct kit_err err;

static bool on_head(void *ctx, struct fetch_transfer *t)
{
    struct heard *h = ctx;
    h->heads++;
    h->status = fetch_transfer_status(t);
    h->length = fetch_transfer_length(t);
    kit_str_to_c(fetch_transfer_field(t, "x-WORD"), h->field, sizeof(h->field));
    return !h->stop_in_head;
}

static bool on_piece(void *ctx, kit_str bytes)
{
    struct heard *h = ctx;
    assert_int_equal(h->heads, 1);
    size_t n = KIT_MIN(bytes.len, sizeof(h->body) - h->body_len);
    memcpy(h->body + h->body_len, bytes.ptr, n);
    h->body_len += n;
    return h->stop_after == 0 || h->body_len < h->stop_after;
}

static void on_done(void *ctx, struct fetch_transfer *t, enum kit_status rc, const struct kit_err *why)
{
    struct heard *h = ctx;
    h->dones++;
    h->rc = rc;
    h->err = *why;
    h->retry_after_s = fetch_transfer_retry_after_s(t);
    const char *to = fetch_transfer_redirect(t);
    snprintf(h->redirect, sizeof(h->redirect), "%s", to != NULL ? to : "");
}

static const char *url_of(const char *path)
{
    static char url[128];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", server.port, path);
    return url;
}

static struct fetch_group_request ask_for(const char *path, struct heard *h)
{
    return (struct fetch_group_request){
        .method = "GET", .url = url_of(path), .head = on_head, .piece = on_piece, .done = on_done, .ctx = h};
}

static struct fetch_transfer *start(const struct fetch_group_request *ask)
{
    struct fetch_transfer *t = NULL;
    assert_int_equal(fetch_group_start(group, ask, &t, &err), KIT_OK);
    return t;
}

static void run_until_done(struct heard *h)
{
    uint64_t until_ns = kit_clock_ns() + WAIT_NS;
    while (h->dones == 0 && kit_clock_ns() < until_ns) {
        assert_int_equal(fetch_group_run(group, 20, &err), KIT_OK);
    }
    assert_int_equal(h->dones, 1);
}

static void ask_canned(const struct canned_answer *answer,
                       struct fetch_group_request (*change)(struct fetch_group_request), struct heard *h)
{
    canned_start(&server, answer, 1);
    struct fetch_group_request ask = ask_for("/file", h);
    ask = change != NULL ? change(ask) : ask;
    start(&ask);
    run_until_done(h);
}

static void ask_text(const char *text, struct heard *h)
{
    const struct canned_answer answer = {.bytes = kit_str_c(text)};
    ask_canned(&answer, NULL, h);
}

TEST(group_gives_head_and_body)
{
    struct heard h = {0};
    ask_text("HTTP/1.1 200 OK\r\nX-Word: yes\r\nContent-Length: 5\r\n\r\nhello", &h);
    assert_int_equal(h.rc, KIT_OK);
    assert_int_equal(h.status, 200);
    assert_int_equal(h.length, 5);
    assert_string_equal(h.field, "yes");
    assert_int_equal(h.body_len, 5);
    assert_memory_equal(h.body, "hello", 5);
}

TEST(group_tells_the_head_of_an_answer_without_a_body)
{
    struct heard h = {0};
    ask_text("HTTP/1.1 204 No Content\r\n\r\n", &h);
    assert_int_equal(h.heads, 1);
    assert_int_equal(h.status, 204);
    assert_string_equal(h.field, "");
}

static struct kit_buf refusal;

static struct fetch_group_request as_post(struct fetch_group_request ask)
{
    ask.method = "POST";
    ask.body = kit_str_lit("four");
    ask.refusal = &refusal;
    return ask;
}

TEST(group_posts_a_body)
{
    struct heard h = {0};
    const struct canned_answer answer = {.bytes = kit_str_lit("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")};
    ask_canned(&answer, as_post, &h);
    assert_int_equal(h.rc, KIT_OK);
    assert_memory_equal(h.body, "hello", 5);
    canned_stop(&server);
    assert_non_null(strstr(server.request[0], "POST /file HTTP/1.1\r\n"));
    assert_non_null(strstr(server.request[0], "Content-Length: 4\r\n"));
    canned_start(&server, &answer, 1); /* for the tear-down */
}

TEST(group_keeps_as_much_of_a_refusal_as_fits)
{
    struct heard h = {0};
    const struct canned_answer answer = {.bytes = kit_str_lit("HTTP/1.1 429 Later\r\nContent-Length: 5\r\n\r\nlater")};
    kit_buf_init(&refusal, 64);
    ask_canned(&answer, as_post, &h);
    assert_int_equal(h.rc, KIT_OK);
    assert_int_equal(h.body_len, 0);
    assert_str(kit_buf_str(&refusal), "later");
    kit_buf_done(&refusal);
}

static struct fetch_group_request in_time(struct fetch_group_request ask)
{
    ask.timeout_ms = 100;
    return ask;
}

TEST(group_ends_what_takes_longer_than_it_may)
{
    struct heard h = {0};
    const struct canned_answer answer = {.bytes = kit_str_lit("HTTP/1.1 200 OK\r\n\r\nhello"), .hold = true};
    ask_canned(&answer, in_time, &h);
    assert_int_equal(h.rc, KIT_TIMEOUT);
}

static struct fetch_group_request as_head(struct fetch_group_request ask)
{
    ask.method = "HEAD";
    return ask;
}

TEST(group_head_request_waits_for_no_body)
{
    struct heard h = {0};
    const struct canned_answer answer = {.bytes = kit_str_lit("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"),
                                         .hold = true};
    ask_canned(&answer, as_head, &h);
    assert_int_equal(h.rc, KIT_OK);
    assert_int_equal(h.length, 1000000);
    fetch_group_free(group);
    group = NULL; /* its connection is closed, the server ends */
}

static struct fetch_group_request with_token(struct fetch_group_request ask)
{
    ask.fields[0] = "Authorization: Bearer secret";
    return ask;
}

TEST(group_tells_a_redirect_and_does_not_follow_it)
{
    struct heard h = {0};
    const struct canned_answer answer = {
        .bytes = kit_str_lit("HTTP/1.1 302 Found\r\nLocation: /other?x=1\r\nContent-Length: 4\r\n\r\nbody")};
    ask_canned(&answer, with_token, &h);
    assert_int_equal(h.rc, KIT_OK);
    assert_int_equal(h.status, 302);
    assert_string_equal(h.redirect, url_of("/other?x=1"));
    assert_int_equal(h.body_len, 0);
    canned_stop(&server);
    assert_int_equal(server.requests, 1);
    assert_non_null(strstr(server.request[0], "Authorization: Bearer secret\r\n"));
    canned_start(&server, &answer, 1);
}

TEST(group_tells_when_to_come_again)
{
    struct heard h = {0};
    ask_text("HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nbusy", &h);
    assert_int_equal(h.rc, KIT_OK);
    assert_int_equal(h.status, 503);
    assert_int_equal(h.retry_after_s, 7);
    assert_int_equal(h.body_len, 0);
}

TEST(group_says_when_a_body_was_cut)
{
    struct heard h = {0};
    ask_text("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", &h);
    assert_int_equal(h.rc, KIT_IO);
    assert_int_equal(h.body_len, 5);
}

TEST(group_says_when_it_is_no_http)
{
    struct heard h = {0};
    ask_text("SSH-2.0-OpenSSH\r\n", &h);
    assert_int_equal(h.rc, KIT_IO);
    assert_int_equal(h.heads, 0);
}

TEST(group_ends_a_transfer_in_its_head)
{
    struct heard h = {.stop_in_head = true};
    ask_text("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", &h);
    assert_int_equal(h.rc, KIT_CANCELLED);
    assert_int_equal(h.body_len, 0);
}

TEST(group_ends_a_transfer_in_its_body)
{
    struct heard h = {.stop_after = 1};
    ask_text("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", &h);
    assert_int_equal(h.rc, KIT_CANCELLED);
}

static struct fetch_group_request impatient(struct fetch_group_request ask)
{
    ask.stall_ms = 100;
    return ask;
}

TEST(group_gives_up_what_is_silent)
{
    struct heard h = {0};
    const struct canned_answer answer = {.bytes = kit_str_lit("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe"),
                                         .hold = true};
    ask_canned(&answer, impatient, &h);
    assert_int_equal(h.rc, KIT_TIMEOUT);
}

TEST(group_gives_up_what_drips)
{
    struct heard h = {0};
    const struct canned_answer answer = {
        .bytes = kit_str_lit("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n1234567890123456789012345678901234567890"),
        .drip_ms = 20};
    ask_canned(&answer, impatient, &h);
    assert_int_equal(h.rc, KIT_TIMEOUT);
}

TEST(group_names_who_does_not_answer)
{
    struct heard h = {0};
    ask_text("", &h); /* a port that was free a moment ago */
    canned_stop(&server);
    struct fetch_group_request ask = ask_for("/x", &h);
    h = (struct heard){0};
    start(&ask);
    run_until_done(&h);
    assert_int_equal(h.rc, KIT_UNAVAILABLE);
    assert_non_null(strstr(h.err.msg, url_of("/x")));
    canned_start(&server, &(struct canned_answer){0}, 1);
}

TEST(group_carries_several_at_a_time)
{
    struct heard slow = {0}, fast = {0};
    const struct canned_answer answers[] = {
        {.bytes = kit_str_lit("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nA"), .hold = true},
        {.bytes = kit_str_lit("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nB")}};
    canned_start(&server, answers, 2);
    struct fetch_group_request ask = ask_for("/slow", &slow);
    struct fetch_transfer *t = start(&ask);
    while (slow.body_len == 0) {
        assert_int_equal(fetch_group_run(group, 20, &err), KIT_OK);
    }
    fetch_group_stop(t); /* the server has one thread: it comes to the next one when the first is gone */
    ask = ask_for("/fast", &fast);
    start(&ask);
    run_until_done(&fast);
    assert_memory_equal(fast.body, "B", 1);
    assert_int_equal(slow.dones, 0);
}

static void wake_soon(void *arg)
{
    (void)arg;
    fetch_group_wake(group);
}

TEST(group_wait_ends_when_another_thread_wakes_it)
{
    struct kit_thread thread = {0};
    uint64_t began_ns = kit_clock_ns();
    canned_start(&server, &(struct canned_answer){0}, 1);
    assert_int_equal(kit_thread_start(&thread, "wake", wake_soon, NULL, NULL), KIT_OK);
    assert_int_equal(fetch_group_run(group, 60000, &err), KIT_OK);
    assert_true(kit_clock_ns() - began_ns < 30 * KIT_NS_PER_S);
    kit_thread_join(&thread);
}

TEST(group_survives_each_failed_alloc)
{
    const struct canned_answer answer = {.bytes = kit_str_lit("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")};
    canned_start(&server, &answer, 1);
    TEST_ALLOC_SWEEP(n) {
        struct heard h = {0};
        struct fetch_group *g = NULL;
        struct fetch_transfer *t = NULL;
        struct fetch_group_request ask = ask_for("/file", &h);
        enum kit_status rc = fetch_group_new(&g, &err);
        rc = rc == KIT_OK ? fetch_group_start(g, &ask, &t, &err) : rc;
        assert_true(rc == KIT_OK || rc == KIT_NOMEM);
        fetch_group_free(g);
        assert_int_equal(h.dones, 0);
    }
}

static int set_up(void **state)
{
    (void)state;
    return fetch_group_new(&group, &err) == KIT_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    fetch_group_free(group);
    canned_stop(&server);
    return 0;
}

int main(void)
{
#define WITH_GROUP(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    return TEST_RUN(
        WITH_GROUP(group_gives_head_and_body), WITH_GROUP(group_tells_the_head_of_an_answer_without_a_body),
        WITH_GROUP(group_posts_a_body), WITH_GROUP(group_keeps_as_much_of_a_refusal_as_fits),
        WITH_GROUP(group_ends_what_takes_longer_than_it_may), WITH_GROUP(group_head_request_waits_for_no_body),
        WITH_GROUP(group_tells_a_redirect_and_does_not_follow_it), WITH_GROUP(group_tells_when_to_come_again),
        WITH_GROUP(group_says_when_a_body_was_cut), WITH_GROUP(group_says_when_it_is_no_http),
        WITH_GROUP(group_ends_a_transfer_in_its_head), WITH_GROUP(group_ends_a_transfer_in_its_body),
        WITH_GROUP(group_gives_up_what_is_silent), WITH_GROUP(group_gives_up_what_drips),
        WITH_GROUP(group_names_who_does_not_answer), WITH_GROUP(group_carries_several_at_a_time),
        WITH_GROUP(group_wait_ends_when_another_thread_wakes_it), WITH_GROUP(group_survives_each_failed_alloc));
}
