/* A large model is loaded, cancelled, unloaded, again and again, while another one is served.
 *
 * As part of `make test` 100 MB and 30 cycles, and nothing here depends on how fast the machine is; with SOAK=1 a gigabyte
 * and 1,000 cycles, and the project's figures must hold (docs/plan.md). */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "big_model.h"
#include "kit/clock.h"
#include "kit/file.h"
#include "server.h"
#include "support/temp.h"
#include "support/test.h"

#define SERVED "all-MiniLM-L6-v2"
#define ASK "{\"model\":\"" SERVED "\",\"inputs\":\"the old bridge is closed until the new one opens in spring\"}"
#define WAIT_NS (60 * KIT_NS_PER_S)

static struct server server;
static uint64_t big_bytes;
static bool soak;

static double ms_since(uint64_t from_ns)
{
    return (double)(kit_clock_ns() - from_ns) / 1e6;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* --- the big model's state --- */

static bool state_is(const char *state)
{
    struct client_answer a;
    server_expect(&server, "GET", "/models/big", "", 200, &a);
    bool is = kit_str_eq(kit_json_str(kit_json_get(kit_json_root(a.doc), "state"), (kit_str){0}), kit_str_c(state));
    client_answer_done(&a);
    return is;
}

static void wait_state(const char *state)
{
    uint64_t until_ns = kit_clock_ns() + WAIT_NS;
    while (!state_is(state) && kit_clock_ns() < until_ns) {
        usleep(1000);
    }
    assert_true(state_is(state));
}

static void unload(void)
{
    server_expect_only(&server, "POST", "/models/big/unload", "", 200);
    wait_state("available");
}

/* --- progress --- */

/* A load as its events tell it. */
struct followed {
    uint64_t asked_ns;   /* 0: not yet */
    uint64_t last_bytes; /* that were told */
    uint64_t stop_at;    /* unload when so many are done; 0: never */
    uint64_t stopped_ns; /* the unload was asked for */
    double first_ms;     /* from the question to the first count of bytes */
    uint32_t counts;     /* strictly rising ones */
    bool fell;
    bool ended;
};

static void note_bytes(struct followed *f, uint64_t done)
{
    f->fell = f->fell || done < f->last_bytes;
    if (done > f->last_bytes) {
        f->first_ms = f->counts++ == 0 ? ms_since(f->asked_ns) : f->first_ms;
        f->last_bytes = done;
    }
}

static bool follow(void *ctx, kit_json event)
{
    struct followed *f = ctx;
    kit_str state = kit_json_str(kit_json_get(event, "state"), (kit_str){0});
    if (f->asked_ns == 0) {
        f->asked_ns = kit_clock_ns();
        server_expect_only(&server, "POST", "/models/big/load", "", 202);
        return true;
    }
    if (kit_str_eq(state, kit_str_lit("loading"))) {
        note_bytes(f, (uint64_t)kit_json_i64(kit_json_get(kit_json_get(event, "progress"), "done_bytes"), 0));
    }
    if (f->stop_at > 0 && f->stopped_ns == 0 && f->last_bytes >= f->stop_at) {
        f->stopped_ns = kit_clock_ns();
        server_expect_only(&server, "POST", "/models/big/unload", "", 200);
    }
    f->ended =
        kit_str_eq(state, kit_str_lit("ready")) || (f->counts > 0 && kit_str_eq(state, kit_str_lit("available")));
    return !f->ended && !kit_str_eq(state, kit_str_lit("failed"));
}

static struct followed follow_load(uint64_t stop_at)
{
    struct kit_err err = {0};
    struct followed f = {.stop_at = stop_at};
    assert_int_equal(client_events(&server.client, "/models/big/events", follow, &f, &err), KIT_OK);
    assert_true(f.ended && !f.fell);
    return f;
}

TEST(loading_tells_at_least_twenty_rising_counts_of_bytes)
{
    struct followed f = follow_load(0);
    printf("[   NOTE   ] %llu MB in %.0f ms: %u counts, the first after %.1f ms\n",
           (unsigned long long)(big_bytes / 1000000), ms_since(f.asked_ns), f.counts, f.first_ms);
    assert_true(f.counts >= 20);
    assert_int_equal(f.last_bytes, big_bytes);
    assert_true(!soak || f.first_ms <= 100);
    unload();
}

TEST(loading_that_is_cancelled_at_a_third_gives_everything_back)
{
    unload();
    uint64_t before = server_rss(&server);
    struct followed f = follow_load(big_bytes / 3);
    assert_true(f.stopped_ns > 0 && f.last_bytes < big_bytes);
    uint64_t most = before + big_bytes / 50, until_ns = kit_clock_ns() + WAIT_NS;
    while (server_rss(&server) > most && kit_clock_ns() < until_ns) {
        usleep(1000);
    }
    double took_ms = ms_since(f.stopped_ns);
    printf("[   NOTE   ] cancelled at %llu MB, all given back after %.0f ms\n",
           (unsigned long long)(f.last_bytes / 1000000), took_ms);
    assert_true(server_rss(&server) <= most);
    assert_true(!soak || took_ms <= 200);
    assert_true(state_is("available"));
}

/* --- others are served meanwhile --- */

#define TIMES_MAX 100000

struct asker {
    struct client client;
    double took_ms[TIMES_MAX]; /* [count] */
    uint32_t count, failed;
};

static void ask(struct asker *a)
{
    struct client_answer answer;
    uint64_t from_ns = kit_clock_ns();
    enum kit_status rc = client_call(&a->client, "POST", "/serve", kit_str_lit(ASK), &answer, NULL);
    a->failed += rc != KIT_OK;
    client_answer_done(&answer);
    if (a->count < TIMES_MAX) {
        a->took_ms[a->count++] = ms_since(from_ns);
    }
}

static double percentile(struct asker *a, double part)
{
    qsort(a->took_ms, a->count, sizeof(a->took_ms[0]), by_value);
    return a->count == 0 ? 0 : a->took_ms[(uint32_t)((a->count - 1) * part)];
}

static void *load_and_unload(void *arg)
{
    struct client client = server.client;
    struct client_answer answer;
    _Atomic uint32_t *left = arg;
    uint32_t loads = *left;
    for (uint32_t i = 0; i < loads; i++) {
        (void)!client_call(&client, "POST", "/models/big/load?wait=true", (kit_str){0}, &answer, NULL);
        client_answer_done(&answer);
        (void)!client_call(&client, "POST", "/models/big/unload", (kit_str){0}, &answer, NULL);
        client_answer_done(&answer);
    }
    *left = 0;
    return NULL;
}

/* Asks while the big model is loaded and unloaded `loads` times; answers how long that took. */
static double ask_while_loading(struct asker *a, uint32_t loads)
{
    pthread_t thread;
    _Atomic uint32_t left = loads;
    uint64_t from_ns = kit_clock_ns();
    a->count = 0;
    assert_int_equal(pthread_create(&thread, NULL, load_and_unload, &left), 0);
    while (left > 0) {
        ask(a);
    }
    pthread_join(thread, NULL);
    return ms_since(from_ns);
}

static void ask_for(struct asker *a, double ms)
{
    uint64_t from_ns = kit_clock_ns();
    a->count = 0;
    while (ms_since(from_ns) < ms) {
        ask(a);
    }
}

static double median(double *x, size_t n)
{
    qsort(x, n, sizeof(x[0]), by_value);
    return x[n / 2];
}

TEST(loading_leaves_the_others_their_share)
{
    enum { ROUNDS_MAX = 9 };
    static struct asker a;
    double ratio[ROUNDS_MAX];
    size_t rounds = soak ? ROUNDS_MAX : 1;
    uint32_t during = 0;
    a.client = server.client;
    ask_for(&a, 300); /* warm */
    for (size_t i = 0; i < rounds; i++) {
        ask_for(&a, soak ? 3000 : 500);
        double alone50 = percentile(&a, 0.5), alone = percentile(&a, 0.99);
        double took_ms = ask_while_loading(&a, soak ? 3 : 1);
        double p50 = percentile(&a, 0.5), p99 = percentile(&a, 0.99);
        ratio[i] = p99 / alone;
        during += a.count;
        printf("[   NOTE   ] p50 %.2f ms, p99 %.2f ms alone; %.2f ms, %.2f ms while loading (%u answers in %.0f ms)\n",
               alone50, alone, p50, p99, a.count, took_ms);
    }
    assert_int_equal(a.failed, 0);
    assert_true(during >= 3); /* nobody waits for the end of a load */
    double middle = median(ratio, rounds);
    printf("[   NOTE   ] p99 while loading, of that alone: %.2f\n", middle);
    assert_true(!soak || middle <= 1.5);
}

/* --- cycles --- */

static void cycle(const char *id)
{
    char path[128], body[256];
    snprintf(path, sizeof(path), "/models/%s/load?wait=true", id);
    server_expect_only(&server, "POST", path, "", 200);
    snprintf(body, sizeof(body), "{\"model\":\"%s\",\"inputs\":[\"a text\",\"and another one\"]}", id);
    server_expect_only(&server, "POST", "/serve", body, 200);
    snprintf(path, sizeof(path), "/models/%s/unload", id);
    server_expect_only(&server, "POST", path, "", 200);
}

TEST(loading_again_and_again_takes_no_more_memory)
{
    uint64_t after_ten = 0, rss = 0, most = 0;
    uint32_t cycles = soak ? 1000 : 30;
    for (uint32_t i = 1; i <= cycles; i++) {
        cycle(SERVED);
        rss = server_rss(&server);
        after_ten = i == 10 ? rss : after_ten;
        most = KIT_MAX(after_ten + after_ten / 50, after_ten + 1000000);
        if (i == 10 || i % (cycles / 10) == 0) {
            printf("[   NOTE   ] after %u cycles: %.2f MB\n", i, (double)rss / 1e6);
        }
    }
    assert_true(rss <= most);
}

static const char *make_models(void)
{
    static char path[TEST_PATH_BYTES];
    char link[TEST_PATH_BYTES];
    big_bytes = big_model_make("models/big", (soak ? 1000 : 100) * UINT64_C(1000000));
    const char *real = kit_file_exists(TEST_MODELS "/" SERVED) ? TEST_MODELS "/" SERVED : TEST_DATA "/tiny-bert";
    printf("[   NOTE   ] served meanwhile: %s\n", real);
    assert_int_equal(symlink(real, test_temp_path(link, "models/" SERVED)), 0);
    return test_temp_path(path, "models");
}

static int start(void **state)
{
    (void)state;
    server_start(&server, make_models(), NULL);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    server_stop(&server);
    return 0;
}

int main(void)
{
    soak = getenv("SOAK") != NULL;
    setenv("TMPDIR", TEST_BUILD, 1); /* a gigabyte: not in /tmp, which may be memory */
    const struct CMUnitTest tests[] = {TEST_OF(loading_tells_at_least_twenty_rising_counts_of_bytes),
                                       TEST_OF(loading_that_is_cancelled_at_a_third_gives_everything_back),
                                       TEST_OF(loading_leaves_the_others_their_share),
                                       TEST_OF(loading_again_and_again_takes_no_more_memory)};
    return cmocka_run_group_tests(tests, start, stop);
}
