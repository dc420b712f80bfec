#include "support/test.h"

#include "kit/alloc.h"

TEST(alloc_counts_blocks_and_bytes)
{
    uint64_t bytes = kit_alloc_bytes(), blocks = kit_alloc_count();
    char *p = kit_alloc(1000);
    char *q = kit_alloc_zero(10, 10);
    assert_non_null(p);
    assert_non_null(q);
    assert_int_equal(kit_alloc_count(), blocks + 2);
    assert_true(kit_alloc_bytes() >= bytes + 1100);
    p = kit_alloc_resize(p, 100000);
    assert_non_null(p);
    assert_true(kit_alloc_bytes() >= bytes + 100100);
    assert_int_equal(kit_alloc_count(), blocks + 2);
    p = kit_alloc_resize(p, 10);
    assert_non_null(p);
    assert_true(kit_alloc_bytes() < bytes + 100000);
    kit_alloc_free(p);
    kit_alloc_free(q);
    kit_alloc_free(NULL);
    assert_int_equal(kit_alloc_count(), blocks);
    assert_int_equal(kit_alloc_bytes(), bytes);
}

TEST(alloc_zero_is_cleared_even_where_memory_was_used_before)
{
    for (int round = 0; round < 4; round++) {
        char *p = kit_alloc_zero(3, 100);
        assert_non_null(p);
        for (size_t i = 0; i < 300; i++) {
            assert_int_equal(p[i], 0);
        }
        memset(p, 0xAA, 300);
        kit_alloc_free(p);
    }
}

TEST(alloc_refuses_a_product_that_overflows)
{
    assert_null(kit_alloc_zero(SIZE_MAX / 2, 3));
    assert_null(kit_alloc_array(SIZE_MAX / 2, 3));
    assert_null(kit_alloc_copy("", SIZE_MAX));
}

TEST(alloc_of_nothing_is_a_block)
{
    void *blocks[] = {kit_alloc(0), kit_alloc_zero(0, 8), kit_alloc_array(0, 8), kit_alloc_resize(NULL, 0)};
    for (size_t i = 0; i < KIT_COUNT(blocks); i++) {
        assert_non_null(blocks[i]);
        kit_alloc_free(blocks[i]);
    }
}

TEST(alloc_copy_adds_a_nul)
{
    char *p = kit_alloc_copy("a\0bX", 3);
    assert_non_null(p);
    assert_memory_equal(p, "a\0b", 4);
    kit_alloc_free(p);
    p = kit_alloc_copy(NULL, 0);
    assert_non_null(p);
    assert_int_equal(p[0], 0);
    kit_alloc_free(p);
}

TEST(alloc_aligned_is_aligned)
{
    for (size_t align = 16; align <= 2 * KIT_MIB; align *= 2) {
        char *p = kit_alloc_aligned(align, 100);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % align, 0);
        memset(p, 1, 100);
        kit_alloc_free(p);
    }
}

TEST(alloc_printf_makes_the_whole_text)
{
    char *text = kit_alloc_printf("%0*d|%s", 500, 7, "end");
    assert_non_null(text);
    assert_int_equal(strlen(text), 504);
    assert_string_equal(text + 499, "7|end");
    kit_alloc_free(text);
}

TEST(alloc_fail_at_fails_the_nth_of_this_thread_once)
{
    kit_alloc_fail_at(2);
    void *first = kit_alloc(1);
    assert_non_null(first);
    assert_false(kit_alloc_failed());
    assert_null(kit_alloc_resize(first, 100)); /* the old block stays */
    assert_true(kit_alloc_failed());
    void *third = kit_alloc(1);
    assert_non_null(third);
    assert_true(kit_alloc_failed());
    kit_alloc_fail_at(0);
    assert_false(kit_alloc_failed());
    kit_alloc_free(first);
    kit_alloc_free(third);
}

static void *get(int how)
{
    switch (how) {
    case 0:
        return kit_alloc(1);
    case 1:
        return kit_alloc_zero(1, 1);
    case 2:
        return kit_alloc_array(1, 1);
    case 3:
        return kit_alloc_resize(NULL, 1);
    case 4:
        return kit_alloc_copy("a", 1);
    case 5:
        return kit_alloc_aligned(16, 1);
    default:
        return kit_alloc_printf("a");
    }
}

TEST(alloc_fail_at_reaches_every_way_to_allocate)
{
    for (int how = 0; how < 7; how++) {
        int runs = 0;
        TEST_ALLOC_SWEEP(n) {
            void *p = get(how);
            assert_int_equal(p == NULL, n == 1);
            kit_alloc_free(p);
            runs++;
        }
        assert_int_equal(runs, 2);
    }
}

int main(void)
{
    return TEST_RUN(
        TEST_OF(alloc_counts_blocks_and_bytes), TEST_OF(alloc_zero_is_cleared_even_where_memory_was_used_before),
        TEST_OF(alloc_refuses_a_product_that_overflows), TEST_OF(alloc_of_nothing_is_a_block),
        TEST_OF(alloc_copy_adds_a_nul), TEST_OF(alloc_aligned_is_aligned), TEST_OF(alloc_printf_makes_the_whole_text),
        TEST_OF(alloc_fail_at_fails_the_nth_of_this_thread_once), TEST_OF(alloc_fail_at_reaches_every_way_to_allocate));
}
