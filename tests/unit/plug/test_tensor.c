#include "plug/tensor.h"
#include "support/test.h"

/* --- sizes --- */

TEST(tensor_bytes_multiplies_the_shape)
{
    static const struct {
        uint32_t dtype, rank;
        int64_t shape[ACB_RANK_MAX];
        uint64_t bytes;
    } cases[] = {
        {ACB_F32, 0, {0}, 4},
        {ACB_F32, 2, {3, 5}, 60},
        {ACB_BOOL, 1, {7}, 7},
        {ACB_F64, 3, {2, 0, 9}, 0},
        {ACB_BF16, 1, {1}, 2},
        {ACB_STRING, 2, {2, 3}, 6},
        {ACB_U8, 8, {2, 2, 2, 2, 2, 2, 2, 2}, 256},
        {ACB_U8, 2, {0, INT64_C(1) << 60}, 0},
    };
    for (size_t k = 0; k < KIT_COUNT(cases); k++) {
        uint64_t bytes = 1;
        assert_int_equal(plug_tensor_bytes(cases[k].dtype, cases[k].rank, cases[k].shape, &bytes, NULL), KIT_OK);
        assert_int_equal(bytes, cases[k].bytes);
    }
}

TEST(tensor_bytes_refuses_what_no_tensor_can_be)
{
    static const struct {
        uint32_t dtype, rank;
        int64_t shape[ACB_RANK_MAX];
        const char *why;
    } cases[] = {
        {0, 1, {1}, "dtype 0 is not known"},
        {99, 1, {1}, "dtype 99 is not known"},
        {ACB_F32, 9, {1}, "9 dimensions, at most 8 are possible"},
        {ACB_F32, 2, {1, -2}, "dimension 1 is -2"},
        {ACB_F32, 2, {INT64_MAX, 2}, "the shape holds more than 2^62 bytes"},
        {ACB_F32, 3, {INT64_C(1) << 31, INT64_C(1) << 31, 2}, "the shape holds more than 2^62 bytes"},
    };
    for (size_t k = 0; k < KIT_COUNT(cases); k++) {
        uint64_t bytes = 77;
        struct kit_err err = {0};
        assert_int_equal(plug_tensor_bytes(cases[k].dtype, cases[k].rank, cases[k].shape, &bytes, &err), KIT_INVALID);
        assert_string_equal(err.msg, cases[k].why);
        assert_int_equal(bytes, 77);
    }
}

/* --- checks --- */

static struct acb_tensor floats(void)
{
    static float data[6];
    return (struct acb_tensor){.size = sizeof(struct acb_tensor),
                               .dtype = ACB_F32,
                               .rank = 2,
                               .name = "x",
                               .shape = {3, 2},
                               .data = data,
                               .bytes = 24};
}

static void assert_refused(const struct acb_tensor *t, const char *why)
{
    struct kit_err err = {0};
    assert_int_equal(plug_tensor_check(t, &err), KIT_INVALID);
    assert_string_equal(err.msg, why);
}

TEST(tensor_check_takes_a_sound_tensor)
{
    struct acb_tensor t = floats();
    assert_int_equal(plug_tensor_check(&t, NULL), KIT_OK);
    const uint64_t rows[] = {0, 0, 2, 3};
    t.row_offsets = rows;
    t.rows = 3;
    assert_int_equal(plug_tensor_check(&t, NULL), KIT_OK);
    t.shape[0] = 0;
    t.bytes = 0;
    t.data = NULL;
    const uint64_t none[] = {0};
    t.row_offsets = none;
    t.rows = 0;
    assert_int_equal(plug_tensor_check(&t, NULL), KIT_OK);
}

TEST(tensor_check_names_what_is_wrong)
{
    struct acb_tensor t = floats();
    t.bytes = 20;
    assert_refused(&t, "tensor 'x': 20 bytes, its shape needs 24");
    t = floats();
    t.data = NULL;
    assert_refused(&t, "tensor 'x': no data");
    t = floats();
    t.name = "";
    assert_refused(&t, "a tensor has no name of 1 to 255 printable bytes");
    t.name = "a\nb";
    assert_refused(&t, "a tensor has no name of 1 to 255 printable bytes");
    char endless[ACB_NAME_BYTES];
    memset(endless, 'n', sizeof(endless));
    t.name = endless;
    assert_refused(&t, "a tensor has no name of 1 to 255 printable bytes");
    t = floats();
    t.shape[1] = -1;
    assert_refused(&t, "tensor 'x': dimension 1 is -1");
}

TEST(tensor_check_wants_row_offsets_that_rise)
{
    static const struct {
        uint64_t rows[4];
        const char *why;
    } cases[] = {
        {{1, 1, 2, 3}, "tensor 'x': row_offsets must go from 0 to 3"},
        {{0, 1, 2, 4}, "tensor 'x': row_offsets must go from 0 to 3"},
        {{0, 2, 1, 3}, "tensor 'x': row_offsets fall at row 1"},
        {{0, UINT64_MAX, 3, 3}, "tensor 'x': row_offsets fall at row 1"},
    };
    for (size_t k = 0; k < KIT_COUNT(cases); k++) {
        struct acb_tensor t = floats();
        t.row_offsets = cases[k].rows;
        t.rows = 3;
        assert_refused(&t, cases[k].why);
    }
    struct acb_tensor t = floats();
    t.rows = 3;
    assert_refused(&t, "tensor 'x': rows without row_offsets");
    float one = 0;
    const uint64_t rows[] = {0, 0};
    t = (struct acb_tensor){.dtype = ACB_F32, .name = "x", .data = &one, .bytes = 4, .row_offsets = rows, .rows = 1};
    assert_refused(&t, "tensor 'x': a scalar has no rows");
}

TEST(tensor_check_walks_strings_to_their_end)
{
    static const struct {
        const char *data;
        uint64_t bytes;
        const char *why; /* NULL: sound */
    } cases[] = {
        {"\1\0\0\0a\0\0\0\0", 9, NULL},
        {"\1\0\0\0a\0\0\0", 8, "tensor 's': string 1 of 2 is missing"},
        {"\1\0\0\0a\1\0\0\0", 9, "tensor 's': string 1 is longer than the data"},
        {"\377\377\377\377a\0\0\0\0", 9, "tensor 's': string 0 is longer than the data"},
        {"\0\0\0\0\0\0\0\0x", 9, "tensor 's': 1 bytes behind the last string"},
        {"", 0, "tensor 's': string 0 of 2 is missing"},
    };
    for (size_t k = 0; k < KIT_COUNT(cases); k++) {
        void *exact = kit_alloc_copy(cases[k].data, cases[k].bytes);
        struct acb_tensor t = {
            .dtype = ACB_STRING, .rank = 1, .name = "s", .shape = {2}, .data = exact, .bytes = cases[k].bytes};
        if (cases[k].why == NULL) {
            assert_int_equal(plug_tensor_check(&t, NULL), KIT_OK);
        } else {
            assert_refused(&t, cases[k].why);
        }
        kit_alloc_free(exact);
    }
}

/* --- ports --- */

TEST(tensor_suits_compares_what_the_port_fixes)
{
    struct acb_tensor t = floats();
    struct acb_port p = {.size = sizeof(p), .dtype = ACB_F32, .rank = 2, .name = "x", .shape = {-1, 2}};
    struct kit_err err = {0};
    assert_int_equal(plug_tensor_suits(&t, &p, NULL), KIT_OK);
    p.shape[1] = 4;
    assert_int_equal(plug_tensor_suits(&t, &p, &err), KIT_INVALID);
    assert_string_equal(err.msg, "tensor 'x': dimension 1 is 2, not 4");
    p.rank = 1;
    assert_int_equal(plug_tensor_suits(&t, &p, &err), KIT_INVALID);
    assert_string_equal(err.msg, "tensor 'x' has 2 dimensions, not 1");
    p.dtype = ACB_I64;
    assert_int_equal(plug_tensor_suits(&t, &p, &err), KIT_INVALID);
    assert_string_equal(err.msg, "tensor 'x' is f32, not i64");
    p.dtype = ACB_DTYPE_ANY;
    p.rank = ACB_RANK_ANY;
    assert_int_equal(plug_tensor_suits(&t, &p, NULL), KIT_OK);
}

/* [sum of lengths, hidden] of a ragged port is [rows, length, hidden] when it comes dense. */
TEST(tensor_suits_takes_the_dense_form_of_a_ragged_port)
{
    float data[12];
    struct acb_tensor t = {
        .dtype = ACB_F32, .rank = 3, .name = "x", .shape = {2, 3, 2}, .data = data, .bytes = sizeof(data)};
    struct acb_port p = {
        .size = sizeof(p), .dtype = ACB_F32, .rank = 2, .flags = ACB_PORT_RAGGED, .name = "x", .shape = {-1, 2}};
    assert_int_equal(plug_tensor_suits(&t, &p, NULL), KIT_OK);
    p.shape[1] = 3;
    assert_int_equal(plug_tensor_suits(&t, &p, NULL), KIT_INVALID);
    p.shape[1] = 2;
    p.flags = 0;
    assert_int_equal(plug_tensor_suits(&t, &p, NULL), KIT_INVALID);
}

/* --- calls --- */

TEST(call_owns_what_is_not_taken)
{
    uint64_t before = kit_alloc_bytes();
    struct plug_call c;
    struct acb_tensor *t[3] = {NULL};
    struct acb_tensor like = floats();
    plug_tensor_call_init(&c, NULL);
    for (int k = 0; k < 3; k++) {
        assert_int_equal(plug_tensor_call_tensor(&c, &like, &t[k]), ACB_OK);
        assert_int_equal((uintptr_t)t[k]->data % 64, 0);
        assert_ptr_equal(plug_tensor_call_get(&c, (uint32_t)k), t[k]);
    }
    assert_null(plug_tensor_call_get(&c, 3));
    struct acb_tensor *mine = plug_tensor_call_take(&c, t[1]);
    assert_ptr_equal(plug_tensor_call_get(&c, 1), t[2]);
    assert_int_equal(plug_tensor_call_check(&c, mine, NULL), KIT_INTERNAL);
    assert_ptr_equal(plug_tensor_call_take(&c, t[2]), t[2]);
    plug_tensor_free(t[2]);
    assert_int_equal(plug_tensor_call_tensor(&c, &like, &t[2]), ACB_OK); /* behind the last that is left */
    assert_ptr_equal(plug_tensor_call_get(&c, 1), t[2]);
    plug_tensor_call_done(&c);
    plug_tensor_free(mine);
    assert_int_equal(kit_alloc_bytes(), before);
}

TEST(call_check_notices_each_changed_field)
{
    struct plug_call c;
    struct acb_tensor *t = NULL;
    struct acb_tensor like = floats();
    plug_tensor_call_init(&c, NULL);
    assert_int_equal(plug_tensor_call_tensor(&c, &like, &t), ACB_OK);
    const struct acb_tensor good = *t;
#define SPOIL(field, value)                                                                                            \
    t->field = value;                                                                                                  \
    assert_int_equal(plug_tensor_call_check(&c, t, NULL), KIT_INTERNAL);                                               \
    *t = good;                                                                                                         \
    assert_int_equal(plug_tensor_call_check(&c, t, NULL), KIT_OK)
    SPOIL(dtype, ACB_F64);
    SPOIL(rank, 1);
    SPOIL(device, 1);
    SPOIL(name, "other");
    SPOIL(shape[1], 3);
    SPOIL(data, &c);
    SPOIL(bytes, 1);
    SPOIL(rows, 1);
    SPOIL(row_offsets, &like.bytes);
    assert_int_equal(plug_tensor_call_check(&c, NULL, NULL), KIT_INTERNAL);
    plug_tensor_call_done(&c);
}

TEST(call_tensor_copies_name_and_rows)
{
    struct plug_call c;
    struct acb_tensor *t = NULL;
    struct acb_tensor like = floats();
    char name[] = "first";
    uint64_t rows[] = {0, 1, 3};
    like.name = name;
    like.row_offsets = rows;
    like.rows = 2;
    plug_tensor_call_init(&c, NULL);
    assert_int_equal(plug_tensor_call_tensor(&c, &like, &t), ACB_OK);
    name[0] = 'F';
    rows[1] = 9;
    assert_string_equal(t->name, "first");
    assert_int_equal(t->row_offsets[1], 1);
    assert_int_equal(t->rows, 2);
    assert_int_equal(plug_tensor_check(t, NULL), KIT_OK);
    plug_tensor_call_done(&c);
}

TEST(call_tensor_stops_at_its_limit)
{
    struct plug_call c;
    struct acb_tensor *t = NULL;
    struct acb_tensor like = floats();
    plug_tensor_call_init(&c, NULL);
    for (int k = 0; k < PLUG_CALL_TENSORS_MAX; k++) {
        assert_int_equal(plug_tensor_call_tensor(&c, &like, &t), ACB_OK);
    }
    assert_int_equal(plug_tensor_call_tensor(&c, &like, &t), ACB_FULL);
    like.shape[0] = -1;
    assert_int_equal(plug_tensor_call_tensor(&c, &like, &t), ACB_INVALID);
    assert_int_equal(plug_tensor_call_tensor(&c, NULL, &t), ACB_INVALID);
    plug_tensor_call_done(&c);
}

TEST(call_tensor_survives_each_failed_alloc)
{
    uint64_t rows[] = {0, 3};
    struct acb_tensor like = floats();
    like.row_offsets = rows;
    like.rows = 1;
    TEST_ALLOC_SWEEP(n) {
        uint64_t before = kit_alloc_bytes();
        struct plug_call c;
        struct acb_tensor *t = NULL;
        plug_tensor_call_init(&c, NULL);
        int32_t rc = plug_tensor_call_tensor(&c, &like, &t);
        assert_true(rc == ACB_OK ? t != NULL : rc == ACB_NOMEM && t == NULL);
        plug_tensor_call_done(&c);
        assert_int_equal(kit_alloc_bytes(), before);
    }
}

int main(void)
{
    return TEST_RUN(TEST_OF(tensor_bytes_multiplies_the_shape), TEST_OF(tensor_bytes_refuses_what_no_tensor_can_be),
                    TEST_OF(tensor_check_takes_a_sound_tensor), TEST_OF(tensor_check_names_what_is_wrong),
                    TEST_OF(tensor_check_wants_row_offsets_that_rise), TEST_OF(tensor_check_walks_strings_to_their_end),
                    TEST_OF(tensor_suits_compares_what_the_port_fixes),
                    TEST_OF(tensor_suits_takes_the_dense_form_of_a_ragged_port), TEST_OF(call_owns_what_is_not_taken),
                    TEST_OF(call_check_notices_each_changed_field), TEST_OF(call_tensor_copies_name_and_rows),
                    TEST_OF(call_tensor_stops_at_its_limit), TEST_OF(call_tensor_survives_each_failed_alloc));
}
