#include "plug/status.h"
#include "support/test.h"

TEST(status_maps_each_code_by_phase)
{
    static const struct {
        int32_t code;
        enum kit_status opening, calling;
    } cases[] = {
        {ACB_OK, KIT_OK, KIT_OK},
        {ACB_INVALID, KIT_LOAD_FAILED, KIT_INVALID},
        {ACB_CORRUPT, KIT_LOAD_FAILED, KIT_INTERNAL},
        {ACB_UNSUPPORTED, KIT_UNSUPPORTED, KIT_UNSUPPORTED},
        {ACB_NOT_FOUND, KIT_LOAD_FAILED, KIT_INVALID},
        {ACB_NOMEM, KIT_NOMEM, KIT_NOMEM},
        {ACB_FULL, KIT_LOAD_FAILED, KIT_FULL},
        {ACB_CANCELLED, KIT_CANCELLED, KIT_CANCELLED},
        {ACB_IO, KIT_LOAD_FAILED, KIT_INTERNAL},
        {ACB_FAILED, KIT_LOAD_FAILED, KIT_INTERNAL},
        {ACB_FATAL, KIT_UNAVAILABLE, KIT_UNAVAILABLE},
        {11, KIT_INTERNAL, KIT_INTERNAL},
        {-1, KIT_INTERNAL, KIT_INTERNAL},
        {INT32_MAX, KIT_INTERNAL, KIT_INTERNAL},
        {INT32_MIN, KIT_INTERNAL, KIT_INTERNAL},
    };
    for (size_t k = 0; k < KIT_COUNT(cases); k++) {
        assert_int_equal(plug_status(PLUG_OPENING, cases[k].code, NULL, NULL), cases[k].opening);
        assert_int_equal(plug_status(PLUG_CALLING, cases[k].code, NULL, NULL), cases[k].calling);
    }
}

TEST(status_takes_the_back_ends_line_or_has_its_own)
{
    struct kit_err err = {0};
    char text[ACB_ERR_BYTES] = "tensor 'x' ends behind the file";
    (void)plug_status(PLUG_OPENING, ACB_CORRUPT, text, &err);
    assert_string_equal(err.msg, "tensor 'x' ends behind the file");
    (void)plug_status(PLUG_CALLING, ACB_FATAL, (char[ACB_ERR_BYTES]){0}, &err);
    assert_string_equal(err.msg, "the model is lost");
}

TEST(status_text_need_not_end_nor_be_clean)
{
    struct kit_err err = {0};
    char text[ACB_ERR_BYTES];
    memset(text, 'x', sizeof(text));
    memcpy(text, "a\nb\x80\xc3\xa4\x7f", 7);
    (void)plug_status(PLUG_CALLING, ACB_FAILED, text, &err);
    assert_true(strncmp(err.msg, "a b?\xc3\xa4 x", 7) == 0);
    assert_int_equal(strlen(err.msg), ACB_ERR_BYTES - 1);
}

TEST(status_clean_stops_where_the_room_ends)
{
    char buf[6];
    assert_string_equal(plug_status_clean("abc\xe2\x82\xac", 6, buf, sizeof(buf)), "abc"); /* no half of a character */
    assert_string_equal(plug_status_clean("abcdefgh", 8, buf, sizeof(buf)), "abcde");
    assert_string_equal(plug_status_clean("", 0, buf, sizeof(buf)), "");
    assert_string_equal(plug_status_clean("\xe2\x82", 2, buf, sizeof(buf)), "??");
}

int main(void)
{
    return TEST_RUN(TEST_OF(status_maps_each_code_by_phase), TEST_OF(status_takes_the_back_ends_line_or_has_its_own),
                    TEST_OF(status_text_need_not_end_nor_be_clean), TEST_OF(status_clean_stops_where_the_room_ends));
}
