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
    assert_true(hidden->rank == 3 && hidden->shape[0] == w.g.rows && hidden->shape[1] == 64 &&
                hidden->shape[2] == HIDDEN);
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

TEST(infer_keeps_the_shape_of_dense_rows_without_places)
{
    struct world w = open_world(TINY, 1);
    struct dense d = make_dense(&w.g);
    struct acb_tensor *hidden = NULL;
    d.shape[0] = 3;
    d.shape[1] = 0;
    assert_int_equal(run_dense(&w, &d, "last_hidden_state", &hidden), ACB_OK);
    assert_true(hidden->rank == 3 && hidden->shape[0] == 3 && hidden->shape[1] == 0 && hidden->shape[2] == HIDDEN);
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
        {.size = sizeof(bad[0]), .name = "pooled", .rows = beyond, .row_count = 2},
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

/* Pools the model's own hidden state by `pool`, makes it length 1, and compares with `pooled`. */
static void check_pooling(const char *name, const char *flag, double (*pool)(const float *x, uint64_t n, uint32_t i))
{
    char folder[TEST_PATH_BYTES];
    char off[64], on[64];
    snprintf(off, sizeof(off), "\"%s\": false", flag);
    snprintf(on, sizeof(on), "\"%s\": true", flag);
    const struct variant_edit edits[] = {
        {"1_Pooling/config.json", "\"pooling_mode_mean_tokens\": true", "\"pooling_mode_mean_tokens\": false"},
        {"1_Pooling/config.json", off, on}};
    struct world w = open_world(variant_make(folder, name, edits, KIT_COUNT(edits)), 2);
    assert_string_equal(w.e.plugin->meta(w.e.model, "pooling"), name);
    const float *hidden = run(&w, 0, w.g.rows, 2, "last_hidden_state");
    const float *pooled = run(&w, 0, w.g.rows, 2, "pooled");
    for (uint32_t r = 0; r < w.g.rows; r++) {
        double expected[HIDDEN], sum = 0;
        for (uint32_t i = 0; i < HIDDEN; i++) {
            uint64_t n = w.g.row_offsets[r + 1] - w.g.row_offsets[r];
            expected[i] = pool(hidden + w.g.row_offsets[r] * HIDDEN, n, i);
            sum += expected[i] * expected[i];
        }
        for (uint32_t i = 0; i < HIDDEN; i++) {
            assert_true(fabs(pooled[r * HIDDEN + i] - expected[i] / sqrt(sum)) < 1e-6);
        }
    }
    close_world(&w);
}

TEST(infer_pools_by_the_first_token_or_the_maximum)
{
    check_pooling("cls", "pooling_mode_cls_token", pool_cls);
    check_pooling("max", "pooling_mode_max_tokens", pool_max);
}

/* --- inputs that are wrong --- */

struct bad_input {
    const char *what;
    const char *word;
    void (*spoil)(struct acb_tensor *ids, struct acb_tensor *types);
};

#define SPOIL(name, statement)                                                                                         \
    static void name(struct acb_tensor *ids, struct acb_tensor *types)                                                 \
    {                                                                                                                  \
        (void)ids;                                                                                                     \
        (void)types;                                                                                                   \
        statement;                                                                                                     \
    }
static int32_t ten[10] = {2, 5, 6, 7, 3, 2, 8, 9, 10, 3};
static const uint64_t falling[] = {0, 7, 5, 10}, late[] = {1, 5, 5, 10}, early[] = {0, 5, 5, 9},
                      beyond[] = {0, 5, 11, 11};
static int32_t too_high[10] = {2, 5, 6, 200, 3, 2, 8, 9, 10, 3};
static int32_t negative[10] = {2, 5, 6, 7, -1, 2, 8, 9, 10, 3};
static int32_t types_high[10] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 2};
SPOIL(as_float, ids->dtype = ACB_F32)
SPOIL(no_name, ids->name = "inputs_ids")
SPOIL(twice, types->name = "input_ids")
SPOIL(short_bytes, ids->bytes -= 4)
SPOIL(no_data, ids->data = NULL)
SPOIL(bad_rank, ids->rank = 9)
SPOIL(negative_shape, ids->shape[0] = -10)
SPOIL(no_offsets, ids->row_offsets = NULL)
SPOIL(ragged_2d, (ids->rank = 2, ids->shape[1] = 1))
SPOIL(offsets_fall, ids->row_offsets = falling)
SPOIL(offsets_late, ids->row_offsets = late)
SPOIL(offsets_early, ids->row_offsets = early)
SPOIL(offsets_beyond, ids->row_offsets = beyond)
SPOIL(id_high, ids->data = too_high)
SPOIL(id_negative, ids->data = negative)
SPOIL(type_high, types->data = types_high)
SPOIL(types_shape, (types->shape[0] = 9, types->bytes = 36))
SPOIL(types_dtype, types->dtype = ACB_U8)

static const struct bad_input bad_inputs[] = {
    {"float ids", "input_ids", as_float},
    {"another name", "inputs_ids", no_name},
    {"one twice", "twice", twice},
    {"too few bytes", "bytes", short_bytes},
    {"no data", "input_ids", no_data},
    {"rank 9", "rank", bad_rank},
    {"negative shape", "shape", negative_shape},
    {"one row, dense", "offsets", no_offsets},
    {"ragged of rank 2", "rank 2", ragged_2d},
    {"falling offsets", "falls", offsets_fall},
    {"offsets from 1", "from 0", offsets_late},
    {"offsets end early", "to 10", offsets_early},
    {"offsets end late", "to 10", offsets_beyond},
    {"an id of 200", "input_ids[3] is 200", id_high},
    {"a negative id", "input_ids[4]", id_negative},
    {"a type of 2", "token_type_ids[9]", type_high},
    {"types of another shape", "shape of input_ids", types_shape},
    {"types of bytes", "token_type_ids", types_dtype},
};

static int32_t run_spoiled(struct engine *e, const struct bad_input *b)
{
    static const uint64_t offsets[] = {0, 5, 5, 10};
    static int32_t zeros[10];
    const int64_t tokens = 10;
    struct acb_tensor *ret = NULL;
    struct acb_tensor ids = test_host_tensor("input_ids", ACB_I32, 1, &tokens, ten);
    struct acb_tensor types = test_host_tensor("token_type_ids", ACB_I32, 1, &tokens, zeros);
    struct acb_want want = {.size = sizeof(want), .name = "pooled"};
    ids.row_offsets = offsets;
    ids.rows = 3;
    if (b != NULL) {
        b->spoil(&ids, &types);
    }
    struct acb_infer infer = {.size = sizeof(infer),
                              .cores = 1,
                              .input_count = 2,
                              .want_count = 1,
                              .inputs = (const struct acb_tensor *const[]){&ids, &types},
                              .wants = (const struct acb_want *const[]){&want}};
    return engine_infer(e, &infer, &ret);
}

TEST(infer_refuses_each_bad_input_and_names_it)
{
    struct world w = open_world(TINY, 1);
    assert_int_equal(run_spoiled(&w.e, NULL), ACB_OK);
    for (size_t i = 0; i < KIT_COUNT(bad_inputs); i++) {
        int32_t rc = run_spoiled(&w.e, &bad_inputs[i]);
        if (rc != ACB_INVALID || strstr(w.e.error, bad_inputs[i].word) == NULL) {
            fail_msg("%s: status %d, '%s'", bad_inputs[i].what, (int)rc, w.e.error);
        }
    }
    assert_int_equal(run_spoiled(&w.e, NULL), ACB_OK);
    close_world(&w);
}

TEST(infer_refuses_a_row_beyond_the_positions)
{
    struct world w = open_world(TINY, 1);
    const uint64_t offsets[] = {0, 65};
    struct acb_tensor *ret = NULL;
    memcpy(w.g.row_offsets, offsets, sizeof(offsets));
    assert_int_equal(engine_run(&w.e, &w.g, 0, 1, 1, "pooled", &ret), ACB_INVALID);
    assert_non_null(strstr(w.e.error, "64 positions"));
    close_world(&w);
}

TEST(infer_refuses_more_tokens_than_the_instance_was_opened_for)
{
    struct world w = {.g = golden_read(TINY "/golden.jsonl", TINY "/golden.f32", HIDDEN)};
    struct acb_tensor *ret = NULL;
    assert_int_equal(engine_open(&w.e, TINY, NULL, 2, 40), ACB_OK);
    assert_int_equal(engine_run(&w.e, &w.g, 0, w.g.rows, 2, "pooled", &ret), ACB_INVALID);
    assert_non_null(strstr(w.e.error, "40"));
    assert_int_equal(engine_run(&w.e, &w.g, 0, 6, 2, "pooled", &ret), ACB_OK);
    close_world(&w);
}

/* --- cancelling --- */

static void cancel_now(void *arg)
{
    struct world *w = arg;
    w->e.plugin->cancel(w->e.instance);
}

TEST(infer_that_is_cancelled_says_so_and_the_next_call_runs)
{
    struct world w = open_world(TINY, 2);
    struct acb_tensor *ret = NULL;
    for (uint32_t cores = 1; cores <= 2; cores++) {
        test_host_on_tensor(cancel_now, &w);
        assert_int_equal(engine_run(&w.e, &w.g, 0, w.g.rows, cores, "pooled", &ret), ACB_CANCELLED);
        assert_null(ret);
        test_host_on_tensor(NULL, NULL);
        w.e.plugin->cancel(w.e.instance); /* nothing runs: nothing happens */
        const float *pooled = run(&w, 0, w.g.rows, cores, "pooled");
        assert_true(golden_max_diff(pooled, w.g.values + w.g.tokens * HIDDEN, (uint64_t)w.g.rows * HIDDEN) < 2e-5);
    }
    close_world(&w);
}

static void cancel_often(void *arg)
{
    struct world *w = arg;
    for (int i = 0; i < 2000; i++) {
        w->e.plugin->cancel(w->e.instance);
    }
}

TEST(infer_and_cancel_may_meet_at_any_time)
{
    struct world w = open_world(TINY, 2);
    struct kit_thread t = {0};
    struct acb_tensor *ret = NULL;
    assert_int_equal(kit_thread_start(&t, "cancel", cancel_often, &w, NULL), KIT_OK);
    for (int i = 0; i < 30; i++) {
        int32_t rc = engine_run(&w.e, &w.g, 0, w.g.rows, 2, "pooled", &ret);
        assert_true(rc == ACB_OK || rc == ACB_CANCELLED);
        test_host_free_outputs();
    }
    kit_thread_join(&t);
    (void)run(&w, 0, w.g.rows, 2, "pooled");
    close_world(&w);
}

/* --- memory --- */

TEST(infer_after_shrink_answers_the_same)
{
    struct world w = open_world(TINY, 2);
    const float *before = run(&w, 0, w.g.rows, 2, "pooled");
    w.e.plugin->instance_shrink(w.e.instance);
    w.e.plugin->instance_shrink(w.e.instance);
    const float *after = run(&w, 0, w.g.rows, 2, "pooled");
    assert_true(golden_max_diff(before, after, (uint64_t)w.g.rows * HIDDEN) == 0);
    close_world(&w);
}

TEST(infer_survives_each_failed_alloc)
{
    struct world w = open_world(TINY, 1);
    const uint64_t rows[] = {1, 2};
    const struct acb_want some = {.size = sizeof(some), .name = "last_hidden_state", .rows = rows, .row_count = 2};
    const struct acb_want pooled = {.size = sizeof(pooled), .name = "pooled"};
    uint64_t blocks = 0;
    TEST_ALLOC_SWEEP(n) {
        struct acb_tensor *ret[2] = {NULL};
        w.e.plugin->instance_shrink(w.e.instance);
        blocks = blocks == 0 ? kit_alloc_count() : blocks;
        int32_t rc = run_wants(&w, 2, (const struct acb_want *const[]){&some, &pooled}, ret);
        assert_true(rc == ACB_OK ? ret[0] != NULL && ret[1] != NULL : rc == ACB_NOMEM && ret[0] == NULL);
        test_host_free_outputs();
    }
    w.e.plugin->instance_shrink(w.e.instance);
    assert_int_equal(kit_alloc_count(), blocks);
    close_world(&w);
}

int main(void)
{
    test_host_start(2);
    int failed = TEST_RUN(
        TEST_OF(infer_answers_the_same_one_by_one_together_and_on_any_cores),
        TEST_OF(infer_takes_dense_rows_with_a_mask_and_answers_like_ragged),
        TEST_OF(infer_keeps_the_shape_of_dense_rows_without_places),
        TEST_OF(infer_leaves_a_masked_place_out_but_keeps_the_positions),
        TEST_OF(infer_gives_the_wanted_places_in_the_wanted_order), TEST_OF(infer_refuses_outputs_that_are_not_there),
        TEST_OF(infer_gives_zero_for_rows_without_tokens), TEST_OF(infer_with_other_activations_equals_transformers),
        TEST_OF(infer_pools_by_the_first_token_or_the_maximum), TEST_OF(infer_refuses_each_bad_input_and_names_it),
        TEST_OF(infer_refuses_a_row_beyond_the_positions),
        TEST_OF(infer_refuses_more_tokens_than_the_instance_was_opened_for),
        TEST_OF(infer_that_is_cancelled_says_so_and_the_next_call_runs), TEST_OF(infer_and_cancel_may_meet_at_any_time),
        TEST_OF(infer_after_shrink_answers_the_same), TEST_OF(infer_survives_each_failed_alloc));
    test_host_stop();
    return failed;
}
