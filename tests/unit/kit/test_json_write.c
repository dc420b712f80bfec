#include "support/test.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "kit/json.h"

static struct kit_buf out;
static struct kit_json_writer w;

static int start(void **state)
{
    (void)state;
    kit_buf_init(&out, KIT_MIB);
    kit_json_writer_init(&w, &out);
    return 0;
}

static int end(void **state)
{
    (void)state;
    kit_buf_done(&out);
    return 0;
}

TEST(json_writer_puts_commas_and_colons_by_itself)
{
    kit_json_open(&w, '{');
    kit_json_key(&w, "a");
    kit_json_put_u64(&w, 1);
    kit_json_key_str(&w, kit_str_lit("b"));
    kit_json_open(&w, '[');
    kit_json_close(&w, ']');
    kit_json_key(&w, "c");
    kit_json_open(&w, '[');
    kit_json_put_bool(&w, true);
    kit_json_put_null(&w);
    kit_json_open(&w, '{');
    kit_json_close(&w, '}');
    kit_json_put_raw(&w, kit_str_lit("[1]"));
    kit_json_put_c(&w, NULL);
    kit_json_put_c(&w, "s");
    kit_json_close(&w, ']');
    kit_json_key(&w, "d");
    kit_json_put_bool(&w, false);
    kit_json_close(&w, '}');
    assert_ok(out.failed);
    assert_str(kit_buf_str(&out), "{\"a\":1,\"b\":[],\"c\":[true,null,{},[1],null,\"s\"],\"d\":false}");
}

TEST(json_writer_escapes_what_must_be_escaped_and_nothing_else)
{
    kit_json_put_str(&w, (kit_str){"\b\t\n\f\r\"\\/\0\x1F\x7F", 11});
    assert_str(kit_buf_str(&out), "\"\\b\\t\\n\\f\\r\\\"\\\\/\\u0000\\u001f\x7F\"");
}

TEST(json_writer_puts_replacement_characters_for_bytes_that_are_no_utf8)
{
    kit_json_put_str(&w, kit_str_lit("ok \xC3\xBC\xF0\x9F\x98\x80 \xFF\xC3 cut \xE2\x82"));
    assert_str(kit_buf_str(&out), "\"ok \xC3\xBC\xF0\x9F\x98\x80 \xEF\xBF\xBD\xEF\xBF\xBD cut "
                                  "\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

/* The fast path looks at eight bytes at once: each byte at each of its places must come back the same. */
TEST(json_writer_strings_read_back_for_each_byte_at_each_place)
{
    for (unsigned byte = 0; byte < 0x80; byte++) {
        for (size_t place = 0; place < 20; place++) {
            char text[20];
            struct kit_json_doc *d = NULL;
            memset(text, 'a', sizeof(text));
            text[place] = (char)byte;
            kit_buf_clear(&out);
            kit_json_writer_init(&w, &out);
            kit_json_put_str(&w, (kit_str){text, sizeof(text)});
            assert_ok(kit_json_parse(kit_buf_str(&out), 1, &d, NULL));
            kit_str back = kit_json_str(kit_json_root(d), (kit_str){0});
            assert_int_equal(back.len, sizeof(text));
            assert_memory_equal(back.ptr, text, sizeof(text));
            kit_json_free(d);
        }
    }
}

TEST(json_writer_numbers_reach_their_ends)
{
    kit_json_open(&w, '[');
    kit_json_put_u64(&w, UINT64_MAX);
    kit_json_put_i64(&w, INT64_MIN);
    kit_json_put_i64(&w, INT64_MAX);
    kit_json_put_f64(&w, 0.1);
    kit_json_put_f64(&w, DBL_MAX);
    kit_json_put_f64(&w, (double)NAN);
    kit_json_put_f64(&w, -(double)INFINITY);
    kit_json_close(&w, ']');
    assert_str(kit_buf_str(&out), "[18446744073709551615,-9223372036854775808,9223372036854775807,0.1,"
                                  "1.7976931348623157e308,null,null]");
}

TEST(json_writer_milliseconds_have_three_decimals)
{
    const uint64_t ns[] = {0, 499, 500, 1500000, 999999499, 999999500, 12345678901};
    kit_json_open(&w, '[');
    for (size_t i = 0; i < KIT_COUNT(ns); i++) {
        kit_json_put_ms(&w, ns[i]);
    }
    kit_json_close(&w, ']');
    assert_str(kit_buf_str(&out), "[0.000,0.000,0.001,1.500,999.999,1000.000,12345.679]");
}

TEST(json_writer_floats_read_back_as_the_same_float)
{
    float x[1000];
    struct kit_json_doc *d = NULL;
    for (size_t i = 0; i < KIT_COUNT(x); i++) {
        x[i] = (float)((double)i * 0.0123456789 - 5.0) / 7.0F;
    }
    kit_json_put_f32s(&w, x, KIT_COUNT(x));
    assert_ok(kit_json_parse(kit_buf_str(&out), 1, &d, NULL));
    assert_int_equal(kit_json_count(kit_json_root(d)), KIT_COUNT(x));
    for (struct kit_json_iter i = kit_json_iter(kit_json_root(d)); kit_json_next(&i);) {
        assert_true((float)kit_json_f64(i.value, 0) == x[i.index]);
    }
    kit_json_free(d);
}

TEST(json_writer_floats_that_are_no_numbers_are_null)
{
    kit_json_put_f32s(&w, (const float[]){NAN, 1, INFINITY, -0.0F}, 4);
    kit_json_put_f32s(&w, NULL, 0);
    kit_json_put_f32(&w, 0.1F);
    kit_json_put_f32(&w, NAN);
    assert_str(kit_buf_str(&out), "[null,1,null,-0.0],[],0.1,null");
}

TEST(json_writer_leaves_the_failure_in_the_buffer)
{
    struct kit_buf small;
    kit_buf_init(&small, 5);
    kit_json_writer_init(&w, &small);
    kit_json_open(&w, '[');
    kit_json_put_c(&w, "0123456789");
    kit_json_close(&w, ']');
    assert_int_equal(small.failed, KIT_FULL);
    kit_buf_done(&small);
}

TEST(json_writer_survives_each_failed_alloc)
{
    TEST_ALLOC_SWEEP(n) {
        struct kit_buf b;
        float x[300] = {0.1F};
        kit_buf_init(&b, KIT_MIB);
        kit_json_writer_init(&w, &b);
        kit_json_open(&w, '{');
        kit_json_key(&w, "x");
        kit_json_put_f32s(&w, x, KIT_COUNT(x));
        kit_json_close(&w, '}');
        assert_int_equal(b.failed, kit_alloc_failed() ? KIT_NOMEM : KIT_OK);
        kit_buf_done(&b);
    }
}

#define WITH_OUT(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
    return TEST_RUN(
        WITH_OUT(json_writer_puts_commas_and_colons_by_itself),
        WITH_OUT(json_writer_escapes_what_must_be_escaped_and_nothing_else),
        WITH_OUT(json_writer_puts_replacement_characters_for_bytes_that_are_no_utf8),
        WITH_OUT(json_writer_strings_read_back_for_each_byte_at_each_place),
        WITH_OUT(json_writer_numbers_reach_their_ends), WITH_OUT(json_writer_milliseconds_have_three_decimals),
        WITH_OUT(json_writer_floats_read_back_as_the_same_float),
        WITH_OUT(json_writer_floats_that_are_no_numbers_are_null),
        WITH_OUT(json_writer_leaves_the_failure_in_the_buffer), WITH_OUT(json_writer_survives_each_failed_alloc));
}
