#include "heimnetz/chat_input.h"

#include "support/test.h"

/* Types lines until no other is wanted: the text then; how many lines it took in *lines. */
static const char *type(const char *const *lines, size_t *count)
{
    static char whole[256];
    struct kit_buf text;
    kit_buf_init(&text, sizeof(whole) - 1);
    for (*count = 0; lines[*count] != NULL;) {
        kit_buf_add(&text, kit_str_c(lines[(*count)++]));
        if (!heimnetz_input_goes_on(&text)) {
            break;
        }
        kit_buf_add_char(&text, '\n');
    }
    kit_str_to_c(kit_buf_str(&text), whole, sizeof(whole));
    kit_buf_done(&text);
    return whole;
}

TEST(input_takes_a_text_by_its_marks)
{
    static const struct {
        const char *lines[6];
        const char *text;
        size_t count;
    } rows[] = {
        {{"one", "two"}, "one", 1},
        {{"one\\", "two", "three"}, "one\ntwo", 2},
        {{"one\\", "\\", "three"}, "one\n\nthree", 3},
        {{"\"\"\"", "one", "", "two", "\"\"\"", "x"}, "one\n\ntwo", 5},
        {{"\"\"\"one", "two\"\"\"", "x"}, "one\ntwo", 2},
        {{"\"\"\"one\\", "two\"\"\"", "x"}, "one\\\ntwo", 2},
        {{"\"\"\"one\"\"\"", "x"}, "one", 1},
        {{"\"\"\"\"\"\"", "x"}, "", 1},
        {{"say \"\"\"", "x"}, "say \"\"\"", 1},
        {{"", "x"}, "", 1},
    };
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        size_t count;
        assert_string_equal(type(rows[i].lines, &count), rows[i].text);
        assert_int_equal(count, rows[i].count);
    }
}

int main(void)
{
    return TEST_RUN(TEST_OF(input_takes_a_text_by_its_marks));
}
