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
    assert_int_equal(kit_near_distance(kit_str_lit("kitten"), kit_str_lit("sitting")), 3);
    assert_int_equal(kit_near_distance(kit_str_lit(""), kit_str_lit("abc")), 3);
    assert_int_equal(kit_near_distance(kit_str_lit("same"), kit_str_lit("same")), 0);
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
    return TEST_RUN(TEST_OF(near_counts_the_changes_between_two_words), TEST_OF(near_offers_the_word_that_was_meant),
                    TEST_OF(near_offers_nothing_when_more_than_half_would_change),
                    TEST_OF(near_leaves_words_beyond_its_limit_alone));
}
