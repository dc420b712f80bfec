#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "golden.h"
#include "kit/json.h"
#include "variant.h"

#define HIDDEN 32
#define MASK_STEP 5 /* of golden_logits.f32 of a fill-mask head */

static const char *const isas[] = {"scalar", "avx2", "avx512"};

/* A tiny model, what it says of itself, and how its logits look. */
struct model {
    const char *name, *tasks, *labels, *architecture;
    uint32_t width; /* logits of a row or token; 0: the vocabulary */
    bool of_rows;
};

#define TAGS "[\"O\",\"B-PER\",\"I-PER\",\"B-LOC\",\"I-LOC\"]"
#define MOODS "[\"negative\",\"neutral\",\"positive\"]"

static const struct model models[] = {
    {"tiny-bert-fill-mask", "fill-mask,embed", NULL, "bert", 0, false},
    {"tiny-bert-classify", "classify", MOODS, "bert", 3, true},
    {"tiny-bert-rerank", "rerank,classify", "[\"LABEL_0\"]", "bert", 1, true},
    {"tiny-bert-tokens", "token-classify", TAGS, "bert", 5, false},
    {"tiny-bert-answer", "answer", NULL, "bert", 2, false},
    {"tiny-roberta-fill-mask", "fill-mask,embed", NULL, "roberta", 0, false},
    {"tiny-roberta-classify", "classify", MOODS, "roberta", 3, true},
    {"tiny-roberta-tokens", "token-classify", TAGS, "roberta", 5, false},
    {"tiny-roberta-answer", "answer", NULL, "roberta", 2, false},
    {"tiny-distilbert-fill-mask", "fill-mask,embed", NULL, "distilbert", 0, false},
    {"tiny-distilbert-classify", "classify", MOODS, "distilbert", 3, true},
    {"tiny-distilbert-tokens", "token-classify", TAGS, "distilbert", 5, false},
    {"tiny-distilbert-answer", "answer", NULL, "distilbert", 2, false},
};

/* --- golden data of a model, and its copies under other names --- */

struct expected {
    struct golden g;
    float *logits;
    uint64_t floats;
};

static struct expected read_expected(const char *name)
{
    char rows[512], values[512];
    struct expected x = {0};
    snprintf(rows, sizeof(rows), "%s/%s/golden.jsonl", TEST_DATA, name);
    snprintf(values, sizeof(values), "%s/%s/golden.f32", TEST_DATA, name);
    x.g = golden_read(rows, values, HIDDEN);
    assert_int_equal(x.g.floats, (uint64_t)(x.g.tokens + x.g.rows) * HIDDEN);
    snprintf(values, sizeof(values), "%s/%s/golden_logits.f32", TEST_DATA, name);
    x.logits = golden_read_floats(values, &x.floats);
    return x;
}

static void free_expected(struct expected *x)
{
    golden_free(&x->g);
    kit_alloc_free(x->logits);
}

/* Vector by vector, as the limits of the project are stated. */
static void expect_vectors(const float *is, const float *wanted, uint64_t floats, uint32_t width)
{
    for (uint64_t at = 0; at < floats; at += width) {
        assert_true(golden_max_diff(is + at, wanted + at, width) <= 1e-4);
        assert_true(width == 1 || golden_cosine(is + at, wanted + at, width) >= 0.99999);
    }
}

static const float *run(struct engine *e, const struct golden *g, uint32_t cores, const char *output, int64_t count,
                        int64_t width)
{
    struct acb_tensor *t = NULL;
    if (engine_run(e, g, 0, g->rows, cores, output, &t) != ACB_OK) {
        fail_msg("%s: %s", output, e->error);
    }
    assert_true(t->rank == 2 && t->shape[0] == count && t->shape[1] == width);
    return t->data;
}

/* The logits that the golden file has: all, or, of a vocabulary, of some tokens. */
static void check_logits(struct engine *e, const struct model *m, const struct expected *x, uint32_t cores)
{
    const struct golden *g = &x->g;
    if (m->width != 0) {
        uint32_t count = m->of_rows ? g->rows : g->tokens;
        assert_int_equal(x->floats, count * m->width);
        expect_vectors(run(e, g, cores, "logits", count, m->width), x->logits, x->floats, m->width);
        return;
    }
    uint64_t places[256], count = 0;
    struct acb_tensor *t = NULL;
    for (; count * MASK_STEP < g->tokens; count++) {
        places[count] = count * MASK_STEP;
    }
    assert_int_equal(engine_run_places(e, g, cores, "logits", places, count, &t), ACB_OK);
    assert_true(t->shape[0] == (int64_t)count && t->shape[0] * t->shape[1] == (int64_t)x->floats);
    expect_vectors(t->data, x->logits, x->floats, (uint32_t)t->shape[1]);
}

static void check_folder(const char *folder, const char *isa, const struct model *m, const struct expected *x)
{
    struct engine e;
    const struct golden *g = &x->g;
    if (engine_open(&e, folder, isa, 2, 0) != ACB_OK) {
        fail_msg("%s: %s", folder, e.error);
    }
    for (uint32_t cores = 1; cores <= 2; cores++) {
        const float *hidden = run(&e, g, cores, "last_hidden_state", g->tokens, HIDDEN);
        expect_vectors(hidden, g->values, (uint64_t)g->tokens * HIDDEN, HIDDEN);
        const float *pooled = run(&e, g, cores, "pooled", g->rows, HIDDEN);
        expect_vectors(pooled, g->values + g->tokens * HIDDEN, (uint64_t)g->rows * HIDDEN, HIDDEN);
        check_logits(&e, m, x, cores);
        test_host_free_outputs();
    }
    engine_close(&e);
}

TEST(heads_of_each_architecture_equal_transformers)
{
    for (size_t i = 0; i < KIT_COUNT(models); i++) {
        char folder[512];
        struct expected x = read_expected(models[i].name);
        snprintf(folder, sizeof(folder), "%s/%s", TEST_DATA, models[i].name);
        for (size_t k = 0; k < KIT_COUNT(isas); k++) {
            if (engine_has_isa(isas[k])) {
                check_folder(folder, isas[k], &models[i], &x);
            }
        }
        free_expected(&x);
    }
}

TEST(heads_of_a_model_named_as_bert_base_uncased_answer_the_same)
{
    struct expected x = read_expected("tiny-bert-fill-mask");
    check_folder(TEST_DATA "/models/bert-base-uncased", NULL, &models[0], &x);
    free_expected(&x);
}

/* --- what a model says of itself --- */

static void expect_fact(struct engine *e, const char *key, const char *value)
{
    const char *is = e->plugin->meta(e->model, key);
    if (value == NULL) {
        assert_null(is);
    } else {
        assert_non_null(is);
        assert_string_equal(is, value);
    }
}

static void check_facts(struct engine *e, const struct model *m)
{
    struct acb_model_info info = {.size = sizeof(info)};
    assert_int_equal(e->plugin->describe(e->model, &info), ACB_OK);
    expect_fact(e, "tasks", m->tasks);
    expect_fact(e, "labels", m->labels);
    expect_fact(e, "architecture", m->architecture);
    expect_fact(e, "problem_type", NULL);
    expect_fact(e, "pooling", "mean");
    expect_fact(e, "context_tokens", "64");
    assert_int_equal(info.input_count, strcmp(m->architecture, "bert") == 0 ? 3 : 2);
    assert_int_equal(info.row_tokens_max, 64);
    assert_int_equal(info.output_count, 3);
    assert_string_equal(info.outputs[2]->name, "logits");
    assert_int_equal(info.outputs[2]->flags, m->of_rows ? 0 : ACB_PORT_RAGGED);
    assert_int_equal(info.outputs[2]->shape[0], -1);
    assert_int_equal(info.outputs[2]->shape[1], m->width != 0 ? m->width : info.vocab_size);
}

TEST(heads_state_their_tasks_labels_and_ports)
{
    for (size_t i = 0; i < KIT_COUNT(models); i++) {
        char folder[512];
        struct engine e;
        snprintf(folder, sizeof(folder), "%s/%s", TEST_DATA, models[i].name);
        assert_int_equal(engine_open(&e, folder, NULL, 1, 0), ACB_OK);
        check_facts(&e, &models[i]);
        engine_close(&e);
    }
}

/* --- variants --- */

#define W "model.safetensors"
#define ARCHITECTURES(class) "\"architectures\": [\n    \"" class "\"\n  ],"

/* What a copy of a model with one edit says of a fact. */
struct fact {
    const char *model;
    struct variant_edit edit;
    const char *key, *value;
};

static const struct fact facts[] = {
    /* without architectures the tensors tell */
    {"tiny-bert-fill-mask", {"config.json", ARCHITECTURES("BertForMaskedLM"), ""}, "tasks", "fill-mask,embed"},
    {"tiny-bert-tokens", {"config.json", ARCHITECTURES("BertForTokenClassification"), ""}, "tasks", "token-classify"},
    {"tiny-bert-classify", {"config.json", ARCHITECTURES("BertForSequenceClassification"), ""}, "tasks", "classify"},
    {"tiny-bert-answer", {"config.json", ARCHITECTURES("BertForQuestionAnswering"), ""}, "tasks", "answer"},
    {"tiny-roberta-classify",
     {"config.json", ARCHITECTURES("RobertaForSequenceClassification"), ""},
     "tasks",
     "classify"},
    {"tiny-distilbert-classify",
     {"config.json", ARCHITECTURES("DistilBertForSequenceClassification"), ""},
     "tasks",
     "classify"},
    {"tiny-distilbert-tokens",
     {"config.json", ARCHITECTURES("DistilBertForTokenClassification"), ""},
     "tasks",
     "token-classify"},
    /* a plain encoder stays one, whatever else its file holds */
    {"tiny-bert-fill-mask", {"config.json", "BertForMaskedLM", "BertModel"}, "tasks", "embed"},
    {"tiny-bert-classify", {"config.json", "BertForSequenceClassification", "BertForMultipleChoice"}, "tasks", "embed"},
    {"tiny-bert-fill-mask", {"config.json", "BertForMaskedLM", "BertForPreTraining"}, "tasks", "fill-mask,embed"},
    /* a masked model whose head was left out embeds */
    {"tiny-roberta-fill-mask", {W, "lm_head.dense.weight", "lm_head.dense.weighs"}, "tasks", "embed"},
    /* RoBERTa's other names */
    {"tiny-roberta-answer", {"config.json", "\"roberta\"", "\"xlm-roberta\""}, "architecture", "xlm-roberta"},
    {"tiny-roberta-answer", {"config.json", "\"roberta\"", "\"camembert\""}, "architecture", "camembert"},
    /* labels and what they mean */
    {"tiny-bert-classify",
     {"config.json", "\"id2label\"", "\"id2name\""},
     "labels",
     "[\"LABEL_0\",\"LABEL_1\",\"LABEL_2\"]"},
    {"tiny-bert-classify",
     {"config.json", "\"neutral\"", "\"\\u00fc \\\"b\\\"\""},
     "labels",
     "[\"negative\",\"\xC3\xBC \\\"b\\\"\",\"positive\"]"},
    {"tiny-bert-classify",
     {"config.json", "\"model_type\"", "\"problem_type\": \"multi_label_classification\", \"model_type\""},
     "problem_type",
     "multi_label_classification"},
    {"tiny-bert-classify",
     {"config.json", "\"model_type\"", "\"problem_type\": \"guess\", \"model_type\""},
     "problem_type",
     NULL},
};

TEST(heads_come_from_the_configuration_or_else_from_the_tensors)
{
    for (size_t i = 0; i < KIT_COUNT(facts); i++) {
        char name[32], folder[TEST_PATH_BYTES];
        struct engine e;
        snprintf(name, sizeof(name), "fact%zu", i);
        variant_of(folder, facts[i].model, name, &facts[i].edit, 1);
        if (engine_open(&e, folder, NULL, 1, 0) != ACB_OK) {
            fail_msg("fact %zu: %s", i, e.error);
        }
        const char *is = e.plugin->meta(e.model, facts[i].key);
        if (facts[i].value == NULL ? is != NULL : is == NULL || strcmp(is, facts[i].value) != 0) {
            fail_msg("fact %zu: %s is %s", i, facts[i].key, is != NULL ? is : "nothing");
        }
        engine_close(&e);
    }
}

/* Names that differ from the golden model's, with the same answers. */
static void check_renamed(const char *model, const char *name, const struct variant_edit *edits, size_t count)
{
    char folder[TEST_PATH_BYTES];
    struct expected x = read_expected(model);
    const struct model *m = models;
    while (strcmp(m->name, model) != 0) {
        m++;
    }
    check_folder(variant_of(folder, model, name, edits, count), NULL, m, &x);
    free_expected(&x);
}

TEST(heads_are_found_under_their_other_names)
{
    const struct variant_edit mask[] = {{W, "cls.predictions.bias", "cls.predictions.decoder.bias"},
                                        {W, "LayerNorm.weight", "LayerNorm.gamma"},
                                        {W, "LayerNorm.bias", "LayerNorm.beta"}};
    const struct variant_edit roberta[] = {{W, "lm_head.bias", "lm_head.decoder.bias"}};
    const struct variant_edit bare[] = {{W, "bert.pooler.", "pooler."}, {W, "bert.encoder.", "encoder."}};
    const struct variant_edit distil[] = {{W, "distilbert.transformer.", "transformer."}};
    check_renamed("tiny-bert-fill-mask", "mask-names", mask, KIT_COUNT(mask));
    check_renamed("tiny-roberta-fill-mask", "roberta-names", roberta, KIT_COUNT(roberta));
    check_renamed("tiny-bert-classify", "bare-names", bare, KIT_COUNT(bare));
    check_renamed("tiny-distilbert-answer", "distil-names", distil, KIT_COUNT(distil));
}

struct bad {
    const char *model;
    struct variant_edit edit;
    int32_t status;
    const char *word;
};

static const struct bad bads[] = {
    {"tiny-bert-classify", {W, "\"classifier.weight", "\"classifier.weighs"}, ACB_CORRUPT, "classifier.weight"},
    {"tiny-bert-classify", {W, "bert.pooler.dense.bias", "bert.pooler.dense.bia"}, ACB_CORRUPT, "pooler.dense.bias"},
    {"tiny-bert-classify", {W, "[3,32]", "[32,3]"}, ACB_CORRUPT, "classifier.weight"},
    {"tiny-bert-classify", {W, "[3]", "[1,3]"}, ACB_CORRUPT, "classifier.bias"},
    {"tiny-bert-classify", {"config.json", "\"2\": \"positive\"", "\"3\": \"positive\""}, ACB_CORRUPT, "label '3'"},
    {"tiny-bert-classify", {"config.json", "\"2\": \"positive\"", "\"1\": \"positive\""}, ACB_CORRUPT, "label 2"},
    {"tiny-bert-classify", {"config.json", "\"positive\"", "7"}, ACB_CORRUPT, "label 2"},
    {"tiny-bert-answer", {W, "\"qa_outputs.bias", "\"qa_output.bias"}, ACB_CORRUPT, "qa_outputs.bias"},
    {"tiny-bert-fill-mask",
     {W, "transform.LayerNorm.bias", "transform.LayerNorm.bia"},
     ACB_CORRUPT,
     "transform.LayerNorm.bias"},
    {"tiny-bert-fill-mask",
     {W, "cls.predictions.bias", "cls.predictions.bia"},
     ACB_CORRUPT,
     "cls.predictions.decoder.bias"},
    {"tiny-bert-fill-mask",
     {"config.json", "\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false"},
     ACB_CORRUPT,
     "cls.predictions.decoder.weight"},
    {"tiny-roberta-tokens",
     {"config.json", "\"max_position_embeddings\": 66", "\"max_position_embeddings\": 2"},
     ACB_CORRUPT,
     "max_position_embeddings"},
    {"tiny-roberta-tokens",
     {"config.json", "\"pad_token_id\": 1", "\"pad_token_id\": 100000"},
     ACB_CORRUPT,
     "pad_token_id"},
    {"tiny-roberta-tokens",
     {"config.json", "\"pad_token_id\": 1", "\"pad_token_id\": -1"},
     ACB_CORRUPT,
     "pad_token_id"},
    {"tiny-distilbert-tokens",
     {"config.json", "\"n_layers\": 2", "\"n_layers\": 3"},
     ACB_CORRUPT,
     "transformer.layer.2."},
};

TEST(heads_that_do_not_fit_are_refused_by_name)
{
    uint64_t blocks = kit_alloc_count();
    for (size_t i = 0; i < KIT_COUNT(bads); i++) {
        char name[32], folder[TEST_PATH_BYTES];
        struct engine e;
        snprintf(name, sizeof(name), "bad-head%zu", i);
        variant_of(folder, bads[i].model, name, &bads[i].edit, 1);
        int32_t rc = engine_open(&e, folder, NULL, 1, 0);
        if (rc != bads[i].status || strstr(e.error, bads[i].word) == NULL) {
            fail_msg("model %zu: status %d, '%s'", i, (int)rc, e.error);
        }
        assert_null(e.model);
    }
    assert_int_equal(kit_alloc_count(), blocks);
}

/* --- calls --- */

TEST(heads_give_the_wanted_rows_in_the_wanted_order)
{
    struct engine e;
    struct acb_tensor *t = NULL;
    struct expected x = read_expected("tiny-bert-classify");
    const uint64_t places[] = {8, 0, 0, 3};
    assert_int_equal(engine_open(&e, TEST_DATA "/tiny-bert-classify", NULL, 2, 0), ACB_OK);
    assert_int_equal(engine_run_places(&e, &x.g, 2, "logits", places, KIT_COUNT(places), &t), ACB_OK);
    assert_true(t->shape[0] == KIT_COUNT(places) && t->shape[1] == 3);
    for (size_t i = 0; i < KIT_COUNT(places); i++) {
        expect_vectors((const float *)t->data + i * 3, x.logits + places[i] * 3, 3, 3);
    }
    assert_int_equal(engine_run_places(&e, &x.g, 2, "pooled", places, KIT_COUNT(places), &t), ACB_OK);
    for (size_t i = 0; i < KIT_COUNT(places); i++) {
        expect_vectors((const float *)t->data + i * HIDDEN, x.g.values + (x.g.tokens + places[i]) * HIDDEN, HIDDEN,
                       HIDDEN);
    }
    assert_int_equal(engine_run_places(&e, &x.g, 2, "logits", &(uint64_t){x.g.rows}, 1, &t), ACB_INVALID);
    assert_non_null(strstr(e.error, "logits"));
    test_host_free_outputs();
    engine_close(&e);
    free_expected(&x);
}

TEST(heads_without_types_refuse_them)
{
    static const char *const folders[] = {TEST_DATA "/tiny-roberta-tokens", TEST_DATA "/tiny-distilbert-tokens"};
    for (size_t i = 0; i < KIT_COUNT(folders); i++) {
        struct engine e;
        struct acb_tensor *t = NULL;
        struct expected x = read_expected(i == 0 ? "tiny-roberta-tokens" : "tiny-distilbert-tokens");
        x.g.has_types = true;
        assert_int_equal(engine_open(&e, folders[i], NULL, 1, 0), ACB_OK);
        assert_int_equal(engine_run(&e, &x.g, 0, 1, 1, "logits", &t), ACB_INVALID);
        assert_non_null(strstr(e.error, "token_type_ids"));
        engine_close(&e);
        free_expected(&x);
    }
}

/* A row that is longer than RoBERTa's positions leave it, although its table has as many rows. */
TEST(heads_of_roberta_count_positions_from_behind_the_padding)
{
    struct engine e;
    int32_t ids[65];
    int64_t tokens = 65;
    struct acb_tensor *t = NULL;
    for (size_t i = 0; i < KIT_COUNT(ids); i++) {
        ids[i] = 5;
    }
    struct acb_tensor in = test_host_tensor("input_ids", ACB_I32, 1, &tokens, ids);
    struct acb_want want = {.size = sizeof(want), .name = "pooled"};
    in.row_offsets = (const uint64_t[]){0, 65};
    in.rows = 1;
    struct acb_infer infer = {.size = sizeof(infer),
                              .cores = 1,
                              .input_count = 1,
                              .want_count = 1,
                              .inputs = (const struct acb_tensor *const[]){&in},
                              .wants = (const struct acb_want *const[]){&want}};
    assert_int_equal(engine_open(&e, TEST_DATA "/tiny-roberta-answer", NULL, 1, 0), ACB_OK);
    assert_int_equal(engine_infer(&e, &infer, &t), ACB_INVALID);
    assert_non_null(strstr(e.error, "64 positions"));
    engine_close(&e);
}

/* --- pooling --- */

static double pool(const char *how, const float *x, uint64_t n, uint32_t i)
{
    double sum = 0, top = x[i];
    for (uint64_t t = 0; t < n; t++) {
        sum += x[t * HIDDEN + i];
        top = fmax(top, x[t * HIDDEN + i]);
    }
    return strcmp(how, "cls") == 0 ? x[i] : strcmp(how, "max") == 0 ? top : sum / (double)n;
}

static void check_pooling(const char *model, const char *how)
{
    char name[64], folder[TEST_PATH_BYTES];
    struct engine e;
    struct expected x = read_expected(model);
    snprintf(name, sizeof(name), "%s-%s", model, how);
    variant_of(folder, model, name, NULL, 0);
    variant_add_pooling(name, how);
    assert_int_equal(engine_open(&e, folder, NULL, 2, 0), ACB_OK);
    assert_string_equal(e.plugin->meta(e.model, "pooling"), how);
    assert_string_equal(e.plugin->meta(e.model, "tasks"), "embed,fill-mask");
    const float *pooled = run(&e, &x.g, 2, "pooled", x.g.rows, HIDDEN);
    for (uint32_t r = 0; r < x.g.rows; r++) {
        uint64_t n = x.g.row_offsets[r + 1] - x.g.row_offsets[r];
        for (uint32_t i = 0; i < HIDDEN; i++) {
            double wanted = pool(how, x.g.values + x.g.row_offsets[r] * HIDDEN, n, i);
            assert_true(fabs(pooled[r * HIDDEN + i] - wanted) <= 1e-4);
        }
    }
    test_host_free_outputs();
    engine_close(&e);
    free_expected(&x);
}

TEST(heads_beside_a_pooling_embed_first_on_each_architecture)
{
    static const char *const names[] = {"tiny-bert-fill-mask", "tiny-roberta-fill-mask", "tiny-distilbert-fill-mask"};
    static const char *const ways[] = {"cls", "mean", "max"};
    for (size_t i = 0; i < KIT_COUNT(names) * KIT_COUNT(ways); i++) {
        check_pooling(names[i % KIT_COUNT(names)], ways[i / KIT_COUNT(names)]);
    }
}

/* --- the worst of times --- */

TEST(heads_survive_each_failed_alloc)
{
    uint64_t blocks = kit_alloc_count();
    struct expected x = read_expected("tiny-bert-classify");
    TEST_ALLOC_SWEEP(n) {
        struct engine e;
        struct acb_tensor *t = NULL;
        int32_t rc = engine_open(&e, TEST_DATA "/tiny-bert-classify", NULL, 1, 0);
        if (rc == ACB_OK) {
            rc = engine_run(&e, &x.g, 0, 3, 1, "logits", &t);
        }
        assert_true(rc == ACB_OK || rc == ACB_NOMEM);
        test_host_free_outputs();
        engine_close(&e);
    }
    free_expected(&x);
    assert_int_equal(kit_alloc_count(), blocks);
}

int main(void)
{
    test_host_start(2);
    int failed = TEST_RUN(
        TEST_OF(heads_of_each_architecture_equal_transformers),
        TEST_OF(heads_of_a_model_named_as_bert_base_uncased_answer_the_same),
        TEST_OF(heads_state_their_tasks_labels_and_ports),
        TEST_OF(heads_come_from_the_configuration_or_else_from_the_tensors),
        TEST_OF(heads_are_found_under_their_other_names), TEST_OF(heads_that_do_not_fit_are_refused_by_name),
        TEST_OF(heads_give_the_wanted_rows_in_the_wanted_order), TEST_OF(heads_without_types_refuse_them),
        TEST_OF(heads_of_roberta_count_positions_from_behind_the_padding),
        TEST_OF(heads_beside_a_pooling_embed_first_on_each_architecture), TEST_OF(heads_survive_each_failed_alloc));
    test_host_stop();
    return failed;
}
