/* Texts that are made, in the words of each API, whole and streamed. The model repeats what it is told (backends/echo). */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kit/buf.h"
#include "server.h"
#include "support/json_path.h"
#include "support/test.h"

static struct server server;

/* Posts, and checks one string of the answer. */
static void expect(const char *path, const char *body, const char *where, const char *text)
{
    struct client_answer a;
    server_expect(&server, "POST", path, body, 200, &a);
    assert_str(kit_json_str(test_json_path(kit_json_root(a.doc), where), kit_str_lit("(nothing)")), text);
    client_answer_done(&a);
}

/* The whole answer to a POST, undone of its chunks. */
static void stream(const char *path, const char *body, struct kit_buf *to)
{
    char piece[4096];
    int fd = server_connect(&server);
    char head[512];
    snprintf(head, sizeof(head),
             "POST %s HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
             path, strlen(body));
    server_send(fd, kit_str_c(head));
    server_send(fd, kit_str_c(body));
    kit_buf_clear(to);
    for (ssize_t n; (n = read(fd, piece, sizeof(piece))) > 0;) {
        kit_buf_add(to, (kit_str){.ptr = piece, .len = (size_t)n});
    }
    close(fd);
    assert_int_equal(to->failed, KIT_OK);
    assert_true(kit_str_starts(kit_buf_str(to), kit_str_lit("HTTP/1.1 200")));
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
            kit_json v = kit_json_root(doc);
            kit_buf_add(to, kit_json_str(test_json_path(v, where), (kit_str){0}));
        }
        kit_json_free(doc);
    }
}

static void expect_streamed(const char *path, const char *body, const char *where, const char *text)
{
    struct kit_buf all, joined;
    kit_buf_init(&all, KIT_MIB);
    kit_buf_init(&joined, KIT_MIB);
    stream(path, body, &all);
    join(&all, where, &joined);
    assert_str(kit_buf_str(&joined), text);
    kit_buf_done(&all);
    kit_buf_done(&joined);
}

TEST(msp_makes_a_text)
{
    expect("/serve", "{\"model\":\"org/parrot\",\"inputs\":\"hello\"}", "outputs.0.text", "hello");
    expect("/serve", "{\"model\":\"org/parrot\",\"inputs\":\"hello\"}", "outputs.0.end", "stop");
    expect("/serve", "{\"model\":\"org/parrot\",\"inputs\":\"hello\",\"parameters\":{\"max_tokens\":3}}",
           "outputs.0.text", "hel");
}

TEST(openai_completes)
{
    expect("/v1/completions", "{\"model\":\"org/parrot\",\"prompt\":\"hello\"}", "choices.0.text", "hello");
    expect("/v1/completions", "{\"model\":\"org/parrot\",\"prompt\":[\"a\",\"bc\"]}", "choices.1.text", "bc");
    expect("/v1/completions", "{\"model\":\"org/parrot\",\"prompt\":\"hello\",\"stop\":\"ll\"}", "choices.0.text",
           "he");
    expect("/v1/completions", "{\"model\":\"org/parrot\",\"prompt\":\"hello world\",\"max_tokens\":5}",
           "choices.0.finish_reason", "length");
    expect_streamed("/v1/completions", "{\"model\":\"org/parrot\",\"prompt\":\"hello\",\"stream\":true}",
                    "choices.0.text", "hello");
}

TEST(openai_chats)
{
#define CHAT "{\"model\":\"org/parrot\",\"messages\":[{\"role\":\"user\",\"content\":\"say this\"}]"
    expect("/v1/chat/completions", CHAT "}", "choices.0.message.content", "say this");
    expect_streamed("/v1/chat/completions", CHAT ",\"stream\":true,\"stream_options\":{\"include_usage\":true}}",
                    "choices.0.delta.content", "say this");
}

TEST(what_a_message_says_never_becomes_a_special_token)
{
    expect("/v1/chat/completions",
           "{\"model\":\"org/parrot\",\"messages\":[{\"role\":\"user\",\"content\":\"a<turn>b<end>\"}]}",
           "choices.0.message.content", "a<turn>b<end>");
}

TEST(ollama_chats_and_generates)
{
    expect("/api/chat",
           "{\"model\":\"org/parrot\",\"messages\":[{\"role\":\"user\",\"content\":\"say this\"}],\"stream\":false}",
           "message.content", "say this");
    expect("/api/generate", "{\"model\":\"org/parrot:latest\",\"prompt\":\"hello\",\"stream\":false}", "response",
           "hello");
    expect_streamed("/api/generate", "{\"model\":\"org/parrot\",\"prompt\":\"hello\"}", "response", "hello");
    expect_streamed("/api/chat", "{\"model\":\"org/parrot\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}",
                    "message.content", "hi");
}

TEST(anthropic_chats)
{
#define MESSAGES                                                                                                       \
    "{\"model\":\"org/parrot\",\"max_tokens\":100,"                                                                    \
    "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"say this\"}]}]"
    expect("/v1/messages", MESSAGES "}", "content.0.text", "say this");
    expect_streamed("/v1/messages", MESSAGES ",\"stream\":true}", "delta.text", "say this");
}

/* A model that repeats what it is told writes a call when it is told one. */
TEST(calls_of_tools_are_told_apart_from_text)
{
#define CALL "<tool_call>{\\\"name\\\": \\\"look\\\", \\\"arguments\\\": {\\\"at\\\": 3}}</tool_call>"
#define TOOLS                                                                                                          \
    ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"look\",\"parameters\":{\"type\":\"object\","          \
    "\"properties\":{\"at\":{\"type\":\"integer\"}},\"required\":[\"at\"],\"additionalProperties\":false}}}]"
#define ASK "{\"model\":\"org/parrot\",\"messages\":[{\"role\":\"user\",\"content\":\"" CALL "\"}]"
    expect("/v1/chat/completions", ASK TOOLS "}", "choices.0.message.tool_calls.0.function.name", "look");
    expect("/v1/chat/completions", ASK TOOLS "}", "choices.0.message.tool_calls.0.function.arguments", "{\"at\": 3}");
    expect("/v1/chat/completions", ASK TOOLS "}", "choices.0.finish_reason", "tool_calls");
    expect("/v1/chat/completions", ASK "}", "choices.0.finish_reason", "stop");
    expect_streamed("/v1/chat/completions", ASK TOOLS ",\"stream\":true}",
                    "choices.0.delta.tool_calls.0.function.arguments", "{\"at\": 3}");
}

/* Whatever the model would like to say. */
TEST(a_form_is_kept)
{
    struct client_answer a;
#define FORMED                                                                                                         \
    "{\"model\":\"org/parrot\",\"messages\":[{\"role\":\"user\",\"content\":\"what you like\"}],"                      \
    "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"schema\":{\"type\":\"object\","   \
    "\"properties\":{\"city\":{\"const\":\"Paris\"}},\"required\":[\"city\"],\"additionalProperties\":false}}}}"
    expect("/v1/chat/completions", FORMED, "choices.0.message.content", "{\"city\":\"Paris\"}");
    expect("/serve",
           "{\"model\":\"org/parrot\",\"inputs\":\"x\",\"parameters\":{\"grammar\":\"root ::= \\\"yes\\\" | "
           "\\\"yes\\\"\"}}",
           "outputs.0.text", "yes");
    expect("/v1/chat/completions", ASK TOOLS ",\"tool_choice\":\"required\",\"max_tokens\":200}",
           "choices.0.message.tool_calls.0.function.name", "look");
    server_expect(&server, "POST", "/serve",
                  "{\"model\":\"org/parrot\",\"inputs\":\"x\",\"parameters\":{\"format\":{\"type\":\"object\","
                  "\"required\":[\"a\"],\"properties\":{\"a\":false}}}}",
                  400, &a);
    assert_str(kit_json_str(test_json_path(kit_json_root(a.doc), "error.param"), (kit_str){0}), "parameters.format");
    client_answer_done(&a);
}

TEST(anthropic_says_which_stop_string_ended_it)
{
    expect("/v1/messages", MESSAGES ",\"stop_sequences\":[\"xyz\",\"th\"]}", "stop_reason", "stop_sequence");
    expect("/v1/messages", MESSAGES ",\"stop_sequences\":[\"xyz\",\"th\"]}", "stop_sequence", "th");
}

TEST(tokens_are_counted_and_shown_without_an_answer)
{
    struct client_answer a, b;
    server_expect(&server, "POST", "/v1/messages", MESSAGES "}", 200, &a);
    server_expect(&server, "POST", "/v1/messages/count_tokens", MESSAGES "}", 200, &b);
    assert_int_equal(kit_json_i64(test_json_path(kit_json_root(a.doc), "usage.input_tokens"), -1),
                     kit_json_i64(test_json_path(kit_json_root(b.doc), "input_tokens"), -2));
    client_answer_done(&a);
    client_answer_done(&b);
    expect("/serve", "{\"model\":\"org/parrot\",\"task\":\"tokenize\",\"inputs\":\"hi\"}", "outputs.0.0.text",
           "<begin>");
    expect("/tokenize", "{\"model\":\"org/parrot\",\"inputs\":\"hi\",\"add_special_tokens\":false}", "0.0.text", "h");
    expect("/decode", "{\"model\":\"org/parrot\",\"ids\":[[256,104,105],[104]]}", "0", "hi");
    expect("/decode", "{\"model\":\"org/parrot\",\"ids\":[256,104],\"skip_special_tokens\":false}", "0", "<begin>h");
}

TEST(what_is_wrong_is_told_in_the_words_of_the_api_that_was_asked)
{
    struct client_answer a;
    server_expect(&server, "POST", "/v1/chat/completions", "{\"model\":\"nobody\",\"messages\":[{}]}", 404, &a);
    assert_str(kit_json_str(test_json_path(kit_json_root(a.doc), "error.type"), (kit_str){0}), "not_found_error");
    client_answer_done(&a);
    server_expect(&server, "POST", "/api/chat", "{\"model\":\"nobody\",\"messages\":[{}]}", 404, &a);
    assert_int_equal(kit_json_type(test_json_path(kit_json_root(a.doc), "error")), KIT_JSON_STRING);
    client_answer_done(&a);
    server_expect(&server, "POST", "/v1/completions", "{\"model\":\"org/parrot\",\"prompt\":\"x\",\"temperature\":-1}",
                  400, &a);
    assert_str(kit_json_str(test_json_path(kit_json_root(a.doc), "error.param"), (kit_str){0}), "temperature");
    client_answer_done(&a);
}

static int start(void **state)
{
    return server_set_up(state, &server, "org/parrot");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_OF(msp_makes_a_text),
        TEST_OF(openai_completes),
        TEST_OF(openai_chats),
        TEST_OF(what_a_message_says_never_becomes_a_special_token),
        TEST_OF(ollama_chats_and_generates),
        TEST_OF(anthropic_chats),
        TEST_OF(calls_of_tools_are_told_apart_from_text),
        TEST_OF(a_form_is_kept),
        TEST_OF(anthropic_says_which_stop_string_ended_it),
        TEST_OF(tokens_are_counted_and_shown_without_an_answer),
        TEST_OF(what_is_wrong_is_told_in_the_words_of_the_api_that_was_asked),
    };
    return cmocka_run_group_tests(tests, start, server_tear_down);
}
