/* What streaming and scheduling promise, over the real server: by the order of what comes and by the rows that were
 * computed, not by the clock. Models are echoes that take so long a row that a batch of them lasts a good while. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kit/file.h"
#include "server.h"
#include "support/temp.h"
#include "support/test.h"
#include "support/ws_client.h"

/* A text is 7 tokens, a first batch at most 256 (SCHED_CORE_FILL_TOKENS), and there are two model threads. */
#define BATCH_ROWS 37
#define THREADS 2

static struct server server;
static struct http_client client;

/* The last frame that came. */
static struct {
    char type[8], id[16], code[32];
} frame;

static void wait_a_little(void *ctx)
{
    (void)ctx;
    usleep(100);
}

static void copy(kit_json object, const char *key, char *to, size_t room)
{
    kit_str_to_c(kit_json_str(kit_json_get(object, key), (kit_str){0}), to, room);
}

static void read_any_frame(void)
{
    char *text = NULL;
    struct kit_json_doc *doc = NULL;
    assert_int_equal(ws_client_next(&client, &text, NULL), WS_TEXT);
    assert_ok(kit_json_parse(kit_str_c(text), 64, &doc, NULL));
    copy(kit_json_root(doc), "type", frame.type, sizeof(frame.type));
    copy(kit_json_root(doc), "id", frame.id, sizeof(frame.id));
    copy(kit_json_get(kit_json_root(doc), "error"), "code", frame.code, sizeof(frame.code));
    kit_json_free(doc);
    kit_alloc_free(text);
}

/* The next one that is not about the question that holds the others up. */
static void read_frame(void)
{
    do {
        read_any_frame();
    } while (strcmp(frame.id, "held") == 0);
}

static bool is(const char *type)
{
    return strcmp(frame.type, type) == 0;
}

/* Appends a start frame, masked. */
static void add_start(struct kit_buf *out, const char *id, int texts, const char *more)
{
    struct kit_buf text;
    kit_buf_init(&text, KIT_MIB);
    kit_buf_printf(&text, "{\"type\":\"start\",\"id\":\"%s\",\"model\":\"paced\",\"inputs\":[", id);
    for (int i = 0; i < texts; i++) {
        kit_buf_printf(&text, "%s\"the cat %d\"", i == 0 ? "" : ",", i % 10);
    }
    kit_buf_printf(&text, "]%s}", more);
    char *to = kit_buf_reserve(out, WS_CLIENT_FRAME_BYTES(text.len));
    assert_non_null(to);
    kit_buf_grew(out, ws_client_frame(to, 0x80 | WS_TEXT, text.ptr, text.len));
    kit_buf_done(&text);
}

static void send_all(struct kit_buf *out)
{
    http_client_send_bytes(&client, out->ptr, out->len);
    kit_buf_clear(out);
}

static double rows_computed(void)
{
    return server_metric_of(&server, "sched_rows_total", "model=\"paced\"");
}

/* Some promises show only where questions come faster than they are computed. So another model holds all cores until
 * `let_go`: until then questions wait, however slowly they are read. */
static void hold_cores(void)
{
    ws_client_text(&client, "{\"type\":\"start\",\"id\":\"held\",\"model\":\"held\",\"inputs\":\"the cat\"}");
    ws_client_text(&client, "{}");
    read_frame(); /* what is wrong with the second: the first waits or runs */
    assert_string_equal(frame.type, "error");
    server_wait_metric(&server, "sched_queue_jobs", 0);
}

static void let_go(void)
{
    ws_client_text(&client, "{\"type\":\"cancel\",\"id\":\"held\"}");
}

/* All of them at once, to a model that begins when all are there. */
static void send_all_at_once(struct kit_buf *out, int questions)
{
    hold_cores();
    send_all(out);
    server_wait_metric(&server, "sched_queue_jobs", questions);
    let_go();
}

static int open_socket(void **state)
{
    (void)state;
    http_client_open(&client, server.port, wait_a_little, NULL);
    ws_client_open(&client, "/serve/stream", "", NULL);
    return 0;
}

static int close_socket(void **state)
{
    (void)state;
    http_client_close(&client);
    server_wait_metric(&server, "api_streams", 0);
    server_wait_metric(&server, "sched_queue_jobs", 0);
    return 0;
}

TEST(the_first_item_of_many_comes_when_a_small_part_is_computed)
{
    struct kit_buf out;
    double before = rows_computed();
    kit_buf_init(&out, KIT_MIB);
    add_start(&out, "a", 512, "");
    send_all(&out);
    read_frame();
    assert_string_equal(frame.type, "item");
    assert_true(rows_computed() - before <= 2 * THREADS * BATCH_ROWS); /* one batch done and the next begun, on each */
    for (int items = 1; items < 512; items++) {
        read_frame();
        assert_string_equal(frame.type, "item");
    }
    read_frame();
    assert_string_equal(frame.type, "done");
    assert_true(rows_computed() - before == 512);
    kit_buf_done(&out);
}

TEST(eight_questions_on_one_socket_take_turns)
{
    struct kit_buf out;
    int items[8] = {0}, begun = 0, done = 0;
    kit_buf_init(&out, KIT_MIB);
    for (int i = 0; i < 8; i++) {
        char id[2] = {(char)('a' + i), '\0'};
        add_start(&out, id, 100, "");
    }
    send_all_at_once(&out, 8);
    while (done < 8) {
        read_frame();
        int who = frame.id[0] - 'a';
        begun += is("item") && items[who] == 0;
        items[who] += is("item");
        done += is("done");
        assert_true(done == 0 || begun == 8); /* all have begun before the first has ended */
        assert_true(!is("done") || items[who] == 100);
    }
    kit_buf_done(&out);
}

TEST(a_cancel_stops_the_computing_within_a_batch)
{
    struct kit_buf out;
    double before = rows_computed();
    int items = 0;
    kit_buf_init(&out, KIT_MIB);
    add_start(&out, "a", 512, "");
    send_all(&out);
    read_frame();
    ws_client_text(&client, "{\"type\":\"cancel\",\"id\":\"a\"}");
    for (; is("item"); read_frame()) {
        items++;
    }
    assert_string_equal(frame.type, "error");
    assert_string_equal(frame.code, "cancelled");
    double computed = rows_computed() - before;
    assert_true(items < 512);
    assert_true(computed <= items + 2 * THREADS * BATCH_ROWS); /* what ran, and what was done and not sent */
    usleep(100000);
    assert_true(rows_computed() - before == computed); /* and nothing after it */
    kit_buf_done(&out);
}

TEST(of_two_hundred_questions_half_of_them_late_none_is_computed_late)
{
    enum { COUNT = 200 };
    struct kit_buf out;
    double before = rows_computed();
    int answered = 0, late = 0;
    hold_cores();
    kit_buf_init(&out, KIT_MIB);
    for (int i = 0; i < COUNT; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%d", i);
        add_start(&out, id, 1, i % 2 == 0 ? "" : ",\"timeout_ms\":50");
    }
    send_all(&out);
    for (; late < COUNT / 2; late++) {
        read_frame();
        assert_string_equal(frame.code, "timeout");
    }
    let_go();
    while (answered < COUNT / 2) {
        read_frame();
        assert_string_not_equal(frame.type, "error");
        answered += is("done");
    }
    assert_true(rows_computed() - before == answered);
    kit_buf_done(&out);
}

TEST(one_with_high_priority_overtakes_five_hundred_with_low)
{
    enum { COUNT = 500 };
    struct kit_buf out;
    int place = 0;
    kit_buf_init(&out, KIT_MIB);
    for (int i = 0; i < COUNT; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%d", i);
        add_start(&out, id, 1, ",\"priority\":\"low\"");
    }
    add_start(&out, "urgent", 1, ",\"priority\":\"high\"");
    send_all_at_once(&out, COUNT + 1);
    for (int ends = 0; ends <= COUNT;) {
        read_frame();
        ends += !is("item");
        place = strcmp(frame.id, "urgent") == 0 && is("done") ? ends : place;
    }
    assert_in_range(place, 1, THREADS * BATCH_ROWS); /* in the first batch, or the one beside it is told first */
    kit_buf_done(&out);
}

/* What many clients do at the same time: each gets its own, and nothing is left. */
TEST(twenty_sockets_with_questions_of_their_own_get_their_own_answers)
{
    enum { SOCKETS = 20 };
    struct http_client sockets[SOCKETS];
    struct kit_buf out;
    kit_buf_init(&out, KIT_MIB);
    struct http_client first = client;
    for (int i = 0; i < SOCKETS; i++) {
        char id[16];
        http_client_open(&client, server.port, wait_a_little, NULL);
        ws_client_open(&client, "/serve/stream", "", NULL);
        snprintf(id, sizeof(id), "%d", i);
        add_start(&out, id, 1 + i % 3, "");
        send_all(&out);
        sockets[i] = client;
    }
    for (int i = 0; i < SOCKETS; i++) {
        client = sockets[i];
        for (int items = 0; items <= 1 + i % 3; items++) {
            read_frame();
            assert_int_equal(atoi(frame.id), i);
        }
        assert_string_equal(frame.type, "done");
        http_client_close(&client);
    }
    client = first;
    kit_buf_done(&out);
}

static void add_model(const char *id, const char *settings)
{
    struct kit_buf text;
    char path[TEST_PATH_BYTES], name[64];
    kit_buf_init(&text, KIT_MIB);
    assert_ok(kit_file_read(TEST_DATA "/tiny-bert/tokenizer.json", &text, NULL));
    snprintf(name, sizeof(name), "models/%s/tokenizer.json", id);
    test_temp_write(path, name, kit_buf_str(&text));
    snprintf(name, sizeof(name), "models/%s/echo.json", id);
    test_temp_write(path, name, kit_str_c(settings));
    kit_buf_done(&text);
}

static int start(void **state)
{
    static const char *const args[] = {"--set", "compute.instances_max=2", "--set", "compute.cores=2", NULL};
    char path[TEST_PATH_BYTES];
    add_model("paced", "{\"dimensions\": 2, \"row_us\": 3000}");
    add_model("held", "{\"dimensions\": 2, \"delay_ms\": 60000}");
    server_start(&server, test_temp_path(path, "models"), args);
    server_expect_only(&server, "POST", "/models/paced/load?wait=true", "", 200);
    server_expect_only(&server, "POST", "/models/held/load?wait=true", "", 200);
    *state = &server;
    return 0;
}

#define ON_A_SOCKET(name) cmocka_unit_test_setup_teardown(name, open_socket, close_socket)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_A_SOCKET(the_first_item_of_many_comes_when_a_small_part_is_computed),
        ON_A_SOCKET(eight_questions_on_one_socket_take_turns),
        ON_A_SOCKET(a_cancel_stops_the_computing_within_a_batch),
        ON_A_SOCKET(of_two_hundred_questions_half_of_them_late_none_is_computed_late),
        ON_A_SOCKET(one_with_high_priority_overtakes_five_hundred_with_low),
        ON_A_SOCKET(twenty_sockets_with_questions_of_their_own_get_their_own_answers),
    };
    return cmocka_run_group_tests(tests, start, server_tear_down);
}
