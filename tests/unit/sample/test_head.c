#include <math.h>
#include <stdlib.h>

#include "sample/head.h"
#include "sample/random.h"
#include "support/test.h"

#define N 20000u

static float row[N];
static bool found[N];

static void fill(uint32_t n, int kind)
{
    struct sample_random random = {n};
    for (uint32_t i = 0; i < n; i++) {
        float x = (float)(20 * sample_random_unit(&random));
        row[i] = kind == 0 ? x : kind == 1 ? roundf(x) : kind == 2 ? (float)i : kind == 3 ? -(float)i : 1.0f;
    }
    row[n / 3] = NAN;
}

/* No token that was left out comes before one that was found, and k or more were found. */
static void expect_head(const struct sample_head *h, uint32_t n, uint32_t k)
{
    float least = INFINITY;
    memset(found, 0, sizeof(found));
    for (uint32_t i = 0; i < h->count; i++) {
        assert_true(i == 0 || h->id[i] > h->id[i - 1]);
        assert_true(h->x[i] == row[h->id[i]]);
        found[h->id[i]] = true;
        least = fminf(least, h->x[i]);
    }
    assert_true(h->count >= KIT_MIN(k, n - 1));
    bool skipped_equal = false;
    for (uint32_t i = 0; i < n; i++) {
        assert_false(!found[i] && row[i] > least);
        assert_false(found[i] && row[i] == least && skipped_equal);
        skipped_equal = skipped_equal || (!found[i] && row[i] == least);
    }
}

TEST(head_finds_the_k_largest_and_of_equals_the_first)
{
    static const uint32_t counts[] = {2, 100, 128, 4000, N};
    static const uint32_t ks[] = {1, 2, 20, 40};
    for (size_t i = 0; i < KIT_COUNT(counts) * KIT_COUNT(ks) * 5; i++) {
        uint32_t n = counts[i / 5 / KIT_COUNT(ks)];
        uint32_t k = ks[i / 5 % KIT_COUNT(ks)];
        struct sample_head h;
        fill(n, (int)(i % 5));
        assert_ok(sample_head_init(&h, sample_rows_best(), n));
        sample_head_look(&h, row);
        if (sample_head_find(&h, row, k)) {
            expect_head(&h, n, k);
        } else {
            assert_true((k - 1) * SAMPLE_BLOCK + k > SAMPLE_HEAD_ROOM || k > h.blocks);
        }
        sample_head_done(&h);
    }
}

TEST(head_finds_all_from_a_floor_and_says_when_they_are_too_many)
{
    struct sample_head h;
    fill(N, 2);
    assert_ok(sample_head_init(&h, sample_rows_best(), N));
    sample_head_look(&h, row);
    assert_true(sample_head_find_from(&h, row, (float)(N - SAMPLE_HEAD_ROOM)));
    assert_int_equal(h.count, SAMPLE_HEAD_ROOM);
    assert_false(sample_head_find_from(&h, row, (float)(N - SAMPLE_HEAD_ROOM - 1)));
    sample_head_done(&h);
}

TEST(head_tells_the_largest_and_where_it_first_is)
{
    struct sample_head h;
    fill(N, 4);
    row[7777] = row[7778] = row[19999] = 5;
    assert_ok(sample_head_init(&h, sample_rows_best(), N));
    assert_true(sample_head_look(&h, row) == 5.0f);
    assert_int_equal(sample_head_first(&h, row, 5), 7777);
    sample_head_done(&h);
}

TEST(head_survives_each_failed_alloc)
{
    TEST_ALLOC_SWEEP(n) {
        struct sample_head h;
        enum kit_status rc = sample_head_init(&h, sample_rows_best(), 1000);
        assert_true(rc == KIT_OK ? h.block != NULL : rc == KIT_NOMEM && h.block == NULL);
        sample_head_done(&h);
    }
}

int main(void)
{
    return TEST_RUN(TEST_OF(head_finds_the_k_largest_and_of_equals_the_first),
                    TEST_OF(head_finds_all_from_a_floor_and_says_when_they_are_too_many),
                    TEST_OF(head_tells_the_largest_and_where_it_first_is), TEST_OF(head_survives_each_failed_alloc));
}
