#include "task/embed.h"

#include "support/test.h"

static const struct task_options options = {.text_bytes_max = 1000, .queue_tokens_max = 10000};

static void ignore(void *ctx, struct loop_msg *m)
{
    (void)ctx;
    (void)m;
}

struct rig {
    struct loop *loop;
    struct loop_chan *home;
    struct task_model model;
    struct task_request *r;
    struct kit_err err;
};

static void rig_open(struct rig *g)
{
    static const struct acb_port vectors = {.rank = 2, .name = "pooled", .shape = {-1, 32}};
    *g = (struct rig){.model = {.vectors = &vectors, .row_tokens_max = 16}};
    struct loop_chan_options chan = {.max = 1, .receive = ignore, .drop = ignore};
    assert_int_equal(loop_new(&g->loop, NULL), KIT_OK);
    assert_int_equal(loop_chan_new(g->loop, &chan, &g->home, NULL), KIT_OK);
    assert_int_equal(text_tokenizer_open(TEST_DATA "/tiny-bert", &g->model.tokenizer, &g->err), KIT_OK);
    task_scratches_init(&g->model.scratches);
}

static void rig_close(struct rig *g)
{
    task_request_unref(g->r);
    task_scratches_done(&g->model.scratches);
    text_tokenizer_free(g->model.tokenizer);
    loop_chan_close(g->home);
    loop_free(g->loop);
}

/* A request for these texts, prepared. */
static enum kit_status prepare(struct rig *g, const kit_str *texts, uint32_t count, bool truncate)
{
    struct task_asker asker = {.home = g->home};
    task_request_unref(g->r);
    g->r = NULL;
    g->err = (struct kit_err){0};
    enum kit_status rc = task_request_new(NULL, &asker, KIT_MIB, &g->r, &g->err);
    if (rc != KIT_OK) {
        return rc;
    }
    g->r->kind = TASK_EMBED;
    g->r->parameters.truncate = truncate;
    g->r->inputs = (struct task_inputs){
        .batch = count > 1, .texts = (kit_str *)(uintptr_t)texts, .text_count = count, .item_count = count};
    return task_embed.prepare(&g->model, &options, g->r, &g->err);
}

TEST(rows_lie_behind_each_other_with_special_tokens_at_both_ends)
{
    struct rig g;
    const kit_str texts[] = {kit_str_lit("a b"), kit_str_lit(""), kit_str_lit("c")};
    rig_open(&g);
    assert_int_equal(prepare(&g, texts, 3, true), KIT_OK);
    const struct task_request *r = g.r;
    assert_int_equal(r->rows.offsets[0], 0);
    for (uint32_t i = 0; i < 3; i++) {
        uint64_t from = r->rows.offsets[i], to = r->rows.offsets[i + 1];
        assert_int_equal(r->job.rows[i].tokens, to - from);
        assert_int_equal(r->rows.ids[from], r->rows.ids[0]);
        assert_int_equal(r->rows.ids[to - 1], r->rows.ids[r->rows.offsets[1] - 1]);
    }
    assert_int_equal(r->rows.offsets[2] - r->rows.offsets[1], 2);
    assert_int_equal(r->tokens, r->rows.offsets[3]);
    assert_int_equal(r->job.row_count, 3);
    assert_non_null(r->vectors);
    rig_close(&g);
}

TEST(a_long_text_is_cut_to_what_the_model_takes_or_refused_by_place)
{
    struct rig g;
    const kit_str texts[] = {kit_str_lit("a"), kit_str_lit("a b c a b c a b c a b c a b c a b c a b c a b c a b c")};
    rig_open(&g);
    assert_int_equal(prepare(&g, texts, 2, true), KIT_OK);
    assert_int_equal(g.r->job.rows[1].tokens, 16);
    assert_int_equal(prepare(&g, texts, 2, false), KIT_TOO_LARGE);
    assert_string_equal(g.err.param, "inputs[1]");
    rig_close(&g);
}

TEST(bad_texts_are_refused_by_place)
{
    struct rig g;
    static char long_text[1001];
    memset(long_text, 'a', sizeof(long_text));
    const kit_str broken[] = {kit_str_lit("a"), kit_str_lit("\xFF\xFF")};
    const kit_str large[] = {{.ptr = long_text, .len = sizeof(long_text)}};
    rig_open(&g);
    assert_int_equal(prepare(&g, broken, 2, true), KIT_INVALID);
    assert_string_equal(g.err.param, "inputs[1]");
    assert_int_equal(prepare(&g, large, 1, true), KIT_TOO_LARGE);
    assert_string_equal(g.err.param, "inputs");
    rig_close(&g);
}

TEST(rows_survive_each_failed_alloc)
{
    struct rig g;
    const kit_str texts[] = {kit_str_lit("a b"), kit_str_lit("c")};
    rig_open(&g);
    TEST_ALLOC_SWEEP(n) {
        enum kit_status rc = prepare(&g, texts, 2, true);
        assert_true(rc == KIT_OK || rc == KIT_NOMEM);
    }
    rig_close(&g);
}

int main(void)
{
    return TEST_RUN(TEST_OF(rows_lie_behind_each_other_with_special_tokens_at_both_ends),
                    TEST_OF(a_long_text_is_cut_to_what_the_model_takes_or_refused_by_place),
                    TEST_OF(bad_texts_are_refused_by_place), TEST_OF(rows_survive_each_failed_alloc));
}
