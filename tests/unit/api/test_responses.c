#include "api/openai_responses.h"

#include <stdio.h>
#include <unistd.h>

#include "support/test.h"
#include "task/request.h"

struct desk {
    struct loop *loop;
    struct loop_chan *home;
    struct api api;
    struct api_response own;
    struct task_request *r;
    uint32_t answered;
    enum kit_status status;
    struct kit_err err;
};

static void ignore(void *ctx, struct loop_msg *m)
{
    (void)ctx;
    (void)m;
}

static void open_desk(struct desk *d)
{
    *d = (struct desk){.own.principal = kit_str_lit("me")};
    struct loop_chan_options chan = {.max = 8, .receive = ignore, .drop = ignore};
    assert_ok(loop_new(&d->loop, NULL));
    assert_ok(loop_chan_new(d->loop, &chan, &d->home, NULL));
    d->own.api = &d->api;
    kit_str_to_c(kit_str_lit("resp_0"), d->own.id, sizeof(d->own.id));
}

static void close_desk(struct desk *d)
{
    store_close(d->api.store);
    task_request_unref(d->r);
    loop_chan_close(d->home);
    loop_free(d->loop);
}

/* --- items --- */

static enum kit_status read_input(struct desk *d, const char *body)
{
    struct task_asker asker = {.home = d->home, .own = &d->own};
    struct kit_json_doc *doc = NULL;
    task_request_unref(d->r);
    d->r = NULL;
    d->err = (struct kit_err){0};
    enum kit_status rc = task_request_new(NULL, &asker, KIT_MIB, &d->r, &d->err);
    if (rc == KIT_OK) {
        rc = kit_json_parse(kit_str_c(body), 32, &doc, &d->err);
    }
    if (rc == KIT_OK) {
        rc = api_responses_read_input(d->r, &d->own, kit_json_root(doc), &d->err);
    }
    kit_json_free(doc);
    return rc;
}

TEST(items_become_messages)
{
#define USER "{\"role\":\"user\",\"content\":\"hi\"}"
#define LOOK "{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"look\",\"arguments\":\"{}\"}"
#define LOOKED "{\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"look\",\"arguments\":\"{}\"}}"
    static const struct {
        const char *input, *messages;
    } cases[] = {
        {"{\"input\":\"hi\"}", "[" USER "]"},
        {"{\"input\":\"hi\",\"instructions\":\"be brief\"}",
         "[{\"role\":\"system\",\"content\":\"be brief\"}," USER "]"},
        {"{\"input\":[{\"type\":\"message\",\"role\":\"developer\",\"content\":\"a\"}," USER "]}",
         "[{\"role\":\"system\",\"content\":\"a\"}," USER "]"},
        {"{\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"a\"},"
         "{\"type\":\"input_text\",\"text\":\"b\"}]}]}",
         "[{\"role\":\"user\",\"content\":\"a\\nb\"}]"},
        /* calls belong to what the model said before them, or to nothing that it said */
        {"{\"input\":[" USER "," LOOK "," LOOK "]}",
         "[" USER ",{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[" LOOKED "," LOOKED "]}]"},
        {"{\"input\":[{\"role\":\"assistant\",\"content\":\"well\"},{\"type\":\"reasoning\",\"summary\":[]}," LOOK
         ",{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":\"seen\"}," USER "]}",
         "[{\"role\":\"assistant\",\"content\":\"well\",\"tool_calls\":[" LOOKED "]},"
         "{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":\"seen\"}," USER "]"},
    };
    struct desk d;
    open_desk(&d);
    for (size_t i = 0; i < KIT_COUNT(cases); i++) {
        assert_ok(read_input(&d, cases[i].input));
        assert_str(d.r->inputs.texts[0], cases[i].messages);
    }
    close_desk(&d);
}

TEST(items_are_kept_as_they_came_with_an_id_and_a_status)
{
    struct desk d;
    open_desk(&d);
    assert_ok(
        read_input(&d, "{\"input\":[{\"role\":\"assistant\",\"content\":\"x\"},{\"id\":\"mine\",\"type\":\"reasoning\","
                       "\"summary\":[]}]}"));
    assert_str(d.own.items,
               "[{\"id\":\"msg_0_i0\",\"type\":\"message\",\"status\":\"completed\",\"role\":\"assistant\","
               "\"content\":[{\"type\":\"output_text\",\"text\":\"x\",\"annotations\":[]}]},"
               "{\"id\":\"mine\",\"type\":\"reasoning\",\"status\":\"completed\",\"summary\":[]}]");
    close_desk(&d);
}

TEST(items_survive_each_failed_alloc)
{
    struct desk d;
    open_desk(&d);
    TEST_ALLOC_SWEEP(n) {
        enum kit_status rc = read_input(&d, "{\"instructions\":\"a\",\"input\":[" USER "," LOOK "]}");
        assert_true(rc == KIT_OK || rc == KIT_NOMEM);
    }
    close_desk(&d);
}

/* --- the book --- */

static void answered(struct store_tx *tx)
{
    struct desk *d = store_tx_ctx(tx);
    d->answered++;
    d->status = store_tx_status(tx, &d->err);
}

static void open_book(struct desk *d, uint32_t max, uint64_t bytes_max)
{
    struct store_options options = STORE_OPTIONS_DEFAULT;
    struct loop_chan_options chan = {.max = 8, .receive = store_tx_receive, .drop = store_tx_drop};
    options.migrations = api_responses_migrations;
    options.migration_count = api_responses_migration_count;
    open_desk(d);
    loop_chan_close(d->home);
    assert_ok(loop_chan_new(d->loop, &chan, &d->home, NULL));
    assert_ok(store_open(&options, &d->api.store, NULL));
    d->api.options.responses_keep_ms = 3600000;
    d->api.options.responses_max = max;
    d->api.options.responses_bytes_max = bytes_max;
    d->own.items = kit_str_lit("[]");
}

static void wait_answer(struct desk *d, uint32_t count)
{
    for (int i = 0; i < 100000 && d->answered < count; i++) {
        loop_run_once(d->loop);
        usleep(100);
    }
    assert_int_equal(d->answered, count);
}

static void keep(struct desk *d, const char *id, const char *previous, const char *response)
{
    struct store_asker asker = {.answered = answered, .home = d->home, .ctx = d};
    kit_str_to_c(kit_str_c(id), d->own.id, sizeof(d->own.id));
    kit_str_to_c(kit_str_c(previous), d->own.previous, sizeof(d->own.previous));
    assert_ok(api_responses_keep(&d->own, kit_str_c(response), &asker, &d->err));
    wait_answer(d, d->answered + 1);
    assert_ok(d->status);
}

/* How many responses the conversation of `id` has; 0: it is not whole, or not there. */
static uint32_t length_of(struct desk *d, const char *principal, const char *id)
{
    struct store_asker asker = {.answered = answered, .home = d->home, .ctx = d};
    struct store_tx *tx = NULL;
    assert_ok(api_responses_find(&d->api, kit_str_c(principal), id, &asker, &tx, NULL));
    assert_ok(store_submit(tx, NULL));
    wait_answer(d, d->answered + 1);
    uint32_t rows = api_responses_found(tx, id, NULL) == KIT_OK ? api_responses_rows(tx) : 0;
    store_tx_unref(tx);
    return rows;
}

TEST(the_book_finds_a_conversation_oldest_first_for_who_had_it)
{
    struct desk d;
    open_book(&d, 10, KIT_MIB);
    keep(&d, "a", "", "{1}");
    keep(&d, "b", "a", "{2}");
    keep(&d, "c", "b", "{3}");
    assert_int_equal(length_of(&d, "me", "c"), 3);
    assert_int_equal(length_of(&d, "me", "a"), 1);
    assert_int_equal(length_of(&d, "you", "c"), 0);
    assert_int_equal(length_of(&d, "me", "d"), 0);
    close_desk(&d);
}

TEST(the_book_drops_the_oldest_beyond_its_number_but_not_what_was_gone_on_with)
{
    struct desk d;
    open_book(&d, 3, KIT_MIB);
    keep(&d, "a", "", "{}");
    keep(&d, "x", "", "{}");
    keep(&d, "b", "a", "{}"); /* a is as young as b now */
    keep(&d, "c", "b", "{}");
    assert_int_equal(length_of(&d, "me", "x"), 0);
    assert_int_equal(length_of(&d, "me", "c"), 3);
    keep(&d, "y", "", "{}");
    assert_int_equal(length_of(&d, "me", "y"), 1);
    assert_int_equal(length_of(&d, "me", "c"), 0); /* its beginning has gone */
    close_desk(&d);
}

TEST(the_book_drops_the_oldest_beyond_its_bytes_and_takes_none_that_is_larger)
{
    struct desk d;
    open_book(&d, 100, 100);
    for (int i = 0; i < 6; i++) {
        char id[32];
        snprintf(id, sizeof(id), "r%d", i);
        keep(&d, id, "", "{\"text\":\"twenty-eight bytes\"}"); /* 30 with its items */
    }
    for (int i = 0; i < 6; i++) {
        char id[32];
        snprintf(id, sizeof(id), "r%d", i);
        assert_int_equal(length_of(&d, "me", id), i >= 3);
    }
    char large[128];
    memset(large, ' ', sizeof(large));
    struct store_asker asker = {.answered = answered, .home = d.home, .ctx = &d};
    kit_str all = {.ptr = large, .len = 99}; /* and two of its items */
    assert_int_equal(api_responses_keep(&d.own, all, &asker, &d.err), KIT_TOO_LARGE);
    close_desk(&d);
}

TEST(the_book_forgets_what_is_older_than_its_time)
{
    struct desk d;
    open_book(&d, 100, KIT_MIB);
    d.api.options.responses_keep_ms = 0; /* at once */
    keep(&d, "a", "", "{}");
    assert_int_equal(length_of(&d, "me", "a"), 0);
    d.api.options.responses_keep_ms = 3600000;
    keep(&d, "a", "", "{}"); /* which dropped the first: its id is free again */
    assert_int_equal(length_of(&d, "me", "a"), 1);
    close_desk(&d);
}

int main(void)
{
    return TEST_RUN(TEST_OF(items_become_messages), TEST_OF(items_are_kept_as_they_came_with_an_id_and_a_status),
                    TEST_OF(items_survive_each_failed_alloc),
                    TEST_OF(the_book_finds_a_conversation_oldest_first_for_who_had_it),
                    TEST_OF(the_book_drops_the_oldest_beyond_its_number_but_not_what_was_gone_on_with),
                    TEST_OF(the_book_drops_the_oldest_beyond_its_bytes_and_takes_none_that_is_larger),
                    TEST_OF(the_book_forgets_what_is_older_than_its_time));
}
