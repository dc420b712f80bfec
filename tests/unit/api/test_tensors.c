#include "api/tensors.h"

#include <stdio.h>

#include "support/test.h"

struct parsed {
    struct kit_json_doc *doc;
    struct kit_arena arena;
    struct task_tensors tensors;
    struct kit_err err;
};

static enum kit_status parse(struct parsed *p, const char *json)
{
    *p = (struct parsed){0};
    kit_arena_init(&p->arena, KIT_MIB);
    enum kit_status rc = kit_json_parse(kit_str_c(json), 64, &p->doc, &p->err);
    return rc == KIT_OK ? api_tensors_parse(kit_json_root(p->doc), &p->arena, &p->tensors, &p->err) : rc;
}

static void parsed_done(struct parsed *p)
{
    kit_json_free(p->doc);
    kit_arena_done(&p->arena);
}

static void assert_round_trip(const char *dtype, const char *shape, const char *data)
{
    char json[512];
    struct parsed p;
    struct kit_buf text;
    struct kit_json_writer w;
    snprintf(json, sizeof(json), "[{\"name\":\"t\",\"dtype\":\"%s\",\"shape\":%s,\"data\":%s}]", dtype, shape, data);
    assert_int_equal(parse(&p, json), KIT_OK);
    kit_buf_init(&text, KIT_MIB);
    kit_json_writer_init(&w, &text);
    api_tensors_write(&w, p.tensors.tensor, p.tensors.count);
    char expected[600];
    snprintf(expected, sizeof(expected), "{\"tensors\":%s}", json);
    assert_str(kit_buf_str(&text), expected);
    kit_buf_done(&text);
    parsed_done(&p);
}

TEST(tensors_of_each_type_come_back_as_they_went)
{
    assert_round_trip("bool", "[2]", "[true,false]");
    assert_round_trip("uint8", "[3]", "[0,7,255]");
    assert_round_trip("int8", "[2]", "[-128,127]");
    assert_round_trip("uint16", "[1]", "[65535]");
    assert_round_trip("int16", "[1]", "[-32768]");
    assert_round_trip("uint32", "[1]", "[4294967295]");
    assert_round_trip("int32", "[1]", "[-2147483648]");
    assert_round_trip("uint64", "[1]", "[9223372036854775807]");
    assert_round_trip("int64", "[2]", "[-9223372036854775807,1]");
    assert_round_trip("float32", "[2]", "[0.1,-2.5]");
    assert_round_trip("float64", "[1]", "[0.1]");
    assert_round_trip("string", "[3]", "[\"a\",\"\",\"ä\\n\"]");
    assert_round_trip("int32", "[0]", "[]");
    assert_round_trip("int32", "[]", "[5]");
}

TEST(tensors_take_nested_data_in_row_major_order)
{
    struct parsed p;
    assert_int_equal(parse(&p, "[{\"name\":\"t\",\"dtype\":\"int32\",\"shape\":[2,3],\"data\":[[1,2,3],[4,5,6]]}]"),
                     KIT_OK);
    const int32_t *data = p.tensors.tensor[0]->data;
    for (int i = 0; i < 6; i++) {
        assert_int_equal(data[i], i + 1);
    }
    parsed_done(&p);
}

TEST(tensors_that_are_wrong_are_refused_by_name)
{
    static const char *const rows[] = {
        "[{\"name\":\"t\",\"dtype\":\"int9\",\"shape\":[1],\"data\":[1]}]",
        "[{\"dtype\":\"int8\",\"shape\":[1],\"data\":[1]}]",
        "[{\"name\":\"\",\"dtype\":\"int8\",\"shape\":[1],\"data\":[1]}]",
        "[{\"name\":\"t\",\"dtype\":\"int8\",\"shape\":[2],\"data\":[1]}]",
        "[{\"name\":\"t\",\"dtype\":\"int8\",\"shape\":[1],\"data\":[1,2]}]",
        "[{\"name\":\"t\",\"dtype\":\"int8\",\"shape\":[1],\"data\":[128]}]",
        "[{\"name\":\"t\",\"dtype\":\"int8\",\"shape\":[1],\"data\":[1.5]}]",
        "[{\"name\":\"t\",\"dtype\":\"int8\",\"shape\":[1],\"data\":[\"1\"]}]",
        "[{\"name\":\"t\",\"dtype\":\"bool\",\"shape\":[1],\"data\":[1]}]",
        "[{\"name\":\"t\",\"dtype\":\"string\",\"shape\":[1],\"data\":[1]}]",
        "[{\"name\":\"t\",\"dtype\":\"int8\",\"shape\":[-1],\"data\":[]}]",
        "[{\"name\":\"t\",\"dtype\":\"int8\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data\":[1]}]",
        "[{\"name\":\"t\",\"dtype\":\"int8\",\"shape\":[2147483647,2147483647,4],\"data\":[]}]",
        "[{\"name\":\"t\",\"dtype\":\"int8\",\"shape\":[1]}]",
        "[{\"name\":\"t\",\"dtype\":\"int8\",\"shape\":[1],\"data\":[1],\"strides\":[1]}]",
        "[{\"name\":\"t\",\"shape\":[1],\"data\":[1]}]",
        "[7]",
        "{}",
    };
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        struct parsed p;
        assert_int_equal(parse(&p, rows[i]), KIT_INVALID);
        assert_true(p.err.msg[0] != '\0');
        assert_string_equal(p.err.param, "inputs.tensors");
        parsed_done(&p);
    }
}

TEST(tensors_survive_each_failed_alloc)
{
    TEST_ALLOC_SWEEP(n) {
        struct parsed p;
        enum kit_status rc = parse(&p, "[{\"name\":\"t\",\"dtype\":\"string\",\"shape\":[1],\"data\":[\"abc\"]}]");
        assert_true(rc == KIT_OK || rc == KIT_NOMEM);
        parsed_done(&p);
    }
}

int main(void)
{
    return TEST_RUN(TEST_OF(tensors_of_each_type_come_back_as_they_went),
                    TEST_OF(tensors_take_nested_data_in_row_major_order),
                    TEST_OF(tensors_that_are_wrong_are_refused_by_name), TEST_OF(tensors_survive_each_failed_alloc));
}
