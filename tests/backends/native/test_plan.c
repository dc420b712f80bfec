#include "guard.h"
#include "plan.h"
#include "support/test.h"

/* A batch of rows of these lengths; only row_from is looked at. */
static struct native_batch batch_of(const uint32_t *lengths, uint32_t rows)
{
    struct native_batch b = {.rows = rows};
    b.row_from = kit_alloc_array(rows + 1, sizeof(b.row_from[0]));
    for (uint32_t i = 0; i < rows; i++) {
        b.row_from[i] = b.tokens;
        b.tokens += lengths[i];
    }
    b.row_from[rows] = b.tokens;
    return b;
}

static uint32_t length_of(const struct native_batch *b, uint32_t row)
{
    return b->row_from[row + 1] - b->row_from[row];
}

/* Each row with tokens is in one block, and what the plan says of itself is true. */
static void check(const struct native_batch *b, const struct native_plan *p)
{
    uint8_t *seen = kit_alloc_zero(b->rows + 1, 1);
    uint32_t largest = 0, longest = 0, rows = 0;
    for (uint32_t i = 0; i < p->blocks; i++) {
        uint32_t tokens = 0;
        assert_true(p->from[i + 1] > p->from[i]);
        for (uint32_t j = p->from[i]; j < p->from[i + 1]; j++) {
            assert_int_equal(seen[p->row[j]]++, 0);
            tokens += length_of(b, p->row[j]);
            longest = KIT_MAX(longest, length_of(b, p->row[j]));
        }
        largest = KIT_MAX(largest, tokens);
    }
    for (uint32_t r = 0; r < b->rows; r++) {
        assert_int_equal(seen[r], length_of(b, r) > 0);
        rows += seen[r];
    }
    assert_true(p->blocks == 0 ? rows == 0 : p->from[p->blocks] == rows);
    assert_true(p->tokens_max == largest && p->row_max == longest);
    assert_true(largest <= native_plan_tokens_bound(longest, 0));
    kit_alloc_free(seen);
}

static struct native_plan plan_of(const struct native_batch *b, uint32_t cores)
{
    struct native_plan p = {0};
    assert_int_equal(native_plan_make(b, cores, &p, NULL), KIT_OK);
    check(b, &p);
    return p;
}

static bool is_apart(const uint32_t *lengths, uint32_t rows, uint32_t cores)
{
    struct native_batch b = batch_of(lengths, rows);
    struct native_plan p = plan_of(&b, cores);
    bool ret = p.apart;
    native_plan_done(&p);
    native_batch_done(&b);
    return ret;
}

TEST(plan_puts_each_row_into_one_block_within_the_bound)
{
    for (int times = 0; times < 300; times++) {
        uint32_t lengths[200];
        uint32_t rows = guard_random(200);
        uint32_t high = 1 + guard_random(512);
        for (uint32_t i = 0; i < rows; i++) {
            lengths[i] = guard_random(high + 1);
        }
        struct native_batch b = batch_of(lengths, rows);
        struct native_plan p = plan_of(&b, 1 + guard_random(8));
        native_plan_done(&p);
        native_batch_done(&b);
    }
}

TEST(plan_of_no_tokens_has_no_blocks)
{
    assert_false(is_apart(NULL, 0, 2));
    assert_false(is_apart((const uint32_t[]){0, 0, 0}, 3, 2));
}

TEST(plan_uses_all_cores_on_one_long_row_and_on_few_tokens)
{
    assert_false(is_apart((const uint32_t[]){512}, 1, 2));
    assert_false(is_apart((const uint32_t[]){500, 8, 8}, 3, 2));
    assert_false(is_apart((const uint32_t[]){8, 9}, 2, 2));
    assert_false(is_apart((const uint32_t[]){60, 60, 60}, 3, 2));
}

TEST(plan_keeps_the_cores_apart_when_there_is_enough_for_each)
{
    uint32_t lengths[64];
    for (uint32_t i = 0; i < 64; i++) {
        lengths[i] = 8 + i;
    }
    assert_true(is_apart(lengths, 64, 2));
    assert_false(is_apart(lengths, 64, 1));
    assert_true(is_apart((const uint32_t[]){200, 200}, 2, 2));
}

TEST(plan_survives_each_failed_alloc)
{
    struct native_batch b = batch_of((const uint32_t[]){5, 6, 7}, 3);
    uint64_t blocks = kit_alloc_count();
    TEST_ALLOC_SWEEP(n) {
        struct native_plan p = {0};
        enum kit_status rc = native_plan_make(&b, 2, &p, NULL);
        assert_true(rc == KIT_OK || rc == KIT_NOMEM);
        native_plan_done(&p);
    }
    assert_int_equal(kit_alloc_count(), blocks);
    native_batch_done(&b);
}

int main(void)
{
    return TEST_RUN(
        TEST_OF(plan_puts_each_row_into_one_block_within_the_bound), TEST_OF(plan_of_no_tokens_has_no_blocks),
        TEST_OF(plan_uses_all_cores_on_one_long_row_and_on_few_tokens),
        TEST_OF(plan_keeps_the_cores_apart_when_there_is_enough_for_each), TEST_OF(plan_survives_each_failed_alloc));
}
