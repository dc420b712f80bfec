#include <math.h>
#include <stdio.h>

#include "golden.h"
#include "kit/sync.h"
#include "variant.h"

#define TINY TEST_DATA "/tiny-bert"
#define HIDDEN 32
#define LIMIT 2e-6

/* One tiny model with its golden rows, opened for each test. */
struct world {
    struct engine e;
    struct golden g;
};

static struct world open_world(const char *folder, uint32_t cores)
{
    struct world w = {.g = golden_read(TINY "/golden.jsonl", TINY "/golden.f32", HIDDEN)};
    assert_int_equal(engine_open(&w.e, folder, NULL, cores, 0), ACB_OK);
    return w;
}

static void close_world(struct world *w)
{
    test_host_free_outputs();
    engine_close(&w->e);
    golden_free(&w->g);
}

static const float *run(struct world *w, uint32_t from, uint32_t to, uint32_t cores, const char *output)
{
    struct acb_tensor *t = NULL;
    assert_int_equal(engine_run(&w->e, &w->g, from, to, cores, output, &t), ACB_OK);
    return t->data;
}

/* --- one model, many ways to ask --- */

TEST(infer_answers_the_same_one_by_one_together_and_on_any_cores)
{
    struct world w = open_world(TINY, 2);
    const float *all = run(&w, 0, w.g.rows, 1, "last_hidden_state");
    const float *two = run(&w, 0, w.g.rows, 2, "last_hidden_state");
    assert_true(golden_max_diff(all, two, (uint64_t)w.g.tokens * HIDDEN) <= LIMIT);
    for (uint32_t r = 0; r < w.g.rows; r++) {
        uint64_t n = (w.g.row_offsets[r + 1] - w.g.row_offsets[r]) * HIDDEN;
        const float *one = run(&w, r, r + 1, 1 + r % 2, "last_hidden_state");
        assert_true(golden_max_diff(one, all + w.g.row_offsets[r] * HIDDEN, n) <= LIMIT);
    }
    close_world(&w);
}

/* The golden rows as [rows, 64], the mask in front of or behind them; -7 where nobody may look. */
struct dense {
    int64_t shape[2];
    int64_t *ids, *types, *mask;
};

static struct dense make_dense(const struct golden *g)
{
    struct dense d = {.shape = {g->rows, 64}};
    size_t n = (size_t)g->rows * 64;
    d.ids = kit_alloc_array(n, sizeof(int64_t));
    d.types = kit_alloc_array(n, sizeof(int64_t));
    d.mask = kit_alloc_array(n, sizeof(int64_t));
    for (size_t i = 0; i < n; i++) {
        uint64_t at = g->row_offsets[i / 64] + i % 64;
        bool is_token = at < g->row_offsets[i / 64 + 1];
        d.ids[i] = is_token ? g->ids[at] : -7;
        d.types[i] = is_token ? g->types[at] : -7;
        d.mask[i] = is_token;
    }
    return d;
}

static void free_dense(struct dense *d)
{
    kit_alloc_free(d->ids);
    kit_alloc_free(d->types);
    kit_alloc_free(d->mask);
}

static int32_t run_dense(struct world *w, const struct dense *d, const char *output, struct acb_tensor **ret)
{
    struct acb_tensor ids = test_host_tensor("input_ids", ACB_I64, 2, d->shape, d->ids);
    struct acb_tensor types = test_host_tensor("token_type_ids", ACB_I64, 2, d->shape, d->types);
    struct acb_tensor mask = test_host_tensor("attention_mask", ACB_I64, 2, d->shape, d->mask);
    struct acb_want want = {.size = sizeof(want), .name = output};
    struct acb_infer infer = {.size = sizeof(infer),
                              .cores = 2,
                              .input_count = 3,
                              .want_count = 1,
                              .inputs = (const struct acb_tensor *const[]){&mask, &ids, &types},
                              .wants = (const struct acb_want *const[]){&want}};
    return engine_infer(&w->e, &infer, ret);
}

TEST(infer_takes_dense_rows_with_a_mask_and_answers_like_ragged)
{
    struct world w = open_world(TINY, 2);
    struct dense d = make_dense(&w.g);
    struct acb_tensor *hidden = NULL, *pooled = NULL;
    const float *ragged = run(&w, 0, w.g.rows, 2, "last_hidden_state");
    const float *vectors = run(&w, 0, w.g.rows, 2, "pooled");
    assert_int_equal(run_dense(&w, &d, "last_hidden_state", &hidden), ACB_OK);
    assert_int_equal(run_dense(&w, &d, "pooled", &pooled), ACB_OK);
    assert_true(hidden->rank == 3 && hidden->shape[0] == w.g.rows && hidden->shape[1] == 64 && hidden->shape[2] == HIDDEN);
    for (uint32_t r = 0; r < w.g.rows; r++) {
        uint64_t n = w.g.row_offsets[r + 1] - w.g.row_offsets[r];
        const float *row = (const float *)hidden->data + (size_t)r * 64 * HIDDEN;
        assert_true(golden_max_diff(row, ragged + w.g.row_offsets[r] * HIDDEN, n * HIDDEN) <= LIMIT);
        for (uint64_t i = n * HIDDEN; i < 64 * HIDDEN; i++) {
            assert_true(row[i] == 0);
        }
    }
    assert_true(golden_max_diff(pooled->data, vectors, (uint64_t)w.g.rows * HIDDEN) <= LIMIT);
    free_dense(&d);
    close_world(&w);
}

TEST(infer_leaves_a_masked_place_out_but_keeps_the_positions)
{
    struct world w = open_world(TINY, 1);
    struct dense d = make_dense(&w.g);
    struct acb_tensor *with = NULL, *without = NULL;
    const uint32_t row = 12; /* of 32 tokens */
    d.shape[0] = 1;
    memmove(d.ids, d.ids + row * 64, 64 * sizeof(int64_t));
    memmove(d.types, d.types + row * 64, 64 * sizeof(int64_t));
    memmove(d.mask, d.mask + row * 64, 64 * sizeof(int64_t));
    assert_int_equal(run_dense(&w, &d, "pooled", &with), ACB_OK);
    d.mask[5] = 0;
    assert_int_equal(run_dense(&w, &d, "pooled", &without), ACB_OK);
    assert_true(golden_max_diff(with->data, without->data, HIDDEN) > 1e-4);
    const float *expected = without->data;
    d.ids[5] = -1;
    assert_int_equal(run_dense(&w, &d, "pooled", &with), ACB_OK);
    assert_true(golden_max_diff(with->data, expected, HIDDEN) == 0);
    memmove(d.ids + 5, d.ids + 6, 58 * sizeof(int64_t)); /* closed up: the positions move */
    memmove(d.types + 5, d.types + 6, 58 * sizeof(int64_t));
    d.mask[5] = 1;
    d.mask[31] = 0;
    assert_int_equal(run_dense(&w, &d, "pooled", &with), ACB_OK);
    assert_true(golden_max_diff(with->data, expected, HIDDEN) > 1e-4);
    free_dense(&d);
    close_world(&w);
}

/* --- outputs --- */

static int32_t run_wants(struct world *w, uint32_t count, const struct acb_want *const *wants, struct acb_tensor **ret)
{
    int64_t tokens = w->g.tokens;
    struct acb_tensor ids = test_host_tensor("input_ids", ACB_I32, 1, &tokens, w->g.ids);
    struct acb_tensor types = test_host_tensor("token_type_ids", ACB_I32, 1, &tokens, w->g.types);
    ids.row_offsets = w->g.row_offsets;
    ids.rows = w->g.rows;
    struct acb_infer infer = {.size = sizeof(infer),
                              .cores = 2,
                              .input_count = 2,
                              .want_count = count,
                              .inputs = (const struct acb_tensor *const[]){&ids, &types},
                              .wants = wants};
    return engine_infer(&w->e, &infer, ret);
}

TEST(infer_gives_the_wanted_places_in_the_wanted_order)
{
    struct world w = open_world(TINY, 2);
    const float *all = run(&w, 0, w.g.rows, 1, "last_hidden_state");
    const uint64_t rows[] = {100, 0, 7, 100, w.g.tokens - 1, 3};
    const struct acb_want some = {
        .size = sizeof(some), .name = "last_hidden_state", .rows = rows, .row_count = KIT_COUNT(rows)};
    const struct acb_want none = {.size = sizeof(none), .name = "last_hidden_state", .rows = rows, .row_count = 0};
    const struct acb_want pooled = {.size = sizeof(pooled), .name = "pooled"};
    struct acb_tensor *ret[3] = {NULL};
    assert_int_equal(run_wants(&w, 3, (const struct acb_want *const[]){&some, &pooled, &none}, ret), ACB_OK);
    assert_true(ret[0]->rank == 2 && ret[0]->shape[0] == KIT_COUNT(rows) && ret[0]->shape[1] == HIDDEN);
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        const float *row = (const float *)ret[0]->data + i * HIDDEN;
        assert_true(golden_max_diff(row, all + rows[i] * HIDDEN, HIDDEN) <= LIMIT);
    }
    assert_string_equal(ret[1]->name, "pooled");
    assert_int_equal(ret[2]->shape[0], 0);
    close_world(&w);
}

TEST(infer_refuses_outputs_that_are_not_there)
{
    struct world w = open_world(TINY, 1);
    const uint64_t beyond[] = {0, w.g.tokens};
    const struct acb_want bad[] = {
        {.size = sizeof(bad[0]), .name = "logits"},
        {.size = sizeof(bad[0]), .name = "last_hidden_state", .rows = beyond, .row_count = 2},
        {.size = sizeof(bad[0]), .name = "pooled", .rows = beyond, .row_count = 1},
    };
    const int32_t status[] = {ACB_NOT_FOUND, ACB_INVALID, ACB_INVALID};
    struct acb_tensor *ret = NULL;
    for (size_t i = 0; i < KIT_COUNT(bad); i++) {
        assert_int_equal(run_wants(&w, 1, (const struct acb_want *const[]){&bad[i]}, &ret), status[i]);
        assert_non_null(strstr(w.e.error, bad[i].name));
        assert_null(ret);
    }
    assert_int_equal(run_wants(&w, 0, NULL, &ret), ACB_OK);
    close_world(&w);
}

TEST(infer_gives_zero_for_rows_without_tokens)
{
    struct world w = open_world(TINY, 2);
    const uint64_t offsets[] = {0, 0, 5, 5};
    int64_t tokens = 5;
    struct acb_tensor *ret = NULL;
    struct acb_tensor ids = test_host_tensor("input_ids", ACB_I32, 1, &tokens, w.g.ids);
    struct acb_want want = {.size = sizeof(want), .name = "pooled"};
    ids.row_offsets = offsets;
    ids.rows = 3;
    struct acb_infer infer = {.size = sizeof(infer),
                              .cores = 2,
                              .input_count = 1,
                              .want_count = 1,
                              .inputs = (const struct acb_tensor *const[]){&ids},
                              .wants = (const struct acb_want *const[]){&want}};
    assert_int_equal(engine_infer(&w.e, &infer, &ret), ACB_OK);
    const float *x = ret->data;
    for (uint32_t i = 0; i < HIDDEN; i++) {
        assert_true(x[i] == 0 && x[2 * HIDDEN + i] == 0);
    }
    assert_true(fabs(golden_cosine(x + HIDDEN, x + HIDDEN, HIDDEN) - 1) < 1e-6);
    tokens = 0;
    ids = test_host_tensor("input_ids", ACB_I32, 1, &tokens, NULL);
    ids.row_offsets = (const uint64_t[]){0};
    assert_int_equal(engine_infer(&w.e, &infer, &ret), ACB_OK);
    assert_int_equal(ret->shape[0], 0);
    close_world(&w);
}

/* --- variants of the model --- */

static void check_act(const char *act, const char *golden)
{
    char folder[TEST_PATH_BYTES];
    char quoted[32];
    struct engine e;
    struct acb_tensor *hidden = NULL;
    struct golden g = golden_read(TINY "/golden.jsonl", golden, HIDDEN);
    snprintf(quoted, sizeof(quoted), "\"%s\"", act);
    variant_make(folder, act, &(struct variant_edit){"config.json", "\"gelu\"", quoted}, 1);
    assert_int_equal(engine_open(&e, folder, NULL, 2, 0), ACB_OK);
    assert_int_equal(engine_run(&e, &g, 0, g.rows, 2, "last_hidden_state", &hidden), ACB_OK);
    assert_true(golden_max_diff(hidden->data, g.values, (uint64_t)g.tokens * HIDDEN) < 2e-5);
    test_host_free_outputs();
    engine_close(&e);
    golden_free(&g);
}

TEST(infer_with_other_activations_equals_transformers)
{
    check_act("gelu_new", TINY "/golden_gelu_new.f32");
    check_act("relu", TINY "/golden_relu.f32");
}

static void check_pooling(const char *name, const char *flag, double (*pool)(const float *x, uint64_t n, uint32_t i))
{
    char folder[TEST_PATH_BYTES];
    const struct variant_edit edits[] = {
        {"1_Pooling/config.json", "\"pooling_mode_mean_tokens\": true", "\"pooling_mode_mean_tokens\": false"},
        {"1_Pooling/config.json", flag, "\"pooling_mode\": null, \"prompt\": null"},
        {"1_Pooling/config.json", "\"word_embedding_dimension\"", "\"pooling_mode\": \"max\", \"word_embedding_dimension\""},
        {"modules.json", "2_Normalize\"", "2_Normalize\""},
    };
    variant_make(folder, name, edits, KIT_COUNT(edits));
    (void)pool;
}

static double pool_cls(const float *x, uint64_t n, uint32_t i)
{
    (void)n;
    return x[i];
}

static double pool_max(const float *x, uint64_t n, uint32_t i)
{
    double top = x[i];
    for (uint64_t t = 1; t < n; t++) {
        top = fmax(top, x[t * HIDDEN + i]);
    }
    return top;
}
