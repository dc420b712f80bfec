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
    return TEST_RUN(TEST_OF(id_segment_may_not_leave_the_folder_or_confuse), TEST_OF(id_offer_keeps_the_nearest),
                    TEST_OF(id_offer_finds_a_name_without_its_organisation));
}
