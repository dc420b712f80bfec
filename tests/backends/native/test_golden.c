#include <math.h>
#include <stdio.h>

#include "golden.h"
#include "kit/file.h"
#include "support/temp.h"

#define TINY TEST_DATA "/tiny-bert"
#define TINY_HIDDEN 32
#define MINILM_HIDDEN 384

static const char *const isas[] = {"scalar", "avx2", "avx512"};

#if defined(__SANITIZE_THREAD__)
#define MINILM_ROWS 40u /* each access costs many times as much */
#else
#define MINILM_ROWS 200u
#endif

/* --- tiny models --- */

static void check_tiny(struct engine *e, const struct golden *g, uint32_t cores, double limit)
{
    struct acb_tensor *hidden = NULL;
    struct acb_tensor *pooled = NULL;
    assert_int_equal(engine_run(e, g, 0, g->rows, cores, "last_hidden_state", &hidden), ACB_OK);
    assert_int_equal(engine_run(e, g, 0, g->rows, cores, "pooled", &pooled), ACB_OK);
    assert_int_equal(hidden->shape[0], g->tokens);
    assert_int_equal(pooled->shape[0], g->rows);
    assert_true(golden_max_diff(hidden->data, g->values, (uint64_t)g->tokens * g->hidden) < limit);
    assert_true(golden_max_diff(pooled->data, g->values + g->tokens * g->hidden, (uint64_t)g->rows * g->hidden) <
                limit);
    test_host_free_outputs();
}

static void check_folder(const char *folder, const char *rows, const char *values)
{
    struct golden g = golden_read(rows, values, TINY_HIDDEN);
    assert_int_equal(g.floats, (uint64_t)(g.tokens + g.rows) * g.hidden);
    for (size_t i = 0; i < KIT_COUNT(isas); i++) {
        struct engine e;
        if (!engine_has_isa(isas[i])) {
            continue;
        }
        assert_int_equal(engine_open(&e, folder, isas[i], 2, 0), ACB_OK);
        assert_string_equal(e.plugin->meta(e.model, "isa"), isas[i]);
        check_tiny(&e, &g, 1, 2e-5);
        check_tiny(&e, &g, 2, 2e-5);
        engine_close(&e);
    }
    golden_free(&g);
}

TEST(golden_tiny_bert_in_float32_equals_transformers)
{
    check_folder(TINY, TINY "/golden.jsonl", TINY "/golden.f32");
}

TEST(golden_tiny_bert_in_float16_equals_transformers)
{
    check_folder(TINY "/f16", TINY "/f16/golden.jsonl", TINY "/f16/golden.f32");
}

TEST(golden_tiny_bert_in_bfloat16_equals_transformers)
{
    check_folder(TINY "/bf16", TINY "/bf16/golden.jsonl", TINY "/bf16/golden.f32");
}

/* --- MiniLM --- */

static void check_minilm(const char *folder, const char *isa, const struct golden *g)
{
    struct engine e;
    struct acb_tensor *pooled = NULL;
    double worst = 0, cosine = 1;
    assert_int_equal(engine_open(&e, folder, isa, 2, 0), ACB_OK);
    assert_int_equal(engine_run(&e, g, 0, MINILM_ROWS, 2, "pooled", &pooled), ACB_OK);
    const float *vectors = pooled->data;
    for (uint32_t r = 0; r < MINILM_ROWS; r++) {
        const float *wanted = g->values + r * MINILM_HIDDEN;
        cosine = fmin(cosine, golden_cosine(vectors + r * MINILM_HIDDEN, wanted, MINILM_HIDDEN));
        worst = fmax(worst, golden_max_diff(vectors + r * MINILM_HIDDEN, wanted, MINILM_HIDDEN));
    }
    printf("[   NOTE   ] %s: least cosine %.8f, largest difference %.2e\n", isa, cosine, worst);
    assert_true(cosine >= 0.99999);
    assert_true(worst <= 1e-4);
    test_host_free_outputs();
    engine_close(&e);
}

TEST(golden_minilm_equals_sentence_transformers)
{
    const char *folder = golden_model_folder("all-MiniLM-L6-v2");
    if (folder == NULL) {
        skip();
    }
    struct golden g = golden_read(TEST_DATA "/embed/texts.jsonl", TEST_DATA "/embed/minilm.f32", MINILM_HIDDEN);
    assert_int_equal(g.rows, 200);
    assert_int_equal(g.floats, (uint64_t)g.rows * MINILM_HIDDEN);
    for (size_t i = 0; i < KIT_COUNT(isas); i++) {
        if (engine_has_isa(isas[i])) {
            check_minilm(folder, isas[i], &g);
        }
    }
    golden_free(&g);
}

int main(void)
{
    test_host_start(2);
    int failed = TEST_RUN(TEST_OF(golden_tiny_bert_in_float32_equals_transformers),
                          TEST_OF(golden_tiny_bert_in_float16_equals_transformers),
                          TEST_OF(golden_tiny_bert_in_bfloat16_equals_transformers),
                          TEST_OF(golden_minilm_equals_sentence_transformers));
    test_host_stop();
    return failed;
}
