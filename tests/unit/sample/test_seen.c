#include "sample/random.h"
#include "sample/seen.h"
#include "support/test.h"

#define VOCAB 50u
#define STEPS 3000u

static uint32_t count_of(const struct sample_seen *s, int32_t token)
{
    for (uint32_t i = 0; i < s->entry_count; i++) {
        if (s->entry[i].token == token) {
            return s->entry[i].count;
        }
    }
    return 0;
}

static void expect_window(const struct sample_seen *s, const int32_t *all, uint32_t count, uint32_t window)
{
    uint32_t want[VOCAB] = {0};
    for (uint32_t i = count > window ? count - window : 0; i < count; i++) {
        want[all[i]]++;
    }
    for (uint32_t token = 0; token < VOCAB; token++) {
        assert_int_equal(count_of(s, (int32_t)token), want[token]);
    }
}

static void try_window(uint32_t window)
{
    static int32_t all[STEPS];
    struct sample_seen s;
    struct sample_random random = {window};
    assert_ok(sample_seen_init(&s, window, VOCAB));
    for (uint32_t i = 0; i < STEPS; i++) {
        all[i] = (int32_t)(sample_random_bits(&random) % VOCAB);
        sample_seen_add(&s, all[i]);
        expect_window(&s, all, i + 1, window);
    }
    sample_seen_done(&s);
}

TEST(seen_counts_what_a_count_by_hand_counts)
{
    static const uint32_t windows[] = {1, 2, 7, 24, 25, 26, 64, STEPS, 5 * STEPS};
    for (size_t i = 0; i < KIT_COUNT(windows); i++) {
        try_window(windows[i]);
    }
}

TEST(seen_survives_each_failed_alloc)
{
    TEST_ALLOC_SWEEP(n) {
        struct sample_seen s;
        enum kit_status rc = sample_seen_init(&s, 10, VOCAB);
        assert_true(rc == KIT_OK ? s.ring != NULL : rc == KIT_NOMEM && s.ring == NULL);
        sample_seen_done(&s);
    }
}

int main(void)
{
    return TEST_RUN(TEST_OF(seen_counts_what_a_count_by_hand_counts), TEST_OF(seen_survives_each_failed_alloc));
}
