#include "task/points.h"

#include "support/test.h"

TEST(points_count_each_character_once)
{
    struct task_points p;
    task_points_init(&p, kit_str_lit("a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80z"));
    const struct {
        size_t byte;
        uint64_t points;
    } rows[] = {{0, 0}, {1, 1}, {3, 2}, {6, 3}, {10, 4}, {11, 5}, {99, 5}, {3, 2}};
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        assert_int_equal(task_points_before(&p, rows[i].byte), rows[i].points);
    }
}

TEST(points_of_no_text_are_none)
{
    struct task_points p;
    task_points_init(&p, (kit_str){0});
    assert_int_equal(task_points_before(&p, 0), 0);
    assert_int_equal(task_points_before(&p, 7), 0);
}

/* Each place of texts of many lengths, asked for in any order, beside a count from the start. */
TEST(points_do_not_depend_on_the_order_of_questions)
{
    static char text[1500];
    static uint64_t expected[sizeof(text) + 1];
    for (size_t len = 0; len < sizeof(text); len += len < 300 ? 1 : 131) {
        uint64_t points = 0;
        size_t starts = 0;
        for (size_t i = 0; i < len; i++) {
            bool goes_on = i % 5 == 3 || i % 7 == 4;
            text[i] = (char)(goes_on ? 0x80 + i % 64 : i % 11 == 0 ? 0xE2 : 'a');
            expected[i] = points;
            points += !goes_on;
            starts += !goes_on;
        }
        expected[len] = points;
        assert_int_equal(points, starts);
        struct task_points p;
        task_points_init(&p, (kit_str){.ptr = text, .len = len});
        for (size_t i = 0; i <= len; i++) {
            size_t byte = (i * 7919) % (len + 1);
            assert_int_equal(task_points_before(&p, byte), expected[byte]);
        }
    }
}

int main(void)
{
    return TEST_RUN(TEST_OF(points_count_each_character_once), TEST_OF(points_of_no_text_are_none),
                    TEST_OF(points_do_not_depend_on_the_order_of_questions));
}
