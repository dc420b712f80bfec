/* Models of other servers: a real aethercore is asked through another, in the words of both APIs that an upstream may speak; and
 * upstreams that die, hang, lie or lead elsewhere. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit/buf.h"
#include "kit/clock.h"
#include "server.h"
#include "support/canned.h"
#include "support/temp.h"
#include "support/json_path.h"
#include "support/test.h"

#define LONG_TEXT "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
#define STREAMS 100

static struct server back, front; /* who has the models, and who is asked */

/* --- the two --- */

static const char *models_of_back(void)
{
    static char path[TEST_PATH_BYTES];
    const char *folder = server_models((const char *const[]){"org/parrot", "tiny-bert", NULL});
    test_temp_write(path, "models/org/slow/echo.json", kit_str_lit("{\"generate\": 1, \"token_us\": 20000}"));
    return folder;
}

static const char *no_models(void)
{
    static char folder[TEST_PATH_BYTES];
    char file[TEST_PATH_BYTES];
    test_temp_write(file, "empty/none.txt", kit_str_lit(""));
    return test_temp_path(folder, "empty");
}

static bool lists(struct server *s, const char *words)
{
    struct client_answer a;
    server_expect(s, "GET", "/models", "", 200, &a);
    bool found = strstr(a.text, words) != NULL;
    client_answer_done(&a);
    return found;
}

static void wait_until_listed(struct server *s, const char *words)
{
    uint64_t until_ns = kit_clock_ns() + 10 * KIT_NS_PER_S;
    while (!lists(s, words)) {
        if (kit_clock_ns() > until_ns) {
            fail_msg("the models never have: %s", words);
        }
        usleep(5000);
    }
}

/* `more`: NULL behind the last. */
static void start_front(const char *kind, const char *const *more)
{
    char url[64], kind_is[64];
    const char *args[SERVER_ARGS_MAX] = {"--set", url, "--set", kind_is, "--set", "remote.back.check=200ms"};
    snprintf(url, sizeof(url), "remote.back.url=http://127.0.0.1:%u", back.port);
    snprintf(kind_is, sizeof(kind_is), "remote.back.kind=%s", kind);
    for (int i = 0; more != NULL && more[i] != NULL; i++) {
        args[6 + i] = more[i];
    }
    server_start(&front, no_models(), args);
    wait_until_listed(&front, "\"state\":\"ready\"");
}

static void start_both(const char *kind)
{
    server_start(&back, models_of_back(), NULL);
    start_front(kind, NULL);
}

static void stop_both(void)
{
    server_stop(&front);
    server_stop(&back);
}

/* --- asking --- */

static void expect(const char *path, const char *body, const char *where, const char *text)
{
    struct client_answer a;
    server_expect(&front, "POST", path, body, 200, &a);
    assert_str(kit_json_str(test_json_path(kit_json_root(a.doc), where), kit_str_lit("(nothing)")), text);
    client_answer_done(&a);
}

/* An error with this status whose message holds these words. */
static void expect_error(const char *path, const char *body, int status, const char *words)
{
    struct client_answer a;
    server_expect(&front, "POST", path, body, status, &a);
    if (strstr(a.text, words) == NULL) {
        fail_msg("'%s' is not in: %s", words, a.text);
    }
    client_answer_done(&a);
}

static int begin_stream(const char *path, const char *body)
{
    char head[512];
    int fd = server_connect(&front);
    snprintf(head, sizeof(head),
             "POST %s HTTP/1.0\r\nHost: 127.0.0.1\r\nAuthorization: Bearer key-of-a-client\r\n"
             "Content-Length: %zu\r\n\r\n",
             path, strlen(body));
    server_send(fd, kit_str_c(head));
    server_send(fd, kit_str_c(body));
    return fd;
}

/* Reads until these words have come, or to the end (NULL). */
static void read_until(int fd, const char *words, struct kit_buf *to)
{
    char piece[4096];
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (words == NULL || kit_str_find(kit_buf_str(to), kit_str_c(words)) == to->len) {
        ssize_t n = poll(&p, 1, 20000) == 1 ? read(fd, piece, sizeof(piece)) : -1;
        if (n <= 0) {
            assert_true(words == NULL && n == 0);
            return;
        }
        kit_buf_add(to, (kit_str){.ptr = piece, .len = (size_t)n});
    }
}

static bool holds(const struct kit_buf *b, const char *words)
{
    return kit_str_find(kit_buf_str(b), kit_str_c(words)) < b->len;
}

/* Joins what stands at `where` in each JSON line of a stream. */
static void join(const struct kit_buf *from, const char *where, struct kit_buf *to)
{
    kit_str rest = kit_buf_str(from), line;
    kit_buf_clear(to);
    while (kit_str_cut(&rest, '\n', &line)) {
        struct kit_json_doc *doc = NULL;
        size_t brace = kit_str_find_char(line, '{');
        if (brace < line.len && kit_json_parse(kit_str_sub(line, brace, line.len), 32, &doc, NULL) == KIT_OK) {
            kit_buf_add(to, kit_json_str(test_json_path(kit_json_root(doc), where), (kit_str){0}));
        }
        kit_json_free(doc);
    }
}

static void expect_streamed(const char *path, const char *body, const char *where, const char *text)
{
    struct kit_buf all, joined;
    kit_buf_init(&all, KIT_MIB);
    kit_buf_init(&joined, KIT_MIB);
    int fd = begin_stream(path, body);
    read_until(fd, NULL, &all);
    close(fd);
    join(&all, where, &joined);
    assert_str(kit_buf_str(&joined), text);
    kit_buf_done(&all);
    kit_buf_done(&joined);
}

#define CHAT(model, text) "{\"model\":\"" model "\",\"messages\":[{\"role\":\"user\",\"content\":\"" text "\"}]"

/* --- what is passed on --- */

TEST(models_of_an_upstream_are_listed_as_its_own)
{
    struct client_answer a;
    start_both("auto");
    server_expect(&front, "GET", "/models/org/parrot", "", 200, &a);
    kit_json m = kit_json_root(a.doc);
    assert_str(kit_json_str(kit_json_get(m, "kind"), (kit_str){0}), "remote");
    assert_str(kit_json_str(kit_json_get(m, "backend"), (kit_str){0}), "back");
    assert_str(kit_json_str(kit_json_get(m, "state"), (kit_str){0}), "ready");
    client_answer_done(&a);
    server_expect(&front, "GET", "/v1/models", "", 200, &a);
    assert_non_null(strstr(a.text, "\"org/parrot\""));
    client_answer_done(&a);
    server_expect(&front, "GET", "/api/tags", "", 200, &a);
    assert_non_null(strstr(a.text, "\"org/parrot:latest\""));
    client_answer_done(&a);
    server_expect_only(&front, "POST", "/models/org/parrot/unload", "", 409);
    server_expect_only(&front, "DELETE", "/models/org/parrot", "", 409);
    server_expect_only(&front, "POST", "/api/copy", "{\"source\":\"org/parrot\",\"destination\":\"mine\"}", 409);
    server_expect_only(&front, "POST", "/models/org/parrot/load?wait=true", "", 200);
    assert_true(server_metric_of(&front, "remote_up", "upstream=\"back\"") == 1);
    stop_both();
}

TEST(only_the_models_that_are_wished_for_are_listed)
{
    server_start(&back, models_of_back(), NULL);
    start_front("auto", (const char *const[]){"--set", "remote.back.models=tiny-bert, org/par*", NULL});
    assert_true(lists(&front, "org/parrot") && lists(&front, "tiny-bert") && !lists(&front, "org/slow"));
    stop_both();
}

TEST(what_lies_here_counts_before_what_lies_elsewhere)
{
    char path[TEST_PATH_BYTES];
    start_both("auto");
    test_temp_write(path, "empty/org/parrot/echo.json", kit_str_lit("{\"generate\": 1}"));
    wait_until_listed(&front, "\"id\":\"org/parrot\",\"format\":\"custom\"");
    expect("/serve", "{\"model\":\"org/parrot\",\"inputs\":\"here\"}", "outputs.0.text", "here");
    assert_true(server_metric_of(&front, "remote_calls_total", "back") == 0);
    unlink(path);
    stop_both();
}

static void expect_all_words(void)
{
    expect("/serve", "{\"model\":\"org/parrot\",\"inputs\":\"hello\"}", "outputs.0.text", "hello");
    expect("/v1/completions", "{\"model\":\"org/parrot\",\"prompt\":\"hello\"}", "choices.0.text", "hello");
    expect("/v1/completions", "{\"model\":\"org/parrot\",\"prompt\":\"hello\",\"stop\":\"ll\"}", "choices.0.text",
           "he");
    expect("/v1/completions", "{\"model\":\"org/parrot\",\"prompt\":\"hello world\",\"max_tokens\":5}",
           "choices.0.finish_reason", "length");
    expect("/v1/chat/completions", CHAT("org/parrot", "say this") "}", "choices.0.message.content", "say this");
    expect_streamed("/v1/chat/completions", CHAT("org/parrot", "say this") ",\"stream\":true}",
                    "choices.0.delta.content", "say this");
    expect("/api/chat", CHAT("org/parrot", "say this") ",\"stream\":false}", "message.content", "say this");
    expect_streamed("/api/generate", "{\"model\":\"org/parrot\",\"prompt\":\"hello\"}", "response", "hello");
    expect_streamed("/v1/messages", CHAT("org/parrot", "say this") ",\"max_tokens\":100,\"stream\":true}", "delta.text",
                    "say this");
}

#define CALL "<tool_call>{\\\"name\\\": \\\"look\\\", \\\"arguments\\\": {\\\"at\\\":3}}</tool_call>"
#define TOOLS                                                                                                          \
    ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"look\",\"parameters\":{\"type\":\"object\","          \
    "\"properties\":{\"at\":{\"type\":\"integer\"}},\"required\":[\"at\"],\"additionalProperties\":false}}}]"

static void expect_calls(void)
{
    expect("/v1/chat/completions", CHAT("org/parrot", CALL) TOOLS "}", "choices.0.message.tool_calls.0.function.name",
           "look");
    expect("/v1/chat/completions", CHAT("org/parrot", CALL) TOOLS "}", "choices.0.finish_reason", "tool_calls");
    expect_streamed("/v1/chat/completions", CHAT("org/parrot", CALL) TOOLS ",\"stream\":true}",
                    "choices.0.delta.tool_calls.0.function.arguments", "{\"at\":3}");
}

static void expect_form(void)
{
    expect("/v1/chat/completions",
           CHAT("org/parrot", "x") ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\","
                                   "\"schema\":{\"type\":\"object\",\"properties\":{\"city\":{\"const\":\"Paris\"}},"
                                   "\"required\":[\"city\"],\"additionalProperties\":false}}}}",
           "choices.0.message.content", "{\"city\":\"Paris\"}");
}

/* The same vectors as without a server between. */
static void expect_vectors(void)
{
    struct client_answer there, here;
    const char *body = "{\"model\":\"tiny-bert\",\"input\":[\"one\",\"two words\"]}";
    server_expect(&back, "POST", "/v1/embeddings", body, 200, &there);
    server_expect(&front, "POST", "/v1/embeddings", body, 200, &here);
    assert_string_equal(here.text, there.text);
    client_answer_done(&there);
    client_answer_done(&here);
}

static void expect_usage(void)
{
    struct client_answer there, here;
    const char *body = CHAT("org/parrot", "count this") "}";
    server_expect(&back, "POST", "/v1/chat/completions", body, 200, &there);
    server_expect(&front, "POST", "/v1/chat/completions", body, 200, &here);
    kit_json a = test_json_path(kit_json_root(there.doc), "usage.total_tokens"),
             b = test_json_path(kit_json_root(here.doc), "usage.total_tokens");
    assert_true(kit_json_i64(a, -1) > 0);
    assert_int_equal(kit_json_i64(b, -2), kit_json_i64(a, -1));
    client_answer_done(&there);
    client_answer_done(&here);
}

TEST(an_openai_upstream_is_asked_in_every_api_of_ours)
{
    start_both("auto");
    expect_all_words();
    expect_calls();
    expect_form();
    expect_vectors();
    expect_usage();
    stop_both();
}

TEST(an_ollama_upstream_is_asked_in_every_api_of_ours)
{
    start_both("ollama");
    expect_all_words();
    expect_calls();
    expect_form();
    expect_vectors();
    expect_usage();
    expect_error("/v1/completions", "{\"model\":\"org/parrot\",\"prompt\":\"x\",\"n\":2}", 422,
                 "cannot be asked for several texts");
    stop_both();
}

TEST(several_texts_come_in_their_order)
{
    start_both("auto");
    expect("/v1/completions", "{\"model\":\"org/parrot\",\"prompt\":[\"a\",\"bc\"],\"n\":2}", "choices.1.text", "a");
    expect("/v1/completions", "{\"model\":\"org/parrot\",\"prompt\":[\"a\",\"bc\"],\"n\":2}", "choices.3.text", "bc");
    stop_both();
}

TEST(what_an_upstream_cannot_be_asked_is_refused)
{
    start_both("auto");
    expect_error("/v1/completions", "{\"model\":\"org/parrot\",\"prompt\":\"x\",\"logprobs\":1}", 422,
                 "log probabilities");
    expect_error("/serve", "{\"model\":\"org/parrot\",\"inputs\":{\"query\":\"a\",\"texts\":[\"b\"]}}", 422,
                 "can be asked to 'generate'");
    expect_error("/v1/chat/completions", CHAT("tiny-bert", "x") "}", 400, "upstream 'back' answers 4");
    stop_both();
}

/* --- when things go wrong --- */

TEST(an_upstream_that_is_killed_ends_a_stream_within_a_second)
{
    static const struct {
        const char *path, *error;
    } apis[] = {{"/v1/chat/completions", "data: {\"error\":{\"message\":\"upstream 'back' broke off in the middle"},
                {"/api/chat", "{\"error\":\"upstream 'back' broke off in the middle"},
                {"/v1/messages", "event: error"}};
    for (size_t i = 0; i < KIT_COUNT(apis); i++) {
        struct kit_buf all;
        kit_buf_init(&all, KIT_MIB);
        start_both("auto");
        int fd = begin_stream(apis[i].path, CHAT("org/slow", LONG_TEXT) ",\"max_tokens\":500,\"stream\":true}");
        read_until(fd, "\"o\"", &all);
        kill(back.pid, SIGKILL);
        waitpid(back.pid, NULL, 0);
        uint64_t killed_ns = kit_clock_ns();
        read_until(fd, NULL, &all);
        assert_true(kit_clock_ns() - killed_ns < KIT_NS_PER_S);
        assert_true(holds(&all, apis[i].error));
        assert_false(holds(&all, "[DONE]"));
        close(fd);
        kit_buf_done(&all);
        wait_until_listed(&front, "\"state\":\"failed\"");
        expect_error("/v1/chat/completions", CHAT("org/slow", "x") "}", 503, "upstream 'back'");
        server_stop(&front);
        close(back.log);
    }
}

TEST(an_upstream_that_comes_back_is_ready_again)
{
    char port[16];
    start_both("auto");
    snprintf(port, sizeof(port), "%u", back.port);
    server_stop(&back);
    wait_until_listed(&front, "\"state\":\"failed\"");
    server_start(&back, models_of_back(), (const char *const[]){"--port", port, NULL});
    wait_until_listed(&front, "\"state\":\"ready\"");
    expect("/serve", "{\"model\":\"org/parrot\",\"inputs\":\"hello\"}", "outputs.0.text", "hello");
    stop_both();
}

TEST(a_client_that_leaves_stops_the_upstream_within_100_ms)
{
    struct kit_buf all;
    kit_buf_init(&all, KIT_MIB);
    start_both("auto");
    int fd = begin_stream("/v1/chat/completions", CHAT("org/slow", LONG_TEXT) ",\"stream\":true}");
    read_until(fd, "\"o\"", &all);
    uint64_t left_ns = kit_clock_ns();
    close(fd);
    while (server_metric_of(&back, "http_requests_total", "code=\"499\"") == 0) {
        assert_true(kit_clock_ns() - left_ns < 100 * KIT_NS_PER_MS);
    }
    server_wait_metric(&front, "remote_running", 0);
    assert_true(server_metric_of(&front, "remote_calls_total", "result=\"cancelled\"") == 1);
    kit_buf_done(&all);
    stop_both();
}

TEST(a_deadline_ends_the_upstreams_work)
{
    start_both("auto");
    expect_error("/serve", "{\"model\":\"org/slow\",\"inputs\":\"" LONG_TEXT "\",\"timeout_ms\":200}", 504,
                 "the time was up");
    server_wait_metric(&front, "remote_running", 0);
    stop_both();
}

TEST(a_hundred_streams_run_side_by_side)
{
    static int fd[STREAMS];
    struct kit_buf all, joined;
    kit_buf_init(&all, KIT_MIB);
    kit_buf_init(&joined, KIT_MIB);
    start_both("auto");
    for (int i = 0; i < STREAMS; i++) {
        char body[256];
        snprintf(body, sizeof(body), CHAT("org/parrot", "this is number %d") ",\"stream\":true}", i);
        fd[i] = begin_stream("/v1/chat/completions", body);
    }
    for (int i = 0; i < STREAMS; i++) {
        char text[64];
        snprintf(text, sizeof(text), "this is number %d", i);
        kit_buf_clear(&all);
        read_until(fd[i], NULL, &all);
        close(fd[i]);
        join(&all, "choices.0.delta.content", &joined);
        assert_str(kit_buf_str(&joined), text);
    }
    assert_true(server_metric_of(&front, "remote_calls_total", "result=\"ok\"") == STREAMS);
    kit_buf_done(&all);
    kit_buf_done(&joined);
    stop_both();
}

TEST(more_questions_than_an_upstream_may_have_are_refused)
{
    struct kit_buf all;
    kit_buf_init(&all, KIT_MIB);
    server_start(&back, models_of_back(), NULL);
    start_front("auto", (const char *const[]){"--set", "remote.back.requests_max=1", NULL});
    int fd = begin_stream("/v1/chat/completions", CHAT("org/slow", LONG_TEXT) ",\"stream\":true}");
    read_until(fd, "\"o\"", &all);
    expect_error("/v1/chat/completions", CHAT("org/parrot", "x") "}", 429, "on their way");
    close(fd);
    server_wait_metric(&front, "remote_running", 0);
    expect("/v1/chat/completions", CHAT("org/parrot", "x") "}", "choices.0.message.content", "x");
    kit_buf_done(&all);
    stop_both();
}

/* --- upstreams that are none --- */

#define HEAD(status, type) "HTTP/1.1 " status "\r\nContent-Type: " type "\r\nConnection: close\r\n"
#define LIST HEAD("200 OK", "application/json") "\r\n{\"data\":[{\"id\":\"m\"}]}"
#define EVENTS HEAD("200 OK", "text/event-stream") "\r\n"
#define DELTA "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\n"
#define END "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"

/* Answers the list, then what is given, and starts a front that knows it as 'odd'. */
static void start_odd(struct canned *c, const struct canned_answer *answers, uint32_t count, const char *const *more)
{
    char url[64];
    struct canned_answer all[CANNED_ANSWERS_MAX] = {{.bytes = kit_str_lit(LIST)}};
    const char *args[SERVER_ARGS_MAX] = {"--set", url, "--set", "remote.odd.check=1h"};
    memcpy(&all[1], answers, count * sizeof(*answers));
    for (int i = 0; more != NULL && more[i] != NULL; i++) {
        args[4 + i] = more[i];
    }
    canned_start(c, all, count + 1);
    snprintf(url, sizeof(url), "remote.odd.url=http://127.0.0.1:%u/v1", c->port);
    server_start(&front, no_models(), args);
    wait_until_listed(&front, "\"id\":\"m\"");
}

static void stop_odd(struct canned *c)
{
    server_stop(&front);
    canned_stop(c);
}

static const char *some_redirect(uint16_t port)
{
    static char text[256];
    snprintf(text, sizeof(text),
             HEAD("307 Temporary Redirect", "text/plain") "Location: http://127.0.0.1:%u/v1/chat/completions\r\n"
                                                          "Content-Length: 0\r\n\r\n",
             port);
    return text;
}

TEST(a_redirect_is_not_followed)
{
    struct canned c, other;
    const struct canned_answer never = {.bytes = kit_str_lit(EVENTS DELTA END)};
    canned_start(&other, &never, 1);
    const struct canned_answer redirect = {.bytes = kit_str_c(some_redirect(other.port))};
    start_odd(&c, &redirect, 1, NULL);
    expect_error("/v1/chat/completions", CHAT("m", "x") "}", 502, "leads elsewhere");
    stop_odd(&c);
    canned_stop(&other);
    assert_int_equal(other.requests, 0);
}

TEST(the_key_of_a_client_is_not_passed_on_and_ours_is)
{
    struct canned c;
    struct kit_buf all;
    char path[TEST_PATH_BYTES], key_file[TEST_PATH_BYTES + 32];
    const struct canned_answer good = {.bytes = kit_str_lit(EVENTS DELTA END)};
    kit_buf_init(&all, KIT_MIB);
    snprintf(key_file, sizeof(key_file), "remote.odd.key_file=%s",
             test_temp_write(path, "key.txt", kit_str_lit("key-for-upstream\n")));
    start_odd(&c, &good, 1, (const char *const[]){"--set", key_file, NULL});
    int fd = begin_stream("/v1/chat/completions", CHAT("m", "x") ",\"stream\":true}");
    read_until(fd, NULL, &all);
    close(fd);
    assert_true(holds(&all, "[DONE]"));
    stop_odd(&c);
    assert_int_equal(c.requests, 2);
    assert_non_null(strstr(c.request[0], "Authorization: Bearer key-for-upstream\r\n"));
    assert_non_null(strstr(c.request[1], "Authorization: Bearer key-for-upstream\r\n"));
    assert_null(strstr(c.request[1], "key-of-a-client"));
    kit_buf_done(&all);
}

TEST(a_question_is_sent_again_when_no_answer_has_begun)
{
    struct canned c;
    const struct canned_answer answers[] = {{.bytes = kit_str_lit("")}, {.bytes = kit_str_lit(EVENTS DELTA END)}};
    start_odd(&c, answers, 2, NULL);
    expect("/v1/chat/completions", CHAT("m", "x") "}", "choices.0.message.content", "hi");
    assert_true(server_metric_of(&front, "remote_retries_total", "odd") == 1);
    stop_odd(&c);
}

TEST(an_answer_that_is_none_is_told_in_the_words_of_the_api_that_was_asked)
{
    static const struct {
        const char *bytes;
        int status;
        const char *words;
    } odd[] = {
        {EVENTS DELTA, 502, "ended its answer in the middle"},
        {EVENTS "<html>hello</html>\n", 502, "answers what are no events"},
        {EVENTS "data: {\"choices\":\n\n", 502, "answers what is no JSON"},
        {EVENTS "data: {\"choices\":[{\"index\":7,\"delta\":{\"content\":\"x\"}}]}\n\n", 502, "more texts"},
        {EVENTS "data: {\"error\":{\"message\":\"it is too hot\"}}\n\n", 502, "it is too hot"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}", 502, "broke off"},
        {HEAD("401 Unauthorized", "application/json") "Content-Length: 0\r\n\r\n", 503, "refuses our key"},
        {HEAD("404 Not Found", "application/json") "\r\n{\"error\":{\"message\":\"gone\"}}", 404, "answers 404: gone"},
        {HEAD("400 Bad Request", "application/json") "Content-Length: 16\r\n\r\n{\"error\":\"no q\"}", 400, "no q"},
        {HEAD("429 Too Many", "text/plain") "Retry-After: 7\r\nContent-Length: 0\r\n\r\n", 429, "answers 429"},
        {HEAD("500 Oh", "text/plain") "Content-Length: 3\r\n\r\nxyz", 503, "answers 500"},
    };
    for (size_t i = 0; i < KIT_COUNT(odd); i++) {
        static const char *const paths[] = {"/v1/chat/completions", "/api/chat", "/v1/messages"};
        struct canned c;
        const struct canned_answer answer = {.bytes = kit_str_c(odd[i].bytes)};
        start_odd(&c, &answer, 1, NULL);
        expect_error(paths[i % KIT_COUNT(paths)], CHAT("m", "x") ",\"max_tokens\":5,\"stream\":false}", odd[i].status,
                     odd[i].words);
        assert_true(server_metric_of(&front, "remote_running", "odd") == 0);
        stop_odd(&c);
    }
}

TEST(an_upstream_that_falls_silent_is_given_up)
{
    struct canned c;
    struct kit_buf all;
    const struct canned_answer silent = {.bytes = kit_str_lit(EVENTS DELTA), .hold = true};
    kit_buf_init(&all, KIT_MIB);
    start_odd(&c, &silent, 1, (const char *const[]){"--set", "remote.odd.stall_timeout=300ms", NULL});
    int fd = begin_stream("/v1/chat/completions", CHAT("m", "x") ",\"stream\":true}");
    read_until(fd, NULL, &all);
    close(fd);
    assert_true(holds(&all, "has said nothing for 300 ms"));
    kit_buf_done(&all);
    stop_odd(&c);
}

TEST(an_answer_without_end_is_cut)
{
    struct canned c;
    size_t len = 6 * KIT_MIB;
    char *bytes = malloc(len);
    assert_non_null(bytes);
    memset(bytes, 'a', len);
    memcpy(bytes, EVENTS "data: ", strlen(EVENTS "data: "));
    const struct canned_answer endless = {.bytes = {.ptr = bytes, .len = len}};
    start_odd(&c, &endless, 1, NULL);
    expect_error("/v1/chat/completions", CHAT("m", "x") "}", 413, "answers more than is taken");
    stop_odd(&c);
    free(bytes);
}

TEST(vectors_that_do_not_belong_to_the_texts_are_refused)
{
    static const char *const odd[] = {
        HEAD("200 OK", "application/json") "\r\n{\"data\":[{\"index\":0,\"embedding\":[1,2]}]}",
        HEAD("200 OK",
             "application/json") "\r\n{\"data\":[{\"index\":0,\"embedding\":[1]},{\"index\":1,\"embedding\":[1,2]}]}",
        HEAD("200 OK",
             "application/json") "\r\n{\"data\":[{\"index\":1,\"embedding\":[1]},{\"index\":0,\"embedding\":[2]}]}",
        HEAD("200 OK", "application/json") "\r\n{\"data\":[{\"index\":0,\"embedding\":[\"x\"]}]}",
        HEAD("200 OK", "application/json") "\r\n{\"data\":[{\"index\":0,\"embedding\":[]}]}",
        HEAD("200 OK", "application/json") "\r\n[]",
    };
    for (size_t i = 0; i < KIT_COUNT(odd); i++) {
        struct canned c;
        const struct canned_answer answer = {.bytes = kit_str_c(odd[i])};
        start_odd(&c, &answer, 1, NULL);
        expect_error("/v1/embeddings", "{\"model\":\"m\",\"input\":[\"a\",\"b\"]}", 502, "vectors");
        stop_odd(&c);
    }
}

TEST(vectors_that_are_longer_than_was_asked_for_are_cut)
{
    struct canned c;
    struct client_answer a;
    const struct canned_answer answer = {
        .bytes =
            kit_str_lit(HEAD("200 OK", "application/json") "\r\n{\"data\":[{\"index\":0,\"embedding\":[3,4,12]}]}")};
    start_odd(&c, &answer, 1, NULL);
    server_expect(&front, "POST", "/v1/embeddings", "{\"model\":\"m\",\"input\":\"a\",\"dimensions\":2}", 200, &a);
    assert_non_null(strstr(a.text, "\"embedding\":[0.6,0.8]"));
    client_answer_done(&a);
    stop_odd(&c);
}

TEST(a_server_whose_upstream_does_not_answer_serves_its_own)
{
    const char *folder = models_of_back();
    server_start(&front, folder, (const char *const[]){"--set", "remote.gone.url=http://127.0.0.1:1", NULL});
    expect("/serve", "{\"model\":\"org/parrot\",\"inputs\":\"here\"}", "outputs.0.text", "here");
    assert_true(server_metric_of(&front, "remote_up", "gone") == 0);
    server_stop(&front);
}

TEST(a_server_ends_while_its_upstream_is_silent)
{
    struct canned c;
    const struct canned_answer silent = {.bytes = kit_str_lit(EVENTS DELTA), .hold = true};
    struct kit_buf all;
    kit_buf_init(&all, KIT_MIB);
    start_odd(&c, &silent, 1, (const char *const[]){"--set", "server.drain=200ms", NULL});
    int fd = begin_stream("/v1/chat/completions", CHAT("m", "x") ",\"stream\":true}");
    read_until(fd, "hi", &all);
    stop_odd(&c);
    close(fd);
    kit_buf_done(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_OF(models_of_an_upstream_are_listed_as_its_own),
        TEST_OF(only_the_models_that_are_wished_for_are_listed),
        TEST_OF(what_lies_here_counts_before_what_lies_elsewhere),
        TEST_OF(an_openai_upstream_is_asked_in_every_api_of_ours),
        TEST_OF(an_ollama_upstream_is_asked_in_every_api_of_ours),
        TEST_OF(several_texts_come_in_their_order),
        TEST_OF(what_an_upstream_cannot_be_asked_is_refused),
        TEST_OF(an_upstream_that_is_killed_ends_a_stream_within_a_second),
        TEST_OF(an_upstream_that_comes_back_is_ready_again),
        TEST_OF(a_client_that_leaves_stops_the_upstream_within_100_ms),
        TEST_OF(a_deadline_ends_the_upstreams_work),
        TEST_OF(a_hundred_streams_run_side_by_side),
        TEST_OF(more_questions_than_an_upstream_may_have_are_refused),
        TEST_OF(a_redirect_is_not_followed),
        TEST_OF(the_key_of_a_client_is_not_passed_on_and_ours_is),
        TEST_OF(a_question_is_sent_again_when_no_answer_has_begun),
        TEST_OF(an_answer_that_is_none_is_told_in_the_words_of_the_api_that_was_asked),
        TEST_OF(an_upstream_that_falls_silent_is_given_up),
        TEST_OF(an_answer_without_end_is_cut),
        TEST_OF(vectors_that_do_not_belong_to_the_texts_are_refused),
        TEST_OF(vectors_that_are_longer_than_was_asked_for_are_cut),
        TEST_OF(a_server_whose_upstream_does_not_answer_serves_its_own),
        TEST_OF(a_server_ends_while_its_upstream_is_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
