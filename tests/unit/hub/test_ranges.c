#include "hub/ranges.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/test.h"

static void assert_ranges(const struct hub_ranges *r, const char *expected)
{
    char text[256] = "";
    for (uint32_t i = 0; i < r->count; i++) {
        size_t at = strlen(text);
        snprintf(text + at, sizeof(text) - at, "%s%llu-%llu", i > 0 ? " " : "", (unsigned long long)r->at[i].from,
                 (unsigned long long)r->at[i].to);
    }
    assert_string_equal(text, expected);
}

TEST(ranges_add_joins_what_touches)
{
    struct hub_ranges r = {0};
    assert_true(hub_ranges_add(&r, 10, 20));
    assert_true(hub_ranges_add(&r, 30, 40));
    assert_ranges(&r, "10-20 30-40");
    assert_true(hub_ranges_add(&r, 20, 25));
    assert_true(hub_ranges_add(&r, 5, 5));
    assert_ranges(&r, "10-25 30-40");
    assert_true(hub_ranges_add(&r, 0, 3));
    assert_true(hub_ranges_add(&r, 24, 31));
    assert_ranges(&r, "0-3 10-40");
    assert_true(hub_ranges_add(&r, 0, 100));
    assert_ranges(&r, "0-100");
}

TEST(ranges_prefix_and_bytes)
{
    struct hub_ranges r = {0};
    assert_int_equal(hub_ranges_prefix(&r), 0);
    hub_ranges_add(&r, 10, 20);
    assert_int_equal(hub_ranges_prefix(&r), 0);
    hub_ranges_add(&r, 0, 4);
    assert_int_equal(hub_ranges_prefix(&r), 4);
    assert_int_equal(hub_ranges_bytes(&r), 14);
}

TEST(ranges_hole_is_the_first_one)
{
    struct hub_ranges r = {0};
    struct hub_range hole = {0};
    assert_true(hub_ranges_hole(&r, 100, 30, &hole));
    assert_true(hole.from == 0 && hole.to == 30);
    hub_ranges_add(&r, 0, 10);
    hub_ranges_add(&r, 15, 100);
    assert_true(hub_ranges_hole(&r, 100, 30, &hole));
    assert_true(hole.from == 10 && hole.to == 15);
    hub_ranges_add(&r, 10, 15);
    assert_false(hub_ranges_hole(&r, 100, 30, &hole));
    assert_false(hub_ranges_hole(&r, 0, 30, &hole));
    assert_true(hub_ranges_hole(&r, UINT64_MAX, UINT64_MAX, &hole));
    assert_true(hole.from == 100 && hole.to == UINT64_MAX);
}

TEST(ranges_are_bounded)
{
    struct hub_ranges r = {0};
    for (uint64_t i = 0; i < HUB_RANGES_MAX; i++) {
        assert_true(hub_ranges_add(&r, i * 10, i * 10 + 5));
    }
    assert_false(hub_ranges_add(&r, 10000, 10001));
    assert_true(hub_ranges_add(&r, 5, 10)); /* joins two */
    assert_true(hub_ranges_add(&r, 10000, 10001));
}

/* Against a table of bytes. */
TEST(ranges_agree_with_a_table_of_bytes)
{
    unsigned seed = 7;
    for (int round = 0; round < 200; round++) {
        struct hub_ranges r = {0};
        char table[128] = {0};
        for (int i = 0; i < 12; i++) {
            unsigned from = (unsigned)rand_r(&seed) % 128, to = from + (unsigned)rand_r(&seed) % (129 - from);
            assert_true(hub_ranges_add(&r, from, to));
            memset(table + from, 1, to - from);
        }
        uint64_t bytes = 0, at = 0;
        for (size_t i = 0; i < sizeof(table); i++) {
            bytes += (uint64_t)table[i];
        }
        while (at < sizeof(table) && table[at] == 1) {
            at++;
        }
        struct hub_range hole = {0};
        assert_int_equal(hub_ranges_bytes(&r), bytes);
        assert_int_equal(hub_ranges_prefix(&r), at);
        assert_int_equal(hub_ranges_hole(&r, sizeof(table), 1, &hole), at < sizeof(table));
        assert_int_equal(hole.from, at < sizeof(table) ? at : 0);
    }
}

int main(void)
{
    return TEST_RUN(TEST_OF(ranges_add_joins_what_touches), TEST_OF(ranges_prefix_and_bytes),
                    TEST_OF(ranges_hole_is_the_first_one), TEST_OF(ranges_are_bounded),
                    TEST_OF(ranges_agree_with_a_table_of_bytes));
}
