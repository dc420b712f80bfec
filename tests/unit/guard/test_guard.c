/* The gate in front of a real server: names, origins, keys. */
#include "guard/guard.h"

#include <unistd.h>

#include "support/ws_client.h"
#include "unit/http/host.h"

#define KEY "0123456789abcdef"
#define KEY64 "MDEyMzQ1Njc4OWFiY2RlZg"

static struct guard guard;

static struct guard_rules *rules(const char *key, const char *bind, const char *hosts, const char *origins)
{
    struct guard_options o = {.bind = bind, .hosts = hosts, .origins = origins};
    struct guard_rules *r = NULL;
    assert_ok(guard_key_set(&o.key, kit_str_c(key), "a test", NULL));
    assert_ok(guard_rules_new(&o, &r, NULL));
    return r;
}

static void begin(struct host *h, struct guard_rules *r)
{
    struct http_options options = HTTP_OPTIONS_DEFAULT;
    guard_init(&guard, r);
    options.fail = host_fail;
    options.admit = guard_admit;
    options.admit_ctx = &guard;
    h->options = options;
    host_open(h);
}

static void end(struct host *h)
{
    host_close(h);
    guard_done(&guard);
}

static void ask(struct host *h, const char *text, int status, char **head, char **body)
{
    struct http_client c;
    host_connect(h, &c);
    http_client_send(&c, text);
    http_client_answer(&c, status, head, body);
    http_client_close(&c);
}

#define GET(path, host, fields) "GET " path " HTTP/1.1\r\nHost: " host "\r\n" fields "\r\n"

static void expect(struct host *h, const char *text, int status)
{
    char *body = NULL;
    ask(h, text, status, NULL, &body);
    kit_alloc_free(body);
}

/* --- names --- */

TEST(guard_answers_421_to_names_that_are_not_ours)
{
    struct host h = {0};
    char *body = NULL;
    begin(&h, rules("", "127.0.0.1", "nas.home,.example.org", ""));
    static const char *const good[] = {
        GET("/hello", "127.0.0.1:1", ""),     GET("/hello", "localhost", ""),
        GET("/hello", "[::1]:1", ""),         GET("/hello", "nas.home:1", ""),
        GET("/hello", "a.b.example.org", ""), GET("/hello", "192.168.1.9", ""),
        "GET /hello HTTP/1.0\r\n\r\n",        "GET http://localhost/hello HTTP/1.1\r\nHost: evil.org\r\n\r\n",
    };
    for (size_t i = 0; i < KIT_COUNT(good); i++) {
        expect(&h, good[i], 200);
    }
    static const char *const bad[] = {
        GET("/hello", "evil.org", ""),
        GET("/hello", "127.0.0.1.evil.org:1", ""),
        GET("/nowhere", "evil.org", ""),
        GET("/hello", "a:80:90", ""),
        "GET http://evil.org/hello HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET http://localhost@evil.org/hello HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: evil.org\r\n\r\n",
    };
    for (size_t i = 0; i < KIT_COUNT(bad); i++) {
        expect(&h, bad[i], 421);
    }
    ask(&h, GET("/hello", "evil.org", ""), 421, NULL, &body);
    assert_non_null(strstr(body, "misdirected"));
    assert_non_null(strstr(body, "server.allowed_hosts"));
    kit_alloc_free(body);
    end(&h);
}

TEST(guard_knows_the_name_of_its_machine_when_others_can_reach_it)
{
    char name[256] = "";
    char text[300];
    struct guard_rules *near = rules("", "localhost", "", ""), *far = rules("", "0.0.0.0", "", "");
    assert_int_equal(gethostname(name, sizeof(name) - 1), 0);
    snprintf(text, sizeof(text), "%s.local:8001", name);
    assert_false(guard_rules_allow_host(near, kit_str_c(text)));
    assert_true(guard_rules_allow_host(far, kit_str_c(text)));
    assert_false(guard_rules_allow_host(far, kit_str_lit("evil.org")));
    guard_rules_unref(near);
    guard_rules_unref(far);
}

/* --- origins --- */

TEST(guard_refuses_pages_of_other_origins)
{
    struct host h = {0};
    char *body = NULL;
    begin(&h, rules("", "127.0.0.1", "", "https://app.example.org"));
    expect(&h, GET("/hello", "localhost:8001", "Origin: http://localhost:8001\r\n"), 200);
    expect(&h, GET("/hello", "localhost:8001", "Origin: http://localhost:3000\r\n"), 403);
    expect(&h, GET("/hello", "localhost:8001", "Origin: null\r\n"), 403);
    expect(&h, GET("/hello", "localhost:8001", "Origin: \r\n"), 403);
    ask(&h, GET("/hello", "localhost:8001", "Origin: https://evil.org\r\n"), 403, NULL, &body);
    assert_non_null(strstr(body, "server.allowed_origins"));
    kit_alloc_free(body);
    end(&h);
}

TEST(guard_gives_listed_origins_the_fields_that_browsers_want)
{
    struct host h = {0};
    char *head = NULL;
    begin(&h, rules(KEY, "127.0.0.1", "", "https://app.example.org"));
    ask(&h, GET("/hello", "localhost", "Origin: https://app.example.org\r\n"), 401, &head, NULL);
    assert_non_null(strstr(head, "\r\nAccess-Control-Allow-Origin: https://app.example.org\r\n")); /* it may see why */
    kit_alloc_free(head);
    ask(&h, GET("/hello", "localhost", "Origin: https://app.example.org\r\nAuthorization: Bearer " KEY "\r\n"), 200,
        &head, NULL);
    assert_non_null(strstr(head, "\r\nAccess-Control-Allow-Origin: https://app.example.org\r\n"));
    assert_non_null(strstr(head, "\r\nVary: Origin\r\n"));
    kit_alloc_free(head);
    ask(&h,
        "OPTIONS /hello HTTP/1.1\r\nHost: localhost\r\nOrigin: https://app.example.org\r\n"
        "Access-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: authorization\r\n\r\n",
        204, &head, NULL);
    assert_non_null(strstr(head, "\r\nAccess-Control-Allow-Headers: authorization\r\n"));
    assert_non_null(strstr(head, "\r\nAccess-Control-Allow-Methods: GET"));
    assert_null(strstr(head, "Private-Network"));
    kit_alloc_free(head);
    expect(&h,
           "OPTIONS /hello HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.org\r\n"
           "Access-Control-Request-Method: GET\r\n\r\n",
           403);
    end(&h);
}

/* --- keys --- */

TEST(guard_takes_the_key_in_each_of_its_three_places)
{
    struct host h = {0};
    char *head = NULL, *body = NULL;
    begin(&h, rules(KEY, "127.0.0.1", "", ""));
    ask(&h, GET("/show/x", "localhost", "Authorization: Bearer " KEY "\r\n"), 200, NULL, &body);
    assert_non_null(strstr(body, "who=key-"));
    kit_alloc_free(body);
    expect(&h, GET("/hello", "localhost", "authorization: bearer  " KEY "\r\n"), 200);
    expect(&h, GET("/hello", "localhost", "X-API-Key: " KEY "\r\n"), 200);
    expect(&h, GET("/hello", "localhost", "Sec-WebSocket-Protocol: msp, heimnetz.key." KEY64 "\r\n"), 200);
    ask(&h, GET("/hello", "localhost", ""), 401, &head, &body);
    assert_non_null(strstr(head, "\r\nWWW-Authenticate: Bearer realm=\"heimnetz\"\r\n"));
    assert_non_null(strstr(body, "unauthorized|"));
    assert_non_null(strstr(body, "HEIMNETZ_API_KEY"));
    kit_alloc_free(head);
    kit_alloc_free(body);
    static const char *const wrong[] = {
        "Authorization: Bearer 0123456789abcdee\r\n",
        "Authorization: Bearer\r\n",
        "Authorization: Basic " KEY "\r\n",
        "Authorization: \r\n",
        "X-Api-Key: \r\n",
        "Sec-WebSocket-Protocol: heimnetz.key." KEY64 "A\r\n",
        "Authorization: Basic x\r\nX-Api-Key: " KEY "\r\n", /* one word about who one is, not two */
    };
    for (size_t i = 0; i < KIT_COUNT(wrong); i++) {
        char text[256];
        snprintf(text, sizeof(text), GET("/hello", "localhost", "%s"), wrong[i]);
        ask(&h, text, 401, &head, NULL);
        assert_non_null(strstr(head, "error=\"invalid_token\""));
        kit_alloc_free(head);
    }
    end(&h);
}

TEST(guard_hides_which_paths_there_are)
{
    struct host h = {0};
    begin(&h, rules(KEY, "127.0.0.1", "", ""));
    expect(&h, GET("/nowhere", "localhost", ""), 401);
    expect(&h, "DELETE /hello HTTP/1.1\r\nHost: localhost\r\n\r\n", 401);
    expect(&h, GET("/nowhere", "localhost", "X-Api-Key: " KEY "\r\n"), 404);
    end(&h);
}

TEST(guard_lets_everybody_in_without_a_key)
{
    struct host h = {0};
    char *body = NULL;
    begin(&h, rules("", "127.0.0.1", "", ""));
    ask(&h, GET("/show/x", "localhost", "Authorization: Bearer whatever\r\n"), 200, NULL, &body);
    assert_non_null(strstr(body, "who=anonymous"));
    kit_alloc_free(body);
    end(&h);
}

TEST(guard_answers_before_the_body_is_asked_for)
{
    struct host h = {0};
    struct http_client c;
    begin(&h, rules(KEY, "127.0.0.1", "", ""));
    host_connect(&h, &c);
    http_client_send(&c, "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    http_client_answer(&c, 401, NULL, NULL); /* and no 100 before it */
    http_client_wait_end(&c);
    http_client_close(&c);
    host_connect(&h, &c); /* nor is one read that comes unasked */
    http_client_send(&c, "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel");
    http_client_answer(&c, 401, NULL, NULL);
    http_client_wait_end(&c);
    http_client_close(&c);
    host_connect(&h, &c); /* without a body the connection lives on */
    http_client_send(&c, GET("/hello", "localhost", ""));
    http_client_answer(&c, 401, NULL, NULL);
    http_client_send(&c, "POST /echo HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: " KEY
                         "\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    http_client_head_answer(&c, 100, NULL);
    http_client_send(&c, "hello");
    http_client_answer(&c, 200, NULL, NULL);
    http_client_close(&c);
    assert_int_equal(h.handled, 1);
    end(&h);
}

/* --- WebSockets --- */

static void no_message(struct http_ws *ws, bool text, kit_str bytes)
{
    (void)ws, (void)text, (void)bytes;
}

static char principal[64];

static void note_gone(struct http_ws *ws)
{
    kit_str_to_c(ws->principal, principal, sizeof(principal));
}

TEST(guard_stands_before_the_upgrade)
{
    static const struct http_ws_handler handler = {.message = no_message, .gone = note_gone};
    struct host h = {.ws_handler = &handler, .ws_options = HTTP_WS_OPTIONS_DEFAULT};
    struct http_client c;
    begin(&h, rules(KEY, "127.0.0.1", "", ""));
    h.ws_options.protocol = "msp";
    static const struct {
        const char *fields;
        int status;
    } rows[] = {{"", 401},
                {"Origin: https://evil.org\r\nX-Api-Key: " KEY "\r\n", 403},
                {"Sec-WebSocket-Protocol: heimnetz.key.AAAA, msp\r\n", 401}};
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        host_connect(&h, &c);
        ws_client_ask(&c, "/ws", rows[i].fields);
        http_client_answer(&c, rows[i].status, NULL, NULL);
        http_client_close(&c);
    }
    char *head = NULL;
    host_connect(&h, &c);
    ws_client_open(&c, "/ws", "Origin: http://127.0.0.1\r\nSec-WebSocket-Protocol: msp, heimnetz.key." KEY64 "\r\n",
                   &head);
    assert_non_null(strstr(head, "\r\nSec-WebSocket-Protocol: msp\r\n"));
    kit_alloc_free(head);
    http_client_close(&c);
    host_wait_empty(&h);
    assert_memory_equal(principal, "key-", 4);
    assert_int_equal(strlen(principal), 12);
    end(&h);
}

/* --- rules --- */

TEST(guard_takes_new_rules_from_the_next_request_on)
{
    struct host h = {0};
    struct http_client c;
    begin(&h, rules(KEY, "127.0.0.1", "", ""));
    host_connect(&h, &c);
    http_client_send(&c, GET("/late", "localhost", "X-Api-Key: " KEY "\r\n"));
    host_wait_late(&h, &c, 1);
    guard_set(&guard, rules("another-key-of-mine", "127.0.0.1", "", ""));
    assert_memory_equal(host_find(&h, 0)->principal.ptr, "key-", 4); /* its own, though the old rules have gone */
    host_answer(&h, 0, "done");
    http_client_answer(&c, 200, NULL, NULL);
    http_client_send(&c, GET("/hello", "localhost", "X-Api-Key: " KEY "\r\n"));
    http_client_answer(&c, 401, NULL, NULL);
    http_client_close(&c);
    end(&h);
}

TEST(rules_name_the_origin_that_is_wrong)
{
    struct guard_options o = {.bind = "127.0.0.1", .hosts = "", .origins = "https://a.b,c.d"};
    struct guard_rules *r = NULL;
    struct kit_err err = {0};
    assert_int_equal(guard_rules_new(&o, &r, &err), KIT_INVALID);
    assert_non_null(strstr(err.msg, "'c.d'"));
}

TEST(rules_survive_each_failed_alloc)
{
    TEST_ALLOC_SWEEP(n) {
        struct guard_options o = {.bind = "127.0.0.1", .hosts = "a", .origins = ""};
        struct guard_rules *r = NULL;
        enum kit_status rc = guard_rules_new(&o, &r, NULL);
        assert_true(rc == KIT_OK ? r != NULL : rc == KIT_NOMEM && r == NULL);
        guard_rules_unref(r);
    }
}

int main(void)
{
    return TEST_RUN(TEST_OF(guard_answers_421_to_names_that_are_not_ours),
                    TEST_OF(guard_knows_the_name_of_its_machine_when_others_can_reach_it),
                    TEST_OF(guard_refuses_pages_of_other_origins),
                    TEST_OF(guard_gives_listed_origins_the_fields_that_browsers_want),
                    TEST_OF(guard_takes_the_key_in_each_of_its_three_places),
                    TEST_OF(guard_hides_which_paths_there_are), TEST_OF(guard_lets_everybody_in_without_a_key),
                    TEST_OF(guard_answers_before_the_body_is_asked_for), TEST_OF(guard_stands_before_the_upgrade),
                    TEST_OF(guard_takes_new_rules_from_the_next_request_on),
                    TEST_OF(rules_name_the_origin_that_is_wrong), TEST_OF(rules_survive_each_failed_alloc));
}
