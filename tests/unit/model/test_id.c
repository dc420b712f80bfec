#include "model/id.h"
#include "support/test.h"

TEST(id_segment_may_not_leave_the_folder_or_confuse)
{
    const char *good[] = {"all-MiniLM-L6-v2", "name_1.5", "...", "x"};
    const char *bad[] = {"", "/", "a/b", ".", "..", "a b", "a\nb", "a\\b", "\xc3\xa4", "a%2fb"};
    for (size_t i = 0; i < KIT_COUNT(good); i++) {
        assert_true(model_id_is_segment(kit_str_c(good[i])));
    }
    for (size_t i = 0; i < KIT_COUNT(bad); i++) {
        assert_false(model_id_is_segment(kit_str_c(bad[i])));
    }
    assert_false(model_id_is_segment((kit_str){"a\0b", 3}));
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

TEST(id_distance_agrees_with_the_whole_table_up_to_the_limit)
{
    uint32_t state = 7;
    for (int round = 0; round < 20000; round++) {
        char a[16], b[16];
        random_word(&state, a);
        random_word(&state, b);
        uint32_t most = next_random(&state) % (MODEL_ID_DISTANCE_MAX + 1);
        uint32_t expected = KIT_MIN(plain_distance(a, b), most + 1);
        assert_int_equal(model_id_distance(kit_str_c(a), kit_str_c(b), most), expected);
    }
}

TEST(id_distance_does_not_mind_capitals)
{
    assert_int_equal(model_id_distance(kit_str_lit("MiniLM"), kit_str_lit("minilm"), 2), 0);
}

TEST(id_offer_keeps_the_nearest)
{
    struct model_id_nearest n = {.wanted = kit_str_lit("all-minilm-l6-v3")};
    model_id_offer(&n, kit_str_lit("gemma-3-270m"));
    assert_string_equal(n.best, "");
    model_id_offer(&n, kit_str_lit("all-MiniLM-L12-v2"));
    assert_string_equal(n.best, "all-MiniLM-L12-v2");
    model_id_offer(&n, kit_str_lit("all-MiniLM-L6-v2"));
    model_id_offer(&n, kit_str_lit("all-mpnet-base-v2"));
    assert_string_equal(n.best, "all-MiniLM-L6-v2");
}

TEST(id_offer_finds_a_name_without_its_organisation)
{
    struct model_id_nearest n = {.wanted = kit_str_lit("gemma-3-270m")};
    model_id_offer(&n, kit_str_lit("google/gemma-3-270m"));
    assert_string_equal(n.best, "google/gemma-3-270m");
}

int main(void)
{
    return TEST_RUN(TEST_OF(id_segment_may_not_leave_the_folder_or_confuse),
                    TEST_OF(id_distance_agrees_with_the_whole_table_up_to_the_limit),
                    TEST_OF(id_distance_does_not_mind_capitals), TEST_OF(id_offer_keeps_the_nearest),
                    TEST_OF(id_offer_finds_a_name_without_its_organisation));
}
