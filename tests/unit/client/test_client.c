#include "client/client.h"

#include <stdio.h>

#include "support/canned.h"
#include "support/test.h"

#define ANSWER(status, body)                                                                                           \
    kit_str_lit("HTTP/1.1 " status "\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" body)
#define EVENTS(body) kit_str_lit("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" body)

static struct canned server;

/* A client of a server that answers so. */
static struct client begin(const struct canned_answer *answer, const char *key)
{
    char url[64];
    struct client c;
    canned_start(&server, answer, 1);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/", server.port);
    assert_ok(client_init(&c, url, key, NULL));
    c.timeout_ms = 10000;
    return c;
}

TEST(client_gives_status_document_and_text)
{
    struct canned_answer answer = {.bytes = ANSWER("200 OK", "{\"a\":1}")};
    struct client c = begin(&answer, "secret");
    struct client_answer a;
    assert_ok(client_call(&c, "POST", "/x", kit_str_lit("{}"), &a, NULL));
    assert_int_equal(a.status, 200);
    assert_int_equal(kit_json_i64(kit_json_get(kit_json_root(a.doc), "a"), 0), 1);
    assert_string_equal(a.text, "{\"a\":1}");
    client_answer_done(&a);
    canned_stop(&server);
    assert_non_null(strstr(server.request[0], "POST /x HTTP/1.1\r\n"));
    assert_non_null(strstr(server.request[0], "Authorization: Bearer secret\r\n"));
}

TEST(client_says_what_the_server_said)
{
    struct canned_answer answer = {
        .bytes = ANSWER("404 Not Found",
                        "{\"error\":{\"code\":\"model_not_found\",\"message\":\"no x\",\"param\":\"model\"}}")};
    struct client c = begin(&answer, NULL);
    struct client_answer a;
    struct kit_err err = {0};
    assert_int_equal(client_call(&c, "GET", "/models/x", (kit_str){0}, &a, &err), KIT_MODEL_NOT_FOUND);
    assert_string_equal(err.msg, "no x");
    assert_string_equal(err.param, "model");
    assert_int_equal(a.status, 404);
    client_answer_done(&a);
    canned_stop(&server);
}

TEST(client_takes_errors_that_are_none_of_ours)
{
    static const struct {
        kit_str bytes;
        enum kit_status rc;
    } rows[] = {
        {ANSWER("502 Bad Gateway", "<html>"), KIT_UNAVAILABLE},
        {ANSWER("418 Teapot", "{\"error\":\"short\"}"), KIT_INVALID},
        {ANSWER("429 Too Many", "{\"error\":{\"code\":\"never_heard_of\",\"message\":\"slow\"}}"), KIT_INVALID}};
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        struct canned_answer answer = {.bytes = rows[i].bytes};
        struct client c = begin(&answer, NULL);
        struct client_answer a;
        assert_int_equal(client_call(&c, "GET", "/", (kit_str){0}, &a, NULL), rows[i].rc);
        client_answer_done(&a);
        canned_stop(&server);
    }
}

TEST(client_names_the_server_where_nothing_answers)
{
    struct client c;
    struct client_answer a;
    struct kit_err err = {0};
    assert_ok(client_init(&c, "http://127.0.0.1:1", NULL, NULL));
    assert_int_equal(client_call(&c, "GET", "/models/bert/events", (kit_str){0}, &a, &err), KIT_UNAVAILABLE);
    assert_string_equal(err.msg, "nothing answers at http://127.0.0.1:1");
    assert_int_equal(a.status, 0);
}

TEST(client_refuses_what_is_no_address)
{
    struct client c;
    static const char *const wrong[] = {"", "localhost:8001", "ftp://host", "file:///x"};
    for (size_t i = 0; i < KIT_COUNT(wrong); i++) {
        assert_int_equal(client_init(&c, wrong[i], NULL, NULL), KIT_INVALID);
    }
}

TEST(client_path_keeps_slashes_and_escapes_the_rest)
{
    char path[64];
    assert_ok(client_model_path(kit_str_lit("org/a b?"), "load", path, sizeof(path), NULL));
    assert_string_equal(path, "/models/org/a%20b%3F/load");
    assert_ok(client_model_path(kit_str_lit("x"), "", path, sizeof(path), NULL));
    assert_string_equal(path, "/models/x");
    char long_id[100];
    memset(long_id, 'x', sizeof(long_id));
    assert_int_equal(client_model_path((kit_str){long_id, sizeof(long_id)}, "", path, sizeof(path), NULL), KIT_INVALID);
}

static bool take_two(void *ctx, kit_json event)
{
    int *count = ctx;
    assert_int_equal(kit_json_i64(kit_json_get(event, "n"), 0), *count);
    return ++*count < 2;
}

TEST(client_follows_events_until_it_has_enough)
{
    struct canned_answer answer = {.bytes = EVENTS("data: {\"n\":0}\n\ndata: {\"n\":1}\n\ndata: {\"n\":2}\n\n"),
                                   .hold = true};
    struct client c = begin(&answer, NULL);
    int count = 0;
    assert_ok(client_events(&c, "/models/x/events", take_two, &count, NULL));
    assert_int_equal(count, 2);
    canned_stop(&server);
}

static bool note_event(void *ctx, kit_json event)
{
    int *count = ctx;
    (void)event;
    ++*count;
    return true;
}

static bool stop_after_one(void *ctx)
{
    const int *count = ctx;
    return *count > 0;
}

TEST(client_follows_the_events_that_answer_a_post)
{
    struct canned_answer answer = {.bytes = EVENTS("data: {\"n\":0}\n\ndata: {\"n\":1}\n\ndata: [DONE]\n\n")};
    struct client c = begin(&answer, NULL);
    int count = 0;
    struct client_following f = {.fn = note_event, .ctx = &count};
    assert_ok(client_post_events(&c, "/chat", kit_str_lit("{\"a\":1}"), &f, NULL));
    assert_int_equal(count, 2);
    assert_int_equal(f.status, 200);
    canned_stop(&server);
    assert_non_null(strstr(server.request[0], "POST /chat HTTP/1.1\r\n"));
}

TEST(client_leaves_a_stream_that_is_called_off)
{
    struct canned_answer answer = {.bytes = EVENTS("data: {\"n\":0}\n\n"), .hold = true};
    struct client c = begin(&answer, NULL);
    struct kit_err err = {0};
    int count = 0;
    struct client_following f = {.fn = note_event, .stop = stop_after_one, .ctx = &count};
    assert_int_equal(client_post_events(&c, "/chat", kit_str_lit("{}"), &f, &err), KIT_CANCELLED);
    assert_int_equal(count, 1);
    canned_stop(&server); /* returns once the connection is closed */
}

TEST(client_says_what_the_server_said_instead_of_events)
{
    struct canned_answer answer = {
        .bytes = ANSWER("429 Too Many", "{\"error\":{\"code\":\"limit_reached\",\"message\":\"later\"}}")};
    struct client c = begin(&answer, NULL);
    struct kit_err err = {0};
    int count = 0;
    struct client_following f = {.fn = note_event, .ctx = &count};
    assert_int_equal(client_post_events(&c, "/chat", kit_str_lit("{}"), &f, &err), KIT_FULL);
    assert_string_equal(err.msg, "later");
    assert_int_equal(f.status, 429);
    canned_stop(&server);
}

TEST(client_survives_each_failed_alloc)
{
    struct canned_answer answer = {.bytes = ANSWER("200 OK", "{\"a\":[1,2,3]}")};
    struct client c = begin(&answer, "key");
    TEST_ALLOC_SWEEP(n) {
        struct client_answer a;
        struct kit_err err = {0};
        enum kit_status rc = client_call(&c, "GET", "/x", (kit_str){0}, &a, &err);
        bool whole = rc == KIT_OK && a.text != NULL; /* without a document it is as if the body were no JSON */
        assert_true(whole || rc == KIT_NOMEM || rc == KIT_TOO_LARGE);
        client_answer_done(&a);
    }
    canned_stop(&server);
}

static bool take_any(void *ctx, kit_json event)
{
    (void)ctx;
    (void)event;
    return true;
}

TEST(client_events_survive_each_failed_alloc)
{
    struct canned_answer answer = {.bytes = EVENTS("data: {\"n\":0}\n\ndata: {\"n\":1}\n\n")};
    struct client c = begin(&answer, NULL);
    TEST_ALLOC_SWEEP(n) {
        enum kit_status rc = client_events(&c, "/events", take_any, NULL, NULL);
        assert_true(rc == KIT_OK || rc == KIT_NOMEM || rc == KIT_TOO_LARGE);
    }
    canned_stop(&server);
}

int main(void)
{
    return TEST_RUN(
        TEST_OF(client_gives_status_document_and_text), TEST_OF(client_says_what_the_server_said),
        TEST_OF(client_takes_errors_that_are_none_of_ours), TEST_OF(client_names_the_server_where_nothing_answers),
        TEST_OF(client_refuses_what_is_no_address), TEST_OF(client_path_keeps_slashes_and_escapes_the_rest),
        TEST_OF(client_follows_events_until_it_has_enough), TEST_OF(client_follows_the_events_that_answer_a_post),
        TEST_OF(client_leaves_a_stream_that_is_called_off), TEST_OF(client_says_what_the_server_said_instead_of_events),
        TEST_OF(client_survives_each_failed_alloc), TEST_OF(client_events_survive_each_failed_alloc));
}
