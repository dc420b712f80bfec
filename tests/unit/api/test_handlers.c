/* Every handler of api/ on a server in this process, with each allocation of its loop failing in turn: an answer or a
 * closed connection, nothing lost, and the next client is served. */
#include "api/handlers.h"
#include "api/watch.h"
#include "support/http_client.h"
#include "unit/task/rig.h"

#define ANSWER_BYTES_MAX (48 * KIT_KIB) /* what http_client has room for before failures are ordered */

struct host {
    struct rig rig;
    struct api api;
    struct kit_budget trees;
    struct http_server *server;
    uint16_t port;
};

static struct host host;

/* As the program does: the loop, and the catalog's retries. */
static void turn(void *ctx)
{
    struct host *h = ctx;
    loop_run_once(h->rig.loop);
    model_catalog_tick(h->rig.catalog, kit_clock_ns());
}

static int open_host(void **state)
{
    struct http_options options = HTTP_OPTIONS_DEFAULT;
    (void)state;
    rig_open(&host.rig, TEST_DATA, &usual);
    host.api =
        (struct api){.options = {.program = "aethercore",
                                 .version = "0",
                                 .inline_bytes_max = KIT_MIB, /* all of it on the loop, where failures are ordered */
                                 .trees_bytes_max = KIT_MIB,
                                 .texts_max = 16,
                                 .timeout_max_ms = 60000,
                                 .load_wait_max_ms = 60000},
                     .tasks = host.rig.tasks,
                     .catalog = host.rig.catalog,
                     .ledger = host.rig.ledger,
                     .work = host.rig.work,
                     .trees = &host.trees};
    options.fail = api_error_send;
    assert_ok(api_init(&host.api, NULL));
    assert_ok(http_server_new(host.rig.loop, host.api.router, &options, &host.server, NULL));
    assert_ok(api_loop_add(&host.api, host.rig.loop, host.server, NULL));
    assert_ok(http_server_listen(host.server, "127.0.0.1", 0, &host.port, NULL));
    kit_flag_set(&host.api.ready, true);
    return 0;
}

static int close_host(void **state)
{
    (void)state;
    http_server_free(host.server);
    api_loop_close(&host.api.loops[0]);
    rig_close(&host.rig);
    api_done(&host.api);
    return 0;
}

/* --- one question --- */

struct question {
    const char *method, *path, *body;
    int status; /* when nothing fails */
};

static void send_question(struct http_client *c, const struct question *q)
{
    char text[2048];
    snprintf(text, sizeof(text),
             "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s", q->method,
             q->path, strlen(q->body), q->body);
    http_client_send(c, text);
}

/* The status of what came before the connection ended; 0: nothing came. */
static int status_of(const struct http_client *c)
{
    int status = 0;
    assert_true(c->in.len < ANSWER_BYTES_MAX);
    if (c->in.len > 12) {
        assert_int_equal(sscanf(c->in.ptr, "HTTP/1.1 %3d", &status), 1);
    }
    return status;
}

/* n: the allocation of this thread that fails; 0: none. */
static int ask_failing(const struct question *q, uint64_t n, bool *failed)
{
    struct http_client c;
    http_client_open(&c, host.port, turn, &host);
    kit_alloc_fail_at(n);
    send_question(&c, q);
    http_client_wait_end(&c);
    *failed = kit_alloc_failed();
    kit_alloc_fail_at(0);
    int status = status_of(&c);
    http_client_close(&c);
    return status;
}

static void wait_until_nothing_runs(void)
{
    uint64_t until_ns = kit_clock_ns() + WAIT_NS;
    while (http_server_counts(host.server).connections > 0 && kit_clock_ns() < until_ns) {
        turn(&host);
    }
    assert_int_equal(http_server_counts(host.server).connections, 0);
}

/* Asked until no allocation is left to fail. What a failure may cost is this answer: it says so, or is cut. */
static void sweep(const struct question *q)
{
    bool failed = true;
    for (uint64_t n = 1; failed; n++) {
        int status = ask_failing(q, n, &failed);
        if (status != q->status && (!failed || (status != 0 && status != 503))) {
            fail_msg("%s %s, allocation %llu fails: %d", q->method, q->path, (unsigned long long)n, status);
        }
        wait_until_nothing_runs();
    }
    assert_int_equal(kit_budget_used(&host.trees), 0);
}

/* --- all of them --- */

TEST(api_handlers_survive_each_failed_alloc)
{
    static const struct question questions[] = {
        {"GET", "/", "", 200},
        {"GET", "/health", "", 200},
        {"GET", "/health/live", "", 200},
        {"GET", "/health/ready", "", 200},
        {"GET", "/heartbeat", "", 200},
        {"GET", "/models", "", 200},
        {"GET", "/models/models/org/echo", "", 200},
        {"GET", "/models/nobody", "", 404},
        {"GET", "/models/nobody/events", "", 404},
        {"POST", "/models/nobody/load", "", 404},
        {"POST", "/models/models/org/echo/load?wait=true", "", 200},
        {"POST", "/serve", "{\"model\":\"nobody\",\"inputs\":\"x\"}", 404},
        {"POST", "/serve", "{\"model\":", 400},
        {"POST", "/serve", "{\"model\":\"models/org/echo\",\"inputs\":7}", 400},
        {"POST", "/serve",
         "{\"model\":\"models/org/echo\",\"inputs\":{\"tensors\":[{\"name\":\"x\",\"dtype\":\"int32\",\"shape\":[2],"
         "\"data\":[1,2]}]}}",
         200},
        {"POST", "/models/models/org/echo/unload", "", 200},
        {"GET", "/nowhere", "", 404},
        {"PUT", "/health", "", 405},
    };
    for (size_t i = 0; i < KIT_COUNT(questions); i++) {
        sweep(&questions[i]);
    }
}

TEST(api_handlers_leave_nothing_behind_when_allocs_fail)
{
    enum { ROUNDS = 20 };
    static const struct question list = {"GET", "/models", "", 200}, health = {"GET", "/health", "", 200};
    uint64_t blocks = 0;
    for (int i = 0; i < 2 * ROUNDS; i++) {
        blocks = i == ROUNDS ? kit_alloc_count() : blocks;
        sweep(&list);
        sweep(&health);
    }
    assert_true(kit_alloc_count() < blocks + ROUNDS); /* threads and pools that fill up are a few blocks, once */
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST_OF(api_handlers_survive_each_failed_alloc),
                                       TEST_OF(api_handlers_leave_nothing_behind_when_allocs_fail)};
    return cmocka_run_group_tests(tests, open_host, close_host);
}
