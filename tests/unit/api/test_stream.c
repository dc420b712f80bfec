/* WS /serve/stream in one process: what each frame brings, and what no client can do. */
#include "rig.h"

#include <sys/socket.h>

#include "support/ws_client.h"

#define RAW_FLOATS 20000 /* a large item */

static struct rig rig;
static struct http_client client;

/* The last frame that came. */
static struct {
    struct kit_json_doc *doc;
    kit_str type, id;
    int64_t index;
} frame;

static void forget(void)
{
    kit_json_free(frame.doc);
    memset(&frame, 0, sizeof(frame));
}

static void read_frame(struct http_client *c)
{
    char *text = NULL;
    forget();
    assert_int_equal(ws_client_next(c, &text, NULL), WS_TEXT);
    assert_ok(kit_json_parse(kit_str_c(text), 64, &frame.doc, NULL));
    kit_alloc_free(text);
    kit_json root = kit_json_root(frame.doc);
    frame.type = rig_str(root, "type");
    frame.id = rig_str(root, "id");
    frame.index = kit_json_i64(kit_json_get(root, "index"), -1);
}

static bool is(const char *type)
{
    return kit_str_eq(frame.type, kit_str_c(type));
}

static void expect_end(struct http_client *c, const char *type, const char *id)
{
    read_frame(c);
    assert_str(frame.type, type);
    assert_str(frame.id, id);
}

static void expect_error(struct http_client *c, const char *id, const char *code, const char *param)
{
    expect_end(c, "error", id);
    assert_str(rig_code(kit_json_root(frame.doc)), code);
    assert_str(rig_str(kit_json_get(kit_json_root(frame.doc), "error"), "param"), param);
}

static void open_all(void)
{
    rig_open(&rig);
    rig_connect(&rig, &client);
    ws_client_open(&client, "/serve/stream", "", NULL);
}

static void close_all(void)
{
    forget();
    http_client_close(&client);
    rig_close(&rig);
}

/* {"type":"start","id":…,"model":…,"inputs":["the cat 0",…] more} */
static void start(struct http_client *c, const char *id, const char *model, int texts, const char *more)
{
    struct kit_buf text;
    kit_buf_init(&text, KIT_MIB);
    kit_buf_printf(&text, "{\"type\":\"start\",\"id\":\"%s\",\"model\":\"%s\",\"inputs\":[", id, model);
    for (int i = 0; i < texts; i++) {
        kit_buf_printf(&text, "%s\"the cat %d\"", i == 0 ? "" : ",", i);
    }
    kit_buf_printf(&text, "]%s}", more);
    assert_ok(text.failed);
    ws_client_send(c, 0x80 | WS_TEXT, text.ptr, text.len);
    kit_buf_done(&text);
}

/* Everything of one question up to its end; each item once. */
static void expect_items(struct http_client *c, const char *id, int items)
{
    bool seen[2048] = {false};
    for (int i = 0; i < items; i++) {
        expect_end(c, "item", id);
        assert_in_range(frame.index, 0, items - 1);
        assert_false(seen[frame.index]);
        seen[frame.index] = true;
    }
    expect_end(c, "done", id);
    assert_int_equal(kit_json_i64(kit_json_get(kit_json_root(frame.doc), "items"), 0), items);
}

#define HELD_TEXTS 40 /* more than rig.h's batch_rows_max */

/* A question to "held" ends when it is cancelled, and not before. It fills batches of its own: one that two questions share
 * goes on until both have left. */
static void hold(const char *id)
{
    start(&client, id, "held", HELD_TEXTS, "");
}

static void let_go(const char *id)
{
    char text[64];
    snprintf(text, sizeof(text), "{\"type\":\"cancel\",\"id\":\"%s\"}", id);
    ws_client_text(&client, text);
}

TEST(items_come_one_by_one_and_the_end_says_what_it_took)
{
    open_all();
    start(&client, "a", "vectors", 40, "");
    expect_items(&client, "a", 40);
    kit_json done = kit_json_root(frame.doc);
    assert_str(rig_str(done, "model"), "vectors");
    assert_str(rig_str(done, "task"), "embed");
    assert_true(kit_json_i64(kit_json_get(kit_json_get(done, "usage"), "tokens"), 0) >= 40 * 3);
    assert_int_equal(kit_json_count(kit_json_get(done, "timing")), 3);
    assert_int_equal(kit_json_type(kit_json_get(done, "outputs")), KIT_JSON_NONE);
    close_all();
}

TEST(an_item_is_what_serve_would_have_answered)
{
    struct http_client plain;
    open_all();
    start(&client, "a", "vectors", 1, "");
    read_frame(&client);
    kit_json vector = kit_json_get(kit_json_root(frame.doc), "output");
    rig_connect(&rig, &plain);
    rig_post(&plain, "/serve", "{\"model\":\"vectors\",\"inputs\":\"the cat 0\"}");
    struct kit_json_doc *doc = rig_answer(&plain, 200);
    kit_json expected = rig_item(kit_json_get(kit_json_root(doc), "outputs"), 0);
    assert_int_equal(kit_json_count(vector), 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(kit_json_i64(rig_item(vector, i), -1), kit_json_i64(rig_item(expected, i), -2));
    }
    kit_json_free(doc);
    http_client_close(&plain);
    close_all();
}

TEST(eight_questions_take_turns)
{
    static const char *const ids[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    int items[8] = {0}, with_items = 0, done = 0;
    open_all();
    for (int i = 0; i < 8; i++) {
        start(&client, ids[i], "paced", 80, "");
    }
    while (done < 8) {
        read_frame(&client);
        int who = frame.id.ptr[0] - 'a';
        if (is("item")) {
            with_items += items[who]++ == 0;
        } else {
            assert_str(frame.type, "done");
            assert_int_equal(items[who], 80);
            assert_int_equal(with_items, 8); /* each has got something before the first has got all */
            done++;
        }
    }
    close_all();
}

static bool is_of(const char *id)
{
    return kit_str_eq(frame.id, kit_str_c(id));
}

TEST(a_cancel_ends_one_question_and_no_other)
{
    open_all();
    start(&client, "a", "paced", 1500, ""); /* seconds */
    start(&client, "b", "vectors", 20, "");
    read_frame(&client);
    int items = is_of("b"), ends = 0; /* items: b's */
    bool cancelled = false;
    ws_client_text(&client, "{\"type\":\"cancel\",\"id\":\"a\"}");
    while (ends < 2) {
        read_frame(&client);
        assert_false(is_of("a") && cancelled); /* that was its end */
        if (is_of("a") && is("error")) {
            assert_str(rig_code(kit_json_root(frame.doc)), "cancelled");
            cancelled = true;
        }
        items += is_of("b") && is("item");
        ends += !is("item");
    }
    assert_true(cancelled);
    assert_int_equal(items, 20);
    ws_client_text(&client, "{\"type\":\"cancel\",\"id\":\"a\"}"); /* has ended: nothing comes of it */
    start(&client, "a", "vectors", 1, "");                         /* and the id is free */
    expect_items(&client, "a", 1);
    close_all();
}

TEST(a_frame_that_is_wrong_gets_an_error_and_the_socket_goes_on)
{
    static const struct {
        const char *text, *id, *code, *param;
    } rows[] = {
        {"", "", "parse_error", ""},
        {"{\"type\":", "", "parse_error", ""},
        {"[]", "", "invalid_request", ""},
        {"{}", "", "invalid_request", "type"},
        {"{\"type\":\"begin\",\"id\":\"a\"}", "", "invalid_request", "type"},
        {"{\"type\":\"start\",\"inputs\":\"x\"}", "", "invalid_request", "id"},
        {"{\"type\":\"start\",\"id\":7,\"inputs\":\"x\"}", "", "invalid_request", "id"},
        {"{\"type\":\"start\",\"id\":\"a\"}", "a", "invalid_request", "inputs"},
        {"{\"type\":\"start\",\"id\":\"a\",\"inputs\":\"x\",\"stream\":true}", "a", "invalid_request", "stream"},
        {"{\"type\":\"start\",\"id\":\"a\",\"inputs\":\"x\",\"model\":\"nosuch\"}", "a", "model_not_found", "model"},
        {"{\"type\":\"start\",\"id\":\"a\",\"inputs\":\"x\",\"model\":\"vectors\",\"task\":\"rerank\"}", "a",
         "unprocessable", "task"},
        {"{\"type\":\"cancel\"}", "", "invalid_request", "id"},
        {"{\"type\":\"cancel\",\"id\":\"\"}", "", "invalid_request", "id"},
        {"{\"type\":\"cancel\",\"id\":\"a\",\"why\":1}", "", "invalid_request", ""},
    };
    open_all();
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        ws_client_text(&client, rows[i].text);
        expect_error(&client, rows[i].id, rows[i].code, rows[i].param);
    }
    start(&client, "a", "vectors", 1, "");
    expect_items(&client, "a", 1);
    close_all();
}

TEST(an_id_is_used_once_at_a_time)
{
    open_all();
    hold("a");
    hold("a");
    expect_error(&client, "", "conflict", "id"); /* about the frame: the first goes on */
    let_go("a");
    expect_error(&client, "a", "cancelled", "");
    start(&client, "a", "vectors", 1, "");
    expect_items(&client, "a", 1);
    close_all();
}

TEST(more_questions_than_the_limit_are_refused_one_by_one)
{
    rig_set_usual(&rig);
    rig.options.stream_requests_max = 2;
    open_all();
    hold("a");
    hold("b");
    hold("c");
    expect_error(&client, "c", "limit_reached", "");
    let_go("a");
    expect_error(&client, "a", "cancelled", "");
    hold("c");
    let_go("b");
    expect_error(&client, "b", "cancelled", "");
    let_go("c");
    expect_error(&client, "c", "cancelled", "");
    close_all();
}

TEST(a_deadline_ends_a_question_and_a_late_one_is_told_apart)
{
    open_all();
    start(&client, "a", "paced", 1, "");
    expect_items(&client, "a", 1);
    start(&client, "a", "paced", 400, ",\"timeout_ms\":400,\"priority\":\"low\"");
    do {
        read_frame(&client);
    } while (is("item"));
    assert_str(frame.type, "error");
    assert_str(rig_code(kit_json_root(frame.doc)), "timeout");
    close_all();
}

TEST(a_long_frame_is_read_on_the_work_pool_and_the_next_one_waits_for_it)
{
    open_all();
    start(&client, "a", "paced", 1500, ""); /* seconds */
    ws_client_text(&client, "{\"type\":\"cancel\",\"id\":\"a\"}");
    start(&client, "b", "vectors", 900, "");
    do {
        read_frame(&client);
    } while (!is_of("a") || is("item"));
    assert_str(rig_code(kit_json_root(frame.doc)), "cancelled");
    do {
        read_frame(&client);
    } while (is("item"));
    assert_str(frame.type, "done");
    assert_str(frame.id, "b");
    close_all();
}

TEST(a_long_frame_that_is_wrong_gets_an_error)
{
    static char text[100000];
    open_all();
    memset(text, ' ', sizeof(text));
    text[0] = '{';
    ws_client_send(&client, 0x80 | WS_TEXT, text, sizeof(text));
    expect_error(&client, "", "parse_error", "");
    start(&client, "b", "vectors", 1, "");
    expect_items(&client, "b", 1);
    close_all();
}

static void start_raw(const char *id)
{
    struct kit_buf text;
    kit_buf_init(&text, KIT_MIB);
    kit_buf_printf(&text,
                   "{\"type\":\"start\",\"id\":\"%s\",\"model\":\"raw\",\"inputs\":{\"tensors\":[{\"name\":\"x\","
                   "\"dtype\":\"float32\",\"shape\":[%d],\"data\":[",
                   id, RAW_FLOATS);
    for (int i = 0; i < RAW_FLOATS; i++) {
        kit_buf_printf(&text, "%s%d", i == 0 ? "" : ",", i % 10);
    }
    kit_buf_add(&text, kit_str_lit("]}]}}"));
    ws_client_send(&client, 0x80 | WS_TEXT, text.ptr, text.len);
    kit_buf_done(&text);
}

TEST(a_large_item_is_written_on_the_work_pool)
{
    open_all();
    start_raw("a");
    start_raw("b");
    for (int i = 0, items = 0; i < 4; i++) {
        read_frame(&client);
        kit_json tensors = kit_json_get(kit_json_get(kit_json_root(frame.doc), "output"), "tensors");
        if (is("item")) {
            items++;
            assert_int_equal(frame.index, 0);
            assert_int_equal(kit_json_count(kit_json_get(rig_item(tensors, 0), "data")), RAW_FLOATS);
        } else {
            assert_str(frame.type, "done");
        }
        assert_true(i < 3 || items == 2);
    }
    close_all();
}

/* Turns the loop until the socket's side has no more to do without its client. */
static void let_it_work(int turns)
{
    for (int i = 0; i < turns; i++) {
        rig_turn(&rig);
    }
}

TEST(a_slow_reader_makes_nothing_grow_and_holds_up_nobody)
{
    struct http_client other;
    rig_set_usual(&rig);
    rig.http.write_buffer_bytes_max = 64 * KIT_KIB;
    open_all();
    start(&client, "a", "wide", 1, "");
    expect_items(&client, "a", 1);
    start(&client, "a", "wide", 400, "");
    let_it_work(3000);
    uint64_t before = kit_alloc_bytes();
    let_it_work(1000);
    assert_true(kit_alloc_bytes() <= before + 64 * KIT_KIB);
    rig_connect(&rig, &other);
    ws_client_open(&other, "/serve/stream", "", NULL);
    start(&other, "b", "vectors", 20, "");
    expect_items(&other, "b", 20);
    http_client_close(&other);
    expect_items(&client, "a", 400);
    close_all();
}

TEST(a_flood_of_broken_frames_waits_until_its_errors_are_read)
{
    enum { FRAMES = 20000 };
    struct kit_buf flood;
    char one[WS_CLIENT_FRAME_BYTES(2)];
    rig_set_usual(&rig);
    rig.http.write_buffer_bytes_max = 64 * KIT_KIB;
    open_all();
    kit_buf_init(&flood, KIT_MIB);
    size_t len = ws_client_frame(one, 0x80 | WS_TEXT, "[]", 2);
    for (int i = 0; i < FRAMES; i++) {
        kit_buf_add(&flood, (kit_str){one, len});
    }
    uint64_t before = kit_alloc_bytes();
    for (size_t at = 0; at < flood.len;) { /* sends as long as it is taken, and reads nothing */
        ssize_t n = send(client.fd, flood.ptr + at, flood.len - at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n <= 0) {
            break;
        }
        at += (size_t)n;
        let_it_work(5);
    }
    let_it_work(500);
    assert_true(kit_alloc_bytes() <= before + KIT_MIB);
    kit_buf_done(&flood);
    close_all();
}

TEST(a_client_that_leaves_takes_all_its_questions_with_it)
{
    open_all();
    start(&client, "a", "vectors", 1, "");
    expect_items(&client, "a", 1);
    for (int i = 0; i < 20; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%d", i);
        start(&client, id, i % 2 == 0 ? "vectors" : "slow", 100, "");
    }
    http_client_turns(&client, 40);
    http_client_reset(&client);
    uint64_t until_ns = kit_clock_ns() + RIG_WAIT_NS;
    while (kit_budget_used(&rig.bodies) > 0 && kit_clock_ns() < until_ns) {
        rig_turn(&rig);
    }
    assert_int_equal(kit_budget_used(&rig.bodies), 0);
    rig_connect(&rig, &client);
    close_all();
}

TEST(questions_hold_their_part_of_what_all_bodies_may)
{
    rig_set_usual(&rig);
    rig.options.bodies_bytes_max = 4096;
    open_all();
    start(&client, "a", "held", 10, "");
    start(&client, "b", "held", 400, "");
    expect_error(&client, "b", "unavailable", "");
    let_go("a");
    expect_error(&client, "a", "cancelled", "");
    assert_int_equal(kit_budget_used(&rig.bodies), 0);
    close_all();
}

static void drained(void *ctx)
{
    *(bool *)ctx = true;
}

TEST(a_drain_finishes_what_is_open_takes_nothing_new_and_closes)
{
    bool over = false;
    int items = 1, ends = 0;
    open_all();
    start(&client, "a", "vectors", 1, "");
    expect_items(&client, "a", 1);
    start(&client, "a", "vectors", 100, "");
    read_frame(&client);
    hold("h"); /* so that there is something open whatever the other one does */
    http_server_drain(rig.server, 20000, drained, &over);
    http_client_turns(&client, 3);
    start(&client, "b", "vectors", 1, "");
    while (ends < 3) {
        read_frame(&client);
        items += is("item");
        ends += !is("item");
        if (is_of("b")) {
            assert_str(rig_code(kit_json_root(frame.doc)), "unavailable");
            let_go("h");
        } else if (is_of("h")) {
            assert_str(rig_code(kit_json_root(frame.doc)), "cancelled");
        }
    }
    assert_int_equal(items, 100);
    ws_client_expect_close(&client, 1001, "the server is stopping");
    http_client_close(&client);
    while (!over) {
        rig_turn(&rig);
    }
    close_all();
}

TEST(a_drain_closes_an_idle_socket_at_once)
{
    bool over = false;
    open_all();
    http_server_drain(rig.server, 20000, drained, &over);
    ws_client_expect_close(&client, 1001, NULL);
    close_all();
}

TEST(what_is_no_text_or_too_long_or_no_websocket_is_refused)
{
    struct http_client c;
    rig_set_usual(&rig);
    rig.options.stream_message_bytes_max = 1000;
    open_all();
    ws_client_send(&client, 0x80 | WS_BINARY, "{}", 2);
    ws_client_expect_close(&client, 1003, NULL);
    rig_connect(&rig, &c);
    ws_client_open(&c, "/serve/stream", "", NULL);
    start(&c, "a", "vectors", 100, "");
    ws_client_expect_close(&c, 1009, NULL);
    http_client_close(&c);
    rig_connect(&rig, &c);
    http_client_send(&c, "GET /serve/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    http_client_answer(&c, 426, NULL, NULL);
    http_client_close(&c);
    close_all();
}

TEST(a_browser_is_told_the_protocol_that_it_asked_for)
{
    char *head = NULL;
    rig_open(&rig);
    rig_connect(&rig, &client);
    ws_client_open(&client, "/serve/stream", "Sec-WebSocket-Protocol: other, heimnetz.msp\r\n", &head);
    assert_non_null(strcasestr(head, "\r\nSec-WebSocket-Protocol: heimnetz.msp\r\n"));
    kit_alloc_free(head);
    close_all();
}

static bool has(const struct http_client *c, const char *text)
{
    return kit_str_find(kit_buf_str(&c->in), kit_str_c(text)) < c->in.len;
}

/* Either the question ends, or the socket does. */
static void wait_for_an_end(struct http_client *c)
{
    uint64_t until_ns = kit_clock_ns() + RIG_WAIT_NS;
    while (!c->eof && !c->reset && !has(c, "\"type\":\"done\"") && !has(c, "\"type\":\"error\"") &&
           !has(c, "\x88") /* a Close */) {
        assert_true(kit_clock_ns() < until_ns);
        http_client_turns(c, 1);
    }
}

static uint64_t sweep(bool long_way)
{
    uint64_t failures = 0;
    TEST_ALLOC_SWEEP(n) {
        struct http_client c;
        kit_alloc_fail_at(0);
        rig_connect(&rig, &c);
        ws_client_open(&c, "/serve/stream", "", NULL);
        start(&c, "a", "vectors", long_way ? 400 : 3, "");
        kit_alloc_fail_at(n);
        wait_for_an_end(&c);
        failures += kit_alloc_failed();
        http_client_close(&c);
    }
    return failures;
}

TEST(a_stream_survives_each_failed_alloc)
{
    open_all();
    start(&client, "a", "vectors", 1, "");
    expect_items(&client, "a", 1);
    assert_true(sweep(false) > 5);
    assert_true(sweep(true) > 3);
    start(&client, "a", "vectors", 1, "");
    expect_items(&client, "a", 1);
    close_all();
}

TEST(an_upgrade_survives_each_failed_alloc)
{
    open_all();
    TEST_ALLOC_SWEEP(n) {
        struct http_client c;
        kit_alloc_fail_at(0);
        rig_connect(&rig, &c);
        ws_client_ask(&c, "/serve/stream", "");
        kit_alloc_fail_at(n);
        uint64_t until_ns = kit_clock_ns() + RIG_WAIT_NS;
        while (!c.eof && !c.reset && kit_str_find(kit_buf_str(&c.in), kit_str_lit("\r\n\r\n")) == c.in.len) {
            assert_true(kit_clock_ns() < until_ns);
            http_client_turns(&c, 1);
        }
        http_client_close(&c);
    }
    close_all();
}

/* Whatever became of the test before. */
static int fresh(void **state)
{
    (void)state;
    memset(&rig, 0, sizeof(rig));
    return 0;
}
#define FRESH(name) cmocka_unit_test_setup(name, fresh)

static int make_models(void **state)
{
    (void)state;
    rig_model("vectors", "{\"dimensions\": 4, \"row_us\": 500}");
    rig_model("paced", "{\"dimensions\": 4, \"row_us\": 3000}");
    rig_model("wide", "{\"dimensions\": 1000}");
    rig_model("slow", "{\"dimensions\": 4, \"delay_ms\": 50}");
    rig_model("held", "{\"dimensions\": 4, \"delay_ms\": 60000}");
    rig_model("raw", "{}");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(items_come_one_by_one_and_the_end_says_what_it_took),
        FRESH(an_item_is_what_serve_would_have_answered),
        FRESH(eight_questions_take_turns),
        FRESH(a_cancel_ends_one_question_and_no_other),
        FRESH(a_frame_that_is_wrong_gets_an_error_and_the_socket_goes_on),
        FRESH(an_id_is_used_once_at_a_time),
        FRESH(more_questions_than_the_limit_are_refused_one_by_one),
        FRESH(a_deadline_ends_a_question_and_a_late_one_is_told_apart),
        FRESH(a_long_frame_is_read_on_the_work_pool_and_the_next_one_waits_for_it),
        FRESH(a_long_frame_that_is_wrong_gets_an_error),
        FRESH(a_large_item_is_written_on_the_work_pool),
        FRESH(a_slow_reader_makes_nothing_grow_and_holds_up_nobody),
        FRESH(a_flood_of_broken_frames_waits_until_its_errors_are_read),
        FRESH(a_client_that_leaves_takes_all_its_questions_with_it),
        FRESH(questions_hold_their_part_of_what_all_bodies_may),
        FRESH(a_drain_finishes_what_is_open_takes_nothing_new_and_closes),
        FRESH(a_drain_closes_an_idle_socket_at_once),
        FRESH(what_is_no_text_or_too_long_or_no_websocket_is_refused),
        FRESH(a_browser_is_told_the_protocol_that_it_asked_for),
        FRESH(a_stream_survives_each_failed_alloc),
        FRESH(an_upgrade_survives_each_failed_alloc),
    };
    return cmocka_run_group_tests(tests, make_models, NULL);
}
