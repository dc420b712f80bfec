/* The plug-in on tiny models with random weights: what llama.cpp says alone is what comes through it, in this process and
 * in a cell. */
#include "world.h"

#include <math.h>
#include <pthread.h>

#include "direct.h"

static const enum plug_isolation both[] = {PLUG_IN_PROCESS, PLUG_IN_CELL};

#define GENERATE TEST_GGUF "/generate"
#define EMBED TEST_GGUF "/embed"
#define CLOSE 1e-4f /* of logits: batches of other sizes add in another order */

static uint32_t tokenize(struct plug_model *m, const char *text, int32_t *ids, uint32_t room)
{
    uint64_t count = room;
    assert_int_equal(plug_model_tokenize(m, kit_str_c(text), ACB_TOKENIZE_ADD_SPECIAL, ids, &count, NULL), KIT_OK);
    return (uint32_t)count;
}

static void assert_close(const float *a, const float *b, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++) {
        if (!(fabsf(a[k] - b[k]) <= CLOSE * fmaxf(1, fabsf(b[k])))) {
            fail_msg("number %u is %g, not %g", k, (double)a[k], (double)b[k]);
        }
    }
}

TEST(logits_are_those_of_llama_cpp)
{
    struct direct *d = direct_open(GENERATE "/tiny.gguf", 512, 1);
    for (size_t w = 0; w < KIT_COUNT(both); w++) {
        struct plug_engine *e = llama_world_engine();
        struct plug_model *m = llama_world_model(e, GENERATE, "{}", both[w]);
        struct plug_instance *i = llama_world_instance(m, ACB_MODE_GENERATE);
        int32_t ids[64];
        float *logits = NULL;
        uint32_t n = tokenize(m, "hello the hello a", ids, 64);
        assert_int_equal(llama_world_feed(i, 1, 3, ids, n, &logits, NULL), KIT_OK);
        const float *expected = direct_prefill(d, ids, n);
        for (int k = 0; k < 40; k++) {
            assert_close(logits, expected, direct_vocab(d));
            int32_t next = llama_world_best(expected, direct_vocab(d));
            assert_int_equal(llama_world_feed(i, 1, 3, &next, 1, &logits, NULL), KIT_OK);
            expected = direct_feed(d, next);
        }
        plug_instance_close(i);
        plug_model_close(m);
        plug_engine_free(e);
    }
    direct_close(d);
}

TEST(sequences_do_not_see_each_other_and_a_copy_is_as_good_as_its_source)
{
    for (size_t w = 0; w < KIT_COUNT(both); w++) {
        struct plug_engine *e = llama_world_engine();
        struct plug_model *m = llama_world_model(e, GENERATE, "{}", both[w]);
        struct plug_instance *i = llama_world_instance(m, ACB_MODE_GENERATE);
        uint32_t vocab = plug_model_info(m)->vocab_size;
        int32_t ids[64], other[64];
        float alone[300], *logits = NULL;
        uint32_t n = tokenize(m, "the hello", ids, 64), n_other = tokenize(m, "a a a a o o", other, 64);
        assert_true(vocab <= 300);
        assert_int_equal(llama_world_feed(i, 1, 0, ids, n, &logits, NULL), KIT_OK);
        memcpy(alone, logits, vocab * sizeof(*alone));
        assert_int_equal(llama_world_feed(i, 1, 1, other, n_other, &logits, NULL), KIT_OK);
        assert_int_equal(plug_instance_seq_copy(i, 0, 2, n - 1, NULL), KIT_OK);
        assert_int_equal(plug_instance_seq_length(i, 2), n - 1);
        plug_instance_seq_end(i, 0);
        assert_int_equal(llama_world_feed(i, 1, 2, &ids[n - 1], 1, &logits, NULL), KIT_OK);
        assert_close(logits, alone, vocab);
        assert_int_equal(plug_instance_seq_trim(i, 2, n - 1, NULL), KIT_OK);
        assert_int_equal(llama_world_feed(i, 1, 2, &ids[n - 1], 1, &logits, NULL), KIT_OK);
        assert_close(logits, alone, vocab);
        plug_instance_close(i);
        plug_model_close(m);
        plug_engine_free(e);
    }
}

TEST(a_full_kv_is_told_and_nothing_is_done)
{
    for (size_t w = 0; w < KIT_COUNT(both); w++) {
        struct plug_engine *e = llama_world_engine();
        struct plug_model *m = llama_world_model(e, GENERATE, "{}", both[w]);
        struct plug_instance *i = llama_world_instance(m, ACB_MODE_GENERATE);
        static int32_t many[LLAMA_STEP_TOKENS];
        float *logits = NULL;
        for (uint32_t k = 0; k < LLAMA_STEP_TOKENS; k++) {
            many[k] = (int32_t)(4 + k % 256);
        }
        assert_int_equal(llama_world_feed(i, 1, 0, many, LLAMA_STEP_TOKENS, &logits, NULL), KIT_OK);
        assert_int_equal(llama_world_feed(i, 1, 1, many, 900, &logits, NULL), KIT_OK);
        assert_int_equal(llama_world_feed(i, 1, 2, many, 200, &logits, NULL), KIT_FULL);
        assert_int_equal(plug_instance_seq_length(i, 2), 0);
        assert_int_equal(plug_instance_seq_length(i, 1), 900);
        plug_instance_seq_end(i, 0);
        assert_int_equal(llama_world_feed(i, 1, 2, many, 200, &logits, NULL), KIT_OK);
        plug_instance_close(i);
        plug_model_close(m);
        plug_engine_free(e);
    }
}

TEST(a_position_that_is_not_the_next_is_refused)
{
    struct plug_engine *e = llama_world_engine();
    struct plug_model *m = llama_world_model(e, GENERATE, "{}", PLUG_IN_PROCESS);
    struct plug_instance *i = llama_world_instance(m, ACB_MODE_GENERATE);
    static const struct {
        uint32_t pos[2];
    } cases[] = {{{1, 2}}, {{0, 2}}, {{0, 0}}, {{UINT32_MAX, 0}}};
    for (size_t k = 0; k < KIT_COUNT(cases); k++) {
        struct acb_step step = {.size = sizeof(step),
                                .cores = 1,
                                .n = 2,
                                .token = (int32_t[]){5, 6},
                                .seq = (uint32_t[]){0, 0},
                                .pos = cases[k].pos,
                                .want = (uint8_t[]){0, 1}};
        float *logits = NULL;
        assert_int_equal(plug_instance_step(i, &step, &logits, NULL), KIT_INVALID);
        assert_int_equal(plug_instance_seq_length(i, 0), 0);
    }
    plug_instance_close(i);
    plug_model_close(m);
    plug_engine_free(e);
}

static void *cancel_soon(void *instance)
{
    (void)usleep(2000);
    plug_instance_cancel(instance);
    return NULL;
}

TEST(a_cancelled_step_ends_and_its_sequence_is_as_long_as_is_told)
{
    for (size_t w = 0; w < KIT_COUNT(both); w++) {
        struct plug_engine *e = llama_world_engine();
        struct plug_model *m = llama_world_model(e, GENERATE, "{\"pass_tokens\":32}", both[w]);
        struct plug_instance *i = llama_world_instance(m, ACB_MODE_GENERATE);
        static int32_t many[LLAMA_STEP_TOKENS];
        float *logits = NULL;
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, cancel_soon, i), 0);
        enum kit_status rc = llama_world_feed(i, 1, 0, many, LLAMA_STEP_TOKENS, &logits, NULL);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_true(rc == KIT_CANCELLED || rc == KIT_OK); /* it may have been faster */
        uint32_t length = plug_instance_seq_length(i, 0);
        assert_true(rc == KIT_OK ? length == LLAMA_STEP_TOKENS : length < LLAMA_STEP_TOKENS && length % 32 == 0);
        assert_int_equal(llama_world_feed(i, 1, 0, many, 1, &logits, NULL), KIT_OK);
        assert_int_equal(plug_instance_seq_length(i, 0), length + 1);
        plug_instance_close(i);
        plug_model_close(m);
        plug_engine_free(e);
    }
}

TEST(a_model_tells_what_it_is)
{
    for (size_t w = 0; w < KIT_COUNT(both); w++) {
        struct plug_engine *e = llama_world_engine();
        struct plug_model *m = llama_world_model(e, GENERATE, "{}", both[w]);
        static const char *const facts[][2] = {
            {"architecture", "llama"},
            {"tasks", "generate"},
            {"name", "tiny"},
            {"license", "mit"},
            {"context_tokens", "512"},
            {"bos_token", "<s>"},
            {"eos_token", "</s>"},
            {"hidden_size", "64"},
            {"chat_template", "{% for m in messages %}<turn>{{ m.content }}{% endfor %}"},
        };
        for (size_t k = 0; k < KIT_COUNT(facts); k++) {
            kit_str said = plug_model_meta(m, facts[k][0]);
            assert_non_null(said.ptr);
            assert_string_equal(said.ptr, facts[k][1]);
        }
        assert_int_equal(plug_model_info(m)->kv_bytes_per_token, 2 * 2 * 32 * 2); /* layers, K and V, width, f16 */
        assert_int_equal(plug_model_info(m)->step_flags, ACB_STEP_TRIM | ACB_STEP_FORK);
        assert_int_equal(plug_model_token_flags(m, 1), ACB_TOKEN_SPECIAL);
        assert_int_equal(plug_model_token_flags(m, 2), ACB_TOKEN_SPECIAL | ACB_TOKEN_END);
        assert_int_equal(plug_model_token_flags(m, 4 + 'a'), ACB_TOKEN_BYTE);
        assert_true(kit_str_eq(plug_model_token(m, 4 + '\n'), kit_str_lit("\n")));
        assert_true(kit_str_eq(plug_model_token(m, 260), kit_str_lit(" the")));
        assert_true(kit_str_eq(plug_model_token(m, 3), kit_str_lit("<turn>")));
        plug_model_close(m);
        plug_engine_free(e);
    }
}

TEST(any_bytes_are_a_text_and_special_tokens_in_it_stay_text)
{
    static const struct {
        const char *text;
        size_t len;
    } texts[] = {{"", 0}, {"</s><turn>", 10}, {"\xff\xfe\xc3", 3}, {"a\0b", 3}, {"\xed\xa0\x80", 3}, {"日本 ü", 9}};
    struct plug_engine *e = llama_world_engine();
    struct plug_model *m = llama_world_model(e, GENERATE, "{}", PLUG_IN_CELL);
    for (size_t k = 0; k < KIT_COUNT(texts); k++) {
        int32_t ids[64];
        uint64_t count = 64;
        kit_str text = {texts[k].text, texts[k].len};
        assert_int_equal(plug_model_tokenize(m, text, 0, ids, &count, NULL), KIT_OK);
        assert_int_equal(count == 0, text.len == 0);
        for (uint64_t t = 0; t < count; t++) {
            assert_int_equal(plug_model_token_flags(m, ids[t]) & ACB_TOKEN_SPECIAL, 0);
        }
    }
    plug_model_close(m);
    plug_engine_free(e);
}

TEST(a_model_in_parts_is_the_same_model)
{
    struct plug_engine *e = llama_world_engine();
    struct plug_model *m = llama_world_model(e, TEST_GGUF "/split", "{}", PLUG_IN_PROCESS);
    struct plug_instance *i = llama_world_instance(m, ACB_MODE_GENERATE);
    struct direct *d = direct_open(GENERATE "/tiny.gguf", 512, 1);
    int32_t ids[64];
    float *logits = NULL;
    uint32_t n = tokenize(m, "hello", ids, 64);
    assert_int_equal(llama_world_feed(i, 1, 0, ids, n, &logits, NULL), KIT_OK);
    assert_close(logits, direct_prefill(d, ids, n), direct_vocab(d));
    direct_close(d);
    plug_instance_close(i);
    plug_model_close(m);
    plug_engine_free(e);
}

TEST(an_adapter_changes_its_own_steps_only)
{
    for (size_t w = 0; w < KIT_COUNT(both); w++) {
        struct plug_engine *e = llama_world_engine();
        struct plug_model *m = llama_world_model(e, GENERATE, "{}", both[w]);
        struct plug_instance *i = llama_world_instance(m, ACB_MODE_GENERATE);
        uint32_t vocab = plug_model_info(m)->vocab_size;
        float without[300], *logits = NULL;
        int32_t ids[3] = {300 % 270, 41, 42};
        void *adapter = NULL;
        struct kit_err err = {0};
        if (plug_model_adapter_open(m, TEST_GGUF "/lora/tiny.gguf", 1, &adapter, &err) != KIT_OK) {
            fail_msg("%s", err.msg);
        }
        for (int round = 0; round < 3; round++) { /* without, with, without */
            struct acb_step step = {.size = sizeof(step),
                                    .cores = 1,
                                    .n = 3,
                                    .token = ids,
                                    .seq = (uint32_t[]){0, 0, 0},
                                    .pos = (uint32_t[]){0, 1, 2},
                                    .want = (uint8_t[]){0, 0, 1},
                                    .adapter = round == 1 ? adapter : NULL};
            assert_int_equal(plug_instance_step(i, &step, &logits, NULL), KIT_OK);
            if (round == 0) {
                memcpy(without, logits, vocab * sizeof(*without));
            } else if (round == 1) {
                assert_memory_not_equal(logits, without, vocab * sizeof(*without));
            } else {
                assert_close(logits, without, vocab);
            }
            plug_instance_seq_end(i, 0);
        }
        plug_model_adapter_close(m, adapter);
        assert_int_equal(plug_model_adapter_open(m, GENERATE "/tiny.gguf", 1, &adapter, &err), KIT_LOAD_FAILED);
        plug_instance_close(i);
        plug_model_close(m);
        plug_engine_free(e);
    }
}

/* --- pooling --- */

static void embed(struct plug_instance *i, const int32_t *ids, const uint64_t *rows, uint64_t count,
                  struct plug_outputs *out)
{
    struct acb_tensor in = {.size = sizeof(in),
                            .dtype = ACB_I32,
                            .rank = 1,
                            .name = "input_ids",
                            .shape = {(int64_t)rows[count]},
                            .data = (void *)(uintptr_t)ids,
                            .bytes = rows[count] * sizeof(*ids),
                            .row_offsets = rows,
                            .rows = count};
    const struct acb_tensor *inputs[] = {&in};
    struct acb_infer infer = {.size = sizeof(infer), .cores = 1, .input_count = 1, .inputs = inputs};
    struct kit_err err = {0};
    if (plug_instance_infer(i, &infer, out, &err) != KIT_OK) {
        fail_msg("%s", err.msg);
    }
}

TEST(rows_are_pooled_alone_as_together)
{
    for (size_t w = 0; w < KIT_COUNT(both); w++) {
        struct plug_engine *e = llama_world_engine();
        struct plug_model *m = llama_world_model(e, EMBED, "{}", both[w]);
        struct plug_instance *i = llama_world_instance(m, ACB_MODE_INFER);
        static const int32_t ids[] = {2, 10, 11, 3, 2, 20, 3, 2, 30, 31, 32, 33, 3};
        static const uint64_t rows[] = {0, 4, 7, 13};
        struct plug_outputs all = {0};
        assert_true(kit_str_eq(plug_model_meta(m, "tasks"), kit_str_lit("embed")));
        assert_true(kit_str_eq(plug_model_meta(m, "pooling"), kit_str_lit("mean")));
        embed(i, ids, rows, 3, &all);
        assert_int_equal(all.tensor[0]->shape[0], 3);
        assert_int_equal(all.tensor[0]->shape[1], 64);
        for (uint64_t r = 0; r < 3; r++) {
            struct plug_outputs one = {0};
            const uint64_t alone[] = {0, rows[r + 1] - rows[r]};
            embed(i, ids + rows[r], alone, 1, &one);
            assert_close((const float *)all.tensor[0]->data + r * 64, one.tensor[0]->data, 64);
            plug_outputs_done(&one);
        }
        plug_outputs_done(&all);
        plug_instance_close(i);
        plug_model_close(m);
        plug_engine_free(e);
    }
}

/* --- what is refused --- */

TEST(a_broken_file_is_refused_by_name_and_the_server_goes_on)
{
    static const struct {
        const char *name, *bytes, *says;
        size_t len;
    } cases[] = {
        {"empty", "", "the file ends", 0},
        {"text", "hello, I am no model at all", "GGUF", 27},
        {"magic", "GGUF", "the file ends", 4},
        {"old", "GGUF\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "version 1", 24},
        {"counts", "GGUF\3\0\0\0\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377", "it says", 24},
    };
    struct plug_engine *e = llama_world_engine();
    const struct acb_plugin *backend = NULL;
    assert_int_equal(plug_engine_choose(e, GENERATE, "llama", &backend, NULL), KIT_OK);
    for (size_t k = 0; k < KIT_COUNT(cases); k++) {
        char path[TEST_PATH_BYTES];
        struct kit_err err = {0};
        struct plug_model *m = NULL;
        (void)test_temp_write(path, "broken/model.gguf", (kit_str){cases[k].bytes, cases[k].len});
        struct plug_model_options o = {.backend = backend, .folder = path, .isolation = PLUG_IN_CELL};
        enum kit_status rc = plug_model_open(e, &o, &m, &err);
        assert_true(rc == KIT_LOAD_FAILED || rc == KIT_UNSUPPORTED);
        if (strstr(err.msg, cases[k].says) == NULL) {
            fail_msg("%s: %s", cases[k].name, err.msg);
        }
    }
    plug_engine_free(e);
}

TEST(the_cost_of_a_model_is_known_before_it_is_loaded)
{
    struct plug_engine *e = llama_world_engine();
    struct plug_model_options o = {.folder = GENERATE};
    uint64_t bytes[KIT_LEDGER_KIND_COUNT];
    assert_int_equal(plug_engine_choose(e, GENERATE, NULL, &o.backend, NULL), KIT_OK);
    assert_string_equal(o.backend->name, "llama");
    assert_int_equal(plug_model_estimate(e, &o, bytes, NULL), KIT_OK);
    assert_true(bytes[KIT_LEDGER_WEIGHTS] > 350000 && bytes[KIT_LEDGER_WEIGHTS] < 380000);
    assert_int_equal(bytes[KIT_LEDGER_KV], 512 * 256);
    plug_engine_free(e);
}

int main(int argc, char **argv)
{
    LLAMA_CELL(argc, argv);
    return TEST_RUN(TEST_OF(logits_are_those_of_llama_cpp),
                    TEST_OF(sequences_do_not_see_each_other_and_a_copy_is_as_good_as_its_source),
                    TEST_OF(a_full_kv_is_told_and_nothing_is_done), TEST_OF(a_position_that_is_not_the_next_is_refused),
                    TEST_OF(a_cancelled_step_ends_and_its_sequence_is_as_long_as_is_told),
                    TEST_OF(a_model_tells_what_it_is), TEST_OF(any_bytes_are_a_text_and_special_tokens_in_it_stay_text),
                    TEST_OF(a_model_in_parts_is_the_same_model), TEST_OF(an_adapter_changes_its_own_steps_only),
                    TEST_OF(rows_are_pooled_alone_as_together),
                    TEST_OF(a_broken_file_is_refused_by_name_and_the_server_goes_on),
                    TEST_OF(the_cost_of_a_model_is_known_before_it_is_loaded));
}
