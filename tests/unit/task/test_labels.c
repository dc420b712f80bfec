#include "task/labels.h"

#include "support/test.h"

TEST(labels_know_their_prefixes_and_names)
{
    struct task_labels l;
    assert_ok(
        task_labels_make(&l, kit_str_lit("[\"O\",\"B-PER\",\"I-PER\",\"E-LOC\",\"U-LOC\",\"X-A\",\"B-\"]"), 7, NULL));
    const struct {
        const char *name;
        enum task_tag tag;
        uint32_t name_id;
        bool outside;
    } rows[] = {{"O", TASK_TAG_INSIDE, 0, true},    {"PER", TASK_TAG_BEGIN, 1, false},
                {"PER", TASK_TAG_INSIDE, 1, false}, {"LOC", TASK_TAG_END, 3, false},
                {"LOC", TASK_TAG_SINGLE, 3, false}, {"X-A", TASK_TAG_INSIDE, 5, false},
                {"B-", TASK_TAG_INSIDE, 6, false}};
    for (uint32_t i = 0; i < 7; i++) {
        assert_str(l.label[i].name, rows[i].name);
        assert_int_equal(l.label[i].tag, rows[i].tag);
        assert_int_equal(l.label[i].name_id, rows[i].name_id);
        assert_int_equal(l.label[i].outside, rows[i].outside);
    }
    task_labels_done(&l);
}

TEST(labels_that_are_not_told_are_numbered)
{
    struct task_labels l;
    assert_ok(task_labels_make(&l, (kit_str){0}, 2, NULL));
    assert_str(l.label[1].text, "LABEL_1");
    task_labels_done(&l);
    assert_ok(task_labels_make(&l, kit_str_lit("[\"a\",null,\"c\",\"too many\"]"), 3, NULL));
    assert_str(l.label[0].text, "a");
    assert_str(l.label[1].text, "LABEL_1");
    assert_str(l.label[2].text, "c");
    task_labels_done(&l);
    assert_ok(task_labels_make(&l, kit_str_lit("{\"0\":\"a\"}"), 1, NULL));
    assert_str(l.label[0].text, "LABEL_0");
    task_labels_done(&l);
}

TEST(labels_that_are_no_json_are_refused)
{
    struct task_labels l;
    struct kit_err err = {0};
    assert_int_equal(task_labels_make(&l, kit_str_lit("[\"a\""), 1, &err), KIT_PARSE);
    task_labels_done(&l);
}

TEST(labels_survive_each_failed_alloc)
{
    TEST_ALLOC_SWEEP(n) {
        struct task_labels l;
        enum kit_status rc = task_labels_make(&l, kit_str_lit("[\"a\",\"b\"]"), 2, NULL);
        assert_true(rc == KIT_OK || rc == KIT_NOMEM);
        task_labels_done(&l);
    }
}

int main(void)
{
    return TEST_RUN(TEST_OF(labels_know_their_prefixes_and_names), TEST_OF(labels_that_are_not_told_are_numbered),
                    TEST_OF(labels_that_are_no_json_are_refused), TEST_OF(labels_survive_each_failed_alloc));
}
