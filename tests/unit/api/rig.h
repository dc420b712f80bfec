/* tests/unit/api/rig.h - the whole api over a real HTTP server, engine and catalog, on the test's thread: a client's turn is
 * a turn of the loop. Models that rig_model makes are echoes that embed: a text's vector is its first token ids. */
#ifndef API_TEST_RIG_H
#define API_TEST_RIG_H

#include "api/api.h"

#include <stdio.h>
#include <unistd.h>

#include "api/error.h"
#include "kit/file.h"
#include "support/http_client.h"
#include "support/temp.h"
#include "unit/task/stack.h"

#define RIG_WAIT_NS (20 * KIT_NS_PER_S)

struct rig {
    struct stack stack;
    struct kit_budget trees, bodies;
    struct api api;
    struct http_server *server;
    uint16_t port;
    /* What a test may set before rig_open; zeros are the usual. */
    const char *models; /* folder; where rig_model writes */
    struct http_options http;
    struct api_options options;
    uint64_t inline_bytes_max; /* of questions */
    uint32_t queue_jobs_max;
};

/* Writes a model into the usual folder: echo.json, and a tokenizer. */
static inline void rig_model(const char *id, const char *settings)
{
    char path[TEST_PATH_BYTES], name[128];
    struct kit_buf text;
    kit_buf_init(&text, KIT_MIB);
    assert_ok(kit_file_read(TEST_DATA "/tiny-bert/tokenizer.json", &text, NULL));
    snprintf(name, sizeof(name), "models/%s/tokenizer.json", id);
    test_temp_write(path, name, kit_buf_str(&text));
    snprintf(name, sizeof(name), "models/%s/echo.json", id);
    test_temp_write(path, name, kit_str_c(settings));
    kit_buf_done(&text);
}

static inline void rig_turn(void *ctx)
{
    struct rig *g = ctx;
    loop_run_once(g->stack.loop);
    usleep(50); /* the model threads want the core, too */
}

static inline void rig_open_stack(struct rig *g)
{
    char usual[TEST_PATH_BYTES];
    struct task_options tasks = {.autoload = true,
                                 .waiting_max = 64,
                                 .text_bytes_max = 4096,
                                 .inline_bytes_max = g->inline_bytes_max,
                                 .instances_max = 2,
                                 .batch_tokens_max = 256,
                                 .batch_rows_max = 16,
                                 .queue_tokens_max = 1 << 20,
                                 .queue_jobs_max = g->queue_jobs_max};
    const char *models = g->models != NULL ? g->models : test_temp_path(usual, "models");
    stack_open(&g->stack, STACK_BACKENDS, models, 256, &tasks);
    g->api.tasks = g->stack.tasks;
    g->api.catalog = g->stack.catalog;
    g->api.ledger = g->stack.ledger;
    g->api.work = g->stack.work;
}

static inline void rig_set_usual(struct rig *g)
{
    struct api_options usual = {.program = "aethercore",
                                .version = "0",
                                .inline_bytes_max = 4096,
                                .trees_bytes_max = 64 * KIT_MIB,
                                .texts_max = 2000,
                                .requests_max = 600,
                                .stream_requests_max = 64,
                                .stream_message_bytes_max = KIT_MIB,
                                .bodies_bytes_max = 64 * KIT_MIB,
                                .timeout_max_ms = 60000,
                                .load_wait_max_ms = 10000};
    struct http_options http = HTTP_OPTIONS_DEFAULT;
    http.fail = api_error_send;
    g->options = g->options.program == NULL ? usual : g->options;
    g->http = g->http.connections_max == 0 ? http : g->http;
    g->inline_bytes_max = g->inline_bytes_max == 0 ? 4096 : g->inline_bytes_max;
    g->queue_jobs_max = g->queue_jobs_max == 0 ? 1024 : g->queue_jobs_max;
}

/* g: zeroed, or with what a test wants set. */
static inline void rig_open(struct rig *g)
{
    rig_set_usual(g);
    rig_open_stack(g);
    g->api.options = g->options;
    g->api.trees = &g->trees;
    g->api.bodies = &g->bodies;
    assert_ok(api_init(&g->api, NULL));
    assert_ok(http_server_new(g->stack.loop, g->api.router, &g->http, &g->server, NULL));
    assert_ok(api_loop_add(&g->api, g->stack.loop, g->server, NULL));
    assert_ok(http_server_listen(g->server, "127.0.0.1", 0, &g->port, NULL));
}

static inline void rig_close(struct rig *g)
{
    http_server_free(g->server);
    api_loop_close(&g->api.loops[0]);
    stack_close(&g->stack);
    assert_int_equal(kit_budget_used(&g->trees), 0);
    assert_int_equal(kit_budget_used(&g->bodies), 0);
    api_done(&g->api);
}

static inline void rig_connect(struct rig *g, struct http_client *c)
{
    http_client_open(c, g->port, rig_turn, g);
}

static inline void rig_post(struct http_client *c, const char *path, const char *body)
{
    char *text =
        kit_alloc_printf("POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Request-Id: rig\r\nContent-Length: %zu\r\n\r\n%s",
                         path, strlen(body), body);
    assert_non_null(text);
    http_client_send(c, text);
    kit_alloc_free(text);
}

/* The answer's document; the caller's (kit_json_free). */
static inline struct kit_json_doc *rig_answer(struct http_client *c, int status)
{
    char *body = NULL;
    struct kit_json_doc *doc = NULL;
    http_client_answer(c, status, NULL, &body);
    assert_ok(kit_json_parse(kit_str_c(body), 64, &doc, NULL));
    kit_alloc_free(body);
    return doc;
}

static inline kit_json rig_item(kit_json array, size_t index)
{
    for (struct kit_json_iter i = kit_json_iter(array); kit_json_next(&i);) {
        if (i.index == index) {
            return i.value;
        }
    }
    return (kit_json){0};
}

static inline kit_str rig_str(kit_json object, const char *key)
{
    return kit_json_str(kit_json_get(object, key), (kit_str){0});
}

/* The code of an error object {"error":{"code"}}. */
static inline kit_str rig_code(kit_json object)
{
    return rig_str(kit_json_get(object, "error"), "code");
}

/* Turns until no request waits for its answer. */
static inline void rig_wait_idle(struct rig *g)
{
    uint64_t until_ns = kit_clock_ns() + RIG_WAIT_NS;
    while (http_server_counts(g->server).requests > 0 && kit_clock_ns() < until_ns) {
        rig_turn(g);
    }
    assert_int_equal(http_server_counts(g->server).requests, 0);
}

#endif
