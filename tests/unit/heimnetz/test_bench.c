#include "heimnetz/bench.h"

#include <stdio.h>
#include <stdlib.h>

#include "heimnetz/bench_report.h"
#include "kit/json.h"
#include "support/canned.h"
#include "support/test.h"

#define EVENTS "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
#define PIECE "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":null}]}\n\n"
#define END "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
#define USAGE "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":5}}\n\n"
#define JSON(status) "HTTP/1.1 " status "\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"

static struct canned server;
static struct heimnetz_bench_result result;
static uint64_t patience; /* how many may end before it is interrupted */

static bool go_on(void *ctx, uint64_t ended)
{
    (void)ctx;
    return ended < patience;
}

/* Measures a server that answers so, one request an answer. */
static void measure(const struct canned_answer *answers, uint32_t count, uint64_t requests)
{
    char url[64];
    canned_start(&server, answers, count);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u", server.port);
    struct heimnetz_bench_plan plan = {.url = url,
                                       .key = "secret",
                                       .model = "m",
                                       .concurrency = 1,
                                       .requests = requests,
                                       .prompt_tokens = 3,
                                       .max_tokens = 5,
                                       .timeout_ms = 10000};
    assert_ok(heimnetz_bench_run(&plan, go_on, NULL, &result, NULL));
    canned_stop(&server);
}

TEST(bench_asks_for_a_stream_with_usage_and_no_prompt_twice)
{
    struct canned_answer answer = {.bytes = kit_str_lit(EVENTS PIECE END USAGE)};
    patience = UINT64_MAX;
    measure(&answer, 1, 2);
    assert_non_null(strstr(server.request[0], "POST /v1/chat/completions HTTP/1.1\r\n"));
    assert_non_null(strstr(server.request[0], "Authorization: Bearer secret\r\n"));
    assert_int_equal(result.done, 2);
    assert_int_equal(result.running_max, 1);
    assert_int_equal(result.prompt_tokens, 14);
    assert_int_equal(result.tokens, 10);
}

TEST(bench_counts_pieces_where_the_server_counts_no_tokens)
{
    struct canned_answer answer = {.bytes = kit_str_lit(EVENTS PIECE PIECE PIECE END)};
    patience = UINT64_MAX;
    measure(&answer, 1, 2);
    assert_int_equal(result.tokens, 6);
    assert_int_equal(result.first.count, 2);
    assert_int_equal(result.between.count, 4);
    assert_int_equal(result.whole.count, 2);
}

TEST(bench_tells_failures_apart)
{
    struct canned_answer answers[] = {
        {.bytes = kit_str_lit(JSON("429 Too Many") "{\"error\":{\"message\":\"later\"}}")},
        {.bytes = kit_str_lit(JSON("500 Oh") "{\"error\":\"lost\"}")},
        {.bytes = kit_str_lit(JSON("502 Bad Gateway") "down")},
        {.bytes = kit_str_lit(EVENTS PIECE)},
        {.bytes = kit_str_lit(EVENTS PIECE "data: {\"error\":{\"message\":\"the model was lost\"}}\n\n")},
        {.bytes = kit_str_lit(JSON("429 Too Many") "{\"error\":{\"message\":\"later\"}}")},
    };
    static const struct {
        const char *text;
        uint64_t count;
    } faults[] = {{"HTTP 429: later", 2},
                  {"HTTP 500: lost", 1},
                  {"HTTP 502: down", 1},
                  {"the answer has no end", 1},
                  {"the model was lost", 1}};
    patience = UINT64_MAX;
    measure(answers, KIT_COUNT(answers), KIT_COUNT(answers));
    assert_int_equal(result.done, 0);
    assert_int_equal(result.failed, KIT_COUNT(answers));
    assert_int_equal(result.unanswered, 0);
    assert_int_equal(result.fault_count, KIT_COUNT(faults));
    for (size_t i = 0; i < KIT_COUNT(faults); i++) {
        assert_string_equal(result.faults[i].text, faults[i].text);
        assert_int_equal(result.faults[i].count, faults[i].count);
    }
}

TEST(bench_that_is_interrupted_leaves_what_is_under_way)
{
    struct canned_answer answers[] = {{.bytes = kit_str_lit(EVENTS PIECE END)},
                                      {.bytes = kit_str_lit(EVENTS PIECE), .hold = true}};
    patience = 1;
    measure(answers, 2, 5);
    assert_true(result.interrupted);
    assert_int_equal(result.done, 1);
    assert_int_equal(result.failed, 0);
}

/* --- the report --- */

static void make_up(struct heimnetz_bench_result *r)
{
    *r = (struct heimnetz_bench_result){.done = 31,
                                        .failed = 1,
                                        .prompt_tokens = 2048,
                                        .cached_tokens = 48,
                                        .tokens = 1000,
                                        .faults = {{"HTTP 429: later", 1}},
                                        .fault_count = 1,
                                        .running_max = 4,
                                        .wall_ns = 2 * UINT64_C(1000000000),
                                        .own_cpu_ns = 50 * UINT64_C(1000000)};
    heimnetz_spread_add(&r->first, 30);
    heimnetz_spread_add(&r->whole, 340);
}

static const struct heimnetz_bench_plan made_up = {.url = "http://host:1", .model = "m", .concurrency = 4};

TEST(bench_report_is_a_page)
{
    static const char wanted[] = "m\n"
                                 "server    http://host:1\n"
                                 "requests  31 done, 1 failed in 2.0 s\n"
                                 "load      4 at a time\n"
                                 "tokens    2048 read (48 of them known already), 1000 made\n"
                                 "a second  500.0 tokens, 15.50 requests\n"
                                 "heimnetz  took 2.5 % of a core itself\n"
                                 "\n"
                                 "times\n"
                                 "                        MEAN      P50      P90      P99      MAX\n"
                                 "to the first token   30.0 ms  30.0 ms  30.0 ms  30.0 ms  30.0 ms\n"
                                 "from token to token        -        -        -        -        -\n"
                                 "the whole answer      340 ms   340 ms   340 ms   340 ms   340 ms\n"
                                 "\n"
                                 "failed\n"
                                 "1  HTTP 429: later\n";
    char *text = NULL;
    size_t size = 0;
    struct heimnetz_term t;
    FILE *out = open_memstream(&text, &size);
    make_up(&result);
    heimnetz_term_make(&t, out, 0, false, false);
    assert_ok(heimnetz_bench_print(&t, &made_up, &result));
    fclose(out);
    assert_string_equal(text, wanted);
    free(text);
}

TEST(bench_report_fits_each_terminal)
{
    make_up(&result);
    for (uint32_t columns = 20; columns <= 140; columns += 20) {
        char *text = NULL;
        size_t size = 0;
        struct heimnetz_term t;
        FILE *out = open_memstream(&text, &size);
        heimnetz_term_make(&t, out, columns, false, false);
        assert_ok(heimnetz_bench_print(&t, &made_up, &result));
        fclose(out);
        kit_str rest = {.ptr = text, .len = size}, line;
        while (kit_str_cut(&rest, '\n', &line)) {
            assert_true(line.len <= columns);
        }
        free(text);
    }
}

TEST(bench_report_is_json)
{
    struct kit_buf text;
    struct kit_json_doc *doc = NULL;
    kit_buf_init(&text, KIT_MIB);
    make_up(&result);
    heimnetz_bench_write(&made_up, &result, &text);
    assert_ok(kit_json_parse(kit_buf_str(&text), 8, &doc, NULL));
    kit_json root = kit_json_root(doc);
    assert_true(kit_json_f64(kit_json_get(root, "tokens_s"), 0) == 500);
    assert_true(kit_json_f64(kit_json_get(kit_json_get(root, "first_ms"), "p99"), 0) == 30);
    assert_int_equal(kit_json_type(kit_json_get(root, "between_ms")), KIT_JSON_NULL);
    assert_int_equal(kit_json_count(kit_json_get(root, "errors")), 1);
    kit_json_free(doc);
    kit_buf_done(&text);
}

int main(void)
{
    return TEST_RUN(TEST_OF(bench_asks_for_a_stream_with_usage_and_no_prompt_twice),
                    TEST_OF(bench_counts_pieces_where_the_server_counts_no_tokens), TEST_OF(bench_tells_failures_apart),
                    TEST_OF(bench_that_is_interrupted_leaves_what_is_under_way), TEST_OF(bench_report_is_a_page),
                    TEST_OF(bench_report_fits_each_terminal), TEST_OF(bench_report_is_json));
}
