/* Every handler of api/ on a server in this process, with each allocation of its loop failing in turn: an answer or a
 * closed connection, nothing lost, and the next client is served. */
#include "rig.h"

#define ANSWER_BYTES_MAX (48 * KIT_KIB) /* what http_client has room for before failures are ordered */

static struct rig rig;

/* As the program does: the loop, and the catalog's retries. */
static void turn(void *ctx)
{
    struct rig *g = ctx;
    loop_run_once(g->stack.loop);
    model_catalog_tick(g->stack.catalog, kit_clock_ns());
}

static int open_rig(void **state)
{
    (void)state;
    rig = (struct rig){.models = TEST_DATA, .inline_bytes_max = 200, .queue_jobs_max = 8};
    rig.options = (struct api_options){.program = "aethercore",
                                       .version = "0",
                                       .inline_bytes_max = KIT_MIB, /* all on the loop, where failures are ordered */
                                       .trees_bytes_max = KIT_MIB,
                                       .texts_max = 16,
                                       .timeout_max_ms = 60000,
                                       .load_wait_max_ms = 60000};
    rig_open(&rig);
    kit_flag_set(&rig.api.ready, true);
    return 0;
}

static int close_rig(void **state)
{
    (void)state;
    rig_close(&rig);
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
    http_client_open(&c, rig.port, turn, &rig);
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
    uint64_t until_ns = kit_clock_ns() + RIG_WAIT_NS;
    while (http_server_counts(rig.server).connections > 0 && kit_clock_ns() < until_ns) {
        turn(&rig);
    }
    assert_int_equal(http_server_counts(rig.server).connections, 0);
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
    assert_int_equal(kit_budget_used(&rig.trees), 0);
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
    return cmocka_run_group_tests(tests, open_rig, close_rig);
}
