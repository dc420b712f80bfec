/* A generator over the real host of plug-ins and the back end `echo`, in this process and in a cell. The program is its own
 * cell. Echo repeats a prompt that ends with <reply>, and says <end>. */
#include "support/test.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kit/clock.h"
#include "kit/log.h"
#include "kit/sync.h"
#include "plug/cell.h"
#include "sched/metrics.h"
#include "sched/sequence.h"
#include "support/temp.h"

#define TEXTS 300
#define PROMPT_MAX 400
#define ANSWER_MAX 420
#define BEGIN 256 /* the special tokens of echo */
#define END 257
#define REPLY 259
#define CELL_BYTES ((uint64_t)64 << 20)

struct text {
    struct sched_sequence sequence;
    int32_t prompt[PROMPT_MAX + 2], got[ANSWER_MAX];
    uint32_t count;
    uint32_t pause_every; /* tokens; 0: its reader is quick */
    bool ended;
    _Atomic bool cancelled;
    _Atomic uint32_t after_cancel, done;
};

struct rig {
    struct plug_engine *engine;
    struct plug_model *model;
    struct sched_generator *generator;
    struct kit_mutex lock;
    struct kit_cond changed;
    uint32_t finished, chosen;
    uint32_t meet, inside, met; /* calls of `next` that wait for another one; that are in it; most at a time */
    struct text texts[TEXTS];
};

static struct text *text_of(struct sched_sequence *s)
{
    return KIT_CONTAINER(s, struct text, sequence);
}

static void add(struct rig *r, uint32_t *counter)
{
    kit_mutex_lock(&r->lock);
    (*counter)++;
    kit_cond_broadcast(&r->changed);
    kit_mutex_unlock(&r->lock);
}

/* Waits until two are here at the same time. */
static void meet(struct rig *r)
{
    uint64_t until = kit_clock_ns() + 20 * KIT_NS_PER_S;
    kit_mutex_lock(&r->lock);
    r->inside++;
    r->met = KIT_MAX(r->met, r->inside);
    kit_cond_broadcast(&r->changed);
    while (r->met < r->meet && kit_cond_wait_until(&r->changed, &r->lock, until)) {
    }
    r->inside--;
    kit_mutex_unlock(&r->lock);
}

static enum sched_next next(void *ctx, struct sched_sequence *s, float *logits, int32_t *token)
{
    struct text *t = text_of(s);
    *token = 0;
    for (int32_t i = 1; i < 260; i++) {
        *token = logits[i] > logits[*token] ? i : *token;
    }
    meet(ctx);
    add(ctx, &((struct rig *)ctx)->chosen);
    atomic_fetch_add(&t->after_cancel, atomic_load(&t->cancelled));
    if (*token == END) {
        t->ended = true;
        return SCHED_NEXT_END;
    }
    t->got[t->count++] = *token;
    return t->pause_every > 0 && t->count % t->pause_every == 0 ? SCHED_NEXT_PAUSE : SCHED_NEXT_TOKEN;
}

static void done(void *ctx, struct sched_sequence *s)
{
    atomic_fetch_add(&text_of(s)->done, 1);
    add(ctx, &((struct rig *)ctx)->finished);
}

static const struct sched_sink sink = {.next = next, .done = done};

static void open_model(struct rig *r, enum plug_isolation where, const char *options)
{
    static char folder[TEST_PATH_BYTES];
    struct plug_options engine = {.folder = TEST_BUILD "/lib/aether",
                                  .cell_exe = "/proc/self/exe",
                                  .cores_max = 2,
                                  .backends_max = 16,
                                  .cell_shared_bytes_max = CELL_BYTES};
    (void)test_temp_write(folder, "echo/echo.json", kit_str_lit("{\"generate\": 1}"));
    *strrchr(folder, '/') = 0;
    struct plug_model_options model = {.folder = folder, .options = options, .isolation = where};
    assert_ok(plug_engine_new(&engine, &r->engine, NULL));
    assert_ok(plug_engine_choose(r->engine, folder, "echo", &model.backend, NULL));
    assert_ok(plug_model_open(r->engine, &model, &r->model, NULL));
}

static struct sched_generator_options sizes(struct rig *r, uint64_t kv_tokens)
{
    uint64_t each = plug_model_info(r->model)->kv_bytes_per_token;
    return (struct sched_generator_options){.model_id = "echo",
                                            .cores_max = 2,
                                            .sequences_max = 16,
                                            .step_tokens_max = 256,
                                            .kv_bytes_max = kv_tokens * each,
                                            .prefix_bytes_max = kv_tokens * each,
                                            .queue_tokens_max = 1000000,
                                            .queue_jobs_max = TEXTS};
}

static struct rig *rig_new(enum plug_isolation where, const char *options, uint64_t kv_tokens)
{
    struct rig *r = kit_alloc_zero(1, sizeof(*r));
    assert_non_null(r);
    kit_mutex_init(&r->lock);
    kit_cond_init(&r->changed);
    open_model(r, where, options);
    struct sched_generator_options o = sizes(r, kv_tokens);
    assert_ok(sched_generator_open(r->engine, r->model, &o, &sink, r, &r->generator, NULL));
    return r;
}

static void rig_free(struct rig *r, bool failed)
{
    sched_generator_close(r->generator, failed, "over");
    plug_model_close(r->model);
    plug_engine_free(r->engine);
    kit_cond_done(&r->changed);
    kit_mutex_done(&r->lock);
    kit_alloc_free(r);
}

/* <begin>, `common` bytes that all texts have, bytes of its own, <reply>. */
static void fill(struct text *t, uint32_t k, uint32_t common, uint32_t own)
{
    uint32_t n = 0;
    t->prompt[n++] = BEGIN;
    for (uint32_t i = 0; i < common + own; i++) {
        t->prompt[n++] = i < common ? (int32_t)(i % 251) : (int32_t)((k * 7 + i) % 256);
    }
    t->prompt[n++] = REPLY;
    t->sequence = (struct sched_sequence){.priority = SCHED_NORMAL,
                                          .deadline_ns = KIT_NEVER_NS,
                                          .principal = k % 3,
                                          .prompt = t->prompt,
                                          .prompt_count = n,
                                          .tokens_max = ANSWER_MAX,
                                          .keep_prefix = true};
}

static void submit(struct rig *r, uint32_t k, uint32_t common, uint32_t own)
{
    fill(&r->texts[k], k, common, own);
    assert_ok(sched_generate(r->generator, &r->texts[k].sequence, NULL, NULL));
}

static void wait_for(struct rig *r, const uint32_t *count, uint32_t n)
{
    kit_mutex_lock(&r->lock);
    while (*count < n) {
        kit_cond_wait(&r->changed, &r->lock);
    }
    kit_mutex_unlock(&r->lock);
}

static void check_repeats(const struct text *t)
{
    assert_int_equal(t->sequence.failed, KIT_OK);
    assert_true(t->ended);
    assert_int_equal(t->count, t->sequence.prompt_count - 2);
    assert_memory_equal(t->got, t->prompt + 1, t->count * sizeof(t->got[0]));
    assert_int_equal(t->sequence.generated, t->count);
}

static void many_texts(enum plug_isolation where)
{
    struct rig *r = rig_new(where, NULL, 6000);
    for (uint32_t k = 0; k < TEXTS; k++) {
        submit(r, k, k % 4 * 30, 1 + k * 13 % 250);
    }
    wait_for(r, &r->finished, TEXTS);
    for (uint32_t k = 0; k < TEXTS; k++) {
        check_repeats(&r->texts[k]);
        assert_int_equal(atomic_load(&r->texts[k].done), 1);
    }
    struct sched_generator_counts n = sched_generator_counts(r->generator);
    assert_int_equal(n.waiting + n.running, 0);
    assert_in_range(n.kv_tokens, 1, 6000);
    rig_free(r, false);
}

TEST(generator_gives_each_text_its_own_tokens)
{
    many_texts(PLUG_IN_PROCESS);
}

TEST(generator_in_a_cell_gives_each_text_its_own_tokens)
{
    many_texts(PLUG_IN_CELL);
}

TEST(generator_computes_a_known_beginning_once)
{
    struct rig *r = rig_new(PLUG_IN_PROCESS, NULL, 6000);
    submit(r, 0, 300, 5);
    wait_for(r, &r->finished, 1);
    submit(r, 1, 300, 5);
    submit(r, 2, 300, 40);
    wait_for(r, &r->finished, 3);
    for (uint32_t k = 0; k < 3; k++) {
        check_repeats(&r->texts[k]);
    }
    assert_int_equal(r->texts[0].sequence.cached, 0);
    assert_in_range(r->texts[1].sequence.cached, 301, 306);
    assert_in_range(r->texts[2].sequence.cached, 301, 340);
    rig_free(r, false);
}

TEST(generator_chooses_for_several_texts_at_a_time)
{
    struct rig *r = rig_new(PLUG_IN_PROCESS, "{\"token_us\": 100}", 6000);
    submit(r, 0, 0, 200);
    submit(r, 1, 0, 200);
    wait_for(r, &r->chosen, 50);
    kit_mutex_lock(&r->lock);
    r->met = 0;
    r->meet = 2;
    kit_mutex_unlock(&r->lock);
    wait_for(r, &r->finished, 2);
    assert_int_equal(r->met, 2);
    rig_free(r, false);
}

TEST(generator_tells_what_it_does)
{
    struct kit_buf out;
    struct rig *r = rig_new(PLUG_IN_PROCESS, NULL, 6000);
    struct sched_generator_options o = sizes(r, 6000);
    sched_metrics_register();
    sched_generator_close(r->generator, false, NULL);
    o.model_id = "told";
    assert_ok(sched_generator_open(r->engine, r->model, &o, &sink, r, &r->generator, NULL));
    submit(r, 0, 0, 98);
    submit(r, 1, 0, 50);
    wait_for(r, &r->finished, 2);
    sched_generator_close(r->generator, false, NULL);
    r->generator = NULL;
    kit_buf_init(&out, KIT_MIB);
    assert_ok(kit_metric_render(&out, ""));
    assert_ok(kit_buf_add_char(&out, '\0'));
    assert_non_null(strstr(out.ptr, "sched_jobs_total{model=\"told\",result=\"ok\"} 2\n"));
    assert_non_null(strstr(out.ptr, "sched_prompt_tokens_total{model=\"told\"} 152\n"));
    assert_non_null(strstr(out.ptr, "sched_generated_tokens_total{model=\"told\"} 148\n"));
    assert_non_null(strstr(out.ptr, "sched_first_token_seconds_count{model=\"told\"} 2\n"));
    assert_non_null(strstr(out.ptr, "sched_sequences_running{model=\"told\"} 0\n"));
    kit_buf_done(&out);
    rig_free(r, false);
}

/* Readers that are slow for a while, while there is room for two texts. */
TEST(generator_waits_for_slow_readers_alone)
{
    struct rig *r = rig_new(PLUG_IN_PROCESS, NULL, 700);
    for (uint32_t k = 0; k < 12; k++) {
        r->texts[k].pause_every = k % 2 == 0 ? 16 : 0;
        submit(r, k, 0, 100 + k);
    }
    while (atomic_load(&r->texts[1].done) == 0 || sched_generator_counts(r->generator).waiting > 0) {
        for (uint32_t k = 0; k < 12; k += 2) {
            sched_generate_resume(r->generator, r->texts[k].sequence.ticket);
        }
        usleep(1000);
    }
    for (uint32_t tries = 0; tries < 10000 && sched_generator_counts(r->generator).running > 0; tries++) {
        for (uint32_t k = 0; k < 12; k += 2) {
            sched_generate_resume(r->generator, r->texts[k].sequence.ticket);
        }
        usleep(1000);
    }
    wait_for(r, &r->finished, 12);
    for (uint32_t k = 0; k < 12; k++) {
        check_repeats(&r->texts[k]);
    }
    rig_free(r, false);
}

static void cancel_many(enum plug_isolation where)
{
    struct rig *r = rig_new(where, "{\"token_us\": 20}", 6000);
    for (uint32_t k = 0; k < 100; k++) {
        submit(r, k, 20, 100 + k);
    }
    for (uint32_t k = 0; k < 100; k += 2) {
        wait_for(r, &r->chosen, k * 20);
        atomic_store(&r->texts[k].cancelled, true);
        sched_generate_cancel(r->generator, r->texts[k].sequence.ticket);
    }
    wait_for(r, &r->finished, 100);
    for (uint32_t k = 0; k < 100; k++) {
        const struct sched_sequence *s = &r->texts[k].sequence;
        assert_true(s->failed == KIT_OK || (k % 2 == 0 && s->failed == KIT_CANCELLED && s->cancelled));
        assert_in_range(atomic_load(&r->texts[k].after_cancel), 0, 2);
        if (s->failed == KIT_OK) {
            check_repeats(&r->texts[k]);
        }
    }
    rig_free(r, false);
}

TEST(generator_stops_within_two_steps_of_a_cancel)
{
    cancel_many(PLUG_IN_PROCESS);
}

TEST(generator_in_a_cell_stops_within_two_steps_of_a_cancel)
{
    cancel_many(PLUG_IN_CELL);
}

static void long_step(enum plug_isolation where)
{
    struct rig *r = rig_new(where, "{\"delay_ms\": 600000}", 6000);
    submit(r, 0, 0, 300);
    while (sched_generator_counts(r->generator).running == 0) {
        usleep(1000);
    }
    submit(r, 1, 0, 30);
    sched_generate_cancel(r->generator, r->texts[0].sequence.ticket);
    wait_for(r, &r->finished, 1);
    assert_int_equal(r->texts[0].sequence.failed, KIT_CANCELLED);
    while (sched_generator_counts(r->generator).running == 0) {
        usleep(1000);
    }
    sched_generate_cancel(r->generator, r->texts[1].sequence.ticket);
    wait_for(r, &r->finished, 2);
    assert_int_equal(r->texts[1].sequence.failed, KIT_CANCELLED);
    rig_free(r, false);
}

TEST(generator_ends_a_long_step_that_nobody_wants)
{
    long_step(PLUG_IN_PROCESS);
    long_step(PLUG_IN_CELL);
}

TEST(generator_gives_up_what_is_late)
{
    struct rig *r = rig_new(PLUG_IN_PROCESS, "{\"token_us\": 1000}", 6000);
    fill(&r->texts[0], 0, 0, 200);
    r->texts[0].sequence.deadline_ns = kit_clock_ns() + 50 * KIT_NS_PER_MS;
    assert_ok(sched_generate(r->generator, &r->texts[0].sequence, NULL, NULL));
    wait_for(r, &r->finished, 1);
    assert_int_equal(r->texts[0].sequence.failed, KIT_TIMEOUT);
    assert_true(r->texts[0].count < 200);
    rig_free(r, false);
}

TEST(generator_fails_all_when_its_cell_is_lost)
{
    struct rig *r = rig_new(PLUG_IN_CELL, "{\"token_us\": 200}", 6000);
    for (uint32_t k = 0; k < 40; k++) {
        submit(r, k, 0, 200);
    }
    wait_for(r, &r->chosen, 50);
    assert_int_equal(kill((pid_t)plug_model_pid(r->model), SIGKILL), 0);
    wait_for(r, &r->finished, 40);
    for (uint32_t k = 0; k < 40; k++) {
        assert_true(r->texts[k].sequence.failed == KIT_UNAVAILABLE || r->texts[k].sequence.failed == KIT_OK);
    }
    fill(&r->texts[40], 40, 0, 20);
    assert_int_equal(sched_generate(r->generator, &r->texts[40].sequence, NULL, NULL), KIT_UNAVAILABLE);
    rig_free(r, true);
}

TEST(generator_that_closes_completes_or_fails_what_is_inside)
{
    struct rig *r = rig_new(PLUG_IN_PROCESS, NULL, 6000);
    for (uint32_t k = 0; k < 50; k++) {
        submit(r, k, 0, 100);
    }
    sched_generator_close(r->generator, false, "over");
    for (uint32_t k = 0; k < 50; k++) {
        check_repeats(&r->texts[k]);
    }
    struct sched_generator_options o = sizes(r, 6000);
    assert_ok(sched_generator_open(r->engine, r->model, &o, &sink, r, &r->generator, NULL));
    for (uint32_t k = 50; k < 100; k++) {
        submit(r, k, 0, 100);
    }
    sched_generator_close(r->generator, true, "over");
    r->generator = NULL;
    assert_int_equal(r->finished, 100);
    rig_free(r, true);
}

TEST(generator_names_an_option_that_is_out_of_range)
{
    struct rig *r = rig_new(PLUG_IN_PROCESS, NULL, 100);
    struct sched_generator_options o = sizes(r, 100);
    struct sched_generator *g;
    struct kit_err err = {0};
    o.queue_jobs_max = 0;
    assert_int_equal(sched_generator_open(r->engine, r->model, &o, &sink, r, &g, &err), KIT_INVALID);
    assert_string_equal(err.param, "queue_jobs_max");
    o = sizes(r, 0);
    assert_int_equal(sched_generator_open(r->engine, r->model, &o, &sink, r, &g, &err), KIT_INVALID);
    assert_string_equal(err.param, "kv_tokens_max");
    rig_free(r, false);
}

TEST(generator_without_memory_is_not_there)
{
    struct rig *r = rig_new(PLUG_IN_PROCESS, NULL, 100);
    struct sched_generator_options o = sizes(r, 100);
    TEST_ALLOC_SWEEP(k) {
        struct sched_generator *g = NULL;
        enum kit_status rc = sched_generator_open(r->engine, r->model, &o, &sink, r, &g, NULL);
        assert_true(rc == KIT_OK || rc == KIT_NOMEM);
        sched_generator_close(g, false, NULL);
    }
    rig_free(r, false);
}

int main(int argc, char **argv)
{
    if (plug_cell_wanted(argc, argv)) {
        return plug_cell_main(argc, argv);
    }
    if (access(TEST_BUILD "/lib/aether/echo.so", R_OK) != 0) {
        print_message("skipped: the back end echo is not built\n");
        return 0;
    }
    (void)setenv("TSAN_OPTIONS", "atexit_sleep_ms=0", 0);
    kit_log_setup(&(struct kit_log_options){.level = KIT_LOG_OFF, .fd = 2});
    return TEST_RUN(
        TEST_OF(generator_gives_each_text_its_own_tokens), TEST_OF(generator_in_a_cell_gives_each_text_its_own_tokens),
        TEST_OF(generator_computes_a_known_beginning_once), TEST_OF(generator_chooses_for_several_texts_at_a_time),
        TEST_OF(generator_tells_what_it_does), TEST_OF(generator_waits_for_slow_readers_alone),
        TEST_OF(generator_stops_within_two_steps_of_a_cancel),
        TEST_OF(generator_in_a_cell_stops_within_two_steps_of_a_cancel),
        TEST_OF(generator_ends_a_long_step_that_nobody_wants), TEST_OF(generator_gives_up_what_is_late),
        TEST_OF(generator_fails_all_when_its_cell_is_lost),
        TEST_OF(generator_that_closes_completes_or_fails_what_is_inside),
        TEST_OF(generator_names_an_option_that_is_out_of_range), TEST_OF(generator_without_memory_is_not_there));
}
