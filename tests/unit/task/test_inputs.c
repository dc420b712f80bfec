#include "task/inputs.h"

#include "support/test.h"

static void assert_path(const struct task_inputs *in, uint32_t text, enum task_part part, const char *expected)
{
    char path[KIT_ERR_PARAM_BYTES];
    assert_string_equal(task_inputs_path(in, text, part, path), expected);
}

TEST(paths_name_an_input_and_its_member)
{
    struct task_inputs in = {.shape = TASK_SHAPE_TEXT, .text_count = 1, .item_count = 1};
    assert_path(&in, 0, TASK_PART_BOTH, "inputs");
    in.batch = true;
    assert_path(&in, 3, TASK_PART_FIRST, "inputs[3]");
    in.shape = TASK_SHAPE_PAIR;
    assert_path(&in, 3, TASK_PART_BOTH, "inputs[3]");
    assert_path(&in, 3, TASK_PART_FIRST, "inputs[3].text");
    assert_path(&in, 3, TASK_PART_SECOND, "inputs[3].pair");
    in = (struct task_inputs){.shape = TASK_SHAPE_ANSWER};
    assert_path(&in, 0, TASK_PART_SECOND, "inputs.context");
}

TEST(paths_count_texts_of_lists_within_their_item)
{
    uint32_t firsts[] = {0, 2, 5};
    struct task_inputs in = {
        .shape = TASK_SHAPE_RERANK, .batch = true, .text_count = 5, .item_count = 2, .firsts = firsts};
    assert_path(&in, 1, TASK_PART_SECOND, "inputs[0].texts[1]");
    assert_path(&in, 2, TASK_PART_FIRST, "inputs[1].query");
    assert_path(&in, 4, TASK_PART_BOTH, "inputs[1].texts[2]");
    in.shape = TASK_SHAPE_SIMILARITY;
    assert_path(&in, 2, TASK_PART_FIRST, "inputs[1].source");
    assert_path(&in, 4, TASK_PART_FIRST, "inputs[1].texts[1]");
}

TEST(a_place_belongs_to_the_item_that_begins_before_it)
{
    const uint32_t firsts[] = {0, 1, 4, 5, 9};
    const uint32_t items[] = {0, 1, 1, 1, 2, 3, 3, 3, 3};
    for (uint32_t i = 0; i < KIT_COUNT(items); i++) {
        assert_int_equal(task_item_at(firsts, 4, i), items[i]);
        assert_int_equal(task_item_at(NULL, 9, i), i);
    }
}

TEST(an_error_is_blamed_on_its_input)
{
    struct task_inputs in = {.shape = TASK_SHAPE_PAIR, .batch = true, .text_count = 2, .item_count = 2};
    struct kit_err err = {0};
    kit_fail(&err, KIT_TOO_LARGE, "is too long");
    assert_int_equal(task_inputs_blame(&in, 1, TASK_PART_SECOND, KIT_TOO_LARGE, &err), KIT_TOO_LARGE);
    assert_string_equal(err.param, "inputs[1].pair");
    assert_string_equal(err.msg, "inputs[1].pair: is too long");
    assert_int_equal(task_inputs_blame(&in, 1, TASK_PART_SECOND, KIT_TOO_LARGE, NULL), KIT_TOO_LARGE);
}

int main(void)
{
    return TEST_RUN(TEST_OF(paths_name_an_input_and_its_member), TEST_OF(paths_count_texts_of_lists_within_their_item),
                    TEST_OF(a_place_belongs_to_the_item_that_begins_before_it),
                    TEST_OF(an_error_is_blamed_on_its_input));
}
