/* POST /v1/responses and what is kept of it. The model repeats what it is told (backends/echo). */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kit/buf.h"
#include "server.h"
#include "support/temp.h"
#include "support/json_path.h"
#include "support/test.h"

#define ID_BYTES 64
#define MODEL "\"model\":\"org/parrot\""

static struct server server;

static kit_str text_of(const struct client_answer *a, const char *path)
{
    return kit_json_str(test_json_path(kit_json_root(a->doc), path), kit_str_lit("(nothing)"));
}

static const char *path_of(const char *id, const char *more)
{
    static char path[256];
    snprintf(path, sizeof(path), "/v1/responses/%s%s", id, more);
    return path;
}

/* Asks, checks what is said, and gives the id. */
static void respond(const char *body, const char *where, const char *text, char id[ID_BYTES])
{
    struct client_answer a;
    server_expect(&server, "POST", "/v1/responses", body, 200, &a);
    assert_str(text_of(&a, where), text);
    kit_str_to_c(text_of(&a, "id"), id, ID_BYTES);
    client_answer_done(&a);
}

static void respond_after(const char *previous, const char *input, char id[ID_BYTES])
{
    char body[512];
    snprintf(body, sizeof(body), "{" MODEL ",\"input\":\"%s\",\"previous_response_id\":\"%s\"}", input, previous);
    respond(body, "output.0.content.0.text", input, id);
}

static int64_t number_of(const char *path, const char *where)
{
    struct client_answer a;
    server_expect(&server, "GET", path, NULL, 200, &a);
    int64_t n = kit_json_i64(test_json_path(kit_json_root(a.doc), where), -1);
    client_answer_done(&a);
    return n;
}

TEST(a_response_is_made_and_found_again_until_it_is_deleted)
{
    char id[ID_BYTES];
    struct client_answer a;
    respond("{" MODEL ",\"input\":\"say this\",\"metadata\":{\"a\":\"b\"}}", "output.0.content.0.text", "say this", id);
    server_expect(&server, "GET", path_of(id, ""), NULL, 200, &a);
    assert_str(text_of(&a, "output.0.content.0.text"), "say this");
    assert_str(text_of(&a, "metadata.a"), "b");
    assert_str(text_of(&a, "status"), "completed");
    client_answer_done(&a);
    server_expect(&server, "DELETE", path_of(id, ""), NULL, 200, &a);
    assert_str(text_of(&a, "id"), id);
    client_answer_done(&a);
    server_expect_only(&server, "GET", path_of(id, ""), NULL, 404);
    server_expect_only(&server, "DELETE", path_of(id, ""), NULL, 404);
    server_expect_only(&server, "GET", path_of(id, "/input_items"), NULL, 404);
}

TEST(a_response_that_is_not_to_be_stored_is_not_found)
{
    char id[ID_BYTES];
    respond("{" MODEL ",\"input\":\"hi\",\"store\":false}", "output.0.content.0.text", "hi", id);
    server_expect_only(&server, "GET", path_of(id, ""), NULL, 404);
}

TEST(a_conversation_goes_on_from_what_is_kept)
{
    char first[ID_BYTES], second[ID_BYTES], third[ID_BYTES];
    respond("{" MODEL ",\"input\":\"one\"}", "output.0.content.0.text", "one", first);
    respond_after(first, "two", second);
    respond_after(second, "three", third);
    int64_t a = number_of(path_of(first, ""), "usage.input_tokens");
    int64_t b = number_of(path_of(second, ""), "usage.input_tokens");
    int64_t c = number_of(path_of(third, ""), "usage.input_tokens");
    assert_true(a < b && b < c);
    assert_true(c >= (int64_t)strlen("oneonetwotwothree"));
    server_expect_only(&server, "DELETE", path_of(second, ""), NULL, 200); /* the middle of it */
    char body[256];
    snprintf(body, sizeof(body), "{" MODEL ",\"input\":\"x\",\"previous_response_id\":\"%s\"}", third);
    struct client_answer e;
    server_expect(&server, "POST", "/v1/responses", body, 404, &e);
    assert_str(text_of(&e, "error.param"), "previous_response_id");
    client_answer_done(&e);
}

TEST(a_conversation_counts_its_tokens_without_an_answer)
{
    struct client_answer a;
    char id[ID_BYTES], body[256];
    respond("{" MODEL ",\"input\":\"one\"}", "output.0.content.0.text", "one", id);
    snprintf(body, sizeof(body), "{" MODEL ",\"input\":\"two\",\"previous_response_id\":\"%s\"}", id);
    server_expect(&server, "POST", "/v1/responses/input_tokens", body, 200, &a);
    int64_t counted = kit_json_i64(kit_json_get(kit_json_root(a.doc), "input_tokens"), -1);
    client_answer_done(&a);
    respond(body, "output.0.content.0.text", "two", id);
    assert_int_equal(number_of(path_of(id, ""), "usage.input_tokens"), counted);
}

TEST(items_that_went_in_are_listed_in_pages)
{
    char id[ID_BYTES], more[128];
    struct client_answer a;
    respond("{" MODEL ",\"input\":[{\"role\":\"system\",\"content\":\"be brief\"},"
            "{\"type\":\"function_call\",\"call_id\":\"c1\",\"name\":\"look\",\"arguments\":\"{}\"},"
            "{\"type\":\"function_call_output\",\"call_id\":\"c1\",\"output\":\"seen\"},"
            "{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"say\"}]}]}",
            "output.0.content.0.text", "say", id);
    server_expect(&server, "GET", path_of(id, "/input_items?order=asc&limit=2"), NULL, 200, &a);
    assert_str(text_of(&a, "data.0.content.0.text"), "be brief");
    assert_str(text_of(&a, "data.1.name"), "look");
    assert_true(kit_json_bool(test_json_path(kit_json_root(a.doc), "has_more"), false));
    kit_str last = text_of(&a, "last_id");
    snprintf(more, sizeof(more), "/input_items?order=asc&after=%.*s", KIT_STR_ARG(last));
    client_answer_done(&a);
    server_expect(&server, "GET", path_of(id, more), NULL, 200, &a);
    assert_str(text_of(&a, "data.0.output"), "seen");
    assert_str(text_of(&a, "data.1.role"), "user");
    assert_false(kit_json_bool(test_json_path(kit_json_root(a.doc), "has_more"), true));
    client_answer_done(&a);
    server_expect(&server, "GET", path_of(id, "/input_items"), NULL, 200, &a);
    assert_str(text_of(&a, "data.0.role"), "user"); /* the last first */
    client_answer_done(&a);
    server_expect_only(&server, "GET", path_of(id, "/input_items?limit=101"), NULL, 400);
}

/* A model that repeats what it is told writes a call when it is told one. */
#define CALL "<tool_call>{\\\"name\\\": \\\"look\\\", \\\"arguments\\\": {\\\"at\\\": 3}}</tool_call>"
#define TOOLS                                                                                                          \
    ",\"tools\":[{\"type\":\"function\",\"name\":\"look\",\"parameters\":{\"type\":\"object\","                        \
    "\"properties\":{\"at\":{\"type\":\"integer\"}},\"required\":[\"at\"],\"additionalProperties\":false}}]"

TEST(calls_of_functions_are_items_and_their_output_goes_on)
{
    char id[ID_BYTES], body[512];
    respond("{" MODEL ",\"input\":\"" CALL "\"" TOOLS "}", "output.0.name", "look", id);
    struct client_answer a;
    server_expect(&server, "GET", path_of(id, ""), NULL, 200, &a);
    assert_str(text_of(&a, "output.0.type"), "function_call");
    assert_str(text_of(&a, "output.0.arguments"), "{\"at\": 3}");
    char call[ID_BYTES];
    kit_str_to_c(text_of(&a, "output.0.call_id"), call, sizeof(call));
    client_answer_done(&a);
    snprintf(body, sizeof(body),
             "{" MODEL
             ",\"previous_response_id\":\"%s\",\"input\":[{\"type\":\"function_call_output\",\"call_id\":\"%s\","
             "\"output\":\"seen\"},{\"role\":\"user\",\"content\":\"go on\"}]}",
             id, call);
    respond(body, "output.0.content.0.text", "go on", id);
}

TEST(what_is_too_long_is_incomplete_and_a_form_is_kept)
{
    char id[ID_BYTES];
    respond("{" MODEL ",\"input\":\"hello world\",\"max_output_tokens\":5}", "incomplete_details.reason",
            "max_output_tokens", id);
    respond("{" MODEL ",\"input\":\"{}\",\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"x\",\"schema\":"
            "{\"const\":7}}}}",
            "output.0.content.0.text", "7", id);
}

/* --- streams --- */

static void stream(const char *body, struct kit_buf *to)
{
    char piece[4096], head[256];
    int fd = server_connect(&server);
    snprintf(head, sizeof(head),
             "POST /v1/responses HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
             "Content-Length: %zu\r\n\r\n",
             strlen(body));
    server_send(fd, kit_str_c(head));
    server_send(fd, kit_str_c(body));
    kit_buf_clear(to);
    for (ssize_t n; (n = read(fd, piece, sizeof(piece))) > 0;) {
        kit_buf_add(to, (kit_str){.ptr = piece, .len = (size_t)n});
    }
    close(fd);
    assert_int_equal(to->failed, KIT_OK);
}

/* "created in_progress … completed"; checks that they are numbered. The last one's response is checked by its id. */
static void types_of(const struct kit_buf *from, struct kit_buf *types, char id[ID_BYTES])
{
    kit_str rest = kit_buf_str(from), line;
    int64_t number = 0;
    kit_buf_clear(types);
    while (kit_str_cut(&rest, '\n', &line)) {
        struct kit_json_doc *doc = NULL;
        if (!kit_str_starts(line, kit_str_lit("data: "))) {
            continue;
        }
        assert_ok(kit_json_parse(kit_str_sub(line, 6, line.len), 32, &doc, NULL));
        kit_json v = kit_json_root(doc);
        kit_str type = kit_json_str(kit_json_get(v, "type"), (kit_str){0});
        assert_int_equal(kit_json_i64(kit_json_get(v, "sequence_number"), -1), number++);
        kit_buf_add(types, kit_str_sub(type, sizeof("response.") - 1, type.len));
        kit_buf_add_char(types, ' ');
        kit_str_to_c(kit_json_str(test_json_path(v, "response.id"), kit_str_lit("")), id, ID_BYTES);
        kit_json_free(doc);
    }
}

TEST(a_stream_tells_each_event_in_order_and_is_kept_when_it_says_that_it_is_whole)
{
    struct kit_buf all, types;
    char id[ID_BYTES];
    kit_buf_init(&all, KIT_MIB);
    kit_buf_init(&types, KIT_MIB);
    stream("{" MODEL ",\"input\":\"h\",\"stream\":true}", &all);
    types_of(&all, &types, id);
    assert_str(kit_buf_str(&types), "created in_progress output_item.added content_part.added output_text.delta "
                                    "output_text.done content_part.done output_item.done completed ");
    server_expect_only(&server, "GET", path_of(id, ""), NULL, 200);
    stream("{" MODEL ",\"input\":\"hello world\",\"stream\":true,\"max_output_tokens\":1}", &all);
    types_of(&all, &types, id);
    assert_true(kit_str_ends(kit_buf_str(&types), kit_str_lit(" output_item.done incomplete ")));
    stream("{" MODEL ",\"input\":\"" CALL "\",\"stream\":true" TOOLS "}", &all);
    types_of(&all, &types, id);
    assert_str(kit_buf_str(&types),
               "created in_progress output_item.added function_call_arguments.delta function_call_arguments.done "
               "output_item.done completed ");
    kit_buf_done(&all);
    kit_buf_done(&types);
}

TEST(what_is_wrong_names_its_place)
{
    static const struct {
        const char *body, *param;
        int status;
    } cases[] = {
        {"{" MODEL "}", "input", 400},
        {"{" MODEL ",\"input\":[]}", "input", 400},
        {"{" MODEL ",\"input\":[{\"type\":\"computer_call\"}]}", "input[0].type", 400},
        {"{" MODEL ",\"input\":[{\"role\":\"nobody\",\"content\":\"x\"}]}", "input[0].role", 400},
        {"{" MODEL ",\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_image\"}]}]}", "input[0].content",
         400},
        {"{" MODEL ",\"input\":[{\"type\":\"function_call_output\",\"output\":\"x\"}]}", "input[0].call_id", 400},
        {"{" MODEL ",\"input\":\"x\",\"tools\":[{\"type\":\"web_search\"}]}", "tools", 400},
        {"{" MODEL ",\"input\":\"x\",\"background\":true}", "background", 400},
        {"{" MODEL ",\"input\":\"x\",\"temperature\":\"hot\"}", "temperature", 400},
        {"{" MODEL ",\"input\":\"x\",\"previous_response_id\":\"resp_0\"}", "previous_response_id", 404},
        {"{" MODEL ",\"input\":\"x\",\"previous_response_id\":7}", "previous_response_id", 400},
        {"{" MODEL ",\"input\":\"x\",\"previous\\u005fresponse_id\":\"resp_0\"}", "previous_response_id", 400},
    };
    for (size_t i = 0; i < KIT_COUNT(cases); i++) {
        struct client_answer a;
        server_expect(&server, "POST", "/v1/responses", cases[i].body, cases[i].status, &a);
        assert_str(text_of(&a, "error.param"), cases[i].param);
        client_answer_done(&a);
    }
}

/* --- what is kept --- */

#define KEY "a-key-of-this-test-0123456789"

/* more: a setting; key: a file, or NULL. */
static void restart(const char *folder, const char *more, const char *key)
{
    static char store[2 * TEST_PATH_BYTES];
    snprintf(store, sizeof(store), "store.folder=%s", folder);
    const char *const models[] = {"org/parrot", NULL};
    const char *const args[] = {"--set", store, "--set", more, key != NULL ? "--api-key-file" : NULL, key, NULL};
    server_start(&server, server_models(models), args);
    server.client.key = key != NULL ? KEY : NULL;
}

TEST(responses_outlive_the_server_up_to_their_number_and_the_oldest_conversation_goes_first)
{
    char path[TEST_PATH_BYTES], key[TEST_PATH_BYTES], first[ID_BYTES], other[ID_BYTES], second[ID_BYTES],
        third[ID_BYTES];
    struct server shared = server;
    restart(test_temp_path(path, "state"), "responses.max=3", NULL);
    respond("{" MODEL ",\"input\":\"one\"}", "output.0.content.0.text", "one", first);
    respond("{" MODEL ",\"input\":\"another\"}", "output.0.content.0.text", "another", other);
    respond_after(first, "two", second);
    server_stop(&server);
    restart(path, "responses.max=3", NULL);
    respond_after(second, "three", third); /* one more than may be kept */
    server_expect_only(&server, "GET", path_of(other, ""), NULL, 404);
    server_expect_only(&server, "GET", path_of(first, ""), NULL, 200); /* older, but gone on with */
    server_expect_only(&server, "GET", path_of(third, ""), NULL, 200);
    server_stop(&server);
    restart(path, "responses.max=3",
            test_temp_write(key, "heimnetz.key", kit_str_lit(KEY "\n"))); /* somebody else asks */
    server_expect_only(&server, "GET", path_of(third, ""), NULL, 404);
    server_expect_only(&server, "DELETE", path_of(third, ""), NULL, 404);
    server_stop(&server);
    server = shared;
}

TEST(a_response_larger_than_all_that_may_be_kept_says_that_it_is_not)
{
    char path[TEST_PATH_BYTES], id[ID_BYTES];
    struct server shared = server;
    restart(test_temp_path(path, "small"), "responses.bytes_max=1024", NULL);
    struct client_answer a;
    server_expect(&server, "POST", "/v1/responses",
                  "{" MODEL ",\"input\":\"x\",\"instructions\":\"01234567890123456789"
                  "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
                  "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
                  "\"}",
                  200, &a);
    assert_false(kit_json_bool(test_json_path(kit_json_root(a.doc), "store"), true));
    kit_str_to_c(text_of(&a, "id"), id, sizeof(id));
    client_answer_done(&a);
    server_expect_only(&server, "GET", path_of(id, ""), NULL, 404);
    server_stop(&server);
    server = shared;
}

static int start(void **state)
{
    return server_set_up(state, &server, "org/parrot");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_OF(a_response_is_made_and_found_again_until_it_is_deleted),
        TEST_OF(a_response_that_is_not_to_be_stored_is_not_found),
        TEST_OF(a_conversation_goes_on_from_what_is_kept),
        TEST_OF(a_conversation_counts_its_tokens_without_an_answer),
        TEST_OF(items_that_went_in_are_listed_in_pages),
        TEST_OF(calls_of_functions_are_items_and_their_output_goes_on),
        TEST_OF(what_is_too_long_is_incomplete_and_a_form_is_kept),
        TEST_OF(a_stream_tells_each_event_in_order_and_is_kept_when_it_says_that_it_is_whole),
        TEST_OF(what_is_wrong_names_its_place),
        TEST_OF(responses_outlive_the_server_up_to_their_number_and_the_oldest_conversation_goes_first),
        TEST_OF(a_response_larger_than_all_that_may_be_kept_says_that_it_is_not),
    };
    return cmocka_run_group_tests(tests, start, server_tear_down);
}
