/* The echo back end in this process and in a cell: whatever is asked, both ways answer the same. */
#include <stdatomic.h>

#include "kit/sync.h"
#include "unit/plug/world.h"

static const enum plug_isolation both[] = {PLUG_IN_PROCESS, PLUG_IN_CELL};

static void assert_same(const struct acb_tensor *a, const struct acb_tensor *b)
{
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->dtype, b->dtype);
    assert_int_equal(a->rank, b->rank);
    for (uint32_t d = 0; d < a->rank; d++) {
        assert_int_equal(a->shape[d], b->shape[d]);
    }
    assert_int_equal(a->bytes, b->bytes);
    if (a->bytes > 0) {
        assert_memory_equal(a->data, b->data, a->bytes);
    }
    assert_int_equal(a->row_offsets != NULL, b->row_offsets != NULL);
    assert_int_equal(a->rows, b->rows);
    for (uint64_t i = 0; a->row_offsets != NULL && i <= a->rows; i++) {
        assert_int_equal(a->row_offsets[i], b->row_offsets[i]);
    }
}

/* --- the table of tensors --- */

static char bytes[256];
static char strings[] = "\1\0\0\0a\0\0\0\0\3\0\0\0b\0c";
static const uint64_t three_rows[] = {0, 0, 2, 5};
static const uint64_t no_rows[] = {0};

static const struct acb_tensor cases[] = {
    {.dtype = ACB_BOOL, .rank = 1, .name = "bool", .shape = {5}, .data = bytes, .bytes = 5},
    {.dtype = ACB_U8, .rank = 1, .name = "u8", .shape = {256}, .data = bytes, .bytes = 256},
    {.dtype = ACB_I8, .rank = 2, .name = "i8", .shape = {4, 3}, .data = bytes, .bytes = 12},
    {.dtype = ACB_U16, .rank = 1, .name = "u16", .shape = {3}, .data = bytes, .bytes = 6},
    {.dtype = ACB_I16, .rank = 1, .name = "i16", .shape = {3}, .data = bytes, .bytes = 6},
    {.dtype = ACB_U32, .rank = 1, .name = "u32", .shape = {3}, .data = bytes, .bytes = 12},
    {.dtype = ACB_I32, .rank = 1, .name = "i32", .shape = {3}, .data = bytes, .bytes = 12},
    {.dtype = ACB_U64, .rank = 1, .name = "u64", .shape = {3}, .data = bytes, .bytes = 24},
    {.dtype = ACB_I64, .rank = 1, .name = "i64", .shape = {3}, .data = bytes, .bytes = 24},
    {.dtype = ACB_F16, .rank = 1, .name = "f16", .shape = {3}, .data = bytes, .bytes = 6},
    {.dtype = ACB_BF16, .rank = 1, .name = "bf16", .shape = {3}, .data = bytes, .bytes = 6},
    {.dtype = ACB_F32, .rank = 1, .name = "f32", .shape = {3}, .data = bytes, .bytes = 12},
    {.dtype = ACB_F64, .rank = 1, .name = "f64", .shape = {3}, .data = bytes, .bytes = 24},
    {.dtype = ACB_STRING, .rank = 1, .name = "string", .shape = {3}, .data = strings, .bytes = 16},
    {.dtype = ACB_STRING, .rank = 1, .name = "no strings", .shape = {0}},
    {.dtype = ACB_F32, .rank = 0, .name = "scalar", .data = bytes, .bytes = 4},
    {.dtype = ACB_F32, .rank = 8, .name = "eight", .shape = {1, 2, 1, 2, 1, 2, 1, 2}, .data = bytes, .bytes = 64},
    {.dtype = ACB_F32, .rank = 2, .name = "empty", .shape = {0, 7}},
    {.dtype = ACB_I32,
     .rank = 1,
     .name = "ragged",
     .shape = {5},
     .data = bytes,
     .bytes = 20,
     .row_offsets = three_rows,
     .rows = 3},
    {.dtype = ACB_F32,
     .rank = 2,
     .name = "ragged 2",
     .shape = {5, 2},
     .data = bytes,
     .bytes = 40,
     .row_offsets = three_rows,
     .rows = 3},
    {.dtype = ACB_I32, .rank = 1, .name = "no rows", .shape = {0}, .row_offsets = no_rows, .rows = 0},
    {.dtype = ACB_U8, .rank = 1, .name = "\xc3\xa4 name/with.odd:bytes", .shape = {1}, .data = bytes, .bytes = 1},
};

TEST(echo_gives_back_each_tensor_both_ways)
{
    struct world_mark mark = world_mark();
    struct plug_engine *e = world_engine();
    for (size_t k = 0; k < sizeof(bytes); k++) {
        bytes[k] = (char)(k * 7);
    }
    for (size_t w = 0; w < KIT_COUNT(both); w++) {
        struct plug_model *m = world_model(e, "echo", NULL, both[w]);
        struct plug_instance *i = world_instance(m);
        assert_int_equal(plug_model_in_cell(m), both[w] == PLUG_IN_CELL);
        for (size_t k = 0; k < KIT_COUNT(cases); k++) {
            struct plug_outputs out = {0};
            assert_int_equal(world_echo(i, &cases[k], &out, NULL), KIT_OK);
            assert_int_equal(out.count, 1);
            assert_same(out.tensor[0], &cases[k]);
            plug_outputs_done(&out);
        }
        plug_instance_close(i);
        plug_model_close(m);
    }
    plug_engine_free(e);
    world_assert_clean(mark);
}

TEST(echo_gives_what_is_wanted_in_that_order_both_ways)
{
    struct plug_engine *e = world_engine();
    const struct acb_tensor *inputs[] = {&cases[11], &cases[13], &cases[18]};
    const uint64_t places[] = {4, 0, 4};
    const struct acb_want want_rows = {.size = sizeof(want_rows), .name = "ragged", .rows = places, .row_count = 3};
    const struct acb_want want_strings = {.size = sizeof(want_strings), .name = "string"};
    const struct acb_want *wants[] = {&want_rows, &want_strings};
    const struct acb_infer infer = {
        .size = sizeof(infer), .cores = 1, .input_count = 3, .want_count = 2, .inputs = inputs, .wants = wants};
    for (size_t w = 0; w < KIT_COUNT(both); w++) {
        struct plug_model *m = world_model(e, "echo", NULL, both[w]);
        struct plug_instance *i = world_instance(m);
        struct plug_outputs out = {0};
        assert_int_equal(plug_instance_infer(i, &infer, &out, NULL), KIT_OK);
        assert_int_equal(out.count, 2);
        assert_same(out.tensor[1], &cases[13]);
        const int32_t *in = inputs[2]->data;
        const int32_t *got = out.tensor[0]->data;
        assert_int_equal(out.tensor[0]->shape[0], 3);
        assert_true(got[0] == in[4] && got[1] == in[0] && got[2] == in[4]);
        plug_outputs_done(&out);
        plug_instance_close(i);
        plug_model_close(m);
    }
    plug_engine_free(e);
}

/* Calls that are refused, each with the same words both ways. */
TEST(echo_refuses_alike_both_ways)
{
    static const uint64_t far[] = {5};
    static const struct acb_tensor short_of_bytes = {
        .dtype = ACB_F32, .rank = 1, .name = "x", .shape = {3}, .data = bytes, .bytes = 8};
    static const struct acb_want other = {.size = sizeof(other), .name = "other"};
    static const struct acb_want outside = {.size = sizeof(outside), .name = "ragged", .rows = far, .row_count = 1};
    static const struct acb_want of_strings = {
        .size = sizeof(of_strings), .name = "string", .rows = far, .row_count = 1};
    static const struct {
        const struct acb_tensor *in;
        const struct acb_want *want;
        enum kit_status status;
        const char *why;
    } refusals[] = {
        {&cases[18], &other, KIT_INVALID, "output 'other': echo gives what it got, and got no such input"},
        {&cases[18], &outside, KIT_INVALID, "tensor 'ragged': row 5 was wanted of 5"},
        {&cases[13], &of_strings, KIT_UNSUPPORTED,
         "tensor 'string': rows can be wanted of numbers in one or more dimensions"},
        {&short_of_bytes, &other, KIT_INVALID, "tensor 'x': 8 bytes, its shape needs 12"},
    };
    struct plug_engine *e = world_engine();
    for (size_t w = 0; w < KIT_COUNT(both); w++) {
        struct plug_model *m = world_model(e, "echo", NULL, both[w]);
        struct plug_instance *i = world_instance(m);
        for (size_t k = 0; k < KIT_COUNT(refusals); k++) {
            struct plug_outputs out = {0};
            struct kit_err err = {0};
            struct acb_infer infer = {.size = sizeof(infer), .cores = 1, .input_count = 1, .want_count = 1};
            infer.inputs = &refusals[k].in;
            infer.wants = &refusals[k].want;
            assert_int_equal(plug_instance_infer(i, &infer, &out, &err), refusals[k].status);
            assert_string_equal(err.msg, refusals[k].why);
            assert_int_equal(out.count, 0);
        }
        struct plug_outputs out = {0};
        assert_int_equal(world_echo(i, &cases[0], &out, NULL), KIT_OK); /* and goes on */
        plug_outputs_done(&out);
        plug_instance_close(i);
        plug_model_close(m);
    }
    plug_engine_free(e);
}

TEST(infer_refuses_names_that_come_twice)
{
    struct plug_engine *e = world_engine();
    struct plug_model *m = world_model(e, "echo", NULL, PLUG_IN_PROCESS);
    struct plug_instance *i = world_instance(m);
    struct kit_err err = {0};
    struct plug_outputs out = {0};
    const struct acb_tensor *inputs[] = {&cases[0], &cases[0]};
    const struct acb_want want = {.size = sizeof(want), .name = "bool"};
    const struct acb_want *wants[] = {&want, &want};
    struct acb_infer infer = {.size = sizeof(infer), .cores = 1, .input_count = 2, .inputs = inputs};
    assert_int_equal(plug_instance_infer(i, &infer, &out, &err), KIT_INVALID);
    assert_string_equal(err.msg, "tensor 'bool' is given twice");
    infer.input_count = 1;
    infer.want_count = 2;
    infer.wants = wants;
    assert_int_equal(plug_instance_infer(i, &infer, &out, &err), KIT_INVALID);
    assert_string_equal(err.msg, "output 'bool' is wanted twice");
    plug_instance_close(i);
    plug_model_close(m);
    plug_engine_free(e);
}

/* --- large ones: more than the shared memory that a cell begins with --- */

static void echo_large(struct plug_instance *i, uint64_t size)
{
    struct acb_tensor t = {.dtype = ACB_U8, .rank = 1, .name = "large", .shape = {(int64_t)size}, .bytes = size};
    unsigned char *data = kit_alloc(size);
    assert_non_null(data);
    for (uint64_t k = 0; k < size; k++) {
        data[k] = (unsigned char)(k * 31 + size);
    }
    t.data = data;
    struct plug_outputs out = {0};
    assert_int_equal(world_echo(i, &t, &out, NULL), KIT_OK);
    assert_same(out.tensor[0], &t);
    plug_outputs_done(&out);
    kit_alloc_free(data);
}

TEST(cell_memory_grows_with_the_tensors)
{
    static const uint64_t sizes[] = {1, 5000, 300000, 10, 4000000, 20000000, 7, 20000000};
    struct world_mark mark = world_mark();
    struct plug_engine *e = world_engine();
    struct plug_model *m = world_model(e, "echo", NULL, PLUG_IN_CELL);
    struct plug_instance *i = world_instance(m);
    for (size_t k = 0; k < KIT_COUNT(sizes); k++) {
        echo_large(i, sizes[k]);
    }
    uint64_t held[KIT_LEDGER_KIND_COUNT];
    enum kit_ledger_source source[KIT_LEDGER_KIND_COUNT];
    plug_model_bytes(m, held, source);
    assert_in_range(held[KIT_LEDGER_CACHE], 40000000, WORLD_SHARED_BYTES);
    plug_instance_shrink(i);
    echo_large(i, 10);
    plug_model_bytes(m, held, source);
    assert_in_range(held[KIT_LEDGER_CACHE], 1, 1000000);
    plug_instance_close(i);
    plug_model_close(m);
    plug_engine_free(e);
    world_assert_clean(mark);
}

/* Many outputs of one call do not fit the first piece: several pieces hold them. */
TEST(cell_gives_many_large_outputs_of_one_call)
{
    struct plug_engine *e = world_engine();
    struct plug_model *m = world_model(e, "echo", NULL, PLUG_IN_CELL);
    struct plug_instance *i = world_instance(m);
    struct acb_tensor in[PLUG_OUTPUTS_MAX];
    const struct acb_tensor *inputs[PLUG_OUTPUTS_MAX];
    char names[PLUG_OUTPUTS_MAX][8];
    unsigned char *data = kit_alloc(1000000);
    for (uint32_t k = 0; k < PLUG_OUTPUTS_MAX; k++) {
        (void)snprintf(names[k], sizeof(names[k]), "t%u", k);
        in[k] = (struct acb_tensor){
            .dtype = ACB_U8, .rank = 1, .name = names[k], .shape = {200000}, .data = data + k, .bytes = 200000};
        inputs[k] = &in[k];
    }
    for (size_t k = 0; k < 1000000; k++) {
        data[k] = (unsigned char)(k ^ k >> 8);
    }
    struct acb_infer infer = {.size = sizeof(infer), .cores = 1, .input_count = PLUG_OUTPUTS_MAX, .inputs = inputs};
    for (int round = 0; round < 3; round++) {
        struct plug_outputs out = {0};
        assert_int_equal(plug_instance_infer(i, &infer, &out, NULL), KIT_OK);
        assert_int_equal(out.count, PLUG_OUTPUTS_MAX);
        for (uint32_t k = 0; k < PLUG_OUTPUTS_MAX; k++) {
            assert_same(out.tensor[k], &in[k]);
        }
        plug_outputs_done(&out);
    }
    kit_alloc_free(data);
    plug_instance_close(i);
    plug_model_close(m);
    plug_engine_free(e);
}

TEST(cell_refuses_what_does_not_fit_its_shared_memory)
{
    struct plug_engine *e = world_engine();
    struct plug_model *m = world_model(e, "echo", NULL, PLUG_IN_CELL);
    struct plug_instance *i = world_instance(m);
    struct acb_tensor t = {.dtype = ACB_U8, .rank = 1, .name = "huge"};
    struct plug_outputs out = {0};
    struct kit_err err = {0};
    t.bytes = WORLD_SHARED_BYTES + 1;
    t.shape[0] = (int64_t)t.bytes;
    t.data = kit_alloc_zero(1, t.bytes);
    assert_int_equal(world_echo(i, &t, &out, &err), KIT_NOMEM);
    assert_non_null(strstr(err.msg, "67108864 are allowed"));
    t.bytes = WORLD_SHARED_BYTES / 8 * 5; /* goes in, but not out as well */
    t.shape[0] = (int64_t)t.bytes;
    assert_int_equal(world_echo(i, &t, &out, &err), KIT_NOMEM);
    kit_alloc_free(t.data);
    echo_large(i, 1000); /* and goes on */
    plug_instance_close(i);
    plug_model_close(m);
    plug_engine_free(e);
}

/* --- what a model says of itself --- */

TEST(model_tells_the_same_of_itself_both_ways)
{
    struct plug_engine *e = world_engine();
    for (size_t w = 0; w < KIT_COUNT(both); w++) {
        struct plug_model *m = world_model(e, "echo", "{\"work_bytes\": 12345}", both[w]);
        const struct acb_model_info *info = plug_model_info(m);
        assert_int_equal(info->input_count, 1);
        assert_int_equal(info->output_count, 1);
        assert_string_equal(info->inputs[0]->name, ACB_PORT_ANY);
        assert_int_equal(info->inputs[0]->rank, ACB_RANK_ANY);
        assert_int_equal(info->inputs[0]->flags, ACB_PORT_RAGGED | ACB_PORT_OPTIONAL);
        assert_int_equal(info->step_flags, 0);
        assert_str(plug_model_meta(m, "architecture"), "echo");
        assert_str(plug_model_meta(m, "tasks"), "raw");
        assert_null(plug_model_meta(m, "chat_template").ptr);
        assert_null(plug_model_meta(m, "no such key").ptr);
        uint64_t held[KIT_LEDGER_KIND_COUNT];
        enum kit_ledger_source source[KIT_LEDGER_KIND_COUNT];
        struct plug_instance *i[2] = {world_instance(m), world_instance(m)};
        plug_model_bytes(m, held, source);
        assert_int_equal(held[KIT_LEDGER_WEIGHTS], 0);
        assert_int_equal(held[KIT_LEDGER_CACHE], 2 * 12345);
        assert_int_equal(source[KIT_LEDGER_CACHE], KIT_LEDGER_COUNTED);
        plug_instance_close(i[0]);
        plug_model_bytes(m, held, source);
        assert_int_equal(held[KIT_LEDGER_CACHE], 12345);
        plug_instance_close(i[1]);
        plug_model_close(m);
    }
    plug_engine_free(e);
}

TEST(model_estimate_sums_by_kind)
{
    struct plug_engine *e = world_engine();
    uint64_t need[KIT_LEDGER_KIND_COUNT];
    struct plug_model_options o = world_options(e, "echo", PLUG_IN_CELL);
    o.options = "{\"work_bytes\": 777}";
    assert_int_equal(plug_model_estimate(e, &o, need, NULL), KIT_OK);
    assert_int_equal(need[KIT_LEDGER_CACHE], 777);
    assert_int_equal(need[KIT_LEDGER_WEIGHTS], 0);
    o = world_options(e, "faulty", PLUG_IN_PROCESS); /* does not estimate */
    assert_int_equal(plug_model_estimate(e, &o, need, NULL), KIT_OK);
    assert_int_equal(need[KIT_LEDGER_CACHE], 0);
    plug_engine_free(e);
}

TEST(model_open_names_the_option_that_is_wrong_both_ways)
{
    struct plug_engine *e = world_engine();
    for (size_t w = 0; w < KIT_COUNT(both); w++) {
        struct plug_model_options o = world_options(e, "echo", both[w]);
        struct plug_model *m = NULL;
        struct kit_err err = {0};
        o.options = "{\"delay\": 1}";
        assert_int_equal(plug_model_open(e, &o, &m, &err), KIT_INVALID);
        assert_string_equal(err.msg, "back end echo has no option 'delay'; it takes: delay_ms, load_ms, work_bytes, "
                                     "dimensions, row_us, generate, plain, token_us");
        assert_null(m);
    }
    plug_engine_free(e);
}

TEST(model_open_names_the_file_that_is_broken_both_ways)
{
    char path[TEST_PATH_BYTES];
    struct plug_engine *e = world_engine();
    (void)test_temp_write(path, "broken/echo.json", kit_str_lit("{\"delay_ms\": many}"));
    *strrchr(path, '/') = 0;
    for (size_t w = 0; w < KIT_COUNT(both); w++) {
        struct plug_model_options o = world_options(e, "echo", both[w]);
        struct plug_model *m = NULL;
        struct kit_err err = {0};
        o.folder = path;
        assert_int_equal(plug_model_open(e, &o, &m, &err), KIT_LOAD_FAILED);
        assert_string_equal(err.msg, "echo.json: expected \"key\": number");
        assert_null(m);
    }
    plug_engine_free(e);
}

/* --- loading: progress, and a change of mind --- */

struct loading {
    uint64_t calls, done, stop_at;
    bool fell;
};

static bool note_progress(void *ctx, uint64_t done, uint64_t total)
{
    struct loading *l = ctx;
    l->calls++;
    l->fell = l->fell || done < l->done || done > total;
    l->done = done;
    return l->stop_at == 0 || l->calls < l->stop_at;
}

TEST(model_open_tells_its_progress_both_ways)
{
    struct plug_engine *e = world_engine();
    for (size_t w = 0; w < KIT_COUNT(both); w++) {
        struct loading l = {0};
        struct plug_model_options o = world_options(e, "echo", both[w]);
        struct plug_model *m = NULL;
        o.options = "{\"load_ms\": 200}";
        o.ctx = &l;
        o.progress = note_progress;
        assert_int_equal(plug_model_open(e, &o, &m, NULL), KIT_OK);
        assert_false(l.fell);
        assert_true(l.calls >= 2);
        plug_model_close(m);
    }
    plug_engine_free(e);
}

TEST(model_open_progress_never_falls_both_ways)
{
    struct plug_engine *e = world_engine();
    for (size_t w = 0; w < KIT_COUNT(both); w++) {
        struct loading l = {0};
        struct plug_model_options o = world_options(e, "faulty", both[w]);
        struct plug_model *m = NULL;
        o.options = "{\"fault\": \"fall_back\"}";
        o.ctx = &l;
        o.progress = note_progress;
        assert_int_equal(plug_model_open(e, &o, &m, NULL), KIT_OK);
        assert_false(l.fell);
        plug_model_close(m);
    }
    plug_engine_free(e);
}

TEST(model_open_stops_when_nobody_wants_it_any_more_both_ways)
{
    struct world_mark mark = world_mark();
    struct plug_engine *e = world_engine();
    for (size_t w = 0; w < KIT_COUNT(both); w++) {
        struct loading l = {.stop_at = 3};
        struct plug_model_options o = world_options(e, "echo", both[w]);
        struct plug_model *m = NULL;
        o.options = "{\"load_ms\": 600000}";
        o.ctx = &l;
        o.progress = note_progress;
        assert_int_equal(plug_model_open(e, &o, &m, NULL), KIT_CANCELLED);
        assert_null(m);
    }
    plug_engine_free(e);
    world_assert_clean(mark);
}

/* --- cancelling --- */

struct canceller {
    struct plug_instance *instance;
    uint32_t *flag; /* or NULL */
    _Atomic bool over;
    bool again;
};

static void cancel_soon(void *arg)
{
    struct canceller *c = arg;
    world_sleep_ms(20);
    if (c->flag != NULL) {
        __atomic_store_n(c->flag, 1, __ATOMIC_RELEASE);
    }
    do { /* without a flag a cancel before the call does nothing, so it is said again */
        plug_instance_cancel(c->instance);
        world_sleep_ms(5);
    } while (c->again && !atomic_load(&c->over));
}

static void cancel_one(struct plug_instance *i, uint32_t *flag)
{
    struct canceller c = {.instance = i, .flag = flag, .again = flag == NULL};
    struct kit_thread thread = {0};
    const struct acb_tensor *in = &cases[0];
    struct acb_infer infer = {.size = sizeof(infer), .cores = 1, .input_count = 1, .inputs = &in, .cancelled = flag};
    struct plug_outputs out = {0};
    assert_int_equal(kit_thread_start(&thread, "cancel", cancel_soon, &c, NULL), KIT_OK);
    assert_int_equal(plug_instance_infer(i, &infer, &out, NULL), KIT_CANCELLED);
    atomic_store(&c.over, true);
    kit_thread_join(&thread);
    assert_int_equal(out.count, 0);
}

TEST(cancel_ends_the_running_call_both_ways)
{
    struct plug_engine *e = world_engine();
    for (size_t w = 0; w < KIT_COUNT(both); w++) {
        struct plug_model *m = world_model(e, "echo", "{\"delay_ms\": 600000}", both[w]);
        struct plug_instance *i = world_instance(m);
        uint32_t flag = 0;
        cancel_one(i, &flag);
        flag = 0;
        cancel_one(i, &flag);
        cancel_one(i, NULL);
        plug_instance_close(i);
        plug_model_close(m);
    }
    plug_engine_free(e);
}

/* At every moment: before the call, on its way into the cell, in it. A cancel that is missed would sleep for ever. */
TEST(cancel_is_never_missed_both_ways)
{
    struct plug_engine *e = world_engine();
    for (size_t w = 0; w < KIT_COUNT(both); w++) {
        struct plug_model *m = world_model(e, "echo", "{\"delay_ms\": 600000}", both[w]);
        struct plug_instance *i = world_instance(m);
        for (uint32_t k = 0; k < 100; k++) {
            uint32_t flag = 0;
            struct canceller c = {.instance = i, .flag = &flag};
            const struct acb_tensor *in = &cases[0];
            struct acb_infer infer = {
                .size = sizeof(infer), .cores = 1, .input_count = 1, .inputs = &in, .cancelled = &flag};
            struct kit_thread thread = {0};
            struct plug_outputs out = {0};
            assert_int_equal(kit_thread_start(&thread, "cancel", cancel_soon, &c, NULL), KIT_OK);
            (void)usleep(19000 + k * 20); /* around the moment of the cancel */
            assert_int_equal(plug_instance_infer(i, &infer, &out, NULL), KIT_CANCELLED);
            kit_thread_join(&thread);
        }
        plug_instance_close(i);
        plug_model_close(m);
    }
    plug_engine_free(e);
}

TEST(cancel_leaves_calls_of_another_flag_alone_both_ways)
{
    struct plug_engine *e = world_engine();
    for (size_t w = 0; w < KIT_COUNT(both); w++) {
        struct plug_model *m = world_model(e, "echo", "{\"delay_ms\": 60}", both[w]);
        struct plug_instance *i = world_instance(m);
        uint32_t of_another = 0;
        uint32_t own = 0;
        struct canceller c = {.instance = i, .flag = &of_another};
        const struct acb_tensor *in = &cases[0];
        struct acb_infer infer = {
            .size = sizeof(infer), .cores = 1, .input_count = 1, .inputs = &in, .cancelled = &own};
        struct kit_thread thread = {0};
        struct plug_outputs out = {0};
        assert_int_equal(kit_thread_start(&thread, "cancel", cancel_soon, &c, NULL), KIT_OK);
        assert_int_equal(plug_instance_infer(i, &infer, &out, NULL), KIT_OK);
        kit_thread_join(&thread);
        plug_outputs_done(&out);
        plug_instance_close(i);
        plug_model_close(m);
    }
    plug_engine_free(e);
}

/* --- allocation failures of the parent, both ways --- */

TEST(calls_survive_each_failed_alloc_both_ways)
{
    struct plug_engine *e = world_engine();
    for (size_t w = 0; w < KIT_COUNT(both); w++) {
        struct plug_model_options o = world_options(e, "echo", both[w]);
        o.options = "{\"work_bytes\": 10}";
        TEST_ALLOC_SWEEP(n) {
            struct world_mark mark = world_mark();
            struct plug_model *m = NULL;
            struct plug_instance *i = NULL;
            struct plug_outputs out = {0};
            struct acb_instance_open open = {.size = sizeof(open), .cores_max = 1};
            enum kit_status rc = plug_model_open(e, &o, &m, NULL);
            rc = rc == KIT_OK ? plug_instance_open(m, &open, &i, NULL) : rc;
            rc = rc == KIT_OK ? world_echo(i, &cases[18], &out, NULL) : rc;
            assert_true(rc == KIT_OK || rc == KIT_NOMEM);
            plug_outputs_done(&out);
            plug_instance_close(i);
            plug_model_close(m);
            world_assert_clean(mark);
        }
    }
    plug_engine_free(e);
}

int main(int argc, char **argv)
{
    WORLD_CELL(argc, argv);
    return TEST_RUN(
        TEST_OF(echo_gives_back_each_tensor_both_ways), TEST_OF(echo_gives_what_is_wanted_in_that_order_both_ways),
        TEST_OF(echo_refuses_alike_both_ways), TEST_OF(infer_refuses_names_that_come_twice),
        TEST_OF(cell_memory_grows_with_the_tensors), TEST_OF(cell_gives_many_large_outputs_of_one_call),
        TEST_OF(cell_refuses_what_does_not_fit_its_shared_memory), TEST_OF(model_tells_the_same_of_itself_both_ways),
        TEST_OF(model_estimate_sums_by_kind), TEST_OF(model_open_names_the_option_that_is_wrong_both_ways),
        TEST_OF(model_open_names_the_file_that_is_broken_both_ways), TEST_OF(model_open_tells_its_progress_both_ways),
        TEST_OF(model_open_progress_never_falls_both_ways),
        TEST_OF(model_open_stops_when_nobody_wants_it_any_more_both_ways),
        TEST_OF(cancel_ends_the_running_call_both_ways), TEST_OF(cancel_is_never_missed_both_ways),
        TEST_OF(cancel_leaves_calls_of_another_flag_alone_both_ways),
        TEST_OF(calls_survive_each_failed_alloc_both_ways));
}
