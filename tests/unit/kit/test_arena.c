#include "support/test.h"

#include "kit/arena.h"

TEST(arena_pieces_are_aligned_and_do_not_overlap)
{
    struct kit_arena a;
    unsigned char *pieces[300];
    kit_arena_init(&a, KIT_MIB);
    for (size_t i = 0; i < KIT_COUNT(pieces); i++) {
        pieces[i] = kit_arena_get(&a, i);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        memset(pieces[i], (int)(i % 251), i);
    }
    for (size_t i = 0; i < KIT_COUNT(pieces); i++) {
        for (size_t k = 0; k < i; k++) {
            assert_int_equal(pieces[i][k], i % 251);
        }
    }
    kit_arena_done(&a);
}

TEST(arena_stops_at_its_maximum)
{
    struct kit_arena a;
    uint64_t before = kit_alloc_bytes();
    kit_arena_init(&a, 10000);
    size_t got = 0;
    while (kit_arena_get(&a, 100) != NULL) {
        got += 112;
        assert_true(a.bytes <= 10000);
    }
    assert_in_range(got, 9000, 10000);
    assert_null(kit_arena_get(&a, SIZE_MAX));
    assert_null(kit_arena_get(&a, SIZE_MAX - 20));
    assert_null(kit_arena_zero(&a, SIZE_MAX / 2, 3));
    kit_arena_done(&a);
    assert_int_equal(kit_alloc_bytes(), before);
}

TEST(arena_gives_one_piece_as_large_as_its_maximum_allows)
{
    struct kit_arena a;
    kit_arena_init(&a, KIT_MIB);
    assert_non_null(kit_arena_get(&a, KIT_MIB - 64));
    assert_null(kit_arena_get(&a, 64));
    kit_arena_done(&a);
}

TEST(arena_copies_end_with_a_nul)
{
    struct kit_arena a;
    kit_str s = {0};
    kit_arena_init(&a, 10000);
    char text[] = "hello";
    assert_ok(kit_arena_str(&a, kit_str_c(text), &s));
    text[0] = 'X';
    assert_str(s, "hello");
    assert_int_equal(s.ptr[5], 0);
    assert_ok(kit_arena_str(&a, (kit_str){0}, &s));
    assert_int_equal(s.ptr[0], 0);
    assert_string_equal(kit_arena_printf(&a, "%d+%s", 1, "x"), "1+x");
    kit_arena_done(&a);
}

TEST(arena_zero_is_cleared_after_a_reset)
{
    struct kit_arena a;
    kit_arena_init(&a, 10000);
    memset(kit_arena_get(&a, 1000), 0xFF, 1000);
    kit_arena_reset(&a);
    const unsigned char *p = kit_arena_zero(&a, 10, 100);
    assert_non_null(p);
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(p[i], 0);
    }
    kit_arena_done(&a);
}

static char order[8];
static char marks[] = "1\0002\0003\0004"; /* texts of one letter */

static char *mark(int i)
{
    return marks + (size_t)2 * (i - 1);
}

static void note(void *arg)
{
    strcat(order, arg);
}

TEST(arena_runs_cleanups_in_reverse_order_and_once)
{
    struct kit_arena a;
    kit_arena_init(&a, 10000);
    order[0] = '\0';
    assert_ok(kit_arena_defer(&a, note, mark(1)));
    assert_ok(kit_arena_defer(&a, note, mark(2)));
    assert_ok(kit_arena_defer(&a, note, mark(3)));
    kit_arena_reset(&a);
    assert_string_equal(order, "321");
    assert_ok(kit_arena_defer(&a, note, mark(4)));
    kit_arena_done(&a);
    assert_string_equal(order, "3214");
    kit_arena_done(&a);
    assert_string_equal(order, "3214");
}

TEST(arena_reset_keeps_the_first_block_only)
{
    struct kit_arena a;
    kit_arena_init(&a, KIT_MIB);
    assert_non_null(kit_arena_get(&a, 10));
    size_t first = a.bytes;
    assert_non_null(kit_arena_get(&a, 100000));
    kit_arena_reset(&a);
    assert_int_equal(a.bytes, first);
    uint64_t blocks = kit_alloc_count();
    assert_non_null(kit_arena_get(&a, 10));
    assert_int_equal(kit_alloc_count(), blocks);
    kit_arena_done(&a);
    kit_arena_done(NULL);
    kit_arena_done(&(struct kit_arena){0});
}

TEST(arena_survives_each_failed_alloc)
{
    TEST_ALLOC_SWEEP(n) {
        struct kit_arena a;
        int failures = 0;
        kit_str s;
        order[0] = '\0';
        kit_arena_init(&a, KIT_MIB);
        failures += kit_arena_get(&a, 4000) == NULL;
        failures += kit_arena_str(&a, kit_str_lit("abc"), &s) != KIT_OK;
        failures += kit_arena_printf(&a, "%*s", 5000, "") == NULL;
        bool deferred = kit_arena_defer(&a, note, mark(1)) == KIT_OK;
        kit_arena_done(&a);
        assert_string_equal(order, deferred ? "1" : "");
        assert_int_equal(failures + !deferred > 0, kit_alloc_failed());
    }
}

int main(void)
{
    return TEST_RUN(TEST_OF(arena_pieces_are_aligned_and_do_not_overlap), TEST_OF(arena_stops_at_its_maximum),
                    TEST_OF(arena_gives_one_piece_as_large_as_its_maximum_allows), TEST_OF(arena_copies_end_with_a_nul),
                    TEST_OF(arena_zero_is_cleared_after_a_reset),
                    TEST_OF(arena_runs_cleanups_in_reverse_order_and_once),
                    TEST_OF(arena_reset_keeps_the_first_block_only), TEST_OF(arena_survives_each_failed_alloc));
}
