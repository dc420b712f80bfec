#include "heimnetz/chat.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kit/file.h"
#include "support/canned.h"
#include "support/test.h"

#define EVENTS "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
#define PIECE(text) "data: {\"choices\":[{\"delta\":{\"content\":\"" text "\"},\"finish_reason\":null}]}\n\n"
#define END(reason) "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"" reason "\"}]}\n\n"
#define USAGE                                                                                                          \
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2,"                                    \
    "\"prompt_tokens_details\":{\"cached_tokens\":5}}}\n\ndata: [DONE]\n\n"

static struct canned server;
static struct heimnetz heimnetz;
static struct heimnetz_chat chat;
static char heard[256]; /* pieces; those of thinking in brackets */
static bool enough;     /* stop once something came */

static void begin(kit_str answer, bool hold)
{
    char url[64];
    canned_start(&server, &(struct canned_answer){.bytes = answer, .hold = hold}, 1);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u", server.port);
    assert_ok(client_init(&heimnetz.client, url, NULL, NULL));
    heimnetz_chat_init(&chat, &heimnetz, "m");
    heard[0] = '\0';
    enough = false;
}

static void end(void)
{
    heimnetz_chat_done(&chat);
    canned_stop(&server);
}

static void say(void *ctx, bool reasoning, kit_str piece)
{
    (void)ctx;
    size_t used = strlen(heard);
    snprintf(heard + used, sizeof(heard) - used, reasoning ? "(%.*s)" : "%.*s", KIT_STR_ARG(piece));
}

static bool stop(void *ctx)
{
    (void)ctx;
    return enough && heard[0] != '\0';
}

static enum kit_status ask(const char *text, struct kit_err *err)
{
    return heimnetz_chat_ask(&chat, kit_str_c(text), say, stop, NULL, err);
}

static const char *body_of(bool stream)
{
    static char text[1024];
    struct kit_buf out;
    kit_buf_init(&out, sizeof(text) - 1);
    heimnetz_chat_write(&chat, kit_str_lit("next"), stream, &out);
    kit_str_to_c(kit_buf_str(&out), text, sizeof(text));
    kit_buf_done(&out);
    return text;
}

TEST(chat_sends_all_that_was_said)
{
    begin(kit_str_lit(EVENTS PIECE("he") PIECE("llo") END("stop") USAGE), false);
    assert_ok(heimnetz_chat_set_system(&chat, kit_str_lit("be kind"), NULL));
    chat.tokens_max = 9;
    assert_ok(ask("hi", NULL));
    assert_string_equal(heard, "hello");
    assert_string_equal(body_of(false), "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"be kind\"},"
                                        "{\"role\":\"user\",\"content\":\"hi\"},"
                                        "{\"role\":\"assistant\",\"content\":\"hello\"},"
                                        "{\"role\":\"user\",\"content\":\"next\"}],\"max_tokens\":9}");
    assert_non_null(strstr(body_of(true), "\"stream\":true,\"stream_options\":{\"include_usage\":true}"));
    heimnetz_chat_clear(&chat);
    assert_ok(heimnetz_chat_set_system(&chat, (kit_str){0}, NULL));
    chat.tokens_max = 0;
    assert_string_equal(body_of(false), "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"next\"}]}");
    end();
}

TEST(chat_counts_what_the_server_says)
{
    begin(kit_str_lit(EVENTS PIECE("a") END("length") USAGE), false);
    assert_ok(ask("hi", NULL));
    assert_ok(ask("hi", NULL));
    assert_true(chat.cut_off);
    assert_int_equal(chat.last.questions, 1);
    assert_int_equal(chat.last.prompt_tokens, 7);
    assert_int_equal(chat.last.cached_tokens, 5);
    assert_int_equal(chat.last.tokens, 2);
    assert_int_equal(chat.all.questions, 2);
    assert_int_equal(chat.all.tokens, 4);
    assert_true(chat.last.first_ns > 0 && chat.last.total_ns >= chat.last.first_ns);
    end();
}

TEST(chat_keeps_no_thoughts)
{
    begin(kit_str_lit(EVENTS "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\"}}]}\n\n" PIECE("a")
                          END("stop")),
          false);
    assert_ok(ask("hi", NULL));
    assert_string_equal(heard, "(hm)a");
    assert_str(chat.messages[1].text, "a");
    end();
}

TEST(chat_keeps_what_came_of_an_answer_that_is_called_off)
{
    struct kit_err err = {0};
    begin(kit_str_lit(EVENTS PIECE("half")), true);
    enough = true;
    assert_int_equal(ask("hi", &err), KIT_CANCELLED);
    assert_int_equal(chat.count, 2);
    assert_str(chat.messages[1].text, "half");
    end();
}

TEST(chat_keeps_nothing_of_a_question_that_failed)
{
    static const struct {
        kit_str answer;
        enum kit_status rc;
        int status;
        const char *message;
    } rows[] = {
        {kit_str_lit(EVENTS PIECE("half") "data: {\"error\":{\"message\":\"the model was lost\"}}\n\n"),
         KIT_UNAVAILABLE, 200, "the model was lost"},
        {kit_str_lit("HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
                     "{\"error\":{\"code\":\"model_not_found\",\"message\":\"no m\"}}"),
         KIT_MODEL_NOT_FOUND, 404, "no m"},
    };
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        struct kit_err err = {0};
        begin(rows[i].answer, false);
        assert_int_equal(ask("hi", &err), rows[i].rc);
        assert_string_equal(err.msg, rows[i].message);
        assert_int_equal(chat.status, rows[i].status);
        assert_int_equal(chat.count, 0);
        assert_int_equal(chat.bytes, 0);
        end();
    }
}

TEST(chat_that_is_cut_off_in_the_middle_is_an_error)
{
    struct kit_err err = {0};
    begin(kit_str_lit("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 9999\r\n\r\n" PIECE("a")),
          false);
    assert_int_equal(ask("hi", &err), KIT_IO);
    assert_int_equal(chat.count, 0);
    end();
}

TEST(chat_survives_each_failed_alloc)
{
    begin(kit_str_lit(EVENTS PIECE("he") PIECE("llo") END("stop") USAGE), false);
    TEST_ALLOC_SWEEP(n) {
        heard[0] = '\0';
        enum kit_status rc = ask("hi", NULL);
        assert_true(chat.count == 0 || chat.count == 2);
        assert_true(rc != KIT_OK || chat.count == 2);
        heimnetz_chat_clear(&chat);
    }
    end();
}

int main(void)
{
    return TEST_RUN(TEST_OF(chat_sends_all_that_was_said), TEST_OF(chat_counts_what_the_server_says),
                    TEST_OF(chat_keeps_no_thoughts), TEST_OF(chat_keeps_what_came_of_an_answer_that_is_called_off),
                    TEST_OF(chat_keeps_nothing_of_a_question_that_failed),
                    TEST_OF(chat_that_is_cut_off_in_the_middle_is_an_error), TEST_OF(chat_survives_each_failed_alloc));
}
