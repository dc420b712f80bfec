#include <stdio.h>
#include <unistd.h>

#include "kit/map.h"
#include "safetensors.h"
#include "support/temp.h"
#include "support/test.h"

#define FILE_BYTES_MAX 4096

/* Writes a file with this header and `data` bytes behind it; header_bytes < 0: the truth. */
static const char *write_file(const char *header, int64_t header_bytes, size_t data)
{
    static char path[TEST_PATH_BYTES];
    char bytes[FILE_BYTES_MAX];
    uint64_t length = header_bytes < 0 ? strlen(header) : (uint64_t)header_bytes;
    for (size_t i = 0; i < 8; i++) {
        bytes[i] = (char)(length >> (8 * i));
    }
    memcpy(bytes + 8, header, strlen(header));
    for (size_t i = 0; i < data; i++) {
        bytes[8 + strlen(header) + i] = (char)i;
    }
    return test_temp_write(path, "model.safetensors", (kit_str){bytes, 8 + strlen(header) + data});
}

static enum kit_status open_file(const char *header, int64_t header_bytes, size_t data, struct native_safetensors **s,
                                 struct kit_err *err)
{
    *s = NULL;
    return native_safetensors_open(write_file(header, header_bytes, data), s, err);
}

TEST(safetensors_reads_each_tensor_with_its_shape_and_place)
{
    struct kit_err err;
    struct native_safetensors *s = NULL;
    const char *header = "{\"__metadata__\":{\"format\":\"pt\"},"
                         "\"b\":{\"dtype\":\"F16\",\"shape\":[3],\"data_offsets\":[16,22]},"
                         "\"a\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]},"
                         "\"none\":{\"dtype\":\"I64\",\"shape\":[0,7],\"data_offsets\":[16,16]}}  ";
    assert_int_equal(open_file(header, -1, 22, &s, &err), KIT_OK);
    const struct native_tensor *a = native_safetensors_find(s, kit_str_lit("a"));
    const struct native_tensor *b = native_safetensors_find(s, kit_str_lit("b"));
    const struct native_tensor *none = native_safetensors_find(s, kit_str_lit("none"));
    assert_true(a != NULL && b != NULL && none != NULL);
    assert_true(a->dtype == NATIVE_F32 && a->rank == 2 && a->shape[0] == 2 && a->shape[1] == 2 && a->bytes == 16);
    assert_int_equal(a->data[3], 3);
    assert_true(b->dtype == NATIVE_F16 && b->rank == 1 && b->bytes == 6);
    assert_int_equal(b->data[0], 16);
    assert_true(none->dtype == NATIVE_OTHER && none->bytes == 0);
    assert_null(native_safetensors_find(s, kit_str_lit("c")));
    assert_null(native_safetensors_find(s, kit_str_lit("__metadata__")));
    native_safetensors_close(s);
}

TEST(safetensors_takes_a_scalar_and_an_empty_table)
{
    struct kit_err err;
    struct native_safetensors *s = NULL;
    assert_int_equal(open_file("{\"x\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", -1, 4, &s, &err),
                     KIT_OK);
    assert_int_equal(native_safetensors_find(s, kit_str_lit("x"))->rank, 0);
    native_safetensors_close(s);
    assert_int_equal(open_file("{}", -1, 0, &s, &err), KIT_OK);
    native_safetensors_close(s);
}

/* What a broken or lying file may say, and the word that must be in the answer. */
struct lie {
    const char *header;
    int64_t header_bytes; /* -1: the truth */
    size_t data;
    const char *word;
};

#define ONE(dtype, shape, offsets)                                                                                     \
    "{\"tensor.one\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

static const struct lie lies[] = {
    {"", 0, 0, "header"},
    {"{}", INT64_MAX, 0, "header"},
    {"{}", 100000001, 0, "100000000"},
    {"{}", 3, 0, "header"},
    {"{", -1, 0, "header"},
    {"[]", -1, 0, "object"},
    {"{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}}}}}", -1, 0, "header"},
    {"{\"tensor.one\":7}", -1, 0, "tensor.one"},
    {"{\"tensor.one\":{}}", -1, 0, "tensor.one"},
    {ONE("\"F32\"", "[1]", "[0,4]"), -1, 3, "tensor.one"},
    {ONE("\"F32\"", "[1]", "[0,4]"), -1, 5, "belong to no tensor"},
    {ONE("\"F32\"", "[1]", "[4,8]"), -1, 8, "gap"},
    {ONE("\"F32\"", "[2]", "[0,4]"), -1, 4, "[2]"},
    {ONE("\"F32\"", "[1]", "[4,0]"), -1, 4, "tensor.one"},
    {ONE("\"F32\"", "[1]", "[-4,0]"), -1, 4, "tensor.one"},
    {ONE("\"F32\"", "[1]", "[0]"), -1, 4, "data_offsets"},
    {ONE("\"F32\"", "[1]", "[0,4,8]"), -1, 8, "data_offsets"},
    {ONE("\"F32\"", "[1]", "\"0,4\""), -1, 4, "data_offsets"},
    {ONE("\"F32\"", "[1]", "[0,4.5]"), -1, 5, "tensor.one"},
    {ONE("\"F32\"", "[1]", "[0,18446744073709551612]"), -1, 4, "tensor.one"},
    {ONE("\"F32\"", "[-1]", "[0,4]"), -1, 4, "shape"},
    {ONE("\"F32\"", "[1.5]", "[0,6]"), -1, 6, "shape"},
    {ONE("\"F32\"", "1", "[0,4]"), -1, 4, "shape"},
    {ONE("\"F32\"", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), -1, 4, "shape"},
    {ONE("\"F32\"", "[4611686018427387905]", "[0,4]"), -1, 4, "tensor.one"}, /* times 4 it wraps to 4 */
    {ONE("\"F32\"", "[4294967296,4294967296]", "[0,0]"), -1, 0, "tensor.one"},
    {ONE("\"F32\"", "[9223372036854775807,9223372036854775807,0]", "[0,0]"), -1, 0, "tensor.one"},
    {ONE("\"F4\"", "[1]", "[0,0]"), -1, 0, "tensor.one"}, /* half a byte */
    {ONE("\"Q4_K\"", "[1]", "[0,4]"), -1, 4, "Q4_K"},
    {ONE("32", "[1]", "[0,4]"), -1, 4, "dtype"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
     "\"tensor.two\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
     -1, 8, "overlaps"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
     "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
     -1, 8, "twice"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
     "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
     -1, 4, "overlaps"},
};

TEST(safetensors_refuses_each_lie_and_names_the_tensor)
{
    for (size_t i = 0; i < KIT_COUNT(lies); i++) {
        struct kit_err err = {0};
        struct native_safetensors *s = NULL;
        enum kit_status rc = open_file(lies[i].header, lies[i].header_bytes, lies[i].data, &s, &err);
        if (rc != KIT_PARSE || strstr(err.msg, lies[i].word) == NULL) {
            fail_msg("lie %zu: status %d, '%s'", i, (int)rc, err.msg);
        }
        assert_null(s);
    }
}

TEST(safetensors_refuses_every_cut_of_a_good_file)
{
    char path[TEST_PATH_BYTES];
    char bytes[FILE_BYTES_MAX];
    const char *header = ONE("\"F32\"", "[2]", "[0,8]");
    FILE *f = fopen(write_file(header, -1, 8), "rb");
    size_t len = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    for (size_t cut = 0; cut < len; cut++) {
        struct native_safetensors *s = NULL;
        test_temp_write(path, "cut.safetensors", (kit_str){bytes, cut});
        assert_int_equal(native_safetensors_open(path, &s, NULL), KIT_PARSE);
    }
}

/* No byte of the header may lead to a crash, whatever it becomes. */
TEST(safetensors_survives_each_byte_of_its_header_changed)
{
    char path[TEST_PATH_BYTES];
    char bytes[FILE_BYTES_MAX];
    static const char values[] = {0, '"', '9', '[', '}', (char)0xff};
    FILE *f = fopen(write_file(ONE("\"F32\"", "[2]", "[0,8]"), -1, 8), "rb");
    size_t len = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    uint32_t refused = 0;
    for (size_t at = 0; at < len - 8; at++) {
        char old = bytes[at];
        for (size_t v = 0; v < sizeof(values); v++) {
            struct native_safetensors *s = NULL;
            bytes[at] = values[v];
            test_temp_write(path, "changed.safetensors", (kit_str){bytes, len});
            refused += native_safetensors_open(path, &s, NULL) != KIT_OK;
            native_safetensors_close(s);
        }
        bytes[at] = old;
    }
    assert_true(refused > len);
}

TEST(safetensors_open_says_when_there_is_no_file)
{
    struct kit_err err;
    struct native_safetensors *s = NULL;
    char path[TEST_PATH_BYTES];
    assert_int_equal(native_safetensors_open(test_temp_path(path, "no.safetensors"), &s, &err), KIT_NOT_FOUND);
}

TEST(safetensors_rows_are_read_from_any_address_and_dtype)
{
    struct native_safetensors *s = NULL;
    float row[2];
    /* The header is one byte off, so that no float is aligned. */
    const char *header = "{\"h\":{\"dtype\":\"BF16\",\"shape\":[2,2],\"data_offsets\":[16,24]},"
                         "\"f\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}} ";
    assert_int_equal(open_file(header, -1, 24, &s, NULL), KIT_OK);
    native_tensor_row(native_safetensors_find(s, kit_str_lit("f")), 1, 2, row);
    uint32_t bits;
    memcpy(&bits, &row[0], sizeof(bits));
    assert_int_equal(bits, 0x0b0a0908);
    native_tensor_row(native_safetensors_find(s, kit_str_lit("h")), 1, 2, row);
    memcpy(&bits, &row[1], sizeof(bits));
    assert_int_equal(bits, 0x17160000);
    native_safetensors_close(s);
}

TEST(safetensors_survives_each_failed_alloc)
{
    const char *path = write_file(ONE("\"F32\"", "[2]", "[0,8]"), -1, 8);
    uint64_t blocks = kit_alloc_count();
    TEST_ALLOC_SWEEP(n) {
        struct native_safetensors *s = NULL;
        enum kit_status rc = native_safetensors_open(path, &s, NULL);
        assert_true(rc == KIT_OK ? s != NULL : rc == KIT_NOMEM && s == NULL);
        native_safetensors_close(s);
    }
    assert_int_equal(kit_alloc_count(), blocks);
}

int main(void)
{
    return TEST_RUN(TEST_OF(safetensors_reads_each_tensor_with_its_shape_and_place),
                    TEST_OF(safetensors_takes_a_scalar_and_an_empty_table),
                    TEST_OF(safetensors_refuses_each_lie_and_names_the_tensor),
                    TEST_OF(safetensors_refuses_every_cut_of_a_good_file),
                    TEST_OF(safetensors_survives_each_byte_of_its_header_changed),
                    TEST_OF(safetensors_open_says_when_there_is_no_file),
                    TEST_OF(safetensors_rows_are_read_from_any_address_and_dtype),
                    TEST_OF(safetensors_survives_each_failed_alloc));
}
