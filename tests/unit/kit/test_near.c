#include "kit/near.h"

#include "support/test.h"

static const char *nearest(const char *wanted)
{
    static const char *const words[] = {"status", "restart", "logs", "down", "up"};
    struct kit_near near = {.wanted = kit_str_c(wanted)};
    for (size_t i = 0; i < KIT_COUNT(words); i++) {
        kit_near_offer(&near, words[i]);
    }
    return near.best;
}

TEST(near_counts_the_changes_between_two_words)
{
    assert_int_equal(kit_near_distance(kit_str_lit("kitten"), kit_str_lit("sitting"), 9), 3);
    assert_int_equal(kit_near_distance(kit_str_lit(""), kit_str_lit("abc"), 9), 3);
    assert_int_equal(kit_near_distance(kit_str_lit("same"), kit_str_lit("same"), 9), 0);
}

/* The whole table, for comparison. */
static uint32_t plain_distance(const char *a, const char *b)
{
    uint32_t cost[64][64];
    size_t n = strlen(a), m = strlen(b);
    for (size_t i = 0; i <= n; i++) {
        for (size_t j = 0; j <= m; j++) {
            if (i == 0 || j == 0) {
                cost[i][j] = (uint32_t)(i + j);
                continue;
            }
            uint32_t best = cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            best = KIT_MIN(best, cost[i - 1][j] + 1);
            cost[i][j] = KIT_MIN(best, cost[i][j - 1] + 1);
        }
    }
    return cost[n][m];
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 16;
}

static void random_word(uint32_t *state, char word[16])
{
    size_t len = next_random(state) % 15;
    for (size_t i = 0; i < len; i++) {
        word[i] = (char)('a' + next_random(state) % 3);
    }
    word[len] = '\0';
}

TEST(near_distance_agrees_with_the_whole_table_up_to_the_limit)
{
    uint32_t state = 7;
    for (int round = 0; round < 20000; round++) {
        char a[16], b[16];
        random_word(&state, a);
        random_word(&state, b);
        uint32_t most = next_random(&state) % 9;
        uint32_t expected = KIT_MIN(plain_distance(a, b), most + 1);
        assert_int_equal(kit_near_distance(kit_str_c(a), kit_str_c(b), most), expected);
    }
}

TEST(near_distance_does_not_mind_capitals)
{
    assert_int_equal(kit_near_distance(kit_str_lit("MiniLM"), kit_str_lit("minilm"), 2), 0);
}

TEST(near_offers_the_word_that_was_meant)
{
    assert_string_equal(nearest("staus"), "status");
    assert_string_equal(nearest("log"), "logs");
    assert_string_equal(nearest("restrat"), "restart");
}

TEST(near_offers_nothing_when_more_than_half_would_change)
{
    assert_null(nearest("zebra"));
    assert_null(nearest(""));
}

TEST(near_leaves_words_beyond_its_limit_alone)
{
    char word[KIT_NEAR_BYTES_MAX + 2];
    memset(word, 'a', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    struct kit_near near = {.wanted = kit_str_c(word)};
    kit_near_offer(&near, word);
    assert_null(near.best);
    near.wanted = kit_str_lit("aa");
    kit_near_offer(&near, word);
    assert_null(near.best);
}

int main(void)
{
    return TEST_RUN(TEST_OF(near_counts_the_changes_between_two_words),
                    TEST_OF(near_distance_agrees_with_the_whole_table_up_to_the_limit),
                    TEST_OF(near_distance_does_not_mind_capitals), TEST_OF(near_offers_the_word_that_was_meant),
                    TEST_OF(near_offers_nothing_when_more_than_half_would_change),
                    TEST_OF(near_leaves_words_beyond_its_limit_alone));
}
